//! The routing table manager itself.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use waypost_types::{
    InterfaceIndex, PathId, Prefix, Prefix4, Prefix6, ProtocolId, RouteChange, RouteNotice, Seed, Time,
};

use crate::check::{Refusal, Refused, check};
use crate::entity::{EPOCHS, Entities, EntityConfig, EntityId, EntityStatus, default_preference};
use crate::family::{Family, V4, V6};
use crate::journal::{
    BestChange, ForwardingChange, NextHopSetChange, Pending, SubscriberConfig, SubscriberId, SubscriberKind,
    Subscribers,
};
use crate::label::Labels;
use crate::lookup::{Candidate, Destination, Match, Memory};
use crate::nexthop::{ChangedSet, NextHopSets};
use crate::sweep::{Bits, Progress, Reason};
use crate::table::{Shared, Table};
use crate::tracked::{Resolved, Unresolved};
use crate::trie::ABREAST;

/// Changes between two counts of the bytes held, where there is a budget: little can be made meanwhile.
const COUNTED: usize = 1024;

/// How many subscribers there can be at a time (router-services P-65).
pub const MAX_SUBSCRIBERS: usize = 32;

/// Why a call was refused. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtmError {
    /// The handle is of an entity that has left.
    #[error("no such entity: it has left the routing table")]
    NoSuchEntity,
    /// The handle is of a subscription that has ended.
    #[error("no such subscriber: its subscription has ended")]
    NoSuchSubscriber,
    /// An entity with the same protocol, instance and family is there.
    #[error("instance {instance} of protocol {protocol} is registered already")]
    AlreadyRegistered {
        /// The protocol.
        protocol: ProtocolId,
        /// The instance.
        instance: u32,
    },
    /// 65536 entities are registered or leaving.
    #[error("too many entities (at most 65536)")]
    TooManyEntities,
    /// [`MAX_SUBSCRIBERS`] subscriptions are open.
    #[error("too many subscribers (at most {MAX_SUBSCRIBERS})")]
    TooManySubscribers,
    /// Preferences begin at 1.
    #[error("preference 0 for protocol {0} is out of range (1..=255)")]
    PreferenceZero(ProtocolId),
    /// There is no route to hold.
    #[error("no route to {0}")]
    NoSuchDestination(Prefix),
    /// A hold must last.
    #[error("hold time 0 for {0} is out of range (at least 1 ns)")]
    HoldZero(Prefix),
    /// Forwarding changes were asked for a subscriber of another kind, or the other way round.
    #[error("the subscriber is of kind {0:?}, which this call does not serve")]
    WrongKind(SubscriberKind),
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyReport {
    /// How many changes were taken, those included that changed nothing.
    pub accepted: usize,
    /// The others, in the order of the batch.
    pub refused: Vec<Refused>,
    /// Whether a destination has another best route than before, or a changed one, or none any more.
    pub best_changed: bool,
}

/// The routing table manager: an IPv4 and an IPv6 table, their entities and their subscribers.
pub struct Rtm {
    pub(crate) cx: Shared,
    pub(crate) v4: Table<V4>,
    pub(crate) v6: Table<V6>,
}

