//! Neighbours meet, agree and part.

use std::collections::BTreeMap;
use std::time::Duration;

use super::lab::{Lab, router_id};
use crate::interface::machine::State as InterfaceState;
use crate::neighbor::machine::State;
use crate::parameters::{ConfiguredNeighbor, InterfaceParameters, NetworkType, RouterParameters};

fn on(network: NetworkType) -> InterfaceParameters {
    InterfaceParameters {
        network,
        ..InterfaceParameters::default()
    }
}

/// Neighbours that know each other's addresses on segment 0.
fn knowing(network: NetworkType, count: u32) -> InterfaceParameters {
    let neighbor = ConfiguredNeighbor {
        priority: 1,
        cost: None,
    };
    let addresses = (1..=count).map(|place| std::net::Ipv4Addr::from_bits(0x0A00_0000 + place));
    InterfaceParameters {
        neighbors: addresses.map(|address| (address, neighbor)).collect(),
        ..on(network)
    }
}

fn full(routers: impl IntoIterator<Item = usize>) -> BTreeMap<std::net::Ipv4Addr, State> {
    routers
        .into_iter()
        .map(|number| (router_id(number), State::Full))
        .collect()
}

#[test]
fn two_routers_on_a_line() {
    let mut lab = Lab::new(1);
    lab.add_routers(2);
    lab.connect(&[0, 1], &on(NetworkType::PointToPoint));
    // The first Hellos are answered at once: nobody waits for an interval.
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.states(0, 0), full([1]));
    assert_eq!(lab.states(1, 0), full([0]));
    lab.run(Duration::from_secs(5));
    lab.assert_same_database([0, 1]);
}

#[test]
fn a_network_elects_and_everybody_is_adjacent_to_the_elected() {
    let mut lab = Lab::new(2);
    lab.add_routers(5);
    lab.connect(&[0, 1, 2, 3, 4], &on(NetworkType::Broadcast));
    lab.run(Duration::from_secs(60));
    // Equal priorities: the highest identifiers.
    assert_eq!(lab.interface(4, 0).state, InterfaceState::Dr);
    assert_eq!(lab.interface(3, 0).state, InterfaceState::Backup);
    assert_eq!(lab.states(4, 0), full([0, 1, 2, 3]));
    assert_eq!(lab.states(3, 0), full([0, 1, 2, 4]));
    for other in 0..3 {
        assert_eq!(lab.interface(other, 0).state, InterfaceState::DrOther);
        let states = lab.states(other, 0);
        assert_eq!(states.values().filter(|state| **state == State::Full).count(), 2);
        assert_eq!(
            states.values().filter(|state| **state == State::TwoWay).count(),
            2
        );
    }
    lab.assert_same_database(0..5);
    // Five router-LSAs and the network-LSA.
    assert_eq!(
        lab.database(0, crate::process::Domain::Area(crate::AreaId::BACKBONE))
            .len(),
        6
    );
}

#[test]
fn the_backup_takes_over_when_the_designated_router_is_silent() {
    let mut lab = Lab::new(3);
    lab.add_routers(4);
    lab.connect(&[0, 1, 2, 3], &on(NetworkType::Broadcast));
    lab.run(Duration::from_secs(60));
    lab.configure(3, 0, |_, attachment| attachment.up = false);
    lab.run(Duration::from_secs(45));
    assert_eq!(lab.interface(2, 0).state, InterfaceState::Dr);
    assert_eq!(lab.interface(1, 0).state, InterfaceState::Backup);
    assert_eq!(lab.states(2, 0), full([0, 1]));
    lab.run(Duration::from_secs(20));
    lab.assert_same_database(0..3);
    // Who comes back takes nothing away, whatever its identifier.
    lab.configure(3, 0, |_, attachment| attachment.up = true);
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.interface(2, 0).state, InterfaceState::Dr);
    assert_eq!(lab.interface(1, 0).state, InterfaceState::Backup);
    assert_eq!(lab.interface(3, 0).state, InterfaceState::DrOther);
    lab.assert_same_database(0..4);
}

