//! The laws of both configurations: blocks, text, and refusals that name their place.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test: json! literals read best where they are used"
)]

use proptest::prelude::*;
use serde_json::{Value, json};
use waypost_engine::codec_of;
use waypost_routprot::router_blocks::{Block, BlockType, route_block, static_interface_block};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal, Scope, Status};
use waypost_static::Static;
use waypost_static::config::{GlobalConfig, InterfaceConfig, Origin};
use waypost_static::strategies;

fn refusal(scope: Scope, text: &Value) -> Refusal {
    let refusal = codec_of::<Static>().to_block(scope, text).unwrap_err();
    assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
    refusal
}

fn global_path(routes: Value) -> String {
    refusal(Scope::Global, &json!({ "routes": routes })).path
}

fn interface_path(routes: Value) -> String {
    refusal(Scope::Interface, &json!({ "routes": routes })).path
}

#[test]
fn text_to_block_to_text_is_the_identity() {
    let codec = codec_of::<Static>();
    let text = json!({
        "annotate": "the lab",
        "routes": [
            { "prefix": "10.0.0.0/8", "via": ["192.0.2.1", "192.0.2.5 weight 3", "192.0.2.9 dev eth1 onlink", "dev eth2"],
              "preference": 5, "metric": 1, "tag": 0, "annotate": "" },
            { "prefix": "2001:db8::/32", "via": ["fe80::1 dev eth0"] },
            { "prefix": "192.168.0.0/16", "kind": "blackhole" },
        ],
    });
    let block = codec.to_block(Scope::Global, &text).unwrap();
    assert_eq!(block.version, 2);
    assert_eq!(codec.to_text(Scope::Global, &block).unwrap(), text);
    let text = json!({
        "routes": [
            { "prefix": "10.0.0.0/8", "gateway": "192.0.2.1", "weight": 1, "tag": 7 },
            { "prefix": "10.0.0.0/8", "gateway": "192.0.2.2", "onlink": true, "tag": 7, "annotate": "é" },
            { "prefix": "10.0.0.0/8", "origin": "autostatic", "preference": 9, "metric": 2 },
        ],
    });
    let block = codec.to_block(Scope::Interface, &text).unwrap();
    assert_eq!(codec.to_text(Scope::Interface, &block).unwrap(), text);
    // A single next hop needs no list.
    let short = json!({ "routes": [{ "prefix": "0.0.0.0/0", "via": "192.0.2.1" }] });
    let list = json!({ "routes": [{ "prefix": "0.0.0.0/0", "via": ["192.0.2.1"] }] });
    let block = codec.to_block(Scope::Global, &short).unwrap();
    assert_eq!(codec.to_text(Scope::Global, &block).unwrap(), list);
}

