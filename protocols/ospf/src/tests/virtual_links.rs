//! RFC 2328 §15: the backbone through another area.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use waypost_types::Prefix4;

use super::lab::{Lab, router_id};
use crate::AreaId;
use crate::authentication::{Method, Policy};
use crate::interface::machine::State as InterfaceState;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::body::{LinkType, RouterFlags, RouterLink};
use crate::lsa::{Body, External, LsaKey, LsaType, Scope};
use crate::neighbor::machine::State;
use crate::parameters::{InterfaceParameters, NetworkType, RouterParameters};
use crate::process::Domain;
use crate::spf::table::PathType;

const TRANSIT: AreaId = AreaId(1);
const SOON: Duration = Duration::from_secs(60);

fn line(area: u32) -> InterfaceParameters {
    InterfaceParameters {
        area: AreaId(area),
        network: NetworkType::PointToPoint,
        ..InterfaceParameters::default()
    }
}

fn virtual_link() -> InterfaceParameters {
    InterfaceParameters { mtu: 576, ..line(0) }
}

/// A router with a virtual link to another, or with none.
fn to(end: Option<usize>) -> RouterParameters {
    let mut parameters = RouterParameters::default();
    if let Some(end) = end {
        parameters
            .virtual_links
            .insert((TRANSIT, router_id(end)), virtual_link());
    }
    parameters
}

/// 0 -(area 0)- 1 -(area 1)- 2 -(area 1)- 3 -(area 2)- 4: the virtual link joins 1 and 3. The network of segment n is 10.0.n.0/24.
fn chain() -> Lab {
    let mut lab = Lab::new(31);
    for end in [None, Some(3), None, Some(1), None] {
        lab.add_router(to(end));
    }
    for (router, area) in [0, 1, 1, 2].into_iter().enumerate() {
        lab.connect(&[router, router + 1], &line(area));
    }
    lab.run(SOON);
    lab
}

fn network(segment: u8) -> Prefix4 {
    Prefix4::new(Ipv4Addr::new(10, 0, segment, 0), 24).unwrap()
}

fn link(lab: &Lab, router: usize, end: usize) -> &Interface {
    &lab.routers[router].interfaces()[&InterfaceId::Virtual(TRANSIT, router_id(end))]
}

/// The state of the adjacency on a virtual link; down if nobody was heard there.
fn adjacency(lab: &Lab, router: usize, end: usize) -> State {
    let mut neighbors = link(lab, router, end).neighbors.values();
    neighbors.next().map_or(State::Down, |neighbor| neighbor.state)
}

fn gateways(lab: &Lab, router: usize, prefix: Prefix4) -> Vec<IpAddr> {
    let route = lab.routers[router].routes().get(&prefix);
    let hops = route.into_iter().flat_map(|route| &route.next_hops);
    hops.filter_map(|hop| hop.gateway).collect()
}

fn via(address: [u8; 4]) -> Vec<IpAddr> {
    vec![address.into()]
}

/// What a router says of itself in an area, as another one has it.
fn router_lsa(lab: &Lab, at: usize, of: usize, area: AreaId) -> Option<(RouterFlags, Vec<RouterLink>)> {
    let database = lab.routers[at].databases().get(Domain::Area(area))?;
    let slot = database.find(LsaKey {
        kind: LsaType::Router,
        id: router_id(of),
        router: router_id(of),
    })?;
    match database.body(slot) {
        Some(Body::Router(body)) if !database.is_flushed(slot) => Some((body.flags, body.links().collect())),
        _ => None,
    }
}

