//! A5: routes.

use std::sync::Arc;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::RouteTable;
use waypost_rtmv2::client::{
    Event, Events, Handle, INFINITE, LifeState, Registration, RouteInfo, RouteRequest, Target, route_flags,
};
use waypost_types::{InterfaceIndex, NextHop, PathId, RouteKind};

use crate::rig::{BOTH, MCAST, Rig, Told, UCAST, await_that, hop, name, prefix, request, route};

#[test]
fn a_route_comes_and_goes() {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    let added = rig.add("10.0.0.0/8", &route(via, 5, &[via])).unwrap();
    assert!(added.is_new && added.is_best);
    let shown = rig.table.destination(prefix("10.0.0.0/8")).unwrap();
    let shown = &shown.views[0].routes[0];
    assert_eq!(shown.owner, name(200));
    assert_ne!(shown.path, PathId(0));
    assert_eq!((shown.preference, shown.route.metric), (10, 5));
    assert_eq!(
        shown.route.next_hops.as_slice(),
        [NextHop::via("192.0.2.1".parse().unwrap(), InterfaceIndex(1))]
    );
    let again = rig.add("10.0.0.0/8", &route(via, 6, &[via])).unwrap();
    assert!(!again.is_new && again.is_best);
    assert_eq!(again.route, added.route);
    assert_eq!(rig.client.delete_route(rig.entity, added.route), Ok(true));
    assert!(rig.table.destination(prefix("10.0.0.0/8")).is_none());
    // The second reference keeps it.
    let (info, destination) = rig.client.route_info(rig.entity, added.route).unwrap();
    assert_eq!(
        (info.state, destination),
        (LifeState::Deleted, prefix("10.0.0.0/8"))
    );
    assert_eq!(rig.client.release_route_info(rig.entity, &info), Ok(()));
    assert_eq!(
        rig.client.delete_route(rig.entity, added.route),
        Err(Status::ERROR_NOT_FOUND)
    );
    assert_eq!(rig.client.release_routes(rig.entity, &[added.route]), Ok(()));
    assert_eq!(
        rig.client.delete_route(rig.entity, added.route),
        Err(Status::ERROR_INVALID_HANDLE)
    );
    rig.client.delete_next_hop(rig.entity, via).unwrap();
    assert_eq!(rig.known(), (0, 0, 0));
}

