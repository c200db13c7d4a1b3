//! The laws of [`BlockConfig`], for every configuration and for damaged blocks.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use serde_json::Value;
use waypost_policy::MetricType;
use waypost_routprot::{BlockConfig, ConfigurationCodec, InfoBlock, Layout, Scope, Status, TypedCodec};
use waypost_types::ProtocolId;

use super::strategies::{global_config, interface_config, rras_global_config, rras_interface_config};
use super::{Adapter, GlobalConfig, InterfaceConfig, interface_parameters, router_parameters};

const fn waypost<C: BlockConfig>() -> Layout {
    Layout::Waypost(C::LAYOUT)
}

/// Something that happens to octets on their way.
#[derive(Clone, Debug)]
enum Damage {
    Truncate(Index),
    Extend(Vec<u8>),
    Flip(Index, u8),
    /// Corrects the length of the block, so that damage is not found by it alone.
    Relabel,
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        2 => any::<Index>().prop_map(Damage::Truncate),
        2 => vec(any::<u8>(), 1..20).prop_map(Damage::Extend),
        6 => (any::<Index>(), 0_u32..8).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        4 => Just(Damage::Relabel),
    ];
    vec(one, 1..5)
}

fn damaged(block: &InfoBlock, damages: &[Damage]) -> InfoBlock {
    let mut bytes = block.bytes.clone();
    for damage in damages {
        match damage {
            Damage::Truncate(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Damage::Extend(more) => bytes.extend(more),
            Damage::Flip(at, mask) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            Damage::Relabel if bytes.len() >= 12 => {
                let length = u32::try_from(bytes.len()).unwrap();
                bytes[8..12].copy_from_slice(&length.to_le_bytes());
            }
            Damage::Flip(..) | Damage::Relabel => {}
        }
    }
    InfoBlock::new(block.version, bytes)
}

fn text_is_the_identity<C: BlockConfig + Debug>(scope: Scope, config: &C) -> Result<(), TestCaseError> {
    let codec = TypedCodec::<GlobalConfig, InterfaceConfig>::new(ProtocolId::OSPF, "ospf", "OSPF");
    let text = serde_json::to_value(config).unwrap();
    prop_assert_eq!(&C::from_text(&text).unwrap(), config);
    // Also through real text, as a file or the API carries it.
    let text: Value = serde_json::from_str(&text.to_string()).unwrap();
    let block = codec.to_block(scope, &text).unwrap();
    prop_assert_eq!(codec.to_text(scope, &block).unwrap(), text);
    prop_assert_eq!(C::decode(&block).unwrap(), (config.clone(), waypost::<C>()));
    Ok(())
}

/// What `block` decodes to is written as the same block again: nothing in it was overlooked.
fn survives<C: BlockConfig + Debug>(block: &InfoBlock) -> Result<(), TestCaseError> {
    match C::decode(block) {
        Err(refusal) => {
            prop_assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
            prop_assert!(!refusal.reason.is_empty());
        }
        Ok((config, layout)) => {
            prop_assert_eq!(config.validate(), Ok(()));
            let again = config.encode(layout);
            if layout == Layout::Rras {
                // Records that take something away, and what follows the end, are not given back.
                prop_assert_eq!(C::decode(&again).unwrap(), (config.clone(), layout));
                prop_assert_eq!(config.encode(waypost::<C>()).version, C::LAYOUT);
            } else {
                prop_assert_eq!(&again.bytes, &block.bytes);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn interface_text_to_block_to_text(config in interface_config()) {
        text_is_the_identity(Scope::Interface, &config)?;
    }

    #[test]
    fn global_text_to_block_to_text(config in global_config()) {
        text_is_the_identity(Scope::Global, &config)?;
    }

    #[test]
    fn a_damaged_interface_block(config in interface_config(), layout in 2_u32..=3, damages in damage()) {
        survives::<InterfaceConfig>(&damaged(&config.encode(Layout::Waypost(layout)), &damages))?;
    }

    #[test]
    fn an_rras_interface_block_says_all_and_is_given_back(config in rras_interface_config()) {
        let block = config.encode(Layout::Rras);
        prop_assert_eq!(Layout::of(&block), Ok(Layout::Rras));
        prop_assert_eq!(InterfaceConfig::decode(&block).unwrap(), (config.clone(), Layout::Rras));
        text_is_the_identity(Scope::Interface, &config)?;
    }

    #[test]
    fn an_rras_global_block_says_all_and_is_given_back(config in rras_global_config()) {
        let block = config.encode(Layout::Rras);
        prop_assert_eq!(Layout::of(&block), Ok(Layout::Rras));
        prop_assert_eq!(GlobalConfig::decode(&block).unwrap(), (config.clone(), Layout::Rras));
        text_is_the_identity(Scope::Global, &config)?;
    }

    #[test]
    fn a_damaged_rras_interface_block(config in rras_interface_config(), damages in damage()) {
        survives::<InterfaceConfig>(&damaged(&config.encode(Layout::Rras), &damages))?;
    }

    #[test]
    fn a_damaged_rras_global_block(config in rras_global_config(), damages in damage()) {
        survives::<GlobalConfig>(&damaged(&config.encode(Layout::Rras), &damages))?;
    }

    #[test]
    fn what_records_cannot_say_is_given_back_in_waypost_s_layout(config in global_config(), interface in interface_config()) {
        // Neither strategy states all that records state.
        prop_assert_eq!(GlobalConfig::decode(&config.encode(Layout::Rras)).unwrap().0, config);
        prop_assert_eq!(InterfaceConfig::decode(&interface.encode(Layout::Rras)).unwrap().0, interface);
    }

    #[test]
    fn a_damaged_global_block(config in global_config(), layout in 2_u32..=5, damages in damage()) {
        survives::<GlobalConfig>(&damaged(&config.encode(Layout::Waypost(layout)), &damages))?;
    }

    #[test]
    fn any_octets(version in 0_u32..4, bytes in vec(any::<u8>(), 0..300)) {
        survives::<InterfaceConfig>(&InfoBlock::new(version, bytes.clone()))?;
        survives::<GlobalConfig>(&InfoBlock::new(version, bytes))?;
    }

    #[test]
    fn what_is_given_wins_over_the_defaults(config in interface_config(), global in global_config(), adapter_mtu: u32) {
        let adapter = Adapter { mtu: adapter_mtu, ..Adapter::default() };
        let _ = router_parameters(&global);
        if let Ok(parameters) = interface_parameters(&config, &global, adapter) {
            let defaults = global.defaults.clone().unwrap_or_default();
            let cost = config.cost.or(defaults.cost);
            prop_assert_eq!(parameters.cost, cost.unwrap_or(10));
            prop_assert_eq!(parameters.area, config.area.or(defaults.area).unwrap_or_default());
            prop_assert!(parameters.hello > std::time::Duration::ZERO && parameters.dead > 0);
        }
    }
}

#[test]
fn errors_name_the_option_and_do_not_show_secrets() {
    use serde_json::json;
    let refused = |text: Value| {
        let config = InterfaceConfig::from_text(&text);
        let refusal = config.and_then(|config| config.validate()).unwrap_err();
        assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
        assert!(!refusal.to_string().contains("4711"), "{refusal}");
        refusal.path
    };
    let key = json!({ "id": 1, "secret": 4711, "algorithm": "md5" });
    for (text, path) in [
        (json!({ "cost": 0 }), "cost"),
        (json!({ "cost": "ten" }), "cost"),
        (
            json!({ "hello-interval": 30, "dead-interval": 30 }),
            "dead-interval",
        ),
        (json!({ "dscp": 64 }), "dscp"),
        (json!({ "area": "backbone" }), "area"),
        (json!({ "network-type": "token-ring" }), "network-type"),
        (
            json!({ "neighbors": [{ "address": "224.0.0.5" }] }),
            "neighbors.0.address",
        ),
        (
            json!({ "neighbors": [{ "address": "192.0.2.1" }, { "address": "192.0.2.1" }] }),
            "neighbors.1.address",
        ),
        (json!({ "keys": [key] }), "keys.0.secret"),
        (json!({ "password": "471147114711" }), "password"),
        (json!({ "password": "hex:4711f" }), "password"),
        (
            json!({ "addresses": [{ "address": "192.0.2.1", "length": 33 }] }),
            "addresses.0.length",
        ),
        (
            json!({ "addresses": [{ "address": "192.0.2.1" }, { "address": "192.0.2.1" }] }),
            "addresses.1.address",
        ),
        (json!({ "costs": 1 }), "costs"),
    ] {
        assert_eq!(refused(text), path);
    }
    let global = |text: Value| {
        let config = GlobalConfig::from_text(&text);
        config.and_then(|config| config.validate()).unwrap_err().path
    };
    assert_eq!(global(json!({ "router-id": "0.0.0.0" })), "router-id");
    assert_eq!(
        global(json!({ "areas": [{ "id": 0, "kind": "stub" }] })),
        "areas.0.kind"
    );
    assert_eq!(
        global(json!({ "areas": [{ "id": 1, "ranges": [{ "prefix": "10.0.0.0/8", "cost": 16_777_215 }] }] })),
        "areas.0.ranges.0.cost"
    );
    assert_eq!(global(json!({ "defaults": { "cost": 0 } })), "defaults.cost");
    assert_eq!(
        global(json!({ "redistribute": [{ "source": "ospf" }] })),
        "redistribute.0.source"
    );
    let nssa = |kind: &str, range: &str| {
        let ranges = [
            json!({ "prefix": "10.0.0.0/8", "tag": 7 }),
            json!({ "prefix": range }),
        ];
        global(json!({ "areas": [{ "id": 1, "kind": kind, "nssa": { "ranges": ranges } }] }))
    };
    assert_eq!(nssa("stub", "11.0.0.0/8"), "areas.0.nssa");
    assert_eq!(nssa("nssa", "10.0.0.0/8"), "areas.0.nssa.ranges.1.prefix");
    let virtual_link = |link: Value| {
        global(json!({
            "router-id": "1.1.1.1",
            "areas": [{ "id": 0 }, { "id": 1 }, { "id": 2, "kind": "nssa" }],
            "virtual-links": [{ "transit-area": 1, "router-id": "2.2.2.2" }, link],
        }))
    };
    for (link, option) in [
        (
            json!({ "transit-area": 0, "router-id": "3.3.3.3" }),
            "transit-area",
        ),
        (
            json!({ "transit-area": 2, "router-id": "3.3.3.3" }),
            "transit-area",
        ),
        (
            json!({ "transit-area": 3, "router-id": "3.3.3.3" }),
            "transit-area",
        ),
        (json!({ "transit-area": 1, "router-id": "0.0.0.0" }), "router-id"),
        (json!({ "transit-area": 1, "router-id": "1.1.1.1" }), "router-id"),
        (json!({ "transit-area": 1, "router-id": "2.2.2.2" }), "router-id"),
        (
            json!({ "transit-area": 1, "router-id": "3.3.3.3", "hello-interval": 9, "dead-interval": 9 }),
            "dead-interval",
        ),
        (
            json!({ "transit-area": 1, "router-id": "3.3.3.3", "retransmit-interval": 0 }),
            "retransmit-interval",
        ),
        (
            json!({ "transit-area": 1, "router-id": "3.3.3.3", "authentication": "simple" }),
            "password",
        ),
        (
            json!({ "transit-area": 1, "router-id": "3.3.3.3", "authentication": "extended" }),
            "keys",
        ),
    ] {
        assert_eq!(virtual_link(link), format!("virtual-links.1.{option}"));
    }
}

#[test]
fn the_type_of_a_metric_is_a_word_or_a_number() {
    use serde_json::json;
    let said = |kind: Value| {
        let text = json!({ "redistribute": [{ "source": "static", "metric-type": kind }] });
        GlobalConfig::from_text(&text).map(|config| config.redistribute.unwrap()[0].metric_type)
    };
    for (kind, meant) in [(json!(1), MetricType::Type1), (json!("2"), MetricType::Type2)] {
        assert_eq!(said(kind).unwrap(), Some(meant));
    }
    let refusal = said(json!(3)).unwrap_err();
    assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
}

#[test]
fn a_global_block_keeps_the_first_layout_until_it_says_more() {
    let first = Layout::Waypost(2);
    let mut config = GlobalConfig {
        logging: Some(crate::config::Logging::Errors),
        annotate: Some("old".to_owned()),
        ..GlobalConfig::default()
    };
    let block = config.encode(first);
    assert_eq!((block.version, &block.bytes[4..8]), (2, &[2, 0, 0, 0][..]));
    assert_eq!(GlobalConfig::decode(&block).unwrap(), (config.clone(), first));
    config.stub_router_at_stop = Some(5);
    let block = config.encode(first);
    assert_eq!((block.version, &block.bytes[4..8]), (3, &[3, 0, 0, 0][..]));
    let second = Layout::Waypost(3);
    assert_eq!(GlobalConfig::decode(&block).unwrap(), (config.clone(), second));
    assert!(InterfaceConfig::decode(&block).is_err());
    config.virtual_links = Some(Vec::new());
    let block = config.encode(first);
    let third = Layout::Waypost(4);
    assert_eq!(GlobalConfig::decode(&block).unwrap(), (config.clone(), third));
    config.defaults = Some(InterfaceConfig {
        enabled: Some(false),
        ..InterfaceConfig::default()
    });
    let block = config.encode(first);
    assert_eq!(
        GlobalConfig::decode(&block).unwrap(),
        (config.clone(), waypost::<GlobalConfig>())
    );
    config.defaults = None;
    config.redistribute = Some(vec![crate::config::Redistribution {
        source: ProtocolId::RIP,
        metric: None,
        metric_type: None,
        tag: None,
        enabled: None,
        policy: Some("upstream".to_owned()),
    }]);
    let block = config.encode(third);
    assert_eq!(
        GlobalConfig::decode(&block).unwrap(),
        (config, waypost::<GlobalConfig>())
    );
}

#[test]
fn an_interface_block_keeps_the_first_layout_until_it_says_more() {
    let first = Layout::Waypost(2);
    let mut config = InterfaceConfig {
        cost: Some(7),
        neighbors: Some(Vec::new()),
        ..InterfaceConfig::default()
    };
    let block = config.encode(first);
    assert_eq!(InterfaceConfig::decode(&block).unwrap(), (config.clone(), first));
    config.addresses = Some(Vec::new());
    let block = config.encode(first);
    assert_eq!(
        InterfaceConfig::decode(&block).unwrap(),
        (config, waypost::<InterfaceConfig>())
    );
}

/// The tables of `docs/blocks/ospf.md` are those of the code.
#[test]
fn the_document_says_what_the_words_are() {
    const DOCUMENT: &str = include_str!("../../../../docs/blocks/ospf.md");
    for (section, words, block) in [
        (
            "Interface block",
            InterfaceConfig::WORDS,
            InterfaceConfig::default().encode(waypost::<InterfaceConfig>()),
        ),
        (
            "Global block",
            GlobalConfig::WORDS,
            GlobalConfig::default().encode(waypost::<GlobalConfig>()),
        ),
    ] {
        let (_, text) = DOCUMENT.split_once(&format!("## {section}\n")).unwrap();
        let text = text.split("\n## ").next().unwrap();
        for (number, option) in words.iter().enumerate() {
            let row = format!("| {number} | {} | `{option}` |", 12 + 8 + 4 * number);
            assert!(text.contains(&row), "{section}: {row}");
        }
        let end = format!("The fixed part ends at {}.", block.bytes.len());
        assert!(text.contains(&end), "{section}: {end}");
    }
}
