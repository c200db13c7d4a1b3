//! What the table has of the routes of a client: next hops resolved, unusable routes withdrawn.

use std::collections::BTreeSet;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::{
    InterfaceIndex, MAX_NEXT_HOPS, NextHop, NextHops, Prefix, Prefix4, Prefix6, Route as TableRoute,
    RouteKind,
};

use super::events::Source;
use super::handle::Id;
use super::info::route_flags;
use super::state::{Content, Destination, Entity, Hop, Route, State, Watch, place_of};
use crate::table::{ChangeTypes, DestinationSnapshot, Views};

/// How many routes a remote next hop is followed through (P-61).
const DEPTH: usize = 8;

impl State {
    /// What the table should have of a route, of `origin` if it exists already; `None`: it cannot be used.
    pub(super) fn wanted(&self, origin: Option<Id<Route>>, content: &Content) -> Option<TableRoute> {
        if content.flags & (route_flags::MARTIAN | route_flags::INACTIVE) != 0 {
            return None;
        }
        let is_black = content.flags & (route_flags::BLACKHOLE | route_flags::DISCARD) != 0;
        let (kind, next_hops) = if is_black {
            (RouteKind::Blackhole, NextHops::new())
        } else {
            let mut next_hops = NextHops::new();
            self.follow(origin, content, DEPTH, &mut next_hops);
            if next_hops.is_empty() {
                return None;
            }
            (RouteKind::Unicast, next_hops)
        };
        Some(TableRoute {
            kind,
            next_hops,
            metric: content.metric,
            tag: 0,
            preference: match content.preference {
                0 => None,
                preference => Some(u8::try_from(preference).unwrap_or(u8::MAX)),
            },
        })
    }

    /// Adds the next hops of a route, those that are remote as `origin` reaches them.
    fn follow(&self, origin: Option<Id<Route>>, content: &Content, depth: usize, next_hops: &mut NextHops) {
        for hop in content.hops.iter().map(|hop| &self.hops[*hop]) {
            if hop.is_deleted {
                continue;
            }
            if let Some(remote) = hop.remote {
                self.resolve(origin, hop, remote, depth, next_hops);
                continue;
            }
            let interface = InterfaceIndex(hop.interface);
            let is_on_link = content.flags & route_flags::LOCAL != 0 || hop.address.is_unspecified();
            let next_hop = if is_on_link {
                NextHop::on(interface)
            } else {
                NextHop::via(hop.address, interface)
            };
            add(next_hops, next_hop);
        }
    }

