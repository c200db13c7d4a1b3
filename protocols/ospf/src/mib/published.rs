//! The objects published for RRAS: one value a query, by its object identifier in MIB_DA_MSG (rras-blocks 3.4).
//!
//! An identifier is 4.1.18.3.5.3.2.3, the table, 1, the column and the index; that of a scalar is 4.1.18.3.5.3.2.3, 1, the column
//! and 0. Columns that are told are those below; keys and passwords read as zero (P-110). The answer is the message with the
//! identifier of the value and the value in `data[0]`, an address in the order of the network. Nothing is set (P-114).

use std::net::Ipv4Addr;

use waypost_engine::{MibOperation, Now};
use waypost_routprot::Refusal;
use waypost_wire::{Reader, Writer};

use super::rows::{count, counter, interface_state, neighbor_state, network_type, truth};
use super::{Index, end, index, lsas, neighbor_place, place};
use crate::area::AreaId;
use crate::config::AreaAuthentication;
use crate::engine::OspfEngine;
use crate::interface::machine::State;
use crate::interface::{Counters, Interface, InterfaceId};
use crate::lsa::LsaType;
use crate::neighbor::Neighbor;
use crate::parameters::{AreaKind, InterfaceParameters};
use crate::process::Domain;

const GET: u32 = 0xA0;
const GET_NEXT: u32 = 0xA1;
const SET: u32 = 0xA3;
/// op_code.
pub(super) const OPERATIONS: [u32; 3] = [GET, GET_NEXT, SET];

/// ret_code of what is refused.
const REFUSED: u32 = 1;
/// Numbers of in_snmp_id.
const ID_LENGTH: usize = 44;
/// Where data[] begins, with pointers of eight octets, and the octets of the message.
const DATA: usize = 544;
const MESSAGE: usize = 800;
/// What every identifier begins with.
const PREFIX: [u32; 8] = [4, 1, 18, 3, 5, 3, 2, 3];

/// The tables, by their published numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
enum Group {
    General = 1,
    Areas = 2,
    Lsdb = 3,
    Ranges = 4,
    Interfaces = 5,
    VirtualInterfaces = 6,
    Neighbors = 7,
    VirtualNeighbors = 8,
    /// Those that nobody configured.
    DynamicNeighbors = 9,
}

impl Group {
    const ALL: [Self; 9] = [
        Self::General,
        Self::Areas,
        Self::Lsdb,
        Self::Ranges,
        Self::Interfaces,
        Self::VirtualInterfaces,
        Self::Neighbors,
        Self::VirtualNeighbors,
        Self::DynamicNeighbors,
    ];

    /// The columns that are told, in their order.
    const fn columns(self) -> std::ops::RangeInclusive<u32> {
        match self {
            Self::General => 1..=9,
            Self::Areas => 3..=9,
            Self::Lsdb => 1..=8,
            Self::Ranges => 4..=6,
            Self::Interfaces => 3..=29,
            Self::VirtualInterfaces => 3..=21,
            Self::Neighbors => 3..=11,
            Self::VirtualNeighbors => 3..=7,
            Self::DynamicNeighbors => 1..=9,
        }
    }

    /// How many numbers its index has.
    const fn parts(self) -> usize {
        match self {
            Self::General | Self::Areas => 1,
            Self::Lsdb => 4,
            _ => 2,
        }
    }

    /// The identifier of a value.
    fn id(self, column: u32, index: &Index) -> Vec<u32> {
        let entry: &[u32] = if self == Self::General {
            &[1, column]
        } else {
            &[self as u32, 1, column]
        };
        let index = index.get(..self.parts()).unwrap_or_default();
        [&PREFIX, entry, index].concat()
    }
}

/// A value.
enum Leaf {
    Number(u32),
    Address(Ipv4Addr),
}

use Leaf::{Address, Number};

/// Octets of a key are not told.
const HIDDEN: Leaf = Number(0);

