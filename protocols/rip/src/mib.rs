//! The MIB queries that RRAS published for RIP (rras-blocks 2.4, after RFC 1724 and MSIPRIP2-MIB), and what RFC 1724 has
//! beyond them.
//!
//! Input: a type of four octets and an index, of four for RRAS's tables. Output: the same, then the row. Numbers are
//! little-endian, addresses in network order.

use std::net::Ipv4Addr;

use waypost_engine::{MibOperation, MibReply, Now};
use waypost_routprot::{Refusal, Status};
use waypost_types::{InterfaceIndex, Time};
use waypost_wire::{ReadError, Reader, Writer};

use crate::config::{Accept, Announce, Authentication};
use crate::interface::Interface;
use crate::neighbor::Neighbor;
use crate::process::Rip;

/// The tables: RRAS's by their published numbers, and ours (rras-blocks P-121) with what RFC 1724 has beyond them.
///
/// The octets of each are in `docs/blocks/rip.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Table {
    GlobalStats = 0,
    GlobalConfig = 1,
    InterfaceStats = 2,
    InterfaceConfig = 3,
    InterfaceBinding = 4,
    PeerStats = 5,
    /// rip2Globals.
    Globals = 0x5750_0000,
    /// rip2IfStatTable, and the reasons behind its counters.
    InterfaceCounters = 0x5750_0001,
    /// rip2IfConfTable.
    InterfaceSettings = 0x5750_0002,
    /// rip2PeerTable, by interface and address.
    Peers = 0x5750_0003,
}

impl Table {
    const ALL: [Self; 10] = [
        Self::GlobalStats,
        Self::GlobalConfig,
        Self::InterfaceStats,
        Self::InterfaceConfig,
        Self::InterfaceBinding,
        Self::PeerStats,
        Self::Globals,
        Self::InterfaceCounters,
        Self::InterfaceSettings,
        Self::Peers,
    ];

    fn of(number: u32) -> Result<Self, Refusal> {
        Self::ALL
            .into_iter()
            .find(|table| *table as u32 == number)
            .ok_or_else(|| Refusal::out_of_range("TypeID", number, "0..=5, 1464860672..=1464860675"))
    }

    /// Reads the index of a row.
    fn index(self, reader: &mut Reader<'_>) -> Result<Row, ReadError> {
        Ok(match self {
            Self::GlobalStats | Self::GlobalConfig | Self::Globals => {
                reader.u32_le()?;
                Row::Scalar
            }
            Self::PeerStats => Row::Peer(reader.ipv4()?),
            Self::Peers => Row::Neighbor(InterfaceIndex(reader.u32_le()?), reader.ipv4()?),
            _ => Row::Interface(InterfaceIndex(reader.u32_le()?)),
        })
    }
}

/// A row's index: nothing, an interface, a neighbour's address, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Scalar,
    Interface(InterfaceIndex),
    Peer(Ipv4Addr),
    Neighbor(InterfaceIndex, Ipv4Addr),
}

impl Rip {
    pub(crate) fn query(&self, now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        let short = |_| Refusal::invalid("the query is shorter than its type and index");
        let mut reader = Reader::new(input);
        let table = Table::of(reader.u32_le().map_err(short)?)?;
        let row = table.index(&mut reader).map_err(short)?;
        let row = match operation {
            MibOperation::Get => row,
            MibOperation::GetFirst => self.rows(table).next().ok_or_else(end)?,
            MibOperation::GetNext => self.rows(table).find(|other| *other > row).ok_or_else(end)?,
            MibOperation::Set => {
                // The published form: the size of the data, then the data (rras-blocks P-120).
                let size = reader.u32_le().map_err(short)?;
                let octets = reader.take_rest().to_vec();
                if size as usize != octets.len() {
                    return Err(Refusal::out_of_range(
                        "BufferSize",
                        size,
                        octets.len().to_string(),
                    ));
                }
                return match (table, row) {
                    (Table::GlobalConfig, _) => Ok(MibReply::SetGlobal(octets)),
                    (Table::InterfaceConfig, Row::Interface(index)) => {
                        Ok(MibReply::SetInterface(index, octets))
                    }
                    _ => Err(Refusal::invalid("only configuration can be set")),
                };
            }
            MibOperation::Create | MibOperation::Delete => {
                return Err(Refusal::invalid("rows cannot be created or deleted"));
            }
        };
        self.row(now, table, row)
    }

