//! Random configurations for property tests: every valid one can come out.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use waypost_policy::MetricType;
use waypost_types::{Prefix4, ProtocolId, WallTime};
use waypost_wire::{DigestAlgorithm, LongSecrets, Secret};

use super::options::{
    Address, Area, AreaAuthentication, DefaultOrigin, ExternalRange, FilterAction, GlobalConfig,
    InterfaceConfig, Key, Logging, Neighbor, Nssa, Range, Redistribution, RouteFilter, TtlSecurity,
    VirtualLink,
};
use crate::area::AreaId;
use crate::authentication::Method;
use crate::parameters::{AreaKind, NetworkType, TranslatorRole};

fn note() -> impl Strategy<Value = Option<String>> {
    of("\\PC{0,40}")
}

fn key() -> impl Strategy<Value = Key> {
    let algorithm = select(vec![
        DigestAlgorithm::KeyedMd5,
        DigestAlgorithm::HmacSha1,
        DigestAlgorithm::HmacSha256,
        DigestAlgorithm::HmacSha384,
        DigestAlgorithm::HmacSha512,
    ]);
    let lifetime = || (of(0_u64..1000), of(1000_u64..2000));
    let long = of(select(vec![LongSecrets::Rfc4822, LongSecrets::Block]));
    (
        0_u32..=255,
        "[a-z]{1,16}",
        algorithm,
        long,
        lifetime(),
        lifetime(),
    )
        .prop_map(|(id, secret, algorithm, long_secrets, accept, send)| Key {
            id,
            secret: Secret::new(secret),
            algorithm,
            long_secrets,
            accept_from: accept.0.map(WallTime),
            accept_until: accept.1.map(WallTime),
            send_from: send.0.map(WallTime),
            send_until: send.1.map(WallTime),
        })
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    vec(key(), 0..4).prop_map(|mut keys| {
        keys.sort_by_key(|key| key.id);
        keys.dedup_by_key(|key| key.id);
        keys
    })
}

fn neighbors() -> impl Strategy<Value = Vec<Neighbor>> {
    let rest = (any::<Option<u8>>(), of(1_u16..), any::<Option<bool>>());
    btree_map(1_u32..0x7F00_0000, rest, 0..4).prop_map(|neighbors| {
        let neighbors = neighbors
            .into_iter()
            .map(|(address, (priority, cost, enabled))| Neighbor {
                address: Ipv4Addr::from_bits(address),
                priority,
                cost,
                enabled,
            });
        neighbors.collect()
    })
}

fn addresses() -> impl Strategy<Value = Vec<Address>> {
    let rest = (of(0_u8..=32), any::<Option<bool>>());
    btree_map(1_u32..0x7F00_0000, rest, 0..4).prop_map(|addresses| {
        let addresses = addresses.into_iter().map(|(address, (length, enabled))| Address {
            address: Ipv4Addr::from_bits(address),
            length,
            enabled,
        });
        addresses.collect()
    })
}

fn route_filter() -> impl Strategy<Value = RouteFilter> {
    let action = select(vec![FilterAction::Ignore, FilterAction::Accept]);
    (action, vec(prefix(), 0..4)).prop_map(|(action, prefixes)| RouteFilter { action, prefixes })
}

fn prefix() -> impl Strategy<Value = Prefix4> {
    (any::<u32>(), 0_u8..=32)
        .prop_map(|(address, length)| Prefix4::containing(address.into(), length).unwrap())
}

/// A password as records have it: eight octets, of which zeros at the end are none.
fn octets() -> impl Strategy<Value = Option<Secret>> {
    vec(any::<u8>(), 0..=8).prop_map(|mut octets| {
        while octets.last() == Some(&0) {
            octets.pop();
        }
        Some(Secret::from_octets(&octets))
    })
}

