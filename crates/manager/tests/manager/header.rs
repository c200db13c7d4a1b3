//! Containers of blocks as configuration, by the table of routing-protocol-interface 6.4.

use proptest::prelude::*;
use serde_json::json;
use waypost_infobase::BlockKey;
use waypost_manager::Edit;
use waypost_routprot::conformance::host::Request;
use waypost_routprot::router_blocks::{
    AdminStatus, Block, BlockType, InfoHeader, InterfaceStatusInfo, decode_routes,
};
use waypost_routprot::{InfoBlock, Layout, Status, WaypostHeader};
use waypost_types::{InterfaceIndex, ProtocolId};

use crate::rig::{Rig, interface, locked, set};
use crate::sample::{OSPF, RAW, SAMPLE, global, metric};

const ETH0: InterfaceIndex = InterfaceIndex(2);

fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig.apply(&[
        set("protocols.sample", json!({})),
        set("protocols.static", json!({})),
        set("interfaces.eth0.sample.metric", json!(1)),
    ])
    .unwrap();
    drop(rig.requests());
    rig
}

fn block(kind: impl Into<BlockType>, info: &InfoBlock) -> Block {
    Block::from_info(kind.into(), info).unwrap()
}

fn removal(kind: impl Into<BlockType>) -> Block {
    Block::new(kind.into(), 0, 0, Vec::new()).unwrap()
}

/// A container that went over the wire.
fn container(blocks: impl IntoIterator<Item = Block>) -> InfoHeader {
    let mut header = InfoHeader::default();
    for block in blocks {
        header.add(block).unwrap();
    }
    InfoHeader::parse(&header.build()).unwrap()
}

fn on(name: &str, header: InfoHeader) -> [Edit; 1] {
    [Edit::Header {
        interface: Some(name.to_owned()),
        header,
    }]
}

fn router(header: InfoHeader) -> [Edit; 1] {
    [Edit::Header {
        interface: None,
        header,
    }]
}

fn kinds(header: &InfoHeader) -> Vec<u32> {
    header.blocks().iter().map(|block| block.kind().0).collect()
}

#[test]
fn each_row_of_the_table() {
    let mut rig = rig();
    // Running and on the interface: set. Running and not there: added. Not running: kept for later.
    let taken = container([block(SAMPLE, &metric(2)), block(OSPF, &metric(3))]);
    rig.apply(&on("eth0", taken)).unwrap();
    assert_eq!(
        rig.requests(),
        [(
            SAMPLE,
            Request::SetInterface {
                index: ETH0,
                info: metric(2)
            }
        )]
    );
    let ospf = BlockKey::interface("eth0", OSPF);
    assert_eq!(rig.manager.tree().get(&ospf), Some(&metric(3)));
    rig.present(interface(3, "eth1"));
    rig.apply(&on("eth1", container([block(SAMPLE, &metric(4))])))
        .unwrap();
    let requests = rig.requests();
    assert!(
        matches!(&requests[0], (SAMPLE, Request::AddInterface { info, .. }) if *info == metric(4)),
        "{requests:?}"
    );
    // No octets: deleted, or nothing to do. No entry: nothing.
    rig.apply(&on("eth0", container([removal(OSPF), removal(RAW)])))
        .unwrap();
    assert!(!rig.manager.tree().contains_key(&ospf));
    assert_eq!(rig.requests(), []);
    rig.apply(&on("eth0", container([removal(SAMPLE)]))).unwrap();
    assert_eq!(
        rig.requests(),
        [(SAMPLE, Request::DeleteInterface { index: ETH0 })]
    );
    assert!(!rig.apply(&on("eth1", container([]))).unwrap().changed);
    rig.assert_agreed();
}

