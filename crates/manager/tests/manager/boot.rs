//! What a start finds, and what it does with what is wrong.

use serde_json::json;
use waypost_infobase::{BlockKey, MemoryStore, Origin, Store as _};
use waypost_routprot::conformance::host::Request;
use waypost_routprot::{InfoBlock, Status};
use waypost_types::ProtocolId;

use crate::rig::{Rig, SharedStore, interface, set, unset};
use crate::sample::{OSPF, SAMPLE, global, metric};

fn stored(blocks: Vec<(BlockKey, InfoBlock)>) -> MemoryStore {
    let mut store = MemoryStore::new();
    let changes: Vec<_> = blocks
        .into_iter()
        .map(|(key, block)| (key, Some(block)))
        .collect();
    let number = store.begin(Origin::default(), changes.into()).unwrap();
    store.confirm(number).unwrap();
    store
}

#[test]
fn a_revision_that_was_being_applied_is_reported() {
    let mut store = stored(vec![(BlockKey::protocol(SAMPLE), global(1))]);
    let origin = Origin {
        author: "bob".to_owned(),
        ..Origin::default()
    };
    store
        .begin(origin, [(BlockKey::protocol(SAMPLE), Some(global(2)))].into())
        .unwrap();
    let mut rig = Rig::over(SharedStore::new(store.restarted()), &[]);
    let log = rig.manager.take_log();
    assert!(
        log.iter()
            .any(|line| line.starts_with("revision 2 by bob was being applied")),
        "{log:?}"
    );
    assert_eq!(rig.script(SAMPLE).global(), global(1));
}

#[test]
fn a_refused_stored_block_is_shown_and_kept() {
    let bad = InfoBlock::new(1, b"nonsense".to_vec());
    let store = stored(vec![
        (BlockKey::protocol(SAMPLE), bad.clone()),
        (BlockKey::protocol(OSPF), global(1)),
        (BlockKey::interface("eth0", OSPF), metric(2)),
        (BlockKey::interface("eth1", OSPF), metric(3)),
    ]);
    let interfaces = [interface(2, "eth0"), interface(3, "eth1")];
    let mut rig = Rig::prepared(SharedStore::new(store), &interfaces, |rig| {
        rig.each(SAMPLE, |script| {
            script.refuse(
                Status::ERROR_INVALID_PARAMETER,
                |request| matches!(request, Request::Start { global } if global.bytes == b"nonsense"),
            );
        });
        rig.each(OSPF, |script| {
            script.refuse(
                Status::ERROR_INVALID_PARAMETER,
                |request| matches!(request, Request::AddInterface { info, .. } if *info == metric(3)),
            );
        });
    });
    assert_eq!(rig.state(SAMPLE), "failed");
    assert!(
        rig.row(SAMPLE)["reason"]
            .as_str()
            .unwrap()
            .contains("protocols.sample")
    );
    assert_eq!(rig.manager.tree()[&BlockKey::protocol(SAMPLE)], bad);
    assert_eq!(
        rig.manager.next_deadline(),
        None,
        "it does not get better by itself"
    );
    // One interface is refused: the protocol runs on the other.
    assert_eq!(rig.state(OSPF), "running");
    assert_eq!(rig.row(OSPF)["refused"][0]["path"], "interfaces.eth1.ospf");
    assert_eq!(rig.row(OSPF)["interfaces"], 1);
    // Both are put right.
    rig.apply(&[
        set("interfaces.eth1.ospf.metric", json!(4)),
        set("protocols.sample", json!({})),
    ])
    .unwrap();
    assert_eq!(rig.row(OSPF)["refused"], json!([]));
    rig.assert_agreed();
}

/// A port in use, or whatever else passes: the interface is offered again, ever more rarely, until it is taken.
#[test]
fn an_interface_that_was_not_taken_is_offered_again() {
    let mut rig = Rig::new();
    rig.apply(&[
        set("protocols.sample", json!({})),
        set("interfaces.eth0.sample.metric", json!(1)),
    ])
    .unwrap();
    assert_eq!(rig.manager.next_deadline(), None);
    let added = |request: &Request| matches!(request, Request::AddInterface { .. });
    rig.script(SAMPLE).refuse(Status::ERROR_CAN_NOT_COMPLETE, added);
    rig.present(interface(2, "eth0"));
    let offers = |rig: &mut Rig| {
        rig.requests()
            .iter()
            .filter(|(_, request)| added(request))
            .count()
    };
    assert_eq!(offers(&mut rig), 1);
    rig.wait(0);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let deadline = rig.manager.next_deadline().unwrap();
        waits.push(deadline.since(rig.now).as_secs());
        rig.wait(waits.last().copied().unwrap_or_default());
        assert_eq!(offers(&mut rig), 1);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(rig.row(SAMPLE)["refused"][0]["path"], "interfaces.eth0.sample");
    let log = rig.manager.take_log();
    let said = log.iter().filter(|line| line.contains("was not taken"));
    assert_eq!(said.count(), 1, "{log:?}");
    rig.script(SAMPLE).accept_all();
    rig.wait(60);
    assert_eq!(rig.row(SAMPLE)["refused"], json!([]));
    assert_eq!(rig.manager.next_deadline(), None);
    rig.assert_agreed();
    // What is invalid stays so.
    rig.gone(2);
    rig.script(SAMPLE).refuse(Status::ERROR_INVALID_PARAMETER, added);
    rig.present(interface(2, "eth0"));
    assert_eq!(rig.manager.next_deadline(), None);
}

