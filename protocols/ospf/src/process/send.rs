//! Packets out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use waypost_engine::{Now, Outbox, TxOptions};
use waypost_wire::Writer;

use super::Ospf;
use crate::authentication::{Method, Seal};
use crate::interface::InterfaceId;
use crate::lsa::{LSA_HEADER_LENGTH, LsaHeader};
use crate::neighbor::lists::Handle;
use crate::packet::{ALL_D_ROUTERS, ALL_SPF_ROUTERS, HEADER_LENGTH, IP_HEADER_LENGTH, PacketType, begin};
use crate::parameters::NetworkType;

/// Packets may be so long whatever the MTU: every host takes them (RFC 791 §3.1).
const LEAST_PACKET: u16 = 576;

/// The TTL of packets on virtual links: nobody knows how far it is (RFC 2328 §15).
const TTL_OF_VIRTUAL_LINK: u8 = 255;

/// To whom a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Every neighbour on the network.
    All,
    /// Those who flood: everybody when sent by the Designated Router or its Backup, those two otherwise (RFC 2328 §13.3).
    Flooders,
    /// One neighbour, by address.
    One(Ipv4Addr),
}

impl Ospf {
    /// How many octets of body fit into a packet on this interface.
    pub(super) fn body_capacity(&self, now: Now, id: InterfaceId) -> usize {
        let Some(interface) = self.interfaces.get(&id) else {
            return 0;
        };
        let trailer =
            Seal::of(&interface.parameters.authentication, now.wall).map_or(0, |seal| seal.trailer_length());
        usize::from(interface.parameters.mtu.max(LEAST_PACKET))
            .saturating_sub(IP_HEADER_LENGTH + HEADER_LENGTH + trailer)
    }

    /// Sends a packet whose body `write` appends. Nothing is sent without a router identifier, or when a digest is wanted and
    /// no key may be used.
    pub(super) fn send(
        &mut self,
        now: Now,
        id: InterfaceId,
        to: To,
        kind: PacketType,
        out: &mut Outbox,
        write: impl FnOnce(&mut Writer),
    ) {
        let Some((port, end)) = self.way_out(id) else {
            return;
        };
        let (Some(router), Some(interface)) = (self.router, self.interfaces.get_mut(&id)) else {
            return;
        };
        let Some(source) = interface.attachment.address else {
            return;
        };
        let parameters = &interface.parameters;
        let destination = match (end, to) {
            // §8.1: there is only one who can hear it. Of a virtual link its address is known, otherwise it may be anything.
            (Some(end), _) => end,
            (None, To::One(_)) if parameters.network == NetworkType::PointToPoint => ALL_SPF_ROUTERS,
            (None, To::One(address)) => address,
            (None, To::All) => ALL_SPF_ROUTERS,
            (None, To::Flooders) => {
                let designated = parameters.network != NetworkType::Broadcast || interface.is_designated();
                if designated {
                    ALL_SPF_ROUTERS
                } else {
                    ALL_D_ROUTERS
                }
            }
        };
        let policy = &parameters.authentication;
        let Some(seal) = Seal::of(policy, now.wall) else {
            return;
        };
        // A number that was not set aside might be used again after a crash, and neighbours would not believe it.
        let numbered = matches!(policy.method, Method::Cryptographic | Method::Extended);
        if numbered && self.numbers.wait(now).is_some() {
            return;
        }
        let mut writer = begin(
            kind,
            router,
            parameters.area,
            self.parameters.instance,
            parameters.mtu.into(),
        );
        write(&mut writer);
        let sequence = match policy.method {
            Method::None | Method::Simple => 0,
            Method::Cryptographic => self.numbers.next(now).into(),
            Method::Extended => self.numbers.next_extended(),
        };
        seal.finish(&mut writer, sequence, source);
        if let Some(count) = interface.counters.sent.get_mut(kind as usize - 1) {
            *count += 1;
        }
        let options = TxOptions {
            source: Some(IpAddr::V4(source)),
            ttl: end.map(|_| TTL_OF_VIRTUAL_LINK),
        };
        out.send(
            port,
            SocketAddr::new(destination.into(), 0),
            options,
            writer.as_slice(),
        );
    }

    /// Sends LSAs in one Link State Update, older by the time they take (RFC 2328 §13.3).
    pub(super) fn send_update(
        &mut self,
        now: Now,
        id: InterfaceId,
        to: To,
        handles: &[Handle],
        out: &mut Outbox,
    ) {
        let Some(interface) = self.interfaces.get(&id) else {
            return;
        };
        let transit = interface.parameters.transmit_delay;
        let mut body = Writer::with_capacity(interface.parameters.mtu.into());
        let mut count: u32 = 0;
        for handle in handles {
            let Some(database) = self.databases.get(interface.domain(handle.scope)) else {
                continue;
            };
            count += u32::from(database.write(handle.slot, now.time, transit, &mut body) > 0);
        }
        if count == 0 {
            return;
        }
        self.send(now, id, to, PacketType::LinkStateUpdate, out, |writer| {
            writer.u32(count).slice(body.as_slice());
        });
    }

    /// Sends LSA headers in as few Link State Acknowledgments as they fit into.
    pub(super) fn send_headers(
        &mut self,
        now: Now,
        id: InterfaceId,
        to: To,
        headers: &[LsaHeader],
        out: &mut Outbox,
    ) {
        let capacity = (self.body_capacity(now, id) / LSA_HEADER_LENGTH).max(1);
        for headers in headers.chunks(capacity) {
            self.send(now, id, to, PacketType::LinkStateAcknowledgment, out, |writer| {
                for header in headers {
                    header.encode(writer);
                }
            });
        }
    }
}
