//! Asking for whole tables: when an interface starts, and for autostatic updates (DoUpdateRoutes).
//!
//! In demand mode nothing is sent by itself. An autostatic update sends a request, collects what comes until it is quiet,
//! and reports; the host then keeps the routes.

use std::time::Duration;

use waypost_engine::{Now, Outbox};
use waypost_routprot::{Event, Status, UpdateComplete, UpdateKind};
use waypost_types::InterfaceIndex;

use crate::announce::Speaker;
use crate::config::Accept;
use crate::packet::Entry;
use crate::process::{Rip, Timer};
use crate::update::{Messages, next_sequence};

/// An autostatic update has ended when nothing came for so long after the last answer,
const DEMAND_QUIET: Duration = Duration::from_secs(2);
/// and in any case after this.
const DEMAND_LIMIT: Duration = Duration::from_secs(10);
/// How often a request of an autostatic update is repeated until the first answer.
const DEMAND_REPEAT: Duration = Duration::from_secs(2);
impl Rip {
    /// Asks everybody on an interface for the whole table.
    pub(crate) fn request(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let wait = self.numbers_wait(now, index, out);
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        if let Some(until) = wait {
            interface.request_waits = true;
            self.timers.set_at_latest(Timer::Send(index), until);
            return;
        }
        let speaker = Speaker {
            interface,
            effective: &interface.effective,
            version: interface.version(),
        };
        let audience = interface.audience(&interface.effective);
        if interface.port.is_some()
            && let Some(messages) = Messages::new(speaker, audience, 0, now)
        {
            let mut messages = messages.requests();
            let sequence = &mut self.sequence;
            let mut number = |out: &mut Outbox| next_sequence(sequence, now, out);
            messages.add(&Entry::WHOLE_TABLE, &mut number, out);
            // Nothing is sent here: it waits its turn with everything else, at the head of it.
            let sent = messages.end(&mut number, out);
            interface.sending.finish_first(sent.late);
            self.want_to_send(index);
        } else {
            interface.counters.send_failures = interface.counters.send_failures.wrapping_add(1);
        }
    }

    pub(crate) fn update_routes(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        // INVARIANT: check_update_routes() refused a second one; one is enough.
        if interface.demand.is_some() {
            return;
        }
        if !interface.is_active()
            || interface.effective.accept == Accept::None
            || interface.audience(&interface.effective).is_empty()
        {
            update_complete(index, Status::ERROR_CAN_NOT_COMPLETE, out);
            return;
        }
        interface.demand = Some((now.time, None));
        self.request(now, index, out);
        self.timers.set(Timer::Demand(index), now.time + DEMAND_REPEAT);
    }

    /// An autostatic update goes on or ends.
    pub(crate) fn demand_goes_on(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let Some((began, answered)) = interface.demand else {
            return;
        };
        let limit = began + DEMAND_LIMIT;
        let quiet = answered.map(|last| last + DEMAND_QUIET);
        let next = match quiet {
            Some(quiet) if now.time >= quiet => None,
            _ if now.time >= limit => None,
            Some(quiet) => Some(quiet.min(limit)),
            None => {
                self.request(now, index, out);
                Some((now.time + DEMAND_REPEAT).min(limit))
            }
        };
        match next {
            Some(at) => self.timers.set(Timer::Demand(index), at),
            None => {
                if let Some(interface) = self.interfaces.get_mut(&index) {
                    interface.demand = None;
                }
                let status = if answered.is_some() {
                    Status::NO_ERROR
                } else {
                    Status::ERROR_CAN_NOT_COMPLETE
                };
                update_complete(index, status, out);
            }
        }
    }

    /// A response came to an interface whose autostatic update is running.
    pub(crate) fn demand_answered(&mut self, now: Now, index: InterfaceIndex) {
        if let Some(interface) = self.interfaces.get_mut(&index)
            && let Some((began, answered)) = &mut interface.demand
        {
            *answered = Some(now.time);
            self.timers.set(
                Timer::Demand(index),
                (now.time + DEMAND_QUIET).min(*began + DEMAND_LIMIT),
            );
        }
    }
}

/// Tells the host that an autostatic update has ended.
pub(crate) fn update_complete(interface: InterfaceIndex, status: Status, out: &mut Outbox) {
    out.event(Event::UpdateComplete(UpdateComplete {
        interface,
        kind: UpdateKind::Routes,
        status,
    }));
}
