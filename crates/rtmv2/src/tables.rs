//! A routing table for each view, and who registered in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::{
    EntityConfig, EntityId, Family, Refusal, Rtm, RtmError, SubscriberConfig, SubscriberId, SubscriberKind,
};
use waypost_types::{PathId, Prefix, Prefix4, Prefix6, ProtocolId, Route, RouteChange, Seed, Time};

use crate::table::{
    Bell, ChangeTypes, DestinationSnapshot, DestinationView, EntityKey, EntityName, RouteView, VIEWS, Views,
    WatchKey,
};

/// Route rows looked at in one step of what [`Tables::sweep`] does.
const SLICE: usize = 4096;

/// A routing table for each view.
///
/// What the routing table manager's crate does for one view, this does for all: it has no lock, no clock and no thread.
pub struct Tables {
    views: [Rtm; VIEWS],
    last: u32,
    entities: BTreeMap<EntityKey, Entity>,
    watches: BTreeMap<WatchKey, Watch>,
    /// Who hands best routes for unicast to the kernel.
    forwarder: Option<SubscriberId>,
}

struct Entity {
    family: Family,
    name: EntityName,
    /// In each view; in that for multicast from its first route there.
    ids: [Option<EntityId>; VIEWS],
    /// Whoever registered it has gone without a word; its routes are kept for a successor.
    is_orphaned: bool,
    route_limit: Option<u32>,
}

struct Watch {
    subscribers: Vec<(usize, SubscriberKind, SubscriberId)>,
    bell: Arc<dyn Bell>,
    /// Since then it was not asked until nothing was left.
    has_rung: bool,
}

