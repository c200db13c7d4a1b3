//! A7: destinations and routes of others.

use std::sync::Arc;

use waypost_routprot::Status;
use waypost_rtmv2::client::{
    BEST_PROTOCOL, Handle, LifeState, RouteInfo, THIS_PROTOCOL, match_flags, route_flags,
};

use crate::rig::{BOTH, MCAST, Rig, UCAST, prefix, route};

#[test]
fn destinations() {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    for destination in ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"] {
        rig.add(destination, &route(via, 1, &[via])).unwrap();
    }
    let multicast = RouteInfo {
        views: MCAST,
        ..route(via, 1, &[via])
    };
    rig.add("10.1.2.0/24", &multicast).unwrap();
    let client = &rig.client;
    let exact = |text, views| client.exact_destination(rig.entity, prefix(text), BEST_PROTOCOL, views);
    let most = |text, views| {
        let found = client.most_specific(rig.entity, prefix(text), BEST_PROTOCOL, views);
        found.map(|info| info.prefix)
    };
    assert_eq!(exact("10.0.0.0/9", UCAST), Err(Status::ERROR_NOT_FOUND));
    assert_eq!(exact("10.0.0.0/8", 4), Err(Status::ERROR_INVALID_PARAMETER));
    // Without a route in the view it is not found (P-62), but in any it is.
    assert_eq!(exact("10.1.2.0/24", UCAST), Err(Status::ERROR_NOT_FOUND));
    let info = exact("10.1.2.0/24", 0).unwrap();
    assert_eq!((info.views, info.view_infos.len()), (MCAST, 0));
    let info = exact("10.1.2.0/24", u32::MAX).unwrap();
    let views: Vec<_> = info
        .view_infos
        .iter()
        .map(|view| (view.view, view.routes))
        .collect();
    assert_eq!(views, [(0, 0), (1, 1)]);
    assert_eq!(most("10.1.2.3/32", UCAST), Ok(prefix("10.1.0.0/16")));
    assert_eq!(most("10.1.2.3/32", BOTH), Ok(prefix("10.1.2.0/24")));
    assert_eq!(most("10.1.0.0/16", UCAST), Ok(prefix("10.1.0.0/16")));
    assert_eq!(most("11.0.0.0/8", MCAST), Err(Status::ERROR_NOT_FOUND));
    // Shorter and shorter, and after the default route nothing.
    let mut at = exact("10.1.0.0/16", UCAST).unwrap();
    for shorter in ["10.0.0.0/8", "0.0.0.0/0"] {
        at = client
            .less_specific(rig.entity, at.destination, BEST_PROTOCOL, UCAST)
            .unwrap();
        assert_eq!(at.prefix, prefix(shorter));
    }
    assert_eq!(
        client.less_specific(rig.entity, at.destination, BEST_PROTOCOL, UCAST),
        Err(Status::ERROR_NOT_FOUND)
    );
    // The same destination has the same handle.
    assert_eq!(exact("0.0.0.0/0", UCAST).unwrap().destination, at.destination);
    // RTM_DEST_FLAG_NATURAL_NET.
    let flags = |text| exact(text, UCAST).unwrap().view_infos[0].flags;
    assert_eq!((flags("10.0.0.0/8"), flags("10.1.0.0/16")), (1, 0));
}

#[test]
fn the_protocol_selects_the_route() {
    let rig = Rig::new();
    let others = Rig::over(Arc::clone(&rig.table), 2, 7);
    let via = rig.hop("192.0.2.1", 1);
    let own = rig.add("10.0.0.0/8", &route(via, 5, &[via])).unwrap();
    let two = rig.hop("192.0.2.2", 2);
    rig.add("10.0.0.0/8", &route(two, 6, &[two])).unwrap();
    let theirs = others.hop("192.0.2.3", 3);
    others.add("10.0.0.0/8", &route(theirs, 1, &[theirs])).unwrap();
    let shown = |protocol| {
        let info = rig
            .client
            .exact_destination(rig.entity, prefix("10.0.0.0/8"), protocol, UCAST);
        let view = info.unwrap().view_infos.remove(0);
        assert_eq!(view.routes, 3);
        view
    };
    assert_eq!(shown(THIS_PROTOCOL).route, own.route);
    assert_eq!(shown(200).route, own.route);
    assert_eq!(shown(4711).route, Handle::NULL);
    let best = shown(BEST_PROTOCOL);
    assert_ne!(best.route, own.route);
    assert_eq!(shown(7).route, best.route);
    assert_eq!(
        rig.client
            .entity_info(rig.entity, best.owner)
            .unwrap()
            .name
            .protocol
            .0,
        7
    );
}

