//! Bringing two databases together: descriptions, requests, and the answers to them (RFC 2328 §10.6 to §10.9, RFC 5243).

use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox, Severity};

use super::receive::Checked;
use super::send::To;
use super::{Deferred, Ospf, Timer};
use crate::interface::{Drop, InterfaceId};
use crate::lsa::{Freshness, LSA_HEADER_LENGTH, LsaKey, LsaType};
use crate::neighbor::lists::Handle;
use crate::neighbor::machine::{Event, State};
use crate::options::Options;
use crate::packet::{DatabaseDescription, DescriptionFlags, PacketType, Request, Requests};
use waypost_wire::Writer;

/// What a Database Description is in an exchange.
enum Place {
    /// The next one.
    Next,
    /// The last one once more.
    Repeated,
    /// One that must not come.
    Wrong,
}

impl Ospf {
    /// An adjacency is to be formed: says so until the neighbour answers (RFC 2328 §10.3, §10.8).
    pub(super) fn begin_exchange(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, out: &mut Outbox) {
        let first = self.random.next_u64() as u32;
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        let exchange = &mut neighbor.exchange;
        exchange.sequence = match exchange.sequence {
            0 => first,
            last => last.wrapping_add(1),
        };
        exchange.master = true;
        exchange.more = true;
        exchange.received = None;
        let flags = DescriptionFlags::INIT | DescriptionFlags::MORE | DescriptionFlags::MASTER;
        self.send_description(now, id, key, flags, &[], out);
    }

    /// Everything in the databases shared with a neighbour is to be described; what is at MaxAge is sent instead
    /// (RFC 2328 §10.3, NegotiationDone).
    pub(super) fn list_databases(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr) {
        let Some((interface, neighbor)) = self.neighbor(id, key) else {
            return;
        };
        let opaque = neighbor.opaque;
        let retransmit = interface.parameters.retransmit;
        let (mut list, mut ended) = (Vec::new(), Vec::new());
        for scope in [
            crate::lsa::Scope::Area,
            crate::lsa::Scope::As,
            crate::lsa::Scope::Link,
        ] {
            let Some(database) = self.databases.get(interface.domain(scope)) else {
                continue;
            };
            for slot in database.slots() {
                let Some(of) = database.key(slot) else { continue };
                if (of.kind.is_opaque() && !opaque) || !self.is_flooded_here(interface, of.kind) {
                    continue;
                }
                let handle = Handle { scope, slot };
                if database.is_flushed(slot) {
                    ended.push(handle);
                } else {
                    list.push(handle);
                }
            }
        }
        for handle in ended {
            let Some((domain, slot)) = self.resolve(id, handle) else {
                continue;
            };
            let Some(neighbor) = self.neighbor_mut(id, key) else {
                return;
            };
            // As if it had been sent long ago: it is due now.
            if neighbor.retransmissions.add(handle, now.time - retransmit, true)
                && let Some(database) = self.databases.get_mut(domain)
            {
                database.hold(slot);
            }
            self.timers.set(Timer::Retransmit(id, key), now.time);
        }
        if let Some(neighbor) = self.neighbor_mut(id, key) {
            neighbor.exchange.list = list;
            neighbor.exchange.described = 0;
            neighbor.exchange.known.clear();
        }
    }

