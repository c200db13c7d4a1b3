//! Interned next hops and sets of them.
//!
//! A million routes through one gateway share one next hop and one set. A set lists next hops in the order of their
//! interface and gateway, whatever order its owner used, so that the same next hops are the same set. The weight
//! belongs to the membership and not to the next hop, as in the kernel's nexthop groups.
//!
//! A recursive next hop stands in a set as its owner gave it. What it resolves to is kept beside it ([`crate::tracked`]), so
//! that another way to a gateway changes what its sets forward to and nothing in any route.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use smallvec::SmallVec;
use waypost_types::{InterfaceIndex, MAX_NEXT_HOPS, NextHop, NextHops, Seed};

use crate::tracked::{Resolution, Tracked, spread};

/// A set of next hops as its routes' owner gave it. Two ids are equal only if the sets are: a number that is used
/// again gets a new generation. Which of the next hops are usable may change under the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NextHopSetId {
    /// The lowest number free when the set was first used: small, and good as a key of a kernel nexthop object.
    pub index: u32,
    /// How often the number had been used before.
    pub generation: u32,
}

/// The set of routes that have none.
pub(crate) const NO_SET: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct HopKey {
    interface: InterfaceIndex,
    gateway: Option<IpAddr>,
    onlink: bool,
}

struct Hop {
    key: HopKey,
    /// Sets that have this next hop as member.
    references: u32,
    /// It goes out of a usable interface, or it is recursive and resolved.
    usable: bool,
}

impl HopKey {
    /// The gateway, if the way to it is to be found.
    const fn recursive(&self) -> Option<IpAddr> {
        if self.interface.0 == InterfaceIndex::UNSPECIFIED.0 {
            self.gateway
        } else {
            None
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Member {
    hop: u32,
    weight: u16,
}

struct Set {
    members: SmallVec<[Member; 2]>,
    /// Routes, and destinations with merged forwarding, that use this set.
    references: u32,
    generation: u32,
    usable: u8,
    /// Subscribers that have the set in their queue.
    queued: u32,
}

/// A set that has other usable next hops than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangedSet {
    pub(crate) index: u32,
    /// It has some and had none, or the other way round: routes through it came into question, or fell out of it.
    pub(crate) turned: bool,
}

/// The interner. Its tables are never iterated, so hash order cannot show.
pub(crate) struct NextHopSets {
    hasher: FixedState,
    hops: Vec<Hop>,
    free_hops: Vec<u32>,
    hop_table: HashTable<u32>,
    sets: Vec<Set>,
    free_sets: Vec<u32>,
    set_table: HashTable<u32>,
    by_interface: BTreeSet<(InterfaceIndex, u32)>,
    unusable: BTreeSet<InterfaceIndex>,
    pub(crate) tracked: Tracked,
    /// The answer to the last question: routes of one batch mostly share their next hops.
    last: Option<(NextHops, NextHopSetId)>,
}

impl NextHopSets {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            hasher: FixedState::with_seed(seed.child("rtm next hops").0),
            hops: Vec::new(),
            free_hops: Vec::new(),
            hop_table: HashTable::new(),
            sets: Vec::new(),
            free_sets: Vec::new(),
            set_table: HashTable::new(),
            by_interface: BTreeSet::new(),
            unusable: BTreeSet::new(),
            tracked: Tracked::default(),
            last: None,
        }
    }

