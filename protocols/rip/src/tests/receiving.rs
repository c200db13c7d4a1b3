//! Every check of a received message.

use std::net::SocketAddr;

use proptest::prelude::*;
use serde_json::json;

use super::lab::{Lab, entry, host, ip, message, p, response};
use crate::packet::{Command, Entry, Version};

fn one(options: serde_json::Value) -> Lab {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, options), (2, json!({}))]);
    lab
}

#[test]
fn who_is_believed() {
    let good = response(&[("192.0.2.0/24", 1)]);
    for (from, believed) in [
        (host(1, 7), true),
        // RFC 2453 §3.9.2: from the RIP port,
        (SocketAddr::new(host(1, 7).ip(), 521), false),
        // from a network of the link,
        (SocketAddr::new(ip("10.3.0.7").into(), 520), false),
        (SocketAddr::new(ip("10.2.0.7").into(), 520), false),
        // and not from ourselves, whichever address of ours it is.
        (host(1, 1), false),
        (host(2, 1), false),
    ] {
        let mut lab = one(json!({}));
        lab.inject(1, 1, from, &good);
        assert_eq!(lab.metric(1, "192.0.2.0/24").is_some(), believed, "{from}");
    }
}

#[test]
fn which_versions_are_accepted() {
    let v1 = message(
        Command::Response,
        Version::V1,
        &[Entry {
            mask: ip("0.0.0.0"),
            ..entry("192.0.2.0/24", 1)
        }],
    );
    let v2 = response(&[("192.0.2.0/24", 1)]);
    for (accept, takes_v1, takes_v2) in [
        ("none", false, false),
        ("v1", true, false),
        ("v2", false, true),
        ("both", true, true),
    ] {
        for (octets, takes) in [(&v1, takes_v1), (&v2, takes_v2)] {
            let mut lab = one(json!({ "accept": accept }));
            lab.inject(1, 1, host(1, 7), octets);
            assert_eq!(lab.metric(1, "192.0.2.0/24").is_some(), takes, "{accept}");
        }
    }
    // RFC 1058 §3.1: version 0 is ignored, a later one is read.
    let mut lab = one(json!({}));
    let mut other = v2;
    other[1] = 0;
    lab.inject(1, 1, host(1, 7), &other);
    assert_eq!(lab.metric(1, "192.0.2.0/24"), None);
    assert_eq!(lab.counter(1, 1, "malformed"), 1);
    other[1] = 3;
    lab.inject(1, 1, host(1, 7), &other);
    assert!(lab.metric(1, "192.0.2.0/24").is_some());
}

#[test]
fn invalid_entries_are_skipped_and_counted_and_the_rest_is_taken() {
    let bad = [
        Entry {
            family: 7,
            ..entry("198.51.100.0/24", 1)
        },
        Entry {
            metric: 0,
            ..entry("198.51.100.0/24", 1)
        },
        Entry {
            metric: 17,
            ..entry("198.51.100.0/24", 1)
        },
        Entry {
            metric: 0x0100_0001,
            ..entry("198.51.100.0/24", 1)
        },
        Entry {
            mask: ip("255.0.255.0"),
            ..entry("198.51.100.0/24", 1)
        },
        Entry {
            address: ip("198.51.100.1"),
            ..entry("198.51.100.0/24", 1)
        },
        entry("127.0.0.0/8", 1),
        entry("224.0.0.0/4", 1),
        entry("240.0.0.0/8", 1),
        entry("0.0.0.0/8", 1),
        entry("10.1.0.255/32", 1),
    ];
    let mut lab = one(json!({}));
    let mut entries = bad.to_vec();
    entries.insert(3, entry("192.0.2.0/24", 1));
    lab.inject(
        1,
        1,
        host(1, 7),
        &message(Command::Response, Version::V2, &entries),
    );
    assert_eq!(lab.nodes[&1].routes.len(), 1);
    assert_eq!(lab.counter(1, 1, "bad-response-entries"), bad.len() as u64);
    assert_eq!(lab.counter(1, 1, "bad-response-packets"), 0);
    let neighbors = lab.show(1, waypost_routprot::Topic::Neighbors);
    assert_eq!(neighbors[0]["bad-entries"], bad.len());
}

