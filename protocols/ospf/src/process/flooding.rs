//! The flooding procedure: which LSAs are taken, to whom they go on, and how they are acknowledged (RFC 2328 §13).

use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_engine::{Now, Outbox};

use super::send::To;
use super::{Deferred, Domain, Ospf, Timer};
use crate::database::Slot;
use crate::interface::machine::State as InterfaceState;
use crate::interface::{Drop, Interface, InterfaceId};
use crate::lsa::{Body, Freshness, LSA_HEADER_LENGTH, LsaHeader, LsaType, RawLsa, Scope, SequenceNumber};
use crate::neighbor::Neighbor;
use crate::neighbor::lists::{Handle, Requested};
use crate::neighbor::machine::{Event, State};
use crate::packet::{LsaHeaders, Update};
use crate::parameters::AreaKind;

/// The neighbour an LSA came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) id: InterfaceId,
    pub(super) key: Ipv4Addr,
    /// Whether it is Designated Router or Backup of its network.
    elected: bool,
    /// Whether it is Designated Router.
    designated: bool,
}

/// To whom an instance says something new.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// To everybody: it is not what its predecessor was.
    pub(super) changed: bool,
    /// To these, who have not acknowledged its predecessor.
    pub(super) owed: Vec<(InterfaceId, Ipv4Addr)>,
}

/// What one received LSA leads to.
enum Verdict {
    /// Nothing.
    Ignored,
    /// To be acknowledged to its sender, at once.
    Direct(LsaHeader),
    /// To be acknowledged to the network, with others.
    Delayed(LsaHeader),
    /// The database has a newer one, which the sender gets.
    Outdated(Handle),
    /// The exchange with its sender went wrong.
    BadRequest,
}

impl Ospf {
    /// RFC 2328 §13.
    pub(super) fn receive_update(
        &mut self,
        now: Now,
        id: InterfaceId,
        key: Ipv4Addr,
        update: Update<'_>,
        out: &mut Outbox,
    ) -> Result<(), Drop> {
        let Some((interface, neighbor)) = self.neighbor(id, key) else {
            return Ok(());
        };
        let address = neighbor.address;
        if !neighbor.state.takes_part_in_flooding() {
            return Err(Drop::State(address));
        }
        let elects = interface.parameters.network.has_election();
        let sender = Sender {
            id,
            key,
            elected: elects && [interface.designated_router, interface.backup].contains(&address),
            designated: elects && interface.designated_router == address,
        };
        let mut direct = Vec::new();
        let mut newer = Vec::new();
        for lsa in update.iter() {
            match self.receive_lsa(now, sender, lsa, out) {
                Verdict::Ignored => {}
                Verdict::Direct(header) => direct.push(header),
                Verdict::Delayed(header) => self.acknowledge_later(now, id, header, out),
                Verdict::Outdated(handle) => newer.push(handle),
                Verdict::BadRequest => {
                    self.neighbor_event(now, id, key, Event::BadLsReq, out);
                    break;
                }
            }
        }
        self.send_headers(now, id, To::One(address), &direct, out);
        self.send_lsas(now, id, &[To::One(address)], &newer, out);
        Ok(())
    }

    /// One LSA: the steps of RFC 2328 §13.
    fn receive_lsa(&mut self, now: Now, sender: Sender, lsa: RawLsa<'_>, out: &mut Outbox) -> Verdict {
        // Steps 1 to 3.
        if !lsa.checksum_is_right() {
            return Verdict::Ignored;
        }
        let Ok(header) = lsa.header() else {
            return Verdict::Ignored;
        };
        let Some(interface) = self.interfaces.get(&sender.id) else {
            return Verdict::Ignored;
        };
        if !self.is_flooded_here(interface, header.key.kind)
            || Body::decode(header.key, lsa.body_octets()).is_err()
            || header.sequence == SequenceNumber::RESERVED
        {
            return Verdict::Ignored;
        }
        let scope = header.key.kind.scope();
        let domain = interface.domain(scope);
        let database = self.databases.ensure(domain);
        let known = database
            .find(header.key)
            .and_then(|slot| Some((slot, database.header(slot, now.time)?)));
        let freshness = known.map_or(Freshness::Newer, |(_, known)| header.freshness(&known));
        match known {
            // Step 4: nobody needs to hear of the end of what nobody has.
            None if header.is_max_age() && self.exchanging == 0 => Verdict::Direct(header),
            None => self.take(now, sender, domain, lsa, &header, None, out),
            Some((slot, _)) if freshness == Freshness::Newer => {
                self.take(now, sender, domain, lsa, &header, Some(slot), out)
            }
            Some((slot, known)) => {
                let handle = Handle { scope, slot };
                let Some(neighbor) = self.neighbor_mut(sender.id, sender.key) else {
                    return Verdict::Ignored;
                };
                if neighbor.requests.contains(header.key) {
                    // Step 6, unless what was asked for arrived by another way meanwhile: then it is the same instance.
                    return Verdict::BadRequest;
                }
                if freshness == Freshness::Same {
                    // Step 7: what we sent it came back, and so it has it.
                    if neighbor.retransmissions.remove(handle).is_some() {
                        self.release(sender.id, handle);
                        return self.implied(sender, header);
                    }
                    return Verdict::Direct(header);
                }
                // Step 8. One at the end of its numbers is about to be flushed, and what follows it looks older.
                if known.is_max_age() && known.sequence == SequenceNumber::MAX {
                    return Verdict::Ignored;
                }
                let ago = self
                    .databases
                    .get(domain)
                    .and_then(|database| database.installed_ago(slot, now.time));
                if ago.is_some_and(|ago| ago < self.parameters.minimum_arrival) {
                    return Verdict::Ignored;
                }
                Verdict::Outdated(handle)
            }
        }
    }

