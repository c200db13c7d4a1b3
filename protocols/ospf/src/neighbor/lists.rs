//! The lists of a neighbour (RFC 2328 §10): what it has not acknowledged, what it is to send.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use waypost_types::{Seed, Time};

use crate::database::Slot;
use crate::lsa::{Freshness, LsaHeader, LsaKey, Scope};

/// An LSA as a neighbour's lists name it: in which of the databases shared with that neighbour, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle {
    /// Which database.
    pub scope: Scope,
    /// Where in it.
    pub slot: Slot,
}

/// The Link state retransmission list: sent, and not acknowledged yet.
///
/// Each LSA has its own time, so the list is a queue by the time of sending. What is taken off stays behind in the queue until
/// it comes to the front, and is told from what was put on again by its stamp; the queue is never twice as long as the list
/// and a few more.
#[derive(Clone, Debug)]
pub struct RetransmissionList {
    stamps: HashMap<Handle, Stamp, FixedState>,
    queue: VecDeque<(Time, Handle, u32)>,
    stamp: u32,
}

/// What is on the list since when, and whether the neighbour would read something new in it: not in a refresh.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    number: u32,
    changed: bool,
}

/// How much longer than the list the queue may be before it is cleaned.
const SLACK: usize = 64;

impl RetransmissionList {
    /// An empty list.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            stamps: HashMap::with_hasher(FixedState::with_seed(seed.child("retransmission").0)),
            queue: VecDeque::new(),
            stamp: 0,
        }
    }

    /// Puts an LSA on, sent at this time; `changed` if it says something else than what the neighbour acknowledged last. Whether
    /// it was not on it.
    pub fn add(&mut self, handle: Handle, sent: Time, changed: bool) -> bool {
        self.stamp = self.stamp.wrapping_add(1);
        let number = self.stamp;
        let new = self.stamps.insert(handle, Stamp { number, changed }).is_none();
        self.queue.push_back((sent, handle, number));
        if self.queue.len() > 2 * self.stamps.len() + SLACK {
            let stamps = &self.stamps;
            self.queue.retain(|place| is_on(stamps, place));
        }
        new
    }

    /// Takes an LSA off. Whether it was on it, and changed.
    pub fn remove(&mut self, handle: Handle) -> Option<bool> {
        self.stamps.remove(&handle).map(|stamp| stamp.changed)
    }

    /// Whether an LSA is on it.
    #[must_use]
    pub fn contains(&self, handle: Handle) -> bool {
        self.stamps.contains_key(&handle)
    }

    /// What is on it and says something new, in no order.
    pub fn changed(&self) -> impl Iterator<Item = Handle> + '_ {
        let changed = self.stamps.iter().filter(|(_, stamp)| stamp.changed);
        changed.map(|(handle, _)| *handle)
    }

    /// How many LSAs are on it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stamps.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// Drops from the front what was taken off, so that the front is the oldest that is on.
    fn clean_front(&mut self) {
        while let Some(place) = self.queue.front() {
            if is_on(&self.stamps, place) {
                return;
            }
            self.queue.pop_front();
        }
    }

    /// When something is to be sent again.
    pub fn next(&mut self, interval: Duration) -> Option<Time> {
        self.clean_front();
        self.queue.front().map(|(sent, _, _)| *sent + interval)
    }

    /// The next LSA to be sent again; it counts as sent now.
    pub fn pop_due(&mut self, now: Time, interval: Duration) -> Option<Handle> {
        if self.next(interval)? > now {
            return None;
        }
        let (_, handle, stamp) = self.queue.pop_front()?;
        self.queue.push_back((now, handle, stamp));
        Some(handle)
    }

    /// Empties the list and says what was on it.
    pub fn drain(&mut self) -> Vec<Handle> {
        let queue = std::mem::take(&mut self.queue);
        let stamps = &mut self.stamps;
        queue
            .into_iter()
            .filter(|place| {
                let is_on = is_on(stamps, place);
                if is_on {
                    stamps.remove(&place.1);
                }
                is_on
            })
            .map(|(_, handle, _)| handle)
            .collect()
    }
}

/// Whether a place in the queue is that of an LSA on the list, and not one it had before.
fn is_on(stamps: &HashMap<Handle, Stamp, FixedState>, (_, handle, number): &(Time, Handle, u32)) -> bool {
    stamps.get(handle).is_some_and(|stamp| stamp.number == *number)
}

/// The Link state request list: what the neighbour described and is newer than what is here.
///
/// One request is under way at a time (RFC 2328 §10.9).
#[derive(Clone, Debug, Default)]
pub struct RequestList {
    wanted: BTreeMap<LsaKey, LsaHeader>,
    waiting: VecDeque<LsaKey>,
    asked: Vec<LsaKey>,
    outstanding: usize,
}

/// What a received LSA means for the request list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// It is not on the list.
    No,
    /// It is older than what was described.
    Older,
    /// It is what was described; it is off the list.
    Same,
    /// It is newer than what was described; it is off the list.
    Newer,
}

impl RequestList {
    /// Puts an LSA on, as the neighbour described it.
    pub fn add(&mut self, header: LsaHeader) {
        if self.wanted.insert(header.key, header).is_none() {
            self.waiting.push_back(header.key);
        }
    }

    /// Whether an LSA is on it, without taking it off.
    #[must_use]
    pub fn contains(&self, key: LsaKey) -> bool {
        self.wanted.contains_key(&key)
    }

