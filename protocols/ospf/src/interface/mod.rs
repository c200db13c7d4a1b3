//! Interfaces (RFC 2328 §9): their data, their state machine, the election of the Designated Router.

pub mod election;
pub mod machine;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;
use waypost_engine::{PortId, PortSpec};
use waypost_types::{InterfaceIndex, Prefix4};

use crate::area::AreaId;
use crate::lsa::{LsaHeader, LsaKey, Scope};
use crate::neighbor::Neighbor;
use crate::neighbor::lists::Handle;
use crate::packet::PacketType;
use crate::parameters::InterfaceParameters;
use crate::process::Domain;

/// What an interface is called inside the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InterfaceId {
    /// An interface of the kernel.
    Physical(InterfaceIndex),
    /// A virtual link: through this area, to this router (RFC 2328 §15).
    Virtual(AreaId, Ipv4Addr),
}

impl InterfaceId {
    /// The kernel's number, if it has one.
    #[must_use]
    pub const fn index(self) -> Option<InterfaceIndex> {
        match self {
            Self::Physical(index) => Some(index),
            Self::Virtual(..) => None,
        }
    }

    /// The port its packets go through; virtual links use those of the interfaces they lead through.
    #[must_use]
    pub const fn port(self) -> Option<PortId> {
        match self {
            Self::Physical(index) => Some(PortId(index.0)),
            Self::Virtual(..) => None,
        }
    }
}

/// What the lower levels say of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Enabled, with carrier, and with an address.
    pub up: bool,
    /// The address OSPF uses.
    pub address: Option<Ipv4Addr>,
    /// The network around it; `None` on unnumbered links, whose address is borrowed from another interface.
    pub prefix: Option<Prefix4>,
    /// Further networks on it: advertised, not spoken on.
    pub others: Vec<Prefix4>,
}

/// What carries the packets of a virtual link (RFC 2328 §15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The interface that the way to its other end begins with.
    pub interface: InterfaceIndex,
    /// The other end's address: that of its interface nearest to this router (§16.1).
    pub end: Ipv4Addr,
}

/// Why a packet was not taken; the last reason is shown with the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Drop {
    /// It is no OSPF packet.
    #[error(transparent)]
    Packet(#[from] crate::packet::PacketError),
    /// It is for another instance.
    #[error("instance {got} is not this one, {want}")]
    Instance {
        /// The packet's.
        got: u8,
        /// This router's.
        want: u8,
    },
    /// It is for another area.
    #[error("area {got} does not match the interface's area {want}")]
    Area {
        /// The packet's.
        got: AreaId,
        /// The interface's.
        want: AreaId,
    },
    /// The sender is not on the network.
    #[error("{0} is not on this network")]
    Source(Ipv4Addr),
    /// Another router has our identifier.
    #[error("{0} uses this router's identifier")]
    DuplicateRouterId(Ipv4Addr),
    /// It may have crossed a router (RFC 5082).
    #[error("its TTL {got} is below {want}: it may have crossed a router")]
    Ttl {
        /// The packet's.
        got: u8,
        /// The least that is taken.
        want: u8,
    },
    /// It is for Designated Routers, and we are none.
    #[error("it is for the designated router and its backup")]
    NotDesignated,
    /// It is not believed.
    #[error(transparent)]
    Authentication(#[from] crate::authentication::AuthenticationError),
    /// It is an old one, sent again.
    #[error("its sequence number is not above the last")]
    Replay,
    /// Parameters that must be the same are not.
    #[error("{what} {got} does not match this router's {want}")]
    Mismatch {
        /// Which parameter.
        what: &'static str,
        /// The packet's.
        got: u32,
        /// The interface's.
        want: u32,
    },
    /// The network masks differ.
    #[error("network mask {got} does not match this router's {want}")]
    Mask {
        /// The packet's.
        got: Ipv4Addr,
        /// The interface's.
        want: Ipv4Addr,
    },
    /// Nobody configured the sender where neighbours are configured.
    #[error("{0} is not a configured neighbour")]
    Stranger(Ipv4Addr),
    /// There are as many neighbours as there may be.
    #[error("there are too many neighbours")]
    TooManyNeighbors,
    /// The sender is no neighbour, or not far enough for such a packet.
    #[error("no exchange is going on with {0}")]
    State(Ipv4Addr),
    /// The neighbour sends packets longer than this interface takes.
    #[error("MTU {got} is larger than this interface's {want}")]
    Mtu {
        /// The neighbour's, in octets.
        got: u16,
        /// The interface's.
        want: u16,
    },
}

/// Counters of an interface, by packet type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Packets sent.
    pub sent: [u64; PacketType::ALL.len()],
    /// Packets received and taken.
    pub received: [u64; PacketType::ALL.len()],
    /// Packets not taken.
    pub dropped: u64,
    /// Times the port could not be opened or changed.
    pub port_failures: u64,
    /// Packets the kernel did not take.
    pub send_failures: u64,
    /// State changes (RFC 4750, ospfIfEvents).
    pub events: u64,
}

