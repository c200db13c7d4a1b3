//! The load generator conforms to the routing protocol interface.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::cell::RefCell;

use serde_json::json;
use waypost_engine::{Engine, EngineProtocol, ManualCell, Now, codec_of};
use waypost_loadgen::LoadGenerator;
use waypost_routprot::Scope;
use waypost_routprot::conformance::{Subject, run};
use waypost_types::{Seed, Time};

#[test]
fn it_conforms() {
    let cells: RefCell<Vec<ManualCell<LoadGenerator>>> = RefCell::default();
    let codec = codec_of::<LoadGenerator>();
    let global = |text| codec.to_block(Scope::Global, &text).unwrap();
    let interface = |text| codec.to_block(Scope::Interface, &text).unwrap();
    let one = interface(json!({ "gateways": ["192.0.2.1"] }));
    // Unknown options are given.
    let mut invalid = one.clone();
    invalid.bytes[12] = 0xFF;
    let mut invalid_global = global(json!({ "routes": 5 }));
    invalid_global.bytes[13] = 0xFF;
    let subject = Subject::new(
        || {
            let now = Now {
                time: Time::from_secs(100),
                ..Now::default()
            };
            let cell = ManualCell::new(Seed(1), now);
            cells.borrow_mut().push(cell.clone());
            Box::new(EngineProtocol::<LoadGenerator, _>::new(cell))
        },
        LoadGenerator::PROTOCOL,
        global(json!({ "routes": 5 })),
        [one, interface(json!({ "gateways": ["192.0.2.2"] }))],
        invalid,
    )
    .named("loadgen")
    .other_global(global(json!({ "routes": 7, "flaps": 2 })))
    .invalid_global(invalid_global)
    .longer_interface(interface(json!({ "gateways": ["192.0.2.1", "192.0.2.2"] })))
    .fixed_part(interface(json!({})).bytes.len())
    .pass_time(|_| cells.borrow().iter().for_each(ManualCell::pass_time));
    // They count what was done, on whichever way.
    let report = run(&subject.ignore_in_show(&["routes-announced", "routes-withdrawn"]));
    report.assert_conforms();
    let skipped: Vec<_> = report.skipped().map(|case| case.id).collect();
    // It says no good-byes, has no updates on request, no neighbours and no MIB, and needs no port: nothing valid can fail.
    assert_eq!(
        skipped,
        [
            "5.1/failed",
            "10.1/stopping",
            "6.5/stopping",
            "6.3/2-failed",
            "6.5/updating",
            "5.5/failed",
            "7/nothing",
            "7/mib",
            "7/mib-first",
            "7/mib-next",
            "7/neighbors",
            "5.12/unknown",
            "9.3/update",
            "6.6/10",
            "9.1/signal",
            "5.16/failed",
            "5.16/walk",
        ]
    );
}
