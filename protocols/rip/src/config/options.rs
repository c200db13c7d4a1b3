//! The options, in the order they are documented.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_policy::PolicyReference;
use waypost_types::{ProtocolId, WallTime};
use waypost_wire::{DigestAlgorithm, LongSecrets, Secret};

use super::FilterRule;

/// What is sent (RRAS IC_AnnounceMode, RFC 2453 §4.1 send switch).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Announce {
    /// Nothing.
    None,
    /// Version 1, by broadcast.
    V1,
    /// Version 2 by broadcast, so that version 1 routers hear it ("RIP-1 compatible").
    V1Compatible,
    /// Version 2 by multicast to 224.0.0.9.
    #[default]
    V2Multicast,
}

/// What is listened to (RRAS IC_AcceptMode, RFC 2453 §4.1 receive switch).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Accept {
    /// Nothing.
    None,
    /// Version 1 only.
    V1,
    /// Version 2 only.
    V2,
    /// Both versions.
    #[default]
    Both,
}

/// When updates are sent without a change (RRAS IC_UpdateMode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateMode {
    /// Every update interval.
    #[default]
    Periodic,
    /// Never by itself: routes are exchanged when an autostatic update asks for them.
    Demand,
}

/// Whether the listed neighbours are sent to by unicast (RRAS IC_UnicastPeerMode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NeighborMode {
    /// They are not.
    #[default]
    Off,
    /// They are, beside broadcast or multicast.
    Also,
    /// They are, and nobody else is.
    Only,
}

/// How messages are authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// They are not.
    #[default]
    None,
    /// By the `password`, readable by everyone on the link (RFC 2453 §4.1).
    Plain,
    /// By a digest under one of the `keys` (RFC 4822).
    Cryptographic,
}

/// Whether packets that crossed a router are dropped (RFC 5082).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TtlSecurity {
    /// They are not looked at.
    #[default]
    Off,
    /// Ours are sent with TTL 255, others' are not looked at.
    TxOnly,
    /// Ours are sent with TTL 255, others' must arrive with it.
    On,
}

/// A key of a chain. Times are seconds since 1970-01-01 UTC; absent means without limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Key {
    /// Key identifier, 0..=255, the same at both ends.
    #[schemars(range(min = 0, max = 255))]
    pub id: u8,
    /// The shared secret, 1..=255 octets; 1..=16 for `md5`.
    pub secret: Secret,
    /// The digest.
    pub algorithm: DigestAlgorithm,
    /// How an HMAC's secret that is longer than the digest is prepared in messages sent: `rfc4822` hashes it, `block` only
    /// what is longer than the hash function's block (64 octets, or 128 from SHA-384 on), as BIRD does. Both are understood.
    /// Default `rfc4822`.
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

