//! RIP messages on the wire (RFC 2453 §3.6, §4; RFC 1058 §3.1).
//!
//! ```text
//! command(1) version(1) must-be-zero(2), then up to 25 entries of
//! family(2) tag(2) address(4) mask(4) next-hop(4) metric(4)
//! ```
//! Version 1 has the same entries with tag, mask and next hop zero.

use std::net::Ipv4Addr;

use waypost_wire::{Reader, Writer};

/// Octets of the header of a message.
pub const HEADER_LENGTH: usize = 4;
/// Octets of an entry.
pub const ENTRY_LENGTH: usize = 20;
/// The metric that means unreachable (RFC 2453 §3.6).
pub const INFINITY: u8 = 16;
/// The address family of a route to an IPv4 network.
pub const FAMILY_IPV4: u16 = 2;
/// The address family that marks an entry as authentication (RFC 2453 §4.1).
pub const FAMILY_AUTHENTICATION: u16 = 0xFFFF;
/// The UDP port of RIP.
pub const RIP_PORT: u16 = 520;
/// The group of all RIP version 2 routers (RFC 2453 §4.5).
pub const RIP2_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 9);

/// What a message asks or says. The obsolete commands are none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// All or part of the receiver's table is asked for.
    Request = 1,
    /// All or part of the sender's table.
    Response = 2,
}

/// The format of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 1058: no masks.
    V1 = 1,
    /// RFC 2453. Later versions are read like it (RFC 1058 §3.1).
    V2 = 2,
}

/// Why octets are no RIP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Not a header and a whole number of entries.
    #[error("{0} octets are not a header and whole entries")]
    Length(usize),
    /// A command that is not ours, or obsolete.
    #[error("command {0} is neither request nor response")]
    Command(u8),
    /// Version 0 (RFC 1058 §3.1).
    #[error("version 0")]
    Version,
    /// A field that must be zero is not (RFC 2453 §4.6).
    #[error("a must-be-zero field is not zero")]
    NotZero,
}

/// One route entry, as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Address family; [`FAMILY_IPV4`] for routes.
    pub family: u16,
    /// Route tag; zero in version 1.
    pub tag: u16,
    /// Destination network.
    pub address: Ipv4Addr,
    /// Its mask; zero in version 1.
    pub mask: Ipv4Addr,
    /// The better next hop, or 0.0.0.0 for the sender; zero in version 1.
    pub next_hop: Ipv4Addr,
    /// 1..=16 in a valid route.
    pub metric: u32,
}

impl Entry {
    /// The sole entry of a request for the whole table (RFC 2453 §3.9.1).
    pub const WHOLE_TABLE: Self = Self {
        family: 0,
        tag: 0,
        address: Ipv4Addr::UNSPECIFIED,
        mask: Ipv4Addr::UNSPECIFIED,
        next_hop: Ipv4Addr::UNSPECIFIED,
        metric: INFINITY as u32,
    };

    /// Reads the entry that `octets` hold; `None` when they are not [`ENTRY_LENGTH`] of them.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        let entry = Self {
            family: reader.u16().ok()?,
            tag: reader.u16().ok()?,
            address: reader.ipv4().ok()?,
            mask: reader.ipv4().ok()?,
            next_hop: reader.ipv4().ok()?,
            metric: reader.u32().ok()?,
        };
        reader.is_empty().then_some(entry)
    }

    /// Appends the entry.
    pub fn encode(&self, writer: &mut Writer) {
        writer
            .u16(self.family)
            .u16(self.tag)
            .ipv4(self.address)
            .ipv4(self.mask)
            .ipv4(self.next_hop)
            .u32(self.metric);
    }

    /// Whether the fields that version 1 leaves zero are zero (RFC 1058 §3.1).
    #[must_use]
    pub const fn is_version_1_clean(&self) -> bool {
        self.tag == 0 && self.mask.is_unspecified() && self.next_hop.is_unspecified()
    }
}

