//! The graph of an area: routers and transit networks, and the links between them (RFC 2328 §2.1, §16.1).
//!
//! It is kept from one calculation to the next: [`Graph::update`] reads the LSAs that changed and says which links are others
//! than they were.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use waypost_types::{Prefix4, Seed};

use crate::database::Database;
use crate::lsa::body::{LinkType, RouterFlags};
use crate::lsa::{Body, LsaKey, LsaType, NetworkBody, RouterBody};

/// The number of a vertex.
pub type Vertex = u32;

/// A link from one vertex to another, as the first of them says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Where it leads.
    pub to: Vertex,
    /// What it costs; from a network to a router, nothing.
    pub cost: u32,
    /// Link Data of the router that says it; 0.0.0.0 where a network does.
    pub data: Ipv4Addr,
    /// Whether it is a virtual link.
    pub is_virtual: bool,
    /// Whether the other end says that there is a link back: others do not count (§16.1 (2b)).
    pub said_back: bool,
}

/// What a link leads to, as an LSA names it: a router by its identifier, or a network by its Designated Router's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Name {
    Router(Ipv4Addr),
    Network(Ipv4Addr),
}

impl Name {
    const fn of(key: LsaKey) -> Option<Self> {
        match key.kind {
            LsaType::Router => Some(Self::Router(key.id)),
            LsaType::Network => Some(Self::Network(key.id)),
            _ => None,
        }
    }
}

/// A router or a network.
#[derive(Clone, Debug)]
struct Node {
    key: LsaKey,
    flags: RouterFlags,
    /// Its links to vertices that are there, by where they lead.
    edges: Vec<Edge>,
    /// What its links lead to, whether it is there or not.
    names: Vec<Name>,
    /// Stub networks of a router, the one prefix of a network, and what they cost beyond the vertex.
    prefixes: Vec<(Prefix4, u32)>,
}

/// What became of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Vertices whose LSA came, went or says something else.
    pub vertices: Vec<Vertex>,
    /// Links, by both ends, that came, went, or cost something else.
    pub links: Vec<(Vertex, Vertex)>,
    /// Networks that were, or are now, at one of those vertices.
    pub prefixes: Vec<Prefix4>,
    /// Routers that were, or are now, at one of them.
    pub routers: Vec<Ipv4Addr>,
}

/// The vertices of an area.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Option<Node>>,
    free: Vec<Vertex>,
    /// The vertices of a name. A network may have several: the old Designated Router's LSA may be there still. Which ones count
    /// is decided by the links back.
    named: HashMap<Name, Vec<Vertex>, FixedState>,
    /// The vertices whose LSAs have links to a name.
    naming: HashMap<Name, Vec<Vertex>, FixedState>,
    /// Links of routers that cost nothing, which no router should have (§A.4.2).
    free_links: usize,
}

