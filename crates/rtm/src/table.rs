//! One family's table: the trie, the destination rows, the route rows, and the choice of the best route.

use std::collections::BTreeMap;

use smallvec::SmallVec;
use waypost_types::{BestRoute, PathId, ProtocolId, Route, RouteKind, Time};

use crate::Refusal;
use crate::entity::Entities;
use crate::family::AddressFamily;
use crate::hold::Holds;
use crate::journal::{Forwarding, Queues, Subscribers, kinds};
use crate::label::{Label, Labels};
use crate::nexthop::{NO_SET, NextHopSets};
use crate::row::{DestinationRow, NONE, RouteRow, flags};
use crate::sweep::{Passes, Reason};
use crate::trie::Trie;

/// Bytes given back to the system at a time.
const PIECE: usize = 1 << 20;

/// What both tables work with.
pub(crate) struct Shared {
    pub(crate) entities: Entities,
    pub(crate) next_hops: NextHopSets,
    pub(crate) labels: Labels,
    pub(crate) subscribers: Subscribers,
    /// Of the notice drained last.
    pub(crate) generation: u64,
    /// The most bytes that the tables may hold, if there is such a number,
    pub(crate) budget: Option<usize>,
    /// and how many they held when they were counted last.
    pub(crate) held: usize,
}

pub(crate) struct Table<A: AddressFamily> {
    pub(crate) index: Trie<A::Bits>,
    pub(crate) destinations: Vec<DestinationRow<A::Bits>>,
    free_destinations: u32,
    /// For each destination the subscribers after the first sixteen that have it in their queue; empty until there is one.
    queued_more: Vec<u16>,
    pub(crate) rows: Vec<RouteRow>,
    free_rows: u32,
    pub(crate) live_rows: u32,
    /// Forwarding sets of the destinations that merge equal routes.
    merged: BTreeMap<u32, u32>,
    pub(crate) holds: Holds,
    pub(crate) queues: Queues,
    pub(crate) passes: Passes,
    touched: Vec<u32>,
    /// Since this was asked for last, a destination got another best route.
    best_changed: bool,
}

impl<A: AddressFamily> Table<A> {
    pub(crate) fn new() -> Self {
        Self {
            index: Trie::new(),
            destinations: Vec::new(),
            free_destinations: NONE,
            queued_more: Vec::new(),
            rows: Vec::new(),
            free_rows: NONE,
            live_rows: 0,
            merged: BTreeMap::new(),
            holds: Holds::default(),
            queues: Queues::default(),
            passes: Passes::default(),
            touched: Vec::new(),
            best_changed: false,
        }
    }

    /// Whether a destination got another best route since this was asked for last.
    pub(crate) const fn take_best_changed(&mut self) -> bool {
        std::mem::replace(&mut self.best_changed, false)
    }

    pub(crate) fn destination(&self, prefix: A::Prefix) -> Option<u32> {
        self.index.get(&A::bits(prefix), A::length(prefix))
    }

    /// Has the index read what look-ups of these prefixes will read.
    pub(crate) fn touch(&self, prefixes: impl Iterator<Item = A::Prefix>) {
        self.index
            .touch(prefixes.map(|prefix| (A::bits(prefix), A::length(prefix))));
    }

    pub(crate) fn prefix(&self, destination: u32) -> A::Prefix {
        let row = &self.destinations[destination as usize];
        A::prefix(row.bits, row.length)
    }

    /// The route rows of a destination, in the order the routes were added.
    pub(crate) fn routes_of(&self, destination: u32) -> impl Iterator<Item = (u32, &RouteRow)> {
        let mut next = self.destinations[destination as usize].first;
        std::iter::from_fn(move || {
            let number = next;
            let row = self.rows.get(number as usize)?;
            next = row.next;
            Some((number, row))
        })
    }

    fn find(&self, cx: &Shared, destination: u32, owner: u16, path: PathId) -> Option<u32> {
        self.routes_of(destination)
            .find(|(_, row)| row.owner == owner && cx.labels.get(row.label).path == path.0)
            .map(|(number, _)| number)
    }

