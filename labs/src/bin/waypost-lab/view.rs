//! The three routers side by side: interfaces, neighbours, and the way to every network.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use serde_json::Value;
use waypost_testkit::Router;

/// Width of the first column and of each router's.
const FIRST: usize = 17;
const COLUMN: usize = 20;

/// What one router says of itself.
pub(crate) struct Sight {
    pub(crate) name: String,
    interfaces: Vec<String>,
    neighbors: Vec<String>,
    /// The best route to each network.
    pub(crate) routes: BTreeMap<String, Way>,
}

/// A way to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) owner: String,
    pub(crate) gateway: Option<String>,
    pub(crate) interface: String,
    pub(crate) metric: u64,
    pub(crate) in_kernel: bool,
}

impl Way {
    /// Such as `10.0.23.3 to-r3 2`: next hop, interface, metric.
    pub(crate) fn short(&self) -> String {
        match &self.gateway {
            Some(gateway) => format!("{gateway} {} {}", self.interface, self.metric),
            None => format!("{} {}", self.owner, self.interface),
        }
    }
}

/// Asks a router with its own command line.
fn ask(router: &Router, what: &str) -> Result<Value> {
    let text = router.command(&["--json", "show", what])?;
    serde_json::from_str(&text).with_context(|| format!("show {what}: {text}"))
}

fn rows(answer: &Value) -> &[Value] {
    let rows = answer.get("rows").unwrap_or(answer);
    rows.as_array().map_or(&[], Vec::as_slice)
}

fn text(row: &Value, key: &str) -> String {
    row.get(key).and_then(Value::as_str).unwrap_or("?").to_owned()
}

/// What a router says now.
pub(crate) fn look(router: &Router) -> Result<Sight> {
    let up = |row: &&Value| row.get("up") == Some(&Value::Bool(true)) && text(row, "name") != "lo";
    let interfaces = rows(&ask(router, "interfaces")?)
        .iter()
        .filter(up)
        .map(|row| text(row, "name"))
        .collect();
    let mut neighbors: Vec<String> = rows(&ask(router, "neighbors")?)
        .iter()
        .map(|row| text(row, "address"))
        .collect();
    neighbors.sort_by_key(|address| address.parse::<Ipv4Addr>().ok());
    let best = |row: &&Value| row.get("best") == Some(&Value::Bool(true));
    let routes = rows(&ask(router, "routes")?)
        .iter()
        .filter(best)
        .map(|row| (text(row, "prefix"), way(row)))
        .collect();
    Ok(Sight {
        name: router.node().name().to_owned(),
        interfaces,
        neighbors,
        routes,
    })
}

fn way(row: &Value) -> Way {
    let hop = row
        .get("next-hops")
        .and_then(Value::as_array)
        .and_then(|hops| hops.first())
        .unwrap_or(&Value::Null);
    Way {
        owner: text(row, "owner"),
        gateway: hop.get("gateway").and_then(Value::as_str).map(str::to_owned),
        interface: text(hop, "interface"),
        metric: row.get("metric").and_then(Value::as_u64).unwrap_or(0),
        in_kernel: text(row, "installed") == "yes",
    }
}

/// Routers side by side. `title` stands in the corner.
pub(crate) fn table(title: &str, sights: &[Sight]) -> String {
    let mut text = String::new();
    let mut row = |first: &str, cells: &[String]| {
        let mut line = format!("  {first:FIRST$}");
        for cell in cells {
            let _ = write!(line, " {cell:COLUMN$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    let all = |cell: &dyn Fn(&Sight) -> String| sights.iter().map(cell).collect::<Vec<_>>();
    row(title, &all(&|sight| sight.name.clone()));
    row("interfaces up", &all(&|sight| sight.interfaces.join(" ")));
    // One line for as many neighbours as the busiest router has.
    let most = sights
        .iter()
        .map(|sight| sight.neighbors.len())
        .max()
        .unwrap_or(0);
    for number in 0..most.max(1) {
        let first = if number == 0 { "neighbours" } else { "" };
        row(
            first,
            &all(&|sight| sight.neighbors.get(number).cloned().unwrap_or_default()),
        );
    }
    let mut networks: Vec<&String> = sights.iter().flat_map(|sight| sight.routes.keys()).collect();
    networks.sort();
    networks.dedup();
    for network in networks {
        row(
            network,
            &all(&|sight| match sight.routes.get(network) {
                Some(way) => way.short(),
                None => "-".to_owned(),
            }),
        );
    }
    text
}
