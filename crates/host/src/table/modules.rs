//! The routing table as one module has it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::{
    Bell, ChangeTypes, DestinationSnapshot, EntityKey, EntityName, RouteTable, Views, WatchKey,
};
use waypost_sys::clock;
use waypost_types::{PathId, Prefix, ProtocolId, Route};

use super::shared::{Core, SharedTable};

/// Entities a module may have at a time: it has no use for more than one a family and instance.
const ENTITIES: usize = 64;
/// Registrations for changes that a module may have at a time. The table has 32 in each view, for everybody.
const WATCHES: usize = 8;

/// The routing table as one instance of a module has it: it speaks for its own protocol only.
///
/// Once this is dropped its routes are stale, and wait for the next instance or for the manager to remove them.
pub(super) struct ModuleTable {
    protocol: ProtocolId,
    table: Arc<SharedTable>,
    mine: Mutex<Mine>,
}

#[derive(Default)]
struct Mine {
    entities: BTreeSet<EntityKey>,
    watches: BTreeSet<WatchKey>,
}

impl ModuleTable {
    pub(super) fn new(protocol: ProtocolId, table: Arc<SharedTable>) -> Self {
        Self {
            protocol,
            table,
            mine: Mutex::default(),
        }
    }

    fn mine<R>(&self, work: impl FnOnce(&mut Mine) -> R) -> R {
        work(&mut self.mine.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn look<R>(&self, look: impl FnOnce(&Core) -> R) -> R {
        look(&self.table.lock())
    }

    /// Changes the table and has its thread do what follows from it.
    fn change<R>(&self, change: impl FnOnce(&mut Core) -> R) -> R {
        let result = change(&mut self.table.lock());
        self.table.notice();
        result
    }

    /// A key may be one that another module was given.
    fn owned(&self, entity: EntityKey) -> Result<(), Status> {
        if self.mine(|mine| mine.entities.contains(&entity)) {
            Ok(())
        } else {
            Err(Status::ERROR_INVALID_HANDLE)
        }
    }
}

impl RouteTable for ModuleTable {
    fn register(&self, family: Family, name: EntityName) -> Result<EntityKey, Status> {
        if name.protocol != self.protocol {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        self.mine(|mine| {
            if mine.entities.len() >= ENTITIES {
                return Err(Status::ERROR_NO_SYSTEM_RESOURCES);
            }
            let key = self.change(|core| {
                let limit = core.limits.get(&self.protocol).copied().flatten();
                core.tables.register(family, name, limit)
            })?;
            mine.entities.insert(key);
            Ok(key)
        })
    }

    fn deregister(&self, entity: EntityKey) {
        if self.mine(|mine| mine.entities.remove(&entity)) {
            self.change(|core| core.tables.deregister(entity));
        }
    }

    fn entities(&self, family: Family) -> Vec<EntityName> {
        self.look(|core| core.tables.entities(family))
    }

    fn set(
        &self,
        entity: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
        route: &Route,
    ) -> Result<Views, Status> {
        self.owned(entity)?;
        let now = clock::now();
        self.change(|core| core.tables.set(now, entity, prefix, path, views, route))
    }

    fn delete(&self, entity: EntityKey, prefix: Prefix, path: PathId) -> Result<Views, Status> {
        self.owned(entity)?;
        self.change(|core| core.tables.delete(clock::now(), entity, prefix, path))
    }

    fn hold(&self, prefix: Prefix, views: Views, duration: Duration) -> Result<(), Status> {
        self.change(|core| core.tables.hold(prefix, views, duration))
    }

    fn destination(&self, prefix: Prefix) -> Option<DestinationSnapshot> {
        self.look(|core| core.tables.destination(clock::now(), prefix))
    }

    fn covering(&self, prefix: Prefix, views: Views, shorter: bool) -> Option<DestinationSnapshot> {
        self.look(|core| core.tables.covering(clock::now(), prefix, views, shorter))
    }

    fn page(&self, after: Option<Prefix>, within: Prefix, max: usize) -> Vec<DestinationSnapshot> {
        self.look(|core| core.tables.page(clock::now(), after, within, max))
    }

    fn watch(
        &self,
        family: Family,
        views: Views,
        types: ChangeTypes,
        bell: Arc<dyn Bell>,
    ) -> Result<WatchKey, Status> {
        self.mine(|mine| {
            if mine.watches.len() >= WATCHES {
                return Err(Status::ERROR_NO_SYSTEM_RESOURCES);
            }
            let key = self.table.lock().tables.watch(family, views, types, bell)?;
            mine.watches.insert(key);
            Ok(key)
        })
    }

    fn changed(&self, watch: WatchKey, max: usize) -> Vec<Prefix> {
        if !self.mine(|mine| mine.watches.contains(&watch)) {
            return Vec::new();
        }
        self.table.lock().tables.changed(watch, max)
    }

    fn unwatch(&self, watch: WatchKey) {
        if self.mine(|mine| mine.watches.remove(&watch)) {
            self.table.lock().tables.unwatch(watch);
        }
    }
}

impl Drop for ModuleTable {
    fn drop(&mut self) {
        let mine = self.mine(std::mem::take);
        self.change(|core| {
            for watch in mine.watches {
                core.tables.unwatch(watch);
            }
            for entity in mine.entities {
                core.tables.orphan(entity);
            }
        });
    }
}
