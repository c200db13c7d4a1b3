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

fn global(text: &Value) -> InfoBlock {
    GlobalConfig::from_text(text)
        .unwrap()
        .encode(Layout::Waypost(GlobalConfig::LAYOUT))
}

#[test]
fn with_waypost_blocks() {
    let cells: RefCell<Vec<ManualCell<OspfEngine>>> = RefCell::default();
    // The first bit past those that say what is given.
    let mut invalid = interface(&json!({ "cost": 3 }));
    invalid.bytes[19] |= 0x40;
    let mut invalid_global = global(&json!({ "rfc1583": true }));
    invalid_global.bytes[19] |= 0x40;
    let smallest = codec_of::<OspfEngine>()
        .to_block(Scope::Interface, &json!({}))
        .unwrap();
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
        global(&json!({ "rfc1583": true })),
        [
            interface(&json!({ "cost": 3 })),
            interface(&json!({ "cost": 5, "neighbors": [{ "address": "192.0.2.7" }], "network-type": "non-broadcast" })),
        ],
        invalid,
    )
    .named("OSPF")
    .other_global(global(&json!({
        "maximum-paths": 4,
        "areas": [{ "id": 1, "kind": "stub", "ranges": [{ "prefix": "10.0.0.0/8" }] }],
        "redistribute": [{ "source": "static", "metric": 7 }],
    })))
    .invalid_global(invalid_global)
    .longer_interface(interface(&json!({
        "area": 1,
        "neighbors": [{ "address": "192.0.2.7" }, { "address": "192.0.2.8", "priority": 0 }],
        "authentication": "cryptographic",
        "keys": [{ "id": 1, "secret": "s", "algorithm": "hmac-sha256" }],
        "annotate": "to the lab",
    })))
    .fixed_part(smallest.bytes.len())
    // What LSAs say follows a change within MinLSInterval (RFC 2328 §12.4).
    .ignore_in_show(&["checksum-sum", "checksum", "sequence", "length"])
    .pass_time(|_| cells.borrow().iter().for_each(ManualCell::pass_time));
    let report = run(&subject);
    report.assert_conforms();
    let mut skipped: Vec<_> = report.skipped().map(|case| case.id).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, EXPECTED);
}

/// What OSPF's blocks cannot say, and what it does not have: a port that fails, MIB tables, updates on request.
const EXPECTED: [&str; 17] = [
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
    "7/mib",
    "7/mib-first",
    "7/mib-next",
    "7/neighbors",
    "7/nothing",
    "9.1/signal",
    "9.3/update",
];
