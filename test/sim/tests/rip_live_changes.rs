//! The promise that a change of one option of a running router drops nothing that need not drop, option by option.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_sim::policy::MOST;
use waypost_sim::rip::network::{FORGOTTEN, TRIGGERED, change_text};
use waypost_sim::rip::{Expectation, NetworkPlan, Reached, RipNetwork};
use waypost_sim::topology::Topology;
use waypost_sim::{NodeId, Quality, SegmentId};
use waypost_types::{InterfaceIndex, Prefix4, Random, Seed};

/// What may not be dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// Every route that the new configuration still has.
    All,
    /// Every route whose way is the same as before: the change takes other ways from under their users.
    Undisturbed,
}

/// Where a change is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// On one interface.
    Interface,
    /// On every interface of one link, one after the other within three seconds.
    Link,
    /// On a router as a whole.
    Router,
}

struct Change {
    option: &'static str,
    at: Where,
    keeps: Keeps,
    /// Other options that the network has beforehand.
    beforehand: Value,
    value: Value,
}

fn changes() -> Vec<Change> {
    use Keeps::{All, Undisturbed};
    use Where::{Interface, Link, Router};
    let mut changes = Vec::new();
    let mut add = |at, keeps, option, values: &[Value], beforehand: Value| {
        for value in values {
            changes.push(Change {
                option,
                at,
                keeps,
                beforehand: beforehand.clone(),
                value: value.clone(),
            });
        }
    };
    let none = || json!({});
    add(Interface, All, "metric", &[json!(1), json!(4)], none());
    add(Interface, All, "metric-out", &[json!(2)], none());
    add(Interface, Undisturbed, "metric", &[json!(16)], none());
    add(Interface, Undisturbed, "passive", &[json!(true)], none());
    add(
        Interface,
        All,
        "announce",
        &[json!("v1"), json!("v1-compatible")],
        // Otherwise subnets are hidden behind their class network, as the new configuration has it.
        json!({ "summarise": false }),
    );
    add(Interface, Undisturbed, "announce", &[json!("none")], none());
    add(Interface, All, "accept", &[json!("v2")], none());
    add(
        Interface,
        Undisturbed,
        "accept",
        &[json!("v1"), json!("none")],
        none(),
    );
    add(Interface, Undisturbed, "update-mode", &[json!("demand")], none());
    add(Interface, All, "update-interval", &[json!(5), json!(60)], none());
    add(
        Interface,
        All,
        "expiration-interval",
        &[json!(90), json!(600)],
        none(),
    );
    add(
        Interface,
        All,
        "removal-interval",
        &[json!(10), json!(600)],
        none(),
    );
    add(Interface, All, "split-horizon", &[json!(false)], none());
    add(Interface, All, "poison-reverse", &[json!(false)], none());
    add(Interface, All, "triggered-updates", &[json!(false)], none());
    add(Interface, All, "graceful-shutdown", &[json!(false)], none());
    add(Interface, All, "accept-host-routes", &[json!(false)], none());
    add(Interface, All, "announce-host-routes", &[json!(false)], none());
    add(Interface, All, "accept-default-route", &[json!(false)], none());
    add(Interface, All, "announce-default-route", &[json!(false)], none());
    add(Interface, All, "originate-default", &[json!(3)], none());
    add(Interface, All, "overwrite-static-routes", &[json!(true)], none());
    add(Interface, All, "summarise", &[json!(true)], none());
    add(Interface, All, "route-tag", &[json!(77)], none());
    add(Interface, All, "neighbor-mode", &[json!("also")], none());
    add(Interface, Undisturbed, "neighbor-mode", &[json!("only")], none());
    add(
        Interface,
        All,
        "neighbors",
        &[json!(["10.0.0.1", "10.0.0.2"])],
        none(),
    );
    let filter = json!([{ "deny": "10.0.3.0/24" }, { "permit": "0.0.0.0/0 le 32" }]);
    add(
        Interface,
        Undisturbed,
        "accept-filter",
        std::slice::from_ref(&filter),
        none(),
    );
    add(Interface, Undisturbed, "announce-filter", &[filter], none());
    for option in ["accept-policy", "announce-policy"] {
        add(Interface, Undisturbed, option, &[json!(MOST)], none());
    }
    let secrets = json!({ "password": "sesame", "keys": [
        { "id": 1, "secret": "an old secret", "algorithm": "md5" }] });
    add(
        Link,
        All,
        "authentication",
        &[json!("plain"), json!("cryptographic")],
        secrets,
    );
    let plain = json!({ "authentication": "plain", "password": "sesame" });
    add(Link, All, "password", &[json!("open")], plain);
    let old = json!({ "id": 1, "secret": "an old secret", "algorithm": "md5" });
    let signed = json!({ "authentication": "cryptographic", "keys": [old] });
    // Both keys are taken from the start, the new one is sent with from a date on: the proper way.
    let rollover = json!([
        { "id": 1, "secret": "an old secret", "algorithm": "md5" },
        { "id": 2, "secret": "a new secret", "algorithm": "hmac-sha256", "send-from": 1_893_457_300_u64 }]);
    add(Link, All, "keys", &[rollover], signed);
    add(Interface, All, "check-zero", &[json!(false)], none());
    add(Interface, All, "ttl-security", &[json!("tx-only")], none());
    add(Link, All, "ttl-security", &[json!("on")], none());
    // A limit below what is there takes routes away, as its impact says.
    add(Interface, All, "maximum-routes", &[json!(1000)], none());
    add(Interface, All, "dscp", &[json!(0)], none());
    add(Link, All, "port", &[json!(5200)], none());
    add(Interface, All, "packet-length", &[json!(64), json!(1472)], none());
    add(Interface, All, "receive-buffer", &[json!(65536)], none());
    add(Interface, All, "ecmp-weight", &[json!(9)], none());
    add(Interface, All, "check-link", &[json!(false)], none());
    add(Interface, All, "annotate", &[json!("a note")], none());
    add(Router, All, "preference", &[json!(90)], none());
    add(Router, All, "ecmp", &[json!(1)], none());
    add(Router, All, "triggered-delay", &[json!(0), json!(5000)], none());
    add(Router, Undisturbed, "peer-filter", &[json!("include")], none());
    add(Router, All, "peers", &[json!(["10.0.0.1"])], none());
    let connected = json!([{ "source": "connected", "metric": 1 }]);
    add(Router, All, "redistribute", &[connected], none());
    add(Router, All, "logging", &[json!("information")], none());
    add(Router, All, "max-receive-queue", &[json!(65536)], none());
    add(Router, All, "max-send-queue", &[json!(65536)], none());
    add(Router, All, "annotate", &[json!("a note")], none());
    // A default for all interfaces is an option of the router as well; one stands for all, they take the same way.
    add(Router, All, "update-interval", &[json!(10)], none());
    add(Router, All, "metric-out", &[json!(1)], none());
    changes
}

