//! Sets of next hops, each kept once and named by a number: thousands of vertices share a few of them.

use std::net::Ipv4Addr;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use waypost_types::{MAX_NEXT_HOPS, NextHop, NextHops, Seed};

/// The number of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId(u32);

impl SetId {
    /// The set of no next hop.
    pub const EMPTY: Self = Self(0);

    /// Whether there is no next hop in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Every set there is.
#[derive(Clone, Debug)]
pub struct HopSets {
    sets: Vec<NextHops>,
    numbers: HashMap<NextHops, SetId, FixedState>,
    unions: HashMap<(SetId, SetId), SetId, FixedState>,
    limit: usize,
}

impl HopSets {
    /// No set but the empty one; none will have more than `limit` next hops.
    #[must_use]
    pub fn new(seed: Seed, limit: usize) -> Self {
        let hasher = FixedState::with_seed(seed.child("hops").0);
        let mut numbers = HashMap::with_hasher(hasher.clone());
        numbers.insert(NextHops::new(), SetId::EMPTY);
        Self {
            sets: vec![NextHops::new()],
            numbers,
            unions: HashMap::with_hasher(hasher),
            limit: limit.clamp(1, MAX_NEXT_HOPS),
        }
    }

    /// The next hops of a set, in order.
    #[must_use]
    pub fn get(&self, id: SetId) -> &[NextHop] {
        self.sets.get(id.0 as usize).map_or(&[], SmallVec::as_slice)
    }

    /// The set of these next hops. Of too many, the first in order are kept, so that every path to the same choice is the same.
    pub fn intern(&mut self, mut hops: NextHops) -> SetId {
        hops.sort_unstable();
        hops.dedup();
        hops.truncate(self.limit);
        if let Some(id) = self.numbers.get(&hops) {
            return *id;
        }
        let id = SetId(self.sets.len() as u32);
        self.sets.push(hops.clone());
        self.numbers.insert(hops, id);
        id
    }

    /// How many sets there are.
    pub(super) const fn count(&self) -> usize {
        self.sets.len()
    }

    /// The next hops to an address: itself where its network is attached.
    pub fn towards(&mut self, id: SetId, address: Ipv4Addr) -> SetId {
        let hops = self.get(id);
        if hops.iter().all(|hop| hop.gateway.is_some()) {
            return id;
        }
        let towards = hops.iter().map(|hop| match hop.gateway {
            Some(_) => *hop,
            None => NextHop::via(address.into(), hop.interface),
        });
        let towards = towards.collect();
        self.intern(towards)
    }

    /// The next hops of both.
    pub fn union(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b || b.is_empty() {
            return a;
        }
        if a.is_empty() {
            return b;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(id) = self.unions.get(&pair) {
            return *id;
        }
        let hops = self.get(a).iter().chain(self.get(b)).copied().collect();
        let id = self.intern(hops);
        self.unions.insert(pair, id);
        id
    }
}
