//! Enumerations: live, in the order of address and length, nothing twice (router-services A8).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::ops::Bound;

use waypost_routprot::Status;
use waypost_types::Prefix;

use super::Client;
use super::cursor::{Cursor, Range};
use super::handle::{Handle, Id};
use super::info::{Batch, DestinationInfo, MAX_HANDLES_IN_ENUM, RouteInfo, match_flags, views_of};
use super::list::List;
use super::lookup::or_any;
use super::state::{Destination, Entity, Hop, Route, State};
use crate::{DestinationSnapshot, Views};

/// How many destinations are asked for at a time.
const PAGE: usize = 64;

/// What RtmCreateRouteEnum is asked for.
#[derive(Clone, Debug)]
pub struct RouteEnumeration<'a> {
    /// The destination whose routes are wanted; otherwise those of a range.
    pub destination: Handle,
    /// The range.
    pub range: Range,
    /// A set of views.
    pub views: u32,
    /// RTM_ENUM_OWN_ROUTES.
    pub is_own: bool,
    /// [`match_flags`].
    pub flags: u32,
    /// What routes are compared with.
    pub criteria: &'a RouteInfo,
    /// The interface they are compared with.
    pub interface: u32,
}

pub(super) struct Enumeration {
    pub(super) owner: Id<Entity>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Destinations {
        cursor: Cursor,
        views: Views,
        is_own: bool,
        protocol: u32,
    },
    Routes(Box<Routes>),
    Hops {
        within: Option<Prefix>,
        after: Bound<(IpAddr, u32)>,
    },
    List {
        list: Handle,
        after: u64,
    },
}

pub(super) struct Routes {
    scope: Scope,
    views: Views,
    is_own: bool,
    flags: u32,
    criteria: RouteInfo,
    interface: u32,
    /// Those of the destination reached, each pinned.
    waiting: VecDeque<Id<Route>>,
}

enum Scope {
    /// The destination is pinned until its routes were found.
    Destination(Option<Id<Destination>>),
    Range(Cursor),
}

impl State {
    fn enumeration(&self, caller: Id<Entity>, handle: Handle) -> Result<Id<Enumeration>, Status> {
        let found = self.enumerations.find(handle);
        found
            .filter(|id| self.enumerations[*id].owner == caller)
            .ok_or(Status::ERROR_INVALID_HANDLE)
    }

    fn enumerate(&mut self, owner: Id<Entity>, kind: Kind) -> Result<Handle, Status> {
        let made = self.enumerations.insert(Enumeration { owner, kind });
        let id = made.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        Ok(self.enumerations.refer(id, owner))
    }

    pub(super) fn delete_enumeration(&mut self, id: Id<Enumeration>) {
        if let Some(enumeration) = self.enumerations.remove(id)
            && let Kind::Routes(routes) = enumeration.kind
        {
            for route in routes.waiting {
                self.unpin_route(route);
            }
            if let Scope::Destination(Some(destination)) = routes.scope {
                self.unpin_destination(destination);
            }
        }
    }

    /// Whether the best route in one of the views is the caller's.
    fn is_best_of(&self, caller: Id<Entity>, snapshot: &DestinationSnapshot, views: Views) -> bool {
        let name = self.entities[caller].name;
        let mut shown = views.places().flat_map(|place| &snapshot.views[place].routes);
        shown.any(|route| route.is_best && route.owner == name)
    }

    /// The next route that an enumeration gives, pinned; `None` at the end.
    fn next_route(&mut self, caller: Id<Entity>, routes: &mut Routes) -> Result<Option<Id<Route>>, Status> {
        loop {
            while let Some(route) = routes.waiting.pop_front() {
                let is_wanted = !self.routes[route].is_deleted
                    && (!routes.is_own || self.routes[route].owner == caller)
                    && self.matches(route, routes.flags, &routes.criteria, routes.interface);
                if is_wanted {
                    return Ok(Some(route));
                }
                self.unpin_route(route);
            }
            let snapshot = match &mut routes.scope {
                Scope::Destination(destination) => {
                    let Some(destination) = destination.take() else {
                        return Ok(None);
                    };
                    let prefix = self.destinations[destination].prefix;
                    self.unpin_destination(destination);
                    self.snapshot(prefix)
                }
                // One at a time: each may have many routes, and the rest of a page would be stale when it is reached.
                Scope::Range(cursor) => match cursor.next(self, 1, true).into_iter().next() {
                    Some(snapshot) => snapshot,
                    None => return Ok(None),
                },
            };
            routes.waiting = self
                .routes_at(snapshot.prefix, Some(&snapshot), routes.views)?
                .into();
        }
    }
}

fn check_count(count: usize) -> Result<(), Status> {
    if count == 0 || count > MAX_HANDLES_IN_ENUM {
        Err(Status::ERROR_INVALID_PARAMETER)
    } else {
        Ok(())
    }
}

