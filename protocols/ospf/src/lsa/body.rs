//! What LSAs say (RFC 2328 A.4.2 to A.4.5, RFC 3101 §2.4).
//!
//! A body is taken when its fixed part is there and its lists fill it exactly. What a list says is not judged here: a link of
//! an unknown type or a mask with holes is passed on as it came, because neighbours that skip it would otherwise hold another
//! database; the calculation of routes skips it.

use std::net::Ipv4Addr;

use waypost_wire::{Reader, Writer};

use super::opaque::Opaque;
use super::{LS_INFINITY, LsaKey, LsaType};

bitflags::bitflags! {
    /// What a router says of itself in its router-LSA (RFC 2328 A.4.2, RFC 3101 B).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RouterFlags: u8 {
        /// Area border router (B).
        const BORDER = 0x01;
        /// AS boundary router (E).
        const EXTERNAL = 0x02;
        /// End of a virtual link through this area (V).
        const VIRTUAL = 0x04;
        /// Translates Type-7 LSAs whoever else does (Nt).
        const TRANSLATOR = 0x10;
    }
}

/// A body that is not what its type asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a body of {length} octets is no {kind:?}")]
pub struct BodyError {
    /// The type.
    pub kind: LsaType,
    /// Octets of the body.
    pub length: usize,
}

/// What a link of a router leads to (RFC 2328 A.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LinkType {
    /// A router, directly: the identifier is that router's.
    PointToPoint,
    /// A network with a Designated Router, whose address is the identifier.
    Transit,
    /// A network without other routers: identifier and data are its address and mask.
    Stub,
    /// A router, through a virtual link.
    Virtual,
    /// Nothing known.
    Other(u8),
}

impl LinkType {
    const fn read(number: u8) -> Self {
        match number {
            1 => Self::PointToPoint,
            2 => Self::Transit,
            3 => Self::Stub,
            4 => Self::Virtual,
            other => Self::Other(other),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::PointToPoint => 1,
            Self::Transit => 2,
            Self::Stub => 3,
            Self::Virtual => 4,
            Self::Other(number) => number,
        }
    }
}

/// One link of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterLink {
    /// What it leads to.
    pub kind: LinkType,
    /// Link ID; its meaning depends on the type.
    pub id: Ipv4Addr,
    /// Link Data: the router's own address on the link, an interface index on unnumbered links, the mask of a stub network.
    pub data: Ipv4Addr,
    /// The cost of sending out of it.
    pub metric: u16,
}

/// Octets of a link without metrics of other types of service.
const LINK_LENGTH: usize = 12;
/// Octets of such a metric.
const TOS_LENGTH: usize = 4;

impl RouterLink {
    /// Octets of a link as it is written.
    pub const LENGTH: usize = LINK_LENGTH;

    /// Appends the link.
    pub fn encode(&self, writer: &mut Writer) {
        writer
            .ipv4(self.id)
            .ipv4(self.data)
            .u8(self.kind.number())
            .u8(0)
            .u16(self.metric);
    }

    /// Splits the first link off, skipping metrics of other types of service.
    fn split(octets: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader::new(octets);
        let id = reader.ipv4().ok()?;
        let data = reader.ipv4().ok()?;
        let kind = LinkType::read(reader.u8().ok()?);
        let others = usize::from(reader.u8().ok()?);
        let metric = reader.u16().ok()?;
        reader.skip(others * TOS_LENGTH).ok()?;
        Some((
            Self {
                kind,
                id,
                data,
                metric,
            },
            reader.take_rest(),
        ))
    }
}

/// A router-LSA.
#[derive(Clone, Copy, Debug)]
pub struct RouterBody<'a> {
    /// What the router says of itself.
    pub flags: RouterFlags,
    links: &'a [u8],
}

impl<'a> RouterBody<'a> {
    /// Octets before the links.
    pub const FIXED: usize = 4;

    fn decode(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let flags = RouterFlags::from_bits_retain(reader.u8().ok()?);
        reader.skip(1).ok()?;
        let count = reader.u16().ok()?;
        let links = reader.take_rest();
        let mut rest = links;
        for _ in 0..count {
            rest = RouterLink::split(rest)?.1;
        }
        rest.is_empty().then_some(Self { flags, links })
    }

    /// The links, in order.
    pub fn links(&self) -> impl Iterator<Item = RouterLink> + Clone + use<'a> {
        let mut rest = self.links;
        std::iter::from_fn(move || {
            let (link, after) = RouterLink::split(rest)?;
            rest = after;
            Some(link)
        })
    }

    /// Appends a body.
    pub fn encode(writer: &mut Writer, flags: RouterFlags, links: &[RouterLink]) {
        // Who originates it keeps it shorter than a packet.
        let count = u16::try_from(links.len()).unwrap_or(u16::MAX);
        writer.u8(flags.bits()).u8(0).u16(count);
        for link in links.iter().take(usize::from(count)) {
            link.encode(writer);
        }
    }
}

/// A network-LSA.
#[derive(Clone, Copy, Debug)]
pub struct NetworkBody<'a> {
    /// The mask of the network.
    pub mask: Ipv4Addr,
    routers: &'a [[u8; 4]],
}

