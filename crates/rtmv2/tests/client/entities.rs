//! A4: entities, and what an end takes along.

use std::sync::Arc;
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::client::{Client, Event, Events, Handle, Registration, Target};
use waypost_rtmv2::{ChangeTypes, RouteTable};

use crate::rig::{BOTH, Rig, Told, UCAST, hop, name, prefix, route, table};

fn listening(told: &Arc<Told>) -> Registration {
    Registration {
        events: Some(Arc::clone(told) as Arc<dyn Events>),
        ..Registration::default()
    }
}

#[test]
fn codes_of_registration() {
    let rig = Rig::new();
    let register =
        |protocol, registration: &Registration| rig.client.register(Family::V4, name(protocol), registration);
    let plain = Registration::default();
    assert_eq!(register(200, &plain), Err(Status::ERROR_ALREADY_EXISTS));
    // Another family is another table.
    assert!(rig.client.register(Family::V6, name(200), &plain).is_ok());
    let many = Registration {
        methods: vec![1; 33].into(),
        ..Registration::default()
    };
    assert_eq!(register(201, &many), Err(Status::ERROR_INVALID_PARAMETER));
    let reserving = Registration {
        reserves_slot: true,
        ..Registration::default()
    };
    let first = register(300, &reserving).unwrap();
    for protocol in 301..308 {
        register(protocol, &reserving).unwrap();
    }
    assert_eq!(register(308, &reserving), Err(Status::ERROR_NO_SYSTEM_RESOURCES));
    // What was refused is not registered, and a slot comes back.
    assert!(!rig.client.entities(rig.entity).unwrap().contains(&name(308)));
    rig.client.deregister(first).unwrap();
    register(308, &reserving).unwrap();
}

#[test]
fn memory_is_bounded() {
    let table = table();
    let client = Client::with_limit(table, 3, 2);
    let plain = Registration::default();
    let entity = client.register(Family::V4, name(1), &plain).unwrap();
    client.register(Family::V4, name(2), &plain).unwrap();
    let full = Err(Status::ERROR_NOT_ENOUGH_MEMORY);
    assert_eq!(client.register(Family::V4, name(3), &plain), full);
    let add = |address| client.add_next_hop(entity, Target::New, &hop(address, 1));
    let one = add("192.0.2.1").unwrap().0;
    add("192.0.2.2").unwrap();
    assert_eq!(add("192.0.2.3"), Err(Status::ERROR_NOT_ENOUGH_MEMORY));
    let info = route(one, 1, &[one]);
    let add = |text| client.add_route(entity, &crate::rig::request(text, &info));
    add("10.0.0.0/8").unwrap();
    let second = add("10.1.0.0/16").unwrap();
    assert_eq!(add("10.2.0.0/16"), Err(Status::ERROR_NOT_ENOUGH_MEMORY));
    // A place that was given up is there for others.
    client.delete_route(entity, second.route).unwrap();
    add("10.2.0.0/16").unwrap();
    for _ in 0..2 {
        client.create_list(entity).unwrap();
    }
    assert_eq!(client.create_list(entity), full);
    for _ in 0..2 {
        client
            .register_for_changes(entity, UCAST, ChangeTypes::BEST, false, 0)
            .unwrap();
    }
    assert_eq!(
        client.register_for_changes(entity, UCAST, ChangeTypes::BEST, false, 0),
        full
    );
    for _ in 0..2 {
        client
            .enumerate_next_hops(entity, waypost_rtmv2::client::Range::Start)
            .unwrap();
    }
    assert_eq!(
        client.enumerate_next_hops(entity, waypost_rtmv2::client::Range::Start),
        full
    );
}

#[test]
fn others_are_listed_and_told_of() {
    let rig = Rig::new();
    let elsewhere = Rig::over(Arc::clone(&rig.table), 2, 7);
    let told = Arc::new(Told::default());
    let listener = rig
        .client
        .register(Family::V4, name(201), &listening(&told))
        .unwrap();
    let listed = rig.client.entities(listener).unwrap();
    assert_eq!(listed, [name(7), name(200), name(201)]);
    let foreign = rig.client.entity(listener, name(7)).unwrap();
    assert_eq!(rig.client.entity_info(listener, foreign).unwrap().name, name(7));
    assert!(rig.client.methods(listener, foreign).unwrap().is_empty());
    assert_eq!(rig.client.release_entities(listener, &[foreign]), Ok(()));
    assert_eq!(
        rig.client.release_entities(listener, &[foreign]),
        Err(Status::ERROR_INVALID_HANDLE)
    );
    let another = rig.another(202);
    let event = told.wait("the new entity", |event| {
        matches!(event, Event::EntityRegistered(..))
    });
    let Event::EntityRegistered(handle, info) = event else {
        unreachable!()
    };
    assert_eq!((handle, info.name), (another, name(202)));
    rig.client.deregister(another).unwrap();
    let event = told.wait("its end", |event| matches!(event, Event::EntityDeregistered(..)));
    let Event::EntityDeregistered(_, info) = event else {
        unreachable!()
    };
    assert_eq!(info.name, name(202));
    // Of the other family nothing is told: the next thing heard is of this one.
    rig.client
        .register(Family::V6, name(203), &Registration::default())
        .unwrap();
    let last = rig.another(204);
    let event = told.wait("the next entity", |_| true);
    assert!(
        matches!(event, Event::EntityRegistered(handle, _) if handle == last),
        "{event:?}"
    );
    drop(elsewhere);
}

