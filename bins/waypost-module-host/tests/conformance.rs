//! Modules pass the conformance suite, in this process and in one of their own.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

mod build;

use std::path::Path;
use std::time::Duration;

use build::{isolated, module};
use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{InfoBlock, RoutingProtocol};
use waypost_routprot_abi::{ModuleProtocol, Privileges};
use waypost_types::{InterfaceIndex, ProtocolId};

/// The number of the protocol in `modules/correct.c`.
const SAMPLE: ProtocolId = ProtocolId(200);
/// No call takes so long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A valid value that it cannot carry out.
const UNLUCKY: u32 = 13;

fn words(words: &[u32]) -> InfoBlock {
    InfoBlock::new(1, words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

/// A block of an interface: metric, passive, neighbours.
fn block(metric: u32, passive: u32, neighbours: &[u32]) -> InfoBlock {
    let count = u32::try_from(neighbours.len()).unwrap();
    words(&[&[metric, passive, count], neighbours].concat())
}

fn mib_input(index: InterfaceIndex, metric: u32) -> Vec<u8> {
    let mut input = index.0.to_ne_bytes().to_vec();
    input.extend(block(metric, 0, &[]).bytes);
    input
}

fn in_process(file: &Path) -> Box<dyn RoutingProtocol> {
    Box::new(ModuleProtocol::load(file, None).unwrap())
}

fn in_its_own(file: &Path) -> Box<dyn RoutingProtocol> {
    Box::new(
        isolated(file, PATIENCE, None, Privileges::default(), |reason| {
            panic!("{reason}")
        })
        .unwrap(),
    )
}

fn conforms(name: &str, options: &[&str], load: fn(&Path) -> Box<dyn RoutingProtocol>) {
    let file = module("correct", options);
    let subject = Subject::new(
        || load(&file),
        SAMPLE,
        words(&[30, 0]),
        [block(3, 1, &[]), block(5, 0, &[0x0a00_0002])],
        block(7, 2, &[]),
    )
    .named(name)
    .other_global(words(&[60, 0]))
    .invalid_global(words(&[90, 1]))
    .longer_interface(block(2, 0, &[1, 2, 3]))
    .failing_interface(block(UNLUCKY, 0, &[]))
    .failing_global(words(&[UNLUCKY, 0]))
    .fixed_part(12)
    .mib_set(|index| mib_input(index, 9))
    .failing_mib_set(|index| mib_input(index, UNLUCKY))
    .mib_get(|index| index.0.to_ne_bytes().to_vec())
    .mib_table();
    run(&subject).assert_conforms();
}

#[test]
fn a_correct_module_conforms() {
    conforms("a module", &[], in_process);
}

#[test]
fn a_module_that_stops_at_once_conforms() {
    conforms("a module that stops at once", &["-DSTOPS_AT_ONCE"], in_process);
}

#[test]
fn a_correct_module_conforms_isolated() {
    conforms("an isolated module", &[], in_its_own);
}

#[test]
fn a_module_that_stops_at_once_conforms_isolated() {
    conforms(
        "an isolated module that stops at once",
        &["-DSTOPS_AT_ONCE"],
        in_its_own,
    );
}
