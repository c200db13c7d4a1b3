//! The paths inside one area: its graph and its tree, brought along with its database.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use waypost_types::{InterfaceIndex, NextHop, NextHops, Prefix4, Seed};

use super::graph::{Changes, Graph, Vertex};
use super::hops::{HopSets, SetId};
use super::tree::{FirstHops, Ground, Tree, UNREACHABLE};
use crate::area::AreaId;
use crate::database::Database;
use crate::lsa::LsaKey;
use crate::lsa::body::RouterFlags;
use crate::parameters::AreaKind;

/// An area as the calculation sees it.
#[derive(Clone, Debug)]
pub struct AreaView<'a> {
    /// Which one.
    pub area: AreaId,
    /// What comes into it.
    pub kind: AreaKind,
    /// Its border routers say no summaries in it, but a default route.
    pub no_summary: bool,
    /// Its database.
    pub database: &'a Database,
    /// Where this router's links in it lead.
    pub first: FirstHops,
}

/// The other end of a virtual link, seen from this router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualEnd {
    /// The cost of the way there.
    pub cost: u32,
    /// Its address.
    pub address: Ipv4Addr,
    /// The interface that the way begins with.
    pub interface: InterfaceIndex,
}

/// What is other than it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Moved {
    /// What became of the graph.
    pub(super) graph: Changes,
    /// Networks whose cost or next hops may be others.
    pub(super) networks: BTreeSet<Prefix4>,
    /// Routers whose distance, next hops or LSA are.
    pub(super) routers: BTreeSet<Ipv4Addr>,
}

/// The paths inside an area.
#[derive(Clone, Debug)]
pub(super) struct AreaPaths {
    graph: Graph,
    tree: Tree,
    root: Option<Vertex>,
    first: FirstHops,
}