#[test]
fn all_of_a_container_or_nothing() {
    let mut rig = rig();
    let before = rig.observed();
    let bad = container([
        block(SAMPLE, &metric(2)),
        block(OSPF, &InfoBlock::new(1, b"no configuration".to_vec())),
        block(
            BlockType::IP_INTERFACE_STATUS_INFO,
            &InfoBlock::new(1, vec![3, 0, 0, 0]),
        ),
    ]);
    let refusals = rig.apply(&on("eth0", bad)).unwrap_err();
    let mut paths: Vec<_> = refusals.iter().map(|refusal| refusal.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        ["interfaces.eth0.enabled.adminStatus", "interfaces.eth0.ospf"]
    );
    assert_eq!(rig.observed(), before);
    let refusals = rig.apply(&on("a/b", container([removal(SAMPLE)]))).unwrap_err();
    assert_eq!(refusals[0].status, Status::ERROR_INVALID_PARAMETER);
    rig.assert_agreed();
}

#[test]
fn a_block_in_the_wrong_container_is_refused() {
    let mut rig = rig();
    let status = InterfaceStatusInfo {
        admin: AdminStatus::Down,
    };
    let refusals = rig.apply(&router(container([status.encode()]))).unwrap_err();
    assert_eq!(refusals[0].path, "router.blocks.0xffff0004");
    assert_eq!(refusals[0].value.as_deref(), Some("IP_INTERFACE_STATUS_INFO"));
    let preferences = Block::single(BlockType::IP_PROT_PRIORITY_INFO, vec![0; 4]);
    let refusals = rig.apply(&on("eth0", container([preferences]))).unwrap_err();
    assert_eq!(refusals[0].path, "interfaces.eth0.0xffff0006");
}

#[test]
fn what_the_router_has_is_read_back_and_changes_nothing_when_set_again() {
    let mut rig = rig();
    rig.apply(&[
        set("router.preferences.rip", json!(90)),
        set("router.id", json!("192.0.2.1")),
        set("protocols.ospf.interval", json!(7)),
    ])
    .unwrap();
    let header = rig.manager.header(None).unwrap();
    assert_eq!(
        kinds(&header),
        [0xFFFF_0006, 0xFFFF_5700, OSPF.0, SAMPLE.0, ProtocolId::STATIC.0]
    );
    drop(rig.requests());
    let again = InfoHeader::parse(&header.build()).unwrap();
    assert!(!rig.apply(&router(again)).unwrap().changed);
    assert_eq!(rig.requests(), []);
    // Another router takes it over whole.
    let mut other = Rig::new();
    other.apply(&router(header)).unwrap();
    let mut expected = rig.manager.tree().clone();
    expected.remove(&BlockKey::interface("eth0", SAMPLE));
    assert_eq!(other.manager.tree(), &expected);
    assert_eq!(locked(&other.routes).preferences[&ProtocolId::RIP], 90);
}

/// The directory has no version; the octets of a Waypost layout name theirs, and what is there already keeps its own.
#[test]
fn versions_survive() {
    let mut rig = rig();
    let seventh = WaypostHeader::finish(7, WaypostHeader::start(7));
    let foreign = InfoBlock::new(9, vec![1, 2, 3]);
    for block in [&seventh, &foreign] {
        let key = BlockKey::interface("eth0", RAW);
        rig.apply(&[Edit::Block(key.clone(), Some(block.clone()))])
            .unwrap();
        let header = rig.manager.header(Some("eth0")).unwrap();
        let again = InfoHeader::parse(&header.build()).unwrap();
        assert!(!rig.apply(&on("eth0", again.clone())).unwrap().changed);
        let mut other = Rig::new();
        other.apply(&on("eth0", again)).unwrap();
        let there = &other.manager.tree()[&key];
        assert_eq!(there.bytes, block.bytes);
        assert_eq!(there.version == block.version, Layout::of(block).is_ok());
    }
}

