//! `router ospf`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};
use waypost_types::Prefix4;

use super::{Chained, Done, Line, Reader, Reason, Redistributed, network, number};
use crate::words::area;

/// FRR's reference bandwidth, in megabits a second.
const REFERENCE: u64 = 100_000;

/// What can only be translated when all interfaces are known.
#[derive(Default)]
pub(super) struct Pending<'t> {
    runs: bool,
    networks: Vec<(Line<'t>, Prefix4, String)>,
    interfaces: BTreeSet<String>,
    passive: BTreeMap<String, bool>,
    passive_by_default: bool,
    chains: Vec<Chained<'t>>,
    neighbors: Vec<Neighbor<'t>>,
    areas: BTreeMap<String, Map<String, Value>>,
    /// Entries of redistribute, each with the route map that it names.
    redistributed: Vec<Redistributed<'t>>,
    reference: Option<u64>,
}

/// A neighbour, whose interface is found by its address.
struct Neighbor<'t> {
    line: Line<'t>,
    address: Ipv4Addr,
    entry: Map<String, Value>,
    poll: Option<u64>,
}

impl<'t> Pending<'t> {
    /// OSPF runs on it, by a line of its own.
    pub(super) fn on_interface(&mut self, name: &str) {
        self.interfaces.insert(name.to_owned());
    }

    pub(super) fn chain(&mut self, interface: &str, chain: &str, line: &Line<'t>) {
        self.chains.push(Chained {
            line: line.clone(),
            interface: interface.to_owned(),
            chain: chain.to_owned(),
        });
    }
}

/// A source of routes by its name here.
pub(super) fn source(word: &str) -> Result<&'static str, Reason> {
    Ok(match word {
        "connected" => "connected",
        "static" => "static",
        "rip" => "rip",
        "ospf" => "ospf",
        "kernel" => return Err("routes that others put into the kernel are not known here".to_owned()),
        other => return Err(format!("there are no routes of {other} here")),
    })
}

const OSPF: [&str; 2] = ["protocols", "ospf"];

impl<'t> Reader<'t> {
    pub(super) fn begin_ospf(&mut self) {
        self.ospf.runs = true;
        self.tree.table(&OSPF);
    }

