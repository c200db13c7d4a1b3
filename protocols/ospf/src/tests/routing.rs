//! Routes are the shortest paths, whatever happens to the network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use waypost_types::{InterfaceIndex, Prefix4, Random, Seed};

use super::lab::{Lab, router_id};
use crate::AreaId;
use crate::lsa::{External, LsaType};
use crate::parameters::{
    AreaKind, AreaParameters, InterfaceParameters, NetworkType, Range, RouterParameters,
};
use crate::process::Domain;
use crate::spf::table::PathType;

fn line() -> InterfaceParameters {
    InterfaceParameters {
        network: NetworkType::PointToPoint,
        ..InterfaceParameters::default()
    }
}

fn in_area(area: u32) -> InterfaceParameters {
    InterfaceParameters {
        area: AreaId(area),
        ..line()
    }
}

fn prefix(text: &str) -> Prefix4 {
    text.parse().unwrap()
}

/// The network of a segment.
fn network(segment: usize) -> Prefix4 {
    Prefix4::containing(Ipv4Addr::from_bits(0x0A00_0000 + ((segment as u32) << 8)), 24).unwrap()
}

/// What the shortest paths are, by relaxing until nothing changes.
struct Oracle<'a> {
    lab: &'a Lab,
    /// By router and segment.
    distance: BTreeMap<(usize, usize), u32>,
}

impl<'a> Oracle<'a> {
    fn new(lab: &'a Lab) -> Self {
        let mut oracle = Self {
            lab,
            distance: BTreeMap::new(),
        };
        let count = lab.routers.len();
        for target in 0..lab.segments.len() {
            let mut distance = vec![u32::MAX; count];
            for (router, cost) in oracle.members(target) {
                distance[router] = cost;
            }
            loop {
                let mut changed = false;
                for segment in 0..lab.segments.len() {
                    if lab.segments[segment].cut {
                        continue;
                    }
                    for (from, cost) in oracle.members(segment) {
                        for (to, _) in oracle.members(segment) {
                            let through = distance[to].saturating_add(cost);
                            if from != to && through < distance[from] {
                                distance[from] = through;
                                changed = true;
                            }
                        }
                    }
                }
                if !changed {
                    break;
                }
            }
            for (router, distance) in distance.into_iter().enumerate() {
                oracle.distance.insert((router, target), distance);
            }
        }
        oracle
    }

    /// Routers on a segment whose interface works, and their costs.
    fn members(&self, segment: usize) -> Vec<(usize, u32)> {
        let members = self.lab.segments[segment].members.iter();
        members
            .map(|(router, ..)| (*router, self.lab.interface(*router, segment)))
            .filter(|(_, interface)| interface.attachment.up)
            .map(|(router, interface)| (router, interface.parameters.cost.into()))
            .collect()
    }

    fn next_hops(&self, router: usize, target: usize) -> BTreeSet<(InterfaceIndex, IpAddr)> {
        let best = self.distance[&(router, target)];
        let mut hops = BTreeSet::new();
        for (segment, of) in self.lab.segments.iter().enumerate() {
            let Some((_, cost)) = self
                .members(segment)
                .into_iter()
                .find(|(member, _)| *member == router)
            else {
                continue;
            };
            for (other, id, address) in &of.members {
                let works = self.lab.interface(*other, segment).attachment.up && !of.cut;
                if *other != router && works && self.distance[&(*other, target)].saturating_add(cost) == best
                {
                    hops.insert((id.index().unwrap(), IpAddr::V4(*address)));
                }
            }
        }
        hops
    }

    /// Compares every route of every router with it.
    fn check(&self) {
        for router in 0..self.lab.routers.len() {
            let process = &self.lab.routers[router];
            for target in 0..self.lab.segments.len() {
                let best = self.distance[&(router, target)];
                let path = process.table().path(network(target));
                assert_eq!(
                    path.map_or(u32::MAX, |path| path.cost),
                    best,
                    "router {router} to {target}"
                );
                let own = self
                    .members(target)
                    .into_iter()
                    .find(|(member, _)| *member == router);
                let attached = own.is_some_and(|(_, cost)| cost == best);
                let route = process.routes().get(&network(target));
                let hops: BTreeSet<_> = route
                    .iter()
                    .flat_map(|route| &route.next_hops)
                    .map(|hop| (hop.interface, hop.gateway.unwrap()))
                    .collect();
                let wanted = if attached {
                    BTreeSet::new()
                } else {
                    self.next_hops(router, target)
                };
                assert_eq!(hops, wanted, "router {router} to {target}");
            }
        }
    }
}

