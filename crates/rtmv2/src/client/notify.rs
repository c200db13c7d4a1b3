//! Registrations for changes (router-services A9).

use std::collections::BTreeSet;

use waypost_routprot::Status;
use waypost_types::Prefix;

use super::Client;
use super::events::{News, Pending, Source};
use super::handle::{Handle, Id};
use super::info::{Batch, DestinationInfo, MAX_HANDLES_IN_ENUM, views_of};
use super::lookup::{BEST_PROTOCOL, or_any};
use super::state::{Entity, State};
use crate::table::{ChangeTypes, Views, WatchKey};

/// Registrations of a family (P-65).
const LIMIT: usize = 32;
/// How many changes the table is asked for at a time.
const STEP: usize = 1024;

/// A registration for changes.
pub(super) struct Watching {
    pub(super) owner: Id<Entity>,
    pub(super) key: WatchKey,
    views: Views,
    marked: BTreeSet<Prefix>,
    /// It hears of marked destinations only.
    only_marked: bool,
    context: usize,
    /// What was not asked for yet.
    dirty: BTreeSet<Prefix>,
    /// The next change is told.
    is_armed: bool,
}

impl State {
    fn registration(&self, caller: Id<Entity>, handle: Handle) -> Result<Id<Watching>, Status> {
        let found = self.registrations.find(handle);
        found
            .filter(|id| self.registrations[*id].owner == caller)
            .ok_or(Status::ERROR_INVALID_HANDLE)
    }

    /// Takes over what the table has to say.
    fn drain(&mut self, id: Id<Watching>) {
        let watching = &mut self.registrations[id];
        loop {
            let changed = self.table.changed(watching.key, STEP);
            let is_last = changed.len() < STEP;
            let changed = changed.into_iter();
            watching
                .dirty
                .extend(changed.filter(|prefix| !watching.only_marked || watching.marked.contains(prefix)));
            if is_last {
                break;
            }
        }
    }

    /// The bell of a registration rang.
    pub(super) fn registration_news(&mut self, handle: Handle) {
        let Some(id) = self.registrations.find(handle) else {
            return;
        };
        if self.registrations[id].only_marked {
            self.drain(id);
            if self.registrations[id].dirty.is_empty() {
                return;
            }
        }
        let watching = &mut self.registrations[id];
        if std::mem::take(&mut watching.is_armed) {
            let news = News::Changed(handle, watching.context);
            let entity = self.entities.handle(watching.owner);
            self.pending.push_back(Pending { entity, news });
        }
    }

    pub(super) fn end_registration(&mut self, id: Id<Watching>) {
        if let Some(watching) = self.registrations.remove(id) {
            self.table.unwatch(watching.key);
        }
    }
}

impl Client {
    /// RtmRegisterForChangeNotification: from now on the entity hears of changes of these types in these views; only those
    /// of destinations that it marks, if `only_marked`.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER: no type; ERROR_NOT_SUPPORTED: a view; ERROR_NO_SYSTEM_RESOURCES: there
    /// are 32 in the family; ERROR_NOT_ENOUGH_MEMORY.
    pub fn register_for_changes(
        &self,
        entity: Handle,
        views: u32,
        types: ChangeTypes,
        only_marked: bool,
        context: usize,
    ) -> Result<Handle, Status> {
        let mut state = self.lock();
        let owner = state.caller(entity)?;
        let views = views_of(views, Status::ERROR_NOT_SUPPORTED)?;
        if types.is_empty() {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let family = state.family(owner);
        let registrations = state.registrations.iter();
        let of_family = registrations.filter(|(_, other)| state.family(other.owner) == family);
        if of_family.count() >= LIMIT {
            return Err(Status::ERROR_NO_SYSTEM_RESOURCES);
        }
        let made = state.registrations.insert(Watching {
            owner,
            key: WatchKey(0),
            views,
            marked: BTreeSet::new(),
            only_marked,
            context,
            dirty: BTreeSet::new(),
            is_armed: true,
        });
        let id = made.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        let handle = state.registrations.refer(id, owner);
        let bell = state.notes.bell(Source::Registration(handle));
        match state.table.watch(family, or_any(views), types, bell) {
            Ok(key) => {
                state.registrations[id].key = key;
                Ok(handle)
            }
            Err(status) => {
                state.registrations.remove(id);
                Err(status)
            }
        }
    }

    /// The views that a registration tells of.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn registered_views(&self, entity: Handle, registration: Handle) -> Result<Views, Status> {
        let state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.registration(caller, registration)?;
        Ok(state.registrations[id].views)
    }

