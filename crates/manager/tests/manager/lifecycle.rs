//! Starting, stopping, failing and saving (routing-protocol-interface 9.2, 10.1).

use serde_json::json;
use waypost_infobase::{BlockKey, Operation, Store as _, StoreError};
use waypost_routprot::conformance::host::{Request, check_order};
use waypost_routprot::{Event, Status};
use waypost_types::{InterfaceIndex, Time};

use crate::rig::{Rig, interface, locked, set, unset};
use crate::sample::{OSPF, RAW, SAMPLE, global, metric};

const ETH0: InterfaceIndex = InterfaceIndex(2);

fn running() -> Rig {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig.apply(&[
        set("protocols.sample.interval", json!(10)),
        set("interfaces.eth0.sample.metric", json!(1)),
    ])
    .unwrap();
    rig
}

#[test]
fn a_protocol_stops_within_the_call() {
    let mut rig = running();
    rig.apply(&[unset("protocols.sample")]).unwrap();
    assert_eq!(rig.state(SAMPLE), "not configured");
    assert_eq!(locked(&rig.routes).removed, [SAMPLE]);
    check_order(&rig.calls()).unwrap();
}

#[test]
fn while_it_stops_nothing_but_messages_is_asked_for() {
    let mut rig = running();
    rig.script(SAMPLE).stay_pending();
    rig.apply(&[unset("protocols.sample")]).unwrap();
    assert_eq!(rig.state(SAMPLE), "stopping");
    assert_eq!(rig.manager.next_deadline(), Some(Time::from_secs(30)));
    // Everything that would otherwise call it.
    rig.gone(2);
    rig.present(interface(3, "eth0"));
    rig.script(SAMPLE).queue(Event::SaveInterfaceConfigInfo(ETH0));
    rig.script(SAMPLE).queue(Event::SaveGlobalConfigInfo);
    rig.drain();
    rig.apply(&[
        set("interfaces.eth0.sample.metric", json!(2)),
        set("interfaces.eth0.enabled", json!(false)),
    ])
    .unwrap();
    drop(rig.manager.show_rows(waypost_routprot::Topic::Summary));
    check_order(&rig.calls()).unwrap();
    rig.script(SAMPLE).finish_stop();
    rig.drain();
    assert_eq!(rig.state(SAMPLE), "not configured");
    assert_eq!(rig.instances(SAMPLE), 1);
    check_order(&rig.calls()).unwrap();
}

#[test]
fn configuration_that_returns_while_stopping_starts_it_again() {
    let mut rig = running();
    rig.script(SAMPLE).stay_pending();
    let old = rig.script(SAMPLE);
    rig.apply(&[unset("protocols.sample")]).unwrap();
    let plan = rig.plan(&[set("protocols.sample.interval", json!(0))]);
    assert_eq!(plan.unwrap_err()[0].path, "protocols.sample.interval");
    rig.apply(&[set("protocols.sample.interval", json!(20))]).unwrap();
    assert_eq!(
        (rig.state(SAMPLE).as_str(), rig.instances(SAMPLE)),
        ("stopping", 1)
    );
    old.finish_stop();
    rig.drain();
    assert_eq!(
        (rig.state(SAMPLE).as_str(), rig.instances(SAMPLE)),
        ("running", 2)
    );
    rig.assert_agreed();
    check_order(&rig.calls()).unwrap();
}

#[test]
fn one_that_does_not_stop_is_abandoned() {
    let mut rig = running();
    rig.script(SAMPLE).stay_pending();
    rig.apply(&[unset("protocols.sample")]).unwrap();
    rig.wait(29);
    assert_eq!(rig.state(SAMPLE), "stopping");
    rig.wait(1);
    assert_eq!(rig.state(SAMPLE), "not configured");
    assert_eq!(rig.manager.next_deadline(), None);
    assert!(
        rig.manager
            .take_log()
            .iter()
            .any(|line| line.contains("did not stop within 30 s"))
    );
}

