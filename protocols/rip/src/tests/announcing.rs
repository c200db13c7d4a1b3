//! What is said where: split horizon, filters, version 1, summaries, next hops, neighbours.

use std::net::IpAddr;

use serde_json::json;
use waypost_engine::PortId;
use waypost_types::{BestRoute, InterfaceIndex, NextHop, Prefix, ProtocolId, Route, RouteKind, RouteNotice};

use super::lab::{Lab, Sent, address, ip, p};
use crate::packet::{Message, Version};

/// One router on links 1 and 2 with options on link 2, which hears 192.0.2.0/24 on link 1, after a regular update.
fn one(options: serde_json::Value, heard: &[(&str, u32)]) -> Lab {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, json!({})), (2, options)]);
    lab.announce(1, 1, 7, heard);
    lab.secs(5);
    lab.quiet();
    lab.secs(36);
    // Keep what was heard alive.
    lab.announce(1, 1, 7, heard);
    lab
}

#[test]
fn split_horizon_and_poison_reverse() {
    for (options, back) in [
        (json!({}), vec![16]),
        (json!({ "poison-reverse": false }), vec![]),
        (json!({ "split-horizon": false }), vec![3]),
    ] {
        let mut lab = Lab::new();
        lab.router(1, json!({}), &[(1, options.clone()), (2, json!({}))]);
        lab.announce(1, 1, 7, &[("192.0.2.0/24", 2)]);
        lab.secs(2);
        lab.quiet();
        lab.secs(36);
        let mut said = lab.said(1, 1, "192.0.2.0/24");
        said.dedup();
        assert_eq!(said, back, "{options}");
        assert!(lab.said(1, 2, "192.0.2.0/24").starts_with(&[3]));
        // A network of the link itself is not announced into it.
        assert!(lab.said(1, 1, "10.1.0.0/24").is_empty());
        assert!(lab.said(1, 2, "10.1.0.0/24").starts_with(&[1]));
    }
}

#[test]
fn options_that_choose_what_is_announced() {
    let heard = [
        ("0.0.0.0/0", 1),
        ("192.0.2.1/32", 1),
        ("192.0.2.0/24", 1),
        ("198.51.100.0/24", 1),
    ];
    for (options, said) in [
        (json!({}), [true, true, true, true]),
        (
            json!({ "announce-default-route": false }),
            [false, true, true, true],
        ),
        (
            json!({ "announce-host-routes": false }),
            [true, false, true, true],
        ),
        (
            json!({ "announce-filter": [{ "deny": "192.0.2.0/24 le 32" }] }),
            [true, false, false, true],
        ),
        (json!({ "announce": "none" }), [false; 4]),
        (json!({ "passive": true }), [false; 4]),
        (json!({ "update-mode": "demand" }), [false; 4]),
    ] {
        let lab = one(options.clone(), &heard);
        let announced = heard.map(|(prefix, _)| !lab.said(1, 2, prefix).is_empty());
        assert_eq!(announced, said, "{options}");
    }
}

#[test]
fn metric_and_tag_of_announcements() {
    let lab = one(
        json!({ "metric-out": 4, "route-tag": 77 }),
        &[("192.0.2.0/24", 2), ("198.51.100.0/24", 12)],
    );
    assert!(lab.said(1, 2, "192.0.2.0/24").iter().all(|metric| *metric == 7));
    assert!(
        lab.said(1, 2, "198.51.100.0/24")
            .iter()
            .all(|metric| *metric == 16)
    );
    let sent = lab.nodes[&1]
        .sent
        .iter()
        .find(|sent| sent.port == PortId(2))
        .unwrap();
    assert!(
        Message::decode(&sent.octets)
            .unwrap()
            .entries()
            .all(|entry| entry.tag == 77)
    );
}

#[test]
fn a_default_route_is_originated_where_that_is_wanted() {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({}),
        &[(1, json!({})), (2, json!({ "originate-default": 5 }))],
    );
    lab.secs(1);
    assert_eq!(lab.said(1, 2, "0.0.0.0/0"), [5]);
    assert!(lab.said(1, 1, "0.0.0.0/0").is_empty());
    lab.quiet();
    lab.configure(1, 2, json!({ "originate-default": 6 }));
    assert_eq!(lab.said(1, 2, "0.0.0.0/0"), [6]);
    lab.quiet();
    lab.configure(1, 2, json!({}));
    assert_eq!(lab.said(1, 2, "0.0.0.0/0"), [16]);
    assert!(lab.row(1, "0.0.0.0/0").is_null());
}