    /// RtmGetChangedDests: the next destinations that changed, at most `max`, as they are now.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER: none, or more than MaxHandlesInEnum; ERROR_NOT_ENOUGH_MEMORY.
    pub fn changed_destinations(
        &self,
        entity: Handle,
        registration: Handle,
        max: usize,
    ) -> Result<Batch<DestinationInfo>, Status> {
        if max == 0 || max > MAX_HANDLES_IN_ENUM {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.registration(caller, registration)?;
        state.drain(id);
        let views = state.registrations[id].views;
        let mut items = Vec::new();
        while items.len() < max {
            let Some(prefix) = state.registrations[id].dirty.pop_first() else {
                break;
            };
            let snapshot = state.snapshot(prefix);
            match state.describe(caller, &snapshot, BEST_PROTOCOL, views) {
                Ok(info) => items.push(info),
                Err(status) => {
                    for info in &items {
                        state.release_destination_info(caller, info);
                        state.registrations[id].dirty.insert(info.prefix);
                    }
                    state.registrations[id].dirty.insert(prefix);
                    return Err(status);
                }
            }
        }
        let watching = &mut state.registrations[id];
        let is_last = watching.dirty.is_empty();
        watching.is_armed |= is_last;
        Ok(Batch { items, is_last })
    }

    /// RtmIgnoreChangedDests: drops the pending changes of destinations.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE: then none of them is dropped.
    pub fn ignore_changes(
        &self,
        entity: Handle,
        registration: Handle,
        destinations: &[Handle],
    ) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.registration(caller, registration)?;
        let prefixes = destinations
            .iter()
            .map(|destination| {
                let found = state.destination(caller, *destination)?;
                Ok(state.destinations[found].prefix)
            })
            .collect::<Result<Vec<_>, Status>>()?;
        state.drain(id);
        for prefix in prefixes {
            state.registrations[id].dirty.remove(&prefix);
        }
        Ok(())
    }

    /// RtmGetChangeStatus: whether a change of a destination is pending.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn has_changed(
        &self,
        entity: Handle,
        registration: Handle,
        destination: Handle,
    ) -> Result<bool, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.registration(caller, registration)?;
        let destination = state.destination(caller, destination)?;
        state.drain(id);
        let prefix = state.destinations[destination].prefix;
        Ok(state.registrations[id].dirty.contains(&prefix))
    }

    /// RtmMarkDestForChangeNotification: says whether a registration for marked destinations hears of this one.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_NOT_ENOUGH_MEMORY: too many are marked.
    pub fn mark(
        &self,
        entity: Handle,
        registration: Handle,
        destination: Handle,
        is_marked: bool,
    ) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.registration(caller, registration)?;
        let destination = state.destination(caller, destination)?;
        let prefix = state.destinations[destination].prefix;
        // What happened before is judged by the marks of then.
        state.drain(id);
        let limit = self.limit() as usize;
        let marked = &mut state.registrations[id].marked;
        if !is_marked {
            marked.remove(&prefix);
        } else if marked.len() < limit || marked.contains(&prefix) {
            marked.insert(prefix);
        } else {
            return Err(Status::ERROR_NOT_ENOUGH_MEMORY);
        }
        Ok(())
    }

    /// RtmIsMarkedForChangeNotification.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn is_marked(
        &self,
        entity: Handle,
        registration: Handle,
        destination: Handle,
    ) -> Result<bool, Status> {
        let state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.registration(caller, registration)?;
        let destination = state.destination(caller, destination)?;
        let prefix = state.destinations[destination].prefix;
        Ok(state.registrations[id].marked.contains(&prefix))
    }

    /// RtmDeregisterFromChangeNotification: what is pending is dropped.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn deregister_from_changes(&self, entity: Handle, registration: Handle) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.registration(caller, registration)?;
        state.end_registration(id);
        Ok(())
    }
}
