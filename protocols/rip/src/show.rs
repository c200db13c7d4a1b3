//! State for people and programs, as stable JSON: kebab-case names, ages in seconds.

use serde_json::{Map, Value, json};
use waypost_engine::Now;
use waypost_routprot::{TROUBLES, Topic};
use waypost_types::{InterfaceIndex, Prefix4, Time};

use crate::config::origins;
use crate::interface::{Counters, Interface, Phase};
use crate::process::Rip;
use crate::table::{Destination, Heard, Origin};

impl Rip {
    pub(crate) fn describe(&self, now: Now, topic: Topic) -> Value {
        match topic {
            Topic::Summary => self.summary(now),
            Topic::Interfaces => self
                .shown()
                .map(|interface| self.interface(interface))
                .collect::<Vec<_>>()
                .into(),
            Topic::Neighbors => self.neighbors(now),
            Topic::Counters => self.all_counters(),
            Topic::Database => self
                .table
                .iter()
                .filter_map(|(prefix, destination)| self.destination(now.time, *prefix, destination))
                .collect::<Vec<_>>()
                .into(),
        }
    }

    fn shown(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces
            .values()
            .filter(|interface| !interface.deleted && interface.config.is_some())
    }

    fn name(&self, index: InterfaceIndex) -> Value {
        match self.interfaces.get(&index) {
            Some(interface) => interface.identity.name.clone().into(),
            None => index.0.into(),
        }
    }

    fn summary(&self, now: Now) -> Value {
        let (mut learned, mut garbage, mut own) = (0_u64, 0_u64, 0_u64);
        for current in self.table.iter().filter_map(|(_, d)| d.current.as_ref()) {
            match current.origin {
                _ if current.garbage_until.is_some() => garbage += 1,
                Origin::Learned => learned += 1,
                _ => own += 1,
            }
        }
        let troubles: Vec<Value> = self
            .shown()
            .filter_map(|interface| {
                let reason = interface.trouble.as_ref()?;
                Some(json!({ "interface": interface.identity.name, "reason": reason }))
            })
            .collect();
        let mut summary = json!({
            "protocol": "rip",
            "uptime-seconds": now.time.since(self.started).as_secs(),
            "interfaces": self.shown().count(),
            "active-interfaces": self.shown().filter(|interface| interface.is_active()).count(),
            "neighbors": self.shown().map(|interface| interface.neighbors.len()).sum::<usize>(),
            "routes-learned": learned,
            "routes-own": own,
            "routes-garbage": garbage,
            "route-changes": self.table.route_changes,
            "ecmp": self.global.ecmp.unwrap_or(16),
            "preference": self.global.preference.unwrap_or(120),
            "triggered-delay-ms": self.global.triggered_delay.unwrap_or(1000),
        });
        if let (false, Some(summary)) = (troubles.is_empty(), summary.as_object_mut()) {
            summary.insert(TROUBLES.to_owned(), troubles.into());
        }
        summary
    }

    fn interface(&self, interface: &Interface) -> Value {
        let effective = &interface.effective;
        json!({
            "interface": interface.identity.name,
            "index": interface.index().0,
            "state": match interface.phase {
                Phase::Active if interface.trouble.is_some() => "no-port",
                Phase::Active => "active",
                Phase::Leaving => "leaving",
                Phase::Down if !interface.enabled => "disabled",
                Phase::Down if interface.binding.addresses.is_empty() => "unbound",
                Phase::Down if !interface.media && effective.check_link => "no-carrier",
                Phase::Down => "down",
            },
            "addresses": interface
                .binding
                .addresses
                .iter()
                .map(|binding| format!("{}/{}", binding.address, binding.prefix.length()))
                .collect::<Vec<_>>(),
            "metric": effective.metric,
            "announce": text(effective.announce),
            "accept": text(effective.accept),
            "update-mode": text(effective.update_mode),
            "update-interval": effective.update_interval.as_secs(),
            "expiration-interval": effective.expiration_interval.as_secs(),
            "removal-interval": effective.removal_interval.as_secs(),
            "split-horizon": effective.split_horizon,
            "poison-reverse": effective.poison_reverse,
            "authentication": text(effective.authentication),
            "neighbors": interface.neighbors.len(),
            "routes": self.table.heard_on(interface.index()),
            "maximum-routes": effective.maximum_routes,
            // Every option in force, by where its value comes from.
            "options": interface
                .config
                .as_ref()
                .map(|config| origins(config, &self.global)),
            "trouble": interface.trouble,
        })
    }

