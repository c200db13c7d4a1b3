//! MIB queries: the tables of RFC 4750, and the objects that were published for RRAS (rras-blocks 3.4).
//!
//! Which of the two a query is for its first number says: an operation of MIB_DA_MSG ([`published`]), or one of Waypost's
//! table numbers, the index of a row behind it ([`rows`]). What configuration says is not set here: it has its blocks.
//!
//! A table is a list of indexes, each some numbers, in no order; the next row is the least above the one given. That looks at
//! every row, also of a database, but keeps nothing in order that is not asked for.

mod published;
mod rows;

use std::net::Ipv4Addr;

use waypost_engine::{MibOperation, MibReply, Now};
use waypost_routprot::{Refusal, Status};
use waypost_wire::{ReadError, Reader};

use crate::area::AreaId;
use crate::database::{Database, Slot};
use crate::engine::OspfEngine;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::{LsaKey, LsaType};
use crate::neighbor::Neighbor;
use crate::process::Domain;

/// The tables of RFC 4750; their numbers are Waypost's (rras-blocks P-121). The octets of each are in `docs/blocks/ospf.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Table {
    General = 0x5750_0000,
    Areas = 0x5750_0001,
    StubAreas = 0x5750_0002,
    AreaLsas = 0x5750_0003,
    AreaLsaCounts = 0x5750_0004,
    Aggregates = 0x5750_0005,
    Interfaces = 0x5750_0006,
    InterfaceMetrics = 0x5750_0007,
    VirtualInterfaces = 0x5750_0008,
    Neighbors = 0x5750_0009,
    VirtualNeighbors = 0x5750_000A,
    AsLsas = 0x5750_000B,
    LinkLsas = 0x5750_000C,
    VirtualLinkLsas = 0x5750_000D,
}

/// A number of an index: as a number, or in the order of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Number,
    Address,
}

use Part::{Address, Number};

/// The numbers of an index, as many as the table has; the others are 0.
type Index = [u32; 5];

fn index<const N: usize>(numbers: [u32; N]) -> Index {
    let mut index = [0; 5];
    for (to, from) in index.iter_mut().zip(numbers) {
        *to = from;
    }
    index
}

impl Table {
    const ALL: [Self; 14] = [
        Self::General,
        Self::Areas,
        Self::StubAreas,
        Self::AreaLsas,
        Self::AreaLsaCounts,
        Self::Aggregates,
        Self::Interfaces,
        Self::InterfaceMetrics,
        Self::VirtualInterfaces,
        Self::Neighbors,
        Self::VirtualNeighbors,
        Self::AsLsas,
        Self::LinkLsas,
        Self::VirtualLinkLsas,
    ];

    fn of(number: u32) -> Result<Self, Refusal> {
        let known = Self::ALL.into_iter().find(|table| *table as u32 == number);
        known.ok_or_else(|| {
            let allowed = "160, 161, 163, 1464860672..=1464860685";
            Refusal::out_of_range("TypeID", number, allowed)
        })
    }

    /// What the index of a row is made of.
    const fn parts(self) -> &'static [Part] {
        match self {
            Self::General => &[],
            Self::Areas => &[Address],
            Self::StubAreas | Self::AreaLsaCounts | Self::Interfaces | Self::Neighbors => &[Address, Number],
            Self::AreaLsas | Self::Aggregates => &[Address, Number, Address, Address],
            Self::InterfaceMetrics => &[Address, Number, Number],
            Self::VirtualInterfaces | Self::VirtualNeighbors => &[Address, Address],
            Self::AsLsas => &[Number, Address, Address],
            Self::LinkLsas => &[Address, Number, Number, Address, Address],
            Self::VirtualLinkLsas => &[Address, Address, Number, Address, Address],
        }
    }

    fn read(self, reader: &mut Reader<'_>) -> Result<Index, ReadError> {
        let mut index = [0; 5];
        for (number, part) in index.iter_mut().zip(self.parts()) {
            *number = match part {
                Number => reader.u32_le()?,
                Address => reader.ipv4()?.to_bits(),
            };
        }
        Ok(index)
    }
}

fn end() -> Refusal {
    Refusal::new(Status::ERROR_NO_MORE_ITEMS, "the table is at its end")
}

/// What stands for an interface in an index: its address, or its number if it has none of its own.
fn place(interface: &Interface) -> [u32; 2] {
    let number = interface.id.index().map_or(0, |index| index.0);
    match interface.attachment.prefix {
        Some(_) => [interface.address().to_bits(), 0],
        None => [0, number],
    }
}

