//! The router as a stub: what leads through it costs as much as can be, for good or for a time (RFC 6987).

use waypost_engine::{Now, Outbox};
use waypost_types::Time;

use super::{Ospf, Timer};
use crate::neighbor::machine::State;

/// What summaries and externals of a stub router cost: high, and below LSInfinity, so that they still lead somewhere when
/// nothing else does.
const HIGH_METRIC: u32 = 0x00FF_0000;

/// Why a router is a stub although it is not configured to be one always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Passing {
    /// It is none.
    #[default]
    No,
    /// It started not long ago: its routes are not complete yet.
    Starting,
    /// It will stop soon: others are to find their ways around it while it still forwards.
    Stopping,
}

impl Ospf {
    /// Whether costs are said as high as can be.
    #[must_use]
    pub fn is_stub_router(&self) -> bool {
        self.parameters.stub_router || self.passing != Passing::No
    }

    /// A router that starts is a stub for the time that is configured.
    pub(super) fn begin_as_stub(&mut self, now: Now) {
        let time = self.parameters.stub_at_start;
        if !time.is_zero() {
            self.passing = Passing::Starting;
            self.timers.set(Timer::Started, now.time + time);
        }
    }

    /// The time after the start is over.
    pub(super) fn end_as_stub(&mut self, now: Now, out: &mut Outbox) {
        if self.passing == Passing::Starting {
            self.passing = Passing::No;
            self.say_costs(now, out);
        }
    }

    /// The router is to stop. Until when it should still forward as a stub; `None`: nobody would hear of it, or it is not
    /// wanted, and it may stop now.
    pub fn prepare_stop(&mut self, now: Now, out: &mut Outbox) -> Option<Time> {
        let mut neighbors = self
            .interfaces
            .values()
            .flat_map(|interface| interface.neighbors.values());
        let heard = neighbors.any(|neighbor| neighbor.state == State::Full);
        let time = self.parameters.stub_at_stop;
        if time.is_zero() || !heard {
            return None;
        }
        self.passing = Passing::Stopping;
        self.say_costs(now, out);
        self.settle(now, out);
        Some(now.time + time)
    }

    /// Says everything with a cost again.
    fn say_costs(&mut self, now: Now, out: &mut Outbox) {
        self.router_lsas.extend(self.databases.areas.keys());
        self.calculate_anew();
        self.say_externals(now, out);
    }

    /// What others are told that something beyond this router costs.
    pub(super) fn cost_beyond(&self, cost: u32) -> u32 {
        if self.parameters.stub_externals && self.is_stub_router() {
            cost.max(HIGH_METRIC)
        } else {
            cost
        }
    }
}
