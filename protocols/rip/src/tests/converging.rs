//! Convergence, bad news, timers.

use std::time::Duration;

use serde_json::json;
use waypost_routprot::InterfaceStatus;

use super::lab::{Lab, ip, p};

fn statics() -> serde_json::Value {
    json!({ "redistribute": [{ "source": "static" }] })
}

/// 1 - link 1 - 2 - link 2 - 3.
fn chain() -> Lab {
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, json!({}))]);
    lab.router(2, json!({}), &[(1, json!({})), (2, json!({}))]);
    lab.router(3, json!({}), &[(2, json!({}))]);
    lab.secs(2);
    lab
}

#[test]
fn routes_cross_a_chain_within_milliseconds() {
    let mut lab = chain();
    assert_eq!(lab.metric(1, "10.2.0.0/24"), Some(2));
    assert_eq!(lab.gateways(3, "10.1.0.0/24"), [ip("10.2.0.2")]);
    lab.redistribute(1, [p("192.0.2.0/24")]);
    lab.run(Duration::from_millis(1));
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(2));
    assert_eq!(lab.metric(3, "192.0.2.0/24"), Some(3));
    assert_eq!(lab.row(3, "192.0.2.0/24")["source"], "learned");
}

#[test]
fn bad_news_crosses_at_once_and_garbage_is_collected() {
    let mut lab = chain();
    lab.redistribute(1, [p("192.0.2.0/24")]);
    lab.secs(5);
    assert!(lab.metric(3, "192.0.2.0/24").is_some());
    lab.withdraw(1, p("192.0.2.0/24"));
    lab.run(Duration::from_millis(1));
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    assert_eq!(lab.metric(3, "192.0.2.0/24"), None);
    assert_eq!(lab.row(3, "192.0.2.0/24")["state"], "garbage");
    // RFC 2453 §3.8: 120 s later nothing is left of it, and not a moment earlier.
    lab.secs(119);
    assert_eq!(lab.row(3, "192.0.2.0/24")["metric"], 16);
    lab.secs(2);
    assert!(lab.row(3, "192.0.2.0/24").is_null());
    assert!(lab.row(1, "192.0.2.0/24").is_null());
}

#[test]
fn a_silent_neighbour_is_forgotten_after_the_timeout() {
    let mut lab = chain();
    lab.redistribute(1, [p("192.0.2.0/24")]);
    lab.secs(60);
    lab.cut.push(1);
    let before = lab.now;
    lab.secs(140);
    assert!(lab.metric(2, "192.0.2.0/24").is_some(), "still within 180 s");
    lab.run_until(before + Duration::from_secs(181));
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    // And the neighbour behind hears of it at once.
    assert_eq!(lab.metric(3, "192.0.2.0/24"), None);
    assert_eq!(
        lab.show(2, waypost_routprot::Topic::Neighbors)
            .as_array()
            .unwrap()
            .len(),
        1
    );
    lab.cut.clear();
    lab.secs(40);
    assert_eq!(lab.metric(3, "192.0.2.0/24"), Some(3));
}

#[test]
fn refreshed_routes_never_expire() {
    let mut lab = chain();
    lab.redistribute(1, [p("192.0.2.0/24")]);
    lab.secs(1);
    lab.quiet();
    lab.secs(3600);
    assert_eq!(lab.metric(3, "192.0.2.0/24"), Some(3));
    assert!(
        lab.nodes[&3].route_batches.is_empty(),
        "nothing changed, nothing was told"
    );
}

#[test]
fn regular_updates_come_every_thirty_seconds_with_jitter() {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, json!({})), (2, json!({}))]);
    lab.secs(1);
    lab.quiet();
    lab.secs(3600);
    let times: Vec<_> = lab.nodes[&1]
        .sent
        .iter()
        .filter(|sent| sent.port.0 == 1)
        .map(|sent| sent.at)
        .collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert!(gaps.len() > 100);
    assert!(
        gaps.iter()
            .all(|gap| (Duration::from_secs(25)..=Duration::from_secs(35)).contains(gap))
    );
    let distinct: std::collections::BTreeSet<_> = gaps.iter().collect();
    assert!(distinct.len() > 50, "the offsets are random");
}

/// 1, 2 and 3 in a triangle; the network 192.0.2.0/24 behind 1.
fn triangle(options: &serde_json::Value) -> Lab {
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, options.clone()), (3, options.clone())]);
    lab.router(2, json!({}), &[(1, options.clone()), (2, options.clone())]);
    lab.router(3, json!({}), &[(2, options.clone()), (3, options.clone())]);
    lab.redistribute(1, [p("192.0.2.0/24")]);
    lab.secs(40);
    lab
}

