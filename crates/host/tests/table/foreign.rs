//! What is not ours is left alone, whatever we do beside it.

use anyhow::Result;
use waypost_host::table::TableOptions;
use waypost_testkit::run;
use waypost_types::ProtocolId;

use crate::machine::{FIRST_ID, Machine, options};
use crate::order::every_kind;

/// The same destinations as ours with other metrics, owners, tables and types of service; objects outside our range, and
/// inside it with another owner.
fn make_theirs(machine: &Machine) -> Result<()> {
    let taken = FIRST_ID + 1;
    let group = FIRST_ID + 2;
    for words in [
        "route add 10.1.0.0/16 via 10.0.1.9",
        "route add 10.1.0.0/16 via 10.0.1.9 metric 19 proto rip",
        "route add 10.1.0.0/16 via 10.0.1.9 metric 21 proto static",
        "route add 10.1.0.0/16 via 10.0.1.9 metric 20 table 100 proto rip",
        "route add 10.1.0.0/16 tos 0x10 via 10.0.1.9 metric 20 proto rip",
        "route add 10.2.0.0/16 nexthop via 10.0.1.9 nexthop via 10.0.2.9",
        "route add blackhole 10.7.0.0/16 metric 300 proto static",
        "route add default via 10.0.2.9 metric 100 proto dhcp",
        "-6 route add 2001:db8:1::/48 via fd00:1::9 metric 1024 proto static",
        "-6 route add 2001:db8:1::/48 via fd00:1::9 metric 19 proto rip",
        "-6 route add default via fd00:2::9 metric 100 proto ra",
        "nexthop add id 7 via 10.0.1.9 dev left",
        "nexthop add id 8 via 10.0.2.9 dev right proto zebra",
        "nexthop add id 9 group 7/8",
        "route add 172.16.1.0/24 nhid 7 metric 20 proto rip",
        "route add 172.16.2.0/24 nhid 9 metric 20 proto static",
    ] {
        machine.ip(words)?;
    }
    for words in [
        format!("nexthop add id {taken} via 10.0.1.8 dev left proto zebra"),
        format!("nexthop add id {group} group 8 proto zebra"),
        format!("route add 172.16.3.0/24 nhid {taken} metric 20 proto rip"),
    ] {
        machine.ip(&words)?;
    }
    Ok(())
}

fn theirs(machine: &Machine) -> Result<(Vec<String>, String, String)> {
    let mut routes = machine.routes()?;
    routes.retain(|line| !is_ours(line));
    let objects = machine.ip("-d nexthop show")?;
    let objects: Vec<&str> = objects
        .lines()
        .filter(|line| !line.contains("proto 87"))
        .collect();
    Ok((routes, machine.ip("route show table 100")?, objects.join("\n")))
}

/// Ours have metric 20 and destinations of which theirs with that metric are none, tables and types of service apart.
fn is_ours(line: &str) -> bool {
    line.contains("metric 20") && !line.starts_with("172.16.") && !line.contains(" tos ")
}

#[test]
fn routes_and_objects_of_others() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        make_theirs(&machine)?;
        let before = theirs(&machine)?;
        assert_eq!(before.0.len(), 13, "{before:#?}");
        let unchanged = |when: &str| -> Result<()> {
            assert_eq!(theirs(&machine)?, before, "{when}");
            Ok(())
        };
        let table = machine.start(TableOptions {
            restart_time: std::time::Duration::ZERO,
            ..options()
        })?;
        table.handle.start_complete();
        let routes = every_kind(&machine);
        table.set(&routes);
        assert_eq!(machine.routes()?.len(), 13 + routes.len());
        unchanged("after ours were added")?;
        let ids = machine.object_ids()?;
        assert!(ids.contains(&(FIRST_ID + 1)) && ids.contains(&(FIRST_ID + 2)));

        // Changed, moved to another owner, and back.
        let moved: Vec<_> = routes
            .iter()
            .map(|(prefix, _)| (*prefix, machine.via(&["10.0.1.7"])))
            .collect();
        let v4: Vec<_> = moved
            .iter()
            .filter(|(prefix, _)| !prefix.contains(':'))
            .cloned()
            .collect();
        table.set_of(ProtocolId::STATIC, &v4);
        table.set(&v4);
        unchanged("after ours were changed")?;
        table.handle.remove_protocol(ProtocolId::STATIC);
        table.handle.settled();
        unchanged("after an owner had left")?;

        // Links that lose their carrier take theirs along too; only so far as the kernel itself does it.
        let prefixes: Vec<&str> = routes.iter().map(|(prefix, _)| *prefix).collect();
        table.delete(&prefixes);
        unchanged("after ours were deleted")?;
        table.set(&routes);
        table.handle.shutdown(false);
        unchanged("after the table had ended")?;
        assert_eq!(machine.routes()?, before.0);
        assert_eq!(machine.object_ids()?, [FIRST_ID + 1, FIRST_ID + 2]);
        Ok(())
    });
}

