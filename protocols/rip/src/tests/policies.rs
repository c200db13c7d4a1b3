//! Policies that configuration names: what they decide, and that a change of them moves only what is decided otherwise.

use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::Engine;
use waypost_routprot::{BlockConfig, Impact};

use super::lab::{LATENCY, Lab, compiled, ip, p};
use crate::config::{GlobalConfig, InterfaceConfig};

/// 1 with two static routes and two heard ones, 2 behind link 2; all quiet.
fn pair(policies: Value, global: Value, heard: Value, said: Value) -> Lab {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({ "triggered-delay": 5000 }),
        &[(1, json!({})), (2, json!({}))],
    );
    lab.router(2, json!({}), &[(2, json!({})), (3, json!({}))]);
    lab.policies(1, policies);
    lab.configure_global(1, global);
    lab.configure(1, 1, heard);
    lab.configure(1, 2, said);
    lab.secs(6);
    lab.redistribute(1, [p("172.16.1.0/24"), p("172.16.2.0/24")]);
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 2), ("198.51.100.0/24", 4)]);
    lab.secs(6);
    lab.quiet();
    lab
}

fn list(prefix: &str) -> Value {
    json!({ "prefix-lists": { "some": [{ "permit": prefix }] } })
}

/// One clause that wants the list `some`, and what it sets.
fn map(prefix: &str, sets: &Value) -> Value {
    json!({
        "prefix-lists": { "list": [{ "permit": prefix }] },
        "route-maps": { "some": [{ "action": "permit", "match": { "prefix-list": "list" }, "set": sets }] },
    })
}

fn redistribute() -> Value {
    json!({ "triggered-delay": 5000, "redistribute": [{ "source": "static", "metric": 3, "policy": "some" }] })
}

#[test]
fn a_policy_decides_what_is_redistributed_and_how_and_changes_live() {
    let mut lab = pair(list("172.16.1.0/24"), redistribute(), json!({}), json!({}));
    assert_eq!(lab.metric(2, "172.16.1.0/24"), Some(4));
    assert_eq!(lab.metric(2, "172.16.2.0/24"), None);

    // Said beforehand, and only what is decided otherwise moves.
    let wider = json!({ "prefix-lists": { "some": [{ "permit": "172.16.0.0/16 le 24" }] } });
    let said = lab.nodes[&1]
        .rip
        .policies_impact(&compiled(wider.clone()))
        .unwrap();
    assert_eq!(
        said,
        (
            Impact::Live,
            "1 of 2 routes of other sources are redistributed otherwise".to_owned()
        )
    );
    lab.policies(1, wider.clone());
    assert_eq!(lab.nodes[&1].rip.policies_impact(&compiled(wider)), None);
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "172.16.2.0/24"), Some(4));
    assert!(
        lab.said(1, 2, "172.16.1.0/24").is_empty(),
        "what did not change is not repeated"
    );

    // A map in its place: metric and tag are RIP's, whatever the rule says.
    lab.policies(1, map("172.16.1.0/24", &json!({ "metric": 3, "tag": 65_537 })));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "172.16.2.0/24"), None);
    assert_eq!(lab.row(2, "172.16.1.0/24")["tag"], 1);
    lab.policies(1, map("172.16.1.0/24", &json!({ "metric": 99 })));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "172.16.1.0/24"), None, "out of reach");
    lab.policies(1, map("172.16.1.0/24", &json!({ "add-metric": 5 })));
    lab.run(LATENCY);
    assert_eq!(
        lab.metric(2, "172.16.1.0/24"),
        Some(6),
        "the route's own metric, 0, and 5"
    );

    // Where others can reach it on the link they send to it without a way through us.
    let through = |lab: &mut Lab, next_hop: &str| {
        lab.policies(1, map("172.16.1.0/24", &json!({ "next-hop": next_hop })));
        lab.run(LATENCY);
        lab.gateways(2, "172.16.1.0/24")
    };
    assert_eq!(through(&mut lab, "10.2.0.9"), [ip("10.2.0.9")]);
    assert_eq!(
        through(&mut lab, "10.9.0.9"),
        [ip("10.2.0.1")],
        "of another network"
    );
    assert_eq!(lab.metric(2, "172.16.1.0/24"), Some(4), "the rule's metric");
    assert_eq!(through(&mut lab, "10.2.0.8"), [ip("10.2.0.8")]);
    assert_eq!(
        through(&mut lab, "2001:db8::1"),
        [ip("10.2.0.1")],
        "means nothing to RIP"
    );
}

