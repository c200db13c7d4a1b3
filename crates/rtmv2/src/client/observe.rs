//! Routes that the table shows: those of the client's entities are its objects, of others it makes some.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;
use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::{BestRoute, PathId, RouteKind};

use super::handle::Id;
use super::info::route_flags;
use super::state::{Content, Destination, Entity, Route, State};
use crate::table::{DestinationSnapshot, EntityName, RouteView, Views};

/// The address of a next hop on the link.
const fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

impl State {
    /// The object for a route that the table shows; nobody counts on a new one yet. `None`: there is none any more.
    pub(super) fn observe(
        &mut self,
        destination: Id<Destination>,
        snapshot: &DestinationSnapshot,
        view: &RouteView,
    ) -> Result<Option<Id<Route>>, Status> {
        let owner = self.intern_entity(Family::of(snapshot.prefix), view.owner)?;
        let is_own = self.entities[owner].registered.is_some();
        let found = self.destinations[destination].routes.iter().copied().find(|id| {
            let route = &self.routes[*id];
            route.owner == owner && route.path == view.path && route.is_own == is_own && !route.is_held
        });
        match found {
            Some(id) if is_own => Ok(Some(id)),
            Some(id) => {
                self.absorb(id, snapshot)?;
                Ok(Some(id))
            }
            None if is_own => Ok(None),
            None => {
                let made = self.make_foreign(destination, owner, view.path, false);
                let Ok(id) = made else {
                    self.reap_entity(owner);
                    return Err(Status::ERROR_NOT_ENOUGH_MEMORY);
                };
                if let Err(status) = self.absorb(id, snapshot) {
                    self.reap_route(id);
                    return Err(status);
                }
                Ok(Some(id))
            }
        }
    }

    /// The object for the route that a hold shows.
    pub(super) fn observe_held(
        &mut self,
        destination: Id<Destination>,
        held: &BestRoute,
    ) -> Result<Id<Route>, Status> {
        let family = Family::of(self.destinations[destination].prefix);
        let mut names = self.table.entities(family).into_iter();
        let name = names
            .find(|name| name.protocol == held.owner)
            .unwrap_or(EntityName {
                protocol: held.owner,
                instance: 0,
            });
        let owner = self.intern_entity(family, name)?;
        let mut routes = self.destinations[destination].routes.iter().copied();
        let found = routes.find(|id| self.routes[*id].is_held && self.routes[*id].owner == owner);
        let id = match found {
            Some(id) => id,
            None => match self.make_foreign(destination, owner, PathId(0), true) {
                Ok(id) => id,
                Err(status) => {
                    self.reap_entity(owner);
                    return Err(status);
                }
            },
        };
        self.routes[id].is_deleted = true;
        let filled = self.fill(id, held.preference, &held.route);
        if filled.is_err() {
            self.reap_route(id);
        }
        filled.map(|()| id)
    }

    fn make_foreign(
        &mut self,
        destination: Id<Destination>,
        owner: Id<Entity>,
        path: PathId,
        is_held: bool,
    ) -> Result<Id<Route>, Status> {
        let route = Route {
            destination,
            owner,
            path,
            is_own: false,
            is_held,
            is_deleted: false,
            is_in_table: false,
            content: Content {
                neighbour: None,
                flags1: 0,
                flags: 0,
                metric: 0,
                preference: 0,
                views: Views::empty(),
                specific: 0,
                hops: SmallVec::new(),
            },
            list: None,
            expires: None,
            is_expired: false,
            queued: None,
            attachment: None,
        };
        let id = self.routes.insert(route).ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        self.entities.pin(owner);
        self.destinations.pin(destination);
        self.destinations[destination].routes.push(id);
        Ok(id)
    }

    /// Gives a foreign route what the table shows of it; it is deleted when that is nothing.
    fn absorb(&mut self, id: Id<Route>, snapshot: &DestinationSnapshot) -> Result<(), Status> {
        let (name, path) = (self.entities[self.routes[id].owner].name, self.routes[id].path);
        let mut views = Views::empty();
        let mut shown = None;
        for (place, view) in snapshot.views.iter().enumerate() {
            let mut routes = view.routes.iter();
            if let Some(found) = routes.find(|route| route.owner == name && route.path == path) {
                views |= Views::at(place);
                shown = shown.or(Some(found));
            }
        }
        let Some(shown) = shown else {
            self.vanish(id);
            return Ok(());
        };
        self.routes[id].content.views = views;
        self.fill(id, shown.preference, &shown.route)
    }

    fn fill(&mut self, id: Id<Route>, preference: u8, shown: &waypost_types::Route) -> Result<(), Status> {
        let owner = self.routes[id].owner;
        let family = self.family(owner);
        let mut hops = SmallVec::new();
        let mut failed = Ok(());
        // What an entity of the client had before a hold is looked up among its next hops, but nothing is added to them.
        let is_foreign = self.entities[owner].registered.is_none();
        for next_hop in &shown.next_hops {
            let address = next_hop.gateway.unwrap_or_else(|| unspecified(family));
            let interface = next_hop.interface.0;
            let hop = if is_foreign {
                self.intern_hop(owner, address, interface).map(Some)
            } else {
                Ok(self.entities[owner].hops.get(&(address, interface)).copied())
            };
            match hop {
                Ok(Some(hop)) => {
                    self.hops.pin(hop);
                    hops.push(hop);
                }
                Ok(None) => {}
                Err(status) => {
                    failed = Err(status);
                    break;
                }
            }
        }
        let content = &mut self.routes[id].content;
        content.flags = match shown.kind {
            RouteKind::Unicast => 0,
            RouteKind::Blackhole => route_flags::BLACKHOLE,
            RouteKind::Unreachable | RouteKind::Prohibit => route_flags::DISCARD,
        };
        content.metric = shown.metric;
        content.preference = preference.into();
        for hop in std::mem::replace(&mut content.hops, hops) {
            self.unpin_hop(hop);
        }
        failed
    }

    /// A foreign route is gone: the next one like it is another.
    fn vanish(&mut self, id: Id<Route>) {
        let route = &mut self.routes[id];
        route.is_deleted = true;
        let destination = route.destination;
        self.destinations[destination].routes.retain(|other| *other != id);
    }

    /// Looks whether a foreign route is still what it was.
    pub(super) fn look_again(&mut self, id: Id<Route>) -> Result<(), Status> {
        let route = &self.routes[id];
        if route.is_own || route.is_held || route.is_deleted {
            return Ok(());
        }
        let prefix = self.destinations[route.destination].prefix;
        match self.table.destination(prefix) {
            Some(snapshot) => self.absorb(id, &snapshot),
            None => {
                self.vanish(id);
                Ok(())
            }
        }
    }

    /// The views in which a route is the best one.
    pub(super) fn best_in(&self, id: Id<Route>) -> Views {
        let route = &self.routes[id];
        if route.is_deleted || route.is_held {
            return Views::empty();
        }
        let name = self.entities[route.owner].name;
        let Some(snapshot) = self
            .table
            .destination(self.destinations[route.destination].prefix)
        else {
            return Views::empty();
        };
        let is_best = |shown: &RouteView| shown.is_best && shown.owner == name && shown.path == route.path;
        (0..snapshot.views.len())
            .filter(|place| snapshot.views[*place].routes.iter().any(is_best))
            .fold(Views::empty(), |views, place| views | Views::at(place))
    }
}
