//! Questions to the routing table and its answers.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_manager::InactiveRoute;
use waypost_types::{InterfaceIndex, Prefix, Prefix4, Prefix6, ProtocolId, RouteKind};

/// A question to the routing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteQuery {
    /// A page of the table, in prefix order. Answered with [`RouteAnswer::Page`].
    Page(PageQuery),
    /// All routes of the destination that packets to this address or prefix would use (longest match).
    /// Answered with [`RouteAnswer::Page`], empty when nothing matches.
    Lookup(Destination),
    /// Why packets to this address or prefix go where they go. Answered with [`RouteAnswer::Explanation`].
    Explain(Destination),
    /// How much there is. Answered with [`RouteAnswer::Counters`].
    Counters,
}

/// Which page of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// Only destinations after this one; `None` starts at the first.
    pub after: Option<Prefix>,
    /// At most this many destinations, 1..=[`MAX_PAGE`].
    pub limit: usize,
    /// Only routes of this owner.
    pub owner: Option<ProtocolId>,
    /// Only destinations inside this prefix, itself included.
    pub within: Option<Prefix>,
}

/// How many destinations a page may have.
pub const MAX_PAGE: usize = 10_000;

/// An address or a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// One address.
    Address(IpAddr),
    /// A network.
    Prefix(Prefix),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Prefix(prefix) => prefix.fmt(f),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        text.parse()
            .map(Self::Prefix)
            .map_err(|error: waypost_types::PrefixError| error.to_string())
    }
}

/// An answer of the routing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteAnswer {
    /// Rows of the table.
    Page(RoutePage),
    /// Why packets go where they go.
    Explanation(Explanation),
    /// How much there is.
    Counters(RouteCounters),
}

/// Rows of the table, in prefix order, the best of a destination first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RoutePage {
    /// The routes.
    pub rows: Vec<RouteRow>,
    /// What to pass as `after` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Prefix>,
    /// Configured routes that are not in the table, all of them with the first page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inactive: Vec<InactiveRow>,
}

/// A configured route that is not in the table because nothing can be reached by it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct InactiveRow {
    /// The destination.
    pub prefix: Prefix,
    /// Whose route it is, as in the table.
    #[serde(with = "owner_name")]
    #[schemars(with = "String")]
    pub owner: ProtocolId,
    /// Its rank, if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preference: Option<u8>,
    /// Its metric.
    pub metric: u32,
    /// Its next hops as they are configured.
    pub via: Vec<String>,
    /// Why it is not in use, in words.
    pub reason: String,
}

impl From<InactiveRoute> for InactiveRow {
    fn from(route: InactiveRoute) -> Self {
        Self {
            prefix: route.prefix,
            owner: route.owner,
            preference: route.preference,
            metric: route.metric,
            via: route.via,
            reason: route.reason,
        }
    }
}

/// Whether all of `inner` is in `outer`.
pub(crate) fn covers(outer: Prefix, inner: Prefix) -> bool {
    match (outer, inner) {
        (Prefix::V4(outer), Prefix::V4(inner)) => outer.covers(inner),
        (Prefix::V6(outer), Prefix::V6(inner)) => outer.covers(inner),
        _ => false,
    }
}

impl Destination {
    /// The smallest prefix that it is in: itself, or the address alone.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        match self {
            Self::Prefix(prefix) => *prefix,
            Self::Address(IpAddr::V4(address)) => Prefix4::host(*address).into(),
            Self::Address(IpAddr::V6(address)) => Prefix6::host(*address).into(),
        }
    }
}

/// One route of one owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RouteRow {
    /// The destination.
    pub prefix: Prefix,
    /// Whose route it is: a name such as `rip`, or the protocol's number in hexadecimal.
    #[serde(with = "owner_name")]
    #[schemars(with = "String")]
    pub owner: ProtocolId,
    /// Rank, 1..=255, lower wins.
    pub preference: u8,
    /// The owner's own measure; lower wins among equal preferences.
    pub metric: u32,
    /// The owner's opaque mark.
    pub tag: u32,
    /// What happens to matching packets.
    pub kind: RouteKind,
    /// Where they go; none unless `kind` is `unicast`.
    pub next_hops: Vec<NextHopRow>,
    /// Seconds since the route was last changed.
    pub age_seconds: u64,
    /// Whether it is the best route to its destination.
    pub best: bool,
    /// Whether the kernel has it.
    pub installed: Installed,
    /// Why it is not the best, or not in the kernel, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One next hop of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NextHopRow {
    /// The outgoing interface's name; absent when the next hop is recursive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its number; 0 when the next hop is recursive.
    pub interface_index: InterfaceIndex,
    /// The router on that link; absent when the destination itself is on the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Share of an equal-cost set, 1..=256.
    pub weight: u16,
    /// Where a recursive next hop leads: one whose gateway may be anywhere. Absent for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recursive: Option<Recursion>,
}

