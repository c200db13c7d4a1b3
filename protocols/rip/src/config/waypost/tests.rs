use std::mem::offset_of;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use waypost_routprot::{BlockConfig, Layout};

use super::rules::{ChangeRecord, RuleRecord, rule_change};
use super::*;
use crate::config::strategies::{global_config, interface_config};
use crate::config::{Action, FilterRule};

const DOCUMENT: &str = include_str!("../../../../../docs/blocks/rip.md");
const HEADER: usize = WaypostHeader::SIZE;

/// The rows `| offset | size | field |` that a structure's section has.
fn check_table(section: &str, rows: &[(usize, usize, &str)]) {
    let (_, text) = DOCUMENT
        .split_once(&format!("## {section}\n"))
        .unwrap_or_else(|| panic!("no section {section}"));
    let text = text.split("\n## ").next().unwrap();
    for (offset, size, field) in rows {
        let row = format!("| {offset} | {size} | {field} |");
        assert!(text.contains(&row), "{section}: {row}");
    }
}

macro_rules! rows {
    ($base:expr, $type:ident: $($field:ident : $size:ty),* $(,)?) => {
        &[$(($base + offset_of!($type, $field), size_of::<$size>(), stringify!($field))),*]
    };
}

#[test]
fn the_document_says_what_the_structures_say() {
    check_table(
        "Options",
        rows!(HEADER, OptionsFixed: given: U64, switches: U64, update_interval: U32, expiration_interval: U32,
            removal_interval: U32, maximum_routes: U32, receive_buffer: U32, route_tag: U16, port: U16,
            packet_length: U16, ecmp_weight: U16, metric: u8, metric_out: u8, originate_default: u8, dscp: u8,
            announce: u8, accept: u8, update_mode: u8, neighbor_mode: u8, authentication: u8, ttl_security: u8,
            reserved: U16, neighbor_count: U32, accept_rule_count: U32, announce_rule_count: U32,
            password_length: U32, key_count: U32),
    );
    check_table(
        "Interface block",
        rows!(HEADER, InterfaceFixed: own_given: U32, annotate_length: U32),
    );
    check_table(
        "Global block",
        rows!(HEADER, GlobalFixed: own_given: U32, annotate_length: U32, triggered_delay: U32,
            max_receive_queue: U32, max_send_queue: U32, preference: u8, ecmp: u8, peer_filter: u8, logging: u8,
            peer_count: U32, redistribution_count: U32),
    );
    check_table(
        "Rule",
        rows!(0, RuleRecord: kind: u8, length: u8, ge: u8, le: u8, low: [u8; 4], high: [u8; 4]),
    );
    check_table(
        "Rule",
        rows!(size_of::<RuleRecord>(), ChangeRecord: given: u8, metric: u8, tag: U16),
    );
    check_table(
        "Key",
        rows!(0, KeyRecord: id: u8, algorithm: u8, given: u8, long_secrets: u8, secret_length: U32, accept_from: U64,
            accept_until: U64, send_from: U64, send_until: U64),
    );
    check_table(
        "Redistribution",
        rows!(0, RedistributionRecord: source: U32, given: u8, metric: u8, tag: U16, rule_count: U32),
    );
    for (section, bits) in [
        ("Options", option::ALL),
        ("Interface block", interface::ALL),
        ("Global block", global::ALL),
        ("Redistribution", redistribution::ALL),
        ("Key", key::ALL),
        ("Rule", rule_change::ALL),
    ] {
        let (_, text) = DOCUMENT.split_once(&format!("## {section}\n")).unwrap();
        let text = text.split("\n## ").next().unwrap();
        for bit in bits {
            let row = format!("| {} | `{}` |", bit.number, bit.option);
            assert!(text.contains(&row), "{section}: {row}");
        }
    }
    let fixed = HEADER + size_of::<InterfaceFixed>();
    assert!(DOCUMENT.contains(&format!("The interface block's fixed part ends at {fixed}")));
    let fixed = HEADER + size_of::<GlobalFixed>();
    assert!(DOCUMENT.contains(&format!("The global block's fixed part ends at {fixed}")));
}

fn refused<C: BlockConfig>(block: &InfoBlock) -> String {
    let refusal = C::decode(block).err().unwrap();
    assert_eq!(refusal.status.0, 87);
    refusal.path
}

/// An interface block with its octets at an offset overwritten.
fn patched(config: &InterfaceConfig, offset: usize, octets: &[u8]) -> InfoBlock {
    let mut block = config.encode(Layout::Waypost(LAYOUT));
    block.bytes[HEADER + offset..][..octets.len()].copy_from_slice(octets);
    block
}

