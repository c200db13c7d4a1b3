//! OSPF conforms to the routing protocol interface.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::cell::RefCell;

use serde_json::{Value, json};
use waypost_engine::{EngineProtocol, ManualCell, Now, codec_of};
use waypost_ospf::OspfEngine;
use waypost_ospf::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Scope};
use waypost_types::{ProtocolId, Seed, Time, WallTime};

fn interface(text: &Value) -> InfoBlock {
    InterfaceConfig::from_text(text)
        .unwrap()
        .encode(Layout::Waypost(InterfaceConfig::LAYOUT))
}

/// An INTF record of RRAS with this cost, and the end of the run.
fn rras_interface(cost: u8, neighbors: &[u8]) -> InfoBlock {
    let word = |value: u32| value.to_le_bytes();
    let record = |kind| [word(kind), word(1), word(1)].concat();
    let mut octets = record(4);
    octets.extend([192, 0, 2, 1, 255, 255, 255, 0, 0, 0, 0, 0]);
    for value in [1, 1, 1, 5, 10, 40, 120, cost.into(), 0, 0, 1] {
        octets.extend(word(value));
    }
    for neighbor in neighbors {
        octets.extend(record(5));
        octets.extend([192, 0, 2, *neighbor, 192, 0, 2, 1, 1, 0, 0, 0]);
    }
    octets.extend(word(0));
    InfoBlock::new(1, octets)
}

/// A GLOBAL record of RRAS with this level of logging, records after it, and the end of the run.
fn rras_global(logging: u8, more: &[u8]) -> InfoBlock {
    let words = [1, 1, 1, u32::from_le_bytes([192, 0, 2, 9]), 2, logging.into()];
    let mut octets: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    octets.extend(more);
    octets.extend([0; 4]);
    InfoBlock::new(1, octets)
}

fn global(text: &Value) -> InfoBlock {
    GlobalConfig::from_text(text)
        .unwrap()
        .encode(Layout::Waypost(GlobalConfig::LAYOUT))
}

/// Blocks of one layout.
struct Blocks {
    name: &'static str,
    globals: [InfoBlock; 2],
    interfaces: [InfoBlock; 2],
    longer: InfoBlock,
    invalid: InfoBlock,
    invalid_global: InfoBlock,
    fixed_part: usize,
}

fn conforms(blocks: Blocks) {
    let cells: RefCell<Vec<ManualCell<OspfEngine>>> = RefCell::default();
    let [global, other_global] = blocks.globals;
    let subject = Subject::new(
        || {
            let now = Now {
                time: Time::from_secs(100),
                wall: WallTime(1_700_000_000),
            };
            let cell = ManualCell::new(Seed(1), now);
            cells.borrow_mut().push(cell.clone());
            Box::new(EngineProtocol::<OspfEngine, _>::new(cell))
        },
        ProtocolId::OSPF,
        global,
        blocks.interfaces,
        blocks.invalid,
    )
    .named(blocks.name)
    .other_global(other_global)
    .invalid_global(blocks.invalid_global)
    .longer_interface(blocks.longer)
    .fixed_part(blocks.fixed_part)
    // ospfGeneralGroup; rows of interfaces go by addresses, which the suite's interfaces share.
    .mib_get(|_| 0x5750_0000_u32.to_le_bytes().to_vec())
    // What LSAs say follows a change within MinLSInterval (RFC 2328 §12.4).
    .ignore_in_show(&["checksum-sum", "checksum", "sequence", "length"])
    .pass_time(|_| cells.borrow().iter().for_each(ManualCell::pass_time));
    let report = run(&subject);
    report.assert_conforms();
    let mut skipped: Vec<_> = report.skipped().map(|case| case.id).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, EXPECTED, "{}", blocks.name);
}

#[test]
fn with_waypost_blocks() {
    // The first bit past those that say what is given.
    let mut invalid = interface(&json!({ "cost": 3 }));
    invalid.bytes[19] |= 0x40;
    let mut invalid_global = global(&json!({ "rfc1583": true }));
    invalid_global.bytes[19] |= 0x40;
    let smallest = codec_of::<OspfEngine>()
        .to_block(Scope::Interface, &json!({}))
        .unwrap();
    conforms(Blocks {
        name: "OSPF, Waypost layout",
        globals: [
            global(&json!({ "rfc1583": true })),
            global(&json!({
                "maximum-paths": 4,
                "areas": [{ "id": 1, "kind": "stub", "ranges": [{ "prefix": "10.0.0.0/8" }] }],
                "redistribute": [{ "source": "static", "metric": 7 }],
            })),
        ],
        interfaces: [
            interface(&json!({ "cost": 3 })),
            interface(&json!({
                "cost": 5, "neighbors": [{ "address": "192.0.2.7" }], "network-type": "non-broadcast",
            })),
        ],
        longer: interface(&json!({
            "area": 1,
            "neighbors": [{ "address": "192.0.2.7" }, { "address": "192.0.2.8", "priority": 0 }],
            "authentication": "cryptographic",
            "keys": [{ "id": 1, "secret": "s", "algorithm": "hmac-sha256" }],
            "annotate": "to the lab",
        })),
        invalid,
        invalid_global,
        fixed_part: smallest.bytes.len(),
    });
}

#[test]
fn with_rras_blocks() {
    let mut invalid = rras_interface(3, &[]);
    // metricCost ends at 65535.
    invalid.bytes[54] = 1;
    conforms(Blocks {
        name: "OSPF, RRAS layout",
        globals: [
            rras_global(1, &[]),
            rras_global(2, &[8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0]),
        ],
        interfaces: [rras_interface(3, &[]), rras_interface(5, &[7])],
        longer: rras_interface(7, &[7, 8, 9]),
        invalid,
        invalid_global: rras_global(4, &[]),
        fixed_part: 72,
    });
}

/// What OSPF's blocks cannot say, and what it does not have: a port that fails, MIB tables that are set or go by the number of the
/// interface, updates on request.
const EXPECTED: [&str; 16] = [
    "10.1/stopping",
    "5.1/failed",
    "5.12/unknown",
    "5.16/failed",
    "5.16/walk",
    "5.5/failed",
    "6.3/2-failed",
    "6.5/stopping",
    "6.5/updating",
    "6.6/10",
    "7/mib-first",
    "7/mib-next",
    "7/neighbors",
    "7/nothing",
    "9.1/signal",
    "9.3/update",
];
