//! The graph of an area: routers and transit networks, and the links between them (RFC 2328 §2.1, §16.1).

use std::net::Ipv4Addr;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use waypost_types::{Prefix4, Seed, Time};

use crate::database::{Database, Slot};
use crate::lsa::body::{LinkType, RouterFlags};
use crate::lsa::{Body, LsaType, RouterBody};

/// The place of a vertex; routers come before networks.
pub type Vertex = u32;

/// A link from one vertex to another, as the first of them says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Where it leads.
    pub to: Vertex,
    /// What it costs; from a network to a router, nothing.
    pub cost: u32,
    /// Link Data of the router that says it; 0.0.0.0 where a network does.
    pub data: Ipv4Addr,
    /// Whether it is a virtual link.
    pub is_virtual: bool,
}

/// The vertices of an area, in flat arrays.
#[derive(Clone, Debug)]
pub struct Graph {
    slots: Vec<Slot>,
    ids: Vec<Ipv4Addr>,
    routers: u32,
    starts: Vec<u32>,
    edges: Vec<Edge>,
    /// The targets of each vertex's edges once more, sorted, for looking whether a link is said by both ends.
    targets: Vec<Vertex>,
    by_router: HashMap<Ipv4Addr, Vertex, FixedState>,
}

impl Graph {
    /// Reads the router- and network-LSAs of an area. LSAs at MaxAge are not there (§16.1 (2b)).
    #[must_use]
    pub fn read(database: &Database, now: Time, seed: Seed) -> Self {
        let hasher = FixedState::with_seed(seed.child("graph").0);
        let mut by_router = HashMap::with_hasher(hasher.clone());
        let mut by_network: HashMap<Ipv4Addr, Vec<Vertex>, FixedState> = HashMap::with_hasher(hasher);
        let (mut slots, mut ids, mut networks) = (Vec::new(), Vec::new(), Vec::new());
        for slot in database.slots() {
            let Some(key) = database.key(slot) else { continue };
            if !matches!(key.kind, LsaType::Router | LsaType::Network)
                || database
                    .header(slot, now)
                    .is_none_or(|header| header.is_max_age())
            {
                continue;
            }
            match key.kind {
                LsaType::Network => networks.push((slot, key.id)),
                // A router-LSA about somebody else is about nobody (§12.4.1).
                _ if key.id == key.router => {
                    by_router.insert(key.id, slots.len() as Vertex);
                    slots.push(slot);
                    ids.push(key.id);
                }
                _ => {}
            }
        }
        let routers = slots.len() as u32;
        for (slot, id) in networks {
            by_network.entry(id).or_default().push(slots.len() as Vertex);
            slots.push(slot);
            ids.push(id);
        }
        let mut graph = Self {
            starts: Vec::with_capacity(slots.len() + 1),
            slots,
            ids,
            routers,
            edges: Vec::new(),
            targets: Vec::new(),
            by_router,
        };
        graph.read_edges(database, &by_network);
        graph
    }

    fn read_edges(&mut self, database: &Database, by_network: &HashMap<Ipv4Addr, Vec<Vertex>, FixedState>) {
        self.starts.push(0);
        for slot in &self.slots {
            match database.body(*slot) {
                Some(Body::Router(router)) => {
                    for link in router.links() {
                        let mut edge = Edge {
                            to: 0,
                            cost: link.metric.into(),
                            data: link.data,
                            is_virtual: link.kind == LinkType::Virtual,
                        };
                        match link.kind {
                            LinkType::PointToPoint | LinkType::Virtual => {
                                if let Some(to) = self.by_router.get(&link.id) {
                                    edge.to = *to;
                                    self.edges.push(edge);
                                }
                            }
                            // An address may be that of several network-LSAs: the old Designated Router's may be there
                            // still. Which ones count is decided by the links back.
                            LinkType::Transit => {
                                for to in by_network.get(&link.id).into_iter().flatten() {
                                    edge.to = *to;
                                    self.edges.push(edge);
                                }
                            }
                            LinkType::Stub | LinkType::Other(_) => {}
                        }
                    }
                }
                Some(Body::Network(network)) => {
                    let routers = network.routers().filter_map(|router| self.by_router.get(&router));
                    self.edges.extend(routers.map(|to| Edge {
                        to: *to,
                        cost: 0,
                        data: Ipv4Addr::UNSPECIFIED,
                        is_virtual: false,
                    }));
                }
                _ => {}
            }
            self.starts.push(self.edges.len() as u32);
        }
        self.targets = self.edges.iter().map(|edge| edge.to).collect();
        for window in self.starts.windows(2) {
            if let [start, end] = window
                && let Some(targets) = self.targets.get_mut(*start as usize..*end as usize)
            {
                targets.sort_unstable();
            }
        }
    }

