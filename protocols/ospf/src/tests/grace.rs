//! RFC 3623: neighbours that restart gracefully.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::lab::{Lab, packet, router_id};
use crate::lsa::grace::{Grace, Reason};
use crate::lsa::opaque::{GRACE, link_state_id};
use crate::lsa::{LsaKey, LsaType, MAX_AGE, SequenceNumber, build};
use crate::neighbor::help::{Exit, Help};
use crate::neighbor::machine::State;
use crate::options::Options;
use crate::packet::{ALL_SPF_ROUTERS, HelloFields, PacketType};
use crate::parameters::{InterfaceParameters, NetworkType, RouterParameters};

const PERIOD: u32 = 100;

/// A ring of four routers that all work as `parameters` say, after a while.
fn ring(parameters: &RouterParameters) -> Lab {
    let line = InterfaceParameters {
        network: NetworkType::PointToPoint,
        ..InterfaceParameters::default()
    };
    let mut lab = Lab::new(12);
    for _ in 0..4 {
        lab.add_router(parameters.clone());
    }
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
        lab.connect(&[a, b], &line);
    }
    lab.run(Duration::from_secs(60));
    lab
}

/// `by` tells `to` on a segment that it restarts; its `sequence`th word about it, so many seconds ago.
fn say_grace(lab: &mut Lab, by: usize, to: usize, segment: usize, sequence: i32, age: u16) {
    let members = &lab.segments[segment].members;
    let address = |router| members.iter().find(|member| member.0 == router).unwrap().2;
    let source = address(by);
    let grace = Grace {
        period: PERIOD,
        reason: Reason::SoftwareRestart,
        address: Some(source),
    };
    let key = LsaKey {
        kind: LsaType::OpaqueLink,
        id: link_state_id(GRACE, 0),
        router: router_id(by),
    };
    let sequence = SequenceNumber(SequenceNumber::INITIAL.0 + sequence);
    let lsa = build(key, age, Options::EXTERNAL, sequence, |writer| {
        grace.encode(writer);
    });
    let octets = packet(PacketType::LinkStateUpdate, router_id(by), |writer| {
        writer.u32(1).slice(&lsa);
    });
    let id = lab.interface(to, segment).id;
    lab.inject(to, id, source, ALL_SPF_ROUTERS, &octets);
}

/// Router 1 of the ring says so to both sides, and is gone.
fn restart_1(lab: &mut Lab) {
    say_grace(lab, 1, 0, 0, 0, 1);
    say_grace(lab, 1, 2, 1, 0, 1);
    lab.restart(1, RouterParameters::default());
}

/// What router 0 says of its help for router 1.
fn help(lab: &Lab) -> Option<Help> {
    let neighbors = &lab.interface(0, 0).neighbors;
    neighbors.values().next().map(|neighbor| neighbor.help)
}

/// Whether routers 0 and 3 go by 1 to the network beyond it: that is nearer for 0, and as near for 3.
fn passes_by_1(lab: &Lab) -> bool {
    let beyond = "10.0.1.0/24".parse().unwrap();
    let hops = |router: usize| {
        let hops = &lab.routers[router].routes()[&beyond].next_hops;
        hops.iter().map(|hop| hop.gateway).collect::<Vec<_>>()
    };
    let gateway = |address: [u8; 4]| Some(IpAddr::from(address));
    hops(0) == [gateway([10, 0, 0, 2])] && hops(3).contains(&gateway([10, 0, 2, 1]))
}

#[test]
fn a_silent_neighbour_counts_as_adjacent_until_its_period_is_over() {
    let mut lab = ring(&RouterParameters::default());
    let before = lab.sent;
    restart_1(&mut lab);
    lab.run(Duration::from_secs(90));
    assert!(passes_by_1(&lab));
    assert!(matches!(help(&lab), Some(Help::Until(_))));
    // Nothing but Hellos, and acknowledgments of what 1 said.
    assert_eq!(
        (before[1], before[2], before[3]),
        (lab.sent[1], lab.sent[2], lab.sent[3])
    );
    lab.run(Duration::from_secs(20));
    assert!(!passes_by_1(&lab));
    assert!(lab.states(0, 0).is_empty());
    let said = "its grace period is over";
    assert!(lab.notices[0].iter().any(|notice| notice.contains(said)));
}

#[test]
fn a_neighbour_that_does_not_hear_us_yet_counts_as_adjacent() {
    let mut lab = ring(&RouterParameters::default());
    restart_1(&mut lab);
    lab.run(Duration::from_secs(10));
    let fields = HelloFields {
        mask: [255, 255, 255, 0].into(),
        hello_interval: 10,
        options: Options::EXTERNAL,
        priority: 1,
        dead_interval: 40,
        designated_router: Ipv4Addr::UNSPECIFIED,
        backup: Ipv4Addr::UNSPECIFIED,
    };
    let hello = packet(PacketType::Hello, router_id(1), |writer| {
        fields.encode(Vec::<Ipv4Addr>::new(), writer);
    });
    let id = lab.interface(0, 0).id;
    lab.inject(0, id, [10, 0, 0, 2].into(), ALL_SPF_ROUTERS, &hello);
    lab.run(Duration::from_secs(20));
    assert_eq!(lab.states(0, 0)[&router_id(1)], State::Init);
    assert!(passes_by_1(&lab));
}