#[test]
fn reserved_and_contradicting_fields_are_named() {
    let empty = InterfaceConfig::default();
    let refused = |offset, octets: &[u8]| refused::<InterfaceConfig>(&patched(&empty, offset, octets));
    assert_eq!(refused(4, &[0x80]), "given");
    assert_eq!(refused(offset_of!(OptionsFixed, switches), &[4]), "switches");
    assert_eq!(refused(offset_of!(OptionsFixed, reserved), &[1]), "reserved");
    assert_eq!(refused(offset_of!(InterfaceFixed, own_given), &[2]), "own-given");
    // A value without its bit.
    assert_eq!(refused(offset_of!(OptionsFixed, port), &[8, 2]), "port");
    assert_eq!(refused(offset_of!(OptionsFixed, key_count), &[1]), "keys");
}

#[test]
fn counts_are_compared_with_the_block_before_anything_is_allocated() {
    for (bit, field, option) in [
        (
            option::NEIGHBORS,
            offset_of!(OptionsFixed, neighbor_count),
            "neighbors",
        ),
        (
            option::ACCEPT_FILTER,
            offset_of!(OptionsFixed, accept_rule_count),
            "accept-filter",
        ),
        (
            option::PASSWORD,
            offset_of!(OptionsFixed, password_length),
            "password",
        ),
        (option::KEYS, offset_of!(OptionsFixed, key_count), "keys"),
    ] {
        for count in [1_u32, 65_536, u32::MAX] {
            let mut block = patched(&InterfaceConfig::default(), field, &count.to_le_bytes());
            let given = 1_u64 << bit.number;
            block.bytes[HEADER..HEADER + 8].copy_from_slice(&given.to_le_bytes());
            assert_eq!(refused::<InterfaceConfig>(&block), option, "{count}");
        }
    }
}

#[test]
fn unknown_layouts_versions_and_lengths() {
    let block = InterfaceConfig::default().encode(Layout::Waypost(LAYOUT));
    assert_eq!(block.version, LAYOUT);
    // The host passes version 1 whatever the block (routing-protocol-interface P-12).
    let decoded = InterfaceConfig::decode(&InfoBlock::new(1, block.bytes.clone())).unwrap();
    assert_eq!(decoded.1, Layout::Waypost(LAYOUT));
    let mut newer = block.clone();
    newer.bytes[4] = 5;
    newer.version = 5;
    assert_eq!(refused::<InterfaceConfig>(&newer), "layout");
    let mut longer = block.bytes.clone();
    longer.push(0);
    assert_eq!(
        refused::<InterfaceConfig>(&InfoBlock::new(LAYOUT, longer.clone())),
        "length"
    );
    longer[8] += 1;
    assert_eq!(
        refused::<InterfaceConfig>(&InfoBlock::new(LAYOUT, longer)),
        "length"
    );
    // A global block is longer than an interface block: neither is taken for the other.
    assert_eq!(refused::<GlobalConfig>(&block), "length");
}

#[test]
fn an_empty_list_is_not_an_absent_one() {
    for options in [
        Options {
            neighbors: Some(Vec::new()),
            ..Options::default()
        },
        Options {
            accept_filter: Some(Vec::new()),
            ..Options::default()
        },
        Options {
            keys: Some(Vec::new()),
            ..Options::default()
        },
    ] {
        let config = InterfaceConfig {
            options,
            annotate: Some(String::new()),
        };
        assert_ne!(config, InterfaceConfig::default());
        let block = config.encode(Layout::Waypost(LAYOUT));
        assert_eq!(InterfaceConfig::decode(&block).unwrap().0, config);
    }
}

#[test]
fn one_octet_less_is_never_a_configuration() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..20 {
        let interface = interface_config().new_tree(&mut runner).unwrap().current();
        let global = global_config().new_tree(&mut runner).unwrap().current();
        let blocks = [
            (interface.encode(Layout::Waypost(LAYOUT)), true),
            (global.encode(Layout::Waypost(LAYOUT)), false),
        ];
        for (block, is_interface) in blocks {
            for length in 12..block.bytes.len() {
                let mut bytes = block.bytes[..length].to_vec();
                bytes[8..12].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
                let shorter = InfoBlock::new(LAYOUT, bytes);
                if is_interface {
                    refused::<InterfaceConfig>(&shorter);
                } else {
                    refused::<GlobalConfig>(&shorter);
                }
            }
        }
    }
}

