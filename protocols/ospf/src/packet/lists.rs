//! What the other packets are lists of: requests, LSAs, LSA headers (RFC 2328 A.3.4 to A.3.6).

use std::net::Ipv4Addr;

use waypost_wire::{Reader, Writer};

use super::PacketError;
use crate::lsa::{LSA_HEADER_LENGTH, LsaHeader, RawLsa};

/// Octets of one request.
const REQUEST_LENGTH: usize = 12;
/// Octets of the count before the LSAs of an update.
const COUNT_LENGTH: usize = 4;

/// One LSA asked for. The type is as it came: asking for one nobody has is an error of the exchange (RFC 2328 §10.7), not of
/// the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// LS type.
    pub kind: u32,
    /// Link State ID.
    pub id: Ipv4Addr,
    /// Advertising router.
    pub router: Ipv4Addr,
}

impl Request {
    /// Octets of one.
    pub const LENGTH: usize = REQUEST_LENGTH;

    /// Appends it.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u32(self.kind).ipv4(self.id).ipv4(self.router);
    }
}

/// The body of a Link State Request.
#[derive(Clone, Copy, Debug)]
pub struct Requests<'a> {
    entries: &'a [[u8; REQUEST_LENGTH]],
}

impl<'a> Requests<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Option<Self> {
        let (entries, rest) = body.as_chunks();
        rest.is_empty().then_some(Self { entries })
    }

    /// What is asked for.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Request> + Clone + use<'a> {
        self.entries.iter().map(|octets| {
            let [k0, k1, k2, k3, i0, i1, i2, i3, r0, r1, r2, r3] = *octets;
            Request {
                kind: u32::from_be_bytes([k0, k1, k2, k3]),
                id: [i0, i1, i2, i3].into(),
                router: [r0, r1, r2, r3].into(),
            }
        })
    }
}

/// LSA headers: the body of a Link State Acknowledgment, and the list of a Database Description.
#[derive(Clone, Copy, Debug)]
pub struct LsaHeaders<'a> {
    headers: &'a [[u8; LSA_HEADER_LENGTH]],
}

impl<'a> LsaHeaders<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Option<Self> {
        let (headers, rest) = body.as_chunks();
        rest.is_empty().then_some(Self { headers })
    }

    /// The headers; one of an unknown type is an error with that type.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<LsaHeader, u8>> + Clone + use<'a> {
        self.headers.iter().map(LsaHeader::read)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.headers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }
}

/// The body of a Link State Update: LSAs that fill it exactly, each at least as long as its header.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    lsas: &'a [u8],
    count: u32,
}

impl<'a> Update<'a> {
    /// Octets of the count before the LSAs.
    pub const FIXED: usize = COUNT_LENGTH;

    pub(super) fn decode(body: &'a [u8]) -> Result<Self, PacketError> {
        let short = PacketError::Body {
            kind: super::PacketType::LinkStateUpdate,
            length: body.len(),
        };
        let mut reader = Reader::new(body);
        let count = reader.u32().map_err(|_| short)?;
        let lsas = reader.take_rest();
        let mut rest = lsas;
        // A count that lies ends at the first LSA that is not there, so this is bounded by the octets.
        for number in 0..count {
            rest = RawLsa::split(rest).ok_or(PacketError::Lsa { number, count })?.1;
        }
        // Octets that belong to no LSA: a count that is too small would hide LSAs from us that others see.
        if !rest.is_empty() {
            return Err(PacketError::Lsa { number: count, count });
        }
        Ok(Self { lsas, count })
    }

    /// The LSAs, in order. Neither type nor checksum is checked: one that is wrong is skipped, not the packet
    /// (RFC 2328 §13 steps 1 and 2).
    pub fn iter(&self) -> impl Iterator<Item = RawLsa<'a>> + Clone + use<'a> {
        let mut rest = self.lsas;
        std::iter::from_fn(move || {
            let (lsa, after) = RawLsa::split(rest)?;
            rest = after;
            Some(lsa)
        })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}
