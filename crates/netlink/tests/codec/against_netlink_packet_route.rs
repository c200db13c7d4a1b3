//! An independent codec reads what ours writes, and ours reads what it writes, with the same meaning.

use std::net::IpAddr;

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteNextHop as TheirHop, RouteVia};
use proptest::prelude::*;
use waypost_netlink::{Body, Header, Message, RouteNextHop, decode_all};

use crate::any;

fn theirs(body: Body) -> RouteNetlinkMessage {
    let mut bytes = Vec::new();
    Message {
        header: Header::default(),
        body,
    }
    .encode(&mut bytes)
    .unwrap();
    match NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes)
        .unwrap()
        .payload
    {
        NetlinkPayload::InnerMessage(message) => message,
        other => panic!("{other:?}"),
    }
}

fn ours(message: RouteNetlinkMessage) -> Body {
    let mut message = NetlinkMessage::from(message);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    let mut all = decode_all(&bytes);
    let body = all.next().unwrap().unwrap().body;
    assert_eq!(all.next(), None);
    body
}

fn route_address(address: &RouteAddress) -> IpAddr {
    match address {
        RouteAddress::Inet(address) => (*address).into(),
        RouteAddress::Inet6(address) => (*address).into(),
        other => panic!("{other:?}"),
    }
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => Some(route_address(address)),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    })
}

fn multipath_hop(hop: &TheirHop) -> (u32, Option<IpAddr>, u16, u8) {
    (
        hop.interface_index,
        gateway(&hop.attributes),
        u16::from(hop.hops) + 1,
        hop.flags.bits(),
    )
}

fn our_hop(hop: &RouteNextHop) -> (u32, Option<IpAddr>, u16, u8) {
    (
        hop.interface.map_or(0, |index| index.0),
        hop.gateway,
        hop.weight,
        hop.flags.bits(),
    )
}

macro_rules! find {
    ($attributes:expr, $pattern:pat => $value:expr) => {
        $attributes.iter().find_map(|attribute| match attribute {
            $pattern => Some($value),
            _ => None,
        })
    };
}

