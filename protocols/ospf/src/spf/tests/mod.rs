//! Tables that were brought along are what a plain calculation of everything comes to.

mod model;
mod world;

use super::table::Table;
use waypost_types::Seed;
use world::World;

/// Worlds, and how often each changes.
const WORLDS: u64 = 400;
const STEPS: usize = 40;

#[test]
fn a_table_brought_along_is_what_everything_comes_to() {
    let mut repaired = 0;
    for seed in 0..WORLDS {
        let mut world = World::new(Seed(seed));
        let mut table = Table::new(Seed(seed));
        let mut told = std::collections::BTreeMap::new();
        for step in 0..STEPS {
            let changes = world.change();
            let view = world.view();
            let outcome = table.update(&view, &changes);
            repaired += u32::from(!outcome.everything);
            let model = model::calculate(&view);
            let here = format!("world {seed}, step {step}: {changes:?}");
            assert_eq!(model::networks(&table), model.networks, "{here}");
            assert_eq!(model::routers(&table), model.routers, "{here}");
            // What is not said to have changed has not.
            let now = model.networks;
            let keys = now.keys().chain(told.keys()).copied();
            for prefix in keys.collect::<std::collections::BTreeSet<_>>() {
                let said = outcome.everything || outcome.networks.contains(&prefix);
                assert!(
                    said || told.get(&prefix) == now.get(&prefix),
                    "{here}: nothing was said of {prefix}"
                );
            }
            told = now;
        }
    }
    assert!(
        repaired > WORLDS as u32 * STEPS as u32 / 2,
        "only {repaired} tables were brought along"
    );
}

/// Where a link of a router costs nothing, distances do not say what is nearer; the table is the same however it came about.
#[test]
fn links_that_cost_nothing_leave_no_traces() {
    for seed in 0..WORLDS / 4 {
        let mut world = World::with_free_links(Seed(seed));
        let mut table = Table::new(Seed(seed));
        for step in 0..STEPS {
            let changes = world.change();
            let view = world.view();
            table.update(&view, &changes);
            let mut fresh = Table::new(Seed(seed));
            fresh.calculate(&view);
            let here = format!("world {seed}, step {step}: {changes:?}");
            assert_eq!(model::networks(&table), model::networks(&fresh), "{here}");
            assert_eq!(model::routers(&table), model::routers(&fresh), "{here}");
        }
    }
}
