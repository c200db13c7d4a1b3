//! The calculation of RFC 2328 §16 as plainly as it can be said: everything, from the LSAs, with sets of next hops written out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use waypost_types::{NextHop, Prefix4};

use crate::area::AreaId;
use crate::database::Database;
use crate::lsa::body::{LinkType, RouterFlags, RouterLink};
use crate::lsa::{Body, External, LS_INFINITY, LsaKey, LsaType};
use crate::parameters::AreaKind;
use crate::spf::table::{AreaView, PathType, Table, View};

type Hops = BTreeSet<NextHop>;

/// A path: type, area, cost, cost of type 2, tag, origin, next hops.
pub(super) type Way = (PathType, AreaId, u32, u32, u32, Ipv4Addr, Vec<NextHop>);
/// The way to a router: type, cost, next hops, flags.
pub(super) type RouterWay = (PathType, u32, Vec<NextHop>, RouterFlags);

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) networks: BTreeMap<Prefix4, Way>,
    pub(super) routers: BTreeMap<(Ipv4Addr, AreaId), RouterWay>,
}

/// A table in the model's terms.
pub(super) fn networks(table: &Table) -> BTreeMap<Prefix4, Way> {
    let all = table.all().map(|(prefix, path)| {
        assert_eq!(table.path(prefix), Some(path));
        let hops = table.sets.get(path.hops).to_vec();
        let way = (
            path.kind,
            path.area,
            path.cost,
            path.type_2,
            path.tag,
            path.origin,
            hops,
        );
        (prefix, way)
    });
    all.collect()
}

