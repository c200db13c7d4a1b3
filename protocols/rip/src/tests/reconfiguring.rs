//! Live changes: at once here and, by triggered update, at once there.

use std::time::Duration;

use serde_json::json;
use waypost_types::InterfaceIndex;

use super::lab::{LATENCY, Lab, host, ip, p, response};

/// 1 with heard routes on link 1, 2 behind link 2; all quiet, and a triggered update was sent just now.
fn pair() -> Lab {
    let mut lab = Lab::new();
    let global = json!({ "triggered-delay": 5000, "redistribute": [{ "source": "static" }] });
    lab.router(1, global, &[(1, json!({})), (2, json!({}))]);
    lab.router(2, json!({}), &[(2, json!({})), (3, json!({}))]);
    lab.secs(6);
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 2), ("198.51.100.0/24", 4)]);
    lab.run(Duration::from_millis(400));
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(4));
    lab.quiet();
    lab
}

#[test]
fn a_metric_changes_our_routes_in_the_same_instant_and_the_neighbours_within_a_latency() {
    let mut lab = pair();
    lab.configure(1, 1, json!({ "metric": 5 }));
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(7));
    assert_eq!(lab.metric(1, "198.51.100.0/24"), Some(9));
    // Although a triggered update was sent less than triggered-delay ago.
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(8));
    // The metric as received was kept: lowering it needs no new announcement.
    lab.configure(1, 1, json!({ "metric": 1 }));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(4));
    // Out of reach and back.
    lab.configure(1, 1, json!({ "metric": 14 }));
    assert_eq!(lab.metric(1, "192.0.2.0/24"), None);
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    lab.configure(1, 1, json!({ "metric": 13 }));
    lab.run(LATENCY);
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(15));
    assert_eq!(lab.nodes[&1].opened, 2, "no port was touched");
}

#[test]
fn an_announce_filter_withdraws_and_restores_at_once() {
    let mut lab = pair();
    lab.configure(1, 2, json!({ "announce-filter": [{ "deny": "192.0.2.0/24" }] }));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    assert_eq!(lab.metric(2, "198.51.100.0/24"), Some(6));
    assert_eq!(
        lab.said(1, 2, "198.51.100.0/24"),
        [0_u32; 0],
        "what did not change is not repeated"
    );
    // The bad news may get lost: regular updates repeat it for the removal interval.
    lab.quiet();
    lab.secs(60);
    lab.inject(
        1,
        1,
        host(1, 7),
        &response(&[("192.0.2.0/24", 2), ("198.51.100.0/24", 4)]),
    );
    assert!(lab.said(1, 2, "192.0.2.0/24").iter().all(|metric| *metric == 16));
    assert!(!lab.said(1, 2, "192.0.2.0/24").is_empty());
    lab.secs(100);
    lab.inject(
        1,
        1,
        host(1, 7),
        &response(&[("192.0.2.0/24", 2), ("198.51.100.0/24", 4)]),
    );
    lab.quiet();
    lab.secs(40);
    assert!(lab.said(1, 2, "192.0.2.0/24").is_empty());
    lab.configure(1, 2, json!({}));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(4));
}

#[test]
fn an_accept_filter_drops_and_takes_back_without_a_new_announcement() {
    let mut lab = pair();
    lab.configure(1, 1, json!({ "accept-filter": [{ "deny": "192.0.2.0/24" }] }));
    assert_eq!(lab.metric(1, "192.0.2.0/24"), None);
    assert_eq!(lab.row(1, "192.0.2.0/24")["state"], "garbage");
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    lab.configure(1, 1, json!({}));
    lab.run(LATENCY);
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(3));
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(4));
}

#[test]
fn redistribution_and_its_filter_change_live() {
    let mut lab = pair();
    lab.redistribute(1, [p("172.16.1.0/24"), p("172.16.2.0/24")]);
    lab.secs(6);
    assert_eq!(lab.metric(2, "172.16.1.0/24"), Some(2));
    lab.configure_global(
        1,
        json!({ "redistribute": [{ "source": "static", "metric": 9, "filter": [{ "permit": "172.16.2.0/24" }] }] }),
    );
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "172.16.1.0/24"), None);
    assert_eq!(lab.metric(2, "172.16.2.0/24"), Some(10));
    lab.configure_global(1, json!({}));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "172.16.2.0/24"), None);
    assert_eq!(lab.nodes[&1].interests.last().unwrap().len(), 0);
}

