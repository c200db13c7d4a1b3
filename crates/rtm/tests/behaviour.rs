//! What an operator or an author of a protocol would notice, one case each.

// Only test code here, though clippy takes it for a program.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;
use std::time::Duration;

use waypost_rtm::{
    EntityConfig, EntityId, Family, Refusal, Rtm, RtmError, Standing, SubscriberConfig, SubscriberKind,
    Unresolved,
};
use waypost_types::{
    InterfaceIndex, MAX_NEXT_HOPS, NextHop, NextHops, PathId, Prefix, ProtocolId, Route, RouteChange,
    RouteKind, Seed, Time,
};

const NET: &str = "198.51.100.0/24";

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn via(last: u8, interface: u32) -> NextHop {
    NextHop::via(IpAddr::from([192, 0, 2, last]), InterfaceIndex(interface))
}

fn unicast(next_hops: &[NextHop], metric: u32) -> Route {
    Route {
        kind: RouteKind::Unicast,
        next_hops: NextHops::from_slice(next_hops),
        metric,
        tag: 0,
        preference: None,
    }
}

fn set(to: &str, path: u32, route: Route) -> RouteChange {
    RouteChange::Set {
        prefix: prefix(to),
        path: PathId(path),
        route,
    }
}

fn delete(to: &str) -> RouteChange {
    RouteChange::Delete {
        prefix: prefix(to),
        path: PathId(0),
    }
}

fn apply(rtm: &mut Rtm, entity: EntityId, changes: &[RouteChange]) {
    let report = rtm.apply(Time::ZERO, entity, changes).unwrap();
    assert_eq!(report.refused, []);
}

fn sweep(rtm: &mut Rtm) {
    while rtm.sweep(Time::ZERO, 100).more {}
}

fn with_two() -> (Rtm, EntityId, EntityId) {
    let mut rtm = Rtm::new(Seed(1));
    let rip = rtm.register(EntityConfig::new(ProtocolId::RIP)).unwrap();
    let ospf = rtm.register(EntityConfig::new(ProtocolId::OSPF)).unwrap();
    (rtm, rip, ospf)
}

#[test]
fn ten_flaps_are_told_once_and_no_change_not_at_all() {
    let (mut rtm, rip, _) = with_two();
    let all = rtm.subscribe(SubscriberConfig::new(SubscriberKind::All)).unwrap();
    for _ in 0..10 {
        apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1), via(2, 2)], 1))]);
        apply(&mut rtm, rip, &[delete(NET)]);
    }
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1), via(2, 2)], 1))]);
    assert_eq!(rtm.pending(all).unwrap().destinations, 1);
    let told = rtm.drain(all, 100).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].notice.best.as_ref().unwrap().owner, ProtocolId::RIP);
    // The same next hops in another order are the same route.
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(2, 2), via(1, 1)], 1))]);
    assert!(rtm.pending(all).unwrap().is_empty());
}

#[test]
fn each_kind_hears_its_own() {
    let (mut rtm, rip, _) = with_two();
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1)], 1))]);
    let [all, best, forwarding] = [
        SubscriberKind::All,
        SubscriberKind::Best,
        SubscriberKind::Forwarding,
    ]
    .map(|kind| rtm.subscribe(SubscriberConfig::new(kind)).unwrap());
    let told = |rtm: &mut Rtm| {
        [
            rtm.drain(all, 9).unwrap().len(),
            rtm.drain(best, 9).unwrap().len(),
            rtm.drain_forwarding(forwarding, 9).unwrap().len(),
        ]
    };
    assert_eq!(told(&mut rtm), [0, 0, 0]);
    apply(&mut rtm, rip, &[set(NET, 1, unicast(&[via(2, 1)], 7))]);
    assert_eq!(told(&mut rtm), [1, 0, 0]);
    let tagged = Route {
        tag: 5,
        ..unicast(&[via(1, 1)], 1)
    };
    apply(&mut rtm, rip, &[set(NET, 0, tagged)]);
    assert_eq!(told(&mut rtm), [1, 1, 0]);
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(3, 1)], 1))]);
    assert_eq!(told(&mut rtm), [1, 1, 1]);
    assert_eq!(
        rtm.drain(forwarding, 1),
        Err(RtmError::WrongKind(SubscriberKind::Forwarding))
    );
}

