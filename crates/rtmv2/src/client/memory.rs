//! Memory that modules see routes and next hops in, and what they change there (router-services A5, A6).

use std::any::Any;

use waypost_routprot::Status;

use super::Client;
use super::handle::Handle;
use super::info::{HopInfo, RouteInfo};
use super::lock::Key;

/// Memory that is kept with an object, once somebody has put some there.
pub type Memory = Option<Box<dyn Any + Send>>;

impl Client {
    /// Gives access to the memory kept with a route of the caller's own, together with what the route is. The handles in it
    /// have no references of their own.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE.
    pub fn with_route<R>(
        &self,
        entity: Handle,
        route: Handle,
        work: impl FnOnce(&mut Memory, &RouteInfo) -> R,
    ) -> Result<R, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.own_route(caller, route)?;
        let info = state.plain_route_info(id);
        Ok(work(&mut state.routes[id].attachment, &info))
    }

    /// The same for a route that memory is kept with already; nothing is done for another one, or if it is gone.
    pub fn with_kept_route(&self, entity: Handle, route: Handle, work: impl FnOnce(&mut Memory, &RouteInfo)) {
        let mut state = self.lock();
        let found = state
            .caller(entity)
            .and_then(|caller| state.own_route(caller, route));
        if let Ok(id) = found
            && state.routes[id].attachment.is_some()
        {
            let info = state.plain_route_info(id);
            work(&mut state.routes[id].attachment, &info);
        }
    }

    /// The same for a next hop.
    pub fn with_kept_next_hop(&self, entity: Handle, hop: Handle, work: impl FnOnce(&mut Memory, &HopInfo)) {
        let mut state = self.lock();
        let found = state.caller(entity).and_then(|caller| state.own_hop(caller, hop));
        if let Ok(id) = found
            && state.hops[id].attachment.is_some()
        {
            let info = state.plain_hop_info(id);
            work(&mut state.hops[id].attachment, &info);
        }
    }

    /// Whether the calling thread alone has a route of the caller's own locked: it may be changing it.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE.
    pub fn holds_route(&self, entity: Handle, route: Handle) -> Result<bool, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.own_route(caller, route)?;
        let key = Key::Destination(state.routes[id].destination);
        Ok(state.locks.is_mine_alone(key))
    }

    /// The same for a next hop.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE.
    pub fn holds_next_hop(&self, entity: Handle, hop: Handle) -> Result<bool, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.own_hop(caller, hop)?;
        Ok(state.locks.is_mine_alone(Key::NextHop(id)))
    }

    /// RtmUpdateAndUnlockRoute: makes a route what its owner has changed it to, and gives the lock back that the thread
    /// alone holds. Says whether it is a best route now, or another best one changed.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED: of another entity, or not locked; ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER (P-58), also when
    /// the owner has a route by the same neighbour already; ERROR_NOT_ENOUGH_MEMORY. Then it stays locked.
    pub fn update_and_unlock(
        &self,
        entity: Handle,
        route: Handle,
        info: &RouteInfo,
        time_to_live: u32,
        list: Handle,
    ) -> Result<bool, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.own_route(caller, route)?;
        let key = Key::Destination(state.routes[id].destination);
        if !state.locks.is_mine_alone(key) {
            return Err(Status::ERROR_ACCESS_DENIED);
        }
        if state.routes[id].is_deleted {
            return Err(Status::ERROR_INVALID_HANDLE);
        }
        // The flags are not among what may be edited in place.
        let content = state.content(
            caller,
            &RouteInfo {
                flags1: state.routes[id].content.flags1,
                flags: state.routes[id].content.flags,
                ..info.clone()
            },
        )?;
        let list = state.list_or_none(caller, list)?;
        let best = state.update(id, content)?;
        if let Some(list) = list {
            state.put_on_list(id, list);
        }
        state.restart(id, time_to_live);
        drop(state);
        self.lock_route(entity, route, true, false)?;
        Ok(!best.is_empty())
    }

    /// Gives access to the memory kept with a next hop of the caller's own, together with what the next hop is. The handles in
    /// it have no references of their own.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE.
    pub fn with_next_hop<R>(
        &self,
        entity: Handle,
        hop: Handle,
        work: impl FnOnce(&mut Memory, &HopInfo) -> R,
    ) -> Result<R, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.own_hop(caller, hop)?;
        let info = state.plain_hop_info(id);
        Ok(work(&mut state.hops[id].attachment, &info))
    }

    /// Makes a next hop, which the thread alone has locked, what its owner has changed it to: flags, EntitySpecificInfo and
    /// RemoteNextHop.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED: of another entity, or not locked; ERROR_INVALID_HANDLE.
    pub fn update_next_hop(&self, entity: Handle, hop: Handle, info: &HopInfo) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.own_hop(caller, hop)?;
        if !state.locks.is_mine_alone(Key::NextHop(id)) {
            return Err(Status::ERROR_ACCESS_DENIED);
        }
        if state.hops[id].is_deleted {
            return Ok(());
        }
        let bits = state.hops[id].bits;
        state.edit_hop(caller, id, &HopInfo { bits, ..info.clone() })
    }
}
