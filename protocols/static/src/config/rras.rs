//! RRAS's layout of the routes of an interface: INTERFACE_ROUTE_INFO rows, one after the other, as one structure.
//!
//! The router manager makes it of the block 0xFFFF0005 (`waypost_routprot::router_blocks::static_interface_block`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost_routprot::router_blocks::{
    INFINITE_LIFETIME, INTERFACE_ROUTE_INFO_SIZE, InterfaceRoute, InterfaceRoute4, InterfaceRoute6,
    RouteFamily, RouteType, RouteViews, UNUSED_METRIC, decode_interface_routes, encode_routes,
};
use waypost_routprot::{InfoBlock, Layout, Refusal, WaypostHeader};
use waypost_types::{InterfaceIndex, Prefix};

use super::{InterfaceConfig, InterfaceStaticRoute, Origin};

/// Offset of dwRtInfoIfIndex in a row.
const INTERFACE_OFFSET: usize = 48;

/// Which layout a block follows.
///
/// A row starts with its destination, and 87.80.66.49 has the octets of the magic. Such a row is told from a Waypost block by
/// the next DWORD: layout number 2 read as a mask is 2.0.0.0, which no mask can be. The one destination that rows cannot start
/// with is an IPv6 prefix whose first 12 octets are a whole Waypost header (5750:4231:200::, outside all assigned space).
pub(super) fn layout_of(block: &InfoBlock) -> Result<Layout, Refusal> {
    let octets = block.payload()?;
    if block.version <= 1
        && octets.len().is_multiple_of(INTERFACE_ROUTE_INFO_SIZE)
        && WaypostHeader::read(octets).map_or(true, |(header, _)| header.layout != super::block::LAYOUT)
    {
        return Ok(Layout::Rras);
    }
    Layout::of(block)
}

pub(super) fn decode(octets: &[u8]) -> Result<InterfaceConfig, Refusal> {
    let routes = decode_interface_routes(octets)?
        .iter()
        .enumerate()
        .map(|(index, row)| from_row(row).map_err(|refusal| refusal.under(&format!("routes.{index}"))))
        .collect::<Result<_, _>>()?;
    Ok(InterfaceConfig {
        routes,
        annotate: None,
    })
}

pub(super) fn encode(config: &InterfaceConfig) -> InfoBlock {
    let rows: Vec<_> = config.routes.iter().map(to_row).collect();
    InfoBlock::new(1, encode_routes(&rows))
}

/// Puts the number of the interface into every row: it is ignored on Set and current on Get (rras-blocks P-104).
pub(crate) fn fill_interface_index(index: InterfaceIndex, block: &mut [u8]) {
    for row in block.chunks_exact_mut(INTERFACE_ROUTE_INFO_SIZE) {
        if let Some(field) = row.get_mut(INTERFACE_OFFSET..INTERFACE_OFFSET + 4) {
            field.copy_from_slice(&index.0.to_le_bytes());
        }
    }
}

/// Ages, next-hop systems, policies and the spare metrics say nothing about a static route and are passed over.
fn from_row(row: &InterfaceRoute) -> Result<InterfaceStaticRoute, Refusal> {
    if row.kind == RouteType::Invalid {
        return Err(Refusal::invalid("the route is marked as deleted")
            .at("dwRtInfoType")
            .with_value(2)
            .with_allowed("0, 1, 3 or 4"));
    }
    if !row.views.includes_unicast() {
        return Err(
            Refusal::invalid("static routes for multicast alone are not supported")
                .at("dwRtInfoViewSet")
                .with_value(2)
                .with_allowed("0, 1 or 3"),
        );
    }
    let origin = Origin::ALL
        .into_iter()
        .find(|origin| origin.protocol() == row.protocol)
        .ok_or_else(|| {
            Refusal::out_of_range(
                "dwRtInfoProto",
                row.protocol.0,
                "10006 (static), 10007 (static, non-dialling) or 10002 (autostatic)",
            )
        })?;
    let (gateway, metric) = match &row.family {
        RouteFamily::V4(v4) => (IpAddr::V4(v4.next_hop), v4.metrics[0]),
        RouteFamily::V6(v6) => {
            if v6.valid_lifetime != INFINITE_LIFETIME {
                return Err(Refusal::out_of_range(
                    "ValidLifetime",
                    v6.valid_lifetime,
                    "4294967295 (infinite): static routes do not expire",
                ));
            }
            (IpAddr::V6(v6.next_hop), v6.metric)
        }
    };
    Ok(InterfaceStaticRoute {
        prefix: row.prefix(),
        gateway: (!gateway.is_unspecified()).then_some(gateway),
        onlink: false,
        weight: None,
        preference: (row.preference != 0).then_some(row.preference),
        metric: (metric != UNUSED_METRIC).then_some(metric),
        tag: None,
        origin,
        annotate: None,
    })
}

fn to_row(route: &InterfaceStaticRoute) -> InterfaceRoute {
    let metric = route.metric.unwrap_or(UNUSED_METRIC);
    let family = match route.prefix {
        Prefix::V4(prefix) => RouteFamily::V4(InterfaceRoute4 {
            prefix,
            policy: 0,
            next_hop: match route.gateway {
                Some(IpAddr::V4(gateway)) => gateway,
                // INVARIANT: validation refuses a gateway of the other family.
                Some(IpAddr::V6(_)) | None => Ipv4Addr::UNSPECIFIED,
            },
            age: 0,
            next_hop_as: 0,
            metrics: [metric, UNUSED_METRIC, UNUSED_METRIC],
        }),
        Prefix::V6(prefix) => RouteFamily::V6(InterfaceRoute6 {
            prefix,
            next_hop: match route.gateway {
                Some(IpAddr::V6(gateway)) => gateway,
                Some(IpAddr::V4(_)) | None => Ipv6Addr::UNSPECIFIED,
            },
            valid_lifetime: INFINITE_LIFETIME,
            metric,
        }),
    };
    InterfaceRoute {
        family,
        interface: InterfaceIndex(0),
        kind: if route.gateway.is_some() {
            RouteType::Indirect
        } else {
            RouteType::Direct
        },
        protocol: route.origin.protocol(),
        preference: route.preference.unwrap_or(0),
        views: RouteViews::UNICAST,
    }
}
