//! Destinations whose route in the kernel is not, or not yet, as wanted.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use waypost_types::{Prefix, Seed, Time};

use crate::object::{Index, Loss};
use crate::report::Failure;
use crate::rows::Form;

/// What is on its way to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Set(Form),
    Delete,
}

#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) wanted: Option<Form>,
    /// What the kernel has.
    pub(crate) held: Option<Form>,
    /// Somebody is said to have deleted or changed `held`. The news may be older than our last request, so that it is there
    /// again. Deleting it is right either way; otherwise it is added, because somebody else's may be in its place by now,
    /// and if the kernel finds something there, its state is read anew.
    pub(crate) shaken: bool,
    pub(crate) sent: Option<Sent>,
    /// What is being sent is lost again already, with its object or its link.
    pub(crate) disturbed: Option<Loss>,
    /// The next hops of what is being sent have changed meanwhile: it must be sent again.
    pub(crate) outdated: bool,
    pub(crate) queued: bool,
    /// A resync saw `held`.
    pub(crate) seen: bool,
    pub(crate) attempts: u32,
    pub(crate) retry: Option<Time>,
    pub(crate) failure: Option<Box<Failure>>,
    /// When it began to be otherwise than wanted.
    pub(crate) since: Time,
}

/// How long to wait after so many failures in a row: a quarter of a second at first, a minute at most.
pub(crate) fn back_off(attempts: u32) -> Duration {
    Duration::from_millis(250 << attempts.saturating_sub(1).min(10)).min(Duration::from_secs(60))
}

/// How long to leave alone what somebody deleted for the `count`th time in a row. The first time it is put back at
/// once; whoever insists gets it back less and less often, so that two daemons that fight do not melt the machine.
pub(crate) fn truce(count: u32) -> Duration {
    match count {
        0 | 1 => Duration::ZERO,
        _ => Duration::from_millis(100 << (count - 2).min(10)).min(Duration::from_secs(30)),
    }
}

/// After this long without a deletion the next one counts as the first.
pub(crate) const PEACE: Duration = Duration::from_secs(60);

/// Counts one deletion by hand.
pub(crate) fn count_fight(fight: &mut (u32, Time), now: Time) -> Duration {
    if now.since(fight.1) > PEACE {
        fight.0 = 0;
    }
    *fight = (fight.0.saturating_add(1), now);
    truce(fight.0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Retry {
    Route(Prefix),
    Object(Index),
    Resync,
}

/// The unsettled destinations, and the order they are dealt with in.
pub(crate) struct Works {
    /// Hash order never shows: the queue gives the order, and passes over all are sorted.
    works: HashMap<Prefix, Work, FixedState>,
    queue: VecDeque<Prefix>,
    retries: BTreeSet<(Time, Retry)>,
}

impl Works {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            works: HashMap::with_hasher(FixedState::with_seed(seed.child("fib works").0)),
            queue: VecDeque::new(),
            retries: BTreeSet::new(),
        }
    }

    pub(crate) fn get(&self, prefix: Prefix) -> Option<&Work> {
        self.works.get(&prefix)
    }

    pub(crate) fn get_mut(&mut self, prefix: Prefix) -> Option<&mut Work> {
        self.works.get_mut(&prefix)
    }

    pub(crate) fn insert(&mut self, prefix: Prefix, work: Work) {
        self.works.insert(prefix, work);
    }

    /// Takes a destination out, with its deadline.
    pub(crate) fn remove(&mut self, prefix: Prefix) -> Option<Work> {
        let work = self.works.remove(&prefix)?;
        if let Some(at) = work.retry {
            self.retries.remove(&(at, Retry::Route(prefix)));
        }
        // A burst of a million changes must not hold on to its memory for good.
        if self.works.is_empty() && self.works.capacity() > 1 << 14 {
            self.works.shrink_to(0);
        }
        Some(work)
    }

    pub(crate) fn len(&self) -> usize {
        self.works.len()
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Puts a destination into the queue, unless it is there or on its way.
    pub(crate) fn enqueue(&mut self, prefix: Prefix) {
        if let Some(work) = self.works.get_mut(&prefix)
            && !work.queued
            && work.sent.is_none()
        {
            work.queued = true;
            self.queue.push_back(prefix);
            if let Some(at) = work.retry.take() {
                self.retries.remove(&(at, Retry::Route(prefix)));
            }
        }
    }

    pub(crate) fn dequeue(&mut self) -> Option<Prefix> {
        while let Some(prefix) = self.queue.pop_front() {
            if let Some(work) = self.works.get_mut(&prefix)
                && work.queued
            {
                work.queued = false;
                return Some(prefix);
            }
        }
        if self.queue.capacity() > 1 << 16 {
            self.queue = VecDeque::new();
        }
        None
    }

    pub(crate) fn requeue_front(&mut self, prefix: Prefix) {
        if let Some(work) = self.works.get_mut(&prefix) {
            work.queued = true;
            self.queue.push_front(prefix);
        }
    }

    /// Deals with the destination again at `at`.
    pub(crate) fn retry_at(&mut self, prefix: Prefix, at: Time) {
        let Some(work) = self.works.get_mut(&prefix) else {
            return;
        };
        if let Some(old) = work.retry.replace(at) {
            self.retries.remove(&(old, Retry::Route(prefix)));
        }
        self.retries.insert((at, Retry::Route(prefix)));
    }

    pub(crate) fn add_retry(&mut self, at: Time, retry: Retry) {
        self.retries.insert((at, retry));
    }

    pub(crate) fn remove_retry(&mut self, at: Time, retry: Retry) {
        self.retries.remove(&(at, retry));
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.retries.first().map(|&(at, _)| at)
    }

    pub(crate) fn next_due(&mut self, now: Time) -> Option<Retry> {
        let first = self.retries.first().copied().filter(|&(at, _)| at <= now)?;
        self.retries.remove(&first);
        if let Retry::Route(prefix) = first.1
            && let Some(work) = self.works.get_mut(&prefix)
        {
            work.retry = None;
        }
        Some(first.1)
    }

    /// The destinations that `wanted` picks, in order.
    pub(crate) fn select(&self, mut wanted: impl FnMut(&Work) -> bool) -> Vec<Prefix> {
        let works = self.works.iter().filter(|(_, work)| wanted(work));
        let mut found: Vec<Prefix> = works.map(|(&prefix, _)| prefix).collect();
        found.sort_unstable();
        found
    }

    pub(crate) fn bytes(&self) -> usize {
        self.works.allocation_size() + self.queue.capacity() * size_of::<Prefix>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limits() {
        assert_eq!(back_off(1), Duration::from_millis(250));
        assert_eq!(back_off(4), Duration::from_secs(2));
        assert_eq!(back_off(u32::MAX), Duration::from_secs(60));
        let mut fight = (0, Time::ZERO);
        let now = Time::from_secs(1000);
        let waits: Vec<_> = (0..4).map(|_| count_fight(&mut fight, now).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 400]);
        assert_eq!(count_fight(&mut (u32::MAX, now), now), Duration::from_secs(30));
        assert_eq!(count_fight(&mut fight, now + PEACE * 2), Duration::ZERO);
    }
}