/// What stands for a neighbour in an index.
fn neighbor_place(interface: &Interface, neighbor: &Neighbor) -> [u32; 2] {
    let [_, number] = place(interface);
    [neighbor.address.to_bits(), number]
}

fn lsas(database: Option<&Database>) -> impl Iterator<Item = [u32; 3]> + '_ {
    let keys = database.into_iter().flat_map(|database| {
        let slots = database.slots();
        slots.filter_map(|slot| database.key(slot))
    });
    keys.map(|key| [key.kind as u32, key.id.to_bits(), key.router.to_bits()])
}

fn lsa_key(kind: u32, id: u32, router: u32) -> Option<LsaKey> {
    Some(LsaKey {
        kind: LsaType::read(u8::try_from(kind).ok()?)?,
        id: id.into(),
        router: router.into(),
    })
}

impl OspfEngine {
    pub(crate) fn query(&self, now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        let short = |_| Refusal::invalid("the query is shorter than its type and index");
        let mut reader = Reader::new(input);
        let first = reader.u32_le().map_err(short)?;
        if published::OPERATIONS.contains(&first) {
            return self.published(now, operation, input).map(MibReply::Octets);
        }
        let table = Table::of(first)?;
        let index = table.read(&mut reader).map_err(short)?;
        let least = |from: Option<Index>| {
            let indexes = self.indexes(table);
            indexes
                .filter(|index| from.is_none_or(|from| *index > from))
                .min()
        };
        let index = match operation {
            MibOperation::Get => index,
            MibOperation::GetFirst => least(None).ok_or_else(end)?,
            MibOperation::GetNext => least(Some(index)).ok_or_else(end)?,
            MibOperation::Set | MibOperation::Create | MibOperation::Delete => {
                return Err(Refusal::invalid(
                    "these tables are read; configuration has its blocks",
                ));
            }
        };
        let row = self.row(now, table, index);
        row.map(MibReply::Octets)
            .ok_or_else(|| Refusal::invalid("no such row"))
    }

    /// The areas there are: those OSPF is in, and those configured.
    fn areas(&self) -> impl Iterator<Item = AreaId> + '_ {
        let process = &self.process;
        let attached = process.databases().areas().map(|(area, _)| area);
        let configured = process.parameters().areas.keys().copied();
        attached.chain(configured.filter(|area| process.databases().get(Domain::Area(*area)).is_none()))
    }

    fn physical(&self) -> impl Iterator<Item = &Interface> {
        let interfaces = self.process.interfaces().values();
        interfaces.filter(|interface| interface.id.index().is_some())
    }

    fn virtual_interfaces(&self) -> impl Iterator<Item = ([u32; 2], &Interface)> {
        let interfaces = self.process.interfaces().values();
        interfaces.filter_map(|interface| match interface.id {
            InterfaceId::Virtual(area, router) => Some(([area.0, router.to_bits()], interface)),
            InterfaceId::Physical(_) => None,
        })
    }

    fn interface_at(&self, index: &Index) -> Option<&Interface> {
        let [address, number, ..] = *index;
        self.physical()
            .find(|interface| place(interface) == [address, number])
    }

    fn virtual_at(&self, index: &Index) -> Option<&Interface> {
        let [area, router, ..] = *index;
        let id = InterfaceId::Virtual(AreaId(area), router.into());
        self.process.interfaces().get(&id)
    }

    fn neighbors(&self) -> impl Iterator<Item = (&Interface, &Neighbor)> {
        self.physical().flat_map(|interface| {
            let neighbors = interface.neighbors.values();
            neighbors.map(move |neighbor| (interface, neighbor))
        })
    }

    fn neighbor_at(&self, index: &Index) -> Option<(&Interface, &Neighbor)> {
        let [address, number, ..] = *index;
        self.neighbors()
            .find(|(interface, neighbor)| neighbor_place(interface, neighbor) == [address, number])
    }

    /// The LSA of a domain, by its key.
    fn lsa_at(&self, domain: Domain, [kind, id, router]: [u32; 3]) -> Option<(&Database, Slot)> {
        let database = self.process.databases().get(domain)?;
        let slot = database.find(lsa_key(kind, id, router)?)?;
        Some((database, slot))
    }

    /// The ranges of areas: area, network, mask.
    fn ranges(&self) -> impl Iterator<Item = (AreaId, Ipv4Addr, Ipv4Addr)> + '_ {
        let areas = self.process.parameters().areas.iter();
        areas.flat_map(|(area, parameters)| {
            let ranges = parameters.ranges.iter();
            ranges.map(|range| (*area, range.prefix.network(), range.prefix.netmask()))
        })
    }
}
