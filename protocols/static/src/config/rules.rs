//! Ranges of options and rules between them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use waypost_routprot::Refusal;
use waypost_types::{MAX_NEXT_HOPS, Prefix, RouteKind};

use super::via::is_interface_name;
use super::{GlobalConfig, InterfaceConfig, InterfaceStaticRoute, MAX_INTERFACE_NAME, StaticRoute, Via};
use crate::table::RouteKey;

/// Most routes of the router as a whole.
pub const MAX_ROUTES: usize = 1_000_000;

/// Most routes of an interface: as many as RRAS's block may hold.
pub const MAX_INTERFACE_ROUTES: usize = waypost_routprot::router_blocks::MAX_ELEMENTS as usize;

/// Octets of the longest note.
pub const MAX_ANNOTATION: usize = 1024;

/// The highest metric: the one above means "none" in RRAS's rows.
const MAX_METRIC: u32 = u32::MAX - 1;

pub(super) fn check_global(config: &GlobalConfig) -> Result<(), Refusal> {
    annotation(config.annotate.as_deref())?;
    length(config.routes.len(), MAX_ROUTES)?;
    let mut seen: BTreeMap<RouteKey, usize> = BTreeMap::new();
    for (index, route) in config.routes.iter().enumerate() {
        let at = format!("routes.{index}");
        check_route(route).map_err(|refusal| refusal.under(&at))?;
        if let Some(first) = seen.insert(RouteKey::of(route), index) {
            return Err(Refusal::invalid(format!(
                "routes.{first} has the same destination, preference and metric; list all next hops in its 'via', or tell \
                 the two apart by preference or metric"
            ))
            .at(&at)
            .with_value(route.prefix));
        }
    }
    Ok(())
}

pub(super) fn check_interface(config: &InterfaceConfig) -> Result<(), Refusal> {
    annotation(config.annotate.as_deref())?;
    length(config.routes.len(), MAX_INTERFACE_ROUTES)?;
    let mut seen: BTreeMap<RouteKey, Vec<usize>> = BTreeMap::new();
    for (index, route) in config.routes.iter().enumerate() {
        let at = format!("routes.{index}");
        check_interface_route(route).map_err(|refusal| refusal.under(&at))?;
        let equals = seen.entry(RouteKey::of_interface(route)).or_default();
        for first in equals.iter().copied() {
            // INVARIANT: the list holds indices of routes that came before.
            if let Some(other) = config.routes.get(first) {
                check_equals(route, other, first).map_err(|refusal| refusal.under(&at))?;
            }
        }
        equals.push(index);
        if equals.len() > MAX_NEXT_HOPS {
            return Err(Refusal::invalid(format!(
                "more than {MAX_NEXT_HOPS} routes share this destination, preference and metric"
            ))
            .at(&at)
            .with_value(route.prefix));
        }
    }
    Ok(())
}

/// Routes of equal rank become one route with several next hops, so what that route has once must be equal.
fn check_equals(
    route: &InterfaceStaticRoute,
    other: &InterfaceStaticRoute,
    first: usize,
) -> Result<(), Refusal> {
    if route.gateway == other.gateway {
        return Err(Refusal::invalid(format!("routes.{first} is the same route")).with_value(route.prefix));
    }
    if route.tag.unwrap_or(0) != other.tag.unwrap_or(0) {
        return Err(Refusal::invalid(format!(
            "routes.{first} shares destination, preference and metric, and so must share the tag"
        ))
        .at("tag")
        .with_value(route.tag.unwrap_or(0))
        .with_allowed(other.tag.unwrap_or(0).to_string()));
    }
    Ok(())
}

fn check_route(route: &StaticRoute) -> Result<(), Refusal> {
    destination(route.prefix)?;
    rank(route.preference, route.metric)?;
    annotation(route.annotate.as_deref())?;
    if route.kind != RouteKind::Unicast {
        if let Some(via) = route.via.first() {
            return Err(
                Refusal::invalid(format!("a {} route goes nowhere and has no next hop", route.kind))
                    .at("via")
                    .with_value(via),
            );
        }
        return Ok(());
    }
    if !(1..=MAX_NEXT_HOPS).contains(&route.via.len()) {
        let refusal = Refusal::out_of_range("via", route.via.len(), format!("1..={MAX_NEXT_HOPS} next hops"));
        return Err(Refusal {
            reason: if route.via.is_empty() {
                "a route needs a next hop, or a kind other than unicast".to_owned()
            } else {
                "too many next hops".to_owned()
            },
            ..refusal
        });
    }
    for (index, via) in route.via.iter().enumerate() {
        let at = format!("via.{index}");
        check_via(route.prefix, via).map_err(|refusal| refusal.at(&at))?;
        let same = |other: &&Via| other.gateway == via.gateway && other.device == via.device;
        if route.via.iter().take(index).any(|other| same(&other)) {
            return Err(Refusal::invalid("this next hop is there twice")
                .at(&at)
                .with_value(via));
        }
    }
    Ok(())
}