/// An interface OSPF runs on.
#[derive(Debug)]
pub struct Interface {
    /// What it is called.
    pub id: InterfaceId,
    /// How OSPF works on it.
    pub parameters: InterfaceParameters,
    /// What the lower levels say; of a virtual link, what the calculation of routes says.
    pub attachment: Attachment,
    /// What carries it, if it is a virtual link whose other end can be reached.
    pub carrier: Option<Carrier>,
    /// Where it is in its life.
    pub state: machine::State,
    /// The Designated Router, by address; 0.0.0.0: none.
    pub designated_router: Ipv4Addr,
    /// The Backup.
    pub backup: Ipv4Addr,
    /// The neighbours, by address or, on point-to-point links, by router identifier.
    pub neighbors: BTreeMap<Ipv4Addr, Neighbor>,
    /// LSAs to be flooded out of it.
    pub(crate) floods: Vec<Handle>,
    /// Acknowledgments that wait for others.
    pub(crate) acknowledgments: Vec<LsaHeader>,
    /// The port as it was asked for, while it is open.
    pub(crate) port: Option<PortSpec>,
    /// The network-LSA it is the Designated Router for.
    pub(crate) network_lsa: Option<(Domain, LsaKey)>,
    /// Counters.
    pub counters: Counters,
    /// Why a packet was not taken last.
    pub last_drop: Option<Drop>,
}

impl Interface {
    pub(crate) fn new(id: InterfaceId, parameters: InterfaceParameters, attachment: Attachment) -> Self {
        Self {
            id,
            parameters,
            attachment,
            carrier: None,
            state: machine::State::Down,
            designated_router: Ipv4Addr::UNSPECIFIED,
            backup: Ipv4Addr::UNSPECIFIED,
            neighbors: BTreeMap::new(),
            floods: Vec::new(),
            acknowledgments: Vec::new(),
            port: None,
            network_lsa: None,
            counters: Counters::default(),
            last_drop: None,
        }
    }

    /// Its own address; 0.0.0.0 when there is none.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.attachment.address.unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// The mask of its network; 0.0.0.0 where there is none.
    #[must_use]
    pub fn mask(&self) -> Ipv4Addr {
        self.attachment
            .prefix
            .map_or(Ipv4Addr::UNSPECIFIED, Prefix4::netmask)
    }

    /// The domain in which an LSA of this scope is flooded through this interface.
    #[must_use]
    pub const fn domain(&self, scope: Scope) -> Domain {
        match scope {
            Scope::Link => Domain::Link(self.id),
            Scope::Area => Domain::Area(self.parameters.area),
            Scope::As => Domain::As,
        }
    }

    /// Neighbours that are helped to restart, with their keys.
    pub fn helped(&self) -> impl Iterator<Item = (&Ipv4Addr, &Neighbor)> {
        self.neighbors.iter().filter(|(_, neighbor)| neighbor.is_helped())
    }

    /// Whether it is Designated Router or Backup.
    #[must_use]
    pub const fn is_designated(&self) -> bool {
        matches!(self.state, machine::State::Dr | machine::State::Backup)
    }

    /// Whether its port is open, as far as is known.
    #[must_use]
    pub const fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// Whether its area is attached through it (RFC 2328 §3.3). A virtual link needs a neighbour for that: without one there is no
    /// backbone behind it, and what other borders say of elsewhere would not be listened to (§16.2).
    #[must_use]
    pub fn attaches(&self) -> bool {
        let adjacent = || self.neighbors.values().any(Neighbor::counts_as_adjacent);
        self.state > machine::State::Down && (self.id.index().is_some() || adjacent())
    }

    /// Whether neighbours are spoken to.
    #[must_use]
    pub fn speaks(&self) -> bool {
        self.state > machine::State::Loopback && !self.parameters.passive
    }
}
