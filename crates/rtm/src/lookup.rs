//! Questions about the table: lookups, explanations, pages, memory.

use waypost_types::{BestRoute, PathId, Prefix, ProtocolId, Route, RouteKind, Time};

use crate::NextHopSetId;
use crate::entity::EntityId;
use crate::family::AddressFamily;
use crate::journal::Forwarding;
use crate::row::{DestinationRow, NONE, RouteRow, flags};
use crate::table::{Shared, Table, is_eligible, route_of};
use crate::trie::ABREAST;

/// What the table has on one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The destination.
    pub prefix: Prefix,
    /// The best route, if any of the routes is eligible.
    pub best: Option<BestRoute>,
    /// How it is forwarded to.
    pub forwarding: Option<Forwarding>,
    /// How many routes there are.
    pub routes: usize,
    /// The hold that is running.
    pub held: Option<HeldRoute>,
}

/// A hold that is running: the destination is advertised as gone (router-services P-60).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRoute {
    /// When the hold ends.
    pub until: Time,
    /// The route whose deletion began it.
    pub last: Option<BestRoute>,
}

/// One of the routes of a destination, and how it fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Whose route it is. Void if the owner is leaving.
    pub entity: EntityId,
    /// Its owner's protocol.
    pub owner: ProtocolId,
    /// Its owner's instance.
    pub instance: u32,
    /// Which of its owner's routes to this destination.
    pub path: PathId,
    /// The preference that counts.
    pub preference: u8,
    /// The route as its owner gave it, next hops sorted.
    pub route: Route,
    /// When it was added or last changed, to the second.
    pub since: Time,
    /// Its owner restarted and has not confirmed it, or has left.
    pub stale: bool,
    /// How it fares.
    pub standing: Standing,
}

/// How a route fares against the others to its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is the best route and forwards.
    Best,
    /// It is the best route and forwards, but the destination is in hold-down: it is not advertised until then.
    Held {
        /// When the hold ends.
        until: Time,
    },
    /// It is not the best route but its next hops forward together with those of the best one.
    Merged,
    /// Lost: the best route has this lower preference.
    Preference {
        /// The winner's.
        best: u8,
    },
    /// Lost: the best route has the same preference and this lower metric.
    Metric {
        /// The winner's.
        best: u32,
    },
    /// Lost although equal: the best route was best, or there, before it (router-services P-51).
    Tie,
    /// Not eligible: all its next hops go out of unusable interfaces or are not resolved.
    Inactive,
    /// Better than the best route as it stands: will win when the running [`sweep`](crate::Rtm::sweep) gets here.
    Pending,
}

impl Standing {
    /// Whether it is the best route, hold or not.
    #[must_use]
    pub const fn is_best(self) -> bool {
        matches!(self, Self::Best | Self::Held { .. })
    }
}

/// Where packets to an address go, in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The longest prefix that covers the address and has a best route.
    pub prefix: Prefix,
    /// What happens to them.
    pub kind: RouteKind,
    /// Whose route says so.
    pub owner: ProtocolId,
    /// The next-hop set of unicast routes.
    pub set: Option<NextHopSetId>,
}

/// How much there is, and how many bytes hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Destinations, those included that only wait for a subscriber to hear that they are gone.
    pub destinations: usize,
    /// Routes.
    pub routes: usize,
    /// Distinct next hops.
    pub next_hops: usize,
    /// Distinct sets of next hops.
    pub next_hop_sets: usize,
    /// Bytes of the prefix tries.
    pub index_bytes: usize,
    /// Bytes of destination rows, free ones included.
    pub destination_bytes: usize,
    /// Bytes of route rows, free ones included.
    pub route_bytes: usize,
    /// Bytes of the next-hop interner.
    pub next_hop_bytes: usize,
    /// Bytes of the paths and tags that routes have.
    pub label_bytes: usize,
    /// Bytes of the subscribers' queues.
    pub journal_bytes: usize,
}

impl Memory {
    /// All bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.index_bytes
            + self.destination_bytes
            + self.route_bytes
            + self.next_hop_bytes
            + self.label_bytes
            + self.journal_bytes
    }
}

impl<A: AddressFamily> Table<A> {
    pub(crate) fn describe(&self, cx: &Shared, number: u32) -> Destination {
        let row = &self.destinations[number as usize];
        let hold = (row.flags & flags::HELD != 0)
            .then(|| self.holds.get(number))
            .flatten();
        Destination {
            prefix: self.prefix(number).into(),
            best: self.best(cx, number),
            forwarding: self.forwarding(cx, number),
            routes: self.routes_of(number).count(),
            held: hold.and_then(|hold| {
                Some(HeldRoute {
                    until: hold.until()?,
                    last: hold.last.clone(),
                })
            }),
        }
    }

    /// Whether there is more to the destination than somebody who has yet to hear that it is gone (P-62).
    fn exists(&self, number: u32) -> bool {
        let row = &self.destinations[number as usize];
        row.first != NONE || row.flags & flags::HELD != 0
    }

    pub(crate) fn exact(&self, cx: &Shared, prefix: A::Prefix) -> Option<Destination> {
        let number = self.destination(prefix).filter(|&number| self.exists(number))?;
        Some(self.describe(cx, number))
    }

    /// The longest prefix that covers `prefix`, is shorter than `below` bits and has a best route.
    pub(crate) fn longest_match(&self, cx: &Shared, prefix: A::Prefix, below: u8) -> Option<Destination> {
        let length = A::length(prefix).min(below.saturating_sub(1));
        if below == 0 {
            return None;
        }
        let has_best = |number: u32| self.destinations[number as usize].best != NONE;
        let number = self.index.longest(&A::bits(prefix), length, has_best)?;
        Some(self.describe(cx, number))
    }