#[test]
fn a_virtual_link_joins_an_area_to_the_backbone() {
    let lab = chain();
    assert_eq!(adjacency(&lab, 1, 3), State::Full);
    assert_eq!(adjacency(&lab, 3, 1), State::Full);
    // The end without an interface in the backbone is an area border router all the same.
    assert!(lab.routers[3].is_border());
    lab.assert_same_database([0, 1, 3]);
    // Its addresses are those nearest to each other, and it costs what the way costs.
    let interface = link(&lab, 1, 3);
    assert_eq!(interface.state, InterfaceState::PointToPoint);
    assert_eq!(interface.address(), Ipv4Addr::new(10, 0, 1, 1));
    assert_eq!(interface.carrier.unwrap().end, Ipv4Addr::new(10, 0, 2, 2));
    assert_eq!(interface.parameters.cost, 20);
    // §12.4.1: the V bit in the area passed, a link in the backbone.
    for (router, address, end) in [(1, [10, 0, 1, 1], 3), (3, [10, 0, 2, 2], 1)] {
        let (flags, _) = router_lsa(&lab, 2, router, TRANSIT).unwrap();
        assert!(flags.contains(RouterFlags::VIRTUAL | RouterFlags::BORDER));
        let (flags, links) = router_lsa(&lab, 0, router, AreaId::BACKBONE).unwrap();
        assert!(!flags.contains(RouterFlags::VIRTUAL));
        let wanted = RouterLink {
            kind: LinkType::Virtual,
            id: router_id(end),
            data: address.into(),
            metric: 20,
        };
        assert!(links.contains(&wanted), "{links:?}");
    }
    // Everybody reaches everything, by neighbours that are there.
    for router in 0..5_usize {
        let own = [router.checked_sub(1), (router < 4).then_some(router)];
        for segment in (0..4).filter(|segment| !own.contains(&Some(usize::from(*segment)))) {
            assert!(
                !gateways(&lab, router, network(segment)).is_empty(),
                "{router} to {segment}"
            );
        }
    }
    assert_eq!(gateways(&lab, 1, network(3)), via([10, 0, 1, 2]));
    assert_eq!(gateways(&lab, 3, network(0)), via([10, 0, 2, 1]));
    let path = lab.routers[4].table().path(network(0)).unwrap();
    assert_eq!((path.kind, path.cost), (PathType::InterArea, 10 + 20 + 10));
}

#[test]
fn externals_go_around_a_virtual_link_not_over_it() {
    let mut lab = chain();
    let outside: Prefix4 = "192.168.0.0/16".parse().unwrap();
    let external = External {
        mask: outside.netmask(),
        type_2: true,
        metric: 20,
        forwarding: Ipv4Addr::UNSPECIFIED,
        tag: 0,
    };
    lab.with(4, |router, now, out| {
        router.set_externals(now, [(outside, Some(external))], out);
    });
    lab.run(Duration::from_secs(5));
    assert!(!gateways(&lab, 0, outside).is_empty());
    assert_eq!(gateways(&lab, 2, outside), via([10, 0, 2, 2]));
    // What 3 says itself waits for an acknowledgment of its area's neighbours, and of none over the link.
    let inside: Prefix4 = "192.0.2.0/24".parse().unwrap();
    let external = External {
        mask: inside.netmask(),
        ..external
    };
    lab.with(3, |router, now, out| {
        router.set_externals(now, [(inside, Some(external))], out);
    });
    let unacknowledged = |interface: &Interface, scope: Scope| {
        let lists = interface
            .neighbors
            .values()
            .map(|neighbor| &neighbor.retransmissions);
        lists
            .flat_map(|list| list.changed())
            .filter(|handle| handle.scope == scope)
            .count()
    };
    assert_eq!(unacknowledged(lab.interface(3, 2), Scope::As), 1);
    assert_eq!(unacknowledged(link(&lab, 3, 1), Scope::As), 0);
    // It is a boundary router now, which the link does carry.
    assert_eq!(unacknowledged(link(&lab, 3, 1), Scope::Area), 1);
    // Nor does an exchange: an adjacency that is formed now describes everything but that.
    lab.with(3, |router, now, out| router.set_parameters(now, to(None), out));
    lab.with(3, |router, now, out| router.set_parameters(now, to(Some(1)), out));
    lab.run(SOON);
    assert_eq!(adjacency(&lab, 1, 3), State::Full);
    assert!(!gateways(&lab, 0, outside).is_empty());
    for (router, end) in [(1, 3), (3, 1)] {
        assert_eq!(lab.database(router, Domain::As).len(), 2);
        let neighbor = link(&lab, router, end).neighbors.values().next().unwrap();
        let described = &neighbor.exchange.list;
        // Whose backbone is new has nothing to describe.
        assert_eq!(described.is_empty(), router == 3);
        assert!(described.iter().all(|handle| handle.scope == Scope::Area));
    }
}