    fn send_description(
        &mut self,
        now: Now,
        id: InterfaceId,
        key: Ipv4Addr,
        flags: DescriptionFlags,
        headers: &[Handle],
        out: &mut Outbox,
    ) {
        let Some((interface, neighbor)) = self.neighbor(id, key) else {
            return;
        };
        let mut options = self.options(interface);
        options.set(Options::OPAQUE, self.parameters.opaque);
        // Nobody's MTU limits a virtual link (A.3.3).
        let mtu = if id.index().is_some() {
            interface.parameters.mtu
        } else {
            0
        };
        let mut writer =
            Writer::with_capacity(DatabaseDescription::FIXED + headers.len() * LSA_HEADER_LENGTH);
        DatabaseDescription::encode_fixed(&mut writer, mtu, options, flags, neighbor.exchange.sequence);
        for handle in headers {
            let Some((domain, slot)) = self.resolve(id, *handle) else {
                continue;
            };
            let header = self
                .databases
                .get(domain)
                .and_then(|database| database.header(slot, now.time));
            if let Some(header) = header {
                header.encode(&mut writer);
            }
        }
        let retransmit = interface.parameters.retransmit;
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        neighbor.exchange.sent = writer.finish();
        neighbor.exchange.more = flags.contains(DescriptionFlags::MORE);
        if neighbor.exchange.master {
            self.timers.set(Timer::Describe(id, key), now.time + retransmit);
        }
        self.repeat_description(now, id, key, out);
    }

    /// Sends the last description once more.
    fn repeat_description(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, out: &mut Outbox) {
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        let address = neighbor.address;
        let body = std::mem::take(&mut neighbor.exchange.sent);
        self.send(
            now,
            id,
            To::One(address),
            PacketType::DatabaseDescription,
            out,
            |writer| {
                writer.slice(&body);
            },
        );
        if let Some(neighbor) = self.neighbor_mut(id, key) {
            neighbor.exchange.sent = body;
        }
    }

    /// A description was not answered in time.
    pub(super) fn describe_again(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, out: &mut Outbox) {
        let Some((interface, neighbor)) = self.neighbor(id, key) else {
            return;
        };
        if !neighbor.exchange.master || !matches!(neighbor.state, State::ExStart | State::Exchange) {
            return;
        }
        let at = now.time + interface.parameters.retransmit;
        self.timers.set(Timer::Describe(id, key), at);
        self.repeat_description(now, id, key, out);
    }

    /// Sends the next description.
    fn describe(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, out: &mut Outbox) {
        let room = self
            .body_capacity(now, id)
            .saturating_sub(DatabaseDescription::FIXED);
        let capacity = (room / LSA_HEADER_LENGTH).max(1);
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        let exchange = &mut neighbor.exchange;
        let mut headers = Vec::new();
        // RFC 5243: what the neighbour described as new as it is here, it has.
        let mut rest = exchange.list.iter().skip(exchange.described);
        let mut more = false;
        for handle in rest.by_ref() {
            if exchange.known.contains(handle) {
                exchange.described += 1;
            } else if headers.len() < capacity {
                exchange.described += 1;
                headers.push(*handle);
            } else {
                more = true;
                break;
            }
        }
        let mut flags = DescriptionFlags::empty();
        flags.set(DescriptionFlags::MASTER, exchange.master);
        flags.set(DescriptionFlags::MORE, more);
        self.send_description(now, id, key, flags, &headers, out);
    }