impl OspfEngine {
    pub(super) fn published(
        &self,
        now: Now,
        operation: MibOperation,
        input: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let (code, wanted) = read(input)?;
        let next = match (operation, code) {
            (MibOperation::Set | MibOperation::Create | MibOperation::Delete, _) | (_, SET) => {
                return Ok(answer(code, REFUSED, &wanted, None));
            }
            (MibOperation::Get, GET) => false,
            _ => true,
        };
        let found = if next {
            self.after(now, &wanted).ok_or_else(end)?
        } else {
            let leaf = self.exactly(now, &wanted);
            let unknown = || Refusal::invalid("no such object").at("in_snmp_id");
            (wanted, leaf.ok_or_else(unknown)?)
        };
        Ok(answer(code, 0, &found.0, Some(&found.1)))
    }

    fn exactly(&self, now: Now, wanted: &[u32]) -> Option<Leaf> {
        let rest = wanted.strip_prefix(&PREFIX)?;
        let (group, column, place) = match rest {
            [1, column, 0] => (Group::General, *column, &[0][..]),
            [table, 1, column, place @ ..] => {
                let mut groups = Group::ALL.into_iter().filter(|group| *group != Group::General);
                (groups.find(|group| *group as u32 == *table)?, *column, place)
            }
            _ => return None,
        };
        if place.len() != group.parts() || !group.columns().contains(&column) {
            return None;
        }
        let mut index = [0; 5];
        index.iter_mut().zip(place).for_each(|(to, from)| *to = *from);
        self.leaf(now, group, column, &index)
    }

    /// The first value whose identifier is above this one.
    fn after(&self, now: Now, wanted: &[u32]) -> Option<(Vec<u32>, Leaf)> {
        let columns = Group::ALL
            .into_iter()
            .flat_map(|group| group.columns().map(move |column| (group, column)));
        columns
            // No index is longer, and none of its numbers higher, so that the column is not over yet.
            .filter(|(group, column)| group.id(*column, &[u32::MAX; 5]).as_slice() > wanted)
            .find_map(|(group, column)| {
                let indexes = self.published_indexes(group);
                let above = indexes.filter(|index| group.id(column, index).as_slice() > wanted);
                let index = above.min()?;
                Some((group.id(column, &index), self.leaf(now, group, column, &index)?))
            })
    }

