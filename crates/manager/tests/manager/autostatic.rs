//! Autostatic updates (routing-protocol-interface 9.3).

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use waypost_infobase::BlockKey;
use waypost_manager::{Edit, Interface, Terms};
use waypost_routprot::conformance::host::check_order;
use waypost_routprot::{Event, Functionality, Refusal, Status, UpdateComplete, UpdateKind};
use waypost_types::{InterfaceIndex, NextHop, Prefix, ProtocolId, Route, RouteKind};

use crate::rig::{Rig, author, interface, locked, set, unset};
use crate::sample::{OSPF, SAMPLE};

const ETH0: InterfaceIndex = InterfaceIndex(2);

type Outcome = Arc<Mutex<Option<Result<usize, Refusal>>>>;

fn rig() -> Rig {
    let mut rig = Rig::new();
    for id in [OSPF, SAMPLE] {
        rig.each(id, |script| {
            script.declare(Functionality::RF_ROUTING | Functionality::RF_DEMAND_UPDATE_ROUTES);
        });
    }
    rig.present(interface(2, "eth0"));
    rig.apply(&[
        set("protocols.sample", json!({})),
        set("protocols.ospf", json!({})),
        set("interfaces.eth0.sample", json!({})),
        set("interfaces.eth0.ospf", json!({})),
    ])
    .unwrap();
    rig
}

fn update(rig: &mut Rig, interface: &str) -> Outcome {
    let outcome = Outcome::default();
    let told = Arc::clone(&outcome);
    rig.manager
        .update_autostatic(rig.now, interface, &author(), move |result| {
            assert!(locked(&told).replace(result).is_none(), "told once");
        });
    outcome
}

fn complete(rig: &mut Rig, id: ProtocolId, status: Status) {
    rig.script(id).queue(Event::UpdateComplete(UpdateComplete {
        interface: ETH0,
        kind: UpdateKind::Routes,
        status,
    }));
    rig.drain();
}

fn status(outcome: &Outcome) -> Option<Status> {
    let result = locked(outcome).clone()?;
    Some(result.err().map_or(Status::NO_ERROR, |refusal| refusal.status))
}

fn route(prefix: &str, metric: u32) -> (Prefix, Route) {
    let route = Route {
        kind: RouteKind::Unicast,
        next_hops: [NextHop::via("192.0.2.77".parse().unwrap(), ETH0)]
            .into_iter()
            .collect(),
        metric,
        tag: 0,
        preference: Some(120),
    };
    (prefix.parse().unwrap(), route)
}

fn learn(rig: &Rig, id: ProtocolId, routes: &[(Prefix, Route)]) {
    locked(&rig.routes).of.insert((id, ETH0), routes.to_vec());
}

fn kept(rig: &Rig, index: u32) -> Vec<(String, u32, InterfaceIndex)> {
    let routes = locked(&rig.routes)
        .autostatic
        .get(&InterfaceIndex(index))
        .cloned();
    let row =
        |(prefix, route): (Prefix, Route)| (prefix.to_string(), route.metric, route.next_hops[0].interface);
    routes.unwrap_or_default().into_iter().map(row).collect()
}

