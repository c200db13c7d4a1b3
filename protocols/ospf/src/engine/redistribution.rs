//! Routes of other protocols that are said to the autonomous system (RFC 2328 §12.4.4).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox, RouteInterest};
use waypost_types::{Prefix, Prefix4, ProtocolId, RouteNotice};

use super::OspfEngine;
use crate::config::{DefaultOrigin, GlobalConfig, MetricType, Redistribution};
use crate::lsa::External;

/// The cost of redistributed routes when nothing says it.
const DEFAULT_METRIC: u32 = 20;
/// The cost of a default route of our own.
const ORIGINATED_METRIC: u32 = 1;
/// Whose default route makes `conditional` say one.
const DEFAULT_SOURCES: [ProtocolId; 6] = [
    ProtocolId::STATIC,
    ProtocolId::STATIC_NON_DOD,
    ProtocolId::AUTOSTATIC,
    ProtocolId::NETMGMT,
    ProtocolId::RIP,
    ProtocolId::BGP_ROUTES,
];

/// Whose routes there can be at all, for `redistribute-unlisted`.
const SOURCES: [ProtocolId; 7] = [
    ProtocolId::LOCAL,
    ProtocolId::NETMGMT,
    ProtocolId::RIP,
    ProtocolId::BGP_ROUTES,
    ProtocolId::AUTOSTATIC,
    ProtocolId::STATIC,
    ProtocolId::STATIC_NON_DOD,
];

/// What is known of others' routes.
#[derive(Clone, Debug, Default)]
pub(super) struct Redistributed {
    owners: Vec<ProtocolId>,
    /// Whose best route it is, and its tag.
    routes: BTreeMap<Prefix4, (ProtocolId, u32)>,
}

/// Whether anything is said of the outside.
fn says(global: &GlobalConfig) -> bool {
    global.enabled != Some(false) && global.boundary_router != Some(false)
}

/// How routes of a source are said; `None`: not at all.
fn rule(global: &GlobalConfig, owner: ProtocolId) -> Option<Redistribution> {
    let mut rules = global.redistribute.iter().flatten();
    match rules.find(|rule| rule.source == owner) {
        Some(rule) => (rule.enabled != Some(false)).then(|| rule.clone()),
        None => {
            let unlisted = global.redistribute_unlisted == Some(true) && SOURCES.contains(&owner);
            unlisted.then_some(Redistribution {
                source: owner,
                metric: None,
                metric_type: None,
                tag: None,
                enabled: None,
            })
        }
    }
}

fn owners(global: &GlobalConfig) -> Vec<ProtocolId> {
    if !says(global) {
        return Vec::new();
    }
    let listed = global.redistribute.iter().flatten().map(|entry| entry.source);
    let said = listed
        .chain(SOURCES)
        .filter(|source| rule(global, *source).is_some());
    let conditional = global.originate_default == Some(DefaultOrigin::Conditional);
    let default = DEFAULT_SOURCES.into_iter().filter(|_| conditional);
    let mut owners: Vec<ProtocolId> = said.chain(default).collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}

/// Whether a network may be said: unicast, neither net 0 nor loopback.
fn is_sayable(prefix: Prefix4) -> bool {
    let [first, ..] = prefix.network().octets();
    prefix.is_default() || (first != 0 && first != 127 && first < 224)
}

/// How a route is said; `None`: not at all.
fn external(global: &GlobalConfig, prefix: Prefix4, known: Option<(ProtocolId, u32)>) -> Option<External> {
    let say = |metric, kind: MetricType, tag| External {
        mask: prefix.netmask(),
        type_2: kind == MetricType::Type2,
        metric,
        forwarding: Ipv4Addr::UNSPECIFIED,
        tag,
    };
    if !says(global) {
        return None;
    }
    let filter = global.redistribute_filter.as_ref();
    let rule = known
        .filter(|_| filter.is_none_or(|filter| filter.passes(prefix)))
        .and_then(|(owner, _)| rule(global, owner));
    if let (Some(rule), Some((_, tag))) = (rule, known.filter(|_| is_sayable(prefix))) {
        let metric = rule.metric.unwrap_or(DEFAULT_METRIC);
        return Some(say(
            metric,
            rule.metric_type.unwrap_or_default(),
            rule.tag.unwrap_or(tag),
        ));
    }
    let origin = global.originate_default.unwrap_or_default();
    let originated =
        origin == DefaultOrigin::Always || (origin == DefaultOrigin::Conditional && known.is_some());
    (prefix.is_default() && originated).then(|| say(ORIGINATED_METRIC, MetricType::Type2, 0))
}

impl OspfEngine {
    /// Brings what is said of others' routes to the configuration.
    pub(super) fn redistribute(&mut self, now: Now, out: &mut Outbox) {
        let owners = owners(&self.global);
        if owners != self.redistributed.owners {
            self.redistributed
                .routes
                .retain(|_, (owner, _)| owners.contains(owner));
            self.redistributed.owners.clone_from(&owners);
            // News of everything there is follows.
            out.interest(RouteInterest { owners });
        }
        let routes = &self.redistributed.routes;
        let said = self.process.externals().keys().copied();
        let mut prefixes: Vec<Prefix4> = routes.keys().copied().chain(said).collect();
        prefixes.push(Prefix4::DEFAULT);
        self.say(now, &prefixes, out);
    }

    /// News of others' routes.
    pub(super) fn routes(&mut self, now: Now, notices: &[RouteNotice], out: &mut Outbox) {
        let mut prefixes = Vec::with_capacity(notices.len());
        for notice in notices {
            let Prefix::V4(prefix) = notice.prefix else {
                continue;
            };
            let wanted = notice
                .best
                .as_ref()
                .filter(|best| self.redistributed.owners.contains(&best.owner));
            match wanted {
                Some(best) => {
                    let known = (best.owner, best.route.tag);
                    self.redistributed.routes.insert(prefix, known);
                }
                None => {
                    self.redistributed.routes.remove(&prefix);
                }
            }
            prefixes.push(prefix);
        }
        self.say(now, &prefixes, out);
    }

    fn say(&mut self, now: Now, prefixes: &[Prefix4], out: &mut Outbox) {
        let (routes, global) = (&self.redistributed.routes, &self.global);
        let externals = prefixes.iter().map(|prefix| {
            let known = routes.get(prefix).copied();
            (*prefix, external(global, *prefix, known))
        });
        self.process.set_externals(now, externals, out);
    }
}
