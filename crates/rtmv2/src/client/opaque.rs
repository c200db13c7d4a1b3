//! Slots: a pointer's worth of memory in every destination for each entity that reserved one (router-services A10).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use waypost_routprot::Status;
use waypost_rtm::Family;

use super::Client;
use super::handle::{Handle, Id};
use super::state::{Destination, SLOTS, State, place_of};

impl State {
    /// Reserves a slot in the destinations of a family.
    pub(super) fn reserve_slot(&mut self, family: Family) -> Result<usize, Status> {
        let slots = &mut self.slots[place_of(family)];
        let free = slots.iter().position(|taken| !taken);
        let free = free.ok_or(Status::ERROR_NO_SYSTEM_RESOURCES)?;
        slots[free] = true;
        Ok(free)
    }

    /// Gives a slot back: it is empty for whoever has it next.
    pub(super) fn free_slot(&mut self, family: Family, slot: usize) {
        self.slots[place_of(family)][slot] = false;
        let destinations: Vec<_> = self
            .destinations
            .iter()
            .filter(|(_, destination)| {
                Family::of(destination.prefix) == family && destination.slots.is_some()
            })
            .map(|(id, _)| id)
            .collect();
        for id in destinations {
            if let Some(slots) = &mut self.destinations[id].slots {
                slots[slot] = None;
            }
            self.reap_destination(id);
        }
    }

    /// Keeps a destination that the table has for the sake of its slots. False: there is no need.
    pub(super) fn park(&mut self, id: Id<Destination>) -> bool {
        let destination = &self.destinations[id];
        let is_used = |slot: &Option<Arc<AtomicUsize>>| {
            slot.as_ref()
                .is_some_and(|slot| slot.load(Ordering::Relaxed) != 0)
        };
        let is_needed = destination
            .slots
            .as_ref()
            .is_some_and(|slots| slots.iter().any(is_used));
        let prefix = destination.prefix;
        if !is_needed
            || self.table.destination(prefix).is_none()
            || self.watch_own(Family::of(prefix)).is_err()
        {
            return false;
        }
        self.destinations[id].is_parked = true;
        self.parked.insert(id);
        // It may have gone before the watch began.
        self.table.destination(prefix).is_some()
    }

    pub(super) fn unpark(&mut self, id: Id<Destination>) {
        if self.parked.remove(&id) {
            self.destinations[id].is_parked = false;
            self.unwatch_own(Family::of(self.destinations[id].prefix));
        }
    }
}

impl Client {
    /// RtmGetOpaqueInformationPointer: the caller's slot in a destination. What is in it stays for as long as the destination
    /// is referenced, or is in the table.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_NOT_FOUND: the caller reserved none.
    pub fn slot(&self, entity: Handle, destination: Handle) -> Result<Arc<AtomicUsize>, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.destination(caller, destination)?;
        let slot = state.registered(caller)?.slot.ok_or(Status::ERROR_NOT_FOUND)?;
        let slots = state.destinations[id]
            .slots
            .get_or_insert_with(|| Box::new([const { None }; SLOTS]));
        Ok(Arc::clone(
            slots[slot].get_or_insert_with(|| Arc::new(AtomicUsize::new(0))),
        ))
    }
}