#[test]
fn explains_why_a_route_lost() {
    let (mut rtm, rip, ospf) = with_two();
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1)], 1))]);
    let routes = [
        set(NET, 0, unicast(&[via(2, 1)], 10)),
        set(NET, 1, unicast(&[via(3, 1)], 10)),
        set(NET, 2, unicast(&[via(4, 1)], 30)),
        set(NET, 3, unicast(&[via(5, 9)], 1)),
    ];
    rtm.set_interface_usable(InterfaceIndex(9), false);
    apply(&mut rtm, ospf, &routes);
    let standings: Vec<Standing> = rtm.candidates(prefix(NET)).iter().map(|c| c.standing).collect();
    let expected = [
        Standing::Preference { best: 110 },
        Standing::Best,
        Standing::Tie,
        Standing::Metric { best: 10 },
        Standing::Inactive,
    ];
    assert_eq!(standings, expected);
    // P-51: the incumbent keeps its place against an equal route that was added before it.
    apply(&mut rtm, ospf, &[set(NET, 0, unicast(&[via(2, 1)], 20))]);
    apply(&mut rtm, ospf, &[set(NET, 0, unicast(&[via(2, 1)], 10))]);
    assert_eq!(rtm.candidates(prefix(NET))[2].standing, Standing::Best);
    rtm.set_preference(ProtocolId::RIP, 5).unwrap();
    sweep(&mut rtm);
    assert_eq!(rtm.candidates(prefix(NET))[0].standing, Standing::Best);
}

#[test]
fn a_hold_hides_newer_routes_until_it_is_over() {
    let (mut rtm, rip, ospf) = with_two();
    let best = rtm
        .subscribe(SubscriberConfig::new(SubscriberKind::Best))
        .unwrap();
    let forwarding = rtm
        .subscribe(SubscriberConfig::new(SubscriberKind::Forwarding))
        .unwrap();
    let mut only_rip = SubscriberConfig::new(SubscriberKind::Best);
    only_rip.owners = Some([ProtocolId::RIP].into());
    let only_rip = rtm.subscribe(only_rip).unwrap();
    let seconds = Duration::from_secs;
    assert_eq!(
        rtm.hold(prefix(NET), seconds(9)),
        Err(RtmError::NoSuchDestination(prefix(NET)))
    );
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1)], 1))]);
    assert_eq!(
        rtm.hold(prefix(NET), seconds(0)),
        Err(RtmError::HoldZero(prefix(NET)))
    );
    rtm.hold(prefix(NET), seconds(9)).unwrap();
    rtm.hold(prefix(NET), seconds(4)).unwrap();
    assert_eq!(rtm.next_deadline(), None);
    rtm.drain(best, 9).unwrap();

    rtm.apply(Time::from_secs(100), rip, &[delete(NET)]).unwrap();
    assert_eq!(rtm.next_deadline(), Some(Time::from_secs(109)));
    assert_eq!(rtm.drain(best, 9).unwrap()[0].notice.best, None);
    let held = rtm.exact(prefix(NET)).unwrap().held.unwrap();
    assert_eq!(held.last.unwrap().owner, ProtocolId::RIP);

    apply(&mut rtm, ospf, &[set(NET, 0, unicast(&[via(2, 1)], 1))]);
    assert!(rtm.drain(best, 9).unwrap().is_empty());
    let told = rtm.drain_forwarding(forwarding, 9).unwrap();
    assert_eq!(told[0].forwarding.as_ref().unwrap().owner, ProtocolId::OSPF);
    let until = Time::from_secs(109);
    assert_eq!(rtm.candidates(prefix(NET))[0].standing, Standing::Held { until });

    rtm.expire(Time::from_secs(108));
    assert!(rtm.pending(best).unwrap().is_empty());
    rtm.drain(only_rip, 9).unwrap();
    rtm.expire(until);
    let told = rtm.drain(best, 9).unwrap();
    assert_eq!(told[0].notice.best.as_ref().unwrap().owner, ProtocolId::OSPF);
    assert!(rtm.pending(forwarding).unwrap().is_empty());
    assert_eq!(rtm.next_deadline(), None);
    // Who cared for the route that was held hears of the end, though the new one is of no concern to it.
    assert_eq!(rtm.drain(only_rip, 9).unwrap()[0].notice.best, None);
}

