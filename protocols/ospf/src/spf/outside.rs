//! Networks outside the autonomous system (RFC 2328 §16.4, RFC 3101 §2.5).
//!
//! What an LSA says depends on where its packets are to go, which thousands of LSAs have in common: a [`Via`]. When paths
//! inside change, it is the vias that are looked at, and of the networks only those the change makes a difference to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use smallvec::SmallVec;
use waypost_types::Prefix4;

use super::boundary::Place;
use super::hops::{HopSets, SetId};
use super::inside::Inside;
use super::path::{Path, PathType, RouterPath, best};
use super::table::Settings;
use crate::area::AreaId;
use crate::lsa::body::RouterFlags;
use crate::lsa::{External, LS_INFINITY};
use crate::options::Options;
use crate::parameters::AreaKind;

/// Where packets to a network outside are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ViaKey {
    /// Who says so.
    pub(super) router: Ipv4Addr,
    /// The NSSA it is said in; `None`: to everybody.
    pub(super) nssa: Option<AreaId>,
    /// The address they are to go to; 0.0.0.0: to who says so.
    pub(super) forwarding: Ipv4Addr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    area: AreaId,
    cost: u32,
    hops: SetId,
    avoids_backbone: bool,
}

#[derive(Clone, Debug)]
struct Via {
    key: ViaKey,
    /// LSAs that send packets there.
    users: usize,
    reach: Option<Reach>,
}

/// What one LSA says of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    id: Ipv4Addr,
    via: u32,
    /// The metric, the E bit, and whether it is to be translated.
    metric: u32,
    tag: u32,
}

const TYPE_2: u32 = 1 << 31;
/// Said in an NSSA with the P bit: of LSAs that say the same it is the first choice, or nobody would translate what somebody
/// translates already (RFC 3101 §2.5 (6) (e)).
const TRANSLATABLE: u32 = 1 << 30;

/// Every network outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    networks: BTreeMap<Prefix4, SmallVec<[Candidate; 1]>>,
    vias: Vec<Option<Via>>,
    free: Vec<u32>,
    by_key: BTreeMap<ViaKey, u32>,
    by_forwarding: BTreeSet<(Ipv4Addr, u32)>,
    /// The next hops of networks that several LSAs say equally well.
    shared: BTreeMap<Prefix4, SetId>,
    touched: BTreeSet<Prefix4>,
    /// Vias to be looked at.
    touched_vias: BTreeSet<u32>,
}

impl Outside {
    /// An LSA says something of a network now.
    pub(super) fn say(
        &mut self,
        prefix: Prefix4,
        key: ViaKey,
        id: Ipv4Addr,
        external: &External,
        options: Options,
    ) {
        if external.metric >= LS_INFINITY {
            return;
        }
        let via = self.use_via(key);
        let type_2 = if external.type_2 { TYPE_2 } else { 0 };
        let translatable = if key.nssa.is_some() && options.contains(Options::NSSA) {
            TRANSLATABLE
        } else {
            0
        };
        self.networks.entry(prefix).or_default().push(Candidate {
            id,
            via,
            metric: external.metric | type_2 | translatable,
            tag: external.tag,
        });
        self.touched.insert(prefix);
    }

    /// What an LSA said of a network is said no more.
    pub(super) fn unsay(&mut self, prefix: Prefix4, router: Ipv4Addr, nssa: Option<AreaId>, id: Ipv4Addr) {
        let Some(candidates) = self.networks.get_mut(&prefix) else {
            return;
        };
        let vias = &self.vias;
        let place = candidates.iter().position(|candidate| {
            let via = vias.get(candidate.via as usize).and_then(Option::as_ref);
            candidate.id == id && via.is_some_and(|via| (via.key.router, via.key.nssa) == (router, nssa))
        });
        let Some(place) = place else { return };
        let via = candidates.swap_remove(place).via;
        if candidates.is_empty() {
            self.networks.remove(&prefix);
        }
        self.leave_via(via);
        self.touched.insert(prefix);
    }

    fn use_via(&mut self, key: ViaKey) -> u32 {
        if let Some(number) = self.by_key.get(&key)
            && let Some(Some(via)) = self.vias.get_mut(*number as usize)
        {
            via.users += 1;
            return *number;
        }
        let via = Some(Via {
            key,
            users: 1,
            reach: None,
        });
        let number = self.free.pop().unwrap_or(self.vias.len() as u32);
        match self.vias.get_mut(number as usize) {
            Some(free) => *free = via,
            None => self.vias.push(via),
        }
        self.by_key.insert(key, number);
        if !key.forwarding.is_unspecified() {
            self.by_forwarding.insert((key.forwarding, number));
        }
        self.touched_vias.insert(number);
        number
    }