#[test]
fn who_stops_is_not_waited_for() {
    let networks = [
        on(NetworkType::Broadcast),
        on(NetworkType::PointToPoint),
        knowing(NetworkType::NonBroadcast, 2),
    ];
    for parameters in networks {
        let mut lab = Lab::new(11);
        lab.add_routers(2);
        lab.connect(&[0, 1], &parameters);
        lab.run(Duration::from_secs(130));
        assert_eq!(lab.states(0, 0), full([1]));
        // Just said, so that its end comes too soon to be taken.
        lab.configure(1, 0, |parameters, _| parameters.cost = 33);
        lab.run(Duration::from_millis(100));
        lab.with(1, crate::process::Ospf::stop);
        lab.run(Duration::from_millis(100));
        assert!(lab.states(0, 0).values().all(|state| *state < State::TwoWay));
        assert_eq!(lab.routers[1].next_time(), None);
        // It comes back as if nothing had been.
        lab.restart(1, RouterParameters::default());
        let id = lab.interface(0, 0).id;
        let attachment = super::lab::attachment([10, 0, 0, 2].into());
        let mut parameters = parameters.clone();
        parameters
            .neighbors
            .remove(&std::net::Ipv4Addr::from([10, 0, 0, 2]));
        lab.with(1, |router, now, out| {
            router.set_interface(now, id, parameters, attachment, out);
        });
        lab.run(Duration::from_secs(60));
        assert_eq!(lab.states(0, 0), full([1]));
        lab.assert_same_database([0, 1]);
    }
}

#[test]
fn networks_without_multicast() {
    for network in [
        NetworkType::NonBroadcast,
        NetworkType::PointToMultipointNonBroadcast,
    ] {
        let mut lab = Lab::new(4);
        lab.add_routers(4);
        lab.connect(&[0, 1, 2, 3], &knowing(network, 4));
        lab.run(Duration::from_secs(120));
        for router in 0..4 {
            let states = lab.states(router, 0);
            let adjacent = states.values().filter(|state| **state == State::Full).count();
            let elected = matches!(
                lab.interface(router, 0).state,
                InterfaceState::Dr | InterfaceState::Backup
            );
            let wanted = if network == NetworkType::NonBroadcast && !elected {
                2
            } else {
                3
            };
            assert_eq!(adjacent, wanted, "{network:?} {router} {states:?}");
        }
        lab.assert_same_database(0..4);
    }
}

#[test]
fn point_to_multipoint_makes_everybody_adjacent() {
    let mut lab = Lab::new(5);
    lab.add_routers(4);
    lab.connect(&[0, 1, 2, 3], &on(NetworkType::PointToMultipoint));
    lab.run(Duration::from_secs(30));
    for router in 0..4 {
        assert_eq!(
            lab.states(router, 0),
            full((0..4).filter(|other| *other != router))
        );
    }
    lab.assert_same_database(0..4);
}

#[test]
fn a_larger_mtu_is_refused_with_a_reason_unless_ignored() {
    let mut lab = Lab::new(6);
    lab.add_routers(2);
    lab.connect(&[0, 1], &on(NetworkType::PointToPoint));
    lab.configure(1, 0, |parameters, attachment| {
        parameters.mtu = 9000;
        attachment.up = false;
    });
    lab.run(Duration::from_secs(60));
    lab.configure(1, 0, |_, attachment| attachment.up = true);
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.states(0, 0)[&router_id(1)], State::ExStart);
    assert!(
        lab.notices[0]
            .iter()
            .any(|text| text.contains("MTU 9000 is larger"))
    );
    lab.configure(0, 0, |parameters, _| parameters.mtu_ignore = true);
    lab.run(Duration::from_secs(10));
    assert_eq!(lab.states(0, 0), full([1]));
}

#[test]
fn parameters_that_must_agree() {
    type Change = fn(&mut InterfaceParameters);
    let changes: [(Change, &str); 4] = [
        (|parameters| parameters.hello_field = 9, "hello interval"),
        (|parameters| parameters.dead = 41, "dead interval"),
        (|parameters| parameters.area = crate::AreaId(1), "area 0.0.0.1"),
        (
            |parameters| parameters.authentication.method = crate::authentication::Method::Simple,
            "authentication type",
        ),
    ];
    for (change, word) in changes {
        let mut lab = Lab::new(7);
        lab.add_routers(2);
        lab.connect(&[0, 1], &on(NetworkType::PointToPoint));
        lab.run(Duration::from_secs(10));
        lab.configure(1, 0, |parameters, _| change(parameters));
        lab.run(Duration::from_secs(60));
        assert_eq!(lab.states(0, 0), BTreeMap::new(), "{word}");
        assert!(
            lab.notices[0].iter().any(|text| text.contains(word)),
            "{word} {:?}",
            lab.notices[0]
        );
        // Said once, not with every Hello.
        assert!(lab.notices[0].len() < 6);
    }
}

