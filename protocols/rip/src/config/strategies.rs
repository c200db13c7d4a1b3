//! Random configurations for property tests: every valid one can come out.

use std::net::Ipv4Addr;

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use waypost_types::{Prefix4, ProtocolId, WallTime};
use waypost_wire::{DigestAlgorithm, LongSecrets, Secret};

use super::codes::Coded;
use super::{
    Action, Adjustment, Authentication, FilterRule, GlobalConfig, InterfaceConfig, Key, MetricChange,
    Options, PrefixMatch, Redistribution,
};

fn coded<T: Coded + std::fmt::Debug>() -> impl Strategy<Value = T> {
    select(T::CODES.iter().map(|(_, value)| *value).collect::<Vec<_>>())
}

/// The address of a router.
pub(crate) fn router() -> impl Strategy<Value = Ipv4Addr> {
    (1_u32..0xE000_0000).prop_map(Ipv4Addr::from_bits)
}

/// A range of addresses, often at an end of all addresses, where ranges meet and overlap.
pub(crate) fn range() -> impl Strategy<Value = (Ipv4Addr, Ipv4Addr)> {
    let address = || prop_oneof![4 => any::<u32>(), 4 => 0_u32..8, 1 => Just(u32::MAX)];
    (address(), address()).prop_map(|(a, b)| (Ipv4Addr::from_bits(a.min(b)), Ipv4Addr::from_bits(a.max(b))))
}

fn filter_rule() -> impl Strategy<Value = FilterRule> {
    let within = (any::<u32>(), [0_u8..=32, 0..=32, 0..=32]).prop_map(|(address, mut lengths)| {
        lengths.sort_unstable();
        let [length, ge, le] = lengths;
        PrefixMatch::Within {
            prefix: Prefix4::containing(address.into(), length).unwrap(),
            ge,
            le,
        }
    });
    let everything = Just("0.0.0.0/0 le 32".parse::<PrefixMatch>().unwrap());
    let addresses = range().prop_map(|(low, high)| PrefixMatch::Addresses { low, high });
    let change = prop_oneof![
        (1_u8..=15).prop_map(MetricChange::Set),
        (1_u8..=15).prop_map(MetricChange::Add),
    ];
    (
        any::<bool>(),
        prop_oneof![4 => within, 1 => everything, 4 => addresses],
        (of(change), any::<Option<u16>>()),
    )
        .prop_map(|(permit, matches, (metric, tag))| {
            if permit {
                let adjustment = Adjustment {
                    metric,
                    tag,
                    preference: None,
                    next_hop: None,
                };
                FilterRule {
                    adjustment,
                    ..FilterRule::new(Action::Permit, matches)
                }
            } else {
                FilterRule::new(Action::Deny, matches)
            }
        })
}

/// An ordered list of rules.
pub(crate) fn filter_rules() -> impl Strategy<Value = Vec<FilterRule>> {
    vec(filter_rule(), 0..5)
}

fn password() -> impl Strategy<Value = Secret> {
    prop_oneof!["[a-zé ]{1,8}", "hex:([0-9a-f][1-9a-f]){1,16}"].prop_map(Secret::new)
}

fn lifetime() -> impl Strategy<Value = (Option<WallTime>, Option<WallTime>)> {
    (of(0..u64::MAX), of(any::<u64>())).prop_map(|(from, until)| {
        let until = until.map(|until| until.max(from.map_or(0, |from| from + 1)));
        (from.map(WallTime), until.map(WallTime))
    })
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    let algorithm = (coded::<DigestAlgorithm>(), of(coded::<LongSecrets>()));
    let key = ("\\PC{1,40}", algorithm, lifetime(), lifetime());
    btree_map(any::<u8>(), key, 0..4).prop_map(|keys| {
        keys.into_iter()
            .map(|(id, (secret, (algorithm, long_secrets), accept, send))| Key {
                id,
                // Four octets a character at most.
                secret: Secret::new(match algorithm {
                    DigestAlgorithm::KeyedMd5 => secret.chars().take(4).collect(),
                    _ => secret,
                }),
                algorithm,
                long_secrets,
                accept_from: accept.0,
                accept_until: accept.1,
                send_from: send.0,
                send_until: send.1,
            })
            .collect()
    })
}