    pub(crate) fn lookup(&self, cx: &Shared, prefix: A::Prefix) -> Option<Match> {
        let has_best = |number: u32| self.destinations[number as usize].best != NONE;
        let number = self
            .index
            .longest(&A::bits(prefix), A::length(prefix), has_best)?;
        self.matched(cx, number)
    }

    fn matched(&self, cx: &Shared, number: u32) -> Option<Match> {
        let best = self.rows.get(self.destinations[number as usize].best as usize)?;
        Some(Match {
            prefix: self.prefix(number).into(),
            kind: best.kind(),
            owner: cx.entities[best.owner].config.protocol,
            set: self.forwarding_set(number).map(|set| cx.next_hops.id(set)),
        })
    }

    /// Looks up to [`ABREAST`] host prefixes up together: step by step for all of them, so that the processor waits for the
    /// memory of all at once and not of one after the other.
    pub(crate) fn lookup_abreast(
        &self,
        cx: &Shared,
        prefixes: &[A::Prefix],
        mut each: impl FnMut(usize, Option<Match>),
    ) {
        self.touch(prefixes.iter().copied());
        let mut numbers = [NONE; ABREAST];
        for (number, prefix) in numbers.iter_mut().zip(prefixes) {
            let longest = self
                .index
                .longest(&A::bits(*prefix), A::length(*prefix), |_| true);
            *number = longest.unwrap_or(NONE);
        }
        let mut best = [NONE; ABREAST];
        for (best, number) in best.iter_mut().zip(numbers) {
            *best = self
                .destinations
                .get(number as usize)
                .map_or(NONE, |row| row.best);
        }
        let mut read = 0;
        for best in best {
            read ^= self.rows.get(best as usize).map_or(0, |row| row.set);
        }
        std::hint::black_box(read);
        for (at, prefix) in prefixes.iter().enumerate() {
            each(
                at,
                match (numbers[at], best[at]) {
                    (NONE, _) => None,
                    // Gone, or not usable: a shorter one may do.
                    (_, NONE) => self.lookup(cx, *prefix),
                    (number, _) => self.matched(cx, number),
                },
            );
        }
    }

    pub(crate) fn is_best(&self, cx: &Shared, entity: EntityId, prefix: A::Prefix, path: PathId) -> bool {
        let Some(destination) = self.destination(prefix) else {
            return false;
        };
        let best = self.destinations[destination as usize].best;
        self.rows.get(best as usize).is_some_and(|row| {
            row.owner == entity.slot
                && cx.entities[row.owner].generation == entity.generation
                && cx.labels.get(row.label).path == path.0
        })
    }

    /// Up to `max` destinations after `after`, in the order of address and length.
    pub(crate) fn page(
        &self,
        cx: &Shared,
        after: Option<A::Prefix>,
        max: usize,
        page: &mut Vec<Destination>,
    ) {
        let mut last = after.map(|after| (A::bits(after), A::length(after)));
        let next = || {
            let (bits, length, number) = self
                .index
                .next(last.as_ref().map(|(bits, length)| (bits, *length)))?;
            last = Some((bits, length));
            Some(number)
        };
        let numbers = std::iter::from_fn(next).filter(|&number| self.exists(number));
        page.extend(numbers.take(max).map(|number| self.describe(cx, number)));
    }

    pub(crate) fn candidates(&self, cx: &Shared, prefix: A::Prefix) -> Vec<Candidate> {
        let Some(destination) = self.destination(prefix) else {
            return Vec::new();
        };
        let head = &self.destinations[destination as usize];
        let best = self.rows.get(head.best as usize);
        let rows = self.routes_of(destination);
        rows.map(|(number, row)| {
            let owner = &cx.entities[row.owner];
            let best_route = route_of(cx, row);
            let rank = (best_route.preference, row.metric);
            let standing = if number == head.best {
                let held = (head.flags & flags::HELD != 0)
                    .then(|| self.holds.get(destination))
                    .flatten();
                match held.and_then(crate::hold::Hold::until) {
                    Some(until) => Standing::Held { until },
                    None => Standing::Best,
                }
            } else if !is_eligible(&cx.next_hops, row) {
                Standing::Inactive
            } else if let Some(best) = best {
                let winner = (route_of(cx, best).preference, best.metric);
                if rank < winner {
                    Standing::Pending
                } else if rank.0 > winner.0 {
                    Standing::Preference { best: winner.0 }
                } else if rank.1 > winner.1 {
                    Standing::Metric { best: winner.1 }
                } else if head.flags & flags::MERGED != 0
                    && row.owner == best.owner
                    && row.kind() == best.kind()
                {
                    Standing::Merged
                } else {
                    Standing::Tie
                }
            } else {
                Standing::Pending
            };
            Candidate {
                entity: EntityId {
                    slot: row.owner,
                    generation: owner.generation,
                },
                owner: best_route.owner,
                instance: owner.config.instance,
                path: PathId(cx.labels.get(row.label).path),
                preference: best_route.preference,
                route: best_route.route,
                since: Time::from_secs(u64::from(row.since)),
                stale: owner.presence == crate::entity::Presence::Leaving || row.epoch() != owner.epoch,
                standing,
            }
        })
        .collect()
    }

    pub(crate) fn add_memory(&self, memory: &mut Memory) {
        memory.destinations += self.index.len();
        memory.routes += self.live_rows as usize;
        memory.index_bytes += self.index.bytes();
        memory.destination_bytes += self.destinations.capacity() * size_of::<DestinationRow<A::Bits>>();
        memory.route_bytes += self.rows.capacity() * size_of::<RouteRow>();
        memory.journal_bytes += self.queues.bytes();
    }
}