    /// Adds a checked route or replaces the one with the same owner and path.
    pub(crate) fn set(
        &mut self,
        cx: &mut Shared,
        now: Time,
        owner: u16,
        prefix: A::Prefix,
        path: PathId,
        route: &Route,
    ) -> Result<(), Refusal> {
        let entity = &cx.entities[owner];
        if let Some(limit) = entity.config.route_limit
            && entity.total() >= limit
        {
            // A route that replaces another does not count: look before anything is made.
            let known = self.destination(prefix);
            if known
                .and_then(|known| self.find(cx, known, owner, path))
                .is_none()
            {
                return Err(Refusal::RouteLimit { limit });
            }
        }
        if self.is_full() {
            return Err(Refusal::TableFull);
        }
        if let Some(budget) = cx.budget
            && cx.held.saturating_add(self.growth()) > budget
            && entity.config.protocol != ProtocolId::LOCAL
        {
            let known = self.destination(prefix);
            if known
                .and_then(|known| self.find(cx, known, owner, path))
                .is_none()
            {
                return Err(Refusal::Memory { budget });
            }
        }
        let destination = self.find_or_add(prefix);
        match self.find(cx, destination, owner, path) {
            Some(row) => self.replace(cx, now, row, route),
            None => self.append(cx, now, destination, owner, path, route),
        }
        Ok(())
    }

    /// How many bytes more another route may take: none while there is room in the rows.
    const fn growth(&self) -> usize {
        let (rows, destinations) = (&self.rows, &self.destinations);
        let mut bytes = 0;
        if self.free_rows == NONE && rows.len() == rows.capacity() {
            bytes += step(rows.len()) * size_of::<RouteRow>();
        }
        if self.free_destinations == NONE && destinations.len() == destinations.capacity() {
            bytes += step(destinations.len()) * size_of::<DestinationRow<A::Bits>>();
        }
        bytes
    }

    /// Whether row numbers are used up.
    fn is_full(&self) -> bool {
        (self.free_rows == NONE && self.rows.len() >= NONE as usize)
            || (self.free_destinations == NONE && self.destinations.len() >= NONE as usize)
    }

    fn find_or_add(&mut self, prefix: A::Prefix) -> u32 {
        let free = self.free_destinations;
        let number = if free == NONE {
            // INVARIANT: callers check that fewer than NONE rows are in use.
            self.destinations.len() as u32
        } else {
            free
        };
        if let Some(known) = self.index.insert(&A::bits(prefix), A::length(prefix), number) {
            return known;
        }
        let row = DestinationRow {
            bits: A::bits(prefix),
            first: NONE,
            best: NONE,
            queued: 0,
            length: A::length(prefix),
            flags: 0,
        };
        match self.destinations.get_mut(free as usize) {
            Some(vacant) => {
                self.free_destinations = vacant.first;
                *vacant = row;
                number
            }
            None => push(&mut self.destinations, row),
        }
    }

    fn append(
        &mut self,
        cx: &mut Shared,
        now: Time,
        destination: u32,
        owner: u16,
        path: PathId,
        route: &Route,
    ) {
        let label = cx.labels.acquire(Label {
            path: path.0,
            tag: route.tag,
        });
        let entity = &mut cx.entities[owner];
        entity.routes[A::FAMILY.index()] += 1;
        entity.fresh += 1;
        let row = RouteRow {
            next: NONE,
            destination,
            set: acquire(&mut cx.next_hops, route),
            metric: route.metric,
            label,
            since: seconds(now),
            owner,
            preference: route.preference.unwrap_or(0),
            stamp: RouteRow::stamped(route.kind, entity.epoch),
        };
        let accepts = entity.accepts;
        let number = match self.rows.get_mut(self.free_rows as usize) {
            Some(free) => {
                let number = self.free_rows;
                self.free_rows = free.next;
                *free = row;
                number
            }
            None => push(&mut self.rows, row),
        };
        self.live_rows += 1;
        match self.routes_of(destination).last().map(|(last, _)| last) {
            Some(last) => self.rows[last as usize].next = number,
            None => self.destinations[destination as usize].first = number,
        }
        self.mark(cx, destination, kinds::ALL, accepts);
        self.mark_touched(destination);
    }

