//! RIP as a module conforms as RIP in the daemon does, with real sockets, each in a network namespace of its own.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::codec_of;
use waypost_host::protocol::{Stored, Surroundings, spawn};
use waypost_rip::Rip;
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::conformance::{Outcome, Report, Subject, run};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, RoutingProtocol, Scope, Topic};
use waypost_testkit::isolated;
use waypost_types::{ProtocolId, RouteBatch, RouteNotice, Seed};

use crate::objects::{in_its_own, in_process};

/// A UDP port that somebody else has.
const TAKEN: u16 = 5666;

/// What a protocol in the daemon has around it: here nothing.
struct Nothing;

impl Surroundings for Nothing {
    fn routes(&self, _protocol: ProtocolId, _batch: RouteBatch) {}

    fn interest(&self, _: ProtocolId, _: Vec<ProtocolId>, _: Box<dyn Fn(Vec<RouteNotice>) + Send>) {}

    fn persist(&self, _protocol: ProtocolId, _key: String, _value: Vec<u8>, done: Stored) {
        done(false);
    }

    fn died(&self, protocol: ProtocolId, reason: String) {
        panic!("{protocol}: {reason}");
    }
}

fn in_tree() -> Box<dyn RoutingProtocol> {
    Box::new(spawn::<Rip>(Seed(1), Vec::new(), Arc::new(Nothing)).unwrap())
}

fn ip(arguments: &str) {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {error}");
}

/// The interfaces that the suite tells protocols of. A module in a process of its own has no privileges, so that RIP's port
/// is nobody's privilege here.
pub(crate) fn network() {
    for number in [7, 8] {
        ip(&format!(
            "link add eth{number} index {number} type veth peer name far{number}"
        ));
        ip(&format!("link set far{number} up"));
        ip(&format!("link set eth{number} up"));
        for address in ["10.0.0.1/24", "10.0.1.1/24"] {
            ip(&format!("address add {address} dev eth{number}"));
        }
    }
    std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0").unwrap();
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

/// Looks until two looks in a row see the same. A module shows nothing, and is as it is when a call returns.
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

fn verdicts(name: &str, load: fn() -> Box<dyn RoutingProtocol>, layout: Layout) -> Report {
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
    let subject = Subject::new(
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
        &json!({ "port": TAKEN }),
        Layout::Waypost(InterfaceConfig::LAYOUT),
    ))
    .fixed_part(smallest)
    .mib_set(move |index| mib(index.0, Some(&rras_set)))
    .mib_get(|index| mib(index.0, None))
    .mib_table()
    .settle(settle)
    .pass_time(pass_time);
    // IC_State tells whether the interface is enabled and bound.
    let read_only = if layout == Layout::Rras { 0..4 } else { 0..0 };
    run(&subject.read_only(read_only).ignore_in_show(&RESTLESS))
}

/// Cases of what Waypost adds to the interface, which modules do not have: they are skipped.
fn is_of_an_addition(id: &str) -> bool {
    ["describe/", "router-id/"]
        .iter()
        .any(|prefix| id.starts_with(prefix))
}

/// The verdicts, in a network namespace.
fn judged(name: &str, load: fn() -> Box<dyn RoutingProtocol>, layout: Layout) -> Report {
    let mut report = None;
    isolated(|| {
        network();
        let _somebody = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, TAKEN)).unwrap();
        report = Some(verdicts(name, load, layout));
    })
    .unwrap();
    let report = report.unwrap();
    report.assert_conforms();
    report
}

/// All three at a time: the suite waits most of the time.
fn conforms(layout: Layout) {
    // Without root the whole test runs in another process, once.
    isolated(|| {
        thread::scope(|scope| {
            let expected = scope.spawn(|| judged("RIP in the daemon", in_tree, layout));
            let module = scope.spawn(|| judged("RIP as a module", as_a_module, layout));
            let isolated = scope.spawn(|| judged("RIP as an isolated module", isolated_module, layout));
            let expected = expected.join().unwrap();
            for seen in [module, isolated] {
                same_verdicts(&expected, &seen.join().unwrap());
            }
        });
    })
    .unwrap();
}

fn same_verdicts(expected: &Report, seen: &Report) {
    let mut different = BTreeSet::new();
    for (expected, seen) in expected.cases.iter().zip(&seen.cases) {
        assert_eq!(expected.id, seen.id);
        let is_known = is_of_an_addition(seen.id) && matches!(seen.outcome, Outcome::Skipped(_));
        if expected.outcome != seen.outcome && !is_known {
            different.insert(format!("{expected:?}, but {seen:?}"));
        }
    }
    assert!(different.is_empty(), "{}: {different:#?}", seen.subject);
    assert!(seen.passed().count() > 60, "{seen}");
}

fn as_a_module() -> Box<dyn RoutingProtocol> {
    in_process("waypost-exported-rip")
}

fn isolated_module() -> Box<dyn RoutingProtocol> {
    in_its_own("waypost-exported-rip")
}

#[test]
fn rip_conforms_with_rras_blocks() {
    conforms(Layout::Rras);
}

#[test]
fn rip_conforms_with_waypost_blocks() {
    conforms(Layout::Waypost(InterfaceConfig::LAYOUT));
}