#[test]
fn a_failed_start_refuses_the_transaction_and_leaves_nothing() {
    let mut rig = Rig::new();
    rig.each(SAMPLE, |script| {
        script.refuse_once(Status(4711), |request| matches!(request, Request::Start { .. }));
    });
    let refusals = rig.apply(&[set("protocols.sample", json!({}))]).unwrap_err();
    // Codes that a protocol invents are passed through (P-2).
    assert_eq!(
        (refusals[0].status, refusals[0].path.as_str()),
        (Status(4711), "protocols.sample")
    );
    assert_eq!(rig.state(SAMPLE), "not configured");
    assert_eq!(rig.store.get().head(), None);
    rig.assert_agreed();
    let refusals = rig.apply(&[set("protocols.0x00000009", json!({ "hex": "00" }))]);
    assert_eq!(refusals.unwrap_err()[0].status, Status::ERROR_UNKNOWN_PROTOCOL_ID);
}

#[test]
fn a_protocol_that_refuses_an_interface_as_it_starts_refuses_the_transaction() {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig.present(interface(3, "eth1"));
    let refuses = |script: &waypost_routprot::conformance::host::Script| {
        script.refuse(Status::ERROR_INVALID_PARAMETER, |request| {
            matches!(request, Request::AddInterface { .. })
        });
    };
    rig.each(SAMPLE, refuses);
    let edits = [
        set("protocols.sample", json!({})),
        set("interfaces.eth0.sample.metric", json!(1)),
        set("interfaces.eth1.sample.metric", json!(1)),
    ];
    let refusals = rig.apply(&edits).unwrap_err();
    let paths: Vec<&str> = refusals.iter().map(|refusal| refusal.path.as_str()).collect();
    assert_eq!(paths, ["interfaces.eth0.sample", "interfaces.eth1.sample"]);
    assert_eq!(rig.state(SAMPLE), "not configured");
    rig.assert_agreed();
    // One that takes its time to stop again holds nothing up.
    rig.each(SAMPLE, move |script| {
        refuses(script);
        script.stay_pending();
    });
    rig.apply(&edits).unwrap_err();
    assert_eq!(rig.state(SAMPLE), "stopping");
    rig.script(SAMPLE).finish_stop();
    rig.drain();
    assert_eq!(rig.state(SAMPLE), "not configured");
    rig.each(SAMPLE, |_| {});
    rig.apply(&edits).unwrap();
    rig.assert_agreed();
    check_order(&rig.calls()).unwrap();
}

#[test]
fn a_client_that_dies_is_started_again_with_its_configuration() {
    let mut rig = running();
    rig.present(interface(3, "eth1"));
    rig.apply(&[set("interfaces.eth1.sample.metric", json!(3))])
        .unwrap();
    rig.died(SAMPLE, "it panicked");
    assert_eq!(rig.state(SAMPLE), "failed");
    assert_eq!(rig.row(SAMPLE)["reason"], "it panicked");
    assert_eq!(locked(&rig.routes).kept, [SAMPLE]);
    assert_eq!(locked(&rig.routes).removed, []);
    // Configuration may change meanwhile.
    rig.apply(&[set("interfaces.eth1.sample.metric", json!(4))])
        .unwrap();
    rig.wait(1);
    assert_eq!(rig.state(SAMPLE), "running");
    rig.assert_agreed();
    check_order(&rig.calls()).unwrap();
}

#[test]
fn a_death_that_is_told_late_is_not_that_of_the_fresh_instance() {
    let mut rig = running();
    let before = rig.instance(SAMPLE);
    rig.died(SAMPLE, "it panicked");
    rig.wait(1);
    assert_eq!(rig.state(SAMPLE), "running");
    assert_ne!(rig.instance(SAMPLE), before);
    // As a thread of the old instance may that was slow to say it.
    rig.manager
        .client_died(rig.now, SAMPLE, before, "its process ended");
    assert_eq!(rig.state(SAMPLE), "running");
    rig.assert_agreed();
}

