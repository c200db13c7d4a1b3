//! LSAs get everywhere, and go.

use std::time::Duration;

use super::lab::{Lab, router_id};
use crate::AreaId;
use crate::lsa::{LsaType, SequenceNumber};
use crate::parameters::{InterfaceParameters, NetworkType};
use crate::process::Domain;

const BACKBONE: Domain = Domain::Area(AreaId::BACKBONE);

fn line() -> InterfaceParameters {
    InterfaceParameters {
        network: NetworkType::PointToPoint,
        ..InterfaceParameters::default()
    }
}

fn chain(lab: &mut Lab, length: usize) {
    lab.add_routers(length);
    for router in 1..length {
        lab.connect(&[router - 1, router], &line());
    }
    lab.run(Duration::from_secs(60));
    lab.assert_same_database(0..length);
}

#[test]
fn a_change_crosses_a_chain_within_milliseconds() {
    let mut lab = Lab::new(1);
    chain(&mut lab, 10);
    lab.configure(0, 0, |parameters, _| parameters.cost = 55);
    // Nine hops of one millisecond each.
    lab.run(Duration::from_millis(15));
    lab.assert_same_database(0..10);
}

#[test]
fn a_hundred_changes_are_a_few_instances_and_the_last_one_holds() {
    let mut lab = Lab::new(2);
    chain(&mut lab, 3);
    let before = lab.routers[0].counters().originated;
    for cost in 100..200 {
        lab.configure(0, 0, |parameters, _| parameters.cost = cost);
        lab.run(Duration::from_millis(20));
    }
    lab.run(Duration::from_secs(20));
    lab.assert_same_database(0..3);
    assert!(lab.routers[0].counters().originated - before <= 4);
}

#[test]
fn lsas_are_refreshed_and_never_reach_the_end_of_their_life() {
    let mut lab = Lab::new(3);
    chain(&mut lab, 4);
    let first = lab.database(3, BACKBONE);
    lab.run(Duration::from_secs(2 * 3600));
    let later = lab.database(3, BACKBONE);
    assert_eq!(first.len(), later.len());
    for (first, later) in first.iter().zip(&later) {
        let steps = later.sequence.0 - first.sequence.0;
        assert!((4..=5).contains(&steps), "{steps}");
    }
    lab.assert_same_database(0..4);
}

#[test]
fn what_nobody_refreshes_is_flushed_by_everybody() {
    let mut lab = Lab::new(4);
    chain(&mut lab, 4);
    lab.segments[0].cut = true;
    lab.run(Duration::from_secs(3000));
    // It cannot be reached, but it is still there,
    assert_eq!(lab.database(3, BACKBONE).len(), 4);
    lab.run(Duration::from_secs(700));
    // until its age is MaxAge.
    assert_eq!(lab.database(3, BACKBONE).len(), 3);
    lab.assert_same_database(1..4);
}

#[test]
fn a_network_that_has_no_designated_router_any_more_is_flushed() {
    let mut lab = Lab::new(5);
    lab.add_routers(3);
    lab.connect(&[0, 1], &InterfaceParameters::default());
    lab.connect(&[1, 2], &line());
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.database(2, BACKBONE).len(), 4);
    lab.configure(0, 0, |_, attachment| attachment.up = false);
    lab.configure(1, 0, |_, attachment| attachment.up = false);
    lab.run(Duration::from_secs(10));
    let kinds: Vec<LsaType> = lab
        .database(2, BACKBONE)
        .iter()
        .map(|header| header.key.kind)
        .collect();
    assert_eq!(kinds, [LsaType::Router; 3]);
}