impl AreaPaths {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            graph: Graph::new(seed),
            tree: Tree::default(),
            root: None,
            first: FirstHops::default(),
        }
    }

    /// Reads the LSAs that changed, and brings the tree to what the graph and the links of this router are now.
    pub(super) fn update(
        &mut self,
        router: Ipv4Addr,
        database: &Database,
        first: FirstHops,
        keys: impl IntoIterator<Item = LsaKey>,
        sets: &mut HopSets,
    ) -> Moved {
        let changes = self.graph.update(database, keys);
        let old_first = std::mem::replace(&mut self.first, first);
        let old_root = std::mem::replace(&mut self.root, self.graph.router(router));
        let changed = self.update_tree(old_root, &old_first, &changes, sets);
        let mut networks = BTreeSet::new();
        if old_first.stubs != self.first.stubs {
            networks.extend(old_first.stubs.keys().chain(self.first.stubs.keys()).copied());
        }
        let mut routers = BTreeSet::from_iter(changes.routers.iter().copied());
        networks.extend(&changes.prefixes);
        for vertex in changed {
            networks.extend(self.graph.prefixes(vertex).iter().map(|(prefix, _)| prefix));
            if !self.graph.is_network(vertex) {
                routers.insert(self.graph.id(vertex));
            }
        }
        Moved {
            graph: changes,
            networks,
            routers,
        }
    }

    fn update_tree(
        &mut self,
        old_root: Option<Vertex>,
        old_first: &FirstHops,
        changes: &Changes,
        sets: &mut HopSets,
    ) -> Vec<Vertex> {
        let Some(root) = self.root else {
            self.tree = Tree::default();
            return self.graph.vertices().collect();
        };
        let ground = Ground {
            graph: &self.graph,
            root,
            first: &self.first,
        };
        let mut links = changes.links.clone();
        if *old_first != self.first {
            let other = self
                .graph
                .edges(root)
                .iter()
                .filter(|edge| old_first.of(&self.graph, edge) != self.first.of(&self.graph, edge));
            links.extend(other.map(|edge| (root, edge.to)));
        }
        // What is mostly new is calculated sooner than it is repaired.
        let mostly_new = links.len() > self.graph.bound() / 4 + 16;
        if old_root == Some(root) && !self.graph.has_free_links() && !mostly_new {
            return self.tree.repair(ground, &links, sets);
        }
        let old = std::mem::replace(&mut self.tree, Tree::grow(ground, sets));
        let other = |vertex: &Vertex| {
            old_root != Some(root)
                || old.distance(*vertex) != self.tree.distance(*vertex)
                || old.hops(*vertex) != self.tree.hops(*vertex)
        };
        self.graph.vertices().filter(other).collect()
    }

    pub(super) const fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(super) const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The cost and the next hops of a network at a vertex.
    pub(super) fn network(
        &self,
        vertex: Vertex,
        prefix: Prefix4,
        cost: u32,
        sets: &mut HopSets,
    ) -> Option<(u32, SetId)> {
        let distance = self.tree.distance(vertex);
        let cost = distance.saturating_add(cost);
        if distance == UNREACHABLE || cost == UNREACHABLE {
            return None;
        }
        let own = self
            .first
            .stubs
            .get(&prefix)
            .filter(|_| self.root == Some(vertex));
        let hops = match own {
            Some(index) => sets.intern(NextHops::from_slice(&[NextHop::on(*index)])),
            None => self.tree.hops(vertex),
        };
        Some((cost, hops))
    }

    /// How another router in the area is reached.
    pub(super) fn router(&self, router: Ipv4Addr) -> Option<(u32, SetId, RouterFlags)> {
        let vertex = self
            .graph
            .router(router)
            .filter(|vertex| self.root != Some(*vertex))?;
        let distance = self.tree.distance(vertex);
        (distance != UNREACHABLE).then(|| (distance, self.tree.hops(vertex), self.graph.flags(vertex)))
    }

    /// How an area border router in the area is reached.
    pub(super) fn border(&self, router: Ipv4Addr) -> Option<(u32, SetId)> {
        let (distance, hops, flags) = self.router(router)?;
        flags.contains(RouterFlags::BORDER).then_some((distance, hops))
    }

    /// The other end of a virtual link through the area (§16.1 (4)): the address by which it is nearest, or any other where that
    /// link has no addresses.
    pub(super) fn virtual_end(&self, router: Ipv4Addr, sets: &mut HopSets) -> Option<VirtualEnd> {
        let (cost, hops, _) = self.router(router)?;
        let vertex = self.graph.router(router)?;
        let ground = Ground {
            graph: &self.graph,
            root: self.root?,
            first: &self.first,
        };
        let mut nearest = None;
        for edge in self.graph.edges(vertex).iter().filter(|edge| is_host(edge.data)) {
            let (from, distance) = (edge.to, self.tree.distance(edge.to));
            let mut links = self.graph.between(from, vertex).iter();
            let link =
                links.find(|link| ground.carries(from, link) && distance.saturating_add(link.cost) == cost);
            let Some(link) = link else { continue };
            let hops = ground.inherited(from, self.tree.hops(from), link, sets);
            let interface = sets.get(hops).first().map(|hop| hop.interface);
            let way = interface.map(|interface| (edge.data, interface));
            nearest = nearest.into_iter().chain(way).min();
        }
        let edges = self.graph.edges(vertex).iter().map(|edge| edge.data);
        let stubs = self.graph.prefixes(vertex).iter().map(|(prefix, _)| prefix);
        let hosts = stubs.filter(|prefix| prefix.length() == 32);
        let others = edges.chain(hosts.map(|prefix| prefix.network()));
        let any = || {
            Some((
                others.filter(|address| is_host(*address)).min()?,
                sets.get(hops).first()?.interface,
            ))
        };
        let (address, interface) = nearest.or_else(any)?;
        Some(VirtualEnd {
            cost,
            address,
            interface,
        })
    }

    /// Whether virtual links go through the area (TransitCapability, §16.1).
    pub(super) fn is_transit(&self) -> bool {
        let reached = |vertex: &Vertex| self.tree.distance(*vertex) != UNREACHABLE;
        let mut vertices = self.graph.vertices();
        vertices.any(|vertex| self.graph.flags(vertex).contains(RouterFlags::VIRTUAL) && reached(&vertex))
    }
}

/// Whether packets can be sent to an address: Link Data of links without addresses is an interface's number (§12.4.1.1).
fn is_host(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && !address.is_loopback() && first < 224
}
