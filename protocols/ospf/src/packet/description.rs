//! Database Description packets (RFC 2328 A.3.3).

use waypost_wire::{Reader, Writer};

use super::LsaHeaders;
use crate::options::Options;

/// Octets of a Database Description's body before the LSA headers.
const FIXED: usize = 8;

bitflags::bitflags! {
    /// Where in the exchange a Database Description is.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct DescriptionFlags: u8 {
        /// The sender is master (MS).
        const MASTER = 0x01;
        /// More follow (M).
        const MORE = 0x02;
        /// The first of an exchange (I).
        const INIT = 0x04;
        /// Out-of-band resynchronisation (R, RFC 4811).
        const OOB_RESYNC = 0x08;
    }
}

/// A Database Description.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseDescription<'a> {
    /// The largest IP packet the sender's interface takes, in octets; 0 on virtual links.
    pub mtu: u16,
    /// What the sender can do.
    pub options: Options,
    /// Where in the exchange this is.
    pub flags: DescriptionFlags,
    /// The number the exchange counts its packets with.
    pub sequence: u32,
    /// What the sender's database holds.
    pub headers: LsaHeaders<'a>,
}

impl<'a> DatabaseDescription<'a> {
    /// Octets of a body without headers.
    pub const FIXED: usize = FIXED;

    pub(super) fn decode(body: &'a [u8]) -> Option<Self> {
        let (fixed, headers) = body.split_at_checked(FIXED)?;
        let mut reader = Reader::new(fixed);
        Some(Self {
            mtu: reader.u16().ok()?,
            options: Options::read(reader.u8().ok()?),
            flags: DescriptionFlags::from_bits_retain(reader.u8().ok()?),
            sequence: reader.u32().ok()?,
            headers: LsaHeaders::decode(headers)?,
        })
    }

    /// Appends the body up to the headers, each of which [`crate::lsa::LsaHeader::encode`] appends.
    pub fn encode_fixed(
        writer: &mut Writer,
        mtu: u16,
        options: Options,
        flags: DescriptionFlags,
        sequence: u32,
    ) {
        writer.u16(mtu).u8(options.bits()).u8(flags.bits()).u32(sequence);
    }
}