    /// How a duplicate that acknowledges what we sent is acknowledged (RFC 2328 §13.5, table 19).
    fn implied(&self, sender: Sender, header: LsaHeader) -> Verdict {
        let backup = self
            .interfaces
            .get(&sender.id)
            .is_some_and(|interface| interface.state == InterfaceState::Backup);
        if backup && sender.designated {
            Verdict::Delayed(header)
        } else {
            Verdict::Ignored
        }
    }

    /// Whether LSAs of a type belong on an interface: no externals in stub areas and NSSAs, type 7 in NSSAs only, no opaque
    /// ones where they are not understood (RFC 2328 §13 step 3, RFC 3101 §2.2, RFC 5250 §3).
    pub(super) fn is_flooded_here(&self, interface: &Interface, kind: LsaType) -> bool {
        let area = self.parameters.area(interface.parameters.area).kind;
        let normal = area == AreaKind::Normal;
        let real = interface.id.index().is_some();
        match kind {
            LsaType::AsExternal => normal && real,
            LsaType::Nssa => area == AreaKind::Nssa,
            LsaType::OpaqueAs => self.parameters.opaque && normal && real,
            LsaType::OpaqueLink | LsaType::OpaqueArea => self.parameters.opaque,
            _ => true,
        }
    }

    /// Step 5: a newer instance, or one that was not there.
    #[expect(clippy::too_many_arguments, reason = "the step's circumstances")]
    fn take(
        &mut self,
        now: Now,
        sender: Sender,
        domain: Domain,
        lsa: RawLsa<'_>,
        header: &LsaHeader,
        known: Option<Slot>,
        out: &mut Outbox,
    ) -> Verdict {
        let own = self.is_own(header);
        if let (Some(slot), Some(database)) = (known, self.databases.get(domain)) {
            // 5a. An instance of ours did not come by flooding.
            let ago = database.installed_ago(slot, now.time);
            if !own && ago.is_some_and(|ago| ago < self.parameters.minimum_arrival) {
                return Verdict::Ignored;
            }
        } else if !own && self.databases.len() >= self.parameters.maximum_lsas as usize {
            self.counters.overflowed += 1;
            return Verdict::Ignored;
        }
        let owed = known.map(|slot| self.forget_retransmissions(domain, header.key.kind.scope(), slot));
        let Ok(installed) = self.databases.ensure(domain).install(lsa, now.time) else {
            return Verdict::Ignored;
        };
        if installed.changed {
            self.note_routes(domain, header.key, installed.mask);
            self.note_topology(domain, header.key);
        }
        self.counters.received += 1;
        let news = News {
            changed: installed.changed,
            owed: owed.unwrap_or_default(),
        };
        let back = self.flood(now, domain, installed.slot, header, Some(sender), &news);
        self.hear_grace(now, sender.id, header, installed.slot, out);
        if own || self.was_own(now, domain, header) {
            self.contradict(now, domain, header.key, installed.slot, out);
        }
        let backup = self
            .interfaces
            .get(&sender.id)
            .is_some_and(|interface| interface.state == InterfaceState::Backup);
        // §13.5, table 19: flooding it back is as good as an acknowledgment; a Backup leaves the others to the Designated Router.
        if back || (backup && !sender.designated) {
            Verdict::Ignored
        } else {
            Verdict::Delayed(*header)
        }
    }