    fn neighbors(&self, now: Now) -> Value {
        let rows: Vec<Value> = self
            .shown()
            .flat_map(|interface| {
                interface.neighbors.iter().map(move |(address, neighbor)| {
                    json!({
                        "interface": interface.identity.name,
                        "address": address,
                        "state": "up",
                        "version": neighbor.version as u8,
                        "uptime-seconds": now.time.since(neighbor.since).as_secs(),
                        "last-update-seconds": now.time.since(neighbor.last_update).as_secs(),
                        "updates": neighbor.updates,
                        "route-tag": neighbor.last_tag,
                        "bad-packets": neighbor.bad_packets,
                        "bad-entries": neighbor.bad_entries,
                    })
                })
            })
            .collect();
        rows.into()
    }

    fn all_counters(&self) -> Value {
        let interfaces: Map<String, Value> = self
            .shown()
            .map(|interface| (interface.identity.name.clone(), counters(&interface.counters)))
            .collect();
        json!({
            "global": {
                "route-changes": self.table.route_changes,
                "responses-sent": self.responses_sent(),
                "queries-answered": self.counters.queries_answered,
            },
            "interfaces": interfaces,
        })
    }

    fn destination(&self, now: Time, prefix: Prefix4, destination: &Destination) -> Option<Value> {
        let hops = |heard: &[(InterfaceIndex, std::net::Ipv4Addr)]| -> Vec<Value> {
            heard
                .iter()
                .map(|(index, address)| json!({ "interface": self.name(*index), "address": address }))
                .collect()
        };
        let paths: Vec<Value> = destination
            .heard
            .iter()
            .map(|heard| self.path(now, heard))
            .collect();
        let Some(current) = &destination.current else {
            // Another source's route that no rule takes is not RIP's.
            return (!paths.is_empty()).then(|| {
                let filtered = destination.heard.iter().all(|heard| !heard.permitted);
                json!({
                    "prefix": prefix,
                    "metric": 16,
                    "tag": 0,
                    "source": "learned",
                    "state": if filtered { "filtered" } else { "unreachable" },
                    "next-hops": [],
                    "paths": paths,
                    "age-seconds": now.since(destination.changed).as_secs(),
                })
            });
        };
        let mut row = json!({
            "prefix": prefix,
            "metric": current.metric,
            "tag": current.tag,
            "source": match current.origin {
                Origin::Connected => "connected",
                Origin::Redistributed(_) => "redistributed",
                Origin::Learned => "learned",
            },
            "state": if current.garbage_until.is_some() { "garbage" } else { "valid" },
            "next-hops": hops(&current.via),
            "paths": paths,
            "age-seconds": now.since(destination.changed).as_secs(),
        });
        let expires = match current.garbage_until {
            Some(until) => Some(until.since(now).as_secs()),
            None => destination
                .heard
                .iter()
                .filter(|heard| heard.selected && current.origin == Origin::Learned)
                .map(|heard| self.expires_in(now, heard))
                .min(),
        };
        if let (Some(expires), Some(row)) = (expires, row.as_object_mut()) {
            row.insert("expires-in-seconds".to_owned(), expires.into());
        }
        if let (Origin::Redistributed(owner), Some(row)) = (current.origin, row.as_object_mut()) {
            row.insert("owner".to_owned(), owner.to_string().into());
        }
        Some(row)
    }

    fn path(&self, now: Time, heard: &Heard) -> Value {
        json!({
            "interface": self.name(heard.interface),
            "from": heard.from,
            "next-hop": heard.next_hop,
            "received-metric": heard.metric,
            "tag": heard.tag,
            "selected": heard.selected,
            "permitted": heard.permitted,
            "expires-in-seconds": self.expires_in(now, heard),
        })
    }

    fn expires_in(&self, now: Time, heard: &Heard) -> u64 {
        self.table
            .link(heard.interface)
            .map_or(0, |link| (heard.refreshed + link.expiration).since(now).as_secs())
    }
}

/// An option by the name it has in configuration.
fn text(option: impl serde::Serialize) -> Value {
    serde_json::to_value(option).unwrap_or_default()
}

fn counters(counters: &Counters) -> Value {
    json!({
        "send-failures": counters.send_failures,
        "port-failures": counters.port_failures,
        "requests-sent": counters.requests_sent,
        "requests-received": counters.requests_received,
        "responses-sent": counters.responses_sent,
        "responses-received": counters.responses_received,
        "bad-response-packets": counters.bad_response_packets,
        "bad-request-packets": counters.bad_request_packets,
        "bad-response-entries": counters.bad_response_entries,
        "triggered-updates-sent": counters.triggered_updates_sent,
        "malformed": counters.malformed,
        "wrong-version": counters.wrong_version,
        "wrong-source": counters.wrong_source,
        "authentication-failures": counters.authentication_failures,
        "replays": counters.replays,
        "excess-neighbors": counters.excess_neighbors,
        "excess-routes": counters.excess_routes,
    })
}
