//! The options, in the order they are documented.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_policy::MetricType;
use waypost_routprot::Refusal;
use waypost_types::{Prefix4, ProtocolId, WallTime};
use waypost_wire::{DigestAlgorithm, LongSecrets, Secret};

use super::words::{Words, options};
use crate::area::AreaId;
use crate::authentication::Method;
use crate::parameters::{AreaKind, NetworkType, TranslatorRole};

/// Whether packets that crossed a router are dropped (RFC 5082).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TtlSecurity {
    /// They are not looked at; ours are sent with TTL 1.
    #[default]
    Off,
    /// Ours are sent with TTL 255, others' are not looked at.
    TxOnly,
    /// Ours are sent with TTL 255, others' must arrive with it.
    On,
}

/// How interfaces of an area are authenticated unless they say it themselves (RRAS authType).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AreaAuthentication {
    /// Not at all.
    #[default]
    None,
    /// By their passwords, in the clear.
    Simple,
}

/// Whether a default route is said to the autonomous system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultOrigin {
    /// Only when it is redistributed.
    #[default]
    Never,
    /// While the router has one that is not OSPF's.
    Conditional,
    /// Always.
    Always,
}

/// What is logged (RRAS logLevel).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Logging {
    /// Nothing.
    None,
    /// Errors.
    Errors,
    /// And warnings.
    Warnings,
    /// And what is normal and worth knowing.
    #[default]
    Information,
}

/// What becomes of a route that a filter lists (RRAS ofaActionOnMatch); what it does not list gets the opposite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FilterAction {
    /// It does not pass.
    Ignore,
    /// It passes.
    #[default]
    Accept,
}

/// Which routes of others are said, by their networks (RRAS OSPF_ROUTE_FILTER_INFO).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RouteFilter {
    /// What becomes of those listed.
    pub action: FilterAction,
    /// Networks: a route is listed if its network's address is in one of them.
    pub prefixes: Vec<Prefix4>,
}

impl RouteFilter {
    /// Whether a route to `prefix` passes.
    #[must_use]
    pub fn passes(&self, prefix: Prefix4) -> bool {
        let listed = self
            .prefixes
            .iter()
            .any(|network| network.contains(prefix.network()));
        listed == (self.action == FilterAction::Accept)
    }
}

/// A key of a chain. Times are seconds since 1970-01-01 UTC; absent means without limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Key {
    /// Key identifier, the same at both ends: 0..=255, with `extended` authentication 0..=4294967295.
    pub id: u32,
    /// The shared secret, 1..=255 octets; 1..=16 for `md5`.
    pub secret: Secret,
    /// The digest.
    pub algorithm: DigestAlgorithm,
    /// How an HMAC's secret that is longer than the digest is prepared in packets sent: `rfc4822` hashes it, `block` only what
    /// is longer than the hash function's block, as BIRD does. Both are understood. Default `rfc4822`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_secrets: Option<LongSecrets>,
    /// Not accepted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub accept_from: Option<WallTime>,
    /// Not accepted from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub accept_until: Option<WallTime>,
    /// Not sent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub send_from: Option<WallTime>,
    /// Not sent from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub send_until: Option<WallTime>,
}

/// A neighbour on a network where multicast does not reach it (RFC 2328 C.5, C.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Neighbor {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its priority until it is heard; one with 0 is not asked before there is a Designated Router. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// The cost of reaching it on a point-to-multipoint network, 1..=65535. Default: the interface's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub cost: Option<u16>,
    /// Whether it is spoken to. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// An address of the interface that OSPF uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Address {
    /// The address.
    pub address: Ipv4Addr,
    /// The length of its network's prefix, 0..=32; an address with another is not meant. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 32))]
    pub length: Option<u8>,
    /// Whether it is used. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