#[test]
fn preferences_given_in_several_blocks_are_one_list() {
    let entries = |entries: &[[u32; 2]]| {
        let words = entries.iter().flatten().flat_map(|word| word.to_le_bytes());
        let count = u32::try_from(entries.len()).unwrap().to_le_bytes();
        [count.to_vec(), words.collect()].concat()
    };
    let mut rig = rig();
    // `add` takes a type once, as MprInfoBlockAdd does: the second is made of a stand-in.
    let first = Block::single(
        BlockType::IP_PROT_PRIORITY_INFO,
        entries(&[[ProtocolId::RIP.0, 80], [ProtocolId::OSPF.0, 70]]),
    );
    let second = Block::single(RAW.into(), entries(&[[ProtocolId::RIP.0, 60]]));
    let mut header = InfoHeader::default();
    header.add(first).unwrap();
    header.add(second).unwrap();
    let mut octets = header.build();
    octets[28..32].copy_from_slice(&BlockType::IP_PROT_PRIORITY_INFO.0.to_le_bytes());
    let header = InfoHeader::parse(&octets).unwrap();
    assert_eq!(kinds(&header), [0xFFFF_0006; 2]);
    rig.apply(&router(header)).unwrap();
    let preferences = locked(&rig.routes).preferences.clone();
    assert_eq!(
        (preferences[&ProtocolId::RIP], preferences[&ProtocolId::OSPF]),
        (60, 70)
    );
    // The extended block takes effect, too, where the plain one is silent.
    let extended: Vec<u8> = [1, ProtocolId::LOCAL.0, 0, 33]
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect();
    let extended = Block::single(BlockType::IP_PROT_PRIORITY_INFO_EX, extended);
    rig.apply(&router(container([extended]))).unwrap();
    assert_eq!(locked(&rig.routes).preferences[&ProtocolId::LOCAL], 33);
    // Without octets they go.
    rig.apply(&router(container([
        removal(BlockType::IP_PROT_PRIORITY_INFO),
        removal(BlockType::IP_PROT_PRIORITY_INFO_EX),
    ])))
    .unwrap();
    assert_eq!(locked(&rig.routes).preferences[&ProtocolId::RIP], 120);
}

#[test]
fn rows_that_nobody_reads_are_given_back_as_rows() {
    let mut rig = rig();
    let rows = Block::new(BlockType::IP_MCAST_BOUNDARY_INFO, 8, 2, vec![239; 16]).unwrap();
    rig.apply(&on("eth0", container([rows.clone()]))).unwrap();
    let header = rig.manager.header(Some("eth0")).unwrap();
    assert_eq!(header.find(BlockType::IP_MCAST_BOUNDARY_INFO), Ok(&rows));
    // Through text, too.
    let text = rig.manager.show_configuration().unwrap();
    let there = &text["interfaces"]["eth0"]["0xffff000b"];
    assert_eq!(
        *there,
        json!({ "version": 1, "count": 2, "hex": "ef".repeat(16) })
    );
    assert!(!rig.apply(&[Edit::Replace(text)]).unwrap().changed);
    let refusals = rig.apply(&[set("interfaces.eth0.0xffff000b.count", json!(3))]);
    let refusals = refusals.unwrap_err();
    assert_eq!(refusals[0].path, "interfaces.eth0.0xffff000b.count");
}

/// The rows of the published block in a container.
fn rows(header: &InfoHeader) -> Vec<(String, ProtocolId, InterfaceIndex)> {
    let block = header.find(BlockType::IP_ROUTE_INFO).unwrap();
    let rows = decode_routes(block).unwrap();
    rows.iter()
        .map(|row| (row.prefix().to_string(), row.protocol, row.interface))
        .collect()
}

