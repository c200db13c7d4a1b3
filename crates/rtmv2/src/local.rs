//! A routing table of this process's own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::{InterfaceIndex, PathId, Prefix, Route, Seed, Time};

use crate::table::{
    Bell, ChangeTypes, DestinationSnapshot, EntityKey, EntityName, RouteTable, Views, WatchKey,
};
use crate::tables::Tables;

/// A routing table of this process's own: for who wants to try a module without a router.
///
/// Everything that is put off is done before a call returns. Holds end with the first call after their time.
pub struct LocalTable {
    tables: Mutex<Tables>,
    start: Instant,
}

impl LocalTable {
    /// An empty table; no interface can be used yet.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            tables: Mutex::new(Tables::new(seed)),
            start: Instant::now(),
        }
    }

    /// Says whether routes out of an interface can be used.
    pub fn set_interface_usable(&self, interface: InterfaceIndex, usable: bool) {
        self.with(|tables, _| tables.set_interface_usable(interface, usable));
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    fn with<R>(&self, work: impl FnOnce(&mut Tables, Time) -> R) -> R {
        let mut tables = self.lock();
        let now = self.now();
        tables.expire(now);
        let result = work(&mut tables, now);
        if tables.is_sweeping() {
            while tables.sweep(now) {}
        }
        tables.ring();
        result
    }
}

impl RouteTable for LocalTable {
    fn register(&self, family: Family, name: EntityName) -> Result<EntityKey, Status> {
        self.with(|tables, _| tables.register(family, name, None))
    }

    fn deregister(&self, entity: EntityKey) {
        self.with(|tables, _| tables.deregister(entity));
    }

    fn entities(&self, family: Family) -> Vec<EntityName> {
        self.with(|tables, _| tables.entities(family))
    }

    fn set(
        &self,
        entity: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
        route: &Route,
    ) -> Result<Views, Status> {
        self.with(|tables, now| tables.set(now, entity, prefix, path, views, route))
    }

    fn delete(&self, entity: EntityKey, prefix: Prefix, path: PathId) -> Result<Views, Status> {
        self.with(|tables, now| tables.delete(now, entity, prefix, path))
    }

    fn hold(&self, prefix: Prefix, views: Views, duration: Duration) -> Result<(), Status> {
        self.with(|tables, _| tables.hold(prefix, views, duration))
    }

    fn destination(&self, prefix: Prefix) -> Option<DestinationSnapshot> {
        self.with(|tables, now| tables.destination(now, prefix))
    }

    fn covering(&self, prefix: Prefix, views: Views, shorter: bool) -> Option<DestinationSnapshot> {
        self.with(|tables, now| tables.covering(now, prefix, views, shorter))
    }

    fn page(&self, after: Option<Prefix>, within: Prefix, max: usize) -> Vec<DestinationSnapshot> {
        self.with(|tables, now| tables.page(now, after, within, max))
    }

    fn watch(
        &self,
        family: Family,
        views: Views,
        types: ChangeTypes,
        bell: Arc<dyn Bell>,
    ) -> Result<WatchKey, Status> {
        self.with(|tables, _| tables.watch(family, views, types, bell))
    }

    fn changed(&self, watch: WatchKey, max: usize) -> Vec<Prefix> {
        self.with(|tables, _| tables.changed(watch, max))
    }

    fn unwatch(&self, watch: WatchKey) {
        self.with(|tables, _| tables.unwatch(watch));
    }
}
