//! OSPF between two makes of routers. Every lab is written once and run with several pairs; the first of a pair is the one
//! under test, `r1`.

mod election;
mod many;
mod mismatch;
mod nssa;
mod parallel;
mod plan;
mod restart;
mod speaker;
mod swap;
mod tools;
mod virtual_link;
mod words;

use std::time::Duration;

use anyhow::{Result, ensure};
use election::takeover;
use many::three_hundred_interfaces;
use mismatch::mismatches;
use nssa::{nssa_from_inside, nssa_translated};
use parallel::parallel_links;
use plan::Plan;
use restart::graceful_restart;
use speaker::{MD5, Network, SHA256};
use swap::swapped;
use virtual_link::{virtual_link, virtual_link_from_afar};
use waypost_testkit::{Hellos, Lab, Make, Node, RouteFeed, Router};

/// Enough for an election and an exchange, on a busy machine.
const SOON: Duration = Duration::from_secs(60);
/// Enough for what must not wait for a timer, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(3);
/// Whoever heard so many Hellos without taking them has given the neighbour up: they come every second, and it may be silent
/// for four.
const HELLOS_OF_A_LIFE: usize = 5;
const LAN1: &str = "10.1.0.0/24";
const LAN2: &str = "10.2.0.0/24";
const R1: &str = "10.0.12.1";
const R2: &str = "10.0.12.2";
const OUTSIDE: &str = "192.168.77.0/24";

/// 10.1.0.0/24 `lan0` r1 `eth0` 10.0.12.1 --- 10.0.12.2 `eth0` r2 `lan0` 10.2.0.0/24.
struct Pair {
    r1: Node,
    r2: Node,
}

impl Pair {
    fn new(lab: &Lab) -> Result<Self> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        lab.stub(&r1, "lan0", "10.1.0.1/24")?;
        lab.stub(&r2, "lan0", "10.2.0.1/24")?;
        Ok(Self { r1, r2 })
    }

    /// Starts both with the same plan, but for their identifiers, and the neighbours that r1 is told of.
    fn start(&self, first: Make, second: Make, plan: &Plan) -> Result<(Router, Router)> {
        let other = Plan {
            id: "2.2.2.2",
            neighbors: if plan.neighbors.is_empty() { &[] } else { &[R1] },
            ..plan.clone()
        };
        Ok((plan.start(&self.r1, first)?, other.start(&self.r2, second)?))
    }

    /// Waits until each has the other's network.
    fn converge(&self) -> Result<()> {
        self.r1.wait_for_route(LAN2, &[R2], SOON)?;
        self.r2.wait_for_route(LAN1, &[R1], SOON)?;
        Ok(())
    }
}

fn plan() -> Plan {
    Plan::new("1.1.1.1")
}

fn meets(lab: &Lab, first: Make, second: Make, plan: &Plan) -> Result<()> {
    let pair = Pair::new(lab)?;
    let _routers = pair.start(first, second, plan)?;
    pair.converge()
}

fn broadcast(lab: &Lab, first: Make, second: Make) -> Result<()> {
    meets(lab, first, second, &plan())
}

fn point_to_point(lab: &Lab, first: Make, second: Make) -> Result<()> {
    over(lab, first, second, Network::PointToPoint, &[])
}

/// Neighbours are named, and a Designated Router is elected all the same.
fn non_broadcast(lab: &Lab, first: Make, second: Make) -> Result<()> {
    over(lab, first, second, Network::NonBroadcast, &[R2])
}

fn point_to_multipoint(lab: &Lab, first: Make, second: Make) -> Result<()> {
    over(lab, first, second, Network::PointToMultipoint, &[])
}

fn point_to_multipoint_without_multicast(lab: &Lab, first: Make, second: Make) -> Result<()> {
    over(lab, first, second, Network::PointToMultipointNonBroadcast, &[R2])
}

fn over(
    lab: &Lab,
    first: Make,
    second: Make,
    network: Network,
    neighbors: &'static [&'static str],
) -> Result<()> {
    let plan = Plan {
        network,
        neighbors,
        ..plan()
    };
    meets(lab, first, second, &plan)
}

fn md5(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let plan = Plan {
        digest: Some(MD5),
        ..plan()
    };
    meets(lab, first, second, &plan)
}

fn sha256(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let plan = Plan {
        digest: Some(SHA256),
        ..plan()
    };
    meets(lab, first, second, &plan)
}

fn stub_area(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let plan = Plan {
        area: 1,
        stub: true,
        ..plan()
    };
    meets(lab, first, second, &plan)
}

