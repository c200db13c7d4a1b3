//! RFC 4822 and the passwords of RFC 2453 between engines: good, bad, replayed, rolled over, restarted.

use std::time::Duration;

use serde_json::{Value, json};

use waypost_engine::Input;
use waypost_routprot::{InterfaceStatus, Topic};
use waypost_types::{InterfaceIndex, WallTime};
use waypost_wire::Writer;

use super::lab::{Lab, entry, host, interface_config, p, response};
use crate::authentication::{SEQUENCE_KEY, Seal};
use crate::config::{Effective, GlobalConfig};
use crate::packet::{Command, Version, encode_header};

fn plain(password: &str) -> Value {
    json!({ "authentication": "plain", "password": password })
}

fn key(id: u8, secret: &str, algorithm: &str) -> Value {
    json!({ "id": id, "secret": secret, "algorithm": algorithm })
}

fn keys(keys: &[Value]) -> Value {
    json!({ "authentication": "cryptographic", "keys": keys })
}

/// Two routers on link 1, one route behind the first.
fn pair(one: Value, two: Value) -> Lab {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({ "redistribute": [{ "source": "static" }] }),
        &[(1, one)],
    );
    lab.router(2, json!({}), &[(1, two)]);
    lab.redistribute(1, [p("192.0.2.0/24")]);
    lab.secs(2);
    lab
}

#[test]
fn only_equal_secrets_understand_each_other() {
    let algorithms = ["md5", "hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"];
    let mut sides: Vec<Value> = vec![json!({}), plain("one"), plain("two")];
    sides.extend(algorithms.map(|algorithm| keys(&[key(1, "one", algorithm)])));
    sides.push(keys(&[key(2, "one", "hmac-sha256")]));
    sides.push(keys(&[key(1, "two", "hmac-sha256")]));
    for (i, one) in sides.iter().enumerate() {
        for (j, two) in sides.iter().enumerate() {
            let lab = pair(one.clone(), two.clone());
            let heard = lab.metric(2, "192.0.2.0/24").is_some();
            assert_eq!(heard, i == j, "{one} and {two}");
            assert_eq!(lab.counter(2, 1, "authentication-failures") == 0, i == j);
            assert_eq!(
                lab.show(2, Topic::Neighbors).as_array().unwrap().is_empty(),
                i != j
            );
        }
    }
}

#[test]
fn version_1_and_unauthenticated_messages_are_not_believed() {
    for options in [plain("one"), keys(&[key(1, "one", "hmac-sha256")])] {
        let mut lab = Lab::new();
        lab.router(1, json!({}), &[(1, options)]);
        lab.inject(1, 1, host(1, 7), &response(&[("192.0.2.0/24", 1)]));
        let mut v1 = response(&[("192.0.2.0/24", 1)]);
        v1[1] = 1;
        v1[12..16].fill(0);
        lab.inject(1, 1, host(1, 7), &v1);
        assert!(lab.nodes[&1].routes.is_empty());
        assert_eq!(lab.counter(1, 1, "authentication-failures"), 2);
    }
}

/// A response about one route, sealed by hand.
fn sealed(options: &Value, prefix: &str, number: u32) -> Vec<u8> {
    let config = interface_config(options.clone());
    let effective = Effective::resolve(
        &config,
        &GlobalConfig::default(),
        &waypost_policy::Policies::default(),
    );
    let seal = Seal::of(&effective, WallTime(1_700_001_000)).unwrap();
    let mut writer = Writer::new();
    encode_header(&mut writer, Command::Response, Version::V2);
    seal.begin(&mut writer);
    entry(prefix, 1).encode(&mut writer);
    seal.finish(&mut writer, number);
    writer.finish()
}

