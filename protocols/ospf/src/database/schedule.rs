//! When something is to be done with LSAs: by the second, each LSA once.

use std::collections::BTreeMap;

use waypost_types::Time;

use super::Slot;

const SECOND: u64 = 1_000_000_000;

/// Slots by the second they are due.
///
/// Whoever is in it knows its second and its place there, so that taking it out costs no search and nothing stays behind: an
/// LSA that is replaced every second leaves no trail.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    seconds: BTreeMap<u32, Vec<Slot>>,
}

impl Schedule {
    /// The first whole second that is not before `at`.
    pub(super) fn second(at: Time) -> u32 {
        u32::try_from(at.0.div_ceil(SECOND)).unwrap_or(u32::MAX)
    }

    /// Adds a slot, which is not in it; its place.
    pub(super) fn add(&mut self, second: u32, slot: Slot) -> u32 {
        let slots = self.seconds.entry(second).or_default();
        slots.push(slot);
        slots.len() as u32 - 1
    }

    /// Takes a slot out, if it is at this place; the slot that moved into it.
    pub(super) fn remove(&mut self, second: u32, place: u32, slot: Slot) -> Option<Slot> {
        let slots = self.seconds.get_mut(&second)?;
        let place = place as usize;
        if slots.get(place) != Some(&slot) {
            return None;
        }
        slots.swap_remove(place);
        let moved = slots.get(place).copied();
        if slots.is_empty() {
            self.seconds.remove(&second);
        }
        moved
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.seconds
            .first_key_value()
            .map(|(second, _)| Time::from_secs((*second).into()))
    }

    /// Takes the last of those that are due first, so that the places of the others stay.
    pub(super) fn pop(&mut self, now: Time) -> Option<Slot> {
        let mut first = self.seconds.first_entry()?;
        if Time::from_secs((*first.key()).into()) > now {
            return None;
        }
        let slot = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        slot
    }
}
