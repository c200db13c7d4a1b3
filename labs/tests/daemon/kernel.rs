//! What the kernel does beside what it is told: routes of others, and packets that it does not forward.

use anyhow::Result;
use waypost_testkit::{Lab, run, wait_for};

use crate::network::{Daemon, SOON};

const OURS: &str = "protocols.static.routes=[{ prefix = '198.51.100.0/24', via = '10.0.12.2' }]";

/// `explain` says what packets do, and not what the router would like them to do.
#[test]
fn routes_of_others_are_explained() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        let daemon = Daemon::start(&r1, "waypostd", &[])?;
        daemon.waypost(&["set", OURS])?;
        r1.wait_for_route("198.51.100.0/24", &["10.0.12.2"], SOON)?;
        let explained = |destination: &str, wanted: &[&str]| {
            wait_for(SOON, &format!("{destination} is explained"), || {
                let text = daemon
                    .waypost(&["explain", destination])
                    .map_err(|error| format!("{error:#}"))?;
                let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
                if wanted.iter().all(|part| flat.contains(part)) {
                    Ok(())
                } else {
                    Err(text)
                }
            })
        };
        explained(
            "198.51.100.7",
            &["follow 198.51.100.0/24 of static", "the kernel has it"],
        )?;
        explained(
            "10.0.12.9",
            &["10.0.12.0/24 of connected", "the kernel made it itself"],
        )?;
        explained("10.0.12.1", &["10.0.12.0/24 of connected"])?;
        explained("203.0.113.1", &["there is no route to 203.0.113.1"])?;

        // A route that is nobody's business here.
        r1.ip(&["route", "add", "4.5.6.0/24", "via", "10.0.12.2"])?;
        explained(
            "4.5.6.1",
            &[
                "follow a route of the kernel that is not the router's: 4.5.6.0/24 via 10.0.12.2 dev eth0 proto boot metric 0",
                "the router has no route to it",
            ],
        )?;
        // One that is more specific.
        r1.ip(&[
            "route",
            "add",
            "198.51.100.128/25",
            "via",
            "10.0.12.9",
            "metric",
            "50",
        ])?;
        explained(
            "198.51.100.200",
            &[
                "198.51.100.128/25 via 10.0.12.9",
                "more specific than 198.51.100.0/24 of static",
            ],
        )?;
        explained("198.51.100.7", &["the kernel has it"])?;
        // One that comes before ours.
        r1.ip(&[
            "route",
            "add",
            "198.51.100.0/24",
            "via",
            "10.0.12.9",
            "metric",
            "5",
        ])?;
        explained(
            "198.51.100.7",
            &[
                "is not the router's: 198.51.100.0/24 via 10.0.12.9 dev eth0 proto boot metric 5",
                "it comes before 198.51.100.0/24 of static",
            ],
        )?;
        let routes = daemon.waypost(&["show", "routes"])?;
        assert!(routes.contains("shadowed"), "{routes}");
        r1.ip(&[
            "route",
            "del",
            "198.51.100.0/24",
            "via",
            "10.0.12.9",
            "metric",
            "5",
        ])?;
        explained(
            "198.51.100.7",
            &["follow 198.51.100.0/24 of static", "the kernel has it"],
        )?;
        let routes = daemon.waypost(&["show", "routes"])?;
        assert!(!routes.contains("shadowed"), "{routes}");
        Ok(())
    });
}

/// What the table wants and the kernel has, side by side.
#[test]
fn what_differs_from_the_kernel_is_shown() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        let theirs = ["203.0.113.0/24", "via", "10.0.12.9", "metric", "20"];
        r1.ip(&[&["route", "add"], &theirs[..]].concat())?;
        let daemon = Daemon::start(&r1, "waypostd", &[])?;
        daemon.waypost(&[
            "set",
            "protocols.static.routes=[{ prefix = '198.51.100.0/24', via = '10.0.12.2' }, \
             { prefix = '203.0.113.0/24', via = '10.0.12.2' }]",
        ])?;
        let shown = |what: &str, wanted: &dyn Fn(&serde_json::Value) -> bool| {
            wait_for(SOON, what, || {
                let fib = daemon
                    .json(&["show", "fib"])
                    .map_err(|error| format!("{error:#}"))?;
                if wanted(&fib) {
                    Ok(())
                } else {
                    Err(fib.to_string())
                }
            })
        };
        shown("someone else's route is in the way", &|fib| {
            (
                &fib["wanted"],
                &fib["agreeing"],
                &fib["differing"],
                &fib["kernel"],
            ) == (&2.into(), &1.into(), &1.into(), &1.into())
                && fib["rows"][0]["prefix"] == "203.0.113.0/24"
                && fib["rows"][0]["state"] == "refused"
                && fib["rows"][0]["table"] == "via 10.0.12.2 dev eth0"
                && fib["rows"][0]["age-seconds"].is_number()
        })?;
        let text = daemon.waypost(&["show", "fib"])?;
        assert!(text.contains("1 of 2 best routes"), "{text}");
        // Theirs goes, and ours takes its place.
        r1.ip(&[&["route", "del"], &theirs[..]].concat())?;
        shown("everything is as wanted", &|fib| {
            (&fib["agreeing"], &fib["differing"], &fib["kernel"]) == (&2.into(), &0.into(), &2.into())
                && fib.get("objects").is_none()
        })?;
        Ok(())
    });
}

