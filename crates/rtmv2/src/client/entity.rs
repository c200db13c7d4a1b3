//! Entities: their registration and their end (router-services A4).

use std::collections::BTreeMap;
use std::sync::MutexGuard;
use std::time::Instant;

use waypost_routprot::Status;
use waypost_rtm::Family;

use super::events::News;
use super::handle::{Handle, Id};
use super::info::{EntityInfo, Registration};
use super::state::{Entity, Registered, State};
use super::{Client, Inner};
use crate::table::EntityName;

/// Methods that an entity may export: one a bit.
const METHODS: usize = 32;

impl State {
    fn register(
        &mut self,
        family: Family,
        name: EntityName,
        registration: &Registration,
    ) -> Result<Id<Entity>, Status> {
        if registration.methods.len() > METHODS {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        // Somebody may know it from elsewhere, but whoever registers is another one.
        if !self.entities.has_room() {
            return Err(Status::ERROR_NOT_ENOUGH_MEMORY);
        }
        let key = self.table.register(family, name)?;
        let slot = if registration.reserves_slot {
            match self.reserve_slot(family) {
                Ok(slot) => Some(slot),
                Err(status) => {
                    self.table.deregister(key);
                    return Err(status);
                }
            }
        } else {
            None
        };
        let made = self.entities.insert(Entity {
            family,
            name,
            registered: Some(Registered {
                key,
                events: registration.events.clone(),
                methods: registration.methods.clone(),
                slot,
                last_path: 0,
                is_blocked: false,
                running: 0,
                is_ending: false,
            }),
            hops: BTreeMap::new(),
        });
        // INVARIANT: there was room.
        let id = made.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        self.entities.pin(id);
        self.by_name.insert((family, name), id);
        self.tell_others(id, News::Registered);
        Ok(id)
    }

    /// Stands for the entity's next next hop among paths: never 0.
    pub(super) fn next_path(&mut self, entity: Id<Entity>) -> waypost_types::PathId {
        let Some(registered) = &mut self.entities[entity].registered else {
            return waypost_types::PathId(0);
        };
        registered.last_path = registered.last_path.checked_add(1).unwrap_or(1);
        waypost_types::PathId(registered.last_path)
    }

    /// Ends an entity that nobody calls any more, with everything that it has (P-55). Says how many references it held.
    fn end(&mut self, id: Id<Entity>) -> u64 {
        let Some(registered) = self.entities[id].registered.take() else {
            return 0;
        };
        let registrations = self.registrations.iter().filter(|(_, other)| other.owner == id);
        for registration in registrations.map(|(id, _)| id).collect::<Vec<_>>() {
            self.end_registration(registration);
        }
        let enumerations = self.enumerations.iter().filter(|(_, other)| other.owner == id);
        for enumeration in enumerations.map(|(id, _)| id).collect::<Vec<_>>() {
            self.delete_enumeration(enumeration);
        }
        let lists = self.lists.iter().filter(|(_, list)| list.owner == id);
        for list in lists.map(|(id, _)| id).collect::<Vec<_>>() {
            self.delete_list(list);
        }
        self.forget_locks(id);
        self.table.deregister(registered.key);
        let routes = self.routes.iter();
        let routes = routes.filter(|(_, route)| route.owner == id && route.is_own && !route.is_deleted);
        for route in routes.map(|(id, _)| id).collect::<Vec<_>>() {
            self.drop_route(route);
        }
        // Routes of the entity alone count on its next hops, and they are gone.
        for (_, hop) in std::mem::take(&mut self.entities[id].hops) {
            self.hops[hop].is_deleted = true;
            if self.hops[hop].remote.is_some() {
                self.remote_is_gone(id);
            }
            self.unpin_hop(hop);
        }
        let mut references = 0;
        let (count, unused) = self.routes.forget(id);
        references += count;
        unused.into_iter().for_each(|id| self.reap_route(id));
        let (count, unused) = self.hops.forget(id);
        references += count;
        unused.into_iter().for_each(|id| self.reap_hop(id));
        let (count, unused) = self.destinations.forget(id);
        references += count;
        unused.into_iter().for_each(|id| self.reap_destination(id));
        let (count, unused) = self.entities.forget(id);
        references += count;
        unused
            .into_iter()
            .filter(|other| *other != id)
            .for_each(|id| self.reap_entity(id));
        let (family, name) = (self.entities[id].family, self.entities[id].name);
        if let Some(slot) = registered.slot {
            self.free_slot(family, slot);
        }
        self.by_name.remove(&(family, name));
        self.tell_others(id, News::Deregistered);
        self.unpin_entity(id);
        references
    }

    /// Marks a route as deleted that the table has deleted already.
    fn drop_route(&mut self, id: Id<super::state::Route>) {
        if !self.routes[id].is_in_table {
            self.count_withdrawn(id, false);
        }
        self.take_off_list(id);
        let route = &mut self.routes[id];
        route.is_deleted = true;
        route.is_in_table = false;
        route.expires = None;
        let destination = route.destination;
        self.destinations[destination].routes.retain(|other| *other != id);
        self.unpin_route(id);
    }
}

impl Inner {
    /// Lets nobody call an entity any more, waits until nobody does, and ends it. The number of references it held, and
    /// whether its code may still run: until then only until `deadline` is waited.
    pub(super) fn deregister(
        &self,
        entity: Handle,
        deadline: Option<Instant>,
    ) -> Result<(u64, bool), Status> {
        let mut state = self.lock();
        let id = state.caller(entity)?;
        if let Some(registered) = &mut state.entities[id].registered {
            registered.is_ending = true;
        }
        self.news.notify_all();
        state.entities.pin(id);
        let mut runs_on = false;
        while self.is_called(&state, id) {
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                runs_on = true;
                break;
            }
            state = match deadline {
                None => self.wait_for_news(state),
                Some(deadline) => self.wait_until(state, deadline),
            };
        }
        let references = state.end(id);
        state.unpin_entity(id);
        drop(state);
        self.news.notify_all();
        Ok((references, runs_on))
    }

