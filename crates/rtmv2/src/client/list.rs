//! Route lists (router-services A10).

use std::collections::BTreeMap;

use waypost_routprot::Status;

use super::Client;
use super::handle::{Handle, Id};
use super::state::{Entity, Route, State};

/// A list of routes of its owner, in the order in which they were put on it.
pub(super) struct List {
    pub(super) owner: Id<Entity>,
    pub(super) routes: BTreeMap<u64, Id<Route>>,
    last: u64,
}

impl State {
    pub(super) fn own_list(&self, caller: Id<Entity>, list: Handle) -> Result<Id<List>, Status> {
        let found = self.lists.find(list);
        found
            .filter(|id| self.lists[*id].owner == caller)
            .ok_or(Status::ERROR_INVALID_HANDLE)
    }

    pub(super) fn take_off_list(&mut self, route: Id<Route>) {
        if let Some((list, place)) = self.routes[route].list.take() {
            self.lists[list].routes.remove(&place);
        }
    }

    /// Moves a route to the end of a list.
    pub(super) fn put_on_list(&mut self, route: Id<Route>, id: Id<List>) {
        self.take_off_list(route);
        let list = &mut self.lists[id];
        list.last += 1;
        list.routes.insert(list.last, route);
        self.routes[route].list = Some((id, list.last));
    }

    pub(super) fn delete_list(&mut self, id: Id<List>) {
        if let Some(list) = self.lists.remove(id) {
            for route in list.routes.into_values() {
                self.routes[route].list = None;
            }
        }
    }
}

impl Client {
    /// RtmCreateRouteList: an empty list.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE, ERROR_NOT_ENOUGH_MEMORY.
    pub fn create_list(&self, entity: Handle) -> Result<Handle, Status> {
        let mut state = self.lock();
        let owner = state.caller(entity)?;
        let made = state.lists.insert(List {
            owner,
            routes: BTreeMap::new(),
            last: 0,
        });
        let list = made.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        Ok(state.lists.refer(list, owner))
    }

    /// RtmInsertInRouteList: moves routes from any list to this one; none takes them off theirs. All of them, or none.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED: a route of another entity (P-66); ERROR_INVALID_HANDLE.
    pub fn insert_in_list(&self, entity: Handle, list: Handle, routes: &[Handle]) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let list = state.list_or_none(caller, list)?;
        let routes: Vec<_> = routes
            .iter()
            .map(|route| {
                let id = state.own_route(caller, *route)?;
                if state.routes[id].is_deleted {
                    return Err(Status::ERROR_INVALID_HANDLE);
                }
                Ok(id)
            })
            .collect::<Result<_, _>>()?;
        for route in routes {
            match list {
                Some(list) => state.put_on_list(route, list),
                None => state.take_off_list(route),
            }
        }
        Ok(())
    }

    /// RtmDeleteRouteList: its routes stay in the table (P-66).
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn delete_list(&self, entity: Handle, list: Handle) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let list = state.own_list(caller, list)?;
        state.delete_list(list);
        Ok(())
    }
}