impl Tables {
    /// Empty tables, all with hash tables keyed by the seed.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            views: [Rtm::new(seed.child("unicast")), Rtm::new(seed.child("multicast"))],
            last: 0,
            entities: BTreeMap::new(),
            watches: BTreeMap::new(),
            forwarder: None,
        }
    }

    /// The table of the view for unicast forwarding.
    #[must_use]
    pub const fn unicast(&self) -> &Rtm {
        &self.views[0]
    }

    /// The same, to change.
    pub const fn unicast_mut(&mut self) -> &mut Rtm {
        &mut self.views[0]
    }

    /// Names the subscriber of the view for unicast that hands routes to the kernel: what it was told of counts as forwarded.
    pub const fn set_forwarder(&mut self, forwarder: SubscriberId) {
        self.forwarder = Some(forwarder);
    }

    /// Whether the best route of a destination was handed to the kernel, if there is one.
    fn is_handed_on(&self, prefix: Prefix) -> bool {
        let told = |forwarder| self.unicast().is_told(forwarder, prefix).unwrap_or(false);
        self.forwarder.is_some_and(told)
    }

    /// Tells all views whether routes out of an interface can be used.
    pub fn set_interface_usable(&mut self, interface: waypost_types::InterfaceIndex, usable: bool) {
        for view in &mut self.views {
            if view.interface_is_usable(interface) != usable {
                view.set_interface_usable(interface, usable);
            }
        }
    }

    /// Sets the preference of a protocol's routes that bring none, in all views.
    ///
    /// # Errors
    /// When it is 0.
    pub fn set_preference(&mut self, protocol: ProtocolId, preference: u8) -> Result<(), RtmError> {
        let mut views = self.views.iter_mut();
        views.try_for_each(|view| view.set_preference(protocol, preference))
    }

    const fn next(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// Registers an entity, which may have so many routes for unicast. What was orphaned under the name is adopted: its
    /// routes stay, stale until they are set again.
    ///
    /// # Errors
    /// As [`RouteTable::register`](crate::RouteTable::register).
    pub fn register(
        &mut self,
        family: Family,
        name: EntityName,
        route_limit: Option<u32>,
    ) -> Result<EntityKey, Status> {
        let same = self
            .entities
            .iter()
            .find(|(_, entity)| (entity.family, entity.name) == (family, name))
            .map(|(key, entity)| (*key, entity.is_orphaned));
        let ids = match same {
            Some((_, false)) => return Err(Status::ERROR_ALREADY_EXISTS),
            Some((key, true)) => self.entities.remove(&key).map(|orphan| orphan.ids),
            None => None,
        };
        let mut entity = Entity {
            family,
            name,
            ids: ids.unwrap_or_default(),
            is_orphaned: false,
            route_limit,
        };
        entity.id(&mut self.views, 0)?;
        let key = EntityKey(self.next());
        self.entities.insert(key, entity);
        Ok(key)
    }

    /// Ends an entity; its routes are [swept](Self::sweep).
    pub fn deregister(&mut self, key: EntityKey) {
        if let Some(entity) = self.entities.remove(&key) {
            for (view, id) in self.views.iter_mut().zip(entity.ids) {
                // INVARIANT: whoever is in the map is registered.
                id.map(|id| view.deregister(id));
            }
        }
    }

    /// Whoever registered an entity has gone without a word: its routes are stale, and kept until
    /// [`Self::abandon`] or for whoever registers under the name.
    pub fn orphan(&mut self, key: EntityKey) {
        if let Some(entity) = self.entities.get_mut(&key) {
            entity.is_orphaned = true;
            for (view, id) in self.views.iter_mut().zip(entity.ids) {
                id.map(|id| view.mark_stale(id));
            }
        }
    }

    /// Ends the time in which routes were kept: an entity that nobody has adopted ends, and one that was loses what it has
    /// not set again.
    pub fn abandon(&mut self, owned: impl Fn(EntityName) -> bool) {
        let keys = self.keys(owned);
        for key in keys {
            match self.entities.get(&key) {
                Some(entity) if !entity.is_orphaned => {
                    for (view, id) in self.views.iter_mut().zip(entity.ids) {
                        id.map(|id| view.sweep_stale(id));
                    }
                }
                _ => self.deregister(key),
            }
        }
    }

    /// The entities under names of which `owned` is true.
    pub fn keys(&self, owned: impl Fn(EntityName) -> bool) -> Vec<EntityKey> {
        let entities = self.entities.iter();
        entities
            .filter(|(_, entity)| owned(entity.name))
            .map(|(key, _)| *key)
            .collect()
    }

    /// Limits the routes for unicast of the entities under names of which `owned` is true.
    pub fn set_route_limit(&mut self, limit: Option<u32>, owned: impl Fn(EntityName) -> bool) {
        for key in self.keys(owned) {
            if let Some(entity) = self.entities.get_mut(&key) {
                entity.route_limit = limit;
                entity.ids[0].map(|id| self.views[0].set_route_limit(id, limit));
            }
        }
    }

    /// See [`RouteTable::entities`](crate::RouteTable::entities).
    #[must_use]
    pub fn entities(&self, family: Family) -> Vec<EntityName> {
        let statuses = self.unicast().entities().filter(|status| !status.leaving);
        let names: BTreeSet<EntityName> = statuses
            .filter(|status| status.config.family.is_none_or(|own| own == family))
            .map(|status| EntityName {
                protocol: status.config.protocol,
                instance: status.config.instance,
            })
            .collect();
        names.into_iter().collect()
    }

    /// See [`RouteTable::set`](crate::RouteTable::set).
    ///
    /// # Errors
    /// As there.
    pub fn set(
        &mut self,
        now: Time,
        key: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
        route: &Route,
    ) -> Result<Views, Status> {
        let entity = active(&mut self.entities, key)?;
        let change = RouteChange::Set {
            prefix,
            path,
            route: route.clone(),
        };
        let mut best = Views::empty();
        for place in views.places() {
            let id = entity.id(&mut self.views, place)?;
            let view = &mut self.views[place];
            let report = view
                .apply(now, id, std::slice::from_ref(&change))
                .map_err(status_of)?;
            if let Some(refused) = report.refused.first() {
                // The views refuse for the same reasons, except that only the first has a limit: nothing has happened yet.
                return Err(match refused.reason {
                    Refusal::RouteLimit { .. } | Refusal::Memory { .. } | Refusal::TableFull => {
                        Status::ERROR_NOT_ENOUGH_MEMORY
                    }
                    _ => Status::ERROR_INVALID_PARAMETER,
                });
            }
            if report.best_changed || view.is_best(id, prefix, path) {
                best |= Views::at(place);
            }
        }
        Ok(best | self.delete_from(now, key, prefix, path, views.complement())?)
    }

    /// See [`RouteTable::delete`](crate::RouteTable::delete).
    ///
    /// # Errors
    /// As there.
    pub fn delete(
        &mut self,
        now: Time,
        key: EntityKey,
        prefix: Prefix,
        path: PathId,
    ) -> Result<Views, Status> {
        self.delete_from(now, key, prefix, path, Views::all())
    }

    fn delete_from(
        &mut self,
        now: Time,
        key: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
    ) -> Result<Views, Status> {
        let ids = active(&mut self.entities, key)?.ids;
        let mut best = Views::empty();
        for place in views.places() {
            let Some(id) = ids[place] else { continue };
            let change = RouteChange::Delete { prefix, path };
            let report = self.views[place].apply(now, id, &[change]).map_err(status_of)?;
            if report.best_changed {
                best |= Views::at(place);
            }
        }
        Ok(best)
    }

    /// See [`RouteTable::hold`](crate::RouteTable::hold).
    ///
    /// # Errors
    /// As there.
    pub fn hold(&mut self, prefix: Prefix, views: Views, duration: Duration) -> Result<(), Status> {
        let mut held = Err(Status::ERROR_INVALID_PARAMETER);
        for place in views.places() {
            if self.views[place].hold(prefix, duration).is_ok() {
                held = Ok(());
            }
        }
        held
    }

    /// See [`RouteTable::destination`](crate::RouteTable::destination).
    #[must_use]
    pub fn destination(&self, now: Time, prefix: Prefix) -> Option<DestinationSnapshot> {
        let mut changed = None;
        let mut is_there = false;
        let views = std::array::from_fn(|place| {
            let view = &self.views[place];
            let Some(exact) = view.exact(prefix) else {
                return DestinationView::default();
            };
            is_there = true;
            let candidates = view.candidates(prefix);
            changed = changed.max(candidates.iter().map(|candidate| candidate.since).max());
            let best = candidates
                .iter()
                .position(|candidate| candidate.standing.is_best());
            let routes = candidates
                .into_iter()
                .enumerate()
                .map(|(at, candidate)| RouteView {
                    owner: EntityName {
                        protocol: candidate.owner,
                        instance: candidate.instance,
                    },
                    path: candidate.path,
                    preference: candidate.preference,
                    route: candidate.route,
                    is_best: best == Some(at),
                });
            DestinationView {
                routes: routes.collect(),
                is_forwarded: place == 0 && best.is_some() && self.is_handed_on(prefix),
                held: exact.held.and_then(|held| held.last),
            }
        });
        is_there.then(|| DestinationSnapshot {
            prefix,
            age: changed.map_or(Duration::ZERO, |changed: Time| now.since(changed)),
            views,
        })
    }

    /// See [`RouteTable::covering`](crate::RouteTable::covering).
    #[must_use]
    pub fn covering(
        &self,
        now: Time,
        prefix: Prefix,
        views: Views,
        shorter: bool,
    ) -> Option<DestinationSnapshot> {
        let found = views.places().filter_map(|place| {
            let view = &self.views[place];
            let exact = (!shorter)
                .then(|| view.exact(prefix))
                .flatten()
                .filter(|exact| exact.best.is_some());
            exact
                .or_else(|| view.less_specific(prefix))
                .map(|destination| destination.prefix)
        });
        self.destination(now, found.max_by_key(|prefix| prefix.length())?)
    }

    /// See [`RouteTable::page`](crate::RouteTable::page).
    #[must_use]
    pub fn page(
        &self,
        now: Time,
        after: Option<Prefix>,
        within: Prefix,
        max: usize,
    ) -> Vec<DestinationSnapshot> {
        let begins = after.is_none_or(|after| after < within);
        let after = after.filter(|_| !begins).unwrap_or(within);
        let mut prefixes = BTreeSet::new();
        for view in &self.views {
            if begins && view.exact(within).is_some() {
                prefixes.insert(within);
            }
            let page = view.page(Some(after), max).into_iter();
            prefixes.extend(
                page.map(|destination| destination.prefix)
                    .take_while(|prefix| covers(within, *prefix)),
            );
        }
        let prefixes = prefixes.into_iter().take(max);
        prefixes
            .filter_map(|prefix| self.destination(now, prefix))
            .collect()
    }

    /// See [`RouteTable::watch`](crate::RouteTable::watch).
    ///
    /// # Errors
    /// As there.
    pub fn watch(
        &mut self,
        family: Family,
        views: Views,
        types: ChangeTypes,
        bell: Arc<dyn Bell>,
    ) -> Result<WatchKey, Status> {
        let kinds = [
            (ChangeTypes::ALL, SubscriberKind::All),
            (ChangeTypes::BEST, SubscriberKind::Best),
            (ChangeTypes::FORWARDING, SubscriberKind::Forwarding),
        ];
        // Whoever hears of every change needs no other.
        let types = if types.contains(ChangeTypes::ALL) {
            ChangeTypes::ALL
        } else {
            types
        };
        let mut watch = Watch {
            subscribers: Vec::new(),
            bell,
            has_rung: false,
        };
        for place in views.places() {
            for (_, kind) in kinds.iter().filter(|(one, _)| types.contains(*one)) {
                let config = SubscriberConfig {
                    family: Some(family),
                    ..SubscriberConfig::new(*kind)
                };
                match self.views[place].subscribe(config) {
                    Ok(id) => watch.subscribers.push((place, *kind, id)),
                    Err(_) => {
                        self.unsubscribe(watch);
                        return Err(Status::ERROR_NO_SYSTEM_RESOURCES);
                    }
                }
            }
        }
        let key = WatchKey(self.next());
        self.watches.insert(key, watch);
        Ok(key)
    }

    /// See [`RouteTable::changed`](crate::RouteTable::changed).
    pub fn changed(&mut self, key: WatchKey, max: usize) -> Vec<Prefix> {
        let Some(watch) = self.watches.get_mut(&key) else {
            return Vec::new();
        };
        let mut changed = BTreeSet::new();
        for (place, kind, id) in &watch.subscribers {
            let view = &mut self.views[*place];
            let room = max - changed.len();
            // INVARIANT: the subscription lives as long as the watch, and is of the kind that the call serves.
            if *kind == SubscriberKind::Forwarding {
                let news = view.drain_forwarding(*id, room).unwrap_or_default();
                changed.extend(news.into_iter().map(|change| change.prefix));
            } else {
                let news = view.drain(*id, room).unwrap_or_default();
                changed.extend(news.into_iter().map(|change| change.notice.prefix));
            }
            if changed.len() == max {
                break;
            }
        }
        let is_all = !has_news(&self.views, watch);
        if is_all {
            watch.has_rung = false;
        }
        changed.into_iter().collect()
    }

    /// See [`RouteTable::unwatch`](crate::RouteTable::unwatch).
    pub fn unwatch(&mut self, key: WatchKey) {
        if let Some(watch) = self.watches.remove(&key) {
            self.unsubscribe(watch);
        }
    }

    fn unsubscribe(&mut self, watch: Watch) {
        for (place, _, id) in watch.subscribers {
            // INVARIANT: the subscription lives as long as the watch.
            let _ = self.views[place].unsubscribe(id);
        }
    }

    /// Rings the bells of those who have something to ask for.
    pub fn ring(&mut self) {
        for watch in self.watches.values_mut().filter(|watch| !watch.has_rung) {
            if has_news(&self.views, watch) {
                watch.has_rung = true;
                watch.bell.ring();
            }
        }
    }

    /// A step of the work that is put off: of the routes of entities that have ended, for example. Says whether there is
    /// more to do.
    pub fn sweep(&mut self, now: Time) -> bool {
        let mut more = false;
        for view in self.views.iter_mut().filter(|view| view.is_sweeping()) {
            more |= view.sweep(now, SLICE).more;
        }
        more
    }

    /// Whether [`Self::sweep`] has work to do.
    #[must_use]
    pub fn is_sweeping(&self) -> bool {
        self.views.iter().any(Rtm::is_sweeping)
    }

    /// When [`Self::expire`] is wanted next; `None` means never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.views.iter().filter_map(Rtm::next_deadline).min()
    }

    /// Ends the holds that are over.
    pub fn expire(&mut self, now: Time) {
        self.views.iter_mut().for_each(|view| view.expire(now));
    }
}