/// A route of our very priority that somebody else made first stays; ours waits, says so, and comes when it is gone.
#[test]
fn a_destination_that_is_taken() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        machine.ip("route add 10.1.0.0/16 via 10.0.1.9 metric 20 proto rip")?;
        machine.ip("-6 route add 2001:db8:1::/48 via fd00:1::9 metric 20 proto static")?;
        let table = machine.start(options())?;
        table.set(&[
            ("10.1.0.0/16", machine.via(&["10.0.2.2"])),
            ("2001:db8:1::/48", machine.via(&["fd00:2::2"])),
        ]);
        // One that comes later, too.
        table.set(&[("10.2.0.0/16", machine.via(&["10.0.2.2"]))]);
        table.delete(&["10.2.0.0/16"]);
        machine.ip("route add 10.2.0.0/16 via 10.0.1.9 metric 20 proto static")?;
        table.set(&[("10.2.0.0/16", machine.via(&["10.0.2.2"]))]);
        let theirs = [
            "10.1.0.0/16 proto rip metric 20 via 10.0.1.9 dev left",
            "10.2.0.0/16 proto static metric 20 via 10.0.1.9 dev left",
            "2001:db8:1::/48 proto static metric 20 via fd00:1::9 dev left",
        ];
        assert_eq!(machine.routes()?, theirs);
        for prefix in ["10.1.0.0/16", "10.2.0.0/16", "2001:db8:1::/48"] {
            table.expect_failure(prefix, "someone else's route")?;
        }
        machine.ip("route del 10.1.0.0/16 proto rip metric 20")?;
        machine.ip("route del 10.2.0.0/16 proto static metric 20")?;
        machine.ip("-6 route del 2001:db8:1::/48 metric 20")?;
        machine.expect(&[
            "10.1.0.0/16 proto rip metric 20 via 10.0.2.2 dev right",
            "10.2.0.0/16 proto rip metric 20 via 10.0.2.2 dev right",
            "2001:db8:1::/48 proto rip metric 20 via fd00:2::2 dev right",
        ])?;
        table.expect_installed("10.1.0.0/16")
    });
}

/// Somebody else's route takes the place of ours (`ip route replace`): it is theirs then.
#[test]
fn a_destination_that_is_taken_over() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        table.set(&[("10.1.0.0/16", machine.via(&["10.0.1.2"]))]);
        machine.ip("route replace 10.1.0.0/16 via 10.0.1.9 metric 20 proto static")?;
        table.expect_failure("10.1.0.0/16", "someone else's route")?;
        table.set(&[("10.1.0.0/16", machine.via(&["10.0.2.2"]))]);
        machine.expect(&["10.1.0.0/16 proto static metric 20 via 10.0.1.9 dev left"])?;
        machine.ip("route del 10.1.0.0/16")?;
        machine.expect(&["10.1.0.0/16 proto rip metric 20 via 10.0.2.2 dev right"])
    });
}

/// An object of ours that somebody else's route goes through outlives our use of it, and goes when theirs does.
#[test]
fn an_object_that_is_lent() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        table.set(&[
            ("10.1.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
            ("10.2.0.0/16", machine.via(&["10.0.1.2"])),
        ]);
        let group = machine.object_of("10.1.0.0/16")?;
        machine.ip(&format!("route add 192.0.2.0/24 nhid {group} metric 5"))?;
        let theirs = "192.0.2.0/24 proto boot metric 5 via 10.0.1.2 dev left via 10.0.2.2 dev right";
        table.delete(&["10.1.0.0/16", "10.2.0.0/16"]);
        machine.expect(&[theirs])?;
        table.set(&[("10.3.0.0/16", machine.via(&["10.0.2.2"]))]);
        machine.expect(&[theirs, "10.3.0.0/16 proto rip metric 20 via 10.0.2.2 dev right"])?;
        table.delete(&["10.3.0.0/16"]);
        assert_eq!(machine.object_ids()?.len(), 3);
        machine.ip("route del 192.0.2.0/24")?;
        machine.expect_no_objects()
    });
}
