//! A8: enumerations, and those of lists.

use std::sync::Arc;

use waypost_routprot::Status;
use waypost_rtmv2::client::{Batch, Handle, Range, RouteEnumeration, RouteInfo, match_flags, route_flags};
use waypost_types::Prefix;

use crate::rig::{BOTH, MCAST, Rig, UCAST, prefix, route};

const SOME: [&str; 6] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.1.0.0/16",
    "10.128.0.0/9",
    "11.0.0.0/8",
];

fn filled() -> (Rig, Handle) {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    for destination in SOME.iter().rev() {
        rig.add(destination, &route(via, 1, &[via])).unwrap();
    }
    (rig, via)
}

/// Everything of an enumeration, two at a time, and how many calls that took.
fn all<T>(mut next: impl FnMut() -> Result<Batch<T>, Status>) -> (Vec<T>, usize) {
    let mut items = Vec::new();
    for calls in 1.. {
        let batch = next().unwrap();
        items.extend(batch.items);
        if batch.is_last {
            return (items, calls);
        }
    }
    unreachable!()
}

fn destinations(rig: &Rig, range: Range, views: u32, is_own: bool) -> Vec<Prefix> {
    let enumeration = rig
        .client
        .enumerate_destinations(rig.entity, views, range, is_own, 0)
        .unwrap();
    let (items, _) = all(|| rig.client.next_destinations(rig.entity, enumeration, 2));
    rig.client.delete_enumeration(rig.entity, enumeration).unwrap();
    items.into_iter().map(|info| info.prefix).collect()
}

fn prefixes(texts: &[&str]) -> Vec<Prefix> {
    texts.iter().map(|text| prefix(text)).collect()
}

#[test]
fn destinations_in_order() {
    let (rig, via) = filled();
    let multicast = RouteInfo {
        views: MCAST,
        ..route(via, 1, &[via])
    };
    rig.add("10.2.0.0/16", &multicast).unwrap();
    assert_eq!(destinations(&rig, Range::Start, UCAST, false), prefixes(&SOME));
    assert_eq!(
        destinations(&rig, Range::Start, MCAST, false),
        prefixes(&["10.2.0.0/16"])
    );
    assert_eq!(destinations(&rig, Range::Start, BOTH, false).len(), 7);
    assert_eq!(destinations(&rig, Range::Start, 0, false).len(), 7);
    // From a prefix on, there or not.
    assert_eq!(
        destinations(&rig, Range::Next(prefix("10.0.0.0/16")), UCAST, false),
        prefixes(&SOME[2..])
    );
    assert_eq!(
        destinations(&rig, Range::Next(prefix("10.1.0.0/17")), UCAST, false),
        prefixes(&SOME[4..])
    );
    // Within one.
    assert_eq!(
        destinations(&rig, Range::Within(prefix("10.0.0.0/8")), UCAST, false),
        prefixes(&SOME[1..5])
    );
    assert_eq!(
        destinations(&rig, Range::Within(prefix("10.0.0.0/9")), UCAST, false),
        prefixes(&SOME[2..4])
    );
    // Of the caller's alone.
    let others = Rig::over(Arc::clone(&rig.table), 2, 7);
    let theirs = others.hop("192.0.2.3", 3);
    others.add("10.0.0.0/8", &route(theirs, 0, &[theirs])).unwrap();
    others.add("10.0.0.0/16", &route(theirs, 9, &[theirs])).unwrap();
    assert_eq!(
        destinations(&others, Range::Start, UCAST, true),
        prefixes(&["10.0.0.0/8"])
    );
    assert_eq!(destinations(&rig, Range::Start, UCAST, true).len(), 5);
}

