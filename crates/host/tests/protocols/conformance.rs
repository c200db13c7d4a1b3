//! The conformance suite, on protocols with threads and sockets of their own.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;

use serde_json::json;
use waypost_engine::{Engine, codec_of};
use waypost_host::protocol::spawn;
use waypost_rip::Rip;
use waypost_rip::config::InterfaceConfig;
use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{BlockConfig, Layout, RoutingProtocol, Scope};
use waypost_static::Static;
use waypost_subjects::{pass_time, rip, settle};
use waypost_types::Seed;

use crate::probe::TAKEN;
use crate::rig::{Notes, isolated};

fn hosted<E: Engine>() -> Box<dyn RoutingProtocol> {
    Box::new(spawn::<E>(Seed(1), Vec::new(), Arc::new(Notes::default())).unwrap())
}

fn rip_conforms(name: &str, layout: Layout) {
    isolated(|| {
        let _somebody = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, TAKEN)).unwrap();
        let report = run(&rip(name, hosted::<Rip>, layout, TAKEN));
        report.assert_conforms();
        let skipped: Vec<_> = report.skipped().map(|case| case.id).collect();
        assert!(!skipped.contains(&"6.3/2-failed"), "{report}");
    });
}

#[test]
fn rip_with_rras_blocks() {
    rip_conforms("RIP in a thread, RRAS layout", Layout::Rras);
}

#[test]
fn rip_with_waypost_blocks() {
    let layout = Layout::Waypost(InterfaceConfig::LAYOUT);
    rip_conforms("RIP in a thread, Waypost layout", layout);
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