#[test]
fn an_end_takes_everything_along() {
    let rig = Rig::new();
    let witness = rig.another(201);
    let entity = rig.entity;
    let via = rig.hop("192.0.2.1", 1);
    let added = rig.add("10.0.0.0/8", &route(via, 1, &[via])).unwrap();
    let inactive = waypost_rtmv2::client::RouteInfo {
        flags: waypost_rtmv2::client::route_flags::INACTIVE,
        ..route(via, 1, &[via])
    };
    rig.add("10.1.0.0/16", &inactive).unwrap();
    let list = rig.client.create_list(entity).unwrap();
    let enumeration = rig.client.enumerate_list(entity, list).unwrap();
    let watch = rig
        .client
        .register_for_changes(entity, BOTH, ChangeTypes::ALL, false, 0)
        .unwrap();
    let (info, _) = rig.client.route_info(witness, added.route).unwrap();
    rig.client.lock_route(entity, added.route, true, true).unwrap();
    rig.client.deregister(entity).unwrap();
    assert!(rig.table.destination(prefix("10.0.0.0/8")).is_none());
    assert!(!rig.table.entities(Family::V4).contains(&name(200)));
    let stale = Status::ERROR_INVALID_HANDLE;
    assert_eq!(rig.client.create_list(entity), Err(stale));
    assert_eq!(rig.client.deregister(entity), Err(stale));
    assert_eq!(rig.client.delete_list(witness, list), Err(stale));
    assert_eq!(rig.client.delete_enumeration(witness, enumeration), Err(stale));
    assert_eq!(rig.client.deregister_from_changes(witness, watch), Err(stale));
    // What the witness holds stays until it lets go.
    assert!(rig.client.next_hop_info(witness, info.neighbour).is_ok());
    assert!(rig.client.entity_info(witness, info.owner).is_ok());
    rig.client.deregister(witness).unwrap();
    let usage = rig.client.usage();
    assert_eq!(usage, waypost_rtmv2::client::Usage::default(), "{usage}");
}

#[test]
fn what_is_left_is_counted() {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    rig.add("10.0.0.0/8", &route(via, 1, &[via])).unwrap();
    let (usage, runs_on) = rig.client.end(Duration::from_secs(5));
    assert_eq!(
        usage.to_string(),
        "1 entities, 1 destinations, 1 routes, 1 next hops, 2 references"
    );
    assert!(!runs_on);
    assert!(rig.table.entities(Family::V4).is_empty());
    let again = rig.client.register(Family::V4, name(1), &Registration::default());
    assert_eq!(again, Err(Status::ERROR_NO_SYSTEM_RESOURCES));
}

#[test]
fn garbage_is_refused_everywhere() {
    let rig = Rig::new();
    let foreign = Rig::over(table(), 2, 200);
    let via = rig.hop("192.0.2.1", 1);
    let theirs = foreign.hop("192.0.2.1", 1);
    let client = &rig.client;
    let refused = Err(Status::ERROR_INVALID_HANDLE);
    let garbage = [
        Handle::NULL,
        Handle(1),
        Handle(u64::MAX),
        theirs,
        foreign.entity,
        via,
    ];
    for handle in garbage {
        assert_eq!(client.deregister(handle), refused);
        assert_eq!(client.delete_route(rig.entity, handle).map(|_| ()), refused);
        assert_eq!(client.route_info(rig.entity, handle).map(|_| ()), refused);
        assert_eq!(client.best_in(rig.entity, handle).map(|_| ()), refused);
        assert_eq!(client.lock_route(rig.entity, handle, true, true), refused);
        assert_eq!(client.lock_destination(rig.entity, handle, true, true), refused);
        assert_eq!(client.hold(rig.entity, handle, UCAST, 1), refused);
        assert_eq!(client.slot(rig.entity, handle).map(|_| ()), refused);
        assert_eq!(
            client.less_specific(rig.entity, handle, 0, UCAST).map(|_| ()),
            refused
        );
        assert_eq!(
            client.destination_info(rig.entity, handle, 0, UCAST).map(|_| ()),
            refused
        );
        assert_eq!(client.next_routes(rig.entity, handle, 1).map(|_| ()), refused);
        assert_eq!(
            client.next_destinations(rig.entity, handle, 1).map(|_| ()),
            refused
        );
        assert_eq!(client.next_next_hops(rig.entity, handle, 1).map(|_| ()), refused);
        assert_eq!(
            client.next_list_routes(rig.entity, handle, 1).map(|_| ()),
            refused
        );
        assert_eq!(client.delete_enumeration(rig.entity, handle), refused);
        assert_eq!(client.delete_list(rig.entity, handle), refused);
        assert_eq!(client.enumerate_list(rig.entity, handle).map(|_| ()), refused);
        assert_eq!(
            client.changed_destinations(rig.entity, handle, 1).map(|_| ()),
            refused
        );
        assert_eq!(client.ignore_changes(rig.entity, handle, &[]), refused);
        assert_eq!(client.mark(rig.entity, handle, handle, true), refused);
        assert_eq!(client.is_marked(rig.entity, handle, handle).map(|_| ()), refused);
        assert_eq!(
            client.has_changed(rig.entity, handle, handle).map(|_| ()),
            refused
        );
        assert_eq!(client.deregister_from_changes(rig.entity, handle), refused);
        assert_eq!(client.methods(rig.entity, handle).map(|_| ()), refused);
        assert_eq!(client.invoke(rig.entity, handle).map(|_| ()), refused);
        assert_eq!(client.entities(handle).map(|_| ()), refused);
    }
    for handle in &garbage[..5] {
        assert_eq!(client.next_hop_info(rig.entity, *handle).map(|_| ()), refused);
        assert_eq!(client.delete_next_hop(rig.entity, *handle), refused);
        assert_eq!(client.refer(rig.entity, &[*handle]), refused);
    }
    assert!(client.next_hop_info(rig.entity, via).is_ok());
}
