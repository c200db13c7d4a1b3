//! What goes wrong.

use std::time::Duration;

use anyhow::Result;
use waypost_labs::{RipInterface, RipPlan};
use waypost_testkit::{Lab, Make, Node, Ping, RouteFeed, wait_for};

use crate::network::{AT_ONCE, LAN1, LAN2, Pair, R1, R2, SOON, on_eth0};

/// The plan's expiration interval and what a router may take to notice.
const EXPIRED: Duration = Duration::from_secs(10 + 5);
/// No router may give up a neighbour sooner: the expiration interval less the longest time since its last update.
const NOT_BEFORE: Duration = Duration::from_millis(2000);

pub(crate) fn link_down_and_up(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let _routers = pair.start(first, second, &on_eth0())?;
    pair.converge()?;
    // The second loses its carrier, the first its interface; then the other way round.
    for node in [&pair.r1, &pair.r2] {
        node.set_link("eth0", false)?;
        pair.r1.wait_for_no_route(LAN2, AT_ONCE)?;
        pair.r2.wait_for_no_route(LAN1, AT_ONCE)?;
        node.set_link("eth0", true)?;
        pair.converge()?;
    }
    Ok(())
}

/// The peer dies without a word: its routes stay until they expire, and come back with it.
pub(crate) fn killed_peer_expires(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let (_r1, mut r2) = pair.start(first, second, &on_eth0())?;
    pair.converge()?;
    r2.kill()?;
    let took = pair.r1.wait_for_no_route(LAN2, EXPIRED)?;
    assert!(took > NOT_BEFORE, "given up after {took:?}");
    left_behind(&pair.r2, second, LAN1, R1)?;
    r2.start_again()?;
    pair.converge()
}

/// Whoever is killed takes nothing out of its own kernel; only FRR's zebra lives a moment longer than its ripd, and tidies
/// up after it.
fn left_behind(node: &Node, make: Make, prefix: &str, gateway: &str) -> Result<()> {
    if make != Make::Frr {
        node.wait_for_route(prefix, &[gateway], AT_ONCE)?;
    }
    Ok(())
}

/// The router under test dies: its peer's view of the same.
pub(crate) fn killed_router_expires(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let (mut r1, _r2) = pair.start(first, second, &on_eth0())?;
    pair.converge()?;
    r1.kill()?;
    let took = pair.r2.wait_for_no_route(LAN1, EXPIRED)?;
    assert!(took > NOT_BEFORE, "given up after {took:?}");
    left_behind(&pair.r1, first, LAN2, R2)?;
    r1.start_again()?;
    pair.converge()
}

/// A router that is stopped in order says so: its routes are gone at the peer before they could have expired.
pub(crate) fn good_bye(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let (mut r1, _r2) = pair.start(first, second, &on_eth0())?;
    pair.converge()?;
    r1.stop()?;
    pair.r2.wait_for_no_route(LAN1, AT_ONCE)?;
    pair.r1.wait_for_no_route(LAN2, AT_ONCE)?;
    Ok(())
}