impl Graph {
    /// A graph of nothing.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        let hasher = FixedState::with_seed(seed.child("graph").0);
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            named: HashMap::with_hasher(hasher.clone()),
            naming: HashMap::with_hasher(hasher),
            free_links: 0,
        }
    }

    /// Reads LSAs of the area again. LSAs at MaxAge are not there (§16.1 (2b)); a router-LSA about somebody else is about nobody
    /// (§12.4.1).
    pub fn update(&mut self, database: &Database, keys: impl IntoIterator<Item = LsaKey>) -> Changes {
        let mut changes = Changes::default();
        let mut left = Vec::new();
        // The vertices to be read, with the links they had.
        let mut read: BTreeMap<Vertex, Vec<Edge>> = BTreeMap::new();
        let mut names = BTreeSet::new();
        for key in keys.into_iter().collect::<BTreeSet<_>>() {
            let Some(name) = Name::of(key).filter(|_| key.kind == LsaType::Network || key.id == key.router)
            else {
                continue;
            };
            let there = body(database, key).is_some();
            let vertex = match (self.vertex(name, key.router), there) {
                (None, false) => continue,
                (Some(vertex), true) => vertex,
                (None, true) => {
                    names.insert(name);
                    self.add(name, key)
                }
                (Some(vertex), false) => {
                    names.insert(name);
                    left.push((name, vertex));
                    vertex
                }
            };
            changes.vertices.push(vertex);
            if let Name::Router(router) = name {
                changes.routers.push(router);
            }
            changes
                .prefixes
                .extend(self.prefixes(vertex).iter().map(|(prefix, _)| *prefix));
            read.insert(vertex, Vec::new());
        }
        // Who names what came or went has other links as well.
        let naming = names.iter().filter_map(|name| self.naming.get(name)).flatten();
        read.extend(naming.map(|vertex| (*vertex, Vec::new())));
        for (name, vertex) in &left {
            if let Some(vertices) = self.named.get_mut(name) {
                vertices.retain(|other| other != vertex);
                if vertices.is_empty() {
                    self.named.remove(name);
                }
            }
        }
        for (vertex, old) in &mut read {
            *old = self.read(*vertex, database);
        }
        self.connect(&read, &mut changes.links);
        let now = changes.vertices.iter().flat_map(|vertex| self.prefixes(*vertex));
        let now: Vec<Prefix4> = now.map(|(prefix, _)| *prefix).collect();
        changes.prefixes.extend(now);
        for (_, vertex) in left {
            if let Some(node) = self.nodes.get_mut(vertex as usize) {
                *node = None;
                self.free.push(vertex);
            }
        }
        changes
    }

    fn add(&mut self, name: Name, key: LsaKey) -> Vertex {
        let node = Node {
            key,
            flags: RouterFlags::empty(),
            edges: Vec::new(),
            names: Vec::new(),
            prefixes: Vec::new(),
        };
        let vertex = self.free.pop().unwrap_or(self.nodes.len() as Vertex);
        match self.nodes.get_mut(vertex as usize) {
            Some(free) => *free = Some(node),
            None => self.nodes.push(Some(node)),
        }
        self.named.entry(name).or_default().push(vertex);
        vertex
    }

    /// Reads the LSA of a vertex. The links it had.
    fn read(&mut self, vertex: Vertex, database: &Database) -> Vec<Edge> {
        let Some(key) = self.node(vertex).map(|node| node.key) else {
            return Vec::new();
        };
        let (mut edges, mut names, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
        let mut flags = RouterFlags::empty();
        match body(database, key) {
            Some(Body::Router(router)) => {
                flags = router.flags;
                self.read_router(router, &mut edges, &mut names, &mut prefixes);
            }
            Some(Body::Network(network)) => {
                self.read_network(key.id, network, &mut edges, &mut names, &mut prefixes);
            }
            _ => {}
        }
        edges.sort_unstable();
        names.sort_unstable();
        names.dedup();
        let costless = |edges: &[Edge]| match key.kind {
            LsaType::Router => edges.iter().filter(|edge| edge.cost == 0).count(),
            _ => 0,
        };
        let added = costless(&edges);
        let Some(node) = self.nodes.get_mut(vertex as usize).and_then(Option::as_mut) else {
            return Vec::new();
        };
        let old = std::mem::replace(&mut node.edges, edges);
        let unnamed = std::mem::replace(&mut node.names, names.clone());
        (node.flags, node.prefixes) = (flags, prefixes);
        self.free_links = self.free_links + added - costless(&old);
        if unnamed != names {
            for name in &unnamed {
                if let Some(vertices) = self.naming.get_mut(name) {
                    vertices.retain(|other| *other != vertex);
                    if vertices.is_empty() {
                        self.naming.remove(name);
                    }
                }
            }
            for name in names {
                self.naming.entry(name).or_default().push(vertex);
            }
        }
        old
    }

    fn read_router(
        &self,
        router: RouterBody<'_>,
        edges: &mut Vec<Edge>,
        names: &mut Vec<Name>,
        prefixes: &mut Vec<(Prefix4, u32)>,
    ) {
        for link in router.links() {
            let name = match link.kind {
                LinkType::PointToPoint | LinkType::Virtual => Name::Router(link.id),
                LinkType::Transit => Name::Network(link.id),
                LinkType::Stub => {
                    // One whose mask has holes is skipped.
                    if let Ok(prefix) = Prefix4::from_netmask(link.id, link.data) {
                        prefixes.push((prefix, link.metric.into()));
                    }
                    continue;
                }
                LinkType::Other(_) => continue,
            };
            names.push(name);
            edges.extend(self.named(name).iter().map(|to| Edge {
                to: *to,
                cost: link.metric.into(),
                data: link.data,
                is_virtual: link.kind == LinkType::Virtual,
                said_back: false,
            }));
        }
    }

    fn read_network(
        &self,
        address: Ipv4Addr,
        network: NetworkBody<'_>,
        edges: &mut Vec<Edge>,
        names: &mut Vec<Name>,
        prefixes: &mut Vec<(Prefix4, u32)>,
    ) {
        // Who wants the network not to be reached gives it the mask of a host (RFC 6860 §2.2).
        if network.mask != Ipv4Addr::BROADCAST
            && let Ok(prefix) = Prefix4::from_netmask(address, network.mask)
        {
            prefixes.push((prefix, 0));
        }
        for router in network.routers() {
            let name = Name::Router(router);
            names.push(name);
            edges.extend(self.named(name).iter().map(|to| Edge {
                to: *to,
                cost: 0,
                data: Ipv4Addr::UNSPECIFIED,
                is_virtual: false,
                said_back: false,
            }));
        }
    }

    /// Looks which links of the vertices that were read are said by both ends, and which ones changed.
    fn connect(&mut self, read: &BTreeMap<Vertex, Vec<Edge>>, links: &mut Vec<(Vertex, Vertex)>) {
        let mut others = BTreeSet::new();
        for (vertex, old) in read {
            let mut edges = self.take_edges(*vertex);
            for edge in &mut edges {
                edge.said_back = self.leads(edge.to, *vertex) || edge.to == *vertex;
            }
            differences(old, &edges, |to| links.push((*vertex, to)));
            let ends = old.iter().chain(&edges).map(|edge| edge.to);
            others.extend(
                ends.filter(|end| !read.contains_key(end))
                    .map(|end| (end, *vertex)),
            );
            self.put_edges(*vertex, edges);
        }
        for (other, vertex) in others {
            let back = self.leads(vertex, other);
            let range = self.range(other, vertex);
            let edges = self.nodes.get_mut(other as usize).and_then(Option::as_mut);
            let edges = edges.and_then(|node| node.edges.get_mut(range));
            for edge in edges.into_iter().flatten().filter(|edge| edge.said_back != back) {
                edge.said_back = back;
                links.push((other, vertex));
            }
        }
    }

    fn take_edges(&mut self, vertex: Vertex) -> Vec<Edge> {
        let node = self.nodes.get_mut(vertex as usize).and_then(Option::as_mut);
        node.map(|node| std::mem::take(&mut node.edges))
            .unwrap_or_default()
    }

    fn put_edges(&mut self, vertex: Vertex, edges: Vec<Edge>) {
        if let Some(node) = self.nodes.get_mut(vertex as usize).and_then(Option::as_mut) {
            node.edges = edges;
        }
    }

    fn node(&self, vertex: Vertex) -> Option<&Node> {
        self.nodes.get(vertex as usize)?.as_ref()
    }

    fn named(&self, name: Name) -> &[Vertex] {
        self.named.get(&name).map_or(&[], Vec::as_slice)
    }

    fn vertex(&self, name: Name, router: Ipv4Addr) -> Option<Vertex> {
        let mut vertices = self.named(name).iter().copied();
        vertices.find(|vertex| self.node(*vertex).is_some_and(|node| node.key.router == router))
    }

    fn range(&self, from: Vertex, to: Vertex) -> std::ops::Range<usize> {
        let edges = self.edges(from);
        edges.partition_point(|edge| edge.to < to)..edges.partition_point(|edge| edge.to <= to)
    }

    /// The links of a vertex, whether or not the other end says so, by where they lead.
    #[must_use]
    pub fn edges(&self, vertex: Vertex) -> &[Edge] {
        self.node(vertex).map_or(&[], |node| &node.edges)
    }

    /// The links from one vertex to another.
    #[must_use]
    pub fn between(&self, from: Vertex, to: Vertex) -> &[Edge] {
        self.edges(from).get(self.range(from, to)).unwrap_or_default()
    }

    /// Whether one vertex says that there is a link to another.
    fn leads(&self, from: Vertex, to: Vertex) -> bool {
        !self.range(from, to).is_empty()
    }

    /// The vertex of a router.
    #[must_use]
    pub fn router(&self, id: Ipv4Addr) -> Option<Vertex> {
        self.named(Name::Router(id)).first().copied()
    }

    /// Whether a vertex is a network.
    #[must_use]
    pub fn is_network(&self, vertex: Vertex) -> bool {
        self.node(vertex)
            .is_some_and(|node| node.key.kind == LsaType::Network)
    }

    /// The place of a vertex among all: networks come before routers.
    pub(super) fn rank(&self, vertex: Vertex) -> (bool, Ipv4Addr, Ipv4Addr) {
        let key = self.node(vertex).map(|node| node.key);
        key.map_or((false, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED), |key| {
            (key.kind == LsaType::Router, key.id, key.router)
        })
    }

    /// One more than the highest vertex there ever was.
    #[must_use]
    pub const fn bound(&self) -> usize {
        self.nodes.len()
    }

    /// Every vertex.
    pub fn vertices(&self) -> impl Iterator<Item = Vertex> {
        (0..self.nodes.len() as Vertex).filter(|vertex| self.node(*vertex).is_some())
    }

    /// Whether some router says that a link of its costs nothing.
    #[must_use]
    pub const fn has_free_links(&self) -> bool {
        self.free_links > 0
    }

    /// The identifier of a router, or the address of a network's Designated Router.
    #[must_use]
    pub fn id(&self, vertex: Vertex) -> Ipv4Addr {
        self.node(vertex)
            .map_or(Ipv4Addr::UNSPECIFIED, |node| node.key.id)
    }

    /// What a router says of itself.
    #[must_use]
    pub fn flags(&self, vertex: Vertex) -> RouterFlags {
        self.node(vertex).map_or(RouterFlags::empty(), |node| node.flags)
    }

    /// The networks at a vertex, and what they cost beyond it.
    #[must_use]
    pub fn prefixes(&self, vertex: Vertex) -> &[(Prefix4, u32)] {
        self.node(vertex).map_or(&[], |node| &node.prefixes)
    }
}

/// What an LSA says, if it is there and not at MaxAge.
fn body(database: &Database, key: LsaKey) -> Option<Body<'_>> {
    let slot = database.find(key).filter(|slot| !database.is_flushed(*slot))?;
    database.body(slot)
}

/// Tells of the ends of links that count in only one of two lists.
fn differences(old: &[Edge], new: &[Edge], mut each: impl FnMut(Vertex)) {
    let count = |edges: &[Edge]| {
        edges
            .iter()
            .filter(|edge| edge.said_back)
            .copied()
            .collect::<Vec<_>>()
    };
    let (old, new) = (count(old), count(new));
    let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (olds.peek(), news.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        let old = (order != Ordering::Greater).then(|| olds.next()).flatten();
        let new = (order != Ordering::Less).then(|| news.next()).flatten();
        if order != Ordering::Equal {
            old.or(new).into_iter().for_each(|edge| each(edge.to));
        }
    }
}
