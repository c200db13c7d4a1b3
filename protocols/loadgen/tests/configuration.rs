//! Text and blocks say the same, and no octets do harm.
#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::net::IpAddr;

use proptest::prelude::*;
use waypost_engine::codec_of;
use waypost_loadgen::LoadGenerator;
use waypost_loadgen::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Scope};
use waypost_types::RouteKind;

fn global() -> impl Strategy<Value = GlobalConfig> {
    let counts = (
        prop::option::of(0..=3_500_000_u32),
        prop::option::of(0..=3_500_000_u32),
        prop::option::of(any::<u64>()),
        prop::option::of(1..=10_000_000_u32),
    );
    let changes = (
        prop::option::of(0..=10_000_000_u32),
        prop::option::of(1..=3600_u32),
        prop::option::of(0..=10_000_000_u32),
    );
    let looks = (
        prop::option::of(1..=16_u8),
        prop::option::of(prop::sample::select(
            &[
                RouteKind::Unicast,
                RouteKind::Blackhole,
                RouteKind::Unreachable,
                RouteKind::Prohibit,
            ][..],
        )),
        prop::option::of(0..u32::MAX),
        prop::option::of(any::<u32>()),
        prop::option::of("[a-zé]{1,20}"),
    );
    (counts, changes, looks).prop_map(
        |((routes, routes6, seed, rate), (flaps, flap_down, reroutes), looks)| {
            let (next_hops, kind, metric, tag, annotate) = looks;
            GlobalConfig {
                routes,
                routes6,
                seed,
                rate,
                flaps,
                flap_down,
                reroutes,
                next_hops,
                kind,
                metric,
                tag,
                annotate,
            }
        },
    )
}

fn interface() -> impl Strategy<Value = InterfaceConfig> {
    let address = prop_oneof![
        (1..200_u8).prop_map(|host| IpAddr::from([192, 0, 2, host])),
        (1..200_u16).prop_map(|host| IpAddr::from([0xFE80, 0, 0, 0, 0, 0, 0, host])),
    ];
    (
        prop::collection::btree_set(address, 0..5),
        prop::option::of("[a-z]{1,20}"),
    )
        .prop_map(|(gateways, annotate)| InterfaceConfig {
            gateways: gateways.into_iter().collect(),
            annotate,
        })
}

fn laws<C: BlockConfig + std::fmt::Debug>(scope: Scope, config: &C) -> Result<(), TestCaseError> {
    let layout = Layout::Waypost(C::LAYOUT);
    let block = config.encode(layout);
    prop_assert_eq!(&C::decode(&block).unwrap(), &(config.clone(), layout));
    let codec = codec_of::<LoadGenerator>();
    let text = codec.to_text(scope, &block).unwrap();
    prop_assert_eq!(codec.to_block(scope, &text).unwrap(), block);
    Ok(())
}

/// Whatever is done to a block: it is refused, or read and written back as it is.
fn bent<C: BlockConfig>(block: &InfoBlock, cut: usize, flip: usize, bit: u8) -> Result<(), TestCaseError> {
    let mut octets = block.bytes.clone();
    let at = flip % octets.len();
    octets[at] ^= 1 << (bit % 8);
    octets.truncate(octets.len() - cut % 3);
    let bent = InfoBlock::new(block.version, octets);
    if let Ok((config, layout)) = C::decode(&bent) {
        prop_assert_eq!(config.encode(layout).bytes, bent.bytes);
    }
    Ok(())
}

proptest! {
    #[test]
    fn identities(global in global(), interface in interface()) {
        laws(Scope::Global, &global)?;
        laws(Scope::Interface, &interface)?;
    }

    #[test]
    fn damage(
        global in global(), interface in interface(), cut in 0..3_usize, flip in any::<usize>(), bit in any::<u8>(),
    ) {
        let layout = Layout::Waypost(GlobalConfig::LAYOUT);
        bent::<GlobalConfig>(&global.encode(layout), cut, flip, bit)?;
        bent::<InterfaceConfig>(&interface.encode(layout), cut, flip, bit)?;
    }
}

#[test]
fn ranges_are_named() {
    let codec = codec_of::<LoadGenerator>();
    for (scope, text, path) in [
        (
            Scope::Global,
            serde_json::json!({ "routes": 3_500_001 }),
            "routes",
        ),
        (Scope::Global, serde_json::json!({ "rate": 0 }), "rate"),
        (Scope::Global, serde_json::json!({ "next-hops": 17 }), "next-hops"),
        (
            Scope::Global,
            serde_json::json!({ "flap-down": 3601 }),
            "flap-down",
        ),
        (Scope::Global, serde_json::json!({ "metric": u32::MAX }), "metric"),
        (
            Scope::Interface,
            serde_json::json!({ "gateways": ["0.0.0.0"] }),
            "gateways.0",
        ),
        (
            Scope::Interface,
            serde_json::json!({ "gateways": ["192.0.2.1", "192.0.2.1"] }),
            "gateways.1",
        ),
    ] {
        assert_eq!(codec.to_block(scope, &text).unwrap_err().path, path, "{text}");
    }
}

/// As docs/blocks/loadgen.md has it.
#[test]
fn fixed_parts() {
    let layout = Layout::Waypost(GlobalConfig::LAYOUT);
    let global = GlobalConfig::default().encode(layout);
    let interface = InterfaceConfig::default().encode(layout);
    assert_eq!((global.bytes.len(), interface.bytes.len()), (60, 22));
}
