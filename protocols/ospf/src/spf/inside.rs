//! Networks inside the autonomous system: of the areas themselves (§16.1), of others by their borders (§16.2), and through
//! areas that virtual links pass (§16.3).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use smallvec::SmallVec;
use waypost_types::Prefix4;

use super::area::{AreaPaths, Moved};
use super::graph::Vertex;
use super::hops::{HopSets, SetId};
use super::path::{Path, PathType, best};
use super::table::Areas;
use crate::area::AreaId;

/// A network at a vertex of an area's graph.
#[derive(Clone, Copy, Debug)]
struct Place {
    area: AreaId,
    vertex: Vertex,
    cost: u32,
}

/// What an area border router says of a network, or of a boundary router, in a summary-LSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) area: AreaId,
    pub(super) border: Ipv4Addr,
    /// The Link State ID: one router may say the same network under two for a moment (RFC 2328 appendix E).
    pub(super) id: Ipv4Addr,
    pub(super) metric: u32,
}

#[derive(Clone, Debug, Default)]
struct Network {
    places: SmallVec<[Place; 1]>,
    said: SmallVec<[Said; 1]>,
    path: Option<Path>,
}

/// Every network inside.
#[derive(Clone, Debug, Default)]
pub(super) struct Inside {
    networks: BTreeMap<Prefix4, Network>,
    /// How many summaries each border says.
    borders: BTreeMap<(AreaId, Ipv4Addr), usize>,
    /// Networks to be looked at.
    touched: BTreeSet<Prefix4>,
}

impl Inside {
    /// Takes over what moved inside an area.
    pub(super) fn move_places(&mut self, area: AreaId, paths: &AreaPaths, moved: &Moved) {
        let vertices: BTreeSet<Vertex> = moved.graph.vertices.iter().copied().collect();
        for prefix in &moved.graph.prefixes {
            if let Some(network) = self.networks.get_mut(prefix) {
                let gone = |place: &Place| place.area == area && vertices.contains(&place.vertex);
                network.places.retain(|place| !gone(place));
            }
        }
        for vertex in vertices {
            for (prefix, cost) in paths.graph().prefixes(vertex) {
                let places = &mut self.networks.entry(*prefix).or_default().places;
                let cost = *cost;
                places.push(Place { area, vertex, cost });
            }
        }
        self.touched.extend(&moved.networks);
        let heard = |router: &&Ipv4Addr| self.borders.contains_key(&(area, **router));
        let borders: BTreeSet<Ipv4Addr> = moved.routers.iter().filter(heard).copied().collect();
        if !borders.is_empty() {
            let concerned = |said: &Said| said.area == area && borders.contains(&said.border);
            let networks = self.networks.iter();
            let concerned = networks.filter(|(_, network)| network.said.iter().any(concerned));
            self.touched.extend(concerned.map(|(prefix, _)| *prefix));
        }
    }

    /// A summary says something of a network now.
    pub(super) fn say(&mut self, prefix: Prefix4, said: Said) {
        self.networks.entry(prefix).or_default().said.push(said);
        *self.borders.entry((said.area, said.border)).or_default() += 1;
        self.touched.insert(prefix);
    }

    /// What a summary said of a network is said no more.
    pub(super) fn unsay(&mut self, prefix: Prefix4, area: AreaId, border: Ipv4Addr, id: Ipv4Addr) {
        let Some(network) = self.networks.get_mut(&prefix) else {
            return;
        };
        let before = network.said.len();
        network
            .said
            .retain(|said| (said.area, said.border, said.id) != (area, border, id));
        let gone = before - network.said.len();
        if let Some(count) = self.borders.get_mut(&(area, border)) {
            *count -= gone;
            if *count == 0 {
                self.borders.remove(&(area, border));
            }
        }
        self.touched.insert(prefix);
    }

