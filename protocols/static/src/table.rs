//! The configured routes, and which of them the routing table was given.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use smallvec::SmallVec;
use waypost_engine::Outbox;
use waypost_types::{
    InterfaceIndex, MAX_NEXT_HOPS, NextHop, NextHops, PathId, Prefix, Prefix4, Prefix6, Route, RouteKind,
};

use crate::config::{DEFAULT_METRIC, InterfaceStaticRoute, StaticRoute, Via};
use crate::links::{Links, Touched, Unreachable};

/// What makes two configured routes one: destination and rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteKey {
    pub(crate) prefix: Prefix,
    pub(crate) preference: Option<u8>,
    pub(crate) metric: u32,
}

impl RouteKey {
    pub(crate) fn of(route: &StaticRoute) -> Self {
        Self {
            prefix: route.prefix,
            preference: route.preference,
            metric: route.metric.unwrap_or(DEFAULT_METRIC),
        }
    }

    pub(crate) fn of_interface(route: &InterfaceStaticRoute) -> Self {
        Self {
            prefix: route.prefix,
            preference: route.effective_preference(),
            metric: route.metric.unwrap_or(DEFAULT_METRIC),
        }
    }

    const fn first(prefix: Prefix) -> Self {
        Self {
            prefix,
            preference: None,
            metric: 0,
        }
    }

    const fn last(prefix: Prefix) -> Self {
        Self {
            prefix,
            preference: Some(u8::MAX),
            metric: u32::MAX,
        }
    }

    /// Below every key.
    fn lowest() -> Self {
        Self::first(Prefix4::DEFAULT.into())
    }

    /// Above every key.
    fn highest() -> Self {
        Self::last(Prefix6::host(Ipv6Addr::from(u128::MAX)).into())
    }
}

/// Which configuration a route stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Global,
    Interface(InterfaceIndex),
}

/// What one configuration says for one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configured {
    pub(crate) kind: RouteKind,
    pub(crate) tag: u32,
    pub(crate) via: SmallVec<[Via; 1]>,
    pub(crate) annotate: Option<String>,
}

/// Everything configured for one key, and the route that was made of it.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Sorted by source, one entry a source.
    pub(crate) members: SmallVec<[(Source, Configured); 1]>,
    pub(crate) installed: Option<(PathId, Route)>,
}

/// A next hop as `show` tells it.
pub(crate) type Fate = Result<NextHop, NotUsed>;

/// Why a next hop of a group carries no traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotUsed {
    Unreachable(Unreachable),
    Repeated,
    TooMany,
}

impl Group {
    /// What becomes of every next hop, in the order of members and of their lists.
    ///
    /// Two that lead to the same place count once, and those beyond the most a route may have wait.
    pub(crate) fn fates(&self, links: &Links) -> Vec<Vec<Fate>> {
        let mut used: BTreeSet<(InterfaceIndex, Option<IpAddr>)> = BTreeSet::new();
        let mut fate = |via: &Via| {
            let hop = links.resolve(via).map_err(NotUsed::Unreachable)?;
            if used.contains(&(hop.interface, hop.gateway)) {
                return Err(NotUsed::Repeated);
            }
            if used.len() == MAX_NEXT_HOPS {
                return Err(NotUsed::TooMany);
            }
            used.insert((hop.interface, hop.gateway));
            Ok(hop)
        };
        self.members
            .iter()
            .map(|(_, configured)| configured.via.iter().map(&mut fate).collect())
            .collect()
    }

    /// The route that follows from the configuration and the interfaces.
    ///
    /// Next hops that can be reached win over a configured refusal of equal rank: the refusal is what is left without them.
    fn wanted(&self, key: &RouteKey, links: &Links) -> Option<Route> {
        let route = |kind, next_hops, tag| Route {
            kind,
            next_hops,
            metric: key.metric,
            tag,
            preference: key.preference,
        };
        let fates = self.fates(links);
        let next_hops: NextHops = fates.iter().flatten().flatten().copied().collect();
        if !next_hops.is_empty() {
            let used = |fates: &Vec<Fate>| fates.iter().any(Result::is_ok);
            let first = self.members.iter().zip(&fates).find(|(_, fates)| used(fates));
            let tag = first.map_or(0, |((_, configured), _)| configured.tag);
            return Some(route(RouteKind::Unicast, next_hops, tag));
        }
        self.members
            .iter()
            .find(|(_, configured)| configured.kind != RouteKind::Unicast)
            .map(|(_, configured)| route(configured.kind, NextHops::new(), configured.tag))
    }
}

