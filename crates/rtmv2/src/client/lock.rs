//! Locks that threads hold across calls (router-services A5, A10).
//!
//! A lock of a destination guards its routes and its slots, one of a next hop the next hop. Whoever changes a route waits for
//! locks that other threads hold at its destination.

use std::collections::BTreeMap;
use std::sync::MutexGuard;
use std::thread::ThreadId;

use waypost_routprot::Status;

use super::Client;
use super::handle::{Handle, Id};
use super::state::{Destination, Entity, Hop, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Destination(Id<Destination>),
    NextHop(Id<Hop>),
}

/// A thread that holds a lock.
struct Holder {
    thread: ThreadId,
    entity: Id<Entity>,
    /// How often it took it for itself, and shared.
    exclusive: u32,
    shared: u32,
}

#[derive(Default)]
pub(super) struct Locks(BTreeMap<Key, Vec<Holder>>);

impl Locks {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether another thread holds a lock.
    pub(super) fn is_others(&self, key: Key) -> bool {
        !self.0.is_empty() && {
            let thread = std::thread::current().id();
            let mut holders = self.0.get(&key).into_iter().flatten();
            holders.any(|holder| holder.thread != thread)
        }
    }

    fn is_others_alone(&self, key: Key) -> bool {
        let thread = std::thread::current().id();
        let mut holders = self.0.get(&key).into_iter().flatten();
        holders.any(|holder| holder.thread != thread && holder.exclusive > 0)
    }

    fn own(&mut self, key: Key) -> Option<&mut Holder> {
        let thread = std::thread::current().id();
        self.0
            .get_mut(&key)?
            .iter_mut()
            .find(|holder| holder.thread == thread)
    }

    fn take(&mut self, key: Key, entity: Id<Entity>, is_exclusive: bool) {
        if self.own(key).is_none() {
            self.0.entry(key).or_default().push(Holder {
                thread: std::thread::current().id(),
                entity,
                exclusive: 0,
                shared: 0,
            });
        }
        if let Some(holder) = self.own(key) {
            if is_exclusive {
                holder.exclusive += 1;
            } else {
                holder.shared += 1;
            }
        }
    }

    /// The last one that was taken for itself goes first. `None`: the thread holds none.
    fn give(&mut self, key: Key) -> Option<()> {
        let holder = self.own(key)?;
        if holder.exclusive > 0 {
            holder.exclusive -= 1;
        } else {
            holder.shared -= 1;
        }
        if (holder.exclusive, holder.shared) == (0, 0) {
            let thread = holder.thread;
            let holders = self.0.get_mut(&key)?;
            holders.retain(|holder| holder.thread != thread);
            if holders.is_empty() {
                self.0.remove(&key);
            }
        }
        Some(())
    }

    /// Whether the calling thread alone holds a lock.
    pub(super) fn is_mine_alone(&mut self, key: Key) -> bool {
        self.own(key).is_some_and(|holder| holder.exclusive > 0)
    }

    /// Gives all locks of an entity back: what they were of, once for each time it was taken.
    fn forget(&mut self, entity: Id<Entity>) -> Vec<Key> {
        let mut forgotten = Vec::new();
        self.0.retain(|key, holders| {
            holders.retain(|holder| {
                let is_its = holder.entity == entity;
                if is_its {
                    let times = holder.exclusive + holder.shared;
                    forgotten.extend((0..times).map(|_| *key));
                }
                !is_its
            });
            !holders.is_empty()
        });
        forgotten
    }
}

impl State {
    fn pin_locked(&mut self, key: Key) {
        match key {
            Key::Destination(id) => self.destinations.pin(id),
            Key::NextHop(id) => self.hops.pin(id),
        }
    }

    fn unpin_locked(&mut self, key: Key) {
        match key {
            Key::Destination(id) => self.unpin_destination(id),
            Key::NextHop(id) => self.unpin_hop(id),
        }
    }

    /// Ends what locks an entity still has.
    pub(super) fn forget_locks(&mut self, entity: Id<Entity>) {
        for key in self.locks.forget(entity) {
            self.unpin_locked(key);
        }
    }
}

impl Client {
    /// Waits until something else can be hoped for.
    pub(super) fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>, Status> {
        if state.is_ending {
            return Err(Status::ERROR_INVALID_HANDLE);
        }
        Ok(self.wait_for_news(state))
    }

    fn locked(
        &self,
        find: impl Fn(&State) -> Result<(Id<Entity>, Key), Status>,
        is_exclusive: bool,
    ) -> Result<(), Status> {
        let mut state = self.lock();
        loop {
            let (caller, key) = find(&state)?;
            let must_wait = if is_exclusive {
                state.locks.is_others(key)
            } else {
                state.locks.is_others_alone(key)
            };
            if !must_wait {
                state.pin_locked(key);
                state.locks.take(key, caller, is_exclusive);
                return Ok(());
            }
            // Two that share a lock and both want it alone would wait for each other.
            if is_exclusive && state.locks.own(key).is_some() {
                return Err(Status::ERROR_CAN_NOT_COMPLETE);
            }
            state = self.wait(state)?;
        }
    }

    fn unlocked(&self, find: impl Fn(&State) -> Result<(Id<Entity>, Key), Status>) -> Result<(), Status> {
        let mut state = self.lock();
        let (_, key) = find(&state)?;
        state.locks.give(key).ok_or(Status::ERROR_INVALID_PARAMETER)?;
        state.unpin_locked(key);
        drop(state);
        self.news();
        Ok(())
    }

    /// RtmLockDestination: takes or gives back the lock of a destination for the calling thread, which may take it several
    /// times.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER: the thread does not hold it; ERROR_CAN_NOT_COMPLETE: the thread
    /// shares it with another one and wants it alone.
    pub fn lock_destination(
        &self,
        entity: Handle,
        destination: Handle,
        is_exclusive: bool,
        is_lock: bool,
    ) -> Result<(), Status> {
        let find = |state: &State| {
            let caller = state.caller(entity)?;
            Ok((caller, Key::Destination(state.destination(caller, destination)?)))
        };
        if is_lock {
            self.locked(find, is_exclusive)
        } else {
            self.unlocked(find)
        }
    }

    /// RtmLockRoute: the same for the destination of a route of the caller's own.
    ///
    /// # Errors
    /// As [`Self::lock_destination`], and ERROR_ACCESS_DENIED.
    pub fn lock_route(
        &self,
        entity: Handle,
        route: Handle,
        is_exclusive: bool,
        is_lock: bool,
    ) -> Result<(), Status> {
        let find = |state: &State| {
            let caller = state.caller(entity)?;
            let route = state.own_route(caller, route)?;
            Ok((caller, Key::Destination(state.routes[route].destination)))
        };
        if is_lock {
            self.locked(find, is_exclusive)
        } else {
            self.unlocked(find)
        }
    }

    /// RtmLockNextHop: the same for a next hop of the caller's own.
    ///
    /// # Errors
    /// As [`Self::lock_destination`], and ERROR_ACCESS_DENIED.
    pub fn lock_next_hop(
        &self,
        entity: Handle,
        hop: Handle,
        is_exclusive: bool,
        is_lock: bool,
    ) -> Result<(), Status> {
        let find = |state: &State| {
            let caller = state.caller(entity)?;
            Ok((caller, Key::NextHop(state.own_hop(caller, hop)?)))
        };
        if is_lock {
            self.locked(find, is_exclusive)
        } else {
            self.unlocked(find)
        }
    }
}
