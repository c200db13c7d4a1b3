//! What OSPF must come to: shortest paths inside areas, and between them through the backbone (RFC 2328 §16).
//!
//! Computed by Dijkstra's algorithm from configuration and the state of links alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};

use waypost_types::{InterfaceIndex, Prefix4, ProtocolId};

use super::network::{OSPF, OspfInterface, OspfNetwork};
use crate::node::NodeId;

const UNREACHABLE: u32 = u32::MAX;

/// How a router reaches a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The distance.
    pub cost: u32,
    /// Every neighbour on a shortest path; none when the router is on the network.
    pub next_hops: BTreeSet<(InterfaceIndex, Ipv4Addr)>,
}

/// A way to an adjacent router.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: usize,
    cost: u32,
    out_of: InterfaceIndex,
    gateway: Ipv4Addr,
}

/// An area as it is now.
#[derive(Debug, Default)]
struct Area {
    /// Adjacent routers, by router.
    edges: BTreeMap<usize, Vec<Edge>>,
    /// Distances from each router, by its number.
    distances: BTreeMap<usize, Vec<u32>>,
    /// Routers and what their interface on a network costs.
    networks: BTreeMap<Prefix4, Vec<(usize, u32)>>,
    /// The lowest router that a router reaches.
    parts: BTreeMap<usize, usize>,
}

/// A path before next hops: through which area, to which router, and what it costs from there.
#[derive(Clone, Copy, Debug)]
struct Way {
    area: u32,
    target: usize,
    cost: u32,
}

/// How every router reaches every network.
pub struct Expectation {
    areas: BTreeMap<u32, Area>,
    /// The areas of each router.
    member_of: Vec<BTreeSet<u32>>,
    reached: BTreeMap<Prefix4, Vec<Option<Reached>>>,
}

impl Expectation {
    /// The expectation for a network as it is now configured and as its links now are.
    #[must_use]
    pub fn of(network: &OspfNetwork) -> Self {
        let routers = network.sim.nodes().count();
        let interfaces = network.interfaces();
        let mut by_link: BTreeMap<usize, Vec<OspfInterface>> = BTreeMap::new();
        let mut member_of = vec![BTreeSet::new(); routers];
        let mut areas: BTreeMap<u32, Area> = BTreeMap::new();
        for interface in &interfaces {
            by_link.entry(interface.segment.0).or_default().push(*interface);
            member_of[interface.node.0].insert(interface.area);
            let area = areas.entry(interface.area).or_default();
            area.edges.entry(interface.node.0).or_default();
        }
        for on_link in by_link.values() {
            connect(network, on_link, &mut areas);
        }
        for area in areas.values_mut() {
            area.calculate(routers);
        }
        let mut expectation = Self {
            areas,
            member_of,
            reached: BTreeMap::new(),
        };
        for (_, segment) in network.sim.segments() {
            let reached = (0..routers).map(|router| expectation.path(router, segment.prefix));
            let reached = reached.collect();
            expectation.reached.insert(segment.prefix, reached);
        }
        expectation
    }

    /// How a router reaches a network.
    #[must_use]
    pub fn reached(&self, node: NodeId, prefix: Prefix4) -> Option<&Reached> {
        self.reached.get(&prefix)?.get(node.0)?.as_ref()
    }

    /// Which part of an area a router is in, if it is in it: areas may be cut in pieces.
    #[must_use]
    pub fn part(&self, area: u32, node: NodeId) -> Option<usize> {
        self.areas.get(&area)?.parts.get(&node.0).copied()
    }

    fn is_border(&self, router: usize) -> bool {
        self.member_of[router].len() > 1 && self.member_of[router].contains(&0)
    }

    /// Ways inside the areas of a router, which win over all others (§11).
    fn inside(&self, router: usize, prefix: Prefix4, without: Option<u32>) -> Vec<Way> {
        let areas = self.member_of[router]
            .iter()
            .filter(|area| Some(**area) != without);
        let ways = areas.flat_map(|area| {
            let members = self.areas[area].networks.get(&prefix).into_iter().flatten();
            members.filter_map(|(target, cost)| self.way(router, *area, *target, *cost))
        });
        shortest(ways.collect())
    }

    fn way(&self, router: usize, area: u32, target: usize, further: u32) -> Option<Way> {
        let distance = *self.areas.get(&area)?.distances.get(&router)?.get(target)?;
        (distance != UNREACHABLE).then(|| Way {
            area,
            target,
            cost: distance + further,
        })
    }

    /// Ways to border routers of an area that say the network in it (§16.2). A border router looks at the backbone only.
    fn between(&self, router: usize, prefix: Prefix4) -> Vec<Way> {
        let areas = &self.member_of[router];
        let looked_at = areas.iter().filter(|area| !self.is_border(router) || **area == 0);
        let mut ways = Vec::new();
        for area in looked_at {
            let others = self.areas[area].edges.keys();
            for border in others.filter(|other| **other != router && self.is_border(**other)) {
                if let Some(said) = self.said(*border, *area, prefix) {
                    ways.extend(self.way(router, *area, *border, said));
                }
            }
        }
        shortest(ways)
    }

