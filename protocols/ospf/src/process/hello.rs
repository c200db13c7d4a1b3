//! Hellos (RFC 2328 §9.5, §10.5).

use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox};

use super::receive::Checked;
use super::send::To;
use super::{Deferred, Ospf, Timer};
use crate::interface::machine::{Event as InterfaceEvent, State as InterfaceState};
use crate::interface::{Drop, Interface, InterfaceId};
use crate::neighbor::Neighbor;
use crate::neighbor::machine::{Event, State};
use crate::options::Options;
use crate::packet::{Hello, HelloFields, PacketType};
use crate::parameters::NetworkType;

/// Neighbours on one interface; made-up ones fill no more.
const MAXIMUM_NEIGHBORS: usize = 4096;

impl Ospf {
    /// The options of Hellos on an interface; Database Descriptions say too whether opaque LSAs are understood
    /// (RFC 5250 §4.1).
    pub(super) fn options(&self, interface: &Interface) -> Options {
        self.parameters.area(interface.parameters.area).capability()
    }

    /// Sends Hellos and sets the timer for the next.
    pub(super) fn hello_timer(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get(&id).filter(|interface| interface.speaks()) else {
            return;
        };
        let parameters = &interface.parameters;
        self.timers.set(Timer::Hello(id), now.time + parameters.hello);
        self.sync_port(id, out);
        if self.say_grace(now, id, out) {
            return;
        }
        let Some(interface) = self.interfaces.get(&id) else {
            return;
        };
        let parameters = &interface.parameters;
        if parameters.network.has_multicast() {
            self.send_hello(now, id, To::All, out);
            return;
        }
        // Without multicast, Hellos go to everybody worth it (§9.5.1): whoever may be elected speaks to all, others only to
        // the Designated Router, its Backup, and those who may be.
        let eligible = parameters.priority > 0 || !parameters.network.has_election();
        let designated = interface.is_designated();
        let addresses: Vec<Ipv4Addr> = interface
            .neighbors
            .values()
            .filter(|neighbor| neighbor.state > State::Down)
            .filter(|neighbor| {
                let elected = [interface.designated_router, interface.backup].contains(&neighbor.address);
                let may_be = neighbor.priority > 0;
                if eligible {
                    designated || elected || may_be || !parameters.network.has_election()
                } else {
                    elected || may_be
                }
            })
            .map(|neighbor| neighbor.address)
            .collect();
        for address in addresses {
            self.send_hello(now, id, To::One(address), out);
        }
    }

    pub(super) fn send_hello(&mut self, now: Now, id: InterfaceId, to: To, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get(&id) else {
            return;
        };
        let parameters = &interface.parameters;
        let numbered =
            parameters.network != NetworkType::PointToPoint || interface.attachment.prefix.is_some();
        let fields = HelloFields {
            mask: if numbered {
                interface.mask()
            } else {
                Ipv4Addr::UNSPECIFIED
            },
            hello_interval: parameters.hello_field,
            options: self.options(interface),
            priority: parameters.priority,
            dead_interval: parameters.dead,
            designated_router: interface.designated_router,
            backup: interface.backup,
        };
        // Who stops hears nobody any more: its neighbours need not wait until it was silent for too long (§10.2, 1-Way).
        let heard = |neighbor: &&Neighbor| neighbor.state >= State::Init && !self.stopped;
        let neighbors: Vec<Ipv4Addr> = interface
            .neighbors
            .values()
            .filter(heard)
            .map(|neighbor| neighbor.router)
            .collect();
        self.send(now, id, to, PacketType::Hello, out, |writer| {
            fields.encode(neighbors, writer);
        });
    }