#[test]
fn static_and_autostatic_routes_travel_in_one_block() {
    let mut rig = rig();
    let routes = json!([{ "prefix": "10.1.0.0/16", "gateway": "192.0.2.9" }, { "prefix": "2001:db8::/32" }]);
    rig.apply(&[
        set("interfaces.eth0.static.routes", routes),
        set(
            "interfaces.eth0.autostatic.routes",
            json!([{ "prefix": "10.2.0.0/16", "gateway": "192.0.2.8" }]),
        ),
        set("interfaces.eth0.enabled", json!(true)),
    ])
    .unwrap();
    let header = rig.manager.header(Some("eth0")).unwrap();
    assert_eq!(kinds(&header), [0xFFFF_0004, 0xFFFF_0005, SAMPLE.0]);
    assert_eq!(
        rows(&header),
        [
            ("10.1.0.0/16".to_owned(), ProtocolId::STATIC, ETH0),
            ("2001:db8::/32".to_owned(), ProtocolId::STATIC, ETH0),
            ("10.2.0.0/16".to_owned(), ProtocolId::AUTOSTATIC, ETH0),
        ]
    );
    let again = InfoHeader::parse(&header.build()).unwrap();
    assert!(!rig.apply(&on("eth0", again.clone())).unwrap().changed);

    // Elsewhere each goes where it belongs.
    let mut other = Rig::new();
    other.present(interface(5, "eth0"));
    other.apply(&[set("protocols.static", json!({}))]).unwrap();
    other.apply(&on("eth0", again)).unwrap();
    assert_eq!(locked(&other.routes).autostatic[&InterfaceIndex(5)].len(), 1);
    let text = |rig: &Rig| rig.manager.show_configuration().unwrap()["interfaces"]["eth0"].clone();
    assert_eq!(text(&other), text(&rig));
    assert_eq!(
        rows(&other.manager.header(Some("eth0")).unwrap())[0].2,
        InterfaceIndex(5)
    );

    // The block is the complete list; and it can go.
    let mut autostatic = InfoHeader::default();
    let block = header.find(BlockType::IP_ROUTE_INFO).unwrap();
    let last = Block::new(BlockType::IP_ROUTE_INFO, 72, 1, &block.bytes()[144..]).unwrap();
    autostatic.add(last).unwrap();
    rig.apply(&on("eth0", autostatic)).unwrap();
    let keys = [ProtocolId::STATIC, ProtocolId::AUTOSTATIC].map(|id| BlockKey::interface("eth0", id));
    let there = keys.clone().map(|key| rig.manager.tree().contains_key(&key));
    assert_eq!(there, [false, true]);
    rig.apply(&on("eth0", container([removal(BlockType::IP_ROUTE_INFO)])))
        .unwrap();
    let there = keys.map(|key| rig.manager.tree().contains_key(&key));
    assert_eq!(there, [false, false]);
}

#[test]
fn routes_that_rows_cannot_say_travel_in_the_protocols_own_block() {
    let mut rig = rig();
    let routes = json!([{ "prefix": "10.1.0.0/16", "gateway": "192.0.2.9", "tag": 5 }]);
    rig.apply(&[
        set("interfaces.eth0.static.routes", routes),
        set(
            "interfaces.eth0.autostatic.routes",
            json!([{ "prefix": "10.2.0.0/16" }]),
        ),
    ])
    .unwrap();
    let header = rig.manager.header(Some("eth0")).unwrap();
    assert_eq!(kinds(&header), [0xFFFF_0005, SAMPLE.0, ProtocolId::STATIC.0]);
    assert_eq!(rows(&header).len(), 1);
    let again = InfoHeader::parse(&header.build()).unwrap();
    assert!(!rig.apply(&on("eth0", again.clone())).unwrap().changed);
    let mut other = Rig::new();
    other.apply(&on("eth0", again)).unwrap();
    let key = BlockKey::interface("eth0", ProtocolId::STATIC);
    assert_eq!(other.manager.tree().get(&key), rig.manager.tree().get(&key));

    // The same routes twice are a contradiction.
    let mut twice = header.clone();
    let row = Block::new(BlockType::IP_ROUTE_INFO, 72, 1, {
        let mut row = header.find(BlockType::IP_ROUTE_INFO).unwrap().bytes().to_vec();
        let protocol = row.windows(4).position(|word| word == 10002_u32.to_le_bytes());
        row[protocol.unwrap()..][..4].copy_from_slice(&ProtocolId::STATIC.0.to_le_bytes());
        row
    });
    twice.set(row.unwrap()).unwrap();
    let refusals = rig.apply(&on("eth0", twice)).unwrap_err();
    assert_eq!(refusals[0].path, "interfaces.eth0.static");
}

