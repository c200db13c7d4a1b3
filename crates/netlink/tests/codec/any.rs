//! Any value of each type that the kernel could send or be sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use waypost_netlink::constants::{AF_INET, AF_INET6};
use waypost_netlink::{
    Acknowledgement, Address, AddressFlags, Body, Done, Explanation, Family, GroupMember, Header, Link,
    LinkFlags, Neighbour, NeighbourState, Nexthop, NexthopId, NexthopKind, OperState, Route, RouteFlags,
    RouteNextHop, RouteNextHopFlags, RouteProtocol, RouteType, Scope,
};
use waypost_types::{InterfaceIndex, Prefix, Prefix4, Prefix6};

fn index() -> impl Strategy<Value = InterfaceIndex> {
    (1u32..).prop_map(InterfaceIndex)
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9.:-]{0,14}"
}

fn ip(v6: bool) -> BoxedStrategy<IpAddr> {
    if v6 {
        any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).into()).boxed()
    } else {
        any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into()).boxed()
    }
}

fn prefix(v6: bool) -> BoxedStrategy<Prefix> {
    if v6 {
        (any::<u128>(), 0..=128u8)
            .prop_map(|(bits, length)| Prefix::V6(Prefix6::containing(bits.into(), length).unwrap()))
            .boxed()
    } else {
        (any::<u32>(), 0..=32u8)
            .prop_map(|(bits, length)| Prefix::V4(Prefix4::containing(bits.into(), length).unwrap()))
            .boxed()
    }
}

pub(crate) fn link() -> impl Strategy<Value = Link> {
    (
        index(),
        // Ethernet, loopback, an IPv4 tunnel, GRE.
        prop::sample::select(vec![1u16, 772, 768, 778]),
        any::<u32>(),
        option::of(name()),
        option::of(name()),
        option::of(any::<u32>()),
        option::of(any::<bool>()),
        option::of(0..=6u8),
        vec(any::<u8>(), 0..=32),
        option::of(index()),
        option::of(index()),
    )
        .prop_map(
            |(index, hardware, flags, name, kind, mtu, carrier, oper_state, address, master, lower)| Link {
                hardware,
                flags: LinkFlags::from_bits_retain(flags),
                name,
                kind,
                mtu,
                carrier,
                oper_state: oper_state.map(OperState),
                address: address.into(),
                master,
                lower,
                ..Link::new(index)
            },
        )
}

pub(crate) fn address() -> impl Strategy<Value = Address> {
    any::<bool>().prop_flat_map(|v6| {
        (
            index(),
            ip(v6),
            0..=if v6 { 128u8 } else { 32 },
            option::of(ip(v6)),
            option::of(any::<u32>().prop_map(Ipv4Addr::from)),
            any::<u8>(),
            any::<u32>(),
            option::of(name()),
        )
            .prop_map(
                move |(interface, local, prefix_length, peer, broadcast, scope, flags, label)| Address {
                    interface,
                    local,
                    prefix_length,
                    peer: peer.filter(|&peer| peer != local),
                    broadcast: broadcast.filter(|_| !v6),
                    scope: Scope(scope),
                    flags: AddressFlags::from_bits_retain(flags),
                    label,
                },
            )
    })
}

/// A next hop of a route; alone it must say where to.
fn hop(v6: bool, alone: bool) -> impl Strategy<Value = RouteNextHop> {
    let gateway = prop_oneof![ip(v6), ip(true)];
    (option::of(index()), option::of(gateway), 1..=256u16, any::<u8>()).prop_map(
        move |(interface, gateway, weight, flags)| RouteNextHop {
            interface: interface.or(match gateway {
                None if alone => Some(InterfaceIndex(1)),
                _ => None,
            }),
            gateway,
            weight,
            flags: RouteNextHopFlags::from_bits_retain(flags),
        },
    )
}