#[test]
fn the_neighbour_is_part_of_the_identity() {
    let rig = Rig::new();
    let (one, two) = (rig.hop("192.0.2.1", 1), rig.hop("192.0.2.2", 2));
    let first = rig.add("10.0.0.0/8", &route(one, 5, &[one])).unwrap();
    let second = rig.add("10.0.0.0/8", &route(two, 6, &[two])).unwrap();
    let third = rig.add("10.0.0.0/8", &route(Handle::NULL, 7, &[two])).unwrap();
    assert!(second.is_new && third.is_new);
    assert!(!second.is_best && !third.is_best);
    assert_ne!(first.route, second.route);
    let shown = rig.table.destination(prefix("10.0.0.0/8")).unwrap();
    assert_eq!(shown.views[0].routes.len(), 3);
    assert_eq!(shown.views[0].routes[2].path, PathId(0));
    // RTM_ROUTE_CHANGE_FIRST leaves it out: the first one becomes one by another neighbour, which may not be there twice.
    let info = route(rig.hop("192.0.2.3", 3), 4, &[one]);
    let any = RouteRequest {
        first: true,
        ..request("10.0.0.0/8", &info)
    };
    let changed = rig.client.add_route(rig.entity, &any).unwrap();
    assert!(!changed.is_new && changed.is_best);
    assert_eq!(changed.route, first.route);
    let info = route(two, 4, &[one]);
    let taken = RouteRequest { info: &info, ..any };
    assert_eq!(
        rig.client.add_route(rig.entity, &taken),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    let shown = rig.table.destination(prefix("10.0.0.0/8")).unwrap();
    assert_eq!(shown.views[0].routes.len(), 3);
    // At a destination without one it adds one.
    let elsewhere = RouteRequest {
        prefix: prefix("10.1.0.0/16"),
        ..taken
    };
    assert!(rig.client.add_route(rig.entity, &elsewhere).unwrap().is_new);
}

#[test]
fn what_is_refused_changes_nothing() {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    let other = rig.another(201);
    let (theirs, _) = rig
        .client
        .add_next_hop(other, Target::New, &hop("192.0.2.2", 1))
        .unwrap();
    let good = route(via, 5, &[via]);
    let added = rig.add("10.0.0.0/8", &good).unwrap();
    let bad = [
        RouteInfo {
            views: 0,
            ..good.clone()
        },
        RouteInfo {
            views: 4,
            ..good.clone()
        },
        RouteInfo {
            neighbour: theirs,
            ..good.clone()
        },
        route(via, 5, &[via, theirs]),
        route(via, 5, &[via; 17]),
    ];
    for info in &bad {
        assert_eq!(
            rig.add("10.0.0.0/8", info),
            Err(Status::ERROR_INVALID_PARAMETER),
            "{info:?}"
        );
    }
    let stale = Status::ERROR_INVALID_HANDLE;
    assert_eq!(rig.add("10.0.0.0/8", &route(Handle(9), 5, &[via])), Err(stale));
    assert_eq!(rig.add("10.0.0.0/8", &route(via, 5, &[Handle(9)])), Err(stale));
    let asked = |target, destination, list| {
        let request = RouteRequest {
            target,
            list,
            ..request(destination, &good)
        };
        rig.client.add_route(rig.entity, &request)
    };
    let existing = Target::Existing(added.route);
    assert_eq!(asked(existing, "10.0.0.0/8", Handle(3)), Err(stale));
    assert_eq!(
        asked(existing, "10.1.0.0/16", Handle::NULL),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    assert_eq!(
        asked(Target::Existing(via), "10.0.0.0/8", Handle::NULL),
        Err(stale)
    );
    let theirs = RouteInfo {
        neighbour: Handle::NULL,
        next_hops: [theirs].into_iter().collect(),
        ..good.clone()
    };
    let request = RouteRequest {
        target: existing,
        ..request("10.0.0.0/8", &theirs)
    };
    assert_eq!(
        rig.client.add_route(other, &request),
        Err(Status::ERROR_ACCESS_DENIED)
    );
    assert_eq!(
        rig.client.delete_route(other, added.route),
        Err(Status::ERROR_ACCESS_DENIED)
    );
    let (info, _) = rig.client.route_info(rig.entity, added.route).unwrap();
    assert_eq!(info.next_hops.as_slice(), [via]);
    // Routes of the entity itself are the only ones there.
    assert_eq!(rig.known().1, 1);
    let plain = asked(Target::Unreferenced, "10.0.0.0/8", Handle::NULL).unwrap();
    assert!(plain.route.is_null() && !plain.is_new);
    rig.client.refer(rig.entity, &[added.route]).unwrap();
    rig.client.delete_route(rig.entity, added.route).unwrap();
    assert_eq!(asked(existing, "10.0.0.0/8", Handle::NULL), Err(stale));
}

#[test]
fn flags_and_preferences_reach_the_table() {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    let shown = |info: &RouteInfo| {
        rig.add("10.0.0.0/8", info).unwrap();
        let shown = rig.table.destination(prefix("10.0.0.0/8"))?;
        let route = shown.views[0].routes.first()?;
        Some((
            route.route.kind,
            route.route.next_hops.len(),
            route.route.preference,
        ))
    };
    let flagged = |flags| RouteInfo {
        flags,
        ..route(via, 1, &[via])
    };
    assert_eq!(shown(&flagged(0)), Some((RouteKind::Unicast, 1, Some(10))));
    for flag in [route_flags::BLACKHOLE, route_flags::DISCARD] {
        assert_eq!(shown(&flagged(flag)), Some((RouteKind::Blackhole, 0, Some(10))));
    }
    for flag in [route_flags::MARTIAN, route_flags::INACTIVE] {
        assert_eq!(shown(&flagged(flag)), None);
        assert_eq!(shown(&flagged(0)), Some((RouteKind::Unicast, 1, Some(10))));
    }
    assert_eq!(shown(&route(via, 1, &[])), None);
    for (given, kept) in [(0, None), (1, Some(1)), (255, Some(255)), (4711, Some(255))] {
        let info = RouteInfo {
            preference: given,
            ..route(via, 1, &[via])
        };
        assert_eq!(shown(&info), Some((RouteKind::Unicast, 1, kept)));
    }
    // Views: it is in those that it says, and in no other.
    for views in [BOTH, MCAST, UCAST] {
        let info = RouteInfo {
            views,
            ..route(via, 1, &[via])
        };
        rig.add("10.0.0.0/8", &info).unwrap();
        let there = rig.table.destination(prefix("10.0.0.0/8")).unwrap().routed_in();
        assert_eq!(there.bits(), views);
    }
}

#[test]
fn best_is_told() {
    let rig = Rig::new();
    let other = rig.another(201);
    let via = rig.hop("192.0.2.1", 1);
    let (theirs, _) = rig
        .client
        .add_next_hop(other, Target::New, &hop("192.0.2.2", 2))
        .unwrap();
    let first = rig.add("10.0.0.0/8", &route(via, 5, &[via])).unwrap();
    let worse = rig
        .add_as(other, "10.0.0.0/8", &route(theirs, 9, &[theirs]))
        .unwrap();
    assert!(!worse.is_best);
    assert_eq!(rig.client.best_in(rig.entity, first.route).unwrap().bits(), UCAST);
    let better = rig
        .add_as(other, "10.0.0.0/8", &route(theirs, 1, &[theirs]))
        .unwrap();
    assert!(better.is_best);
    assert!(rig.client.best_in(rig.entity, first.route).unwrap().is_empty());
    assert_eq!(rig.client.delete_route(rig.entity, first.route), Ok(false));
    assert_eq!(rig.client.delete_route(other, better.route), Ok(true));
}

#[test]
fn time_ends_routes() {
    let rig = Rig::new();
    let told = Arc::new(Told::default());
    let listener = Registration {
        events: Some(Arc::clone(&told) as Arc<dyn Events>),
        ..Registration::default()
    };
    let entity = rig.client.register(Family::V4, name(201), &listener).unwrap();
    let (via, _) = rig
        .client
        .add_next_hop(entity, Target::New, &hop("192.0.2.1", 1))
        .unwrap();
    let info = route(via, 5, &[via]);
    let add = |milliseconds| {
        let request = RouteRequest {
            time_to_live: milliseconds,
            ..request("10.0.0.0/8", &info)
        };
        rig.client.add_route(entity, &request).unwrap()
    };
    let is_there = || rig.table.destination(prefix("10.0.0.0/8")).is_some();
    // The owner is asked, and keeps it.
    let added = add(1);
    let event = told.wait("the end of its time", |_| true);
    let Event::RouteExpired(handle, told_info) = event else {
        panic!("{event:?}")
    };
    assert_eq!((handle, told_info.metric), (added.route, 5));
    assert!(is_there());
    // An update restarts the time, and what is endless does not end.
    add(1_000_000);
    add(INFINITE);
    // The owner is asked, and lets it go.
    *told.answer.lock().unwrap() = Status::ERROR_NOT_SUPPORTED.0;
    add(1);
    told.wait("the end of its time", |event| {
        matches!(event, Event::RouteExpired(..))
    });
    await_that("the route stays", || !is_there());
    assert_eq!(
        rig.client.route_info(entity, added.route).unwrap().0.state,
        LifeState::Deleted
    );
    // Who hears nothing is not asked.
    let via = rig.hop("192.0.2.1", 1);
    let info = route(via, 5, &[via]);
    let request = RouteRequest {
        time_to_live: 1,
        target: Target::Unreferenced,
        ..request("10.0.0.0/8", &info)
    };
    rig.client.add_route(rig.entity, &request).unwrap();
    await_that("the route stays", || !is_there());
    assert_eq!(told.count(), 0);
}

#[test]
fn holds() {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    let added = rig.add("10.0.0.0/8", &route(via, 5, &[via])).unwrap();
    let (info, _) = rig.client.route_info(rig.entity, added.route).unwrap();
    let hold = |views, time| rig.client.hold(rig.entity, info.destination, views, time);
    let bad = Err(Status::ERROR_INVALID_PARAMETER);
    assert_eq!((hold(UCAST, 0), hold(0, 9), hold(8, 9)), (bad, bad, bad));
    hold(UCAST, 1_000_000).unwrap();
    rig.client.delete_route(rig.entity, added.route).unwrap();
    let held = rig
        .client
        .destination_info(rig.entity, info.destination, 0, UCAST)
        .unwrap();
    let view = &held.view_infos[0];
    assert_eq!((view.routes, view.route), (0, Handle::NULL));
    let (shown, _) = rig.client.route_info(rig.entity, view.hold_route).unwrap();
    assert_eq!((shown.metric, shown.state), (5, LifeState::Deleted));
    assert_eq!(shown.owner, rig.entity);
    assert_eq!(shown.next_hops.as_slice(), [via]);
    assert!(
        rig.client
            .best_in(rig.entity, view.hold_route)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn changes_in_place() {
    let rig = Rig::new();
    let (one, two) = (rig.hop("192.0.2.1", 1), rig.hop("192.0.2.2", 2));
    let added = rig.add("10.0.0.0/8", &route(one, 5, &[one])).unwrap();
    rig.add("10.0.0.0/8", &route(Handle::NULL, 9, &[one])).unwrap();
    let update = |entity, info: &RouteInfo| {
        rig.client
            .update_and_unlock(entity, added.route, info, INFINITE, Handle::NULL)
    };
    let good = route(two, 4, &[two]);
    assert_eq!(update(rig.entity, &good), Err(Status::ERROR_ACCESS_DENIED));
    rig.client
        .lock_route(rig.entity, added.route, true, true)
        .unwrap();
    assert_eq!(update(rig.another(201), &good), Err(Status::ERROR_ACCESS_DENIED));
    // There is one without a neighbour already; and what fails leaves it locked.
    assert_eq!(
        update(rig.entity, &route(Handle::NULL, 4, &[two])),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    assert_eq!(update(rig.entity, &good), Ok(true));
    assert_eq!(
        rig.client.lock_route(rig.entity, added.route, true, false),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    let shown = rig.table.destination(prefix("10.0.0.0/8")).unwrap();
    let metrics: Vec<_> = shown.views[0]
        .routes
        .iter()
        .map(|route| route.route.metric)
        .collect();
    assert_eq!(metrics, [9, 4]);
    rig.client.delete_route(rig.entity, added.route).unwrap();
}