prop_compose! {
    /// Any valid options.
    pub(crate) fn options()(
        (metric, metric_out, originate_default, dscp) in (of(0_u8..=16), of(0_u8..=15), of(1_u8..=15), of(0_u8..=63)),
        (announce, accept, update_mode, neighbor_mode, authentication, ttl_security) in
            (of(coded()), of(coded()), of(coded()), of(coded()), of(coded()), of(coded())),
        (update_interval, expiration_interval, removal_interval) in
            (of(1_u32..=86_400), of(3_u32..=259_200), of(1_u32..=259_200)),
        switches in proptest::array::uniform13(any::<Option<bool>>()),
        (route_tag, port, packet_length, ecmp_weight) in
            (any::<Option<u16>>(), of(1_u16..), of(64_u16..=65_000), of(1_u16..=256)),
        (maximum_routes, receive_buffer) in (of(1_u32..=1_000_000), of(4096_u32..=67_108_864)),
        (accept_filter, announce_filter) in (of(filter_rules()), of(filter_rules())),
        (accept_policy, announce_policy) in (of("[a-z]{1,9}"), of("[a-z]{1,9}")),
        (neighbors, password, keys) in (of(vec(router(), 0..4)), of(password()), of(keys())),
    ) -> Options {
        let [
            passive,
            split_horizon,
            poison_reverse,
            triggered_updates,
            graceful_shutdown,
            accept_host_routes,
            announce_host_routes,
            accept_default_route,
            announce_default_route,
            overwrite_static_routes,
            summarise,
            check_zero,
            check_link,
        ] = switches;
        // Every field by name: a new option does not compile until it is generated.
        Options {
            metric,
            metric_out,
            passive,
            announce,
            accept,
            update_mode,
            update_interval,
            expiration_interval,
            removal_interval,
            split_horizon,
            poison_reverse,
            triggered_updates,
            graceful_shutdown,
            accept_host_routes,
            announce_host_routes,
            accept_default_route,
            announce_default_route,
            originate_default,
            overwrite_static_routes,
            summarise,
            route_tag,
            neighbor_mode,
            neighbors,
            accept_filter,
            announce_filter,
            accept_policy,
            announce_policy,
            authentication,
            password,
            keys,
            check_zero,
            ttl_security,
            maximum_routes,
            dscp,
            port,
            packet_length,
            receive_buffer,
            ecmp_weight,
            check_link,
        }
    }
}

/// Any valid configuration of an interface.
pub(crate) fn interface_config() -> impl Strategy<Value = InterfaceConfig> {
    (options(), of("\\PC{0,20}")).prop_map(|(options, annotate)| InterfaceConfig { options, annotate })
}

/// A source of routes that is not RIP.
fn source() -> impl Strategy<Value = ProtocolId> {
    let published = select(vec![
        ProtocolId::LOCAL,
        ProtocolId::NETMGMT,
        ProtocolId::AUTOSTATIC,
        ProtocolId::STATIC,
        ProtocolId::STATIC_NON_DOD,
        ProtocolId::OSPF,
        ProtocolId::BGP_ROUTES,
    ]);
    prop_oneof![4 => published, 1 => (0x8000_0000_u32..).prop_map(ProtocolId)]
}

fn redistributions() -> impl Strategy<Value = Vec<Redistribution>> {
    let entry = (
        source(),
        of(1_u8..=15),
        any::<Option<u16>>(),
        of(filter_rules()),
        of("[a-z]{1,9}"),
    );
    vec(entry, 0..6).prop_map(|entries| {
        entries
            .into_iter()
            .map(|(source, metric, tag, filter, policy)| Redistribution {
                source,
                metric,
                tag,
                filter,
                policy,
            })
            .collect()
    })
}

prop_compose! {
    /// Any valid global configuration.
    pub(crate) fn global_config()(
        mut defaults in options(),
        (spare_password, spare_key) in (password(), keys().prop_filter("a key", |keys| !keys.is_empty())),
        (preference, ecmp, triggered_delay) in (of(1_u8..), of(1_u8..=16), of(0_u32..=86_400_000)),
        (peer_filter, peers, redistribute) in (of(coded()), of(vec(router(), 0..4)), of(redistributions())),
        (logging, max_receive_queue, max_send_queue) in (of(coded()), any::<Option<u32>>(), any::<Option<u32>>()),
        annotate in of("\\PC{0,20}"),
    ) -> GlobalConfig {
        match defaults.authentication {
            Some(Authentication::Plain) => {
                defaults.password.get_or_insert(spare_password);
            }
            Some(Authentication::Cryptographic) if defaults.keys.as_ref().is_none_or(Vec::is_empty) => {
                defaults.keys = Some(spare_key);
            }
            _ => {}
        }
        if defaults.authentication == Some(Authentication::Cryptographic) {
            // A digest of any algorithm leaves room for a route in such messages.
            defaults.packet_length = defaults.packet_length.map(|length| length.max(128));
        }
        GlobalConfig {
            defaults,
            preference,
            ecmp,
            triggered_delay,
            peer_filter,
            peers,
            redistribute,
            logging,
            max_receive_queue,
            max_send_queue,
            annotate,
        }
    }
}