/// Random lines and networks, with random costs, that hold together.
fn random_network(seed: u64, count: usize) -> (Lab, Random) {
    let mut lab = Lab::new(seed);
    lab.add_routers(count);
    let mut random = Seed(seed).child("graph").random();
    for router in 1..count {
        let other = random.below(router as u64) as usize;
        lab.connect(&[other, router], &line());
    }
    for _ in 0..count {
        let members: BTreeSet<usize> = (0..2 + random.below(3))
            .map(|_| random.below(count as u64) as usize)
            .collect();
        let members: Vec<usize> = members.into_iter().collect();
        match members.len() {
            0 | 1 => {}
            2 if random.chance(1, 2) => {
                lab.connect(&members, &line());
            }
            _ => {
                lab.connect(&members, &InterfaceParameters::default());
            }
        }
    }
    for segment in 0..lab.segments.len() {
        for router in lab.segments[segment].members.clone() {
            let cost = 1 + random.below(6) as u16;
            lab.configure(router.0, segment, |parameters, _| parameters.cost = cost);
        }
    }
    lab.run(Duration::from_secs(120));
    (lab, random)
}

#[test]
fn routes_are_the_shortest_paths_on_random_graphs() {
    for seed in 0..12 {
        let (lab, _) = random_network(seed, 3 + 3 * seed as usize);
        Oracle::new(&lab).check();
    }
}

#[test]
fn routes_stay_the_shortest_paths_while_costs_and_links_change() {
    for seed in 20..26 {
        let (mut lab, mut random) = random_network(seed, 14);
        for _ in 0..10 {
            let segment = random.below(lab.segments.len() as u64) as usize;
            let member = random.below(lab.segments[segment].members.len() as u64) as usize;
            let router = lab.segments[segment].members[member].0;
            let cost = 1 + random.below(6) as u16;
            let up = random.chance(3, 4);
            lab.configure(router, segment, |parameters, attachment| {
                parameters.cost = cost;
                attachment.up = up;
            });
            lab.run(Duration::from_secs(90));
        }
        for segment in 0..lab.segments.len() {
            for router in lab.segments[segment].members.clone() {
                lab.configure(router.0, segment, |_, attachment| attachment.up = true);
            }
        }
        lab.run(Duration::from_secs(120));
        Oracle::new(&lab).check();
    }
}

#[test]
fn a_change_of_cost_is_in_everybodys_routes_within_milliseconds() {
    let mut lab = Lab::new(1);
    lab.add_routers(4);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
        lab.connect(&[a, b], &line());
    }
    lab.run(Duration::from_secs(60));
    Oracle::new(&lab).check();
    lab.configure(0, 0, |parameters, _| parameters.cost = 100);
    lab.run(Duration::from_millis(5));
    Oracle::new(&lab).check();
}

#[test]
fn a_lost_neighbour_is_routed_around_before_our_lsa_may_say_so() {
    let mut lab = Lab::new(2);
    lab.add_routers(3);
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        lab.connect(&[a, b], &line());
    }
    lab.run(Duration::from_secs(60));
    // Two changes at once: the second instance of the LSA has to wait for MinLSInterval.
    lab.configure(0, 0, |parameters, _| parameters.cost = 9);
    lab.run(Duration::from_millis(20));
    lab.configure(0, 0, |_, attachment| attachment.up = false);
    lab.run(Duration::from_millis(60));
    let route = &lab.routers[0].routes()[&network(1)];
    assert_eq!(route.next_hops.len(), 1);
    assert_eq!(route.next_hops[0].gateway, Some(IpAddr::V4([10, 0, 2, 1].into())));
}