impl Rtm {
    /// An empty table. The seed keys the hash tables, so that nobody who can choose next hops can make them collide;
    /// what the table does is the same for every seed.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            cx: Shared {
                entities: Entities::default(),
                next_hops: NextHopSets::new(seed),
                labels: Labels::new(seed.child("rtm labels").0),
                subscribers: Subscribers::default(),
                generation: 0,
                budget: None,
                held: 0,
            },
            v4: Table::new(),
            v6: Table::new(),
        }
    }

    // Entities

    /// Registers an owner of routes (router-services A4). An entity that is leaving does not stand in the way of its
    /// successor.
    pub fn register(&mut self, config: EntityConfig) -> Result<EntityId, RtmError> {
        let accepts = self.cx.subscribers.accepting(config.protocol);
        self.cx.entities.register(config, accepts)
    }

    /// The entity leaves. Its handle is void at once; its routes stay in use until [`Self::sweep`] has removed them
    /// one by one, so that a successor that registers now can take over without a gap.
    pub fn deregister(&mut self, entity: EntityId) -> Result<(), RtmError> {
        let slot = self.cx.entities.active(entity)?;
        self.cx.entities.leave(slot);
        self.begin_sweep(slot);
        self.cx.entities.vacate_left();
        Ok(())
    }

    /// The entity has restarted: its routes are stale until it sets them again, but stay in use. Calls off a
    /// [`Self::sweep_stale`] that is not through.
    pub fn mark_stale(&mut self, entity: EntityId) -> Result<(), RtmError> {
        let slot = self.cx.entities.active(entity)?;
        let row = &mut self.cx.entities[slot];
        row.sweeping = false;
        if row.fresh == row.total() {
            row.epochs_in_use = 0;
        }
        if row.epochs_in_use >= EPOCHS - 2 {
            // That many restarts without a sweep: bring all its routes to one epoch before the numbers run round.
            let epoch = row.epoch;
            row.epochs_in_use = 0;
            self.v4.restamp(slot, epoch);
            self.v6.restamp(slot, epoch);
        }
        let row = &mut self.cx.entities[slot];
        row.epoch = (row.epoch + 1) % EPOCHS;
        row.epochs_in_use += 1;
        row.fresh = 0;
        Ok(())
    }

    /// The grace time of a restart is over: [`Self::sweep`] is to remove what is still stale. Takes no time if
    /// everything was confirmed.
    pub fn sweep_stale(&mut self, entity: EntityId) -> Result<(), RtmError> {
        let slot = self.cx.entities.active(entity)?;
        let row = &mut self.cx.entities[slot];
        if row.fresh < row.total() {
            row.sweeping = true;
            self.begin_sweep(slot);
        }
        Ok(())
    }

    fn begin_sweep(&mut self, slot: u16) {
        let routes = self.cx.entities[slot].routes;
        if routes[0] > 0 {
            self.v4.passes.begin(Reason::Sweep(slot));
        }
        if routes[1] > 0 {
            self.v6.passes.begin(Reason::Sweep(slot));
        }
    }

    /// Every entity that is there or leaving, with its counts.
    pub fn entities(&self) -> impl Iterator<Item = EntityStatus> + '_ {
        self.cx.entities.status()
    }

    /// Another route limit for an entity. Routes above it stay; new ones are refused until there is room.
    pub fn set_route_limit(&mut self, entity: EntityId, limit: Option<u32>) -> Result<(), RtmError> {
        let slot = self.cx.entities.active(entity)?;
        self.cx.entities[slot].config.route_limit = limit;
        Ok(())
    }

    /// The most bytes that the table may hold ([`Memory::bytes`]); `None` for as many as there are. Routes above it stay; new
    /// ones are refused until there is room, but for those of interfaces, without which nothing is reached.
    pub const fn set_memory_budget(&mut self, bytes: Option<usize>) {
        self.cx.budget = bytes;
    }

    /// The most bytes that the table may hold.
    #[must_use]
    pub const fn memory_budget(&self) -> Option<usize> {
        self.cx.budget
    }

    // What decides

    /// Configures a protocol's preference, 1..=255, for its routes that bring none of their own, now and later. It
    /// wins over what the entities registered with. Needs [`Self::sweep`].
    pub fn set_preference(&mut self, protocol: ProtocolId, preference: u8) -> Result<(), RtmError> {
        if preference == 0 {
            return Err(RtmError::PreferenceZero(protocol));
        }
        self.configure_preference(protocol, Some(preference));
        Ok(())
    }

    /// Undoes [`Self::set_preference`]: the preferences the entities registered with count again. Needs
    /// [`Self::sweep`].
    pub fn reset_preference(&mut self, protocol: ProtocolId) {
        self.configure_preference(protocol, None);
    }

    /// The configured preference of a protocol, or its default.
    #[must_use]
    pub fn preference(&self, protocol: ProtocolId) -> u8 {
        self.cx
            .entities
            .configured(protocol)
            .unwrap_or_else(|| default_preference(protocol))
    }

    fn configure_preference(&mut self, protocol: ProtocolId, preference: Option<u8>) {
        let slots = self.cx.entities.configure(protocol, preference);
        for family in [Family::V4, Family::V6] {
            let mut bits = Bits::default();
            let has_routes = |slot: &&u16| self.cx.entities[**slot].routes[family.index()] > 0;
            let mut concerned = slots.iter().filter(has_routes).peekable();
            if concerned.peek().is_none() {
                continue;
            }
            concerned.for_each(|&slot| bits.insert(u32::from(slot)));
            match family {
                Family::V4 => self.v4.passes.begin(Reason::Preference(bits)),
                Family::V6 => self.v6.passes.begin(Reason::Preference(bits)),
            }
        }
    }

    /// Says whether packets can leave through an interface. An interface nobody said anything about is usable.
    ///
    /// Next hops through an unusable interface do not forward; a unicast route without a usable next hop is not
    /// eligible (router-services P-51). Needs [`Self::sweep`], but [`Self::drain_next_hop_sets`] tells at once.
    pub fn set_interface_usable(&mut self, interface: InterfaceIndex, usable: bool) {
        let sets = self.cx.next_hops.set_interface_usable(interface, usable);
        self.sets_changed(&sets);
    }

    /// Tells of sets that have other usable next hops than before, and has the routes visited for which that makes a difference.
    pub(crate) fn sets_changed(&mut self, sets: &[ChangedSet]) {
        let mut bits = Bits::default();
        for set in sets {
            // Who is told by destination hears of every change; else it matters only whether a route can be used at all.
            if set.turned || self.cx.subscribers.by_destination != 0 {
                bits.insert(set.index);
            }
            let mut new = self.cx.next_hops.queue(set.index, self.cx.subscribers.by_set);
            while new != 0 {
                let slot = new.trailing_zeros() as u8;
                new &= new - 1;
                let id = self.cx.next_hops.id(set.index);
                self.cx.subscribers[slot].sets.push_back(id);
            }
        }
        if !bits.is_empty() {
            self.v4.passes.begin(Reason::NextHops(bits.clone()));
            self.v6.passes.begin(Reason::NextHops(bits));
        }
    }

    /// Whether packets can leave through an interface.
    #[must_use]
    pub fn interface_is_usable(&self, interface: InterfaceIndex) -> bool {
        self.cx.next_hops.interface_is_usable(interface)
    }

    // Routes

    /// Applies the changes of one entity, in order, choosing best routes after the last of them.
    ///
    /// A change that is refused leaves the others alone. Setting a route that is there already, in whatever order its
    /// next hops are, confirms it if it is stale and is otherwise no change. Deleting a route that is not there is
    /// fine.
    pub fn apply(
        &mut self,
        now: Time,
        entity: EntityId,
        changes: &[RouteChange],
    ) -> Result<ApplyReport, RtmError> {
        let owner = self.cx.entities.active(entity)?;
        let mut report = ApplyReport::default();
        for (position, change) in changes.iter().enumerate() {
            if position % COUNTED == 0 && self.cx.budget.is_some() {
                self.cx.held = self.memory().bytes();
            }
            if position % ABREAST == 0 {
                self.touch(changes.iter().skip(position).take(ABREAST));
            }
            match self.apply_one(now, owner, change) {
                Ok(()) => report.accepted += 1,
                Err(reason) => {
                    let (RouteChange::Set { prefix, path, .. } | RouteChange::Delete { prefix, path }) =
                        change;
                    report.refused.push(Refused {
                        position,
                        prefix: *prefix,
                        path: *path,
                        reason,
                    });
                }
            }
        }
        self.resolve_new();
        self.v4.settle(&mut self.cx, now);
        self.v6.settle(&mut self.cx, now);
        report.best_changed = self.v4.take_best_changed() | self.v6.take_best_changed();
        Ok(report)
    }

    /// Has the tables read what these changes will look at; see [`crate::trie::Trie::touch`].
    fn touch<'c>(&self, changes: impl Iterator<Item = &'c RouteChange> + Clone) {
        let prefixes = changes.map(|change| {
            let (RouteChange::Set { prefix, .. } | RouteChange::Delete { prefix, .. }) = change;
            *prefix
        });
        let v4 = |prefix: Prefix| match prefix {
            Prefix::V4(prefix) => Some(prefix),
            Prefix::V6(_) => None,
        };
        let v6 = |prefix: Prefix| match prefix {
            Prefix::V6(prefix) => Some(prefix),
            Prefix::V4(_) => None,
        };
        self.v4.touch(prefixes.clone().filter_map(v4));
        self.v6.touch(prefixes.filter_map(v6));
    }

    fn apply_one(&mut self, now: Time, owner: u16, change: &RouteChange) -> Result<(), Refusal> {
        match change {
            RouteChange::Set { prefix, path, route } => {
                let family = self.cx.entities[owner].config.family;
                if family.is_some_and(|family| family != Family::of(*prefix)) {
                    return Err(Refusal::Family);
                }
                check(*prefix, route)?;
                match *prefix {
                    Prefix::V4(prefix) => self.v4.set(&mut self.cx, now, owner, prefix, *path, route),
                    Prefix::V6(prefix) => self.v6.set(&mut self.cx, now, owner, prefix, *path, route),
                }
            }
            RouteChange::Delete { prefix, path } => {
                match *prefix {
                    Prefix::V4(prefix) => self.v4.delete(&mut self.cx, owner, prefix, *path),
                    Prefix::V6(prefix) => self.v6.delete(&mut self.cx, owner, prefix, *path),
                }
                Ok(())
            }
        }
    }

    /// Does work that was put off: looks at up to `budget` gateways and route rows. Call it until [`Progress::more`] is false.
    /// About ten thousand rows take well under a millisecond unless every one of them changes something.
    pub fn sweep(&mut self, now: Time, budget: usize) -> Progress {
        let mut visited = self.resolve_due(budget);
        visited += self.v4.sweep(&mut self.cx, now, budget - visited);
        visited += self.v6.sweep(&mut self.cx, now, budget - visited);
        self.cx.entities.vacate_left();
        Progress {
            visited,
            more: self.is_sweeping(),
        }
    }

    /// Whether [`Self::sweep`] has work to do.
    #[must_use]
    pub fn is_sweeping(&self) -> bool {
        let has_work = |passes: &crate::sweep::Passes| !passes.rows.is_empty();
        self.cx.next_hops.tracked.is_due()
            || has_work(&self.v4.passes)
            || has_work(&self.v6.passes)
            || self.v4.is_giving_back()
            || self.v6.is_giving_back()
    }

    // Hold-down

    /// Asks for hold-down of a destination for `duration` once its last route is deleted; the longest time asked for
    /// counts (router-services P-60). Refused if there is no route to it. During a hold that is running, prolongs it
    /// to `duration` from its beginning.
    pub fn hold(&mut self, prefix: Prefix, duration: Duration) -> Result<(), RtmError> {
        if duration.is_zero() {
            return Err(RtmError::HoldZero(prefix));
        }
        let held = match prefix {
            Prefix::V4(prefix) => self.v4.hold(prefix, duration),
            Prefix::V6(prefix) => self.v6.hold(prefix, duration),
        };
        if held {
            Ok(())
        } else {
            Err(RtmError::NoSuchDestination(prefix))
        }
    }

    /// When [`Self::expire`] is wanted next; `None` means never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let deadlines = [self.v4.holds.next_deadline(), self.v6.holds.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Ends the holds that are over. What their destinations are now is told to everyone who hears of best routes.
    pub fn expire(&mut self, now: Time) {
        self.v4.expire(&self.cx, now);
        self.v6.expire(&self.cx, now);
    }

    // Subscribers

    /// Subscribes to changes from now on (router-services A9, P-65).
    pub fn subscribe(&mut self, config: SubscriberConfig) -> Result<SubscriberId, RtmError> {
        let id = self.cx.subscribers.subscribe(config)?;
        self.update_accepts();
        Ok(id)
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, subscriber: SubscriberId) -> Result<(), RtmError> {
        let slot = self.cx.subscribers.slot(subscriber)?;
        self.cx.subscribers.unsubscribe(slot);
        self.cx.next_hops.forget(1 << slot);
        self.v4.forget(slot);
        self.v6.forget(slot);
        self.update_accepts();
        Ok(())
    }

    /// Changes whose routes a subscriber cares for. What waits for it stays, and is told by the new owners; everything
    /// else about which they make a difference, a [`replay`](Self::replay) tells.
    ///
    /// To end the subscription and begin another would lose what waits: routes that are gone and that no replay tells of.
    pub fn set_owners(
        &mut self,
        subscriber: SubscriberId,
        owners: Option<BTreeSet<ProtocolId>>,
    ) -> Result<(), RtmError> {
        let slot = self.cx.subscribers.slot(subscriber)?;
        self.cx.subscribers[slot].config.owners = owners;
        self.update_accepts();
        Ok(())
    }

    fn update_accepts(&mut self) {
        let subscribers = &self.cx.subscribers;
        self.cx
            .entities
            .set_accepts(|protocol| subscribers.accepting(protocol));
    }

    /// Tells the subscriber of everything that is in the table, as its drains get there: also of destinations whose best
    /// route is of an owner it does not care for, as having none. Destinations that change meanwhile may be told twice. A replay that is running begins again.
    pub fn replay(&mut self, subscriber: SubscriberId) -> Result<(), RtmError> {
        let slot = self.cx.subscribers.slot(subscriber)?;
        let row = &mut self.cx.subscribers[slot];
        for family in [Family::V4, Family::V6] {
            if row.config.family.is_none_or(|wanted| wanted == family) {
                row.replay[family.index()] = Some(0);
            }
        }
        Ok(())
    }

    /// What waits for the subscriber.
    pub fn pending(&self, subscriber: SubscriberId) -> Result<Pending, RtmError> {
        let slot = self.cx.subscribers.slot(subscriber)?;
        let row = &self.cx.subscribers[slot];
        Ok(Pending {
            destinations: self.v4.queues.len(slot) + self.v6.queues.len(slot),
            next_hop_sets: row.sets.len(),
            replaying: row.replay.iter().any(Option::is_some),
        })
    }

    /// Whether nothing about `prefix` waits for the subscriber. What a replay will tell it does not count.
    pub fn is_told(&self, subscriber: SubscriberId, prefix: Prefix) -> Result<bool, RtmError> {
        let slot = self.cx.subscribers.slot(subscriber)?;
        Ok(match prefix {
            Prefix::V4(prefix) => self.v4.is_told(slot, prefix),
            Prefix::V6(prefix) => self.v6.is_told(slot, prefix),
        })
    }

    /// Up to `max` notices for a subscriber of kind [`SubscriberKind::Best`] or [`SubscriberKind::All`], each with
    /// the state as it is now. Fewer than `max` means that nothing waits any more.
    pub fn drain(&mut self, subscriber: SubscriberId, max: usize) -> Result<Vec<BestChange>, RtmError> {
        let slot = self.slot_of(subscriber, |kind| kind != SubscriberKind::Forwarding)?;
        let mut changes = Vec::new();
        self.drain_into(slot, max, &mut changes, |rtm, generation, number| {
            let (prefix, best) = match number {
                Number::V4(n) => (rtm.v4.prefix(n).into(), rtm.v4.advertised(&rtm.cx, n)),
                Number::V6(n) => (rtm.v6.prefix(n).into(), rtm.v6.advertised(&rtm.cx, n)),
            };
            let best = rtm.cx.subscribers[slot].filter(best);
            BestChange {
                generation,
                notice: RouteNotice { prefix, best },
            }
        });
        Ok(changes)
    }

    /// Up to `max` notices for a subscriber of kind [`SubscriberKind::Forwarding`], each with the state as it is now.
    /// Fewer than `max` means that nothing waits any more. Drain [`Self::drain_next_hop_sets`] first.
    pub fn drain_forwarding(
        &mut self,
        subscriber: SubscriberId,
        max: usize,
    ) -> Result<Vec<ForwardingChange>, RtmError> {
        let slot = self.slot_of(subscriber, |kind| kind == SubscriberKind::Forwarding)?;
        let mut changes = Vec::new();
        self.drain_into(slot, max, &mut changes, |rtm, generation, number| {
            let (prefix, forwarding) = match number {
                Number::V4(n) => (rtm.v4.prefix(n).into(), rtm.v4.forwarding(&rtm.cx, n)),
                Number::V6(n) => (rtm.v6.prefix(n).into(), rtm.v6.forwarding(&rtm.cx, n)),
            };
            let subscriber = &rtm.cx.subscribers[slot];
            ForwardingChange {
                generation,
                prefix,
                forwarding: forwarding.filter(|forwarding| subscriber.accepts(forwarding.owner)),
            }
        });
        Ok(changes)
    }

    /// Up to `max` next-hop sets with other usable next hops than before, for a forwarding subscriber that asked for
    /// them [by set](SubscriberConfig::by_set).
    ///
    /// There is news of a set as soon as an interface changed, before any sweep. A set that no route uses any more is
    /// left out: its destinations have other news.
    pub fn drain_next_hop_sets(
        &mut self,
        subscriber: SubscriberId,
        max: usize,
    ) -> Result<Vec<NextHopSetChange>, RtmError> {
        let slot = self.slot_of(subscriber, |kind| kind == SubscriberKind::Forwarding)?;
        let mut changes = Vec::new();
        while changes.len() < max {
            let Some(set) = self.cx.subscribers[slot].sets.pop_front() else {
                break;
            };
            if self.cx.next_hops.dequeue(set, 1 << slot) {
                self.cx.generation += 1;
                changes.push(NextHopSetChange {
                    generation: self.cx.generation,
                    set,
                    next_hops: self.cx.next_hops.usable_next_hops(set.index),
                });
            }
        }
        Ok(changes)
    }

    fn slot_of(&self, id: SubscriberId, serves: impl Fn(SubscriberKind) -> bool) -> Result<u8, RtmError> {
        let slot = self.cx.subscribers.slot(id)?;
        let kind = self.cx.subscribers[slot].config.kind;
        if serves(kind) {
            Ok(slot)
        } else {
            Err(RtmError::WrongKind(kind))
        }
    }

    fn drain_into<T>(
        &mut self,
        slot: u8,
        max: usize,
        changes: &mut Vec<T>,
        notice: impl Fn(&Self, u64, Number) -> T,
    ) {
        let row = &mut self.cx.subscribers[slot];
        row.v6_first = !row.v6_first;
        let order = if row.v6_first {
            [Family::V6, Family::V4]
        } else {
            [Family::V4, Family::V6]
        };
        for family in order {
            while changes.len() < max {
                let replay = &mut self.cx.subscribers[slot].replay[family.index()];
                let number = match family {
                    Family::V4 => self.v4.next_changed(slot, replay).map(Number::V4),
                    Family::V6 => self.v6.next_changed(slot, replay).map(Number::V6),
                };
                let Some(number) = number else { break };
                self.cx.generation += 1;
                changes.push(notice(self, self.cx.generation, number));
                match number {
                    Number::V4(number) => self.v4.free_if_unused(number),
                    Number::V6(number) => self.v6.free_if_unused(number),
                }
            }
        }
    }

    // Lookups

    /// What there is at exactly this prefix: routes, or a running hold (router-services P-62).
    #[must_use]
    pub fn exact(&self, prefix: Prefix) -> Option<Destination> {
        match prefix {
            Prefix::V4(prefix) => self.v4.exact(&self.cx, prefix),
            Prefix::V6(prefix) => self.v6.exact(&self.cx, prefix),
        }
    }

    /// Where packets to an address go: the longest prefix that covers it and has a best route.
    #[must_use]
    pub fn longest_match(&self, address: IpAddr) -> Option<Destination> {
        match address {
            IpAddr::V4(address) => self.v4.longest_match(&self.cx, Prefix4::host(address), u8::MAX),
            IpAddr::V6(address) => self.v6.longest_match(&self.cx, Prefix6::host(address), u8::MAX),
        }
    }

    /// The same as [`Self::longest_match`] in few words, for who asks millions of times: nothing is allocated.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Option<Match> {
        match address {
            IpAddr::V4(address) => self.v4.lookup(&self.cx, Prefix4::host(address)),
            IpAddr::V6(address) => self.v6.lookup(&self.cx, Prefix6::host(address)),
        }
    }

    /// The same for many IPv4 addresses: several times as fast, because it waits for the memory of many at once. `each` is told
    /// the position of an address, in order, and what [`Self::lookup`] says of it.
    pub fn lookup_all4(&self, addresses: &[Ipv4Addr], mut each: impl FnMut(usize, Option<Match>)) {
        let mut hosts = [Prefix4::DEFAULT; ABREAST];
        for (chunk, addresses) in addresses.chunks(ABREAST).enumerate() {
            let hosts = &mut hosts[..addresses.len()];
            for (host, address) in hosts.iter_mut().zip(addresses) {
                *host = Prefix4::host(*address);
            }
            self.v4
                .lookup_abreast(&self.cx, hosts, |at, found| each(chunk * ABREAST + at, found));
        }
    }

    /// The same for many IPv6 addresses.
    pub fn lookup_all6(&self, addresses: &[Ipv6Addr], mut each: impl FnMut(usize, Option<Match>)) {
        let mut hosts = [Prefix6::DEFAULT; ABREAST];
        for (chunk, addresses) in addresses.chunks(ABREAST).enumerate() {
            let hosts = &mut hosts[..addresses.len()];
            for (host, address) in hosts.iter_mut().zip(addresses) {
                *host = Prefix6::host(*address);
            }
            self.v6
                .lookup_abreast(&self.cx, hosts, |at, found| each(chunk * ABREAST + at, found));
        }
    }

    /// The longest prefix with a best route that is shorter than `prefix` and covers it (router-services A7).
    #[must_use]
    pub fn less_specific(&self, prefix: Prefix) -> Option<Destination> {
        match prefix {
            Prefix::V4(prefix) => self.v4.longest_match(&self.cx, prefix, prefix.length()),
            Prefix::V6(prefix) => self.v6.longest_match(&self.cx, prefix, prefix.length()),
        }
    }

    /// Where a recursive next hop through this gateway leads, or why nowhere; `None` if no route has one.
    #[must_use]
    pub fn resolution(&self, gateway: IpAddr) -> Option<&Result<Resolved, Unresolved>> {
        let resolution = self.cx.next_hops.resolution(gateway)?;
        Some(&resolution.outcome)
    }

    /// Every route to exactly this prefix, in the order they were added, and why it is or is not the best.
    #[must_use]
    pub fn candidates(&self, prefix: Prefix) -> Vec<Candidate> {
        match prefix {
            Prefix::V4(prefix) => self.v4.candidates(&self.cx, prefix),
            Prefix::V6(prefix) => self.v6.candidates(&self.cx, prefix),
        }
    }

    /// Whether the best route to exactly this prefix is this one, hold or not.
    #[must_use]
    pub fn is_best(&self, entity: EntityId, prefix: Prefix, path: PathId) -> bool {
        match prefix {
            Prefix::V4(prefix) => self.v4.is_best(&self.cx, entity, prefix, path),
            Prefix::V6(prefix) => self.v6.is_best(&self.cx, entity, prefix, path),
        }
    }

    /// Up to `max` destinations after `after`, or from the beginning: IPv4 before IPv6, then by address, then by
    /// length with the shorter first (router-services P-63). The cursor is a prefix and need not be in the table, so
    /// pages stay right while the table changes.
    #[must_use]
    pub fn page(&self, after: Option<Prefix>, max: usize) -> Vec<Destination> {
        let mut page = Vec::new();
        let after_v6 = match after {
            None => {
                self.v4.page(&self.cx, None, max, &mut page);
                None
            }
            Some(Prefix::V4(after)) => {
                self.v4.page(&self.cx, Some(after), max, &mut page);
                None
            }
            Some(Prefix::V6(after)) => Some(after),
        };
        self.v6.page(&self.cx, after_v6, max - page.len(), &mut page);
        page
    }

    /// How much there is, and how many bytes hold it.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        self.v4.add_memory(&mut memory);
        self.v6.add_memory(&mut memory);
        let (next_hops, sets, bytes) = self.cx.next_hops.memory();
        memory.next_hops = next_hops;
        memory.next_hop_sets = sets;
        memory.next_hop_bytes = bytes;
        memory.label_bytes = self.cx.labels.bytes();
        memory
    }
}

/// A destination row of either table.
#[derive(Clone, Copy)]
enum Number {
    V4(u32),
    V6(u32),
}