    /// The set of these next hops with one more reference to it. They are not empty and fit in a set.
    pub(crate) fn acquire(&mut self, next_hops: &[NextHop]) -> u32 {
        if let Some((hops, id)) = &self.last
            && hops.as_slice() == next_hops
            && let Some(set) = self.sets.get_mut(id.index as usize)
            && set.generation == id.generation
            && set.references > 0
        {
            set.references += 1;
            return id.index;
        }
        let mut sorted: SmallVec<[NextHop; 4]> = SmallVec::from_slice(next_hops);
        sorted.sort_unstable_by_key(|hop| (hop.interface, hop.gateway, hop.onlink, hop.weight));
        // A next hop named twice counts once, with the larger of the weights.
        sorted.dedup_by(|later, kept| {
            let same = key(later) == key(kept);
            if same {
                kept.weight = later.weight;
            }
            same
        });
        let index = match self.find(&sorted) {
            Some(index) => index,
            None => self.insert(&sorted),
        };
        let set = &mut self.sets[index as usize];
        set.references += 1;
        let generation = set.generation;
        self.last = Some((
            NextHops::from_slice(next_hops),
            NextHopSetId { index, generation },
        ));
        index
    }

    fn find(&self, sorted: &[NextHop]) -> Option<u32> {
        let mut members: SmallVec<[Member; 4]> = SmallVec::new();
        for next_hop in sorted {
            let hop = self.find_hop(&key(next_hop))?;
            members.push(Member {
                hop,
                weight: next_hop.weight,
            });
        }
        let hash = self.hasher.hash_one(members.as_slice());
        let same = |&set: &u32| self.sets[set as usize].members.as_slice() == members.as_slice();
        self.set_table.find(hash, same).copied()
    }

