//! Shortest paths in an area (RFC 2328 §16.1), with all of equal length.

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
#[derive(Clone, Debug, Default)]
pub struct FirstHops {
    /// To routers, by identifier and Link Data.
    pub routers: BTreeMap<(Ipv4Addr, Ipv4Addr), SmallVec<[NextHop; 1]>>,
    /// To networks, by Link Data: our address there.
    pub networks: BTreeMap<Ipv4Addr, InterfaceIndex>,
    /// To networks without other routers.
    pub stubs: BTreeMap<Prefix4, InterfaceIndex>,
}

impl FirstHops {
    fn of(&self, graph: &Graph, edge: &Edge) -> SmallVec<[NextHop; 1]> {
        if graph.is_network(edge.to) {
            let index = self.networks.get(&edge.data);
            return index.map(|index| NextHop::on(*index)).into_iter().collect();
        }
        let key = (graph.id(edge.to), edge.data);
        self.routers.get(&key).cloned().unwrap_or_default()
    }
}

/// The shortest paths from this router.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The distance of each vertex; [`UNREACHABLE`] where no path leads.
    pub distance: Vec<u32>,
    /// The next hops of each vertex; none for the root.
    pub hops: Vec<SetId>,
    /// Reached vertices, nearest first.
    pub order: Vec<Vertex>,
}

impl Tree {
    /// Dijkstra's algorithm. A link counts when both ends say it, and one of this router's only while there is a neighbour
    /// behind it.
    #[must_use]
    pub fn grow(graph: &Graph, root: Vertex, first: &FirstHops, sets: &mut HopSets) -> Self {
        let mut tree = Self {
            distance: vec![UNREACHABLE; graph.len()],
            hops: vec![SetId::EMPTY; graph.len()],
            order: Vec::with_capacity(graph.len()),
        };
        // The places in `order`, one more: 0 is not there yet.
        let mut place = vec![0_u32; graph.len()];
        let mut heap = BinaryHeap::new();
        tree.set_distance(root, 0);
        heap.push(Reverse((0_u32, false, root)));
        while let Some(Reverse((distance, _, from))) = heap.pop() {
            let Some(place) = place.get_mut(from as usize).filter(|place| **place == 0) else {
                continue;
            };
            tree.order.push(from);
            *place = tree.order.len() as u32;
            for edge in graph.edges(from) {
                let to = distance.saturating_add(edge.cost);
                if to < tree.distance(edge.to)
                    && graph.leads(edge.to, from)
                    && (from != root || !first.of(graph, edge).is_empty())
                {
                    tree.set_distance(edge.to, to);
                    // Of equal distance networks come first: what is behind them costs nothing more (§16.1 (3)).
                    heap.push(Reverse((to, !graph.is_network(edge.to), edge.to)));
                }
            }
        }
        tree.inherit_hops(graph, root, first, sets, &place);
        tree
    }

    /// Next hops go from each vertex to those that are reached through it (§16.1.1). All that lead to a vertex are nearer, so
    /// its own are complete when its turn comes.
    fn inherit_hops(
        &mut self,
        graph: &Graph,
        root: Vertex,
        first: &FirstHops,
        sets: &mut HopSets,
        place: &[u32],
    ) {
        let order = std::mem::take(&mut self.order);
        let place = |vertex: Vertex| place.get(vertex as usize).copied().unwrap_or_default();
        for from in &order {
            let own = self.hops(*from);
            for edge in graph.edges(*from) {
                let to = self.distance(*from).saturating_add(edge.cost);
                if to != self.distance(edge.to)
                    || place(edge.to) <= place(*from)
                    || !graph.leads(edge.to, *from)
                {
                    continue;
                }
                let given = if *from == root {
                    sets.intern(first.of(graph, edge))
                } else if graph.is_network(*from) && sets.get(own).iter().any(|hop| hop.gateway.is_none()) {
                    through_network(graph, *from, edge.to, own, sets)
                } else {
                    own
                };
                let union = sets.union(self.hops(edge.to), given);
                if let Some(hops) = self.hops.get_mut(edge.to as usize) {
                    *hops = union;
                }
            }
        }
        self.order = order;
    }

    /// The distance of a vertex.
    #[must_use]
    pub fn distance(&self, vertex: Vertex) -> u32 {
        self.distance.get(vertex as usize).copied().unwrap_or(UNREACHABLE)
    }

    fn set_distance(&mut self, vertex: Vertex, to: u32) {
        if let Some(distance) = self.distance.get_mut(vertex as usize) {
            *distance = to;
        }
    }

    /// The next hops of a vertex.
    #[must_use]
    pub fn hops(&self, vertex: Vertex) -> SetId {
        self.hops.get(vertex as usize).copied().unwrap_or_default()
    }
}

/// The next hops of a router on a network of ours: its own addresses there, which its links to the network give (§16.1.1).
fn through_network(graph: &Graph, network: Vertex, router: Vertex, own: SetId, sets: &mut HopSets) -> SetId {
    let addresses = || {
        let back = graph.edges(router).iter().filter(|edge| edge.to == network);
        back.map(|edge| edge.data)
    };
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