/// Routes in a kernel that does not forward are of no use to anybody else.
#[test]
fn a_kernel_that_does_not_forward_is_warned_of() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        r1.set_ipv4("ip_forward", "0")?;
        let mut daemon = Daemon::start(&r1, "waypostd", &[])?;
        let warns = |daemon: &Daemon, wanted: Option<&str>| {
            wait_for(SOON, &format!("the warning is {wanted:?}"), || {
                let status = daemon
                    .json(&["show", "status"])
                    .map_err(|error| format!("{error:#}"))?;
                let warnings = status["daemon"]["warnings"].to_string();
                match wanted {
                    Some(part) if warnings.contains(part) => Ok(()),
                    None if warnings == "[]" => Ok(()),
                    _ => Err(warnings),
                }
            })
        };
        // Without routes nobody expects anything to be forwarded.
        warns(&daemon, None)?;
        daemon.waypost(&["set", OURS])?;
        warns(&daemon, Some("net.ipv4.ip_forward is 0"))?;
        r1.set_ipv4("ip_forward", "1")?;
        warns(&daemon, None)?;
        r1.set_ipv4("conf/eth0/forwarding", "0")?;
        warns(&daemon, Some("net.ipv4.conf.eth0.forwarding is 0"))?;
        // At the next start it is in the log as well.
        r1.set_ipv4("ip_forward", "0")?;
        daemon.process.stop(SOON)?;
        assert!(
            !daemon.log().contains("forwards no IPv4 packets"),
            "there was nothing to forward yet"
        );
        let daemon = Daemon::start(&r1, "waypostd", &[])?;
        assert!(
            daemon.log().contains("forwards no IPv4 packets"),
            "{}",
            daemon.log()
        );
        Ok(())
    });
}

/// What happened is in the log: revisions with author and note, interfaces, the end.
#[test]
fn the_log_tells_what_happened() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        let mut daemon = Daemon::start(&r1, "waypostd", &[])?;
        daemon.waypost(&[
            "set",
            "--note",
            "for the test",
            "protocols.rip={}",
            "interfaces.eth1.rip={}",
        ])?;
        r1.ip(&["link", "add", "eth1", "type", "veth", "peer", "name", "far1"])?;
        r1.set_link("far1", true)?;
        r1.ip(&["address", "add", "10.0.13.1/24", "dev", "eth1"])?;
        r1.set_link("eth1", true)?;
        r1.set_link("eth0", false)?;
        let says = |daemon: &Daemon, line: &[&str]| {
            wait_for(SOON, &format!("the log says {line:?}"), || {
                let log = daemon.log();
                let found = log
                    .lines()
                    .any(|text| line.iter().all(|part| text.contains(part)));
                if found { Ok(()) } else { Err(log) }
            })
        };
        says(
            &daemon,
            &[
                "the configuration changed",
                "revision=1",
                "root",
                "for the test",
                "changes=",
            ],
        )?;
        says(&daemon, &["a new interface", "eth1"])?;
        says(&daemon, &["the interface is up", "eth1"])?;
        says(&daemon, &["the interface is down", "eth0"])?;
        r1.ip(&["link", "del", "eth1"])?;
        says(&daemon, &["the interface is gone", "eth1"])?;
        daemon.process.stop(SOON)?;
        says(&daemon, &["the router stops"])?;
        says(&daemon, &["the daemon ends"])?;
        // An interface that is taken away is no failure to send.
        let log = daemon.log();
        assert!(!log.contains("No such device"), "{log}");
        Ok(())
    });
}

/// A static route without a way to go is shown with the reason, and not only missing.
#[test]
fn a_static_route_that_is_not_in_use_is_shown_with_the_reason() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        let daemon = Daemon::start(&r1, "waypostd", &[])?;
        daemon.waypost(&[
            "set",
            "protocols.static.routes=[{ prefix = '10.9.0.0/16', via = '10.0.99.1' }, { prefix = '10.8.0.0/16', via = '10.0.12.2' }]",
        ])?;
        r1.wait_for_route("10.8.0.0/16", &["10.0.12.2"], SOON)?;
        for question in [
            &["show", "routes"][..],
            &["show", "routes", "10.9.1.1"],
            &["explain", "10.9.1.1"],
            &["explain", "10.9.0.0/16"],
        ] {
            let text = daemon.waypost(question)?;
            assert!(
                text.contains("not in use: 10.9.0.0/16 of static via 10.0.99.1: "),
                "{question:?}: {text}"
            );
        }
        let text = daemon.waypost(&["explain", "10.8.1.1"])?;
        assert!(!text.contains("not in use"), "{text}");
        Ok(())
    });
}
