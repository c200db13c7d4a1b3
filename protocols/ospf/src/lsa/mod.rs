//! Link state advertisements on the wire (RFC 2328 A.4 and §12.1; RFC 3101, RFC 5250).
//!
//! ```text
//! age(2) options(1) type(1) link-state-id(4) advertising-router(4) sequence(4) checksum(2) length(2), then the body
//! ```

pub mod body;
pub mod grace;
mod header;
pub mod opaque;
pub mod router_information;

pub use body::{AsbrSummary, Body, BodyError, External, NetworkBody, RouterBody, Summary};
pub use header::{Freshness, LsaHeader, LsaKey, LsaType, Scope, SequenceNumber};

use waypost_wire::Writer;

use crate::checksum::{lsa_checksum, lsa_checksum_is_right};
use crate::options::Options;

/// Octets of the header of an LSA.
pub const LSA_HEADER_LENGTH: usize = 20;
/// The age at which an LSA is no longer used and is flushed, in seconds (RFC 2328 B).
pub const MAX_AGE: u16 = 3600;
/// Ages that differ by more than this many seconds tell instances apart (RFC 2328 B).
pub const MAX_AGE_DIFF: u16 = 900;
/// Seconds after which a router originates its LSA anew (RFC 2328 B).
pub const LS_REFRESH_TIME: u16 = 1800;
/// The metric of what cannot be reached, in summaries and externals (RFC 2328 B).
pub const LS_INFINITY: u32 = 0x00FF_FFFF;
/// The metric of links nobody should pass through (RFC 6987 §2).
pub const MAX_LINK_METRIC: u16 = 0xFFFF;

/// The octets of one LSA as they came: its length field is right, nothing else is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLsa<'a>(&'a [u8]);

impl<'a> RawLsa<'a> {
    /// Splits the first LSA off; `None` when it does not fit or is shorter than a header.
    #[must_use]
    pub fn split(octets: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let header: &[u8; LSA_HEADER_LENGTH] = octets.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([header[18], header[19]]));
        let (lsa, rest) = octets.split_at_checked(length)?;
        (lsa.len() >= LSA_HEADER_LENGTH).then_some((Self(lsa), rest))
    }

    /// The octets.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.0
    }

    /// What follows the header.
    #[must_use]
    pub fn body_octets(&self) -> &'a [u8] {
        self.0.get(LSA_HEADER_LENGTH..).unwrap_or_default()
    }

    /// Whether the checksum is right (RFC 2328 §13 step 1).
    #[must_use]
    pub fn checksum_is_right(&self) -> bool {
        lsa_checksum_is_right(self.0)
    }

    /// The header. An unknown type is an error with that type (RFC 2328 §13 step 2).
    pub fn header(&self) -> Result<LsaHeader, u8> {
        // INVARIANT: `split` made sure of the header; type 0 is no type.
        self.0.first_chunk().map_or(Err(0), LsaHeader::read)
    }
}

/// Writes a whole LSA: `body` appends what follows the header; length and checksum are filled in.
#[must_use]
pub fn build(
    key: LsaKey,
    age: u16,
    options: Options,
    sequence: SequenceNumber,
    body: impl FnOnce(&mut Writer),
) -> Vec<u8> {
    let mut writer = Writer::new();
    writer
        .u16(age)
        .u8(options.bits())
        .u8(key.kind as u8)
        .ipv4(key.id)
        .ipv4(key.router)
        .u32(sequence.0 as u32)
        .u16(0)
        .u16(0);
    body(&mut writer);
    // Who originates an LSA keeps it shorter than a packet.
    let length = u16::try_from(writer.len()).unwrap_or(u16::MAX);
    writer.patch(18, &length.to_be_bytes());
    let checksum = lsa_checksum(writer.as_slice());
    writer.patch(16, &checksum.to_be_bytes());
    writer.finish()
}

#[cfg(test)]
mod tests;
