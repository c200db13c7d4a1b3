//! RIP as a module conforms as RIP in the daemon does, with real sockets, each in a network namespace of its own.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use waypost_host::protocol::{Stored, Surroundings, spawn};
use waypost_rip::Rip;
use waypost_rip::config::InterfaceConfig;
use waypost_routprot::conformance::{Report, run};
use waypost_routprot::{BlockConfig, Layout, RoutingProtocol};
use waypost_subjects::rip;
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

fn verdicts(name: &str, load: fn() -> Box<dyn RoutingProtocol>, layout: Layout) -> Report {
    run(&rip(name, load, layout, TAKEN))
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
        if expected.outcome != seen.outcome {
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