#[test]
fn anything_but_invalid_configuration_is_tried_again() {
    let store = stored(vec![(BlockKey::protocol(SAMPLE), global(1))]);
    let mut rig = Rig::prepared(SharedStore::new(store), &[], |rig| {
        rig.each(SAMPLE, |script| {
            script.refuse(Status::ERROR_CAN_NOT_COMPLETE, |request| {
                matches!(request, Request::Start { .. })
            });
        });
    });
    assert_eq!(rig.row(SAMPLE)["failures"], 1);
    rig.wait(1);
    assert_eq!(rig.row(SAMPLE)["failures"], 2);
    rig.wait(1);
    assert_eq!(rig.row(SAMPLE)["failures"], 2, "the second wait is longer");
    rig.each(SAMPLE, |_| {});
    rig.wait(1);
    assert_eq!(rig.state(SAMPLE), "running");
    rig.assert_agreed();
}

#[test]
fn unreadable_router_blocks_are_kept_shown_and_can_be_put_right() {
    let settings = BlockKey::router(ProtocolId(0xFFFF_5700));
    let foreign = BlockKey::router(ProtocolId(0xFFFF_0007));
    let store = stored(vec![
        (settings, InfoBlock::new(1, vec![1, 2])),
        (foreign.clone(), InfoBlock::new(3, vec![0xAB])),
    ]);
    let mut rig = Rig::over(SharedStore::new(store), &[]);
    let log = rig.manager.take_log();
    assert!(
        log.iter().any(|line| line.contains("router.blocks.0xffff5700")),
        "{log:?}"
    );
    let text = rig.manager.show_configuration().unwrap();
    assert_eq!(
        text,
        json!({ "router": { "blocks": {
            "0xffff0007": { "version": 3, "hex": "ab" },
            "0xffff5700": { "version": 1, "hex": "0102" },
        } } })
    );
    assert_eq!(
        &rig.manager.configuration().blocks_of(&text).unwrap(),
        rig.manager.tree()
    );
    // Something beside it can be set; the options that it holds cannot, until it is out of the way.
    rig.apply(&[set("router.preferences.rip", json!(99))]).unwrap();
    let refusals = rig.apply(&[set("router.id", json!("192.0.2.9"))]).unwrap_err();
    assert_eq!(refusals[0].path, "router.blocks.0xffff5700");
    rig.apply(&[
        unset("router.blocks.0xffff5700"),
        set("router.id", json!("192.0.2.9")),
    ])
    .unwrap();
    assert_eq!(rig.manager.router_id().unwrap().to_string(), "192.0.2.9");
    assert_eq!(rig.manager.tree()[&foreign], InfoBlock::new(3, vec![0xAB]));
    // A new block that cannot be read is refused.
    let raw = json!({ "hex": "0102" });
    let refusals = rig.apply(&[unset("router.id"), set("router.blocks.0xffff5700", raw)]);
    assert_eq!(refusals.unwrap_err()[0].path, "router.blocks.0xffff5700");
}

#[test]
fn preferences_are_given_to_the_routing_table_and_taken_back() {
    let mut rig = Rig::new();
    let bgp = ProtocolId::BGP_ROUTES;
    let told = |rig: &Rig, id| crate::rig::locked(&rig.routes).preferences.get(&id).copied();
    rig.apply(&[
        set("router.preferences.bgp", json!(77)),
        set("router.preferences.nobody", json!(1)),
    ])
    .unwrap_err();
    rig.apply(&[
        set("router.preferences.bgp", json!(77)),
        set("router.preferences.0x000000c8", json!(1)),
    ])
    .unwrap();
    assert_eq!((told(&rig, bgp), told(&rig, SAMPLE)), (Some(77), Some(1)));
    rig.apply(&[unset("router.preferences")]).unwrap();
    assert_eq!(told(&rig, SAMPLE), Some(127));
    assert_ne!(told(&rig, bgp), Some(77));
    let twice = set("router.preferences", json!({ "rip": 5, "8": 6 }));
    assert!(rig.apply(&[twice]).unwrap_err()[0].reason.contains("twice"));
}