#[test]
fn a_failed_member_is_told_once_for_its_set() {
    let (mut rtm, rip, _) = with_two();
    let mut config = SubscriberConfig::new(SubscriberKind::Forwarding);
    config.by_set = true;
    let fib = rtm.subscribe(config).unwrap();
    let routes: Vec<RouteChange> = (0..100)
        .map(|n| set(&format!("10.{n}.0.0/16"), 0, unicast(&[via(1, 1), via(2, 2)], 1)))
        .collect();
    apply(&mut rtm, rip, &routes);
    let told = rtm.drain_forwarding(fib, 1000).unwrap();
    let id = told[0].forwarding.as_ref().unwrap().set.unwrap();
    assert_eq!(told.len(), 100);

    rtm.set_interface_usable(InterfaceIndex(1), false);
    let sets = rtm.drain_next_hop_sets(fib, 9).unwrap();
    assert_eq!(
        (sets.len(), sets[0].set, sets[0].next_hops.as_slice()),
        (1, id, &[via(2, 2)][..])
    );
    sweep(&mut rtm);
    assert!(rtm.pending(fib).unwrap().is_empty());

    rtm.set_interface_usable(InterfaceIndex(2), false);
    assert!(rtm.drain_next_hop_sets(fib, 9).unwrap()[0].next_hops.is_empty());
    sweep(&mut rtm);
    let told = rtm.drain_forwarding(fib, 1000).unwrap();
    assert_eq!(
        told.iter().filter(|change| change.forwarding.is_none()).count(),
        100
    );
}

#[test]
fn a_restarted_entity_keeps_its_routes_however_often_it_restarts() {
    let (mut rtm, rip, _) = with_two();
    let fib = rtm
        .subscribe(SubscriberConfig::new(SubscriberKind::Forwarding))
        .unwrap();
    let texts: Vec<String> = (0..5).map(|n| format!("10.{n}.0.0/16")).collect();
    let routes: Vec<RouteChange> = texts
        .iter()
        .map(|to| set(to, 0, unicast(&[via(1, 1)], 1)))
        .collect();
    apply(&mut rtm, rip, &routes);
    rtm.drain_forwarding(fib, 99).unwrap();
    // More restarts than epochs; the first two routes are confirmed now and then, the first the last time too.
    for restart in 0..200 {
        rtm.mark_stale(rip).unwrap();
        apply(&mut rtm, rip, &routes[..restart % 3]);
        let stale = rtm.entities().next().unwrap().stale as usize;
        assert_eq!(stale, 5 - restart % 3);
        sweep(&mut rtm);
    }
    rtm.sweep_stale(rip).unwrap();
    sweep(&mut rtm);
    let left: Vec<Prefix> = rtm.page(None, 99).into_iter().map(|d| d.prefix).collect();
    assert_eq!(left, [prefix(&texts[0])]);
    assert_eq!(rtm.drain_forwarding(fib, 99).unwrap().len(), 4);
}

#[test]
fn a_successor_takes_over_without_a_gap() {
    let (mut rtm, rip, _) = with_two();
    let best = rtm
        .subscribe(SubscriberConfig::new(SubscriberKind::Best))
        .unwrap();
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1)], 1))]);
    rtm.deregister(rip).unwrap();
    assert_eq!(rtm.deregister(rip), Err(RtmError::NoSuchEntity));
    let successor = rtm.register(EntityConfig::new(ProtocolId::RIP)).unwrap();
    apply(&mut rtm, successor, &[set(NET, 0, unicast(&[via(1, 1)], 1))]);
    sweep(&mut rtm);
    let told = rtm.drain(best, 9).unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].notice.best.is_some());
    assert_eq!(rtm.candidates(prefix(NET)).len(), 1);
    assert_eq!(rtm.entities().count(), 2);
}