#[test]
fn what_both_ends_change_within_the_dead_interval_costs_nothing() {
    let mut lab = Lab::new(8);
    lab.add_routers(2);
    lab.connect(&[0, 1], &on(NetworkType::PointToPoint));
    lab.run(Duration::from_secs(10));
    let before = lab.notices.clone();
    for router in 0..2 {
        lab.configure(router, 0, |parameters, _| {
            parameters.hello = Duration::from_secs(3);
            parameters.hello_field = 3;
            parameters.dead = 12;
        });
        lab.run(Duration::from_secs(8));
    }
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.states(0, 0), full([1]));
    assert_eq!(lab.states(1, 0), full([0]));
    let adjacency = |texts: &[String]| texts.iter().filter(|text| text.contains("adjacent")).count();
    assert_eq!(adjacency(&lab.notices[0]), adjacency(&before[0]));
}

#[test]
fn live_changes_keep_the_adjacency() {
    type Change = fn(&mut InterfaceParameters);
    let changes: [Change; 9] = [
        |parameters| parameters.cost = 77,
        |parameters| parameters.priority = 9,
        |parameters| parameters.retransmit = Duration::from_secs(2),
        |parameters| parameters.transmit_delay = 3,
        |parameters| parameters.mtu_ignore = true,
        |parameters| parameters.prefix_suppression = true,
        |parameters| parameters.dscp = 0,
        |parameters| parameters.ttl = 255,
        |parameters| parameters.poll = Duration::from_secs(7),
    ];
    let mut lab = Lab::new(9);
    lab.add_routers(3);
    lab.connect(&[0, 1, 2], &on(NetworkType::Broadcast));
    lab.run(Duration::from_secs(60));
    let before = lab.notices.clone();
    for change in changes {
        lab.configure(1, 0, |parameters, _| change(parameters));
        lab.run(Duration::from_secs(20));
        lab.assert_same_database(0..3);
    }
    assert_eq!(lab.notices, before);
}

#[test]
fn a_router_that_restarts_is_told_what_it_said_in_its_earlier_life() {
    let mut lab = Lab::new(10);
    lab.add_routers(3);
    lab.connect(&[0, 1, 2], &on(NetworkType::Broadcast));
    lab.connect(&[0, 1], &on(NetworkType::PointToPoint));
    lab.run(Duration::from_secs(60));
    lab.restart(1, RouterParameters::default());
    let id = lab.interface(0, 0).id;
    let attachment = super::lab::attachment([10, 0, 0, 2].into());
    lab.with(1, |router, now, out| {
        router.set_interface(now, id, on(NetworkType::Broadcast), attachment, out);
    });
    lab.run(Duration::from_secs(120));
    lab.assert_same_database(0..3);
    // The line is gone from its router-LSA.
    assert_eq!(lab.states(1, 0), full([0, 2]));
}

/// A mistake, but no storm: all of them hear each other's descriptions.
#[test]
fn of_three_routers_on_a_point_to_point_link_two_become_adjacent() {
    let mut lab = Lab::new(31);
    lab.add_routers(3);
    let segment = lab.connect(&[2, 1, 0], &on(NetworkType::PointToPoint));
    lab.run(Duration::from_secs(120));
    assert_eq!(lab.states(0, segment)[&router_id(1)], State::Full);
    assert_eq!(lab.states(1, segment)[&router_id(0)], State::Full);
    for router in [0, 1] {
        assert_eq!(lab.states(router, segment)[&router_id(2)], State::TwoWay);
    }
    assert!(lab.sent[1] < 100, "{} descriptions", lab.sent[1]);
    // The third takes over when one of them goes.
    lab.configure(1, segment, |_, attachment| attachment.up = false);
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.states(0, segment)[&router_id(2)], State::Full);
}

/// A router with another identifier is not two neighbours, and does not wait until the one it was is forgotten.
#[test]
fn a_neighbour_on_a_line_that_changes_its_identifier_takes_its_own_place() {
    let mut lab = Lab::new(32);
    lab.add_routers(2);
    let segment = lab.connect(&[0, 1], &on(NetworkType::PointToPoint));
    lab.run(Duration::from_secs(30));
    let other = [9, 9, 9, 9].into();
    // It is gone before anybody hears of it.
    lab.segments[segment].cut = true;
    lab.with(1, |router, now, out| router.set_router(now, Some(other), out));
    lab.segments[segment].cut = false;
    lab.run(Duration::from_secs(12));
    let states = lab.states(0, segment);
    assert_eq!((states.len(), states[&other]), (1, State::Full), "{states:?}");
}
