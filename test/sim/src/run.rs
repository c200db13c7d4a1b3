//! Running a seed: once, and once more with a log if it breaks a law.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use waypost_types::Seed;

use crate::oracle;
use crate::segment::Quality;
use crate::simulation::{Counts, Simulation};

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

/// What an attempt came to, or what was wrong and the log.
pub(crate) type Attempt = Result<Report, (String, Vec<String>)>;

/// Makes an attempt without a log, and one with a log if it fails.
pub(crate) fn run(
    seed: Seed,
    topology: &str,
    attempt: impl Fn(bool) -> Attempt,
) -> Result<Report, Box<Failure>> {
    match attempt(false) {
        Ok(report) => Ok(report),
        Err((first, _)) => {
            let (text, log) = match attempt(true) {
                Err((again, log)) if again == first => (first, log),
                Err((again, log)) => (format!("{first}; with a log, however: {again}"), log),
                Ok(_) => (format!("{first}; with a log, however, all is well"), Vec::new()),
            };
            Err(Box::new(Failure {
                seed,
                topology: topology.to_owned(),
                text,
                log,
            }))
        }
    }
}

/// Plays on a network whose simulation `sim` finds. A panic of an engine is a failure of the seed like any other.
pub(crate) fn play<N>(
    network: &mut N,
    sim: impl Fn(&N) -> &Simulation,
    play: impl FnOnce(&mut N) -> Result<(), String>,
) -> Attempt {
    let outcome = catch_unwind(AssertUnwindSafe(|| play(network)));
    let outcome = outcome.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("of an unknown kind")))
    });
    let sim = sim(network);
    match outcome {
        Ok(()) => Ok(Report {
            trace_hash: sim.trace_hash(),
            counts: sim.counts(),
        }),
        Err(text) => Err((format!("at {}: {text}", sim.now()), sim.log())),
    }
}

/// Links are good while the network is left alone: with losses there would be no time after which all must be well.
pub(crate) fn heal_links(sim: &mut Simulation) {
    let bad: Vec<_> = sim
        .segments()
        .filter(|(_, segment)| segment.quality != Quality::GOOD)
        .map(|(id, _)| id)
        .collect();
    for segment in bad {
        sim.set_quality(segment, Quality::GOOD);
    }
}

/// What must hold of every network at rest.
pub(crate) fn at_rest(sim: &Simulation) -> Result<(), String> {
    let counts = sim.counts();
    if counts.overflowed > 0 {
        return Err(format!(
            "{} datagrams found a full receive buffer",
            counts.overflowed
        ));
    }
    oracle::rest(sim)
}