#[test]
fn a_policy_decides_what_is_taken_and_changes_live() {
    let mut lab = pair(
        map("192.0.2.0/24", &json!({ "metric": 2, "preference": 7 })),
        json!({}),
        json!({ "accept-policy": "some" }),
        json!({}),
    );
    // Set to what it is, and the cost of the link.
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(3));
    assert_eq!(lab.nodes[&1].routes[&p("192.0.2.0/24")].preference, Some(7));
    assert_eq!(lab.metric(1, "198.51.100.0/24"), None);
    let other = map("198.51.100.0/24", &json!({ "add-metric": 2, "tag": 9 }));
    let (_, said) = lab.nodes[&1]
        .rip
        .policies_impact(&compiled(other.clone()))
        .unwrap();
    assert_eq!(said, "2 of 2 routes heard on eth1 are taken otherwise");
    // Without a new announcement.
    lab.policies(1, other);
    assert_eq!(lab.metric(1, "192.0.2.0/24"), None);
    assert_eq!(lab.metric(1, "198.51.100.0/24"), Some(7));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "198.51.100.0/24"), Some(8));
    assert_eq!(lab.row(2, "198.51.100.0/24")["tag"], 9);
    assert_eq!(lab.nodes[&1].opened, 2, "no port was touched");

    assert_eq!(lab.gateways(1, "198.51.100.0/24"), [ip("10.1.0.7")]);
    lab.policies(1, map("198.51.100.0/24", &json!({ "next-hop": "10.1.0.99" })));
    assert_eq!(lab.gateways(1, "198.51.100.0/24"), [ip("10.1.0.99")]);
    assert_eq!(lab.metric(1, "198.51.100.0/24"), Some(5), "as it was heard");
}

#[test]
fn a_policy_decides_what_is_announced_and_the_end_of_it_is_told() {
    let by_metric = json!({ "route-maps": { "some": [
        { "action": "permit", "match": { "metric": "1-4", "protocol": ["rip"], "interface": ["eth1"] }, "set": { "add-metric": 3 } },
    ] } });
    let mut lab = pair(
        by_metric,
        json!({}),
        json!({}),
        json!({ "announce-policy": "some" }),
    );
    assert_eq!(
        lab.metric(2, "192.0.2.0/24"),
        Some(7),
        "3 and 3 and the cost of the link"
    );
    assert_eq!(lab.metric(2, "198.51.100.0/24"), None, "its metric is 5");
    // An unreachable route has another metric than the one that let it pass.
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 16)]);
    lab.secs(6);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    assert!(lab.said(1, 2, "192.0.2.0/24").contains(&16));
    assert!(lab.said(1, 2, "198.51.100.0/24").is_empty());

    lab.announce(1, 1, 7, &[("192.0.2.0/24", 2)]);
    lab.secs(6);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(7));
    lab.quiet();
    let other = json!({ "route-maps": { "some": [{ "action": "permit", "match": { "metric": 5 } }] } });
    let (_, said) = lab.nodes[&1]
        .rip
        .policies_impact(&compiled(other.clone()))
        .unwrap();
    assert_eq!(said, "2 routes are announced otherwise on eth2");
    lab.policies(1, other);
    lab.run(Duration::from_millis(1));
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    assert_eq!(lab.metric(2, "198.51.100.0/24"), Some(6));

    let through =
        json!({ "route-maps": { "some": [{ "action": "permit", "set": { "next-hop": "10.2.0.77" } }] } });
    lab.policies(1, through);
    lab.run(LATENCY);
    assert_eq!(lab.gateways(2, "198.51.100.0/24"), [ip("10.2.0.77")]);
    assert_eq!(lab.metric(2, "198.51.100.0/24"), Some(6));
}

#[test]
fn configuration_names_its_policies() {
    let global = GlobalConfig::from_text(&json!({
        "accept-policy": "a", "announce-policy": "b",
        "redistribute": [{ "source": "static" }, { "source": "ospf", "policy": "c" }],
    }));
    let named = global.unwrap().policies();
    let named: Vec<_> = named
        .iter()
        .map(|named| (named.path.as_str(), named.name.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            ("accept-policy", "a"),
            ("announce-policy", "b"),
            ("redistribute.1.policy", "c")
        ]
    );
    assert_eq!(InterfaceConfig::default().policies(), []);
    for name in ["", "x".repeat(64).as_str()] {
        let config = InterfaceConfig::from_text(&json!({ "announce-policy": name })).unwrap();
        assert_eq!(config.validate().unwrap_err().path, "announce-policy");
    }
}
