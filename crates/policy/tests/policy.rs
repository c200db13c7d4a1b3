//! Compiled lists decide as the rules do one by one; route maps do what their clauses say.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use proptest::prelude::*;
use waypost_policy::{Action, Change, Clause, Match, PrefixList, PrefixRule, RouteMap, RouteView, Then};
use waypost_types::{InterfaceIndex, Prefix, Prefix4, Prefix6, ProtocolId};

fn rule(text: &str) -> PrefixRule {
    text.parse().unwrap()
}

fn list(rules: &[(Action, &str)]) -> PrefixList {
    PrefixList::new(rules.iter().map(|(action, text)| (*action, rule(text))))
}

#[test]
fn rules_as_text() {
    for text in [
        "10.0.0.0/8",
        "10.0.0.0/8 le 24",
        "10.0.0.0/8 ge 9",
        "10.0.0.0/8 ge 9 le 24",
        "::/0 le 64",
        "0.0.0.0/0",
    ] {
        assert_eq!(rule(text).to_string(), text);
    }
    assert_eq!(rule("10.0.0.0/8 ge 8 le 32").to_string(), "10.0.0.0/8 le 32");
    assert_eq!(rule("10.0.0.0/8 ge 9 le 32").to_string(), "10.0.0.0/8 ge 9");
    for (text, complaint) in [
        ("10.0.0.0/8 ge", "'ge' needs a length, once"),
        ("10.0.0.0/8 le 9 le 9", "'le' needs a length, once"),
        (
            "10.0.0.0/8 eq 9",
            "'eq' is not 'ge' or 'le'; expected 'PREFIX [ge N] [le M]'",
        ),
        ("10.0.0.0/8 ge 7", "lengths 7..=32 (allowed: 8 <= ge <= le <= 32)"),
        (
            "10.0.0.0/8 ge 20 le 19",
            "lengths 20..=19 (allowed: 8 <= ge <= le <= 32)",
        ),
        (
            "10.0.0.0/8 le 33",
            "lengths 8..=33 (allowed: 8 <= ge <= le <= 32)",
        ),
    ] {
        assert_eq!(text.parse::<PrefixRule>().unwrap_err().to_string(), complaint);
    }
    assert!("10.0.0.1/8".parse::<PrefixRule>().is_err());
}

#[test]
fn the_first_rule_decides() {
    let list = list(&[
        (Action::Deny, "10.1.0.0/16 le 32"),
        (Action::Permit, "10.0.0.0/8 ge 16 le 24"),
        (Action::Permit, "2001:db8::/32 le 48"),
    ]);
    let decide = |prefix: &str| list.decide(prefix.parse().unwrap());
    assert_eq!(decide("10.1.2.0/24"), Some((0, Action::Deny)));
    assert_eq!(decide("10.2.0.0/16"), Some((1, Action::Permit)));
    assert_eq!(decide("10.0.0.0/8"), None);
    assert_eq!(decide("10.255.255.0/24"), Some((1, Action::Permit)));
    assert_eq!(decide("11.0.0.0/24"), None);
    assert_eq!(decide("2001:db8:1::/48"), Some((2, Action::Permit)));
    assert_eq!(decide("2001:db9::/48"), None);
    assert!(PrefixList::new([]).decide("0.0.0.0/0".parse().unwrap()).is_none());
    let everything = PrefixList::new([(Action::Permit, rule("0.0.0.0/0 le 32"))]);
    assert!(everything.permits("255.255.255.255/32".parse().unwrap()));
    assert!(!everything.permits("::/0".parse().unwrap()));
}

fn prefix() -> impl Strategy<Value = Prefix> {
    // Few bits, at both ends of the address space, so that rules and prefixes meet.
    let bits = prop::sample::select(&[0_u8, 1, 10, 128, 254, 255][..]);
    prop_oneof![
        (prop::array::uniform4(bits.clone()), 0..=32_u8)
            .prop_map(|(octets, length)| { Prefix::V4(Prefix4::containing(octets.into(), length).unwrap()) }),
        (prop::array::uniform16(bits), 0..=128_u8)
            .prop_map(|(octets, length)| { Prefix::V6(Prefix6::containing(octets.into(), length).unwrap()) }),
    ]
}