prop_compose! {
    pub(crate) fn interface_config()(
        (area, network_type, cost, priority, hello, dead) in (
            of(any::<u32>().prop_map(AreaId)),
            of(select(vec![
                NetworkType::Broadcast, NetworkType::NonBroadcast, NetworkType::PointToPoint,
                NetworkType::PointToMultipoint, NetworkType::PointToMultipointNonBroadcast, NetworkType::Loopback,
            ])),
            of(1_u16..), any::<Option<u8>>(), of(1_u16..1000), of(1001_u16..),
        ),
        (multiplier, wait, poll, retransmit, transmit, mtu) in (
            of(2_u8..=20), of(1_u16..), of(1_u16..), of(1_u16..=3600), of(1_u16..=3600), of(2_u16..),
        ),
        (mtu_ignore, passive, suppression) in any::<(Option<bool>, Option<bool>, Option<bool>)>(),
        (ttl, dscp, buffer, authentication) in (
            of(select(vec![TtlSecurity::Off, TtlSecurity::TxOnly, TtlSecurity::On])), of(0_u8..=63), of(4096_u32..=67_108_864),
            of(select(vec![Method::None, Method::Simple, Method::Cryptographic, Method::Extended])),
        ),
        (neighbors, password, keys, annotate) in (of(neighbors()), of("[a-z]{0,8}"), of(keys()), note()),
        (enabled, addresses) in (any::<Option<bool>>(), of(addresses())),
    ) -> InterfaceConfig {
        InterfaceConfig {
            area,
            network_type,
            cost,
            priority,
            hello_interval: hello,
            dead_interval: dead.filter(|_| multiplier.is_none()),
            hello_multiplier: multiplier,
            wait_interval: wait,
            poll_interval: poll,
            retransmit_interval: retransmit,
            transmit_delay: transmit,
            mtu,
            mtu_ignore,
            passive,
            prefix_suppression: suppression,
            ttl_security: ttl,
            dscp,
            receive_buffer: buffer,
            authentication,
            enabled,
            neighbors,
            password: password.map(Secret::new),
            keys,
            addresses,
            annotate,
        }
    }
}

fn range() -> impl Strategy<Value = Range> {
    (
        prefix(),
        of(0_u32..=16_777_214),
        any::<Option<bool>>(),
        any::<Option<bool>>(),
    )
        .prop_map(|(prefix, cost, advertise, enabled)| Range {
            prefix,
            cost,
            advertise,
            enabled,
        })
}

fn nssa() -> impl Strategy<Value = Nssa> {
    let ranges = vec((range(), any::<Option<u32>>()), 0..3);
    let role = of(select(vec![
        TranslatorRole::Always,
        TranslatorRole::Candidate,
        TranslatorRole::Never,
    ]));
    let default = of(select(vec![MetricType::Type1, MetricType::Type2]));
    (role, any::<Option<u16>>(), default, ranges).prop_map(
        |(translate, stability_interval, default_route, ranges)| {
            let ranges = ranges.into_iter().map(|(range, tag)| ExternalRange {
                prefix: range.prefix,
                advertise: range.advertise,
                tag,
            });
            let mut ranges: Vec<ExternalRange> = ranges.collect();
            ranges.sort_by_key(|range| range.prefix);
            ranges.dedup_by_key(|range| range.prefix);
            Nssa {
                translate,
                stability_interval,
                default_route,
                ranges,
            }
        },
    )
}

fn areas() -> impl Strategy<Value = Vec<Area>> {
    let rest = (
        of(select(vec![AreaKind::Normal, AreaKind::Stub, AreaKind::Nssa])),
        of(0_u32..=16_777_215),
        any::<(Option<bool>, Option<bool>)>(),
        of(select(vec![AreaAuthentication::None, AreaAuthentication::Simple])),
        vec(range(), 0..3),
        of(nssa()),
    );
    btree_map(any::<u32>(), rest, 0..4).prop_map(|areas| {
        let areas = areas.into_iter().map(
            |(id, (kind, default_cost, (summaries, enabled), authentication, mut ranges, nssa))| {
                ranges.sort_by_key(|range| range.prefix);
                ranges.dedup_by_key(|range| range.prefix);
                let kind = kind.filter(|kind| id != 0 || *kind == AreaKind::Normal);
                Area {
                    id: AreaId(id),
                    kind,
                    nssa: nssa.filter(|_| kind == Some(AreaKind::Nssa)),
                    default_cost,
                    summaries,
                    authentication,
                    enabled,
                    ranges,
                }
            },
        );
        areas.collect()
    })
}

fn redistribute() -> impl Strategy<Value = Vec<Redistribution>> {
    let rest = (
        of(0_u32..=16_777_214),
        of(select(vec![MetricType::Type1, MetricType::Type2])),
        any::<(Option<u32>, Option<bool>)>(),
        of("[a-z]{1,9}"),
    );
    btree_map(any::<u32>(), rest, 0..4).prop_map(|sources| {
        let sources = sources
            .into_iter()
            .filter(|(source, _)| *source != ProtocolId::OSPF.0);
        let sources = sources.map(
            |(source, (metric, metric_type, (tag, enabled), policy))| Redistribution {
                source: ProtocolId(source),
                metric,
                metric_type,
                tag,
                enabled,
                policy,
            },
        );
        sources.collect()
    })
}

