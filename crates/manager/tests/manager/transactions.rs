//! Transactions are all or nothing, whoever refuses and whatever the disk does.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::json;
use waypost_infobase::{BlockKey, Operation, Store as _, StoreError};
use waypost_manager::{Edit, Terms};
use waypost_routprot::conformance::host::{Request, check_order};
use waypost_routprot::{Impact, InfoBlock, Status};
use waypost_types::{InterfaceIndex, ProtocolId};

use crate::rig::{Rig, WALL, author, interface, locked, set, unset};
use crate::sample::{OSPF, RAW, SAMPLE, global, metric};

const PROTOCOLS: [ProtocolId; 3] = [SAMPLE, OSPF, RAW];
const NAMES: [&str; 4] = ["eth0", "eth1", "eth2", "absent0"];

fn any_edit() -> impl Strategy<Value = Edit> {
    let protocol = prop::sample::select(&PROTOCOLS[..]);
    (
        protocol,
        prop::option::weighted(0.7, prop::sample::select(&NAMES[..])),
        prop::option::weighted(0.8, 1..5_u32),
    )
        .prop_map(|(id, on, value)| match on {
            None => Edit::Block(BlockKey::protocol(id), value.map(global)),
            Some(name) => Edit::Block(BlockKey::interface(name, id), value.map(metric)),
        })
}

/// Counts down over the calls that can be refused; the calls it hits are refused.
type Countdowns = Arc<Mutex<Vec<u32>>>;

fn hit(countdowns: &Countdowns, request: &Request) -> bool {
    // Deletions and stops cannot be refused (P-14, P-17), messages neither.
    if matches!(
        request,
        Request::DeleteInterface { .. } | Request::Stop | Request::NextEvent { .. } | Request::Show { .. }
    ) {
        return false;
    }
    let mut hit = false;
    locked(countdowns).retain_mut(|left| match left.checked_sub(1) {
        Some(fewer) => {
            *left = fewer;
            true
        }
        None => {
            hit = true;
            false
        }
    });
    hit
}

