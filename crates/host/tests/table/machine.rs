//! A machine with two links and a routing table, and the kernel's routes as text.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use waypost_fib::{Installation, Statistics};
use waypost_host::table::{self, TableHandle, TableOptions};
use waypost_manager::{Interface, InterfaceChange};
use waypost_netlink::constants::AF_UNSPEC;
use waypost_netlink::{Body, LinkFlags, Query};
use waypost_routprot::InterfaceType;
use waypost_sys::interface;
use waypost_sys::netlink::Client;
use waypost_testkit::{Lab, Node, wait_for};
use waypost_types::{
    InterfaceIndex, NextHop, PathId, Prefix, ProtocolId, Route, RouteChange, RouteKind, Seed,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The lowest id of our objects.
pub(crate) const FIRST_ID: u32 = waypost_fib::FIRST_ID;

/// The restart time is never waited for unless a test is about it.
pub(crate) fn options() -> TableOptions {
    TableOptions::new(Duration::from_secs(3600), Seed(1))
}

/// Links and addresses: `left` has 10.0.1.1/24 and fd00:1::1/64, `right` 10.0.2.1/24 and fd00:2::1/64. What is at their
/// other ends has .2 and ::2.
pub(crate) struct Machine {
    pub(crate) node: Node,
    pub(crate) far: Node,
    pub(crate) left: InterfaceIndex,
    pub(crate) right: InterfaceIndex,
}

impl Machine {
    pub(crate) fn new(lab: &Lab) -> Result<Self> {
        let (node, far) = (lab.node("machine")?, lab.node("far")?);
        for (side, net) in [("left", 1), ("right", 2)] {
            let near = format!("10.0.{net}.1/24");
            let there = format!("10.0.{net}.2/24");
            lab.link((&node, side, &near), (&far, &format!("{side}-far"), &there))?;
            let address = format!("fd00:{net}::1/64");
            node.ip(&["address", "add", &address, "dev", side, "nodad"])?;
        }
        let machine = Self::of(node, far)?;
        machine.await_carrier("left", true)?;
        machine.await_carrier("right", true)?;
        Ok(machine)
    }

    fn of(node: Node, far: Node) -> Result<Self> {
        let index =
            |name: &'static str| -> Result<InterfaceIndex> { Ok(node.inside(|| interface::index(name))??) };
        let (left, right) = (index("left")?, index("right")?);
        Ok(Self {
            node,
            far,
            left,
            right,
        })
    }

    /// Runs `ip` with these words.
    pub(crate) fn ip(&self, words: &str) -> Result<String> {
        self.node.ip(&words.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn ip_json(&self, words: &str) -> Result<Vec<Value>> {
        let text = self.ip(&format!("-j {words}"))?;
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_str(&text).with_context(|| format!("ip {words} printed {text}"))
    }

    pub(crate) fn await_carrier(&self, side: &str, there: bool) -> Result<()> {
        wait_for(PATIENCE, &format!("carrier of {side} is {there}"), || {
            let text = self
                .ip(&format!("link show {side}"))
                .map_err(|error| error.to_string())?;
            if text.contains("LOWER_UP") == there {
                Ok(())
            } else {
                Err(text)
            }
        })
    }

    /// Cuts the carrier of a link, or mends it; returns when the kernel knows.
    pub(crate) fn set_carrier(&self, side: &str, there: bool) -> Result<()> {
        self.far.set_link(&format!("{side}-far"), there)?;
        self.await_carrier(side, there)
    }

    /// Starts a routing table that knows the links.
    pub(crate) fn start(&self, options: TableOptions) -> Result<Table<'_>> {
        let table = Table {
            machine: self,
            handle: self
                .node
                .inside(|| table::spawn(options, |reason| panic!("{reason}")))??,
        };
        table.tell_links()?;
        Ok(table)
    }

    /// A next hop; no gateway if that is empty.
    pub(crate) fn hop(&self, gateway: &str) -> NextHop {
        let interface = if gateway.starts_with("10.0.1.") || gateway.starts_with("fd00:1:") {
            self.left
        } else {
            self.right
        };
        NextHop::via(gateway.parse().unwrap(), interface)
    }

    /// A route through gateways that these addresses tell.
    pub(crate) fn via(&self, gateways: &[&str]) -> Route {
        Route {
            kind: RouteKind::Unicast,
            next_hops: gateways.iter().map(|gateway| self.hop(gateway)).collect(),
            metric: 1,
            tag: 0,
            preference: None,
        }
    }

    /// All routes of the main tables but the kernel's own, sorted.
    pub(crate) fn routes(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for family in ["-4", "-6"] {
            let found = self.ip_json(&format!("-d {family} route show table main"))?;
            let others = found.iter().filter(|route| route["protocol"] != "kernel");
            all.extend(others.map(describe));
        }
        all.sort_unstable();
        Ok(all)
    }

    /// Waits until just these routes are there, beside the kernel's own.
    pub(crate) fn expect(&self, wanted: &[&str]) -> Result<()> {
        let mut wanted: Vec<String> = wanted.iter().map(|line| (*line).to_owned()).collect();
        wanted.sort_unstable();
        let what = format!("the routes are:\n{}", wanted.join("\n"));
        wait_for(PATIENCE, &what, || {
            let found = self.routes().map_err(|error| format!("{error:#}"))?;
            if found == wanted {
                Ok(())
            } else {
                Err(found.join("\n"))
            }
        })
    }

    /// The ids of objects in our range, in order.
    pub(crate) fn object_ids(&self) -> Result<Vec<u32>> {
        let all = self.ip_json("nexthop show")?;
        let mut ids: Vec<u32> = all
            .iter()
            .filter_map(|object| u32::try_from(object["id"].as_u64()?).ok())
            .filter(|id| (FIRST_ID..=waypost_fib::LAST_ID).contains(id))
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The object that the route to a destination names.
    pub(crate) fn object_of(&self, destination: &str) -> Result<u32> {
        let family = if destination.contains(':') { "-6" } else { "-4" };
        let routes = self.ip_json(&format!("{family} route show {destination}"))?;
        let id = routes.iter().find_map(|route| route["nhid"].as_u64());
        Ok(u32::try_from(id.with_context(|| {
            format!("{destination} names no object: {routes:?}")
        })?)?)
    }

    /// Waits until no object in our range is there.
    pub(crate) fn expect_no_objects(&self) -> Result<()> {
        wait_for(PATIENCE, "our objects are gone", || match self.object_ids() {
            Ok(ids) if ids.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }
}

/// One route as `ip` shows it, in one line that does not depend on how it is held.
fn describe(route: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut line = String::new();
    match route["type"].as_str() {
        Some("unicast") | None => {}
        Some(kind) => line = format!("{kind} "),
    }
    line += &text(&route["dst"]);
    if !route["tos"].is_null() {
        line += &format!(" tos {}", text(&route["tos"]));
    }
    line += &format!(
        " proto {} metric {}",
        text(&route["protocol"]),
        route["metric"].as_u64().unwrap_or(0)
    );
    let hop = |hop: &Value| {
        let mut line = String::new();
        let gateway = hop["gateway"].as_str().or_else(|| hop["via"]["host"].as_str());
        if let Some(gateway) = gateway {
            line += &format!(" via {gateway}");
        }
        if let Some(device) = hop["dev"].as_str() {
            line += &format!(" dev {device}");
        }
        if let Some(weight) = hop["weight"].as_u64().filter(|weight| *weight > 1) {
            line += &format!(" weight {weight}");
        }
        for flag in hop["flags"].as_array().into_iter().flatten() {
            line += &format!(" {}", text(flag));
        }
        line
    };
    let drops = route["type"].as_str().is_some_and(|kind| kind != "unicast");
    match route["nexthops"].as_array() {
        Some(hops) => {
            let mut hops: Vec<String> = hops.iter().map(hop).collect();
            hops.sort_unstable();
            line + &hops.concat()
        }
        // The device of a route that drops packets says nothing.
        None if drops => line,
        None => line + &hop(route),
    }
}

/// A routing table that runs on a machine.
pub(crate) struct Table<'a> {
    machine: &'a Machine,
    pub(crate) handle: TableHandle,
}

impl Table<'_> {
    /// Tells it of the links as they are, as the manager does when the kernel has news of them.
    pub(crate) fn tell_links(&self) -> Result<()> {
        let interfaces = self.machine.node.inside(interfaces)??;
        let present = interfaces.into_iter().map(InterfaceChange::Present);
        self.handle.interfaces(present.collect());
        Ok(())
    }

    /// Sets routes of RIP, and waits until the kernel has them or has refused them.
    pub(crate) fn set(&self, routes: &[(&str, Route)]) {
        self.set_of(ProtocolId::RIP, routes);
    }

    pub(crate) fn set_of(&self, protocol: ProtocolId, routes: &[(&str, Route)]) {
        self.change(protocol, routes);
        self.handle.settled();
    }

    /// Does not wait.
    pub(crate) fn change(&self, protocol: ProtocolId, routes: &[(&str, Route)]) {
        let set = routes.iter().map(|(prefix, route)| RouteChange::Set {
            prefix: prefix.parse().unwrap(),
            path: PathId(0),
            route: route.clone(),
        });
        self.handle.batch(protocol, set.collect());
    }

    /// Takes routes of RIP back.
    pub(crate) fn delete(&self, prefixes: &[&str]) {
        let deleted = prefixes.iter().map(|prefix| RouteChange::Delete {
            prefix: prefix.parse().unwrap(),
            path: PathId(0),
        });
        self.handle.batch(ProtocolId::RIP, deleted.collect());
        self.handle.settled();
    }

    pub(crate) fn statistics(&self) -> Result<Statistics> {
        self.handle
            .ask(|view| *view.fib.statistics())
            .context("the table has ended")
    }

    pub(crate) fn installation(&self, prefix: &str) -> Result<Option<Installation>> {
        let prefix: Prefix = prefix.parse()?;
        self.handle
            .ask(move |view| view.fib.installation(prefix))
            .context("the table has ended")
    }

    /// Waits until a destination is said to have failed for a reason that contains `reason`.
    pub(crate) fn expect_failure(&self, prefix: &str, reason: &str) -> Result<()> {
        let what = format!("{prefix} failed: {reason}");
        wait_for(PATIENCE, &what, || match self.installation(prefix) {
            Ok(Some(Installation::Failed { failure, .. })) if failure.text.contains(reason) => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// Waits until a destination is said to be installed.
    pub(crate) fn expect_installed(&self, prefix: &str) -> Result<()> {
        wait_for(PATIENCE, &format!("{prefix} is installed"), || {
            match self.installation(prefix) {
                Ok(Some(Installation::Installed)) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    /// Stops the table's thread for as long as `meanwhile` takes, as if the machine were busy elsewhere: what happens
    /// then is read when all of it has happened.
    pub(crate) fn hold<T>(&self, meanwhile: impl FnOnce() -> Result<T>) -> Result<T> {
        let (held, is_held) = crossbeam_channel::bounded::<()>(0);
        let (release, released) = crossbeam_channel::bounded::<()>(0);
        self.handle.query(Box::new(move |_| {
            // Either end going away ends the wait.
            let _ = held.send(());
            let _ = released.recv();
        }));
        if is_held.recv().is_err() {
            bail!("the table has ended");
        }
        let outcome = meanwhile();
        drop(release);
        outcome
    }
}

/// The kernel's interfaces, as the manager knows them.
fn interfaces() -> Result<Vec<Interface>> {
    let mut client = Client::open()?;
    let mut found: Vec<Interface> = Vec::new();
    for message in client.query(&Query::Links)? {
        let Body::NewLink(link) = message.body else {
            continue;
        };
        found.push(Interface {
            index: link.index,
            name: link.name.unwrap_or_default(),
            kind: link.kind.unwrap_or_default(),
            connection: InterfaceType::Permanent,
            mtu: link.mtu.unwrap_or_default(),
            speed: 0,
            up: link.flags.contains(LinkFlags::UP),
            carrier: link.carrier.unwrap_or(true),
            mac: String::new(),
            addresses: Vec::new(),
            addresses6: Vec::new(),
            remote: None,
        });
    }
    for message in client.query(&Query::Addresses(AF_UNSPEC))? {
        let Body::NewAddress(address) = message.body else {
            continue;
        };
        let Some(interface) = found
            .iter_mut()
            .find(|interface| interface.index == address.interface)
        else {
            continue;
        };
        match address.local {
            IpAddr::V4(local) => interface.addresses.push((local, address.prefix_length)),
            IpAddr::V6(local) => interface.addresses6.push((local, address.prefix_length)),
        }
    }
    Ok(found)
}

/// A route that drops packets.
pub(crate) fn drops(kind: RouteKind) -> Route {
    Route {
        kind,
        next_hops: [].into_iter().collect(),
        metric: 1,
        tag: 0,
        preference: None,
    }
}