#[test]
fn enumerations_are_checked() {
    for (bit, offset, first_bad) in [
        (option::ANNOUNCE, offset_of!(OptionsFixed, announce), 4),
        (option::ACCEPT, offset_of!(OptionsFixed, accept), 4),
        (option::UPDATE_MODE, offset_of!(OptionsFixed, update_mode), 2),
        (option::NEIGHBOR_MODE, offset_of!(OptionsFixed, neighbor_mode), 3),
        (
            option::AUTHENTICATION,
            offset_of!(OptionsFixed, authentication),
            0,
        ),
        (
            option::AUTHENTICATION,
            offset_of!(OptionsFixed, authentication),
            4,
        ),
        (option::TTL_SECURITY, offset_of!(OptionsFixed, ttl_security), 3),
    ] {
        let mut block = patched(&InterfaceConfig::default(), offset, &[first_bad]);
        let given = 1_u64 << bit.number;
        block.bytes[HEADER..HEADER + 8].copy_from_slice(&given.to_le_bytes());
        assert_eq!(refused::<InterfaceConfig>(&block), bit.option);
    }
    let rule = |record: [u8; 12]| {
        let config = InterfaceConfig {
            options: Options {
                accept_filter: Some(vec![FilterRule::new(
                    Action::Deny,
                    "10.0.0.0/8 le 32".parse().unwrap(),
                )]),
                ..Options::default()
            },
            annotate: None,
        };
        refused::<InterfaceConfig>(&patched(&config, size_of::<InterfaceFixed>(), &record))
    };
    let change = |record: [u8; 4]| {
        let mut config = InterfaceConfig::default();
        config.options.accept_filter = Some(vec![FilterRule::new(
            Action::Permit,
            "10.0.0.0/8 le 32".parse().unwrap(),
        )]);
        let offset = size_of::<InterfaceFixed>() + size_of::<RuleRecord>();
        refused::<InterfaceConfig>(&patched(&config, offset, &record))
    };
    assert_eq!(change([8, 0, 0, 0]), "accept-filter.0.given");
    assert_eq!(change([3, 1, 0, 0]), "accept-filter.0.given");
    assert_eq!(change([0, 1, 0, 0]), "accept-filter.0.metric");
    assert_eq!(change([1, 16, 0, 0]), "accept-filter.0.metric");
    assert_eq!(change([2, 16, 0, 0]), "accept-filter.0.add-metric");
    assert_eq!(change([0, 0, 1, 0]), "accept-filter.0.tag");
    assert_eq!(
        rule([5, 8, 8, 32, 10, 0, 0, 0, 0, 0, 0, 0]),
        "accept-filter.0.kind"
    );
    assert_eq!(
        rule([1, 8, 8, 32, 10, 0, 0, 1, 0, 0, 0, 0]),
        "accept-filter.0.low"
    );
    assert_eq!(
        rule([1, 8, 8, 32, 10, 0, 0, 0, 0, 0, 0, 1]),
        "accept-filter.0.high"
    );
    assert_eq!(
        rule([3, 8, 0, 0, 10, 0, 0, 0, 11, 0, 0, 0]),
        "accept-filter.0.length"
    );
    assert_eq!(rule([1, 8, 9, 33, 10, 0, 0, 0, 0, 0, 0, 0]), "accept-filter.0");
    assert_eq!(rule([4, 0, 0, 0, 10, 0, 0, 0, 9, 0, 0, 0]), "accept-filter.0");
}