proptest! {
    #[test]
    fn links(link in any::link()) {
        let RouteNetlinkMessage::NewLink(their) = theirs(Body::NewLink(link.clone())) else { panic!() };
        prop_assert_eq!(their.header.index, link.index.0);
        prop_assert_eq!(their.header.flags.bits(), link.flags.bits());
        prop_assert_eq!(u16::from(their.header.link_layer_type), link.hardware);
        let attributes = &their.attributes;
        prop_assert_eq!(find!(attributes, LinkAttribute::IfName(name) => name.as_str()), link.name.as_deref());
        prop_assert_eq!(find!(attributes, LinkAttribute::Mtu(mtu) => *mtu), link.mtu);
        prop_assert_eq!(find!(attributes, LinkAttribute::Carrier(on) => *on != 0), link.carrier);
        prop_assert_eq!(
            find!(attributes, LinkAttribute::OperState(state) => u8::from(*state)),
            link.oper_state.map(|state| state.0)
        );
        prop_assert_eq!(
            find!(attributes, LinkAttribute::Address(address) => address.clone()).unwrap_or_default(),
            link.address.to_vec()
        );
        prop_assert_eq!(find!(attributes, LinkAttribute::Controller(index) => *index), link.master.map(|i| i.0));
        prop_assert_eq!(find!(attributes, LinkAttribute::Link(index) => *index), link.lower.map(|i| i.0));
        let kind = find!(attributes, LinkAttribute::LinkInfo(infos) => infos.clone())
            .and_then(|infos| find!(infos, LinkInfo::Kind(kind) => match kind {
                InfoKind::Other(name) => name.clone(),
                known => known.to_string(),
            }));
        prop_assert_eq!(&kind, &link.kind);
        prop_assert_eq!(ours(RouteNetlinkMessage::NewLink(their)), Body::NewLink(link));
    }

    #[test]
    fn addresses(address in any::address()) {
        let RouteNetlinkMessage::NewAddress(their) = theirs(Body::NewAddress(address.clone())) else { panic!() };
        prop_assert_eq!(their.header.index, address.interface.0);
        prop_assert_eq!(their.header.prefix_len, address.prefix_length);
        prop_assert_eq!(u8::from(their.header.family), address.family().0);
        prop_assert_eq!(u8::from(their.header.scope), address.scope.0);
        let attributes = &their.attributes;
        prop_assert_eq!(find!(attributes, AddressAttribute::Local(local) => *local), Some(address.local));
        prop_assert_eq!(
            find!(attributes, AddressAttribute::Address(peer) => *peer),
            Some(address.peer.unwrap_or(address.local))
        );
        prop_assert_eq!(find!(attributes, AddressAttribute::Broadcast(b) => *b), address.broadcast);
        prop_assert_eq!(find!(attributes, AddressAttribute::Label(label) => label.as_str()), address.label.as_deref());
        prop_assert_eq!(
            find!(attributes, AddressAttribute::Flags(flags) => flags.bits()),
            Some(address.flags.bits())
        );
        prop_assert_eq!(ours(RouteNetlinkMessage::NewAddress(their)), Body::NewAddress(address));
    }

    #[test]
    fn routes(route in any::route()) {
        let RouteNetlinkMessage::NewRoute(their) = theirs(Body::NewRoute(route.clone())) else { panic!() };
        let header = &their.header;
        prop_assert_eq!(u8::from(header.address_family), route.family().0);
        prop_assert_eq!(header.destination_prefix_length, route.destination.length());
        prop_assert_eq!(header.tos, route.tos);
        prop_assert_eq!(u8::from(header.protocol), route.protocol.0);
        prop_assert_eq!(u8::from(header.scope), route.scope.0);
        prop_assert_eq!(u8::from(header.kind), route.kind.0);
        let attributes = &their.attributes;
        let destination = find!(attributes, RouteAttribute::Destination(address) => route_address(address));
        prop_assert_eq!(
            destination,
            (route.destination.length() > 0).then(|| route.destination.network())
        );
        let table = find!(attributes, RouteAttribute::Table(table) => *table);
        prop_assert_eq!(table.unwrap_or_else(|| header.table.into()), route.table);
        prop_assert_eq!(
            find!(attributes, RouteAttribute::Priority(priority) => *priority).unwrap_or(0),
            route.priority
        );
        prop_assert_eq!(
            find!(attributes, RouteAttribute::PrefSource(address) => route_address(address)),
            route.preferred_source
        );
        prop_assert_eq!(find!(attributes, RouteAttribute::NhId(id) => *id), route.nexthop.map(|id| id.0));
        let multipath = find!(attributes, RouteAttribute::MultiPath(hops) => hops.clone());
        let hops: Vec<_> = match multipath {
            Some(hops) => hops.iter().map(multipath_hop).collect(),
            None if route.next_hops.is_empty() => Vec::new(),
            None => vec![(
                find!(attributes, RouteAttribute::Oif(index) => *index).unwrap_or(0),
                gateway(attributes),
                1,
                header.flags.bits() as u8,
            )],
        };
        prop_assert_eq!(hops, route.next_hops.iter().map(our_hop).collect::<Vec<_>>());
        prop_assert_eq!(ours(RouteNetlinkMessage::NewRoute(their)), Body::NewRoute(route));
    }

    #[test]
    fn neighbours(neighbour in any::neighbour()) {
        let RouteNetlinkMessage::NewNeighbour(their) = theirs(Body::NewNeighbour(neighbour.clone())) else { panic!() };
        let header = &their.header;
        prop_assert_eq!(header.ifindex, neighbour.interface.0);
        prop_assert_eq!(u16::from(header.state), neighbour.state.bits());
        prop_assert_eq!(header.flags.bits(), neighbour.flags);
        let attributes = &their.attributes;
        let address = find!(attributes, NeighbourAttribute::Destination(address) => match address {
            NeighbourAddress::Inet(address) => IpAddr::V4(*address),
            NeighbourAddress::Inet6(address) => IpAddr::V6(*address),
            other => panic!("{other:?}"),
        });
        prop_assert_eq!(address, Some(neighbour.address));
        let hardware = find!(attributes, NeighbourAttribute::LinkLayerAddress(address) => address.clone());
        prop_assert_eq!(hardware.unwrap_or_default(), neighbour.hardware_address.to_vec());
        prop_assert_eq!(ours(RouteNetlinkMessage::NewNeighbour(their)), Body::NewNeighbour(neighbour));
    }
}