fn rig(countdowns: &Countdowns) -> Rig {
    let mut rig = Rig::new();
    for id in PROTOCOLS {
        let countdowns = Arc::clone(countdowns);
        rig.each(id, move |script| {
            let countdowns = Arc::clone(&countdowns);
            script.refuse(Status::ERROR_CAN_NOT_COMPLETE, move |request| {
                hit(&countdowns, request)
            });
        });
    }
    for (index, name) in [(2, "eth0"), (3, "eth1"), (4, "eth2")] {
        rig.present(interface(index, name));
    }
    rig
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn all_or_nothing(
        before in prop::collection::vec(any_edit(), 0..12),
        edits in prop::collection::vec(any_edit(), 1..10),
        countdowns in prop::collection::vec(0..40_u32, 0..3),
        disk in prop::option::of(prop::sample::select(vec![Operation::Begin, Operation::Confirm, Operation::Abandon])),
    ) {
        let armed = Countdowns::default();
        let mut rig = rig(&armed);
        rig.apply(&before).unwrap();
        rig.assert_agreed();
        let (observed, tree) = (rig.observed(), rig.manager.tree().clone());
        let head = rig.manager.revision_in_force();

        let twice = countdowns.len() > 1;
        locked(&armed).extend(countdowns);
        if let Some(operation) = disk {
            rig.store.get().fail(operation, 0, StoreError::Full { path: "/".into() });
        }
        let applied = rig.apply(&edits);
        locked(&armed).clear();
        // Of two failures the second may hit the way back: then the client is started again.
        if twice {
            rig.wait(60);
        }
        if applied.is_err() {
            prop_assert_eq!(rig.manager.tree(), &tree);
            prop_assert_eq!(rig.observed(), observed);
            prop_assert_eq!(rig.manager.revision_in_force(), head);
        }
        rig.assert_agreed();
        if let Err(broken) = check_order(&rig.calls()) {
            prop_assert!(false, "{}", broken);
        }
    }

    #[test]
    fn a_plan_changes_nothing_and_says_what_an_apply_would(
        before in prop::collection::vec(any_edit(), 0..12),
        edits in prop::collection::vec(any_edit(), 1..10),
    ) {
        let mut rig = rig(&Countdowns::default());
        rig.apply(&before).unwrap();
        let (observed, tree) = (rig.observed(), rig.manager.tree().clone());
        drop(rig.requests());
        let planned = rig.plan(&edits).unwrap();
        prop_assert_eq!(rig.requests(), vec![]);
        prop_assert_eq!(rig.manager.tree(), &tree);
        prop_assert_eq!(rig.observed(), observed);
        let applied = rig.apply(&edits).unwrap();
        prop_assert_eq!(&applied.plan, &planned);
        prop_assert_eq!(planned.changes.is_empty(), rig.manager.tree() == &tree);
        // The same again: nothing to do, nobody called, no revision.
        drop(rig.log.take());
        let again = rig.apply(&edits).unwrap();
        prop_assert_eq!(again.plan.changes, vec![]);
        prop_assert_eq!(again.revision, rig.manager.revision_in_force());
        prop_assert_eq!(rig.log.take(), vec![]);
    }

    #[test]
    fn rollback_restores_any_revision(
        histories in prop::collection::vec(prop::collection::vec(any_edit(), 1..6), 1..8),
        to in any::<prop::sample::Index>(),
    ) {
        let mut rig = rig(&Countdowns::default());
        for edits in &histories {
            rig.apply(edits).unwrap();
        }
        let revisions = rig.manager.revisions(100).unwrap();
        prop_assume!(!revisions.is_empty());
        let to = to.get(&revisions).number;
        let target = rig.manager.revision(to).unwrap();
        let applied = rig.manager.rollback(rig.now, WALL, to, &author(), &Terms::default()).unwrap();
        prop_assert_eq!(rig.manager.tree(), &target);
        rig.assert_agreed();
        let head = rig.store.get().head().unwrap().clone();
        prop_assert_eq!(applied.revision, Some(head.number));
        if head.number > revisions[0].number {
            prop_assert_eq!(head.rollback_of, Some(to));
        }
        if let Err(broken) = check_order(&rig.calls()) {
            prop_assert!(false, "{}", broken);
        }
    }
}

#[test]
fn everything_in_one_revision() {
    let mut rig = rig(&Countdowns::default());
    rig.apply(&[
        set("protocols.sample", json!({})),
        set("interfaces.eth0.sample", json!({})),
        set("interfaces.eth1.sample", json!({})),
    ])
    .unwrap();
    let first = rig.manager.revision_in_force().unwrap();
    drop(rig.requests());
    let applied = rig
        .apply(&[
            unset("protocols.sample"),
            unset("interfaces.eth0"),
            set("protocols.ospf.interval", json!(5)),
            set("interfaces.eth1.ospf.metric", json!(5)),
            set("interfaces.eth2.enabled", json!(false)),
            set("interfaces.eth2.ospf.metric", json!(6)),
            set("interfaces.absent0.ospf.metric", json!(7)),
            set("router.annotate", json!("all at once")),
        ])
        .unwrap();
    assert_eq!(applied.revision, Some(first + 1));
    rig.assert_agreed();
    let order: Vec<(ProtocolId, &str)> = rig
        .requests()
        .iter()
        .filter_map(|(id, request)| match request {
            Request::Start { .. } => Some((*id, "start")),
            Request::Stop => Some((*id, "stop")),
            Request::DeleteInterface { .. } => Some((*id, "delete")),
            _ => None,
        })
        .collect();
    // What can be refused comes first; a protocol that stops drops its interfaces by itself (5.3).
    assert_eq!(order, [(OSPF, "start"), (SAMPLE, "stop")]);
    rig.manager
        .rollback(rig.now, WALL, first, &author(), &Terms::default())
        .unwrap();
    rig.assert_agreed();
    assert_eq!(
        (rig.state(SAMPLE).as_str(), rig.state(OSPF).as_str()),
        ("running", "not configured")
    );
    check_order(&rig.calls()).unwrap();
}