    /// An LSA came, from whomever: takes it off if it is what was wanted.
    pub fn received(&mut self, header: &LsaHeader) -> Requested {
        let Some(wanted) = self.wanted.get(&header.key) else {
            return Requested::No;
        };
        let result = match header.freshness(wanted) {
            Freshness::Older => return Requested::Older,
            Freshness::Same => Requested::Same,
            Freshness::Newer => Requested::Newer,
        };
        self.wanted.remove(&header.key);
        if self.asked.contains(&header.key) {
            self.outstanding = self.outstanding.saturating_sub(1);
        }
        result
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// How many LSAs are wanted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wanted.len()
    }

    /// Whether the next request may be sent: something is wanted and nothing is under way.
    #[must_use]
    pub fn may_ask(&self) -> bool {
        self.outstanding == 0 && !self.wanted.is_empty()
    }

    /// The next request, of at most `capacity` LSAs.
    pub fn ask(&mut self, capacity: usize) -> &[LsaKey] {
        self.asked.clear();
        while self.asked.len() < capacity.max(1) {
            let Some(key) = self.waiting.pop_front() else {
                break;
            };
            if self.wanted.contains_key(&key) {
                self.asked.push(key);
            }
        }
        self.outstanding = self.asked.len();
        &self.asked
    }

    /// What of the last request did not come.
    pub fn ask_again(&mut self) -> &[LsaKey] {
        let wanted = &self.wanted;
        self.asked.retain(|key| wanted.contains_key(key));
        self.outstanding = self.asked.len();
        &self.asked
    }

    /// Empties the list.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::lsa::{LsaType, SequenceNumber};
    use crate::options::Options;

    fn handle(number: u8) -> Handle {
        Handle {
            scope: Scope::Area,
            slot: Slot(number.into()),
        }
    }

    fn header(number: u8, sequence: i32) -> LsaHeader {
        LsaHeader {
            age: 0,
            options: Options::default(),
            key: LsaKey {
                kind: LsaType::Summary,
                id: [10, number, 0, 0].into(),
                router: [1; 4].into(),
            },
            sequence: SequenceNumber(sequence),
            checksum: 1,
            length: 28,
        }
    }

    #[test]
    fn one_request_at_a_time() {
        let mut list = RequestList::default();
        assert!(!list.may_ask());
        for number in 0..5 {
            list.add(header(number, 1));
        }
        assert!(list.may_ask());
        assert_eq!(list.ask(3).len(), 3);
        assert!(!list.may_ask());
        assert_eq!(list.received(&header(0, 1)), Requested::Same);
        assert_eq!(list.received(&header(1, 2)), Requested::Newer);
        assert_eq!(list.received(&header(2, 0)), Requested::Older);
        assert_eq!(list.received(&header(9, 1)), Requested::No);
        assert_eq!(list.ask_again(), [header(2, 1).key]);
        // What comes by itself is not asked for, and does not count as an answer.
        assert_eq!(list.received(&header(4, 1)), Requested::Same);
        assert!(!list.may_ask());
        assert_eq!(list.received(&header(2, 1)), Requested::Same);
        assert!(list.may_ask());
        assert_eq!(list.ask(3), [header(3, 1).key]);
        list.received(&header(3, 1));
        assert!(list.is_empty() && !list.may_ask());
    }

    proptest! {
        #[test]
        fn the_queue_agrees_with_a_plain_map(steps in prop::collection::vec((0_u8..4, 0_u8..10, 0_u64..4), 1..400)) {
            let interval = Duration::from_secs(5);
            let mut list = RetransmissionList::new(Seed(1));
            let mut model: BTreeMap<u8, (u64, bool)> = BTreeMap::new();
            let mut now = 0;
            for (action, number, wait) in steps {
                now += wait;
                let time = Time::from_secs(now);
                match action {
                    0 | 1 => {
                        let new = list.add(handle(number), time, action == 0);
                        prop_assert_eq!(new, model.insert(number, (now, action == 0)).is_none());
                    }
                    2 => prop_assert_eq!(list.remove(handle(number)), model.remove(&number).map(|known| known.1)),
                    _ => {
                        let mut due = Vec::new();
                        while let Some(handle) = list.pop_due(time, interval) {
                            due.push(handle.slot.0 as u8);
                        }
                        due.sort_unstable();
                        let mut expected = Vec::new();
                        for (number, (sent, _)) in &mut model {
                            if *sent + 5 <= now {
                                *sent = now;
                                expected.push(*number);
                            }
                        }
                        prop_assert_eq!(due, expected);
                    }
                }
                prop_assert_eq!(list.len(), model.len());
                let changed: BTreeSet<u8> = list.changed().map(|handle| handle.slot.0 as u8).collect();
                let wanted: BTreeSet<u8> = model.iter().filter(|(_, known)| known.1).map(|(number, _)| *number).collect();
                prop_assert_eq!(changed, wanted);
                let next = model.values().map(|(sent, _)| *sent).min();
                let next = next.map(|sent| Time::from_secs(sent + 5));
                prop_assert_eq!(list.next(interval), next);
                prop_assert!(list.queue.len() <= 2 * list.len() + SLACK + 1);
            }
            let mut rest: Vec<u8> = list.drain().into_iter().map(|handle| handle.slot.0 as u8).collect();
            rest.sort_unstable();
            prop_assert_eq!(rest, model.into_keys().collect::<Vec<_>>());
            prop_assert!(list.is_empty());
        }
    }
}
