//! The rows of RFC 4750: its columns in its order and numbers, without RowStatus and what is obsolete.

use std::net::Ipv4Addr;

use waypost_engine::Now;
use waypost_types::Prefix4;
use waypost_wire::Writer;

use super::{Address, Index, Number, Table, index, lsas, neighbor_place, place};
use crate::area::AreaId;
use crate::engine::OspfEngine;
use crate::interface::machine::State as InterfaceState;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::LsaType;
use crate::lsa::body::RouterFlags;
use crate::neighbor::Neighbor;
use crate::neighbor::help::{Exit, Help};
use crate::parameters::{AreaKind, NetworkType, TranslatorRole};
use crate::process::{Domain, Restart, RestartExit};
use crate::spf::table::PathType;

/// TruthValue (RFC 2579).
pub(super) const fn truth(value: bool) -> u32 {
    if value { 1 } else { 2 }
}

/// ospfIfState.
pub(super) const fn interface_state(state: InterfaceState) -> u32 {
    match state {
        InterfaceState::Down => 1,
        InterfaceState::Loopback => 2,
        InterfaceState::Waiting => 3,
        InterfaceState::PointToPoint => 4,
        InterfaceState::Dr => 5,
        InterfaceState::Backup => 6,
        InterfaceState::DrOther => 7,
    }
}

/// ospfIfType. Loopbacks, which it has no number for, are point-to-point links.
pub(super) const fn network_type(network: NetworkType) -> u32 {
    match network {
        NetworkType::Broadcast => 1,
        NetworkType::NonBroadcast => 2,
        NetworkType::PointToPoint | NetworkType::Loopback => 3,
        NetworkType::PointToMultipoint | NetworkType::PointToMultipointNonBroadcast => 5,
    }
}

/// ospfNbrState: the states in their order.
pub(super) fn neighbor_state(neighbor: &Neighbor) -> u32 {
    neighbor.state as u32 + 1
}

/// Counters and gauges of 32 bits.
pub(super) fn count(count: impl TryInto<u32>) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}

/// What counts on for ever comes round.
pub(super) const fn counter(counter: u64) -> u32 {
    counter as u32
}