#[test]
fn codes_and_ends() {
    let (rig, _) = filled();
    let client = &rig.client;
    let create = |views, range| client.enumerate_destinations(rig.entity, views, range, false, 0);
    assert_eq!(create(4, Range::Start), Err(Status::ERROR_NOT_SUPPORTED));
    assert_eq!(
        create(1, Range::Within(prefix("2001:db8::/32"))),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    let enumeration = create(1, Range::Start).unwrap();
    let next = |max| client.next_destinations(rig.entity, enumeration, max);
    for wrong in [0, 257] {
        assert_eq!(next(wrong), Err(Status::ERROR_INVALID_PARAMETER));
    }
    // As many as there are: whether more follow is not known yet, and then there are none (P-64).
    let first = next(6).unwrap();
    assert_eq!((first.items.len(), first.is_last), (6, false));
    let end = next(6).unwrap();
    assert_eq!((end.items.len(), end.is_last), (0, true));
    // An enumeration is one of its owner's and of its kind.
    let stale = Err(Status::ERROR_INVALID_HANDLE);
    let other = rig.another(201);
    assert_eq!(client.next_destinations(other, enumeration, 1), stale);
    assert_eq!(
        client.next_routes(rig.entity, enumeration, 1).map(|_| ()),
        Err(Status::ERROR_INVALID_HANDLE)
    );
    assert_eq!(
        client.delete_enumeration(other, enumeration),
        Err(Status::ERROR_INVALID_HANDLE)
    );
    client.delete_enumeration(rig.entity, enumeration).unwrap();
    assert_eq!(next(1), stale);
}

#[test]
fn destinations_live() {
    let (rig, via) = filled();
    let client = &rig.client;
    let enumeration = client
        .enumerate_destinations(rig.entity, UCAST, Range::Start, false, 0)
        .unwrap();
    let first = client.next_destinations(rig.entity, enumeration, 3).unwrap();
    assert_eq!(first.items[2].prefix, prefix("10.0.0.0/16"));
    // What comes behind the cursor is not told, what comes and goes ahead of it counts.
    rig.add("9.0.0.0/8", &route(via, 1, &[via])).unwrap();
    rig.add("10.0.128.0/17", &route(via, 1, &[via])).unwrap();
    let gone = rig.add("10.1.0.0/16", &route(via, 1, &[via])).unwrap();
    client.delete_route(rig.entity, gone.route).unwrap();
    let rest = client.next_destinations(rig.entity, enumeration, 9).unwrap();
    let rest: Vec<_> = rest.items.iter().map(|info| info.prefix).collect();
    assert_eq!(rest, prefixes(&["10.0.128.0/17", "10.128.0.0/9", "11.0.0.0/8"]));
}

fn asked(criteria: &RouteInfo) -> RouteEnumeration<'_> {
    RouteEnumeration {
        destination: Handle::NULL,
        range: Range::Start,
        views: UCAST,
        is_own: false,
        flags: 0,
        criteria,
        interface: 0,
    }
}

fn routes(rig: &Rig, asked: &RouteEnumeration<'_>) -> Vec<Handle> {
    let enumeration = rig.client.enumerate_routes(rig.entity, asked).unwrap();
    let (items, _) = all(|| rig.client.next_routes(rig.entity, enumeration, 2));
    rig.client.delete_enumeration(rig.entity, enumeration).unwrap();
    items
}

#[test]
fn routes_by_criteria() {
    let (rig, via) = filled();
    let others = Rig::over(Arc::clone(&rig.table), 2, 7);
    let theirs = others.hop("192.0.2.3", 3);
    others.add("10.0.0.0/8", &route(theirs, 9, &[theirs])).unwrap();
    let two = rig.hop("192.0.2.2", 2);
    let second = rig.add("10.0.0.0/8", &route(two, 2, &[two])).unwrap().route;
    let inactive = RouteInfo {
        flags: route_flags::INACTIVE,
        ..route(via, 1, &[via])
    };
    let hidden = rig.add("10.64.0.0/10", &inactive).unwrap().route;
    let beyond = rig.add("12.0.0.0/8", &inactive).unwrap().route;
    let none = RouteInfo::default();
    let found = routes(&rig, &asked(&none));
    assert_eq!(found.len(), 10);
    assert_eq!(found[9], beyond);
    assert_eq!(found[6], hidden);
    let own = RouteEnumeration {
        is_own: true,
        ..asked(&none)
    };
    assert_eq!(routes(&rig, &own).len(), 9);
    let within = RouteEnumeration {
        range: Range::Within(prefix("10.0.0.0/8")),
        ..own.clone()
    };
    assert_eq!(routes(&rig, &within).len(), 6);
    let from = RouteEnumeration {
        range: Range::Next(prefix("10.64.0.0/10")),
        ..own.clone()
    };
    assert_eq!(routes(&rig, &from).first(), Some(&hidden));
    let by_interface = RouteEnumeration {
        flags: match_flags::INTERFACE,
        interface: 2,
        ..asked(&none)
    };
    assert_eq!(routes(&rig, &by_interface), [second]);
    let by_interface = RouteEnumeration {
        interface: 3,
        ..by_interface
    };
    assert_eq!(routes(&rig, &by_interface).len(), 1);
    // At one destination.
    let info = rig
        .client
        .exact_destination(rig.entity, prefix("10.0.0.0/8"), 0, 0)
        .unwrap();
    let there = RouteEnumeration {
        destination: info.destination,
        ..asked(&none)
    };
    assert_eq!(routes(&rig, &there).len(), 3);
    let multicast = RouteEnumeration {
        views: MCAST,
        ..there.clone()
    };
    assert_eq!(routes(&rig, &multicast), []);
    let unknown = RouteEnumeration { views: 8, ..there };
    assert_eq!(
        rig.client.enumerate_routes(rig.entity, &unknown),
        Err(Status::ERROR_NOT_SUPPORTED)
    );
    // What was deleted meanwhile is left out, and an end in the middle leaves nothing behind.
    let enumeration = rig.client.enumerate_routes(rig.entity, &asked(&none)).unwrap();
    rig.client.next_routes(rig.entity, enumeration, 2).unwrap();
    rig.client.delete_route(rig.entity, second).unwrap();
    let (rest, _) = all(|| rig.client.next_routes(rig.entity, enumeration, 9));
    assert_eq!(rest.len(), 7);
}

