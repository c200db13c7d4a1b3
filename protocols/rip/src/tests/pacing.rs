//! Many routes: bursts are bounded, nothing is lost on the way, work is bounded.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use waypost_types::{Prefix4, Time};

use super::lab::{Lab, Sent, host, message};
use crate::packet::{Command, Entry, Version};
use crate::update::BURST_GAP;

fn prefixes(count: u32) -> impl Iterator<Item = Prefix4> {
    (0..count).map(|n| Prefix4::containing((0xAC00_0000 + (n << 8)).into(), 24).unwrap())
}

/// No more than 16 datagrams leave within a gap.
fn assert_paced(sent: &[Sent]) {
    let mut at: BTreeMap<Time, u32> = BTreeMap::new();
    for sent in sent {
        *at.entry(sent.at).or_default() += 1;
    }
    let times: Vec<_> = at.into_iter().collect();
    for (index, (start, _)) in times.iter().enumerate() {
        let within: u32 = times[index..]
            .iter()
            .take_while(|(time, _)| time.since(*start) < BURST_GAP)
            .map(|(_, count)| count)
            .sum();
        assert!(within <= 16, "{within} datagrams within {BURST_GAP:?}");
    }
}

fn statics() -> serde_json::Value {
    json!({ "redistribute": [{ "source": "static" }] })
}

#[test]
fn ten_thousand_routes_to_a_neighbour_that_starts() {
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, json!({}))]);
    lab.redistribute(1, prefixes(10_000));
    lab.secs(10);
    lab.quiet();
    let start = lab.now;
    lab.router(2, json!({}), &[(1, json!({}))]);
    lab.run(Duration::from_millis(50));
    assert_eq!(lab.nodes[&2].routes.len(), 10_000);
    assert!(lab.nodes[&2].route_batches.last().unwrap().since(start) < Duration::from_millis(40));
    assert_paced(&lab.nodes[&1].sent);
    assert_eq!(lab.nodes[&1].sent.len(), 400);
}

#[test]
fn ten_thousand_new_routes_in_batches_are_one_update() {
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, json!({}))]);
    lab.router(2, json!({}), &[(1, json!({})), (2, json!({}))]);
    lab.router(3, json!({}), &[(2, json!({}))]);
    lab.secs(10);
    lab.quiet();
    let all: Vec<Prefix4> = prefixes(10_000).collect();
    for batch in all.chunks(500) {
        lab.redistribute(1, batch.iter().copied());
        lab.run(Duration::from_millis(3));
    }
    lab.run(Duration::from_millis(20));
    assert_eq!(lab.nodes[&2].routes.len(), 10_000);
    assert_eq!(lab.nodes[&3].routes.len(), 10_001, "and the network of link 1");
    assert_eq!(
        lab.counter(1, 1, "triggered-updates-sent"),
        2,
        "the one at the start and this one"
    );
    assert_paced(&lab.nodes[&1].sent);
    // Regular updates are paced as well.
    lab.quiet();
    lab.secs(40);
    assert!(lab.nodes[&1].sent.len() >= 400);
    assert_paced(&lab.nodes[&1].sent);
    // And bad news.
    lab.quiet();
    for prefix in all {
        lab.withdraw(1, prefix);
    }
    lab.run(Duration::from_millis(100));
    assert!(lab.nodes[&3].routes.len() <= 1);
    assert_paced(&lab.nodes[&1].sent);
}

#[test]
fn the_journal_of_changes_stays_as_small_as_the_table() {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({}),
        &[(1, json!({})), (2, json!({ "triggered-updates": false }))],
    );
    for round in 0..200_u32 {
        let metric = 1 + round % 10;
        let entries: Vec<Entry> = prefixes(25)
            .map(|prefix| super::lab::entry(&prefix.to_string(), metric))
            .collect();
        lab.inject(
            1,
            1,
            host(1, 7),
            &message(Command::Response, Version::V2, &entries),
        );
    }
    let table = &lab.nodes[&1].rip.table;
    assert!(table.changes_after(0).count() <= table.len());
    lab.secs(100);
    assert_eq!(
        lab.nodes[&1].rip.table.changes_after(0).count(),
        0,
        "everyone was told"
    );
}

#[test]
fn floods_of_requests_are_answered_within_bounds() {
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, json!({}))]);
    lab.redistribute(1, prefixes(10_000));
    lab.secs(10);
    lab.quiet();
    let request = message(Command::Request, Version::V2, &[Entry::WHOLE_TABLE]);
    for asker in 2..250 {
        for _ in 0..10 {
            lab.inject(1, 1, host(1, asker), &request);
        }
    }
    lab.secs(1);
    assert!(lab.strays.len() <= 9 * 400, "{}", lab.strays.len());
    assert_paced(&lab.nodes[&1].sent);
}

#[test]
fn requests_for_many_entries_are_answered_within_bounds() {
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, json!({}))]);
    lab.redistribute(1, prefixes(10_000));
    lab.secs(10);
    lab.quiet();
    let asked: Vec<Entry> = prefixes(3000)
        .map(|prefix| super::lab::entry(&prefix.to_string(), 1))
        .collect();
    let request = message(Command::Request, Version::V2, &asked);
    for asker in 2..250 {
        lab.inject(1, 1, host(1, asker), &request);
    }
    lab.secs(1);
    assert_paced(&lab.nodes[&1].sent);
    // The first was answered as far as the burst goes; it and seven more wait, and not one after them.
    assert_eq!(lab.strays.len(), 8 * 120);
    let first: Vec<_> = lab
        .strays
        .iter()
        .filter(|(_, sent)| sent.to == host(1, 2))
        .collect();
    let entries: Vec<_> = first.iter().flat_map(|(_, sent)| sent.entries()).collect();
    assert_eq!(entries.len(), 3000);
    assert!(entries.iter().all(|(_, metric)| *metric == 1));
}

#[test]
fn one_message_to_many_neighbours_is_paced_too() {
    let neighbors: Vec<String> = (2..252).map(|host| format!("10.1.0.{host}")).collect();
    let options = json!({ "neighbor-mode": "only", "neighbors": neighbors, "graceful-shutdown": true });
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, options)]);
    lab.redistribute(1, prefixes(100));
    lab.secs(1);
    let everybody = |lab: &Lab, prefix: &str| {
        let sent = lab.nodes[&1].sent.iter();
        let told = sent.filter(|sent| sent.entries().iter().any(|(said, _)| said == prefix));
        told.map(|sent| sent.to)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    assert_paced(&lab.nodes[&1].sent);
    assert_eq!(lab.counter(1, 1, "requests-sent"), 250);
    assert_eq!(everybody(&lab, "172.0.99.0/24"), 250);
    // A farewell is said to everybody, too, before the port is closed.
    lab.quiet();
    lab.handle(1, waypost_engine::Input::Stop);
    lab.secs(1);
    assert_paced(&lab.nodes[&1].sent);
    assert_eq!(everybody(&lab, "172.0.99.0/24"), 250);
    assert!(lab.nodes[&1].ports.is_empty());
}
