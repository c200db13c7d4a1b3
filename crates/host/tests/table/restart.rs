//! A table that ends and one that takes over: nothing leaves the kernel that is wanted again.

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use waypost_host::table::{self, TableOptions};
use waypost_sys::interface;
use waypost_testkit::{Process, RouteFeed, run, wait_for};
use waypost_types::{NextHop, PathId, Prefix, Prefix4, ProtocolId, Route, RouteChange, RouteKind, Seed};

use crate::machine::{Machine, PATIENCE, drops, options};
use crate::order::{every_kind, expect_every_kind};

#[test]
fn what_is_wanted_again_is_adopted() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let first = machine.start(options())?;
        let routes = every_kind(&machine);
        first.set(&routes);
        expect_every_kind(&machine, 20)?;
        let objects = machine.object_ids()?;
        first.handle.shutdown(true);

        let feed = RouteFeed::start(&machine.node)?;
        let second = machine.start(options())?;
        second.set(&routes);
        second.handle.start_complete();
        expect_every_kind(&machine, 20)?;
        let statistics = second.statistics()?;
        assert_eq!(statistics.adopted, routes.len() as u64, "{statistics:?}");
        assert_eq!((statistics.routes_set, statistics.objects_set), (0, 0));
        // Nothing was written at all.
        assert_eq!(feed.describe(&feed.changes()?), "");
        assert_eq!(machine.object_ids()?, objects);
        Ok(())
    });
}

#[test]
fn what_is_not_wanted_again_is_swept_in_time() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let first = machine.start(options())?;
        first.set(&every_kind(&machine));
        first.handle.shutdown(true);

        let restart_time = Duration::from_millis(1500);
        let second = machine.start(TableOptions {
            restart_time,
            ..options()
        })?;
        // As it was, and otherwise than it was.
        second.set(&[
            ("10.1.0.0/16", machine.via(&["10.0.1.2"])),
            ("10.2.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
            ("10.3.0.0/16", machine.via(&["10.0.2.7"])),
        ]);
        // Protocols are still starting, so all the rest stays.
        assert_eq!(machine.routes()?.len(), 17);
        let started = Instant::now();
        second.handle.start_complete();
        machine.expect(&[
            "10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left",
            "10.2.0.0/16 proto rip metric 20 via 10.0.1.2 dev left via 10.0.2.2 dev right",
            "10.3.0.0/16 proto rip metric 20 via 10.0.2.7 dev right",
        ])?;
        assert!(started.elapsed() >= restart_time, "swept too early");
        second.handle.settled();
        // Three singles and the group.
        assert_eq!(machine.object_ids()?.len(), 4);
        Ok(())
    });
}

/// Routes changed in the kernel while nobody was there.
#[test]
fn what_was_changed_meanwhile_is_put_right() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let routes = [
            ("10.1.0.0/16", machine.via(&["10.0.1.2"])),
            ("10.2.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
            ("10.3.0.0/16", machine.via(&["10.0.2.2"])),
            ("2001:db8:1::/48", machine.via(&["fd00:1::2"])),
        ];
        let shown = [
            "10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left",
            "10.2.0.0/16 proto rip metric 20 via 10.0.1.2 dev left via 10.0.2.2 dev right",
            "10.3.0.0/16 proto rip metric 20 via 10.0.2.2 dev right",
            "2001:db8:1::/48 proto rip metric 20 via fd00:1::2 dev left",
        ];
        let first = machine.start(options())?;
        first.set(&routes);
        machine.expect(&shown)?;
        let single = machine.object_of("10.1.0.0/16")?;
        first.handle.shutdown(true);

        machine.ip("route del 10.3.0.0/16")?;
        machine.ip(&format!(
            "nexthop replace id {single} via 10.0.1.99 dev left proto 87"
        ))?;
        machine.ip("-6 route del 2001:db8:1::/48")?;
        let second = machine.start(options())?;
        second.set(&routes);
        machine.expect(&shown)?;
        second.handle.start_complete();
        second.handle.shutdown(false);
        machine.expect(&[])?;
        machine.expect_no_objects()
    });
}

const ROUTES: u32 = 5000;
/// Set for the process that is killed.
const FIRST_LIFE: &str = "WAYPOST_TEST_FIRST_LIFE";

fn prefix(number: u32) -> Prefix {
    Prefix::V4(Prefix4::containing((0x0A40_0000 + (number << 8)).into(), 24).unwrap())
}

fn set(numbers: std::ops::Range<u32>, route: &Route) -> Vec<RouteChange> {
    numbers
        .map(|number| RouteChange::Set {
            prefix: prefix(number),
            path: PathId(0),
            route: route.clone(),
        })
        .collect()
}