    /// RFC 2328 §10.6.
    pub(super) fn receive_description(
        &mut self,
        now: Now,
        id: InterfaceId,
        key: Ipv4Addr,
        checked: &Checked<'_>,
        description: DatabaseDescription<'_>,
        out: &mut Outbox,
    ) -> Result<(), Drop> {
        let (Some(router), Some((interface, neighbor))) = (self.router, self.neighbor(id, key)) else {
            return Ok(());
        };
        let parameters = &interface.parameters;
        if description.mtu > parameters.mtu && !parameters.mtu_ignore && id.index().is_some() {
            return Err(Drop::Mtu {
                got: description.mtu,
                want: parameters.mtu,
            });
        }
        // It hears us, or it would not describe anything.
        if neighbor.state == State::Init {
            self.neighbor_event(now, id, key, Event::TwoWayReceived, out);
        }
        let Some((_, neighbor)) = self.neighbor(id, key) else {
            return Ok(());
        };
        match neighbor.state {
            State::ExStart => {
                let sender = checked.packet.header.router;
                let first = DescriptionFlags::INIT | DescriptionFlags::MORE | DescriptionFlags::MASTER;
                let flags = description.flags & !DescriptionFlags::OOB_RESYNC;
                let leads = flags == first && description.headers.is_empty() && sender > router;
                let follows = !flags.intersects(DescriptionFlags::INIT | DescriptionFlags::MASTER)
                    && description.sequence == neighbor.exchange.sequence
                    && sender < router;
                if !leads && !follows {
                    return Ok(());
                }
                if let Some(neighbor) = self.neighbor_mut(id, key) {
                    neighbor.exchange.master = follows;
                    neighbor.opaque = description.options.contains(Options::OPAQUE);
                    if leads {
                        neighbor.exchange.sequence = description.sequence;
                    }
                }
                if leads {
                    self.timers.cancel(&Timer::Describe(id, key));
                }
                self.neighbor_event(now, id, key, Event::NegotiationDone, out);
                self.accept_description(now, id, key, description, out);
            }
            State::Exchange | State::Loading | State::Full => match place(neighbor, &description) {
                Place::Next => self.accept_description(now, id, key, description, out),
                Place::Repeated if neighbor.exchange.master => {}
                Place::Repeated => self.repeat_description(now, id, key, out),
                Place::Wrong => self.neighbor_event(now, id, key, Event::SeqNumberMismatch, out),
            },
            State::Down | State::Attempt | State::Init | State::TwoWay => {
                return Err(Drop::State(checked.source));
            }
        }
        Ok(())
    }

    /// The next description of an exchange.
    fn accept_description(
        &mut self,
        now: Now,
        id: InterfaceId,
        key: Ipv4Addr,
        description: DatabaseDescription<'_>,
        out: &mut Outbox,
    ) {
        for header in description.headers.iter() {
            let Some((interface, neighbor)) = self.neighbor(id, key) else {
                return;
            };
            // Whoever describes more than there can be is not believed, nor remembered.
            if neighbor.requested() >= self.parameters.maximum_lsas as usize {
                self.neighbor_event(now, id, key, Event::SeqNumberMismatch, out);
                return;
            }
            let Some(header) = header
                .ok()
                .filter(|header| self.is_flooded_here(interface, header.key.kind))
            else {
                // An unknown type, or an external in a stub area: something is wrong with the neighbour.
                self.neighbor_event(now, id, key, Event::SeqNumberMismatch, out);
                return;
            };
            let scope = header.key.kind.scope();
            let database = self.databases.get(interface.domain(scope));
            let known = database
                .and_then(|database| database.find(header.key).map(|slot| (database, slot)))
                .and_then(|(database, slot)| Some((slot, database.header(slot, now.time)?)));
            let freshness = known.map(|(slot, known)| (slot, header.freshness(&known)));
            let Some(neighbor) = self.neighbor_mut(id, key) else {
                return;
            };
            match freshness {
                None | Some((_, Freshness::Newer)) => {
                    if let Some((slot, _)) = freshness {
                        neighbor.exchange.known.insert(Handle { scope, slot });
                    }
                    neighbor.requests.add(header);
                }
                Some((slot, Freshness::Same)) => {
                    neighbor.exchange.known.insert(Handle { scope, slot });
                }
                Some((_, Freshness::Older)) => {}
            }
        }
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        let exchange = &mut neighbor.exchange;
        exchange.received = Some((description.flags, description.options, description.sequence));
        let ends = !description.flags.contains(DescriptionFlags::MORE);
        if exchange.master {
            exchange.sequence = exchange.sequence.wrapping_add(1);
            if ends && !exchange.more {
                self.timers.cancel(&Timer::Describe(id, key));
                self.neighbor_event(now, id, key, Event::ExchangeDone, out);
            } else {
                self.describe(now, id, key, out);
            }
        } else {
            exchange.sequence = description.sequence;
            self.describe(now, id, key, out);
            let more = self
                .neighbor(id, key)
                .is_none_or(|(_, neighbor)| neighbor.exchange.more);
            if ends && !more {
                self.neighbor_event(now, id, key, Event::ExchangeDone, out);
            }
        }
        self.defer(Deferred::Request(id, key));
    }