#[test]
fn replayed_messages_are_never_believed() {
    let options = keys(&[key(1, "one", "hmac-sha256")]);
    let mut lab = pair(options.clone(), options.clone());
    let old = lab.nodes[&1]
        .sent
        .iter()
        .find(|sent| sent.entries().iter().any(|(prefix, _)| prefix == "192.0.2.0/24"))
        .unwrap()
        .clone();
    lab.withdraw(1, p("192.0.2.0/24"));
    lab.secs(2);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    let mut replays = 0;
    let mut refused = |lab: &mut Lab, what: &str| {
        lab.inject(2, 1, host(1, 1), &old.octets);
        assert_eq!(lab.metric(2, "192.0.2.0/24"), None, "{what}");
        replays += 1;
        assert_eq!(lab.counter(2, 1, "replays"), replays, "{what}");
    };
    refused(&mut lab, "a recorded message revives nothing");
    // RFC 2082 §3.2.2: neither silence nor a flap of the link makes its number good again.
    lab.cut.push(1);
    lab.secs(200);
    assert_eq!(lab.show(2, Topic::Neighbors), json!([]));
    refused(&mut lab, "after silence");
    lab.status(2, 1, &InterfaceStatus::MediaAbsent);
    lab.secs(1);
    lab.status(2, 1, &InterfaceStatus::MediaPresent);
    refused(&mut lab, "after a flap");
    // A router that lost its numbers begins with 0, and goes on from there.
    for (number, prefix) in [(0, "198.51.100.0/24"), (1, "203.0.113.0/24")] {
        lab.inject(2, 1, host(1, 1), &sealed(&options, prefix, number));
        assert_eq!(lab.metric(2, prefix), Some(2));
    }
    // Not while it is still heard.
    lab.inject(2, 1, host(1, 1), &sealed(&options, "192.0.2.0/24", 0));
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    // An interface that is made anew under its name goes on, too.
    lab.handle(2, Input::DeleteInterface(InterfaceIndex(1)));
    lab.secs(5);
    lab.attach(2, 1, options.clone());
    lab.inject(2, 1, host(1, 1), &sealed(&options, "198.51.100.0/24", 1));
    assert_eq!(lab.metric(2, "198.51.100.0/24"), Some(2));
    lab.handle(2, Input::DeleteInterface(InterfaceIndex(1)));
    lab.secs(5);
    lab.attach(2, 1, options.clone());
    lab.inject(2, 1, host(1, 1), &sealed(&options, "192.0.2.0/24", 0x7FFF_FFFF));
    lab.handle(2, Input::DeleteInterface(InterfaceIndex(1)));
    lab.secs(5);
    lab.attach(2, 1, options);
    lab.inject(2, 1, host(1, 1), &old.octets);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    assert_eq!(
        lab.counter(2, 1, "replays"),
        1,
        "its counters are new, its memory is not"
    );
}

#[test]
fn wrong_keys_are_told_without_being_asked_but_not_with_every_message() {
    let mut lab = pair(
        keys(&[key(1, "one", "hmac-sha256")]),
        keys(&[key(1, "two", "hmac-sha256")]),
    );
    let told = |lab: &Lab| {
        let notices = &lab.nodes[&2].notices;
        notices.iter().filter(|text| text.contains("dropped")).count()
    };
    assert_eq!(told(&lab), 1);
    lab.secs(300);
    assert!(lab.counter(2, 1, "authentication-failures") > 8);
    let notices = &lab.nodes[&2].notices;
    assert!((4..=6).contains(&told(&lab)), "{notices:?}");
    assert!(
        notices
            .last()
            .unwrap()
            .contains("the digest under key 1 is wrong ("),
        "{notices:?}"
    );
    // Who wants nothing gets nothing.
    lab.configure_global(2, json!({ "logging": "none" }));
    lab.quiet();
    lab.secs(300);
    assert!(lab.nodes[&2].notices.is_empty());
}

#[test]
fn any_changed_octet_is_noticed() {
    for algorithm in ["md5", "hmac-sha1", "hmac-sha512"] {
        let options = keys(&[key(1, "one", algorithm)]);
        let mut lab = pair(options.clone(), options);
        let good = lab.nodes[&1].sent.last().unwrap().octets.clone();
        let before = lab.counter(2, 1, "bad-response-packets");
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 0x40;
            lab.inject(2, 1, host(1, 1), &bad);
        }
        for length in 0..good.len() {
            lab.inject(2, 1, host(1, 1), &good[..length]);
        }
        // Not one was taken. The length octet of the trailer alone is not part of what it describes, yet it is signed.
        assert_eq!(
            lab.counter(2, 1, "bad-response-packets") - before,
            2 * good.len() as u64,
            "{algorithm}"
        );
    }
}

#[test]
fn keys_roll_over_without_a_gap() {
    let start = 1_700_000_000_u64 + 1000;
    let change = start + 600;
    let old = json!({ "id": 1, "secret": "old", "algorithm": "md5", "send-until": change, "accept-until": change + 60 });
    let new = json!({ "id": 2, "secret": "new", "algorithm": "hmac-sha256", "send-from": change, "accept-from": change - 60 });
    let chain = keys(&[old, new]);
    let mut lab = pair(chain.clone(), chain);
    let mut used = std::collections::BTreeSet::new();
    for _ in 0..400 {
        lab.secs(3);
        assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(2));
        used.extend(lab.nodes[&1].sent.iter().map(|sent| sent.octets[10]));
        lab.quiet();
    }
    assert_eq!(used.into_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(lab.counter(2, 1, "bad-response-packets"), 0);
}

#[test]
fn the_last_key_stays_in_use_and_the_operator_is_told() {
    let start = 1_700_000_000_u64 + 1000;
    let chain = keys(&[
        json!({ "id": 1, "secret": "a", "algorithm": "md5", "send-until": start + 50, "accept-until": start + 50 }),
        json!({ "id": 2, "secret": "b", "algorithm": "md5", "send-until": start + 100, "accept-until": start + 100 }),
    ]);
    let mut lab = pair(chain.clone(), chain);
    assert!(lab.nodes[&1].notices.is_empty());
    lab.secs(1000);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(2));
    assert_eq!(
        lab.nodes[&1]
            .notices
            .iter()
            .filter(|text| text.contains("every key has expired; key 2"))
            .count(),
        1
    );
}

