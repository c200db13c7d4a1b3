//! The oracles find faults: each of these routers is broken in one way, and is caught for it.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::time::Duration;

use serde_json::json;
use waypost_rip::Rip;
use waypost_sim::rip::mutant::{
    CHATTERS, FORGETS_METRIC, IGNORES_INFINITY, Mutant, NEVER_EXPIRES, NEVER_TRIGGERS, RESTARTS_TO_CONFIGURE,
};
use waypost_sim::rip::network::{FORGOTTEN, RipNetwork, TRIGGERED};
use waypost_sim::rip::scenario::run_seed_with;
use waypost_sim::rip::{Disturbance, NetworkPlan, Scenario};
use waypost_sim::topology::Topology;
use waypost_sim::{NodeId, Program, SegmentId};
use waypost_types::{InterfaceIndex, Seed};

/// One broken router in the middle of sound ones.
fn with_mutant<const FAULT: u8>(position: usize) -> impl Fn(usize) -> Program {
    move |router| {
        if router == position {
            Program::of::<Mutant<FAULT>>()
        } else {
            Program::of::<Rip>()
        }
    }
}

fn network<const FAULT: u8>(topology: Topology) -> RipNetwork {
    let mut network = RipNetwork::build_with(
        &NetworkPlan::new(topology),
        Seed(7),
        false,
        with_mutant::<FAULT>(1),
    )
    .unwrap();
    network.sim.run_for(TRIGGERED);
    network
}

#[test]
fn who_forgets_its_metric_has_wrong_distances() {
    let fault = network::<FORGETS_METRIC>(Topology::ring(8)).check().unwrap_err();
    assert!(fault.contains("the shortest paths are"), "{fault}");
}

#[test]
fn who_ignores_metric_16_forwards_into_nowhere() {
    let mut network = network::<IGNORES_INFINITY>(Topology::ring(6));
    network.check().unwrap();
    // Router 2's way to the network of router 0 is over router 1, the broken one, or over the others.
    network.sim.set_carrier(SegmentId(3), false);
    network.sim.run_for(TRIGGERED);
    let fault = network.check().unwrap_err();
    assert!(fault.contains("the shortest paths are None"), "{fault}");
}

#[test]
fn who_never_times_out_keeps_the_dead() {
    let mut network = network::<NEVER_EXPIRES>(Topology::ring(6));
    network.check().unwrap();
    network.sim.crash(NodeId(2));
    network.sim.run_for(FORGOTTEN);
    let fault = network.check().unwrap_err();
    assert!(fault.starts_with("router"), "{fault}");
}

#[test]
fn who_chatters_is_not_at_rest() {
    let mut network = network::<CHATTERS>(Topology::star(6));
    network.check().unwrap();
    let fault = network.check_quiescence(Duration::from_secs(60)).unwrap_err();
    assert!(fault.contains("regular updates take at most"), "{fault}");
}

#[test]
fn who_restarts_to_configure_drops_routes_that_need_not_drop() {
    let dropped = |mut network: RipNetwork| {
        network.check().unwrap();
        network.sim.watch_fibs();
        let index = InterfaceIndex(1);
        network.set(NodeId(1), index, "dscp", json!(10)).unwrap();
        network.sim.run_for(TRIGGERED);
        let changes = network.sim.watch_fibs();
        changes.iter().any(|change| change.new.is_none())
    };
    assert!(dropped(network::<RESTARTS_TO_CONFIGURE>(Topology::ring(6))));
    assert!(!dropped(network::<0>(Topology::ring(6))));
}

/// How long a change of metric takes to the forwarding table of the neighbour.
fn metric_delay<const FAULT: u8>() -> Duration {
    let mut network = network::<FAULT>(Topology::ring(6));
    network.check().unwrap();
    network.sim.watch_fibs();
    let begun = network.sim.now();
    network
        .set(NodeId(1), InterfaceIndex(2), "metric", json!(5))
        .unwrap();
    network.sim.run_for(TRIGGERED);
    let changes = network.sim.watch_fibs();
    let heard = changes.iter().find(|change| change.node == NodeId(0));
    heard.expect("router 0 hears of it").at.since(begun)
}

#[test]
fn who_never_triggers_is_slow() {
    assert!(metric_delay::<0>() < Duration::from_millis(52));
    assert!(metric_delay::<NEVER_TRIGGERS>() > Duration::from_millis(52));
}

#[test]
fn the_scenarios_catch_them_too() {
    fn caught<const FAULT: u8>(seeds: std::ops::Range<u64>) -> usize {
        seeds
            .filter(|seed| {
                let mut random = Seed(*seed).child("mutants").random();
                let scenario = Scenario {
                    plan: NetworkPlan::new(Topology::random(12, 30, &mut random)),
                    phases: 1,
                    disturbances: 6,
                    kinds: vec![Disturbance::Power, Disturbance::Partition, Disturbance::Metric],
                    pause: Duration::from_secs(20),
                    quiet: FORGOTTEN,
                };
                run_seed_with(&scenario, Seed(*seed), with_mutant::<FAULT>(1)).is_err()
            })
            .count()
    }
    assert_eq!(caught::<0>(0..4), 0);
    assert!(caught::<NEVER_EXPIRES>(0..4) > 1);
    // Where its metrics happen to be 1, there is nothing to forget.
    assert!(caught::<FORGETS_METRIC>(0..4) > 1);
}

#[test]
fn a_failing_seed_says_how_to_run_it_again() {
    let scenario = Scenario {
        plan: NetworkPlan::new(Topology::ring(5)),
        phases: 1,
        disturbances: 1,
        kinds: vec![Disturbance::Metric],
        pause: Duration::from_secs(1),
        quiet: TRIGGERED,
    };
    let mut attempts =
        (40..60).map(|seed| run_seed_with(&scenario, Seed(seed), with_mutant::<FORGETS_METRIC>(1)));
    let failure = attempts
        .find_map(Result::err)
        .expect("its metrics are not 1 in all of them");
    let (seed, text) = (failure.seed.0, failure.to_string());
    assert!(
        text.starts_with(&format!("seed {seed} (ring of 5): at ")),
        "{text}"
    );
    assert!(text.contains("router 1 FIB 10."), "{text}");
    assert!(
        text.ends_with(&format!("WAYPOST_SIM_SEED={seed} cargo test -p waypost-sim")),
        "{text}"
    );
}
