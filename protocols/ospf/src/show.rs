//! State for people and programs, as stable JSON: kebab-case names, ages in seconds.

use serde_json::{Map, Value, json};
use waypost_engine::Now;
use waypost_routprot::{TROUBLES, Topic};
use waypost_types::{InterfaceIndex, Time};

use crate::engine::OspfEngine;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::LsaHeader;
use crate::neighbor::Neighbor;
use crate::neighbor::help::Help;
use crate::neighbor::machine::State;
use crate::packet::PacketType;
use crate::process::{Domain, Restart};

impl OspfEngine {
    pub(crate) fn describe(&self, now: Now, topic: Topic) -> Value {
        match topic {
            Topic::Summary => self.summary(now),
            Topic::Interfaces => self.shown().map(|interface| self.interface(interface)).collect(),
            Topic::Neighbors => self
                .shown()
                .flat_map(|interface| {
                    let neighbors = interface.neighbors.values();
                    neighbors.map(|neighbor| self.neighbor(interface, neighbor))
                })
                .collect(),
            Topic::Counters => self.counters(),
            Topic::Database => self.database(now.time),
        }
    }

    fn shown(&self) -> impl Iterator<Item = &Interface> {
        self.process.interfaces().values()
    }

    pub(crate) fn interface_name(&self, index: InterfaceIndex) -> String {
        match self.interfaces.get(&index) {
            Some(attached) => attached.identity.name.clone(),
            None => index.0.to_string(),
        }
    }

    pub(crate) fn name(&self, id: InterfaceId) -> String {
        match id {
            InterfaceId::Physical(index) => self.interface_name(index),
            InterfaceId::Virtual(area, router) => format!("virtual link through {area} to {router}"),
        }
    }

    fn summary(&self, now: Now) -> Value {
        let (process, table) = (&self.process, self.process.table());
        let counters = process.route_counters();
        let neighbors = || self.shown().flat_map(|interface| interface.neighbors.values());
        let areas: Vec<Value> = process
            .databases()
            .areas()
            .map(|(area, database)| {
                let on = self.shown().filter(|interface| interface.parameters.area == area);
                json!({
                    "area": area,
                    "kind": process.parameters().area(area).kind,
                    "interfaces": on.count(),
                    "lsas": database.len(),
                    "checksum-sum": database.checksum_sum(),
                    "transit": table.is_transit(area),
                })
            })
            .collect();
        let external = process.databases().get(Domain::As);
        let mut summary = json!({
            "protocol": "ospf",
            "enabled": self.global.enabled != Some(false),
            "router-id": process.router(),
            "uptime-seconds": now.time.since(self.started).as_secs(),
            "area-border-router": process.is_border(),
            "boundary-router": process.is_boundary(),
            "stub-router": process.is_stub_router(),
            "graceful-restart": match process.restart() {
                Restart::No => None,
                Restart::Until(_) => Some("under way".to_owned()),
                Restart::Ended(exit) => Some(exit.to_string()),
            },
            "areas": areas,
            "interfaces": self.shown().count(),
            "neighbors": neighbors().count(),
            "adjacent-neighbors": neighbors().filter(|neighbor| neighbor.state == State::Full).count(),
            "external-lsas": external.map_or(0, |database| database.len()),
            "external-checksum-sum": external.map_or(0, |database| database.checksum_sum()),
            "lsas": process.databases().len(),
            "routes": process.routes().len(),
            "full-calculations": counters.full,
            "partial-calculations": counters.partial,
            "route-changes": counters.changes,
        });
        let troubles = self.troubles();
        if let (false, Some(summary)) = (troubles.is_empty(), summary.as_object_mut()) {
            summary.insert(TROUBLES.to_owned(), troubles.into());
        }
        summary
    }

    fn troubles(&self) -> Vec<Value> {
        let mut troubles = Vec::new();
        if self.global.enabled == Some(false) {
            return troubles;
        }
        if self.process.router().is_none() {
            troubles.push(json!({ "reason": "there is no router identifier, so OSPF says nothing" }));
        }
        for attached in self.interfaces.values() {
            if let Some(reason) = attached.idle_because(&self.global) {
                troubles.push(json!({ "interface": attached.identity.name, "reason": reason }));
            }
        }
        for interface in self.shown() {
            if interface.speaks() && self.process.way_out(interface.id).is_none() {
                let reason = "no port, so OSPF neither hears nor says anything there";
                troubles.push(json!({ "interface": self.name(interface.id), "reason": reason }));
            }
        }
        troubles
    }