#[test]
fn a_memory_budget_refuses_what_is_new_and_nothing_else() {
    let mut rtm = Rtm::new(Seed(1));
    let rip = rtm.register(EntityConfig::new(ProtocolId::RIP)).unwrap();
    let connected = rtm.register(EntityConfig::new(ProtocolId::LOCAL)).unwrap();
    let routes = |range: std::ops::Range<u32>, metric| -> Vec<RouteChange> {
        let route = |number: u32| {
            let network = std::net::Ipv4Addr::from(0x0A00_0000 | number << 8);
            set(&format!("{network}/24"), 0, unicast(&[via(1, 1)], metric))
        };
        range.map(route).collect()
    };
    apply(&mut rtm, rip, &routes(0..10_000, 1));
    let budget = rtm.memory().bytes() + 100_000;
    rtm.set_memory_budget(Some(budget));
    let report = rtm.apply(Time::ZERO, rip, &routes(10_000..40_000, 1)).unwrap();
    assert!(
        report.accepted > 0 && report.accepted < 30_000,
        "{}",
        report.accepted
    );
    assert!(
        report
            .refused
            .iter()
            .all(|refused| refused.reason == Refusal::Memory { budget })
    );
    // What is between two counts is small beside what would have come: a quarter more rows.
    let over = rtm.memory().bytes().saturating_sub(budget);
    assert!(over < 64_000, "{over} bytes over");

    // What is there can change and go, and interfaces keep their networks.
    let report = rtm.apply(Time::ZERO, rip, &routes(0..10_000, 2)).unwrap();
    assert_eq!((report.accepted, report.refused.len()), (10_000, 0));
    let report = rtm
        .apply(Time::ZERO, connected, &routes(50_000..50_001, 1))
        .unwrap();
    assert_eq!(report.accepted, 1);

    rtm.set_memory_budget(None);
    apply(&mut rtm, rip, &routes(10_000..40_000, 1));
    assert_eq!(rtm.memory_budget(), None);
}

#[test]
fn refusals_say_why_and_leave_the_others_alone() {
    let mut rtm = Rtm::new(Seed(1));
    let mut config = EntityConfig::new(ProtocolId::RIP);
    config.family = Some(Family::V4);
    config.route_limit = Some(1);
    let rip = rtm.register(config).unwrap();
    let mut config = EntityConfig::new(ProtocolId::OSPF);
    config.preference = 0;
    assert_eq!(
        rtm.register(config),
        Err(RtmError::PreferenceZero(ProtocolId::OSPF))
    );
    let ospf = rtm.register(EntityConfig::new(ProtocolId::OSPF)).unwrap();
    let good = unicast(&[via(1, 1)], 1);
    let many: Vec<NextHop> = (0..=MAX_NEXT_HOPS as u8).map(|n| via(n, 1)).collect();
    let weighed = |weight| unicast(&[NextHop { weight, ..via(1, 1) }], 1);
    let zero = Route {
        preference: Some(0),
        ..good.clone()
    };
    let blackhole = Route {
        kind: RouteKind::Blackhole,
        ..good.clone()
    };
    let gateway = IpAddr::from([192, 0, 2, 1]);
    let refused = |rtm: &mut Rtm, entity, changes: &[RouteChange]| -> Vec<(usize, Refusal)> {
        let report = rtm.apply(Time::ZERO, entity, changes).unwrap();
        assert_eq!(report.accepted + report.refused.len(), changes.len());
        report.refused.iter().map(|r| (r.position, r.reason)).collect()
    };
    let changes = [
        set(NET, 0, good.clone()),
        set(NET, 1, good.clone()),
        set(NET, 0, unicast(&[via(2, 1)], 2)),
        set("2001:db8::/32", 0, unicast(&[NextHop::on(InterfaceIndex(1))], 1)),
    ];
    let expected = [(1, Refusal::RouteLimit { limit: 1 }), (3, Refusal::Family)];
    assert_eq!(refused(&mut rtm, rip, &changes), expected);
    let changes = [
        set(NET, 0, unicast(&many, 1)),
        set(NET, 1, unicast(&[], 1)),
        set(NET, 2, blackhole),
        set(NET, 3, zero),
        set(NET, 4, weighed(0)),
        set(NET, 5, weighed(257)),
        set("2001:db8::/32", 0, good),
        set(NET, 6, weighed(256)),
    ];
    let expected = [
        (
            0,
            Refusal::TooManyNextHops {
                count: MAX_NEXT_HOPS + 1,
            },
        ),
        (1, Refusal::NoNextHop),
        (2, Refusal::NextHopsNotAllowed(RouteKind::Blackhole)),
        (3, Refusal::PreferenceZero),
        (4, Refusal::Weight(0)),
        (5, Refusal::Weight(257)),
        (6, Refusal::GatewayFamily { gateway }),
    ];
    assert_eq!(refused(&mut rtm, ospf, &changes), expected);
    assert_eq!(rtm.candidates(prefix(NET)).len(), 2);
}

