//! Shortest paths in an area (RFC 2328 §16.1), with all of equal length.
//!
//! [`Tree::grow`] calculates all of them; [`Tree::repair`](super::repair) those that links which changed have changed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::Ipv4Addr;

use smallvec::SmallVec;
use waypost_types::{InterfaceIndex, NextHop, Prefix4};

use super::graph::{Edge, Graph, Vertex};
use super::hops::{HopSets, SetId};

/// No path leads there.
pub const UNREACHABLE: u32 = u32::MAX;

/// Where the links of this router lead, as its neighbours are now: its own LSA may be older than that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstHops {
    /// To routers, by identifier and Link Data.
    pub routers: BTreeMap<(Ipv4Addr, Ipv4Addr), SmallVec<[NextHop; 1]>>,
    /// Over virtual links, to routers: as those are reached through the other areas. The [table](super::table) knows that.
    pub virtual_ends: BTreeMap<Ipv4Addr, SmallVec<[NextHop; 1]>>,
    /// To networks, by Link Data: our address there.
    pub networks: BTreeMap<Ipv4Addr, InterfaceIndex>,
    /// To networks without other routers.
    pub stubs: BTreeMap<Prefix4, InterfaceIndex>,
}

impl FirstHops {
    pub(super) fn of(&self, graph: &Graph, edge: &Edge) -> SmallVec<[NextHop; 1]> {
        if graph.is_network(edge.to) {
            let index = self.networks.get(&edge.data);
            return index.map(|index| NextHop::on(*index)).into_iter().collect();
        }
        self.to_router(graph, edge).cloned().unwrap_or_default()
    }

    fn to_router(&self, graph: &Graph, edge: &Edge) -> Option<&SmallVec<[NextHop; 1]>> {
        let router = graph.id(edge.to);
        if edge.is_virtual {
            self.virtual_ends.get(&router)
        } else {
            self.routers.get(&(router, edge.data))
        }
    }

    fn has(&self, graph: &Graph, edge: &Edge) -> bool {
        if graph.is_network(edge.to) {
            return self.networks.contains_key(&edge.data);
        }
        let hops = self.to_router(graph, edge);
        hops.is_some_and(|hops| !hops.is_empty())
    }
}

/// The next vertex to look at.
pub(super) type Next = Reverse<(u32, (bool, Ipv4Addr, Ipv4Addr), Vertex)>;

/// An area as its paths are calculated: its graph, and this router in it.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The vertices and links.
    pub graph: &'a Graph,
    /// This router.
    pub root: Vertex,
    /// Where its links lead.
    pub first: &'a FirstHops,
}

impl Ground<'_> {
    /// Whether packets can take a link: both ends say it, and if it is one of this router's, there is a neighbour behind it.
    pub(super) fn carries(&self, from: Vertex, edge: &Edge) -> bool {
        edge.said_back && (from != self.root || self.first.has(self.graph, edge))
    }

    /// Vertices of equal distance in the order in which they are looked at: networks come first, because what is behind them
    /// costs nothing more (§16.1 (3)). The rest is the same however the graph came about.
    pub(super) fn order(&self, distance: u32, vertex: Vertex) -> Next {
        Reverse((distance, self.graph.rank(vertex), vertex))
    }

    /// The next hops that a vertex gives to one behind it (§16.1.1).
    pub(super) fn inherited(&self, from: Vertex, own: SetId, edge: &Edge, sets: &mut HopSets) -> SetId {
        if from == self.root {
            sets.intern(self.first.of(self.graph, edge))
        } else if self.graph.is_network(from) && sets.get(own).iter().any(|hop| hop.gateway.is_none()) {
            self.through_network(from, edge.to, own, sets)
        } else {
            own
        }
    }

    /// The next hops of a router on a network of ours: its own addresses there, which its links to the network give (§16.1.1).
    fn through_network(&self, network: Vertex, router: Vertex, own: SetId, sets: &mut HopSets) -> SetId {
        let addresses = || self.graph.between(router, network).iter().map(|edge| edge.data);
        let hops = sets.get(own).iter().flat_map(|hop| {
            let direct = hop.gateway.is_none();
            let on_network = addresses()
                .filter(move |_| direct)
                .map(|address| NextHop::via(address.into(), hop.interface));
            on_network.chain((!direct).then_some(*hop))
        });
        let hops = hops.collect();
        sets.intern(hops)
    }
}

/// The shortest paths from this router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub(super) distance: Vec<u32>,
    pub(super) hops: Vec<SetId>,
}

impl Tree {
    /// Dijkstra's algorithm.
    #[must_use]
    pub fn grow(ground: Ground<'_>, sets: &mut HopSets) -> Self {
        let Ground { graph, root, .. } = ground;
        let mut tree = Self {
            distance: vec![UNREACHABLE; graph.bound()],
            hops: vec![SetId::EMPTY; graph.bound()],
        };
        // Vertices in the order they were reached, and their places there, one more: 0 is not there yet.
        let mut order = Vec::with_capacity(graph.bound());
        let mut place = vec![0_u32; graph.bound()];
        let mut heap = BinaryHeap::new();
        tree.set_distance(root, 0);
        heap.push(ground.order(0, root));
        while let Some(Reverse((distance, _, from))) = heap.pop() {
            let Some(place) = place.get_mut(from as usize).filter(|place| **place == 0) else {
                continue;
            };
            order.push(from);
            *place = order.len() as u32;
            for edge in graph.edges(from) {
                let to = distance.saturating_add(edge.cost);
                if to < tree.distance(edge.to) && ground.carries(from, edge) {
                    tree.set_distance(edge.to, to);
                    heap.push(ground.order(to, edge.to));
                }
            }
        }
        // Next hops go from each vertex to those that are reached through it. All that lead to a vertex are nearer, so its own
        // are complete when its turn comes.
        let place = |vertex: Vertex| place.get(vertex as usize).copied().unwrap_or_default();
        for from in order {
            let own = tree.hops(from);
            for edge in graph.edges(from) {
                let to = tree.distance(from).saturating_add(edge.cost);
                if to == tree.distance(edge.to) && place(edge.to) > place(from) && ground.carries(from, edge)
                {
                    let given = ground.inherited(from, own, edge, sets);
                    let union = sets.union(tree.hops(edge.to), given);
                    tree.set_hops(edge.to, union);
                }
            }
        }
        tree
    }

    /// The distance of a vertex; [`UNREACHABLE`] where no path leads.
    #[must_use]
    pub fn distance(&self, vertex: Vertex) -> u32 {
        self.distance.get(vertex as usize).copied().unwrap_or(UNREACHABLE)
    }

    pub(super) fn set_distance(&mut self, vertex: Vertex, to: u32) {
        if let Some(distance) = self.distance.get_mut(vertex as usize) {
            *distance = to;
        }
    }

    /// The next hops of a vertex; none for the root.
    #[must_use]
    pub fn hops(&self, vertex: Vertex) -> SetId {
        self.hops.get(vertex as usize).copied().unwrap_or_default()
    }

    pub(super) fn set_hops(&mut self, vertex: Vertex, to: SetId) {
        if let Some(hops) = self.hops.get_mut(vertex as usize) {
            *hops = to;
        }
    }
}