    fn leave_via(&mut self, number: u32) {
        let Some(place) = self.vias.get_mut(number as usize) else {
            return;
        };
        let Some(via) = place else { return };
        via.users -= 1;
        if via.users == 0 {
            self.by_key.remove(&via.key);
            self.by_forwarding.remove(&(via.key.forwarding, number));
            self.touched_vias.remove(&number);
            *place = None;
            self.free.push(number);
        }
    }

    /// Networks and routers inside have other paths.
    pub(super) fn move_inside(&mut self, networks: &BTreeSet<Prefix4>, routers: &BTreeSet<Place>) {
        for prefix in networks {
            let range = (prefix.network(), 0)..=(prefix.last(), u32::MAX);
            self.touched_vias
                .extend(self.by_forwarding.range(range).map(|(_, number)| *number));
        }
        for (router, _) in routers {
            let first = ViaKey {
                router: *router,
                nssa: None,
                forwarding: Ipv4Addr::UNSPECIFIED,
            };
            let of_router = self
                .by_key
                .range(first..)
                .take_while(|(key, _)| key.router == *router);
            self.touched_vias.extend(of_router.map(|(_, number)| *number));
        }
    }

    /// Looks at the vias and networks that were touched. The networks whose path is another one, or may be.
    pub(super) fn settle(
        &mut self,
        settings: &Settings,
        inside: &Inside,
        routers: &BTreeMap<Place, RouterPath>,
        sets: &mut HopSets,
    ) -> BTreeSet<Prefix4> {
        let mut moved = BTreeSet::new();
        for number in std::mem::take(&mut self.touched_vias) {
            let Some(Some(via)) = self.vias.get_mut(number as usize) else {
                continue;
            };
            let reach = reach(via.key, settings, inside, routers, sets);
            if std::mem::replace(&mut via.reach, reach) != reach {
                moved.insert(number);
            }
        }
        let mut touched = std::mem::take(&mut self.touched);
        for prefix in &touched {
            self.share(*prefix, settings, sets);
        }
        if !moved.is_empty() {
            // Tens of thousands at once, already in order: put in one by one, and looked up again, they would take most of the
            // time there is.
            let (mut concerned, mut many) = (Vec::new(), Vec::new());
            for (prefix, candidates) in &self.networks {
                if candidates.iter().any(|candidate| moved.contains(&candidate.via)) {
                    concerned.push(*prefix);
                    if candidates.len() > 1 {
                        many.push(*prefix);
                    }
                }
            }
            for prefix in many {
                self.share(prefix, settings, sets);
            }
            touched.append(&mut concerned.into_iter().collect());
        }
        touched
    }

    /// Finds the next hops that LSAs of one network have together, if there are several.
    fn share(&mut self, prefix: Prefix4, settings: &Settings, sets: &mut HopSets) {
        let candidates = self.networks.get(&prefix).map_or(&[][..], SmallVec::as_slice);
        let several = candidates.len() > 1;
        let paths = self.paths(candidates).map(|(path, _)| path);
        let path = several.then(|| best(paths, settings.rfc1583, sets)).flatten();
        match path {
            Some(path) => self.shared.insert(prefix, path.hops),
            None => self.shared.remove(&prefix),
        };
    }

    /// The paths of LSAs, each with whether it is to be translated.
    fn paths(&self, candidates: &[Candidate]) -> impl Iterator<Item = (Path, bool)> {
        candidates.iter().filter_map(|candidate| {
            let via = self.vias.get(candidate.via as usize)?.as_ref()?;
            let reach = via.reach?;
            let metric = candidate.metric & LS_INFINITY;
            let (kind, cost, type_2) = if candidate.metric & TYPE_2 != 0 {
                (PathType::External2, reach.cost, metric)
            } else {
                (PathType::External1, reach.cost.saturating_add(metric), 0)
            };
            let path = Path {
                kind,
                area: reach.area,
                cost,
                type_2,
                tag: candidate.tag,
                origin: via.key.router,
                hops: reach.hops,
                avoids_backbone: reach.avoids_backbone,
            };
            Some((path, candidate.metric & TRANSLATABLE != 0))
        })
    }

