//! What routes would be if links cost something else: calculated on a copy, nothing is changed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};
use waypost_engine::Now;
use waypost_routprot::{Refusal, ReportArguments};
use waypost_types::{NextHop, Prefix4};
use waypost_wire::Writer;

use crate::area::AreaId;
use crate::database::Database;
use crate::engine::OspfEngine;
use crate::interface::Interface;
use crate::interface::machine::State;
use crate::lsa::body::{LinkType, RouterLink};
use crate::lsa::{Body, LsaKey, LsaType, RawLsa, RouterBody, build};
use crate::spf::table::{LsaChange, PathType, Table};

/// The costs a router-LSA may say.
const COSTS: &str = "INTERFACE=COST, several with commas between them; a cost is 1..=65535";
/// The most networks a report names.
const NAMED: usize = 1000;

impl OspfEngine {
    pub(super) fn report_simulation(&self, now: Now, arguments: &ReportArguments) -> Result<Value, Refusal> {
        let text = arguments.get("costs").map(String::as_str).unwrap_or_default();
        let costs = self.read_costs(text)?;
        let (Some(view), Some(router)) = (self.process.view(), self.process.router()) else {
            return Err(Refusal::failed(
                "OSPF has no router identifier yet, so there are no routes to move",
            ));
        };
        let key = LsaKey {
            kind: LsaType::Router,
            id: router,
            router,
        };
        let mut databases: BTreeMap<AreaId, Database> = BTreeMap::new();
        let mut changes = Vec::new();
        for area in &view.areas {
            let concerned: Vec<&(&Interface, u16)> = costs
                .iter()
                .filter(|(interface, _)| interface.parameters.area == area.area)
                .collect();
            if concerned.is_empty() {
                continue;
            }
            let mut database = area.database.clone();
            if let Some(lsa) = with_costs(&database, key, now, &concerned)
                && let Some((raw, _)) = RawLsa::split(&lsa)
                && database.install(raw, now.time).is_ok()
            {
                changes.push(LsaChange {
                    area: Some(area.area),
                    key,
                    mask: None,
                });
            }
            databases.insert(area.area, database);
        }
        let mut other = view.clone();
        for area in &mut other.areas {
            if let Some(database) = databases.get(&area.area) {
                area.database = database;
            }
        }
        // What is still waiting to be calculated is not to be taken for the change's doing.
        let mut before = self.process.table().clone();
        before.calculate(&view);
        let mut after = before.clone();
        let outcome = after.update(&other, &changes);
        // Packets to networks of this router's own go there whatever OSPF says of them.
        let attached = |prefix: &Prefix4| {
            let attachments = self
                .process
                .interfaces()
                .values()
                .map(|interface| &interface.attachment);
            attachments.into_iter().any(|attachment| {
                attachment
                    .prefix
                    .iter()
                    .chain(&attachment.others)
                    .any(|own| own == prefix)
            })
        };
        let moved = outcome.networks.iter().filter(|prefix| !attached(prefix));
        let moved = moved.filter_map(|prefix| {
            let (old, new) = (self.way(&before, *prefix), self.way(&after, *prefix));
            (old != new).then(|| json!({ "prefix": prefix.to_string(), "old": old, "new": new }))
        });
        let moved: Vec<Value> = moved.collect();
        Ok(json!({
            "costs": costs
                .iter()
                .map(|(interface, cost)| json!({
                    "interface": self.name(interface.id),
                    "area": interface.parameters.area,
                    "old": interface.parameters.cost,
                    "new": cost,
                    "neighbors": interface.neighbors.len(),
                }))
                .collect::<Vec<_>>(),
            "networks": before.all().count(),
            "moved": moved.len(),
            "rows": moved.into_iter().take(NAMED).collect::<Vec<_>>(),
        }))
    }

    fn way(&self, table: &Table, prefix: Prefix4) -> Value {
        let Some(path) = table.path(prefix) else {
            return Value::Null;
        };
        let hops: Vec<Value> = table
            .sets
            .get(path.hops)
            .iter()
            .map(|hop: &NextHop| self.hop(hop))
            .collect();
        let metric = (path.kind == PathType::External2).then_some(path.type_2);
        json!({ "kind": path.kind.name(), "cost": path.cost, "metric-outside": metric, "next-hops": hops })
    }

    /// The interfaces that are to cost something else.
    fn read_costs(&self, text: &str) -> Result<Vec<(&Interface, u16)>, Refusal> {
        let mut costs: Vec<(&Interface, u16)> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let invalid = |reason: String| Refusal::invalid(reason).with_value(part);
            let Some((name, cost)) = part.rsplit_once('=') else {
                return Err(invalid("'costs' is not valid".to_owned()).with_allowed(COSTS));
            };
            let cost = cost.trim().parse::<u16>().ok().filter(|cost| *cost > 0);
            let Some(cost) = cost else {
                return Err(invalid(format!("the cost of {name} is out of range")).with_allowed("1..=65535"));
            };
            // What virtual links cost follows from the others.
            let known = || {
                let interfaces = self.process.interfaces().values();
                interfaces.filter(|interface| interface.id.index().is_some())
            };
            let Some(interface) = known().find(|interface| self.name(interface.id) == name.trim()) else {
                let names: Vec<String> = known().map(|interface| self.name(interface.id)).collect();
                let refusal = invalid("OSPF is not on that interface".to_owned());
                return Err(if names.is_empty() {
                    refusal
                } else {
                    refusal.with_allowed(names.join(", "))
                });
            };
            if interface.state == State::Down {
                return Err(invalid(format!("OSPF is down on {name}, so it costs nothing")));
            }
            costs.retain(|(other, _)| other.id != interface.id);
            costs.push((interface, cost));
        }
        Ok(costs)
    }
}

/// This router's LSA with other costs of some interfaces.
fn with_costs(database: &Database, key: LsaKey, now: Now, costs: &[&(&Interface, u16)]) -> Option<Vec<u8>> {
    let slot = database.find(key)?;
    let header = database.header(slot, now.time)?;
    let Some(Body::Router(body)) = database.body(slot) else {
        return None;
    };
    let links: Vec<RouterLink> = body
        .links()
        .map(|link| {
            let of = costs.iter().find(|(interface, _)| is_of(interface, &link));
            RouterLink {
                metric: of.map_or(link.metric, |(_, cost)| *cost),
                ..link
            }
        })
        .collect();
    Some(build(
        key,
        header.age,
        header.options,
        header.sequence,
        |writer: &mut Writer| {
            RouterBody::encode(writer, body.flags, &links);
        },
    ))
}

/// Whether a link is said because of an interface.
fn is_of(interface: &Interface, link: &RouterLink) -> bool {
    match link.kind {
        LinkType::PointToPoint | LinkType::Transit => {
            link.data == interface.address() || Some(link.data) == unnumbered(interface)
        }
        LinkType::Stub => {
            let prefix = interface.attachment.prefix;
            prefix.is_some_and(|prefix| (prefix.network(), prefix.netmask()) == (link.id, link.data))
        }
        LinkType::Virtual | LinkType::Other(_) => false,
    }
}

fn unnumbered(interface: &Interface) -> Option<Ipv4Addr> {
    let index = interface
        .id
        .index()
        .filter(|_| interface.attachment.prefix.is_none())?;
    Some(Ipv4Addr::from_bits(index.0))
}
