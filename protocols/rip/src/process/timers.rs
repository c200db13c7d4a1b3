//! What is waited for, and what is done then.

use std::collections::BTreeMap;
use std::time::Duration;

use waypost_engine::{Now, Outbox, Severity};
use waypost_types::InterfaceIndex;

use super::Rip;
use crate::config::Accept;
use crate::interface::{Interface, Phase};
use crate::update::Environment;

/// The most a regular update is early or late (RFC 2453 §3.8).
const REGULAR_JITTER: Duration = Duration::from_secs(5);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Stop,
    Send(InterfaceIndex),
    Regular(InterfaceIndex),
    Neighbors(InterfaceIndex),
    Demand(InterfaceIndex),
    Port(InterfaceIndex),
    Keys(InterfaceIndex),
}

impl Timer {
    pub(super) fn is_of(self, index: InterfaceIndex) -> bool {
        match self {
            Self::Stop => false,
            Self::Send(of)
            | Self::Regular(of)
            | Self::Neighbors(of)
            | Self::Demand(of)
            | Self::Port(of)
            | Self::Keys(of) => of == index,
        }
    }
}

impl Rip {
    pub(super) fn schedule_regular(&mut self, now: Now, index: InterfaceIndex) {
        if let Some(interface) = self.interfaces.get(&index) {
            let interval = interface.effective.update_interval;
            // RFC 2453 §3.8: each update is offset by a small random time, lest all routers come to send together.
            let jitter = REGULAR_JITTER.min(interval / 6);
            let wait = self
                .random
                .between(interval.saturating_sub(jitter), interval + jitter);
            self.timers.set(Timer::Regular(index), now.time + wait);
        }
    }

    /// A neighbour was heard: look for its silence.
    pub(crate) fn watch_neighbors(&mut self, now: Now, index: InterfaceIndex) {
        if self.timers.get(&Timer::Neighbors(index)).is_none()
            && let Some(interface) = self.interfaces.get(&index)
        {
            let silence = interface.effective.expiration_interval;
            self.timers.set(Timer::Neighbors(index), now.time + silence);
        }
    }

    pub(crate) fn deadline(&mut self, now: Now, out: &mut Outbox) {
        self.table.expire(now.time, out);
        while let Some(timer) = self.timers.pop_due(now.time) {
            match timer {
                Timer::Stop => {
                    self.stopped(out);
                    return;
                }
                Timer::Send(index) => self.send(now, index, out),
                Timer::Regular(index) => {
                    if let Some(interface) = self.interfaces.get_mut(&index) {
                        interface.sending.begin_regular(now.time, &self.table);
                    }
                    self.schedule_regular(now, index);
                    self.send(now, index, out);
                }
                Timer::Neighbors(index) => self.expire_neighbors(now, index, out),
                Timer::Demand(index) => self.demand_goes_on(now, index, out),
                Timer::Port(index) => {
                    let active = |interface: &&Interface| interface.is_active();
                    if let Some(told) = self
                        .interfaces
                        .get(&index)
                        .filter(active)
                        .map(|i| i.trouble_is_told)
                    {
                        self.open_port(index, out);
                        if let Some(interface) = self.interfaces.get_mut(&index) {
                            interface.trouble_is_told = told;
                        }
                        self.begin_announcing(now, index, out);
                    }
                }
                Timer::Keys(index) => {
                    let is_keyless = |rip: &Self| {
                        let interface = rip.interfaces.get(&index);
                        interface.is_some_and(|interface| interface.keyless)
                    };
                    let was_keyless = is_keyless(self);
                    self.watch_keys(now, index, out);
                    if was_keyless && !is_keyless(self) {
                        self.begin_announcing(now, index, out);
                    }
                }
            }
        }
    }

    pub(super) fn expire_neighbors(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let silence = interface.effective.expiration_interval;
        let (gone, next) = interface.neighbors.expire(now.time, silence);
        if let Some(at) = next {
            self.timers.set(Timer::Neighbors(index), at);
        }
        for address in gone {
            self.notice(
                Severity::Info,
                Some(index),
                format!("neighbour {address} is silent"),
                out,
            );
        }
    }

    /// Sends what there is on one interface and lets a leaving one go when it has said all.
    pub(super) fn send(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        if interface.phase == Phase::Down {
            return;
        }
        if let Some(until) = self.numbers_wait(now, index, out) {
            self.timers.set(Timer::Send(index), until);
            return;
        }
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        if std::mem::take(&mut interface.request_waits) && interface.is_active() {
            self.request(now, index, out);
        }
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        // What the first neighbour says may be what this router itself said in its earlier life. Told to the others, they
        // would count it up between them; they keep what they know of us until we know better.
        if now.time < self.silent_until && interface.is_active() {
            let again = interface
                .sending
                .run_begun(now.time, &mut interface.counters, out);
            self.timers
                .set(Timer::Send(index), again.unwrap_or(self.silent_until));
            return;
        }
        let mut sending = std::mem::take(&mut interface.sending);
        let mut counters = interface.counters;
        let again = if interface.port.is_some() {
            let mut environment = Environment {
                table: &self.table,
                now,
                sequence: &mut self.sequence,
                triggered_delay: Duration::from_millis(self.global.triggered_delay.unwrap_or(1000).into()),
            };
            sending.run(interface, &mut counters, &mut environment, out)
        } else {
            // Nothing can be sent; when the port is back, everything will be.
            sending.clear();
            sending.skip_changes(self.table.last_change());
            None
        };
        interface.sending = sending;
        interface.counters = counters;
        if interface.phase == Phase::Leaving && interface.sending.is_done() {
            if interface.port.take().is_some() {
                out.close_port(interface.port_id());
            }
            interface.phase = Phase::Down;
            if interface.deleted {
                self.remove_interface(index);
            }
        }
        match again {
            Some(at) => self.timers.set(Timer::Send(index), at),
            None => self.timers.cancel(&Timer::Send(index)),
        }
    }
}

pub(super) fn interface_asks(
    interfaces: &BTreeMap<InterfaceIndex, Interface>,
    index: InterfaceIndex,
) -> bool {
    interfaces
        .get(&index)
        .is_some_and(|interface| interface.announces() && interface.effective.accept != Accept::None)
}
