//! The routing table (RFC 2328 §11, §16): what areas, summaries and externals come to.
//!
//! It is brought along with the databases: what an LSA changes is looked at, and what depends on that, and nothing else
//! (§16.5, §16.6, and the same for what is inside an area). Another way to see it all, a change of this router's areas or
//! addresses for one, begins anew.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use smallvec::SmallVec;
use waypost_types::{MAX_NEXT_HOPS, NextHop, NextHops, Prefix4, Route, RouteKind, Seed};

use super::area::AreaPaths;
pub use super::area::{AreaView, VirtualEnd};
use super::boundary::Routers;
use super::graph::Vertex;
use super::hops::{HopSets, SetId};
use super::inside::{Inside, Said};
use super::outside::{Outside, ViaKey};
pub use super::path::{Path, PathType, RouterPath};
use crate::area::AreaId;
use crate::database::Database;
use crate::lsa::{Body, External, LS_INFINITY, LsaKey, LsaType};
use crate::options::Options;
use crate::parameters::AreaKind;

/// What routes are calculated from.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// This router.
    pub router: Ipv4Addr,
    /// Areas with interfaces that work.
    pub areas: Vec<AreaView<'a>>,
    /// The AS-external-LSAs.
    pub external: &'a Database,
    /// Whether this is an area border router.
    pub border: bool,
    /// RFC1583Compatibility (RFC 2328 C.1).
    pub rfc1583: bool,
    /// The most next hops of one route.
    pub limit: usize,
    /// This router's addresses: where it would send packets to itself.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// Networks this router sums areas up to, whose parts others may not say (§16.2 (3)).
    pub ranges: BTreeSet<Prefix4>,
    /// Virtual links with a neighbour: the area they lead through, and the router.
    pub virtual_links: BTreeSet<(AreaId, Ipv4Addr)>,
}

/// What a [`View`] has beside databases and first hops. With another one everything is calculated anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    router: Option<Ipv4Addr>,
    pub(super) areas: BTreeMap<AreaId, AreaKind>,
    /// Areas without summaries.
    no_summary: BTreeSet<AreaId>,
    border: bool,
    pub(super) rfc1583: bool,
    limit: usize,
    pub(super) addresses: BTreeSet<Ipv4Addr>,
    pub(super) ranges: BTreeSet<Prefix4>,
}

impl Settings {
    fn of(view: &View<'_>) -> Self {
        Self {
            router: Some(view.router),
            areas: view.areas.iter().map(|area| (area.area, area.kind)).collect(),
            no_summary: view
                .areas
                .iter()
                .filter(|area| area.no_summary)
                .map(|area| area.area)
                .collect(),
            border: view.border,
            rfc1583: view.rfc1583,
            limit: view.limit,
            addresses: view.addresses.clone(),
            ranges: view.ranges.clone(),
        }
    }

    /// Whether a default route that is said in an NSSA counts: for a border router not, if it is for the area alone, or if the
    /// area hears of the rest from border routers only (RFC 3101 §2.5 (3)).
    fn reads_default(&self, area: AreaId, options: Options) -> bool {
        !self.border || (options.contains(Options::NSSA) && !self.no_summary.contains(&area))
    }

    /// Whether the summaries of an area count: for border routers only those of the backbone do (§16.2).
    pub(super) fn reads_summaries(&self, area: AreaId) -> bool {
        !self.border || area.is_backbone()
    }
}

/// The areas, as networks and routers beyond them see them.
pub(super) struct Areas<'a> {
    pub(super) settings: &'a Settings,
    pub(super) paths: &'a BTreeMap<AreaId, AreaPaths>,
    pub(super) transit: &'a BTreeSet<AreaId>,
}

impl Areas<'_> {
    /// How the border router that says something is reached, in its area.
    pub(super) fn border(&self, said: &Said) -> Option<(u32, SetId)> {
        self.paths.get(&said.area)?.border(said.border)
    }
}

/// An LSA that came, went or says something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LsaChange {
    /// The area whose database has it; `None`: that of the autonomous system.
    pub area: Option<AreaId>,
    /// Which LSA.
    pub key: LsaKey,
    /// The mask of the network it was about, if it was about one.
    pub mask: Option<Ipv4Addr>,
}