#[test]
fn next_hops_in_order() {
    let rig = Rig::new();
    let handles: Vec<_> = [
        ("192.0.2.1", 2),
        ("192.0.2.1", 3),
        ("192.0.2.5", 1),
        ("198.51.100.1", 1),
    ]
    .iter()
    .rev()
    .map(|(address, interface)| rig.hop(address, *interface))
    .rev()
    .collect();
    let found = |range| {
        let enumeration = rig.client.enumerate_next_hops(rig.entity, range).unwrap();
        all(|| rig.client.next_next_hops(rig.entity, enumeration, 2)).0
    };
    assert_eq!(found(Range::Start), handles);
    assert_eq!(found(Range::Next(prefix("192.0.2.5/32"))), handles[2..]);
    assert_eq!(found(Range::Within(prefix("192.0.2.0/24"))), handles[..3]);
    assert_eq!(
        rig.client
            .enumerate_next_hops(rig.entity, Range::Within(prefix("::/0"))),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    let enumeration = rig.client.enumerate_next_hops(rig.entity, Range::Start).unwrap();
    assert_eq!(
        rig.client.next_next_hops(rig.entity, enumeration, 257),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
}

#[test]
fn lists() {
    let (rig, via) = filled();
    let client = &rig.client;
    let (one, two) = (
        client.create_list(rig.entity).unwrap(),
        client.create_list(rig.entity).unwrap(),
    );
    let routes: Vec<_> = SOME
        .iter()
        .map(|destination| rig.add(destination, &route(via, 1, &[via])).unwrap().route)
        .collect();
    let on = |list| {
        let enumeration = client.enumerate_list(rig.entity, list).unwrap();
        all(|| client.next_list_routes(rig.entity, enumeration, 2)).0
    };
    client.insert_in_list(rig.entity, one, &routes).unwrap();
    assert_eq!(on(one), routes);
    // A route is on one list at most, and goes to the end of it.
    client.insert_in_list(rig.entity, two, &routes[..2]).unwrap();
    client.insert_in_list(rig.entity, one, &routes[2..3]).unwrap();
    assert_eq!(on(one), [&routes[3..], &routes[2..3]].concat());
    client
        .insert_in_list(rig.entity, Handle::NULL, &routes[..1])
        .unwrap();
    assert_eq!(on(two), routes[1..2]);
    // With an addition.
    let info = route(via, 1, &[via]);
    let moved = waypost_rtmv2::client::RouteRequest {
        list: two,
        ..crate::rig::request(SOME[5], &info)
    };
    client.add_route(rig.entity, &moved).unwrap();
    assert_eq!(on(two), [routes[1], routes[5]]);
    client.delete_route(rig.entity, routes[1]).unwrap();
    assert_eq!(on(two), routes[5..]);
    // All of them, or none.
    let other = rig.another(201);
    assert_eq!(
        client.insert_in_list(other, Handle::NULL, &routes[..1]),
        Err(Status::ERROR_ACCESS_DENIED)
    );
    let stale = Status::ERROR_INVALID_HANDLE;
    assert_eq!(client.insert_in_list(other, two, &[]), Err(stale));
    assert_eq!(
        client.insert_in_list(rig.entity, two, &[routes[0], Handle(9)]),
        Err(stale)
    );
    assert_eq!(on(two), routes[5..]);
    assert_eq!(client.delete_list(other, two), Err(stale));
    let enumeration = client.enumerate_list(rig.entity, two).unwrap();
    client.delete_list(rig.entity, two).unwrap();
    assert_eq!(client.next_list_routes(rig.entity, enumeration, 1), Err(stale));
    // Its routes stay in the table (P-66).
    assert!(
        client
            .exact_destination(rig.entity, prefix(SOME[5]), 0, UCAST)
            .is_ok()
    );
}