#[test]
fn help_ends_when_the_neighbour_says_so() {
    let mut lab = ring(&RouterParameters::default());
    say_grace(&mut lab, 1, 0, 0, 0, 1);
    lab.run(Duration::from_secs(5));
    assert!(matches!(help(&lab), Some(Help::Until(_))));
    say_grace(&mut lab, 1, 0, 0, 1, MAX_AGE);
    assert_eq!(help(&lab), Some(Help::Ended(Exit::Completed)));
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.states(0, 0)[&router_id(1)], State::Full);
    assert!(passes_by_1(&lab));
}

#[test]
fn help_ends_when_the_network_changes_unless_that_is_not_looked_at() {
    for strict in [true, false] {
        let mut lab = ring(&RouterParameters {
            strict_lsa_checking: strict,
            ..RouterParameters::default()
        });
        restart_1(&mut lab);
        lab.run(Duration::from_secs(5));
        lab.configure(3, 2, |parameters, _| parameters.cost = 11);
        lab.run(Duration::from_secs(1));
        let ended = help(&lab) == Some(Help::Ended(Exit::TopologyChanged));
        assert_eq!(ended, strict);
        lab.run(Duration::from_secs(50));
        assert_eq!(lab.states(0, 0).is_empty(), strict);
    }
}

#[test]
fn help_ends_when_it_is_configured_so() {
    let mut lab = ring(&RouterParameters::default());
    restart_1(&mut lab);
    let parameters = RouterParameters {
        helps_restarts: false,
        ..RouterParameters::default()
    };
    lab.with(0, |router, now, out| router.set_parameters(now, parameters, out));
    assert_eq!(help(&lab), Some(Help::Ended(Exit::Forbidden)));
}

#[test]
fn who_is_not_helped() {
    // Against the configuration.
    let mut lab = ring(&RouterParameters {
        helps_restarts: false,
        ..RouterParameters::default()
    });
    say_grace(&mut lab, 1, 0, 0, 0, 1);
    assert_eq!(help(&lab), Some(Help::Never));
    // Too late.
    let mut lab = ring(&RouterParameters::default());
    say_grace(&mut lab, 1, 0, 0, 0, PERIOD as u16);
    assert_eq!(help(&lab), Some(Help::Never));
    // It has not heard of a change.
    let mut lab = ring(&RouterParameters::default());
    lab.segments[0].cut = true;
    lab.configure(0, 3, |parameters, _| parameters.cost = 11);
    lab.run(Duration::from_secs(1));
    say_grace(&mut lab, 1, 0, 0, 0, 1);
    assert_eq!(help(&lab), Some(Help::Never));
    // Somebody else's word.
    let mut lab = ring(&RouterParameters::default());
    say_grace(&mut lab, 1, 0, 0, 0, 1);
    assert!(matches!(help(&lab), Some(Help::Until(_))));
    assert_eq!(lab.interface(0, 3).helped().count(), 0);
}

#[test]
fn a_refresh_on_its_way_is_not_in_the_way() {
    for change in [false, true] {
        let patient = InterfaceParameters {
            network: NetworkType::PointToPoint,
            dead: 10_000,
            ..InterfaceParameters::default()
        };
        let mut lab = Lab::new(14);
        lab.add_routers(3);
        for (a, b) in [(0, 1), (1, 2), (2, 0)] {
            lab.connect(&[a, b], &patient);
        }
        lab.run(Duration::from_secs(60));
        lab.segments[0].cut = true;
        if change {
            lab.configure(0, 2, |parameters, _| parameters.cost = 11);
        }
        // Everything is refreshed meanwhile, which overtakes the change and does not undo it.
        lab.run(Duration::from_secs(2000));
        let neighbors = &lab.interface(0, 0).neighbors;
        assert!(neighbors.values().all(|neighbor| neighbor.unacknowledged() > 0));
        say_grace(&mut lab, 1, 0, 0, 0, 1);
        assert_eq!(matches!(help(&lab), Some(Help::Until(_))), !change);
    }
}

#[test]
fn a_designated_router_stays_it_while_it_restarts() {
    let mut lab = Lab::new(13);
    lab.add_routers(3);
    lab.connect(&[0, 1, 2], &InterfaceParameters::default());
    lab.run(Duration::from_secs(120));
    let designated = |lab: &Lab, router: usize| lab.interface(router, 0).designated_router;
    let second = Ipv4Addr::new(10, 0, 0, 3);
    assert_eq!((designated(&lab, 0), designated(&lab, 1)), (second, second));
    for to in [0, 1] {
        say_grace(&mut lab, 2, to, 0, 0, 1);
    }
    lab.restart(2, RouterParameters::default());
    lab.run(Duration::from_secs(80));
    assert_eq!((designated(&lab, 0), designated(&lab, 1)), (second, second));
    lab.run(Duration::from_secs(40));
    let first = Ipv4Addr::new(10, 0, 0, 2);
    assert_eq!((designated(&lab, 0), designated(&lab, 1)), (first, first));
}