/// How the routing table reaches the gateway of a recursive next hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Recursion {
    /// The destination whose route leads to the gateway; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Prefix>,
    /// The next hops that packets take; none when nothing leads to the gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_hops: Vec<NextHopRow>,
    /// Why nothing leads to the gateway, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether the kernel has a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Installed {
    /// The kernel has it.
    Yes,
    /// The kernel should have it and refused it; the reason says why.
    No,
    /// The kernel has it, but prefers a route to the same destination that is not the router's.
    Shadowed,
    /// It is on its way to the kernel.
    Pending,
    /// The kernel is not meant to have it: another route is better.
    NotWanted,
}

/// Why packets to a destination go where they go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// The longest match; absent when nothing matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Prefix>,
    /// The verdict in one sentence.
    pub verdict: String,
    /// Every route to the matched destination, the best first; each loser says why it lost.
    pub rows: Vec<RouteRow>,
    /// Less specific destinations that would take over, the most specific first.
    pub covered_by: Vec<Prefix>,
    /// Configured routes to it that are not in the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inactive: Vec<InactiveRow>,
    /// What the kernel itself says; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<KernelMatch>,
}

/// The kernel's answer to where packets go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KernelMatch {
    /// The route in words, as `ip route` writes it; or why there is none.
    pub text: String,
    /// Its destination; absent when there is no route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Prefix>,
    /// Its metric there; lower wins among routes to the same destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// Who set it: `kernel`, `boot` (by hand), `static`, `dhcp`, `zebra`, ... or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Whether it is the router's.
    pub ours: bool,
}

/// How much the table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RouteCounters {
    /// Destinations with at least one route.
    pub destinations: u64,
    /// Routes of all owners.
    pub routes: u64,
    /// Best routes that the kernel has.
    pub installed: u64,
    /// Best routes on their way to the kernel.
    pub pending: u64,
    /// Best routes that the kernel refused.
    pub refused: u64,
    /// Bytes that the table holds.
    #[serde(default)]
    pub memory: u64,
    /// How many it may hold (`router.memory-budget`); absent where that is not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_budget: Option<u64>,
    /// By owner.
    pub owners: BTreeMap<String, OwnerCounters>,
}

/// How much of the table is one owner's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OwnerCounters {
    /// Its routes.
    pub routes: u64,
    /// Those that are best.
    pub best: u64,
    /// How many it may have (`router.route-limits`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many were refused since the start: for the limit above, or for want of memory.
    #[serde(default)]
    pub refused: u64,
}

/// The owner a name or number means, as `owner=` takes it.
pub(crate) fn owner(text: &str) -> Option<ProtocolId> {
    ProtocolId::from_name(text).or_else(|| {
        let number = match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => text.parse(),
        };
        number.ok().map(ProtocolId)
    })
}

/// An owner as its name, which people read and `ip route` shows.
mod owner_name {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de};
    use waypost_types::ProtocolId;

    pub(super) fn serialize<S: Serializer>(owner: &ProtocolId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(owner)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProtocolId, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        super::owner(&text).ok_or_else(|| de::Error::custom(format!("no such route owner: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_names_and_come_back() {
        for id in [ProtocolId::RIP, ProtocolId(0x8137_2715)] {
            assert_eq!(owner(&id.to_string()), Some(id));
        }
        assert_eq!(owner("8"), Some(ProtocolId::RIP));
        assert_eq!(owner("ripp"), None);
    }

    #[test]
    fn destinations() {
        for text in ["192.0.2.1", "2001:db8::/32", "10.0.0.0/8"] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), text);
        }
        assert!("10.0.0.1/8".parse::<Destination>().is_err(), "host bits are set");
    }
}