/// Fills the kernel, and then moves the first routes from gateway to gateway until it is killed, or nobody does. Runs in
/// a process of its own, on the machine.
fn first_life() -> Result<()> {
    let table = table::spawn(options(), |reason| panic!("{reason}"))?;
    let via = |gateways: &[(&str, &str)]| -> Result<Route> {
        let hop = |(gateway, side): &(&str, &str)| -> Result<NextHop> {
            Ok(NextHop::via(gateway.parse()?, interface::index(side)?))
        };
        Ok(Route {
            next_hops: gateways.iter().map(hop).collect::<Result<_>>()?,
            ..drops(RouteKind::Unicast)
        })
    };
    let one = via(&[("10.0.1.2", "left")])?;
    let other = via(&[("10.0.1.2", "left"), ("10.0.2.2", "right")])?;
    table.batch(ProtocolId::RIP, set(0..ROUTES, &one));
    table.settled();
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        for route in [&other, &one] {
            table.batch(ProtocolId::RIP, set(0..500, route));
            table.settled();
        }
    }
    Ok(())
}

#[test]
fn killed_in_the_middle_of_a_change() {
    if env::var_os(FIRST_LIFE).is_some() {
        first_life().unwrap();
        return;
    }
    run(|lab| {
        let machine = Machine::new(lab)?;
        let program = env::current_exe()?.to_string_lossy().into_owned();
        let mark = format!("{FIRST_LIFE}=1");
        let this = "restart::killed_in_the_middle_of_a_change";
        let mut life = Process::start(
            &machine.node,
            "first-life",
            "env",
            &[&mark, &program, "--exact", this, "--nocapture"],
        )?;
        let count = || -> Result<usize> { Ok(machine.ip("-4 -o route show proto rip")?.lines().count()) };
        wait_for(
            PATIENCE * 3,
            "all routes are in the kernel and some are on the move",
            || {
                let both = machine
                    .ip("-4 -o route show 10.64.7.0/24")
                    .map_err(|e| e.to_string())?;
                match count() {
                    Ok(found) if found == ROUTES as usize && both.contains("10.0.2.2") => Ok(()),
                    other => Err(format!("{other:?} {both}")),
                }
            },
        )?;
        life.kill()?;
        assert_eq!(count()?, ROUTES as usize);

        // The second life wants them all, and they are never away.
        let feed = RouteFeed::start(&machine.node)?;
        let second = machine.start(options())?;
        second
            .handle
            .batch(ProtocolId::RIP, set(0..ROUTES, &machine.via(&["10.0.1.2"])));
        second.handle.settled();
        second.handle.start_complete();
        let statistics = second.statistics()?;
        assert!(statistics.adopted >= u64::from(ROUTES - 500), "{statistics:?}");
        assert!(
            statistics.routes_set <= 500 && statistics.routes_deleted == 0,
            "{statistics:?}"
        );
        assert_eq!(count()?, ROUTES as usize);
        let watched: Vec<String> = [0, 7, 250, 499, 500, ROUTES - 1]
            .into_iter()
            .map(|number| prefix(number).to_string())
            .collect();
        feed.assert_kept(&watched.iter().map(String::as_str).collect::<Vec<_>>())?;
        let paths = machine.ip("-4 -o route show proto rip")?;
        assert!(!paths.contains("10.0.2.2"), "a route was not moved back");
        second.handle.shutdown(false);
        machine.expect(&[])?;
        machine.expect_no_objects()
    });
}

/// What a protocol had stays for the restart time when it fails, and what it does not set again goes then.
#[test]
fn a_protocol_that_fails_is_given_grace() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let restart_time = Duration::from_millis(1500);
        let table = machine.start(TableOptions {
            restart_time,
            ..options()
        })?;
        let one = machine.via(&["10.0.1.2"]);
        table.set(&[("10.1.0.0/16", one.clone()), ("10.2.0.0/16", one.clone())]);
        let feed = RouteFeed::start(&machine.node)?;
        let failed = Instant::now();
        table.handle.keep_for_grace(ProtocolId::RIP);
        table.set(&[("10.1.0.0/16", one)]);
        machine.expect(&["10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left"])?;
        assert!(failed.elapsed() >= restart_time, "swept too early");
        feed.assert_kept(&["10.1.0.0/16"])
            .context("the kernel's announcements")
    });
}

/// A table that cannot be started says why, and one can be started again where one has ended.
#[test]
fn again_and_again() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        for life in 0..5u64 {
            let table = machine.node.inside(|| {
                table::spawn(TableOptions::new(Duration::from_secs(60), Seed(life)), |reason| {
                    panic!("{reason}")
                })
            })??;
            table.batch(ProtocolId::RIP, set(0..10, &machine.via(&["10.0.1.2"])));
            table.settled();
            assert_eq!(machine.routes()?.len(), 10);
            table.shutdown(life % 2 == 0);
            assert_eq!(machine.routes()?.len(), if life % 2 == 0 { 10 } else { 0 });
        }
        Ok(())
    });
}