#[test]
fn routes_of_others_are_snapshots() {
    let rig = Rig::new();
    let others = Rig::over(Arc::clone(&rig.table), 2, 7);
    let theirs = others.hop("192.0.2.3", 3);
    let added = others.add("10.0.0.0/8", &route(theirs, 1, &[theirs])).unwrap();
    let seen = rig
        .client
        .exact_destination(rig.entity, prefix("10.0.0.0/8"), BEST_PROTOCOL, UCAST)
        .unwrap();
    let route_handle = seen.view_infos[0].route;
    let (info, _) = rig.client.route_info(rig.entity, route_handle).unwrap();
    assert_eq!((info.metric, info.preference, info.views), (1, 10, UCAST));
    assert_eq!((info.neighbour, info.specific), (Handle::NULL, 0));
    let hop = rig.client.next_hop_info(rig.entity, info.next_hops[0]).unwrap();
    assert_eq!((hop.address, hop.interface), ("192.0.2.3".parse().unwrap(), 3));
    assert_eq!(hop.owner, seen.view_infos[0].owner);
    assert_eq!(
        rig.client.best_in(rig.entity, route_handle).unwrap().bits(),
        UCAST
    );
    // It is theirs alone.
    let denied = Status::ERROR_ACCESS_DENIED;
    assert_eq!(rig.client.delete_route(rig.entity, route_handle), Err(denied));
    assert_eq!(
        rig.client.lock_route(rig.entity, route_handle, true, true),
        Err(denied)
    );
    assert_eq!(
        rig.client
            .insert_in_list(rig.entity, Handle::NULL, &[route_handle]),
        Err(denied)
    );
    assert_eq!(
        rig.client.delete_next_hop(rig.entity, info.next_hops[0]),
        Err(denied)
    );
    // A change shows, and so does the end, though the destination lives on.
    let via = rig.hop("192.0.2.1", 1);
    let own = rig.add("10.0.0.0/8", &route(via, 9, &[via])).unwrap();
    let black = RouteInfo {
        flags: route_flags::BLACKHOLE,
        ..route(theirs, 2, &[])
    };
    others.add("10.0.0.0/8", &black).unwrap();
    let (now, _) = rig.client.route_info(rig.entity, route_handle).unwrap();
    assert_eq!(
        (now.metric, now.flags, now.next_hops.len()),
        (2, route_flags::BLACKHOLE, 0)
    );
    others.client.delete_route(others.entity, added.route).unwrap();
    let (gone, _) = rig.client.route_info(rig.entity, route_handle).unwrap();
    assert_eq!((gone.state, gone.metric), (LifeState::Deleted, 2));
    rig.client.delete_route(rig.entity, own.route).unwrap();
    rig.client.delete_next_hop(rig.entity, via).unwrap();
    // The next one is another.
    others.add("10.0.0.0/8", &route(theirs, 1, &[theirs])).unwrap();
    let again = rig
        .client
        .exact_destination(rig.entity, prefix("10.0.0.0/8"), BEST_PROTOCOL, UCAST)
        .unwrap();
    assert_ne!(again.view_infos[0].route, route_handle);
    // With the last references everything of it goes.
    for info in [&info, &now, &gone] {
        rig.client.release_route_info(rig.entity, info).unwrap();
    }
    for info in [&seen, &again] {
        rig.client.release_destination_info(rig.entity, info).unwrap();
    }
    rig.client.release_entities(rig.entity, &[hop.owner]).unwrap();
    assert_eq!(rig.known(), (0, 0, 0));
}

#[test]
fn exact_routes() {
    let rig = Rig::new();
    let (one, two) = (rig.hop("192.0.2.1", 1), rig.hop("192.0.2.2", 2));
    let first = rig.add("10.0.0.0/8", &route(one, 5, &[one])).unwrap().route;
    let second = rig.add("10.0.0.0/8", &route(two, 6, &[one, two])).unwrap().route;
    let inactive = RouteInfo {
        flags: route_flags::INACTIVE,
        ..route(Handle::NULL, 7, &[one])
    };
    let third = rig.add("10.0.0.0/8", &inactive).unwrap().route;
    let find = |flags, criteria: &RouteInfo, interface, views| {
        rig.client.exact_route(
            rig.entity,
            prefix("10.0.0.0/8"),
            flags,
            criteria,
            interface,
            views,
        )
    };
    let none = RouteInfo::default();
    let missing = Err(Status::ERROR_NOT_FOUND);
    assert_eq!(find(0, &none, 0, UCAST), Ok(first));
    assert_eq!(find(0, &none, 0, MCAST), missing);
    assert_eq!(find(0, &none, 0, 8), Err(Status::ERROR_INVALID_PARAMETER));
    assert_eq!(find(match_flags::INTERFACE, &none, 2, UCAST), Ok(second));
    assert_eq!(find(match_flags::INTERFACE, &none, 3, UCAST), missing);
    let by = |neighbour| RouteInfo {
        neighbour,
        ..none.clone()
    };
    assert_eq!(find(match_flags::NEIGHBOUR, &by(two), 0, UCAST), Ok(second));
    assert_eq!(
        find(match_flags::NEIGHBOUR, &by(Handle::NULL), 0, UCAST),
        Ok(third)
    );
    let ranked = RouteInfo {
        metric: 6,
        preference: 10,
        ..none.clone()
    };
    assert_eq!(find(match_flags::PREF, &ranked, 0, UCAST), Ok(second));
    assert_eq!(find(match_flags::PREF, &none, 0, UCAST), missing);
    let hops = route(Handle::NULL, 0, &[two, one]);
    assert_eq!(find(match_flags::NEXTHOP, &hops, 0, UCAST), Ok(second));
    let owned = RouteInfo {
        owner: rig.entity,
        ..none.clone()
    };
    assert_eq!(find(match_flags::OWNER, &owned, 0, UCAST), Ok(first));
    assert_eq!(find(match_flags::OWNER, &none, 0, UCAST), missing);
    let full = RouteInfo {
        owner: rig.entity,
        ..route(two, 6, &[one, two])
    };
    assert_eq!(find(0xFFFF, &full, 1, UCAST), Ok(second));
    assert_eq!(find(0xFFFF, &full, 3, UCAST), missing);
}