    pub(super) fn router_ospf(&mut self, line: &Line<'t>) -> Done {
        let option = |option: &'static str| [OSPF[0], OSPF[1], option];
        match line.words.as_slice() {
            ["ospf", "router-id", id] | ["router-id", id] => self.tree.set(&option("router-id"), *id),
            ["network", prefix, "area", name] => {
                let network = (line.clone(), network(prefix)?, area(name)?);
                self.ospf.networks.push(network);
            }
            ["passive-interface", "default"] => self.ospf.passive_by_default = true,
            ["passive-interface", name] => drop(self.ospf.passive.insert((*name).to_owned(), true)),
            ["no", "passive-interface", name] => drop(self.ospf.passive.insert((*name).to_owned(), false)),
            ["passive-interface" | "no", ..] => {
                return Err("an interface has one configuration here, whatever its addresses".to_owned());
            }
            ["area", name, rest @ ..] => return self.area_line(&area(name)?, rest),
            ["redistribute", from, rest @ ..] => {
                let mut entry = Map::new();
                entry.insert("source".to_owned(), json!(source(from)?));
                let policy = metrics(&mut entry, rest)?;
                self.ospf.redistributed.push(Redistributed {
                    line: line.clone(),
                    entry,
                    policy,
                });
            }
            ["default-information", "originate", rest @ ..] => {
                let always = rest.contains(&"always");
                let rest: Vec<&str> = rest.iter().copied().filter(|word| *word != "always").collect();
                if !rest.is_empty() {
                    return Err(format!(
                        "only originate-default = \"{}\" can be said; metric and type are those of a default route that is redistributed",
                        if always { "always" } else { "conditional" }
                    ));
                }
                let origin = if always { "always" } else { "conditional" };
                self.tree.set(&option("originate-default"), origin);
            }
            ["auto-cost", "reference-bandwidth", megabits] => self.ospf.reference = Some(number(megabits)?),
            ["timers", "throttle", "spf", delay, initial, most] => {
                let milliseconds = [number(delay)?, number(initial)?, number(most)?];
                for (name, value) in ["spf-initial-delay", "spf-short-delay", "spf-long-delay"]
                    .into_iter()
                    .zip(milliseconds)
                {
                    self.tree.set(&option(name), value);
                }
            }
            ["timers", "lsa", "min-arrival", milliseconds] => {
                self.tree.set(&option("minimum-arrival"), number(milliseconds)?);
            }
            ["timers", "throttle", "lsa", "all", milliseconds] => {
                self.tree.set(&option("originate-minimum"), number(milliseconds)?);
            }
            ["max-metric", "router-lsa", "administrative"] => self.tree.set(&option("stub-router"), true),
            ["max-metric", "router-lsa", "on-startup", seconds] => {
                self.tree.set(&option("stub-router-at-start"), number(seconds)?);
            }
            ["max-metric", "router-lsa", "on-shutdown", seconds] => {
                self.tree.set(&option("stub-router-at-stop"), number(seconds)?);
            }
            ["maximum-paths", paths] => self.tree.set(&option("maximum-paths"), number(paths)?),
            ["distance", distance] => self.tree.set(&option("preference"), number(distance)?),
            ["compatible", "rfc1583"] | ["ospf", "rfc1583compatibility"] => {
                self.tree.set(&option("rfc1583"), true);
            }
            ["capability", "opaque"] | ["ospf", "opaque-lsa"] => self.tree.set(&option("opaque"), true),
            ["router-info", ..] => self.tree.set(&option("router-information"), true),
            ["graceful-restart"] => self.tree.set(&option("graceful-restart"), true),
            ["graceful-restart", "grace-period", seconds] => {
                self.tree.set(&option("graceful-restart"), true);
                self.tree.set(&option("grace-period"), number(seconds)?);
            }
            ["graceful-restart", "helper", "enable"] => self.tree.set(&option("restart-helper"), true),
            ["graceful-restart", "helper", "strict-lsa-checking"] => {
                self.tree.set(&option("strict-lsa-checking"), true);
            }
            ["neighbor", address, rest @ ..] => {
                let address = address
                    .parse()
                    .map_err(|_| "a neighbour has an IPv4 address".to_owned())?;
                let (mut entry, mut poll) = (Map::new(), None);
                entry.insert("address".to_owned(), json!(address));
                let mut rest = rest.iter();
                while let Some(word) = rest.next() {
                    let value = number(rest.next().copied().unwrap_or_default())?;
                    match *word {
                        "priority" => drop(entry.insert("priority".to_owned(), json!(value))),
                        "poll-interval" => poll = Some(value),
                        other => return Err(format!("'{other}' is not understood")),
                    }
                }
                self.ospf.neighbors.push(Neighbor {
                    line: line.clone(),
                    address,
                    entry,
                    poll,
                });
            }
            ["log-adjacency-changes", ..] => {}
            ["mpls-te", ..] | ["segment-routing", ..] => return Err("not here".to_owned()),
            _ => return Err("not translated".to_owned()),
        }
        Ok(())
    }

    fn area_line(&mut self, area: &str, rest: &[&str]) -> Done {
        let about = self.ospf.areas.entry(area.to_owned()).or_default();
        let mut set = |name: &str, value: Value| drop(about.insert(name.to_owned(), value));
        match rest {
            ["stub"] => set("kind", json!("stub")),
            ["stub", "no-summary"] => {
                set("kind", json!("stub"));
                set("summaries", json!(false));
            }
            ["nssa", words @ ..] => {
                set("kind", json!("nssa"));
                let mut nssa = Map::new();
                let mut words = words.iter();
                while let Some(word) = words.next() {
                    match *word {
                        "no-summary" => set("summaries", json!(false)),
                        "translate-always" => drop(nssa.insert("translate".to_owned(), json!("always"))),
                        "translate-candidate" => {
                            drop(nssa.insert("translate".to_owned(), json!("candidate")));
                        }
                        "translate-never" => drop(nssa.insert("translate".to_owned(), json!("never"))),
                        "default-information-originate" => {
                            drop(nssa.insert("default-route".to_owned(), json!("2")));
                        }
                        "metric-type" => {
                            let kind = metric_type(words.next().copied().unwrap_or_default())?;
                            nssa.insert("default-route".to_owned(), json!(kind));
                        }
                        "metric" => set(
                            "default-cost",
                            json!(number(words.next().copied().unwrap_or_default())?),
                        ),
                        other => return Err(format!("'{other}' is not understood")),
                    }
                }
                if !nssa.is_empty() {
                    set("nssa", Value::Object(nssa));
                }
            }
            ["default-cost", cost] => set("default-cost", json!(number(cost)?)),
            ["authentication"] => set("authentication", json!("simple")),
            ["authentication", "message-digest"] => {
                return Err(
                    "say authentication = \"cryptographic\" for each interface of the area".to_owned(),
                );
            }
            ["range", prefix, words @ ..] => {
                let mut range = Map::new();
                range.insert("prefix".to_owned(), json!(network(prefix)?.to_string()));
                let mut words = words.iter();
                while let Some(word) = words.next() {
                    match *word {
                        "advertise" => {}
                        "not-advertise" => drop(range.insert("advertise".to_owned(), json!(false))),
                        "cost" => {
                            let cost = number(words.next().copied().unwrap_or_default())?;
                            range.insert("cost".to_owned(), json!(cost));
                        }
                        other => return Err(format!("'{other}' is not understood")),
                    }
                }
                let ranges = about.entry("ranges").or_insert_with(|| json!([]));
                if let Value::Array(ranges) = ranges {
                    ranges.push(Value::Object(range));
                }
            }
            ["virtual-link", id] => {
                let link = json!({ "transit-area": area, "router-id": id });
                self.tree.push(&[OSPF[0], OSPF[1], "virtual-links"], link);
            }
            ["virtual-link", ..] => {
                return Err("write the options of the link into protocols.ospf.virtual-links".to_owned());
            }
            ["shortcut" | "filter-list" | "export-list" | "import-list", ..] => {
                return Err("not here".to_owned());
            }
            _ => return Err("not translated".to_owned()),
        }
        Ok(())
    }