#[test]
fn back_off_doubles_up_to_a_minute_and_ends_with_steadiness() {
    let mut rig = running();
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        rig.died(SAMPLE, "again");
        assert_eq!(
            rig.manager.next_deadline(),
            Some(rig.now + std::time::Duration::from_secs(wait))
        );
        rig.wait(wait - 1);
        assert_eq!(rig.state(SAMPLE), "failed");
        rig.wait(1);
        assert_eq!(rig.state(SAMPLE), "running");
    }
    rig.wait(300);
    rig.died(SAMPLE, "after a long while");
    rig.wait(1);
    assert_eq!(rig.state(SAMPLE), "running");
}

#[test]
fn one_that_stops_by_itself_waits_before_it_is_started_again() {
    let mut rig = running();
    // Every instance leaves as soon as it is asked for messages: without a wait this would never end.
    rig.each(SAMPLE, |script| script.queue(Event::RouterStopped));
    rig.script(SAMPLE).queue(Event::RouterStopped);
    rig.drain();
    assert_eq!((rig.state(SAMPLE).as_str(), rig.instances(SAMPLE)), ("failed", 1));
    rig.wait(1);
    rig.drain();
    assert_eq!((rig.state(SAMPLE).as_str(), rig.instances(SAMPLE)), ("failed", 2));
    assert_eq!(rig.row(SAMPLE)["reason"], "it stopped by itself");
}

#[test]
fn what_a_protocol_changes_by_itself_is_stored_in_its_name() {
    let mut rig = running();
    rig.script(SAMPLE).change_interface(ETH0, metric(7));
    rig.script(SAMPLE).change_global(global(70));
    rig.drain();
    let heads = rig.manager.revisions(2).unwrap();
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|head| head.author == "protocol sample"));
    assert_eq!(
        rig.manager.tree()[&BlockKey::interface("eth0", SAMPLE)],
        metric(7)
    );
    rig.assert_agreed();
    // What is stored already makes no revision; interfaces that nobody has are dropped.
    let head = rig.manager.revision_in_force();
    rig.script(SAMPLE).queue(Event::SaveGlobalConfigInfo);
    rig.script(SAMPLE)
        .queue(Event::SaveInterfaceConfigInfo(InterfaceIndex(77)));
    rig.drain();
    assert_eq!(rig.manager.revision_in_force(), head);
    check_order(&rig.calls()).unwrap();
}

#[test]
fn a_save_that_fails_does_not_block_later_ones() {
    let mut rig = running();
    for operation in [Operation::Begin, Operation::Confirm] {
        rig.store
            .get()
            .fail(operation, 0, StoreError::Full { path: "/".into() });
        rig.script(SAMPLE).change_interface(ETH0, metric(7));
        rig.drain();
        rig.store.assert_nothing_pending();
        assert!(
            rig.manager
                .take_log()
                .iter()
                .any(|line| line.contains("could not be stored"))
        );
        rig.apply(&[set("protocols.sample.interval", json!(11))]).unwrap();
        rig.apply(&[set("protocols.sample.interval", json!(12))]).unwrap();
    }
    rig.script(SAMPLE).change_interface(ETH0, metric(8));
    rig.drain();
    rig.assert_agreed();
}

#[test]
fn the_router_stops_everyone_and_starts_no_one() {
    let mut rig = running();
    rig.apply(&[set("protocols.ospf", json!({}))]).unwrap();
    rig.script(OSPF).stay_pending();
    rig.manager.stop(rig.now);
    assert!(!rig.manager.is_quiet());
    rig.script(OSPF).queue(Event::SaveGlobalConfigInfo);
    rig.script(OSPF).finish_stop();
    rig.drain();
    assert!(rig.manager.is_quiet());
    rig.wait(120);
    assert_eq!(
        (rig.instances(OSPF), rig.instances(SAMPLE), rig.instances(RAW)),
        (1, 1, 0)
    );
    check_order(&rig.calls()).unwrap();
}
