//! The sample in Rust (examples/rust-sample) conforms, with real sockets.

use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{InfoBlock, RoutingProtocol};
use waypost_testkit::isolated;

use crate::objects::{BEACON, in_its_own, in_process};
use crate::rip::network;

const PREFIX: u32 = u32::from_ne_bytes([198, 51, 100, 0]);
const MASK: u32 = u32::from_ne_bytes([255, 255, 255, 0]);

fn words(words: &[u32]) -> InfoBlock {
    InfoBlock::new(1, words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

fn conforms(load: fn() -> Box<dyn RoutingProtocol>) {
    isolated(|| {
        network();
        let interfaces = [words(&[1, 5, 15, 0]), words(&[2, 5, 20, 1, PREFIX, MASK])];
        let subject = Subject::new(load, BEACON, words(&[0]), interfaces, words(&[0, 5, 15, 0]))
            .other_global(words(&[100]))
            .invalid_global(words(&[256]))
            .fixed_part(16);
        let report = run(&subject);
        report.assert_conforms();
        assert!(report.passed().count() > 60, "{report}");
        let described = report.passed().filter(|case| case.id.starts_with("describe/"));
        assert_eq!(described.count(), 3, "{report}");
    })
    .unwrap();
}

#[test]
fn the_sample_conforms_in_process() {
    conforms(|| in_process("waypost-rust-sample"));
}

#[test]
fn the_sample_conforms_in_a_process_of_its_own() {
    conforms(|| in_its_own("waypost-rust-sample"));
}