    fn published_indexes(&self, group: Group) -> Box<dyn Iterator<Item = Index> + '_> {
        let databases = self.process.databases();
        match group {
            Group::General => Box::new(std::iter::once(index([0]))),
            Group::Areas => Box::new(self.areas().map(|area| index([area.0]))),
            Group::Lsdb => {
                let areas = databases.areas().map(|(area, database)| (area, Some(database)));
                let all = areas.chain([(AreaId::BACKBONE, databases.get(Domain::As))]);
                Box::new(all.flat_map(|(area, database)| {
                    let published = lsas(database).filter(|[kind, ..]| *kind <= LsaType::AsExternal as u32);
                    published.map(move |[kind, id, router]| index([area.0, kind, id, router]))
                }))
            }
            Group::Ranges => Box::new(
                self.ranges()
                    .map(|(area, network, _)| index([area.0, network.to_bits()])),
            ),
            Group::Interfaces => Box::new(self.physical().map(|interface| index(place(interface)))),
            Group::VirtualInterfaces => Box::new(self.virtual_interfaces().map(|(place, _)| index(place))),
            Group::Neighbors => Box::new(
                self.neighbors()
                    .map(|(interface, neighbor)| index(neighbor_place(interface, neighbor))),
            ),
            Group::VirtualNeighbors => Box::new(
                self.virtual_interfaces()
                    .filter(|(_, interface)| !interface.neighbors.is_empty())
                    .map(|(place, _)| index(place)),
            ),
            Group::DynamicNeighbors => Box::new(
                self.neighbors()
                    .filter(|(interface, neighbor)| is_dynamic(interface, neighbor))
                    .map(|(interface, neighbor)| index(neighbor_place(interface, neighbor))),
            ),
        }
    }

    fn leaf(&self, now: Now, group: Group, column: u32, index: &Index) -> Option<Leaf> {
        match group {
            Group::General => self.general_leaf(column),
            Group::Areas => self.area_leaf(AreaId(index[0]), column),
            Group::Lsdb => self.lsa_leaf(now, column, index),
            Group::Ranges => {
                let [area, network, ..] = *index;
                let at =
                    |(of, net, _): &(AreaId, Ipv4Addr, Ipv4Addr)| (of.0, net.to_bits()) == (area, network);
                let (area, network, mask) = self.ranges().find(at)?;
                Some(Address(match column {
                    4 => area.address(),
                    5 => network,
                    _ => mask,
                }))
            }
            Group::Interfaces => interface_leaf(self.interface_at(index)?, column),
            Group::VirtualInterfaces => virtual_leaf(self.virtual_at(index)?, column),
            Group::Neighbors => {
                let (interface, neighbor) = self.neighbor_at(index)?;
                Some(match column {
                    3 => Number(neighbor_state(neighbor)),
                    4 => Address(neighbor.address),
                    5 => Address(interface.address()),
                    6 => Number(index[1]),
                    7 => Address(neighbor.router),
                    8 => Number(neighbor.options.bits().into()),
                    9 => Number(neighbor.priority.into()),
                    10 => Number(counter(neighbor.events)),
                    _ => Number(count(neighbor.unacknowledged())),
                })
            }
            Group::VirtualNeighbors => {
                let neighbor = self.virtual_at(index)?.neighbors.values().next()?;
                Some(match column {
                    3 => Address(neighbor.address),
                    4 => Number(neighbor.options.bits().into()),
                    5 => Number(neighbor_state(neighbor)),
                    6 => Number(counter(neighbor.events)),
                    _ => Number(count(neighbor.unacknowledged())),
                })
            }
            Group::DynamicNeighbors => {
                let (interface, neighbor) = self
                    .neighbor_at(index)
                    .filter(|(interface, neighbor)| is_dynamic(interface, neighbor))?;
                Some(match column {
                    1 => Number(neighbor_state(neighbor)),
                    2 => Address(neighbor.address),
                    3 => Address(interface.address()),
                    4 => Number(index[1]),
                    5 => Address(neighbor.router),
                    6 => Number(neighbor.options.bits().into()),
                    7 => Number(neighbor.priority.into()),
                    8 => Number(counter(neighbor.events)),
                    _ => Number(count(neighbor.unacknowledged())),
                })
            }
        }
    }

    fn general_leaf(&self, column: u32) -> Option<Leaf> {
        let (process, runs) = (&self.process, self.process.router().is_some());
        let hold_down = process.parameters().backoff.short.as_secs();
        Some(match column {
            // created; enabled or disabled; up or down.
            1 => Number(1),
            2 | 3 => Number(truth(runs)),
            4 => Address(process.router().unwrap_or(Ipv4Addr::UNSPECIFIED)),
            5 => Number(2),
            6 => Number(truth(process.is_border())),
            7 => Number(truth(process.is_boundary())),
            8 => Number(truth(false)),
            _ => Number(count(hold_down.clamp(1, 10))),
        })
    }

    fn area_leaf(&self, area: AreaId, column: u32) -> Option<Leaf> {
        self.areas().find(|other| *other == area)?;
        let parameters = self.process.parameters().area(area);
        let attached = self.process.is_attached(area);
        let mut configured = self.global.areas.iter().flatten();
        let authentication = configured
            .find(|configured| configured.id == area)
            .and_then(|configured| configured.authentication);
        Some(match column {
            3 => Number(truth(attached)),
            4 => Address(area.address()),
            5 => Number(match authentication.unwrap_or_default() {
                AreaAuthentication::None => 1,
                AreaAuthentication::Simple => 2,
            }),
            6 => Number(truth(parameters.kind == AreaKind::Normal)),
            7 => Number(parameters.default_cost),
            8 => Number(truth(!parameters.no_summary)),
            _ => Number(counter(self.process.route_counters().full)),
        })
    }

    fn lsa_leaf(&self, now: Now, column: u32, index: &Index) -> Option<Leaf> {
        let [area, kind, id, router, _] = *index;
        let domain = match kind {
            // Externals, which have no area, are in the backbone's rows.
            5 if area == 0 => Domain::As,
            1..=4 => Domain::Area(AreaId(area)),
            _ => return None,
        };
        let (database, slot) = self.lsa_at(domain, [kind, id, router])?;
        let header = database.header(slot, now.time)?;
        Some(match column {
            1 => Address(area.into()),
            2 => Number(kind),
            3 => Address(id.into()),
            4 => Address(router.into()),
            5 => Number(header.sequence.0 as u32),
            6 => Number(header.age.into()),
            7 => Number(header.checksum.into()),
            _ => Number(header.length.into()),
        })
    }
}