    /// Adds the next hops of the best route that covers a destination.
    fn resolve(
        &self,
        origin: Option<Id<Route>>,
        hop: &Hop,
        remote: Id<Destination>,
        depth: usize,
        next_hops: &mut NextHops,
    ) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let prefix = self.destinations[remote].prefix;
        let Some(snapshot) = self.table.covering(prefix, Views::UNICAST, false) else {
            return;
        };
        let Some(best) = snapshot.views[0].routes.iter().find(|route| route.is_best) else {
            return;
        };
        // A route that is reached through itself leads nowhere; those of this client know what they were made from.
        if let Some(own) = self.own_route_at(&snapshot, best.owner, best.path) {
            if Some(own) != origin {
                let from = next_hops.len();
                self.follow(origin, &self.routes[own].content, depth, next_hops);
                on_the_way(hop, prefix, &mut next_hops[from..]);
            }
            return;
        }
        if best.route.kind == RouteKind::Unicast {
            let from = next_hops.len();
            for next_hop in &best.route.next_hops {
                add(next_hops, *next_hop);
            }
            on_the_way(hop, prefix, &mut next_hops[from..]);
        }
    }

    fn own_route_at(
        &self,
        snapshot: &DestinationSnapshot,
        owner: crate::EntityName,
        path: waypost_types::PathId,
    ) -> Option<Id<Route>> {
        let family = Family::of(snapshot.prefix);
        let owner = *self.by_name.get(&(family, owner))?;
        let destination = self.by_prefix.get(snapshot.prefix)?;
        let routes = self.destinations[destination].routes.iter().copied();
        routes
            .filter(|id| self.routes[*id].is_own)
            .find(|id| self.routes[*id].owner == owner && self.routes[*id].path == path)
    }

    /// Gives the table what it should have of a route. Says in which views it, or another one, is a best route now.
    pub(super) fn sync(&mut self, id: Id<Route>) -> Result<Views, Status> {
        let route = &self.routes[id];
        let wanted = self.wanted(Some(id), &route.content);
        let prefix = self.destinations[route.destination].prefix;
        let (path, views, was_in_table) = (route.path, route.content.views, route.is_in_table);
        let key = self.registered(route.owner)?.key;
        let best = match &wanted {
            Some(route) => self.table.set(key, prefix, path, views, route)?,
            None if was_in_table => self.table.delete(key, prefix, path)?,
            None => Views::empty(),
        };
        self.note_in_table(id, wanted.is_some());
        Ok(best)
    }

    /// Notes whether the table has a route.
    pub(super) fn note_in_table(&mut self, id: Id<Route>, is_in_table: bool) {
        if self.routes[id].is_in_table != is_in_table {
            self.routes[id].is_in_table = is_in_table;
            self.count_withdrawn(id, !is_in_table);
        }
    }

    /// Counts a route among those that the table does not have, or no more.
    pub(super) fn count_withdrawn(&mut self, id: Id<Route>, is_withdrawn: bool) {
        let prefix = self.destinations[self.routes[id].destination].prefix;
        if is_withdrawn {
            *self.withdrawn.entry(prefix).or_default() += 1;
        } else if let Some(count) = self.withdrawn.get_mut(&prefix) {
            *count -= 1;
            if *count == 0 {
                self.withdrawn.remove(&prefix);
            }
        }
    }

    /// Brings the routes through a next hop up to date.
    pub(super) fn hop_has_changed(&mut self, hop: Id<Hop>) {
        // The tree counts on it once.
        if self.hops.pins(hop) <= 1 {
            return;
        }
        let routes = self.routes.iter();
        let concerned = routes.filter(|(_, route)| route.is_own && route.content.hops.contains(&hop));
        let concerned: Vec<_> = concerned.map(|(id, _)| id).collect();
        self.resync(concerned);
    }

    /// Brings the routes up to date whose remote next hops may be reached otherwise after these changes, as far as something
    /// else comes of it.
    fn resolve_again(&mut self, family: Family, changed: &BTreeSet<Prefix>) {
        let hops = self.hops.iter().filter(|(_, hop)| !hop.is_deleted);
        let concerned: BTreeSet<_> = hops
            .filter_map(|(id, hop)| Some((id, self.destinations[hop.remote?].prefix)))
            .filter(|(_, remote)| Family::of(*remote) == family)
            .filter(|(_, remote)| covering(*remote).any(|prefix| changed.contains(&prefix)))
            .map(|(id, _)| id)
            .collect();
        if concerned.is_empty() {
            return;
        }
        let routes = self.routes.iter().filter(|(_, route)| route.is_own);
        let routes: Vec<_> = routes
            .filter(|(_, route)| route.content.hops.iter().any(|hop| concerned.contains(hop)))
            .map(|(id, _)| id)
            .collect();
        let changed = routes
            .into_iter()
            .filter(|id| self.wanted(Some(*id), &self.routes[*id].content) != self.held_by_table(*id))
            .collect();
        self.resync(changed);
    }

    fn held_by_table(&self, id: Id<Route>) -> Option<TableRoute> {
        let route = &self.routes[id];
        let name = self.entities[route.owner].name;
        let snapshot = self
            .table
            .destination(self.destinations[route.destination].prefix)?;
        let mut views = snapshot.views.into_iter().flat_map(|view| view.routes);
        views
            .find(|held| held.owner == name && held.path == route.path)
            .map(|held| held.route)
    }

    fn resync(&mut self, routes: Vec<Id<Route>>) {
        for id in routes {
            if !self.routes[id].is_deleted && self.sync(id).is_err() {
                // The table has no room for what it had before: it must not keep what is wrong by now.
                let route = &self.routes[id];
                let prefix = self.destinations[route.destination].prefix;
                let path = route.path;
                if let Ok(registered) = self.registered(route.owner) {
                    let _ = self.table.delete(registered.key, prefix, path);
                }
                self.note_in_table(id, false);
            }
        }
    }

    /// There is one more remote next hop.
    pub(super) fn remote_is_new(&mut self, owner: Id<Entity>) -> Result<(), Status> {
        let family = self.family(owner);
        self.remote_hops[place_of(family)] += 1;
        let watched = self.watch_own(family);
        if watched.is_err() {
            self.remote_is_gone(owner);
        }
        watched
    }

    /// There is one remote next hop less.
    pub(super) fn remote_is_gone(&mut self, owner: Id<Entity>) {
        let family = self.family(owner);
        let count = &mut self.remote_hops[place_of(family)];
        *count = count.saturating_sub(1);
        self.unwatch_own(family);
    }

    /// Hears of changes for the client's own sake.
    pub(super) fn watch_own(&mut self, family: Family) -> Result<(), Status> {
        let place = place_of(family);
        if self.watches[place].is_none() {
            let bell = self.notes.bell(Source::Own(place));
            let types = ChangeTypes::BEST | ChangeTypes::FORWARDING;
            let key = self.table.watch(family, Views::all(), types, bell)?;
            self.watches[place] = Some(Watch { key });
        }
        Ok(())
    }

    /// Hears of changes no more, if there is no need.
    pub(super) fn unwatch_own(&mut self, family: Family) {
        let place = place_of(family);
        let is_needed = self.remote_hops[place] > 0
            || self
                .parked
                .iter()
                .any(|id| Family::of(self.destinations[*id].prefix) == family);
        if !is_needed && let Some(watch) = self.watches[place].take() {
            self.table.unwatch(watch.key);
        }
    }

    /// The table has news for the client itself.
    pub(super) fn own_news(&mut self, family: Family) {
        const STEP: usize = 1024;
        let mut changed = BTreeSet::new();
        while let Some(watch) = &self.watches[place_of(family)] {
            let news = self.table.changed(watch.key, STEP);
            let is_last = news.len() < STEP;
            changed.extend(news);
            if is_last {
                break;
            }
        }
        for prefix in &changed {
            let parked = self.by_prefix.get(*prefix);
            if let Some(parked) = parked.filter(|id| self.destinations[*id].is_parked) {
                self.reap_destination(parked);
            }
        }
        if self.remote_hops[place_of(family)] > 0 {
            self.resolve_again(family, &changed);
        }
    }
}

fn add(next_hops: &mut NextHops, next_hop: NextHop) {
    if next_hops.len() < MAX_NEXT_HOPS && !next_hops.contains(&next_hop) {
        next_hops.push(next_hop);
    }
}

/// Whoever is on a link that a route leads to is the gateway.
fn on_the_way(hop: &Hop, remote: Prefix, next_hops: &mut [NextHop]) {
    let gateway = if hop.address.is_unspecified() {
        remote.network()
    } else {
        hop.address
    };
    for next_hop in next_hops {
        next_hop.gateway = next_hop.gateway.or(Some(gateway));
    }
}

/// The prefixes that cover one, itself included.
fn covering(prefix: Prefix) -> impl Iterator<Item = Prefix> {
    (0..=prefix.length()).filter_map(move |length| match prefix {
        Prefix::V4(prefix) => Prefix4::containing(prefix.network(), length).ok().map(Prefix::V4),
        Prefix::V6(prefix) => Prefix6::containing(prefix.network(), length).ok().map(Prefix::V6),
    })
}
