//! Neighbours come, change and go (RFC 2328 §10.3, §10.4).

use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_engine::{Now, Outbox, Severity};

use super::send::To;
use super::{Deferred, Ospf, Timer};
use crate::interface::{Interface, InterfaceId};
use crate::neighbor::Neighbor;
use crate::neighbor::machine::{Action, Event, State, transition};
use crate::parameters::NetworkType;

impl Ospf {
    /// Something happened to a neighbour (RFC 2328 §10.3).
    pub(super) fn neighbor_event(
        &mut self,
        now: Now,
        id: InterfaceId,
        key: Ipv4Addr,
        event: Event,
        out: &mut Outbox,
    ) {
        let Some((interface, neighbor)) = self.neighbor(id, key) else {
            return;
        };
        // RFC 3623 §3.2: it cannot speak yet. Its silence is looked at when the help ends.
        if event == Event::InactivityTimer && neighbor.is_helped() {
            return;
        }
        let (router, address) = (neighbor.router, neighbor.address);
        let dead = interface.parameters.dead;
        let adjacent = should_be_adjacent(interface, neighbor);
        let old = neighbor.state;
        let transition = transition(old, event);
        let next = match transition.action {
            Action::Nothing => transition.next,
            Action::Ask => {
                self.timers.set(
                    Timer::Inactivity(id, key),
                    now.time + Duration::from_secs(dead.into()),
                );
                transition.next
            }
            Action::Heard => {
                self.timers.set(
                    Timer::Inactivity(id, key),
                    now.time + Duration::from_secs(dead.into()),
                );
                transition.next
            }
            Action::Judge if adjacent => Some(State::ExStart),
            Action::Judge => Some(State::TwoWay),
            Action::JudgeAgain if adjacent => None,
            Action::JudgeAgain => {
                self.clear_lists(id, key);
                Some(State::TwoWay)
            }
            Action::Describe => {
                self.list_databases(now, id, key);
                transition.next
            }
            Action::Conclude => Some(if self.has_requests(id, key) {
                State::Loading
            } else {
                State::Full
            }),
            Action::Restart | Action::Clear => {
                self.clear_lists(id, key);
                transition.next
            }
            Action::Forget => {
                self.clear_lists(id, key);
                self.timers.cancel(&Timer::Inactivity(id, key));
                transition.next
            }
        };
        let Some(next) = next else { return };
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        neighbor.state = next;
        if old != next {
            neighbor.events += 1;
        }
        if transition.action == Action::Ask {
            self.send_hello(now, id, To::One(address), out);
        }
        // A restart of the exchange begins with a new number even in ExStart.
        if next == State::ExStart && (old != next || transition.action == Action::Restart) {
            self.begin_exchange(now, id, key, out);
        }
        if old == next {
            return;
        }
        let exchanging = |state| matches!(state, State::Exchange | State::Loading);
        if exchanging(next) && !exchanging(old) {
            self.exchanging += 1;
        } else if exchanging(old) && !exchanging(next) {
            self.exchanging = self.exchanging.saturating_sub(1);
        }
        if (old >= State::TwoWay) != (next >= State::TwoWay) {
            self.defer(Deferred::NeighborChange(id));
        }
        let of_many = |interface: &Interface| {
            interface.parameters.network == NetworkType::PointToPoint && interface.neighbors.len() > 1
        };
        if self.interfaces.get(&id).is_some_and(of_many) {
            self.defer(Deferred::AdjOk(id));
        }
        if (old == State::Full) != (next == State::Full) {
            self.note_adjacency(id);
            let what = if next == State::Full {
                "is adjacent"
            } else {
                "is not adjacent any more"
            };
            self.notice(
                id,
                out,
                Severity::Info,
                format!("neighbour {router} at {address} {what} ({event:?})"),
            );
        }
        if next == State::Down {
            self.bury(now, id, key);
        }
    }

    /// What becomes of a neighbour that is down: forgotten, unless it is configured and to be asked again.
    fn bury(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr) {
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        let poll = interface.parameters.poll;
        match interface.parameters.neighbors.get(&key) {
            Some(configured) => {
                if let Some(neighbor) = interface.neighbors.get_mut(&key) {
                    neighbor.priority = configured.priority;
                    neighbor.router = Ipv4Addr::UNSPECIFIED;
                    neighbor.replay = Default::default();
                    neighbor.help = Default::default();
                }
                self.timers.set(Timer::Poll(id, key), now.time + poll);
            }
            None => {
                interface.neighbors.remove(&key);
            }
        }
    }