pub(crate) fn route() -> impl Strategy<Value = Route> {
    any::<bool>().prop_flat_map(|v6| {
        let hops = prop_oneof![
            Just(Vec::new()),
            hop(v6, true).prop_map(|hop| vec![hop]),
            vec(hop(v6, false), 2..=16),
        ];
        (
            prefix(v6),
            option::of(prefix(v6)),
            any::<u8>(),
            prop_oneof![1..=255u32, 256u32..],
            (any::<u8>(), any::<u8>(), any::<u8>()),
            any::<u32>(),
            option::of(ip(v6)),
            option::of(any::<u32>()),
            hops,
            any::<u32>(),
        )
            .prop_map(
                |(
                    destination,
                    source,
                    tos,
                    table,
                    (protocol, scope, kind),
                    priority,
                    preferred_source,
                    id,
                    hops,
                    flags,
                )| Route {
                    destination,
                    source: source.filter(|source| source.length() > 0),
                    tos,
                    table,
                    protocol: RouteProtocol(protocol),
                    scope: Scope(scope),
                    kind: RouteType(kind),
                    priority,
                    preferred_source,
                    nexthop: id.map(NexthopId),
                    next_hops: hops.into(),
                    flags: RouteFlags::from_bits_truncate(flags),
                },
            )
    })
}

fn nexthop() -> impl Strategy<Value = Nexthop> {
    let family = prop_oneof![Just(AF_INET), Just(AF_INET6)];
    let member = (any::<u32>(), 1..=256u16).prop_map(|(id, weight)| GroupMember {
        id: NexthopId(id),
        weight,
    });
    let kind = prop_oneof![
        family
            .clone()
            .prop_map(|family| NexthopKind::Blackhole { family }),
        (family, index()).prop_map(|(family, interface)| NexthopKind::Link { family, interface }),
        (any::<bool>().prop_flat_map(ip), index())
            .prop_map(|(address, interface)| NexthopKind::Gateway { address, interface }),
        (0..=1u16, vec(member, 1..32)).prop_map(|(group_type, members)| NexthopKind::Group {
            group_type,
            members: members.into(),
        }),
    ];
    (any::<u32>(), kind, any::<u8>(), any::<u8>(), any::<u8>()).prop_map(
        |(id, kind, protocol, scope, flags)| Nexthop {
            id: NexthopId(id),
            kind,
            protocol: RouteProtocol(protocol),
            scope: Scope(scope),
            flags: RouteNextHopFlags::from_bits_retain(flags),
        },
    )
}

pub(crate) fn neighbour() -> impl Strategy<Value = Neighbour> {
    (
        index(),
        any::<bool>().prop_flat_map(ip),
        vec(any::<u8>(), 0..=20),
        any::<u16>(),
        any::<u8>(),
    )
        .prop_map(|(interface, address, hardware, state, flags)| Neighbour {
            interface,
            address,
            hardware_address: hardware.into(),
            state: NeighbourState::from_bits_retain(state),
            flags,
        })
}

fn explanation() -> impl Strategy<Value = Explanation> {
    (
        option::of("[ -~]{0,60}"),
        option::of(any::<u32>()),
        option::of(any::<u16>()),
    )
        .prop_map(|(text, offset, missing)| Explanation {
            text,
            offset,
            missing,
        })
}

pub(crate) fn header() -> impl Strategy<Value = Header> {
    (any::<u16>(), any::<u16>(), any::<u32>(), any::<u32>()).prop_map(
        |(message_type, flags, sequence, port)| Header {
            message_type,
            flags,
            sequence,
            port,
        },
    )
}

pub(crate) fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::Noop),
        Just(Body::Overrun),
        (0..=i32::MAX, header(), explanation()).prop_map(|(errno, request, explanation)| {
            Body::Acknowledgement(Acknowledgement {
                errno,
                request,
                explanation,
            })
        }),
        (0..=i32::MAX, explanation())
            .prop_map(|(errno, explanation)| Body::Done(Done { errno, explanation })),
        link().prop_map(Body::NewLink),
        link().prop_map(Body::DelLink),
        address().prop_map(Body::NewAddress),
        address().prop_map(Body::DelAddress),
        route().prop_map(Body::NewRoute),
        route().prop_map(Body::DelRoute),
        nexthop().prop_map(Body::NewNexthop),
        nexthop().prop_map(Body::DelNexthop),
        neighbour().prop_map(Body::NewNeighbour),
        neighbour().prop_map(Body::DelNeighbour),
    ]
}

pub(crate) fn family(v6: bool) -> Family {
    if v6 { AF_INET6 } else { AF_INET }
}
