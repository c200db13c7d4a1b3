//! What goes with a link in silence comes back when it can.

use anyhow::Result;
use waypost_testkit::run;

use crate::machine::{Machine, Table, options};

const SINGLE: &str = "10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left";
const BOTH: &str = "10.2.0.0/16 proto rip metric 20 via 10.0.1.2 dev left via 10.0.2.2 dev right";
const ONE_LEFT: &str = "10.2.0.0/16 proto rip metric 20 via 10.0.2.2 dev right";
const OTHER: &str = "10.3.0.0/16 proto rip metric 20 via 10.0.2.2 dev right";
const SINGLE_V6: &str = "2001:db8:1::/48 proto rip metric 20 via fd00:1::2 dev left";
const BOTH_V6: &str = "2001:db8:2::/48 proto rip metric 20 via fd00:1::2 dev left via fd00:2::2 dev right";
const ONE_LEFT_V6: &str = "2001:db8:2::/48 proto rip metric 20 via fd00:2::2 dev right";

const ALL: [&str; 6] = [
    SINGLE,
    BOTH,
    OTHER,
    SINGLE_V6,
    BOTH_V6,
    "10.9.0.0/16 proto rip metric 20 via 10.0.1.2 dev left",
];
const LEFT_IS_LOST: [&str; 3] = [ONE_LEFT, OTHER, ONE_LEFT_V6];

fn fill(machine: &Machine, table: &Table<'_>) -> Result<()> {
    table.set(&[
        ("10.1.0.0/16", machine.via(&["10.0.1.2"])),
        ("10.2.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
        ("10.3.0.0/16", machine.via(&["10.0.2.2"])),
        ("10.9.0.0/16", machine.via(&["10.0.1.2"])),
        ("2001:db8:1::/48", machine.via(&["fd00:1::2"])),
        ("2001:db8:2::/48", machine.via(&["fd00:1::2", "fd00:2::2"])),
    ]);
    machine.expect(&ALL)
}

#[test]
fn carrier_lost_and_found() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        machine.set_carrier("left", false)?;
        table.tell_links()?;
        machine.expect(&LEFT_IS_LOST)?;
        // The kernel lost them by itself, and the table may not have looked yet.
        table.handle.settled();
        // What the next hop is lost for is not wanted: there is nothing to complain about.
        assert_eq!(table.installation("10.1.0.0/16")?, None);
        machine.set_carrier("left", true)?;
        table.tell_links()?;
        machine.expect(&ALL)
    });
}

#[test]
fn link_set_down_and_up() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        machine.ip("link set left down")?;
        table.tell_links()?;
        machine.expect(&LEFT_IS_LOST)?;
        machine.ip("link set left up")?;
        // The IPv6 address went with the link.
        machine.ip("address add fd00:1::1/64 dev left nodad")?;
        machine.await_carrier("left", true)?;
        table.tell_links()?;
        machine.expect(&ALL)
    });
}

/// The kernel's news of links reach the forwarding machine first: until the table is told, the routes are wanted.
#[test]
fn routes_are_driven_again_by_the_news_of_the_link_alone() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        machine.set_carrier("left", false)?;
        machine.expect(&LEFT_IS_LOST)?;
        table.expect_failure("10.1.0.0/16", "down or has no carrier")?;
        machine.set_carrier("left", true)?;
        machine.expect(&ALL)?;
        table.expect_installed("10.1.0.0/16")
    });
}

/// Down and up again before anybody looked: the link's state is what it was, and what went over it is gone.
#[test]
fn a_flap_that_nobody_saw() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        for _ in 0..3 {
            table.hold(|| {
                machine.set_carrier("left", false)?;
                machine.set_carrier("left", true)?;
                let left = machine.routes()?;
                assert!(!left.contains(&SINGLE.to_owned()), "the kernel kept it: {left:?}");
                Ok(())
            })?;
            machine.expect(&ALL)?;
        }
        table.hold(|| {
            machine.ip("link set left down")?;
            machine.ip("link set left up")?;
            machine.ip("address add fd00:1::1/64 dev left nodad")?;
            machine.await_carrier("left", true)
        })?;
        machine.expect(&ALL)?;
        table.expect_installed("10.1.0.0/16")
    });
}

/// An interface that is gone for good, and one of the same name that comes instead.
#[test]
fn a_link_that_is_removed() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        machine.ip("link del left")?;
        table
            .handle
            .interfaces(vec![waypost_manager::InterfaceChange::Gone(machine.left)]);
        machine.expect(&LEFT_IS_LOST)?;
        table.handle.settled();
        table.delete(&[
            "10.1.0.0/16",
            "10.2.0.0/16",
            "10.3.0.0/16",
            "10.9.0.0/16",
            "2001:db8:1::/48",
            "2001:db8:2::/48",
        ]);
        machine.expect(&[])?;
        machine.expect_no_objects()
    });
}
