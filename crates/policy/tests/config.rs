//! Policy as text: what is taken, what is refused and where, what a snapshot shares, and what an explanation says.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use waypost_policy::{
    Action, ClauseConfig, Explanation, ListRule, MatchConfig, MetricType, NumberRange, OptionValue, Policies,
    PolicyConfig, PolicyError, PrefixRule, RouteView, SetConfig, SourceName, Then,
};
use waypost_types::{InterfaceIndex, Prefix, Prefix4, ProtocolId};

fn config(text: Value) -> PolicyConfig {
    serde_json::from_value(text).unwrap()
}

fn interface(name: &str) -> Option<InterfaceIndex> {
    (name == "eth0").then_some(InterfaceIndex(2))
}

fn compile(config: &PolicyConfig) -> Result<Policies, Vec<PolicyError>> {
    Policies::compile(config, interface, &Policies::default())
}

fn view(prefix: &str) -> RouteView {
    RouteView {
        prefix: prefix.parse().unwrap(),
        protocol: ProtocolId::STATIC,
        metric: 7,
        tag: 0,
        preference: None,
        next_hop: None,
        interface: Some(InterfaceIndex(2)),
        metric_type: None,
    }
}

fn sample() -> Value {
    json!({
        "prefix-lists": {
            "customers": [{ "deny": "10.9.0.0/16 le 32" }, { "permit": "10.0.0.0/8 le 24" }],
            "peers": [{ "permit": "192.0.2.0/24 le 32" }],
        },
        "route-maps": {
            "upstream": [
                { "action": "deny", "match": { "tag": [5, "10-20"], "metric": "1-4" } },
                { "action": "permit", "match": { "prefix-list": "customers", "length": "16-24" },
                  "set": { "metric": 5, "tag": 7 }, "then": "next", "annotate": "ours" },
                { "action": "permit", "match": { "protocol": ["static"], "interface": ["eth0", "eth9"] },
                  "set": { "add-metric": 2, "preference": 50, "metric-type": "1", "next-hop": "192.0.2.9" } },
                { "action": "permit", "match": { "next-hop-list": "peers" } },
            ],
        },
    })
}

#[test]
fn text_to_configuration_to_text_is_the_identity() {
    let text = sample();
    assert_eq!(serde_json::to_value(config(text.clone())).unwrap(), text);
}

#[test]
fn an_explanation_names_what_decided_and_what_it_changed() {
    let config = config(sample());
    let policies = compile(&config).unwrap();
    let explain = |name: &str, route| Explanation::of(&config, &policies, name, route).unwrap();

    let said = explain("upstream", view("10.1.0.0/16"));
    assert_eq!(said.action, Action::Permit);
    assert_eq!(said.decided_by.as_deref(), Some("policy.route-maps.upstream.2"));
    let tried: Vec<_> = said
        .tried
        .iter()
        .map(|tried| (tried.matched, tried.reason.as_str()))
        .collect();
    assert_eq!(
        tried,
        [
            (false, "tag 5, 10-20: it is 0"),
            (
                true,
                "length 16-24: it is 16; prefix-list customers: rule 1 (permit 10.0.0.0/8 le 24)"
            ),
            (
                true,
                "protocol static: it is static; interface eth0, eth9: it is number 2"
            ),
        ]
    );
    let changes: Vec<_> = said
        .changes
        .iter()
        .map(|change| (change.option.as_str(), change.old, change.new))
        .collect();
    let number = |number| Some(OptionValue::Number(number));
    let address = Some(OptionValue::Address("192.0.2.9".parse().unwrap()));
    assert_eq!(
        changes,
        [
            ("tag", number(0), number(7)),
            ("preference", None, number(50)),
            ("metric-type", None, number(1)),
            ("next-hop", None, address),
        ]
    );
    let text = serde_json::to_value(&said.changes).unwrap();
    assert_eq!(
        text[3],
        json!({ "option": "next-hop", "old": null, "new": "192.0.2.9" })
    );

    let refused = explain(
        "upstream",
        RouteView {
            protocol: ProtocolId::RIP,
            ..view("10.9.0.0/16")
        },
    );
    assert_eq!((refused.action, &refused.decided_by), (Action::Deny, &None));
    assert_eq!(refused.tried[3].reason, "next-hop-list peers: the route has none");

    let by_list = explain("customers", view("10.9.1.0/24"));
    assert_eq!(
        by_list.decided_by.as_deref(),
        Some("policy.prefix-lists.customers.0")
    );
    assert_eq!(by_list.action, Action::Deny);
    assert_eq!(explain("customers", view("192.0.2.0/24")).decided_by, None);
    assert_eq!(
        Explanation::of(&config, &policies, "nobody", view("10.0.0.0/8")),
        None
    );
}

