//! What can be configured: `protocols.loadgen` and `interfaces.NAME.loadgen`.

mod block;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal};
use waypost_types::{MAX_NEXT_HOPS, RouteKind};

use crate::mix::MAXIMUM;

/// Most changes a second that can be asked for.
pub const MAXIMUM_RATE: u32 = 10_000_000;

/// Most gateways of an interface.
pub const MAXIMUM_GATEWAYS: usize = 256;

/// Octets of the longest note.
const MAX_ANNOTATION: usize = 1024;

/// The longest time a flapping route is away, seconds.
const MAXIMUM_DOWN: u32 = 3600;

/// Configuration of the protocol as a whole: `protocols.loadgen`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct GlobalConfig {
    /// How many IPv4 routes are announced, 0..=3500000. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3_500_000))]
    pub routes: Option<u32>,
    /// How many IPv6 routes are announced, 0..=3500000. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3_500_000))]
    pub routes6: Option<u32>,
    /// What prefixes and changes follow from, any number: the same seed gives the same. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How many routes a second are announced or withdrawn until there are as many as wanted, 1..=10000000. Default: as many
    /// as the routing table takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub rate: Option<u32>,
    /// How many routes a second are withdrawn, to come back after `flap-down`, 0..=10000000. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub flaps: Option<u32>,
    /// Seconds that a flapping route is away, 1..=3600. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub flap_down: Option<u32>,
    /// How many routes a second get other next hops and another metric, 0..=10000000. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub reroutes: Option<u32>,
    /// Next hops of a route, 1..=16: as many of all gateways of all interfaces, which routes use in turn. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub next_hops: Option<u8>,
    /// What happens to packets. Only `unicast` routes need an interface. Default `unicast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<RouteKind>,
    /// The metric, 0..=4294967294. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_294_u32))]
    pub metric: Option<u32>,
    /// The tag, any number. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<u32>,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

/// Configuration on an interface: `interfaces.NAME.loadgen`. Routes go out of it while it is up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct InterfaceConfig {
    /// The routers on the link, up to 256; IPv4 routes use the IPv4 ones, IPv6 routes the IPv6 ones. Default: none,
    /// destinations are on the link.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub gateways: Vec<IpAddr>,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

fn ranged(path: &str, value: Option<u32>, least: u32, most: u32) -> Result<(), Refusal> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(Refusal::out_of_range(path, value, format!("{least}..={most}")))
        }
        _ => Ok(()),
    }
}

fn annotation(note: Option<&str>) -> Result<(), Refusal> {
    match note.map(str::len).filter(|length| *length > MAX_ANNOTATION) {
        None => Ok(()),
        Some(length) => Err(Refusal::invalid("the note is too long")
            .at("annotate")
            .with_value(format!("{length} octets"))
            .with_allowed(format!("up to {MAX_ANNOTATION} octets"))),
    }
}

fn no_published_layout() -> Refusal {
    Refusal::invalid("RRAS publishes no block of a load generator")
        .at("magic")
        .with_allowed("a Waypost block of layout 2")
}

impl BlockConfig for GlobalConfig {
    const LAYOUT: u32 = block::LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let layout = Layout::of(block)?;
        if layout != Layout::Waypost(block::LAYOUT) {
            return Err(no_published_layout());
        }
        let config = block::decode_global(block.payload()?)?;
        config.validate()?;
        Ok((config, layout))
    }

    /// Always in Waypost's layout: RRAS has none.
    fn encode(&self, _layout: Layout) -> InfoBlock {
        block::encode_global(self)
    }

    fn validate(&self) -> Result<(), Refusal> {
        ranged("routes", self.routes, 0, MAXIMUM)?;
        ranged("routes6", self.routes6, 0, MAXIMUM)?;
        ranged("rate", self.rate, 1, MAXIMUM_RATE)?;
        ranged("flaps", self.flaps, 0, MAXIMUM_RATE)?;
        ranged("flap-down", self.flap_down, 1, MAXIMUM_DOWN)?;
        ranged("reroutes", self.reroutes, 0, MAXIMUM_RATE)?;
        ranged(
            "next-hops",
            self.next_hops.map(u32::from),
            1,
            MAX_NEXT_HOPS as u32,
        )?;
        ranged("metric", self.metric, 0, u32::MAX - 1)?;
        annotation(self.annotate.as_deref())
    }
}

impl BlockConfig for InterfaceConfig {
    const LAYOUT: u32 = block::LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let layout = Layout::of(block)?;
        if layout != Layout::Waypost(block::LAYOUT) {
            return Err(no_published_layout());
        }
        let config = block::decode_interface(block.payload()?)?;
        config.validate()?;
        Ok((config, layout))
    }

    fn encode(&self, _layout: Layout) -> InfoBlock {
        block::encode_interface(self)
    }

    fn validate(&self) -> Result<(), Refusal> {
        if self.gateways.len() > MAXIMUM_GATEWAYS {
            return Err(Refusal::out_of_range(
                "gateways",
                self.gateways.len(),
                format!("up to {MAXIMUM_GATEWAYS}"),
            ));
        }
        for (number, gateway) in self.gateways.iter().enumerate() {
            let path = format!("gateways.{number}");
            if gateway.is_unspecified() || gateway.is_multicast() {
                return Err(Refusal::out_of_range(&path, gateway, "the address of a router"));
            }
            if self.gateways.iter().take(number).any(|other| other == gateway) {
                return Err(Refusal::invalid("the gateway is given twice")
                    .at(&path)
                    .with_value(gateway));
            }
        }
        annotation(self.annotate.as_deref())
    }
}