/// The options of an interface. Each is documented with its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Options {
    /// Cost added to routes heard here, 0..=16; 0 acts as 1. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 16))]
    pub metric: Option<u8>,
    /// Cost added to routes announced here, 0..=15. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 15))]
    pub metric_out: Option<u8>,
    /// Listen but announce nothing. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive: Option<bool>,
    /// What is sent. Default `v2-multicast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce: Option<Announce>,
    /// What is listened to. Default `both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<Accept>,
    /// When updates are sent. Default `periodic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_mode: Option<UpdateMode>,
    /// Seconds between full updates, 1..=86400, each varied by up to 5 s (a sixth when the interval is short). Default 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub update_interval: Option<u32>,
    /// Seconds until a route that nobody refreshes is unusable, 3..=259200 (RFC 2453 timeout). Default 180.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 3, max = 259_200))]
    pub expiration_interval: Option<u32>,
    /// Seconds an unusable route is still announced as such, 1..=259200 (RFC 2453 garbage collection). Default 120.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 259_200))]
    pub removal_interval: Option<u32>,
    /// Do not announce routes back to where they were learned. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_horizon: Option<bool>,
    /// With split horizon: announce them there with metric 16 instead. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poison_reverse: Option<bool>,
    /// Announce changes at once. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggered_updates: Option<bool>,
    /// Announce metric 16 for every route when RIP stops here. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graceful_shutdown: Option<bool>,
    /// Take host routes. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_host_routes: Option<bool>,
    /// Announce host routes. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce_host_routes: Option<bool>,
    /// Take a default route. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_default_route: Option<bool>,
    /// Announce a default route that RIP has. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce_default_route: Option<bool>,
    /// Announce a default route of our own here, with this metric, 1..=15. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 15))]
    pub originate_default: Option<u8>,
    /// A route heard here wins over a static route to the same destination. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overwrite_static_routes: Option<bool>,
    /// Announce subnets outside their class network as the class network. With `announce = "v1-compatible"` also leave out
    /// what version 1 would misread (RFC 2453 §4.3). Always done for version 1. Default true for `v1-compatible`, else false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summarise: Option<bool>,
    /// Tag of the routes announced here that carry none, 0..=65535. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub route_tag: Option<u16>,
    /// Whether `neighbors` are sent to by unicast. Default `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbor_mode: Option<NeighborMode>,
    /// Routers to send to by unicast; those that are not on the interface's link are left out. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<Vec<Ipv4Addr>>,
    /// Which routes are taken: the first rule that matches decides, the rest gets the opposite of the last. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_filter: Option<Vec<FilterRule>>,
    /// Which routes are announced. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce_filter: Option<Vec<FilterRule>>,
    /// Name of a policy that decides about routes heard here after `accept-filter`: a prefix list or a route map
    /// (`policy.prefix-lists`, `policy.route-maps`). It sees the metric as heard. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_policy: Option<String>,
    /// Name of a policy that decides about routes announced here after `announce-filter`. It sees RIP's own metric, before
    /// `metric-out`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce_policy: Option<String>,
    /// How messages are authenticated. Default `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// The password of plain authentication, 1..=16 octets: text, or `hex:` and two digits for each octet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// The key chain of cryptographic authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Key>>,
    /// Drop messages and entries of version 1 whose must-be-zero fields are not (RFC 1058 §3.1); later versions use or ignore
    /// them. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_zero: Option<bool>,
    /// Whether packets that crossed a router are dropped. Default `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_security: Option<TtlSecurity>,
    /// How many routes are kept from this interface at most, 1..=1000000. Default 1000000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub maximum_routes: Option<u32>,
    /// Differentiated services codepoint of packets sent, 0..=63. Default 48 (CS6).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 63))]
    pub dscp: Option<u8>,
    /// UDP port, 1..=65535. Default 520.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<u16>,
    /// Largest message sent, in octets of UDP payload, 64..=65000; the MTU also limits it, and a digest needs room. Default 512 (RFC 2453 §3.6: 25 entries).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64, max = 65_000))]
    pub packet_length: Option<u16>,
    /// Receive buffer of the socket in octets, 4096..=67108864. Default 4194304.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 4096, max = 67_108_864))]
    pub receive_buffer: Option<u32>,
    /// Weight of next hops on this interface in an equal-cost set, 1..=256. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub ecmp_weight: Option<u16>,
    /// Treat the interface as down while it has no carrier. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_link: Option<bool>,
}

impl Options {
    /// These options, and those of `defaults` where these have none.
    #[must_use]
    pub fn or(&self, defaults: &Self) -> Self {
        // Every field by name: a new option does not compile until it is here.
        Self {
            metric: self.metric.or(defaults.metric),
            metric_out: self.metric_out.or(defaults.metric_out),
            passive: self.passive.or(defaults.passive),
            announce: self.announce.or(defaults.announce),
            accept: self.accept.or(defaults.accept),
            update_mode: self.update_mode.or(defaults.update_mode),
            update_interval: self.update_interval.or(defaults.update_interval),
            expiration_interval: self.expiration_interval.or(defaults.expiration_interval),
            removal_interval: self.removal_interval.or(defaults.removal_interval),
            split_horizon: self.split_horizon.or(defaults.split_horizon),
            poison_reverse: self.poison_reverse.or(defaults.poison_reverse),
            triggered_updates: self.triggered_updates.or(defaults.triggered_updates),
            graceful_shutdown: self.graceful_shutdown.or(defaults.graceful_shutdown),
            accept_host_routes: self.accept_host_routes.or(defaults.accept_host_routes),
            announce_host_routes: self.announce_host_routes.or(defaults.announce_host_routes),
            accept_default_route: self.accept_default_route.or(defaults.accept_default_route),
            announce_default_route: self.announce_default_route.or(defaults.announce_default_route),
            originate_default: self.originate_default.or(defaults.originate_default),
            overwrite_static_routes: self.overwrite_static_routes.or(defaults.overwrite_static_routes),
            summarise: self.summarise.or(defaults.summarise),
            route_tag: self.route_tag.or(defaults.route_tag),
            neighbor_mode: self.neighbor_mode.or(defaults.neighbor_mode),
            neighbors: self.neighbors.as_ref().or(defaults.neighbors.as_ref()).cloned(),
            accept_filter: self
                .accept_filter
                .as_ref()
                .or(defaults.accept_filter.as_ref())
                .cloned(),
            announce_filter: self
                .announce_filter
                .as_ref()
                .or(defaults.announce_filter.as_ref())
                .cloned(),
            accept_policy: self
                .accept_policy
                .as_ref()
                .or(defaults.accept_policy.as_ref())
                .cloned(),
            announce_policy: self
                .announce_policy
                .as_ref()
                .or(defaults.announce_policy.as_ref())
                .cloned(),
            authentication: self.authentication.or(defaults.authentication),
            password: self.password.as_ref().or(defaults.password.as_ref()).cloned(),
            keys: self.keys.as_ref().or(defaults.keys.as_ref()).cloned(),
            check_zero: self.check_zero.or(defaults.check_zero),
            ttl_security: self.ttl_security.or(defaults.ttl_security),
            maximum_routes: self.maximum_routes.or(defaults.maximum_routes),
            dscp: self.dscp.or(defaults.dscp),
            port: self.port.or(defaults.port),
            packet_length: self.packet_length.or(defaults.packet_length),
            receive_buffer: self.receive_buffer.or(defaults.receive_buffer),
            ecmp_weight: self.ecmp_weight.or(defaults.ecmp_weight),
            check_link: self.check_link.or(defaults.check_link),
        }
    }
}