    /// RFC 2328 §10.5.
    pub(super) fn receive_hello(
        &mut self,
        now: Now,
        id: InterfaceId,
        checked: &Checked<'_>,
        hello: Hello<'_>,
        out: &mut Outbox,
    ) -> Result<(), Drop> {
        let seed = self.seed;
        let (Some(router), Some(interface)) = (self.router, self.interfaces.get(&id)) else {
            return Ok(());
        };
        let fields = hello.fields;
        self.compare_parameters(interface, &fields)?;
        let network = interface.parameters.network;
        let key = checked.key(network);
        if !interface.neighbors.contains_key(&key) && network == NetworkType::PointToMultipointNonBroadcast {
            return Err(Drop::Stranger(checked.source));
        }
        if !interface.neighbors.contains_key(&key) && interface.neighbors.len() >= MAXIMUM_NEIGHBORS {
            return Err(Drop::TooManyNeighbors);
        }
        // A router whose identifier changed is another neighbour on a point-to-point link, where identifiers tell neighbours apart.
        let here =
            |(other, known): (&Ipv4Addr, &Neighbor)| (known.address == checked.source).then_some(*other);
        let renamed = interface
            .neighbors
            .iter()
            .filter(|(other, _)| **other != key)
            .find_map(here);
        if let Some(renamed) = renamed.filter(|_| network == NetworkType::PointToPoint) {
            self.neighbor_event(now, id, renamed, Event::KillNbr, out);
        }
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return Ok(());
        };
        let sender = checked.packet.header.router;
        // A router whose identifier changed, or another router with an old one's address, is another neighbour.
        let other = interface
            .neighbors
            .get(&key)
            .is_some_and(|known| !known.router.is_unspecified() && known.router != sender);
        if other {
            self.neighbor_event(now, id, key, Event::KillNbr, out);
        }
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return Ok(());
        };
        let elects = network.has_election();
        let waiting = interface.state == InterfaceState::Waiting;
        let neighbor = interface.neighbors.entry(key).or_insert_with(|| {
            Neighbor::new(sender, checked.source, fields.priority, seed.child("neighbor"))
        });
        let before = (neighbor.priority, neighbor.designated_router, neighbor.backup);
        let met = neighbor.state <= State::Attempt;
        neighbor.router = sender;
        // On a point-to-point link a neighbour may change its address.
        let moved = neighbor.address != checked.source;
        neighbor.address = checked.source;
        neighbor.options = fields.options;
        neighbor.priority = fields.priority;
        neighbor.designated_router = fields.designated_router;
        neighbor.backup = fields.backup;
        let address = neighbor.address;
        if moved {
            self.reconsider();
        }
        self.neighbor_event(now, id, key, Event::HelloReceived, out);
        let two_way = hello.neighbors().any(|heard| heard == router);
        let event = if two_way {
            Event::TwoWayReceived
        } else {
            Event::OneWay
        };
        self.neighbor_event(now, id, key, event, out);
        if met && !two_way {
            // It hears of us at once rather than at the end of our interval.
            self.send_hello(now, id, To::One(address), out);
        }
        if !two_way {
            return Ok(());
        }
        let resumed = self.resume_election(id, address, fields.designated_router, fields.backup);
        if elects && let Some(state) = resumed {
            self.take_state(now, id, state, out);
            self.defer(Deferred::AdjOk(id));
        } else if elects {
            let says = |who: Ipv4Addr| who == address;
            let now_says = (fields.priority, fields.designated_router, fields.backup);
            let claims = |(_, dr, backup): (u8, Ipv4Addr, Ipv4Addr)| (says(dr), says(backup));
            let (is_dr, is_backup) = claims(now_says);
            if waiting && (is_backup || (is_dr && fields.backup.is_unspecified())) {
                self.interface_event(now, id, InterfaceEvent::BackupSeen, out);
            } else if before.0 != fields.priority || claims(before) != (is_dr, is_backup) {
                self.defer(Deferred::NeighborChange(id));
            }
        }
        if network == NetworkType::NonBroadcast {
            self.answer_hello(now, id, address, fields.priority, out);
        }
        Ok(())
    }

    /// On a network without multicast, a router that may not be elected answers those that may (RFC 2328 §10.5, last step).
    fn answer_hello(&mut self, now: Now, id: InterfaceId, address: Ipv4Addr, priority: u8, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get(&id) else {
            return;
        };
        let eligible = interface.parameters.priority > 0;
        let elected = [interface.designated_router, interface.backup].contains(&address);
        if eligible && priority == 0 && !elected && !interface.is_designated() {
            self.send_hello(now, id, To::One(address), out);
        }
    }

    /// What must be the same at both ends.
    fn compare_parameters(&self, interface: &Interface, fields: &HelloFields) -> Result<(), Drop> {
        let parameters = &interface.parameters;
        if parameters.network != NetworkType::PointToPoint && fields.mask != interface.mask() {
            return Err(Drop::Mask {
                got: fields.mask,
                want: interface.mask(),
            });
        }
        let capability = Options::EXTERNAL | Options::NSSA;
        let comparisons = [
            (
                "hello interval",
                fields.hello_interval.into(),
                parameters.hello_field.into(),
            ),
            ("dead interval", fields.dead_interval, parameters.dead),
            (
                "kind of area (options)",
                (fields.options & capability).bits().into(),
                (self.options(interface) & capability).bits().into(),
            ),
        ];
        for (what, got, want) in comparisons {
            if got != want {
                return Err(Drop::Mismatch { what, got, want });
            }
        }
        Ok(())
    }
}
