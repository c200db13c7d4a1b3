//! MRT TABLE_DUMP_V2: the table of a BGP collector (RFC 6396 section 4.3), also with path identifiers (RFC 8050).
//!
//! A file is a sequence of records. The first names the peers; each further one has a prefix and, for every peer that announced
//! it, its path attributes. Records of other kinds are passed over.

mod attributes;
mod read;
mod write;

use std::net::IpAddr;

use waypost_types::Prefix;
use waypost_wire::ReadError;

pub use read::Parser;
pub use write::{Entry, peer_table, rib};

/// Octets of the longest record that is read: a prefix with its attributes from hundreds of peers takes a few hundred
/// kilobytes.
pub const MAX_RECORD: usize = 16 << 20;

/// Octets of a record before its message.
pub const HEADER: usize = 12;

/// TABLE_DUMP_V2, and its subtypes.
const TABLE_DUMP_V2: u16 = 13;
const PEER_INDEX_TABLE: u16 = 1;
const RIB_IPV4_UNICAST: u16 = 2;
const RIB_IPV6_UNICAST: u16 = 4;
const RIB_IPV4_UNICAST_ADDPATH: u16 = 8;
const RIB_IPV6_UNICAST_ADDPATH: u16 = 10;

/// Path attributes that matter here (RFC 4271 section 5.1, RFC 4760).
mod attribute {
    pub(super) const ORIGIN: u8 = 1;
    pub(super) const AS_PATH: u8 = 2;
    pub(super) const NEXT_HOP: u8 = 3;
    pub(super) const MULTI_EXIT_DISC: u8 = 4;
    pub(super) const MP_REACH_NLRI: u8 = 14;
    /// The length has two octets.
    pub(super) const EXTENDED_LENGTH: u8 = 0x10;
    pub(super) const TRANSITIVE: u8 = 0x40;
    pub(super) const OPTIONAL: u8 = 0x80;
}

/// A peer of the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its BGP identifier.
    pub id: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its autonomous system.
    pub system: u32,
}

/// What a peer announced of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Position of the peer in the table of peers.
    pub peer: u16,
    /// When it was received, seconds since 1970-01-01 UTC.
    pub received: u32,
    /// The path identifier, 0 in dumps without.
    pub path_id: u32,
    /// The next hop, if there is one that can be read.
    pub next_hop: Option<IpAddr>,
    /// MULTI_EXIT_DISC.
    pub metric: Option<u32>,
    /// The autonomous system that the path ends in.
    pub origin: Option<u32>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The peers, which those that follow refer to.
    Peers(Vec<Peer>),
    /// A prefix, and who announced it.
    Rib {
        /// The prefix.
        prefix: Prefix,
        /// One for each peer and path.
        announcements: Vec<Announcement>,
    },
    /// A record of another kind, with its type and subtype.
    Other(u16, u16),
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MrtError {
    /// The record would be longer than [`MAX_RECORD`].
    #[error("a record of {0} octets: this is no MRT file, or a damaged one (allowed: up to {MAX_RECORD})")]
    TooLong(usize),
    /// A record ends inside of what it says it has.
    #[error("{field}: {error}")]
    CutShort {
        /// What was being read.
        field: &'static str,
        /// Where it ended, from the beginning of the record's message on.
        error: ReadError,
    },
    /// A prefix length that the family does not have.
    #[error("prefix length {0} (allowed: 0..={1})")]
    PrefixLength(u8, u8),
    /// An announcement of a peer that is not in the table of peers.
    #[error("peer {peer} (there are {peers})")]
    NoSuchPeer {
        /// The position.
        peer: u16,
        /// How many there are.
        peers: usize,
    },
}