    /// The rows of a table, in order.
    fn rows(&self, table: Table) -> Box<dyn Iterator<Item = Row> + '_> {
        match table {
            Table::GlobalStats | Table::GlobalConfig | Table::Globals => {
                Box::new(std::iter::once(Row::Scalar))
            }
            Table::Peers => Box::new(self.live().flat_map(|interface| {
                let neighbors = interface.neighbors.iter();
                neighbors.map(move |(address, _)| Row::Neighbor(interface.index(), *address))
            })),
            Table::PeerStats => {
                let mut peers: Vec<Row> = self
                    .live()
                    .flat_map(|interface| interface.neighbors.iter())
                    .map(|(address, _)| Row::Peer(*address))
                    .collect();
                peers.sort_unstable();
                peers.dedup();
                Box::new(peers.into_iter())
            }
            _ => Box::new(self.live().map(|interface| Row::Interface(interface.index()))),
        }
    }

    fn live(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.values().filter(|interface| !interface.deleted)
    }

    fn live_interface(&self, index: InterfaceIndex) -> Result<&Interface, Refusal> {
        self.interfaces
            .get(&index)
            .filter(|interface| !interface.deleted)
            .ok_or_else(|| Refusal::invalid("no such interface").with_value(index))
    }

    fn row(&self, now: Now, table: Table, row: Row) -> Result<MibReply, Refusal> {
        let mut writer = Writer::new();
        writer.u32_le(table as u32);
        match row {
            Row::Scalar => writer.u32_le(0),
            Row::Interface(index) => writer.u32_le(index.0),
            Row::Peer(address) => writer.ipv4(address),
            Row::Neighbor(index, address) => writer.u32_le(index.0).ipv4(address),
        };
        let no_neighbor = |address| Refusal::invalid("no such neighbour").with_value(address);
        match (table, row) {
            (Table::GlobalStats, _) => {
                writer
                    .u32_le(self.table.route_changes)
                    .u32_le(self.responses_sent());
            }
            (Table::GlobalConfig, _) => return Ok(MibReply::GlobalConfig(writer.finish())),
            (Table::Globals, _) => {
                writer
                    .u32_le(self.table.route_changes)
                    .u32_le(self.counters.queries_answered)
                    .u32_le(self.responses_sent())
                    // Hundredths of a second, as all times here.
                    .u32_le(ticks(self.started, now.time));
            }
            (Table::PeerStats, Row::Peer(address)) => {
                // The published index has no interface: of several routers with one address, the one heard last.
                let neighbor = self
                    .live()
                    .filter_map(|interface| interface.neighbors.get(address))
                    .max_by_key(|neighbor| neighbor.last_update)
                    .ok_or_else(|| no_neighbor(address))?;
                self.peer(neighbor, &mut writer);
            }
            (Table::Peers, Row::Neighbor(index, address)) => {
                let neighbor = self
                    .live_interface(index)?
                    .neighbors
                    .get(address)
                    .ok_or_else(|| no_neighbor(address))?;
                self.peer(neighbor, &mut writer);
                writer
                    .u32_le(neighbor.updates)
                    .u32_le(ticks(self.started, neighbor.since));
            }
            (_, Row::Interface(index)) => {
                let interface = self.live_interface(index)?;
                match table {
                    Table::InterfaceConfig => {
                        return Ok(MibReply::InterfaceConfig(index, writer.finish()));
                    }
                    Table::InterfaceBinding => binding(interface, &mut writer),
                    Table::InterfaceCounters => counters(interface, &mut writer),
                    Table::InterfaceSettings => settings(interface, &mut writer),
                    _ => statistics(interface, &mut writer),
                }
            }
            _ => return Err(Refusal::invalid("no such row")),
        }
        Ok(MibReply::Octets(writer.finish()))
    }

    fn peer(&self, neighbor: &Neighbor, writer: &mut Writer) {
        writer
            .u32_le(neighbor.last_tag.into())
            .u32_le(ticks(self.started, neighbor.last_update))
            .u32_le(neighbor.version as u32)
            .u32_le(neighbor.bad_packets)
            .u32_le(neighbor.bad_entries);
    }
}

