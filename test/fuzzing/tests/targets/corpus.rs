//! Every saved input, and mutations of it, through its target.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use waypost_fuzzing::{TARGETS, Target, mutate, target};
use waypost_types::Seed;

use crate::inputs::{corpora, inputs};

/// Runs an input; a failure says how to run it again.
fn run(target: &Target, name: &str, octets: &[u8]) {
    if catch_unwind(|| (target.run)(octets)).is_err() {
        let octets = octets
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect::<String>();
        panic!("{} fails on {name}: {octets}", target.name);
    }
}

fn corpus_and_mutations(name: &str, mutations: usize) {
    let target = target(name).unwrap();
    let inputs = inputs(target);
    for (name, octets) in &inputs {
        run(target, name, octets);
    }
    let octets: Vec<_> = inputs.into_iter().map(|(_, octets)| octets).collect();
    let mut random = Seed(0x5EED).child(name).random();
    for number in 0..mutations {
        let base = &octets[number % octets.len()];
        let mutation = mutate(base, &octets, &mut random);
        run(target, &format!("mutation {number}"), &mutation);
    }
}

macro_rules! corpora {
    ($($name:ident: $mutations:expr;)*) => {
        $(
            #[test]
            fn $name() {
                corpus_and_mutations(stringify!($name), $mutations);
            }
        )*

        #[test]
        fn every_target_is_run() {
            let run: BTreeSet<_> = [$(stringify!($name)),*].into();
            let targets: BTreeSet<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(run, targets);
            let folders: BTreeSet<_> = std::fs::read_dir(corpora())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            assert!(folders.iter().all(|name| run.contains(name.as_str())), "{folders:?}");
            // The binaries of libFuzzer and their names in its manifest.
            let manifest = std::fs::read_to_string(corpora().join("../Cargo.toml")).unwrap();
            for target in run {
                assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
                assert!(corpora().join(format!("../fuzz_targets/{target}.rs")).exists(), "{target}");
            }
        }
    };
}

corpora! {
    ospf_packet: 8000;
    ospf_block_interface: 4000;
    ospf_block_global: 4000;
    rip_packet: 4000;
    rip_block_interface: 4000;
    rip_block_global: 4000;
    static_block_interface: 4000;
    static_block_global: 4000;
    info_header: 4000;
    netlink: 4000;
    dump_text: 4000;
    dump_mrt: 4000;
    config_text: 2000;
    block_key: 4000;
    module_frame: 8000;
    module_question: 8000;
    module_server: 300;
    ospf_engine: 400;
    rip_engine: 1500;
    static_engine: 1500;
}
