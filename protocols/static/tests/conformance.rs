//! Static routes conform to the routing protocol interface.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::cell::RefCell;

use serde_json::json;
use waypost_engine::{Engine, EngineProtocol, ManualCell, Now, codec_of};
use waypost_routprot::Scope;
use waypost_routprot::conformance::{Subject, run};
use waypost_static::Static;
use waypost_types::{Seed, Time};

#[test]
fn with_waypost_blocks() {
    let cells: RefCell<Vec<ManualCell<Static>>> = RefCell::default();
    let codec = codec_of::<Static>();
    let global = |text| codec.to_block(Scope::Global, &text).unwrap();
    let interface = |text| codec.to_block(Scope::Interface, &text).unwrap();
    let one = interface(json!({ "routes": [{ "prefix": "10.1.0.0/16", "gateway": "192.0.2.1" }] }));
    let mut invalid = one.clone();
    // An octet of the header after the length: no such layout has anything but what the codec writes there.
    invalid.bytes[12] = 0xFF;
    invalid.bytes[13] = 0xFF;
    let mut invalid_global = global(json!({ "routes": [{ "prefix": "10.0.0.0/8", "via": ["192.0.2.1"] }] }));
    invalid_global.bytes[12] = 0xFF;
    invalid_global.bytes[13] = 0xFF;
    let subject = Subject::new(
        || {
            let cell = ManualCell::new(
                Seed(1),
                Now {
                    time: Time::from_secs(100),
                    ..Now::default()
                },
            );
            cells.borrow_mut().push(cell.clone());
            Box::new(EngineProtocol::<Static, _>::new(cell))
        },
        Static::PROTOCOL,
        global(json!({ "routes": [{ "prefix": "10.0.0.0/8", "via": ["192.0.2.1"] }] })),
        [
            one,
            interface(json!({ "routes": [{ "prefix": "10.2.0.0/16", "gateway": "192.0.2.2" }] })),
        ],
        invalid,
    )
    .named("static")
    .other_global(global(
        json!({ "routes": [{ "prefix": "10.9.0.0/16", "kind": "blackhole" }] }),
    ))
    .invalid_global(invalid_global)
    .longer_interface(interface(json!({ "routes": [
        { "prefix": "10.1.0.0/16", "gateway": "192.0.2.1" },
        { "prefix": "10.3.0.0/16", "gateway": "192.0.2.3" },
    ] })))
    .fixed_part(interface(json!({})).bytes.len())
    .pass_time(|_| cells.borrow().iter().for_each(ManualCell::pass_time));
    let report = run(&subject.ignore_in_show(&["inputs"]));
    report.assert_conforms();
    let skipped: Vec<_> = report.skipped().map(|case| case.id).collect();
    // Static routes say no good-byes and have no updates on request; they need no port, so that nothing valid can fail; they
    // have no MIB, and take interfaces without configuration.
    assert_eq!(
        skipped,
        [
            "5.1/failed",
            "10.1/stopping",
            "6.5/stopping",
            "6.3/2-failed",
            "6.5/updating",
            "5.5/failed",
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
