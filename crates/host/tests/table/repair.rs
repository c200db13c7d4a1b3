//! Somebody's hands in our routes and objects: noticed, and put right.

use std::time::Duration;

use anyhow::Result;
use waypost_testkit::{RouteFeed, run};
use waypost_types::RouteKind;

use crate::machine::{FIRST_ID, Machine, Table, drops, options};

const ALL: [&str; 6] = [
    "10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left",
    "10.2.0.0/16 proto rip metric 20 via 10.0.1.2 dev left via 10.0.2.2 dev right",
    "10.3.0.0/16 proto rip metric 20 via 10.0.2.2 dev right",
    "blackhole 10.4.0.0/16 proto rip metric 20",
    "2001:db8:1::/48 proto rip metric 20 via fd00:1::2 dev left",
    "2001:db8:2::/48 proto rip metric 20 via fd00:1::2 dev left via fd00:2::2 dev right",
];

fn fill(machine: &Machine, table: &Table<'_>) -> Result<()> {
    table.set(&[
        ("10.1.0.0/16", machine.via(&["10.0.1.2"])),
        ("10.2.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
        ("10.3.0.0/16", machine.via(&["10.0.2.2"])),
        ("10.4.0.0/16", drops(RouteKind::Blackhole)),
        ("2001:db8:1::/48", machine.via(&["fd00:1::2"])),
        ("2001:db8:2::/48", machine.via(&["fd00:1::2", "fd00:2::2"])),
    ]);
    machine.expect(&ALL)
}

#[test]
fn routes() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        for meddling in [
            "route del 10.1.0.0/16",
            "route del 10.2.0.0/16",
            "route del blackhole 10.4.0.0/16",
            "-6 route del 2001:db8:1::/48",
            "-6 route del 2001:db8:2::/48",
        ] {
            machine.ip(meddling)?;
            machine.expect(&ALL)?;
        }
        assert!(table.statistics()?.meddled >= 5, "{:?}", table.statistics()?);
        Ok(())
    });
}

#[test]
fn objects() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        for destination in [
            "10.1.0.0/16",
            "10.2.0.0/16",
            "10.4.0.0/16",
            "2001:db8:1::/48",
            "2001:db8:2::/48",
        ] {
            let id = machine.object_of(destination)?;
            machine.ip(&format!("nexthop del id {id}"))?;
            machine.expect(&ALL)?;
        }
        // Groups that lose a member are announced as well.
        assert!(table.statistics()?.meddled >= 5, "{:?}", table.statistics()?);
        machine.ip("nexthop flush proto 87")?;
        machine.expect(&ALL)?;
        table.handle.settled();
        // Nothing was made twice: v4 left, right, the group, blackhole, v6 left, right, the group.
        assert_eq!(machine.object_ids()?.len(), 7);
        Ok(())
    });
}

/// Members of a group, and what an object says.
#[test]
fn objects_that_are_changed() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        let (left, right) = (
            machine.object_of("10.1.0.0/16")?,
            machine.object_of("10.3.0.0/16")?,
        );
        let group = machine.object_of("10.2.0.0/16")?;
        for meddling in [
            format!("nexthop replace id {left} via 10.0.1.66 dev left proto 87"),
            format!("nexthop replace id {left} via 10.0.1.66 dev left"),
            format!("nexthop replace id {group} group {right} proto 87"),
            format!("nexthop replace id {group} group {left},7/{right} proto 87"),
        ] {
            machine.ip(&meddling)?;
            machine.expect(&ALL)?;
        }
        // One that nobody asked for, in our range and with our name on it.
        table.handle.start_complete();
        let stray = FIRST_ID + 100;
        machine.ip(&format!("nexthop add id {stray} via 10.0.1.77 dev left proto 87"))?;
        machine.expect(&ALL)
    });
}

/// Hands that were there while the table's thread was not: all of it is read at once, late.
#[test]
fn late() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        fill(&machine, &table)?;
        let (left, group) = (
            machine.object_of("10.1.0.0/16")?,
            machine.object_of("10.2.0.0/16")?,
        );
        // Deleted and made again as it was: the routes of it are gone all the same.
        table.hold(|| {
            machine.ip(&format!("nexthop del id {left}"))?;
            machine.ip(&format!("nexthop add id {left} via 10.0.1.2 dev left proto 87"))?;
            Ok(())
        })?;
        machine.expect(&ALL)?;
        table.hold(|| {
            machine.ip(&format!("nexthop del id {group}"))?;
            machine.ip("route del 10.1.0.0/16")?;
            machine.ip("route add 10.1.0.0/16 via 10.0.1.9 metric 20 proto static")?;
            machine.ip("route del 10.1.0.0/16 proto static")?;
            Ok(())
        })?;
        machine.expect(&ALL)?;
        // The object goes while what it is for changes: both are read in the same round, the wish first.
        table.hold(|| {
            machine.ip(&format!("nexthop del id {left}"))?;
            table.change(
                waypost_types::ProtocolId::RIP,
                &[("10.1.0.0/16", machine.via(&["10.0.1.5"]))],
            );
            Ok(())
        })?;
        let mut moved = ALL;
        moved[0] = "10.1.0.0/16 proto rip metric 20 via 10.0.1.5 dev left";
        machine.expect(&moved)?;
        // And the other way round: somebody takes the place of a route that went with its object.
        let left = machine.object_of("10.1.0.0/16")?;
        table.hold(|| {
            machine.ip(&format!("nexthop del id {left}"))?;
            machine.ip("route add 10.1.0.0/16 via 10.0.1.9 metric 20 proto static")?;
            Ok(())
        })?;
        moved[0] = "10.1.0.0/16 proto static metric 20 via 10.0.1.9 dev left";
        machine.expect(&moved)?;
        table.expect_failure("10.1.0.0/16", "someone else's route")
    });
}

/// The first time at once; whoever insists gets it back less and less often, and it is said.
#[test]
fn whoever_insists_waits() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        table.set(&[("10.1.0.0/16", machine.via(&["10.0.1.2"]))]);
        let shown = ["10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left"];
        let feed = RouteFeed::start(&machine.node)?;
        for _ in 0..4 {
            machine.ip("route del 10.1.0.0/16")?;
            machine.expect(&shown)?;
        }
        let gaps: Vec<Duration> = feed
            .gaps("10.1.0.0/16")?
            .iter()
            .map(waypost_testkit::Gap::length)
            .collect();
        assert_eq!(gaps.len(), 4);
        // 0, 100, 200 and 400 ms are asked for; the clock of the feed starts a little later than the machine's.
        let at_least = [0, 80, 180, 380].map(Duration::from_millis);
        assert!(
            gaps.iter().zip(at_least).all(|(gap, least)| *gap >= least),
            "{gaps:?}"
        );
        assert!(gaps[0] < Duration::from_millis(80), "not at once: {gaps:?}");
        machine.ip("route del 10.1.0.0/16")?;
        table.expect_failure("10.1.0.0/16", "someone deleted the route 5 times in a row")?;
        machine.expect(&shown)
    });
}
