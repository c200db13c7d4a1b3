//! The two address families, for which the table is compiled once each.

use std::net::{Ipv4Addr, Ipv6Addr};

use waypost_types::{Prefix, Prefix4, Prefix6};

use crate::trie::Bits;

/// An address family. Each has a table of its own (router-services A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of a prefix.
    #[must_use]
    pub const fn of(prefix: Prefix) -> Self {
        match prefix {
            Prefix::V4(_) => Self::V4,
            Prefix::V6(_) => Self::V6,
        }
    }

    /// Position in arrays that hold one value a family.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::V4 => 0,
            Self::V6 => 1,
        }
    }
}

/// What the table must know of its addresses.
pub(crate) trait AddressFamily: 'static {
    const FAMILY: Family;
    /// The prefix as callers know it.
    type Prefix: Copy + Into<Prefix>;
    /// The octets of its address.
    type Bits: Bits;

    fn bits(prefix: Self::Prefix) -> Self::Bits;
    fn length(prefix: Self::Prefix) -> u8;
    fn prefix(bits: Self::Bits, length: u8) -> Self::Prefix;
}

pub(crate) struct V4;
pub(crate) struct V6;

impl AddressFamily for V4 {
    const FAMILY: Family = Family::V4;
    type Prefix = Prefix4;
    type Bits = [u8; 4];

    fn bits(prefix: Prefix4) -> [u8; 4] {
        prefix.bits().to_be_bytes()
    }

    fn length(prefix: Prefix4) -> u8 {
        prefix.length()
    }

    fn prefix(bits: [u8; 4], length: u8) -> Prefix4 {
        // INVARIANT: `length` came out of a Prefix4, so it is at most 32 and the fallback is never taken.
        Prefix4::containing(Ipv4Addr::from(bits), length).unwrap_or(Prefix4::DEFAULT)
    }
}

impl AddressFamily for V6 {
    const FAMILY: Family = Family::V6;
    type Prefix = Prefix6;
    type Bits = [u8; 16];

    fn bits(prefix: Prefix6) -> [u8; 16] {
        prefix.bits().to_be_bytes()
    }

    fn length(prefix: Prefix6) -> u8 {
        prefix.length()
    }

    fn prefix(bits: [u8; 16], length: u8) -> Prefix6 {
        // INVARIANT: `length` came out of a Prefix6, so it is at most 128 and the fallback is never taken.
        Prefix6::containing(Ipv6Addr::from(bits), length).unwrap_or(Prefix6::DEFAULT)
    }
}
