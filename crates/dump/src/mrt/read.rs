//! Reading records.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost_types::{Prefix, Prefix4, Prefix6};
use waypost_wire::{ReadError, Reader};

use super::attributes::Attributes;
use super::{
    Announcement, HEADER, MAX_RECORD, MrtError, PEER_INDEX_TABLE, Peer, RIB_IPV4_UNICAST,
    RIB_IPV4_UNICAST_ADDPATH, RIB_IPV6_UNICAST, RIB_IPV6_UNICAST_ADDPATH, Record, TABLE_DUMP_V2,
};

/// Names what was being read.
pub(super) fn field<T>(field: &'static str, read: Result<T, ReadError>) -> Result<T, MrtError> {
    read.map_err(|error| MrtError::CutShort { field, error })
}

/// Reads one record after the other.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    /// How many peers the last table of peers had.
    peers: usize,
}

impl Parser {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first record of what has been read of a file so far, and how many octets it takes; `None` when there are too few
    /// for a whole one.
    ///
    /// # Errors
    /// When this is no MRT file, or a damaged one.
    pub fn record(&mut self, octets: &[u8]) -> Result<Option<(usize, Record)>, MrtError> {
        let Some(header) = octets.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let mut reader = Reader::new(header);
        // When it was written is of no interest.
        let read = reader.skip(4).and_then(|()| {
            let kind = reader.u16()?;
            Ok((kind, reader.u16()?, reader.u32()? as usize))
        });
        let (kind, subtype, length) = field("header", read)?;
        if length > MAX_RECORD {
            return Err(MrtError::TooLong(length));
        }
        let whole = HEADER.saturating_add(length);
        let Some(message) = octets.get(HEADER..whole) else {
            return Ok(None);
        };
        let record = match (kind, subtype) {
            (TABLE_DUMP_V2, PEER_INDEX_TABLE) => {
                let peers = peers(message)?;
                self.peers = peers.len();
                Record::Peers(peers)
            }
            (TABLE_DUMP_V2, RIB_IPV4_UNICAST | RIB_IPV4_UNICAST_ADDPATH) => {
                self.rib(message, prefix4, subtype == RIB_IPV4_UNICAST_ADDPATH)?
            }
            (TABLE_DUMP_V2, RIB_IPV6_UNICAST | RIB_IPV6_UNICAST_ADDPATH) => {
                self.rib(message, prefix6, subtype == RIB_IPV6_UNICAST_ADDPATH)?
            }
            (kind, subtype) => Record::Other(kind, subtype),
        };
        Ok(Some((whole, record)))
    }

    fn rib(
        &self,
        message: &[u8],
        prefix: fn(&mut Reader<'_>) -> Result<Prefix, MrtError>,
        with_path_ids: bool,
    ) -> Result<Record, MrtError> {
        let mut reader = Reader::new(message);
        field("sequence number", reader.skip(4))?;
        let prefix = prefix(&mut reader)?;
        let count = field("entry count", reader.u16())?;
        let announcements = (0..count)
            .map(|_| self.announcement(&mut reader, with_path_ids))
            .collect::<Result<_, _>>()?;
        Ok(Record::Rib {
            prefix,
            announcements,
        })
    }

    fn announcement(&self, reader: &mut Reader<'_>, with_path_id: bool) -> Result<Announcement, MrtError> {
        let peer = field("peer index", reader.u16())?;
        if usize::from(peer) >= self.peers {
            return Err(MrtError::NoSuchPeer {
                peer,
                peers: self.peers,
            });
        }
        let received = field("originated time", reader.u32())?;
        let path_id = if with_path_id {
            field("path identifier", reader.u32())?
        } else {
            0
        };
        let length = field("attribute length", reader.u16())?;
        let attributes = Attributes::read(field("attributes", reader.take(length.into()))?)?;
        Ok(Announcement {
            peer,
            received,
            path_id,
            next_hop: attributes.next_hop,
            metric: attributes.metric,
            origin: attributes.origin,
        })
    }
}

fn peers(message: &[u8]) -> Result<Vec<Peer>, MrtError> {
    let mut reader = Reader::new(message);
    field("collector", reader.skip(4))?;
    let name = field("view name length", reader.u16())?;
    field("view name", reader.skip(name.into()))?;
    let count = field("peer count", reader.u16())?;
    (0..count)
        .map(|_| {
            // Bit 0: the address is IPv6; bit 1: the system's number has four octets.
            let kind = field("peer type", reader.u8())?;
            let id = field("peer identifier", reader.u32())?;
            let address = if kind & 1 == 0 {
                IpAddr::V4(field("peer address", reader.ipv4())?)
            } else {
                IpAddr::V6(Ipv6Addr::from(field("peer address", reader.array::<16>())?))
            };
            let system = if kind & 2 == 0 {
                u32::from(field("peer system", reader.u16())?)
            } else {
                field("peer system", reader.u32())?
            };
            Ok(Peer { id, address, system })
        })
        .collect()
}

/// The octets of a prefix that a dump has, filled up with zeros.
fn octets<const N: usize>(reader: &mut Reader<'_>, longest: u8) -> Result<([u8; N], u8), MrtError> {
    let length = field("prefix length", reader.u8())?;
    if length > longest {
        return Err(MrtError::PrefixLength(length, longest));
    }
    let given = field("prefix", reader.take(usize::from(length).div_ceil(8)))?;
    let mut octets = [0; N];
    octets
        .iter_mut()
        .zip(given)
        .for_each(|(octet, given)| *octet = *given);
    Ok((octets, length))
}

fn prefix4(reader: &mut Reader<'_>) -> Result<Prefix, MrtError> {
    let (octets, length) = octets::<4>(reader, 32)?;
    Prefix4::containing(Ipv4Addr::from(octets), length)
        .map(Prefix::V4)
        .map_err(|_| MrtError::PrefixLength(length, 32))
}

fn prefix6(reader: &mut Reader<'_>) -> Result<Prefix, MrtError> {
    let (octets, length) = octets::<16>(reader, 128)?;
    Prefix6::containing(Ipv6Addr::from(octets), length)
        .map(Prefix::V6)
        .map_err(|_| MrtError::PrefixLength(length, 128))
}
