//! Destinations and what is known of them (router-services A7).

use std::time::SystemTime;

use smallvec::SmallVec;
use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::{Prefix, Prefix4};

use super::Client;
use super::handle::{Handle, Id};
use super::info::{DestinationInfo, RouteInfo, ViewInfo, match_flags, views_of};
use super::state::{Content, Entity, Route, State};
use crate::table::{DestinationSnapshot, DestinationView, RouteView, Views};

/// RTM_BEST_PROTOCOL: the best route of all.
pub const BEST_PROTOCOL: u32 = 0;
/// RTM_THIS_PROTOCOL: the best route of the caller's.
pub const THIS_PROTOCOL: u32 = u32::MAX;
/// RTM_DEST_FLAG_NATURAL_NET: the prefix is that of the address's class.
const NATURAL_NET: u32 = 1;
/// RTM_DEST_FLAG_FWD_ENGIN_ADD: the best route was handed to the kernel.
const FWD_ENGIN_ADD: u32 = 2;

/// All views where none is named (RTM_VIEW_MASK_ANY).
pub(super) const fn or_any(views: Views) -> Views {
    if views.is_empty() { Views::all() } else { views }
}

impl State {
    /// The route of a view that the caller asks for.
    fn selected<'a>(
        &self,
        caller: Id<Entity>,
        view: &'a DestinationView,
        protocol: u32,
    ) -> Option<&'a RouteView> {
        let name = self.entities[caller].name;
        match protocol {
            BEST_PROTOCOL => view.routes.iter().find(|route| route.is_best),
            _ => view
                .routes
                .iter()
                .filter(|route| match protocol {
                    THIS_PROTOCOL => route.owner == name,
                    other => route.owner.protocol.0 == other,
                })
                .min_by_key(|route| (route.preference, route.route.metric, !route.is_best)),
        }
    }

    /// What is known of a destination, with references for the caller; each view that is asked for is told.
    pub(super) fn describe(
        &mut self,
        caller: Id<Entity>,
        snapshot: &DestinationSnapshot,
        protocol: u32,
        views: Views,
    ) -> Result<DestinationInfo, Status> {
        let id = self.intern(snapshot.prefix)?;
        let now = SystemTime::now();
        let mut info = DestinationInfo {
            destination: self.destinations.refer(id, caller),
            prefix: snapshot.prefix,
            changed: now.checked_sub(snapshot.age).unwrap_or(now),
            views: snapshot.routed_in().bits(),
            view_infos: SmallVec::new(),
        };
        let is_natural = match snapshot.prefix {
            Prefix::V4(prefix) => Prefix4::natural(prefix.network()) == Some(prefix),
            Prefix::V6(_) => false,
        };
        for place in views.places() {
            let view = &snapshot.views[place];
            let forwarded = if view.is_forwarded { FWD_ENGIN_ADD } else { 0 };
            let mut told = ViewInfo {
                // INVARIANT: there are two.
                view: place as u32,
                routes: u32::try_from(view.routes.len()).unwrap_or(u32::MAX),
                flags: forwarded | if is_natural { NATURAL_NET } else { 0 },
                ..ViewInfo::default()
            };
            let mut filled = Ok(());
            if let Some(selected) = self.selected(caller, view, protocol) {
                match self.observe(id, snapshot, selected) {
                    Ok(Some(route)) => {
                        told.route = self.routes.refer(route, caller);
                        told.owner = self.entities.refer(self.routes[route].owner, caller);
                    }
                    Ok(None) => {}
                    Err(status) => filled = Err(status),
                }
            }
            if let Some(held) = &view.held
                && filled.is_ok()
            {
                match self.observe_held(id, held) {
                    Ok(route) => told.hold_route = self.routes.refer(route, caller),
                    Err(status) => filled = Err(status),
                }
            }
            info.view_infos.push(told);
            if let Err(status) = filled {
                self.release_destination_info(caller, &info);
                return Err(status);
            }
        }
        Ok(info)
    }

    pub(super) fn release_destination_info(&mut self, caller: Id<Entity>, info: &DestinationInfo) -> bool {
        let mut released = true;
        for view in &info.view_infos {
            released &= self.release_or_none(caller, view.route);
            released &= self.release_or_none(caller, view.owner);
            released &= self.release_or_none(caller, view.hold_route);
        }
        self.release_handle(caller, info.destination) && released
    }

    /// Whether a route is what the criteria ask for.
    pub(super) fn matches(&self, id: Id<Route>, flags: u32, criteria: &RouteInfo, interface: u32) -> bool {
        let route = &self.routes[id];
        let asked = |flag| flags & flag != 0;
        let Content {
            neighbour,
            hops,
            metric,
            preference,
            ..
        } = &route.content;
        let neighbour = neighbour.map_or(Handle::NULL, |neighbour| self.hops.handle(neighbour));
        let same_hops = || {
            criteria.next_hops.len() == hops.len()
                && hops
                    .iter()
                    .all(|hop| criteria.next_hops.contains(&self.hops.handle(*hop)))
        };
        (!asked(match_flags::OWNER) || self.entities.handle(route.owner) == criteria.owner)
            && (!asked(match_flags::NEIGHBOUR) || neighbour == criteria.neighbour)
            && (!asked(match_flags::PREF) || (*metric, *preference) == (criteria.metric, criteria.preference))
            && (!asked(match_flags::NEXTHOP) || same_hops())
            && (!asked(match_flags::INTERFACE)
                || hops.iter().any(|hop| self.hops[*hop].interface == interface))
    }

    /// The routes at a destination in some of the views, the client's own that the table does not have among them. Each is
    /// pinned.
    pub(super) fn routes_at(
        &mut self,
        prefix: Prefix,
        snapshot: Option<&DestinationSnapshot>,
        views: Views,
    ) -> Result<Vec<Id<Route>>, Status> {
        let destination = self.intern(prefix)?;
        self.destinations.pin(destination);
        let mut found = Vec::new();
        let mut failed = Ok(());
        let places = snapshot.into_iter().flat_map(|snapshot| {
            let shown = views.places().flat_map(|place| &snapshot.views[place].routes);
            shown.map(move |view| (snapshot, view))
        });
        for (snapshot, view) in places {
            match self.observe(destination, snapshot, view) {
                Ok(Some(id)) if !found.contains(&id) => {
                    self.routes.pin(id);
                    found.push(id);
                }
                Ok(_) => {}
                Err(status) => {
                    failed = Err(status);
                    break;
                }
            }
        }
        if self.withdrawn.contains_key(&prefix) {
            for id in self.destinations[destination].routes.clone() {
                let route = &self.routes[id];
                if route.is_own && !route.is_in_table && route.content.views.intersects(views) {
                    self.routes.pin(id);
                    found.push(id);
                }
            }
        }
        if let Err(status) = failed {
            found.into_iter().for_each(|id| self.unpin_route(id));
            self.unpin_destination(destination);
            return Err(status);
        }
        self.unpin_destination(destination);
        Ok(found)
    }
}