/// What each redistributes reaches the other.
fn externals(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let saying = Plan {
        external: Some((OUTSIDE, "10.1.0.9")),
        ..plan()
    };
    let _r1 = saying.start(&pair.r1, first)?;
    let other = Plan {
        external: Some(("192.168.88.0/24", "10.2.0.9")),
        ..Plan::new("2.2.2.2")
    };
    let _r2 = other.start(&pair.r2, second)?;
    pair.converge()?;
    pair.r2.wait_for_route(OUTSIDE, &[R1], SOON)?;
    pair.r1.wait_for_route("192.168.88.0/24", &[R2], SOON)?;
    Ok(())
}

/// The peer dies without a word: its routes stay until it was silent for too long, and come back with it.
fn killed_peer(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let (_r1, mut r2) = pair.start(first, second, &plan())?;
    pair.converge()?;
    r2.kill()?;
    let took = pair.r1.wait_for_no_route(LAN2, SOON)?;
    ensure!(took > Duration::from_secs(2), "given up after {took:?}");
    r2.start_again()?;
    pair.converge()
}

/// Who stops says so: the peer's route goes before the dead interval.
fn good_bye(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let (mut r1, _r2) = pair.start(first, second, &plan())?;
    pair.converge()?;
    r1.stop()?;
    pair.r2.wait_for_no_route(LAN1, AT_ONCE)?;
    r1.start_again()?;
    pair.converge()
}

/// Changes that reset nobody: neither router loses a route for a moment.
fn live_changes(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let plan = Plan {
        digest: Some(MD5),
        ..plan()
    };
    let (r1, _r2) = pair.start(first, second, &plan)?;
    pair.converge()?;
    let feeds = [
        (RouteFeed::start(&pair.r1)?, LAN2),
        (RouteFeed::start(&pair.r2)?, LAN1),
    ];
    let keys = r#"interfaces.eth0.ospf.keys=[{ id = 1, secret = "lab", algorithm = "md5" }, { id = 2, secret = "b", algorithm = "md5", send-from = 4000000000 }]"#;
    for change in [
        "interfaces.eth0.ospf.cost=77",
        "interfaces.eth0.ospf.priority=0",
        "interfaces.eth0.ospf.retransmit-interval=2",
        "interfaces.eth0.ospf.transmit-delay=3",
        "interfaces.eth0.ospf.mtu-ignore=true",
        "interfaces.eth0.ospf.ttl-security=tx-only",
        "interfaces.eth0.ospf.dscp=0",
        "interfaces.eth0.ospf.receive-buffer=65536",
        "interfaces.eth0.ospf.prefix-suppression=true",
        keys,
        "interfaces.lan0.ospf.cost=3",
        "protocols.ospf.maximum-paths=1",
        "protocols.ospf.stub-router=true",
    ] {
        let said = r1.command(&["set", change])?;
        ensure!(said.contains("no neighbour was reset"), "{change}: {said}");
        let mut ears = [Hellos::listen(&pair.r1, R2)?, Hellos::listen(&pair.r2, R1)?];
        for ear in &mut ears {
            ear.wait_for(HELLOS_OF_A_LIFE, SOON)?;
        }
        for (feed, prefix) in &feeds {
            feed.sync()?;
            feed.assert_kept(&[prefix])?;
        }
    }
    Ok(())
}

/// Makes a module of tests for each pair of makes.
macro_rules! labs {
    ($(#[$note:meta] $pair:ident($first:ident, $second:ident): {$($lab:ident),* $(,)?};)*) => {
        $(#[$note] mod $pair {
            $(
                #[test]
                fn $lab() {
                    waypost_testkit::run_beside_others(|lab| {
                        crate::$lab(lab, waypost_testkit::Make::$first, waypost_testkit::Make::$second)
                    });
                }
            )*
        })*
    };
}

labs! {
    #[doc = "against FRR"]
    waypost_frr(Waypost, Frr): {
        broadcast, point_to_point, non_broadcast, point_to_multipoint, md5, stub_area, externals, killed_peer, good_bye,
        live_changes, virtual_link, virtual_link_from_afar, graceful_restart, nssa_from_inside, nssa_translated, takeover,
        parallel_links, mismatches, three_hundred_interfaces, swapped,
    };
    #[doc = "against BIRD"]
    waypost_bird(Waypost, Bird): {
        broadcast, point_to_point, non_broadcast, point_to_multipoint_without_multicast, md5, sha256, stub_area, externals,
        killed_peer, good_bye, live_changes, virtual_link, virtual_link_from_afar, graceful_restart, nssa_from_inside,
        nssa_translated, takeover, parallel_links, mismatches,
    };
    #[doc = "against itself"]
    waypost_waypost(Waypost, Waypost): {
        broadcast, point_to_point, non_broadcast, point_to_multipoint, point_to_multipoint_without_multicast, sha256, stub_area,
        externals, killed_peer, good_bye, graceful_restart, nssa_from_inside, takeover, parallel_links,
    };
}
