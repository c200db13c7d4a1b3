//! A network, disturbed in phases, each followed by quiet and by every oracle.

use std::time::Duration;

use waypost_types::Seed;

use super::disturbance::{Disturbance, disturb};
use super::network::{NetworkPlan, OspfNetwork, SETTLED};
use crate::run::{self, Failure, Report, at_rest, heal_links, run};

/// What is done to a network.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The network.
    pub plan: NetworkPlan,
    /// How many phases.
    pub phases: usize,
    /// Disturbances a phase.
    pub disturbances: usize,
    /// Which kinds.
    pub kinds: Vec<Disturbance>,
    /// The longest time between two disturbances.
    pub pause: Duration,
}

/// Runs a scenario. A run that fails is run again with a log.
pub fn run_seed(scenario: &Scenario, seed: Seed) -> Result<Report, Box<Failure>> {
    run(seed, &scenario.plan.topology.name, |log| {
        let mut network = OspfNetwork::build(&scenario.plan, seed, log)
            .map_err(|refusal| (refusal.to_string(), Vec::new()))?;
        run::play(
            &mut network,
            |network| &network.sim,
            |network| play(scenario, seed, network),
        )
    })
}

fn play(scenario: &Scenario, seed: Seed, network: &mut OspfNetwork) -> Result<(), String> {
    let mut random = seed.child("disturbances").random();
    network.sim.run_for(SETTLED);
    examine(network, "after the start")?;
    for phase in 0..scenario.phases {
        network.sim.remark(format_args!(
            "phase {phase}: {} disturbances",
            scenario.disturbances
        ));
        for _ in 0..scenario.disturbances {
            let kind = scenario.kinds[random.below(scenario.kinds.len() as u64) as usize];
            disturb(network, kind, &mut random).map_err(|refusal| format!("{kind:?}: {refusal}"))?;
            network
                .sim
                .run_for(random.between(Duration::ZERO, scenario.pause));
        }
        heal_links(&mut network.sim);
        network.sim.remark(format_args!("phase {phase}: quiet"));
        network.sim.run_for(SETTLED);
        examine(network, &format!("after phase {phase}"))?;
    }
    network.check_quiescence(Duration::from_secs(60))
}

fn examine(network: &mut OspfNetwork, when: &str) -> Result<(), String> {
    // Hellos that come together wait for each other for a moment.
    for _ in 0..10 {
        if network.sim.nodes().all(|(_, router)| router.waiting() == 0) {
            break;
        }
        network.sim.run_for(Duration::from_millis(1));
    }
    network
        .check()
        .and_then(|()| at_rest(&network.sim))
        .map_err(|text| format!("{when}: {text}"))
}