    fn range(&self, vertex: Vertex) -> std::ops::Range<usize> {
        let at = |index: usize| self.starts.get(index).map_or(0, |start| *start as usize);
        at(vertex as usize)..at(vertex as usize + 1)
    }

    /// The links of a vertex, whether or not the other end says so.
    #[must_use]
    pub fn edges(&self, vertex: Vertex) -> &[Edge] {
        self.edges.get(self.range(vertex)).unwrap_or_default()
    }

    /// Whether one vertex says that there is a link to another.
    #[must_use]
    pub fn leads(&self, from: Vertex, to: Vertex) -> bool {
        let targets = self.targets.get(self.range(from)).unwrap_or_default();
        targets.binary_search(&to).is_ok()
    }

    /// The vertex of a router.
    #[must_use]
    pub fn router(&self, id: Ipv4Addr) -> Option<Vertex> {
        self.by_router.get(&id).copied()
    }

    /// Whether a vertex is a network.
    #[must_use]
    pub const fn is_network(&self, vertex: Vertex) -> bool {
        vertex >= self.routers
    }

    /// How many vertices there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The identifier of a router, or the address of a network's Designated Router.
    #[must_use]
    pub fn id(&self, vertex: Vertex) -> Ipv4Addr {
        self.ids
            .get(vertex as usize)
            .copied()
            .unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn slot(&self, vertex: Vertex) -> Option<Slot> {
        self.slots.get(vertex as usize).copied()
    }

    fn router_body<'a>(&self, vertex: Vertex, database: &'a Database) -> Option<RouterBody<'a>> {
        match database.body(self.slot(vertex)?)? {
            Body::Router(router) => Some(router),
            _ => None,
        }
    }

    /// What a router says of itself.
    #[must_use]
    pub fn flags(&self, vertex: Vertex, database: &Database) -> RouterFlags {
        self.router_body(vertex, database)
            .map_or(RouterFlags::empty(), |router| router.flags)
    }

    /// The stub networks of a router, with their costs; those whose mask is none are skipped.
    pub fn stubs<'a>(
        &self,
        vertex: Vertex,
        database: &'a Database,
    ) -> impl Iterator<Item = (Prefix4, u32)> + use<'a> {
        let links = self.router_body(vertex, database).map(|router| router.links());
        links.into_iter().flatten().filter_map(|link| {
            let prefix = Prefix4::from_netmask(link.id, link.data).ok()?;
            (link.kind == LinkType::Stub).then_some((prefix, link.metric.into()))
        })
    }

    /// The prefix of a transit network. Who wants it not to be reached gives it the mask of a host (RFC 6860 §2.2).
    #[must_use]
    pub fn network(&self, vertex: Vertex, database: &Database) -> Option<Prefix4> {
        match database.body(self.slot(vertex)?)? {
            Body::Network(network) if network.mask != Ipv4Addr::BROADCAST => {
                Prefix4::from_netmask(self.id(vertex), network.mask).ok()
            }
            _ => None,
        }
    }
}