    fn find_hop(&self, key: &HopKey) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.hop_table
            .find(hash, |&hop| self.hops[hop as usize].key == *key)
            .copied()
    }

    fn insert(&mut self, sorted: &[NextHop]) -> u32 {
        let mut members = SmallVec::new();
        for next_hop in sorted {
            let hop = self.acquire_hop(key(next_hop));
            members.push(Member {
                hop,
                weight: next_hop.weight,
            });
        }
        let usable = members
            .iter()
            .filter(|member: &&Member| self.hops[member.hop as usize].usable)
            .count() as u8;
        let hash = self.hasher.hash_one(members.as_slice());
        let index = match self.free_sets.pop() {
            Some(index) => {
                let set = &mut self.sets[index as usize];
                set.members = members;
                set.usable = usable;
                index
            }
            None => {
                self.sets.push(Set {
                    members,
                    references: 0,
                    generation: 0,
                    usable,
                    queued: 0,
                });
                // Sets are fewer than routes and destinations, whose numbers are checked.
                (self.sets.len() - 1) as u32
            }
        };
        let (hasher, sets) = (&self.hasher, &self.sets);
        self.set_table.insert_unique(hash, index, |&set| {
            hasher.hash_one(sets[set as usize].members.as_slice())
        });
        let set = &self.sets[index as usize];
        for member in &set.members {
            let key = &self.hops[member.hop as usize].key;
            if key.recursive().is_some() {
                self.tracked.add_set(member.hop, index);
            } else {
                self.by_interface.insert((key.interface, index));
            }
        }
        index
    }

    fn acquire_hop(&mut self, key: HopKey) -> u32 {
        if let Some(hop) = self.find_hop(&key) {
            self.hops[hop as usize].references += 1;
            return hop;
        }
        let hash = self.hasher.hash_one(key);
        let hop = Hop {
            key,
            references: 1,
            usable: key.recursive().is_none() && !self.unusable.contains(&key.interface),
        };
        let index = match self.free_hops.pop() {
            Some(index) => {
                self.hops[index as usize] = hop;
                index
            }
            None => {
                self.hops.push(hop);
                (self.hops.len() - 1) as u32
            }
        };
        let (hasher, hops) = (&self.hasher, &self.hops);
        self.hop_table
            .insert_unique(hash, index, |&hop| hasher.hash_one(hops[hop as usize].key));
        if let Some(gateway) = key.recursive() {
            self.tracked.add(index, gateway);
        }
        index
    }

    /// The set of all next hops of `sets`, those of the first first, as many as fit. Has one more reference.
    pub(crate) fn acquire_union(&mut self, sets: &[u32]) -> u32 {
        let mut union = NextHops::new();
        for &set in sets {
            self.add_to_union(&mut union, set);
        }
        self.acquire(&union)
    }

    /// Adds the next hops of a set to others, as many as fit.
    pub(crate) fn add_to_union(&self, union: &mut NextHops, set: u32) {
        for next_hop in self.next_hops(set) {
            if let Some(have) = union.iter_mut().find(|have| key(have) == key(&next_hop)) {
                have.weight = have.weight.max(next_hop.weight);
            } else if union.len() < MAX_NEXT_HOPS {
                union.push(next_hop);
            }
        }
    }

    /// Gives one reference back; the last one frees the set and the next hops only it had.
    pub(crate) fn release(&mut self, index: u32) {
        if index == NO_SET {
            return;
        }
        let set = &mut self.sets[index as usize];
        set.references -= 1;
        if set.references > 0 {
            return;
        }
        let members = std::mem::take(&mut set.members);
        set.generation = set.generation.wrapping_add(1);
        set.queued = 0;
        let hash = self.hasher.hash_one(members.as_slice());
        if let Ok(entry) = self.set_table.find_entry(hash, |&set| set == index) {
            entry.remove();
        }
        self.free_sets.push(index);
        for member in members {
            let hop = &mut self.hops[member.hop as usize];
            let gateway = hop.key.recursive();
            if gateway.is_some() {
                self.tracked.remove_set(member.hop, index);
            } else {
                self.by_interface.remove(&(hop.key.interface, index));
            }
            hop.references -= 1;
            if hop.references == 0 {
                if let Some(gateway) = gateway {
                    self.tracked.remove(member.hop, gateway);
                }
                let hash = self.hasher.hash_one(hop.key);
                if let Ok(entry) = self.hop_table.find_entry(hash, |&hop| hop == member.hop) {
                    entry.remove();
                }
                self.free_hops.push(member.hop);
            }
        }
    }

    /// Whether the set has a usable next hop.
    pub(crate) fn is_usable(&self, index: u32) -> bool {
        self.sets[index as usize].usable > 0
    }

    pub(crate) fn id(&self, index: u32) -> NextHopSetId {
        NextHopSetId {
            index,
            generation: self.sets[index as usize].generation,
        }
    }

    /// Whether other next hops of the set can come to be usable while some are.
    pub(crate) fn can_change(&self, index: u32) -> bool {
        let set = self.sets.get(index as usize);
        set.is_some_and(|set| set.members.len() > 1 || self.is_recursive(set))
    }

    fn is_recursive(&self, set: &Set) -> bool {
        let mut members = set.members.iter();
        members.any(|member| self.hops[member.hop as usize].key.recursive().is_some())
    }

    /// Whether the set has a recursive next hop. None such has no set.
    pub(crate) fn has_recursive(&self, index: u32) -> bool {
        let set = self.sets.get(index as usize);
        set.is_some_and(|set| self.is_recursive(set))
    }

    /// All next hops of the set as its owner gave them.
    pub(crate) fn next_hops(&self, index: u32) -> NextHops {
        self.members(index, |_| true)
    }

    /// Those next hops of the set that go out of usable interfaces, and what the recursive ones resolve to.
    pub(crate) fn usable_next_hops(&self, index: u32) -> NextHops {
        let hops = self.members(index, |hop| hop.usable);
        if !self.has_recursive(index) {
            return hops;
        }
        spread(hops.iter().map(|hop| {
            let resolved = hop.gateway.and_then(|gateway| self.resolution(gateway));
            let resolved = resolved.and_then(|resolution| resolution.outcome.as_ref().ok());
            match resolved {
                Some(resolved) if hop.is_recursive() => (*hop, resolved.next_hops.clone()),
                _ => (*hop, NextHops::from_slice(&[*hop])),
            }
        }))
    }

    /// What a recursive next hop through this gateway resolves to, if there is one.
    pub(crate) fn resolution(&self, gateway: IpAddr) -> Option<&Resolution> {
        self.tracked.resolution(self.tracked.number(gateway)?)
    }

    /// Takes over what a gateway resolves to, and gives the sets that forward otherwise than before.
    pub(crate) fn set_resolution(&mut self, hop: u32, resolution: Resolution) -> Vec<ChangedSet> {
        let usable = resolution.outcome.is_ok();
        if !self.tracked.set_resolution(hop, resolution) {
            return Vec::new();
        }
        self.hops[hop as usize].usable = usable;
        let sets = self.tracked.sets(hop).collect();
        self.recount(sets)
    }

    /// Counts the usable next hops of these sets again.
    fn recount(&mut self, affected: Vec<u32>) -> Vec<ChangedSet> {
        let changed = affected.into_iter().map(|index| {
            let set = &mut self.sets[index as usize];
            let was_usable = set.usable > 0;
            let usable = set.members.iter().filter(|m| self.hops[m.hop as usize].usable);
            set.usable = usable.count() as u8;
            ChangedSet {
                index,
                turned: was_usable != (set.usable > 0),
            }
        });
        changed.collect()
    }

    fn members(&self, index: u32, wanted: impl Fn(&Hop) -> bool) -> NextHops {
        if index == NO_SET {
            return NextHops::new();
        }
        let members = self.sets[index as usize].members.iter();
        members
            .map(|member| (&self.hops[member.hop as usize], member.weight))
            .filter(|(hop, _)| wanted(hop))
            .map(|(hop, weight)| NextHop {
                interface: hop.key.interface,
                gateway: hop.key.gateway,
                weight,
                onlink: hop.key.onlink,
            })
            .collect()
    }

    pub(crate) fn interface_is_usable(&self, interface: InterfaceIndex) -> bool {
        !self.unusable.contains(&interface)
    }

    /// Says whether an interface is usable and returns the sets with next hops on it; none if nothing changed.
    pub(crate) fn set_interface_usable(
        &mut self,
        interface: InterfaceIndex,
        usable: bool,
    ) -> Vec<ChangedSet> {
        let changed = if usable {
            self.unusable.remove(&interface)
        } else {
            self.unusable.insert(interface)
        };
        if !changed {
            return Vec::new();
        }
        self.tracked.interface_changed(interface);
        let range = (interface, 0)..=(interface, u32::MAX);
        let affected: Vec<u32> = self.by_interface.range(range).map(|&(_, set)| set).collect();
        for &index in &affected {
            for member in &self.sets[index as usize].members {
                let hop = &mut self.hops[member.hop as usize];
                if hop.key.interface == interface {
                    hop.usable = usable;
                }
            }
        }
        self.recount(affected)
    }

    /// Notes that the subscribers in `mask` have the set in their queue and returns those that had not.
    pub(crate) fn queue(&mut self, index: u32, mask: u32) -> u32 {
        let set = &mut self.sets[index as usize];
        let new = mask & !set.queued;
        set.queued |= mask;
        new
    }

    /// Whether `id` is still the set it was; if so it is no longer in the queues in `mask`.
    pub(crate) fn dequeue(&mut self, id: NextHopSetId, mask: u32) -> bool {
        match self.sets.get_mut(id.index as usize) {
            Some(set) if set.generation == id.generation && set.references > 0 => {
                set.queued &= !mask;
                true
            }
            _ => false,
        }
    }

    /// The subscribers in `mask` have no set in their queue any more.
    pub(crate) fn forget(&mut self, mask: u32) {
        self.sets.iter_mut().for_each(|set| set.queued &= !mask);
    }

    /// Next hops in use, sets in use, and the bytes that hold them.
    pub(crate) fn memory(&self) -> (usize, usize, usize) {
        let heap = self.sets.iter().filter(|set| set.members.spilled());
        let bytes = self.hops.capacity() * size_of::<Hop>()
            + self.sets.capacity() * size_of::<Set>()
            + heap
                .map(|set| set.members.capacity() * size_of::<Member>())
                .sum::<usize>()
            + self.hop_table.allocation_size()
            + self.set_table.allocation_size()
            + (self.free_hops.capacity() + self.free_sets.capacity()) * size_of::<u32>()
            + self.by_interface.len() * size_of::<(InterfaceIndex, u32)>()
            + self.tracked.bytes();
        (self.hop_table.len(), self.set_table.len(), bytes)
    }
}