#[test]
fn it_goes_down_with_its_way_and_comes_back_with_another() {
    let mut lab = chain();
    // A detour in the area, by a sixth router.
    let detour = lab.add_router(RouterParameters::default());
    let costly = InterfaceParameters { cost: 30, ..line(1) };
    lab.connect(&[1, detour], &costly);
    lab.connect(&[detour, 3], &costly);
    lab.run(SOON);
    let events = link(&lab, 1, 3).neighbors.values().next().unwrap().events;
    // The way moves: other addresses, another cost, the same adjacency.
    lab.configure(1, 1, |parameters, _| parameters.cost = 100);
    lab.configure(3, 2, |parameters, _| parameters.cost = 100);
    lab.run(Duration::from_secs(10));
    let interface = link(&lab, 1, 3);
    assert_eq!(interface.parameters.cost, 60);
    assert_eq!(interface.address(), Ipv4Addr::new(10, 0, 4, 1));
    assert_eq!(interface.carrier.unwrap().end, Ipv4Addr::new(10, 0, 5, 2));
    let neighbor = interface.neighbors.values().next().unwrap();
    assert_eq!((neighbor.state, neighbor.events), (State::Full, events));
    assert_eq!(gateways(&lab, 1, network(3)), via([10, 0, 4, 2]));
    let path = lab.routers[0].table().path(network(3)).unwrap();
    assert_eq!(path.cost, 10 + 60 + 10);
    // Hellos go the new way, too.
    lab.run(SOON);
    assert_eq!(adjacency(&lab, 1, 3), State::Full);
    // No way at all.
    for segment in [1, 4] {
        lab.configure(1, segment, |_, attachment| attachment.up = false);
    }
    lab.run(SOON);
    for (router, end) in [(1, 3), (3, 1)] {
        assert_eq!(link(&lab, router, end).state, InterfaceState::Down);
        assert_eq!(adjacency(&lab, router, end), State::Down);
    }
    assert!(!lab.routers[3].is_border());
    assert!(gateways(&lab, 0, network(3)).is_empty());
    let (_, links) = router_lsa(&lab, 0, 1, AreaId::BACKBONE).unwrap();
    assert!(links.iter().all(|link| link.kind != LinkType::Virtual));
    // And back.
    lab.configure(1, 1, |_, attachment| attachment.up = true);
    lab.run(SOON);
    assert_eq!(adjacency(&lab, 3, 1), State::Full);
    assert!(!gateways(&lab, 0, network(3)).is_empty());
}

#[test]
fn one_that_costs_more_than_can_be_said_does_not_work() {
    let mut lab = chain();
    lab.configure(1, 1, |parameters, _| parameters.cost = u16::MAX - 10);
    lab.run(Duration::from_secs(10));
    assert_eq!(link(&lab, 1, 3).parameters.cost, u16::MAX);
    assert_eq!(adjacency(&lab, 1, 3), State::Full);
    lab.configure(2, 2, |parameters, _| parameters.cost = 11);
    lab.run(Duration::from_secs(10));
    assert_eq!(link(&lab, 1, 3).state, InterfaceState::Down);
}

#[test]
fn without_the_other_end_a_router_stays_what_it_was() {
    let mut lab = chain();
    // Its summaries still come from the border of its area, although its own end is configured.
    lab.with(1, |router, now, out| router.set_parameters(now, to(None), out));
    lab.run(SOON);
    assert_eq!(link(&lab, 3, 1).state, InterfaceState::PointToPoint);
    assert!(!lab.routers[3].is_border());
    assert_eq!(gateways(&lab, 3, network(0)), via([10, 0, 2, 1]));
    assert!(gateways(&lab, 0, network(3)).is_empty());
    let (flags, _) = router_lsa(&lab, 2, 3, TRANSIT).unwrap();
    assert_eq!(flags, RouterFlags::empty());
}

