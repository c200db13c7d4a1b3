//! Protocols as the conformance suite is given them, wherever they run: in the daemon's cell or in a module.

#![allow(
    clippy::unwrap_used,
    reason = "only tests use this, and an unwrap that fails fails them"
)]

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::codec_of;
use waypost_rip::Rip;
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::conformance::{self, Subject};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, RoutingProtocol, Scope};
use waypost_types::ProtocolId;

/// What is sent and what fails is counted as time goes by.
const RESTLESS: [&str; 7] = [
    "age-seconds",
    "uptime-seconds",
    "requests-sent",
    "responses-sent",
    "triggered-updates-sent",
    "send-failures",
    "port-failures",
];

/// Waits until the protocol's threads have done what the last call set off.
pub fn settle(protocol: &mut dyn RoutingProtocol) {
    conformance::settle(protocol, || thread::sleep(Duration::from_millis(2)));
}

/// Long enough for the twelve seconds that an autostatic update may take, when called as often as an event is waited for.
pub fn pass_time(_: &mut dyn RoutingProtocol) {
    thread::sleep(Duration::from_millis(22));
}

fn interface(text: &Value, layout: Layout) -> InfoBlock {
    InterfaceConfig::from_text(text).unwrap().encode(layout)
}

fn global(text: &Value, layout: Layout) -> InfoBlock {
    GlobalConfig::from_text(text).unwrap().encode(layout)
}

/// Published MIB input: TypeID, IfIndex and, to set, size and octets (routing-protocol-interface 5.16).
fn mib(index: u32, block: Option<&InfoBlock>) -> Vec<u8> {
    let mut input = [3, index].map(u32::to_le_bytes).concat();
    if let Some(block) = block {
        input.extend(block.structure_size.to_le_bytes());
        input.extend(&block.bytes);
    }
    input
}

/// RIP with blocks of a layout; `taken` is a UDP port that somebody else has.
///
/// # Panics
/// Never, unless RIP does not understand its own options.
pub fn rip<'a>(
    name: &str,
    load: impl Fn() -> Box<dyn RoutingProtocol> + 'a,
    layout: Layout,
    taken: u16,
) -> Subject<'a> {
    let mut invalid = interface(&json!({ "metric": 3 }), layout);
    let mut invalid_global = global(&json!({ "triggered-delay": 5000 }), layout);
    match layout {
        Layout::Rras => {
            invalid.bytes[4] = 17;
            invalid_global.bytes[0] = 4;
        }
        Layout::Waypost(_) => {
            invalid.bytes[19] |= 0x80;
            invalid_global.bytes[19] |= 0x80;
        }
    }
    let smallest = match layout {
        Layout::Rras => 84,
        Layout::Waypost(_) => {
            let block = codec_of::<Rip>().to_block(Scope::Interface, &json!({}));
            block.unwrap().bytes.len()
        }
    };
    let rras_set = interface(&json!({ "metric": 7 }), Layout::Rras);
    // IC_State tells whether the interface is enabled and bound.
    let read_only = if layout == Layout::Rras { 0..4 } else { 0..0 };
    Subject::new(
        load,
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
    // RRAS's block has no port; a set may change the layout.
    .failing_interface(interface(
        &json!({ "port": taken }),
        Layout::Waypost(InterfaceConfig::LAYOUT),
    ))
    .fixed_part(smallest)
    .mib_set(move |index| mib(index.0, Some(&rras_set)))
    .mib_get(|index| mib(index.0, None))
    .mib_table()
    .settle(settle)
    .pass_time(pass_time)
    .read_only(read_only)
    .ignore_in_show(&RESTLESS)
}