#[test]
fn records_in_tails_are_checked() {
    let key = InterfaceConfig {
        options: Options {
            keys: Some(vec![Key {
                id: 1,
                secret: Secret::new("s"),
                algorithm: DigestAlgorithm::HmacSha256,
                long_secrets: None,
                accept_from: None,
                accept_until: None,
                send_from: None,
                send_until: Some(WallTime(1)),
            }]),
            ..Options::default()
        },
        annotate: None,
    };
    for (field, octet, path) in [
        (offset_of!(KeyRecord, algorithm), 0, "keys.0.algorithm"),
        (offset_of!(KeyRecord, algorithm), 6, "keys.0.algorithm"),
        (offset_of!(KeyRecord, given), 0x28, "keys.0.given"),
        (offset_of!(KeyRecord, given), 0, "keys.0.send-until"),
        (offset_of!(KeyRecord, long_secrets), 1, "keys.0.long-secrets"),
        (offset_of!(KeyRecord, secret_length), 0, "length"),
        (offset_of!(KeyRecord, secret_length), 2, "keys.0.secret"),
        (offset_of!(KeyRecord, accept_from), 1, "keys.0.accept-from"),
        (size_of::<KeyRecord>(), 0xFF, "keys.0.secret"),
    ] {
        let block = patched(&key, size_of::<InterfaceFixed>() + field, &[octet]);
        assert_eq!(refused::<InterfaceConfig>(&block), path, "{octet} at {field}");
    }
    let redistribution = GlobalConfig {
        redistribute: Some(vec![Redistribution {
            source: ProtocolId::OSPF,
            metric: None,
            tag: None,
            filter: None,
            policy: None,
        }]),
        ..GlobalConfig::default()
    };
    for (field, octet, path) in [
        (
            offset_of!(RedistributionRecord, source),
            8,
            "redistribute.0.source",
        ),
        (
            offset_of!(RedistributionRecord, given),
            16,
            "redistribute.0.given",
        ),
        (
            offset_of!(RedistributionRecord, metric),
            1,
            "redistribute.0.metric",
        ),
        (
            offset_of!(RedistributionRecord, rule_count),
            1,
            "redistribute.0.filter",
        ),
    ] {
        let mut block = redistribution.encode(Layout::Waypost(LAYOUT));
        block.bytes[HEADER + size_of::<GlobalFixed>() + field] = octet;
        assert_eq!(refused::<GlobalConfig>(&block), path, "{octet} at {field}");
    }
}

/// An interface block of layout 2 as the first release wrote it: metric 3, one key, and nothing else.
const LAYOUT_2: &str = "57504231 02000000 8b000000 0100000800000000 0000000000000000 \
    00000000 00000000 00000000 00000000 00000000 0000 0000 0000 0000 \
    03 00 00 00 00 00 00 00 00 00 0000 00000000 00000000 00000000 00000000 01000000 \
    00000000 00000000 \
    07 03 08 00 03000000 0000000000000000 0000000000000000 0000000000000000 0900000000000000 6b6579";

#[test]
fn layout_2_is_read_and_comes_back_as_it_was() {
    let digits: Vec<u8> = LAYOUT_2.bytes().filter(u8::is_ascii_hexdigit).collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let block = InfoBlock::new(2, bytes);
    let (mut config, layout) = InterfaceConfig::decode(&block).unwrap();
    assert_eq!(layout, Layout::Waypost(2));
    assert_eq!(config.options.metric, Some(3));
    let key = &config.options.keys.as_ref().unwrap()[0];
    assert_eq!(
        (key.id, key.secret.expose(), key.send_until),
        (7, "key", Some(WallTime(9)))
    );
    assert_eq!(config.encode(layout), block);
    // It has neither the bit nor the octet of what came later.
    let record = HEADER + size_of::<InterfaceFixed>();
    for (field, octet, path) in [
        (offset_of!(KeyRecord, given), 0x18, "keys.0.given"),
        (offset_of!(KeyRecord, long_secrets), 1, "keys.0.long-secrets"),
    ] {
        let mut newer = block.clone();
        newer.bytes[record + field] = octet;
        assert_eq!(refused::<InterfaceConfig>(&newer), path);
    }
    // What it cannot say is written in the layout that can.
    for key in config.options.keys.iter_mut().flatten() {
        key.long_secrets = Some(waypost_wire::LongSecrets::Block);
    }
    let newer = config.encode(layout);
    assert_eq!(
        InterfaceConfig::decode(&newer).unwrap(),
        (config, Layout::Waypost(LAYOUT))
    );
}

/// Layout 3 says everything but policies.
#[test]
fn layout_3_knows_no_policies() {
    let named = |name: &str| InterfaceConfig {
        options: Options {
            accept_policy: Some(name.to_owned()),
            ..Options::default()
        },
        ..InterfaceConfig::default()
    };
    let mut newer = InterfaceConfig::default().encode(Layout::Waypost(3));
    assert_eq!(newer.version, 3);
    newer.bytes[HEADER + 4] |= 1 << (option::ACCEPT_POLICY.number - 32);
    assert_eq!(refused::<InterfaceConfig>(&newer), "given");
    let written = named("upstream").encode(Layout::Waypost(3));
    assert_eq!(
        InterfaceConfig::decode(&written).unwrap(),
        (named("upstream"), Layout::Waypost(4))
    );
    // A name of no octets, and one that leaves the block.
    let place = HEADER + size_of::<InterfaceFixed>();
    for length in [0, 9] {
        let mut bad = written.clone();
        bad.bytes[place] = length;
        assert!(InterfaceConfig::decode(&bad).is_err(), "{length}");
    }
}