/// Virtual links through whichever of these areas can be passed.
fn virtual_links(areas: Option<Vec<Area>>) -> impl Strategy<Value = Option<Vec<VirtualLink>>> {
    let areas = areas.into_iter().flatten();
    let areas = areas.filter(|area| area.id.0 != 0 && area.kind.unwrap_or_default() == AreaKind::Normal);
    let areas: Vec<AreaId> = areas.map(|area| area.id).collect();
    let options = (
        of(1_u16..1000),
        of(1001_u16..),
        of(1_u16..=3600),
        of(1_u16..=3600),
        of(select(vec![Method::None, Method::Simple, Method::Cryptographic])),
        (keys(), any::<Option<bool>>()),
    );
    let most = if areas.is_empty() { 1 } else { 4 };
    let links = vec((any::<Index>(), 1_u32.., options), 0..most);
    of(links).prop_map(move |links| {
        let places = links?
            .into_iter()
            .map(|(area, router, options)| ((*area.get(&areas), router), options));
        let links =
            places
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .map(|((transit_area, router), options)| {
                    let (
                        hello_interval,
                        dead_interval,
                        retransmit_interval,
                        transmit_delay,
                        authentication,
                        (keys, enabled),
                    ) = options;
                    VirtualLink {
                        transit_area,
                        router_id: Ipv4Addr::from_bits(router),
                        hello_interval,
                        dead_interval,
                        retransmit_interval,
                        transmit_delay,
                        authentication: authentication
                            .filter(|method| *method != Method::Cryptographic || !keys.is_empty()),
                        password: Some(Secret::new("lab".to_owned())),
                        keys,
                        enabled,
                    }
                });
        Some(links.collect())
    })
}

prop_compose! {
    fn areas_and_virtual_links()(areas in of(areas()))(links in virtual_links(areas.clone()), areas in Just(areas))
        -> (Option<Vec<Area>>, Option<Vec<VirtualLink>>) {
        (areas, links)
    }
}

prop_compose! {
    pub(crate) fn global_config()(
        (router_id, preference, paths, rfc1583, reference, stub) in (
            of((1_u32..).prop_map(Ipv4Addr::from_bits)), of(1_u8..), of(1_u8..=16), any::<Option<bool>>(),
            of(1_u32..=4_294_967), any::<Option<bool>>(),
        ),
        (opaque, instance, arrival, minimum, maximum, acknowledge) in (
            any::<Option<bool>>(), any::<Option<u8>>(), of(0_u32..=60_000), of(0_u32..=2000), of(2000_u32..=60_000),
            of(0_u32..=900),
        ),
        spf in proptest::array::uniform5(of(0_u32..=60_000)),
        (lsas, origin, logging) in (
            of(1_u32..=100_000_000),
            of(select(vec![DefaultOrigin::Never, DefaultOrigin::Conditional, DefaultOrigin::Always])),
            of(select(vec![Logging::None, Logging::Errors, Logging::Warnings, Logging::Information])),
        ),
        (stub_at_start, stub_at_stop, stub_externals) in (of(0_u32..=86_400), of(0_u16..=25), any::<Option<bool>>()),
        (helper, strict, information) in any::<(Option<bool>, Option<bool>, Option<bool>)>(),
        (graceful, grace) in (any::<Option<bool>>(), of(1_u16..=1800)),
        (enabled, boundary_router, listed_areas_only, unlisted) in any::<(Option<bool>, Option<bool>, Option<bool>, Option<bool>)>(),
        filter in of(route_filter()),
        ((areas, links), redistribute, defaults, annotate) in (
            areas_and_virtual_links().boxed(), of(redistribute()).boxed(), of(interface_config().boxed()), note(),
        ),
    ) -> GlobalConfig {
        GlobalConfig {
            router_id,
            preference,
            maximum_paths: paths,
            rfc1583,
            reference_bandwidth: reference,
            stub_router: stub,
            opaque,
            instance,
            minimum_arrival: arrival,
            originate_minimum: minimum,
            originate_maximum: maximum,
            acknowledge_delay: acknowledge,
            spf_initial_delay: spf[0],
            spf_short_delay: spf[1],
            spf_long_delay: spf[2],
            spf_learn_interval: spf[3],
            spf_hold_down: spf[4],
            maximum_lsas: lsas,
            originate_default: origin,
            logging,
            stub_router_at_start: stub_at_start,
            stub_router_at_stop: stub_at_stop,
            stub_router_externals: stub_externals,
            restart_helper: helper,
            strict_lsa_checking: strict,
            router_information: information,
            graceful_restart: graceful,
            grace_period: grace,
            enabled,
            boundary_router,
            listed_areas_only,
            redistribute_unlisted: unlisted,
            redistribute_filter: filter,
            areas,
            redistribute,
            defaults,
            virtual_links: links.map(|links| {
                links.into_iter().filter(|link| Some(link.router_id) != router_id).collect()
            }),
            annotate,
        }
    }
}