#[test]
fn equal_routes_of_an_owner_that_wants_it_forward_together() {
    let mut rtm = Rtm::new(Seed(1));
    let mut config = EntityConfig::new(ProtocolId::OSPF);
    config.merge_equal = true;
    let ospf = rtm.register(config).unwrap();
    let routes: Vec<RouteChange> = (0..20)
        .map(|path| set(NET, path, unicast(&[via(path as u8, 1)], 10)))
        .collect();
    apply(&mut rtm, ospf, &routes[..2]);
    let hops = |rtm: &Rtm| rtm.exact(prefix(NET)).unwrap().forwarding.unwrap().next_hops;
    assert_eq!(hops(&rtm).as_slice(), [via(0, 1), via(1, 1)]);
    assert_eq!(rtm.candidates(prefix(NET))[1].standing, Standing::Merged);
    apply(&mut rtm, ospf, &routes);
    assert_eq!(hops(&rtm).len(), MAX_NEXT_HOPS);
    // Next hops that cannot be used take no places from those that can.
    let elsewhere: Vec<RouteChange> = (0..10)
        .map(|path| set(NET, path, unicast(&[via(path as u8, 2)], 10)))
        .collect();
    apply(&mut rtm, ospf, &elsewhere);
    rtm.set_interface_usable(InterfaceIndex(2), false);
    sweep(&mut rtm);
    assert_eq!(hops(&rtm).len(), 10);
}

#[test]
fn the_next_shorter_prefix() {
    let (mut rtm, rip, _) = with_two();
    for to in ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"] {
        apply(&mut rtm, rip, &[set(to, 0, unicast(&[via(1, 1)], 1))]);
    }
    let shorter = |to| rtm.less_specific(prefix(to)).map(|d| d.prefix);
    assert_eq!(shorter("10.1.0.0/16"), Some(prefix("10.0.0.0/8")));
    assert_eq!(shorter("10.0.0.0/8"), Some(prefix("0.0.0.0/0")));
    assert_eq!(shorter("0.0.0.0/0"), None);
    assert_eq!(shorter("::/0"), None);
}

#[test]
fn thirty_two_subscribers() {
    let mut rtm = Rtm::new(Seed(1));
    let config = SubscriberConfig::new(SubscriberKind::Best);
    let mut ids: Vec<_> = (0..32).map(|_| rtm.subscribe(config.clone()).unwrap()).collect();
    assert_eq!(rtm.subscribe(config.clone()), Err(RtmError::TooManySubscribers));
    let rip = rtm.register(EntityConfig::new(ProtocolId::RIP)).unwrap();
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1)], 1))]);
    apply(&mut rtm, rip, &[delete(NET)]);
    let gone = ids.pop().unwrap();
    rtm.unsubscribe(gone).unwrap();
    assert_eq!(rtm.pending(gone), Err(RtmError::NoSuchSubscriber));
    let new = rtm.subscribe(config).unwrap();
    assert!(rtm.pending(new).unwrap().is_empty());
    // The destination is kept for the others until the last of them has heard of it.
    for id in ids {
        assert_eq!(rtm.memory().destinations, 1);
        assert_eq!(rtm.drain(id, 9).unwrap()[0].notice.best, None);
    }
    assert_eq!(rtm.memory().destinations, 0);
}

#[test]
fn what_waits_is_told_although_the_subscriber_cares_for_others_now() {
    let (mut rtm, rip, _) = with_two();
    let owners = |owners: &[ProtocolId]| Some(owners.iter().copied().collect());
    let subscriber = rtm
        .subscribe(SubscriberConfig {
            owners: owners(&[ProtocolId::RIP]),
            ..SubscriberConfig::new(SubscriberKind::Best)
        })
        .unwrap();
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1)], 0))]);
    assert_eq!(rtm.drain(subscriber, 9).unwrap().len(), 1);
    apply(&mut rtm, rip, &[delete(NET)]);
    rtm.set_owners(subscriber, owners(&[ProtocolId::RIP, ProtocolId::OSPF]))
        .unwrap();
    rtm.replay(subscriber).unwrap();
    let told = rtm.drain(subscriber, 9).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].notice.prefix, told[0].notice.best.is_none()),
        (prefix(NET), true)
    );
    // A replay tells of routes that no longer count that they are none.
    apply(&mut rtm, rip, &[set(NET, 0, unicast(&[via(1, 1)], 0))]);
    assert!(rtm.drain(subscriber, 9).unwrap()[0].notice.best.is_some());
    rtm.set_owners(subscriber, owners(&[])).unwrap();
    rtm.replay(subscriber).unwrap();
    assert!(rtm.drain(subscriber, 9).unwrap()[0].notice.best.is_none());
    apply(&mut rtm, rip, &[delete(NET)]);
    assert!(rtm.pending(subscriber).unwrap().is_empty());
}