#[test]
fn must_be_zero_fields_of_version_1_are_checked_when_wanted() {
    let version_1 = |tag| {
        let entry = Entry {
            tag,
            mask: ip("0.0.0.0"),
            ..entry("192.0.2.0/24", 1)
        };
        message(Command::Response, Version::V1, &[entry])
    };
    let mut header = version_1(0);
    header[3] = 1;
    for octets in [header, version_1(9)] {
        for check in [true, false] {
            let mut lab = one(json!({ "check-zero": check }));
            lab.inject(1, 1, host(1, 7), &octets);
            assert_eq!(lab.metric(1, "192.0.2.0/24").is_none(), check);
        }
    }
}

#[test]
fn must_be_zero_fields_of_later_versions_are_ignored() {
    for version in [2, 3] {
        let mut lab = one(json!({}));
        let mut octets = response(&[("192.0.2.0/24", 1)]);
        octets[1] = version;
        octets[2..4].copy_from_slice(&[0xAB, 0xCD]);
        lab.inject(1, 1, host(1, 7), &octets);
        assert!(lab.metric(1, "192.0.2.0/24").is_some());
        assert_eq!(lab.counter(1, 1, "malformed"), 0);
    }
}

#[test]
fn packets_that_crossed_a_router() {
    for (security, ttl, taken) in [
        ("on", 254, false),
        ("on", 255, true),
        ("off", 3, true),
        ("tx-only", 3, true),
    ] {
        let mut lab = one(json!({ "ttl-security": security }));
        lab.inject_with_ttl(1, 1, host(1, 7), &response(&[("192.0.2.0/24", 1)]), ttl);
        assert_eq!(lab.metric(1, "192.0.2.0/24").is_some(), taken, "{security} {ttl}");
        let port = &lab.nodes[&1].ports[&waypost_engine::PortId(1)];
        assert_eq!(port.multicast_ttl, if security == "off" { 1 } else { 255 });
        assert_eq!(port.minimum_ttl, if security == "on" { 255 } else { 0 });
    }
}

#[test]
fn next_hops_are_honoured_on_the_link_only() {
    for (named, used) in [
        ("0.0.0.0", Some("10.1.0.7")),
        ("10.1.0.9", Some("10.1.0.9")),
        ("10.2.0.9", Some("10.1.0.7")),
        ("192.0.2.1", Some("10.1.0.7")),
        // The addresses of all and of none.
        ("10.1.0.255", Some("10.1.0.7")),
        ("10.1.0.0", Some("10.1.0.7")),
        // Through ourselves: no route.
        ("10.1.0.1", None),
        ("10.2.0.1", None),
    ] {
        let mut lab = one(json!({}));
        let octets = message(
            Command::Response,
            Version::V2,
            &[Entry {
                next_hop: ip(named),
                ..entry("192.0.2.0/24", 1)
            }],
        );
        lab.inject(1, 1, host(1, 7), &octets);
        assert_eq!(
            lab.gateways(1, "192.0.2.0/24").first().copied(),
            used.map(ip),
            "{named}"
        );
    }
}

#[test]
fn masks_of_version_1_are_inferred() {
    for (address, prefix) in [
        ("0.0.0.0", "0.0.0.0/0"),
        ("172.16.0.0", "172.16.0.0/16"),
        ("11.0.0.0", "11.0.0.0/8"),
        // In the class network of the link its own mask applies.
        ("10.7.9.0", "10.7.9.0/24"),
        ("10.7.9.3", "10.7.9.3/32"),
        // Elsewhere what is no class network is a host.
        ("172.16.3.0", "172.16.3.0/32"),
    ] {
        for version in [Version::V1, Version::V2] {
            let mut lab = one(json!({}));
            let octets = message(
                Command::Response,
                version,
                &[Entry {
                    address: ip(address),
                    mask: ip("0.0.0.0"),
                    ..entry("0.0.0.0/0", 1)
                }],
            );
            lab.inject(1, 1, host(1, 7), &octets);
            let known: Vec<_> = lab.nodes[&1].routes.keys().copied().collect();
            assert_eq!(known, [p(prefix)], "{address} in {version:?}");
        }
    }
}

#[test]
fn the_accept_options() {
    let heard = [("0.0.0.0/0", 1), ("192.0.2.1/32", 1), ("192.0.2.0/24", 1)];
    for (options, taken) in [
        (json!({}), [true, true, true]),
        (json!({ "accept-default-route": false }), [false, true, true]),
        (json!({ "accept-host-routes": false }), [true, false, true]),
        (
            json!({ "accept-filter": [{ "permit": "192.0.2.0/24" }] }),
            [false, false, true],
        ),
        (json!({ "metric": 15 }), [false; 3]),
    ] {
        let mut lab = one(options.clone());
        lab.announce(1, 1, 7, &heard);
        assert_eq!(
            heard.map(|(prefix, _)| lab.metric(1, prefix).is_some()),
            taken,
            "{options}"
        );
    }
}

