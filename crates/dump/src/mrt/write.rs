//! Writing records.

use std::net::{IpAddr, Ipv4Addr};

use waypost_types::Prefix;
use waypost_wire::Writer;

use super::{
    HEADER, PEER_INDEX_TABLE, Peer, RIB_IPV4_UNICAST, RIB_IPV4_UNICAST_ADDPATH, RIB_IPV6_UNICAST,
    RIB_IPV6_UNICAST_ADDPATH, TABLE_DUMP_V2, attribute,
};

/// ORIGIN: from elsewhere than BGP.
const INCOMPLETE: u8 = 2;

/// A route to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position of the peer in the table of peers.
    pub peer: u16,
    /// When it was received, seconds since 1970-01-01 UTC.
    pub received: u32,
    /// Tells the routes of one peer apart; written when one of a prefix's is not 0.
    pub path_id: u32,
    /// The next hop; none for routes that lead nowhere.
    pub next_hop: Option<IpAddr>,
    /// The metric, as MULTI_EXIT_DISC.
    pub metric: Option<u32>,
}

/// A record with its header.
fn record(time: u32, subtype: u16, message: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::with_capacity(64);
    writer.u32(time).u16(TABLE_DUMP_V2).u16(subtype).u32(0);
    message(&mut writer);
    let length = u32::try_from(writer.len().saturating_sub(HEADER)).unwrap_or(u32::MAX);
    writer.patch(8, &length.to_be_bytes());
    writer.finish()
}

/// The record that comes first: who the peers are. More than 65535 are left out.
#[must_use]
pub fn peer_table(time: u32, collector: Ipv4Addr, peers: &[Peer]) -> Vec<u8> {
    record(time, PEER_INDEX_TABLE, |writer| {
        let count = u16::try_from(peers.len()).unwrap_or(u16::MAX);
        // Without a name of the view.
        writer.ipv4(collector).u16(0).u16(count);
        for peer in peers.iter().take(count.into()) {
            writer.u8(2 | u8::from(peer.address.is_ipv6())).u32(peer.id);
            match peer.address {
                IpAddr::V4(address) => writer.ipv4(address),
                IpAddr::V6(address) => writer.slice(&address.octets()),
            };
            writer.u32(peer.system);
        }
    })
}

/// A prefix and its routes. More than 65535 are left out.
#[must_use]
pub fn rib(time: u32, sequence: u32, prefix: Prefix, entries: &[Entry]) -> Vec<u8> {
    let with_path_ids = entries.iter().any(|entry| entry.path_id != 0);
    let subtype = match (prefix, with_path_ids) {
        (Prefix::V4(_), false) => RIB_IPV4_UNICAST,
        (Prefix::V4(_), true) => RIB_IPV4_UNICAST_ADDPATH,
        (Prefix::V6(_), false) => RIB_IPV6_UNICAST,
        (Prefix::V6(_), true) => RIB_IPV6_UNICAST_ADDPATH,
    };
    record(time, subtype, |writer| {
        let octets = match prefix.network() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let given = usize::from(prefix.length()).div_ceil(8);
        let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
        writer
            .u32(sequence)
            .u8(prefix.length())
            .slice(octets.get(..given).unwrap_or(&octets))
            .u16(count);
        for entry in entries.iter().take(count.into()) {
            writer.u16(entry.peer).u32(entry.received);
            if with_path_ids {
                writer.u32(entry.path_id);
            }
            let attributes = attributes(entry);
            // INVARIANT: they are a few dozen octets.
            writer
                .u16(u16::try_from(attributes.len()).unwrap_or(u16::MAX))
                .slice(&attributes);
        }
    })
}

fn attributes(entry: &Entry) -> Vec<u8> {
    let mut writer = Writer::with_capacity(40);
    let well_known = |writer: &mut Writer, kind: u8, value: &[u8]| {
        let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
        writer.u8(attribute::TRANSITIVE).u8(kind).u8(length).slice(value);
    };
    well_known(&mut writer, attribute::ORIGIN, &[INCOMPLETE]);
    well_known(&mut writer, attribute::AS_PATH, &[]);
    match entry.next_hop {
        Some(IpAddr::V4(address)) => well_known(&mut writer, attribute::NEXT_HOP, &address.octets()),
        Some(IpAddr::V6(address)) => {
            // Only the next hop and its length (RFC 6396 section 4.3.4).
            writer
                .u8(attribute::OPTIONAL)
                .u8(attribute::MP_REACH_NLRI)
                .u8(17)
                .u8(16)
                .slice(&address.octets());
        }
        None => {}
    }
    if let Some(metric) = entry.metric {
        writer
            .u8(attribute::OPTIONAL)
            .u8(attribute::MULTI_EXIT_DISC)
            .u8(4)
            .u32(metric);
    }
    writer.finish()
}