#[test]
fn a_backbone_of_two_parts_is_one_again_and_shortcuts_are_taken() {
    // 0 -(0)- 1 -(0)- 2, and 1 and 2 also by area 1 through 3; beyond 2 a network of the backbone, 2 -(0)- 4.
    let mut lab = Lab::new(32);
    for end in [None, Some(2), Some(1), None, None] {
        lab.add_router(to(end));
    }
    lab.connect(&[0, 1], &line(0));
    lab.connect(&[1, 2], &line(0));
    lab.connect(&[1, 3], &line(1));
    lab.connect(&[3, 2], &line(1));
    lab.connect(&[2, 4], &line(0));
    lab.run(SOON);
    assert_eq!(gateways(&lab, 1, network(4)), via([10, 0, 1, 2]));
    lab.configure(1, 1, |_, attachment| attachment.up = false);
    lab.configure(2, 1, |_, attachment| attachment.up = false);
    lab.run(Duration::from_secs(10));
    assert_eq!(adjacency(&lab, 1, 2), State::Full);
    assert_eq!(gateways(&lab, 1, network(4)), via([10, 0, 2, 2]));
    assert_eq!(
        lab.routers[0].table().path(network(4)).unwrap().cost,
        10 + 20 + 10
    );
    // §16.3: who is between the ends goes straight, as the summaries in the area say.
    assert_eq!(gateways(&lab, 3, network(4)), via([10, 0, 3, 2]));
    assert_eq!(gateways(&lab, 3, network(0)), via([10, 0, 2, 1]));
}

#[test]
fn ends_must_agree_and_changes_reset_only_their_link() {
    let mut lab = chain();
    let keyed = |password: &[u8; 8]| {
        let mut parameters = to(None);
        let link = InterfaceParameters {
            authentication: Policy {
                method: Method::Simple,
                password: *password,
                keys: Vec::new(),
            },
            ..virtual_link()
        };
        parameters.virtual_links.insert((TRANSIT, router_id(3)), link);
        parameters
    };
    let others = |lab: &Lab| {
        let states = [(1, 0), (1, 1), (3, 2), (3, 3)].map(|(router, segment)| lab.states(router, segment));
        assert!(
            states
                .iter()
                .flat_map(|states| states.values())
                .all(|state| *state == State::Full)
        );
    };
    lab.with(1, |router, now, out| {
        router.set_parameters(now, keyed(b"secret12"), out);
    });
    assert_eq!(adjacency(&lab, 1, 3), State::Full);
    lab.run(SOON);
    assert_eq!(adjacency(&lab, 1, 3), State::Down);
    let dropped = link(&lab, 3, 1).last_drop;
    assert!(
        dropped.is_some_and(|reason| reason.to_string().contains("authentication type")),
        "{dropped:?}"
    );
    others(&lab);
    // The same at the other end.
    let mut end = keyed(b"secret12");
    let link = end.virtual_links.pop_first().unwrap().1;
    end.virtual_links.insert((TRANSIT, router_id(1)), link);
    lab.with(3, |router, now, out| router.set_parameters(now, end, out));
    lab.run(SOON);
    assert_eq!(adjacency(&lab, 1, 3), State::Full);
    others(&lab);
    // Timers that concern nobody else reset nobody.
    let events = lab.routers[1].interfaces()[&InterfaceId::Virtual(TRANSIT, router_id(3))]
        .neighbors
        .values()
        .next()
        .unwrap()
        .events;
    let mut quicker = keyed(b"secret12");
    for link in quicker.virtual_links.values_mut() {
        link.retransmit = Duration::from_secs(2);
        link.transmit_delay = 3;
    }
    lab.with(1, |router, now, out| router.set_parameters(now, quicker, out));
    lab.run(SOON);
    let interface = &lab.routers[1].interfaces()[&InterfaceId::Virtual(TRANSIT, router_id(3))];
    let neighbor = interface.neighbors.values().next().unwrap();
    assert_eq!((neighbor.state, neighbor.events), (State::Full, events));
    assert_eq!(interface.parameters.cost, 20);
}

