//! From databases to routes: when they are calculated, what of them changed (RFC 2328 §16, RFC 8405).

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_engine::{Now, Outbox};
use waypost_types::{NextHop, PathId, Prefix4, Route, Seed, Time};

use super::summaries::LinkStateIds;
use super::translation::Translating;
use super::{Domain, Ospf, Timer};
use crate::area::AreaId;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::{External, LsaKey, LsaType};
use crate::parameters::NetworkType;
use crate::spf::backoff::Backoff;
use crate::spf::table::{AreaView, LsaChange, Outcome, Table, View};
use crate::spf::tree::FirstHops;

/// Counters of the calculation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteCounters {
    /// Calculations of paths inside areas.
    pub full: u64,
    /// Calculations that left those as they were.
    pub partial: u64,
    /// Calculations of everything anew.
    pub anew: u64,
    /// Routes set or deleted.
    pub changes: u64,
}

/// How many calculations are remembered.
const REMEMBERED: usize = 50;
/// How many of the LSAs that caused one.
const CAUSES: usize = 4;

/// A calculation that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calculation {
    /// When.
    pub at: Time,
    /// How long it had to wait (RFC 8405).
    pub waited: Duration,
    /// Everything was calculated anew.
    pub everything: bool,
    /// Next hops of this router's own links were looked at.
    pub links: bool,
    /// LSAs that had changed, and the first of them.
    pub lsas: usize,
    /// Some of them.
    pub causes: Vec<LsaKey>,
    /// Networks whose path may have changed.
    pub networks: usize,
    /// Routes that did.
    pub routes: u64,
}

/// What calculating routes keeps.
#[derive(Debug)]
pub(super) struct Routing {
    pub(super) table: Table,
    /// What the router's own table was told.
    installed: BTreeMap<Prefix4, Route>,
    /// LSAs to be looked at when the time comes.
    changes: Vec<LsaChange>,
    /// Where links lead is to be looked at.
    links: bool,
    /// What was calculated is worth nothing any more.
    anew: bool,
    /// Something is to be looked at since the time was set.
    asked: bool,
    backoff: Backoff,
    /// When the calculation was asked for that is to be done.
    since: Option<Time>,
    log: VecDeque<Calculation>,
    counters: RouteCounters,
    /// What this router says of the outside.
    pub(super) externals: BTreeMap<Prefix4, External>,
    /// What it says of the outside of NSSAs.
    pub(super) translated: BTreeMap<Prefix4, External>,
    /// The NSSAs it translates for.
    pub(super) translators: BTreeMap<AreaId, Translating>,
    pub(super) translator_events: BTreeMap<AreaId, u32>,
    pub(super) ids: BTreeMap<(Domain, LsaType), LinkStateIds>,
}

impl Routing {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            table: Table::new(seed.child("routes")),
            installed: BTreeMap::new(),
            changes: Vec::new(),
            links: false,
            anew: false,
            asked: false,
            backoff: Backoff::default(),
            since: None,
            log: VecDeque::new(),
            counters: RouteCounters::default(),
            externals: BTreeMap::new(),
            translated: BTreeMap::new(),
            translators: BTreeMap::new(),
            translator_events: BTreeMap::new(),
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

    /// The calculations done last, the latest at the end.
    pub fn calculations(&self) -> impl DoubleEndedIterator<Item = &Calculation> {
        self.routing.log.iter()
    }

    /// An LSA came, went or says something else; before, it was about a network with this mask.
    pub(super) fn note_routes(&mut self, domain: Domain, key: LsaKey, mask: Option<Ipv4Addr>) {
        let area = match domain {
            Domain::Area(area) => Some(area),
            Domain::As => None,
            Domain::Link(_) => return,
        };
        if matches!(
            key.kind,
            LsaType::OpaqueLink | LsaType::OpaqueArea | LsaType::OpaqueAs
        ) {
            return;
        }
        let routing = &mut self.routing;
        routing.asked = true;
        // Who keeps changing things while routes wait is not to fill the memory with it.
        routing.anew |= routing.changes.len() > 2 * self.databases.len() + 1024;
        if routing.anew {
            routing.changes.clear();
        } else {
            routing.changes.push(LsaChange { area, key, mask });
        }
    }

    /// Next hops changed without any LSA.
    pub(super) fn reconsider(&mut self) {
        (self.routing.asked, self.routing.links) = (true, true);
    }

    /// A database is gone as a whole.
    pub(super) fn calculate_anew(&mut self) {
        self.routing.anew = true;
        self.reconsider();
    }

