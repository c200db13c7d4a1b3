//! Route maps: clauses that are tried in order.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId};

use crate::prefix_list::PrefixList;
use crate::rule::Action;

/// What a route map sees of a route, and what it can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteView {
    /// The destination.
    pub prefix: Prefix,
    /// Whose route it is.
    pub protocol: ProtocolId,
    /// The metric.
    pub metric: u32,
    /// The tag.
    pub tag: u32,
    /// The preference, if it has one of its own.
    pub preference: Option<u8>,
    /// The first next hop's router; `None` when there is none.
    pub next_hop: Option<IpAddr>,
    /// The interface of the first next hop.
    pub interface: Option<InterfaceIndex>,
    /// Of which type it is to be where OSPF redistributes it, if that was said.
    pub metric_type: Option<MetricType>,
}

/// How the metric of a route from outside an OSPF domain counts (RFC 2328 §2.3). In text it is `"1"` or `"2"`, or the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub enum MetricType {
    /// In the unit of OSPF's own costs, which are added to it.
    #[serde(rename = "1")]
    Type1,
    /// More than every path inside.
    #[default]
    #[serde(rename = "2")]
    Type2,
}

impl<'de> Deserialize<'de> for MetricType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MetricTypes)
    }
}

/// Reads a type of metrics.
struct MetricTypes;

impl MetricTypes {
    const NAMES: [&str; 2] = ["1", "2"];
}

impl de::Visitor<'_> for MetricTypes {
    type Value = MetricType;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1 or 2")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<MetricType, E> {
        match word {
            "1" => Ok(MetricType::Type1),
            "2" => Ok(MetricType::Type2),
            _ => Err(E::unknown_variant(word, &Self::NAMES)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<MetricType, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<MetricType, E> {
        self.visit_str(&number.to_string())
    }
}

/// Something a route must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// Its destination is permitted by a list.
    Prefix(Arc<PrefixList>),
    /// Its destination has one of these lengths.
    Length(RangeInclusive<u8>),
    /// It is of one of these owners.
    Protocol(Vec<ProtocolId>),
    /// Its tag is in one of these ranges.
    Tag(Vec<RangeInclusive<u32>>),
    /// Its metric is in this range.
    Metric(RangeInclusive<u32>),
    /// Its next hop is permitted by a list; without one it is not.
    NextHop(Arc<PrefixList>),
    /// It goes out of one of these interfaces.
    Interface(Vec<InterfaceIndex>),
}

impl Match {
    fn holds(&self, route: &RouteView) -> bool {
        match self {
            Self::Prefix(list) => list.permits(route.prefix),
            Self::Length(lengths) => lengths.contains(&route.prefix.length()),
            Self::Protocol(owners) => owners.contains(&route.protocol),
            Self::Tag(ranges) => ranges.iter().any(|range| range.contains(&route.tag)),
            Self::Metric(range) => range.contains(&route.metric),
            Self::NextHop(list) => route
                .next_hop
                .is_some_and(|address| list.permits_address(address)),
            Self::Interface(interfaces) => route.interface.is_some_and(|own| interfaces.contains(&own)),
        }
    }
}

/// Something that is changed of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The metric becomes this.
    Metric(u32),
    /// The metric becomes larger, or with a negative number smaller; it stays within its range.
    MetricBy(i64),
    /// The tag becomes this.
    Tag(u32),
    /// The preference becomes this.
    Preference(u8),
    /// Where OSPF redistributes it, it is of this type.
    MetricType(MetricType),
    /// Packets go to this router.
    NextHop(IpAddr),
}

impl Change {
    fn apply(self, route: &mut RouteView, given: &mut Given) {
        match self {
            Self::Metric(metric) => (route.metric, given.metric) = (metric, true),
            Self::MetricBy(by) => {
                given.metric = true;
                let changed = i64::from(route.metric).saturating_add(by);
                route.metric = u32::try_from(changed.clamp(0, u32::MAX.into())).unwrap_or(u32::MAX);
            }
            Self::Tag(tag) => (route.tag, given.tag) = (tag, true),
            Self::Preference(preference) => route.preference = Some(preference),
            Self::MetricType(kind) => route.metric_type = Some(kind),
            Self::NextHop(address) => (route.next_hop, given.next_hop) = (Some(address), true),
        }
    }
}

/// What follows a permitting clause that matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// The route passes as it is now.
    #[default]
    Stop,
    /// The clauses after it are tried, with the route as it is now; if none of them matches, it passes.
    Next,
}

/// One step of a route map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// What it does to a route of which all `matches` hold.
    pub action: Action,
    /// All must hold; none hold for every route.
    pub matches: Vec<Match>,
    /// Made in order, by a permitting clause.
    pub changes: Vec<Change>,
    /// What follows.
    pub then: Then,
}

/// Clauses in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteMap {
    clauses: Vec<Clause>,
}

/// What became of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it passes.
    pub action: Action,
    /// The position of the clause that decided; `None` when none matched, which denies.
    pub clause: Option<usize>,
    /// The route as it is now.
    pub route: RouteView,
    /// What clauses that matched said about it, to the same value or another one.
    pub given: Given,
}

/// What was said about a route: a protocol that has words of its own for the rest uses those where this is false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The metric was set or added to.
    pub metric: bool,
    /// The tag was set.
    pub tag: bool,
    /// The next hop was set.
    pub next_hop: bool,
}

/// How a clause fared with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The clause's position.
    pub clause: usize,
    /// The position of the first of its matches that does not hold; `None` when it matched.
    pub failed: Option<usize>,
    /// The route as it is after it.
    pub route: RouteView,
}

impl RouteMap {
    /// A route map of these clauses. Without any it denies everything.
    #[must_use]
    pub const fn new(clauses: Vec<Clause>) -> Self {
        Self { clauses }
    }

    /// Its clauses.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// What becomes of a route. Allocates nothing.
    #[must_use]
    pub fn evaluate(&self, route: RouteView) -> Verdict {
        self.walk(route, |_| {})
    }

    /// The same, with how every clause fared that was tried.
    #[must_use]
    pub fn explain(&self, route: RouteView) -> (Verdict, Vec<Attempt>) {
        let mut attempts = Vec::new();
        let verdict = self.walk(route, |attempt| attempts.push(attempt));
        (verdict, attempts)
    }

    fn walk(&self, mut route: RouteView, mut tried: impl FnMut(Attempt)) -> Verdict {
        let mut given = Given::default();
        let mut decided = Verdict {
            action: Action::Deny,
            clause: None,
            route,
            given,
        };
        for (position, clause) in self.clauses.iter().enumerate() {
            let failed = clause.matches.iter().position(|wanted| !wanted.holds(&route));
            if failed.is_none() && clause.action == Action::Permit {
                for change in &clause.changes {
                    change.apply(&mut route, &mut given);
                }
            }
            tried(Attempt {
                clause: position,
                failed,
                route,
            });
            if failed.is_some() {
                continue;
            }
            decided = Verdict {
                action: clause.action,
                clause: Some(position),
                route,
                given,
            };
            if clause.action == Action::Deny || clause.then == Then::Stop {
                break;
            }
        }
        decided
    }
}