#[test]
fn version_1_says_only_what_it_can_say() {
    let heard = [
        ("0.0.0.0/0", 1),
        ("10.9.0.0/24", 1),
        ("10.8.0.0/16", 1),
        ("172.16.1.0/24", 5),
        ("172.16.2.0/24", 3),
        ("192.0.2.0/24", 1),
        ("192.0.2.128/25", 2),
        ("198.51.0.0/16", 1),
    ];
    let lab = one(json!({ "announce": "v1" }), &heard);
    let sent: Vec<&Sent> = lab.nodes[&1]
        .sent
        .iter()
        .filter(|sent| sent.port == PortId(2))
        .collect();
    let message = Message::decode(&sent[0].octets).unwrap();
    assert_eq!(message.version, Version::V1);
    assert!(message.entries().all(|entry| entry.is_version_1_clean()));
    assert_eq!(sent[0].to.ip(), IpAddr::from(ip("10.2.0.255")));
    let said: Vec<(String, u32)> = message
        .entries()
        .map(|entry| (entry.address.to_string(), entry.metric))
        .collect();
    let expected = [
        ("0.0.0.0", 2),
        // 10.8.0.0/16 has another mask than the link's network 10.2.0.0/24: it would be misunderstood.
        ("10.1.0.0", 1),
        ("10.9.0.0", 2),
        ("172.16.0.0", 4),
        ("192.0.2.0", 2),
    ];
    assert_eq!(
        said,
        expected.map(|(address, metric)| (address.to_owned(), metric))
    );
}

#[test]
fn where_version_1_listens_version_2_says_what_it_can_read() {
    let heard = [
        ("0.0.0.0/0", 1),
        ("10.9.0.0/24", 1),
        // Another mask than the link's, 10.2.0.0/24, in its class network; a subnet; a supernet.
        ("10.8.0.0/16", 1),
        ("172.16.1.0/24", 5),
        ("198.51.0.0/16", 1),
    ];
    for (options, readable) in [
        (json!({ "announce": "v1-compatible" }), true),
        (json!({ "announce": "v1-compatible", "summarise": false }), false),
        (json!({ "announce": "v2-multicast" }), false),
    ] {
        let lab = one(options.clone(), &heard);
        for always in ["0.0.0.0/0", "10.9.0.0/24"] {
            assert!(lab.said(1, 2, always).starts_with(&[2]), "{options}: {always}");
        }
        for misread in ["10.8.0.0/16", "172.16.1.0/24", "198.51.0.0/16"] {
            assert_eq!(
                lab.said(1, 2, misread).is_empty(),
                readable,
                "{options}: {misread}"
            );
        }
        assert_eq!(lab.said(1, 2, "172.16.0.0/16").is_empty(), !readable, "{options}");
    }
}

#[test]
fn summaries_of_version_2() {
    let heard = [
        ("172.16.1.0/24", 5),
        ("172.16.2.0/24", 3),
        ("10.9.0.0/24", 1),
        ("198.51.0.0/16", 1),
    ];
    let lab = one(json!({ "summarise": true }), &heard);
    assert!(lab.said(1, 2, "172.16.0.0/16").starts_with(&[4]));
    assert!(lab.said(1, 2, "172.16.1.0/24").is_empty());
    // Inside their class network subnets are told apart, and supernets are no subnets.
    assert!(lab.said(1, 2, "10.9.0.0/24").starts_with(&[2]));
    assert!(lab.said(1, 2, "198.51.0.0/16").starts_with(&[2]));
}

#[test]
fn rules_change_what_is_announced_and_what_is_taken() {
    let mut lab = one(
        json!({
            "metric-out": 1,
            "announce-filter": [
                { "permit": "192.0.2.0/24", "metric": 7, "tag": 9 },
                { "permit": "198.51.100.0/24", "add-metric": 3 },
                { "deny": "203.0.113.0/24" },
            ],
        }),
        &[
            ("192.0.2.0/24", 1),
            ("198.51.100.0/24", 1),
            ("203.0.113.0/24", 1),
            ("10.9.0.0/24", 1),
        ],
    );
    for (prefix, metric) in [("192.0.2.0/24", 8), ("198.51.100.0/24", 6), ("10.9.0.0/24", 3)] {
        assert!(lab.said(1, 2, prefix).starts_with(&[metric]), "{prefix}");
    }
    assert!(lab.said(1, 2, "203.0.113.0/24").is_empty());
    // On the other side, live: the metric that was received is kept, so that the rule can be taken back.
    lab.quiet();
    lab.configure(
        1,
        1,
        json!({ "accept-filter": [{ "permit": "10.9.0.0/24", "add-metric": 4, "tag": 5 }, { "permit": "0.0.0.0/0 le 32" }] }),
    );
    assert_eq!(lab.metric(1, "10.9.0.0/24"), Some(6));
    assert_eq!(lab.row(1, "10.9.0.0/24")["tag"], 5);
    assert_eq!(lab.row(1, "10.9.0.0/24")["paths"][0]["received-metric"], 1);
    assert_eq!(lab.said(1, 2, "10.9.0.0/24"), [7]);
    lab.configure(1, 1, json!({}));
    assert_eq!(lab.metric(1, "10.9.0.0/24"), Some(2));
    lab.configure(1, 1, json!({ "accept-filter": [{ "permit": "10.9.0.0/24", "metric": 15 }, { "permit": "0.0.0.0/0 le 32" }] }));
    assert_eq!(lab.metric(1, "10.9.0.0/24"), None, "15 and the cost are infinite");
}