fn options_of<C: JsonSchema>() -> BTreeSet<String> {
    let schema = schema_for!(C).to_value();
    schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn every_option_is_among_the_changes() {
    let tried: BTreeSet<String> = changes().iter().map(|change| change.option.to_owned()).collect();
    let known: BTreeSet<String> = &options_of::<InterfaceConfig>() | &options_of::<GlobalConfig>();
    assert_eq!(tried, known);
}

/// The interfaces a change is made on, all of one link.
fn ends(network: &RipNetwork, change: &Change, random: &mut Random) -> Vec<(NodeId, InterfaceIndex)> {
    let link = SegmentId(random.below(network.links as u64) as usize);
    let mut ends: Vec<_> = network
        .sim
        .segment(link)
        .members
        .iter()
        .map(|member| (member.node, member.interface))
        .collect();
    if change.at != Where::Link {
        let chosen = random.below(ends.len() as u64) as usize;
        ends = vec![ends[chosen]];
    }
    ends
}

fn routed(expectation: &Expectation) -> BTreeSet<(NodeId, Prefix4)> {
    expectation
        .iter()
        .filter(|(.., reached)| matches!(reached, Reached::Routed { .. }))
        .map(|(node, prefix, _)| (node, prefix))
        .collect()
}

/// Makes one change at a random time in a converged network and watches every forwarding table until all is quiet again.
fn drops_nothing(change: &Change, seed: Seed) -> Result<(), String> {
    let mut random = seed.child("live").random();
    let mut plan = NetworkPlan::new(Topology::random(10, 30, &mut random));
    plan.options = change.beforehand.clone();
    let mut network = RipNetwork::build(&plan, seed, false).map_err(|refusal| refusal.to_string())?;
    network
        .sim
        .run_for(TRIGGERED + random.between(Duration::ZERO, Duration::from_secs(30)));
    network.check()?;
    let before = Expectation::of(&network)?;
    network.sim.watch_fibs();
    for (node, index) in ends(&network, change, &mut random) {
        let set = match change.at {
            Where::Router => network.set_global(node, change.option, change.value.clone()),
            _ => network.set(node, index, change.option, change.value.clone()),
        };
        set.map_err(|refusal| refusal.to_string())?;
        network
            .sim
            .run_for(random.between(Duration::ZERO, Duration::from_secs(1)));
    }
    network.sim.run_for(FORGOTTEN);
    let after = Expectation::of(&network)?;
    let kept = match change.keeps {
        Keeps::All => &routed(&before) & &routed(&after),
        Keeps::Undisturbed => before.undisturbed(&after, &network),
    };
    if change.keeps == Keeps::All && kept.len() < routed(&before).len() {
        return Err("the change takes routes away; it cannot promise to keep all".to_owned());
    }
    let dropped = network
        .sim
        .watch_fibs()
        .into_iter()
        .find(|change| change.new.is_none() && kept.contains(&(change.node, change.prefix)));
    if let Some(dropped) = dropped {
        return Err(format!(
            "a route is dropped without need: {}",
            change_text(&dropped)
        ));
    }
    // A default route of our own is not part of the expectation.
    if change.option == "originate-default" {
        return Ok(());
    }
    network.check()
}

#[test]
fn no_change_drops_what_need_not_drop() {
    let mut faults = Vec::new();
    for (number, change) in changes().iter().enumerate() {
        for round in 0..2 {
            let seed = Seed(number as u64 * 10 + round);
            if let Err(fault) = drops_nothing(change, seed) {
                faults.push(format!(
                    "{} = {} ({seed:?}): {fault}",
                    change.option, change.value
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A change of metric is in the neighbour's forwarding table one latency and at most 50 ms later, even when it follows
/// another change at once.
#[test]
fn a_new_metric_reaches_the_neighbour_at_once() {
    for seed in 0..20 {
        let mut random = Seed(seed).child("latency").random();
        let latency = random.between(Duration::from_millis(1), Duration::from_millis(80));
        let plan = NetworkPlan {
            quality: Quality {
                latency,
                ..Quality::GOOD
            },
            highest_metric: 1,
            ..NetworkPlan::new(Topology {
                name: "line of 4".to_owned(),
                routers: 4,
                links: vec![vec![0, 1], vec![1, 2], vec![2, 3]],
            })
        };
        let mut network = RipNetwork::build(&plan, Seed(seed), false).unwrap();
        network
            .sim
            .run_for(TRIGGERED + random.between(Duration::ZERO, Duration::from_secs(30)));
        network.check().unwrap();
        // The network of router 3 itself, after the three links and the networks of routers 0, 1 and 2.
        let far = network.sim.segment(SegmentId(6)).prefix;
        for metric in [3, 2, 7, 1] {
            network.sim.watch_fibs();
            let begun = network.sim.now();
            network
                .set(NodeId(1), InterfaceIndex(2), "metric", json!(metric))
                .unwrap();
            network.sim.run_for(latency + Duration::from_millis(50));
            let change = network
                .sim
                .watch_fibs()
                .into_iter()
                .find(|change| change.node == NodeId(0) && change.prefix == far);
            let new = change.as_ref().and_then(|change| change.new.as_ref());
            assert_eq!(
                new.map(|entry| entry.metric),
                Some(metric + 3),
                "seed {seed}, latency {latency:?}, changed at {begun}"
            );
            // Sooner than the second that triggered updates keep between each other.
            network
                .sim
                .run_for(random.between(Duration::ZERO, Duration::from_millis(300)));
        }
        network.sim.run_for(TRIGGERED);
        network.check().unwrap();
    }
}