#[test]
fn without_a_valid_key_nothing_is_sent() {
    let chain =
        keys(&[json!({ "id": 1, "secret": "a", "algorithm": "md5", "send-from": 2_000_000_000_u64 })]);
    let mut lab = pair(chain.clone(), chain);
    lab.secs(100);
    assert!(lab.nodes[&1].sent.is_empty());
    assert!(lab.counter(1, 1, "send-failures") > 0);
}

#[test]
fn sequence_numbers_survive_a_restart_even_when_the_clock_does_not() {
    let options = keys(&[key(1, "one", "hmac-sha256")]);
    let mut lab = pair(options.clone(), options.clone());
    let number = |lab: &Lab| {
        lab.nodes[&1]
            .sent
            .iter()
            .map(|sent| u32::from_be_bytes(sent.octets[12..16].try_into().unwrap()))
            .collect::<Vec<_>>()
    };
    let before = number(&lab);
    assert!(before.is_sorted());
    let persisted: Vec<(String, Vec<u8>)> = lab.nodes[&1].persisted.clone().into_iter().collect();
    assert_eq!(persisted[0].0, SEQUENCE_KEY);
    // The clock was set back by years.
    lab.wall -= 100_000_000;
    lab.router_with(
        1,
        json!({ "redistribute": [{ "source": "static" }] }),
        &[(1, options)],
        &persisted,
        Duration::ZERO,
    );
    lab.redistribute(1, [p("198.51.100.0/24")]);
    lab.run(Duration::from_millis(1));
    assert!(number(&lab)[0] > *before.last().unwrap());
    assert_eq!(lab.metric(2, "198.51.100.0/24"), Some(2));
    assert_eq!(lab.counter(2, 1, "replays"), 0);
}

#[test]
fn numbers_are_stored_before_they_are_used() {
    let chain = || keys(&[key(1, "one", "hmac-sha256")]);
    for (storage, first) in [
        (Some(true), Duration::ZERO),
        // A disk that answers nothing is waited for, but not for ever; one that fails is not waited for.
        (None, Duration::from_secs(2)),
        (Some(false), Duration::ZERO),
    ] {
        let mut lab = Lab::new();
        lab.storage = storage;
        let start = lab.now;
        lab.router(1, json!({}), &[(1, chain()), (2, chain())]);
        lab.secs(10);
        let node = &lab.nodes[&1];
        assert_eq!(node.sent[0].at, start + first, "{storage:?}");
        // Both interfaces asked and announced.
        for link in [1, 2] {
            let sent = node.sent.iter().filter(|sent| sent.port.0 == link);
            let commands: Vec<Command> = sent.map(|sent| sent.command()).collect();
            assert!(commands.contains(&Command::Request) && commands.contains(&Command::Response));
        }
        let told = node
            .notices
            .iter()
            .any(|text| text.contains("could not be stored"));
        assert_eq!(told, storage == Some(false));
        let reserved = u32::from_le_bytes(node.persisted[SEQUENCE_KEY].as_slice().try_into().unwrap());
        for sent in &node.sent {
            assert!(u32::from_be_bytes(sent.octets[12..16].try_into().unwrap()) < reserved);
        }
    }
}

#[test]
fn changing_the_authentication_of_both_ends_loses_no_route() {
    let mut lab = pair(json!({}), json!({}));
    lab.secs(10);
    lab.nodes.get_mut(&2).unwrap().route_batches.clear();
    for options in [
        plain("one"),
        keys(&[key(1, "one", "md5")]),
        keys(&[key(1, "two", "hmac-sha256")]),
        json!({}),
    ] {
        lab.configure(1, 1, options.clone());
        lab.configure(2, 1, options);
        lab.secs(100);
        assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(2));
    }
    assert!(lab.nodes[&2].route_batches.is_empty());
}

#[test]
fn everything_is_said_when_the_first_key_becomes_valid() {
    let mut lab = pair(json!({}), json!({}));
    let now = lab.clock().wall.0;
    let late = json!({ "id": 1, "secret": "one", "algorithm": "hmac-sha256", "send-from": now + 10 });
    lab.configure(1, 1, keys(&[late]));
    lab.configure(2, 1, keys(&[key(1, "one", "hmac-sha256")]));
    lab.secs(9);
    lab.quiet();
    lab.secs(2);
    assert!(!lab.said(1, 1, "192.0.2.0/24").is_empty());
    assert_eq!(lab.nodes[&1].sent[0].command(), Command::Request);
    // Another key that takes over is no reason to.
    let next = json!({ "id": 2, "secret": "two", "algorithm": "hmac-sha256", "send-from": now + 20 });
    lab.configure(1, 1, keys(&[key(1, "one", "hmac-sha256"), next]));
    lab.secs(1);
    lab.quiet();
    lab.run_until(waypost_types::Time::from_secs(now + 21 - lab.wall));
    let asked = |sent: &&super::lab::Sent| sent.octets[0] == 1;
    assert_eq!(lab.nodes[&1].sent.iter().filter(asked).count(), 0);
}