/// Hundredths of a second from the start until then (rras-blocks P-120).
fn ticks(started: Time, then: Time) -> u32 {
    // TimeTicks wrap at 2^32.
    (then.since(started).as_millis() / 10) as u32
}

fn end() -> Refusal {
    Refusal::new(Status::ERROR_NO_MORE_ITEMS, "the table is at its end")
}

fn statistics(interface: &Interface, writer: &mut Writer) {
    let counters = &interface.counters;
    writer
        .u32_le(interface.state_bits())
        .u32_le(counters.send_failures)
        // ReceiveFailures: without a port nothing is received.
        .u32_le(counters.port_failures)
        .u32_le(counters.requests_sent)
        .u32_le(counters.requests_received)
        .u32_le(counters.responses_sent)
        .u32_le(counters.responses_received)
        .u32_le(counters.bad_response_packets)
        .u32_le(counters.bad_response_entries)
        .u32_le(counters.triggered_updates_sent);
}

fn binding(interface: &Interface, writer: &mut Writer) {
    let addresses = &interface.binding.addresses;
    // An interface has far fewer than 2^32 addresses.
    writer
        .u32_le(interface.state_bits())
        .u32_le(addresses.len() as u32);
    for address in addresses {
        writer.ipv4(address.address).ipv4(address.prefix.netmask());
    }
}

/// rip2IfStatEntry of RFC 1724, then every counter that RRAS's table does not have.
fn counters(interface: &Interface, writer: &mut Writer) {
    let counters = &interface.counters;
    writer
        .u32_le(counters.bad_response_packets)
        .u32_le(counters.bad_response_entries)
        .u32_le(counters.triggered_updates_sent)
        .u32_le(row_status(interface))
        .u32_le(counters.bad_request_packets)
        .u32_le(counters.malformed)
        .u32_le(counters.wrong_version)
        .u32_le(counters.wrong_source)
        .u32_le(counters.authentication_failures)
        .u32_le(counters.replays)
        .u32_le(counters.excess_neighbors)
        .u32_le(counters.excess_routes);
}

/// rip2IfConfEntry of RFC 1724, in its numbers, without the key, which reads as nothing there, too.
fn settings(interface: &Interface, writer: &mut Writer) {
    let effective = &interface.effective;
    writer
        .u32_le(match effective.authentication {
            Authentication::None => 1,
            Authentication::Plain => 2,
            Authentication::Cryptographic => 3,
        })
        .u32_le(match effective.announce {
            Announce::None => 1,
            Announce::V1 => 2,
            Announce::V1Compatible => 3,
            Announce::V2Multicast => 4,
        })
        .u32_le(match effective.accept {
            Accept::V1 => 1,
            Accept::V2 => 2,
            Accept::Both => 3,
            Accept::None => 4,
        })
        // 0: no default route is originated.
        .u32_le(effective.originate_default.unwrap_or(0).into())
        .u32_le(row_status(interface))
        .ipv4(
            interface
                .binding
                .addresses
                .first()
                .map_or(Ipv4Addr::UNSPECIFIED, |binding| binding.address),
        );
}

/// RowStatus (RFC 2579): active while RIP runs there, notInService while it does not.
fn row_status(interface: &Interface) -> u32 {
    if interface.is_active() { 1 } else { 2 }
}
