//! Shortest paths after links changed, without looking at what is behind none of them.
//!
//! Three steps, each from near to far. Vertices that lost every link they were reached by are found: their distance may only
//! grow. They get their distance anew from those that did not, together with all that can now be reached sooner. At last next
//! hops go out from every vertex whose way there changed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::graph::{Edge, Vertex};
use super::hops::{HopSets, SetId};
use super::tree::{Ground, Next, Tree, UNREACHABLE};

type Heap = BinaryHeap<Next>;

impl Tree {
    /// Brings the paths to what the graph is now. `links` are the ends of links that changed, as packets go or as they would
    /// come back. Returns the vertices that are elsewhere now, or reached by others.
    ///
    /// Where a link of a router costs nothing, equal distances do not say what is nearer: such a graph is for [`Tree::grow`].
    pub fn repair(
        &mut self,
        ground: Ground<'_>,
        links: &[(Vertex, Vertex)],
        sets: &mut HopSets,
    ) -> Vec<Vertex> {
        self.distance.resize(ground.graph.bound(), UNREACHABLE);
        self.hops.resize(ground.graph.bound(), SetId::EMPTY);
        let ends: BTreeSet<Vertex> = links.iter().flat_map(|(from, to)| [*from, *to]).collect();
        let lost = self.find_lost(ground, &ends);
        let moved = self.measure(ground, &ends, &lost);
        let mut changed = self.lead(ground, &ends, &moved, sets);
        changed.extend(moved);
        changed.into_iter().collect()
    }

    /// The links over which packets come to a vertex, with the distance at which they do.
    fn arrivals<'a>(
        &'a self,
        ground: Ground<'a>,
        to: Vertex,
    ) -> impl Iterator<Item = (Vertex, &'a Edge, u32)> {
        let edges = ground.graph.edges(to);
        let back = edges
            .chunk_by(|a, b| a.to == b.to)
            .filter_map(|edges| edges.first());
        back.filter(|edge| edge.said_back).flat_map(move |back| {
            let edges = ground.graph.between(back.to, to).iter();
            let edges = edges.filter(move |edge| ground.carries(back.to, edge));
            edges.map(move |edge| (back.to, edge, self.distance(back.to).saturating_add(edge.cost)))
        })
    }

    /// Vertices that cannot be reached any more at the distance they had, or only by others of them.
    fn find_lost(&self, ground: Ground<'_>, ends: &BTreeSet<Vertex>) -> BTreeSet<Vertex> {
        let mut lost = BTreeSet::new();
        let mut heap: Heap = BinaryHeap::new();
        let reached = ends.iter().filter(|end| self.distance(**end) != UNREACHABLE);
        heap.extend(reached.map(|end| ground.order(self.distance(*end), *end)));
        while let Some(Reverse((distance, _, vertex))) = heap.pop() {
            let held = || {
                self.arrivals(ground, vertex)
                    .any(|(from, _, at)| at == distance && !lost.contains(&from))
            };
            if vertex == ground.root || lost.contains(&vertex) || held() {
                continue;
            }
            lost.insert(vertex);
            for edge in ground.graph.edges(vertex) {
                if edge.said_back
                    && distance.saturating_add(edge.cost) == self.distance(edge.to)
                    && !lost.contains(&edge.to)
                {
                    heap.push(ground.order(self.distance(edge.to), edge.to));
                }
            }
        }
        lost
    }

    /// Gives the lost their distances, and all that can be reached sooner. The vertices whose distance is another one.
    fn measure(
        &mut self,
        ground: Ground<'_>,
        ends: &BTreeSet<Vertex>,
        lost: &BTreeSet<Vertex>,
    ) -> BTreeSet<Vertex> {
        let mut before = BTreeMap::new();
        for vertex in lost {
            before.insert(*vertex, self.distance(*vertex));
            self.set_distance(*vertex, UNREACHABLE);
        }
        let mut heap: Heap = BinaryHeap::new();
        for vertex in lost.union(ends) {
            let nearest = self.arrivals(ground, *vertex).map(|(_, _, at)| at).min();
            if let Some(at) = nearest.filter(|at| *at < self.distance(*vertex)) {
                let old = self.distance(*vertex);
                before.entry(*vertex).or_insert(old);
                self.set_distance(*vertex, at);
                heap.push(ground.order(at, *vertex));
            }
        }
        while let Some(Reverse((distance, _, from))) = heap.pop() {
            if distance > self.distance(from) {
                continue;
            }
            for edge in ground.graph.edges(from) {
                let to = distance.saturating_add(edge.cost);
                if to < self.distance(edge.to) && ground.carries(from, edge) {
                    let old = self.distance(edge.to);
                    before.entry(edge.to).or_insert(old);
                    self.set_distance(edge.to, to);
                    heap.push(ground.order(to, edge.to));
                }
            }
        }
        before.retain(|vertex, distance| *distance != self.distance(*vertex));
        before.into_keys().collect()
    }

    /// Gives next hops to all that are reached another way than before. Those whose next hops are others.
    fn lead(
        &mut self,
        ground: Ground<'_>,
        ends: &BTreeSet<Vertex>,
        moved: &BTreeSet<Vertex>,
        sets: &mut HopSets,
    ) -> BTreeSet<Vertex> {
        let behind = moved
            .iter()
            .flat_map(|vertex| ground.graph.edges(*vertex))
            .map(|edge| edge.to);
        let start: BTreeSet<Vertex> = ends.iter().chain(moved).copied().chain(behind).collect();
        let mut heap: Heap = BinaryHeap::new();
        heap.extend(
            start
                .into_iter()
                .map(|vertex| ground.order(self.distance(vertex), vertex)),
        );
        let mut changed = BTreeSet::new();
        let mut last = None;
        while let Some(next) = heap.pop() {
            let Reverse((distance, _, vertex)) = next;
            if vertex == ground.root || last.replace(vertex) == Some(vertex) {
                continue;
            }
            let mut hops = SetId::EMPTY;
            if distance != UNREACHABLE {
                let nearest: smallvec::SmallVec<[(Vertex, Edge); 4]> = self
                    .arrivals(ground, vertex)
                    .filter(|(_, _, at)| *at == distance)
                    .map(|(from, edge, _)| (from, *edge))
                    .collect();
                for (from, edge) in nearest {
                    let given = ground.inherited(from, self.hops(from), &edge, sets);
                    hops = sets.union(hops, given);
                }
            }
            if hops == self.hops(vertex) {
                continue;
            }
            self.set_hops(vertex, hops);
            changed.insert(vertex);
            for edge in ground.graph.edges(vertex) {
                if edge.said_back && distance.saturating_add(edge.cost) == self.distance(edge.to) {
                    heap.push(ground.order(self.distance(edge.to), edge.to));
                }
            }
        }
        changed
    }
}