#[test]
fn connected_networks_are_announced_with_metric_1() {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, json!({ "metric": 5 })), (2, json!({}))]);
    lab.secs(2);
    assert!(lab.said(1, 2, "10.1.0.0/24").starts_with(&[1]));
}

#[test]
fn to_whom_updates_go() {
    for (options, expected) in [
        (json!({}), vec!["224.0.0.9"]),
        (json!({ "announce": "v1-compatible" }), vec!["10.2.0.255"]),
        (
            json!({ "neighbor-mode": "also", "neighbors": ["10.2.0.44"] }),
            vec!["224.0.0.9", "10.2.0.44"],
        ),
        (
            json!({ "neighbor-mode": "only", "neighbors": ["10.2.0.44", "10.2.0.45"] }),
            vec!["10.2.0.44", "10.2.0.45"],
        ),
        (json!({ "neighbors": ["10.2.0.44"] }), vec!["224.0.0.9"]),
    ] {
        let lab = one(options.clone(), &[("192.0.2.0/24", 1)]);
        let mut to: Vec<String> = lab.nodes[&1]
            .sent
            .iter()
            .filter(|sent| sent.port == PortId(2))
            .map(|sent| {
                assert_eq!(sent.source, Some(address(1, 2).into()));
                assert_eq!(sent.to.port(), 520);
                sent.to.ip().to_string()
            })
            .collect();
        to.truncate(expected.len());
        assert_eq!(to, expected, "{options}");
    }
}

#[test]
fn a_gateway_on_the_link_is_named_as_next_hop() {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({ "redistribute": [{ "source": "static", "metric": 3 }] }),
        &[(1, json!({})), (2, json!({}))],
    );
    lab.secs(5);
    lab.quiet();
    let notice = RouteNotice {
        prefix: Prefix::V4(p("192.0.2.0/24")),
        best: Some(BestRoute {
            owner: ProtocolId::STATIC,
            preference: 1,
            route: Route {
                kind: RouteKind::Unicast,
                next_hops: [NextHop::via(ip("10.2.0.66").into(), InterfaceIndex(2))]
                    .into_iter()
                    .collect(),
                metric: 0,
                tag: 0xABCD_1234,
                preference: None,
            },
        }),
    };
    lab.handle(1, waypost_engine::Input::Routes(&[notice]));
    let named: Vec<_> = lab.nodes[&1]
        .sent
        .iter()
        .map(|sent| {
            let entry = Message::decode(&sent.octets).unwrap().entries().next().unwrap();
            (sent.port.0, entry.next_hop, entry.metric, entry.tag)
        })
        .collect();
    assert_eq!(
        named,
        [(1, ip("0.0.0.0"), 3, 0x1234), (2, ip("10.2.0.66"), 3, 0x1234)]
    );
}

#[test]
fn neighbours_named_for_all_interfaces_are_spoken_to_on_their_own_link() {
    let mut lab = Lab::new();
    let neighbors = ["10.1.0.44", "10.2.0.44", "10.2.0.1", "203.0.113.1"];
    lab.router(
        1,
        json!({ "neighbor-mode": "only", "neighbors": neighbors }),
        &[(1, json!({})), (2, json!({}))],
    );
    lab.secs(1);
    let to: std::collections::BTreeSet<(u32, String)> = lab.nodes[&1]
        .sent
        .iter()
        .map(|sent| (sent.port.0, sent.to.ip().to_string()))
        .collect();
    let expected = [(1, "10.1.0.44".to_owned()), (2, "10.2.0.44".to_owned())];
    assert_eq!(to, expected.into_iter().collect());
}
