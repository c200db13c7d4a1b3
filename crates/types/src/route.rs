//! Routes as their owners hand them to the routing table manager, and as it tells others about them.

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{InterfaceIndex, Prefix, ProtocolId};

/// How many equal-cost next hops one route may have (router-services P-56).
pub const MAX_NEXT_HOPS: usize = 16;

/// Where a packet goes next: out of an interface, through a gateway unless the destination is on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NextHop {
    /// The outgoing interface; [`InterfaceIndex::UNSPECIFIED`] in a [recursive](Self::recursive) next hop.
    pub interface: InterfaceIndex,
    /// The router on that link; `None` when the destination itself is on the link.
    pub gateway: Option<IpAddr>,
    /// Share of an equal-cost set, 1..=256; 1 unless the owner weighs its paths.
    pub weight: u16,
    /// The gateway is on the link although no address of the interface covers it.
    pub onlink: bool,
}

impl NextHop {
    /// Through `gateway` on `interface`, weight 1.
    #[must_use]
    pub const fn via(gateway: IpAddr, interface: InterfaceIndex) -> Self {
        Self {
            interface,
            gateway: Some(gateway),
            weight: 1,
            onlink: false,
        }
    }

    /// Straight onto the link of `interface`, weight 1.
    #[must_use]
    pub const fn on(interface: InterfaceIndex) -> Self {
        Self {
            interface,
            gateway: None,
            weight: 1,
            onlink: false,
        }
    }

    /// Through `gateway`, wherever that is: the routing table finds the way to it, and finds it anew when it changes. Weight 1.
    #[must_use]
    pub const fn recursive(gateway: IpAddr) -> Self {
        Self::via(gateway, InterfaceIndex::UNSPECIFIED)
    }

    /// Whether the routing table has to find the way to the gateway.
    #[must_use]
    pub const fn is_recursive(&self) -> bool {
        self.interface.0 == InterfaceIndex::UNSPECIFIED.0 && self.gateway.is_some()
    }
}

/// The next hops of one route; most routes have one.
pub type NextHops = SmallVec<[NextHop; 1]>;

/// What happens to a packet that matches a route.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RouteKind {
    /// It goes to a next hop.
    #[default]
    Unicast,
    /// It is dropped without a word.
    Blackhole,
    /// It is dropped and the sender hears "host unreachable".
    Unreachable,
    /// It is dropped and the sender hears "administratively prohibited".
    Prohibit,
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unicast => "unicast",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
        })
    }
}

/// Tells routes of one owner to one destination apart; 0 where the owner keeps one route a destination.
///
/// Takes the place of the neighbour in the documented identity (destination, owner, neighbour).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathId(pub u32);

/// A route without its destination and owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// What happens to matching packets.
    pub kind: RouteKind,
    /// Where they go: 1..=[`MAX_NEXT_HOPS`] for unicast routes, none for the others.
    pub next_hops: NextHops,
    /// The owner's own measure; compared only between routes of equal preference, lower wins.
    pub metric: u32,
    /// An opaque mark, carried along by protocols that can.
    pub tag: u32,
    /// Rank of the route, 1..=255, lower wins; `None` takes the owner's from the preference table.
    pub preference: Option<u8>,
}

/// One change of one owner's routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteChange {
    /// Add the route, or replace the one with the same destination and path.
    Set {
        /// The destination.
        prefix: Prefix,
        /// Which of the owner's routes to it.
        path: PathId,
        /// The route.
        route: Route,
    },
    /// Remove the route with this destination and path, if there is one.
    Delete {
        /// The destination.
        prefix: Prefix,
        /// Which of the owner's routes to it.
        path: PathId,
    },
}

/// Changes of one owner, applied in order and as one.
pub type RouteBatch = Vec<RouteChange>;

/// The best route to a destination, as those see it that redistribute it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BestRoute {
    /// Whose route it is.
    pub owner: ProtocolId,
    /// Its preference.
    pub preference: u8,
    /// The route itself.
    pub route: Route,
}

/// News about one destination: its best route now, or that it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteNotice {
    /// The destination.
    pub prefix: Prefix,
    /// Its best route; `None` when it went away.
    pub best: Option<BestRoute>,
}
