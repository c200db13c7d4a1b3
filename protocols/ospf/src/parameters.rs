//! What configuration comes to for the protocol: every option with a value, as the machines need it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_engine::Severity;
use waypost_types::Prefix4;

use crate::area::AreaId;
use crate::authentication::Policy;
use crate::options::Options;
use crate::spf::backoff::BackoffParameters;

/// What kind of network an interface is on (RFC 2328 §1.2, §9).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkType {
    /// Many routers, and multicast reaches all of them.
    #[default]
    Broadcast,
    /// Many routers that all reach each other, but only by unicast.
    NonBroadcast,
    /// Two routers.
    PointToPoint,
    /// Many routers that need not all reach each other; multicast reaches those who do.
    PointToMultipoint,
    /// The same without multicast: neighbours are configured.
    PointToMultipointNonBroadcast,
    /// No routers at all: an address to be reached.
    Loopback,
}

impl NetworkType {
    /// Whether a Designated Router is elected.
    #[must_use]
    pub const fn has_election(self) -> bool {
        matches!(self, Self::Broadcast | Self::NonBroadcast)
    }

    /// Whether packets to groups reach the neighbours.
    #[must_use]
    pub const fn has_multicast(self) -> bool {
        matches!(
            self,
            Self::Broadcast | Self::PointToPoint | Self::PointToMultipoint
        )
    }

    /// Whether neighbours are told apart by address; otherwise by router identifier (RFC 2328 §8.2).
    #[must_use]
    pub const fn knows_neighbors_by_address(self) -> bool {
        !matches!(self, Self::PointToPoint)
    }
}

/// A neighbour that is known before it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfiguredNeighbor {
    /// Its priority, until it says otherwise; those with 0 are not asked before there is a Designated Router.
    pub priority: u8,
    /// The cost of reaching it, on point-to-multipoint networks.
    pub cost: Option<u16>,
}

/// How OSPF works on one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceParameters {
    /// The area it is in.
    pub area: AreaId,
    /// What kind of network it is on.
    pub network: NetworkType,
    /// The cost of sending out of it.
    pub cost: u16,
    /// The wish to become Designated Router; 0: never.
    pub priority: u8,
    /// Time between Hellos.
    pub hello: Duration,
    /// What Hellos say it is, in seconds; 0 with Hellos more often than every second.
    pub hello_field: u16,
    /// How long a neighbour may be silent, in seconds.
    pub dead: u32,
    /// How long to listen for a Designated Router before one is elected.
    pub wait: Duration,
    /// Time between Hellos to configured neighbours that are down.
    pub poll: Duration,
    /// Time until what was not acknowledged is sent again.
    pub retransmit: Duration,
    /// By how many seconds LSAs are older when they leave.
    pub transmit_delay: u16,
    /// The longest IP packet to send, in octets, and the largest MTU of a neighbour.
    pub mtu: u16,
    /// Neighbours with another MTU are neighbours all the same.
    pub mtu_ignore: bool,
    /// Advertised, but nobody is spoken to.
    pub passive: bool,
    /// The network itself is not advertised (RFC 6860).
    pub prefix_suppression: bool,
    /// TTL of packets sent.
    pub ttl: u8,
    /// Smaller TTLs are dropped on arrival; 0: none is.
    pub minimum_ttl: u8,
    /// Differentiated services codepoint of packets sent.
    pub dscp: u8,
    /// Receive buffer wanted, in octets.
    pub receive_buffer: u32,
    /// Authentication.
    pub authentication: Policy,
    /// Neighbours known beforehand, by address.
    pub neighbors: BTreeMap<Ipv4Addr, ConfiguredNeighbor>,
}

impl Default for InterfaceParameters {
    fn default() -> Self {
        Self {
            area: AreaId::BACKBONE,
            network: NetworkType::Broadcast,
            cost: 10,
            priority: 1,
            hello: Duration::from_secs(10),
            hello_field: 10,
            dead: 40,
            wait: Duration::from_secs(40),
            poll: Duration::from_secs(120),
            retransmit: Duration::from_secs(5),
            transmit_delay: 1,
            mtu: 1500,
            mtu_ignore: false,
            passive: false,
            prefix_suppression: false,
            ttl: 1,
            minimum_ttl: 0,
            // CS6 (RFC 4222 §2, RFC 4594 §3.1).
            dscp: 48,
            receive_buffer: 1 << 20,
            authentication: Policy::default(),
            neighbors: BTreeMap::new(),
        }
    }
}

/// What comes into an area from outside (RFC 2328 §3.6, RFC 3101).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AreaKind {
    /// Everything.
    #[default]
    Normal,
    /// No externals: a default route instead.
    Stub,
    /// No externals but its own, as Type-7 LSAs.
    Nssa,
}

/// Networks of an area that others hear of as one (RFC 2328 C.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The network that covers them.
    pub prefix: Prefix4,
    /// What it costs; otherwise as much as the farthest of them.
    pub cost: Option<u32>,
    /// Whether anybody hears of it at all.
    pub advertise: bool,
}

/// Which border routers of an NSSA translate what it says of the outside (NSSATranslatorRole, RFC 3101 §3.1, D).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TranslatorRole {
    /// This one, whoever else does.
    Always,
    /// The one that is elected.
    #[default]
    Candidate,
    /// Not this one.
    Never,
}

/// Networks outside that an NSSA knows and others hear of as one (a Type-7 address range, RFC 3101 §2.2, §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalRange {
    /// The network that covers them.
    pub prefix: Prefix4,
    /// Whether anybody hears of it at all.
    pub advertise: bool,
    /// Its tag.
    pub tag: u32,
}