    /// Sends an LSA on to everybody who should have it (RFC 2328 §13.3). Whether it goes back out of the interface it came in
    /// by.
    pub(super) fn flood(
        &mut self,
        now: Now,
        domain: Domain,
        slot: Slot,
        header: &LsaHeader,
        from: Option<Sender>,
        news: &News,
    ) -> bool {
        let scope = header.key.kind.scope();
        let handle = Handle { scope, slot };
        let opaque = header.key.kind.is_opaque();
        let ids: Vec<InterfaceId> = self
            .interfaces
            .values()
            .filter(|interface| interface.speaks() && interface.domain(scope) == domain)
            .filter(|interface| self.is_flooded_here(interface, header.key.kind))
            .map(|interface| interface.id)
            .collect();
        let mut back = false;
        for id in ids {
            let Some(interface) = self.interfaces.get_mut(&id) else {
                continue;
            };
            let retransmit = interface.parameters.retransmit;
            let came_by = from.filter(|sender| sender.id == id);
            let mut added = 0;
            let mut answered = Vec::new();
            for (key, neighbor) in &mut interface.neighbors {
                if !neighbor.state.takes_part_in_flooding() || (opaque && !neighbor.opaque) {
                    continue;
                }
                // Step 1b: what it was asked for need not be asked for any more.
                if neighbor.state != State::Full {
                    match neighbor.requests.received(header) {
                        Requested::Older => continue,
                        Requested::Same => {
                            answered.push(*key);
                            continue;
                        }
                        Requested::Newer => answered.push(*key),
                        Requested::No => {}
                    }
                }
                if came_by.is_some_and(|sender| sender.key == *key) {
                    continue;
                }
                let changed = news.changed || news.owed.contains(&(id, *key));
                if neighbor.retransmissions.add(handle, now.time, changed)
                    && let Some(database) = self.databases.get_mut(domain)
                {
                    database.hold(slot);
                }
                added += 1;
                self.timers
                    .set_at_latest(Timer::Retransmit(id, *key), now.time + retransmit);
            }
            for key in answered {
                self.defer(Deferred::Request(id, key));
            }
            let Some(interface) = self.interfaces.get_mut(&id) else {
                continue;
            };
            // Steps 2 to 4: nobody needs it; or whoever floods here has done so already; or will.
            let done =
                came_by.is_some_and(|sender| sender.elected || interface.state == InterfaceState::Backup);
            if added == 0 || done {
                continue;
            }
            interface.floods.push(handle);
            self.floods.insert(id);
            back |= came_by.is_some();
        }
        if header.is_max_age() {
            self.expire_if_free(domain, slot);
        }
        back
    }

    /// Takes an LSA off every retransmission list (RFC 2328 §13 step 5c): a newer instance takes its place. To whom the newer one
    /// is news although nothing changed in it, because they have not acknowledged what changed before.
    pub(super) fn forget_retransmissions(
        &mut self,
        domain: Domain,
        scope: Scope,
        slot: Slot,
    ) -> Vec<(InterfaceId, Ipv4Addr)> {
        let handle = Handle { scope, slot };
        let mut owed = Vec::new();
        let Some(database) = self
            .databases
            .get_mut(domain)
            .filter(|database| database.is_held(slot))
        else {
            return owed;
        };
        for interface in self.interfaces.values_mut() {
            if interface.domain(scope) != domain {
                continue;
            }
            for (key, neighbor) in &mut interface.neighbors {
                let Some(changed) = neighbor.retransmissions.remove(handle) else {
                    continue;
                };
                database.release(slot);
                if changed {
                    owed.push((interface.id, *key));
                }
            }
        }
        owed
    }

    /// An LSA left the retransmission list of a neighbour on this interface.
    pub(super) fn release(&mut self, id: InterfaceId, handle: Handle) {
        let Some((domain, slot)) = self.resolve(id, handle) else {
            return;
        };
        if let Some(database) = self.databases.get_mut(domain) {
            database.release(slot);
        }
        self.expire_if_free(domain, slot);
    }

    /// LSAs on their way out of the interface are sent, as many in a packet as fit.
    pub(super) fn send_floods(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        let mut handles = std::mem::take(&mut interface.floods);
        // What changed twice in one input is sent once, as it is now.
        let mut seen = std::collections::BTreeSet::new();
        handles.retain(|handle| seen.insert(*handle));
        let to: Vec<To> = if interface.parameters.network.has_multicast() {
            vec![To::Flooders]
        } else {
            each(interface, Neighbor::takes_part_in_flooding)
        };
        self.send_lsas(now, id, &to, &handles, out);
    }

    /// Sends LSAs in as few Link State Updates as they fit into; one that is longer than a packet has its own.
    pub(super) fn send_lsas(
        &mut self,
        now: Now,
        id: InterfaceId,
        to: &[To],
        handles: &[Handle],
        out: &mut Outbox,
    ) {
        let capacity = self.body_capacity(now, id);
        let mut rest = handles;
        while !rest.is_empty() {
            let mut length = Update::FIXED;
            let mut count = 0;
            for handle in rest {
                let more = self.lsa_length(id, *handle);
                if count > 0 && length + more > capacity {
                    break;
                }
                length += more;
                count += 1;
            }
            let (packet, after) = rest.split_at(count);
            rest = after;
            for to in to {
                self.send_update(now, id, *to, packet, out);
            }
        }
    }