    fn replace(&mut self, cx: &mut Shared, now: Time, number: u32, route: &Route) {
        // First the new set, then the old one goes: one that stays the same must not be freed in between.
        let set = acquire(&mut cx.next_hops, route);
        let row = &mut self.rows[number as usize];
        cx.next_hops.release(row.set);
        let entity = &mut cx.entities[row.owner];
        let preference = route.preference.unwrap_or(0);
        let forwarding =
            (row.set, row.kind(), row.metric, row.preference) != (set, route.kind, route.metric, preference);
        let Label { path, tag } = cx.labels.get(row.label);
        let changed = forwarding || tag != route.tag;
        if row.epoch() != entity.epoch {
            entity.fresh += 1;
        }
        row.stamp = RouteRow::stamped(route.kind, entity.epoch);
        if !changed {
            return;
        }
        row.set = set;
        row.metric = route.metric;
        if tag != route.tag {
            cx.labels.release(row.label);
            row.label = cx.labels.acquire(Label { path, tag: route.tag });
        }
        row.preference = preference;
        row.since = seconds(now);
        let (destination, accepts) = (row.destination, entity.accepts);
        let mut heard = kinds::ALL;
        if self.destinations[destination as usize].best == number {
            self.best_changed = true;
            heard |= kinds::BEST;
            if forwarding {
                heard |= kinds::FORWARDING;
            }
        }
        self.mark(cx, destination, heard, accepts);
        self.mark_touched(destination);
    }

    /// Removes the route of this owner and path, if there is one.
    pub(crate) fn delete(&mut self, cx: &mut Shared, owner: u16, prefix: A::Prefix, path: PathId) {
        if let Some(destination) = self.destination(prefix)
            && let Some(row) = self.find(cx, destination, owner, path)
        {
            self.remove(cx, row);
        }
    }

    fn remove(&mut self, cx: &mut Shared, number: u32) {
        let row = self.rows[number as usize];
        let destination = row.destination;
        let previous = self.routes_of(destination).find(|(_, r)| r.next == number);
        match previous.map(|(previous, _)| previous) {
            Some(previous) => self.rows[previous as usize].next = row.next,
            None => self.destinations[destination as usize].first = row.next,
        }
        let head = &self.destinations[destination as usize];
        if head.flags & flags::ARMED != 0 && head.first == NONE {
            self.holds.remember(destination, route_of(cx, &row));
        }
        let was_best = head.best == number;
        let entity = &mut cx.entities[row.owner];
        entity.routes[A::FAMILY.index()] -= 1;
        if row.epoch() == entity.epoch {
            entity.fresh -= 1;
        }
        let accepts = entity.accepts;
        let mut heard = kinds::ALL;
        if was_best {
            entity.best[A::FAMILY.index()] -= 1;
            self.destinations[destination as usize].best = NONE;
            self.best_changed = true;
            heard |= kinds::BEST | kinds::FORWARDING;
        }
        cx.next_hops.release(row.set);
        cx.labels.release(row.label);
        let free = &mut self.rows[number as usize];
        free.destination = NONE;
        free.next = self.free_rows;
        self.free_rows = number;
        self.live_rows -= 1;
        self.mark(cx, destination, heard, accepts);
        self.mark_touched(destination);
    }

    /// Queues the destination for those subscribers of these kinds that are in `accepts`.
    fn mark(&mut self, cx: &Shared, destination: u32, heard: usize, accepts: u32) {
        let row = &mut self.destinations[destination as usize];
        // What happens during a hold is not advertised; its end is.
        let heard = if row.flags & flags::HELD != 0 {
            heard & !kinds::BEST
        } else {
            heard
        };
        let mask = cx.subscribers.mask(A::FAMILY, heard) & accepts;
        self.mark_exactly(destination, mask);
    }

