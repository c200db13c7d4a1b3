//! RIP networks under disturbance. `WAYPOST_SIM_SEED=n` runs one seed alone.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]
#![allow(clippy::disallowed_methods, reason = "how fast the simulator is, is measured")]

use std::time::Duration;

use serde_json::json;
use waypost_sim::rip::network::{FORGOTTEN, TRIGGERED};
use waypost_sim::rip::{Disturbance, NetworkPlan, Report, RipNetwork, Scenario, run_seed};
use waypost_sim::topology::Topology;
use waypost_types::Seed;

/// The scenario that a seed stands for: shape, size and kinds of disturbances all come from it.
fn scenario(seed: u64) -> Scenario {
    let mut random = Seed(seed).child("scenario").random();
    let size = 8 + random.below(25) as usize;
    let topology = match seed % 5 {
        0 | 1 => Topology::random(size, 20 + random.below(21) as usize, &mut random),
        2 => Topology::lans(3 + size / 5, &mut random),
        3 => Topology::grid(3 + size / 10, 4),
        _ if random.chance(1, 2) => Topology::ring(size.min(14)),
        _ => Topology::star(size),
    };
    Scenario {
        plan: NetworkPlan::new(topology),
        phases: 2,
        disturbances: 12,
        kinds: Disturbance::ALL.to_vec(),
        pause: Duration::from_secs(20),
        quiet: FORGOTTEN,
    }
}

fn run(seed: u64) -> Report {
    run_seed(&scenario(seed), Seed(seed)).unwrap_or_else(|failure| panic!("{failure}"))
}

/// The seeds `range` names, or the one that the environment asks for.
fn seeds(range: std::ops::Range<u64>) -> Vec<u64> {
    match std::env::var("WAYPOST_SIM_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("WAYPOST_SIM_SEED is a number");
            range
                .filter(|of| *of % 4 == seed % 4)
                .take(1)
                .map(|_| seed)
                .collect()
        }
        Err(_) => range.collect(),
    }
}

#[test]
fn seeds_0_to_12() {
    seeds(0..13)
        .into_iter()
        .for_each(|seed| assert!(run(seed).counts.delivered > 0));
}

#[test]
fn seeds_13_to_25() {
    seeds(13..26)
        .into_iter()
        .for_each(|seed| assert!(run(seed).counts.delivered > 0));
}

#[test]
fn seeds_26_to_38() {
    seeds(26..39)
        .into_iter()
        .for_each(|seed| assert!(run(seed).counts.delivered > 0));
}

#[test]
fn seeds_39_to_51() {
    seeds(39..52)
        .into_iter()
        .for_each(|seed| assert!(run(seed).counts.delivered > 0));
}

#[test]
fn a_seed_is_a_run() {
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).trace_hash, run(8).trace_hash);
}

fn large(seed: u64, routers: usize) -> Report {
    let mut random = Seed(seed).child("large").random();
    let scenario = Scenario {
        plan: NetworkPlan {
            stubs: false,
            ..NetworkPlan::new(Topology::random(routers, 30, &mut random))
        },
        phases: 1,
        disturbances: 10,
        kinds: Disturbance::ANNOUNCED.to_vec(),
        pause: Duration::from_secs(2),
        quiet: TRIGGERED,
    };
    run_seed(&scenario, Seed(seed)).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn five_hundred_routers() {
    let begun = std::time::Instant::now();
    let report = large(1000, 500);
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{report:?} in {seconds:.1} s: {:.0} events/s",
        report.counts.events as f64 / seconds
    );
    assert!(report.counts.events > 100_000, "{report:?}");
}

#[test]
fn triggered_updates_alone_repair_what_is_announced() {
    for seed in 100..106 {
        let mut random = Seed(seed).child("announced").random();
        let scenario = Scenario {
            plan: NetworkPlan {
                stubs: false,
                ..NetworkPlan::new(Topology::random(60, 30, &mut random))
            },
            phases: 1,
            disturbances: 10,
            kinds: Disturbance::ANNOUNCED.to_vec(),
            pause: Duration::from_secs(2),
            quiet: TRIGGERED,
        };
        run_seed(&scenario, Seed(seed)).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// A router with 3000 networks and a neighbour with room for 25 datagrams, which takes `service` for each.
fn burst(service: Duration) -> RipNetwork {
    let mut links = vec![vec![0, 1]];
    links.extend((0..3000).map(|_| vec![0]));
    let plan = NetworkPlan {
        stubs: false,
        options: json!({ "receive-buffer": 32768 }),
        ..NetworkPlan::new(Topology {
            name: "one router with 3000 networks".to_owned(),
            routers: 2,
            links,
        })
    };
    let mut network = RipNetwork::build(&plan, Seed(1), false).unwrap();
    network.sim.set_service_time(service);
    network.sim.run_for(TRIGGERED);
    network
}

#[test]
fn updates_are_paced_so_that_a_small_receive_buffer_holds_them() {
    let paced = burst(Duration::from_micros(50));
    paced.check().unwrap();
    assert_eq!(paced.sim.counts().overflowed, 0);
    assert!(
        paced.sim.counts().deepest_queue > 10_000,
        "{:?}",
        paced.sim.counts()
    );
    // The buffer does overflow where the neighbour is slower than the pace.
    let slow = burst(Duration::from_millis(1));
    assert!(slow.sim.counts().overflowed > 0);
    assert!(slow.check().is_err());
}