#[test]
fn success_of_all_replaces_and_survives() {
    let mut rig = rig();
    learn(&rig, SAMPLE, &[route("10.0.0.0/8", 5), route("10.1.0.0/16", 2)]);
    learn(&rig, OSPF, &[route("10.0.0.0/8", 3)]);
    let outcome = update(&mut rig, "eth0");
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    assert_eq!(status(&outcome), None, "the other one is still at it");
    complete(&mut rig, OSPF, Status::NO_ERROR);
    assert_eq!(locked(&outcome).clone(), Some(Ok(2)));
    let both = vec![
        ("10.0.0.0/8".to_owned(), 3, ETH0),
        ("10.1.0.0/16".to_owned(), 2, ETH0),
    ];
    assert_eq!(kept(&rig, 2), both);
    rig.assert_agreed();

    // The interface comes back under another number, and so does the router.
    rig.gone(2);
    assert_eq!(kept(&rig, 2), []);
    rig.present(interface(8, "eth0"));
    let moved: Vec<_> = both
        .into_iter()
        .map(|(prefix, metric, _)| (prefix, metric, InterfaceIndex(8)))
        .collect();
    assert_eq!(kept(&rig, 8), moved);
    let again = Rig::over(rig.store.clone(), &[interface(8, "eth0")]);
    assert_eq!(kept(&again, 8), moved);

    // Going back to an earlier revision takes the routes along, both ways.
    let with = rig.manager.revision_in_force().unwrap();
    rig.apply(&[unset("interfaces.eth0.autostatic")]).unwrap();
    assert_eq!(kept(&rig, 8), []);
    rig.manager
        .rollback(rig.now, crate::rig::WALL, with, &author(), &Terms::default())
        .unwrap();
    assert_eq!(kept(&rig, 8), moved);
}

#[test]
fn failure_keeps_what_there_was() {
    let mut rig = rig();
    learn(&rig, SAMPLE, &[route("10.0.0.0/8", 5)]);
    drop(update(&mut rig, "eth0"));
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    complete(&mut rig, OSPF, Status::NO_ERROR);
    let before = kept(&rig, 2);
    let head = rig.manager.revision_in_force();
    learn(&rig, SAMPLE, &[]);
    let outcome = update(&mut rig, "eth0");
    complete(&mut rig, OSPF, Status::ERROR_CAN_NOT_COMPLETE);
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    assert_eq!(status(&outcome), Some(Status::ERROR_CAN_NOT_COMPLETE));
    assert_eq!((kept(&rig, 2), rig.manager.revision_in_force()), (before, head));
}

#[test]
fn an_update_that_finds_nothing_where_there_was_nothing_makes_no_revision() {
    let mut rig = rig();
    let head = rig.manager.revision_in_force();
    let outcome = update(&mut rig, "eth0");
    complete(&mut rig, OSPF, Status::NO_ERROR);
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    assert_eq!(locked(&outcome).clone(), Some(Ok(0)));
    assert_eq!(rig.manager.revision_in_force(), head);
}

#[test]
fn who_cannot_update_is_told_at_once() {
    let mut rig = rig();
    assert_eq!(
        status(&update(&mut rig, "eth9")),
        Some(Status::ERROR_NO_SUCH_INTERFACE)
    );
    for spoil in [
        |interface: &mut Interface| interface.up = false,
        |interface: &mut Interface| interface.carrier = false,
        |interface: &mut Interface| interface.addresses.clear(),
    ] {
        let mut eth0 = interface(2, "eth0");
        spoil(&mut eth0);
        rig.present(eth0);
        assert_eq!(
            status(&update(&mut rig, "eth0")),
            Some(Status::ERROR_INTERFACE_NOT_CONNECTED)
        );
    }
    rig.present(interface(2, "eth0"));
    let first = update(&mut rig, "eth0");
    assert_eq!(
        status(&update(&mut rig, "eth0")),
        Some(Status::ERROR_UPDATE_IN_PROGRESS)
    );
    assert_eq!(status(&first), None);
    rig.present(interface(3, "eth1"));
    assert_eq!(
        status(&update(&mut rig, "eth1")),
        Some(Status::ERROR_CAN_NOT_COMPLETE)
    );
    check_order(&rig.calls()).unwrap();
}

#[test]
fn it_ends_when_time_is_up_or_the_interface_goes() {
    let mut rig = rig();
    let outcome = update(&mut rig, "eth0");
    rig.wait(59);
    assert_eq!(status(&outcome), None);
    rig.wait(1);
    assert_eq!(status(&outcome), Some(Status::ERROR_CAN_NOT_COMPLETE));
    // Late answers are nobody's.
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    let outcome = update(&mut rig, "eth0");
    rig.gone(2);
    assert_eq!(status(&outcome), Some(Status::ERROR_CAN_NOT_COMPLETE));
    rig.present(interface(2, "eth0"));
    let outcome = update(&mut rig, "eth0");
    rig.present(interface(2, "renamed"));
    assert_eq!(status(&outcome), Some(Status::ERROR_CAN_NOT_COMPLETE));
}

