//! OSPF packets on the wire (RFC 2328 A.3).
//!
//! ```text
//! version(1) type(1) length(2) router-id(4) area-id(4) checksum(2) instance(1) autype(1) authentication(8)
//! ```
//! The length counts header and body. What follows is a trailer: a message digest (D.4.3), then a block for link-local
//! signalling ([`lls`]). The instance is RFC 6549's; it was the upper octet of AuType before.
//!
//! Nothing is copied on the way in: a [`Packet`] and its [`Body`] look into the octets received, and lists are read as they
//! are walked. A frame is sound before its body is looked at, and a body before its lists.

mod description;
mod hello;
mod lists;
pub mod lls;

use std::net::Ipv4Addr;

pub use description::{DatabaseDescription, DescriptionFlags};
pub use hello::{Hello, HelloFields};
pub use lists::{LsaHeaders, Request, Requests, Update};
use waypost_wire::{Reader, Writer};

use crate::area::AreaId;
use crate::checksum::internet_sum;

/// The IP protocol number of OSPF.
pub const OSPF_PROTOCOL: u8 = 89;
/// The group of all OSPF routers (RFC 2328 A.1).
pub const ALL_SPF_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);
/// The group of the Designated Router and its Backup (RFC 2328 A.1).
pub const ALL_D_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 6);
/// Octets of the header of a packet.
pub const HEADER_LENGTH: usize = 24;
/// Octets of an IPv4 header without options, which a packet needs room for beside its own length.
pub const IP_HEADER_LENGTH: usize = 20;
/// The version this is.
const VERSION: u8 = 2;
/// Where the checksum stands.
const CHECKSUM: usize = 12;
/// Where the instance and AuType stand.
const INSTANCE: usize = 14;
/// Where the authentication field stands, up to the end of the header.
const AUTHENTICATION: usize = 16;

/// What a packet is for (RFC 2328 A.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PacketType {
    /// Finds neighbours and keeps them.
    Hello = 1,
    /// Says what the sender's database holds.
    DatabaseDescription = 2,
    /// Asks for LSAs.
    LinkStateRequest = 3,
    /// Carries LSAs.
    LinkStateUpdate = 4,
    /// Acknowledges LSAs.
    LinkStateAcknowledgment = 5,
}

impl PacketType {
    /// Every type, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Hello,
        Self::DatabaseDescription,
        Self::LinkStateRequest,
        Self::LinkStateUpdate,
        Self::LinkStateAcknowledgment,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "hellos",
            Self::DatabaseDescription => "database-descriptions",
            Self::LinkStateRequest => "link-state-requests",
            Self::LinkStateUpdate => "link-state-updates",
            Self::LinkStateAcknowledgment => "link-state-acknowledgments",
        }
    }

    const fn read(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hello,
            2 => Self::DatabaseDescription,
            3 => Self::LinkStateRequest,
            4 => Self::LinkStateUpdate,
            5 => Self::LinkStateAcknowledgment,
            _ => return None,
        })
    }
}

/// Why octets are no OSPF packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Too short for a header.
    #[error("{0} octets are no OSPF header")]
    Short(usize),
    /// Another version of OSPF.
    #[error("version {0} is not 2")]
    Version(u8),
    /// A type nobody defined.
    #[error("packet type {0} is unknown")]
    Type(u8),
    /// The length field does not fit what arrived.
    #[error("length field says {claimed} octets, the packet has {actual}")]
    Length {
        /// What the field says.
        claimed: u16,
        /// How many there are.
        actual: usize,
    },
    /// The body is not what its type asks for.
    #[error("a body of {length} octets is no {kind:?}")]
    Body {
        /// The type.
        kind: PacketType,
        /// Octets of the body.
        length: usize,
    },
    /// An LSA in a Link State Update leaves it or is too short for its own header.
    #[error("LSA {number} of {count} does not fit")]
    Lsa {
        /// Which one, counted from 0.
        number: u32,
        /// How many the packet claims.
        count: u32,
    },
}

/// The header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the packet is.
    pub kind: PacketType,
    /// The sender.
    pub router: Ipv4Addr,
    /// The area it is for; the backbone on virtual links.
    pub area: AreaId,
    /// The instance it is for (RFC 6549); 0 where instances are not used.
    pub instance: u8,
    /// AuType: how it is authenticated (D.1).
    pub authentication_type: u8,
    /// What that needs.
    pub authentication: [u8; 8],
}

/// A received packet whose frame is sound.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    octets: &'a [u8],
    trailer: &'a [u8],
}