/// How many changes the routing table was given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) set: u64,
    pub(crate) deleted: u64,
}

/// All routes, with indexes that find those a change of an interface can touch.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    groups: BTreeMap<RouteKey, Group>,
    keys: BTreeMap<Source, Vec<RouteKey>>,
    by_device: BTreeMap<String, BTreeSet<RouteKey>>,
    by_gateway: BTreeSet<(IpAddr, RouteKey)>,
    dirty: BTreeSet<RouteKey>,
}

impl RouteTable {
    pub(crate) const fn groups(&self) -> &BTreeMap<RouteKey, Group> {
        &self.groups
    }

    /// Replaces everything that one configuration says. Only routes that differ are looked at again.
    pub(crate) fn replace(&mut self, source: Source, wanted: BTreeMap<RouteKey, Configured>) {
        let keys: Vec<RouteKey> = wanted.keys().copied().collect();
        let old = if keys.is_empty() {
            self.keys.remove(&source)
        } else {
            self.keys.insert(source, keys)
        };
        for key in old.unwrap_or_default() {
            if !wanted.contains_key(&key) {
                self.put(source, key, None);
            }
        }
        for (key, configured) in wanted {
            self.put(source, key, Some(configured));
        }
    }

    fn put(&mut self, source: Source, key: RouteKey, configured: Option<Configured>) {
        let group = self.groups.entry(key).or_default();
        let place = group.members.binary_search_by_key(&source, |(source, _)| *source);
        let old_next_hops = references(group);
        match (place, configured) {
            (Ok(place), Some(configured)) => match group.members.get_mut(place) {
                Some((_, old)) if *old != configured => *old = configured,
                _ => return,
            },
            (Ok(place), None) => drop(group.members.remove(place)),
            (Err(place), Some(configured)) => group.members.insert(place, (source, configured)),
            (Err(_), None) => return,
        }
        let next_hops = references(group);
        for gone in old_next_hops.difference(&next_hops) {
            self.unindex(gone, key);
        }
        for new in next_hops.difference(&old_next_hops) {
            self.index(new, key);
        }
        self.dirty.insert(key);
    }

    fn index(&mut self, reference: &Reference, key: RouteKey) {
        match reference {
            Reference::Device(name) => {
                self.by_device.entry(name.clone()).or_default().insert(key);
            }
            Reference::Gateway(gateway) => {
                self.by_gateway.insert((*gateway, key));
            }
        }
    }

    fn unindex(&mut self, reference: &Reference, key: RouteKey) {
        match reference {
            Reference::Device(name) => {
                if let Some(keys) = self.by_device.get_mut(name) {
                    keys.remove(&key);
                    if keys.is_empty() {
                        self.by_device.remove(name);
                    }
                }
            }
            Reference::Gateway(gateway) => {
                self.by_gateway.remove(&(*gateway, key));
            }
        }
    }

    /// Marks every route that a change of an interface can touch.
    pub(crate) fn touch(&mut self, touched: &Touched) {
        if let Some(keys) = self.by_device.get(&touched.device) {
            self.dirty.extend(keys);
        }
        for network in &touched.networks {
            let last = match network {
                Prefix::V4(network) => IpAddr::V4(network.last()),
                Prefix::V6(network) => IpAddr::V6(network.last()),
            };
            let range = (network.network(), RouteKey::lowest())..=(last, RouteKey::highest());
            self.dirty
                .extend(self.by_gateway.range(range).map(|(_, key)| *key));
        }
    }

