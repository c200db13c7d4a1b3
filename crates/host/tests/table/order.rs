use anyhow::{Context, Result};
use waypost_testkit::{RouteFeed, run};
use waypost_types::{NextHop, ProtocolId, RouteKind};

use crate::machine::{Machine, drops, options};

/// Routes of every kind, both families, and what the kernel is to have for them.
pub(crate) fn every_kind(machine: &Machine) -> Vec<(&'static str, waypost_types::Route)> {
    let mut onlink = machine.via(&["203.0.113.9"]);
    onlink.next_hops[0] = NextHop {
        interface: machine.left,
        onlink: true,
        ..onlink.next_hops[0]
    };
    let mut direct = machine.via(&["10.0.2.2"]);
    direct.next_hops[0].gateway = None;
    let mut weighed = machine.via(&["10.0.1.2", "10.0.2.2"]);
    weighed.next_hops[1].weight = 3;
    vec![
        ("0.0.0.0/0", machine.via(&["10.0.1.2"])),
        ("10.1.0.0/16", machine.via(&["10.0.1.2"])),
        ("10.2.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
        ("10.3.0.0/16", weighed),
        ("10.4.0.0/16", machine.via(&["fd00:1::2"])),
        ("10.5.0.1/32", onlink),
        ("10.6.0.0/16", direct.clone()),
        ("10.7.0.0/16", drops(RouteKind::Blackhole)),
        ("10.8.0.0/16", drops(RouteKind::Unreachable)),
        ("10.9.0.0/16", drops(RouteKind::Prohibit)),
        ("::/0", machine.via(&["fd00:2::2"])),
        ("2001:db8:1::/48", machine.via(&["fd00:1::2"])),
        ("2001:db8:2::/48", machine.via(&["fd00:1::2", "fd00:2::2"])),
        ("2001:db8:6::/48", direct),
        ("2001:db8:7::/48", drops(RouteKind::Blackhole)),
        ("2001:db8:8::/48", drops(RouteKind::Unreachable)),
        ("2001:db8:9::/48", drops(RouteKind::Prohibit)),
    ]
}

/// The same as the kernel is to have it, with our priority.
pub(crate) fn every_kind_shown(priority: u32) -> Vec<String> {
    [
        "default proto rip metric M via 10.0.1.2 dev left",
        "10.1.0.0/16 proto rip metric M via 10.0.1.2 dev left",
        "10.2.0.0/16 proto rip metric M via 10.0.1.2 dev left via 10.0.2.2 dev right",
        "10.3.0.0/16 proto rip metric M via 10.0.1.2 dev left via 10.0.2.2 dev right weight 3",
        "10.4.0.0/16 proto rip metric M via fd00:1::2 dev left",
        "10.5.0.1 proto rip metric M via 203.0.113.9 dev left onlink",
        "10.6.0.0/16 proto rip metric M dev right",
        "blackhole 10.7.0.0/16 proto rip metric M",
        "unreachable 10.8.0.0/16 proto rip metric M",
        "prohibit 10.9.0.0/16 proto rip metric M",
        "default proto rip metric M via fd00:2::2 dev right",
        "2001:db8:1::/48 proto rip metric M via fd00:1::2 dev left",
        "2001:db8:2::/48 proto rip metric M via fd00:1::2 dev left via fd00:2::2 dev right",
        "2001:db8:6::/48 proto rip metric M dev right",
        "blackhole 2001:db8:7::/48 proto rip metric M",
        "unreachable 2001:db8:8::/48 proto rip metric M",
        "prohibit 2001:db8:9::/48 proto rip metric M",
    ]
    .iter()
    .map(|line| line.replace('M', &priority.to_string()))
    .collect()
}

pub(crate) fn expect_every_kind(machine: &Machine, priority: u32) -> Result<()> {
    let lines = every_kind_shown(priority);
    machine.expect(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_kind_of_route() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        let routes = every_kind(&machine);
        table.set(&routes);
        // Settled means that the kernel has it all, without waiting any longer.
        assert_eq!(machine.routes()?, {
            let mut lines = every_kind_shown(20);
            lines.sort_unstable();
            lines
        });
        for (prefix, _) in &routes {
            table.expect_installed(prefix)?;
        }
        let prefixes: Vec<&str> = routes.iter().map(|(prefix, _)| *prefix).collect();
        table.delete(&prefixes);
        assert_eq!(machine.routes()?, [""; 0]);
        machine.expect_no_objects()
    });
}

/// As far as packets go, too.
#[test]
fn what_the_kernel_does_with_a_packet() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        table.set(&every_kind(&machine));
        for (destination, expected) in [
            ("10.1.2.3", "via 10.0.1.2 dev left"),
            ("10.6.2.3", "dev right"),
            ("10.99.0.1", "via 10.0.1.2 dev left"),
            ("2001:db8:1::5", "via fd00:1::2 dev left"),
            ("2001:db8:99::5", "via fd00:2::2 dev right"),
        ] {
            let answer = machine.ip(&format!("route get {destination}"))?;
            assert!(answer.contains(expected), "{answer}");
        }
        for (destination, words) in [
            ("10.7.0.1", "Invalid argument"),
            ("10.8.0.1", "No route to host"),
            ("10.9.0.1", "Permission denied"),
            ("2001:db8:7::1", "Invalid argument"),
            ("2001:db8:8::1", "No route to host"),
            ("2001:db8:9::1", "Permission denied"),
        ] {
            let error = machine.ip(&format!("route get {destination}")).unwrap_err();
            assert!(error.to_string().contains(words), "{destination}: {error}");
        }
        Ok(())
    });
}