impl Options {
    /// The policies named.
    pub(super) fn policies(&self) -> impl Iterator<Item = PolicyReference> {
        let options = [
            ("accept-policy", &self.accept_policy),
            ("announce-policy", &self.announce_policy),
        ];
        options.into_iter().filter_map(|(option, name)| {
            Some(PolicyReference {
                path: option.to_owned(),
                name: name.clone()?,
            })
        })
    }
}

/// Configuration of RIP on one interface: `interfaces.NAME.rip`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct InterfaceConfig {
    /// The options given for this interface.
    #[serde(flatten)]
    pub options: Options,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

/// How much goes to the log (RRAS GC_LoggingLevel).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Logging {
    /// Nothing.
    None,
    /// Errors.
    #[default]
    Errors,
    /// Errors and warnings.
    Warnings,
    /// Everything worth knowing.
    Information,
}

/// Which routers are listened to (RRAS GC_PeerFilterMode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PeerFilter {
    /// All.
    #[default]
    Off,
    /// Only those in `peers`.
    Include,
    /// All but those in `peers`.
    Exclude,
}

/// Routes of another source that RIP announces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Redistribution {
    /// Whose routes: `connected`, `static`, `autostatic`, `static-non-dod`, `netmgmt`, `ospf`, `bgp`, the name of any other
    /// source, or a protocol's number, such as `0x813713aa`. Of several entries for one source the first whose filter takes a
    /// route decides.
    #[serde(with = "source_name")]
    #[schemars(with = "String", extend("enum" = ["connected", "static", "autostatic", "ospf", "bgp"]))]
    pub source: ProtocolId,
    /// Their metric in RIP, 1..=15. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 15))]
    pub metric: Option<u8>,
    /// Their tag in RIP; the route's own (low 16 bits) otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<u16>,
    /// Which of them; all otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Vec<FilterRule>>,
    /// Name of a policy that decides after `filter`: a prefix list or a route map. It sees the route as its source has it; a
    /// metric or tag that it sets is RIP's. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// Route sources by their names in configuration.
mod source_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use waypost_types::ProtocolId;

    pub(super) fn serialize<S: Serializer>(source: &ProtocolId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(source)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProtocolId, D::Error> {
        String::deserialize(deserializer)?
            .parse::<ProtocolId>()
            .map_err(|error| {
                D::Error::custom(format!(
                    "{error} (connected, static, autostatic, static-non-dod, netmgmt, ospf, bgp, ...)"
                ))
            })
    }
}

/// Configuration of RIP as a whole: `protocols.rip`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct GlobalConfig {
    /// Defaults of the interface options for all interfaces.
    #[serde(flatten)]
    pub defaults: Options,
    /// Preference of RIP's routes, 1..=255. Default: the router's preference table, 120.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 255))]
    pub preference: Option<u8>,
    /// Equal-cost next hops kept for one destination, 1..=16. Default 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub ecmp: Option<u8>,
    /// Least time between two triggered updates on an interface in milliseconds, 0..=86400000. The first change after quiet goes out
    /// at once. Default 1000 (RFC 2453 §3.10.1 has 1 to 5 s at random; FRR and BIRD wait as long).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400_000))]
    pub triggered_delay: Option<u32>,
    /// Which routers are listened to. Default `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_filter: Option<PeerFilter>,
    /// The routers that `peer-filter` names. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<Ipv4Addr>>,
    /// Routes of other sources to announce. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redistribute: Option<Vec<Redistribution>>,
    /// How much goes to the log. Default `errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    /// Octets of messages waiting to be handled, any number; 0 is the default, 1048576.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_receive_queue: Option<u32>,
    /// Octets of messages waiting to be sent, any number; 0 is the default, 1048576.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_send_queue: Option<u32>,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}
