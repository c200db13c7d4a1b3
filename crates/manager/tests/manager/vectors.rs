//! The host's test vectors of routing-protocol-interface 6.6.

use serde_json::json;
use waypost_infobase::{BlockKey, Origin, Store as _};
use waypost_manager::Edit;
use waypost_routprot::conformance::host::{Request, check_order};
use waypost_routprot::{InfoBlock, Status};
use waypost_types::InterfaceIndex;

use crate::rig::{Rig, interface, set};
use crate::sample::{OSPF, RAW, SAMPLE, metric};

const ETH0: InterfaceIndex = InterfaceIndex(2);

fn two_clients() -> Rig {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig.apply(&[
        set("protocols.sample", json!({})),
        set("protocols.ospf", json!({})),
        set("interfaces.eth0.sample.metric", json!(1)),
        set("interfaces.eth0.ospf.metric", json!(1)),
    ])
    .unwrap();
    drop(rig.requests());
    rig
}

#[test]
fn vector_7_a_foreign_block_calls_nobody() {
    let mut rig = two_clients();
    rig.apply(&[Edit::Block(
        BlockKey::interface("eth0", RAW),
        Some(InfoBlock::new(1, vec![1])),
    )])
    .unwrap();
    assert_eq!(rig.requests(), []);
}

#[test]
fn vector_8_a_block_without_data_deletes_the_client_from_the_interface() {
    let mut rig = two_clients();
    for form in [Some(InfoBlock::absent()), None] {
        rig.apply(&[Edit::Block(BlockKey::interface("eth0", SAMPLE), form)])
            .unwrap();
        assert_eq!(
            rig.requests(),
            [(SAMPLE, Request::DeleteInterface { index: ETH0 })]
        );
        assert!(
            !rig.manager
                .tree()
                .contains_key(&BlockKey::interface("eth0", SAMPLE))
        );
        rig.assert_agreed();
        rig.apply(&[set("interfaces.eth0.sample.metric", json!(2))])
            .unwrap();
        drop(rig.requests());
    }
    // Where the client is not, it is a no-op that succeeds (6.4).
    let nothing = Some(InfoBlock::absent());
    let applied = rig.apply(&[Edit::Block(BlockKey::interface("eth9", SAMPLE), nothing)]);
    assert_eq!(applied.unwrap().plan.changes, []);
}

#[test]
fn vector_11_a_restart_brings_the_stored_value_back() {
    let rig = two_clients();
    // In the protocol only: nobody said that it is to be saved.
    rig.script(SAMPLE)
        .queue(waypost_routprot::Event::SaveInterfaceConfigInfo(ETH0));
    let mut store = rig.store.get().clone();
    // And in a candidate that was never confirmed.
    let key = BlockKey::interface("eth0", SAMPLE);
    store
        .begin(Origin::default(), [(key, Some(metric(9)))].into())
        .unwrap();
    let again = Rig::over(
        crate::rig::SharedStore::new(store.restarted()),
        &[interface(7, "eth0")],
    );
    assert_eq!(again.script(SAMPLE).interface(InterfaceIndex(7)), Some(metric(1)));
    again.assert_agreed();
    check_order(&again.calls()).unwrap();
}

#[test]
fn vector_12_one_invalid_block_of_two_refuses_both() {
    // The native transaction is all or nothing, unlike the published call (P-22).
    for first in [OSPF, SAMPLE] {
        let mut rig = two_clients();
        rig.script(first)
            .refuse(Status::ERROR_CAN_NOT_COMPLETE, |request| {
                matches!(request, Request::SetInterface { .. })
            });
        let edits = [
            set("interfaces.eth0.sample.metric", json!(5)),
            set("interfaces.eth0.ospf.metric", json!(5)),
        ];
        let before = rig.observed();
        let refusals = rig.apply(&edits).unwrap_err();
        let name = rig.manager.configuration().name_of(first);
        assert_eq!(
            (refusals[0].status, refusals[0].path.as_str()),
            (
                Status::ERROR_CAN_NOT_COMPLETE,
                format!("interfaces.eth0.{name}").as_str()
            )
        );
        assert_eq!(rig.observed(), before);
        rig.assert_agreed();
        rig.script(first).accept_all();
        rig.apply(&edits).unwrap();
        rig.assert_agreed();
        check_order(&rig.calls()).unwrap();
    }
}

#[test]
fn every_mistake_is_reported_with_its_whole_path() {
    let mut rig = two_clients();
    for id in [OSPF, SAMPLE] {
        rig.script(id).refuse(Status::ERROR_INVALID_PARAMETER, |request| {
            matches!(
                request,
                Request::PrepareInterface { .. } | Request::PrepareGlobal { .. }
            )
        });
    }
    let refusals = rig
        .apply(&[
            set("interfaces.eth0.ospf.metric", json!(5)),
            set("interfaces.eth0.sample.metric", json!(5)),
            set("protocols.sample.interval", json!(5)),
        ])
        .unwrap_err();
    let paths: Vec<&str> = refusals.iter().map(|refusal| refusal.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "protocols.sample",
            "interfaces.eth0.ospf",
            "interfaces.eth0.sample"
        ]
    );
    // Mistakes in the text, of several edits, too.
    let refusals = rig
        .apply(&[
            set("interfaces.eth0.ospf.metric", json!(99)),
            set("interfaces.eth0.sample.metrc", json!(5)),
            set("protocls.sample", json!({})),
        ])
        .unwrap_err();
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("interfaces.eth0.ospf.metric: value is out of range: 99"));
    assert!(told[1].contains("did you mean 'metric'"), "{}", told[1]);
    assert!(told[2].contains("did you mean 'protocols'"), "{}", told[2]);
    rig.assert_agreed();
}