    /// Looks at what changed and sets the time of the calculation; if that is now, calculates. Whether it did.
    pub(super) fn plan_calculation(&mut self, now: Now, out: &mut Outbox) -> bool {
        if !std::mem::take(&mut self.routing.asked) || self.stopped {
            return false;
        }
        self.routing.since.get_or_insert(now.time);
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

    /// Calculates without waiting if there is anything to look at. Whether it did.
    pub(super) fn calculate_if_asked(&mut self, now: Now, out: &mut Outbox) -> bool {
        if !std::mem::take(&mut self.routing.asked) || self.stopped {
            return false;
        }
        self.routing.since.get_or_insert(now.time);
        let _ = self.routing.backoff.event(now.time, &self.parameters.backoff);
        self.timers.cancel(&Timer::Calculate);
        self.calculate(now, out);
        true
    }

    /// Calculates what is to be calculated, and says what changed.
    pub(super) fn calculate(&mut self, now: Now, out: &mut Outbox) {
        let changes = std::mem::take(&mut self.routing.changes);
        let links = std::mem::take(&mut self.routing.links);
        let anew = std::mem::take(&mut self.routing.anew);
        let mut table = std::mem::replace(&mut self.routing.table, Table::new(self.seed));
        let outcome = match self.view() {
            Some(view) if anew => table.calculate(&view),
            Some(view) => table.update(&view, &changes),
            None => {
                table = Table::new(self.seed.child("routes"));
                Outcome {
                    everything: true,
                    ..Outcome::default()
                }
            }
        };
        self.routing.table = table;
        self.look_at_virtual_links(now, out);
        let inside = |change: &LsaChange| matches!(change.key.kind, LsaType::Router | LsaType::Network);
        let counters = &mut self.routing.counters;
        if links || outcome.everything || changes.iter().any(inside) {
            counters.full += 1;
        } else {
            counters.partial += 1;
        }
        counters.anew += u64::from(outcome.everything);
        let before = counters.changes;
        // RFC 3623 §2.2 (2): while this router restarts, packets follow the routes of its earlier life.
        if !self.restarts() {
            self.install(&outcome, out);
        }
        let since = self.routing.since.take();
        self.remember(Calculation {
            at: now.time,
            waited: since.map_or(Duration::ZERO, |since| now.time.since(since)),
            everything: outcome.everything,
            links,
            lsas: changes.len(),
            causes: changes.iter().take(CAUSES).map(|change| change.key).collect(),
            networks: outcome.networks.len(),
            routes: self.routing.counters.changes - before,
        });
        self.summarise(now, &outcome, out);
        self.translate(now, out);
    }

    fn remember(&mut self, calculation: Calculation) {
        let log = &mut self.routing.log;
        if log.len() >= REMEMBERED {
            log.pop_front();
        }
        log.push_back(calculation);
    }

    /// Tells the router's own table what changed.
    fn install(&mut self, outcome: &Outcome, out: &mut Outbox) {
        let Routing {
            table,
            installed,
            counters,
            ..
        } = &mut self.routing;
        let preference = self.parameters.preference;
        if outcome.everything {
            let gone: Vec<Prefix4> = installed
                .keys()
                .filter(|prefix| table.path(**prefix).is_none())
                .copied()
                .collect();
            for prefix in gone {
                tell(installed, counters, prefix, None, out);
            }
            for (prefix, path) in table.all() {
                tell(installed, counters, prefix, table.route(&path, preference), out);
            }
            return;
        }
        for prefix in &outcome.networks {
            let route = table
                .path(*prefix)
                .and_then(|path| table.route(&path, preference));
            tell(installed, counters, *prefix, route, out);
        }
    }

    pub(crate) fn view(&self) -> Option<View<'_>> {
        let router = self.router?;
        let areas = self.attached_areas().into_iter().filter_map(|area| {
            Some(AreaView {
                area,
                kind: self.parameters.area(area).kind,
                no_summary: self.parameters.area(area).no_summary,
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
        let virtual_links = self
            .interfaces
            .values()
            .filter_map(|interface| match interface.id {
                InterfaceId::Virtual(area, router) if interface.attaches() => Some((area, router)),
                _ => None,
            });
        let addresses = self.interfaces.values();
        Some(View {
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
            virtual_links: virtual_links.collect(),
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

/// Tells of one network's route, if it is another one than was told before.
fn tell(
    installed: &mut BTreeMap<Prefix4, Route>,
    counters: &mut RouteCounters,
    prefix: Prefix4,
    route: Option<Route>,
    out: &mut Outbox,
) {
    if installed.get(&prefix) == route.as_ref() {
        return;
    }
    counters.changes += 1;
    match route {
        Some(route) => {
            out.set_route(prefix, PathId(0), route.clone());
            installed.insert(prefix, route);
        }
        None => {
            out.delete_route(prefix, PathId(0));
            installed.remove(&prefix);
        }
    }
}
