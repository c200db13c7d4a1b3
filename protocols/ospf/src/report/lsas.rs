//! What LSAs say, field by field.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use waypost_engine::Now;
use waypost_routprot::{Refusal, ReportArguments, suggestion};

use super::{argument, roles};
use crate::area::AreaId;
use crate::engine::OspfEngine;
use crate::lsa::body::LinkType;
use crate::lsa::{Body, External, LsaKey, LsaType};
use crate::process::Domain;

/// Which LSAs are asked for.
struct Wanted {
    area: Option<AreaId>,
    kind: Option<LsaType>,
    id: Option<Ipv4Addr>,
    router: Option<Ipv4Addr>,
}

impl Wanted {
    fn read(arguments: &ReportArguments) -> Result<Self, Refusal> {
        let kind = match arguments.get("type") {
            None => None,
            Some(name) => {
                let names = || LsaType::ALL.iter().map(|kind| kind.name());
                let kind = LsaType::ALL.into_iter().find(|kind| kind.name() == name);
                if kind.is_none() {
                    let reason = match suggestion(name, names()) {
                        Some(meant) => format!("no such type of LSA; did you mean '{meant}'?"),
                        None => "no such type of LSA".to_owned(),
                    };
                    let allowed: Vec<&str> = names().collect();
                    return Err(Refusal::invalid(reason)
                        .with_value(name)
                        .with_allowed(allowed.join(", ")));
                }
                kind
            }
        };
        Ok(Self {
            area: argument(arguments, "area", "a number or a dotted quad")?,
            kind,
            id: argument(arguments, "link-state-id", "a dotted quad")?,
            router: argument(arguments, "router", "a dotted quad")?,
        })
    }

    fn has(&self, domain: Domain, key: LsaKey) -> bool {
        self.area.is_none_or(|area| domain == Domain::Area(area))
            && self.kind.is_none_or(|kind| kind == key.kind)
            && self.id.is_none_or(|id| id == key.id)
            && self.router.is_none_or(|router| router == key.router)
    }
}

impl OspfEngine {
    pub(super) fn report_lsas(&self, now: Now, arguments: &ReportArguments) -> Result<Value, Refusal> {
        let wanted = Wanted::read(arguments)?;
        let databases = self.process.databases();
        let mut lsas = Vec::new();
        for domain in databases.domains() {
            let Some(database) = databases.get(domain) else {
                continue;
            };
            for slot in database.slots() {
                let (Some(key), Some(header)) = (database.key(slot), database.header(slot, now.time)) else {
                    continue;
                };
                if !wanted.has(domain, key) {
                    continue;
                }
                let mut lsa = self.lsa(domain, &header);
                if let (Some(body), Some(lsa)) = (database.body(slot), lsa.as_object_mut()) {
                    lsa.insert("says".to_owned(), says(key, body));
                }
                lsas.push(((domain, key), lsa));
            }
        }
        lsas.sort_by_key(|(place, _)| *place);
        Ok(lsas.into_iter().map(|(_, lsa)| lsa).collect())
    }
}

/// What follows the header, in words.
fn says(key: LsaKey, body: Body<'_>) -> Value {
    match body {
        Body::Router(router) => {
            let links = router.links().map(|link| {
                let (kind, id, data) = match link.kind {
                    LinkType::PointToPoint => ("point-to-point", "neighbor", "interface"),
                    LinkType::Transit => ("transit", "designated-router", "interface"),
                    LinkType::Stub => ("stub", "network", "mask"),
                    LinkType::Virtual => ("virtual", "neighbor", "interface"),
                    LinkType::Other(_) => ("unknown", "link-id", "link-data"),
                };
                json!({ "kind": kind, id: link.id, data: link.data, "cost": link.metric })
            });
            json!({ "roles": roles(router.flags), "links": links.collect::<Vec<_>>() })
        }
        Body::Network(network) => json!({
            "mask": network.mask,
            "routers": network.routers().collect::<Vec<_>>(),
        }),
        Body::Summary(summary) => json!({ "network": key.id, "mask": summary.mask, "cost": summary.metric }),
        Body::AsbrSummary(summary) => json!({ "boundary-router": key.id, "cost": summary.metric }),
        Body::AsExternal(external) | Body::Nssa(external) => outside(key, &external),
        Body::Opaque(opaque) => {
            let tlvs = opaque.tlvs().map(|(kind, value)| {
                let hex: String = value.iter().map(|octet| format!("{octet:02x}")).collect();
                json!({ "type": kind, "value": hex })
            });
            json!({
                "opaque-type": opaque.kind,
                "opaque-id": opaque.id,
                "tlvs": tlvs.collect::<Vec<_>>(),
            })
        }
    }
}

fn outside(key: LsaKey, external: &External) -> Value {
    json!({
        "network": key.id,
        "mask": external.mask,
        "metric-type": if external.type_2 { 2 } else { 1 },
        "metric": external.metric,
        "forwarding-address": external.forwarding,
        "tag": external.tag,
    })
}