    /// Whether another thread runs code of an entity.
    fn is_called(&self, state: &MutexGuard<'_, State>, id: Id<Entity>) -> bool {
        let by_us = u32::from(state.is_inside(id));
        let running = state.entities[id]
            .registered
            .as_ref()
            .map_or(0, |registered| registered.running);
        let in_callback = state.calling == Some(id) && !self.is_worker();
        running > by_us || in_callback
    }
}

impl Client {
    /// RtmRegisterEntity: the first call of whoever has routes.
    ///
    /// # Errors
    /// ERROR_ALREADY_EXISTS; ERROR_INVALID_PARAMETER: the caller may not speak for the protocol, or exports too many methods;
    /// ERROR_NO_SYSTEM_RESOURCES: too many entities, or no slot is left (P-66); ERROR_NOT_ENOUGH_MEMORY.
    pub fn register(
        &self,
        family: Family,
        name: EntityName,
        registration: &Registration,
    ) -> Result<Handle, Status> {
        self.start()?;
        let mut state = self.lock();
        if state.is_ending {
            return Err(Status::ERROR_NO_SYSTEM_RESOURCES);
        }
        let id = state.register(family, name, registration)?;
        Ok(state.entities.handle(id))
    }

    /// RtmDeregisterEntity: ends an entity with everything that it has left (P-55). Its callback and its methods have
    /// returned when this returns, unless it is called by one of them.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn deregister(&self, entity: Handle) -> Result<(), Status> {
        self.inner.deregister(entity, None).map(|_| ())
    }

    /// RtmGetRegisteredEntities: all entities of the caller's family.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn entities(&self, entity: Handle) -> Result<Vec<EntityName>, Status> {
        let state = self.lock();
        let caller = state.caller(entity)?;
        Ok(state.table.entities(state.family(caller)))
    }

    /// The handle of an entity of the caller's family, with a reference.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE, ERROR_NOT_ENOUGH_MEMORY.
    pub fn entity(&self, entity: Handle, name: EntityName) -> Result<Handle, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let family = state.family(caller);
        let id = state.intern_entity(family, name)?;
        Ok(state.entities.refer(id, caller))
    }

    /// RtmGetEntityInfo: which entity a handle names.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn entity_info(&self, entity: Handle, of: Handle) -> Result<EntityInfo, Status> {
        let state = self.lock();
        state.caller(entity)?;
        let id = state.entities.find(of).ok_or(Status::ERROR_INVALID_HANDLE)?;
        Ok(EntityInfo {
            family: state.entities[id].family,
            name: state.entities[id].name,
        })
    }
}