/// The body of a packet.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Type 1.
    Hello(Hello<'a>),
    /// Type 2.
    DatabaseDescription(DatabaseDescription<'a>),
    /// Type 3.
    LinkStateRequest(Requests<'a>),
    /// Type 4.
    LinkStateUpdate(Update<'a>),
    /// Type 5.
    LinkStateAcknowledgment(LsaHeaders<'a>),
}

impl<'a> Packet<'a> {
    /// Checks the frame: version, type and length. Neither checksum nor authentication is checked here.
    pub fn decode(octets: &'a [u8]) -> Result<Self, PacketError> {
        let short = PacketError::Short(octets.len());
        let mut reader = Reader::new(octets.get(..HEADER_LENGTH).ok_or(short)?);
        let version = reader.u8().map_err(|_| short)?;
        if version != VERSION {
            return Err(PacketError::Version(version));
        }
        let kind = reader.u8().map_err(|_| short)?;
        let kind = PacketType::read(kind).ok_or(PacketError::Type(kind))?;
        let claimed = reader.u16().map_err(|_| short)?;
        let router = reader.ipv4().map_err(|_| short)?;
        let area = reader.ipv4().map_err(|_| short)?.into();
        reader.skip(2).map_err(|_| short)?;
        let instance = reader.u8().map_err(|_| short)?;
        let authentication_type = reader.u8().map_err(|_| short)?;
        let authentication = reader.array().map_err(|_| short)?;
        let wrong = PacketError::Length {
            claimed,
            actual: octets.len(),
        };
        let split = octets.split_at_checked(usize::from(claimed));
        let (packet, trailer) = split
            .filter(|(packet, _)| packet.len() >= HEADER_LENGTH)
            .ok_or(wrong)?;
        Ok(Self {
            header: Header {
                kind,
                router,
                area,
                instance,
                authentication_type,
                authentication,
            },
            octets: packet,
            trailer,
        })
    }

    /// Header and body, as the length field counts them.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// What follows the packet: a digest, a block for link-local signalling.
    #[must_use]
    pub const fn trailer(&self) -> &'a [u8] {
        self.trailer
    }

    /// Whether the checksum is right: over all but the authentication field (RFC 2328 A.3.1). Packets with a digest have none.
    #[must_use]
    pub fn checksum_is_right(&self) -> bool {
        packet_sum(self.octets) == 0xFFFF
    }

    /// Reads the body. Every list of it is sound when this is `Ok`.
    pub fn body(&self) -> Result<Body<'a>, PacketError> {
        let body = self.octets.get(HEADER_LENGTH..).unwrap_or_default();
        let kind = self.header.kind;
        let wrong = PacketError::Body {
            kind,
            length: body.len(),
        };
        Ok(match kind {
            PacketType::Hello => Body::Hello(Hello::decode(body).ok_or(wrong)?),
            PacketType::DatabaseDescription => {
                Body::DatabaseDescription(DatabaseDescription::decode(body).ok_or(wrong)?)
            }
            PacketType::LinkStateRequest => Body::LinkStateRequest(Requests::decode(body).ok_or(wrong)?),
            PacketType::LinkStateUpdate => Body::LinkStateUpdate(Update::decode(body)?),
            PacketType::LinkStateAcknowledgment => {
                Body::LinkStateAcknowledgment(LsaHeaders::decode(body).ok_or(wrong)?)
            }
        })
    }
}

/// The sum over everything but the authentication field.
fn packet_sum(octets: &[u8]) -> u16 {
    internet_sum(&[
        octets.get(..AUTHENTICATION).unwrap_or_default(),
        octets.get(HEADER_LENGTH..).unwrap_or_default(),
    ])
}

/// Begins a packet: a header whose length, checksum and authentication [`seal`] fills in when the body is there.
#[must_use]
pub fn begin(kind: PacketType, router: Ipv4Addr, area: AreaId, instance: u8, capacity: usize) -> Writer {
    let mut writer = Writer::with_capacity(capacity);
    writer
        .u8(VERSION)
        .u8(kind as u8)
        .u16(0)
        .ipv4(router)
        .ipv4(area.address())
        .u16(0)
        .u8(instance)
        .u8(0)
        .zeros(8);
    writer
}

/// Completes header and body: length, AuType and authentication field, and the checksum where there is one. A digest comes
/// after this.
pub(crate) fn seal(writer: &mut Writer, authentication_type: u8, authentication: [u8; 8], checksum: bool) {
    // Packets are cut to the interface's MTU, which is below 65 536 octets.
    let length = u16::try_from(writer.len()).unwrap_or(u16::MAX);
    writer
        .patch(2, &length.to_be_bytes())
        .patch(INSTANCE + 1, &[authentication_type])
        .patch(AUTHENTICATION, &authentication);
    if checksum {
        let sum = !packet_sum(writer.as_slice());
        writer.patch(CHECKSUM, &sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
