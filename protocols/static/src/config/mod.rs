//! What can be configured: routes of the router (`protocols.static`) and routes of an interface (`interfaces.NAME.static`).

mod block;
mod rras;
mod rules;
mod via;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_routprot::router_blocks::{SubProtocol, default_preference};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal};
use waypost_types::{Prefix, ProtocolId, RouteKind};

pub(crate) use rras::fill_interface_index;
pub(crate) use rules::is_link_local;
pub use rules::{MAX_ANNOTATION, MAX_INTERFACE_ROUTES, MAX_ROUTES};
pub use via::{MAX_INTERFACE_NAME, Via};

/// The metric of a route that names none.
pub const DEFAULT_METRIC: u32 = 1;

/// Configuration of the protocol as a whole: `protocols.static`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct GlobalConfig {
    /// The routes. Two of them may share a destination when their preference or their metric differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<StaticRoute>,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

/// A route that names its next hops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StaticRoute {
    /// The destination, such as `10.0.0.0/8` or `2001:db8::/32`. Not multicast.
    pub prefix: Prefix,
    /// The next hops, 1..=16; one may stand without the list. Each is
    /// `[ADDRESS] [dev INTERFACE] [weight N] [onlink | recursive]`; with `recursive` the address may be anywhere, and the
    /// routing table finds the way to it.
    /// None for kinds other than `unicast`.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "via::one_or_more"
    )]
    #[schemars(schema_with = "via::one_or_more_schema")]
    pub via: Vec<Via>,
    /// What happens to matching packets. Default `unicast`.
    #[serde(default, skip_serializing_if = "is_unicast")]
    pub kind: RouteKind,
    /// Rank among routes to the destination from all sources, 1..=255, lower wins. Default: the router's preference table, 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 255))]
    pub preference: Option<u8>,
    /// Rank among routes of equal preference, 0..=4294967294, lower wins. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_294_u32))]
    pub metric: Option<u32>,
    /// A mark that protocols which redistribute the route carry along, any number. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<u32>,
    /// A note of the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

/// Serde wants a reference here.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_unicast(kind: &RouteKind) -> bool {
    *kind == RouteKind::Unicast
}

/// Configuration of static routes on one interface: `interfaces.NAME.static`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct InterfaceConfig {
    /// The routes out of this interface. Those that share destination, preference and metric share the traffic.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<InterfaceStaticRoute>,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

/// A route out of the interface it is configured on (INTERFACE_ROUTE_INFO).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InterfaceStaticRoute {
    /// The destination. Not multicast.
    pub prefix: Prefix,
    /// The router on the link. Default: none, the destination is on the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub gateway: Option<IpAddr>,
    /// The gateway is on the link although no network of the interface covers it. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub onlink: bool,
    /// Share of the traffic among equal routes, 1..=256. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub weight: Option<u16>,
    /// Rank among routes to the destination from all sources, 1..=255, lower wins. Default: that of the route's origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 255))]
    pub preference: Option<u8>,
    /// Rank among routes of equal preference, 0..=4294967294, lower wins. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_294_u32))]
    pub metric: Option<u32>,
    /// A mark that protocols which redistribute the route carry along, any number. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<u32>,
    /// Where the route is from. Default `static`.
    #[serde(default, skip_serializing_if = "Origin::is_static")]
    pub origin: Origin,
    /// A note of the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

impl InterfaceStaticRoute {
    /// The preference the route is given to the routing table with; `None` leaves it to the router's preference table.
    #[must_use]
    pub fn effective_preference(&self) -> Option<u8> {
        self.preference.or_else(|| self.origin.preference())
    }
}

/// Where a route of an interface is from (dwRtInfoProto).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// An operator; preference from the router's table.
    #[default]
    Static,
    /// An operator, and packets that take the route never start a demand-dial connection; preference 5.
    StaticNonDod,
    /// An autostatic update; preference 7.
    Autostatic,
}

impl Origin {
    pub(crate) const ALL: [Self; 3] = [Self::Static, Self::StaticNonDod, Self::Autostatic];

    /// The protocol number that RRAS's rows name it by.
    #[must_use]
    pub const fn protocol(self) -> ProtocolId {
        match self {
            Self::Static => ProtocolId::STATIC,
            Self::StaticNonDod => ProtocolId::STATIC_NON_DOD,
            Self::Autostatic => ProtocolId::AUTOSTATIC,
        }
    }

    /// Routes all belong to the static protocol here, so what RRAS ranks by protocol number is ranked by the route.
    fn preference(self) -> Option<u8> {
        (self != Self::Static).then(|| default_preference(self.protocol(), SubProtocol::All))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    fn is_static(&self) -> bool {
        *self == Self::Static
    }
}

impl BlockConfig for GlobalConfig {
    const LAYOUT: u32 = block::LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let config = match Layout::of(block)? {
            Layout::Waypost(block::LAYOUT) => block::decode_global(block.payload()?)?,
            Layout::Waypost(other) => return Err(block::unknown_layout(other)),
            Layout::Rras => {
                return Err(Refusal::invalid(
                    "RRAS publishes no block of static routes for the router as a whole",
                )
                .at("magic")
                .with_allowed("a Waypost block of layout 2"));
            }
        };
        config.validate()?;
        Ok((config, Layout::Waypost(block::LAYOUT)))
    }

    /// Always in Waypost's layout: RRAS has none.
    fn encode(&self, _layout: Layout) -> InfoBlock {
        block::encode_global(self)
    }

    fn validate(&self) -> Result<(), Refusal> {
        rules::check_global(self)
    }
}

impl BlockConfig for InterfaceConfig {
    const LAYOUT: u32 = block::LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let (config, layout) = match rras::layout_of(block)? {
            Layout::Waypost(block::LAYOUT) => (
                block::decode_interface(block.payload()?)?,
                Layout::Waypost(block::LAYOUT),
            ),
            Layout::Waypost(other) => return Err(block::unknown_layout(other)),
            Layout::Rras => (rras::decode(block.payload()?)?, Layout::Rras),
        };
        config.validate()?;
        Ok((config, layout))
    }

    /// RRAS's rows have no place for tags, weights, `onlink` and notes. Without routes there are no rows and so no block.
    fn encode(&self, layout: Layout) -> InfoBlock {
        match layout {
            Layout::Rras => rras::encode(self),
            Layout::Waypost(_) => block::encode_interface(self),
        }
    }

    fn validate(&self) -> Result<(), Refusal> {
        rules::check_interface(self)
    }
}
