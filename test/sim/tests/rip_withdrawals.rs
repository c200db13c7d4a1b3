//! What an operator withdraws is told again until everybody knows, even if the first word of it is lost.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::time::Duration;

use serde_json::{Value, json};
use waypost_sim::rip::network::{TRIGGERED, subnet_of};
use waypost_sim::rip::{NetworkPlan, RipNetwork};
use waypost_sim::topology::Topology;
use waypost_sim::{NodeId, SegmentId};
use waypost_types::{InterfaceIndex, Prefix4, Seed};

/// The latest that the next regular update comes, and the triggered updates it causes.
const REPEATED: Duration = Duration::from_secs(36 + TRIGGERED.as_secs());
const BORDER: NodeId = NodeId(0);

fn network(seed: u64, options: &Value, subnets: u8) -> RipNetwork {
    let mut random = Seed(seed).child("withdrawals").random();
    let plan = NetworkPlan {
        subnets,
        options: options.clone(),
        ..NetworkPlan::new(Topology::random(8, 30, &mut random))
    };
    let mut network = RipNetwork::build(&plan, Seed(seed), false).unwrap();
    network.sim.run_for(TRIGGERED);
    network
}

/// Changes something on the border router while nothing it says comes through.
fn unheard(network: &mut RipNetwork, change: impl FnOnce(&mut RipNetwork)) {
    let links: Vec<SegmentId> = (0..network.links).map(SegmentId).collect();
    let cut = |network: &mut RipNetwork, part: u8| {
        for link in &links {
            network
                .sim
                .partition(*link, |node| if node == BORDER { part } else { 0 });
        }
    };
    cut(network, 1);
    change(network);
    network.sim.run_for(Duration::from_millis(300));
    cut(network, 0);
    network.sim.run_for(REPEATED);
}

/// The links of the border router.
fn uplinks(network: &RipNetwork) -> Vec<InterfaceIndex> {
    let interfaces = network.sim.node(BORDER).interfaces.iter();
    interfaces
        .filter(|interface| interface.segment.0 < network.links)
        .map(|interface| interface.identity.index)
        .collect()
}

#[test]
fn a_default_route_is_gone_for_everybody() {
    for seed in 0..6 {
        for options in [json!({}), json!({ "triggered-updates": false })] {
            let mut network = network(seed, &json!({}), 0);
            for uplink in uplinks(&network) {
                // Its own default route must not come back to it in a circle, to be counted to infinity when it is gone.
                let own = [
                    ("originate-default", json!(2)),
                    ("accept-default-route", json!(false)),
                ];
                network.set_all(BORDER, uplink, own).unwrap();
                for (option, value) in options.as_object().unwrap() {
                    network.set(BORDER, uplink, option, value.clone()).unwrap();
                }
            }
            network.sim.run_for(REPEATED);
            // It is one hop farther than the border router's own network.
            let beside = network.sim.segment(SegmentId(network.links)).prefix;
            for (node, router) in network.sim.nodes().filter(|(node, _)| *node != BORDER) {
                let metric = |prefix| router.fib()?.get(prefix).map(|entry| entry.metric);
                let expected = metric(beside).map(|metric| metric + 1);
                assert_eq!(
                    metric(Prefix4::DEFAULT),
                    expected,
                    "seed {seed}, router {}",
                    node.0
                );
                assert!(expected.is_some());
            }
            unheard(&mut network, |network| {
                for uplink in uplinks(network) {
                    network
                        .set(BORDER, uplink, "originate-default", Value::Null)
                        .unwrap();
                }
            });
            network
                .check()
                .unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        }
    }
}

/// What the others have of the border router's subnets: the class network or its parts, as far as the border router is.
fn check_subnets(network: &RipNetwork, subnets: u8, summarised: bool) -> Result<(), String> {
    // Router 0's network beside the links is as far away as the subnets are.
    let beside = network.sim.segment(SegmentId(network.links)).prefix;
    let natural = Prefix4::natural(subnet_of(0).network()).unwrap();
    for (node, router) in network.sim.nodes().filter(|(node, _)| *node != BORDER) {
        let fib = router.fib().unwrap();
        let distance = |prefix: Prefix4| fib.get(prefix).map(|entry| entry.metric);
        let parts = (0..subnets).map(subnet_of);
        for (prefix, present) in
            std::iter::once((natural, summarised)).chain(parts.map(|part| (part, !summarised)))
        {
            let wanted = distance(beside).filter(|_| present);
            if distance(prefix) != wanted {
                return Err(format!(
                    "router {} to {prefix}: {:?}, should be {wanted:?}",
                    node.0,
                    distance(prefix)
                ));
            }
        }
    }
    Ok(())
}

#[test]
fn summaries_and_their_parts_take_each_others_places() {
    const SUBNETS: u8 = 4;
    for seed in 0..6 {
        let mut network = network(seed, &json!({}), SUBNETS);
        check_subnets(&network, SUBNETS, false).unwrap();
        for summarised in [true, false, true] {
            unheard(&mut network, |network| {
                let value = if summarised { json!(true) } else { Value::Null };
                network.set_global(BORDER, "summarise", value).unwrap();
            });
            check_subnets(&network, SUBNETS, summarised)
                .unwrap_or_else(|fault| panic!("seed {seed}, summarised {summarised}: {fault}"));
        }
        // A part that goes or comes changes nothing while there are others, and the sum goes with the last.
        let first = network.links + 8;
        for number in 0..usize::from(SUBNETS) {
            network.sim.set_carrier(SegmentId(first + number), false);
            network.sim.run_for(TRIGGERED);
            let left = number + 1 < usize::from(SUBNETS);
            let natural = Prefix4::natural(subnet_of(0).network()).unwrap();
            let fib = network.sim.node(NodeId(1)).fib().unwrap();
            assert_eq!(fib.get(natural).is_some(), left, "seed {seed}, {number} down");
        }
    }
}
