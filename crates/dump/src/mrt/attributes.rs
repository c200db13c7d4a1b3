//! Path attributes as a table dump has them.

use std::net::{IpAddr, Ipv6Addr};

use waypost_wire::Reader;

use super::{MrtError, attribute};
use crate::mrt::read::field;

/// What of a path's attributes matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) next_hop: Option<IpAddr>,
    pub(super) metric: Option<u32>,
    pub(super) origin: Option<u32>,
}

impl Attributes {
    /// Reads all of them. Those of an unexpected form are passed over: collectors keep what peers sent.
    pub(super) fn read(octets: &[u8]) -> Result<Self, MrtError> {
        let mut reader = Reader::new(octets);
        let mut all = Self::default();
        while !reader.is_empty() {
            let flags = field("attribute flags", reader.u8())?;
            let kind = field("attribute type", reader.u8())?;
            let length = if flags & attribute::EXTENDED_LENGTH != 0 {
                usize::from(field("attribute length", reader.u16())?)
            } else {
                usize::from(field("attribute length", reader.u8())?)
            };
            let value = field("attribute", reader.take(length))?;
            match kind {
                attribute::NEXT_HOP => {
                    let address = Reader::new(value).ipv4();
                    all.next_hop = address.ok().map(IpAddr::V4).or(all.next_hop);
                }
                attribute::MP_REACH_NLRI => all.next_hop = reach(value).or(all.next_hop),
                attribute::MULTI_EXIT_DISC => all.metric = Reader::new(value).u32().ok(),
                attribute::AS_PATH => all.origin = origin(value),
                _ => {}
            }
        }
        Ok(all)
    }
}

/// The next hop of MP_REACH_NLRI. A table dump has only its length and itself (RFC 6396 section 4.3.4); some collectors write
/// the whole attribute all the same, which then begins with the zero octet of its address family.
fn reach(value: &[u8]) -> Option<IpAddr> {
    let mut reader = Reader::new(value);
    if value.first() == Some(&0) {
        // Address family, and what it is for.
        reader.skip(3).ok()?;
    }
    let length = reader.u8().ok()?;
    let mut next_hop = reader.sub(length.into()).ok()?;
    match length {
        4 => next_hop.ipv4().ok().map(IpAddr::V4),
        // The global address; a link-local one may follow (RFC 2545 section 3).
        16 | 32 => Some(IpAddr::V6(Ipv6Addr::from(next_hop.array::<16>().ok()?))),
        _ => None,
    }
}

/// The last autonomous system of a path of four-octet numbers (RFC 6396 section 4.3.4).
fn origin(value: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(value);
    let mut last = None;
    while !reader.is_empty() {
        reader.skip(1).ok()?;
        for _ in 0..reader.u8().ok()? {
            last = Some(reader.u32().ok()?);
        }
    }
    last
}
