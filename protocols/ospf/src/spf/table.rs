//! The routing table (RFC 2328 §11, §16): what areas, summaries and externals come to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use waypost_types::{MAX_NEXT_HOPS, NextHop, NextHops, Prefix4, Route, RouteKind, Seed, Time};

use super::graph::{Graph, Vertex};
use super::hops::{HopSets, SetId};
use super::tree::{FirstHops, Tree, UNREACHABLE};
use crate::area::AreaId;
use crate::database::{Database, Slot};
use crate::lsa::body::RouterFlags;
use crate::lsa::{Body, External, LS_INFINITY, LsaKey, LsaType};
use crate::parameters::AreaKind;

/// How a destination is reached, best first (RFC 2328 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathType {
    /// Inside an area this router is in.
    IntraArea,
    /// Through other areas.
    InterArea,
    /// Outside the autonomous system, at a cost that adds to those inside.
    External1,
    /// Outside, at a cost above all inside.
    External2,
}

/// The best paths to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// What kind of path.
    pub kind: PathType,
    /// The area whose LSAs say so.
    pub area: AreaId,
    /// The cost inside the autonomous system; for type 1 externals the whole cost.
    pub cost: u32,
    /// The cost outside, of type 2.
    pub type_2: u32,
    /// The tag of an external.
    pub tag: u32,
    /// Whose LSA it is, of several as good the highest identifier; 0.0.0.0 for paths inside an area.
    pub origin: Ipv4Addr,
    /// The next hops.
    pub hops: SetId,
    /// Whether the boundary router is reached without the backbone (§16.4.1); decides among externals only.
    avoids_backbone: bool,
}

impl Path {
    /// Smaller is better; equal ones are used together (§16.1, §16.2, §16.4 step 6).
    fn rank(&self, rfc1583: bool) -> (PathType, u32, bool, u32) {
        (
            self.kind,
            self.type_2,
            !rfc1583 && !self.avoids_backbone,
            self.cost,
        )
    }
}

/// The best paths to a router, in one area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterPath {
    /// Inside the area or through others.
    pub kind: PathType,
    /// The cost.
    pub cost: u32,
    /// The next hops.
    pub hops: SetId,
    /// What the router says of itself; of one behind an area border, that it is a boundary router.
    pub flags: RouterFlags,
}

/// An area as the calculation sees it.
#[derive(Clone, Debug)]
pub struct AreaView<'a> {
    /// Which one.
    pub area: AreaId,
    /// What comes into it.
    pub kind: AreaKind,
    /// Its database.
    pub database: &'a Database,
    /// Where this router's links in it lead.
    pub first: FirstHops,
}

/// What routes are calculated from.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The time: LSAs at MaxAge are not there.
    pub now: Time,
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
    pub addresses: Vec<Ipv4Addr>,
    /// Networks this router sums areas up to, whose parts others may not say (§16.2 (3)).
    pub ranges: Vec<Prefix4>,
}