    fn mark_exactly(&mut self, destination: u32, mask: u32) {
        let new = mask & !self.queued(destination);
        self.destinations[destination as usize].queued |= mask as u16;
        let more = (mask >> 16) as u16;
        if more != 0 {
            if self.queued_more.len() < self.destinations.len() {
                self.queued_more.resize(self.destinations.len(), 0);
            }
            self.queued_more[destination as usize] |= more;
        }
        self.queues.push(destination, new);
    }

    /// Whether a subscriber has nothing about this destination in its queue.
    pub(crate) fn is_told(&self, slot: u8, prefix: A::Prefix) -> bool {
        let number = self.destination(prefix);
        number.is_none_or(|number| self.queued(number) & 1 << slot == 0)
    }

    /// The subscribers that have a destination in their queue.
    fn queued(&self, destination: u32) -> u32 {
        let more = self.queued_more.get(destination as usize).copied().unwrap_or(0);
        u32::from(self.destinations[destination as usize].queued) | u32::from(more) << 16
    }

    /// A subscriber has it in its queue no more.
    fn unqueue(&mut self, destination: u32, slot: u8) {
        let mask = 1_u32 << slot;
        self.destinations[destination as usize].queued &= !(mask as u16);
        if let Some(more) = self.queued_more.get_mut(destination as usize) {
            *more &= !((mask >> 16) as u16);
        }
    }

    fn mark_touched(&mut self, destination: u32) {
        let row = &mut self.destinations[destination as usize];
        if row.flags & flags::TOUCHED == 0 {
            row.flags |= flags::TOUCHED;
            self.touched.push(destination);
        }
    }

    /// Chooses the best routes of everything touched since the last time. Every public change ends with this.
    pub(crate) fn settle(&mut self, cx: &mut Shared, now: Time) {
        let mut touched = std::mem::take(&mut self.touched);
        for &destination in &touched {
            let row = &mut self.destinations[destination as usize];
            row.flags &= !flags::TOUCHED;
            cx.next_hops
                .tracked
                .destination_changed::<A>(&row.bits, row.length);
            self.choose(cx, destination);
            let row = &mut self.destinations[destination as usize];
            if row.first == NONE && row.flags & flags::ARMED != 0 {
                row.flags = row.flags & !flags::ARMED | flags::HELD;
                self.holds.begin(destination, now);
            }
            self.free_if_unused(destination);
        }
        touched.clear();
        if touched.capacity() <= 1 << 16 {
            self.touched = touched;
        }
        if self.live_rows == 0 && self.rows.capacity() > 0 {
            // All rows are free: no pass has anything to look at, and the memory goes back.
            self.rows.clear();
            self.free_rows = NONE;
            self.passes = Passes::default();
            give_back(&mut self.rows);
        }
        if self.index.len() == 0 && self.touched.is_empty() && self.destinations.capacity() > 0 {
            self.destinations.clear();
            self.queued_more = Vec::new();
            self.free_destinations = NONE;
            give_back(&mut self.destinations);
        }
    }

    fn choose(&mut self, cx: &mut Shared, destination: u32) {
        let incumbent = self.destinations[destination as usize].best;
        let mut best: Option<(u32, (u8, u32))> = None;
        for (number, row) in self.routes_of(destination) {
            if !is_eligible(&cx.next_hops, row) {
                continue;
            }
            let rank = row.rank(&cx.entities[row.owner]);
            // P-51: on a tie the incumbent wins, else the one added first, which comes first.
            if best.is_none_or(|(_, least)| {
                rank < least
                    || (rank == least
                        && number == incumbent
                        && !self.has_recursive(&cx.next_hops, destination))
            }) {
                best = Some((number, rank));
            }
        }
        let chosen = best.map_or(NONE, |(number, _)| number);
        let merged_changed = self.merge(cx, destination, best);
        let mut heard = 0;
        let mut accepts = 0;
        if let Some(old) = self.rows.get(incumbent as usize) {
            let entity = &mut cx.entities[old.owner];
            accepts |= entity.accepts;
            entity.best[A::FAMILY.index()] -= 1;
        }
        if let Some(new) = self.rows.get(chosen as usize) {
            let entity = &mut cx.entities[new.owner];
            accepts |= entity.accepts;
            entity.best[A::FAMILY.index()] += 1;
        }
        if chosen != incumbent {
            self.destinations[destination as usize].best = chosen;
            self.best_changed = true;
            heard |= kinds::ALL | kinds::BEST | kinds::FORWARDING;
        } else if merged_changed {
            heard |= kinds::FORWARDING;
        }
        if heard != 0 {
            self.mark(cx, destination, heard, accepts);
        }
    }