/// A received message whose frame is sound. Nothing is copied; entries are read as they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What it is.
    pub command: Command,
    /// Its format.
    pub version: Version,
    /// Whether the header's two must-be-zero octets are zero.
    pub header_is_clean: bool,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Checks the frame of a message: header, command, version, whole entries.
    ///
    /// Octets after the entries are an authentication trailer, which [`crate::authentication`] cuts off beforehand.
    pub fn decode(octets: &'a [u8]) -> Result<Self, PacketError> {
        let length = PacketError::Length(octets.len());
        let mut reader = Reader::new(octets);
        let command = reader.u8().map_err(|_| length)?;
        let version = reader.u8().map_err(|_| length)?;
        let zero = reader.u16().map_err(|_| length)?;
        let body = reader.take_rest();
        let command = match command {
            1 => Command::Request,
            2 => Command::Response,
            other => return Err(PacketError::Command(other)),
        };
        let version = match version {
            0 => return Err(PacketError::Version),
            1 => Version::V1,
            _ => Version::V2,
        };
        if !body.len().is_multiple_of(ENTRY_LENGTH) {
            return Err(length);
        }
        Ok(Self {
            command,
            version,
            header_is_clean: zero == 0,
            body,
        })
    }

    /// The entries, in order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry> + Clone + use<'a> {
        self.body
            .chunks_exact(ENTRY_LENGTH)
            // INVARIANT: every chunk has ENTRY_LENGTH octets, which always decode.
            .map(|octets| Entry::decode(octets).unwrap_or(Entry::WHOLE_TABLE))
    }

    /// The message without its first entry, which was authentication.
    #[must_use]
    pub fn without_first_entry(self) -> Self {
        Self {
            body: self.body.get(ENTRY_LENGTH..).unwrap_or_default(),
            ..self
        }
    }

    /// Whether this is a request for the whole table: one entry of family 0 and metric infinity (RFC 2453 §3.9.1).
    #[must_use]
    pub fn asks_for_whole_table(&self) -> bool {
        let mut entries = self.entries();
        self.command == Command::Request
            && entries.len() == 1
            && entries
                .next()
                .is_some_and(|entry| entry.family == 0 && entry.metric == u32::from(INFINITY))
    }
}

/// Appends the header of a message.
pub fn encode_header(writer: &mut Writer, command: Command, version: Version) {
    writer.u8(command as u8).u8(version as u8).u16(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = Entry> {
        (any::<u16>(), any::<u16>(), any::<[u32; 3]>(), any::<u32>()).prop_map(
            |(family, tag, [address, mask, next_hop], metric)| Entry {
                family,
                tag,
                address: address.into(),
                mask: mask.into(),
                next_hop: next_hop.into(),
                metric,
            },
        )
    }

    #[test]
    fn the_whole_table_request_of_the_rfc() {
        let mut writer = Writer::new();
        encode_header(&mut writer, Command::Request, Version::V2);
        Entry::WHOLE_TABLE.encode(&mut writer);
        let octets = writer.finish();
        let mut expected = vec![1, 2, 0, 0];
        expected.extend([0; 19]);
        expected.push(16);
        assert_eq!(octets, expected);
        assert!(Message::decode(&octets).unwrap().asks_for_whole_table());
    }

    #[test]
    fn refuses_what_is_no_message() {
        assert_eq!(Message::decode(&[2, 2, 0]).unwrap_err(), PacketError::Length(3));
        assert_eq!(
            Message::decode(&[2, 2, 0, 0, 1]).unwrap_err(),
            PacketError::Length(5)
        );
        assert_eq!(
            Message::decode(&[5, 2, 0, 0]).unwrap_err(),
            PacketError::Command(5)
        );
        assert_eq!(Message::decode(&[2, 0, 0, 0]).unwrap_err(), PacketError::Version);
        // RFC 1058 §3.1: higher versions are processed.
        assert_eq!(Message::decode(&[2, 9, 0, 0]).unwrap().version, Version::V2);
        assert!(!Message::decode(&[2, 2, 0, 1]).unwrap().header_is_clean);
    }

    proptest! {
        #[test]
        fn encode_then_decode_is_the_identity(entries in prop::collection::vec(entry(), 0..30)) {
            let mut writer = Writer::new();
            encode_header(&mut writer, Command::Response, Version::V2);
            for entry in &entries {
                entry.encode(&mut writer);
            }
            let octets = writer.finish();
            let message = Message::decode(&octets).unwrap();
            prop_assert_eq!(message.entries().collect::<Vec<_>>(), entries);
        }

        #[test]
        fn decode_never_panics(octets in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(message) = Message::decode(&octets) {
                prop_assert_eq!(message.entries().len() * ENTRY_LENGTH + HEADER_LENGTH, octets.len());
            }
        }
    }
}