#[test]
fn the_peer_filter() {
    for (filter, seven, eight) in [
        ("off", true, true),
        ("include", true, false),
        ("exclude", false, true),
    ] {
        let mut lab = Lab::new();
        lab.router(
            1,
            json!({ "peer-filter": filter, "peers": ["10.1.0.7"] }),
            &[(1, json!({}))],
        );
        lab.announce(1, 1, 7, &[("192.0.2.0/24", 1)]);
        lab.announce(1, 1, 8, &[("198.51.100.0/24", 1)]);
        assert_eq!(lab.metric(1, "192.0.2.0/24").is_some(), seven, "{filter}");
        assert_eq!(lab.metric(1, "198.51.100.0/24").is_some(), eight, "{filter}");
    }
}

#[test]
fn floods_fill_no_more_than_the_bounds() {
    let mut lab = one(json!({ "maximum-routes": 100 }));
    for sender in 0..2000_u32 {
        let routes: Vec<Entry> = (0..25)
            .map(|n| {
                entry(
                    &format!("172.{}.{}.0/24", 16 + sender % 16, n),
                    1 + (sender + n) % 15,
                )
            })
            .collect();
        let from = SocketAddr::new(std::net::Ipv4Addr::from(0x0A01_0002 + sender % 250).into(), 520);
        lab.inject(1, 1, from, &message(Command::Response, Version::V2, &routes));
    }
    assert_eq!(
        lab.nodes[&1].rip.table.heard_on(waypost_types::InterfaceIndex(1)),
        100
    );
    assert!(lab.nodes[&1].rip.table.len() <= 102);
    assert!(lab.counter(1, 1, "excess-routes") > 1000);
    // Withdrawing makes room again.
    for sender in 0..250_u32 {
        let from = SocketAddr::new(std::net::Ipv4Addr::from(0x0A01_0002 + sender).into(), 520);
        let routes: Vec<Entry> = (0..16)
            .flat_map(|a| (0..25).map(move |n| entry(&format!("172.{}.{}.0/24", 16 + a, n), 16)))
            .collect();
        lab.inject(1, 1, from, &message(Command::Response, Version::V2, &routes));
    }
    assert_eq!(
        lab.nodes[&1].rip.table.heard_on(waypost_types::InterfaceIndex(1)),
        0
    );
    assert!(lab.nodes[&1].routes.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever arrives: no panic, no route outside what may be routed, every bound kept, and time still passes.
    #[test]
    fn anything_may_arrive(
        datagrams in prop::collection::vec(
            (any::<bool>(), 1u8..3, prop::collection::vec(
                (prop_oneof![Just(2u16), Just(0), Just(0xFFFF), any::<u16>()], any::<u32>(), 0u32..34, any::<u32>(), 0u32..18), 0..6),
             prop::collection::vec(any::<u8>(), 0..8), 0u8..20),
            0..40)
    ) {
        let mut lab = one(json!({ "maximum-routes": 20 }));
        for (request, version, entries, tail, from) in datagrams {
            let entries: Vec<Entry> = entries
                .into_iter()
                .map(|(family, address, length, next_hop, metric)| {
                    let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
                    Entry { family, tag: 0, address: (address & mask).into(), mask: mask.into(), next_hop: next_hop.into(), metric }
                })
                .collect();
            let command = if request { Command::Request } else { Command::Response };
            let version = if version == 1 { Version::V1 } else { Version::V2 };
            let mut octets = message(command, version, &entries);
            octets.extend(tail);
            lab.inject(1, 1, host(1, from), &octets);
            lab.secs(7);
        }
        prop_assert!(lab.nodes[&1].rip.table.heard_on(waypost_types::InterfaceIndex(1)) <= 20);
        for (prefix, route) in &lab.nodes[&1].routes {
            prop_assert!(crate::redistribute::is_announceable(*prefix));
            prop_assert!((2..16).contains(&route.metric));
        }
        lab.secs(400);
        prop_assert!(lab.nodes[&1].routes.is_empty());
        prop_assert_eq!(lab.nodes[&1].rip.table.len(), 2);
    }
}
