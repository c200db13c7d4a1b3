//! `waypost show ospf` and `waypost ospf`: what is asked of OSPF and how it is shown.

mod layout;
mod picture;
mod render;
#[cfg(test)]
mod tests;

use clap::{Args, Subcommand};
use serde_json::Value;
use waypost_api::client::{encode, query};

use crate::fault::Fault;
use crate::router::Router;
use crate::sheet::Sheet;

/// What to show of OSPF.
#[derive(Debug, Subcommand)]
pub(crate) enum Show {
    /// The link state database
    #[command(
        after_help = "Examples:\n  waypost show ospf database\n  waypost show ospf database --detail --type router\n  waypost show ospf database --area 0 --router 10.0.0.1"
    )]
    Database(Database),
    /// The interfaces OSPF is on
    Interfaces,
    /// Area border and AS boundary routers, and the way there
    Borders,
    /// The last calculations of routes: when, why, and what they changed
    SpfLog,
    /// The routers and networks of areas with their distances, or a picture of them
    #[command(
        after_help = "Examples:\n  waypost show ospf graph\n  waypost show ospf graph --area 0 --svg > area0.svg\n  waypost show ospf graph --dot | dot -Tpdf > areas.pdf"
    )]
    Graph(Graph),
    /// The shortest path to an address or prefix, router by router
    #[command(
        after_help = "Examples:\n  waypost show ospf path 10.1.2.3\n  waypost show ospf path 10.1.0.0/16"
    )]
    Path {
        /// An IPv4 address or prefix
        prefix: String,
    },
}

/// Which LSAs, and how much of them.
#[derive(Debug, Args)]
pub(crate) struct Database {
    /// What each LSA says as well
    #[arg(long)]
    detail: bool,
    /// Only those of this area
    #[arg(long)]
    area: Option<String>,
    /// Only those of this type: router, network, summary, asbr-summary, as-external, nssa-external, ...
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only those with this identifier
    #[arg(long, value_name = "ADDRESS")]
    link_state_id: Option<String>,
    /// Only those this router says
    #[arg(long, value_name = "ROUTER-ID")]
    router: Option<String>,
}

/// Which area, and in which form.
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// Only this area; a picture has one
    #[arg(long)]
    area: Option<String>,
    /// In the language of Graphviz
    #[arg(long, conflicts_with = "svg")]
    dot: bool,
    /// As a picture
    #[arg(long)]
    svg: bool,
}

/// What to do with OSPF.
#[derive(Debug, Subcommand)]
pub(crate) enum Ospf {
    /// Say which routes would move if links cost something else; change nothing
    #[command(
        after_help = "Examples:\n  waypost ospf simulate --cost eth0=50\n  waypost ospf simulate --cost eth0=65535 --cost eth1=10"
    )]
    Simulate {
        /// An interface and what it is to cost, 1..=65535
        #[arg(long = "cost", required = true, value_name = "INTERFACE=COST")]
        costs: Vec<String>,
    },
}

/// The text, or the answer itself.
pub(crate) enum Answer {
    Text(String),
    Json(Value),
}

/// Runs `show ospf`.
pub(crate) fn show(sheet: &Sheet, router: &mut Router, show: &Show, json: bool) -> Result<Answer, Fault> {
    let answer = match show {
        Show::Database(database) => {
            let arguments = [
                ("area", &database.area),
                ("type", &database.kind),
                ("link-state-id", &database.link_state_id),
                ("router", &database.router),
            ];
            let given = arguments
                .iter()
                .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
            report(router, "lsas", given)?
        }
        Show::Interfaces => report(router, "interfaces", [])?,
        Show::Borders => report(router, "borders", [])?,
        Show::SpfLog => report(router, "calculations", [])?,
        Show::Graph(graph) => report(router, "graph", graph.area.as_deref().map(|area| ("area", area)))?,
        Show::Path { prefix } => report(router, "path", [("prefix", prefix.as_str())])?,
    };
    if json {
        return Ok(Answer::Json(answer));
    }
    Ok(Answer::Text(match show {
        Show::Database(database) => render::lsas(sheet, &answer, database.detail),
        Show::Interfaces => render::interfaces(sheet, &answer),
        Show::Borders => render::borders(sheet, &answer),
        Show::SpfLog => render::calculations(sheet, &answer),
        Show::Graph(Graph { dot: true, .. }) => picture::dot(&answer),
        Show::Graph(Graph { svg: true, .. }) => picture::svg(&answer)?,
        Show::Graph(_) => render::graph(sheet, &answer),
        Show::Path { prefix } => render::path(sheet, prefix, &answer),
    }))
}

/// Runs `ospf`.
pub(crate) fn run(sheet: &Sheet, router: &mut Router, ospf: &Ospf, json: bool) -> Result<Answer, Fault> {
    let Ospf::Simulate { costs } = ospf;
    let answer = report(router, "simulate", [("costs", costs.join(",").as_str())])?;
    Ok(if json {
        Answer::Json(answer)
    } else {
        Answer::Text(render::simulation(sheet, &answer))
    })
}

/// How OSPF comes to its path to a destination; nothing when it has none.
pub(crate) fn reasons(sheet: &Sheet, router: &mut Router, prefix: &str) -> Option<String> {
    let answer = report(router, "path", [("prefix", prefix)]).ok()?;
    (!answer.is_null()).then(|| render::path(sheet, prefix, &answer))
}

fn report<'a>(
    router: &mut Router,
    name: &str,
    arguments: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Value, Fault> {
    router.get(&query(
        &format!("/v1/protocols/ospf/reports/{}", encode(name)),
        arguments,
    ))
}