#[test]
fn what_makes_no_sense_is_refused_where_it_stands() {
    let long = "x".repeat(64);
    for (text, path, allowed) in [
        (
            json!({ "route-maps": { "a": [{ "action": "permit", "match": { "prefix-list": "b" } }] } }),
            "route-maps.a.0.match.prefix-list",
            "there is none yet",
        ),
        (
            json!({ "prefix-lists": { "c": [] },
                    "route-maps": { "a": [{ "action": "permit", "match": { "next-hop-list": "b" } }] } }),
            "route-maps.a.0.match.next-hop-list",
            "c",
        ),
        (
            json!({ "prefix-lists": { "a": [] }, "route-maps": { "a": [] } }),
            "route-maps.a",
            "another name",
        ),
        (
            json!({ "prefix-lists": { "a b": [] } }),
            "prefix-lists",
            "1..=63 letters, digits, '-' and '_'",
        ),
        (
            json!({ "route-maps": { long: [] } }),
            "route-maps",
            "1..=63 letters, digits, '-' and '_'",
        ),
        (
            json!({ "route-maps": { "a": [{ "action": "permit", "set": { "preference": 0 } }] } }),
            "route-maps.a.0.set.preference",
            "1..=255",
        ),
        (
            json!({ "route-maps": { "a": [{ "action": "permit", "set": { "next-hop": "224.0.0.9" } }] } }),
            "route-maps.a.0.set.next-hop",
            "the unicast address of a router",
        ),
        (
            json!({ "route-maps": { "a": [{ "action": "permit", "set": { "metric": 1, "add-metric": 1 } }] } }),
            "route-maps.a.0.set",
            "either metric or add-metric",
        ),
        (
            json!({ "route-maps": { "a": [{ "action": "permit", "set": { "add-metric": 4_294_967_296_i64 } }] } }),
            "route-maps.a.0.set.add-metric",
            "-4294967295..=4294967295",
        ),
        (
            json!({ "route-maps": { "a": [{ "action": "permit", "match": { "length": "8-129" } }] } }),
            "route-maps.a.0.match.length",
            "0..=128",
        ),
        (
            json!({ "route-maps": { "a": [{ "action": "deny", "set": { "metric": 1 } }] } }),
            "route-maps.a.0.set",
            "permit, with it; deny, without",
        ),
        (
            json!({ "route-maps": { "a": vec![json!({ "action": "deny" }); 1_001] } }),
            "route-maps.a",
            "at most 1000",
        ),
        (
            json!({ "prefix-lists": { "a": vec![json!({ "deny": "10.0.0.0/8" }); 10_001] } }),
            "prefix-lists.a",
            "at most 10000",
        ),
    ] {
        let errors = compile(&config(text)).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(
            (errors[0].path.as_str(), errors[0].allowed.as_str()),
            (path, allowed)
        );
    }
}

#[test]
fn text_that_is_no_policy_is_refused() {
    for text in [
        json!({ "prefix-lists": { "a": [{ "permit": "10.0.0.0/8", "deny": "10.0.0.0/8" }] } }),
        json!({ "prefix-lists": { "a": [{}] } }),
        json!({ "prefix-lists": { "a": [{ "permit": "10.0.0.1/8" }] } }),
        json!({ "route-maps": { "a": [{}] } }),
        json!({ "route-maps": { "a": [{ "action": "maybe" }] } }),
        json!({ "route-maps": { "a": [{ "action": "permit", "match": { "metric": "4-1" } }] } }),
        json!({ "route-maps": { "a": [{ "action": "permit", "match": { "metric": 4_294_967_296_u64 } }] } }),
        json!({ "route-maps": { "a": [{ "action": "permit", "match": { "protocol": ["ripe"] } }] } }),
        json!({ "lists": {} }),
    ] {
        assert!(
            serde_json::from_value::<PolicyConfig>(text.clone()).is_err(),
            "{text}"
        );
    }
}