fn key(next_hop: &NextHop) -> HopKey {
    HopKey {
        interface: next_hop.interface,
        gateway: next_hop.gateway,
        // A gateway that is somewhere is on no link in particular.
        onlink: next_hop.onlink && !next_hop.is_recursive(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(last: u8, interface: u32) -> NextHop {
        NextHop::via(IpAddr::from([192, 0, 2, last]), InterfaceIndex(interface))
    }

    #[test]
    fn same_next_hops_are_the_same_set() {
        let mut sets = NextHopSets::new(Seed(1));
        let a = sets.acquire(&[via(1, 1), via(2, 2)]);
        let heavier = NextHop {
            weight: 3,
            ..via(2, 2)
        };
        assert_eq!(sets.acquire(&[via(2, 2), via(1, 1), via(1, 1)]), a);
        let b = sets.acquire(&[via(1, 1), via(2, 2), heavier]);
        assert_ne!(a, b);
        assert_eq!(sets.next_hops(b).as_slice(), [via(1, 1), heavier]);
        assert_eq!((sets.memory().0, sets.memory().1), (2, 2));
        for set in [a, a, b] {
            sets.release(set);
        }
        assert_eq!((sets.memory().0, sets.memory().1), (0, 0));
        assert!(sets.by_interface.is_empty());
    }

    #[test]
    fn a_number_used_again_has_a_new_generation() {
        let mut sets = NextHopSets::new(Seed(1));
        let first = sets.acquire(&[via(1, 1)]);
        let old = sets.id(first);
        sets.release(first);
        let second = sets.acquire(&[via(1, 1)]);
        assert_eq!(second, first);
        assert_ne!(sets.id(second), old);
        assert!(!sets.dequeue(old, 1));
    }

    #[test]
    fn interfaces_take_their_next_hops_along() {
        let mut sets = NextHopSets::new(Seed(1));
        let both = sets.acquire(&[via(1, 1), via(2, 2)]);
        let one = sets.acquire(&[via(1, 1)]);
        let changed = |index, turned| ChangedSet { index, turned };
        assert_eq!(
            sets.set_interface_usable(InterfaceIndex(1), false),
            [changed(both, false), changed(one, true)]
        );
        assert!(sets.set_interface_usable(InterfaceIndex(1), false).is_empty());
        assert_eq!(sets.usable_next_hops(both).as_slice(), [via(2, 2)]);
        assert!(!sets.is_usable(one));
        let late = sets.acquire(&[via(3, 1)]);
        assert!(!sets.is_usable(late));
        sets.set_interface_usable(InterfaceIndex(1), true);
        assert!(sets.is_usable(one) && sets.is_usable(late));
    }

    #[test]
    fn a_union_keeps_the_first_and_fits() {
        let mut sets = NextHopSets::new(Seed(1));
        let many: Vec<NextHop> = (0..MAX_NEXT_HOPS as u8).map(|n| via(100 + n, 1)).collect();
        let first = sets.acquire(&[via(1, 1), via(2, 1)]);
        let second = sets.acquire(&many);
        let union = sets.acquire_union(&[first, second]);
        let hops = sets.next_hops(union);
        assert_eq!(hops.len(), MAX_NEXT_HOPS);
        assert!(hops.contains(&via(1, 1)) && hops.contains(&via(2, 1)));
    }
}