    /// What a border router says in an area that a network costs (§12.4.3): networks of other areas, and, in areas other than the
    /// backbone, what it hears in the backbone.
    fn said(&self, border: usize, area: u32, prefix: Prefix4) -> Option<u32> {
        let inside = self.inside(border, prefix, None);
        if let Some(best) = inside.first() {
            return inside.iter().all(|way| way.area != area).then_some(best.cost);
        }
        if area == 0 {
            return None;
        }
        self.between(border, prefix).first().map(|way| way.cost)
    }

    fn path(&self, router: usize, prefix: Prefix4) -> Option<Reached> {
        if self.member_of[router].is_empty() {
            return None;
        }
        let mut ways = self.inside(router, prefix, None);
        if ways.is_empty() {
            ways = self.between(router, prefix);
        }
        let mut next_hops = BTreeSet::new();
        let cost = ways.first()?.cost;
        if ways.iter().all(|way| way.target != router) {
            for way in ways {
                next_hops.extend(self.areas[&way.area].first_hops(router, way.target));
            }
        }
        Some(Reached { cost, next_hops })
    }

    /// Compares the routing tables of all routers: OSPF's routes are exactly these.
    pub fn check(&self, network: &OspfNetwork) -> Result<(), String> {
        for (node, router) in network.sim.nodes() {
            let Some(fib) = router.fib() else { continue };
            let paths = network.global(node)["maximum-paths"].as_u64().unwrap_or(16) as usize;
            for prefix in self.reached.keys() {
                let mut interfaces = router.interfaces.iter();
                if interfaces.any(|interface| interface.is_up() && interface.prefix == *prefix) {
                    // The kernel's own route is better.
                    continue;
                }
                let held = fib.get(*prefix).filter(|entry| entry.owner == ProtocolId::OSPF);
                let wanted = self.reached(node, *prefix).filter(|_| router.runs(OSPF));
                let hops = |entry: &crate::FibEntry| -> BTreeSet<(InterfaceIndex, Ipv4Addr)> {
                    let hops = entry.next_hops.iter();
                    hops.filter_map(|hop| match hop.gateway {
                        Some(IpAddr::V4(gateway)) => Some((hop.interface, gateway)),
                        _ => None,
                    })
                    .collect()
                };
                let right = match (held, wanted) {
                    (None, None) => true,
                    (Some(held), Some(wanted)) => {
                        let have = hops(held);
                        held.metric == wanted.cost
                            && have.is_subset(&wanted.next_hops)
                            && have.len() == wanted.next_hops.len().min(paths)
                    }
                    _ => false,
                };
                if !right {
                    return Err(format!(
                        "router {} reaches {prefix} by {held:?}, and should by {wanted:?}",
                        node.0
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Those that cost least.
fn shortest(mut ways: Vec<Way>) -> Vec<Way> {
    let least = ways.iter().map(|way| way.cost).min();
    ways.retain(|way| Some(way.cost) == least);
    ways
}

/// Adjacencies and networks of one link.
fn connect(network: &OspfNetwork, on_link: &[OspfInterface], areas: &mut BTreeMap<u32, Area>) {
    for here in on_link {
        let segment = network.sim.segment(here.segment);
        let Some(area) = areas.get_mut(&here.area) else {
            continue;
        };
        let adjacent = |there: &&OspfInterface| {
            there.node != here.node
                && there.area == here.area
                && !there.passive
                && !here.passive
                && segment.connects(here.node, there.node)
        };
        for there in on_link.iter().filter(adjacent) {
            let member = segment.members.iter().find(|member| member.node == there.node);
            if let Some(member) = member {
                area.edges.entry(here.node.0).or_default().push(Edge {
                    to: there.node.0,
                    cost: here.cost,
                    out_of: here.index,
                    gateway: member.address,
                });
            }
        }
        let members = area.networks.entry(segment.prefix).or_default();
        members.push((here.node.0, here.cost));
    }
}

impl Area {
    fn calculate(&mut self, routers: usize) {
        for router in self.edges.keys() {
            let distances = self.dijkstra(*router, routers);
            let reached = (0..routers).find(|other| distances[*other] != UNREACHABLE);
            self.parts.insert(*router, reached.unwrap_or(*router));
            self.distances.insert(*router, distances);
        }
    }

    fn dijkstra(&self, from: usize, routers: usize) -> Vec<u32> {
        let mut distances = vec![UNREACHABLE; routers];
        let mut heap = BinaryHeap::from([Reverse((0, from))]);
        distances[from] = 0;
        while let Some(Reverse((distance, router))) = heap.pop() {
            if distance > distances[router] {
                continue;
            }
            for edge in self.edges.get(&router).into_iter().flatten() {
                let next = distance + edge.cost;
                if next < distances[edge.to] {
                    distances[edge.to] = next;
                    heap.push(Reverse((next, edge.to)));
                }
            }
        }
        distances
    }

    /// Neighbours on shortest paths to another router.
    fn first_hops(&self, from: usize, to: usize) -> impl Iterator<Item = (InterfaceIndex, Ipv4Addr)> + '_ {
        let of = move |router: usize| self.distances.get(&router).map_or(UNREACHABLE, |all| all[to]);
        let edges = self.edges.get(&from).into_iter().flatten();
        edges
            .filter(move |edge| edge.cost.saturating_add(of(edge.to)) == of(from))
            .map(|edge| (edge.out_of, edge.gateway))
    }
}