#[test]
fn snapshots_share_what_stays_and_tell_what_does_not() {
    let old = config(sample());
    let before = compile(&old).unwrap();
    let mut new = old.clone();
    new.prefix_lists.insert("peers".to_owned(), Vec::new());
    new.route_maps.insert("more".to_owned(), Vec::new());
    let after = Policies::compile(&new, interface, &before).unwrap();
    assert!(Arc::ptr_eq(
        before.get("customers").unwrap(),
        after.get("customers").unwrap()
    ));
    let changed: Vec<&str> = before.changed(&after).collect();
    assert_eq!(changed, ["peers", "upstream", "more"]);

    // An interface that comes decides otherwise, one that has no part in it does not.
    let with = |name: &'static str| {
        Policies::compile(
            &old,
            |wanted| (wanted == name).then_some(InterfaceIndex(2)),
            &before,
        )
        .unwrap()
    };
    assert!(before.changed(&with("eth0")).next().is_none());
    assert_eq!(before.changed(&with("eth1")).collect::<Vec<_>>(), ["upstream"]);

    let fewer = compile(&PolicyConfig::default()).unwrap().with_names_of(&before);
    assert_eq!(fewer.get("upstream"), before.get("upstream"));
}

fn prefix4(bits: u32, length: u8) -> Prefix4 {
    Prefix4::containing(bits.into(), length).unwrap()
}

fn rules() -> impl Strategy<Value = Vec<ListRule>> {
    let rule = (any::<u32>(), 0..=32_u8, 0..=32_u8, any::<bool>()).prop_map(|(bits, a, b, permit)| {
        let prefix = prefix4(bits, a.min(b));
        ListRule {
            action: if permit { Action::Permit } else { Action::Deny },
            rule: PrefixRule::new(Prefix::V4(prefix), prefix.length(), a.max(b)).unwrap(),
        }
    });
    prop::collection::vec(rule, 0..6)
}

fn range() -> impl Strategy<Value = NumberRange<u32>> {
    (0..40_u32, 0..40_u32).prop_map(|(a, b)| NumberRange {
        low: a.min(b),
        high: a.max(b),
    })
}

fn of<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(strategy)
}

fn clauses() -> impl Strategy<Value = Vec<ClauseConfig>> {
    let matches = (
        of(Just("a".to_owned())),
        of((0..33_u8).prop_map(|low| NumberRange { low, high: 32 })),
        of(prop::collection::vec(
            prop::sample::select(vec![ProtocolId::RIP, ProtocolId::STATIC]).prop_map(SourceName),
            0..3,
        )),
        of(prop::collection::vec(range(), 0..3)),
        of(range()),
        of(Just("b".to_owned())),
        of(Just(vec!["eth0".to_owned()])),
    )
        .prop_map(
            |(prefix_list, length, protocol, tag, metric, next_hop_list, interface)| MatchConfig {
                prefix_list,
                length,
                protocol,
                tag,
                metric,
                next_hop_list,
                interface,
            },
        );
    let sets = (
        of(prop::result::maybe_ok(0..40_u32, -40..40_i64)),
        of(0..40_u32),
        of(1..=255_u8),
        of(prop::sample::select(vec![MetricType::Type1, MetricType::Type2])),
        of((0x0A00_0000..0x0AFF_FFFF_u32).prop_map(|bits| std::net::Ipv4Addr::from(bits).into())),
    )
        .prop_map(|(metric, tag, preference, metric_type, next_hop)| SetConfig {
            metric: metric.as_ref().and_then(|metric| metric.as_ref().ok().copied()),
            add_metric: metric.and_then(Result::err),
            tag,
            preference,
            metric_type,
            next_hop,
        });
    let then = of(prop::sample::select(vec![Then::Stop, Then::Next]));
    let clause =
        (any::<bool>(), of(matches), of(sets), then).prop_map(|(permit, matches, sets, then)| ClauseConfig {
            action: if permit { Action::Permit } else { Action::Deny },
            matches,
            sets: sets.filter(|_| permit),
            then: then.filter(|_| permit),
            annotate: None,
        });
    prop::collection::vec(clause, 0..6)
}

