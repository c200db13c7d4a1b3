//! RFC 3623 §2: a router restarts, and nobody loses a route.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_types::{Prefix4, Route};

use super::lab::{Lab, router_id};
use crate::AreaId;
use crate::lsa::{External, LsaHeader, LsaKey, LsaType};
use crate::neighbor::help::{Exit, Help};
use crate::parameters::{InterfaceParameters, NetworkType, RouterParameters};
use crate::process::{Domain, Ospf, Restart, RestartExit};

const PERIOD: Duration = Duration::from_secs(90);

fn line() -> InterfaceParameters {
    InterfaceParameters {
        network: NetworkType::PointToPoint,
        ..InterfaceParameters::default()
    }
}

/// A ring of four routers that all work as `parameters` say, after a while.
fn ring(parameters: &RouterParameters) -> Lab {
    let mut lab = Lab::new(51);
    for _ in 0..4 {
        lab.add_router(parameters.clone());
    }
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
        lab.connect(&[a, b], &line());
    }
    lab.run(Duration::from_secs(60));
    lab
}

/// Three routers on one network; 2 is Designated Router, 1 Backup, because 2 was heard before the wait was over.
fn network() -> Lab {
    let mut lab = Lab::new(52);
    lab.add_routers(3);
    lab.connect(&[0, 1, 2], &InterfaceParameters::default());
    lab.run(Duration::from_secs(120));
    lab
}

fn routes(lab: &Lab, router: usize) -> BTreeMap<Prefix4, Route> {
    lab.routers[router].routes().clone()
}

/// How often routes of the others than this one changed.
fn changes(lab: &Lab, but: usize) -> Vec<u64> {
    let others = lab
        .routers
        .iter()
        .enumerate()
        .filter(|(number, _)| *number != but);
    others
        .map(|(_, router)| router.route_counters().changes)
        .collect()
}

/// What router 0 has of what another says of itself.
fn router_lsa(lab: &Lab, of: usize) -> Option<LsaHeader> {
    let key = LsaKey {
        kind: LsaType::Router,
        id: router_id(of),
        router: router_id(of),
    };
    let mut headers = lab.database(0, Domain::Area(AreaId::BACKBONE)).into_iter();
    headers.find(|header| header.key == key)
}

fn helps(lab: &Lab, router: usize, segment: usize) -> Vec<Help> {
    let neighbors = lab.interface(router, segment).neighbors.values();
    neighbors.map(|neighbor| neighbor.help).collect()
}

fn outside() -> Prefix4 {
    "192.168.0.0/16".parse().unwrap()
}

fn say_outside(router: &mut Ospf, now: waypost_engine::Now, out: &mut waypost_engine::Outbox) {
    let external = External {
        mask: outside().netmask(),
        type_2: true,
        metric: 20,
        forwarding: Ipv4Addr::UNSPECIFIED,
        tag: 0,
    };
    router.set_externals(now, [(outside(), Some(external))], out);
}

#[test]
fn nobody_loses_a_route_while_a_router_restarts() {
    let mut lab = ring(&RouterParameters::default());
    lab.with(1, say_outside);
    lab.run(Duration::from_secs(10));
    assert!(routes(&lab, 0).contains_key(&outside()));
    let (before, own) = (changes(&lab, 1), routes(&lab, 1));
    let said = router_lsa(&lab, 1).unwrap();
    // Away for longer than a Hello.
    lab.run(Duration::from_secs(15));
    lab.restart_gracefully(1, RouterParameters::default(), PERIOD);
    assert!(matches!(lab.routers[1].restart(), Restart::Until(_)));
    // The router's own table hears nothing before it is whole, nor do others.
    lab.run(Duration::from_millis(2));
    assert!(routes(&lab, 1).is_empty());
    assert_eq!(router_lsa(&lab, 1), Some(said));
    lab.with(1, say_outside);
    lab.run(Duration::from_secs(20));
    assert_eq!(lab.routers[1].restart(), Restart::Ended(RestartExit::Completed));
    assert_eq!(helps(&lab, 0, 0), [Help::Ended(Exit::Completed)]);
    assert_eq!(changes(&lab, 1), before);
    assert_eq!(routes(&lab, 1), own);
    // One instance more, and the same words.
    let again = router_lsa(&lab, 1).unwrap();
    assert_eq!(again.sequence, said.sequence.next().unwrap());
    assert_eq!(again.length, said.length);
    lab.assert_same_database(0..4);
    lab.run(Duration::from_secs(200));
    assert_eq!(changes(&lab, 1), before);
    assert_eq!(routes(&lab, 1), own);
}