options! {
    /// OSPF on one interface.
    pub struct InterfaceConfig {
        words {
            /// The area it is in. Default 0.0.0.0.
            "area" area: AreaId;
            /// What kind of network it is on. Default: broadcast, loopback on the loopback device.
            "network-type" network_type: NetworkType;
            /// The cost of sending out of it, 1..=65535. Default: from `reference-bandwidth` if that is given, otherwise 10.
            "cost" cost: u16 [1..=65535];
            /// The wish to become Designated Router, 0..=255; 0: never. Default 1.
            "priority" priority: u8;
            /// Seconds between Hellos, 1..=65535; the same at every router of the network. Default 10.
            "hello-interval" hello_interval: u16 [1..=65535];
            /// Seconds a neighbour may be silent, 1..=65535; the same at every router of the network. Default 4 times
            /// `hello-interval`.
            "dead-interval" dead_interval: u16 [1..=65535];
            /// Hellos a second, 2..=20, in the place of `hello-interval`; a neighbour may be silent for one second then.
            "hello-multiplier" hello_multiplier: u8 [2..=20];
            /// Seconds to listen for a Designated Router before one is elected, 1..=65535. Default `dead-interval`.
            "wait-interval" wait_interval: u16 [1..=65535];
            /// Seconds between Hellos to configured neighbours that are down, 1..=65535. Default 120.
            "poll-interval" poll_interval: u16 [1..=65535];
            /// Seconds until what was not acknowledged is sent again, 1..=3600. Default 5.
            "retransmit-interval" retransmit_interval: u16 [1..=3600];
            /// Seconds by which LSAs are older when they leave, 1..=3600. Default 1.
            "transmit-delay" transmit_delay: u16 [1..=3600];
            /// The longest packet in octets, 2..=65535; neighbours with a larger MTU are refused. Default: the interface's MTU.
            "mtu" mtu: u16 [2..=65535];
            /// Neighbours with another MTU are neighbours all the same. Default false.
            "mtu-ignore" mtu_ignore: bool;
            /// Advertised, but nobody is spoken to. Default false.
            "passive" passive: bool;
            /// The network itself is not advertised (RFC 6860). Default false.
            "prefix-suppression" prefix_suppression: bool;
            /// Whether packets that crossed a router are dropped, those of virtual links apart. Default `off`.
            "ttl-security" ttl_security: TtlSecurity;
            /// Differentiated services codepoint of packets, 0..=63. Default 48 (CS6).
            "dscp" dscp: u8 [0..=63];
            /// Receive buffer in octets, 4096..=67108864. Default 1048576.
            "receive-buffer" receive_buffer: u32 [4096..=67108864];
            /// How packets are authenticated. Default: as the area says.
            "authentication" authentication: Method;
            /// Whether OSPF runs on it. Default true.
            "enabled" enabled: bool;
        }
        tails {
            /// Neighbours where multicast does not reach them.
            neighbors: Vec<Neighbor>;
            /// The password of `simple` authentication, up to 8 octets, `hex:` and two digits each if they are no text; empty: zeros.
            password: Secret;
            /// The keys of `cryptographic` and `extended` authentication.
            keys: Vec<Key>;
            /// The addresses that OSPF uses: it speaks from the first one that the interface has, and says the networks of all.
            /// Default: those the interface has.
            addresses: Vec<Address>;
            /// A note for people, up to 1000 characters.
            annotate: String;
        }
    }
}

/// Networks of an area that others hear of as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Range {
    /// The network that covers them.
    pub prefix: Prefix4,
    /// What it costs, 0..=16777214. Default: as much as the farthest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 16777214))]
    pub cost: Option<u32>,
    /// Whether anybody hears of it at all. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertise: Option<bool>,
    /// Whether it is in force; if not, its networks are said one by one. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Networks outside that an NSSA knows and others hear of as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExternalRange {
    /// The network that covers them.
    pub prefix: Prefix4,
    /// Whether anybody hears of it at all. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertise: Option<bool>,
    /// Its tag. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<u32>,
}

/// What an area border router does for an NSSA (RFC 3101).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Nssa {
    /// Whether this router says to others what the area says of the outside. Default `candidate`: if it is elected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translate: Option<TranslatorRole>,
    /// Seconds to go on with that when another one was elected, 0..=65535. Default 40.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stability_interval: Option<u16>,
    /// A default route is said in the area as an external of this type, at `default-cost`; with `summaries` off it is a summary
    /// whatever this says. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_route: Option<MetricType>,
    /// Networks outside that others hear of as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<ExternalRange>,
}