#[test]
fn who_stops_says_so_over_the_virtual_link_too() {
    let mut lab = chain();
    lab.with(3, crate::process::Ospf::stop);
    lab.run(Duration::from_secs(2));
    assert!(adjacency(&lab, 1, 3) < State::TwoWay);
    assert!(gateways(&lab, 0, network(3)).is_empty());
}

#[test]
fn packets_of_strangers_are_not_taken_for_those_of_the_other_end() {
    let mut lab = chain();
    let before = link(&lab, 1, 3).counters;
    let hello = super::lab::packet(crate::packet::PacketType::Hello, router_id(4), |writer| {
        crate::packet::HelloFields {
            mask: Ipv4Addr::UNSPECIFIED,
            hello_interval: 10,
            options: crate::Options::EXTERNAL,
            priority: 1,
            dead_interval: 40,
            designated_router: Ipv4Addr::UNSPECIFIED,
            backup: Ipv4Addr::UNSPECIFIED,
        }
        .encode(Vec::<Ipv4Addr>::new(), writer);
    });
    // From the backbone, by router 4, which is the end of no virtual link: it is judged as the interface's own, and refused there.
    let id = lab.interface(1, 1).id;
    let own = Ipv4Addr::new(10, 0, 1, 1);
    lab.inject(1, id, [10, 0, 2, 2].into(), own, &hello);
    assert_eq!(link(&lab, 1, 3).counters, before);
    let refused = lab.interface(1, 1).last_drop.map(|reason| reason.to_string());
    assert_eq!(
        refused.as_deref(),
        Some("area 0.0.0.0 does not match the interface's area 0.0.0.1")
    );
    // The other end's, but by an interface outside the area.
    let hello = super::lab::packet(crate::packet::PacketType::Hello, router_id(3), |writer| {
        writer.zeros(20);
    });
    let id = lab.interface(1, 0).id;
    lab.inject(1, id, [10, 0, 2, 2].into(), [10, 0, 0, 2].into(), &hello);
    assert_eq!(link(&lab, 1, 3).counters, before);
}

#[test]
fn ttl_security_of_an_interface_lets_packets_of_virtual_links_through() {
    let secure = |area: u32| InterfaceParameters {
        ttl: 255,
        minimum_ttl: 255,
        ..line(area)
    };
    let mut lab = Lab::new(33);
    for end in [None, Some(3), None, Some(1), None] {
        lab.add_router(to(end));
    }
    for (router, area) in [0, 1, 1, 2].into_iter().enumerate() {
        lab.connect(&[router, router + 1], &secure(area));
    }
    lab.run(SOON);
    assert_eq!(adjacency(&lab, 1, 3), State::Full);
    assert_eq!(adjacency(&lab, 3, 1), State::Full);
    // Others' packets are looked at all the same: by the port where no virtual link leads, otherwise by the router.
    for (segment, least) in [(0, 255), (1, 0)] {
        let port = lab.interface(1, segment).port.clone().unwrap();
        assert_eq!(port.minimum_ttl, least);
    }
    lab.configure(2, 1, |parameters, _| parameters.ttl = 1);
    lab.run(SOON);
    assert!(lab.states(1, 1).is_empty());
    let reason = lab.interface(1, 1).last_drop.unwrap().to_string();
    assert_eq!(reason, "its TTL 1 is below 255: it may have crossed a router");
    lab.configure(2, 1, |parameters, _| parameters.ttl = 255);
    lab.run(SOON);
    assert_eq!(adjacency(&lab, 1, 3), State::Full);
}