impl Client {
    fn describe_found(
        &self,
        entity: Handle,
        protocol: u32,
        views: u32,
        find: impl FnOnce(&State, Id<Entity>, Views) -> Result<DestinationSnapshot, Status>,
    ) -> Result<DestinationInfo, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let views = views_of(views, Status::ERROR_INVALID_PARAMETER)?;
        let snapshot = find(&state, caller, views)?;
        state.describe(caller, &snapshot, protocol, views)
    }

    /// RtmGetExactMatchDestination: the destination of exactly this prefix, if it has a route in one of the views.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER: another family, or a view that is not supported; ERROR_NOT_FOUND;
    /// ERROR_NOT_ENOUGH_MEMORY.
    pub fn exact_destination(
        &self,
        entity: Handle,
        prefix: Prefix,
        protocol: u32,
        views: u32,
    ) -> Result<DestinationInfo, Status> {
        self.describe_found(entity, protocol, views, |state, caller, views| {
            state.check_family(caller, prefix)?;
            let found = state.table.destination(prefix);
            found
                .filter(|snapshot| snapshot.routed_in().intersects(or_any(views)))
                .ok_or(Status::ERROR_NOT_FOUND)
        })
    }

    /// RtmGetMostSpecificDestination: the longest prefix that covers this one.
    ///
    /// # Errors
    /// As [`Self::exact_destination`].
    pub fn most_specific(
        &self,
        entity: Handle,
        prefix: Prefix,
        protocol: u32,
        views: u32,
    ) -> Result<DestinationInfo, Status> {
        self.describe_found(entity, protocol, views, |state, caller, views| {
            state.check_family(caller, prefix)?;
            let found = state.table.covering(prefix, or_any(views), false);
            found.ok_or(Status::ERROR_NOT_FOUND)
        })
    }

    /// RtmGetLessSpecificDestination: the next shorter prefix that covers a destination.
    ///
    /// # Errors
    /// As [`Self::exact_destination`].
    pub fn less_specific(
        &self,
        entity: Handle,
        destination: Handle,
        protocol: u32,
        views: u32,
    ) -> Result<DestinationInfo, Status> {
        self.describe_found(entity, protocol, views, |state, caller, views| {
            let prefix = state.destinations[state.destination(caller, destination)?].prefix;
            let found = state.table.covering(prefix, or_any(views), true);
            found.ok_or(Status::ERROR_NOT_FOUND)
        })
    }

    /// RtmGetDestInfo: what is known of a destination now, even if that is nothing.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER: a view that is not supported; ERROR_NOT_ENOUGH_MEMORY.
    pub fn destination_info(
        &self,
        entity: Handle,
        destination: Handle,
        protocol: u32,
        views: u32,
    ) -> Result<DestinationInfo, Status> {
        self.describe_found(entity, protocol, views, |state, caller, _| {
            let prefix = state.destinations[state.destination(caller, destination)?].prefix;
            Ok(state.snapshot(prefix))
        })
    }

    /// RtmGetExactMatchRoute: a route at exactly this prefix that meets the criteria; the best ones come first.
    ///
    /// # Errors
    /// As [`Self::exact_destination`].
    pub fn exact_route(
        &self,
        entity: Handle,
        prefix: Prefix,
        flags: u32,
        criteria: &RouteInfo,
        interface: u32,
        views: u32,
    ) -> Result<Handle, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let views = or_any(views_of(views, Status::ERROR_INVALID_PARAMETER)?);
        state.check_family(caller, prefix)?;
        let snapshot = state.table.destination(prefix);
        let routes = state.routes_at(prefix, snapshot.as_ref(), views)?;
        let mut matching: Vec<_> = routes
            .iter()
            .copied()
            .filter(|id| state.matches(*id, flags, criteria, interface))
            .collect();
        matching.sort_by_key(|id| !state.best_in(*id).intersects(views));
        let found = matching.first().map(|id| state.routes.refer(*id, caller));
        routes.into_iter().for_each(|id| state.unpin_route(id));
        found.ok_or(Status::ERROR_NOT_FOUND)
    }
}

impl State {
    pub(super) fn check_family(&self, caller: Id<Entity>, prefix: Prefix) -> Result<(), Status> {
        if Family::of(prefix) == self.family(caller) {
            Ok(())
        } else {
            Err(Status::ERROR_INVALID_PARAMETER)
        }
    }

    /// What the table has at a prefix, even if that is nothing.
    pub(super) fn snapshot(&self, prefix: Prefix) -> DestinationSnapshot {
        let nothing = || DestinationSnapshot {
            prefix,
            age: std::time::Duration::ZERO,
            views: Default::default(),
        };
        self.table.destination(prefix).unwrap_or_else(nothing)
    }
}