/// An area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Area {
    /// Its number.
    pub id: AreaId,
    /// What comes into it from outside. Default `normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AreaKind>,
    /// The cost of the default route that area border routers say in a stub area or NSSA, 0..=16777215; the highest says that
    /// there is no way. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 16777215))]
    pub default_cost: Option<u32>,
    /// Networks of other areas are said in it; otherwise only a default route. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summaries: Option<bool>,
    /// How its interfaces are authenticated unless they say it themselves. Default `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AreaAuthentication>,
    /// Whether OSPF runs on its interfaces. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Networks that others hear of as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// What an area border router does for it; only for an NSSA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nssa: Option<Nssa>,
}

/// A virtual link: through another area it joins this router to the backbone, or parts of the backbone to each other
/// (RFC 2328 §15, C.4). `defaults` do not hold for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VirtualLink {
    /// The area it leads through: one of `areas`, and neither the backbone nor a stub area or NSSA.
    pub transit_area: AreaId,
    /// The router identifier of its other end.
    pub router_id: Ipv4Addr,
    /// Seconds between Hellos, 1..=65535; the same at both ends. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub hello_interval: Option<u16>,
    /// Seconds the other end may be silent, 1..=65535; the same at both ends. Default 4 times `hello-interval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub dead_interval: Option<u16>,
    /// Seconds until what was not acknowledged is sent again, 1..=3600; more than the way there and back takes. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub retransmit_interval: Option<u16>,
    /// Seconds by which LSAs are older when they leave, 1..=3600. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub transmit_delay: Option<u16>,
    /// How packets are authenticated. Default: as the backbone says in `areas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Method>,
    /// The password of `simple` authentication, up to 8 octets, as of interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// The keys of `cryptographic` and `extended` authentication.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// Whether it is in force. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl VirtualLink {
    /// Its options as those of an interface: it belongs to the backbone, like a point-to-point link (RFC 2328 §9).
    pub(super) fn interface(&self) -> InterfaceConfig {
        InterfaceConfig {
            area: Some(AreaId::BACKBONE),
            network_type: Some(NetworkType::PointToPoint),
            hello_interval: self.hello_interval,
            dead_interval: self.dead_interval,
            retransmit_interval: self.retransmit_interval,
            transmit_delay: self.transmit_delay,
            authentication: self.authentication,
            password: self.password.clone(),
            keys: Some(self.keys.clone()),
            ..InterfaceConfig::default()
        }
    }
}

/// Routes of another protocol that are said to the autonomous system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Redistribution {
    /// Whose routes: `connected`, `static`, `rip`, the name of any other source, or a protocol's number, such as `0x813713aa`.
    #[serde(with = "source_name")]
    #[schemars(with = "String", extend("enum" = ["connected", "static", "autostatic", "rip", "bgp"]))]
    pub source: ProtocolId,
    /// Their cost, 0..=16777214. Default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 16777214))]
    pub metric: Option<u32>,
    /// How that compares with costs inside. Default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_type: Option<MetricType>,
    /// Their tag. Default: the route's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<u32>,
    /// Whether they are said; `false` takes them out of `redistribute-unlisted`. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Name of a policy that decides which of them: a prefix list or a route map (`policy.prefix-lists`, `policy.route-maps`). It
    /// sees the route as its source has it; a metric, type or tag that it sets comes before the ones above. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// Protocols go by their names.
mod source_name {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use waypost_types::ProtocolId;