#[test]
fn an_alternative_takes_over_at_once() {
    let mut lab = triangle(&json!({ "poison-reverse": false, "split-horizon": false }));
    assert_eq!(lab.gateways(2, "192.0.2.0/24"), [ip("10.1.0.1")]);
    lab.status(2, 1, &InterfaceStatus::MediaAbsent);
    assert_eq!(lab.gateways(2, "192.0.2.0/24"), [ip("10.2.0.3")]);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(3));
}

#[test]
fn counting_to_infinity_ends_quickly_even_without_split_horizon() {
    for options in [
        json!({ "split-horizon": false }),
        json!({ "poison-reverse": false }),
        json!({}),
    ] {
        let mut lab = triangle(&options);
        lab.quiet();
        lab.withdraw(1, p("192.0.2.0/24"));
        lab.secs(20);
        for node in 1..=3 {
            assert_eq!(
                lab.metric(node, "192.0.2.0/24"),
                None,
                "node {node} with {options}"
            );
            let said = lab.said(node, 3, "192.0.2.0/24").len() + lab.said(node, 2, "192.0.2.0/24").len();
            assert!(said < 80, "node {node} spoke {said} times with {options}");
        }
    }
}

#[test]
fn equal_ways_are_used_together_and_one_alone_when_told() {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, json!({})), (2, json!({ "ecmp-weight": 3 }))]);
    for host in [7, 8] {
        lab.announce(1, 1, host, &[("192.0.2.0/24", 3)]);
    }
    lab.announce(1, 2, 9, &[("192.0.2.0/24", 3)]);
    lab.announce(1, 2, 10, &[("192.0.2.0/24", 4)]);
    assert_eq!(
        lab.gateways(1, "192.0.2.0/24"),
        [ip("10.1.0.7"), ip("10.1.0.8"), ip("10.2.0.9")]
    );
    let weights: Vec<_> = lab.nodes[&1].routes[&p("192.0.2.0/24")]
        .next_hops
        .iter()
        .map(|hop| hop.weight)
        .collect();
    assert_eq!(weights, [1, 1, 3]);
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 16)]);
    assert_eq!(lab.gateways(1, "192.0.2.0/24"), [ip("10.1.0.8"), ip("10.2.0.9")]);
    lab.configure_global(1, json!({ "ecmp": 1 }));
    assert_eq!(lab.gateways(1, "192.0.2.0/24"), [ip("10.1.0.8")]);
    // RFC 2453 §3.9.2: an equally good way does not replace the one in use.
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 3)]);
    assert_eq!(lab.gateways(1, "192.0.2.0/24"), [ip("10.1.0.8")]);
    // A better one does.
    lab.announce(1, 2, 10, &[("192.0.2.0/24", 1)]);
    assert_eq!(lab.gateways(1, "192.0.2.0/24"), [ip("10.2.0.10")]);
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(2));
    // Nor does one that was heard of earlier, and caught up.
    lab.announce(1, 1, 8, &[("192.0.2.0/24", 1)]);
    assert_eq!(lab.gateways(1, "192.0.2.0/24"), [ip("10.2.0.10")]);
    lab.announce(1, 1, 8, &[("192.0.2.0/24", 3)]);
    // A worse announcement of the way in use is believed at once.
    lab.announce(1, 2, 10, &[("192.0.2.0/24", 9)]);
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(4));
}

#[test]
fn the_first_change_goes_at_once_and_the_next_waits() {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({ "triggered-delay": 5000 }),
        &[(1, json!({})), (2, json!({}))],
    );
    lab.secs(10);
    lab.quiet();
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 3)]);
    assert_eq!(lab.said(1, 2, "192.0.2.0/24"), [4], "in the same instant");
    let began = lab.now;
    lab.run(Duration::from_millis(300));
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 5)]);
    lab.announce(1, 1, 7, &[("198.51.100.0/24", 1)]);
    assert_eq!(lab.said(1, 2, "192.0.2.0/24"), [4], "it waits");
    lab.run_until(began + Duration::from_millis(5000));
    assert_eq!(lab.said(1, 2, "192.0.2.0/24"), [4, 6]);
    assert_eq!(lab.said(1, 2, "198.51.100.0/24"), [2]);
    assert_eq!(lab.counter(1, 2, "triggered-updates-sent"), 2);
}

#[test]
fn a_triggered_update_carries_only_what_changed() {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, json!({})), (2, json!({}))]);
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 3), ("198.51.100.0/24", 3)]);
    lab.secs(10);
    lab.quiet();
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 4), ("198.51.100.0/24", 3)]);
    lab.run(Duration::from_millis(500));
    let entries: Vec<_> = lab.nodes[&1]
        .sent
        .iter()
        .filter(|sent| sent.port.0 == 2)
        .flat_map(super::lab::Sent::entries)
        .collect();
    assert_eq!(entries, [("192.0.2.0/24".to_owned(), 5)]);
}
