//! Three routers in a triangle, `10.9.0.0/24` behind r3. What r1 pays towards r3 goes from 10 to 1: r1, which went through r2,
//! moves to r3, and r2, which went to r3 at its own 4, moves to r1. Then it goes back to 10, which is waited for.
//!
//! ```text
//!        r1 ---- 1 ------- r2
//!          \              /
//!     10 or 1 \        / 4
//!               r3 ---- 10.9.0.0/24
//! ```

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use waypost_testkit::{Lab, Make, Node};
use waypost_types::Prefix4;

use crate::Context;
use crate::report::Samples;
use crate::watch::{Gateways, Watch};

/// How long a peer may take to move: three of its updates.
const PATIENCE: Duration = Duration::from_secs(100);

/// r1 towards r2, r2 towards r1, and both towards r3.
const R2_FROM_R1: Ipv4Addr = Ipv4Addr::new(10, 0, 12, 2);
const R1_FROM_R2: Ipv4Addr = Ipv4Addr::new(10, 0, 12, 1);
const R3_FROM_R1: Ipv4Addr = Ipv4Addr::new(10, 0, 13, 3);
const R3_FROM_R2: Ipv4Addr = Ipv4Addr::new(10, 0, 23, 3);

pub(crate) const FAR: u8 = 10;
pub(crate) const NEAR: u8 = 1;

/// What each of the peers that are installed took, all measured at the same time: they mostly wait.
pub(crate) fn peers(measure: impl Fn(Make) -> Result<Moves> + Sync) -> Vec<(Make, Result<Moves>)> {
    let measure = &measure;
    thread::scope(|scope| {
        let peers: Vec<_> = [Make::Frr, Make::Bird]
            .into_iter()
            .filter(|make| make.is_installed())
            .map(|make| (make, scope.spawn(move || measure(make))))
            .collect();
        let joined = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread
                .join()
                .unwrap_or_else(|_| Err(anyhow!("its thread panicked")))
        };
        peers
            .into_iter()
            .map(|(make, thread)| (make, joined(thread)))
            .collect()
    })
}

/// What one make took.
#[derive(Default)]
pub(crate) struct Moves {
    pub(crate) command: Samples,
    pub(crate) own: Samples,
    pub(crate) neighbor: Samples,
    pub(crate) own_after: Samples,
    pub(crate) neighbor_after: Samples,
}

impl Moves {
    /// Notes a change: the command began at `start` and was acknowledged at `done`.
    fn add(&mut self, start: Instant, done: Instant, own: Instant, neighbor: Instant) {
        self.command.add(done - start);
        self.own.add(own - start);
        self.neighbor.add(neighbor - start);
        let after = |moved: Instant| {
            let late = moved.saturating_duration_since(done).as_secs_f64();
            let early = done.saturating_duration_since(moved).as_secs_f64();
            (late - early) * 1000.0
        };
        self.own_after.add_number(after(own));
        self.neighbor_after.add_number(after(neighbor));
    }
}

/// The triangle with one make in it, watched.
pub(crate) struct Triangle {
    own: Watch<Gateways>,
    neighbor: Watch<Gateways>,
    pub(crate) nodes: [Node; 3],
    // Last: what it made goes with it.
    _lab: Lab,
}

impl Triangle {
    pub(crate) fn new(context: &Context, name: &str) -> Result<Self> {
        let lab = Lab::below(name, context.scratch())?;
        let nodes = [lab.node("r1")?, lab.node("r2")?, lab.node("r3")?];
        let [r1, r2, r3] = &nodes;
        lab.link((r1, "eth2", "10.0.12.1/24"), (r2, "eth1", "10.0.12.2/24"))?;
        lab.link((r1, "eth3", "10.0.13.1/24"), (r3, "eth1", "10.0.13.3/24"))?;
        lab.link((r2, "eth3", "10.0.23.2/24"), (r3, "eth2", "10.0.23.3/24"))?;
        lab.stub(r3, "lan0", "10.9.0.1/24")?;
        let prefix = Prefix4::containing(Ipv4Addr::new(10, 9, 0, 0), 24)?;
        Ok(Self {
            own: Watch::start(r1, Gateways::of(prefix))?,
            neighbor: Watch::start(r2, Gateways::of(prefix))?,
            nodes,
            _lab: lab,
        })
    }

    /// Waits until r1 goes through r2, and r2 to r3.
    pub(crate) fn settle_far(&self, after: Instant) -> Result<()> {
        self.moved(&self.own, R2_FROM_R1, after)?;
        self.moved(&self.neighbor, R3_FROM_R2, after)?;
        Ok(())
    }

    fn moved(&self, watch: &Watch<Gateways>, gateway: Ipv4Addr, after: Instant) -> Result<Instant> {
        let found = watch.wait(PATIENCE, |gateways| gateways.moved(gateway, after))?;
        found.with_context(|| format!("no kernel moved to {gateway} within {} s", PATIENCE.as_secs()))
    }

    /// Changes what r1 pays to [`NEAR`] and back to [`FAR`], as often as `runs`, each time after `quiet`.
    pub(crate) fn measure(
        &self,
        runs: usize,
        quiet: Duration,
        mut change: impl FnMut(u8) -> Result<()>,
    ) -> Result<Moves> {
        let mut moves = Moves::default();
        for _ in 0..runs {
            thread::sleep(quiet);
            let start = Instant::now();
            change(NEAR)?;
            let done = Instant::now();
            let own = self.moved(&self.own, R3_FROM_R1, start)?;
            let neighbor = self.moved(&self.neighbor, R1_FROM_R2, start)?;
            moves.add(start, done, own, neighbor);
            thread::sleep(quiet);
            let back = Instant::now();
            change(FAR)?;
            self.settle_far(back)?;
        }
        Ok(moves)
    }
}