impl OspfEngine {
    /// The indexes of a table's rows, in no order.
    pub(super) fn indexes(&self, table: Table) -> Box<dyn Iterator<Item = Index> + '_> {
        let databases = self.process.databases();
        match table {
            Table::General => Box::new(std::iter::once(index([]))),
            Table::Areas => Box::new(self.areas().map(|area| index([area.0]))),
            // Type of service 0 is the only one (RFC 2328 removed the others).
            Table::StubAreas => Box::new(
                self.areas()
                    .filter(|area| self.process.parameters().area(*area).kind != AreaKind::Normal)
                    .map(|area| index([area.0, 0])),
            ),
            Table::AreaLsas => Box::new(databases.areas().flat_map(|(area, database)| {
                lsas(Some(database)).map(move |[kind, id, router]| index([area.0, kind, id, router]))
            })),
            Table::AreaLsaCounts => Box::new(databases.areas().flat_map(|(area, database)| {
                let kinds = LsaType::ALL.into_iter().filter(|kind| database.count(*kind) > 0);
                kinds.map(move |kind| index([area.0, kind as u32]))
            })),
            Table::Aggregates => Box::new(self.aggregates().map(|(index, ..)| index)),
            Table::Interfaces => Box::new(self.physical().map(|interface| index(place(interface)))),
            Table::InterfaceMetrics => Box::new(self.physical().map(|interface| {
                let [address, number] = place(interface);
                index([address, number, 0])
            })),
            Table::VirtualInterfaces => Box::new(self.virtual_interfaces().map(|(place, _)| index(place))),
            Table::Neighbors => Box::new(
                self.neighbors()
                    .map(|(interface, neighbor)| index(neighbor_place(interface, neighbor))),
            ),
            Table::VirtualNeighbors => Box::new(
                self.virtual_interfaces()
                    .filter(|(_, interface)| !interface.neighbors.is_empty())
                    .map(|(place, _)| index(place)),
            ),
            Table::AsLsas => Box::new(lsas(databases.get(Domain::As)).map(index)),
            Table::LinkLsas => Box::new(self.physical().flat_map(move |interface| {
                let [address, number] = place(interface);
                lsas(databases.get(Domain::Link(interface.id)))
                    .map(move |[kind, id, router]| index([address, number, kind, id, router]))
            })),
            Table::VirtualLinkLsas => Box::new(self.virtual_interfaces().flat_map(
                move |([area, neighbor], interface)| {
                    lsas(databases.get(Domain::Link(interface.id)))
                        .map(move |[kind, id, router]| index([area, neighbor, kind, id, router]))
                },
            )),
        }
    }

    /// The table's number, the index, the columns behind it; `None`: there is no such row.
    pub(super) fn row(&self, now: Now, table: Table, index: Index) -> Option<Vec<u8>> {
        let mut writer = Writer::new();
        writer.u32_le(table as u32);
        for (number, part) in index.iter().zip(table.parts()) {
            match part {
                Number => writer.u32_le(*number),
                Address => writer.ipv4((*number).into()),
            };
        }
        let [a, b, c, d, e] = index;
        let out = &mut writer;
        match table {
            Table::General => self.general(now, out),
            Table::Areas => self.area_row(AreaId(a), out)?,
            Table::StubAreas => self.stub_row(AreaId(a), b, out)?,
            Table::AreaLsas => self.lsa_row(now, Domain::Area(AreaId(a)), [b, c, d], out)?,
            Table::AreaLsaCounts => {
                let database = self.process.databases().get(Domain::Area(AreaId(a)))?;
                let lsas = database.count(LsaType::read(u8::try_from(b).ok()?)?);
                out.u32_le(Some(lsas).filter(|lsas| *lsas > 0)?);
            }
            Table::Aggregates => {
                let (_, advertise, tag) = self.aggregates().find(|(other, ..)| *other == index)?;
                // advertiseMatching, doNotAdvertiseMatching.
                out.u32_le(truth(advertise)).u32_le(tag);
            }
            Table::Interfaces => self.interface_row(self.interface_at(&index)?, out),
            Table::InterfaceMetrics => {
                let interface = self.interface_at(&index).filter(|_| c == 0)?;
                out.u32_le(interface.parameters.cost.into());
            }
            Table::VirtualInterfaces => self.virtual_row(self.virtual_at(&index)?, out),
            Table::Neighbors => {
                let (interface, neighbor) = self.neighbor_at(&index)?;
                let configured = interface.parameters.neighbors.contains_key(&neighbor.address);
                out.ipv4(neighbor.router)
                    .u32_le(neighbor.options.bits().into())
                    .u32_le(neighbor.priority.into())
                    .u32_le(neighbor_state(neighbor))
                    .u32_le(counter(neighbor.events))
                    .u32_le(count(neighbor.unacknowledged()))
                    // dynamic, permanent.
                    .u32_le(if configured { 2 } else { 1 })
                    .u32_le(truth(false));
                help(neighbor, now, out);
            }
            Table::VirtualNeighbors => {
                let neighbor = self.virtual_at(&index)?.neighbors.values().next()?;
                out.ipv4(neighbor.address)
                    .u32_le(neighbor.options.bits().into())
                    .u32_le(neighbor_state(neighbor))
                    .u32_le(counter(neighbor.events))
                    .u32_le(count(neighbor.unacknowledged()))
                    .u32_le(truth(false));
                help(neighbor, now, out);
            }
            Table::AsLsas => self.lsa_row(now, Domain::As, [a, b, c], out)?,
            Table::LinkLsas => {
                let id = self.interface_at(&index)?.id;
                self.lsa_row(now, Domain::Link(id), [c, d, e], out)?;
            }
            Table::VirtualLinkLsas => {
                let id = InterfaceId::Virtual(AreaId(a), b.into());
                self.lsa_row(now, Domain::Link(id), [c, d, e], out)?;
            }
        }
        Some(writer.finish())
    }

    /// ospfGeneralGroup.
    fn general(&self, now: Now, out: &mut Writer) {
        let (process, databases) = (&self.process, self.process.databases());
        let (parameters, counters) = (process.parameters(), process.counters());
        let external = databases.get(Domain::As);
        let externals = external.map_or(0, |database| database.count(LsaType::AsExternal));
        let opaque = external.map_or(0, |database| database.count(LsaType::OpaqueAs));
        let grace = parameters.grace_period.map_or(0, |period| period.as_secs());
        // ospfRestartStatus: notRestarting, unplannedRestart; what is left of it; ospfRestartExitReason.
        let (status, age, exit) = match process.restart() {
            Restart::No => (1, 0, 1),
            Restart::Until(until) => (3, until.since(now.time).as_secs(), 2),
            Restart::Ended(RestartExit::Completed) => (1, 0, 3),
            Restart::Ended(RestartExit::TimedOut) => (1, 0, 4),
            Restart::Ended(RestartExit::TopologyChanged | RestartExit::Abandoned) => (1, 0, 5),
        };
        // In kilobits a second.
        let reference = self
            .global
            .reference_bandwidth
            .unwrap_or_default()
            .saturating_mul(1000);
        let sum = external.map_or(0, |database| database.checksum_sum());
        out.ipv4(process.router().unwrap_or(Ipv4Addr::UNSPECIFIED))
            .u32_le(truth(process.router().is_some()))
            .u32_le(2)
            .u32_le(truth(process.is_border()))
            .u32_le(truth(process.is_boundary()))
            // The sum is that of all LSAs of this scope, opaque ones among them.
            .u32_le(externals)
            .u32_le(sum)
            .u32_le(truth(false))
            .u32_le(counter(counters.originated))
            .u32_le(counter(counters.received))
            // No limit for externals alone, no multicast forwarding, no such interval, no demand circuits.
            .u32_le(u32::MAX)
            .u32_le(0)
            .u32_le(0)
            .u32_le(truth(false))
            .u32_le(truth(parameters.rfc1583))
            .u32_le(truth(parameters.opaque))
            .u32_le(reference)
            // ospfRestartSupport: none, plannedAndUnplanned.
            .u32_le(if parameters.grace_period.is_some() { 3 } else { 1 })
            .u32_le(count(grace))
            .u32_le(truth(parameters.strict_lsa_checking))
            .u32_le(status)
            .u32_le(count(age))
            .u32_le(exit)
            .u32_le(externals + opaque)
            .u32_le(sum)
            // ospfStubRouterAdvertisement: doNotAdvertise, advertise.
            .u32_le(truth(true))
            .u32_le(if process.is_stub_router() { 2 } else { 1 })
            // ospfDiscontinuityTime: hundredths of a second of the router's own time.
            .u32_le(counter(self.started.0 / 10_000_000));
    }

    /// ospfAreaEntry.
    fn area_row(&self, area: AreaId, out: &mut Writer) -> Option<()> {
        self.areas().find(|other| *other == area)?;
        let parameters = self.process.parameters().area(area);
        let database = self.process.databases().get(Domain::Area(area));
        let flagged = |flag: RouterFlags| {
            let routers = self.process.table().routers().iter();
            count(
                routers
                    .filter(|((_, of), path)| {
                        *of == area && path.kind == PathType::IntraArea && path.flags.contains(flag)
                    })
                    .count(),
            )
        };
        // ospfAreaNssaTranslatorRole: always, candidate; -State: enabled, elected, disabled.
        let always = parameters.nssa.role == TranslatorRole::Always;
        let state = match (self.process.translates_for(area), always) {
            (true, true) => 1,
            (true, false) => 2,
            (false, _) => 3,
        };
        out.u32_le(import(parameters.kind))
            .u32_le(counter(self.process.route_counters().full))
            .u32_le(flagged(RouterFlags::BORDER))
            .u32_le(flagged(RouterFlags::EXTERNAL))
            .u32_le(count(database.map_or(0, |database| database.len())))
            .u32_le(database.map_or(0, |database| database.checksum_sum()))
            // noAreaSummary, sendAreaSummary.
            .u32_le(if parameters.no_summary { 1 } else { 2 })
            .u32_le(if always { 1 } else { 2 })
            .u32_le(state)
            .u32_le(count(parameters.nssa.stability.as_secs()))
            .u32_le(self.process.translator_events(area));
        Some(())
    }

    /// ospfStubAreaEntry.
    fn stub_row(&self, area: AreaId, service: u32, out: &mut Writer) -> Option<()> {
        let parameters = self.process.parameters().area(area);
        if parameters.kind == AreaKind::Normal || service != 0 {
            return None;
        }
        self.areas().find(|other| *other == area)?;
        let metric_type = match parameters.nssa.default_type_2 {
            Some(true) if parameters.kind == AreaKind::Nssa && !parameters.no_summary => 3,
            Some(false) if parameters.kind == AreaKind::Nssa && !parameters.no_summary => 2,
            _ => 1,
        };
        out.u32_le(parameters.default_cost).u32_le(metric_type);
        Some(())
    }

    /// ospfAreaAggregateEntry: the ranges of summaries and of the externals of NSSAs; whether they are said, and their tag.
    fn aggregates(&self) -> impl Iterator<Item = (Index, bool, u32)> + '_ {
        let areas = self.process.parameters().areas.iter();
        areas.flat_map(|(area, parameters)| {
            let at = move |kind: LsaType, prefix: Prefix4| {
                let network = prefix.network().to_bits();
                index([area.0, kind as u32, network, prefix.netmask().to_bits()])
            };
            let ranges = parameters.ranges.iter();
            let ranges = ranges.map(move |range| (at(LsaType::Summary, range.prefix), range.advertise, 0));
            let external = parameters.nssa.ranges.iter();
            ranges.chain(
                external.map(move |range| (at(LsaType::Nssa, range.prefix), range.advertise, range.tag)),
            )
        })
    }

    /// ospfIfEntry.
    fn interface_row(&self, interface: &Interface, out: &mut Writer) {
        let parameters = &interface.parameters;
        let router = |address: Ipv4Addr| {
            let mut neighbors = interface.neighbors.values();
            match neighbors.find(|neighbor| neighbor.address == address) {
                _ if address.is_unspecified() => address,
                Some(neighbor) => neighbor.router,
                None if address == interface.address() => {
                    self.process.router().unwrap_or(Ipv4Addr::UNSPECIFIED)
                }
                None => Ipv4Addr::UNSPECIFIED,
            }
        };
        let links = self.process.databases().get(Domain::Link(interface.id));
        out.ipv4(parameters.area.address())
            .u32_le(network_type(parameters.network))
            .u32_le(truth(interface.state > InterfaceState::Down))
            .u32_le(parameters.priority.into())
            .u32_le(parameters.transmit_delay.into())
            .u32_le(count(parameters.retransmit.as_secs()))
            .u32_le(parameters.hello_field.into())
            .u32_le(parameters.dead)
            .u32_le(count(parameters.poll.as_secs()))
            .u32_le(interface_state(interface.state))
            .ipv4(interface.designated_router)
            .ipv4(interface.backup)
            .u32_le(counter(interface.counters.events))
            // Keys read as nothing (rras-blocks P-110): ospfIfAuthKey is not there. Multicast forwarding is blocked (1), and there
            // are no demand circuits.
            .u32_le(1)
            .u32_le(truth(false))
            .u32_le(u32::from(parameters.authentication.method.number()))
            .u32_le(count(links.map_or(0, |database| database.len())))
            .u32_le(links.map_or(0, |database| database.checksum_sum()))
            .ipv4(router(interface.designated_router))
            .ipv4(router(interface.backup));
    }

    /// ospfVirtIfEntry.
    fn virtual_row(&self, interface: &Interface, out: &mut Writer) {
        let parameters = &interface.parameters;
        let links = self.process.databases().get(Domain::Link(interface.id));
        out.u32_le(parameters.transmit_delay.into())
            .u32_le(count(parameters.retransmit.as_secs()))
            .u32_le(parameters.hello_field.into())
            .u32_le(parameters.dead)
            .u32_le(interface_state(interface.state))
            .u32_le(counter(interface.counters.events))
            .u32_le(u32::from(parameters.authentication.method.number()))
            .u32_le(count(links.map_or(0, |database| database.len())))
            .u32_le(links.map_or(0, |database| database.checksum_sum()));
    }

    /// The columns of an LSA: ospfLsdbEntry, ospfAsLsdbEntry and those of links.
    fn lsa_row(&self, now: Now, domain: Domain, key: [u32; 3], out: &mut Writer) -> Option<()> {
        let (database, slot) = self.lsa_at(domain, key)?;
        let header = database.header(slot, now.time)?;
        out.u32_le(header.sequence.0 as u32)
            .u32_le(header.age.into())
            .u32_le(header.checksum.into())
            .u32_le(header.length.into());
        database.write(slot, now.time, 0, out);
        Some(())
    }
}

/// ImportAsExtern: importExternal, importNoExternal, importNssa.
const fn import(kind: AreaKind) -> u32 {
    match kind {
        AreaKind::Normal => 1,
        AreaKind::Stub => 2,
        AreaKind::Nssa => 3,
    }
}

/// ospfNbrRestartHelperStatus, -Age and -ExitReason.
fn help(neighbor: &Neighbor, now: Now, out: &mut Writer) {
    let (status, age, exit) = match neighbor.help {
        Help::Never => (1, 0, 1),
        Help::Until(until) => (2, until.since(now.time).as_secs(), 2),
        Help::Ended(Exit::Completed) => (1, 0, 3),
        Help::Ended(Exit::TimedOut) => (1, 0, 4),
        Help::Ended(_) => (1, 0, 5),
    };
    out.u32_le(status).u32_le(count(age)).u32_le(exit);
}
