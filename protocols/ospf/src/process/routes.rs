//! From databases to routes: when they are calculated, what of them changed (RFC 2328 §16, RFC 8405).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox};
use waypost_types::{NextHop, PathId, Prefix4, Route, Seed};

use super::summaries::LinkStateIds;
use super::{Domain, Ospf, Timer};
use crate::area::AreaId;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::{External, LsaType};
use crate::parameters::NetworkType;
use crate::spf::backoff::Backoff;
use crate::spf::table::{AreaView, Table, View};
use crate::spf::tree::FirstHops;

/// How much is to be calculated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// Nothing.
    #[default]
    Nothing,
    /// What the outside says (§16.6).
    Externals,
    /// And what other areas say (§16.5).
    Summaries,
    /// Everything.
    Everything,
}

/// Counters of the calculation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteCounters {
    /// Calculations of everything.
    pub full: u64,
    /// Calculations that left the trees as they were.
    pub partial: u64,
    /// Routes set or deleted.
    pub changes: u64,
}

/// What calculating routes keeps.
#[derive(Debug)]
pub(super) struct Routing {
    pub(super) table: Table,
    /// What the router's own table was told.
    installed: BTreeMap<Prefix4, Route>,
    /// What is to be calculated when the time comes.
    extent: Extent,
    /// What was asked for since that was looked at.
    asked: Extent,
    backoff: Backoff,
    counters: RouteCounters,
    /// What this router says of the outside.
    pub(super) externals: BTreeMap<Prefix4, External>,
    /// What it says of the outside of NSSAs.
    pub(super) translated: BTreeMap<Prefix4, External>,
    pub(super) ids: BTreeMap<(Domain, LsaType), LinkStateIds>,
}

impl Routing {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            table: Table::new(seed.child("routes")),
            installed: BTreeMap::new(),
            extent: Extent::Nothing,
            asked: Extent::Nothing,
            backoff: Backoff::default(),
            counters: RouteCounters::default(),
            externals: BTreeMap::new(),
            translated: BTreeMap::new(),
            ids: BTreeMap::new(),
        }
    }
}

