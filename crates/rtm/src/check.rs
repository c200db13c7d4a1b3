//! What a route must be to be taken.

use std::net::IpAddr;

use waypost_types::{MAX_NEXT_HOPS, PathId, Prefix, Route, RouteKind};

/// Why one change of a batch was refused. The route it was to replace, if any, stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The owner has as many routes as it may have.
    #[error("the owner has reached its limit of {limit} routes")]
    RouteLimit {
        /// The limit.
        limit: u32,
    },
    /// The table holds as many bytes as it may.
    #[error("the routing table has reached its memory budget of {budget} bytes")]
    Memory {
        /// The budget in bytes.
        budget: usize,
    },
    /// The owner registered for the other family.
    #[error("the owner is registered for the other address family")]
    Family,
    /// An IPv6 destination cannot be reached through an IPv4 gateway. (The other way round works, RFC 8950.)
    #[error("gateway {gateway} is not of the destination's address family")]
    GatewayFamily {
        /// The gateway.
        gateway: IpAddr,
    },
    /// A gateway that no route can lead to: link-local, of this machine, for groups, or none.
    #[error(
        "gateway {gateway} of a next hop without an interface is not a unicast address that routes can lead to"
    )]
    RecursiveGateway {
        /// The gateway.
        gateway: IpAddr,
    },
    /// More next hops than a route may have.
    #[error("{count} next hops are out of range (1..={MAX_NEXT_HOPS})")]
    TooManyNextHops {
        /// How many there were.
        count: usize,
    },
    /// A unicast route without a next hop.
    #[error("a unicast route needs a next hop")]
    NoNextHop,
    /// A route that drops packets has no use for next hops.
    #[error("a {0} route cannot have next hops")]
    NextHopsNotAllowed(RouteKind),
    /// A next hop's weight is out of range.
    #[error("next-hop weight {0} is out of range (1..=256)")]
    Weight(u16),
    /// Preferences begin at 1.
    #[error("preference 0 is out of range (1..=255)")]
    PreferenceZero,
    /// All 2^32 - 1 row numbers are in use.
    #[error("the routing table is full")]
    TableFull,
}

/// A change that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its position in the batch.
    pub position: usize,
    /// Its destination.
    pub prefix: Prefix,
    /// Its path.
    pub path: PathId,
    /// Why.
    pub reason: Refusal,
}

/// Looks at a route by itself.
pub(crate) fn check(prefix: Prefix, route: &Route) -> Result<(), Refusal> {
    if route.preference == Some(0) {
        return Err(Refusal::PreferenceZero);
    }
    if route.kind != RouteKind::Unicast {
        return if route.next_hops.is_empty() {
            Ok(())
        } else {
            Err(Refusal::NextHopsNotAllowed(route.kind))
        };
    }
    match route.next_hops.len() {
        0 => return Err(Refusal::NoNextHop),
        1..=MAX_NEXT_HOPS => {}
        count => return Err(Refusal::TooManyNextHops { count }),
    }
    for next_hop in &route.next_hops {
        if !(1..=256).contains(&next_hop.weight) {
            return Err(Refusal::Weight(next_hop.weight));
        }
        if let (Prefix::V6(_), Some(gateway @ IpAddr::V4(_))) = (prefix, next_hop.gateway) {
            return Err(Refusal::GatewayFamily { gateway });
        }
        if let Some(gateway) = next_hop.gateway
            && next_hop.is_recursive()
            && !is_routable(gateway)
        {
            return Err(Refusal::RecursiveGateway { gateway });
        }
    }
    Ok(())
}

/// Whether a route can lead to an address.
const fn is_routable(address: IpAddr) -> bool {
    let on_one_link = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(on_one_link || address.is_unspecified() || address.is_loopback() || address.is_multicast())
}