/// What is still to come of an update that was given up says nothing about the next one.
#[test]
fn late_answers_do_not_count_for_the_next_update() {
    let mut rig = rig();
    let late = update(&mut rig, "eth0");
    complete(&mut rig, OSPF, Status::NO_ERROR);
    rig.wait(60);
    assert_eq!(status(&late), Some(Status::ERROR_CAN_NOT_COMPLETE));
    learn(&rig, SAMPLE, &[route("10.0.0.0/8", 5)]);
    let next = update(&mut rig, "eth0");
    complete(&mut rig, OSPF, Status::NO_ERROR);
    complete(&mut rig, SAMPLE, Status::ERROR_CAN_NOT_COMPLETE);
    assert_eq!(status(&next), None, "that was the answer to the first");
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    assert_eq!(locked(&next).clone(), Some(Ok(1)));
    // Who dies owes nothing any more: its successor's answer counts.
    let late = update(&mut rig, "eth0");
    complete(&mut rig, OSPF, Status::NO_ERROR);
    rig.wait(60);
    assert_eq!(status(&late), Some(Status::ERROR_CAN_NOT_COMPLETE));
    rig.died(SAMPLE, "it panicked");
    rig.wait(1);
    let next = update(&mut rig, "eth0");
    complete(&mut rig, OSPF, Status::NO_ERROR);
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    assert_eq!(locked(&next).clone(), Some(Ok(1)));
}

#[test]
fn one_that_dies_stops_or_refuses_fails_its_part_only() {
    let mut rig = rig();
    rig.present(interface(3, "eth1"));
    rig.apply(&[set("interfaces.eth1.ospf", json!({}))]).unwrap();
    let (both, other) = (update(&mut rig, "eth0"), update(&mut rig, "eth1"));
    rig.died(SAMPLE, "it panicked");
    // The other client is still at work on eth0, and was all that eth1 had.
    assert_eq!((status(&both), status(&other)), (None, None));
    assert_eq!(
        status(&update(&mut rig, "eth0")),
        Some(Status::ERROR_UPDATE_IN_PROGRESS)
    );
    complete(&mut rig, OSPF, Status::NO_ERROR);
    assert_eq!(status(&both), Some(Status::ERROR_CAN_NOT_COMPLETE));
    rig.apply(&[unset("interfaces.eth1.ospf")]).unwrap();
    assert_eq!(status(&other), Some(Status::ERROR_CAN_NOT_COMPLETE));
    rig.wait(1);
    rig.script(OSPF).refuse_once(Status(4711), |request| {
        matches!(
            request,
            waypost_routprot::conformance::host::Request::UpdateRoutes { .. }
        )
    });
    let outcome = update(&mut rig, "eth0");
    assert_eq!(status(&outcome), None);
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    assert_eq!(status(&outcome), Some(Status(4711)));
    let outcome = update(&mut rig, "eth0");
    rig.apply(&[unset("protocols.sample")]).unwrap();
    complete(&mut rig, OSPF, Status::NO_ERROR);
    assert_eq!(status(&outcome), Some(Status::ERROR_CAN_NOT_COMPLETE));
    assert!(
        !rig.manager
            .tree()
            .contains_key(&BlockKey::interface("eth0", ProtocolId::AUTOSTATIC))
    );
}

#[test]
fn routes_that_cannot_be_stored_are_not_taken() {
    let mut rig = rig();
    learn(&rig, SAMPLE, &[route("10.0.0.0/8", 5)]);
    rig.store.get().fail(
        waypost_infobase::Operation::Confirm,
        0,
        waypost_infobase::StoreError::Full { path: "/".into() },
    );
    let outcome = update(&mut rig, "eth0");
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    complete(&mut rig, OSPF, Status::NO_ERROR);
    assert_eq!(status(&outcome), Some(Status::ERROR_DISK_FULL));
    assert_eq!(kept(&rig, 2), []);
    rig.assert_agreed();
}

