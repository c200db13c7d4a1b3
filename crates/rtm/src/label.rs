//! What nearly all routes have alike: the path identifier and the tag, interned as one number.

use foldhash::quality::FixedState;
use hashbrown::HashMap;

/// The label of routes with path 0 and tag 0, which most are. It takes no look-up and no memory.
pub(crate) const PLAIN: u32 = 0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Label {
    pub(crate) path: u32,
    pub(crate) tag: u32,
}

#[derive(Debug)]
struct Row {
    label: Label,
    /// Routes that have it.
    users: u32,
}

/// The labels in use.
#[derive(Debug)]
pub(crate) struct Labels {
    numbers: HashMap<Label, u32, FixedState>,
    /// Label `n` is at `n - 1`: [`PLAIN`] is not there.
    rows: Vec<Row>,
    free: Vec<u32>,
}

impl Labels {
    /// The seed keys the hash table: owners choose paths and tags.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            numbers: HashMap::with_hasher(FixedState::with_seed(seed)),
            rows: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn acquire(&mut self, label: Label) -> u32 {
        if label == Label::default() {
            return PLAIN;
        }
        if let Some(&number) = self.numbers.get(&label) {
            self.rows[number as usize - 1].users += 1;
            return number;
        }
        let row = Row { label, users: 1 };
        let number = match self.free.pop() {
            Some(number) => {
                self.rows[number as usize - 1] = row;
                number
            }
            None => {
                self.rows.push(row);
                // INVARIANT: there are no more labels than routes.
                self.rows.len() as u32
            }
        };
        self.numbers.insert(label, number);
        number
    }

    pub(crate) fn release(&mut self, number: u32) {
        if number == PLAIN {
            return;
        }
        let row = &mut self.rows[number as usize - 1];
        row.users -= 1;
        if row.users > 0 {
            return;
        }
        self.numbers.remove(&row.label);
        if self.numbers.is_empty() {
            // Give the memory of a flood of labels back.
            self.numbers.shrink_to(0);
            (self.rows, self.free) = (Vec::new(), Vec::new());
        } else {
            self.free.push(number);
        }
    }

    pub(crate) fn get(&self, number: u32) -> Label {
        match number.checked_sub(1) {
            None => Label::default(),
            Some(place) => self.rows[place as usize].label,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.numbers.allocation_size()
            + self.rows.capacity() * size_of::<Row>()
            + self.free.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_live_as_long_as_they_are_used() {
        let mut labels = Labels::new(1);
        let label = |path, tag| Label { path, tag };
        assert_eq!(labels.acquire(label(0, 0)), PLAIN);
        let first = labels.acquire(label(1, 0));
        assert_eq!(labels.acquire(label(1, 0)), first);
        let second = labels.acquire(label(0, 7));
        assert_ne!(first, second);
        assert_eq!(
            [PLAIN, first, second].map(|n| labels.get(n)),
            [label(0, 0), label(1, 0), label(0, 7)]
        );
        labels.release(first);
        assert_eq!(labels.acquire(label(1, 0)), first);
        labels.release(first);
        labels.release(first);
        assert_eq!(labels.acquire(label(2, 2)), first, "its place is taken");
        labels.release(first);
        labels.release(second);
        labels.release(PLAIN);
        assert_eq!(labels.bytes(), 0);
    }
}