/// 0 - 1 - 2 - 3: area 1, backbone, area 2.
fn three_areas(lab: &mut Lab, change: impl Fn(&mut RouterParameters)) {
    for _ in 0..4 {
        let mut parameters = RouterParameters::default();
        change(&mut parameters);
        lab.add_router(parameters);
    }
    lab.connect(&[0, 1], &in_area(1));
    lab.connect(&[1, 2], &in_area(0));
    lab.connect(&[2, 3], &in_area(2));
    lab.run(Duration::from_secs(60));
}

fn cost(lab: &Lab, router: usize, network: Prefix4) -> Option<(PathType, u32)> {
    let path = lab.routers[router].table().path(network)?;
    Some((path.kind, path.cost))
}

fn kinds(lab: &Lab, router: usize, area: u32) -> BTreeSet<LsaType> {
    let headers = lab.database(router, Domain::Area(AreaId(area)));
    headers.iter().map(|header| header.key.kind).collect()
}

#[test]
fn areas_hear_of_each_other_through_the_backbone() {
    let mut lab = Lab::new(3);
    three_areas(&mut lab, |_| {});
    assert_eq!(cost(&lab, 0, network(0)), Some((PathType::IntraArea, 10)));
    assert_eq!(cost(&lab, 0, network(1)), Some((PathType::InterArea, 20)));
    assert_eq!(cost(&lab, 0, network(2)), Some((PathType::InterArea, 30)));
    assert_eq!(cost(&lab, 3, network(0)), Some((PathType::InterArea, 30)));
    assert!(lab.routers[0].routes().contains_key(&network(2)));
    // What goes away is heard of, too.
    lab.configure(3, 2, |_, attachment| attachment.up = false);
    lab.configure(2, 2, |_, attachment| attachment.up = false);
    lab.run(Duration::from_secs(10));
    assert_eq!(cost(&lab, 0, network(2)), None);
    lab.assert_same_database([1, 2]);
}

#[test]
fn ranges_sum_up_and_hide() {
    let range = |advertise, cost| Range {
        prefix: prefix("10.0.0.0/16"),
        cost,
        advertise,
    };
    for (range, wanted) in [
        (range(true, None), Some((PathType::InterArea, 20 + 10))),
        (range(true, Some(7)), Some((PathType::InterArea, 20 + 7))),
        (range(false, None), None),
    ] {
        let mut lab = Lab::new(4);
        three_areas(&mut lab, |parameters| {
            let area = AreaParameters {
                ranges: vec![range],
                ..AreaParameters::default()
            };
            parameters.areas.insert(AreaId(1), area);
        });
        assert_eq!(cost(&lab, 3, network(0)), None);
        assert_eq!(cost(&lab, 3, prefix("10.0.0.0/16")), wanted);
        // The backbone's own networks are not the range's.
        assert_eq!(cost(&lab, 3, network(1)), Some((PathType::InterArea, 20)));
    }
}

fn external(metric: u32, type_2: bool) -> External {
    External {
        mask: Ipv4Addr::UNSPECIFIED,
        type_2,
        metric,
        forwarding: Ipv4Addr::UNSPECIFIED,
        tag: 77,
    }
}

fn announce(lab: &mut Lab, router: usize, network: &str, external: Option<External>) {
    let network = prefix(network);
    lab.with(router, |router, now, out| {
        router.set_externals(now, [(network, external)], out);
    });
    lab.run(Duration::from_secs(5));
}