#[test]
fn a_change_that_the_protocol_made_itself_survives_a_failed_transaction() {
    let mut rig = rig(&Countdowns::default());
    rig.apply(&[
        set("protocols.sample", json!({})),
        set("interfaces.eth0.sample.metric", json!(1)),
    ])
    .unwrap();
    // Said, but not heard yet.
    rig.script(SAMPLE).change_interface(InterfaceIndex(2), metric(9));
    rig.script(SAMPLE).change_global(global(99));
    rig.store
        .get()
        .fail(Operation::Confirm, 0, StoreError::Full { path: "/".into() });
    rig.apply(&[
        set("protocols.sample.interval", json!(3)),
        set("interfaces.eth0.sample.metric", json!(2)),
    ])
    .unwrap_err();
    assert_eq!(rig.script(SAMPLE).interface(InterfaceIndex(2)), Some(metric(9)));
    assert_eq!(rig.script(SAMPLE).global(), global(99));
    rig.drain();
    rig.assert_agreed();
}

#[test]
fn a_client_that_does_not_go_back_is_stopped_and_started_again() {
    let mut rig = rig(&Countdowns::default());
    rig.apply(&[
        set("protocols.sample", json!({})),
        set("interfaces.eth0.sample.metric", json!(1)),
    ])
    .unwrap();
    rig.script(SAMPLE).refuse(
        Status::ERROR_CAN_NOT_COMPLETE,
        |request| matches!(request, Request::SetInterface { info, .. } if *info == metric(1)),
    );
    rig.store
        .get()
        .fail(Operation::Confirm, 0, StoreError::Full { path: "/".into() });
    let refusals = rig
        .apply(&[set("interfaces.eth0.sample.metric", json!(2))])
        .unwrap_err();
    assert_eq!(refusals[0].status, Status::ERROR_DISK_FULL);
    assert_eq!(rig.instances(SAMPLE), 2);
    assert_eq!(locked(&rig.routes).removed, [], "its routes are kept meanwhile");
    rig.assert_agreed();
    check_order(&rig.calls()).unwrap();
}

/// A refusal of a protocol that does not say beforehand what it takes costs nobody else a change there and back.
#[test]
fn who_cannot_say_beforehand_is_set_first() {
    let both = [SAMPLE, OSPF];
    for unsure in both {
        let mut rig = rig(&Countdowns::default());
        let edits = |value| {
            let of = |id| {
                let on = BlockKey::interface("eth0", id);
                [
                    Edit::Block(BlockKey::protocol(id), Some(global(value))),
                    Edit::Block(on, Some(metric(value))),
                ]
            };
            both.map(of).concat()
        };
        rig.apply(&edits(1)).unwrap();
        rig.script(unsure).refuse(Status::ERROR_NOT_SUPPORTED, |request| {
            matches!(
                request,
                Request::PrepareGlobal { .. } | Request::PrepareInterface { .. }
            )
        });
        let before = rig.log.changes().len();
        rig.apply(&edits(2)).unwrap();
        let set: Vec<ProtocolId> = rig.log.changes()[before..].iter().map(|(id, _)| *id).collect();
        let sure = both.into_iter().find(|id| *id != unsure).unwrap();
        assert_eq!(set, [unsure, unsure, sure, sure]);
        rig.script(unsure).refuse(
            Status::ERROR_CAN_NOT_COMPLETE,
            |request| matches!(request, Request::SetInterface { info, .. } if *info == metric(3)),
        );
        let before = rig.log.changes().len();
        rig.apply(&edits(3)).unwrap_err();
        let touched = &rig.log.changes()[before..];
        assert!(touched.iter().all(|(id, _)| *id == unsure), "{touched:?}");
        rig.assert_agreed();
    }
}