impl<'a> NetworkBody<'a> {
    fn decode(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let mask = reader.ipv4().ok()?;
        let (routers, rest) = reader.take_rest().as_chunks();
        rest.is_empty().then_some(Self { mask, routers })
    }

    /// The identifiers of the routers that are fully adjacent to the Designated Router, itself included.
    pub fn routers(&self) -> impl ExactSizeIterator<Item = Ipv4Addr> + Clone + use<'a> {
        self.routers.iter().map(|octets| Ipv4Addr::from(*octets))
    }

    /// Appends a body.
    pub fn encode(writer: &mut Writer, mask: Ipv4Addr, routers: impl IntoIterator<Item = Ipv4Addr>) {
        writer.ipv4(mask);
        for router in routers {
            writer.ipv4(router);
        }
    }
}

/// A summary-LSA of a network (type 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The mask of the network, whose address is in the Link State ID.
    pub mask: Ipv4Addr,
    /// The cost from the originator; [`LS_INFINITY`]: unreachable.
    pub metric: u32,
}

/// A summary-LSA of an AS boundary router (type 4), whose identifier is the Link State ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsbrSummary {
    /// The cost from the originator; [`LS_INFINITY`]: unreachable.
    pub metric: u32,
}

impl Summary {
    fn decode(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let mask = reader.ipv4().ok()?;
        let metric = reader.u32().ok()? & LS_INFINITY;
        // Metrics of other types of service follow.
        reader
            .left()
            .is_multiple_of(TOS_LENGTH)
            .then_some(Self { mask, metric })
    }

    /// Appends the body.
    pub fn encode(&self, writer: &mut Writer) {
        writer.ipv4(self.mask).u32(self.metric & LS_INFINITY);
    }
}

impl AsbrSummary {
    /// Appends the body; the mask has no meaning and is zero.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u32(0).u32(self.metric & LS_INFINITY);
    }
}

/// An AS-external-LSA (type 5) or its relative inside an NSSA (type 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct External {
    /// The mask of the network, whose address is in the Link State ID.
    pub mask: Ipv4Addr,
    /// Whether the metric is of type 2: larger than any path inside the AS (the E bit).
    pub type_2: bool,
    /// The cost; [`LS_INFINITY`]: unreachable.
    pub metric: u32,
    /// Where packets are to go; 0.0.0.0: to the originator.
    pub forwarding: Ipv4Addr,
    /// For the AS boundary routers among themselves.
    pub tag: u32,
}

/// The E bit in the octet before the metric.
const TYPE_2: u32 = 0x8000_0000;
/// Octets of a metric of another type of service in an external LSA.
const EXTERNAL_TOS_LENGTH: usize = 12;

impl External {
    fn decode(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let mask = reader.ipv4().ok()?;
        let metric = reader.u32().ok()?;
        let forwarding = reader.ipv4().ok()?;
        let tag = reader.u32().ok()?;
        let whole = reader.left().is_multiple_of(EXTERNAL_TOS_LENGTH);
        whole.then_some(Self {
            mask,
            type_2: metric & TYPE_2 != 0,
            metric: metric & LS_INFINITY,
            forwarding,
            tag,
        })
    }

    /// Appends the body.
    pub fn encode(&self, writer: &mut Writer) {
        let type_2 = if self.type_2 { TYPE_2 } else { 0 };
        writer
            .ipv4(self.mask)
            .u32(type_2 | (self.metric & LS_INFINITY))
            .ipv4(self.forwarding)
            .u32(self.tag);
    }
}

/// The body of an LSA.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Type 1.
    Router(RouterBody<'a>),
    /// Type 2.
    Network(NetworkBody<'a>),
    /// Type 3.
    Summary(Summary),
    /// Type 4.
    AsbrSummary(AsbrSummary),
    /// Type 5.
    AsExternal(External),
    /// Type 7.
    Nssa(External),
    /// Types 9, 10 and 11.
    Opaque(Opaque<'a>),
}

impl<'a> Body<'a> {
    /// Reads what follows the header of the LSA `key`.
    pub fn decode(key: LsaKey, body: &'a [u8]) -> Result<Self, BodyError> {
        let kind = key.kind;
        let read = match kind {
            LsaType::Router => RouterBody::decode(body).map(Self::Router),
            LsaType::Network => NetworkBody::decode(body).map(Self::Network),
            LsaType::Summary => Summary::decode(body).map(Self::Summary),
            LsaType::AsbrSummary => Summary::decode(body).map(|summary| {
                Self::AsbrSummary(AsbrSummary {
                    metric: summary.metric,
                })
            }),
            LsaType::AsExternal => External::decode(body).map(Self::AsExternal),
            LsaType::Nssa => External::decode(body).map(Self::Nssa),
            LsaType::OpaqueLink | LsaType::OpaqueArea | LsaType::OpaqueAs => {
                Some(Self::Opaque(Opaque::new(key.id, body)))
            }
        };
        read.ok_or(BodyError {
            kind,
            length: body.len(),
        })
    }
}