#[test]
fn defaults_reach_every_interface_that_says_nothing_else() {
    let mut lab = pair();
    lab.configure_global(1, json!({ "metric": 4 }));
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(6));
    lab.configure(1, 1, json!({ "metric": 2 }));
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(4));
    lab.configure_global(1, json!({ "preference": 99 }));
    assert_eq!(lab.nodes[&1].routes[&p("192.0.2.0/24")].preference, Some(99));
    lab.configure(1, 1, json!({ "overwrite-static-routes": true }));
    assert_eq!(lab.nodes[&1].routes[&p("192.0.2.0/24")].preference, Some(2));
}

#[test]
fn going_passive_says_goodbye_and_coming_back_says_everything() {
    let mut lab = pair();
    lab.configure(1, 2, json!({ "passive": true }));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    lab.quiet();
    lab.secs(100);
    assert!(lab.nodes[&1].sent.iter().all(|sent| sent.port.0 != 2));
    lab.inject(1, 1, host(1, 7), &response(&[("192.0.2.0/24", 2)]));
    lab.configure(1, 2, json!({}));
    lab.run(LATENCY * 3);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(4));
}

#[test]
fn timers_change_for_what_is_known_already() {
    let mut lab = pair();
    lab.configure(1, 1, json!({ "expiration-interval": 20, "removal-interval": 5 }));
    lab.secs(20);
    assert_eq!(lab.metric(1, "192.0.2.0/24"), None);
    lab.secs(6);
    assert!(lab.row(1, "192.0.2.0/24").is_null());
    lab.quiet();
    lab.configure(1, 2, json!({ "update-interval": 3 }));
    lab.secs(31);
    let updates = lab.nodes[&1].sent.iter().filter(|sent| sent.port.0 == 2).count();
    assert!((8..=13).contains(&updates), "{updates}");
}

#[test]
fn listening_stops_and_starts() {
    let mut lab = pair();
    lab.configure(1, 1, json!({ "accept": "none" }));
    assert_eq!(lab.metric(1, "192.0.2.0/24"), None);
    lab.quiet();
    lab.configure(1, 1, json!({}));
    assert_eq!(
        lab.counter(1, 1, "requests-sent"),
        2,
        "what was missed is asked for"
    );
    lab.configure(1, 1, json!({ "maximum-routes": 1 }));
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 2), ("198.51.100.0/24", 4)]);
    assert_eq!(lab.nodes[&1].rip.table.heard_on(InterfaceIndex(1)), 1);
    lab.configure(1, 1, json!({ "maximum-routes": 2 }));
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 2), ("198.51.100.0/24", 4)]);
    assert_eq!(lab.gateways(1, "198.51.100.0/24"), [ip("10.1.0.7")]);
    lab.configure(1, 1, json!({ "maximum-routes": 1 }));
    assert_eq!(lab.metric(1, "198.51.100.0/24"), None);
    assert!(lab.metric(1, "192.0.2.0/24").is_some());
}

#[test]
fn a_port_is_changed_in_place_only_when_it_must() {
    let mut lab = pair();
    let opened = lab.nodes[&1].opened;
    lab.configure(
        1,
        1,
        json!({ "route-tag": 9, "split-horizon": false, "update-interval": 60 }),
    );
    assert_eq!(lab.nodes[&1].opened, opened);
    lab.configure(1, 1, json!({ "ttl-security": "on" }));
    assert_eq!(lab.nodes[&1].opened, opened + 1);
    assert!(lab.metric(1, "192.0.2.0/24").is_some(), "no route was lost");
}

#[test]
fn the_silence_of_neighbours_is_measured_against_the_new_interval_at_once() {
    let mut lab = pair();
    let known = |lab: &Lab| lab.nodes[&1].rip.interfaces[&InterfaceIndex(1)].neighbors.len();
    lab.configure(1, 1, json!({ "expiration-interval": 20 }));
    lab.secs(18);
    assert_eq!(known(&lab), 1);
    lab.secs(3);
    assert_eq!(known(&lab), 0);
    lab.announce(1, 1, 7, &[("192.0.2.0/24", 2)]);
    lab.secs(10);
    lab.configure(1, 1, json!({ "expiration-interval": 5 }));
    assert_eq!(known(&lab), 0, "it was silent for too long already");
}
