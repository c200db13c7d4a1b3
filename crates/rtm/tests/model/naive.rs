//! The table told plainly: a list of routes for each destination, searched from end to end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use waypost_rtm::{EntityConfig, EntityId, Family, MAX_RECURSION, default_preference};
use waypost_types::{
    BestRoute, InterfaceIndex, MAX_NEXT_HOPS, NextHop, NextHops, PathId, Prefix, ProtocolId, Route,
    RouteChange, RouteKind, Time,
};

use crate::PROTOCOLS;

pub(crate) struct ModelEntity {
    pub(crate) id: EntityId,
    pub(crate) config: EntityConfig,
}

#[derive(Clone)]
pub(crate) struct ModelRoute {
    pub(crate) protocol: usize,
    pub(crate) path: PathId,
    pub(crate) route: Route,
    pub(crate) since: Time,
    pub(crate) fresh: bool,
}

#[derive(Default)]
pub(crate) struct ModelDestination {
    pub(crate) routes: Vec<ModelRoute>,
    pub(crate) best: Option<(usize, PathId)>,
    pub(crate) armed: Option<Duration>,
    pub(crate) held: Option<(Time, Duration)>,
}

impl ModelDestination {
    /// Where the route added first wins among equals.
    fn is_recursive(&self) -> bool {
        let mut hops = self.routes.iter().flat_map(|r| &r.route.next_hops);
        hops.any(|hop| hop.interface == InterfaceIndex(0))
    }
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) now: Time,
    pub(crate) entities: BTreeMap<usize, ModelEntity>,
    pub(crate) preferences: BTreeMap<usize, u8>,
    pub(crate) down: BTreeSet<InterfaceIndex>,
    pub(crate) destinations: BTreeMap<Prefix, ModelDestination>,
}

/// The next hops in the order and form the table reports them.
pub(crate) fn normalised(hops: impl IntoIterator<Item = NextHop>) -> NextHops {
    let mut by_key: BTreeMap<(InterfaceIndex, Option<IpAddr>), u16> = BTreeMap::new();
    for hop in hops {
        // Those that come first have the room.
        let key = (hop.interface, hop.gateway);
        if by_key.contains_key(&key) || by_key.len() < MAX_NEXT_HOPS {
            let weight = by_key.entry(key).or_default();
            *weight = hop.weight.max(*weight);
        }
    }
    let hops = by_key.into_iter().map(|((interface, gateway), weight)| NextHop {
        interface,
        gateway,
        weight,
        onlink: false,
    });
    hops.collect()
}

/// Next hops with the factors that their weights are multiplied by.
fn shared(parts: Vec<(u16, Vec<NextHop>)>) -> NextHops {
    let mut shares: Vec<(NextHop, u64)> = Vec::new();
    for (factor, hops) in parts {
        for hop in hops {
            let share = u64::from(hop.weight) * u64::from(factor);
            let place = |h: &NextHop| (h.interface, h.gateway, h.onlink);
            match shares.iter().position(|(have, _)| place(have) == place(&hop)) {
                Some(at) => shares[at].1 += share,
                None if shares.len() < MAX_NEXT_HOPS => shares.push((hop, share)),
                None => {}
            }
        }
    }
    let least = shares.iter().map(|(_, share)| *share).min().unwrap_or(1);
    let common = (1..=least)
        .rev()
        .find(|d| shares.iter().all(|(_, share)| share % d == 0));
    shares
        .iter_mut()
        .for_each(|(_, share)| *share /= common.unwrap_or(1));
    let most = shares.iter().map(|(_, share)| *share).max().unwrap_or(1);
    let fits = |share: u64| {
        if most > 256 {
            (share * 256 / most).max(1)
        } else {
            share
        }
    };
    let with_share = |(hop, share)| NextHop {
        weight: fits(share) as u16,
        ..hop
    };
    let mut hops: Vec<NextHop> = shares.into_iter().map(with_share).collect();
    hops.sort_by_key(|hop| (hop.interface, hop.gateway, hop.onlink));
    hops.into()
}

impl Model {
    pub(crate) fn preference(&self, route: &ModelRoute) -> u8 {
        let configured = || self.preferences.get(&route.protocol).copied();
        let own = || default_preference(PROTOCOLS[route.protocol]);
        route.route.preference.or_else(configured).unwrap_or_else(own)
    }

