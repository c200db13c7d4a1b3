//! Packets in: what every packet is checked for (RFC 2328 §8.2).

use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox, Severity};

use super::Ospf;
use crate::authentication::{Authentic, Method, verify};
use crate::interface::{Drop, Interface, InterfaceId};
use crate::neighbor::machine::State as NeighborState;
use crate::packet::{ALL_D_ROUTERS, Body, Packet, PacketError, PacketType};
use crate::parameters::NetworkType;

/// How a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// From whom.
    pub source: Ipv4Addr,
    /// To which address.
    pub destination: Ipv4Addr,
    /// Its TTL, if the host knows.
    pub ttl: Option<u8>,
}

/// A packet that may be looked into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked<'a> {
    pub(super) packet: Packet<'a>,
    pub(super) source: Ipv4Addr,
    sequence: Option<u64>,
}

impl Checked<'_> {
    /// What the sender is called on this interface (RFC 2328 §8.2).
    pub(super) const fn key(&self, network: NetworkType) -> Ipv4Addr {
        if network.knows_neighbors_by_address() {
            self.source
        } else {
            self.packet.header.router
        }
    }
}

impl Ospf {
    /// A packet came in on an interface: the payload of an IP packet.
    pub fn receive(&mut self, now: Now, id: InterfaceId, arrival: Arrival, octets: &[u8], out: &mut Outbox) {
        let source = arrival.source;
        let id = self
            .virtual_link_of(id, arrival.destination, octets)
            .unwrap_or(id);
        let result = self.try_receive(now, id, arrival, octets, out);
        if let (Err(drop), Some(interface)) = (result, self.interfaces.get_mut(&id)) {
            interface.counters.dropped += 1;
            // Said when the reason changes: a neighbour that does not fit repeats itself for ever.
            let news = interface.last_drop != Some(drop);
            interface.last_drop = Some(drop);
            if news {
                self.notice(
                    id,
                    out,
                    Severity::Warning,
                    format!("a packet from {source} is not taken: {drop}"),
                );
            }
        }
        self.settle(now, out);
    }

    fn try_receive(
        &mut self,
        now: Now,
        id: InterfaceId,
        arrival: Arrival,
        octets: &[u8],
        out: &mut Outbox,
    ) -> Result<(), Drop> {
        let Arrival {
            source,
            destination,
            ttl,
        } = arrival;
        let (Some(router), Some(interface)) = (self.router, self.interfaces.get(&id)) else {
            return Ok(());
        };
        // Our own packets come back where multicast is looped.
        if !interface.speaks() || source == interface.address() {
            return Ok(());
        }
        let want = interface.parameters.minimum_ttl;
        if let Some(got) = ttl.filter(|ttl| *ttl < want) {
            return Err(Drop::Ttl { got, want });
        }
        let checked = check(
            interface,
            router,
            self.parameters.instance,
            source,
            destination,
            octets,
            now,
        )?;
        let kind = checked.packet.header.kind;
        let key = checked.key(interface.parameters.network);
        let body = checked.packet.body()?;
        self.check_sequence(id, key, &checked)?;
        match body {
            Body::Hello(hello) => self.receive_hello(now, id, &checked, hello, out)?,
            Body::DatabaseDescription(description) => {
                self.receive_description(now, id, key, &checked, description, out)?;
            }
            Body::LinkStateRequest(requests) => self.receive_request(now, id, key, requests, out)?,
            Body::LinkStateUpdate(update) => self.receive_update(now, id, key, update, out)?,
            Body::LinkStateAcknowledgment(headers) => {
                self.receive_acknowledgment(now, id, key, headers)?;
            }
        }
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return Ok(());
        };
        if let Some(count) = interface.counters.received.get_mut(kind as usize - 1) {
            *count += 1;
        }
        // The number counts when the packet was taken, or anybody could push it up.
        if let (Some(sequence), Some(neighbor)) = (checked.sequence, interface.neighbors.get_mut(&key)) {
            neighbor.replay.note(kind, sequence);
        }
        Ok(())
    }

    fn check_sequence(&self, id: InterfaceId, key: Ipv4Addr, checked: &Checked<'_>) -> Result<(), Drop> {
        let neighbor = self.interfaces.get(&id).and_then(|interface| {
            Some((
                interface.parameters.authentication.method,
                interface.neighbors.get(&key)?,
            ))
        });
        let kind = checked.packet.header.kind;
        match (checked.sequence, neighbor) {
            (Some(sequence), Some((method, neighbor)))
                if !neighbor.replay.permits(method, kind, sequence) =>
            {
                Err(Drop::Replay)
            }
            _ => Ok(()),
        }
    }
}

fn check<'a>(
    interface: &Interface,
    router: Ipv4Addr,
    instance: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    octets: &'a [u8],
    now: Now,
) -> Result<Checked<'a>, Drop> {
    let packet = Packet::decode(octets)?;
    let header = packet.header;
    if header.instance != instance {
        return Err(Drop::Instance {
            got: header.instance,
            want: instance,
        });
    }
    let want = interface.parameters.area;
    if header.area != want {
        return Err(Drop::Area {
            got: header.area,
            want,
        });
    }
    let network = interface.parameters.network;
    let on_network = interface
        .attachment
        .prefix
        .is_some_and(|prefix| prefix.contains(source));
    if network != NetworkType::PointToPoint && !on_network {
        return Err(Drop::Source(source));
    }
    if destination == ALL_D_ROUTERS && !interface.is_designated() {
        return Err(Drop::NotDesignated);
    }
    let Authentic { sequence, .. } = verify(&packet, &interface.parameters.authentication, source, now.wall)?;
    if header.router == router {
        return Err(Drop::DuplicateRouterId(source));
    }
    if header.router.is_unspecified() {
        return Err(Drop::Packet(PacketError::Body {
            kind: header.kind,
            length: 0,
        }));
    }
    let checked = Checked {
        packet,
        source,
        sequence: match interface.parameters.authentication.method {
            Method::None | Method::Simple => None,
            Method::Cryptographic | Method::Extended => sequence,
        },
    };
    // Everything but a Hello comes from a neighbour.
    if header.kind != PacketType::Hello {
        let neighbor = interface.neighbors.get(&checked.key(network));
        let known = neighbor.is_some_and(|neighbor| {
            neighbor.state > NeighborState::Attempt && neighbor.router == header.router
        });
        if !known {
            return Err(Drop::State(source));
        }
    }
    Ok(checked)
}