    pub(super) fn serialize<S: Serializer>(source: &ProtocolId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(source)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProtocolId, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

options! {
    /// OSPF as a whole.
    pub struct GlobalConfig {
        words {
            /// The router identifier, in the place of the router's own.
            "router-id" router_id: Ipv4Addr;
            /// Rank of OSPF's routes among those of other protocols, 1..=255. Default: the preference table's.
            "preference" preference: u8 [1..=255];
            /// The most next hops of one route, 1..=16. Default 16.
            "maximum-paths" maximum_paths: u8 [1..=16];
            /// Externals are compared as RFC 1583 has it; every router must do it the same way. Default false.
            "rfc1583" rfc1583: bool;
            /// Megabits a second that cost 1, 1..=4294967. Default: every interface costs 10.
            "reference-bandwidth" reference_bandwidth: u32 [1..=4294967];
            /// Costs are said as high as can be, so that nobody passes through (RFC 6987). Default false.
            "stub-router" stub_router: bool;
            /// Opaque LSAs are understood (RFC 5250). Default true.
            "opaque" opaque: bool;
            /// The instance (RFC 6549), 0..=255. Default 0.
            "instance" instance: u8;
            /// An LSA that comes sooner after its last instance is not taken, in milliseconds, 0..=60000. Default 1000.
            "minimum-arrival" minimum_arrival: u32 [0..=60000];
            /// The shortest time between two instances of an LSA of ours, in milliseconds, 0..=60000. Default 1100.
            "originate-minimum" originate_minimum: u32 [0..=60000];
            /// It doubles up to this, 0..=60000. Default 5000.
            "originate-maximum" originate_maximum: u32 [0..=60000];
            /// How long acknowledgments wait for each other, in milliseconds, 0..=900. Default 500.
            "acknowledge-delay" acknowledge_delay: u32 [0..=900];
            /// How long the calculation of routes waits after quiet, in milliseconds, 0..=60000 (RFC 8405). Default 0.
            "spf-initial-delay" spf_initial_delay: u32 [0..=60000];
            /// While what belongs to one event arrives, 0..=60000. Default 50.
            "spf-short-delay" spf_short_delay: u32 [0..=60000];
            /// When it does not end, 0..=60000. Default 2000.
            "spf-long-delay" spf_long_delay: u32 [0..=60000];
            /// How long what belongs to one event takes to arrive, in milliseconds, 0..=60000. Default 500.
            "spf-learn-interval" spf_learn_interval: u32 [0..=60000];
            /// So long without events is quiet, in milliseconds, 0..=600000. Default 5000.
            "spf-hold-down" spf_hold_down: u32 [0..=600000];
            /// LSAs in all databases; what comes beyond is not taken, 1..=100000000. Default 4000000.
            "maximum-lsas" maximum_lsas: u32 [1..=100000000];
            /// Whether a default route is said to the autonomous system. Default `never`.
            "originate-default" originate_default: DefaultOrigin;
            /// What is logged. Default `information`.
            "logging" logging: Logging;
            /// For so many seconds after the start, costs are said as with `stub-router`, 0..=86400 (RFC 6987). Default 0.
            "stub-router-at-start" stub_router_at_start: u32 [0..=86400];
            /// For so many seconds before a stop, too, 0..=25. Default 0.
            "stub-router-at-stop" stub_router_at_stop: u16 [0..=25];
            /// While costs are said like that, those of summaries and externals are at least 16711680. Default false.
            "stub-router-externals" stub_router_externals: bool;
            /// Neighbours that restart gracefully are helped (RFC 3623). Default true.
            "restart-helper" restart_helper: bool;
            /// They are not helped any more when something changes that they do not hear of. Default true.
            "strict-lsa-checking" strict_lsa_checking: bool;
            /// What the router can do is said in an LSA of its own (RFC 7770), if `opaque` is on. Default false.
            "router-information" router_information: bool;
            /// When the daemon restarts and its routes are in the kernel still, neighbours are asked to go on as if it had never been
            /// away (RFC 3623), if `opaque` is on. Default false.
            "graceful-restart" graceful_restart: bool;
            /// For so many seconds, 1..=1800; less than the daemon leaves routes of an earlier life alone (`--restart-time`). Default
            /// 100.
            "grace-period" grace_period: u16 [1..=1800];
            /// Whether OSPF runs at all. Default true.
            "enabled" enabled: bool;
            /// Whether this is an AS boundary router: `false` says nothing of the outside, whatever `redistribute` and
            /// `originate-default` say. Default: while it says something.
            "boundary-router" boundary_router: bool;
            /// Interfaces in areas that are not listed in `areas` stay down; the backbone is always there. Default false.
            "listed-areas-only" listed_areas_only: bool;
            /// Routes of every source that is not listed in `redistribute` are said, too. Default false.
            "redistribute-unlisted" redistribute_unlisted: bool;
        }
        tails {
            /// The areas about which there is something to say.
            areas: Vec<Area>;
            /// Routes of other protocols that are said to the autonomous system.
            redistribute: Vec<Redistribution>;
            /// Interface options, for every interface without its own.
            defaults: InterfaceConfig;
            /// Virtual links.
            virtual_links: Vec<VirtualLink>;
            /// Which of the routes to be said are said, by their networks. Default: all. A default route of
            /// `originate-default` is none of them.
            redistribute_filter: RouteFilter;
            /// A note for people, up to 1000 characters.
            annotate: String;
        }
    }
}
