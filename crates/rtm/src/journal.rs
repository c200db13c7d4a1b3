//! The change journal: who is to hear of which destination.
//!
//! A destination row has one bit a subscriber. A set bit means that the destination's number is in that subscriber's
//! queue, so a destination is there at most once. A destination row lives on, without routes, until everyone in whose
//! queue it is has heard of it.

use std::collections::{BTreeSet, VecDeque};

use waypost_types::{BestRoute, NextHops, Prefix, ProtocolId, RouteKind, RouteNotice};

use crate::{Family, MAX_SUBSCRIBERS, NextHopSetId, RtmError};

/// Which changes a subscriber hears of (router-services A9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscriberKind {
    /// Any change of any route of a destination.
    All,
    /// The best route changed or was replaced. Destinations in hold-down are told as gone.
    Best,
    /// Best-route changes that affect forwarding. Hold-down does not matter.
    Forwarding,
}

/// What a subscriber asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberConfig {
    /// Which changes.
    pub kind: SubscriberKind,
    /// Of which family, or `None` for both.
    pub family: Option<Family>,
    /// Of whose routes, or `None` for everybody's. A best route of anybody else is told as none.
    pub owners: Option<BTreeSet<ProtocolId>>,
    /// Only for [`SubscriberKind::Forwarding`]: when some next hops of a set fail or come back while others are
    /// usable, or recursive ones resolve otherwise, that is told once for the set (see [`Rtm::drain_next_hop_sets`](crate::Rtm::drain_next_hop_sets)) and
    /// not for every destination that uses it.
    pub by_set: bool,
}

impl SubscriberConfig {
    /// All changes of one kind, both families, every owner, told by destination.
    #[must_use]
    pub const fn new(kind: SubscriberKind) -> Self {
        Self {
            kind,
            family: None,
            owners: None,
            by_set: false,
        }
    }
}

/// A subscription. Refused once it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriberId {
    slot: u8,
    generation: u32,
}

/// What waits for a subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Destinations in its queue.
    pub destinations: usize,
    /// Next-hop sets in its queue.
    pub next_hop_sets: usize,
    /// A replay has not come to its end.
    pub replaying: bool,
}

impl Pending {
    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.destinations == 0 && self.next_hop_sets == 0 && !self.replaying
    }
}

/// News for subscribers of kind [`Best`](SubscriberKind::Best) and [`All`](SubscriberKind::All).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BestChange {
    /// Larger than that of every notice drained before.
    pub generation: u64,
    /// The destination and its best route now.
    pub notice: RouteNotice,
}

/// How packets to a destination are to be forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// What happens to them.
    pub kind: RouteKind,
    /// Whose route says so.
    pub owner: ProtocolId,
    /// The route's preference.
    pub preference: u8,
    /// The route's metric.
    pub metric: u32,
    /// The next-hop set of unicast routes.
    pub set: Option<NextHopSetId>,
    /// Whether the set can have other next hops under the same id: it has several, of which some can fail and come back, or
    /// a recursive one.
    pub can_change: bool,
    /// Those next hops of the set that are usable now, what recursive ones resolve to in their place; at least one for
    /// unicast, unless a [`sweep`](crate::Rtm::sweep) after an interface went down is not yet through.
    pub next_hops: NextHops,
}

/// News for subscribers of kind [`Forwarding`](SubscriberKind::Forwarding).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardingChange {
    /// Larger than that of every notice drained before. Who programs it elsewhere should carry it along and match
    /// results by it: a result of an older generation says nothing about this one.
    pub generation: u64,
    /// The destination.
    pub prefix: Prefix,
    /// How to forward to it now; `None` when not at all.
    pub forwarding: Option<Forwarding>,
}

/// Other next hops of a set are usable now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHopSetChange {
    /// Larger than that of every notice drained before.
    pub generation: u64,
    /// The set. Its receiver may not know it, if no destination it was told of uses it.
    pub set: NextHopSetId,
    /// Its usable next hops now, perhaps none; then the destinations that use it change as well.
    pub next_hops: NextHops,
}

/// Bits of change kinds.
pub(crate) mod kinds {
    pub(crate) const ALL: usize = 1;
    pub(crate) const BEST: usize = 2;
    pub(crate) const FORWARDING: usize = 4;
}

#[derive(Debug)]
pub(crate) struct Subscriber {
    generation: u32,
    active: bool,
    pub(crate) config: SubscriberConfig,
    /// The next destination row of each family to replay.
    pub(crate) replay: [Option<u32>; 2],
    pub(crate) sets: VecDeque<NextHopSetId>,
    /// Families take turns in being drained first, so that one that keeps changing cannot starve the other.
    pub(crate) v6_first: bool,
}

impl Subscriber {
    pub(crate) fn accepts(&self, owner: ProtocolId) -> bool {
        self.config
            .owners
            .as_ref()
            .is_none_or(|owners| owners.contains(&owner))
    }