#[test]
fn externals_of_both_types_cross_areas() {
    let mut lab = Lab::new(5);
    three_areas(&mut lab, |_| {});
    announce(&mut lab, 0, "192.168.1.0/24", Some(external(5, false)));
    announce(&mut lab, 0, "192.168.2.0/24", Some(external(5, true)));
    let path = lab.routers[3].table().path(prefix("192.168.1.0/24")).unwrap();
    assert_eq!((path.kind, path.cost, path.tag), (PathType::External1, 35, 77));
    let path = lab.routers[3].table().path(prefix("192.168.2.0/24")).unwrap();
    assert_eq!((path.kind, path.cost, path.type_2), (PathType::External2, 30, 5));
    assert_eq!(lab.routers[3].routes()[&prefix("192.168.2.0/24")].tag, 77);
    // Type 1 is better than type 2, whatever the metrics.
    announce(&mut lab, 2, "192.168.2.0/24", Some(external(10_000, false)));
    let path = lab.routers[3].table().path(prefix("192.168.2.0/24")).unwrap();
    assert_eq!((path.kind, path.origin), (PathType::External1, router_id(2)));
    // What is known inside is not believed from outside.
    announce(&mut lab, 3, "10.0.0.0/24", Some(external(1, false)));
    assert_eq!(cost(&lab, 1, network(0)), Some((PathType::IntraArea, 10)));
    // Externals leave the trees as they are.
    let before = lab.routers[3].route_counters();
    announce(&mut lab, 0, "192.168.3.0/24", Some(external(5, false)));
    let after = lab.routers[3].route_counters();
    assert_eq!(after.full, before.full);
    assert_eq!(after.partial, before.partial + 1);
    assert_eq!(after.changes, before.changes + 1);
    // And they go.
    for network in ["192.168.1.0/24", "192.168.2.0/24", "192.168.3.0/24"] {
        announce(&mut lab, 0, network, None);
    }
    assert_eq!(cost(&lab, 3, prefix("192.168.1.0/24")), None);
    assert!(!lab.routers[0].is_boundary());
}

#[test]
fn a_forwarding_address_saves_a_hop() {
    let mut lab = Lab::new(6);
    lab.add_routers(3);
    lab.connect(&[0, 1, 2], &InterfaceParameters::default());
    lab.run(Duration::from_secs(60));
    let forwarding = Ipv4Addr::new(10, 0, 0, 99);
    let external = External {
        forwarding,
        ..external(5, true)
    };
    announce(&mut lab, 0, "192.168.1.0/24", Some(external));
    let route = &lab.routers[2].routes()[&prefix("192.168.1.0/24")];
    assert_eq!(route.next_hops[0].gateway, Some(forwarding.into()));
    // One that is not reachable inside makes the LSA worth nothing.
    announce(
        &mut lab,
        0,
        "192.168.1.0/24",
        Some(External {
            forwarding: [203, 0, 113, 1].into(),
            ..external
        }),
    );
    assert!(lab.routers[2].routes().is_empty());
}

#[test]
fn networks_with_the_same_address_have_their_own_lsas() {
    let mut lab = Lab::new(7);
    three_areas(&mut lab, |_| {});
    let networks = [
        "172.16.0.0/12",
        "172.16.0.0/16",
        "172.16.0.0/24",
        "172.16.0.0/32",
        "172.16.0.255/32",
        "0.0.0.0/0",
    ];
    for network in networks {
        announce(&mut lab, 3, network, Some(external(3, false)));
    }
    for network in networks {
        assert_eq!(
            cost(&lab, 0, prefix(network)),
            Some((PathType::External1, 33)),
            "{network}"
        );
    }
    for network in networks {
        announce(&mut lab, 3, network, None);
        assert_eq!(cost(&lab, 0, prefix(network)), None, "{network}");
    }
    assert!(lab.database(0, Domain::As).is_empty());
}

#[test]
fn stub_areas_have_a_default_route_instead() {
    for no_summary in [false, true] {
        let mut lab = Lab::new(8);
        three_areas(&mut lab, |parameters| {
            let area = AreaParameters {
                kind: AreaKind::Stub,
                default_cost: 4,
                no_summary,
                ..AreaParameters::default()
            };
            parameters.areas.insert(AreaId(1), area);
        });
        announce(&mut lab, 3, "192.168.1.0/24", Some(external(3, false)));
        assert_eq!(
            cost(&lab, 1, prefix("192.168.1.0/24")),
            Some((PathType::External1, 23))
        );
        assert_eq!(cost(&lab, 0, prefix("192.168.1.0/24")), None);
        assert_eq!(cost(&lab, 0, Prefix4::DEFAULT), Some((PathType::InterArea, 14)));
        let inter = cost(&lab, 0, network(2));
        assert_eq!(inter, (!no_summary).then_some((PathType::InterArea, 30)));
        assert!(!kinds(&lab, 0, 1).contains(&LsaType::AsbrSummary));
        assert!(lab.database(0, Domain::As).is_empty());
    }
}