fn check_via(prefix: Prefix, via: &Via) -> Result<(), Refusal> {
    if let Some(name) = &via.device
        && !is_interface_name(name)
    {
        return Err(Refusal::invalid("this is not the name of an interface")
            .with_value(name.escape_default())
            .with_allowed(format!(
                "1..={MAX_INTERFACE_NAME} octets without '/', ':' and blanks"
            )));
    }
    weight(via.weight)?;
    let Some(gateway) = via.gateway else {
        return if via.onlink || via.recursive {
            let word = if via.onlink { "onlink" } else { "recursive" };
            Err(Refusal::invalid(format!("{word} is about a gateway, and none is given")).with_value(via))
        } else if via.device.is_none() {
            Err(Refusal::invalid(
                "a next hop needs an address, an interface or both",
            ))
        } else {
            Ok(())
        };
    };
    check_gateway(prefix, gateway)?;
    if via.recursive {
        return check_recursive(via, gateway);
    }
    if via.device.is_none() && via.onlink {
        return Err(Refusal::invalid("onlink needs to know which link: add 'dev INTERFACE'").with_value(via));
    }
    if via.device.is_none() && is_link_local(gateway) {
        return Err(
            Refusal::invalid("a link-local address needs to know which link: add 'dev INTERFACE'")
                .with_value(via),
        );
    }
    Ok(())
}

/// The routing table finds the interface, so none is given, and an address that says nothing without one cannot be found.
fn check_recursive(via: &Via, gateway: IpAddr) -> Result<(), Refusal> {
    if via.device.is_some() || via.onlink {
        return Err(Refusal::invalid(
            "recursive leaves the way to the gateway to the routing table: without 'dev' and 'onlink'",
        )
        .with_value(via));
    }
    let link_local =
        is_link_local(gateway) || matches!(gateway, IpAddr::V4(address) if address.is_link_local());
    if link_local {
        return Err(Refusal::invalid(
            "no route leads to a link-local address: add 'dev INTERFACE' in the place of 'recursive'",
        )
        .with_value(via));
    }
    Ok(())
}

/// Whether an address is one of IPv6's that mean something on one link only (fe80::/10).
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn check_interface_route(route: &InterfaceStaticRoute) -> Result<(), Refusal> {
    destination(route.prefix)?;
    rank(route.preference, route.metric)?;
    annotation(route.annotate.as_deref())?;
    if let Some(weight_given) = route.weight {
        weight(weight_given).map_err(|refusal| refusal.at("weight"))?;
    }
    match route.gateway {
        Some(gateway) => check_gateway(route.prefix, gateway).map_err(|refusal| refusal.at("gateway")),
        None if route.onlink => Err(Refusal::invalid("onlink is about a gateway, and none is given")
            .at("onlink")
            .with_value(true)
            .with_allowed("false")),
        None => Ok(()),
    }
}

fn destination(prefix: Prefix) -> Result<(), Refusal> {
    if prefix.network().is_multicast() {
        return Err(
            Refusal::invalid("multicast destinations have no static routes (rras-blocks 9.6)")
                .at("prefix")
                .with_value(prefix)
                .with_allowed("a unicast prefix"),
        );
    }
    Ok(())
}

fn check_gateway(prefix: Prefix, gateway: IpAddr) -> Result<(), Refusal> {
    let refuse = |reason: &str| Err(Refusal::invalid(reason).with_value(gateway));
    if matches!(prefix, Prefix::V4(_)) != gateway.is_ipv4() {
        return refuse("the gateway is of another address family than the destination");
    }
    let broadcast = matches!(gateway, IpAddr::V4(address) if address.is_broadcast());
    if gateway.is_unspecified() || gateway.is_loopback() || gateway.is_multicast() || broadcast {
        return refuse("this address cannot be a router's");
    }
    Ok(())
}

fn rank(preference: Option<u8>, metric: Option<u32>) -> Result<(), Refusal> {
    if preference == Some(0) {
        return Err(Refusal::out_of_range("preference", 0, "1..=255"));
    }
    match metric {
        Some(metric) if metric > MAX_METRIC => Err(Refusal::out_of_range(
            "metric",
            metric,
            format!("0..={MAX_METRIC}"),
        )),
        _ => Ok(()),
    }
}

fn weight(weight: u16) -> Result<(), Refusal> {
    if (1..=256).contains(&weight) {
        Ok(())
    } else {
        Err(Refusal::invalid("weight is out of range")
            .with_value(weight)
            .with_allowed("1..=256"))
    }
}

fn length(count: usize, most: usize) -> Result<(), Refusal> {
    if count > most {
        return Err(Refusal::out_of_range(
            "routes",
            count,
            format!("0..={most} routes"),
        ));
    }
    Ok(())
}

fn annotation(text: Option<&str>) -> Result<(), Refusal> {
    match text {
        Some(text) if text.len() > MAX_ANNOTATION => Err(Refusal::out_of_range(
            "annotate",
            format!("{} octets", text.len()),
            format!("0..={MAX_ANNOTATION} octets"),
        )),
        _ => Ok(()),
    }
}
