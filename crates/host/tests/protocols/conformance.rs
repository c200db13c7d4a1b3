//! The conformance suite, on protocols with threads and sockets of their own.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::{Engine, codec_of};
use waypost_host::protocol::spawn;
use waypost_rip::Rip;
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, RoutingProtocol, Scope, Topic};
use waypost_static::Static;
use waypost_types::{ProtocolId, Seed};

use crate::probe::TAKEN;
use crate::rig::{Notes, isolated};

fn hosted<E: Engine>() -> Box<dyn RoutingProtocol> {
    Box::new(spawn::<E>(Seed(1), Vec::new(), Arc::new(Notes::default())).unwrap())
}

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

/// Looks until two looks in a row see the same.
fn settle(protocol: &mut dyn RoutingProtocol) {
    let look = |protocol: &mut dyn RoutingProtocol| {
        [Topic::Summary, Topic::Interfaces, Topic::Database].map(|topic| protocol.show(topic).ok())
    };
    let mut last = look(protocol);
    for _ in 0..500 {
        thread::sleep(Duration::from_millis(2));
        let next = look(protocol);
        if next == last {
            return;
        }
        last = next;
    }
}

/// Long enough for the twelve seconds that an autostatic update may take, when called as often as an event is waited for.
fn pass_time(_: &mut dyn RoutingProtocol) {
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

fn rip_conforms(name: &str, layout: Layout, fixed_part: usize) {
    isolated(|| {
        let _somebody = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, TAKEN)).unwrap();
        let mut invalid = interface(&json!({ "metric": 3 }), layout);
        match layout {
            Layout::Rras => invalid.bytes[4] = 17,
            Layout::Waypost(_) => invalid.bytes[19] |= 0x80,
        }
        let rras_set = interface(&json!({ "metric": 7 }), Layout::Rras);
        let failing = Layout::Waypost(InterfaceConfig::LAYOUT);
        let subject = Subject::new(
            hosted::<Rip>,
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
        // RRAS's block has no port; a set may change the layout.
        .failing_interface(interface(&json!({ "port": TAKEN }), failing))
        .fixed_part(fixed_part)
        .mib_set(move |index| mib(index.0, Some(&rras_set)))
        .mib_get(|index| mib(index.0, None))
        .settle(settle)
        .pass_time(pass_time);
        // IC_State tells whether the interface is enabled and bound.
        let read_only = if layout == Layout::Rras { 0..4 } else { 0..0 };
        let report = run(&subject.read_only(read_only).ignore_in_show(&RESTLESS));
        report.assert_conforms();
        let skipped: Vec<_> = report.skipped().map(|case| case.id).collect();
        assert!(!skipped.contains(&"6.3/2-failed"), "{report}");
    });
}

#[test]
fn rip_with_rras_blocks() {
    rip_conforms("RIP in a thread, RRAS layout", Layout::Rras, 84);
}

#[test]
fn rip_with_waypost_blocks() {
    let smallest = codec_of::<Rip>().to_block(Scope::Interface, &json!({})).unwrap();
    rip_conforms(
        "RIP in a thread, Waypost layout",
        Layout::Waypost(InterfaceConfig::LAYOUT),
        smallest.bytes.len(),
    );
}

#[test]
fn static_routes() {
    isolated(|| {
        let codec = codec_of::<Static>();
        let global = |text| codec.to_block(Scope::Global, &text).unwrap();
        let interface = |text| codec.to_block(Scope::Interface, &text).unwrap();
        let one = interface(json!({ "routes": [{ "prefix": "10.1.0.0/16", "gateway": "192.0.2.1" }] }));
        let mut invalid = one.clone();
        invalid.bytes[12] = 0xFF;
        invalid.bytes[13] = 0xFF;
        let subject = Subject::new(
            hosted::<Static>,
            Static::PROTOCOL,
            global(json!({ "routes": [{ "prefix": "10.0.0.0/8", "via": ["192.0.2.1"] }] })),
            [
                one,
                interface(json!({ "routes": [{ "prefix": "10.2.0.0/16", "gateway": "192.0.2.2" }] })),
            ],
            invalid,
        )
        .named("static routes in a thread")
        .other_global(global(
            json!({ "routes": [{ "prefix": "10.9.0.0/16", "kind": "blackhole" }] }),
        ))
        .settle(settle)
        .pass_time(pass_time);
        run(&subject.ignore_in_show(&["inputs"])).assert_conforms();
    });
}
