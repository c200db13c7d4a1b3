//! The MIB queries that RRAS published for RIP (rras-blocks 2.4, after RFC 1724 and MSIPRIP2-MIB).
//!
//! Input: type and index, four octets each. Output: the same, then the row. Numbers are little-endian, addresses in
//! network order.

use std::net::Ipv4Addr;

use waypost_engine::{MibOperation, MibReply, Now};
use waypost_routprot::{Refusal, Status};
use waypost_types::InterfaceIndex;
use waypost_wire::{Reader, Writer};

use crate::interface::Interface;
use crate::neighbor::Neighbor;
use crate::process::Rip;

/// The tables, by their published numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    GlobalStats = 0,
    GlobalConfig = 1,
    InterfaceStats = 2,
    InterfaceConfig = 3,
    InterfaceBinding = 4,
    PeerStats = 5,
}

impl Table {
    fn of(number: u32) -> Result<Self, Refusal> {
        Ok(match number {
            0 => Self::GlobalStats,
            1 => Self::GlobalConfig,
            2 => Self::InterfaceStats,
            3 => Self::InterfaceConfig,
            4 => Self::InterfaceBinding,
            5 => Self::PeerStats,
            other => return Err(Refusal::out_of_range("TypeID", other, "0..=5")),
        })
    }
}

/// A row's index: nothing, an interface or a neighbour's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Scalar,
    Interface(InterfaceIndex),
    Peer(Ipv4Addr),
}

impl Rip {
    pub(crate) fn query(
        &self,
        _now: Now,
        operation: MibOperation,
        input: &[u8],
    ) -> Result<MibReply, Refusal> {
        let short = |_| Refusal::invalid("the query is shorter than its eight octets");
        let mut reader = Reader::new(input);
        let table = Table::of(reader.u32_le().map_err(short)?)?;
        let index = reader.array::<4>().map_err(short)?;
        let row = match table {
            Table::GlobalStats | Table::GlobalConfig => Row::Scalar,
            Table::PeerStats => Row::Peer(index.into()),
            _ => Row::Interface(InterfaceIndex(u32::from_le_bytes(index))),
        };
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
        self.row(table, row)
    }

    /// The rows of a table, in order.
    fn rows(&self, table: Table) -> Box<dyn Iterator<Item = Row> + '_> {
        match table {
            Table::GlobalStats | Table::GlobalConfig => Box::new(std::iter::once(Row::Scalar)),
            Table::PeerStats => {
                let mut peers: Vec<Row> = self
                    .interfaces
                    .values()
                    .flat_map(|interface| interface.neighbors.iter())
                    .map(|(address, _)| Row::Peer(*address))
                    .collect();
                peers.sort_unstable();
                peers.dedup();
                Box::new(peers.into_iter())
            }
            _ => Box::new(
                self.interfaces
                    .values()
                    .filter(|interface| !interface.deleted)
                    .map(|interface| Row::Interface(interface.index())),
            ),
        }
    }

    fn row(&self, table: Table, row: Row) -> Result<MibReply, Refusal> {
        let mut writer = Writer::new();
        writer.u32_le(table as u32);
        match row {
            Row::Scalar => writer.u32_le(0),
            Row::Interface(index) => writer.u32_le(index.0),
            Row::Peer(address) => writer.ipv4(address),
        };
        match (table, row) {
            (Table::GlobalStats, _) => {
                let responses = self.interfaces.values().fold(0_u32, |sum, interface| {
                    sum.wrapping_add(interface.counters.responses_sent)
                });
                writer.u32_le(self.table.route_changes).u32_le(responses);
            }
            (Table::GlobalConfig, _) => return Ok(MibReply::GlobalConfig(writer.finish())),
            (Table::PeerStats, Row::Peer(address)) => {
                let neighbor = self
                    .interfaces
                    .values()
                    .find_map(|interface| interface.neighbors.get(address))
                    .ok_or_else(|| Refusal::invalid("no such neighbour").with_value(address))?;
                self.peer(neighbor, &mut writer);
            }
            (_, Row::Interface(index)) => {
                let interface = self
                    .interfaces
                    .get(&index)
                    .filter(|interface| !interface.deleted)
                    .ok_or_else(|| Refusal::invalid("no such interface").with_value(index))?;
                match table {
                    Table::InterfaceConfig => {
                        return Ok(MibReply::InterfaceConfig(index, writer.finish()));
                    }
                    Table::InterfaceBinding => binding(interface, &mut writer),
                    _ => statistics(interface, &mut writer),
                }
            }
            _ => return Err(Refusal::invalid("no such row")),
        }
        Ok(MibReply::Octets(writer.finish()))
    }

    fn peer(&self, neighbor: &Neighbor, writer: &mut Writer) {
        // Hundredths of a second since the start (rras-blocks P-120).
        let ticks = neighbor.last_update.since(self.started).as_millis() / 10;
        writer
            .u32_le(neighbor.last_tag.into())
            .u32_le(ticks as u32)
            .u32_le(neighbor.version as u32)
            .u32_le(neighbor.bad_packets)
            .u32_le(neighbor.bad_entries);
    }
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
