//! A network, disturbed in phases, each followed by quiet and by every oracle.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use waypost_rip::Rip;
use waypost_types::Seed;

use super::disturbance::{Disturbance, disturb};
use super::network::{NetworkPlan, RipNetwork, TRIGGERED};
use crate::process::Program;
use crate::segment::Quality;
use crate::simulation::Counts;
use crate::{Simulation, oracle};

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
    /// How long the network is left alone before it is looked at.
    pub quiet: Duration,
}

/// What a run was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Everything that went in and out.
    pub trace_hash: u64,
    /// What was counted.
    pub counts: Counts,
}

/// A run that broke a law.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed that does it again.
    pub seed: Seed,
    /// The network.
    pub topology: String,
    /// What was wrong.
    pub text: String,
    /// The last events before.
    pub log: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            topology,
            text,
            log,
        } = self;
        writeln!(f, "seed {} ({topology}): {text}", seed.0)?;
        writeln!(f, "the last events:")?;
        for line in log {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "to run it again: WAYPOST_SIM_SEED={} cargo test -p waypost-sim",
            seed.0
        )
    }
}

/// Runs a scenario with sound routers.
pub fn run_seed(scenario: &Scenario, seed: Seed) -> Result<Report, Box<Failure>> {
    run_seed_with(scenario, seed, |_| Program::of::<Rip>())
}

/// Runs a scenario; `program` says what runs on each router. A run that fails is run again with a log.
pub fn run_seed_with(
    scenario: &Scenario,
    seed: Seed,
    program: impl Fn(usize) -> Program,
) -> Result<Report, Box<Failure>> {
    match attempt(scenario, seed, &program, false) {
        Ok(report) => Ok(report),
        Err((first, _)) => {
            let (text, log) = match attempt(scenario, seed, &program, true) {
                Err((again, log)) if again == first => (first, log),
                Err((again, log)) => (format!("{first}; with a log, however: {again}"), log),
                Ok(_) => (format!("{first}; with a log, however, all is well"), Vec::new()),
            };
            Err(Box::new(Failure {
                seed,
                topology: scenario.plan.topology.name.clone(),
                text,
                log,
            }))
        }
    }
}

type Attempt = Result<Report, (String, Vec<String>)>;

fn attempt(scenario: &Scenario, seed: Seed, program: &impl Fn(usize) -> Program, log: bool) -> Attempt {
    let mut network = RipNetwork::build_with(&scenario.plan, seed, log, program)
        .map_err(|refusal| (refusal.to_string(), Vec::new()))?;
    // A panic of an engine is a failure of the seed like any other.
    let outcome = catch_unwind(AssertUnwindSafe(|| play(scenario, seed, &mut network)));
    let outcome = outcome.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("of an unknown kind")))
    });
    match outcome {
        Ok(()) => Ok(Report {
            trace_hash: network.sim.trace_hash(),
            counts: network.sim.counts(),
        }),
        Err(text) => Err((format!("at {}: {text}", network.sim.now()), network.sim.log())),
    }
}

fn play(scenario: &Scenario, seed: Seed, network: &mut RipNetwork) -> Result<(), String> {
    let mut random = seed.child("disturbances").random();
    network.sim.run_for(TRIGGERED);
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
        network
            .sim
            .remark(format_args!("phase {phase}: quiet for {:?}", scenario.quiet));
        network.sim.run_for(scenario.quiet);
        examine(network, &format!("after phase {phase}"))?;
    }
    // Two regular updates of everyone, at least.
    network.check_quiescence(Duration::from_secs(60))
}

/// Links are good while the network is left alone: with losses there would be no time after which all must be well.
fn heal_links(sim: &mut Simulation) {
    let bad: Vec<_> = sim
        .segments()
        .filter(|(_, segment)| segment.quality != Quality::GOOD)
        .map(|(id, _)| id)
        .collect();
    for segment in bad {
        sim.set_quality(segment, Quality::GOOD);
    }
}

fn examine(network: &RipNetwork, when: &str) -> Result<(), String> {
    network.check().map_err(|text| format!("{when}: {text}"))?;
    let counts = network.sim.counts();
    if counts.overflowed > 0 {
        return Err(format!(
            "{when}: {} datagrams found a full receive buffer",
            counts.overflowed
        ));
    }
    oracle::rest(&network.sim)
}