/// What is other than it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Everything was calculated anew: anything may be other than it was.
    pub everything: bool,
    /// Networks whose path is another one, or may be.
    pub networks: BTreeSet<Prefix4>,
    /// Routers whose path in some area is another one.
    pub routers: BTreeSet<Ipv4Addr>,
}

/// The routing table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Sets of next hops.
    pub sets: HopSets,
    settings: Settings,
    areas: BTreeMap<AreaId, AreaPaths>,
    transit: BTreeSet<AreaId>,
    routers: Routers,
    inside: Inside,
    outside: Outside,
    /// Sets there were when everything was calculated last.
    sets_then: usize,
    seed: Seed,
}

/// So many sets may gather before the old ones are dropped, by calculating everything anew.
const SPARE_SETS: usize = 4096;

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            sets: HopSets::new(seed, MAX_NEXT_HOPS),
            settings: Settings::default(),
            areas: BTreeMap::new(),
            transit: BTreeSet::new(),
            routers: Routers::default(),
            inside: Inside::default(),
            outside: Outside::default(),
            sets_then: 0,
            seed,
        }
    }

    /// Calculates what the changes of LSAs, and of where this router's links lead, come to (§16).
    pub fn update(&mut self, view: &View<'_>, changes: &[LsaChange]) -> Outcome {
        let settings = Settings::of(view);
        if settings != self.settings || self.sets.count() > 2 * self.sets_then + SPARE_SETS {
            return self.calculate(view);
        }
        self.read(view, changes);
        self.settle()
    }

    /// Calculates everything anew.
    pub fn calculate(&mut self, view: &View<'_>) -> Outcome {
        *self = Self::new(self.seed);
        self.sets = HopSets::new(self.seed, view.limit);
        self.settings = Settings::of(view);
        let external = view.external.slots().filter_map(|slot| view.external.key(slot));
        let mut all: Vec<LsaChange> = external
            .map(|key| LsaChange {
                area: None,
                key,
                mask: None,
            })
            .collect();
        for AreaView { area, database, .. } in &view.areas {
            let keys = database.slots().filter_map(|slot| database.key(slot));
            all.extend(keys.map(|key| LsaChange {
                area: Some(*area),
                key,
                mask: None,
            }));
        }
        self.read(view, &all);
        let outcome = self.settle();
        self.sets_then = self.sets.count();
        Outcome {
            everything: true,
            ..outcome
        }
    }

    fn read(&mut self, view: &View<'_>, changes: &[LsaChange]) {
        let mut topology: BTreeMap<AreaId, Vec<LsaKey>> = BTreeMap::new();
        for change in changes {
            match (change.key.kind, change.area) {
                (LsaType::Router | LsaType::Network, Some(area)) => {
                    topology.entry(area).or_default().push(change.key);
                }
                _ => self.read_elsewhere(view, change),
            }
        }
        // The backbone comes last: its virtual links go through the others.
        for area in view.areas.iter().rev() {
            let keys = topology.remove(&area.area).unwrap_or_default();
            let seed = self.seed;
            let mut first = area.first.clone();
            if area.area.is_backbone() {
                first.virtual_ends = self.virtual_ends(view);
            }
            let paths = self
                .areas
                .entry(area.area)
                .or_insert_with(|| AreaPaths::new(seed));
            let moved = paths.update(view.router, area.database, first, keys, &mut self.sets);
            self.inside.move_places(area.area, paths, &moved);
            self.routers.move_places(area.area, &moved);
        }
    }

    /// The next hops over virtual links: those to their other ends, of several to one router by the shortest (§16.1.1).
    fn virtual_ends(&self, view: &View<'_>) -> BTreeMap<Ipv4Addr, SmallVec<[NextHop; 1]>> {
        let mut ends: BTreeMap<Ipv4Addr, (u32, SmallVec<[NextHop; 1]>)> = BTreeMap::new();
        for (area, router) in &view.virtual_links {
            let Some((cost, hops, _)) = self.areas.get(area).and_then(|area| area.router(*router)) else {
                continue;
            };
            let hops = self.sets.get(hops).iter().copied();
            let (least, known) = ends.entry(*router).or_insert_with(|| (cost, SmallVec::new()));
            match cost.cmp(least) {
                Ordering::Less => (*least, *known) = (cost, hops.collect()),
                Ordering::Equal => known.extend(hops),
                Ordering::Greater => {}
            }
        }
        ends.into_iter()
            .map(|(router, (_, hops))| (router, hops))
            .collect()
    }

    /// Reads a summary or an external. Our own say nothing new to us (§16.2 (2), §16.4 (2)).
    fn read_elsewhere(&mut self, view: &View<'_>, change: &LsaChange) {
        let LsaChange { area, key, mask } = *change;
        let database = match area {
            Some(area) => view
                .areas
                .iter()
                .find(|view| view.area == area)
                .map(|view| view.database),
            None => Some(view.external),
        };
        let Some(database) = database.filter(|_| key.router != view.router) else {
            return;
        };
        let slot = database.find(key).filter(|slot| !database.is_flushed(*slot));
        let body = slot.and_then(|slot| database.body(slot));
        let before = mask.and_then(|mask| Prefix4::from_netmask(key.id, mask).ok());
        let now = |mask| Prefix4::from_netmask(key.id, mask).ok();
        match (key.kind, area) {
            (LsaType::Summary, Some(area)) => {
                if let Some(before) = before {
                    self.inside.unsay(before, area, key.router, key.id);
                }
                if let Some(Body::Summary(summary)) = body
                    && let Some(prefix) = now(summary.mask).filter(|_| summary.metric < LS_INFINITY)
                {
                    self.inside.unsay(prefix, area, key.router, key.id);
                    self.inside.say(prefix, said(area, key, summary.metric));
                }
            }
            (LsaType::AsbrSummary, Some(area)) => {
                self.routers.unsay(area, key.router, key.id);
                // That others reach us is no news.
                if let Some(Body::AsbrSummary(summary)) = body
                    && summary.metric < LS_INFINITY
                    && key.id != view.router
                {
                    self.routers.say(said(area, key, summary.metric));
                }
            }
            (LsaType::AsExternal, None) | (LsaType::Nssa, Some(_)) => {
                if let Some(before) = before {
                    self.outside.unsay(before, key.router, area, key.id);
                }
                if let Some(Body::AsExternal(external) | Body::Nssa(external)) = body
                    && let Some(prefix) = now(external.mask)
                {
                    let options = slot.and_then(|slot| database.options(slot)).unwrap_or_default();
                    let skipped = area.filter(|_| prefix.is_default());
                    if skipped.is_some_and(|area| !self.settings.reads_default(area, options)) {
                        self.outside.unsay(prefix, key.router, area, key.id);
                        return;
                    }
                    let via = ViaKey {
                        router: key.router,
                        nssa: area,
                        forwarding: external.forwarding,
                    };
                    self.outside.unsay(prefix, key.router, area, key.id);
                    self.outside.say(prefix, via, key.id, &external, options);
                }
            }
            _ => {}
        }
    }

    fn settle(&mut self) -> Outcome {
        let transit = self.areas.iter().filter(|(_, paths)| paths.is_transit());
        let transit: BTreeSet<AreaId> = transit.map(|(area, _)| *area).collect();
        if transit != self.transit {
            self.transit = transit;
            self.inside.touch_all();
            self.routers.touch_all();
        }
        let areas = Areas {
            settings: &self.settings,
            paths: &self.areas,
            transit: &self.transit,
        };
        let routers = self.routers.settle(&areas, &mut self.sets);
        let mut networks = self.inside.settle(&areas, &mut self.sets);
        self.outside.move_inside(&networks, &routers);
        let paths = self.routers.paths();
        let mut outside = self
            .outside
            .settle(&self.settings, &self.inside, paths, &mut self.sets);
        networks.append(&mut outside);
        Outcome {
            everything: false,
            networks,
            routers: routers.into_iter().map(|(router, _)| router).collect(),
        }
    }

    /// The path to a network inside the autonomous system, or outside.
    #[must_use]
    pub fn path(&self, prefix: Prefix4) -> Option<Path> {
        let inside = self.inside.path(prefix).copied();
        inside.or_else(|| self.outside.path(prefix, self.settings.rfc1583))
    }

    /// The path to a network inside the autonomous system.
    #[must_use]
    pub fn inside(&self, prefix: Prefix4) -> Option<&Path> {
        self.inside.path(prefix)
    }

    /// Networks inside the autonomous system.
    pub fn networks(&self) -> impl Iterator<Item = (Prefix4, &Path)> {
        self.inside.paths()
    }

    /// Those of them that a network covers, itself among them.
    pub fn covered(&self, by: Prefix4) -> impl Iterator<Item = (Prefix4, &Path)> {
        self.inside.covered(by)
    }

    pub(super) const fn area_paths(&self) -> &BTreeMap<AreaId, AreaPaths> {
        &self.areas
    }

    pub(super) fn nearest_place(&self, prefix: Prefix4) -> Option<(AreaId, Vertex, u32)> {
        self.inside.nearest(prefix, &self.areas)
    }

    /// The smallest network inside that an address is in.
    #[must_use]
    pub fn covering(&self, address: Ipv4Addr) -> Option<Prefix4> {
        self.inside.covering(address)
    }

    pub(super) fn forwarding(&self, prefix: Prefix4, origin: Ipv4Addr) -> Option<Ipv4Addr> {
        self.outside.forwarding(prefix, origin)
    }

    /// Whether a router with a higher identifier says the same of a network outside, and what it says holds (RFC 2328 §12.4.4.1).
    pub(crate) fn is_said_above(&self, router: Ipv4Addr, prefix: Prefix4, external: &External) -> bool {
        self.outside.is_said_above(router, prefix, external)
    }

    pub(super) fn border_towards(&self, router: Ipv4Addr, area: AreaId) -> Option<Ipv4Addr> {
        let areas = Areas {
            settings: &self.settings,
            paths: &self.areas,
            transit: &self.transit,
        };
        self.routers.border_towards(router, area, &areas)
    }

    /// Every network.
    pub fn all(&self) -> impl Iterator<Item = (Prefix4, Path)> {
        let inside = self.inside.paths().map(|(prefix, path)| (prefix, *path));
        let outside = self.outside.all(self.settings.rfc1583);
        inside.chain(outside.filter(|(prefix, _)| self.inside.path(*prefix).is_none()))
    }

    /// Area border and AS boundary routers, in each area.
    #[must_use]
    pub const fn routers(&self) -> &BTreeMap<(Ipv4Addr, AreaId), RouterPath> {
        self.routers.paths()
    }

    /// How the other end of a virtual link through an area is reached, if it is.
    pub fn virtual_end(&mut self, area: AreaId, router: Ipv4Addr) -> Option<VirtualEnd> {
        self.areas.get(&area)?.virtual_end(router, &mut self.sets)
    }

    /// Whether others pass through an area on virtual links (TransitCapability, §16.1).
    #[must_use]
    pub fn is_transit(&self, area: AreaId) -> bool {
        self.transit.contains(&area)
    }

    /// The route for the router's own table; `None` where packets need no gateway: the kernel knows those networks.
    #[must_use]
    pub fn route(&self, path: &Path, preference: Option<u8>) -> Option<Route> {
        let hops = self.sets.get(path.hops);
        let next_hops: NextHops = hops.iter().filter(|hop| hop.gateway.is_some()).copied().collect();
        if next_hops.is_empty() || next_hops.len() < hops.len() {
            return None;
        }
        Some(Route {
            kind: RouteKind::Unicast,
            next_hops,
            metric: if path.kind == PathType::External2 {
                path.type_2
            } else {
                path.cost
            },
            tag: path.tag,
            preference,
        })
    }
}

const fn said(area: AreaId, key: LsaKey, metric: u32) -> Said {
    Said {
        area,
        border: key.router,
        id: key.id,
        metric,
    }
}
