//! What routes are taken, given and preferred.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, bail};
use waypost_labs::{RipInterface, RipPlan, StaticRoute};
use waypost_testkit::{Lab, Make, Node, Ping, RouteFeed};

use crate::network::{AT_ONCE, BY_R2, BY_R3, Diamond, LAN1, LAN4, Pair, R1, R2, SOON, on_eth0};

/// A default route that the router under test originates.
pub(crate) fn default_route_given(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let _r1 = originating().start(&pair.r1, first)?;
    let _r2 = on_eth0().start(&pair.r2, second)?;
    pair.converge()?;
    pair.r2.wait_for_route("0.0.0.0/0", &[R1], SOON)?;
    assert_leads_nowhere(&pair.r1)
}

/// The router that originates a default route has none to anybody: at most one that refuses packets, as BIRD needs.
fn assert_leads_nowhere(node: &Node) -> Result<()> {
    let routes = node.routes_to("0.0.0.0/0")?;
    if let Some(route) = routes.iter().find(|route| !route.gateways().is_empty()) {
        bail!("{} sends packets back: {route}", node.name());
    }
    Ok(())
}

/// One that it hears.
pub(crate) fn default_route_taken(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let _r1 = on_eth0().start(&pair.r1, first)?;
    let _r2 = originating().start(&pair.r2, second)?;
    pair.converge()?;
    pair.r1.wait_for_route("0.0.0.0/0", &[R2], SOON)?;
    assert_leads_nowhere(&pair.r2)
}

fn originating() -> RipPlan {
    RipPlan {
        originate_default: true,
        ..on_eth0()
    }
}

/// Each denies one network on the way in and one on the way out. Both routers' updates fit into one message, so a
/// network that is not there when another one is has been filtered.
pub(crate) fn filters(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    for (node, number) in [(&pair.r1, 1), (&pair.r2, 2)] {
        lab.stub(node, "lan1", &format!("10.{number}.1.1/24"))?;
        lab.stub(node, "lan2", &format!("10.{number}.2.1/24"))?;
    }
    let plan = |mine: u8, other: u8| {
        RipPlan::new([RipInterface::new("eth0")
            .deny_in(&format!("10.{other}.1.0/24"))
            .deny_out(&format!("10.{mine}.2.0/24"))])
    };
    let _first = plan(1, 2).start(&pair.r1, first)?;
    let _second = plan(2, 1).start(&pair.r2, second)?;
    pair.converge()?;
    for (node, denied) in [
        (&pair.r1, ["10.2.1.0/24", "10.2.2.0/24"]),
        (&pair.r2, ["10.1.1.0/24", "10.1.2.0/24"]),
    ] {
        for prefix in denied {
            assert_eq!(node.routes_to(prefix)?, [], "{prefix} on {}", node.name());
        }
    }
    Ok(())
}

pub(crate) fn equal_cost(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let diamond = Diamond::new(lab)?;
    let _routers = diamond.start(first, second, &Diamond::first_plan(1, 1))?;
    let [r1, r2, r3, r4] = &diamond.nodes;
    r1.wait_for_route(LAN4, &[BY_R2, BY_R3], SOON)?;
    diamond.converge_beyond_r1()?;
    // One path goes, the other stays.
    let feed = RouteFeed::start(r1)?;
    r2.set_link("eth1", false)?;
    r1.wait_for_route(LAN4, &[BY_R3], SOON)?;
    assert_eq!(r1.routes_to(LAN4)?.len(), 1);
    // The others learn that the way to r1 through r2 is gone, and r2 that there is one through r4 and r3.
    r4.wait_for_route(LAN1, &["10.0.34.3"], 2 * SOON)?;
    r2.wait_for_route(LAN1, &["10.0.24.4"], 2 * SOON)?;
    r3.wait_for_route(LAN1, &["10.0.13.1"], SOON)?;
    r2.wait_for_route(LAN4, &["10.0.24.4"], SOON)?;
    r3.wait_for_route(LAN4, &["10.0.34.4"], SOON)?;
    // What the kernel does by itself with the dead half is its own business; nobody may take the route away.
    feed.assert_kept(&[LAN4])
}

/// The route moves to the other path when its cost goes up, and back, without ever being gone, and no packet is lost.
/// Waypost does so at once; FRR and BIRD wait for the next update.
pub(crate) fn metric_change(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let diamond = Diamond::new(lab)?;
    let [mut router, _r2, _r3, _r4] = diamond.start(first, second, &Diamond::first_plan(1, 3))?;
    let [r1, r2, r3, r4] = &diamond.nodes;
    r1.wait_for_route(LAN4, &[BY_R2], SOON)?;
    diamond.converge_beyond_r1()?;
    let feeds = [
        (RouteFeed::start(r1)?, LAN4),
        (RouteFeed::start(r2)?, LAN4),
        (RouteFeed::start(r3)?, LAN4),
        (RouteFeed::start(r4)?, LAN1),
    ];
    let ping = Ping::start((r1, "10.1.0.1"), (r4, "10.4.0.1"), Duration::from_millis(5))?;
    let deadline = if first == Make::Waypost { AT_ONCE } else { SOON };
    for (by_r2, by_r3, gateway) in [(5, 3, BY_R3), (1, 3, BY_R2)] {
        if first == Make::Frr {
            let change = match by_r2 {
                1 => "router rip\nno offset-list everything in 5 eth2".to_owned(),
                _ => format!("router rip\noffset-list everything in {by_r2} eth2"),
            };
            router.reconfigure(&change)?;
        } else {
            router.reconfigure(&Diamond::first_plan(by_r2, by_r3).configuration(first))?;
        }
        let route = r1.wait_for_route(LAN4, &[gateway], deadline)?;
        assert_eq!(route.gateways(), [gateway.parse::<Ipv4Addr>()?]);
        // The cost of what r1 hears is no business of the others.
        diamond.converge_beyond_r1()?;
    }
    for (feed, prefix) in &feeds {
        feed.assert_kept(&[prefix])?;
    }
    ping.assert_nothing_lost()?;
    Ok(())
}

/// Static routes of each reach the other with a metric of their own; what is not redistributed does not.
pub(crate) fn redistribution(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let plan = |number: u8, statics: Option<u8>| RipPlan {
        statics,
        routes: vec![StaticRoute {
            prefix: format!("172.16.{number}.0/24"),
            via: format!("10.{number}.0.9"),
        }],
        ..on_eth0()
    };
    let _first = plan(1, Some(5)).start(&pair.r1, first)?;
    let second_router = plan(2, None).start(&pair.r2, second)?;
    pair.converge()?;
    pair.r1.wait_for_route("172.16.1.0/24", &["10.1.0.9"], SOON)?;
    pair.r2.wait_for_route("172.16.1.0/24", &[R1], SOON)?;
    pair.r2.wait_for_route("172.16.2.0/24", &["10.2.0.9"], SOON)?;
    assert_eq!(pair.r1.routes_to("172.16.2.0/24")?, []);
    drop(second_router);
    let _second = plan(2, Some(3)).start(&pair.r2, second)?;
    pair.r1.wait_for_route("172.16.2.0/24", &[R2], SOON)?;
    pair.r2.wait_for_route("172.16.2.0/24", &["10.2.0.9"], SOON)?;
    pair.r2.wait_for_route("172.16.1.0/24", &[R1], SOON)?;
    Ok(())
}