#[test]
fn a_failed_protocol_is_what_it_was_after_a_failed_transaction() {
    let mut rig = rig(&Countdowns::default());
    rig.apply(&[set("protocols.sample.interval", json!(1))]).unwrap();
    rig.each(SAMPLE, |script| {
        script.refuse(
            Status::ERROR_INVALID_PARAMETER,
            |request| matches!(request, Request::Start { global: info } if *info == global(1)),
        );
    });
    rig.died(SAMPLE, "it panicked");
    rig.wait(1);
    let before = rig.row(SAMPLE);
    assert_eq!(before["state"], "failed");
    rig.store
        .get()
        .fail(Operation::Confirm, 0, StoreError::Full { path: "/".into() });
    let edit = [set("protocols.sample.interval", json!(2))];
    rig.apply(&edit).unwrap_err();
    assert_eq!(rig.row(SAMPLE), before);
    rig.apply(&edit).unwrap();
    rig.assert_agreed();
}

#[test]
fn blocks_that_nobody_running_judges_are_checked_all_the_same() {
    let mut rig = rig(&Countdowns::default());
    let nonsense = || Some(InfoBlock::new(1, b"nonsense".to_vec()));
    let mut count_two = metric(1);
    count_two.structure_count = 2;
    let bad = [
        (
            BlockKey::interface("eth0", SAMPLE),
            nonsense(),
            "interfaces.eth0.sample",
        ),
        (BlockKey::protocol(OSPF), nonsense(), "protocols.ospf"),
        (
            BlockKey::interface("eth0", RAW),
            Some(count_two),
            "interfaces.eth0.igmp.StructureCount",
        ),
        (
            BlockKey::interface("eth0", ProtocolId(0xFFFF_0004)),
            nonsense(),
            "interfaces.eth0.enabled",
        ),
        (
            BlockKey::interface("eth0", ProtocolId::AUTOSTATIC),
            nonsense(),
            "interfaces.eth0.autostatic",
        ),
        (
            BlockKey::interface("a/b", SAMPLE),
            Some(metric(1)),
            "interfaces.\"a/b\".sample",
        ),
    ];
    for (key, block, path) in bad {
        let edit = [Edit::Block(key, block)];
        let refused = rig.plan(&edit).unwrap_err();
        assert!(refused[0].path.starts_with(path), "{}", refused[0]);
        assert_eq!(refused[0].status, Status::ERROR_INVALID_PARAMETER);
        assert_eq!(rig.apply(&edit).unwrap_err(), refused);
    }
    assert!(rig.manager.tree().is_empty());
}

#[test]
fn an_operator_is_told_what_will_do_nothing() {
    let mut rig = rig(&Countdowns::default());
    let edits = [
        set("interfaces.eth0.sample.metric", json!(1)),
        set("interfaces.eth1.sample.metric", json!(1)),
    ];
    assert_eq!(
        rig.plan(&edits).unwrap().notes,
        ["interfaces.eth0.sample (and 1 more) does nothing until sample is enabled: set protocols.sample={}"]
    );
    let enabled = [&edits[..], &[set("protocols.sample", json!({}))]].concat();
    assert_eq!(rig.plan(&enabled).unwrap().notes, Vec::<String>::new());
}

/// A protocol joins an interface by a table without options: that is a change like any other.
#[test]
fn an_empty_table_is_a_change() {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig.apply(&[set("protocols.static", json!({}))]).unwrap();
    let edits = [set("interfaces.eth0.static", json!({}))];
    let plan = rig.plan(&edits).unwrap();
    let [change] = plan.changes.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(change.path, "interfaces.eth0.static");
    assert_eq!((&change.old, &change.new), (&None, &Some(json!({}))));
    assert_eq!(
        (&change.impact, change.reason.as_str()),
        (&Impact::Live, "the protocol joins the interface")
    );
    let applied = rig.apply(&edits).unwrap();
    assert_eq!(
        (applied.plan, applied.revision, applied.changed),
        (plan, Some(2), true)
    );
    let again = rig.apply(&edits).unwrap();
    assert_eq!(
        (again.plan.changes.len(), again.revision, again.changed),
        (0, Some(2), false)
    );
}