    pub(super) fn finish_ospf(&mut self) {
        let pending = std::mem::take(&mut self.ospf);
        if !pending.runs {
            return;
        }
        let mut interfaces = pending.interfaces;
        // The most specific network decides, as in FRR.
        let mut networks = pending.networks;
        networks.sort_by_key(|(_, network, _)| std::cmp::Reverse(network.length()));
        for (line, network, area) in networks {
            let inside = self.interfaces_in(network);
            if inside.is_empty() {
                self.leave(
                    &line,
                    format!("no interface is known with an address in it (--addresses): write [interfaces.NAME.ospf] with area = \"{area}\""),
                );
            }
            for name in inside {
                if interfaces.insert(name.clone()) {
                    self.tree
                        .set(&["interfaces", &name, "ospf", "area"], area.as_str());
                }
            }
        }
        for (name, passive) in &pending.passive {
            if interfaces.contains(name) {
                self.tree.set(&["interfaces", name, "ospf", "passive"], *passive);
            }
        }
        if pending.passive_by_default {
            self.tree.set(&[OSPF[0], OSPF[1], "defaults", "passive"], true);
        }
        self.redistributions("ospf", pending.redistributed);
        self.key_chains("ospf", pending.chains);
        for Neighbor {
            line,
            address,
            entry,
            poll,
        } in pending.neighbors
        {
            let link = self
                .addresses
                .iter()
                .find(|(_, links)| links.iter().any(|link| link.contains(address)))
                .map(|(name, _)| name.clone());
            match link {
                Some(name) => {
                    self.tree
                        .push(&["interfaces", &name, "ospf", "neighbors"], Value::Object(entry));
                    if let Some(poll) = poll {
                        self.tree
                            .set(&["interfaces", &name, "ospf", "poll-interval"], poll);
                    }
                }
                None => self.leave(&line, "it is not known which interface it is on (--addresses)"),
            }
        }
        for (id, mut about) in pending.areas {
            // A virtual link's transit area is an area to speak of, too.
            about.insert("id".to_owned(), json!(id));
            self.tree.push(&[OSPF[0], OSPF[1], "areas"], Value::Object(about));
        }
        let has_cost = |name: &String| self.tree.get(&["interfaces", name, "ospf", "cost"]).is_some();
        if pending.reference.is_some() || !interfaces.iter().all(has_cost) {
            let reference = pending.reference.unwrap_or(REFERENCE);
            self.tree
                .set(&[OSPF[0], OSPF[1], "reference-bandwidth"], reference);
            if pending.reference.is_none() {
                self.notes.push(format!(
                    "reference-bandwidth = {REFERENCE} is FRR's default; without it, every interface would cost 10"
                ));
            }
        }
    }
}

/// `metric N`, `metric-type N`, `route-map NAME`; gives the name.
fn metrics(entry: &mut Map<String, Value>, words: &[&str]) -> Result<Option<String>, Reason> {
    let mut policy = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().copied().unwrap_or_default();
        match *word {
            "metric" => drop(entry.insert("metric".to_owned(), json!(number(value)?))),
            "metric-type" => drop(entry.insert("metric-type".to_owned(), json!(metric_type(value)?))),
            "route-map" => policy = Some(value.to_owned()),
            other => return Err(format!("'{other}' is not understood")),
        }
    }
    Ok(policy)
}

/// The type of an external, which is written as text.
fn metric_type(word: &str) -> Result<&str, Reason> {
    match word {
        "1" | "2" => Ok(word),
        other => Err(format!("'{other}' is no type of an external: 1 or 2")),
    }
}