fn any_rule() -> impl Strategy<Value = (Action, PrefixRule)> {
    (prefix(), any::<(u8, u8)>(), any::<bool>()).prop_map(|(prefix, (a, b), permit)| {
        let longest = if matches!(prefix, Prefix::V4(_)) { 32 } else { 128 };
        let span = longest - prefix.length() + 1;
        let (a, b) = (prefix.length() + a % span, prefix.length() + b % span);
        let action = if permit { Action::Permit } else { Action::Deny };
        (action, PrefixRule::new(prefix, a.min(b), a.max(b)).unwrap())
    })
}

proptest! {
    #[test]
    fn compiled_lists_agree_with_their_rules(
        rules in prop::collection::vec(any_rule(), 0..30),
        prefixes in prop::collection::vec(prefix(), 1..50),
    ) {
        let list = PrefixList::new(rules.clone());
        // Whatever a rule is about, at its edges.
        let edges = rules.iter().map(|(_, rule)| rule.prefix);
        for prefix in prefixes.into_iter().chain(edges) {
            let naive = rules.iter().position(|(_, rule)| rule.matches(prefix));
            prop_assert_eq!(list.decide(prefix), naive.map(|number| (number, rules[number].0)));
        }
        for (_, rule) in rules {
            prop_assert_eq!(rule.to_string().parse::<PrefixRule>(), Ok(rule));
        }
    }
}

fn view(prefix: &str) -> RouteView {
    RouteView {
        prefix: prefix.parse().unwrap(),
        protocol: ProtocolId::RIP,
        metric: 5,
        tag: 0,
        preference: None,
        next_hop: Some("192.0.2.1".parse().unwrap()),
        interface: Some(InterfaceIndex(2)),
        metric_type: None,
    }
}

fn clause(action: Action, matches: Vec<Match>, changes: Vec<Change>) -> Clause {
    Clause {
        action,
        matches,
        changes,
        then: Then::Stop,
    }
}

#[test]
fn clauses_match_change_and_decide() {
    let private = Arc::new(list(&[(Action::Permit, "10.0.0.0/8 le 32")]));
    let neighbours = Arc::new(list(&[(Action::Permit, "192.0.2.0/24 le 32")]));
    let map = RouteMap::new(vec![
        clause(
            Action::Deny,
            vec![Match::Prefix(private.clone()), Match::Length(25..=32)],
            vec![],
        ),
        Clause {
            then: Then::Next,
            ..clause(
                Action::Permit,
                vec![Match::Prefix(private), Match::Protocol(vec![ProtocolId::RIP])],
                vec![Change::Tag(7), Change::MetricBy(10)],
            )
        },
        clause(
            Action::Permit,
            vec![
                Match::Tag(vec![7..=7]),
                Match::NextHop(neighbours),
                Match::Interface(vec![InterfaceIndex(2)]),
            ],
            vec![Change::MetricBy(-100), Change::Preference(9)],
        ),
        clause(
            Action::Permit,
            vec![Match::Metric(100..=u32::MAX)],
            vec![Change::Metric(1)],
        ),
    ]);
    let verdict = map.evaluate(view("10.0.0.128/25"));
    assert_eq!((verdict.action, verdict.clause), (Action::Deny, Some(0)));
    let verdict = map.evaluate(view("10.1.0.0/16"));
    assert_eq!((verdict.action, verdict.clause), (Action::Permit, Some(2)));
    assert_eq!(
        (verdict.route.metric, verdict.route.tag, verdict.route.preference),
        (0, 7, Some(9))
    );
    // It goes on, but nothing after it matches: it passes as it is.
    let elsewhere = RouteView {
        interface: Some(InterfaceIndex(3)),
        ..view("10.1.0.0/16")
    };
    let (verdict, attempts) = map.explain(elsewhere);
    assert_eq!(
        (verdict.action, verdict.clause, verdict.route.metric),
        (Action::Permit, Some(1), 15)
    );
    let failed: Vec<_> = attempts.iter().map(|attempt| attempt.failed).collect();
    assert_eq!(failed, [Some(1), None, Some(2), Some(0)]);
    assert_eq!(map.evaluate(elsewhere), verdict);
    let far = RouteView {
        metric: 200,
        ..view("192.168.0.0/16")
    };
    assert_eq!(map.evaluate(far).route.metric, 1);
    let verdict = map.evaluate(view("192.168.0.0/16"));
    assert_eq!((verdict.action, verdict.clause), (Action::Deny, None));
    assert_eq!(RouteMap::default().evaluate(far).action, Action::Deny);
    let unreachable = RouteView {
        next_hop: None,
        interface: None,
        tag: 7,
        ..view("192.168.0.0/16")
    };
    assert_eq!(map.evaluate(unreachable).action, Action::Deny);
}