    /// A configured neighbour that is down is asked again (RFC 2328 §9.5.1).
    pub(super) fn poll(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, out: &mut Outbox) {
        let Some((interface, neighbor)) = self.neighbor(id, key) else {
            return;
        };
        if neighbor.state > State::Attempt || !interface.parameters.neighbors.contains_key(&key) {
            return;
        }
        let (poll, address) = (interface.parameters.poll, neighbor.address);
        self.timers.set(Timer::Poll(id, key), now.time + poll);
        self.send_hello(now, id, To::One(address), out);
    }

    /// Brings the neighbours of an interface to those that are configured.
    pub(super) fn meet_configured_neighbors(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        let seed = self.seed;
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        let parameters = &interface.parameters;
        if parameters.network.has_multicast() || !interface.speaks() {
            return;
        }
        let gone: Vec<Ipv4Addr> = interface
            .neighbors
            .keys()
            .filter(|key| !parameters.neighbors.contains_key(key))
            .copied()
            .collect();
        // Whoever may be elected asks those who may be, at once (§9.3, Start); others are polled.
        let eligible = parameters.priority > 0 || !parameters.network.has_election();
        let mut new = Vec::new();
        for (address, configured) in &interface.parameters.neighbors {
            if *address != interface.attachment.address.unwrap_or(Ipv4Addr::UNSPECIFIED)
                && !interface.neighbors.contains_key(address)
            {
                let may_be = configured.priority > 0 || !parameters.network.has_election();
                new.push((*address, configured.priority, eligible && may_be));
            }
        }
        for (address, priority, ask) in new {
            let neighbor = Neighbor::new(Ipv4Addr::UNSPECIFIED, address, priority, seed.child("neighbor"));
            if let Some(interface) = self.interfaces.get_mut(&id) {
                interface.neighbors.insert(address, neighbor);
            }
            if ask {
                self.neighbor_event(now, id, address, Event::Start, out);
            } else {
                self.poll(now, id, address, out);
            }
        }
        for address in gone {
            self.neighbor_event(now, id, address, Event::KillNbr, out);
            if let Some(interface) = self.interfaces.get_mut(&id) {
                interface.neighbors.remove(&address);
            }
        }
    }

    /// Empties the lists of a neighbour and stops their timers.
    fn clear_lists(&mut self, id: InterfaceId, key: Ipv4Addr) {
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        let handles = neighbor.retransmissions.drain();
        neighbor.requests.clear();
        neighbor.exchange.list.clear();
        neighbor.exchange.known.clear();
        neighbor.exchange.described = 0;
        neighbor.exchange.received = None;
        for handle in handles {
            self.release(id, handle);
        }
        for timer in [
            Timer::Describe(id, key),
            Timer::Request(id, key),
            Timer::Retransmit(id, key),
        ] {
            self.timers.cancel(&timer);
        }
    }

    pub(super) fn neighbor(&self, id: InterfaceId, key: Ipv4Addr) -> Option<(&Interface, &Neighbor)> {
        let interface = self.interfaces.get(&id)?;
        Some((interface, interface.neighbors.get(&key)?))
    }

    pub(super) fn neighbor_mut(&mut self, id: InterfaceId, key: Ipv4Addr) -> Option<&mut Neighbor> {
        self.interfaces.get_mut(&id)?.neighbors.get_mut(&key)
    }

    fn has_requests(&self, id: InterfaceId, key: Ipv4Addr) -> bool {
        self.neighbor(id, key)
            .is_some_and(|(_, neighbor)| !neighbor.requests.is_empty())
    }
}

/// RFC 2328 §10.4: everybody where there is no Designated Router, otherwise whoever is one of the two, here or there.
///
/// On a point-to-point link there should be one neighbour. Where a mistake puts more on it, only one of them becomes adjacent:
/// all hear each other's descriptions, and exchanges of two pairs would confuse each other without end. It is the one with the
/// lowest identifier, which all agree on, unless an exchange with another one has got going.
fn should_be_adjacent(interface: &Interface, neighbor: &Neighbor) -> bool {
    if interface.parameters.network == NetworkType::PointToPoint {
        let others = interface.neighbors.values();
        let mut others = others.filter(|other| other.router != neighbor.router);
        return !others.any(|other| {
            other.state >= State::Exchange
                || (other.state >= State::TwoWay
                    && neighbor.state < State::Exchange
                    && other.router < neighbor.router)
        });
    }
    !interface.parameters.network.has_election()
        || interface.is_designated()
        || [interface.designated_router, interface.backup].contains(&neighbor.address)
}