fn is_dynamic(interface: &Interface, neighbor: &Neighbor) -> bool {
    !interface.parameters.neighbors.contains_key(&neighbor.address)
}

/// Packets of each type sent and received, then those dropped: columns from `first` on.
fn packets(counters: &Counters, column: u32, first: u32) -> Option<Leaf> {
    let both = counters.sent.iter().chain(&counters.received);
    let mut all = both.chain([&counters.dropped]);
    let place = column.checked_sub(first)?;
    all.nth(place as usize).map(|count| Number(counter(*count)))
}

/// The four timers, from `first` on.
fn timer(parameters: &InterfaceParameters, place: u32) -> Leaf {
    Number(match place {
        0 => parameters.transmit_delay.into(),
        1 => count(parameters.retransmit.as_secs()),
        2 => parameters.hello_field.into(),
        3 => parameters.dead,
        _ => count(parameters.poll.as_secs()),
    })
}

fn interface_leaf(interface: &Interface, column: u32) -> Option<Leaf> {
    let parameters = &interface.parameters;
    let [address, number] = place(interface);
    Some(match column {
        3 => Number(interface_state(interface.state)),
        4 => Address(address.into()),
        5 => Number(number),
        6 => Address(parameters.area.address()),
        7 => Number(network_type(parameters.network)),
        8 => Number(parameters.priority.into()),
        9..=13 => timer(parameters, column - 9),
        14 => Address(interface.designated_router),
        15 => Address(interface.backup),
        16 => Number(parameters.cost.into()),
        17 => HIDDEN,
        18..=28 => packets(&interface.counters, column, 18)?,
        _ => Number(parameters.mtu.into()),
    })
}

fn virtual_leaf(interface: &Interface, column: u32) -> Option<Leaf> {
    let (area, router) = match interface.id {
        InterfaceId::Virtual(area, router) => (area, router),
        InterfaceId::Physical(_) => return None,
    };
    Some(match column {
        3 => Number(if interface.state == State::Down { 1 } else { 4 }),
        4 => Address(area.address()),
        5 => Address(router),
        6..=9 => timer(&interface.parameters, column - 6),
        10 => HIDDEN,
        _ => packets(&interface.counters, column, 11)?,
    })
}

/// The operation and the object identifier of a message.
fn read(input: &[u8]) -> Result<(u32, Vec<u32>), Refusal> {
    let short = |_| {
        Refusal::invalid("the query is shorter than MIB_DA_MSG")
            .with_value(input.len())
            .with_allowed(MESSAGE.to_string())
    };
    let mut reader = Reader::new(input).sub(MESSAGE).map_err(short)?;
    let code = reader.u32_le().map_err(short)?;
    reader.skip(4).map_err(short)?;
    let length = reader.u32_le().map_err(short)? as usize;
    if length >= ID_LENGTH {
        let allowed = format!("0..={}", ID_LENGTH - 1);
        return Err(Refusal::out_of_range("in_snmp_id", length, allowed));
    }
    let id = (0..length).map(|_| reader.u32_le()).collect::<Result<_, _>>();
    Ok((code, id.map_err(short)?))
}

fn answer(code: u32, result: u32, id: &[u32], leaf: Option<&Leaf>) -> Vec<u8> {
    let mut writer = Writer::with_capacity(MESSAGE);
    writer.u32_le(code).u32_le(result).u32_le(id.len() as u32);
    for number in id {
        writer.u32_le(*number);
    }
    writer.zeros(DATA - writer.len());
    match leaf {
        Some(Number(number)) => writer.u32_le(*number),
        Some(Address(address)) => writer.ipv4(*address),
        None => &mut writer,
    };
    writer.zeros(MESSAGE - writer.len());
    writer.finish()
}