#[test]
fn the_documented_bytes() {
    // docs/blocks/static.md: one route 10.0.0.0/8 via 192.0.2.1 dev eth0 weight 3, metric 7.
    let text =
        json!({ "routes": [{ "prefix": "10.0.0.0/8", "via": "192.0.2.1 dev eth0 weight 3", "metric": 7 }] });
    let block = codec_of::<Static>().to_block(Scope::Global, &text).unwrap();
    let mut wanted = Vec::new();
    for word in [0x3142_5057u32, 2, 100, 1, 0, 0, 76] {
        wanted.extend(word.to_le_bytes());
    }
    wanted.extend([4, 8, 0, 0, 0, 1, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    wanted.extend([10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    wanted.extend([192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 0, 3, 0]);
    wanted.extend(*b"eth0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(block.bytes, wanted);
}

#[test]
fn refusals_of_routes_name_their_place() {
    let ok = json!({ "prefix": "10.0.0.0/8", "via": "192.0.2.1" });
    let via = |via: Value| global_path(json!([ok, { "prefix": "10.1.0.0/16", "via": via }]));
    assert_eq!(via(json!(["192.0.2.1", "nonsense"])), "routes.1.via.1");
    assert_eq!(via(json!("nonsense")), "routes.1.via");
    assert_eq!(via(json!(7)), "routes.1.via");
    assert_eq!(via(json!([])), "routes.1.via");
    assert_eq!(via(json!(["192.0.2.1 weight 0"])), "routes.1.via.0");
    assert_eq!(via(json!(["192.0.2.1 weight 257"])), "routes.1.via.0");
    assert_eq!(via(json!(["2001:db8::1"])), "routes.1.via.0");
    assert_eq!(via(json!(["192.0.2.1 onlink"])), "routes.1.via.0");
    assert_eq!(via(json!(["dev eth0 onlink"])), "routes.1.via.0");
    assert_eq!(via(json!(["dev eth0 recursive"])), "routes.1.via.0");
    assert_eq!(via(json!(["192.0.2.1 dev eth0 recursive"])), "routes.1.via.0");
    assert_eq!(
        via(json!(["192.0.2.1", "169.254.0.1 recursive"])),
        "routes.1.via.1"
    );
    assert_eq!(via(json!(["dev abcdefghijklmnop"])), "routes.1.via.0");
    assert_eq!(via(json!(["192.0.2.1", "192.0.2.1 weight 2"])), "routes.1.via.1");
    for address in ["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255"] {
        assert_eq!(via(json!([address])), "routes.1.via.0");
    }
    let many: Vec<String> = (1..=17).map(|host| format!("192.0.2.{host}")).collect();
    assert_eq!(via(json!(many)), "routes.1.via");

    let route = |route: Value| global_path(json!([route]));
    assert_eq!(
        route(json!({ "prefix": "224.0.0.0/4", "via": "dev eth0" })),
        "routes.0.prefix"
    );
    assert_eq!(
        route(json!({ "prefix": "ff02::/16", "via": "dev eth0" })),
        "routes.0.prefix"
    );
    assert_eq!(
        route(json!({ "prefix": "10.0.0.1/8", "via": "dev eth0" })),
        "routes.0.prefix"
    );
    assert_eq!(route(json!({ "prefix": "10.0.0.0/8" })), "routes.0.via");
    assert_eq!(
        route(json!({ "prefix": "::/0", "via": "fe80::1" })),
        "routes.0.via.0"
    );
    assert_eq!(
        route(json!({ "prefix": "10.0.0.0/8", "kind": "blackhole", "via": "dev eth0" })),
        "routes.0.via"
    );
    let with = |name: &str, value: Value| {
        let mut entry = ok.clone();
        entry[name] = value;
        route(entry)
    };
    assert_eq!(with("preference", json!(0)), "routes.0.preference");
    assert_eq!(with("preference", json!(256)), "routes.0.preference");
    assert_eq!(with("metric", json!(u32::MAX)), "routes.0.metric");
    assert_eq!(with("kind", json!("blackhle")), "routes.0.kind");
    assert_eq!(with("annotate", json!("x".repeat(1025))), "routes.0.annotate");
    assert_eq!(with("metrc", json!(1)), "routes.0.metrc");
    assert_eq!(refusal(Scope::Global, &json!({ "route": [] })).path, "route");
}

#[test]
fn equal_rank_is_refused_in_one_list_and_merged_on_an_interface() {
    let twice = json!([
        { "prefix": "10.0.0.0/8", "via": "192.0.2.1" },
        { "prefix": "10.0.0.0/8", "via": "192.0.2.1", "metric": 2 },
        { "prefix": "10.0.0.0/8", "via": "192.0.2.2", "metric": 1 },
    ]);
    let refused = refusal(Scope::Global, &json!({ "routes": twice }));
    assert_eq!(refused.path, "routes.2");
    assert!(refused.reason.contains("routes.0"), "{refused}");

    let share = |second: Value| json!([{ "prefix": "10.0.0.0/8", "gateway": "192.0.2.1" }, second]);
    let codec = codec_of::<Static>();
    let other = json!({ "prefix": "10.0.0.0/8", "gateway": "192.0.2.2" });
    assert!(
        codec
            .to_block(Scope::Interface, &json!({ "routes": share(other) }))
            .is_ok()
    );
    let same = json!({ "prefix": "10.0.0.0/8", "gateway": "192.0.2.1", "weight": 2 });
    assert_eq!(interface_path(share(same)), "routes.1");
    let tagged = json!({ "prefix": "10.0.0.0/8", "gateway": "192.0.2.2", "tag": 3 });
    assert_eq!(interface_path(share(tagged)), "routes.1.tag");
}

#[test]
fn refusals_of_interface_routes_name_their_place() {
    let with = |name: &str, value: Value| {
        let mut entry = json!({ "prefix": "10.0.0.0/8" });
        entry[name] = value;
        interface_path(json!([entry]))
    };
    assert_eq!(with("gateway", json!("::1")), "routes.0.gateway");
    assert_eq!(with("gateway", json!("224.0.0.1")), "routes.0.gateway");
    assert_eq!(with("gateway", json!("x")), "routes.0.gateway");
    assert_eq!(with("onlink", json!(true)), "routes.0.onlink");
    assert_eq!(with("weight", json!(0)), "routes.0.weight");
    assert_eq!(with("preference", json!(0)), "routes.0.preference");
    assert_eq!(with("origin", json!("ospf")), "routes.0.origin");
    assert_eq!(with("prefix", json!("224.0.0.0/24")), "routes.0.prefix");
}

/// The rows of the published block, as the router manager hands them on.
fn published(words: [u32; 8]) -> Vec<u8> {
    let mut row = vec![10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1];
    let [metric, interface, kind, protocol, preference, views, v4, age] = words;
    for word in [age, 0, metric, u32::MAX, u32::MAX, 0, 0, 0] {
        row.extend(word.to_le_bytes());
    }
    for word in [interface, kind, protocol, preference, views, v4] {
        row.extend(word.to_le_bytes());
    }
    row
}

#[test]
fn a_block_made_for_windows_is_understood() {
    let row = published([5, 77, 4, 10007, 9, 1, 1, 3600]);
    let block = Block::new(BlockType::IP_ROUTE_INFO, 72, 1, row).unwrap();
    let info = static_interface_block(&block).unwrap();
    let (config, layout) = InterfaceConfig::decode(&info).unwrap();
    assert_eq!(layout, Layout::Rras);
    assert_eq!(
        serde_json::to_value(&config).unwrap(),
        json!({ "routes": [{
            "prefix": "10.0.0.0/8", "gateway": "192.0.2.1", "preference": 9, "metric": 5, "origin": "static-non-dod",
        }] })
    );
    // The interface's number is read-only and the age is none of configuration's business.
    let back = config.encode(Layout::Rras);
    assert_eq!(back.bytes, published([5, 0, 4, 10007, 9, 1, 1, 0]));
    assert_eq!(route_block(&back).unwrap().item_count(), 1);
    // What RRAS ranks by protocol is ranked by the route here.
    let (plain, _) =
        InterfaceConfig::decode(&InfoBlock::new(1, published([u32::MAX, 0, 0, 10002, 0, 0, 1, 0]))).unwrap();
    assert_eq!(plain.routes[0].origin, Origin::Autostatic);
    assert_eq!((plain.routes[0].preference, plain.routes[0].metric), (None, None));
    assert_eq!(plain.routes[0].effective_preference(), Some(7));
}

#[test]
fn rows_that_are_no_static_routes_are_refused() {
    let path = |words| {
        InterfaceConfig::decode(&InfoBlock::new(1, published(words)))
            .unwrap_err()
            .path
    };
    assert_eq!(path([5, 0, 2, 10006, 3, 1, 1, 0]), "routes.0.dwRtInfoType");
    assert_eq!(path([5, 0, 4, 8, 3, 1, 1, 0]), "routes.0.dwRtInfoProto");
    assert_eq!(path([5, 0, 4, 10006, 3, 2, 1, 0]), "routes.0.dwRtInfoViewSet");
    let mut v6 = vec![0; 72];
    v6[56..60].copy_from_slice(&10006u32.to_le_bytes());
    let refused = InterfaceConfig::decode(&InfoBlock::new(1, v6)).unwrap_err();
    assert_eq!(refused.path, "routes.0.ValidLifetime");
    let short = InfoBlock::new(1, published([5, 0, 4, 10006, 3, 1, 1, 0])[..71].to_vec());
    assert_eq!(InterfaceConfig::decode(&short).unwrap_err().path, "StructureSize");
}

#[test]
fn a_destination_that_looks_like_the_magic_is_a_destination() {
    // 87.80.66.49 has the octets "WPB1".
    let text = json!({ "routes": [{ "prefix": "87.80.66.49/32" }] });
    let config = InterfaceConfig::from_text(&text).unwrap();
    let block = config.encode(Layout::Rras);
    assert_eq!(&block.bytes[..4], b"WPB1");
    assert_eq!(InterfaceConfig::decode(&block).unwrap(), (config, Layout::Rras));
}

#[test]
fn layouts_that_do_not_exist_are_refused() {
    let mut block = GlobalConfig::default().encode(Layout::Waypost(2));
    block.version = 3;
    block.bytes[4] = 3;
    assert_eq!(GlobalConfig::decode(&block).unwrap_err().path, "layout");
    assert_eq!(InterfaceConfig::decode(&block).unwrap_err().path, "layout");
    assert!(GlobalConfig::decode(&InfoBlock::new(1, vec![0; 72])).is_err());
    assert!(GlobalConfig::decode(&InfoBlock::absent()).is_err());
    // No routes have no rows.
    assert!(InterfaceConfig::default().encode(Layout::Rras).is_absent());
}

/// What is left of a configuration in rows that have no place for the rest.
fn without_what_rows_lack(mut config: InterfaceConfig) -> InterfaceConfig {
    config.annotate = None;
    for route in &mut config.routes {
        (route.tag, route.weight, route.onlink, route.annotate) = (None, None, false, None);
    }
    config
}

proptest! {
    #[test]
    fn global_blocks_and_text(config in strategies::global()) {
        let block = config.encode(Layout::Waypost(2));
        prop_assert_eq!(GlobalConfig::decode(&block).unwrap(), (config.clone(), Layout::Waypost(2)));
        let text = serde_json::to_value(&config).unwrap();
        let codec = codec_of::<Static>();
        prop_assert_eq!(&codec.to_block(Scope::Global, &text).unwrap(), &block);
        prop_assert_eq!(codec.to_text(Scope::Global, &block).unwrap(), text);
        // Under StructureVersion 1, which is all that an RRAS container can carry, it is the same block.
        prop_assert_eq!(GlobalConfig::decode(&InfoBlock::new(1, block.bytes)).unwrap().0, config);
    }

    #[test]
    fn interface_blocks_and_text(config in strategies::interface()) {
        let block = config.encode(Layout::Waypost(2));
        prop_assert_eq!(InterfaceConfig::decode(&block).unwrap(), (config.clone(), Layout::Waypost(2)));
        prop_assert_eq!(&InterfaceConfig::decode(&InfoBlock::new(1, block.bytes.clone())).unwrap().0, &config);
        let text = serde_json::to_value(&config).unwrap();
        prop_assert_eq!(codec_of::<Static>().to_text(Scope::Interface, &block).unwrap(), text);
        let rows = without_what_rows_lack(config);
        if !rows.routes.is_empty() {
            prop_assert_eq!(InterfaceConfig::decode(&rows.encode(Layout::Rras)).unwrap(), (rows, Layout::Rras));
        }
    }

    #[test]
    fn damaged_blocks_are_refused_or_canonical(
        global in strategies::global(),
        interface in strategies::interface(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        fn check<C: BlockConfig + std::fmt::Debug>(mut octets: Vec<u8>, damage: &[(prop::sample::Index, u8)], cut: prop::sample::Index) {
            let block = |octets: &[u8]| InfoBlock::new(2, octets.to_vec());
            let cut = cut.index(octets.len());
            assert!(C::decode(&block(&octets[..cut])).is_err());
            octets.push(0);
            assert!(C::decode(&block(&octets)).is_err());
            octets.pop();
            for (at, octet) in damage {
                let at = at.index(octets.len());
                octets[at] = *octet;
            }
            if let Ok((config, layout)) = C::decode(&block(&octets)) {
                assert_eq!(config.encode(layout).bytes, octets);
            }
        }
        check::<GlobalConfig>(global.encode(Layout::Waypost(2)).bytes, &damage, cut);
        check::<InterfaceConfig>(interface.encode(Layout::Waypost(2)).bytes, &damage, cut);
    }

    #[test]
    fn hostile_blocks_never_panic(version in 0u32..4, mut octets: Vec<u8>, magic: bool) {
        if magic && octets.len() >= 12 {
            octets[..4].copy_from_slice(b"WPB1");
            octets[4..8].copy_from_slice(&2u32.to_le_bytes());
            let length = octets.len() as u32;
            octets[8..12].copy_from_slice(&length.to_le_bytes());
        }
        let block = InfoBlock::new(version, octets);
        let _ = GlobalConfig::decode(&block);
        let _ = InterfaceConfig::decode(&block);
    }
}
