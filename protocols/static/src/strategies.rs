//! Strategies that make valid configurations, for property tests here and in the crates above.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use waypost_routprot::BlockConfig;
use waypost_types::{Prefix, Prefix4, Prefix6, RouteKind};

use crate::config::{GlobalConfig, InterfaceConfig, InterfaceStaticRoute, Origin, StaticRoute, Via};

/// Destinations: few enough that routes to the same one are common, of both families.
pub fn destination() -> impl Strategy<Value = Prefix> {
    let v4 = (0u8..6, prop_oneof![Just(0u8), Just(8), Just(24), Just(32)]).prop_filter_map(
        "a prefix",
        |(net, length)| {
            Prefix4::containing(Ipv4Addr::new(10, net, net, 0), length)
                .ok()
                .map(Prefix::from)
        },
    );
    let v6 = (0u16..3, prop_oneof![Just(0u8), Just(32), Just(48), Just(128)]).prop_filter_map(
        "a prefix",
        |(net, length)| {
            Prefix6::containing(Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, 0), length)
                .ok()
                .map(Prefix::from)
        },
    );
    prop_oneof![4 => v4, 1 => v6]
}

/// A gateway of the destination's family, in one of the networks 192.0.2.0/28 to 192.0.2.96/28 or fd00:N::/64, or link-local.
fn gateway(v4: bool) -> BoxedStrategy<IpAddr> {
    if v4 {
        (0u8..112)
            .prop_map(|host| Ipv4Addr::new(192, 0, 2, host).into())
            .boxed()
    } else {
        (prop_oneof![Just(0xfd00_u16), Just(0xfe80)], 0u16..3, 1u16..5)
            .prop_map(|(head, net, host)| {
                let net = if head == 0xfe80 { 0 } else { net };
                Ipv6Addr::new(head, net, 0, 0, 0, 0, 0, host).into()
            })
            .boxed()
    }
}

/// Interface names: eth0 to eth3.
fn device() -> impl Strategy<Value = String> {
    (0u8..4).prop_map(|number| format!("eth{number}"))
}

fn via(v4: bool) -> impl Strategy<Value = Via> {
    let weight = prop_oneof![3 => Just(1u16), 1 => 1u16..=256];
    (
        prop::option::weighted(0.8, gateway(v4)),
        prop::option::of(device()),
        device(),
        weight,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(gateway, device, fallback, weight, onlink, recursive)| {
            let needs_device = gateway.is_none_or(crate::config::is_link_local);
            let device = device.or_else(|| needs_device.then_some(fallback));
            Via {
                onlink: onlink && gateway.is_some() && device.is_some(),
                recursive: recursive && device.is_none(),
                gateway,
                device,
                weight,
            }
        })
}

fn preference() -> impl Strategy<Value = Option<u8>> {
    prop::option::of(prop_oneof![Just(1u8), Just(5), Just(255)])
}

fn metric() -> impl Strategy<Value = Option<u32>> {
    prop::option::of(prop_oneof![Just(0u32), Just(1), Just(u32::MAX - 1)])
}

fn annotation() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.2, "[a-zé ]{0,9}")
}

fn route() -> impl Strategy<Value = StaticRoute> {
    let kind = prop_oneof![
        6 => Just(RouteKind::Unicast),
        1 => Just(RouteKind::Blackhole),
        1 => Just(RouteKind::Unreachable),
        1 => Just(RouteKind::Prohibit),
    ];
    (destination(), kind).prop_flat_map(|(prefix, kind)| {
        let hops = if kind == RouteKind::Unicast {
            1..4usize
        } else {
            0..1
        };
        (
            prop::collection::vec(via(matches!(prefix, Prefix::V4(_))), hops),
            preference(),
            metric(),
            prop::option::of(0u32..3),
            annotation(),
        )
            .prop_map(move |(via, preference, metric, tag, annotate)| StaticRoute {
                prefix,
                via,
                kind,
                preference,
                metric,
                tag,
                annotate,
            })
    })
}

/// Valid configuration of the protocol as a whole.
pub fn global() -> impl Strategy<Value = GlobalConfig> {
    (prop::collection::vec(route(), 0..8), annotation()).prop_map(|(routes, annotate)| {
        let mut config = GlobalConfig {
            routes: Vec::new(),
            annotate,
        };
        for route in routes {
            config.routes.push(route);
            if config.validate().is_err() {
                config.routes.pop();
            }
        }
        config
    })
}

fn interface_route() -> impl Strategy<Value = InterfaceStaticRoute> {
    destination().prop_flat_map(|prefix| {
        let origin = prop_oneof![
            4 => Just(Origin::Static),
            1 => Just(Origin::StaticNonDod),
            1 => Just(Origin::Autostatic),
        ];
        (
            prop::option::of(gateway(matches!(prefix, Prefix::V4(_)))),
            any::<bool>(),
            prop::option::of(1u16..=256),
            preference(),
            metric(),
            prop::option::of(0u32..2),
            origin,
            annotation(),
        )
            .prop_map(
                move |(gateway, onlink, weight, preference, metric, tag, origin, annotate)| {
                    InterfaceStaticRoute {
                        prefix,
                        gateway,
                        onlink: onlink && gateway.is_some(),
                        weight,
                        preference,
                        metric,
                        tag,
                        origin,
                        annotate,
                    }
                },
            )
    })
}

/// Valid configuration of an interface.
pub fn interface() -> impl Strategy<Value = InterfaceConfig> {
    (prop::collection::vec(interface_route(), 0..6), annotation()).prop_map(|(routes, annotate)| {
        let mut config = InterfaceConfig {
            routes: Vec::new(),
            annotate,
        };
        for route in routes {
            config.routes.push(route);
            if config.validate().is_err() {
                config.routes.pop();
            }
        }
        config
    })
}
