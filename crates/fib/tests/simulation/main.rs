//! The machine against a simulated kernel, driven by random operations.

#![allow(clippy::unwrap_used)]

mod kernel;
mod late_news;
mod world;

use proptest::prelude::*;
use waypost_fib::Mode;
use world::{Op, World};

fn op() -> impl Strategy<Value = Op> {
    let prefix = 0..12u8;
    let interface = 2..5u32;
    prop_oneof![
        6 => (prefix.clone(), 0..9u8, 0..3u8).prop_map(|(p, s, o)| Op::Want(p, s, o)),
        2 => prefix.clone().prop_map(Op::Unwant),
        8 => Just(Op::Step),
        2 => Just(Op::Send),
        3 => Just(Op::Complete),
        4 => Just(Op::Deliver),
        2 => (interface, any::<bool>(), any::<bool>()).prop_map(|(i, up, carrier)| Op::Link(i, up, carrier)),
        1 => prefix.clone().prop_map(Op::HandDeletesRoute),
        1 => (0..12u8).prop_map(Op::HandDeletesObject),
        1 => (0..12u8).prop_map(Op::HandChangesObject),
        1 => (0..12u8).prop_map(Op::HandMakesObject),
        1 => (prefix.clone(), 0..6u8).prop_map(|(p, o)| Op::HandReplacesRoute(p, o)),
        1 => (prefix.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(p, rank, replace)| Op::HandAddsRoute(p, rank, replace)),
        1 => prefix.clone().prop_map(Op::HandBorrows),
        1 => prefix.prop_map(Op::HandRemovesForeign),
        1 => (0..3000u32).prop_map(Op::Wait),
        1 => Just(Op::Overrun),
        1 => Just(Op::Lose),
        1 => Just(Op::Restart),
        1 => Just(Op::Sweep),
    ]
}

/// Few destinations, links that stay up, and somebody at the machine's objects and routes; news is seldom read.
fn meddling() -> impl Strategy<Value = Op> {
    let prefix = 0..3u8;
    let object = 0..3u8;
    prop_oneof![
        6 => (prefix.clone(), 0..5u8, 0..2u8).prop_map(|(p, s, o)| Op::Want(p, s, o)),
        4 => prefix.clone().prop_map(Op::Unwant),
        8 => Just(Op::Step),
        2 => Just(Op::Send),
        2 => Just(Op::Complete),
        2 => Just(Op::Deliver),
        3 => object.clone().prop_map(Op::HandDeletesObject),
        1 => object.clone().prop_map(Op::HandChangesObject),
        1 => object.clone().prop_map(Op::HandMakesObject),
        1 => prefix.clone().prop_map(Op::HandDeletesRoute),
        1 => (prefix, object).prop_map(|(p, o)| Op::HandReplacesRoute(p, o)),
        1 => (0..3000u32).prop_map(Op::Wait),
        1 => Just(Op::Sweep),
    ]
}

/// `PROPTEST_CASES` for more.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(1500),
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_kernel_comes_to_have_what_is_wanted(ops in prop::collection::vec(op(), 1..80)) {
        World::new(Mode::Objects).run(&ops);
    }

    #[test]
    fn late_news_of_meddling_settles_nothing(ops in prop::collection::vec(meddling(), 1..60)) {
        World::new(Mode::Objects).run(&ops);
    }

    #[test]
    fn late_news_of_meddling_without_nexthop_objects(ops in prop::collection::vec(meddling(), 1..60)) {
        World::new(Mode::Inline).run(&ops);
    }

    #[test]
    fn also_without_nexthop_objects(ops in prop::collection::vec(op(), 1..80)) {
        World::new(Mode::Inline).run(&ops);
    }
}