/// As a block alone, which is how a C module's own program would set it.
#[test]
fn the_published_block_of_routes_alone_reaches_the_static_protocol() {
    let mut rig = rig();
    let routes = json!([{ "prefix": "10.1.0.0/16", "gateway": "192.0.2.9" }]);
    rig.apply(&[set("interfaces.eth0.static.routes", routes)])
        .unwrap();
    let header = rig.manager.header(Some("eth0")).unwrap();
    let published = header.find(BlockType::IP_ROUTE_INFO).unwrap().to_info();
    let mut other = Rig::new();
    other.present(interface(2, "eth0"));
    other.apply(&[set("protocols.static", json!({}))]).unwrap();
    let key = BlockKey::interface("eth0", ProtocolId(0xFFFF_0005));
    other
        .apply(&[Edit::Block(key.clone(), Some(published.clone()))])
        .unwrap();
    let text = other.manager.show_configuration().unwrap();
    assert_eq!(
        text["interfaces"]["eth0"]["static"]["routes"][0]["prefix"],
        "10.1.0.0/16"
    );
    assert!(!other.manager.tree().contains_key(&key));
    let mut cut = published;
    (cut.structure_size, cut.structure_count) = (71, 1);
    cut.bytes.truncate(71);
    let refusals = other.apply(&[Edit::Block(key, Some(cut))]).unwrap_err();
    assert_eq!(refusals[0].path, "interfaces.eth0.0xffff0005");
}

#[test]
fn the_answer_is_what_the_protocols_have_in_force() {
    let mut rig = rig();
    // In the protocol only.
    rig.script(SAMPLE).change_interface(ETH0, metric(5));
    rig.script(SAMPLE).change_global(global(9));
    let header = rig.manager.header(Some("eth0")).unwrap();
    assert_eq!(
        header.find(SAMPLE.into()).unwrap().to_info().bytes,
        metric(5).bytes
    );
    let header = rig.manager.header(None).unwrap();
    assert_eq!(
        header.find(SAMPLE.into()).unwrap().to_info().bytes,
        global(9).bytes
    );
    rig.present(interface(7, "eth7"));
    assert_eq!(rig.manager.header(Some("eth7")).unwrap().blocks(), []);
    let refusal = rig.manager.header(Some("eth8")).unwrap_err();
    assert_eq!(refusal.status, Status::ERROR_NO_SUCH_INTERFACE);
}

fn any_block() -> impl Strategy<Value = Block> {
    let kind = prop_oneof![
        Just(SAMPLE.into()),
        Just(OSPF.into()),
        Just(RAW.into()),
        (0_u32..0x20).prop_map(|low| BlockType(0xFFFF_0000 + low)),
    ];
    let octets = prop_oneof![
        Just(Vec::new()),
        (1_u32..20).prop_map(|value| metric(value).bytes),
        prop::collection::vec(any::<u8>(), 1..40),
        Just(
            [2_u32, 8, 5, 13, 7]
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect()
        ),
        Just(vec![1, 0, 0, 0]),
    ];
    (kind, octets).prop_map(|(kind, octets)| Block::single(kind, octets))
}

proptest! {
    /// Whatever a container says: it is refused and nothing changes, or what is read back changes nothing when set again.
    #[test]
    fn reading_and_setting_again_changes_nothing(
        blocks in prop::collection::vec(any_block(), 0..6),
        whole in any::<bool>(),
    ) {
        let mut rig = rig();
        let mut header = InfoHeader::default();
        for block in blocks {
            let _ = header.add(block);
        }
        let edit = |header| if whole { router(header) } else { on("eth0", header) };
        let before = rig.manager.tree().clone();
        if rig.apply(&edit(header)).is_err() {
            prop_assert_eq!(rig.manager.tree(), &before);
        }
        let read = rig.manager.header((!whole).then_some("eth0")).unwrap();
        let applied = rig.apply(&edit(InfoHeader::parse(&read.build()).unwrap())).unwrap();
        prop_assert!(!applied.changed, "{:?}", applied.plan);
        rig.assert_agreed();
    }
}
