//! What entities ask for about routes (router-services A5).

use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::Prefix;

use super::handle::Handle;
use super::info::{RouteInfo, views_of};
use super::lock::Key;
use super::route::{Change, RouteRequest};
use super::{Client, Target};
use crate::table::Views;

impl Client {
    /// RtmAddRouteToDest: adds or updates a route of the caller's.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER (P-58), ERROR_NOT_ENOUGH_MEMORY.
    pub fn add_route(&self, entity: Handle, request: &RouteRequest<'_>) -> Result<Change, Status> {
        let mut state = self.lock();
        loop {
            let caller = state.caller(entity)?;
            if Family::of(request.prefix) != state.family(caller) {
                return Err(Status::ERROR_INVALID_PARAMETER);
            }
            let content = state.content(caller, request.info)?;
            let list = state.list_or_none(caller, request.list)?;
            let destination = state.by_prefix.get(request.prefix);
            let existing = match request.target {
                Target::Existing(handle) => {
                    let route = state.own_route(caller, handle)?;
                    if state.routes[route].is_deleted {
                        return Err(Status::ERROR_INVALID_HANDLE);
                    }
                    if state.destinations[state.routes[route].destination].prefix != request.prefix {
                        return Err(Status::ERROR_INVALID_PARAMETER);
                    }
                    Some(route)
                }
                _ => destination.and_then(|destination| {
                    let path = (!request.first).then(|| state.path(&content));
                    state.find_own(caller, destination, path)
                }),
            };
            if !state.locks.is_empty()
                && let Some(destination) = destination
                && state.locks.is_others(Key::Destination(destination))
            {
                state = self.wait(state)?;
                continue;
            }
            let (route, best) = match existing {
                Some(route) => (route, state.update(route, content)?),
                None => state.create(caller, request.prefix, destination, content)?,
            };
            if let Some(list) = list {
                state.put_on_list(route, list);
            }
            state.restart(route, request.time_to_live);
            return Ok(Change {
                route: match request.target {
                    Target::Existing(handle) => handle,
                    Target::New => state.routes.refer(route, caller),
                    Target::Unreferenced => Handle::NULL,
                },
                is_new: existing.is_none(),
                is_best: !best.is_empty(),
            });
        }
    }

    /// RtmDeleteRouteToDest: deletes a route of the caller's and consumes the handle. Says whether the best route changed.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE, ERROR_NOT_FOUND when it is deleted already.
    pub fn delete_route(&self, entity: Handle, route: Handle) -> Result<bool, Status> {
        let mut state = self.lock();
        loop {
            let caller = state.caller(entity)?;
            let id = state.own_route(caller, route)?;
            if state.routes[id].is_deleted {
                return Err(Status::ERROR_NOT_FOUND);
            }
            if state
                .locks
                .is_others(Key::Destination(state.routes[id].destination))
            {
                state = self.wait(state)?;
                continue;
            }
            state.routes.pin(id);
            let best = state.delete(id);
            if best.is_ok() {
                state.routes.consume(id, caller);
            }
            state.unpin_route(id);
            return Ok(!best?.is_empty());
        }
    }

    /// RtmHoldDestination: asks for hold-down once the last route in one of the views is deleted (P-60).
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER without a time, a view or a route.
    pub fn hold(
        &self,
        entity: Handle,
        destination: Handle,
        views: u32,
        milliseconds: u32,
    ) -> Result<(), Status> {
        let state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.destination(caller, destination)?;
        let views = views_of(views, Status::ERROR_INVALID_PARAMETER)?;
        if milliseconds == 0 || views.is_empty() {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let duration = Duration::from_millis(milliseconds.into());
        state.table.hold(state.destinations[id].prefix, views, duration)
    }

    /// RtmGetRouteInfo: what a route is, of whichever entity, with references to what it names; and its destination.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn route_info(&self, entity: Handle, route: Handle) -> Result<(RouteInfo, Prefix), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.route(caller, route)?;
        state.look_again(id)?;
        let prefix = state.destinations[state.routes[id].destination].prefix;
        Ok((state.route_info(caller, id), prefix))
    }

    /// RtmIsBestRoute: the views in which a route is the best one.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn best_in(&self, entity: Handle, route: Handle) -> Result<Views, Status> {
        let state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.route(caller, route)?;
        Ok(state.best_in(id))
    }
}