pub(super) fn routers(table: &Table) -> BTreeMap<(Ipv4Addr, AreaId), RouterWay> {
    let all = table.routers().iter().map(|(place, path)| {
        (
            *place,
            (
                path.kind,
                path.cost,
                table.sets.get(path.hops).to_vec(),
                path.flags,
            ),
        )
    });
    all.collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Vertex {
    Network(Ipv4Addr, Ipv4Addr),
    Router(Ipv4Addr),
}

/// A link: its cost, its Link Data, and whether it is virtual.
type Link = (u32, Ipv4Addr, bool);

/// The ends of virtual links: what it costs to get there, and how.
type Ends = BTreeMap<Ipv4Addr, (u32, Hops)>;

#[derive(Default)]
struct Area {
    /// Links by their ends.
    links: BTreeMap<(Vertex, Vertex), Vec<Link>>,
    flags: BTreeMap<Ipv4Addr, RouterFlags>,
    prefixes: Vec<(Vertex, Prefix4, u32)>,
    ways: BTreeMap<Vertex, (u32, Hops)>,
}

fn live(database: &Database) -> impl Iterator<Item = (LsaKey, Body<'_>)> {
    let slots = database.slots().filter(|slot| !database.is_flushed(*slot));
    slots.map(|slot| (database.key(slot).unwrap(), database.body(slot).unwrap()))
}

impl Area {
    fn read(view: &AreaView<'_>) -> Self {
        let mut area = Self::default();
        let mut networks: BTreeMap<Ipv4Addr, Vec<Vertex>> = BTreeMap::new();
        for (key, body) in live(view.database) {
            match body {
                Body::Router(router) if key.id == key.router => {
                    area.flags.insert(key.id, router.flags);
                }
                Body::Network(_) => {
                    networks
                        .entry(key.id)
                        .or_default()
                        .push(Vertex::Network(key.id, key.router));
                }
                _ => {}
            }
        }
        for (key, body) in live(view.database) {
            match body {
                Body::Router(router) if key.id == key.router => {
                    for link in router.links() {
                        area.read_link(Vertex::Router(key.id), link, &networks);
                    }
                }
                Body::Network(network) => {
                    let from = Vertex::Network(key.id, key.router);
                    if network.mask != Ipv4Addr::BROADCAST
                        && let Ok(prefix) = Prefix4::from_netmask(key.id, network.mask)
                    {
                        area.prefixes.push((from, prefix, 0));
                    }
                    for router in network.routers().filter(|router| area.flags.contains_key(router)) {
                        let link = (0, Ipv4Addr::UNSPECIFIED, false);
                        area.links
                            .entry((from, Vertex::Router(router)))
                            .or_default()
                            .push(link);
                    }
                }
                _ => {}
            }
        }
        let both = |(from, to): &(Vertex, Vertex)| area.links.contains_key(&(*to, *from));
        let one_way: Vec<_> = area.links.keys().filter(|ends| !both(ends)).copied().collect();
        for ends in one_way {
            area.links.remove(&ends);
        }
        area
    }

    fn read_link(&mut self, from: Vertex, link: RouterLink, networks: &BTreeMap<Ipv4Addr, Vec<Vertex>>) {
        let metric = u32::from(link.metric);
        let to = match link.kind {
            LinkType::PointToPoint | LinkType::Virtual if self.flags.contains_key(&link.id) => {
                vec![Vertex::Router(link.id)]
            }
            LinkType::Transit => networks.get(&link.id).cloned().unwrap_or_default(),
            LinkType::Stub => {
                if let Ok(prefix) = Prefix4::from_netmask(link.id, link.data) {
                    self.prefixes.push((from, prefix, metric));
                }
                Vec::new()
            }
            _ => Vec::new(),
        };
        for to in to {
            let link = (metric, link.data, link.kind == LinkType::Virtual);
            self.links.entry((from, to)).or_default().push(link);
        }
    }

    /// Where a link of the root leads.
    fn first(view: &AreaView<'_>, ends: &Ends, to: Vertex, (_, data, is_virtual): Link) -> Hops {
        match to {
            Vertex::Router(router) if is_virtual => ends
                .get(&router)
                .map(|(_, hops)| hops.clone())
                .unwrap_or_default(),
            Vertex::Network(..) => {
                let index = view.first.networks.get(&data);
                index.map(|index| NextHop::on(*index)).into_iter().collect()
            }
            Vertex::Router(router) => {
                let hops = view.first.routers.get(&(router, data));
                hops.into_iter().flatten().copied().collect()
            }
        }
    }

    /// Bellman and Ford: distances until nothing is shorter, then next hops until nothing is added.
    fn walk(&mut self, view: &AreaView<'_>, ends: &Ends, router: Ipv4Addr) {
        let root = Vertex::Router(router);
        if !self.flags.contains_key(&router) {
            return;
        }
        let mut links = self.links.clone();
        for ((_, to), ways) in links.iter_mut().filter(|((from, _), _)| *from == root) {
            ways.retain(|link| !Self::first(view, ends, *to, *link).is_empty());
        }
        let mut distances = BTreeMap::from([(root, 0_u32)]);
        loop {
            let before = distances.clone();
            for ((from, to), links) in &links {
                for (cost, ..) in links {
                    let Some(at) = distances.get(from).map(|distance| distance + cost) else {
                        continue;
                    };
                    let distance = distances.entry(*to).or_insert(at);
                    *distance = at.min(*distance);
                }
            }
            if distances == before {
                break;
            }
        }
        let mut ways: BTreeMap<Vertex, (u32, Hops)> = distances
            .iter()
            .map(|(vertex, distance)| (*vertex, (*distance, Hops::new())))
            .collect();
        loop {
            let before = ways.clone();
            for ((from, to), links) in &links {
                for link in links {
                    let cost = &link.0;
                    let (Some(near), Some(far)) = (distances.get(from), distances.get(to)) else {
                        continue;
                    };
                    if near + cost != *far || *to == root {
                        continue;
                    }
                    let hops = ways[from].1.clone();
                    let given: Hops = if *from == root {
                        Self::first(view, ends, *to, *link)
                    } else if let (Vertex::Network(..), Vertex::Router(_)) = (from, to) {
                        let back = self.links.get(&(*to, *from)).into_iter().flatten();
                        let addresses: Vec<Ipv4Addr> = back.map(|(_, data, _)| *data).collect();
                        let towards = hops.iter().flat_map(|hop| match hop.gateway {
                            Some(_) => vec![*hop],
                            None => {
                                let via = |address: &Ipv4Addr| NextHop::via((*address).into(), hop.interface);
                                addresses.iter().map(via).collect()
                            }
                        });
                        towards.collect()
                    } else {
                        hops
                    };
                    ways.get_mut(to).unwrap().1.extend(given);
                }
            }
            if ways == before {
                break;
            }
        }
        self.ways = ways;
    }

    fn router(&self, router: Ipv4Addr, own: Ipv4Addr) -> Option<(u32, Hops, RouterFlags)> {
        let (cost, hops) = self.ways.get(&Vertex::Router(router)).filter(|_| router != own)?;
        Some((*cost, hops.clone(), self.flags[&router]))
    }

    fn border(&self, router: Ipv4Addr, own: Ipv4Addr) -> Option<(u32, Hops)> {
        let (cost, hops, flags) = self.router(router, own)?;
        flags.contains(RouterFlags::BORDER).then_some((cost, hops))
    }
}

/// A path with its next hops still a set, and whether it avoids the backbone.
#[derive(Clone, Debug)]
struct Path {
    kind: PathType,
    area: AreaId,
    cost: u32,
    type_2: u32,
    tag: u32,
    origin: Ipv4Addr,
    hops: Hops,
    avoids: bool,
}

impl Path {
    fn add(known: &mut Option<Self>, path: Self, rfc1583: bool) {
        let rank = |path: &Self| (path.kind, path.type_2, !rfc1583 && !path.avoids, path.cost);
        let name = |path: &Self| (path.origin, std::cmp::Reverse((path.area, path.tag)));
        let Some(old) = known else {
            *known = Some(path);
            return;
        };
        if rank(&path) < rank(old) {
            *old = path;
        } else if rank(&path) == rank(old) {
            let hops = old.hops.union(&path.hops).copied().collect();
            if name(&path) > name(old) {
                *old = path;
            }
            old.hops = hops;
        }
    }
}

fn shorten(cost: &mut u32, hops: &mut Hops, way: u32, behind: Hops) {
    if way < *cost {
        (*cost, *hops) = (way, behind);
    } else if way == *cost {
        hops.extend(behind);
    }
}

struct Router {
    kind: PathType,
    cost: u32,
    hops: Hops,
    flags: RouterFlags,
}

/// Everything.
pub(super) fn calculate(view: &View<'_>) -> Model {
    let own = view.router;
    let mut areas: BTreeMap<AreaId, Area> = BTreeMap::new();
    let none = Ends::new();
    // The backbone last: what is reached over its virtual links is reached through the others.
    let mut ends = Ends::new();
    for area in view.areas.iter().rev() {
        let mut read = Area::read(area);
        read.walk(area, if area.area.is_backbone() { &ends } else { &none }, own);
        for (_, router) in view
            .virtual_links
            .iter()
            .filter(|(through, _)| *through == area.area)
        {
            let Some((cost, hops, _)) = read.router(*router, own) else {
                continue;
            };
            let end = ends.entry(*router).or_insert((u32::MAX, Hops::new()));
            shorten(&mut end.0, &mut end.1, cost, hops);
        }
        areas.insert(area.area, read);
    }
    let transit: Vec<AreaId> = areas
        .iter()
        .filter(|(_, area)| {
            let mut flags = area.flags.iter();
            flags.any(|(router, flags)| {
                flags.contains(RouterFlags::VIRTUAL) && area.ways.contains_key(&Vertex::Router(*router))
            })
        })
        .map(|(area, _)| *area)
        .collect();
    let mut routers: BTreeMap<(Ipv4Addr, AreaId), Router> = BTreeMap::new();
    let mut inside: BTreeMap<Prefix4, Option<Path>> = BTreeMap::new();
    for (id, area) in &areas {
        for (router, flags) in &area.flags {
            if let Some((cost, hops, _)) = area.router(*router, own)
                && flags.intersects(RouterFlags::BORDER | RouterFlags::EXTERNAL)
            {
                let (kind, flags) = (PathType::IntraArea, *flags);
                routers.insert(
                    (*router, *id),
                    Router {
                        kind,
                        cost,
                        hops,
                        flags,
                    },
                );
            }
        }
        let view = view.areas.iter().find(|view| view.area == *id).unwrap();
        for (vertex, prefix, cost) in &area.prefixes {
            let Some((distance, hops)) = area.ways.get(vertex) else {
                continue;
            };
            let stub = view
                .first
                .stubs
                .get(prefix)
                .filter(|_| *vertex == Vertex::Router(own));
            let path = Path {
                kind: PathType::IntraArea,
                area: *id,
                cost: distance + cost,
                type_2: 0,
                tag: 0,
                origin: Ipv4Addr::UNSPECIFIED,
                hops: stub.map_or_else(|| hops.clone(), |index| Hops::from([NextHop::on(*index)])),
                avoids: !id.is_backbone(),
            };
            Path::add(inside.entry(*prefix).or_default(), path, true);
        }
    }
    let intra: BTreeSet<Prefix4> = inside.keys().copied().collect();
    let counted = view
        .areas
        .iter()
        .filter(|area| !view.border || area.area.is_backbone());
    for area in counted {
        for (key, body) in live(area.database).filter(|(key, _)| key.router != own) {
            let Some((distance, hops)) = areas[&area.area].border(key.router, own) else {
                continue;
            };
            match body {
                Body::Summary(summary) if summary.metric < LS_INFINITY => {
                    let Ok(prefix) = Prefix4::from_netmask(key.id, summary.mask) else {
                        continue;
                    };
                    if intra.contains(&prefix) || view.ranges.contains(&prefix) {
                        continue;
                    }
                    let path = Path {
                        kind: PathType::InterArea,
                        area: area.area,
                        cost: distance + summary.metric,
                        type_2: 0,
                        tag: 0,
                        origin: key.router,
                        hops,
                        avoids: false,
                    };
                    Path::add(inside.entry(prefix).or_default(), path, true);
                }
                Body::AsbrSummary(summary) if summary.metric < LS_INFINITY && key.id != own => {
                    let cost = distance + summary.metric;
                    let known = routers.entry((key.id, area.area)).or_insert_with(|| Router {
                        kind: PathType::InterArea,
                        cost: u32::MAX,
                        hops: Hops::new(),
                        flags: RouterFlags::EXTERNAL,
                    });
                    known.flags |= RouterFlags::EXTERNAL;
                    if known.kind == PathType::InterArea {
                        shorten(&mut known.cost, &mut known.hops, cost, hops);
                    }
                }
                _ => {}
            }
        }
    }
    for area in view.areas.iter().filter(|area| transit.contains(&area.area)) {
        for (key, body) in live(area.database).filter(|(key, _)| key.router != own) {
            let Some((distance, hops)) = areas[&area.area].border(key.router, own) else {
                continue;
            };
            match body {
                Body::Summary(summary) if summary.metric < LS_INFINITY => {
                    if let Ok(prefix) = Prefix4::from_netmask(key.id, summary.mask)
                        && let Some(Some(path)) = inside.get_mut(&prefix)
                        && path.area.is_backbone()
                    {
                        shorten(&mut path.cost, &mut path.hops, distance + summary.metric, hops);
                    }
                }
                Body::AsbrSummary(summary) if summary.metric < LS_INFINITY => {
                    if let Some(path) = routers.get_mut(&(key.id, AreaId::BACKBONE)) {
                        shorten(&mut path.cost, &mut path.hops, distance + summary.metric, hops);
                    }
                }
                _ => {}
            }
        }
    }
    let inside: BTreeMap<Prefix4, Path> = inside
        .into_iter()
        .filter_map(|(prefix, path)| Some((prefix, path?)))
        .collect();
    let mut outside: BTreeMap<Prefix4, Option<Path>> = BTreeMap::new();
    let nssas = view.areas.iter().filter(|area| area.kind == AreaKind::Nssa);
    let sources =
        std::iter::once((view.external, None)).chain(nssas.map(|area| (area.database, Some(area.area))));
    for (database, nssa) in sources {
        for (key, body) in live(database).filter(|(key, _)| key.router != own) {
            let external = match body {
                Body::AsExternal(external) if nssa.is_none() => external,
                Body::Nssa(external) if nssa.is_some() => external,
                _ => continue,
            };
            let Ok(prefix) = Prefix4::from_netmask(key.id, external.mask) else {
                continue;
            };
            if external.metric < LS_INFINITY
                && !inside.contains_key(&prefix)
                && let Some(path) = external_path(view, key, &external, nssa, &routers, &inside)
            {
                Path::add(outside.entry(prefix).or_default(), path, view.rfc1583);
            }
        }
    }
    let all = inside.into_iter().chain(
        outside
            .into_iter()
            .filter_map(|(prefix, path)| Some((prefix, path?))),
    );
    let limited = |hops: Hops| hops.into_iter().take(view.limit).collect::<Vec<_>>();
    Model {
        networks: all
            .map(|(prefix, path)| {
                let Path {
                    kind,
                    area,
                    cost,
                    type_2,
                    tag,
                    origin,
                    hops,
                    ..
                } = path;
                (prefix, (kind, area, cost, type_2, tag, origin, limited(hops)))
            })
            .collect(),
        routers: routers
            .into_iter()
            .map(|(place, path)| (place, (path.kind, path.cost, limited(path.hops), path.flags)))
            .collect(),
    }
}

fn external_path(
    view: &View<'_>,
    key: LsaKey,
    external: &External,
    nssa: Option<AreaId>,
    routers: &BTreeMap<(Ipv4Addr, AreaId), Router>,
    inside: &BTreeMap<Prefix4, Path>,
) -> Option<Path> {
    assert!(matches!(key.kind, LsaType::AsExternal | LsaType::Nssa));
    let fits = |area: &AreaId, path: &Router| match nssa {
        Some(nssa) => *area == nssa && path.kind == PathType::IntraArea,
        None => view
            .areas
            .iter()
            .any(|view| view.area == *area && view.kind == AreaKind::Normal),
    };
    let candidates = routers.iter().filter(|((router, area), path)| {
        *router == key.router && path.flags.contains(RouterFlags::EXTERNAL) && fits(area, path)
    });
    let avoids = |area: AreaId, path: &Router| path.kind == PathType::IntraArea && !area.is_backbone();
    let ((_, area), router) = candidates.min_by_key(|((_, area), path)| {
        (
            !view.rfc1583 && !avoids(*area, path),
            path.cost,
            std::cmp::Reverse(*area),
        )
    })?;
    let mut way = (*area, router.cost, router.hops.clone(), avoids(*area, router));
    if !external.forwarding.is_unspecified() {
        let covering = inside
            .iter()
            .filter(|(prefix, _)| prefix.contains(external.forwarding));
        let (_, path) = covering.max_by_key(|(prefix, _)| prefix.length())?;
        let within = path.kind == PathType::IntraArea;
        if view.addresses.contains(&external.forwarding)
            || nssa.is_some_and(|nssa| !within || path.area != nssa)
        {
            return None;
        }
        let towards = path.hops.iter().map(|hop| match hop.gateway {
            Some(_) => *hop,
            None => NextHop::via(external.forwarding.into(), hop.interface),
        });
        way = (
            path.area,
            path.cost,
            towards.collect(),
            within && !path.area.is_backbone(),
        );
    }
    let (area, cost, hops, avoids) = way;
    let (kind, cost, type_2) = if external.type_2 {
        (PathType::External2, cost, external.metric)
    } else {
        (PathType::External1, cost + external.metric, 0)
    };
    let (tag, origin) = (external.tag, key.router);
    Some(Path {
        kind,
        area,
        cost,
        type_2,
        tag,
        origin,
        hops,
        avoids,
    })
}
