//! Neighbours that restart gracefully are said to be adjacent while they cannot say so themselves (RFC 3623 §3).

use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_engine::{Now, Outbox, Severity};

use super::{Deferred, Domain, Ospf, Timer};
use crate::database::Slot;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::grace::Grace;
use crate::lsa::opaque::GRACE;
use crate::lsa::{Body, LS_REFRESH_TIME, LsaHeader, LsaKey, LsaType};
use crate::neighbor::help::{Exit, Help};
use crate::neighbor::machine::{Event, State};

impl Ospf {
    /// A grace-LSA came, or the end of one.
    pub(super) fn hear_grace(
        &mut self,
        now: Now,
        id: InterfaceId,
        header: &LsaHeader,
        slot: Slot,
        out: &mut Outbox,
    ) {
        let is_grace = header.key.kind == LsaType::OpaqueLink && header.key.id.octets()[0] == GRACE;
        let database = self.databases.get(Domain::Link(id)).filter(|_| is_grace);
        let Some(Body::Opaque(opaque)) = database.and_then(|database| database.body(slot)) else {
            return;
        };
        let (Some(grace), Some(interface)) = (Grace::decode(&opaque), self.interfaces.get(&id)) else {
            return;
        };
        let Some(key) = restarting(interface, header.key.router, grace.address) else {
            return;
        };
        if header.is_max_age() {
            self.end_help(now, id, key, Exit::Completed, out);
            return;
        }
        // It is to last no longer than an LSA nobody refreshes should (RFC 3623 A); the LSA is as old as the restart.
        let period = grace.period.min(LS_REFRESH_TIME.into());
        let left = period.saturating_sub(header.age.into());
        if let Err(reason) = self.may_help(interface, key, left) {
            let text = format!(
                "neighbour {} restarts and is not helped: {reason}",
                header.key.router
            );
            self.notice(id, out, Severity::Warning, text);
            return;
        }
        let until = now.time + Duration::from_secs(left.into());
        if let Some(neighbor) = self.neighbor_mut(id, key) {
            neighbor.help = Help::Until(until);
        }
        self.timers.set(Timer::Grace(id, key), until);
        let text = format!(
            "neighbour {} restarts and counts as adjacent for {left} s",
            header.key.router
        );
        self.notice(id, out, Severity::Info, text);
    }

    /// The conditions of RFC 3623 §3.1.
    fn may_help(&self, interface: &Interface, key: Ipv4Addr, left: u32) -> Result<(), &'static str> {
        let Some(neighbor) = interface.neighbors.get(&key) else {
            return Err("it is not known");
        };
        if !self.parameters.helps_restarts {
            return Err("it is configured so");
        }
        if left == 0 {
            return Err("its grace period is over");
        }
        // It asks again: for more time, or because it did not hear that we heard it.
        if neighbor.is_helped() {
            return Ok(());
        }
        if neighbor.state != State::Full {
            return Err("it is not adjacent");
        }
        // What is the same as before may be on its way, what changed may not.
        let mut news = neighbor.retransmissions.changed();
        let changed = news.any(|handle| {
            let database = self.databases.get(interface.domain(handle.scope));
            database
                .and_then(|database| database.key(handle.slot))
                .is_some_and(|key| !key.kind.is_opaque())
        });
        if changed && self.parameters.strict_lsa_checking {
            return Err("it has not acknowledged what changed");
        }
        Ok(())
    }

    /// Something in a database is other than it was. Restarting neighbours that would have to know of it are not helped any
    /// more (RFC 3623 §3.2).
    pub(super) fn note_topology(&mut self, domain: Domain, key: LsaKey) {
        if matches!(key.kind, LsaType::Router | LsaType::Network) {
            self.note_restart();
        }
        if !self.parameters.strict_lsa_checking || key.kind.is_opaque() {
            return;
        }
        let concerned = self.interfaces.values().filter(|interface| {
            interface.domain(key.kind.scope()) == domain && self.is_flooded_here(interface, key.kind)
        });
        let helped: Vec<_> = concerned
            .flat_map(|interface| interface.helped().map(|neighbor| (interface.id, *neighbor.0)))
            .collect();
        for (id, neighbor) in helped {
            self.defer(Deferred::EndHelp(id, neighbor, Exit::TopologyChanged));
        }
    }

    /// Nobody is helped any more if that is not wanted.
    pub(super) fn look_at_help(&mut self) {
        if self.parameters.helps_restarts {
            return;
        }
        let interfaces = self.interfaces.values();
        let helped: Vec<_> = interfaces
            .flat_map(|interface| interface.helped().map(|neighbor| (interface.id, *neighbor.0)))
            .collect();
        for (id, key) in helped {
            self.defer(Deferred::EndHelp(id, key, Exit::Forbidden));
        }
    }

    /// The neighbour counts as what it is again (RFC 3623 §3.2, the last paragraph).
    pub(super) fn end_help(
        &mut self,
        now: Now,
        id: InterfaceId,
        key: Ipv4Addr,
        exit: Exit,
        out: &mut Outbox,
    ) {
        self.timers.cancel(&Timer::Grace(id, key));
        let Some(neighbor) = self.neighbor_mut(id, key).filter(|neighbor| neighbor.is_helped()) else {
            return;
        };
        neighbor.help = Help::Ended(exit);
        let router = neighbor.router;
        let text = format!("neighbour {router} is not helped to restart any more: {exit}");
        self.notice(id, out, Severity::Info, text);
        self.note_adjacency(id);
        self.defer(Deferred::NeighborChange(id));
        // Its silence was overlooked while it was helped.
        if self.timers.get(&Timer::Inactivity(id, key)).is_none() {
            self.neighbor_event(now, id, key, Event::InactivityTimer, out);
        }
    }
}

/// The neighbour that a grace-LSA is about (RFC 3623 §3.1): its address is told where neighbours are known by address.
fn restarting(interface: &Interface, router: Ipv4Addr, address: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
    let by_address = interface.parameters.network.knows_neighbors_by_address();
    let key = if by_address { address? } else { router };
    let neighbor = interface.neighbors.get(&key)?;
    (neighbor.router == router).then_some(key)
}