impl Client {
    /// RtmCreateDestEnum: the destinations of a range with a route in one of the views; those alone whose best route in one
    /// of them is the caller's, if `is_own`.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER: another family; ERROR_NOT_SUPPORTED: a view; ERROR_NOT_ENOUGH_MEMORY.
    pub fn enumerate_destinations(
        &self,
        entity: Handle,
        views: u32,
        range: Range,
        is_own: bool,
        protocol: u32,
    ) -> Result<Handle, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let kind = Kind::Destinations {
            cursor: Cursor::new(&state, caller, range)?,
            views: views_of(views, Status::ERROR_NOT_SUPPORTED)?,
            is_own,
            protocol,
        };
        state.enumerate(caller, kind)
    }

    /// The views that an enumeration of destinations tells of.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn enumerated_views(&self, entity: Handle, enumeration: Handle) -> Result<Views, Status> {
        let state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.enumeration(caller, enumeration)?;
        match state.enumerations[id].kind {
            Kind::Destinations { views, .. } => Ok(views),
            _ => Err(Status::ERROR_INVALID_HANDLE),
        }
    }

    /// RtmGetEnumDests: the next ones, at most `max`.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER: none, or more than MaxHandlesInEnum; ERROR_NOT_ENOUGH_MEMORY.
    pub fn next_destinations(
        &self,
        entity: Handle,
        enumeration: Handle,
        max: usize,
    ) -> Result<Batch<DestinationInfo>, Status> {
        check_count(max)?;
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.enumeration(caller, enumeration)?;
        let Kind::Destinations {
            cursor,
            views,
            is_own,
            protocol,
        } = &state.enumerations[id].kind
        else {
            return Err(Status::ERROR_INVALID_HANDLE);
        };
        let (views, is_own, protocol) = (*views, *is_own, *protocol);
        let mut cursor = *cursor;
        let mut batch = Batch {
            items: Vec::new(),
            is_last: false,
        };
        let mut failed = None;
        while batch.items.len() < max && !batch.is_last && failed.is_none() {
            let page = cursor.next(&state, PAGE.min(max - batch.items.len()), false);
            batch.is_last = page.is_empty();
            for snapshot in page {
                let is_wanted = snapshot.routed_in().intersects(or_any(views))
                    && (!is_own || state.is_best_of(caller, &snapshot, or_any(views)));
                if is_wanted {
                    match state.describe(caller, &snapshot, protocol, views) {
                        Ok(info) => batch.items.push(info),
                        Err(status) => {
                            failed = Some(status);
                            break;
                        }
                    }
                }
            }
        }
        if let Some(status) = failed {
            for info in &batch.items {
                state.release_destination_info(caller, info);
            }
            return Err(status);
        }
        if let Kind::Destinations { cursor: kept, .. } = &mut state.enumerations[id].kind {
            *kept = cursor;
        }
        Ok(batch)
    }

    /// RtmCreateRouteEnum: routes in some of the views that meet criteria.
    ///
    /// # Errors
    /// As [`Self::enumerate_destinations`].
    pub fn enumerate_routes(&self, entity: Handle, asked: &RouteEnumeration<'_>) -> Result<Handle, Status> {
        const ALL: u32 = match_flags::OWNER
            | match_flags::NEIGHBOUR
            | match_flags::PREF
            | match_flags::NEXTHOP
            | match_flags::INTERFACE;
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let views = or_any(views_of(asked.views, Status::ERROR_NOT_SUPPORTED)?);
        let scope = if asked.destination.is_null() {
            Scope::Range(Cursor::new(&state, caller, asked.range)?)
        } else {
            Scope::Destination(Some(state.destination(caller, asked.destination)?))
        };
        let pinned = match &scope {
            Scope::Destination(destination) => *destination,
            Scope::Range(_) => None,
        };
        let made = state.enumerate(
            caller,
            Kind::Routes(Box::new(Routes {
                scope,
                views,
                is_own: asked.is_own,
                flags: asked.flags & ALL,
                criteria: asked.criteria.clone(),
                interface: asked.interface,
                waiting: VecDeque::new(),
            })),
        )?;
        if let Some(destination) = pinned {
            state.destinations.pin(destination);
        }
        Ok(made)
    }

    /// RtmGetEnumRoutes: the next ones, at most `max`, each with a reference.
    ///
    /// # Errors
    /// As [`Self::next_destinations`].
    pub fn next_routes(
        &self,
        entity: Handle,
        enumeration: Handle,
        max: usize,
    ) -> Result<Batch<Handle>, Status> {
        check_count(max)?;
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.enumeration(caller, enumeration)?;
        let Kind::Routes(routes) = &mut state.enumerations[id].kind else {
            return Err(Status::ERROR_INVALID_HANDLE);
        };
        let rest = Routes {
            scope: Scope::Destination(None),
            views: routes.views,
            is_own: routes.is_own,
            flags: routes.flags,
            criteria: RouteInfo::default(),
            interface: routes.interface,
            waiting: VecDeque::new(),
        };
        let mut taken = std::mem::replace(&mut **routes, rest);
        let mut batch = Batch {
            items: Vec::new(),
            is_last: false,
        };
        let mut failed = None;
        while batch.items.len() < max {
            match state.next_route(caller, &mut taken) {
                Ok(Some(route)) => {
                    let handle = state.routes.refer(route, caller);
                    state.unpin_route(route);
                    batch.items.push(handle);
                }
                Ok(None) => {
                    batch.is_last = true;
                    break;
                }
                Err(status) => {
                    failed = Some(status);
                    break;
                }
            }
        }
        if let Kind::Routes(routes) = &mut state.enumerations[id].kind {
            **routes = taken;
        }
        if let Some(status) = failed {
            for route in batch.items {
                state.release_handle(caller, route);
            }
            return Err(status);
        }
        Ok(batch)
    }

    /// RtmCreateNextHopEnum: the caller's next hops by address and interface.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER: another family; ERROR_NOT_ENOUGH_MEMORY.
    pub fn enumerate_next_hops(&self, entity: Handle, range: Range) -> Result<Handle, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let (within, after) = match range {
            Range::Start => (None, Bound::Unbounded),
            Range::Next(first) => {
                state.check_family(caller, first)?;
                (None, Bound::Included((first.network(), 0)))
            }
            Range::Within(within) => {
                state.check_family(caller, within)?;
                (Some(within), Bound::Included((within.network(), 0)))
            }
        };
        state.enumerate(caller, Kind::Hops { within, after })
    }

    /// RtmGetEnumNextHops: the next ones, at most `max`, each with a reference.
    ///
    /// # Errors
    /// As [`Self::next_destinations`].
    pub fn next_next_hops(
        &self,
        entity: Handle,
        enumeration: Handle,
        max: usize,
    ) -> Result<Batch<Handle>, Status> {
        check_count(max)?;
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.enumeration(caller, enumeration)?;
        let Kind::Hops { within, after } = &state.enumerations[id].kind else {
            return Err(Status::ERROR_INVALID_HANDLE);
        };
        let within = *within;
        let hops = state.entities[caller].hops.range((*after, Bound::Unbounded));
        let mut hops =
            hops.take_while(|((address, _), _)| within.is_none_or(|within| within.contains(*address)));
        let found: Vec<((IpAddr, u32), Id<Hop>)> =
            hops.by_ref().take(max).map(|(key, id)| (*key, *id)).collect();
        let is_last = found.len() < max;
        if let Some((last, _)) = found.last()
            && let Kind::Hops { after, .. } = &mut state.enumerations[id].kind
        {
            *after = Bound::Excluded(*last);
        }
        let items = found
            .into_iter()
            .map(|(_, hop)| state.hops.refer(hop, caller))
            .collect();
        Ok(Batch { items, is_last })
    }

    /// RtmCreateRouteListEnum: the routes of a list, in the order in which they were put on it.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE, ERROR_NOT_ENOUGH_MEMORY.
    pub fn enumerate_list(&self, entity: Handle, list: Handle) -> Result<Handle, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        state.own_list(caller, list)?;
        state.enumerate(caller, Kind::List { list, after: 0 })
    }

    /// RtmGetListEnumRoutes: the next ones, at most `max`, each with a reference.
    ///
    /// # Errors
    /// As [`Self::next_destinations`]; ERROR_INVALID_HANDLE, too, when the list was deleted.
    pub fn next_list_routes(
        &self,
        entity: Handle,
        enumeration: Handle,
        max: usize,
    ) -> Result<Batch<Handle>, Status> {
        check_count(max)?;
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.enumeration(caller, enumeration)?;
        let Kind::List { list, after } = state.enumerations[id].kind else {
            return Err(Status::ERROR_INVALID_HANDLE);
        };
        let list: Id<List> = state.own_list(caller, list)?;
        let routes = state.lists[list]
            .routes
            .range((Bound::Excluded(after), Bound::Unbounded));
        let found: Vec<_> = routes.take(max).map(|(place, route)| (*place, *route)).collect();
        let is_last = found.len() < max;
        if let Some((last, _)) = found.last()
            && let Kind::List { after, .. } = &mut state.enumerations[id].kind
        {
            *after = *last;
        }
        let items = found
            .into_iter()
            .map(|(_, route)| state.routes.refer(route, caller))
            .collect();
        Ok(Batch { items, is_last })
    }

    /// RtmDeleteEnumHandle.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn delete_enumeration(&self, entity: Handle, enumeration: Handle) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.enumeration(caller, enumeration)?;
        state.delete_enumeration(id);
        Ok(())
    }
}
