//! Without nexthop objects, as on kernels before 5.3: each route carries its gateways.

use std::time::Duration;

use waypost_host::table::TableOptions;
use waypost_testkit::{RouteFeed, run};

use crate::machine::{FIRST_ID, Machine, options};
use crate::order::{every_kind, expect_every_kind};

fn inline() -> TableOptions {
    TableOptions {
        nexthop_objects: false,
        ..options()
    }
}

#[test]
fn every_kind_of_route() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(inline())?;
        let routes = every_kind(&machine);
        table.set(&routes);
        expect_every_kind(&machine, 87)?;
        for (prefix, _) in &routes {
            table.expect_installed(prefix)?;
        }
        machine.expect_no_objects()?;
        let prefixes: Vec<&str> = routes.iter().map(|(prefix, _)| *prefix).collect();
        table.delete(&prefixes);
        machine.expect(&[])
    });
}

#[test]
fn restart_and_sweep() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let first = machine.start(inline())?;
        let routes = every_kind(&machine);
        first.set(&routes);
        expect_every_kind(&machine, 87)?;
        first.handle.shutdown(true);
        let feed = RouteFeed::start(&machine.node)?;
        let second = machine.start(inline())?;
        second.set(&routes);
        expect_every_kind(&machine, 87)?;
        assert_eq!(second.statistics()?.adopted, routes.len() as u64);
        assert_eq!(feed.describe(&feed.changes()?), "");
        second.handle.shutdown(true);

        let third = machine.start(TableOptions {
            restart_time: Duration::ZERO,
            ..inline()
        })?;
        third.set(&[("10.1.0.0/16", machine.via(&["10.0.1.2"]))]);
        third.handle.start_complete();
        machine.expect(&["10.1.0.0/16 proto rip metric 87 via 10.0.1.2 dev left"])
    });
}

#[test]
fn links_that_go_and_come() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(inline())?;
        table.set(&[
            ("10.1.0.0/16", machine.via(&["10.0.1.2"])),
            ("10.2.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
            ("2001:db8:1::/48", machine.via(&["fd00:1::2"])),
            ("2001:db8:2::/48", machine.via(&["fd00:1::2", "fd00:2::2"])),
        ]);
        let all = [
            "10.1.0.0/16 proto rip metric 87 via 10.0.1.2 dev left",
            "10.2.0.0/16 proto rip metric 87 via 10.0.1.2 dev left via 10.0.2.2 dev right",
            "2001:db8:1::/48 proto rip metric 87 via fd00:1::2 dev left",
            "2001:db8:2::/48 proto rip metric 87 via fd00:1::2 dev left via fd00:2::2 dev right",
        ];
        let left_is_lost = [
            "10.2.0.0/16 proto rip metric 87 via 10.0.2.2 dev right",
            "2001:db8:2::/48 proto rip metric 87 via fd00:2::2 dev right",
        ];
        machine.expect(&all)?;
        machine.set_carrier("left", false)?;
        table.tell_links()?;
        machine.expect(&left_is_lost)?;
        machine.set_carrier("left", true)?;
        table.tell_links()?;
        machine.expect(&all)?;
        machine.ip("link set left down")?;
        table.tell_links()?;
        machine.expect(&left_is_lost)?;
        machine.ip("link set left up")?;
        machine.ip("address add fd00:1::1/64 dev left nodad")?;
        machine.await_carrier("left", true)?;
        table.tell_links()?;
        machine.expect(&all)?;
        // And when nobody saw it.
        table.hold(|| {
            machine.ip("link set left down")?;
            machine.ip("link set left up")?;
            machine.ip("address add fd00:1::1/64 dev left nodad")?;
            machine.await_carrier("left", true)
        })?;
        machine.expect(&all)
    });
}

#[test]
fn deleted_by_hand_and_repaired() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(inline())?;
        let all = [
            "10.1.0.0/16 proto rip metric 87 via 10.0.1.2 dev left",
            "10.2.0.0/16 proto rip metric 87 via 10.0.1.2 dev left via 10.0.2.2 dev right",
            "2001:db8:2::/48 proto rip metric 87 via fd00:1::2 dev left via fd00:2::2 dev right",
        ];
        table.set(&[
            ("10.1.0.0/16", machine.via(&["10.0.1.2"])),
            ("10.2.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
            ("2001:db8:2::/48", machine.via(&["fd00:1::2", "fd00:2::2"])),
        ]);
        machine.expect(&all)?;
        for meddling in [
            "route del 10.1.0.0/16",
            "-6 route del 2001:db8:2::/48",
            "route replace 10.2.0.0/16 via 10.0.1.77 metric 87 proto rip",
            "-6 route del 2001:db8:2::/48 via fd00:1::2",
            "route flush proto rip",
        ] {
            machine.ip(meddling)?;
            machine.expect(&all)?;
        }
        Ok(())
    });
}

/// The priority is the mark: the same route with another one is somebody else's.
#[test]
fn routes_of_others_stay() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        machine.ip("route add 10.1.0.0/16 via 10.0.1.9 metric 20 proto rip")?;
        machine.ip("route add 10.1.0.0/16 via 10.0.1.9 proto static")?;
        machine.ip("-6 route add 2001:db8:1::/48 via fd00:1::9 metric 20 proto static")?;
        let theirs = machine.routes()?;
        assert_eq!(theirs.len(), 3);
        let table = machine.start(TableOptions {
            restart_time: Duration::ZERO,
            ..inline()
        })?;
        table.set(&every_kind(&machine));
        table.handle.start_complete();
        table.handle.settled();
        assert_eq!(machine.routes()?.len(), 3 + 17);
        table.handle.shutdown(false);
        assert_eq!(machine.routes()?, theirs);
        Ok(())
    });
}

/// A life with objects is followed by one without: the old routes serve until the new ones are complete, and go then.
#[test]
fn after_a_life_with_objects() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let first = machine.start(options())?;
        let routes = every_kind(&machine);
        first.set(&routes);
        let lent = machine.object_of("10.6.0.0/16")?;
        first.handle.shutdown(true);
        // Somebody else uses one of the objects.
        machine.ip(&format!("route add 192.0.2.0/24 nhid {lent}"))?;

        let feed = RouteFeed::start(&machine.node)?;
        let second = machine.start(TableOptions {
            restart_time: Duration::from_millis(500),
            ..inline()
        })?;
        second.set(&routes);
        assert_eq!(machine.routes()?.len(), 2 * 17 + 1);
        second.handle.start_complete();
        let mut expected = crate::order::every_kind_shown(87);
        expected.push("192.0.2.0/24 proto boot metric 0 dev right".to_owned());
        // What goes through the lent object stays with it.
        expected.push("10.6.0.0/16 proto rip metric 20 dev right".to_owned());
        machine.expect(&expected.iter().map(String::as_str).collect::<Vec<_>>())?;
        assert_eq!(machine.object_ids()?, [lent]);
        assert!(lent >= FIRST_ID);
        feed.assert_kept(&["10.1.0.0/16", "10.2.0.0/16", "192.0.2.0/24"])
    });
}
