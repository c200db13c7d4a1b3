//! The router identifier: where it comes from, what a change of it is said to do, and that running protocols learn of it.

use serde_json::{Value, json};
use waypost_routprot::conformance::host::{Request, check_order};
use waypost_routprot::{Impact, Status};
use waypost_types::{ProtocolId, RouterId};

use crate::rig::{Rig, interface, set, unset};
use crate::sample::{OSPF, SAMPLE};

fn id(text: &str) -> Option<RouterId> {
    RouterId::new(text.parse().unwrap()).ok()
}

/// What protocols were told of identifiers since the last time.
fn told(rig: &mut Rig) -> Vec<(ProtocolId, Option<RouterId>)> {
    let requests = rig.requests().into_iter();
    let identifiers = requests.filter_map(|(protocol, request)| match request {
        Request::RouterIdChanged { id } => Some((protocol, id)),
        _ => None,
    });
    identifiers.collect()
}

/// OSPF, which resets its neighbours, and the sample, which has no use for an identifier; eth0 has 192.0.2.3.
fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.each(OSPF, |script| {
        let neighbours = Vec::new();
        script.use_router_id(
            Impact::ResetsNeighbours { neighbours },
            "neighbours know it by the old one",
        );
    });
    rig.present(interface(2, "eth0"));
    rig.apply(&[
        set("protocols.ospf", json!({})),
        set("protocols.sample", json!({})),
    ])
    .unwrap();
    drop(rig.requests());
    rig
}

fn impact_of(rig: &mut Rig, value: &str) -> (Impact, String) {
    let plan = rig.plan(&[set("router.id", json!(value))]).unwrap();
    let change = plan.changes.into_iter().next().unwrap();
    assert_eq!(
        (change.path.as_str(), change.new),
        ("router.id", Some(Value::from(value)))
    );
    (change.impact, change.reason)
}

#[test]
fn a_configured_one_reaches_running_protocols_at_once() {
    let mut rig = rig();
    assert_eq!(rig.manager.router_id(), id("192.0.2.3"));
    let support = rig.script(OSPF).support().unwrap();
    assert_eq!(support.router_id(), id("192.0.2.3"));

    rig.apply(&[set("router.id", json!("198.51.100.1"))]).unwrap();
    let new = id("198.51.100.1");
    assert_eq!(told(&mut rig), [(OSPF, new), (SAMPLE, new)]);
    assert_eq!((rig.manager.router_id(), support.router_id()), (new, new));

    // The same again, a note beside it, and an address that comes: nothing to tell.
    rig.apply(&[set("router.id", json!("198.51.100.1"))]).unwrap();
    rig.apply(&[set("router.annotate", json!("core"))]).unwrap();
    rig.present(interface(9, "eth1"));
    assert_eq!(told(&mut rig), []);

    // Taken back, the address it had before counts again, though there is a higher one by now.
    rig.apply(&[unset("router.id")]).unwrap();
    assert_eq!(
        told(&mut rig),
        [(OSPF, id("192.0.2.3")), (SAMPLE, id("192.0.2.3"))]
    );
    rig.manager
        .rollback(
            rig.now,
            crate::rig::WALL,
            3,
            &crate::rig::author(),
            &waypost_manager::Terms::default(),
        )
        .unwrap();
    assert_eq!(told(&mut rig), [(OSPF, new), (SAMPLE, new)]);
    check_order(&rig.calls()).unwrap();
}