    pub(crate) fn usable(&self, hops: &NextHops) -> NextHops {
        self.follow(hops, &mut Vec::new())
    }

    /// The next hops that can be used, recursive ones followed for the sake of those on the path.
    fn follow(&self, hops: &NextHops, path: &mut Vec<IpAddr>) -> NextHops {
        let mut parts = Vec::new();
        for hop in hops {
            let gateway = hop.gateway.filter(|_| hop.interface == InterfaceIndex(0));
            let Some(gateway) = gateway else {
                if !self.down.contains(&hop.interface) {
                    parts.push((1, vec![*hop]));
                }
                continue;
            };
            if path.contains(&gateway) || path.len() == MAX_RECURSION {
                continue;
            }
            path.push(gateway);
            if let Some((_, way)) = self.way_to(gateway, path) {
                parts.push((hop.weight, way.into_vec()));
            }
            path.pop();
        }
        if hops.iter().any(|hop| hop.interface == InterfaceIndex(0)) {
            shared(parts)
        } else {
            parts.into_iter().flat_map(|(_, hops)| hops).collect()
        }
    }

    /// Where a gateway leads: through which destination, and to which next hops. It is on the path itself.
    pub(crate) fn way_to(&self, gateway: IpAddr, path: &mut Vec<IpAddr>) -> Option<(Prefix, NextHops)> {
        let mut covering: Vec<&Prefix> = self.destinations.keys().filter(|p| p.contains(gateway)).collect();
        covering.sort_by_key(|prefix| std::cmp::Reverse(prefix.length()));
        for prefix in covering {
            let destination = &self.destinations[prefix];
            let mut routes: Vec<&ModelRoute> = destination.routes.iter().collect();
            let recursive =
                |r: &&ModelRoute| r.route.next_hops.iter().any(|h| h.interface == InterfaceIndex(0));
            let incumbent = destination.best.filter(|_| !routes.iter().any(recursive));
            routes.sort_by_key(|r| (self.rank(r), Some((r.protocol, r.path)) != incumbent));
            routes.retain(|r| {
                r.route.kind != RouteKind::Unicast || !self.follow(&r.route.next_hops, path).is_empty()
            });
            let Some(best) = routes.first() else { continue };
            if best.route.kind != RouteKind::Unicast {
                return None;
            }
            let mut hops = best.route.next_hops.clone();
            if self.merges(best.protocol) {
                let equal = routes.iter().filter(|r| {
                    r.protocol == best.protocol
                        && self.rank(r) == self.rank(best)
                        && r.route.kind == RouteKind::Unicast
                });
                hops = normalised(equal.flat_map(|r| r.route.next_hops.clone()));
            }
            let mut hops = self.follow(&hops, path);
            for hop in &mut hops {
                if hop.gateway.is_none() {
                    (hop.gateway, hop.onlink) = (Some(gateway), true);
                }
            }
            hops.sort_by_key(|hop| (hop.interface, hop.gateway, hop.onlink));
            return Some((*prefix, hops));
        }
        None
    }

    fn merges(&self, protocol: usize) -> bool {
        let entity = self.entities.get(&protocol);
        entity.is_some_and(|entity| entity.config.merge_equal)
    }

    pub(crate) fn eligible(&self, route: &Route) -> bool {
        route.kind != RouteKind::Unicast || !self.usable(&route.next_hops).is_empty()
    }

    pub(crate) fn rank(&self, route: &ModelRoute) -> (u8, u32) {
        (self.preference(route), route.route.metric)
    }

    pub(crate) fn choose(&mut self) {
        let mut chosen = Vec::new();
        for (prefix, destination) in &self.destinations {
            let eligible: Vec<_> = destination
                .routes
                .iter()
                .filter(|r| self.eligible(&r.route))
                .collect();
            let least = eligible.iter().map(|r| self.rank(r)).min();
            let mut tied = eligible.into_iter().filter(|r| Some(self.rank(r)) == least);
            let first = tied.clone().next();
            let incumbent = destination.best.filter(|_| !destination.is_recursive());
            let incumbent = tied.find(|r| Some((r.protocol, r.path)) == incumbent);
            chosen.push((*prefix, incumbent.or(first).map(|r| (r.protocol, r.path))));
        }
        for (prefix, best) in chosen {
            let destination = self.destinations.get_mut(&prefix).unwrap();
            destination.best = best;
            if destination.routes.is_empty()
                && let Some(duration) = destination.armed.take()
            {
                destination.held = Some((self.now, duration));
            }
        }
    }