    /// Asks for the next LSAs, or finds that everything came (RFC 2328 §10.9).
    pub(super) fn request(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, out: &mut Outbox) {
        let capacity = self.body_capacity(now, id) / Request::LENGTH;
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        if !matches!(neighbor.state, State::Exchange | State::Loading) {
            return;
        }
        if neighbor.requests.is_empty() {
            self.timers.cancel(&Timer::Request(id, key));
            self.neighbor_event(now, id, key, Event::LoadingDone, out);
        } else if neighbor.requests.may_ask() {
            let keys = neighbor.requests.ask(capacity).to_vec();
            self.send_request(now, id, key, &keys, out);
        }
    }

    /// A request was not answered in time.
    pub(super) fn request_again(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, out: &mut Outbox) {
        let Some(neighbor) = self.neighbor_mut(id, key) else {
            return;
        };
        let keys = neighbor.requests.ask_again().to_vec();
        if keys.is_empty() {
            self.request(now, id, key, out);
        } else {
            self.send_request(now, id, key, &keys, out);
        }
    }

    fn send_request(&mut self, now: Now, id: InterfaceId, key: Ipv4Addr, keys: &[LsaKey], out: &mut Outbox) {
        let Some((interface, neighbor)) = self.neighbor(id, key) else {
            return;
        };
        let (address, at) = (neighbor.address, now.time + interface.parameters.retransmit);
        self.timers.set(Timer::Request(id, key), at);
        self.send(
            now,
            id,
            To::One(address),
            PacketType::LinkStateRequest,
            out,
            |writer| {
                for key in keys {
                    let request = Request {
                        kind: key.kind as u32,
                        id: key.id,
                        router: key.router,
                    };
                    request.encode(writer);
                }
            },
        );
    }

    /// RFC 2328 §10.7.
    pub(super) fn receive_request(
        &mut self,
        now: Now,
        id: InterfaceId,
        key: Ipv4Addr,
        requests: Requests<'_>,
        out: &mut Outbox,
    ) -> Result<(), Drop> {
        let Some((interface, neighbor)) = self.neighbor(id, key) else {
            return Ok(());
        };
        let address = neighbor.address;
        if !neighbor.state.takes_part_in_flooding() {
            return Err(Drop::State(address));
        }
        let find = |request: Request| {
            let kind = LsaType::read(u8::try_from(request.kind).ok()?)?;
            let of = LsaKey {
                kind,
                id: request.id,
                router: request.router,
            };
            let scope = kind.scope();
            let database = self.databases.get(interface.domain(scope))?;
            let slot = database.find(of)?;
            self.is_flooded_here(interface, kind)
                .then_some(Handle { scope, slot })
        };
        let found: Option<Vec<Handle>> = requests.iter().map(find).collect();
        match found {
            Some(handles) => self.send_lsas(now, id, &[To::One(address)], &handles, out),
            None => {
                let index = id.index();
                let text = format!("neighbour {address} asks for an LSA that is not here");
                self.log(index, out, Severity::Info, text);
                self.neighbor_event(now, id, key, Event::BadLsReq, out);
            }
        }
        Ok(())
    }
}

/// Where a description is in an exchange that is past its negotiation (RFC 2328 §10.6).
fn place(neighbor: &crate::neighbor::Neighbor, description: &DatabaseDescription<'_>) -> Place {
    let exchange = &neighbor.exchange;
    let this = (description.flags, description.options, description.sequence);
    if exchange.received == Some(this) {
        return Place::Repeated;
    }
    let leads = description.flags.contains(DescriptionFlags::MASTER);
    let options = exchange
        .received
        .is_none_or(|(_, options, _)| options == description.options);
    let want = if exchange.master {
        exchange.sequence
    } else {
        exchange.sequence.wrapping_add(1)
    };
    if neighbor.state != State::Exchange
        || leads == exchange.master
        || description.flags.contains(DescriptionFlags::INIT)
        || !options
        || description.sequence != want
    {
        return Place::Wrong;
    }
    Place::Next
}