/// OSPF would say things in the name of the other one first, and neighbours would keep them for an hour.
#[test]
fn who_starts_with_a_new_one_in_one_transaction_starts_with_it() {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig.apply(&[set("protocols.sample", json!({}))]).unwrap();
    let new = id("198.51.100.1");
    rig.apply(&[
        set("router.id", json!("198.51.100.1")),
        set("protocols.ospf", json!({})),
    ])
    .unwrap();
    // It was told of none beside the one it began with.
    assert_eq!(told(&mut rig), [(SAMPLE, new)]);
    assert_eq!(rig.script(OSPF).support().unwrap().router_id(), new);

    // A transaction that is refused leaves the old one to those that start later.
    rig.apply(&[unset("protocols.ospf")]).unwrap();
    rig.each(OSPF, |script| {
        script.refuse(Status::ERROR_CAN_NOT_COMPLETE, |request| {
            matches!(request, Request::AddInterface { .. })
        });
    });
    rig.apply(&[
        set("router.id", json!("198.51.100.2")),
        set("protocols.ospf", json!({})),
        set("interfaces.eth0.ospf", json!({})),
    ])
    .unwrap_err();
    assert_eq!((rig.manager.router_id(), told(&mut rig)), (new, vec![]));
    assert_eq!(rig.script(SAMPLE).support().unwrap().router_id(), new);
}

#[test]
fn the_plan_says_what_protocols_say() {
    let mut rig = rig();
    assert_eq!(
        impact_of(&mut rig, "198.51.100.1"),
        (
            Impact::ResetsNeighbours {
                neighbours: Vec::new()
            },
            "ospf: neighbours know it by the old one".to_owned()
        )
    );
    // What is in force anyway, because it is the address of eth0.
    assert_eq!(
        impact_of(&mut rig, "192.0.2.3"),
        (Impact::Live, "the identifier in force stays the same".to_owned())
    );
    rig.apply(&[set("router.id", json!("192.0.2.3"))]).unwrap();
    assert_eq!(told(&mut rig), []);
    rig.apply(&[unset("protocols.ospf")]).unwrap();
    assert_eq!(
        impact_of(&mut rig, "198.51.100.1"),
        (Impact::Live, "no running protocol uses it".to_owned())
    );
    // Planning has told nobody anything.
    assert_eq!(told(&mut rig), []);
}

#[test]
fn one_taken_from_an_address_stays_with_the_address() {
    let mut rig = rig();
    rig.present(interface(9, "eth1"));
    let mut loopback = interface(1, "lo");
    loopback.kind = "loopback".to_owned();
    loopback.addresses = vec![("203.0.113.1".parse().unwrap(), 32)];
    rig.present(loopback.clone());
    assert_eq!(
        (rig.manager.router_id(), told(&mut rig)),
        (id("192.0.2.3"), vec![])
    );
    // It goes, and what would have been first choice takes its place.
    rig.gone(2);
    let new = id("203.0.113.1");
    assert_eq!(told(&mut rig), [(OSPF, new), (SAMPLE, new)]);
    rig.present(interface(2, "eth0"));
    assert_eq!(told(&mut rig), []);
    // Without any address there is nothing better than the last one.
    for index in [1, 2, 9] {
        rig.gone(index);
    }
    let last = rig.manager.router_id();
    assert!(last.is_some());
    assert_eq!(rig.script(OSPF).support().unwrap().router_id(), last);
    // A restart chooses anew.
    let mut rig = Rig::over(rig.store.clone(), &[interface(9, "eth1"), loopback]);
    assert_eq!((rig.manager.router_id(), told(&mut rig)), (new, vec![]));
}

#[test]
fn one_that_stops_is_told_nothing_and_one_that_starts_asks() {
    let mut rig = rig();
    rig.script(SAMPLE).stay_pending();
    rig.apply(&[unset("protocols.sample")]).unwrap();
    drop(rig.requests());
    rig.apply(&[
        set("router.id", json!("198.51.100.1")),
        set("protocols.sample", json!({})),
    ])
    .unwrap();
    assert_eq!(told(&mut rig), [(OSPF, id("198.51.100.1"))]);
    rig.script(SAMPLE).finish_stop();
    rig.drain();
    assert_eq!(rig.state(SAMPLE), "running");
    assert_eq!(told(&mut rig), []);
    let support = rig.script(SAMPLE).support().unwrap();
    assert_eq!(support.router_id(), id("198.51.100.1"));
    check_order(&rig.calls()).unwrap();
}