impl Entity {
    /// The entity in a view, registered if need be.
    fn id(&mut self, views: &mut [Rtm; VIEWS], place: usize) -> Result<EntityId, Status> {
        if let Some(id) = self.ids[place] {
            return Ok(id);
        }
        let config = EntityConfig {
            instance: self.name.instance,
            family: Some(self.family),
            route_limit: self.route_limit.filter(|_| place == 0),
            ..EntityConfig::new(self.name.protocol)
        };
        let id = views[place].register(config).map_err(status_of)?;
        self.ids[place] = Some(id);
        Ok(id)
    }
}

fn active(entities: &mut BTreeMap<EntityKey, Entity>, key: EntityKey) -> Result<&mut Entity, Status> {
    entities
        .get_mut(&key)
        .filter(|entity| !entity.is_orphaned)
        .ok_or(Status::ERROR_INVALID_HANDLE)
}

fn has_news(views: &[Rtm; VIEWS], watch: &Watch) -> bool {
    let mut subscribers = watch.subscribers.iter();
    subscribers.any(|(place, _, id)| {
        views[*place]
            .pending(*id)
            .is_ok_and(|pending| !pending.is_empty())
    })
}

const fn status_of(error: RtmError) -> Status {
    match error {
        RtmError::AlreadyRegistered { .. } => Status::ERROR_ALREADY_EXISTS,
        RtmError::NoSuchEntity | RtmError::NoSuchSubscriber => Status::ERROR_INVALID_HANDLE,
        RtmError::TooManyEntities | RtmError::TooManySubscribers => Status::ERROR_NO_SYSTEM_RESOURCES,
        _ => Status::ERROR_INVALID_PARAMETER,
    }
}

fn covers(within: Prefix, prefix: Prefix) -> bool {
    match (within, prefix) {
        (Prefix::V4(within), Prefix::V4(prefix)) => within.covers(prefix),
        (Prefix::V6(within), Prefix::V6(prefix)) => within.covers(prefix),
        _ => false,
    }
}

/// Everything of a family.
#[must_use]
pub const fn everything(family: Family) -> Prefix {
    match family {
        Family::V4 => Prefix::V4(Prefix4::DEFAULT),
        Family::V6 => Prefix::V6(Prefix6::DEFAULT),
    }
}
