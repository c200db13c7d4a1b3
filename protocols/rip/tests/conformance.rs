//! RIP conforms to the routing protocol interface, in both block layouts.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::cell::RefCell;

use serde_json::{Value, json};
use waypost_engine::{EngineProtocol, ManualCell, Now, Transport, codec_of};
use waypost_rip::Rip;
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Scope};
use waypost_types::{ProtocolId, Seed, Time, WallTime};

/// A UDP port that somebody else has.
const TAKEN: u16 = 666;

fn interface(text: &Value, layout: Layout) -> InfoBlock {
    InterfaceConfig::from_text(text).unwrap().encode(layout)
}

fn global(text: &Value, layout: Layout) -> InfoBlock {
    GlobalConfig::from_text(text).unwrap().encode(layout)
}

/// Published MIB input: TypeID, IfIndex and, to set, size and octets (routing-protocol-interface 5.16).
fn mib(kind: u32, index: u32, block: Option<&InfoBlock>) -> Vec<u8> {
    let mut input = [kind.to_le_bytes(), index.to_le_bytes()].concat();
    if let Some(block) = block {
        input.extend(block.structure_size.to_le_bytes());
        input.extend(&block.bytes);
    }
    input
}

fn conforms(name: &str, layout: Layout, fixed_part: usize) {
    let cells: RefCell<Vec<ManualCell<Rip>>> = RefCell::default();
    let mut invalid = interface(&json!({ "metric": 3 }), layout);
    match layout {
        Layout::Rras => invalid.bytes[4] = 17,
        // The first bit past those that say what is given.
        Layout::Waypost(_) => invalid.bytes[19] |= 0x80,
    }
    let mut invalid_global = global(&json!({ "triggered-delay": 5000 }), layout);
    match layout {
        // GC_LoggingLevel ends at 3.
        Layout::Rras => invalid_global.bytes[0] = 4,
        Layout::Waypost(_) => invalid_global.bytes[19] |= 0x80,
    }
    let rras_set = interface(&json!({ "metric": 7 }), Layout::Rras);
    let subject = Subject::new(
        || {
            let now = Now {
                time: Time::from_secs(100),
                wall: WallTime(1_700_000_000),
            };
            let cell = ManualCell::new(Seed(1), now).with_taken(Transport::Udp(TAKEN));
            cells.borrow_mut().push(cell.clone());
            Box::new(EngineProtocol::<Rip, _>::new(cell))
        },
        ProtocolId::RIP,
        global(&json!({ "triggered-delay": 5000 }), layout),
        [
            interface(&json!({ "metric": 3 }), layout),
            interface(
                &json!({ "metric": 5, "neighbors": ["192.0.2.7"], "neighbor-mode": "also" }),
                layout,
            ),
        ],
        invalid,
    )
    .named(name)
    .other_global(global(
        &json!({ "triggered-delay": 2000, "peer-filter": "exclude", "peers": ["192.0.2.9"] }),
        layout,
    ))
    .invalid_global(invalid_global)
    .longer_interface(interface(
        &json!({ "metric": 2, "neighbors": ["192.0.2.7", "192.0.2.8", "192.0.2.9"], "neighbor-mode": "off" }),
        layout,
    ))
    .fixed_part(fixed_part)
    .mib_set(move |index| mib(3, index.0, Some(&rras_set)))
    .mib_get(|index| mib(3, index.0, None))
    .mib_table()
    .pass_time(|_| cells.borrow().iter().for_each(ManualCell::pass_time));
    // A port that could not be had is counted, though nothing changed. IC_State tells whether the interface is enabled and bound.
    let read_only = if layout == Layout::Rras { 0..4 } else { 0..0 };
    let mut subject = subject
        .read_only(read_only)
        .ignore_in_show(&["requests-sent", "port-failures"]);
    // RRAS's blocks cannot name a port, so that nothing they say can fail. A global block can fail only once an interface is
    // up, and the row of an interface only where it names a port.
    let mut expected = vec![
        "4.3/update-routes",
        "5.1/failed",
        "5.5/failed",
        "5.16/failed",
        "10.1/stopping",
        "6.5/stopping",
        "7/nothing",
        "7/neighbors",
    ];
    if layout == Layout::Rras {
        expected.push("6.3/2-failed");
    } else {
        subject = subject.failing_interface(interface(&json!({ "metric": 3, "port": TAKEN }), layout));
    }
    let report = run(&subject);
    report.assert_conforms();
    let mut skipped: Vec<_> = report.skipped().map(|case| case.id).collect();
    skipped.sort_unstable();
    expected.sort_unstable();
    assert_eq!(skipped, expected);
}

#[test]
fn with_rras_blocks() {
    conforms("RIP, RRAS layout", Layout::Rras, 84);
}

#[test]
fn with_waypost_blocks() {
    let smallest = codec_of::<Rip>().to_block(Scope::Interface, &json!({})).unwrap();
    conforms("RIP, Waypost layout", Layout::Waypost(3), smallest.bytes.len());
}

#[test]
fn with_waypost_blocks_of_the_older_layout() {
    let smallest = InterfaceConfig::default().encode(Layout::Waypost(2));
    conforms("RIP, Waypost layout 2", Layout::Waypost(2), smallest.bytes.len());
}
