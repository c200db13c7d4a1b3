//! RIP behind the interface in C does what RIP does without: the same networks, disturbed alike, and everything that went in and
//! out of every router is the same to the octet and the nanosecond.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use waypost_rip::Rip;
use waypost_sim::Program;
use waypost_sim::rip::network::FORGOTTEN;
use waypost_sim::rip::scenario::run_seed_with;
use waypost_sim::rip::{Disturbance, NetworkPlan, Report, Scenario};
use waypost_sim::topology::Topology;
use waypost_simulated_rip::program;
use waypost_types::Seed;

/// It is built with this test, as what the test depends on.
fn object() -> PathBuf {
    let file = std::env::current_exe()
        .expect("a test is a program")
        .with_file_name("libwaypost_simulated_rip.so");
    assert!(file.exists(), "{} was not built", file.display());
    file
}

/// Every kind of disturbance: changes of every option, refused ones, crashes, restarts, links that go and lose.
fn scenario(topology: Topology) -> Scenario {
    Scenario {
        plan: NetworkPlan::new(topology),
        phases: 2,
        disturbances: 24,
        kinds: Disturbance::ALL.to_vec(),
        pause: Duration::from_secs(20),
        quiet: FORGOTTEN,
    }
}

fn run(scenario: &Scenario, seed: Seed, program: impl Fn(usize) -> Program) -> Report {
    run_seed_with(scenario, seed, program).unwrap_or_else(|failure| panic!("{failure}"))
}

fn same_trace(topology: Topology, seed: u64) {
    let scenario = scenario(topology);
    let built_in = run(&scenario, Seed(seed), |_| Program::of::<Rip>());
    let exported = run(&scenario, Seed(seed), |_| program(object()));
    assert!(built_in.counts.delivered > 300, "{:?}", built_in.counts);
    assert_eq!(exported, built_in, "seed {seed}");
}

#[test]
fn a_ring_of_modules_gives_the_same_trace() {
    same_trace(Topology::ring(8), 1);
}

#[test]
fn a_grid_of_modules_gives_the_same_trace() {
    same_trace(Topology::grid(3, 4), 2);
}

#[test]
fn lans_of_modules_give_the_same_trace() {
    same_trace(Topology::lans(4, &mut Seed(3).random()), 3);
}

#[test]
fn random_networks_of_modules_give_the_same_trace() {
    for seed in 4..8 {
        let topology = Topology::random(10, 30, &mut Seed(seed).random());
        same_trace(topology, seed);
    }
}

/// What the comparison is worth: a global option alone, given through the interface in C, makes it another trace.
#[test]
fn another_configuration_gives_another_trace() {
    let plain = scenario(Topology::grid(3, 4));
    let mut other = plain.clone();
    other.plan.global = json!({ "triggered-delay": 2000 });
    let made = Rc::new(Cell::new(0));
    let counted = Rc::clone(&made);
    let with = move |_: usize| {
        counted.set(counted.get() + 1);
        program(object())
    };
    assert_ne!(
        run(&plain, Seed(9), |_| Program::of::<Rip>()).trace_hash,
        run(&other, Seed(9), with).trace_hash
    );
    assert_eq!(made.get(), 12);
}