    /// Chooses the paths of the networks that were touched. Those whose path is another one.
    pub(super) fn settle(&mut self, areas: &Areas<'_>, sets: &mut HopSets) -> BTreeSet<Prefix4> {
        let mut changed = BTreeSet::new();
        for prefix in std::mem::take(&mut self.touched) {
            let Some(network) = self.networks.get_mut(&prefix) else {
                continue;
            };
            let path = network.choose(prefix, areas, sets);
            if network.path != path {
                network.path = path;
                changed.insert(prefix);
            }
            if network.places.is_empty() && network.said.is_empty() {
                self.networks.remove(&prefix);
            }
        }
        changed
    }

    /// Has every network looked at.
    pub(super) fn touch_all(&mut self) {
        self.touched.extend(self.networks.keys());
    }

    pub(super) fn path(&self, prefix: Prefix4) -> Option<&Path> {
        self.networks.get(&prefix)?.path.as_ref()
    }

    /// The path to an address.
    pub(super) fn towards(&self, address: Ipv4Addr) -> Option<&Path> {
        (0..=32).rev().find_map(|length| {
            let prefix = Prefix4::containing(address, length).ok()?;
            self.path(prefix)
        })
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = (Prefix4, &Path)> {
        let networks = self.networks.iter();
        networks.filter_map(|(prefix, network)| Some((*prefix, network.path.as_ref()?)))
    }

    /// The networks that another covers, itself among them.
    pub(super) fn covered(&self, by: Prefix4) -> impl Iterator<Item = (Prefix4, &Path)> {
        let networks = self.networks.range(by..);
        networks
            .take_while(move |(prefix, _)| by.covers(**prefix))
            .filter_map(|(prefix, network)| Some((*prefix, network.path.as_ref()?)))
    }
}

impl Network {
    fn choose(&self, prefix: Prefix4, areas: &Areas<'_>, sets: &mut HopSets) -> Option<Path> {
        let mut paths: SmallVec<[Path; 4]> = SmallVec::new();
        for place in &self.places {
            let area = areas.paths.get(&place.area);
            let way = area.and_then(|area| area.network(place.vertex, prefix, place.cost, sets));
            if let Some((cost, hops)) = way {
                paths.push(Path {
                    kind: PathType::IntraArea,
                    area: place.area,
                    cost,
                    type_2: 0,
                    tag: 0,
                    origin: Ipv4Addr::UNSPECIFIED,
                    hops,
                    avoids_backbone: !place.area.is_backbone(),
                });
            }
        }
        if paths.is_empty() && !areas.settings.ranges.contains(&prefix) {
            for said in self
                .said
                .iter()
                .filter(|said| areas.settings.reads_summaries(said.area))
            {
                let Some((distance, hops)) = areas.border(said) else {
                    continue;
                };
                paths.push(Path {
                    kind: PathType::InterArea,
                    area: said.area,
                    cost: distance.saturating_add(said.metric),
                    type_2: 0,
                    tag: 0,
                    origin: said.border,
                    hops,
                    avoids_backbone: false,
                });
            }
        }
        let mut path = best(paths, true, sets)?;
        if path.area.is_backbone() {
            for said in self.said.iter().filter(|said| areas.transit.contains(&said.area)) {
                let Some((distance, hops)) = areas.border(said) else {
                    continue;
                };
                shorten(
                    &mut path.cost,
                    &mut path.hops,
                    distance.saturating_add(said.metric),
                    hops,
                    sets,
                );
            }
        }
        Some(path)
    }
}

/// A way through an area that virtual links pass may be shorter than theirs, or as short (§16.3 (5)).
pub(super) fn shorten(cost: &mut u32, hops: &mut SetId, way: u32, behind: SetId, sets: &mut HopSets) {
    match way.cmp(cost) {
        std::cmp::Ordering::Less => (*cost, *hops) = (way, behind),
        std::cmp::Ordering::Equal => *hops = sets.union(*hops, behind),
        std::cmp::Ordering::Greater => {}
    }
}
