//! Timers of an engine: any number behind one deadline.

use std::collections::{BTreeMap, BTreeSet};

use waypost_types::Time;

/// Timers by key. One key has at most one deadline; equal deadlines fire in key order.
#[derive(Clone, Debug)]
pub struct TimerQueue<K> {
    by_key: BTreeMap<K, Time>,
    by_time: BTreeSet<(Time, K)>,
}

impl<K> Default for TimerQueue<K> {
    fn default() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_time: BTreeSet::new(),
        }
    }
}

impl<K: Ord + Clone> TimerQueue<K> {
    /// No timer set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the timer of `key`, replacing an earlier setting.
    pub fn set(&mut self, key: K, at: Time) {
        if let Some(old) = self.by_key.insert(key.clone(), at) {
            self.by_time.remove(&(old, key.clone()));
        }
        self.by_time.insert((at, key));
    }

    /// Sets the timer of `key` unless it is set to fire sooner.
    pub fn set_at_latest(&mut self, key: K, at: Time) {
        if self.get(&key).is_none_or(|set| set > at) {
            self.set(key, at);
        }
    }

    /// Stops the timer of `key`.
    pub fn cancel(&mut self, key: &K) {
        if let Some(old) = self.by_key.remove(key) {
            self.by_time.remove(&(old, key.clone()));
        }
    }

    /// Stops every timer whose key is not kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.by_key.retain(|key, _| keep(key));
        self.by_time.retain(|(_, key)| self.by_key.contains_key(key));
    }

    /// When the timer of `key` fires.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Time> {
        self.by_key.get(key).copied()
    }

    /// When the next timer fires.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the next timer that is due.
    pub fn pop_due(&mut self, now: Time) -> Option<K> {
        if self.next_deadline()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_deadlines_fire_in_key_order() {
        let mut timers = TimerQueue::new();
        timers.set("b", Time(5));
        timers.set("a", Time(5));
        timers.set("c", Time(4));
        timers.set("c", Time(9));
        assert_eq!(timers.next_deadline(), Some(Time(5)));
        assert_eq!(timers.pop_due(Time(4)), None);
        assert_eq!(timers.pop_due(Time(5)), Some("a"));
        assert_eq!(timers.pop_due(Time(5)), Some("b"));
        assert_eq!(timers.pop_due(Time(5)), None);
        timers.set_at_latest("c", Time(20));
        assert_eq!(timers.get(&"c"), Some(Time(9)));
        timers.cancel(&"c");
        assert_eq!(timers.next_deadline(), None);
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_map(operations in prop::collection::vec((0u8..6, 0u64..20, 0u8..3), 0..60)) {
            let mut timers = TimerQueue::new();
            let mut model: BTreeMap<u8, Time> = BTreeMap::new();
            for (key, at, operation) in operations {
                match operation {
                    0 => { timers.set(key, Time(at)); model.insert(key, Time(at)); }
                    1 => { timers.cancel(&key); model.remove(&key); }
                    _ => {
                        let due = model.iter().filter(|(_, t)| **t <= Time(at)).map(|(k, t)| (*t, *k)).min();
                        prop_assert_eq!(timers.pop_due(Time(at)), due.map(|(_, k)| k));
                        if let Some((_, k)) = due { model.remove(&k); }
                    }
                }
                prop_assert_eq!(timers.next_deadline(), model.values().min().copied());
            }
        }
    }
}
