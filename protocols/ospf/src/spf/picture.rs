//! The graph and the shortest paths as people look at them: a picture of an area, and the way to a network.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::area::AreaPaths;
use super::graph::Vertex;
use super::hops::SetId;
use super::path::{Path, PathType};
use super::table::Table;
use super::tree::UNREACHABLE;
use crate::area::AreaId;
use crate::lsa::body::RouterFlags;

/// A router or network of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Whether it is a network.
    pub network: bool,
    /// The identifier of a router; the address of a network's Designated Router.
    pub id: Ipv4Addr,
    /// What a router says of itself.
    pub flags: RouterFlags,
    /// How far it is, if it is reached.
    pub distance: Option<u32>,
    /// The next hops there.
    pub hops: SetId,
}

/// A link, as one end says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The places of its ends among the spots.
    pub ends: (usize, usize),
    /// What it costs.
    pub cost: u32,
    /// Whether a shortest path goes along it.
    pub shortest: bool,
    /// Whether it is a virtual link.
    pub is_virtual: bool,
}

/// An area.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Routers and networks.
    pub spots: Vec<Spot>,
    /// The links between them that both ends say.
    pub lines: Vec<Line>,
}

/// The way to a network: what is passed in the area, nearest first, and what the last of them says is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// The path in the routing table.
    pub path: Path,
    /// The area whose graph is passed.
    pub area: AreaId,
    /// From this router on; of several ways as short one.
    pub spots: Vec<Spot>,
    /// What is beyond the last of them costs so much more; of a network outside whose metric is of type 2, its way inside.
    pub beyond: u32,
    /// The address packets to a network outside are sent to, if it is not the boundary router itself.
    pub forwarding: Option<Ipv4Addr>,
}

impl AreaPaths {
    fn spot(&self, vertex: Vertex) -> Spot {
        let distance = self.tree().distance(vertex);
        Spot {
            network: self.graph().is_network(vertex),
            id: self.graph().id(vertex),
            flags: self.graph().flags(vertex),
            distance: (distance != UNREACHABLE).then_some(distance),
            hops: self.tree().hops(vertex),
        }
    }

    fn is_shortest(&self, from: Vertex, to: Vertex, cost: u32) -> bool {
        let (near, far) = (self.tree().distance(from), self.tree().distance(to));
        near != UNREACHABLE && near.saturating_add(cost) == far && !self.tree().hops(to).is_empty()
    }

    fn picture(&self) -> Picture {
        let graph = self.graph();
        let mut vertices: Vec<Vertex> = graph.vertices().collect();
        vertices.sort_by_key(|vertex| graph.rank(*vertex));
        let places: BTreeMap<Vertex, usize> = vertices
            .iter()
            .enumerate()
            .map(|(place, vertex)| (*vertex, place))
            .collect();
        let lines = vertices.iter().flat_map(|from| {
            let edges = graph.edges(*from).iter().filter(|edge| edge.said_back);
            edges.filter_map(|edge| {
                Some(Line {
                    ends: (*places.get(from)?, *places.get(&edge.to)?),
                    cost: edge.cost,
                    shortest: self.is_shortest(*from, edge.to, edge.cost),
                    is_virtual: edge.is_virtual,
                })
            })
        });
        Picture {
            lines: lines.collect(),
            spots: vertices.iter().map(|vertex| self.spot(*vertex)).collect(),
        }
    }

    /// A shortest way to a vertex.
    fn way(&self, to: Vertex) -> Vec<Spot> {
        let graph = self.graph();
        let mut way = vec![self.spot(to)];
        let mut at = to;
        // As many steps as there are vertices at most: links that cost nothing might go in circles.
        for _ in 0..graph.bound() {
            let before = graph.edges(at).iter().map(|edge| edge.to).find(|before| {
                let links = graph.between(*before, at).iter();
                let mut links = links.filter(|edge| edge.said_back);
                links.any(|edge| self.is_shortest(*before, at, edge.cost))
                    && (self.tree().distance(*before) < self.tree().distance(at) || graph.is_network(*before))
            });
            let Some(before) = before else { break };
            way.push(self.spot(before));
            at = before;
        }
        way.reverse();
        way
    }
}

impl Table {
    /// The areas there are paths in.
    pub fn areas(&self) -> impl Iterator<Item = AreaId> {
        self.area_paths().keys().copied()
    }

    /// A picture of an area.
    #[must_use]
    pub fn picture(&self, area: AreaId) -> Option<Picture> {
        self.area_paths().get(&area).map(AreaPaths::picture)
    }

    /// The way to a network, as far as areas of this router's show it.
    #[must_use]
    pub fn trail(&self, prefix: waypost_types::Prefix4) -> Option<Trail> {
        let path = self.path(prefix)?;
        let trail = |area: AreaId, vertex: Vertex, beyond: u32, forwarding| {
            let paths = self.area_paths().get(&area)?;
            Some(Trail {
                path,
                area,
                spots: paths.way(vertex),
                beyond,
                forwarding,
            })
        };
        match path.kind {
            PathType::IntraArea => {
                let (area, vertex, cost) = self.nearest_place(prefix)?;
                trail(area, vertex, cost, None)
            }
            PathType::InterArea => {
                let (border, distance) = self.distance_to(path.area, path.origin)?;
                trail(path.area, border, path.cost.saturating_sub(distance), None)
            }
            PathType::External1 | PathType::External2 => {
                let forwarding = self.forwarding(prefix, path.origin);
                if let Some(address) = forwarding {
                    let inside = self.covering(address)?;
                    let inner = self.trail(inside)?;
                    let beyond = path
                        .cost
                        .saturating_sub(inner.path.cost)
                        .saturating_add(inner.beyond);
                    return Some(Trail {
                        path,
                        beyond,
                        forwarding,
                        ..inner
                    });
                }
                let (router, distance) = match self.distance_to(path.area, path.origin) {
                    Some(found) => found,
                    None => self.distance_to(path.area, self.border_towards(path.origin, path.area)?)?,
                };
                trail(path.area, router, path.cost.saturating_sub(distance), None)
            }
        }
    }

    /// A router of an area that is reached in it.
    fn distance_to(&self, area: AreaId, router: Ipv4Addr) -> Option<(Vertex, u32)> {
        let paths = self.area_paths().get(&area)?;
        let vertex = paths.graph().router(router)?;
        let distance = paths.tree().distance(vertex);
        (distance != UNREACHABLE).then_some((vertex, distance))
    }
}
