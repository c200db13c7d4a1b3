//! What happens when: a heap ordered by (time, sequence).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use waypost_types::Time;

/// Events to come. Events of one time come out in the order they went in, so a run has exactly one order.
#[derive(Debug)]
pub struct Schedule<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Time,
    sequence: u64,
    event: T,
}

impl<T> Entry<T> {
    const fn key(&self) -> (Time, u64) {
        (self.at, self.sequence)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            sequence: 0,
        }
    }
}

impl<T> Schedule<T> {
    /// Adds an event.
    pub fn push(&mut self, at: Time, event: T) {
        self.sequence += 1;
        self.heap.push(Reverse(Entry {
            at,
            sequence: self.sequence,
            event,
        }));
    }

    /// Takes the next event that is due at `end` or before.
    pub fn pop_until(&mut self, end: Time) -> Option<(Time, T)> {
        if self.heap.peek()?.0.at > end {
            return None;
        }
        let Reverse(entry) = self.heap.pop()?;
        Some((entry.at, entry.event))
    }

    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_by_time_then_by_arrival() {
        let mut schedule = Schedule::default();
        for (at, name) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b'), (3, 'e')] {
            schedule.push(Time::from_secs(at), name);
        }
        let order: String =
            std::iter::from_fn(|| schedule.pop_until(Time::from_secs(2)).map(|(_, name)| name)).collect();
        assert_eq!(order, "abcd");
        assert_eq!(schedule.len(), 1);
    }
}