#[test]
fn what_an_nssa_says_of_the_outside_stays_in_it_as_type_7() {
    let mut lab = Lab::new(9);
    three_areas(&mut lab, |parameters| {
        let area = AreaParameters {
            kind: AreaKind::Nssa,
            ..AreaParameters::default()
        };
        parameters.areas.insert(AreaId(1), area);
    });
    announce(&mut lab, 0, "192.168.1.0/24", Some(external(3, false)));
    assert_eq!(
        cost(&lab, 1, prefix("192.168.1.0/24")),
        Some((PathType::External1, 13))
    );
    assert!(kinds(&lab, 1, 1).contains(&LsaType::Nssa));
    announce(&mut lab, 3, "192.168.2.0/24", Some(external(3, false)));
    assert_eq!(
        cost(&lab, 1, prefix("192.168.2.0/24")),
        Some((PathType::External1, 23))
    );
    assert_eq!(cost(&lab, 0, prefix("192.168.2.0/24")), None);
}

#[test]
fn one_border_router_translates_what_an_nssa_says_of_the_outside() {
    let mut lab = Lab::new(12);
    for _ in 0..5 {
        let mut parameters = RouterParameters::default();
        let area = AreaParameters {
            kind: AreaKind::Nssa,
            ..AreaParameters::default()
        };
        parameters.areas.insert(AreaId(1), area);
        lab.add_router(parameters);
    }
    // 0 in the NSSA, 1 and 2 at its border, 3 and 4 in the backbone.
    lab.connect(&[0, 1], &in_area(1));
    lab.connect(&[0, 2], &in_area(1));
    lab.connect(&[1, 3], &in_area(0));
    lab.connect(&[2, 3], &in_area(0));
    lab.connect(&[3, 4], &in_area(0));
    lab.run(Duration::from_secs(60));
    announce(&mut lab, 0, "192.168.1.0/24", Some(external(3, true)));
    let outside = prefix("192.168.1.0/24");
    let path = lab.routers[4].table().path(outside).unwrap();
    assert_eq!((path.kind, path.type_2, path.tag), (PathType::External2, 3, 77));
    // The higher identifier does it, alone.
    assert_eq!(path.origin, router_id(2));
    assert_eq!(lab.database(4, Domain::As).len(), 1);
    assert!(lab.routers[4].routes().contains_key(&outside));
    // Should it go, the other takes over.
    lab.with(2, crate::process::Ospf::stop);
    lab.run(Duration::from_secs(60));
    let path = lab.routers[4].table().path(outside).unwrap();
    assert_eq!(path.origin, router_id(1));
    announce(&mut lab, 0, "192.168.1.0/24", None);
    assert_eq!(lab.routers[4].table().path(outside), None);
    assert!(!lab.routers[1].is_boundary());
}

#[test]
fn a_router_with_max_metric_is_reached_but_not_passed() {
    let mut lab = Lab::new(10);
    lab.add_router(RouterParameters::default());
    lab.add_router(RouterParameters {
        stub_router: true,
        ..RouterParameters::default()
    });
    lab.add_routers(2);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
        lab.connect(&[a, b], &line());
    }
    lab.run(Duration::from_secs(60));
    // From 0 to the far side of 2: around by 3, although by 1 it would be as near.
    let route = &lab.routers[0].routes()[&network(1)];
    assert_eq!(route.next_hops[0].gateway, Some(IpAddr::V4([10, 0, 0, 2].into())));
    let route = &lab.routers[0].routes()[&network(2)];
    assert_eq!(route.next_hops.len(), 1);
    assert_eq!(route.next_hops[0].gateway, Some(IpAddr::V4([10, 0, 3, 1].into())));
}