#[test]
fn what_is_not_said_any_more_is_flushed_in_the_end() {
    let mut lab = ring(&RouterParameters::default());
    lab.with(1, say_outside);
    lab.run(Duration::from_secs(10));
    lab.restart_gracefully(1, RouterParameters::default(), PERIOD);
    lab.run(Duration::from_secs(20));
    assert_eq!(lab.routers[1].restart(), Restart::Ended(RestartExit::Completed));
    assert!(!routes(&lab, 0).contains_key(&outside()));
    assert!(lab.database(3, Domain::As).is_empty());
}

#[test]
fn who_was_elected_is_so_again_at_once() {
    for restarting in [2, 1, 0] {
        let mut lab = network();
        let elected = |lab: &Lab, router: usize| {
            let interface = lab.interface(router, 0);
            (interface.designated_router, interface.backup)
        };
        let (before, who) = (changes(&lab, restarting), elected(&lab, 0));
        assert!(!who.0.is_unspecified() && !who.1.is_unspecified());
        lab.restart_gracefully(restarting, RouterParameters::default(), PERIOD);
        // Nobody waits for the end of an election that nobody else holds.
        lab.run(Duration::from_secs(25));
        assert_eq!(
            lab.routers[restarting].restart(),
            Restart::Ended(RestartExit::Completed),
            "{restarting}"
        );
        for router in 0..3 {
            assert_eq!(elected(&lab, router), who, "{router}");
        }
        assert_eq!(changes(&lab, restarting), before, "{restarting}");
        lab.run(Duration::from_secs(100));
        assert_eq!(elected(&lab, 0), who);
    }
}

#[test]
fn areas_without_other_routers_are_not_waited_for() {
    let mut lab = ring(&RouterParameters::default());
    let elsewhere = |area: u32, passive: bool| InterfaceParameters {
        area: AreaId(area),
        passive,
        wait: Duration::from_secs(5),
        ..InterfaceParameters::default()
    };
    lab.connect(&[1], &elsewhere(1, true));
    lab.connect(&[1], &elsewhere(2, false));
    lab.run(Duration::from_secs(60));
    let before = changes(&lab, 1);
    lab.restart_gracefully(1, RouterParameters::default(), PERIOD);
    lab.run(Duration::from_secs(20));
    assert_eq!(lab.routers[1].restart(), Restart::Ended(RestartExit::Completed));
    assert_eq!(changes(&lab, 1), before);
    // Alone altogether it cannot be known.
    let mut lab = Lab::new(53);
    lab.add_routers(1);
    lab.connect(&[0], &elsewhere(0, false));
    lab.restart_gracefully(0, RouterParameters::default(), PERIOD);
    lab.run(Duration::from_secs(20));
    assert!(matches!(lab.routers[0].restart(), Restart::Until(_)));
}

#[test]
fn without_help_it_is_a_start_like_any_other() {
    let parameters = RouterParameters {
        helps_restarts: false,
        ..RouterParameters::default()
    };
    let mut lab = ring(&parameters);
    let own = routes(&lab, 1);
    lab.restart_gracefully(1, parameters, PERIOD);
    lab.run(Duration::from_secs(40));
    assert_eq!(
        lab.routers[1].restart(),
        Restart::Ended(RestartExit::TopologyChanged)
    );
    assert_eq!(routes(&lab, 1), own);
    lab.assert_same_database(0..4);
}

#[test]
fn it_is_over_when_the_period_is() {
    let mut lab = ring(&RouterParameters::default());
    let own = routes(&lab, 1);
    for segment in [0, 1] {
        lab.segments[segment].cut = true;
    }
    lab.restart_gracefully(1, RouterParameters::default(), PERIOD);
    lab.run(PERIOD - Duration::from_secs(1));
    assert!(matches!(lab.routers[1].restart(), Restart::Until(_)));
    lab.run(Duration::from_secs(2));
    assert_eq!(lab.routers[1].restart(), Restart::Ended(RestartExit::TimedOut));
    for segment in [0, 1] {
        lab.segments[segment].cut = false;
    }
    lab.run(Duration::from_secs(60));
    assert_eq!(routes(&lab, 1), own);
    lab.assert_same_database(0..4);
}

#[test]
fn who_stops_meanwhile_takes_everything_back() {
    let mut lab = ring(&RouterParameters::default());
    lab.restart_gracefully(1, RouterParameters::default(), PERIOD);
    // Long enough for others to take another word of it.
    lab.run(Duration::from_millis(1100));
    assert!(matches!(lab.routers[1].restart(), Restart::Until(_)));
    lab.with(1, Ospf::stop);
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.routers[1].restart(), Restart::Ended(RestartExit::Abandoned));
    let beyond: Prefix4 = "10.0.1.0/24".parse().unwrap();
    assert_eq!(routes(&lab, 0)[&beyond].next_hops.len(), 1);
    assert_eq!(
        routes(&lab, 0)[&beyond].next_hops[0].gateway,
        Some(Ipv4Addr::new(10, 0, 3, 1).into())
    );
}