/// The routing table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Sets of next hops.
    pub sets: HopSets,
    /// Area border and AS boundary routers, in each area.
    pub routers: BTreeMap<(Ipv4Addr, AreaId), RouterPath>,
    intra: BTreeMap<Prefix4, Path>,
    inter: BTreeMap<Prefix4, Path>,
    externals: BTreeMap<Prefix4, Path>,
    /// Areas others pass through on virtual links (TransitCapability, §16.1).
    pub transit: BTreeMap<AreaId, bool>,
    seed: Seed,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            sets: HopSets::new(seed, MAX_NEXT_HOPS),
            routers: BTreeMap::new(),
            intra: BTreeMap::new(),
            inter: BTreeMap::new(),
            externals: BTreeMap::new(),
            transit: BTreeMap::new(),
            seed,
        }
    }

    /// Calculates everything (§16 (1) to (5)).
    pub fn calculate(&mut self, view: &View<'_>) {
        self.sets = HopSets::new(self.seed, view.limit);
        self.routers.clear();
        self.intra.clear();
        self.transit.clear();
        for area in &view.areas {
            self.calculate_area(view, area);
        }
        self.calculate_summaries(view);
    }

    /// Calculates what other areas and the outside say, with the trees as they are (§16.5).
    pub fn calculate_summaries(&mut self, view: &View<'_>) {
        self.inter.clear();
        self.routers.retain(|_, path| path.kind == PathType::IntraArea);
        let backbone_only = view.border;
        for area in &view.areas {
            if !backbone_only || area.area.is_backbone() {
                self.read_summaries(view, area);
            }
        }
        self.calculate_externals(view);
    }

    /// Calculates what the outside says, with everything else as it is (§16.6).
    pub fn calculate_externals(&mut self, view: &View<'_>) {
        self.externals.clear();
        self.read_externals(view, view.external, None);
        for area in view.areas.iter().filter(|area| area.kind == AreaKind::Nssa) {
            self.read_externals(view, area.database, Some(area.area));
        }
    }

    /// The path to a network inside the autonomous system, or outside.
    #[must_use]
    pub fn path(&self, prefix: Prefix4) -> Option<&Path> {
        self.inside(prefix).or_else(|| self.externals.get(&prefix))
    }

    fn inside(&self, prefix: Prefix4) -> Option<&Path> {
        self.intra.get(&prefix).or_else(|| self.inter.get(&prefix))
    }

    /// Networks inside the autonomous system.
    pub fn networks(&self) -> impl Iterator<Item = (Prefix4, &Path)> {
        let inter = self
            .inter
            .iter()
            .filter(|(prefix, _)| !self.intra.contains_key(prefix));
        self.intra
            .iter()
            .chain(inter)
            .map(|(prefix, path)| (*prefix, path))
    }

    /// Every network.
    pub fn all(&self) -> impl Iterator<Item = (Prefix4, &Path)> {
        let outside = self
            .externals
            .iter()
            .filter(|(prefix, _)| self.inside(**prefix).is_none());
        self.networks()
            .chain(outside.map(|(prefix, path)| (*prefix, path)))
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

    /// §16.1: the tree, then the networks at its vertices.
    fn calculate_area(&mut self, view: &View<'_>, area: &AreaView<'_>) {
        let database = area.database;
        let graph = Graph::read(database, view.now, self.seed);
        let Some(root) = graph.router(view.router) else {
            return;
        };
        let tree = Tree::grow(&graph, root, &area.first, &mut self.sets);
        let mut transit = false;
        for vertex in &tree.order {
            let (cost, hops) = (tree.distance(*vertex), tree.hops(*vertex));
            if graph.is_network(*vertex) {
                if let Some(prefix) = graph.network(*vertex, database) {
                    self.add_intra(area.area, prefix, cost, hops);
                }
                continue;
            }
            let flags = graph.flags(*vertex, database);
            transit |= flags.contains(RouterFlags::VIRTUAL);
            if *vertex != root && flags.intersects(RouterFlags::BORDER | RouterFlags::EXTERNAL) {
                let path = RouterPath {
                    kind: PathType::IntraArea,
                    cost,
                    hops,
                    flags,
                };
                self.routers.insert((graph.id(*vertex), area.area), path);
            }
            self.add_stubs(area, &graph, *vertex, cost, hops);
        }
        self.transit.insert(area.area, transit);
    }

    fn add_stubs(&mut self, area: &AreaView<'_>, graph: &Graph, vertex: Vertex, distance: u32, hops: SetId) {
        for (prefix, cost) in graph.stubs(vertex, area.database) {
            let own = area
                .first
                .stubs
                .get(&prefix)
                .filter(|_| distance == 0 && hops.is_empty());
            let hops = match own {
                Some(index) => self.sets.intern(NextHops::from_slice(&[NextHop::on(*index)])),
                None => hops,
            };
            self.add_intra(area.area, prefix, distance.saturating_add(cost), hops);
        }
    }

    fn add_intra(&mut self, area: AreaId, prefix: Prefix4, cost: u32, hops: SetId) {
        if cost == UNREACHABLE {
            return;
        }
        let path = Path {
            kind: PathType::IntraArea,
            area,
            cost,
            type_2: 0,
            tag: 0,
            origin: Ipv4Addr::UNSPECIFIED,
            hops,
            avoids_backbone: !area.is_backbone(),
        };
        merge(&mut self.intra, &mut self.sets, prefix, path, true);
    }

    /// §16.2.
    fn read_summaries(&mut self, view: &View<'_>, area: &AreaView<'_>) {
        let database = area.database;
        for slot in database.slots() {
            let Some(key) = usable(database, slot, view) else {
                continue;
            };
            let border = self.routers.get(&(key.router, area.area));
            let Some(border) = border.filter(|border| {
                border.kind == PathType::IntraArea && border.flags.contains(RouterFlags::BORDER)
            }) else {
                continue;
            };
            let (distance, hops) = (border.cost, border.hops);
            match database.body(slot) {
                Some(Body::Summary(summary)) if summary.metric < LS_INFINITY => {
                    let Ok(prefix) = Prefix4::from_netmask(key.id, summary.mask) else {
                        continue;
                    };
                    if self.intra.contains_key(&prefix) || view.ranges.contains(&prefix) {
                        continue;
                    }
                    let path = Path {
                        kind: PathType::InterArea,
                        area: area.area,
                        cost: distance.saturating_add(summary.metric),
                        type_2: 0,
                        tag: 0,
                        origin: key.router,
                        hops,
                        avoids_backbone: false,
                    };
                    merge(&mut self.inter, &mut self.sets, prefix, path, true);
                }
                Some(Body::AsbrSummary(summary)) if summary.metric < LS_INFINITY && key.id != view.router => {
                    let path = RouterPath {
                        kind: PathType::InterArea,
                        cost: distance.saturating_add(summary.metric),
                        hops,
                        flags: RouterFlags::EXTERNAL,
                    };
                    self.add_boundary_router(key.id, area.area, path);
                }
                _ => {}
            }
        }
    }

    fn add_boundary_router(&mut self, router: Ipv4Addr, area: AreaId, path: RouterPath) {
        let sets = &mut self.sets;
        self.routers
            .entry((router, area))
            .and_modify(|known| {
                if known.kind == PathType::IntraArea && known.flags.contains(RouterFlags::EXTERNAL) {
                    return;
                }
                // An area border router in the area may be a boundary router behind it: its flags stay.
                let both = known.flags | path.flags;
                if known.kind == PathType::InterArea {
                    if path.cost == known.cost {
                        known.hops = sets.union(known.hops, path.hops);
                    } else if path.cost < known.cost {
                        *known = path;
                    }
                }
                known.flags = both;
            })
            .or_insert(path);
    }

    /// §16.4, and RFC 3101 §2.5 for the type 7 LSAs of an area.
    fn read_externals(&mut self, view: &View<'_>, database: &Database, nssa: Option<AreaId>) {
        let wanted = if nssa.is_some() {
            LsaType::Nssa
        } else {
            LsaType::AsExternal
        };
        for slot in database.slots() {
            let Some(key) = usable(database, slot, view).filter(|key| key.kind == wanted) else {
                continue;
            };
            let (Some(Body::AsExternal(external)) | Some(Body::Nssa(external))) = database.body(slot) else {
                continue;
            };
            if external.metric >= LS_INFINITY {
                continue;
            }
            let Ok(prefix) = Prefix4::from_netmask(key.id, external.mask) else {
                continue;
            };
            if self.inside(prefix).is_some() {
                continue;
            }
            if let Some(path) = self.external_path(view, key, &external, nssa) {
                merge(&mut self.externals, &mut self.sets, prefix, path, view.rfc1583);
            }
        }
    }

    fn external_path(
        &mut self,
        view: &View<'_>,
        key: LsaKey,
        external: &External,
        nssa: Option<AreaId>,
    ) -> Option<Path> {
        let (area, boundary) = self.boundary_router(view, key.router, nssa)?;
        let mut avoids_backbone = boundary.kind == PathType::IntraArea && !area.is_backbone();
        let (mut area, mut cost, mut hops) = (area, boundary.cost, boundary.hops);
        if !external.forwarding.is_unspecified() {
            let path = *self.towards(external.forwarding)?;
            let fits = nssa.is_none_or(|nssa| path.kind == PathType::IntraArea && path.area == nssa);
            if !fits || view.addresses.contains(&external.forwarding) {
                return None;
            }
            area = path.area;
            avoids_backbone = path.kind == PathType::IntraArea && !area.is_backbone();
            cost = path.cost;
            hops = self.forward(path.hops, external.forwarding);
        }
        let (kind, cost, type_2) = if external.type_2 {
            (PathType::External2, cost, external.metric)
        } else {
            (PathType::External1, cost.saturating_add(external.metric), 0)
        };
        Some(Path {
            kind,
            area,
            cost,
            type_2,
            tag: external.tag,
            origin: key.router,
            hops,
            avoids_backbone,
        })
    }

    /// The best of the paths to a boundary router (§16.4 step 3): those that avoid the backbone first, unless RFC 1583 is
    /// followed; then the least cost, then the largest area.
    fn boundary_router(
        &self,
        view: &View<'_>,
        router: Ipv4Addr,
        nssa: Option<AreaId>,
    ) -> Option<(AreaId, RouterPath)> {
        let paths = self
            .routers
            .range((router, AreaId(0))..=(router, AreaId(u32::MAX)));
        let best = paths
            .filter(|((_, area), path)| {
                let kind = view
                    .areas
                    .iter()
                    .find(|view| view.area == *area)
                    .map(|view| view.kind);
                let fits = match nssa {
                    Some(nssa) => *area == nssa && path.kind == PathType::IntraArea,
                    None => kind == Some(AreaKind::Normal),
                };
                fits && path.flags.contains(RouterFlags::EXTERNAL)
            })
            .min_by_key(|((_, area), path)| {
                let backbone = path.kind != PathType::IntraArea || area.is_backbone();
                (!view.rfc1583 && backbone, path.cost, std::cmp::Reverse(*area))
            });
        best.map(|((_, area), path)| (*area, *path))
    }

    /// The path to an address inside the autonomous system.
    fn towards(&self, address: Ipv4Addr) -> Option<&Path> {
        (0..=32).rev().find_map(|length| {
            let prefix = Prefix4::containing(address, length).ok()?;
            self.inside(prefix)
        })
    }

    /// Next hops to an address: itself where its network is attached.
    fn forward(&mut self, hops: SetId, address: Ipv4Addr) -> SetId {
        let all = self.sets.get(hops);
        if all.iter().all(|hop| hop.gateway.is_some()) {
            return hops;
        }
        let forwarded = all.iter().map(|hop| match hop.gateway {
            Some(_) => *hop,
            None => NextHop::via(address.into(), hop.interface),
        });
        let forwarded = forwarded.collect();
        self.sets.intern(forwarded)
    }
}

/// The key of an LSA that says something: neither at MaxAge nor our own (§16.2 (1) and (2), §16.4 (1) and (2)).
fn usable(database: &Database, slot: Slot, view: &View<'_>) -> Option<LsaKey> {
    let key = database.key(slot).filter(|key| key.router != view.router)?;
    let header = database.header(slot, view.now)?;
    (!header.is_max_age()).then_some(key)
}

/// Puts a path in, beside those that are as good, instead of those that are worse.
fn merge(
    paths: &mut BTreeMap<Prefix4, Path>,
    sets: &mut HopSets,
    prefix: Prefix4,
    path: Path,
    rfc1583: bool,
) {
    paths
        .entry(prefix)
        .and_modify(|known| match path.rank(rfc1583).cmp(&known.rank(rfc1583)) {
            std::cmp::Ordering::Less => *known = path,
            std::cmp::Ordering::Equal => {
                let hops = sets.union(known.hops, path.hops);
                if path.origin > known.origin {
                    *known = path;
                }
                known.hops = hops;
            }
            std::cmp::Ordering::Greater => {}
        })
        .or_insert(path);
}
