//! Modules that describe their configuration: by the names of options, or in a way that makes no sense.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

mod build;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use build::{isolated, module};
use serde_json::json;
use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, RoutingProtocol, Scope, Status};
use waypost_routprot_abi::{Describes, IsolatedProtocol, ModuleProtocol, Named, Privileges, codec_of};
use waypost_types::ProtocolId;

/// The number of the protocol in `modules/correct.c`.
const SAMPLE: ProtocolId = ProtocolId(200);
/// No call takes so long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn in_process(file: &Path) -> ModuleProtocol {
    ModuleProtocol::load(file, None).unwrap()
}

fn in_its_own(file: &Path) -> IsolatedProtocol {
    let alive = |reason| panic!("{reason}");
    isolated(file, PATIENCE, None, Privileges::default(), alive).unwrap()
}

type Described = Result<Option<Arc<dyn ConfigurationCodec>>, Refusal>;

fn described(load: impl Fn() -> Box<dyn Describes> + Send + Sync + 'static) -> Described {
    let named = Named {
        protocol: SAMPLE,
        name: "sample",
        title: "Sample",
    };
    codec_of(named, Box::new(move || Ok(load())))
}

/// In this process and in one of its own.
fn both(file: &Path) -> [Described; 2] {
    let (here, there) = (file.to_owned(), file.to_owned());
    [
        described(move || Box::new(in_process(&here))),
        described(move || Box::new(in_its_own(&there))),
    ]
}