impl Ospf {
    /// The routing table (RFC 2328 §11).
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.routing.table
    }

    /// The routes the router's own table was told.
    #[must_use]
    pub const fn routes(&self) -> &BTreeMap<Prefix4, Route> {
        &self.routing.installed
    }

    /// Counters of the calculation.
    #[must_use]
    pub const fn route_counters(&self) -> RouteCounters {
        self.routing.counters
    }

    /// Next hops changed without any LSA.
    pub(super) fn reconsider(&mut self) {
        self.routing.asked = Extent::Everything;
    }

    /// Looks at what changed and sets the time of the calculation; if that is now, calculates. Whether it did.
    pub(super) fn plan_calculation(&mut self, now: Now, out: &mut Outbox) -> bool {
        let changes = std::mem::take(&mut self.changes);
        if self.stopped {
            return false;
        }
        let changed = changes.iter().map(|(_, key)| extent(key.kind)).max();
        let asked = std::mem::take(&mut self.routing.asked).max(changed.unwrap_or_default());
        if asked == Extent::Nothing {
            return false;
        }
        self.routing.extent = self.routing.extent.max(asked);
        let delay = self.routing.backoff.event(now.time, &self.parameters.backoff);
        if self.timers.get(&Timer::Calculate).is_some() {
            return false;
        }
        if delay.is_zero() {
            self.calculate(now, out);
            return true;
        }
        self.timers.set(Timer::Calculate, now.time + delay);
        false
    }

    /// Calculates what is to be calculated, and says what changed.
    pub(super) fn calculate(&mut self, now: Now, out: &mut Outbox) {
        let extent = std::mem::take(&mut self.routing.extent);
        let mut table = std::mem::replace(&mut self.routing.table, Table::new(self.seed));
        if let Some(view) = self.view(now) {
            match extent {
                Extent::Everything => table.calculate(&view),
                Extent::Summaries => table.calculate_summaries(&view),
                Extent::Externals | Extent::Nothing => table.calculate_externals(&view),
            }
        } else {
            table = Table::new(self.seed.child("routes"));
        }
        self.routing.table = table;
        let counters = &mut self.routing.counters;
        if extent == Extent::Everything {
            counters.full += 1;
        } else {
            counters.partial += 1;
        }
        self.install(out);
        if extent >= Extent::Summaries {
            self.summarise(now, out);
        }
        self.translate(now, out);
    }

    /// Tells the router's own table what changed: one walk over both, in the order of networks.
    fn install(&mut self, out: &mut Outbox) {
        let table = &self.routing.table;
        let mut wanted = BTreeMap::new();
        for (prefix, path) in table.all() {
            if let Some(route) = table.route(path, self.parameters.preference) {
                wanted.insert(prefix, route);
            }
        }
        let old = std::mem::take(&mut self.routing.installed);
        for prefix in old.keys() {
            if !wanted.contains_key(prefix) {
                out.delete_route(*prefix, PathId(0));
                self.routing.counters.changes += 1;
            }
        }
        for (prefix, route) in &wanted {
            if old.get(prefix) != Some(route) {
                out.set_route(*prefix, PathId(0), route.clone());
                self.routing.counters.changes += 1;
            }
        }
        self.routing.installed = wanted;
    }

    fn view(&self, now: Now) -> Option<View<'_>> {
        let router = self.router?;
        let areas = self.attached_areas().into_iter().filter_map(|area| {
            Some(AreaView {
                area,
                kind: self.parameters.area(area).kind,
                database: self.databases.get(Domain::Area(area))?,
                first: self.first_hops(area),
            })
        });
        let areas: Vec<_> = areas.collect();
        let border = self.is_border();
        let ranges = areas
            .iter()
            .filter(|_| border)
            .flat_map(|view| &self.parameters.area(view.area).ranges)
            .map(|range| range.prefix)
            .collect();
        let addresses = self.interfaces.values();
        Some(View {
            now: now.time,
            router,
            areas,
            external: self.databases.get(Domain::As)?,
            border,
            rfc1583: self.parameters.rfc1583,
            limit: self.parameters.maximum_paths.into(),
            addresses: addresses
                .filter_map(|interface| interface.attachment.address)
                .collect(),
            ranges,
        })
    }

    /// Where the links of this router in an area lead.
    fn first_hops(&self, area: AreaId) -> FirstHops {
        let mut first = FirstHops::default();
        let interfaces = self.interfaces.values();
        for interface in interfaces.filter(|interface| interface.parameters.area == area) {
            let InterfaceId::Physical(index) = interface.id else {
                continue;
            };
            let networks = interface
                .attachment
                .prefix
                .iter()
                .chain(&interface.attachment.others);
            first.stubs.extend(networks.map(|prefix| (*prefix, index)));
            let full = || {
                interface
                    .neighbors
                    .values()
                    .filter(|neighbor| neighbor.counts_as_adjacent())
            };
            if interface.parameters.network.has_election() {
                if full().next().is_some() {
                    first.networks.insert(interface.address(), index);
                }
                continue;
            }
            for neighbor in full() {
                let hop = NextHop {
                    onlink: !on_network(interface, neighbor.address),
                    ..NextHop::via(neighbor.address.into(), index)
                };
                first
                    .routers
                    .entry((neighbor.router, link_data(interface)))
                    .or_default()
                    .push(hop);
            }
        }
        first
    }
}

fn on_network(interface: &Interface, address: Ipv4Addr) -> bool {
    interface
        .attachment
        .prefix
        .is_some_and(|prefix| prefix.contains(address))
}

/// Link Data of links to routers on an interface: its address, or its number where it has none of its own
/// (RFC 2328 §12.4.1.1).
pub(super) fn link_data(interface: &Interface) -> Ipv4Addr {
    let unnumbered =
        interface.parameters.network == NetworkType::PointToPoint && interface.attachment.prefix.is_none();
    match interface.id.index().filter(|_| unnumbered) {
        Some(index) => Ipv4Addr::from_bits(index.0),
        None => interface.address(),
    }
}

fn extent(kind: LsaType) -> Extent {
    match kind {
        LsaType::Router | LsaType::Network => Extent::Everything,
        LsaType::Summary | LsaType::AsbrSummary => Extent::Summaries,
        LsaType::AsExternal | LsaType::Nssa => Extent::Externals,
        LsaType::OpaqueLink | LsaType::OpaqueArea | LsaType::OpaqueAs => Extent::Nothing,
    }
}