    /// Whether a route of the destination has a recursive next hop. Then the one added first wins among equals: what is best
    /// must not follow from the order in which ways to gateways were found; see [`crate::resolve`].
    pub(crate) fn has_recursive(&self, next_hops: &NextHopSets, destination: u32) -> bool {
        self.routes_of(destination)
            .any(|(_, row)| next_hops.has_recursive(row.set))
    }

    /// Joins the next hops of the routes equal to the best one, if their owner wants that. Says whether the
    /// destination's merged set is another than before.
    fn merge(&mut self, cx: &mut Shared, destination: u32, best: Option<(u32, (u8, u32))>) -> bool {
        let mut sets: SmallVec<[u32; 4]> = SmallVec::new();
        if let Some((number, rank)) = best {
            let best = self.rows[number as usize];
            let owner = &cx.entities[best.owner];
            if owner.config.merge_equal && best.kind() == RouteKind::Unicast {
                sets.push(best.set);
                for (_, row) in self.routes_of(destination) {
                    if row.owner == best.owner
                        && row.kind() == RouteKind::Unicast
                        && row.rank(owner) == rank
                        && !sets.contains(&row.set)
                        && is_eligible(&cx.next_hops, row)
                    {
                        sets.push(row.set);
                    }
                }
            }
        }
        let is_merged = self.destinations[destination as usize].flags & flags::MERGED != 0;
        if sets.len() < 2 && !is_merged {
            return false;
        }
        let old = self.merged.remove(&destination);
        let new = (sets.len() > 1).then(|| cx.next_hops.acquire_union(&sets));
        if let Some(old) = old {
            cx.next_hops.release(old);
        }
        let row = &mut self.destinations[destination as usize];
        match new {
            Some(new) => {
                row.flags |= flags::MERGED;
                self.merged.insert(destination, new);
            }
            None => row.flags &= !flags::MERGED,
        }
        new != old
    }

    /// Frees a destination that has no routes, no hold and nobody to hear of it.
    pub(crate) fn free_if_unused(&mut self, destination: u32) {
        let queued = self.queued(destination);
        let row = &mut self.destinations[destination as usize];
        if row.first != NONE || queued != 0 || row.flags != 0 {
            return;
        }
        let (bits, length) = (row.bits, row.length);
        row.flags = flags::FREE;
        row.first = self.free_destinations;
        self.free_destinations = destination;
        self.index.remove(&bits, length);
    }

    /// Looks at up to `budget` rows for whatever passes are due and returns how many it looked at.
    pub(crate) fn sweep(&mut self, cx: &mut Shared, now: Time, budget: usize) -> usize {
        let mut visited = 0;
        while visited < budget {
            self.drop_idle_passes(cx);
            let rows = self.rows.len() as u32;
            // Whether passes became idle need not be asked at every row.
            let slice = (budget - visited).min(1024);
            for _ in 0..slice {
                let Some(row) = self.passes.advance(rows) else {
                    break;
                };
                visited += 1;
                self.visit(cx, row);
            }
            self.settle(cx, now);
            if self.passes.rows.is_empty() {
                break;
            }
        }
        visited
    }

    /// Whether there is memory to give back: an empty table does so in pieces.
    pub(crate) fn is_giving_back(&self) -> bool {
        (self.rows.is_empty() && self.rows.capacity() > 0)
            || (self.destinations.is_empty() && self.destinations.capacity() > 0)
    }