/// The routes of an update, as configuration shows them.
fn updated() -> (Rig, Value) {
    let mut rig = rig();
    learn(&rig, SAMPLE, &[route("10.0.0.0/8", 5)]);
    drop(update(&mut rig, "eth0"));
    complete(&mut rig, SAMPLE, Status::NO_ERROR);
    complete(&mut rig, OSPF, Status::NO_ERROR);
    let text = rig.manager.configuration().text_of(rig.manager.tree()).unwrap();
    (rig, text)
}

#[test]
fn a_file_that_does_not_name_them_leaves_them_alone() {
    let (mut rig, mut text) = updated();
    let before = kept(&rig, 2);
    assert_eq!(before.len(), 1);
    text["interfaces"]["eth0"]
        .as_object_mut()
        .unwrap()
        .remove("autostatic")
        .unwrap();
    let plan = rig.plan(&[Edit::Replace(text.clone())]).unwrap();
    assert_eq!(plan.changes, []);
    rig.apply(&[Edit::Replace(json!({}))]).unwrap();
    rig.apply(&[set("interfaces.eth0", json!({ "enabled": true }))])
        .unwrap();
    assert_eq!(kept(&rig, 2), before);
    // One that names them has them changed, and so has whoever unsets them.
    let routes = json!([{ "prefix": "10.7.0.0/16", "metric": 2 }]);
    rig.apply(&[Edit::Replace(
        json!({ "interfaces": { "eth0": { "autostatic": { "routes": routes } } } }),
    )])
    .unwrap();
    assert_eq!(kept(&rig, 2), [("10.7.0.0/16".to_owned(), 2, ETH0)]);
    rig.apply(&[unset("interfaces.eth0")]).unwrap();
    assert_eq!(kept(&rig, 2), []);
}

#[test]
fn they_are_shown_as_routes_and_the_history_says_where_they_are_from() {
    let (mut rig, text) = updated();
    assert_eq!(
        text["interfaces"]["eth0"]["autostatic"],
        json!({ "routes": [{ "prefix": "10.0.0.0/8", "gateway": "192.0.2.77", "metric": 5 }] })
    );
    assert_eq!(
        rig.manager.revisions(1).unwrap()[0].note,
        "autostatic update of eth0: test"
    );
    let again = rig.manager.configuration().blocks_of(&text).unwrap();
    assert_eq!(&again, rig.manager.tree());
    let wrong = json!({ "routes": [{ "prefix": "10.0.0.0/33" }, { "prefix": "10.0.0.0/8", "metrik": 1 }] });
    let refusals = rig
        .apply(&[set("interfaces.eth0.autostatic", wrong)])
        .unwrap_err();
    let paths: Vec<&str> = refusals.iter().map(|refusal| refusal.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "interfaces.eth0.autostatic.routes.0.prefix",
            "interfaces.eth0.autostatic.routes.1.metrik"
        ]
    );
    let mixed = json!({ "routes": [{ "prefix": "10.0.0.0/8", "gateway": "2001:db8::1" }] });
    let refusal = rig
        .apply(&[set("interfaces.eth0.autostatic", mixed)])
        .unwrap_err()
        .remove(0);
    assert_eq!(refusal.path, "interfaces.eth0.autostatic.routes.0.gateway");
}

/// Rows that text cannot tell are kept as they are.
#[test]
fn rows_that_say_more_are_shown_as_octets() {
    let (rig, _) = updated();
    let key = BlockKey::interface("eth0", ProtocolId::AUTOSTATIC);
    let mut tree = rig.manager.tree().clone();
    let block = tree.get_mut(&key).unwrap();
    let last = block.bytes.len() - 1;
    block.bytes[last] ^= 1;
    let configuration = rig.manager.configuration();
    let text = configuration.text_of(&tree).unwrap();
    assert_eq!(configuration.blocks_of(&text).unwrap(), tree);
}
