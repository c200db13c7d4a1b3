//! Connected networks: what an interface's addresses say is reachable on its link.

use std::net::Ipv6Addr;

use waypost_manager::Interface;
use waypost_types::{NextHop, Prefix, Prefix4, Prefix6, Route, RouteKind};

/// The networks of an interface that is up and has a carrier. The kernel has routes for them by itself; in the table they
/// are known as best routes of the machine's own, for redistribution and for explaining.
pub(super) fn networks(interface: &Interface) -> Vec<(Prefix, Route)> {
    if !interface.up || !interface.carrier {
        return Vec::new();
    }
    let route = Route {
        kind: RouteKind::Unicast,
        next_hops: [NextHop::on(interface.index)].into_iter().collect(),
        metric: 0,
        tag: 0,
        preference: None,
    };
    let v4 = interface
        .addresses
        .iter()
        .filter(|(address, _)| !address.is_loopback());
    let v4 = v4.filter_map(|(address, length)| Prefix4::containing(*address, *length).ok().map(Prefix::V4));
    let v6 = interface
        .addresses6
        .iter()
        .filter(|(address, _)| is_routable(address));
    let v6 = v6.filter_map(|(address, length)| Prefix6::containing(*address, *length).ok().map(Prefix::V6));
    v4.chain(v6).map(|prefix| (prefix, route.clone())).collect()
}

/// Link-local networks are on every link and the loopback one is on none.
fn is_routable(address: &Ipv6Addr) -> bool {
    !address.is_loopback() && !address.is_unicast_link_local()
}