    fn choose(&self, prefix: Prefix4, candidates: &[Candidate], rfc1583: bool) -> Option<Path> {
        let paths = self.paths(candidates);
        let (path, _) = paths.min_by_key(|(path, translatable)| {
            (
                path.rank(rfc1583),
                !translatable,
                std::cmp::Reverse(path.origin),
                path.area,
                path.tag,
            )
        })?;
        let hops = self.shared.get(&prefix).copied().unwrap_or(path.hops);
        Some(Path { hops, ..path })
    }

    pub(super) fn path(&self, prefix: Prefix4, rfc1583: bool) -> Option<Path> {
        self.choose(prefix, self.networks.get(&prefix)?, rfc1583)
    }

    /// The address that a router says packets to a network are to go to.
    pub(super) fn forwarding(&self, prefix: Prefix4, origin: Ipv4Addr) -> Option<Ipv4Addr> {
        let candidates = self.networks.get(&prefix)?.iter();
        let mut vias = candidates.filter_map(|candidate| self.vias.get(candidate.via as usize)?.as_ref());
        let via = vias.find(|via| via.key.router == origin && via.reach.is_some())?;
        (!via.key.forwarding.is_unspecified()).then_some(via.key.forwarding)
    }

    /// Whether a router with a higher identifier says the same to everybody, with the same address to go to.
    pub(super) fn is_said_above(&self, router: Ipv4Addr, prefix: Prefix4, external: &External) -> bool {
        let type_2 = if external.type_2 { TYPE_2 } else { 0 };
        let mut candidates = self.networks.get(&prefix).into_iter().flatten();
        candidates.any(|candidate| {
            let via = self.vias.get(candidate.via as usize).and_then(Option::as_ref);
            let same = (candidate.metric, candidate.tag) == (external.metric | type_2, external.tag);
            same && via.is_some_and(|via| {
                let key = via.key;
                key.router > router
                    && key.nssa.is_none()
                    && key.forwarding == external.forwarding
                    && via.reach.is_some()
            })
        })
    }

    /// Every network there is a path to.
    pub(super) fn all(&self, rfc1583: bool) -> impl Iterator<Item = (Prefix4, Path)> {
        let networks = self.networks.iter();
        networks.filter_map(move |(prefix, candidates)| {
            Some((*prefix, self.choose(*prefix, candidates, rfc1583)?))
        })
    }
}

fn reach(
    key: ViaKey,
    settings: &Settings,
    inside: &Inside,
    routers: &BTreeMap<Place, RouterPath>,
    sets: &mut HopSets,
) -> Option<Reach> {
    let (area, boundary) = boundary_router(key, settings, routers)?;
    if key.forwarding.is_unspecified() {
        return Some(Reach {
            area,
            cost: boundary.cost,
            hops: boundary.hops,
            avoids_backbone: boundary.kind == PathType::IntraArea && !area.is_backbone(),
        });
    }
    let path = inside.towards(key.forwarding)?;
    let within = path.kind == PathType::IntraArea;
    let fits = key.nssa.is_none_or(|nssa| within && path.area == nssa);
    (fits && !settings.addresses.contains(&key.forwarding)).then(|| Reach {
        area: path.area,
        cost: path.cost,
        hops: sets.towards(path.hops, key.forwarding),
        avoids_backbone: within && !path.area.is_backbone(),
    })
}

/// The best of the paths to a boundary router (§16.4 step 3): those that avoid the backbone first, unless RFC 1583 is followed;
/// then the least cost, then the largest area.
fn boundary_router(
    key: ViaKey,
    settings: &Settings,
    routers: &BTreeMap<Place, RouterPath>,
) -> Option<(AreaId, RouterPath)> {
    let all = (key.router, AreaId(0))..=(key.router, AreaId(u32::MAX));
    let paths = routers.range(all).filter(|((_, area), path)| {
        let fits = match key.nssa {
            Some(nssa) => *area == nssa && path.kind == PathType::IntraArea,
            None => settings.areas.get(area) == Some(&AreaKind::Normal),
        };
        fits && path.flags.contains(RouterFlags::EXTERNAL)
    });
    let best = paths.min_by_key(|((_, area), path)| {
        let backbone = path.kind != PathType::IntraArea || area.is_backbone();
        (!settings.rfc1583 && backbone, path.cost, std::cmp::Reverse(*area))
    });
    best.map(|((_, area), path)| (*area, *path))
}
