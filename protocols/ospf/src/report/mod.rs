//! Reports of OSPF's own: what its LSAs say, what its graph looks like, why a path is what it is, and what it would be.

mod graph;
mod lsas;
mod simulation;

use std::net::Ipv4Addr;
use std::str::FromStr;

use serde_json::{Value, json};
use waypost_engine::Now;
use waypost_routprot::{Refusal, ReportArguments, Topic, no_such_report, suggestion};
use waypost_types::{NextHop, Prefix4};

use crate::engine::OspfEngine;
use crate::lsa::LsaKey;
use crate::lsa::body::RouterFlags;
use crate::spf::hops::SetId;

type Report = fn(&OspfEngine, Now, &ReportArguments) -> Result<Value, Refusal>;

/// Each report: its name, the arguments it may have, and what makes it.
const REPORTS: [(&str, &[&str], Report); 7] = [
    ("interfaces", &[], |engine, now, _| {
        Ok(engine.describe(now, Topic::Interfaces))
    }),
    (
        "lsas",
        &["area", "type", "link-state-id", "router"],
        OspfEngine::report_lsas,
    ),
    ("borders", &[], OspfEngine::report_borders),
    ("graph", &["area"], OspfEngine::report_graph),
    ("path", &["prefix"], OspfEngine::report_path),
    ("calculations", &[], OspfEngine::report_calculations),
    ("simulate", &["costs"], OspfEngine::report_simulation),
];

impl OspfEngine {
    pub(crate) fn make_report(
        &self,
        now: Now,
        name: &str,
        arguments: &ReportArguments,
    ) -> Result<Value, Refusal> {
        let Some((_, allowed, report)) = REPORTS.iter().find(|(known, ..)| *known == name) else {
            return Err(no_such_report(name, &REPORTS.map(|(known, ..)| known)));
        };
        if let Some(unknown) = arguments
            .keys()
            .find(|argument| !allowed.contains(&argument.as_str()))
        {
            let meant = suggestion(unknown, allowed.iter().copied());
            let reason = match meant {
                Some(meant) => format!("the report '{name}' has no such argument; did you mean '{meant}'?"),
                None => format!("the report '{name}' has no such argument"),
            };
            return Err(Refusal::invalid(reason)
                .with_value(unknown)
                .with_allowed(allowed.join(", ")));
        }
        report(self, now, arguments)
    }

    fn report_borders(&self, _: Now, _: &ReportArguments) -> Result<Value, Refusal> {
        let table = self.process.table();
        let rows = table.routers().iter().map(|((router, area), path)| {
            json!({
                "router-id": router,
                "area": area,
                "kind": path.kind.name(),
                "cost": path.cost,
                "roles": roles(path.flags),
                "next-hops": self.hops(path.hops),
            })
        });
        Ok(rows.collect())
    }

    fn report_calculations(&self, now: Now, _: &ReportArguments) -> Result<Value, Refusal> {
        let rows = self.process.calculations().rev().map(|done| {
            json!({
                "seconds-ago": now.time.since(done.at).as_secs_f64(),
                "waited-milliseconds": done.waited.as_millis() as u64,
                "everything": done.everything,
                "own-links": done.links,
                "lsas": done.lsas,
                "causes": done.causes.iter().map(name_of).collect::<Vec<_>>(),
                "networks": done.networks,
                "route-changes": done.routes,
            })
        });
        Ok(rows.collect())
    }

    /// Next hops with the names of their interfaces.
    fn hops(&self, set: SetId) -> Vec<Value> {
        let hops = self.process.table().sets.get(set);
        hops.iter().map(|hop| self.hop(hop)).collect()
    }

    fn hop(&self, hop: &NextHop) -> Value {
        json!({ "interface": self.interface_name(hop.interface), "gateway": hop.gateway })
    }
}

/// What a router says it is.
fn roles(flags: RouterFlags) -> Vec<&'static str> {
    let names = [
        (RouterFlags::BORDER, "area-border"),
        (RouterFlags::EXTERNAL, "as-boundary"),
        (RouterFlags::VIRTUAL, "virtual-link-end"),
        (RouterFlags::TRANSLATOR, "nssa-translator"),
    ];
    let names = names.into_iter().filter(|(flag, _)| flags.contains(*flag));
    names.map(|(_, name)| name).collect()
}

/// An LSA as people call it: its type, identifier and router.
fn name_of(key: &LsaKey) -> String {
    format!("{} {} of {}", key.kind.name(), key.id, key.router)
}

/// An argument, if it is given.
fn argument<T: FromStr>(
    arguments: &ReportArguments,
    name: &str,
    allowed: &str,
) -> Result<Option<T>, Refusal> {
    let Some(text) = arguments.get(name) else {
        return Ok(None);
    };
    let refusal = |_| {
        Refusal::invalid(format!("'{name}' is not valid"))
            .with_value(text)
            .with_allowed(allowed)
    };
    text.parse().map(Some).map_err(refusal)
}

/// A prefix, or the host an address is.
fn destination(text: &str) -> Option<Prefix4> {
    let host = text.parse::<Ipv4Addr>().ok().map(Prefix4::host);
    host.or_else(|| text.parse().ok())
}