/// What an area border router does for an NSSA (RFC 3101 D).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NssaParameters {
    /// Whether it translates.
    pub role: TranslatorRole,
    /// How long it goes on when another one was elected (TranslatorStabilityInterval).
    pub stability: Duration,
    /// A default route is said as an external, of type 2 or not, if summaries are said.
    pub default_type_2: Option<bool>,
    /// What others hear of its networks outside.
    pub ranges: Vec<ExternalRange>,
}

impl NssaParameters {
    /// An NSSA of which nothing was said.
    pub const DEFAULT: Self = Self {
        role: TranslatorRole::Candidate,
        stability: Duration::from_secs(40),
        default_type_2: None,
        ranges: Vec::new(),
    };
}

/// How an area works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaParameters {
    /// What comes into it.
    pub kind: AreaKind,
    /// The cost of the default route that area border routers say in stub areas and NSSAs.
    pub default_cost: u32,
    /// Networks of other areas are not said in it: a default route instead.
    pub no_summary: bool,
    /// What others hear of its networks.
    pub ranges: Vec<Range>,
    /// What is done for it if it is an NSSA.
    pub nssa: NssaParameters,
}

impl AreaParameters {
    /// An area of which nothing was said.
    pub const DEFAULT: Self = Self {
        kind: AreaKind::Normal,
        default_cost: 1,
        no_summary: false,
        ranges: Vec::new(),
        nssa: NssaParameters::DEFAULT,
    };
}

impl Default for AreaParameters {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl AreaParameters {
    /// The E and N bits that Hellos in this area must agree on (RFC 2328 §10.5, RFC 3101 §2.3).
    #[must_use]
    pub fn capability(&self) -> Options {
        match self.kind {
            AreaKind::Normal => Options::EXTERNAL,
            AreaKind::Stub => Options::empty(),
            AreaKind::Nssa => Options::NSSA,
        }
    }
}

/// How the router works as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterParameters {
    /// The instance (RFC 6549).
    pub instance: u8,
    /// Opaque LSAs are understood (RFC 5250).
    pub opaque: bool,
    /// An LSA that comes sooner after the last instance is not taken (MinLSArrival, RFC 2328 B), in milliseconds.
    pub minimum_arrival: u32,
    /// The shortest time between two instances of an LSA of ours.
    pub originate_minimum: Duration,
    /// It doubles with each instance, up to this (MinLSInterval, RFC 2328 B).
    pub originate_maximum: Duration,
    /// How long acknowledgments may wait for each other.
    pub acknowledge_delay: Duration,
    /// LSAs in all databases, ours included; what comes beyond is not taken.
    pub maximum_lsas: u32,
    /// Advertised costs are as high as can be, so that nobody passes through (RFC 6987).
    pub stub_router: bool,
    /// So it is for this long after it started,
    pub stub_at_start: Duration,
    /// and for this long before it stops.
    pub stub_at_stop: Duration,
    /// Then summaries and externals cost as much, too.
    pub stub_externals: bool,
    /// Neighbours that restart gracefully are helped (RFC 3623 §3),
    pub helps_restarts: bool,
    /// but not any more when something changes that they do not hear of.
    pub strict_lsa_checking: bool,
    /// For how long they are asked to help this one when it restarts; `None`: they are not (RFC 3623 §2).
    pub grace_period: Option<Duration>,
    /// What it can do is said in every area (RFC 7770).
    pub router_information: bool,
    /// Calls itself AS boundary router.
    pub boundary_router: bool,
    /// RFC1583Compatibility (C.1): how externals are compared. Every router must do it the same way.
    pub rfc1583: bool,
    /// The most next hops of one route.
    pub maximum_paths: u8,
    /// Rank of routes among those of other protocols; `None`: the preference table's.
    pub preference: Option<u8>,
    /// The least severe of what is logged; `None`: nothing is.
    pub logged: Option<Severity>,
    /// When routes are calculated.
    pub backoff: BackoffParameters,
    /// The area's parameters where they are not the default.
    pub areas: BTreeMap<AreaId, AreaParameters>,
    /// Virtual links, by the area they lead through and the router at their other end (RFC 2328 §15). What they cost is not
    /// configured.
    pub virtual_links: BTreeMap<(AreaId, Ipv4Addr), InterfaceParameters>,
}

impl Default for RouterParameters {
    fn default() -> Self {
        Self {
            instance: 0,
            opaque: true,
            minimum_arrival: 1000,
            originate_minimum: Duration::from_millis(1100),
            originate_maximum: Duration::from_secs(5),
            acknowledge_delay: Duration::from_millis(500),
            maximum_lsas: 4_000_000,
            stub_router: false,
            stub_at_start: Duration::ZERO,
            stub_at_stop: Duration::ZERO,
            stub_externals: false,
            router_information: false,
            helps_restarts: true,
            strict_lsa_checking: true,
            grace_period: None,
            boundary_router: false,
            // DEVIATION RFC 2328 C.1: as FRR and BIRD have it, because routers of one network must agree.
            rfc1583: false,
            maximum_paths: 16,
            preference: None,
            logged: Some(Severity::Info),
            backoff: BackoffParameters::default(),
            areas: BTreeMap::new(),
            virtual_links: BTreeMap::new(),
        }
    }
}

impl RouterParameters {
    /// How an area works.
    #[must_use]
    pub fn area(&self, area: AreaId) -> &AreaParameters {
        static DEFAULT: AreaParameters = AreaParameters::DEFAULT;
        self.areas.get(&area).unwrap_or(&DEFAULT)
    }
}