fn recursive(gateway: &str) -> NextHop {
    NextHop::recursive(gateway.parse().unwrap())
}

fn forwards(rtm: &Rtm, to: &str) -> Vec<NextHop> {
    let forwarding = rtm.exact(prefix(to)).and_then(|found| found.forwarding);
    forwarding.map_or_else(Vec::new, |forwarding| forwarding.next_hops.into_vec())
}

/// However many routes there are through a far gateway: what moves the gateway is told once, and no route is.
#[test]
fn another_way_to_a_gateway_is_one_piece_of_news() {
    let (mut rtm, rip, ospf) = with_two();
    let by_set = SubscriberConfig {
        by_set: true,
        ..SubscriberConfig::new(SubscriberKind::Forwarding)
    };
    let [fib, best, all] = [
        by_set,
        SubscriberConfig::new(SubscriberKind::Best),
        SubscriberConfig::new(SubscriberKind::All),
    ]
    .map(|config| rtm.subscribe(config).unwrap());
    apply(
        &mut rtm,
        rip,
        &[set("203.0.113.0/24", 0, unicast(&[via(1, 1)], 1))],
    );
    let routes: Vec<RouteChange> = (0..200)
        .map(|n| {
            set(
                &format!("10.{n}.0.0/16"),
                0,
                unicast(&[recursive("203.0.113.7")], 1),
            )
        })
        .collect();
    apply(&mut rtm, ospf, &routes);
    assert_eq!(rtm.drain_forwarding(fib, usize::MAX).unwrap().len(), 201);
    assert_eq!(rtm.drain(best, usize::MAX).unwrap().len(), 201);
    assert_eq!(rtm.drain(all, usize::MAX).unwrap().len(), 201);
    assert_eq!(rtm.drain_next_hop_sets(fib, usize::MAX).unwrap(), []);
    assert_eq!(forwards(&rtm, "10.9.0.0/16"), [via(1, 1)]);

    apply(
        &mut rtm,
        rip,
        &[set("203.0.113.0/24", 0, unicast(&[via(2, 2)], 1))],
    );
    let progress = rtm.sweep(Time::ZERO, 10_000);
    assert!(
        !progress.more && progress.visited <= 2,
        "no route is visited: {progress:?}"
    );
    let told = rtm.drain_next_hop_sets(fib, usize::MAX).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].next_hops.as_slice(), [via(2, 2)]);
    assert_eq!(forwards(&rtm, "10.9.0.0/16"), [via(2, 2)]);
    let told = [
        rtm.drain_forwarding(fib, usize::MAX).unwrap().len(),
        rtm.drain(best, usize::MAX).unwrap().len(),
        rtm.drain(all, usize::MAX).unwrap().len(),
    ];
    assert_eq!(told, [1, 1, 1], "the covering route alone");

    // Without any way the routes go, and come back with one.
    apply(&mut rtm, rip, &[delete("203.0.113.0/24")]);
    sweep(&mut rtm);
    assert_eq!(rtm.drain_forwarding(fib, usize::MAX).unwrap().len(), 201);
    assert_eq!(rtm.lookup("10.9.0.1".parse().unwrap()), None);
    let standing = |rtm: &Rtm| rtm.candidates(prefix("10.9.0.0/16"))[0].standing;
    assert_eq!(standing(&rtm), Standing::Inactive);
    apply(&mut rtm, rip, &[set("0.0.0.0/0", 0, unicast(&[via(3, 1)], 1))]);
    sweep(&mut rtm);
    assert_eq!(forwards(&rtm, "10.9.0.0/16"), [via(3, 1)]);
    assert_eq!(standing(&rtm), Standing::Best);
}

