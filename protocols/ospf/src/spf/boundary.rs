//! Border and boundary routers, in each area (RFC 2328 §16.1, §16.2, §16.3).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use smallvec::SmallVec;

use super::area::Moved;
use super::hops::HopSets;
use super::inside::{Said, shorten};
use super::path::{PathType, RouterPath};
use super::table::Areas;
use crate::area::AreaId;
use crate::lsa::body::RouterFlags;

/// A router, in an area.
pub(super) type Place = (Ipv4Addr, AreaId);

/// The routers, and what borders say of those behind them.
#[derive(Clone, Debug, Default)]
pub(super) struct Routers {
    said: BTreeMap<Ipv4Addr, SmallVec<[Said; 1]>>,
    paths: BTreeMap<Place, RouterPath>,
    /// Routers to be looked at.
    touched: BTreeSet<Place>,
}

impl Routers {
    /// Takes over what moved inside an area. Of what borders say of a router, something of the backbone's depends on any area.
    pub(super) fn move_places(&mut self, area: AreaId, moved: &Moved) {
        self.touched
            .extend(moved.routers.iter().map(|router| (*router, area)));
        for (router, said) in &self.said {
            let of_moved = |said: &&Said| said.area == area && moved.routers.contains(&said.border);
            if said.iter().any(|said| of_moved(&said)) {
                self.touched.insert((*router, area));
                self.touched.insert((*router, AreaId::BACKBONE));
            }
        }
    }

    /// A summary says something of a boundary router now.
    pub(super) fn say(&mut self, said: Said) {
        self.said.entry(said.id).or_default().push(said);
        self.touch(said.id, said.area);
    }

    /// What a summary said of a boundary router is said no more.
    pub(super) fn unsay(&mut self, area: AreaId, border: Ipv4Addr, router: Ipv4Addr) {
        if let Some(said) = self.said.get_mut(&router) {
            said.retain(|said| (said.area, said.border) != (area, border));
            if said.is_empty() {
                self.said.remove(&router);
            }
        }
        self.touch(router, area);
    }

    fn touch(&mut self, router: Ipv4Addr, area: AreaId) {
        self.touched.insert((router, area));
        self.touched.insert((router, AreaId::BACKBONE));
    }

    /// Chooses the paths to the routers that were touched. Those whose path is another one.
    pub(super) fn settle(&mut self, areas: &Areas<'_>, sets: &mut HopSets) -> BTreeSet<Place> {
        let mut changed = BTreeSet::new();
        for place in std::mem::take(&mut self.touched) {
            let path = self.choose(place, areas, sets);
            let old = match path {
                Some(path) => self.paths.insert(place, path),
                None => self.paths.remove(&place),
            };
            if old != path {
                changed.insert(place);
            }
        }
        changed
    }

    fn choose(&self, (router, area): Place, areas: &Areas<'_>, sets: &mut HopSets) -> Option<RouterPath> {
        let inside = areas.paths.get(&area).and_then(|paths| paths.router(router));
        let inside =
            inside.filter(|(_, _, flags)| flags.intersects(RouterFlags::BORDER | RouterFlags::EXTERNAL));
        let mut path = inside.map(|(cost, hops, flags)| RouterPath {
            kind: PathType::IntraArea,
            cost,
            hops,
            flags,
        });
        let said = self.said.get(&router).map_or(&[][..], SmallVec::as_slice);
        let here = said.iter().filter(|said| said.area == area);
        for said in here.filter(|_| areas.settings.reads_summaries(area)) {
            let Some((distance, hops)) = areas.border(said) else {
                continue;
            };
            let cost = distance.saturating_add(said.metric);
            match &mut path {
                None => {
                    path = Some(RouterPath {
                        kind: PathType::InterArea,
                        cost,
                        hops,
                        flags: RouterFlags::EXTERNAL,
                    });
                }
                // An area border router in the area may be a boundary router behind it.
                Some(path) if path.kind == PathType::IntraArea => path.flags |= RouterFlags::EXTERNAL,
                Some(path) => shorten(&mut path.cost, &mut path.hops, cost, hops, sets),
            }
        }
        let through = said.iter().filter(|said| areas.transit.contains(&said.area));
        for said in through.filter(|_| area.is_backbone()) {
            let (Some(path), Some((distance, hops))) = (&mut path, areas.border(said)) else {
                continue;
            };
            let way = distance.saturating_add(said.metric);
            shorten(&mut path.cost, &mut path.hops, way, hops, sets);
        }
        path
    }

    /// Has every router looked at.
    pub(super) fn touch_all(&mut self) {
        self.touched.extend(self.paths.keys());
        self.touched
            .extend(self.said.keys().map(|router| (*router, AreaId::BACKBONE)));
    }

    /// The best paths to each router.
    pub(super) const fn paths(&self) -> &BTreeMap<Place, RouterPath> {
        &self.paths
    }
}