/// Sixteen next hops are one object with sixteen members, and all routes through them name it.
#[test]
fn equal_cost_sets() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        let gateways: Vec<String> = (2..10)
            .flat_map(|last| [format!("10.0.1.{last}"), format!("10.0.2.{last}")])
            .collect();
        let gateways: Vec<&str> = gateways.iter().map(String::as_str).collect();
        let sixteen = machine.via(&gateways);
        table.set(&[("10.1.0.0/16", sixteen.clone()), ("10.2.0.0/16", sixteen)]);
        let mut hops: Vec<String> = gateways
            .iter()
            .map(|gateway| {
                let side = if gateway.starts_with("10.0.1.") {
                    "left"
                } else {
                    "right"
                };
                format!(" via {gateway} dev {side}")
            })
            .collect();
        hops.sort_unstable();
        let hops = hops.concat();
        let line = |net: u32| format!("10.{net}.0.0/16 proto rip metric 20{hops}");
        assert_eq!(machine.routes()?, [line(1), line(2)]);
        assert_eq!(
            machine.object_of("10.1.0.0/16")?,
            machine.object_of("10.2.0.0/16")?
        );
        assert_eq!(machine.object_ids()?.len(), 17);

        // Down to two: another set, so another object. The route is replaced without a gap, and what nobody uses goes.
        let feed = RouteFeed::start(&machine.node)?;
        let two = machine.via(&["10.0.1.2", "10.0.2.9"]);
        table.set(&[("10.1.0.0/16", two.clone()), ("10.2.0.0/16", two)]);
        machine.expect(&[
            "10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left via 10.0.2.9 dev right",
            "10.2.0.0/16 proto rip metric 20 via 10.0.1.2 dev left via 10.0.2.9 dev right",
        ])?;
        assert_eq!(machine.object_ids()?.len(), 3);
        feed.assert_kept(&["10.1.0.0/16", "10.2.0.0/16"])
    });
}

/// What a line of the kernel's announcements is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Single,
    Group,
    Route,
}

fn about(line: &str) -> Option<(bool, About)> {
    let (deleted, rest) = match line.strip_prefix("Deleted ") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let about = match rest.strip_prefix("id ") {
        Some(rest) if rest.contains(" group ") => About::Group,
        Some(_) => About::Single,
        None => About::Route,
    };
    Some((deleted, about))
}

#[test]
fn objects_come_first_and_go_last() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        let feed = RouteFeed::start(&machine.node)?;
        table.set(&[
            ("10.1.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
            ("10.2.0.0/16", machine.via(&["10.0.1.3", "10.0.2.2"])),
            ("10.3.0.0/16", machine.via(&["10.0.1.2"])),
        ]);
        let seen: Vec<_> = feed
            .changes()?
            .iter()
            .filter_map(|change| about(&change.line))
            .collect();
        let made = |what| std::iter::repeat_n((false, what), if what == About::Group { 2 } else { 3 });
        let expected: Vec<_> = made(About::Single)
            .chain(made(About::Group))
            .chain(made(About::Route))
            .collect();
        assert_eq!(seen, expected, "{:#?}", feed.changes()?);

        let before = feed.changes()?.len();
        table.delete(&["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]);
        machine.expect_no_objects()?;
        let changes = feed.changes()?;
        let seen: Vec<_> = changes[before..]
            .iter()
            .filter_map(|change| about(&change.line))
            .collect();
        let expected: Vec<_> = [About::Route; 3]
            .into_iter()
            .chain([About::Group; 2])
            .chain([About::Single; 3])
            .map(|what| (true, what))
            .collect();
        assert_eq!(seen, expected, "{changes:#?}");
        Ok(())
    });
}

/// A change of owner, of gateway and of kind is one message each, and never a time without a route.
#[test]
fn a_route_that_changes_is_never_away() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        table.set(&[("10.1.0.0/16", machine.via(&["10.0.1.2"]))]);
        let feed = RouteFeed::start(&machine.node)?;
        table.set(&[("10.1.0.0/16", machine.via(&["10.0.2.2"]))]);
        machine.expect(&["10.1.0.0/16 proto rip metric 20 via 10.0.2.2 dev right"])?;
        table.set(&[("10.1.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"]))]);
        table.set_of(ProtocolId::STATIC, &[("10.1.0.0/16", machine.via(&["10.0.1.9"]))]);
        machine.expect(&["10.1.0.0/16 proto static metric 20 via 10.0.1.9 dev left"])?;
        table.set_of(
            ProtocolId::STATIC,
            &[("10.1.0.0/16", drops(RouteKind::Blackhole))],
        );
        machine.expect(&["blackhole 10.1.0.0/16 proto static metric 20"])?;
        table.handle.remove_protocol(ProtocolId::STATIC);
        machine.expect(&["10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left via 10.0.2.2 dev right"])?;
        feed.assert_kept(&["10.1.0.0/16"])
            .context("the kernel's announcements")?;
        let routes = feed.changes()?;
        let routes = routes.iter().filter(|change| change.line.contains("10.1.0.0/16"));
        assert_eq!(routes.count(), 5, "{:#?}", feed.changes()?);
        Ok(())
    });
}