#[test]
fn loss_and_repetition_delay_but_do_not_prevent() {
    for seed in 0..10 {
        let mut lab = Lab::new(100 + seed);
        lab.add_routers(6);
        lab.connect(&[0, 1, 2, 3, 4, 5], &InterfaceParameters::default());
        lab.connect(&[0, 1], &line());
        lab.connect(&[2, 3], &line());
        for segment in &mut lab.segments {
            segment.loss = 150;
            segment.repeat = 100;
        }
        lab.run(Duration::from_secs(300));
        for cost in 1..10 {
            lab.configure(0, 1, |parameters, _| parameters.cost = cost);
            lab.run(Duration::from_secs(7));
        }
        lab.run(Duration::from_secs(60));
        for segment in &mut lab.segments {
            segment.loss = 0;
        }
        lab.run(Duration::from_secs(120));
        lab.assert_same_database(0..6);
        let quiet = |lab: &Lab| {
            (0..6).all(|router| {
                let interfaces = lab.routers[router].interfaces().values();
                interfaces
                    .flat_map(|interface| interface.neighbors.values())
                    .all(|neighbor| neighbor.unacknowledged() == 0 && neighbor.requested() == 0)
            })
        };
        assert!(quiet(&lab), "seed {seed}");
    }
}

#[test]
fn sequence_numbers_begin_anew_after_the_last() {
    let mut lab = Lab::new(6);
    chain(&mut lab, 3);
    // The end of the numbers comes from an earlier life, as everybody believes.
    lab.claim_last_instance(1, 2, 1, 0);
    lab.run(Duration::from_secs(60));
    lab.assert_same_database(0..3);
    let own = lab.database(2, BACKBONE);
    let own = own
        .iter()
        .find(|header| header.key.router == router_id(0))
        .unwrap();
    assert!(
        own.sequence < SequenceNumber(SequenceNumber::INITIAL.0 + 5),
        "{:?}",
        own.sequence
    );
}

#[test]
fn a_quiet_network_sends_hellos_only() {
    let mut lab = Lab::new(7);
    chain(&mut lab, 5);
    lab.run(Duration::from_secs(60));
    let before = lab.sent;
    lab.run(Duration::from_secs(600));
    assert_eq!(lab.sent[1..], before[1..]);
    // Eight interfaces, every ten seconds.
    assert_eq!(lab.sent[0] - before[0], 8 * 60);
}

#[test]
fn random_graphs_converge() {
    for seed in 0..12_u64 {
        let mut lab = Lab::new(200 + seed);
        let count = 10 + 4 * seed as usize;
        lab.add_routers(count);
        let mut random = waypost_types::Seed(seed).random();
        for router in 1..count {
            let other = random.below(router as u64) as usize;
            lab.connect(&[other, router], &line());
        }
        for _ in 0..count / 2 {
            let members: Vec<usize> = (0..3).map(|_| random.below(count as u64) as usize).collect();
            if members[0] != members[1] && members[1] != members[2] && members[0] != members[2] {
                lab.connect(&members, &InterfaceParameters::default());
            }
        }
        for segment in &mut lab.segments {
            segment.loss = 20;
        }
        lab.run(Duration::from_secs(200));
        lab.assert_same_database(0..count);
    }
}

#[test]
fn nothing_is_left_of_what_was_said_under_another_identifier() {
    let mut lab = Lab::new(41);
    chain(&mut lab, 4);
    // It says something, and before anybody may take that it is over, it is somebody else.
    lab.configure(1, 0, |parameters, _| parameters.cost = 99);
    lab.run(Duration::from_millis(100));
    let other = [9, 9, 9, 9].into();
    lab.with(1, |router, now, out| router.set_router(now, Some(other), out));
    lab.run(Duration::from_millis(100));
    let of = |lab: &Lab, router: usize, by| {
        lab.database(router, BACKBONE)
            .iter()
            .filter(|lsa| lsa.key.router == by)
            .count()
    };
    assert!(of(&lab, 3, router_id(1)) > 0, "it was too soon");
    lab.run(Duration::from_secs(60));
    lab.assert_same_database(0..4);
    for router in 0..4 {
        assert_eq!(of(&lab, router, router_id(1)), 0, "router {router}");
        assert_eq!(of(&lab, router, other), 1);
    }
    // Whoever has the identifier now says what it likes.
    lab.with(3, |router, now, out| {
        router.set_router(now, Some(router_id(1)), out);
    });
    lab.run(Duration::from_secs(60));
    lab.assert_same_database(0..4);
    assert_eq!(of(&lab, 0, router_id(1)), 1);
}