    /// Ends sweeps whose entity has nothing left to sweep, which is most of them: a restarted protocol confirms its
    /// routes, and a small one is through after a few rows.
    fn drop_idle_passes(&mut self, cx: &mut Shared) {
        self.passes.rows.retain(|pass| match pass.reason {
            Reason::Sweep(slot) => {
                let entity = &mut cx.entities[slot];
                if entity.sweeping && entity.total() == entity.fresh {
                    entity.sweeping = false;
                }
                // An epoch no row is stamped with stands for any other than the current one.
                entity.sweeps(u8::MAX) && entity.routes[A::FAMILY.index()] > 0
            }
            Reason::Preference(_) | Reason::NextHops(_) => true,
        });
    }

    fn visit(&mut self, cx: &mut Shared, number: u32) {
        let row = self.rows[number as usize];
        if row.destination == NONE {
            return;
        }
        if cx.entities[row.owner].sweeps(row.epoch()) {
            self.remove(cx, number);
            return;
        }
        let (mut preference, mut next_hops, mut partial) = (false, false, false);
        for pass in &self.passes.rows {
            match &pass.reason {
                Reason::Sweep(_) => {}
                Reason::Preference(slots) => {
                    preference |= row.preference == 0 && slots.contains(u32::from(row.owner));
                }
                Reason::NextHops(sets) => {
                    if row.kind() == RouteKind::Unicast && sets.contains(row.set) {
                        next_hops = true;
                        partial |= self
                            .forwarding_set(row.destination)
                            .is_some_and(|set| sets.contains(set));
                    }
                }
            }
        }
        if !preference && !next_hops {
            return;
        }
        let accepts = cx.entities[row.owner].accepts;
        let is_best = self.destinations[row.destination as usize].best == number;
        let heard = if preference && is_best {
            kinds::ALL | kinds::BEST | kinds::FORWARDING
        } else {
            kinds::ALL
        };
        self.mark(cx, row.destination, heard, accepts);
        if partial {
            let forwarding = cx.subscribers.mask(A::FAMILY, kinds::FORWARDING);
            let accepts = self.best_accepts(cx, row.destination);
            self.mark_exactly(
                row.destination,
                forwarding & cx.subscribers.by_destination & accepts,
            );
        }
        self.mark_touched(row.destination);
    }

    /// The subscribers that care for the owner of the best route.
    fn best_accepts(&self, cx: &Shared, destination: u32) -> u32 {
        let best = self.destinations[destination as usize].best;
        self.rows
            .get(best as usize)
            .map_or(0, |best| cx.entities[best.owner].accepts)
    }

    /// Stamps all routes of `owner` with `epoch`.
    pub(crate) fn restamp(&mut self, owner: u16, epoch: u8) {
        let rows = self.rows.iter_mut();
        for row in rows.filter(|row| row.destination != NONE && row.owner == owner) {
            row.stamp = RouteRow::stamped(row.kind(), epoch);
        }
    }

    /// Arms or prolongs a hold. False if the destination has no route and no hold.
    pub(crate) fn hold(&mut self, prefix: A::Prefix, duration: std::time::Duration) -> bool {
        let Some(destination) = self.destination(prefix) else {
            return false;
        };
        let row = &mut self.destinations[destination as usize];
        if row.flags & flags::HELD == 0 {
            if row.first == NONE {
                return false;
            }
            row.flags |= flags::ARMED;
        }
        self.holds.request(destination, duration);
        true
    }

    /// Ends the holds that are over.
    pub(crate) fn expire(&mut self, cx: &Shared, now: Time) {
        while let Some((destination, hold)) = self.holds.pop_over(now) {
            self.destinations[destination as usize].flags &= !flags::HELD;
            let mut accepts = self.best_accepts(cx, destination);
            if let Some(last) = hold.last {
                accepts |= cx.subscribers.accepting(last.owner);
            }
            self.mark(cx, destination, kinds::ALL | kinds::BEST, accepts);
            self.free_if_unused(destination);
        }
    }

    /// The set a destination forwards to.
    pub(crate) fn forwarding_set(&self, destination: u32) -> Option<u32> {
        let row = &self.destinations[destination as usize];
        if row.flags & flags::MERGED != 0 {
            return self.merged.get(&destination).copied();
        }
        let best = self.rows.get(row.best as usize)?;
        (best.set != NO_SET).then_some(best.set)
    }

