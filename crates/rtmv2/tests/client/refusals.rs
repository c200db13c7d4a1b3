//! A table that refuses: everything is as it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::client::{Client, Handle, INFINITE, Registration, RouteInfo, Target, Usage, route_flags};
use waypost_rtmv2::{
    Bell, ChangeTypes, DestinationSnapshot, EntityKey, EntityName, LocalTable, RouteTable, Views, WatchKey,
};
use waypost_types::{PathId, Prefix, Route};

use crate::rig::{hop, name, prefix, request, route, table};

/// The table, which refuses every route while it is full.
struct Full {
    table: Arc<LocalTable>,
    is_full: AtomicBool,
}

impl RouteTable for Full {
    fn register(&self, family: Family, name: EntityName) -> Result<EntityKey, Status> {
        self.table.register(family, name)
    }

    fn deregister(&self, entity: EntityKey) {
        self.table.deregister(entity);
    }

    fn entities(&self, family: Family) -> Vec<EntityName> {
        self.table.entities(family)
    }

    fn set(
        &self,
        entity: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
        route: &Route,
    ) -> Result<Views, Status> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(Status::ERROR_NOT_ENOUGH_MEMORY);
        }
        self.table.set(entity, prefix, path, views, route)
    }

    fn delete(&self, entity: EntityKey, prefix: Prefix, path: PathId) -> Result<Views, Status> {
        self.table.delete(entity, prefix, path)
    }

    fn hold(&self, prefix: Prefix, views: Views, duration: Duration) -> Result<(), Status> {
        self.table.hold(prefix, views, duration)
    }

    fn destination(&self, prefix: Prefix) -> Option<DestinationSnapshot> {
        self.table.destination(prefix)
    }

    fn covering(&self, prefix: Prefix, views: Views, shorter: bool) -> Option<DestinationSnapshot> {
        self.table.covering(prefix, views, shorter)
    }

    fn page(&self, after: Option<Prefix>, within: Prefix, max: usize) -> Vec<DestinationSnapshot> {
        self.table.page(after, within, max)
    }

    fn watch(
        &self,
        family: Family,
        views: Views,
        types: ChangeTypes,
        bell: Arc<dyn Bell>,
    ) -> Result<WatchKey, Status> {
        self.table.watch(family, views, types, bell)
    }

    fn changed(&self, watch: WatchKey, max: usize) -> Vec<Prefix> {
        self.table.changed(watch, max)
    }

    fn unwatch(&self, watch: WatchKey) {
        self.table.unwatch(watch);
    }
}

#[test]
fn what_the_table_refuses_changes_nothing() {
    let local = table();
    let full = Arc::new(Full {
        table: Arc::clone(&local),
        is_full: AtomicBool::new(false),
    });
    let client = Client::new(Arc::clone(&full) as Arc<dyn RouteTable>, 1);
    let entity = client
        .register(Family::V4, name(200), &Registration::default())
        .unwrap();
    let add_hop = |address| {
        client
            .add_next_hop(entity, Target::New, &hop(address, 1))
            .unwrap()
            .0
    };
    let (one, two) = (add_hop("192.0.2.1"), add_hop("192.0.2.2"));
    let add = |destination, info: &RouteInfo| client.add_route(entity, &request(destination, info));
    let added = add("10.0.0.0/8", &route(one, 1, &[one])).unwrap();
    let inactive = RouteInfo {
        flags: route_flags::INACTIVE,
        ..route(two, 3, &[two])
    };
    let hidden = add("10.0.0.0/8", &inactive).unwrap();
    let state = || {
        (
            client.usage(),
            local.destination(prefix("10.0.0.0/8")).unwrap().views,
        )
    };
    let before = state();
    full.is_full.store(true, Ordering::Relaxed);
    let refused = Status::ERROR_NOT_ENOUGH_MEMORY;
    // A new route, another content, an active one out of an inactive one, another neighbour.
    assert_eq!(add("10.1.0.0/16", &route(one, 1, &[one])), Err(refused));
    assert_eq!(add("10.0.0.0/8", &route(one, 2, &[two])), Err(refused));
    assert_eq!(add("10.0.0.0/8", &route(two, 3, &[two])), Err(refused));
    client.lock_route(entity, added.route, true, true).unwrap();
    let elsewhere = route(Handle::NULL, 2, &[two]);
    assert_eq!(
        client.update_and_unlock(entity, added.route, &elsewhere, INFINITE, Handle::NULL),
        Err(refused)
    );
    client.lock_route(entity, added.route, true, false).unwrap();
    assert_eq!(state(), before);
    let (info, _) = client.route_info(entity, added.route).unwrap();
    assert_eq!(
        (info.metric, info.neighbour, info.next_hops.as_slice()),
        (1, one, &[one][..])
    );
    // What was a route of a deleted next hop is not there any more, full or not.
    full.is_full.store(false, Ordering::Relaxed);
    assert!(!add("10.0.0.0/8", &route(two, 3, &[two])).unwrap().is_new);
    assert_eq!(client.delete_route(entity, hidden.route), Ok(false));
    client.delete_next_hop(entity, one).unwrap();
    assert!(local.destination(prefix("10.0.0.0/8")).is_none());
    client.deregister(entity).unwrap();
    assert_eq!(client.usage(), Usage::default());
}