    /// The subscriber's best route, which is none if it does not care for its owner.
    pub(crate) fn filter(&self, best: Option<BestRoute>) -> Option<BestRoute> {
        best.filter(|best| self.accepts(best.owner))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    rows: Vec<Subscriber>,
    /// For each family and each union of kinds, the subscribers concerned.
    masks: [[u32; 8]; 2],
    /// Forwarding subscribers that take partial set changes by destination, or by set.
    pub(crate) by_destination: u32,
    pub(crate) by_set: u32,
}

impl Subscribers {
    pub(crate) fn subscribe(&mut self, config: SubscriberConfig) -> Result<SubscriberId, RtmError> {
        let vacant = self.rows.iter().position(|row| !row.active);
        let position = vacant.unwrap_or(self.rows.len());
        if position >= MAX_SUBSCRIBERS {
            return Err(RtmError::TooManySubscribers);
        }
        let generation = self.rows.get(position).map_or(0, |old| old.generation);
        let row = Subscriber {
            generation,
            active: true,
            config,
            replay: [None; 2],
            sets: VecDeque::new(),
            v6_first: false,
        };
        match self.rows.get_mut(position) {
            Some(old) => *old = row,
            None => self.rows.push(row),
        }
        self.recompute();
        Ok(SubscriberId {
            slot: position as u8,
            generation,
        })
    }

    pub(crate) fn unsubscribe(&mut self, slot: u8) {
        let row = &mut self[slot];
        row.active = false;
        row.generation = row.generation.wrapping_add(1);
        row.replay = [None; 2];
        row.sets = VecDeque::new();
        self.recompute();
    }

    fn recompute(&mut self) {
        self.masks = [[0; 8]; 2];
        (self.by_destination, self.by_set) = (0, 0);
        for (slot, row) in self.rows.iter().enumerate().filter(|(_, row)| row.active) {
            let bit = 1 << slot;
            let kind = match row.config.kind {
                SubscriberKind::All => kinds::ALL,
                SubscriberKind::Best => kinds::BEST,
                SubscriberKind::Forwarding if row.config.by_set => {
                    self.by_set |= bit;
                    kinds::FORWARDING
                }
                SubscriberKind::Forwarding => {
                    self.by_destination |= bit;
                    kinds::FORWARDING
                }
            };
            for family in [Family::V4, Family::V6] {
                if row.config.family.is_none_or(|wanted| wanted == family) {
                    let masks = self.masks[family.index()].iter_mut().enumerate();
                    masks
                        .filter(|(kinds, _)| kinds & kind != 0)
                        .for_each(|(_, mask)| *mask |= bit);
                }
            }
        }
    }

    pub(crate) fn slot(&self, id: SubscriberId) -> Result<u8, RtmError> {
        match self.rows.get(usize::from(id.slot)) {
            Some(row) if row.active && row.generation == id.generation => Ok(id.slot),
            _ => Err(RtmError::NoSuchSubscriber),
        }
    }

    /// The subscribers that hear of changes of these kinds in `family`.
    pub(crate) fn mask(&self, family: Family, kinds: usize) -> u32 {
        self.masks[family.index()][kinds & 7]
    }

    /// The subscribers that care for routes of `owner`.
    pub(crate) fn accepting(&self, owner: ProtocolId) -> u32 {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| row.active && row.accepts(owner))
            .fold(0, |mask, (slot, _)| mask | 1 << slot)
    }
}

// INVARIANT: a slot comes from `slot` or from a bit of a mask, both of which name existing rows.
impl std::ops::Index<u8> for Subscribers {
    type Output = Subscriber;

    fn index(&self, slot: u8) -> &Subscriber {
        &self.rows[usize::from(slot)]
    }
}

impl std::ops::IndexMut<u8> for Subscribers {
    fn index_mut(&mut self, slot: u8) -> &mut Subscriber {
        &mut self.rows[usize::from(slot)]
    }
}

/// The queues of one family's table, by subscriber.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    rows: Vec<VecDeque<u32>>,
}

impl Queues {
    /// Queues `destination` for every subscriber in `mask`, none of whom has it queued.
    pub(crate) fn push(&mut self, destination: u32, mut mask: u32) {
        while mask != 0 {
            let slot = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            if self.rows.len() <= slot {
                self.rows.resize_with(slot + 1, VecDeque::new);
            }
            self.rows[slot].push_back(destination);
        }
    }

    pub(crate) fn pop(&mut self, slot: u8) -> Option<u32> {
        let queue = self.rows.get_mut(usize::from(slot))?;
        let destination = queue.pop_front();
        // A burst of a million changes must not hold on to its memory for good.
        if queue.is_empty() && queue.capacity() > 1 << 16 {
            *queue = VecDeque::new();
        }
        destination
    }

    pub(crate) fn len(&self, slot: u8) -> usize {
        self.rows.get(usize::from(slot)).map_or(0, VecDeque::len)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows
            .iter()
            .map(|queue| queue.capacity() * size_of::<u32>())
            .sum()
    }
}