prop_compose! {
    /// What RRAS's records can say of an interface.
    pub(crate) fn rras_interface_config()(
        addresses in btree_map(1_u32..0x7F00_0000, (0_u8..=32, any::<bool>()), 1..4),
        (area, network, cost, priority) in (
            any::<u32>(),
            select(vec![NetworkType::Broadcast, NetworkType::NonBroadcast, NetworkType::PointToPoint]), 1_u16.., any::<u8>(),
        ),
        (hello, dead, poll, retransmit, transmit) in (1_u16..1000, 1001_u16..=32_767, 1_u16..=32_767, 1_u16..=3600, 1_u16..=3600),
        (mtu, password) in (of(2_u16..=10_000), octets()),
        neighbors in btree_map(1_u32..0x7F00_0000, any::<(u8, bool)>(), 0..4),
    ) -> InterfaceConfig {
        InterfaceConfig {
            area: Some(AreaId(area)),
            network_type: Some(network),
            cost: Some(cost),
            priority: Some(priority),
            hello_interval: Some(hello),
            dead_interval: Some(dead),
            poll_interval: Some(poll),
            retransmit_interval: Some(retransmit),
            transmit_delay: Some(transmit),
            mtu,
            passive: Some(false),
            enabled: Some(true),
            password,
            neighbors: Some(neighbors.into_iter().map(|(address, (priority, enabled))| Neighbor {
                address: Ipv4Addr::from_bits(address),
                priority: Some(priority),
                cost: None,
                enabled: Some(enabled),
            }).collect()),
            addresses: Some(addresses.into_iter().map(|(address, (length, enabled))| Address {
                address: Ipv4Addr::from_bits(address),
                length: Some(length),
                enabled: Some(enabled),
            }).collect()),
            ..InterfaceConfig::default()
        }
    }
}

prop_compose! {
    /// What RRAS's records can say of the protocol as a whole.
    pub(crate) fn rras_global_config()(
        (router, enabled, boundary) in (1_u32.., any::<bool>(), any::<bool>()),
        logging in select(vec![Logging::None, Logging::Errors, Logging::Warnings, Logging::Information]),
        areas in btree_map(any::<u32>(), (any::<bool>(), 1_u32..=16_777_215, any::<[bool; 3]>(), vec((prefix(), any::<bool>()), 0..3)), 0..4),
        links in vec((any::<Index>(), 1_u32.., 1_u16..1000, 1001_u16..=32_767, (1_u16..=3600, 1_u16..=3600), octets(), any::<bool>()), 0..3),
        filter in of(route_filter()),
        (accepts, sources) in (any::<bool>(), vec(14_u32.., 0..4)),
    ) -> GlobalConfig {
        let areas: Vec<Area> = areas.into_iter().map(|(id, (stub, cost, [simple, summaries, enabled], ranges))| {
            let ranges: BTreeMap<Prefix4, bool> = ranges.into_iter().collect();
            Area {
                id: AreaId(id),
                kind: Some(if stub && id != 0 { AreaKind::Stub } else { AreaKind::Normal }),
                default_cost: Some(cost),
                summaries: Some(summaries),
                authentication: Some(if simple { AreaAuthentication::Simple } else { AreaAuthentication::None }),
                enabled: Some(enabled),
                ranges: ranges.into_iter().map(|(prefix, enabled)| Range {
                    prefix,
                    cost: None,
                    advertise: None,
                    enabled: Some(enabled),
                }).collect(),
                nssa: None,
            }
        }).collect();
        let transit: Vec<AreaId> = areas.iter()
            .filter(|area| area.id.0 != 0 && area.kind == Some(AreaKind::Normal)).map(|area| area.id).collect();
        let links = links.into_iter().filter(|(_, other, ..)| !transit.is_empty() && *other != router);
        let links: BTreeMap<_, _> = links.map(|(area, other, hello, dead, (transmit, retransmit), password, enabled)| {
            let (transit_area, router_id) = (*area.get(&transit), Ipv4Addr::from_bits(other));
            ((transit_area, router_id), VirtualLink {
                transit_area,
                router_id,
                hello_interval: Some(hello),
                dead_interval: Some(dead),
                retransmit_interval: Some(retransmit),
                transmit_delay: Some(transmit),
                authentication: None,
                password,
                keys: Vec::new(),
                enabled: Some(enabled),
            })
        }).collect();
        let mut sources = sources;
        sources.sort_unstable();
        sources.dedup();
        GlobalConfig {
            router_id: Some(Ipv4Addr::from_bits(router)),
            enabled: Some(enabled),
            boundary_router: Some(boundary),
            logging: Some(logging),
            listed_areas_only: Some(true),
            redistribute_unlisted: Some(!accepts || sources.is_empty()),
            redistribute: Some(sources.iter().map(|source| Redistribution {
                source: ProtocolId(*source),
                metric: None,
                metric_type: None,
                tag: None,
                enabled: Some(accepts),
                policy: None,
            }).collect()),
            redistribute_filter: filter,
            areas: Some(areas),
            virtual_links: Some(links.into_values().collect()),
            ..GlobalConfig::default()
        }
    }
}
