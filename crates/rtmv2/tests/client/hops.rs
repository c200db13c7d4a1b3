//! A6: next hops, remote ones among them.

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::client::{
    Handle, HopInfo, LifeState, Registration, RouteInfo, Target, hop_flags, route_flags,
};
use waypost_rtmv2::{ChangeTypes, RouteTable};
use waypost_types::{InterfaceIndex, NextHop, NextHops};

use crate::rig::{Rig, UCAST, await_that, hop, name, prefix, route};

fn shown(rig: &Rig, destination: &str) -> Option<NextHops> {
    let shown = rig.table.destination(prefix(destination))?;
    Some(shown.views[0].routes.first()?.route.next_hops.clone())
}

fn via(address: &str, interface: u32) -> NextHop {
    NextHop::via(address.parse().unwrap(), InterfaceIndex(interface))
}

#[test]
fn forms_of_the_handle() {
    let rig = Rig::new();
    let add = |target, info: &HopInfo| rig.client.add_next_hop(rig.entity, target, info);
    let info = hop("192.0.2.1", 1);
    assert_eq!(add(Target::Unreferenced, &info), Ok((Handle::NULL, true)));
    let (handle, is_new) = add(Target::New, &info).unwrap();
    assert!(!is_new);
    let changed = HopInfo { specific: 9, ..info };
    assert_eq!(add(Target::Existing(handle), &changed), Ok((handle, false)));
    assert_eq!(rig.client.next_hop_info(rig.entity, handle).unwrap().specific, 9);
    // The key cannot be changed, and only the owner may change anything.
    let elsewhere = HopInfo { interface: 2, ..info };
    assert_eq!(
        add(Target::Existing(handle), &elsewhere),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    let other = rig.another(201);
    assert_eq!(
        rig.client.add_next_hop(other, Target::Existing(handle), &info),
        Err(Status::ERROR_ACCESS_DENIED)
    );
    // The tree is private: the same key is another next hop there.
    let (theirs, is_new) = rig.client.add_next_hop(other, Target::New, &info).unwrap();
    assert!(is_new && theirs != handle);
    // Another interface is another one.
    assert!(add(Target::New, &elsewhere).unwrap().1);
    for wrong in [
        HopInfo { bits: 33, ..info },
        HopInfo {
            address: "2001:db8::1".parse().unwrap(),
            ..info
        },
    ] {
        assert_eq!(add(Target::New, &wrong), Err(Status::ERROR_INVALID_PARAMETER));
    }
    let remote = HopInfo {
        flags: hop_flags::REMOTE,
        address: "192.0.2.9".parse().unwrap(),
        ..info
    };
    assert_eq!(add(Target::New, &remote), Err(Status::ERROR_INVALID_HANDLE));
    assert_eq!(
        rig.client.find_next_hop(rig.entity, remote.address, 1),
        Err(Status::ERROR_NOT_FOUND)
    );
}

#[test]
fn deleted_ones_are_ignored_by_routes() {
    let rig = Rig::new();
    let (one, two) = (rig.hop("192.0.2.1", 1), rig.hop("192.0.2.2", 2));
    let added = rig.add("10.0.0.0/8", &route(one, 1, &[one, two])).unwrap();
    assert_eq!(
        shown(&rig, "10.0.0.0/8").unwrap().as_slice(),
        [via("192.0.2.1", 1), via("192.0.2.2", 2)]
    );
    rig.client.delete_next_hop(rig.entity, one).unwrap();
    assert_eq!(
        shown(&rig, "10.0.0.0/8").unwrap().as_slice(),
        [via("192.0.2.2", 2)]
    );
    // The route still names it.
    let info = rig.client.next_hop_info(rig.entity, one).unwrap();
    assert_eq!(info.state, LifeState::Deleted);
    assert_eq!(
        rig.client.delete_next_hop(rig.entity, one),
        Err(Status::ERROR_NOT_FOUND)
    );
    let address = "192.0.2.2".parse().unwrap();
    rig.client.delete_next_hop_at(rig.entity, address, 2).unwrap();
    assert_eq!(
        rig.client.delete_next_hop_at(rig.entity, address, 2),
        Err(Status::ERROR_NOT_FOUND)
    );
    // Without any it is kept, and not in the table.
    assert_eq!(shown(&rig, "10.0.0.0/8"), None);
    assert_eq!(
        rig.client.route_info(rig.entity, added.route).unwrap().0.state,
        LifeState::Created
    );
    // The same key makes another one, and by it another route.
    let again = rig.hop("192.0.2.1", 1);
    assert_ne!(again, one);
    assert!(rig.add("10.0.0.0/8", &route(again, 1, &[again])).unwrap().is_new);
}

#[test]
fn what_is_on_the_link() {
    let rig = Rig::new();
    let zero = rig.hop("0.0.0.0", 3);
    rig.add("10.0.0.0/8", &route(Handle::NULL, 1, &[zero])).unwrap();
    let on = NextHop::on(InterfaceIndex(3));
    assert_eq!(shown(&rig, "10.0.0.0/8").unwrap().as_slice(), [on]);
    let own = rig.hop("192.0.2.1", 3);
    let local = RouteInfo {
        flags: route_flags::LOCAL,
        ..route(Handle::NULL, 1, &[own])
    };
    rig.add("192.0.2.0/24", &local).unwrap();
    assert_eq!(shown(&rig, "192.0.2.0/24").unwrap().as_slice(), [on]);
}

fn remote(rig: &Rig, address: &str, destination: Handle) -> Handle {
    let info = HopInfo {
        flags: hop_flags::REMOTE,
        remote: destination,
        ..hop(address, 0)
    };
    rig.client.add_next_hop(rig.entity, Target::New, &info).unwrap().0
}

fn destination(rig: &Rig, text: &str) -> Handle {
    let info = rig.client.exact_destination(rig.entity, prefix(text), 0, 0);
    info.unwrap().destination
}

#[test]
fn remote_ones_follow_the_table() {
    let rig = Rig::new();
    let (one, two) = (rig.hop("192.0.2.1", 1), rig.hop("192.0.2.2", 2));
    let cover = rig.add("10.0.0.0/8", &route(one, 1, &[one])).unwrap();
    let peer = rig.add("10.1.1.1/32", &route(one, 1, &[one])).unwrap();
    let far = remote(&rig, "10.1.1.1", destination(&rig, "10.1.1.1/32"));
    rig.add("172.16.0.0/12", &route(far, 1, &[far])).unwrap();
    assert_eq!(
        shown(&rig, "172.16.0.0/12").unwrap().as_slice(),
        [via("192.0.2.1", 1)]
    );
    // The route to it changes, then is another one, then there is none.
    rig.add("10.1.1.1/32", &route(one, 1, &[two])).unwrap();
    await_that("the new way is not taken", || {
        shown(&rig, "172.16.0.0/12").is_some_and(|hops| hops.as_slice() == [via("192.0.2.2", 2)])
    });
    rig.client.delete_route(rig.entity, peer.route).unwrap();
    await_that("the way of the cover is not taken", || {
        shown(&rig, "172.16.0.0/12").is_some_and(|hops| hops.as_slice() == [via("192.0.2.1", 1)])
    });
    rig.client.delete_route(rig.entity, cover.route).unwrap();
    await_that("it is not withdrawn", || shown(&rig, "172.16.0.0/12").is_none());
    // And back.
    let link = rig.hop("0.0.0.0", 4);
    rig.add("10.0.0.0/8", &route(Handle::NULL, 1, &[link])).unwrap();
    await_that("the link is not taken", || {
        shown(&rig, "172.16.0.0/12").is_some_and(|hops| hops.as_slice() == [via("10.1.1.1", 4)])
    });
}

/// How many registrations for changes the table has room for.
fn room(rig: &Rig) -> usize {
    let register = || {
        rig.client
            .register_for_changes(rig.entity, UCAST, ChangeTypes::BEST, false, 0)
    };
    let made: Vec<_> = std::iter::from_fn(|| register().ok()).collect();
    for registration in &made {
        rig.client
            .deregister_from_changes(rig.entity, *registration)
            .unwrap();
    }
    made.len()
}

#[test]
fn the_table_is_watched_only_for_remote_ones() {
    let rig = Rig::new();
    let one = rig.hop("192.0.2.1", 1);
    rig.add("10.0.0.0/8", &route(one, 1, &[one])).unwrap();
    let before = room(&rig);
    let ten = destination(&rig, "10.0.0.0/8");
    let far = remote(&rig, "10.1.1.1", ten);
    let also = remote(&rig, "10.1.1.2", ten);
    assert!(room(&rig) < before);
    rig.client.delete_next_hop(rig.entity, far).unwrap();
    assert!(room(&rig) < before);
    // It is a plain one from now on.
    let (again, _) = rig
        .client
        .add_next_hop(rig.entity, Target::Existing(also), &hop("10.1.1.2", 0))
        .unwrap();
    assert_eq!((again, room(&rig)), (also, before));
    // The destination is counted on by nothing but the handle and the route.
    rig.client.release_destinations(rig.entity, &[ten]).unwrap();
    assert_eq!(rig.known().0, 1);
}

#[test]
fn remote_ones_through_themselves_lead_nowhere() {
    let rig = Rig::new();
    let one = rig.hop("192.0.2.1", 1);
    rig.add("10.0.0.0/8", &route(one, 1, &[one])).unwrap();
    let far = remote(&rig, "10.1.1.1", destination(&rig, "10.0.0.0/8"));
    // The route to the remote destination becomes one through itself.
    rig.add("10.0.0.0/8", &route(one, 1, &[far])).unwrap();
    await_that("a route leads through itself", || {
        shown(&rig, "10.0.0.0/8").is_none()
    });
}

#[test]
fn remote_ones_end_with_depth() {
    let rig = Rig::new();
    let one = rig.hop("192.0.2.1", 1);
    rig.add("10.0.0.0/32", &route(one, 1, &[one])).unwrap();
    // Each is reached through the one before: the eighth is the last that is followed all the way.
    for step in 1..=9 {
        let before = format!("10.0.0.{}", step - 1);
        let far = remote(&rig, &before, destination(&rig, &format!("{before}/32")));
        let this = format!("10.0.0.{step}/32");
        rig.add(&this, &route(far, 1, &[far])).unwrap();
        assert_eq!(shown(&rig, &this).is_some(), step <= 8, "{step}");
    }
}

#[test]
fn families_are_apart() {
    let rig = Rig::new();
    let six = rig
        .client
        .register(Family::V6, name(200), &Registration::default())
        .unwrap();
    let info = hop("2001:db8::1", 1);
    let (via, _) = rig.client.add_next_hop(six, Target::New, &info).unwrap();
    assert_eq!(
        rig.client.next_hop_info(rig.entity, via),
        Err(Status::ERROR_INVALID_HANDLE)
    );
    assert_eq!(
        rig.add_as(six, "10.0.0.0/8", &route(via, 1, &[via])),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    rig.add_as(six, "2001:db8::/32", &route(via, 1, &[via])).unwrap();
    assert!(rig.table.destination(prefix("2001:db8::/32")).is_some());
    assert_eq!(
        rig.client
            .exact_destination(rig.entity, prefix("2001:db8::/32"), 0, 0),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
}