    fn lsa_length(&self, id: InterfaceId, handle: Handle) -> usize {
        let place = self.resolve(id, handle);
        let database = place.and_then(|(domain, slot)| Some((self.databases.get(domain)?, slot)));
        database.map_or(0, |(database, slot)| database.length(slot))
    }

    /// One neighbour's retransmissions that are due. A burst at a time: whoever did not keep up would not then either
    /// (RFC 4222 §2 (4)).
    pub(super) fn retransmit(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, out: &mut Outbox) {
        /// Packets in a burst.
        const BURST: usize = 8;
        /// Time between bursts.
        const PACE: Duration = Duration::from_millis(50);
        let capacity = self.body_capacity(now, id).saturating_mul(BURST);
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        let interval = interface.parameters.retransmit;
        let Some(neighbor) = interface.neighbors.get_mut(&key) else {
            return;
        };
        let address = neighbor.address;
        let mut due = Vec::new();
        let mut length = 0;
        while length < capacity {
            let Some(neighbor) = self.neighbor_mut(id, key) else {
                return;
            };
            let Some(handle) = neighbor.retransmissions.pop_due(now.time, interval) else {
                break;
            };
            length += self.lsa_length(id, handle).max(1);
            due.push(handle);
        }
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        if let Some(next) = neighbor.retransmissions.next(interval) {
            self.timers
                .set(Timer::Retransmit(id, key), next.max(now.time + PACE));
        }
        self.send_lsas(now, id, &[To::One(address)], &due, out);
    }

    /// RFC 2328 §13.7.
    pub(super) fn receive_acknowledgment(
        &mut self,
        now: Now,
        id: InterfaceId,
        key: Ipv4Addr,
        headers: LsaHeaders<'_>,
    ) -> Result<(), Drop> {
        let Some((_, neighbor)) = self.neighbor(id, key) else {
            return Ok(());
        };
        if !neighbor.state.takes_part_in_flooding() {
            return Err(Drop::State(neighbor.address));
        }
        for header in headers.iter().flatten() {
            let Some(interface) = self.interfaces.get(&id) else {
                break;
            };
            let scope = header.key.kind.scope();
            let Some(database) = self.databases.get(interface.domain(scope)) else {
                continue;
            };
            let Some(slot) = database.find(header.key) else {
                continue;
            };
            let same = database
                .header(slot, now.time)
                .is_some_and(|known| header.freshness(&known) == Freshness::Same);
            let handle = Handle { scope, slot };
            if let Some(neighbor) = self.neighbor_mut(id, key).filter(|_| same)
                && neighbor.retransmissions.remove(handle).is_some()
            {
                self.release(id, handle);
            }
        }
        if let Some(neighbor) = self
            .neighbor_mut(id, key)
            .filter(|neighbor| neighbor.retransmissions.is_empty())
        {
            // What is left of the queue is of no use.
            neighbor.retransmissions.drain();
            self.timers.cancel(&Timer::Retransmit(id, key));
        }
        Ok(())
    }

    fn acknowledge_later(&mut self, now: Now, id: InterfaceId, header: LsaHeader, out: &mut Outbox) {
        let capacity = self.body_capacity(now, id) / LSA_HEADER_LENGTH;
        let delay = self.parameters.acknowledge_delay;
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        interface.acknowledgments.push(header);
        if interface.acknowledgments.len() >= capacity {
            self.send_acknowledgments(now, id, out);
        } else {
            self.timers
                .set_at_latest(Timer::Acknowledge(id), now.time + delay);
        }
    }

    /// Acknowledgments that waited for each other (RFC 2328 §13.5).
    pub(super) fn send_acknowledgments(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        self.timers.cancel(&Timer::Acknowledge(id));
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        let headers = std::mem::take(&mut interface.acknowledgments);
        let to = if interface.parameters.network.has_multicast() {
            vec![To::Flooders]
        } else {
            each(interface, Neighbor::takes_part_in_flooding)
        };
        for to in to {
            self.send_headers(now, id, to, &headers, out);
        }
    }
}

/// Every neighbour that `wanted` holds for, on its own.
fn each(interface: &Interface, wanted: impl Fn(&Neighbor) -> bool) -> Vec<To> {
    let neighbors = interface.neighbors.values().filter(|neighbor| wanted(neighbor));
    neighbors.map(|neighbor| To::One(neighbor.address)).collect()
}
