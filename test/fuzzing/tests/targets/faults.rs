//! A target is worth what it finds: faulty parsers and engines must break its laws on the corpus or mutations of it.

mod engines;
mod parsers;

use std::panic::{AssertUnwindSafe, catch_unwind};

use waypost_fuzzing::{mutate, target};
use waypost_types::Seed;

use crate::inputs::inputs;

/// How many mutations a fault may take to be found.
const MUTATIONS: usize = 12_000;

/// Runs inputs of target `name` through `run`, which judges something faulty, until a law is broken; says by what words.
fn finds(name: &str, fault: &str, run: impl Fn(&[u8])) {
    let inputs = inputs(target(name).unwrap());
    let octets: Vec<_> = inputs.into_iter().map(|(_, octets)| octets).collect();
    let mut random = Seed(0xFA_017).child(name).random();
    let broken = |octets: &[u8]| {
        let panic = catch_unwind(AssertUnwindSafe(|| run(octets))).err()?;
        let words = panic.downcast_ref::<String>().cloned();
        Some(
            words
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_default(),
        )
    };
    let mutations = (0..MUTATIONS).map(|number| mutate(&octets[number % octets.len()], &octets, &mut random));
    let words = octets
        .iter()
        .cloned()
        .chain(mutations)
        .find_map(|octets| broken(&octets));
    let words = words.unwrap_or_else(|| panic!("{name} does not find the fault: {fault}"));
    assert!(words.contains(fault), "{name} finds '{words}' and not '{fault}'");
}