    fn interface(&self, interface: &Interface) -> Value {
        let parameters = &interface.parameters;
        json!({
            "interface": self.name(interface.id),
            "index": interface.id.index().map(|index| index.0),
            "state": interface.state,
            "area": parameters.area,
            "network-type": match interface.id {
                InterfaceId::Physical(_) => json!(parameters.network),
                InterfaceId::Virtual(..) => json!("virtual-link"),
            },
            "address": interface.attachment.address,
            "prefix": interface.attachment.prefix.map(|prefix| prefix.to_string()),
            "carried-by": interface.carrier.map(|carrier| self.interface_name(carrier.interface)),
            "end": interface.carrier.map(|carrier| carrier.end),
            "cost": parameters.cost,
            "priority": parameters.priority,
            "designated-router": interface.designated_router,
            "backup": interface.backup,
            "hello-interval": parameters.hello.as_secs_f64(),
            "dead-interval": parameters.dead,
            "retransmit-interval": parameters.retransmit.as_secs(),
            "transmit-delay": parameters.transmit_delay,
            "mtu": parameters.mtu,
            "passive": parameters.passive,
            "authentication": parameters.authentication.method,
            "neighbors": interface.neighbors.len(),
            "adjacent-neighbors": interface.neighbors.values().filter(|neighbor| neighbor.state == State::Full).count(),
            "last-refused": interface.last_drop.map(|reason| reason.to_string()),
        })
    }

    fn neighbor(&self, interface: &Interface, neighbor: &Neighbor) -> Value {
        json!({
            "interface": self.name(interface.id),
            "address": neighbor.address,
            "router-id": neighbor.router,
            "state": neighbor.state,
            "priority": neighbor.priority,
            "designated-router": neighbor.designated_router,
            "backup": neighbor.backup,
            "events": neighbor.events,
            "unacknowledged": neighbor.unacknowledged(),
            "requested": neighbor.requested(),
            "helped": neighbor.is_helped(),
            "last-help": match neighbor.help {
                Help::Ended(exit) => Some(exit.to_string()),
                Help::Never | Help::Until(_) => None,
            },
        })
    }

    fn counters(&self) -> Value {
        let mut interfaces = Map::new();
        for interface in self.shown() {
            let counters = &interface.counters;
            let mut shown = Map::new();
            for (way, counts) in [("sent", &counters.sent), ("received", &counters.received)] {
                for (kind, count) in PacketType::ALL.iter().zip(counts) {
                    shown.insert(format!("{}-{way}", kind.name()), (*count).into());
                }
            }
            shown.insert("dropped".to_owned(), counters.dropped.into());
            shown.insert("events".to_owned(), counters.events.into());
            shown.insert("port-failures".to_owned(), counters.port_failures.into());
            shown.insert("send-failures".to_owned(), counters.send_failures.into());
            interfaces.insert(self.name(interface.id), shown.into());
        }
        let (routes, lsas) = (self.process.route_counters(), self.process.counters());
        json!({
            "global": {
                "full-calculations": routes.full,
                "partial-calculations": routes.partial,
                "route-changes": routes.changes,
                "lsas-originated": lsas.originated,
                "lsas-received": lsas.received,
                "lsas-refused": lsas.overflowed,
            },
            "interfaces": interfaces,
        })
    }

    fn database(&self, now: Time) -> Value {
        let databases = self.process.databases();
        let mut lsas = Vec::new();
        for domain in databases.domains() {
            let Some(database) = databases.get(domain) else {
                continue;
            };
            for slot in database.slots() {
                let Some(header) = database.header(slot, now) else {
                    continue;
                };
                lsas.push(self.lsa(domain, &header));
            }
        }
        lsas.into()
    }

    /// The header of an LSA.
    pub(crate) fn lsa(&self, domain: Domain, header: &LsaHeader) -> Value {
        let place = match domain {
            Domain::As => json!("as"),
            Domain::Area(area) => json!(area),
            Domain::Link(id) => json!(self.name(id)),
        };
        json!({
            "scope": place,
            "type": header.key.kind.name(),
            "link-state-id": header.key.id,
            "advertising-router": header.key.router,
            "age": header.age,
            "sequence": format!("{:#010x}", header.sequence.0),
            "checksum": format!("{:#06x}", header.checksum),
            "length": header.length,
        })
    }
}