    pub(crate) fn forwarding(&self, cx: &Shared, destination: u32) -> Option<Forwarding> {
        let row = self
            .rows
            .get(self.destinations[destination as usize].best as usize)?;
        let owner = &cx.entities[row.owner];
        let set = self.forwarding_set(destination);
        let (preference, metric) = row.rank(owner);
        Some(Forwarding {
            kind: row.kind(),
            owner: owner.config.protocol,
            preference,
            metric,
            set: set.map(|set| cx.next_hops.id(set)),
            can_change: set.is_some_and(|set| cx.next_hops.can_change(set)),
            next_hops: cx.next_hops.usable_next_hops(set.unwrap_or(NO_SET)),
        })
    }

    /// The best route, hold or not.
    pub(crate) fn best(&self, cx: &Shared, destination: u32) -> Option<BestRoute> {
        let best = self.destinations[destination as usize].best;
        self.rows.get(best as usize).map(|row| route_of(cx, row))
    }

    /// The best route as advertised: none during a hold.
    pub(crate) fn advertised(&self, cx: &Shared, destination: u32) -> Option<BestRoute> {
        let held = self.destinations[destination as usize].flags & flags::HELD != 0;
        if held { None } else { self.best(cx, destination) }
    }

    /// The next destination the subscriber in `slot` is to hear of: out of its queue, then out of its replay.
    pub(crate) fn next_changed(&mut self, slot: u8, replay: &mut Option<u32>) -> Option<u32> {
        if let Some(destination) = self.queues.pop(slot) {
            self.unqueue(destination, slot);
            return Some(destination);
        }
        while let Some(destination) = *replay {
            let Some(row) = self.destinations.get(destination as usize) else {
                *replay = None;
                break;
            };
            *replay = Some(destination + 1);
            if row.flags & flags::FREE == 0 && row.first != NONE {
                return Some(destination);
            }
        }
        None
    }

    /// Forgets what was queued for a subscriber that left.
    pub(crate) fn forget(&mut self, slot: u8) {
        while let Some(destination) = self.queues.pop(slot) {
            self.unqueue(destination, slot);
            self.free_if_unused(destination);
        }
    }
}

pub(crate) fn is_eligible(next_hops: &NextHopSets, row: &RouteRow) -> bool {
    row.set == NO_SET || next_hops.is_usable(row.set)
}

pub(crate) fn route_of(cx: &Shared, row: &RouteRow) -> BestRoute {
    let owner = &cx.entities[row.owner];
    BestRoute {
        owner: owner.config.protocol,
        preference: row.rank(owner).0,
        route: Route {
            kind: row.kind(),
            next_hops: cx.next_hops.next_hops(row.set),
            metric: row.metric,
            tag: cx.labels.get(row.label).tag,
            preference: (row.preference != 0).then_some(row.preference),
        },
    }
}

fn acquire(next_hops: &mut NextHopSets, route: &Route) -> u32 {
    if route.kind == RouteKind::Unicast {
        next_hops.acquire(&route.next_hops)
    } else {
        NO_SET
    }
}

fn seconds(now: Time) -> u32 {
    u32::try_from(now.0 / 1_000_000_000).unwrap_or(u32::MAX)
}

/// Makes an empty list smaller by [`PIECE`]: giving tens of megabytes back at once takes milliseconds.
fn give_back<T>(rows: &mut Vec<T>) {
    rows.shrink_to(rows.capacity().saturating_sub(PIECE / size_of::<T>()));
}

/// By how many rows so many of them grow.
const fn step(rows: usize) -> usize {
    if rows / 4 > 64 { rows / 4 } else { 64 }
}

/// Appends a row and returns its number. Grows by a quarter and not by half: at a million rows the slack counts, and
/// the allocator moves blocks of that size without copying.
fn push<T>(rows: &mut Vec<T>, row: T) -> u32 {
    if rows.len() == rows.capacity() {
        rows.reserve_exact(step(rows.len()));
    }
    rows.push(row);
    // INVARIANT: callers check that fewer than NONE rows are in use.
    (rows.len() - 1) as u32
}