fn configs() -> impl Strategy<Value = PolicyConfig> {
    (rules(), rules(), clauses()).prop_map(|(a, b, clauses)| PolicyConfig {
        prefix_lists: [("a".to_owned(), a), ("b".to_owned(), b)].into(),
        route_maps: [("map".to_owned(), clauses)].into(),
    })
}

fn routes() -> impl Strategy<Value = RouteView> {
    let sources = prop::sample::select(vec![ProtocolId::RIP, ProtocolId::STATIC, ProtocolId::OSPF]);
    (
        any::<u32>(),
        0..=32_u8,
        sources,
        0..40_u32,
        0..40_u32,
        of(any::<u32>()),
        of(1..4_u32),
    )
        .prop_map(|(bits, length, protocol, metric, tag, hop, index)| RouteView {
            prefix: prefix4(bits, length).into(),
            protocol,
            metric,
            tag,
            preference: None,
            next_hop: hop.map(|bits| std::net::Ipv4Addr::from(bits).into()),
            interface: index.map(InterfaceIndex),
            metric_type: None,
        })
}

/// What the configuration says, clause by clause and rule by rule.
fn naive(config: &PolicyConfig, mut route: RouteView) -> (Action, RouteView) {
    let listed = |name: &str, prefix: Prefix| {
        let mut rules = config.prefix_lists[name].iter();
        let first = rules.find(|rule| rule.rule.matches(prefix));
        first.is_some_and(|rule| rule.action == Action::Permit)
    };
    let mut passes = Action::Deny;
    for clause in &config.route_maps["map"] {
        let wanted = clause.matches.clone().unwrap_or_default();
        let within = |range: &NumberRange<u32>, number: u32| (range.low..=range.high).contains(&number);
        let host = |address| match address {
            std::net::IpAddr::V4(address) => Prefix::V4(Prefix4::host(address)),
            std::net::IpAddr::V6(_) => unreachable!("only IPv4 is made"),
        };
        let holds = wanted.prefix_list.is_none_or(|name| listed(&name, route.prefix))
            && wanted
                .length
                .is_none_or(|range| (range.low..=range.high).contains(&route.prefix.length()))
            && wanted
                .protocol
                .is_none_or(|owners| owners.contains(&SourceName(route.protocol)))
            && wanted
                .tag
                .is_none_or(|tags| tags.iter().any(|tag| within(tag, route.tag)))
            && wanted.metric.is_none_or(|range| within(&range, route.metric))
            && wanted
                .next_hop_list
                .is_none_or(|name| route.next_hop.is_some_and(|hop| listed(&name, host(hop))))
            && wanted.interface.is_none_or(|names| {
                route
                    .interface
                    .is_some_and(|own| names.iter().any(|name| interface(name) == Some(own)))
            });
        if !holds {
            continue;
        }
        passes = clause.action;
        if passes == Action::Deny {
            break;
        }
        let sets = clause.sets.clone().unwrap_or_default();
        route.metric = sets.metric.unwrap_or(route.metric);
        let more = i64::from(route.metric) + sets.add_metric.unwrap_or(0);
        route.metric = u32::try_from(more.max(0)).unwrap();
        route.tag = sets.tag.unwrap_or(route.tag);
        route.preference = sets.preference.or(route.preference);
        route.metric_type = sets.metric_type.or(route.metric_type);
        route.next_hop = sets.next_hop.or(route.next_hop);
        if clause.then != Some(Then::Next) {
            break;
        }
    }
    (passes, route)
}

proptest! {
    #[test]
    fn text_is_kept(config in configs()) {
        let text = serde_json::to_value(&config).unwrap();
        prop_assert_eq!(serde_json::from_value::<PolicyConfig>(text).unwrap(), config);
    }

    #[test]
    fn what_is_compiled_decides_as_it_is_written(config in configs(), routes in prop::collection::vec(routes(), 1..20)) {
        let policies = compile(&config).unwrap();
        for route in routes {
            let verdict = policies.get("map").unwrap().evaluate(route);
            let (action, changed) = naive(&config, route);
            prop_assert_eq!(verdict.action, action);
            if action == Action::Permit {
                prop_assert_eq!(verdict.route, changed);
            }
            let said = Explanation::of(&config, &policies, "map", route).unwrap();
            prop_assert_eq!(said.action, action);
            let last = said.tried.iter().rev().find(|tried| tried.matched).map(|tried| tried.path.clone());
            prop_assert_eq!(said.decided_by, last);
        }
    }
}
