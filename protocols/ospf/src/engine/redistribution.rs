//! Routes of other protocols that are said to the autonomous system (RFC 2328 §12.4.4).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use waypost_engine::{Now, Outbox, RouteInterest};
use waypost_policy::{Action, MetricType, Policies, RouteView};
use waypost_types::{BestRoute, InterfaceIndex, Prefix, Prefix4, ProtocolId, RouteNotice};

use super::OspfEngine;
use crate::config::{DefaultOrigin, GlobalConfig, Redistribution};
use crate::lsa::External;

/// The cost of redistributed routes when nothing says it.
const DEFAULT_METRIC: u32 = 20;
/// The highest cost there is.
const MAX_METRIC: u32 = 0x00FF_FFFE;
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
    routes: BTreeMap<Prefix4, Known>,
    /// The policies that configuration may name.
    pub(super) policies: Arc<Policies>,
}

/// What is known of a best route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    owner: ProtocolId,
    metric: u32,
    tag: u32,
    /// Its first next hop.
    next_hop: Option<IpAddr>,
    interface: Option<InterfaceIndex>,
}

impl Known {
    fn of(best: &BestRoute) -> Self {
        let hop = best.route.next_hops.first();
        Self {
            owner: best.owner,
            metric: best.route.metric,
            tag: best.route.tag,
            next_hop: hop.and_then(|hop| hop.gateway),
            interface: hop.map(|hop| hop.interface),
        }
    }