/// A segment breaks somewhere in the middle: no carrier is lost, only silence tells.
pub(crate) fn silent_wire(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
    let wires = lab.segment(&[(&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24")])?;
    lab.stub(&r1, "lan0", "10.1.0.1/24")?;
    lab.stub(&r2, "lan0", "10.2.0.1/24")?;
    let pair = Pair { r1, r2 };
    let _routers = pair.start(first, second, &on_eth0())?;
    pair.converge()?;
    wires[0].cut()?;
    pair.r1.wait_for_no_route(LAN2, EXPIRED)?;
    pair.r2.wait_for_no_route(LAN1, EXPIRED)?;
    wires[0].join()?;
    pair.converge()
}

/// `kill -9` and restart: routes stay in both kernels, and packets flow all the time.
pub(crate) fn restart_loses_no_packet(lab: &Lab, first: Make, second: Make) -> Result<()> {
    restart(lab, first, second, false)
}

/// The same with both routers down at the same time.
pub(crate) fn restart_of_both_loses_no_packet(lab: &Lab, first: Make, second: Make) -> Result<()> {
    restart(lab, first, second, true)
}

fn restart(lab: &Lab, first: Make, second: Make, both: bool) -> Result<()> {
    let pair = Pair::new(lab)?;
    let (mut r1, mut r2) = pair.start(first, second, &on_eth0())?;
    pair.converge()?;
    let feeds = (RouteFeed::start(&pair.r1)?, RouteFeed::start(&pair.r2)?);
    let ping = Ping::start(
        (&pair.r1, "10.1.0.1"),
        (&pair.r2, "10.2.0.1"),
        Duration::from_millis(5),
    )?;
    r1.kill()?;
    if both {
        r2.kill()?;
        r2.start_again()?;
    }
    r1.start_again()?;
    // A network that is new now: both have heard each other again when it arrives.
    lab.stub(&pair.r1, "lan1", "10.1.1.1/24")?;
    lab.stub(&pair.r2, "lan1", "10.2.1.1/24")?;
    pair.r1.wait_for_route("10.2.1.0/24", &[R2], SOON)?;
    pair.r2.wait_for_route("10.1.1.0/24", &[R1], SOON)?;
    feeds.0.assert_kept(&[LAN2])?;
    feeds.1.assert_kept(&[LAN1])?;
    ping.assert_nothing_lost()?;
    Ok(())
}

/// A router with two links to a neighbour restarts, and hears that neighbour first: it says that it has a way to the network
/// behind the other one, by way of the router itself. Believed at once, packets would go in circles.
pub(crate) fn restart_believes_no_echo(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
    lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
    lab.link((&r2, "eth1", "10.0.23.2/24"), (&r3, "eth1", "10.0.23.3/24"))?;
    lab.link((&r2, "eth2", "10.0.32.2/24"), (&r3, "eth2", "10.0.32.3/24"))?;
    lab.stub(&r1, "lan0", "10.1.0.1/24")?;
    lab.stub(&r3, "lan0", "10.3.0.1/24")?;
    // The costs differ, so that r3 takes one link only and announces on the other what it learned there.
    let plan = |interfaces: &[(&str, u8)]| {
        RipPlan::new(
            interfaces
                .iter()
                .map(|(name, metric)| RipInterface::new(name).metric(*metric)),
        )
    };
    let mut first_router = plan(&[("eth0", 1)]).start(&r1, second)?;
    let mut restarted = plan(&[("eth0", 1), ("eth1", 1), ("eth2", 2)]).start(&r2, first)?;
    let _last = plan(&[("eth1", 1), ("eth2", 2)]).start(&r3, second)?;
    r2.wait_for_route(LAN1, &[R1], SOON)?;
    r3.wait_for_route(LAN1, &["10.0.23.2"], SOON)?;
    r1.wait_for_route("10.3.0.0/24", &[R2], SOON)?;
    let feed = RouteFeed::start(&r2)?;
    let ping = Ping::start((&r1, "10.1.0.1"), (&r3, "10.3.0.1"), Duration::from_millis(5))?;
    restarted.kill()?;
    first_router.signal("STOP")?;
    restarted.start_again()?;
    // What it hears is a route of its own that comes back, which the two count up to 16 within milliseconds: the neighbour
    // stays to be seen, the route does not.
    let heard = wait_for(AT_ONCE, "r2 hears r3 on the other link", || {
        let text = restarted
            .command(&["show", "neighbors"])
            .map_err(|error| format!("{error:#}"))?;
        if text.contains("10.0.32.3") {
            Ok(())
        } else {
            Err(text)
        }
    });
    first_router.signal("CONT")?;
    heard?;
    // New now, so that both have heard each other when it arrives.
    lab.stub(&r1, "lan1", "10.1.1.1/24")?;
    r2.wait_for_route("10.1.1.0/24", &[R1], SOON)?;
    r2.wait_for_route(LAN1, &[R1], SOON)?;
    feed.assert_kept(&[LAN1, "10.3.0.0/24"])?;
    let strayed: Vec<_> = feed
        .changes()?
        .into_iter()
        .filter(|change| change.line.contains(LAN1))
        .collect();
    assert!(strayed.is_empty(), "{}", feed.describe(&strayed));
    ping.assert_nothing_lost()?;
    Ok(())
}