/// Limits and hold-downs go to the routing table, survive a restart, and are taken back.
#[test]
fn route_limits_and_hold_down_are_given_to_the_routing_table_and_taken_back() {
    use std::time::Duration;
    use waypost_manager::RouteTerms;

    let mut rig = Rig::new();
    let told = |rig: &Rig| {
        crate::rig::locked(&rig.routes)
            .terms
            .get(&ProtocolId::RIP)
            .copied()
    };
    // A configuration without them is the block it always was.
    rig.apply(&[set("router.annotate", json!("a note"))]).unwrap();
    let settings = BlockKey::router(ProtocolId(0xFFFF_5700));
    let plain = rig.manager.tree()[&settings].clone();
    rig.apply(&[
        set("router.route-limits.rip", json!(100_000)),
        set("router.hold-down.rip", json!(30)),
        set("router.hold-down.8", json!(30)),
    ])
    .unwrap_err();
    rig.apply(&[
        set("router.route-limits.rip", json!(100_000)),
        set("router.hold-down.rip", json!(30)),
    ])
    .unwrap();
    let both = RouteTerms {
        limit: Some(100_000),
        hold_down: Some(Duration::from_secs(30)),
    };
    assert_eq!(told(&rig), Some(both));
    let text = rig.manager.show_configuration().unwrap();
    assert_eq!(
        text["router"],
        json!({ "annotate": "a note", "route-limits": { "rip": 100_000 }, "hold-down": { "rip": 30 } })
    );
    for (path, value) in [
        ("router.route-limits.rip", json!(0)),
        ("router.hold-down.rip", json!(3601)),
        ("router.hold-down.ripp", json!(1)),
    ] {
        let refusals = rig.apply(&[set(path, value)]).unwrap_err();
        assert_eq!(refusals[0].path, path, "{refusals:?}");
    }
    rig.apply(&[unset("router.route-limits"), unset("router.hold-down")])
        .unwrap();
    assert_eq!(told(&rig), Some(RouteTerms::default()));
    assert_eq!(rig.manager.tree()[&settings], plain);

    // What the table may hold goes with it.
    rig.apply(&[set("router.memory-budget", json!(512))]).unwrap();
    assert_eq!(crate::rig::locked(&rig.routes).budget, Some(512));
    for wrong in [0, 1_048_577] {
        let refusals = rig
            .apply(&[set("router.memory-budget", json!(wrong))])
            .unwrap_err();
        let refusal = &refusals[0];
        assert_eq!(refusal.path, "router.memory-budget");
        assert_eq!(refusal.allowed.as_deref(), Some("1..=1048576"));
    }
    let text = rig.manager.show_configuration().unwrap();
    assert_eq!(
        text["router"],
        json!({ "annotate": "a note", "memory-budget": 512 })
    );
    rig.apply(&[unset("router.memory-budget")]).unwrap();
    assert_eq!(crate::rig::locked(&rig.routes).budget, None);
    assert_eq!(rig.manager.tree()[&settings], plain);
}

/// The published extended block ranks route sources too; the options of the router win over it.
#[test]
fn extended_preferences_count() {
    let mut rig = Rig::new();
    let told = |rig: &Rig, id| crate::rig::locked(&rig.routes).preferences.get(&id).copied();
    // Two entries: RIP 77; BGP, exterior routes, 66.
    let words = [2_u32, 8, 0, 77, ProtocolId::BGP_ROUTES.0, 2, 66];
    let hex: String = words
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let block = json!({ "hex": hex });
    rig.apply(&[set("router.blocks.0xffff0017", block.clone())])
        .unwrap();
    assert_eq!(
        (told(&rig, ProtocolId::RIP), told(&rig, ProtocolId::BGP_ROUTES)),
        (Some(77), Some(66))
    );
    let text = rig.manager.show_configuration().unwrap();
    assert_eq!(
        text["router"]["blocks"]["0xffff0017"]["hex"], block["hex"],
        "it stays as it is"
    );
    rig.apply(&[set("router.preferences.rip", json!(99))]).unwrap();
    assert_eq!(told(&rig, ProtocolId::RIP), Some(99));
    rig.apply(&[set("router.blocks.0xffff0017", json!({ "hex": "02000000" }))])
        .unwrap_err();
    rig.apply(&[unset("router.blocks.0xffff0017")]).unwrap();
    assert_ne!(told(&rig, ProtocolId::BGP_ROUTES), Some(66));
}
