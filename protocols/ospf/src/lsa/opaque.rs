//! Opaque LSAs: an application's number, and TLVs only it understands (RFC 5250 §3, RFC 3630 §2.3.2).

use std::net::Ipv4Addr;

use waypost_wire::{Reader, Writer};

/// The opaque type of grace-LSAs (RFC 3623 A).
pub const GRACE: u8 = 3;
/// The opaque type of router information (RFC 7770 §2.1).
pub const ROUTER_INFORMATION: u8 = 4;

/// What an opaque LSA carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opaque<'a> {
    /// Opaque type: the application.
    pub kind: u8,
    /// Opaque ID, 24 bits: which of the application's.
    pub id: u32,
    /// The information itself.
    pub octets: &'a [u8],
}

impl<'a> Opaque<'a> {
    pub(crate) const fn new(link_state_id: Ipv4Addr, octets: &'a [u8]) -> Self {
        let id = link_state_id.to_bits();
        Self {
            kind: (id >> 24) as u8,
            id: id & 0x00FF_FFFF,
            octets,
        }
    }

    /// The information as TLVs: type and value. Ends at the first one that leaves the LSA.
    pub fn tlvs(&self) -> impl Iterator<Item = (u16, &'a [u8])> + Clone + use<'a> {
        let mut reader = Reader::new(self.octets);
        std::iter::from_fn(move || {
            let kind = reader.u16().ok()?;
            let length = usize::from(reader.u16().ok()?);
            let value = reader.take(length).ok()?;
            // Values are padded to words; the last one's padding may be missing.
            let padding = (length.next_multiple_of(4) - length).min(reader.left());
            reader.skip(padding).ok()?;
            Some((kind, value))
        })
    }
}

/// The Link State ID of an opaque LSA; the upper octet of `id` has no room in it.
#[must_use]
pub const fn link_state_id(kind: u8, id: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits((kind as u32) << 24 | id & 0x00FF_FFFF)
}

/// Appends a TLV and its padding. A value longer than a length field says is cut.
pub fn encode_tlv(writer: &mut Writer, kind: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    writer.u16(kind).u16(value.len() as u16).slice(value);
    writer.zeros(value.len().next_multiple_of(4) - value.len());
}