#[test]
fn says_how_a_gateway_is_reached_or_why_not() {
    let (mut rtm, rip, ospf) = with_two();
    let mut merging = EntityConfig::new(ProtocolId::STATIC);
    merging.merge_equal = true;
    let fixed = rtm.register(merging).unwrap();
    let through = |rtm: &Rtm, gateway: &str| {
        let found = rtm.resolution(gateway.parse().unwrap())?;
        Some(found.as_ref().map(|way| way.through).map_err(|why| *why))
    };
    let far = |gateway: &str| unicast(&[recursive(gateway)], 1);
    assert_eq!(through(&rtm, "203.0.113.7"), None);
    apply(&mut rtm, rip, &[set("10.0.0.0/8", 0, far("203.0.113.7"))]);
    assert_eq!(through(&rtm, "203.0.113.7"), Some(Err(Unresolved::NoRoute)));
    // One that leads back is passed over; without another there is none.
    apply(&mut rtm, ospf, &[set("203.0.113.0/24", 0, far("10.1.1.1"))]);
    sweep(&mut rtm);
    assert_eq!(through(&rtm, "203.0.113.7"), Some(Err(Unresolved::Loop)));
    assert_eq!(through(&rtm, "10.1.1.1"), Some(Err(Unresolved::Loop)));
    apply(&mut rtm, rip, &[set("0.0.0.0/0", 0, unicast(&[via(1, 1)], 1))]);
    sweep(&mut rtm);
    assert_eq!(through(&rtm, "203.0.113.7"), Some(Ok(prefix("203.0.113.0/24"))));
    assert_eq!(forwards(&rtm, "10.0.0.0/8"), [via(1, 1)]);
    // What is dropped on the way leads nowhere.
    let blackhole = Route {
        kind: RouteKind::Blackhole,
        ..unicast(&[], 1)
    };
    apply(&mut rtm, fixed, &[set("203.0.113.0/28", 0, blackhole)]);
    sweep(&mut rtm);
    let dropped = Unresolved::Dropped {
        through: prefix("203.0.113.0/28"),
        kind: RouteKind::Blackhole,
    };
    assert_eq!(through(&rtm, "203.0.113.7"), Some(Err(dropped)));
    // Nine gateways that lead to each other are one too many.
    let chain = (1..=9).map(|n| {
        let next = if n == 9 {
            unicast(&[NextHop::on(InterfaceIndex(4))], 1)
        } else {
            far(&format!("172.16.{}.1", n + 1))
        };
        set(&format!("172.16.{n}.0/24"), 0, next)
    });
    let chain: Vec<RouteChange> = chain.collect();
    apply(&mut rtm, ospf, &chain);
    apply(&mut rtm, rip, &[set("10.2.0.0/16", 0, far("172.16.1.1"))]);
    // The default route is the way where the chain is too long.
    apply(&mut rtm, rip, &[delete("0.0.0.0/0")]);
    sweep(&mut rtm);
    assert_eq!(through(&rtm, "172.16.1.1"), Some(Err(Unresolved::TooDeep)));
    assert_eq!(through(&rtm, "172.16.2.1"), Some(Ok(prefix("172.16.2.0/24"))));
    let last = NextHop {
        onlink: true,
        ..NextHop::via("172.16.9.1".parse().unwrap(), InterfaceIndex(4))
    };
    assert_eq!(forwards(&rtm, "172.16.1.0/24"), [last]);
    // Equal routes of one owner that merges them lead there together, and an interface that fails takes its part.
    apply(
        &mut rtm,
        fixed,
        &[
            set("198.18.0.0/15", 0, unicast(&[via(1, 1)], 1)),
            set("198.18.0.0/15", 1, unicast(&[via(2, 2)], 1)),
            set("192.168.0.0/16", 0, far("198.18.0.1")),
        ],
    );
    assert_eq!(forwards(&rtm, "192.168.0.0/16"), [via(1, 1), via(2, 2)]);
    rtm.set_interface_usable(InterfaceIndex(1), false);
    sweep(&mut rtm);
    assert_eq!(forwards(&rtm, "192.168.0.0/16"), [via(2, 2)]);
}

#[test]
fn gateways_that_no_route_can_lead_to_are_refused() {
    let (mut rtm, rip, _) = with_two();
    for (to, gateway) in [
        (NET, "169.254.0.1"),
        (NET, "0.0.0.0"),
        (NET, "127.0.0.1"),
        (NET, "224.0.0.9"),
        (NET, "255.255.255.255"),
        ("2001:db8::/32", "fe80::1"),
    ] {
        let change = set(to, 0, unicast(&[recursive(gateway)], 1));
        let report = rtm.apply(Time::ZERO, rip, &[change]).unwrap();
        let gateway = gateway.parse().unwrap();
        assert_eq!(report.refused[0].reason, Refusal::RecursiveGateway { gateway });
    }
    assert_eq!(rtm.memory().next_hops, 0);
}