fn words(words: &[u32]) -> InfoBlock {
    InfoBlock::new(1, words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

/// A number in a block that holds octets of an address.
fn address(octets: [u8; 4]) -> u32 {
    u32::from_ne_bytes(octets)
}

#[test]
fn options_have_names() {
    for codec in both(&module("described", &[])) {
        let codec = codec.unwrap().unwrap();
        assert_eq!((codec.name(), codec.title()), ("sample", "Sample"));
        let schema = codec.schema(Scope::Interface);
        let metric = &schema["properties"]["metric"];
        assert_eq!(
            (&metric["maximum"], &metric["default"], &metric["description"]),
            (&json!(16), &json!(1), &json!("What a route costs."))
        );
        let text = json!({ "metric": 3, "passive": "yes", "neighbours": ["10.0.0.2", "10.0.0.3"] });
        let block = words(&[3, 1, 2, address([10, 0, 0, 2]), address([10, 0, 0, 3])]);
        assert_eq!(codec.to_block(Scope::Interface, &text).unwrap(), block);
        assert_eq!(codec.to_text(Scope::Interface, &block).unwrap(), text);
        // What is left out is what the table says.
        assert_eq!(
            codec.to_block(Scope::Interface, &json!({})).unwrap(),
            words(&[1, 0, 0])
        );
        let refusal = codec
            .to_block(Scope::Interface, &json!({ "metric": 17 }))
            .unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "metric: value is out of range: 17 (allowed: 1..=16) [ERROR_INVALID_PARAMETER 87]"
        );
        let refusal = codec
            .to_block(Scope::Interface, &json!({ "metrc": 1 }))
            .unwrap_err();
        assert_eq!(refusal.reason, "unknown option; did you mean 'metric'?");
        let text = json!({ "neighbours": ["10.0.0.2", "10.0.0"] });
        let refusal = codec.to_block(Scope::Interface, &text).unwrap_err();
        assert_eq!(
            (refusal.path.as_str(), refusal.value.as_deref()),
            ("neighbours.1", Some("10.0.0"))
        );
        // What has no default must be said, and what no option says is not made text of.
        assert!(codec.to_block(Scope::Global, &json!({})).is_err());
        let refusal = codec.to_text(Scope::Global, &words(&[30, 1])).unwrap_err();
        assert_eq!(refusal.path, "octet 4");
    }
}

fn conforms(load: impl Fn() -> Box<dyn RoutingProtocol>) {
    let metric = |metric, more: &[u32]| words(&[&[metric, 0, more.len() as u32], more].concat());
    let subject = Subject::new(
        load,
        SAMPLE,
        words(&[30, 0]),
        [metric(3, &[]), metric(5, &[0x0a00_0002])],
        metric(17, &[]),
    )
    .other_global(words(&[60, 0]))
    .longer_interface(metric(2, &[1, 2, 3]))
    .fixed_part(12);
    let report = run(&subject);
    report.assert_conforms();
    let described = report.passed().filter(|case| case.id.starts_with("describe/"));
    assert_eq!(described.count(), 3, "{report}");
}

#[test]
fn a_described_module_conforms() {
    let file = module("described", &[]);
    let [here, there] = both(&file).map(|codec| codec.unwrap());
    conforms(|| Box::new(in_process(&file).described_by(here.clone())));
    conforms(|| Box::new(in_its_own(&file).described_by(there.clone())));
}

#[test]
fn what_describes_nothing_is_octets() {
    for codec in both(&module("correct", &[])) {
        assert!(codec.unwrap().is_none());
    }
}

/// A fault, and what the refusal of it says.
const FAULTS: &[(&str, &str)] = &[
    (
        "FIELD_BEYOND_THE_BLOCK",
        "interface.0.metric.offset: the field is not within the structure: 4000000000 and 4 octets (allowed: within 12 octets)",
    ),
    (
        "FIELDS_OVERLAP",
        "interface.0.passive.offset: the field overlaps that of 'metric': 4 (allowed: 6 or more)",
    ),
    (
        "MINIMUM_BEYOND_MAXIMUM",
        "interface.0.metric.minimum: value is out of range: 17 (allowed: 0..=16)",
    ),
    (
        "DEFAULT_BEYOND_MAXIMUM",
        "interface.0.metric.default: value is out of range: 99 (allowed: 1..=16)",
    ),
    (
        "COUNT_IS_GARBAGE",
        "interface.0.option-count: value is out of range: 4294967280 (allowed: 0..=256)",
    ),
    ("NULL_OPTIONS", "interface.0.option-count: a NULL pointer: 3"),
    (
        "ENDLESS_NAME",
        "interface.0.0.name: no zero ends the text (allowed: up to 64 octets)",
    ),
    (
        "NAME_WITH_BLANKS",
        "interface.0.two words.name: no name of an option: two words",
    ),
    (
        "TWO_OF_ONE_NAME",
        "interface.0.metric.name: two options of one name",
    ),
    (
        "UNKNOWN_TYPE",
        "interface.0.0.type: value is out of range: 99 (allowed: 1..=8)",
    ),
    (
        "ODD_SIZE",
        "interface.0.metric.size: value is out of range: 3 (allowed: 1, 2, 4, 8)",
    ),
    (
        "LIST_IN_A_LIST",
        "interface.0.2.element.0.type: an element has a list of its own",
    ),
    (
        "ELEMENT_IS_ITS_OWN",
        "interface.0.2.element.0.type: an element has a list of its own",
    ),
    (
        "TOO_MANY_ELEMENTS",
        "interface.0.size-with-lists: value is out of range: 17179869192",
    ),
    ("VERSION_ZERO", "interface.0.version: value is out of range: 0"),
    (
        "TWO_OF_ONE_VERSION",
        "interface.1.version: two tables of one version: 1",
    ),
    (
        "SMALL_STRUCTURE",
        "Size: value is out of range: 8 (allowed: 56 or more)",
    ),
    (
        "NO_WORDS",
        "interface.0.passive.word-count: value is out of range: 0",
    ),
    ("SCHEMA_IS_NO_JSON", "interface-schema: no JSON Schema"),
    (
        "SCHEMA_IN_A_CIRCLE",
        "interface-schema: the schema refers to itself: A",
    ),
    ("NULL_DESCRIPTION", "Configuration: a NULL pointer"),
    (
        "EVERYTHING_IS_HUGE",
        "there is too much of it (allowed: 4096 tables, options and words)",
    ),
];

#[test]
fn a_description_that_makes_no_sense_is_refused() {
    let mut wrong = Vec::new();
    for (fault, expected) in FAULTS {
        for described in both(&module("described", &[&format!("-DFAULT={fault}")])) {
            match described {
                Err(refusal)
                    if refusal.to_string().contains(expected)
                        && refusal.status == Status::ERROR_INVALID_PARAMETER => {}
                Err(refusal) => wrong.push(format!("{fault}: {refusal}")),
                Ok(_) => wrong.push(format!("{fault}: accepted")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