    pub(crate) fn best_row(&self, prefix: Prefix) -> Option<&ModelRoute> {
        let destination = self.destinations.get(&prefix)?;
        let best = destination.best?;
        destination.routes.iter().find(|r| (r.protocol, r.path) == best)
    }

    pub(crate) fn best(&self, prefix: Prefix) -> Option<BestRoute> {
        let best = self.best_row(prefix)?;
        Some(BestRoute {
            owner: PROTOCOLS[best.protocol],
            preference: self.preference(best),
            route: best.route.clone(),
        })
    }

    pub(crate) fn advertised(&self, prefix: Prefix) -> Option<BestRoute> {
        let held = self.destinations.get(&prefix).is_some_and(|d| d.held.is_some());
        self.best(prefix).filter(|_| !held)
    }

    pub(crate) fn forwarding(&self, prefix: Prefix) -> Option<(RouteKind, ProtocolId, u8, u32, NextHops)> {
        let best = self.best_row(prefix)?;
        let mut hops = best.route.next_hops.clone();
        if self.merges(best.protocol) && best.route.kind == RouteKind::Unicast {
            let routes = self.destinations[&prefix].routes.iter();
            let equal = routes.filter(|r| {
                r.protocol == best.protocol
                    && self.rank(r) == self.rank(best)
                    && r.route.kind == RouteKind::Unicast
                    && self.eligible(&r.route)
            });
            let others = equal.flat_map(|r| r.route.next_hops.clone());
            hops = normalised(hops.into_iter().chain(others));
        }
        let (preference, metric) = self.rank(best);
        let owner = PROTOCOLS[best.protocol];
        Some((best.route.kind, owner, preference, metric, self.usable(&hops)))
    }

    pub(crate) fn count(&self, protocol: usize) -> usize {
        let routes = self.destinations.values().flat_map(|d| &d.routes);
        routes.filter(|r| r.protocol == protocol).count()
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&ModelRoute) -> bool) {
        for destination in self.destinations.values_mut() {
            destination.routes.retain(&keep);
            let best = destination.best;
            if !destination
                .routes
                .iter()
                .any(|r| Some((r.protocol, r.path)) == best)
            {
                destination.best = None;
            }
        }
    }

    pub(crate) fn valid(&self, protocol: usize, prefix: Prefix, route: &Route) -> bool {
        let family = self.entities[&protocol].config.family;
        let v4_gateway = route
            .next_hops
            .iter()
            .any(|hop| hop.gateway.is_some_and(|g| g.is_ipv4()));
        family.is_none_or(|family| family == Family::of(prefix))
            && route.preference != Some(0)
            && (route.kind == RouteKind::Unicast) != route.next_hops.is_empty()
            && route.next_hops.len() <= MAX_NEXT_HOPS
            && !(matches!(prefix, Prefix::V6(_)) && v4_gateway)
    }

    /// Whether the change is accepted.
    pub(crate) fn apply(&mut self, protocol: usize, change: &RouteChange) -> bool {
        match change {
            RouteChange::Delete { prefix, path } => {
                if let Some(destination) = self.destinations.get_mut(prefix) {
                    destination
                        .routes
                        .retain(|r| (r.protocol, r.path) != (protocol, *path));
                    if destination.best == Some((protocol, *path)) {
                        destination.best = None;
                    }
                }
                true
            }
            RouteChange::Set { prefix, path, route } => {
                if !self.valid(protocol, *prefix, route) {
                    return false;
                }
                let full = self.entities[&protocol]
                    .config
                    .route_limit
                    .is_some_and(|limit| self.count(protocol) >= limit as usize);
                let mut route = route.clone();
                route.next_hops = normalised(route.next_hops);
                let destination = self.destinations.entry(*prefix).or_default();
                let mut routes = destination.routes.iter_mut();
                match routes.find(|r| (r.protocol, r.path) == (protocol, *path)) {
                    Some(old) => {
                        if old.route != route {
                            old.since = self.now;
                        }
                        old.route = route;
                        old.fresh = true;
                    }
                    None if full => return false,
                    None => destination.routes.push(ModelRoute {
                        protocol,
                        path: *path,
                        route,
                        since: self.now,
                        fresh: true,
                    }),
                }
                true
            }
        }
    }
}
