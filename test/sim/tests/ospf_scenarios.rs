//! OSPF networks under disturbance. `WAYPOST_SIM_SEED=n` runs one seed alone, `WAYPOST_SIM_ROUTERS=n` the shapes with about so many
//! routers instead of fewer.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "how fast the simulator is, is measured"
)]

use std::time::Duration;

use waypost_sim::SegmentId;
use waypost_sim::ospf::network::SETTLED;
use waypost_sim::ospf::{Disturbance, NetworkPlan, OspfNetwork, Scenario, run_seed};
use waypost_sim::rip::Report;
use waypost_sim::topology::Topology;
use waypost_types::Seed;

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The scenario that a seed stands for: shape, size and kinds of disturbances all come from it.
fn scenario(seed: u64) -> Scenario {
    let mut random = Seed(seed).child("scenario").random();
    let size = 6 + random.below(12) as usize;
    let plan = match seed % 5 {
        0 => NetworkPlan::new(Topology::random(
            size,
            20 + random.below(21) as usize,
            &mut random,
        )),
        1 => NetworkPlan::new(Topology::lans(2 + size / 5, &mut random)),
        2 => NetworkPlan::new(Topology::grid(2 + size / 6, 3)),
        3 => NetworkPlan::ring_of_areas(2 + size / 6, 2),
        _ => NetworkPlan::new(Topology::fat_tree(4)),
    };
    Scenario {
        plan,
        phases: 2,
        disturbances: 12,
        kinds: Disturbance::ALL.to_vec(),
        pause: Duration::from_secs(20),
    }
}

fn run(seed: u64) -> Report {
    run_seed(&scenario(seed), Seed(seed)).unwrap_or_else(|failure| panic!("{failure}"))
}

/// The seeds of `range`, or the one that the environment asks for.
fn seeds(range: std::ops::Range<u64>) -> Vec<u64> {
    match from_environment("WAYPOST_SIM_SEED") {
        Some(seed) if range.start == 0 => vec![seed],
        Some(_) => Vec::new(),
        None => range.collect(),
    }
}

#[test]
fn seeds_0_to_29() {
    for seed in seeds(0..30) {
        assert!(run(seed).counts.delivered > 0);
    }
}

#[test]
fn seeds_30_to_59() {
    for seed in seeds(30..60) {
        assert!(run(seed).counts.delivered > 0);
    }
}

#[test]
fn a_seed_is_a_run() {
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).trace_hash, run(8).trace_hash);
}

/// The oracles look: what has not settled yet is found out.
#[test]
fn a_network_that_has_not_settled_is_found_out() {
    let plan = NetworkPlan::new(Topology::grid(3, 3));
    let mut network = OspfNetwork::build(&plan, Seed(5), false).unwrap();
    assert!(network.check().is_err(), "nobody knows anybody yet");
    network.sim.run_for(SETTLED);
    network.check().unwrap();
    network.check_quiescence(Duration::from_secs(60)).unwrap();
    // Routers hear of it at once, but not all of them.
    network.sim.set_carrier(SegmentId(0), false);
    let text = network.check().unwrap_err();
    assert!(
        text.contains("LSAs in area") || text.contains("reaches"),
        "{text}"
    );
    let text = network.check_quiescence(Duration::from_secs(60)).unwrap_err();
    assert!(text.contains("not at rest"), "{text}");
    network.check().unwrap();
}

/// A shape with about so many routers, or with as many as the environment asks for.
fn large(seed: u64, routers: usize, plan: impl FnOnce(usize) -> NetworkPlan) {
    let routers = from_environment("WAYPOST_SIM_ROUTERS").map_or(routers, |routers| routers as usize);
    let begun = std::time::Instant::now();
    let scenario = Scenario {
        plan: plan(routers),
        phases: 1,
        disturbances: 15,
        kinds: Disturbance::ALL.to_vec(),
        pause: Duration::from_secs(5),
    };
    let name = scenario.plan.topology.name.clone();
    let routers = scenario.plan.topology.routers;
    let report = run_seed(&scenario, Seed(seed)).unwrap_or_else(|failure| panic!("{failure}"));
    let seconds = begun.elapsed().as_secs_f64();
    println!("{name}, {routers} routers: {report:?} in {seconds:.1} s");
    assert!(report.counts.events > 1000 * routers as u64 / 10, "{report:?}");
}

#[test]
fn a_large_grid() {
    large(1, 100, |routers| {
        let width = routers.isqrt();
        NetworkPlan::new(Topology::grid(width, routers / width))
    });
}

#[test]
fn a_large_random_graph() {
    large(2, 150, |routers| {
        let mut random = Seed(2).child("large").random();
        NetworkPlan::new(Topology::random(routers, 30, &mut random))
    });
}

#[test]
fn a_large_ring_of_areas() {
    large(3, 150, |routers| NetworkPlan::ring_of_areas(routers / 10, 9));
}

#[test]
fn a_large_fat_tree() {
    large(4, 125, |routers| {
        // A tree of switches with n ports has n² + n² / 4 routers.
        let ports = (routers * 4 / 5).isqrt() / 2 * 2;
        NetworkPlan::new(Topology::fat_tree(ports))
    });
}