    fn view(self, prefix: Prefix4) -> RouteView {
        RouteView {
            prefix: prefix.into(),
            protocol: self.owner,
            metric: self.metric,
            tag: self.tag,
            preference: None,
            next_hop: self.next_hop,
            interface: self.interface,
            metric_type: None,
        }
    }
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
                policy: None,
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

/// What a policy says of a route that is redistributed.
#[derive(Default)]
struct Said {
    metric: Option<u32>,
    metric_type: Option<MetricType>,
    tag: Option<u32>,
    /// Where packets go straight to, without a way through this router.
    forwarding: Option<Ipv4Addr>,
}

/// What the policy of a rule says; `None`: the route is not redistributed. A name that no policy has, which the router manager
/// lets nobody use, lets no route pass.
fn decided(policies: &Policies, rule: &Redistribution, prefix: Prefix4, known: Known) -> Option<Said> {
    let Some(name) = &rule.policy else {
        return Some(Said::default());
    };
    let verdict = policies.get(name)?.evaluate(known.view(prefix));
    let (route, given) = (verdict.route, verdict.given);
    (verdict.action == Action::Permit).then(|| Said {
        // What is more is no cost at all (RFC 2328 appendix B, LSInfinity).
        metric: given.metric.then(|| route.metric.min(MAX_METRIC)),
        metric_type: route.metric_type,
        tag: given.tag.then_some(route.tag),
        forwarding: match route.next_hop {
            Some(IpAddr::V4(address)) if given.next_hop => Some(address),
            _ => None,
        },
    })
}

/// How a route is said; `None`: not at all.
fn external(
    global: &GlobalConfig,
    policies: &Policies,
    prefix: Prefix4,
    known: Option<Known>,
) -> Option<External> {
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
        .and_then(|known| rule(global, known.owner));
    if let (Some(rule), Some(known)) = (rule, known.filter(|_| is_sayable(prefix)))
        && let Some(given) = decided(policies, &rule, prefix, known)
    {
        let said = say(
            given.metric.or(rule.metric).unwrap_or(DEFAULT_METRIC),
            given.metric_type.or(rule.metric_type).unwrap_or_default(),
            given.tag.or(rule.tag).unwrap_or(known.tag),
        );
        return Some(External {
            forwarding: given.forwarding.unwrap_or(said.forwarding),
            ..said
        });
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
                .retain(|_, known| owners.contains(&known.owner));
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

    /// Puts other policies in force. What is decided alike is said as it is.
    pub(super) fn set_policies(&mut self, now: Now, policies: Arc<Policies>, out: &mut Outbox) {
        self.redistributed.policies = policies;
        self.redistribute(now, out);
    }

    /// What [`Self::set_policies`] would do, in words; `None` when it would do nothing.
    pub(super) fn describe_policies(&self, policies: &Policies) -> Option<String> {
        let Redistributed {
            routes,
            policies: before,
            ..
        } = &self.redistributed;
        let mut named = self
            .global
            .redistribute
            .iter()
            .flatten()
            .filter_map(|rule| rule.policy.as_ref());
        if named.all(|name| before.get(name) == policies.get(name)) {
            return None;
        }
        let said = |policies, prefix, known| external(&self.global, policies, prefix, Some(known));
        let moved = routes
            .iter()
            .filter(|(prefix, known)| said(before, **prefix, **known) != said(policies, **prefix, **known));
        let (moved, all) = (moved.count(), routes.len());
        Some(format!(
            "{moved} of {all} routes of other sources are redistributed otherwise"
        ))
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
                    self.redistributed.routes.insert(prefix, Known::of(best));
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
        let (redistributed, global) = (&self.redistributed, &self.global);
        let externals = prefixes.iter().map(|prefix| {
            let known = redistributed.routes.get(prefix).copied();
            (*prefix, external(global, &redistributed.policies, *prefix, known))
        });
        self.process.set_externals(now, externals, out);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use waypost_engine::{Engine, Input};
    use waypost_types::{NextHop, Route, RouteKind, Seed};

    use super::*;

    fn handle(engine: &mut OspfEngine, input: Input<'_, GlobalConfig, crate::config::InterfaceConfig>) {
        engine.handle(Now::default(), input, &mut Outbox::new());
    }

    fn compiled(config: Value) -> Arc<Policies> {
        let config = serde_json::from_value(config).unwrap();
        Arc::new(Policies::compile(&config, |_| Some(InterfaceIndex(2)), &Policies::default()).unwrap())
    }

    fn notice(prefix: &str, tag: u32) -> RouteNotice {
        let route = Route {
            kind: RouteKind::Unicast,
            next_hops: [NextHop::via("192.0.2.7".parse().unwrap(), InterfaceIndex(2))]
                .into_iter()
                .collect(),
            metric: 3,
            tag,
            preference: None,
        };
        RouteNotice {
            prefix: prefix.parse().unwrap(),
            best: Some(BestRoute {
                owner: ProtocolId::STATIC,
                preference: 1,
                route,
            }),
        }
    }

    /// The forwarding address of a network that is said.
    fn forwarding(engine: &OspfEngine, prefix: &str) -> String {
        let prefix: Prefix4 = prefix.parse().unwrap();
        engine.process.externals()[&prefix].forwarding.to_string()
    }

    /// Cost, type, tag of everything that is said, by network.
    fn said(engine: &OspfEngine) -> Vec<(String, u32, bool, u32)> {
        let externals = engine.process.externals().iter();
        let row =
            |(prefix, said): (&Prefix4, &External)| (prefix.to_string(), said.metric, said.type_2, said.tag);
        externals.map(row).collect()
    }

    #[test]
    fn a_policy_decides_cost_type_and_tag_and_changes_live() {
        let mut engine = OspfEngine::new(Seed(1));
        let global: GlobalConfig = serde_json::from_value(json!({
            "router-id": "192.0.2.1",
            "redistribute": [{ "source": "static", "metric": 9, "policy": "out" }],
        }))
        .unwrap();
        handle(
            &mut engine,
            Input::Start {
                global,
                router_id: None,
                persisted: &[],
                restart_hold: std::time::Duration::ZERO,
            },
        );
        handle(
            &mut engine,
            Input::Policies(compiled(json!({ "route-maps": { "out": [
            { "action": "deny", "match": { "tag": [5] } },
            { "action": "permit", "match": { "length": "24-32", "interface": ["eth0"] }, "set": { "metric-type": "1", "tag": 77, "next-hop": "192.0.2.9" } },
            { "action": "permit", "match": { "metric": 3 }, "set": { "metric": 99_999_999 } },
        ] } }))),
        );
        handle(&mut engine, Input::StartComplete);
        let notices = [
            notice("10.1.0.0/24", 0),
            notice("10.2.0.0/16", 4),
            notice("10.3.0.0/24", 5),
        ];
        handle(&mut engine, Input::Routes(&notices));
        assert_eq!(
            said(&engine),
            [
                ("10.1.0.0/24".to_owned(), 9, false, 77),
                ("10.2.0.0/16".to_owned(), MAX_METRIC, true, 4),
            ]
        );
        assert_eq!(forwarding(&engine, "10.1.0.0/24"), "192.0.2.9");
        assert_eq!(forwarding(&engine, "10.2.0.0/16"), "0.0.0.0");
        let next = compiled(
            json!({ "prefix-lists": { "out": [{ "permit": "10.3.0.0/24" }, { "permit": "10.1.0.0/24" }] } }),
        );
        let (_, reason) = engine.policies_impact(&next).unwrap();
        assert_eq!(
            reason,
            "3 of 3 routes of other sources are redistributed otherwise"
        );
        handle(&mut engine, Input::Policies(Arc::clone(&next)));
        assert_eq!(
            said(&engine),
            [
                ("10.1.0.0/24".to_owned(), 9, true, 0),
                ("10.3.0.0/24".to_owned(), 9, true, 5)
            ]
        );
        assert_eq!(engine.policies_impact(&next), None);
        handle(&mut engine, Input::Policies(Arc::default()));
        assert_eq!(said(&engine), []);
    }
}
