//! Which destination a prefix is.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use waypost_types::{Prefix, Prefix4, Prefix6};

/// A map by prefix. Whoever adds routes looks into it with each, so IPv4 has a part of its own with small keys.
pub(super) struct Prefixes<T> {
    v4: HashMap<u64, T, RandomState>,
    v6: HashMap<Prefix6, T, RandomState>,
}

fn key(prefix: Prefix4) -> u64 {
    u64::from(prefix.bits()) << 8 | u64::from(prefix.length())
}

impl<T: Copy> Prefixes<T> {
    pub(super) fn new() -> Self {
        Self {
            v4: HashMap::default(),
            v6: HashMap::default(),
        }
    }

    pub(super) fn get(&self, prefix: Prefix) -> Option<T> {
        match prefix {
            Prefix::V4(prefix) => self.v4.get(&key(prefix)),
            Prefix::V6(prefix) => self.v6.get(&prefix),
        }
        .copied()
    }

    pub(super) fn insert(&mut self, prefix: Prefix, value: T) {
        match prefix {
            Prefix::V4(prefix) => self.v4.insert(key(prefix), value),
            Prefix::V6(prefix) => self.v6.insert(prefix, value),
        };
    }

    pub(super) fn remove(&mut self, prefix: Prefix) {
        match prefix {
            Prefix::V4(prefix) => self.v4.remove(&key(prefix)),
            Prefix::V6(prefix) => self.v6.remove(&prefix),
        };
    }
}
