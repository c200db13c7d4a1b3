//! Headers of LSAs, and which of two instances is newer (RFC 2328 §12.1, §13.1).

use std::cmp::Ordering;
use std::net::Ipv4Addr;

use waypost_wire::Writer;

use super::{LSA_HEADER_LENGTH, MAX_AGE, MAX_AGE_DIFF};
use crate::options::Options;

/// How far an LSA is flooded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// On one link (RFC 5250 §3).
    Link,
    /// In one area.
    Area,
    /// In the whole autonomous system but its stub areas and NSSAs.
    As,
}

/// What an LSA describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LsaType {
    /// A router's links (RFC 2328 A.4.2).
    Router = 1,
    /// The routers of a network (A.4.3).
    Network = 2,
    /// A network outside the area (A.4.4).
    Summary = 3,
    /// An AS boundary router outside the area (A.4.4).
    AsbrSummary = 4,
    /// A destination outside the autonomous system (A.4.5).
    AsExternal = 5,
    /// The same inside an NSSA (RFC 3101).
    Nssa = 7,
    /// Something for the routers of a link (RFC 5250).
    OpaqueLink = 9,
    /// Something for the routers of an area (RFC 5250).
    OpaqueArea = 10,
    /// Something for all routers (RFC 5250).
    OpaqueAs = 11,
}

impl LsaType {
    /// Every type, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Router,
        Self::Network,
        Self::Summary,
        Self::AsbrSummary,
        Self::AsExternal,
        Self::Nssa,
        Self::OpaqueLink,
        Self::OpaqueArea,
        Self::OpaqueAs,
    ];

    /// The type of this number.
    #[must_use]
    pub const fn read(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Router,
            2 => Self::Network,
            3 => Self::Summary,
            4 => Self::AsbrSummary,
            5 => Self::AsExternal,
            7 => Self::Nssa,
            9 => Self::OpaqueLink,
            10 => Self::OpaqueArea,
            11 => Self::OpaqueAs,
            _ => return None,
        })
    }

    /// How far it is flooded.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::OpaqueLink => Scope::Link,
            Self::AsExternal | Self::OpaqueAs => Scope::As,
            _ => Scope::Area,
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Network => "network",
            Self::Summary => "summary",
            Self::AsbrSummary => "asbr-summary",
            Self::AsExternal => "as-external",
            Self::Nssa => "nssa-external",
            Self::OpaqueLink => "opaque-link",
            Self::OpaqueArea => "opaque-area",
            Self::OpaqueAs => "opaque-as",
        }
    }

    /// Whether it is an opaque LSA.
    #[must_use]
    pub const fn is_opaque(self) -> bool {
        matches!(self, Self::OpaqueLink | Self::OpaqueArea | Self::OpaqueAs)
    }
}

/// What tells LSAs of a database apart (RFC 2328 §12.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LsaKey {
    /// LS type.
    pub kind: LsaType,
    /// Link State ID.
    pub id: Ipv4Addr,
    /// Advertising router.
    pub router: Ipv4Addr,
}

/// The number of an instance of an LSA (RFC 2328 §12.1.6): signed, growing from [`Self::INITIAL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceNumber(pub i32);

impl SequenceNumber {
    /// Reserved; no LSA has it.
    pub const RESERVED: Self = Self(i32::MIN);
    /// InitialSequenceNumber: of an LSA's first instance.
    pub const INITIAL: Self = Self(-0x7FFF_FFFF);
    /// MaxSequenceNumber: after it the LSA is flushed before its numbers start again.
    pub const MAX: Self = Self(i32::MAX);

    /// The next number; `None` after [`Self::MAX`].
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

/// How one instance of an LSA stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Older than the other.
    Older,
    /// The same instance, as far as anybody can tell.
    Same,
    /// Newer than the other.
    Newer,
}

/// The header of an LSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LsaHeader {
    /// Seconds since it was originated, at most [`MAX_AGE`].
    pub age: u16,
    /// What the originator, or the route described, can do.
    pub options: Options,
    /// What it is about.
    pub key: LsaKey,
    /// Which instance.
    pub sequence: SequenceNumber,
    /// Over all but the age.
    pub checksum: u16,
    /// Octets of the whole LSA.
    pub length: u16,
}

impl LsaHeader {
    /// Reads a header; an unknown type is an error with that type.
    ///
    /// Ages above [`MAX_AGE`] are read as it (the DoNotAge bit of RFC 1793 is not among our options, so neighbours do not send
    /// it).
    pub(crate) fn read(octets: &[u8; LSA_HEADER_LENGTH]) -> Result<Self, u8> {
        let [
            a0,
            a1,
            options,
            kind,
            i0,
            i1,
            i2,
            i3,
            r0,
            r1,
            r2,
            r3,
            s0,
            s1,
            s2,
            s3,
            c0,
            c1,
            l0,
            l1,
        ] = *octets;
        Ok(Self {
            age: u16::from_be_bytes([a0, a1]).min(MAX_AGE),
            options: Options::read(options),
            key: LsaKey {
                kind: LsaType::read(kind).ok_or(kind)?,
                id: [i0, i1, i2, i3].into(),
                router: [r0, r1, r2, r3].into(),
            },
            sequence: SequenceNumber(i32::from_be_bytes([s0, s1, s2, s3])),
            checksum: u16::from_be_bytes([c0, c1]),
            length: u16::from_be_bytes([l0, l1]),
        })
    }

    /// Appends the header.
    pub fn encode(&self, writer: &mut Writer) {
        writer
            .u16(self.age)
            .u8(self.options.bits())
            .u8(self.key.kind as u8)
            .ipv4(self.key.id)
            .ipv4(self.key.router)
            .u32(self.sequence.0 as u32)
            .u16(self.checksum)
            .u16(self.length);
    }

    /// Whether it is to be flushed.
    #[must_use]
    pub const fn is_max_age(&self) -> bool {
        self.age >= MAX_AGE
    }

    /// Which of two instances of one LSA is newer (RFC 2328 §13.1): sequence number, checksum, one alone at MaxAge, ages
    /// that differ by more than MaxAgeDiff.
    #[must_use]
    pub fn freshness(&self, other: &Self) -> Freshness {
        let order = self
            .sequence
            .cmp(&other.sequence)
            .then(self.checksum.cmp(&other.checksum))
            .then(self.is_max_age().cmp(&other.is_max_age()))
            .then_with(|| {
                if self.age.abs_diff(other.age) > MAX_AGE_DIFF {
                    other.age.cmp(&self.age)
                } else {
                    Ordering::Equal
                }
            });
        match order {
            Ordering::Less => Freshness::Older,
            Ordering::Equal => Freshness::Same,
            Ordering::Greater => Freshness::Newer,
        }
    }
}