    /// Brings the routing table up to date with everything marked, and says nothing about routes that stay as they are.
    ///
    /// New routes go first, so that a destination whose route changes its rank is never without one.
    pub(crate) fn settle(&mut self, links: &Links, out: &mut Outbox) -> Changes {
        let mut changes = Changes::default();
        let mut gone = Vec::new();
        for key in std::mem::take(&mut self.dirty) {
            let Some(group) = self.groups.get(&key) else {
                continue;
            };
            let wanted = group.wanted(&key, links);
            let Some(route) = wanted else {
                gone.push(key);
                continue;
            };
            if group.installed.as_ref().is_some_and(|(_, old)| *old == route) {
                continue;
            }
            let path = match group.installed {
                Some((path, _)) => path,
                None => self.free_path(key.prefix),
            };
            out.set_route(key.prefix, path, route.clone());
            changes.set += 1;
            if let Some(group) = self.groups.get_mut(&key) {
                group.installed = Some((path, route));
            }
        }
        for key in gone {
            let Some(group) = self.groups.get_mut(&key) else {
                continue;
            };
            if let Some((path, _)) = group.installed.take() {
                out.delete_route(key.prefix, path);
                changes.deleted += 1;
            }
            if group.members.is_empty() {
                self.groups.remove(&key);
            }
        }
        changes
    }

    /// The lowest number that no installed route to the destination has.
    fn free_path(&self, prefix: Prefix) -> PathId {
        let taken: BTreeSet<PathId> = self
            .groups
            .range(RouteKey::first(prefix)..=RouteKey::last(prefix))
            .filter_map(|(_, group)| group.installed.as_ref().map(|(path, _)| *path))
            .collect();
        // INVARIANT: there are fewer routes than numbers.
        (0..=u32::MAX)
            .map(PathId)
            .find(|path| !taken.contains(path))
            .unwrap_or_default()
    }
}

/// What a next hop depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reference {
    Device(String),
    Gateway(IpAddr),
}

fn references(group: &Group) -> BTreeSet<Reference> {
    let hops = group.members.iter().flat_map(|(_, configured)| &configured.via);
    hops.flat_map(|via| {
        let device = via.device.clone().map(Reference::Device);
        device.into_iter().chain(via.gateway.map(Reference::Gateway))
    })
    .collect()
}

/// The routes of the router as a whole, by key.
pub(crate) fn of_global(routes: Vec<StaticRoute>) -> BTreeMap<RouteKey, Configured> {
    routes
        .into_iter()
        .map(|route| {
            let key = RouteKey::of(&route);
            let configured = Configured {
                kind: route.kind,
                tag: route.tag.unwrap_or(0),
                via: route.via.into(),
                annotate: route.annotate,
            };
            (key, configured)
        })
        .collect()
}

/// The routes of an interface, by key; those of equal rank become one with several next hops.
pub(crate) fn of_interface(name: &str, routes: Vec<InterfaceStaticRoute>) -> BTreeMap<RouteKey, Configured> {
    let mut by_key: BTreeMap<RouteKey, Configured> = BTreeMap::new();
    for route in routes {
        let via = Via {
            gateway: route.gateway,
            device: Some(name.to_owned()),
            weight: route.weight.unwrap_or(1),
            onlink: route.onlink,
            recursive: false,
        };
        let configured = by_key
            .entry(RouteKey::of_interface(&route))
            .or_insert_with(|| Configured {
                kind: RouteKind::Unicast,
                tag: route.tag.unwrap_or(0),
                via: SmallVec::new(),
                annotate: route.annotate,
            });
        configured.via.push(via);
    }
    by_key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_lies_between_the_lowest_and_the_highest() {
        for prefix in ["0.0.0.0/0", "255.255.255.255/32", "::/0", "ffff::/16"] {
            let prefix: Prefix = prefix.parse().unwrap();
            for key in [RouteKey::first(prefix), RouteKey::last(prefix)] {
                assert!((RouteKey::lowest()..=RouteKey::highest()).contains(&key));
            }
        }
    }
}
