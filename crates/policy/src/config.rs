//! Policy as an operator writes it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use waypost_types::ProtocolId;

use crate::range::NumberRange;
use crate::route_map::{MetricType, Then};
use crate::rule::{Action, PrefixRule};

/// Prefix lists and route maps of a router: `policy`.
///
/// Both are policies and share their names: whoever names a policy may name either. A prefix list lets pass what it permits,
/// unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// Prefix lists by name: rules in order, of which the first that matches decides. What none matches is denied.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prefix_lists: BTreeMap<String, Vec<ListRule>>,
    /// Route maps by name: clauses in order, of which the first that matches decides. What none matches is denied.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub route_maps: BTreeMap<String, Vec<ClauseConfig>>,
}

impl PolicyConfig {
    /// Whether there is no policy at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefix_lists.is_empty() && self.route_maps.is_empty()
    }

    /// The names of all policies, prefix lists first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.prefix_lists.keys().chain(self.route_maps.keys());
        names.map(String::as_str)
    }
}

/// A rule of a prefix list. Text: `{ permit = "PREFIX [ge N] [le M]" }`, or the same with `deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRule {
    /// What happens to a prefix that matches.
    pub action: Action,
    /// Which do.
    pub rule: PrefixRule,
}

/// The text form of a rule: exactly one of the two.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ListRuleText {
    /// Let these prefixes pass: `PREFIX [ge N] [le M]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    permit: Option<String>,
    /// Let these prefixes not pass: `PREFIX [ge N] [le M]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deny: Option<String>,
}

impl Serialize for ListRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rule = Some(self.rule.to_string());
        let mut text = ListRuleText::default();
        match self.action {
            Action::Permit => text.permit = rule,
            Action::Deny => text.deny = rule,
        }
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ListRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = ListRuleText::deserialize(deserializer)?;
        let (action, rule) = match (&text.permit, &text.deny) {
            (Some(rule), None) => (Action::Permit, rule),
            (None, Some(rule)) => (Action::Deny, rule),
            _ => return Err(de::Error::custom("a rule has either 'permit' or 'deny'")),
        };
        let rule = rule.parse().map_err(de::Error::custom)?;
        Ok(Self { action, rule })
    }
}

impl JsonSchema for ListRule {
    fn schema_name() -> Cow<'static, str> {
        "PrefixListRule".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ListRuleText::json_schema(generator)
    }
}

/// A clause of a route map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClauseConfig {
    /// What happens to a route that matches: `permit` or `deny`.
    pub action: Action,
    /// What a route must be to match, all of it. Default: nothing, every route matches.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<MatchConfig>,
    /// With `permit`: what is changed about a route that matches. Default: nothing.
    #[serde(rename = "set", default, skip_serializing_if = "Option::is_none")]
    pub sets: Option<SetConfig>,
    /// With `permit`: `stop`, or `next`: the clauses after it are tried, too, with the route as it is now; if none of them
    /// matches it passes. Default `stop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
    /// A note of the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

/// What a route must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct MatchConfig {
    /// Its destination is permitted by the prefix list of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_list: Option<String>,
    /// The length of its destination's prefix: a number or `LOW-HIGH`, 0..=128.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<NumberRange<u8>>,
    /// Whose route it is, one of these: `connected`, `static`, `rip`, `ospf`, ... or numbers such as `0x813713aa`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Vec<SourceName>>,
    /// Its tag, one of these: numbers or `LOW-HIGH`, 0..=4294967295.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Vec<NumberRange<u32>>>,
    /// Its metric: a number or `LOW-HIGH`, 0..=4294967295.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<NumberRange<u32>>,
    /// It has a next hop whose address the prefix list of this name permits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop_list: Option<String>,
    /// It goes out of one of these interfaces. One that the router does not have matches no route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<Vec<String>>,
}

/// What is changed about a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct SetConfig {
    /// The metric, 0..=4294967295; a protocol whose metrics end sooner takes its own highest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// Added to the metric; a negative number makes it smaller, down to 0. -4294967295..=4294967295.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -4_294_967_295_i64, max = 4_294_967_295_i64))]
    pub add_metric: Option<i64>,
    /// The tag, 0..=4294967295; of RIP's, the low 16 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<u32>,
    /// The preference, 1..=255.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 255))]
    pub preference: Option<u8>,
    /// Of which type it is where OSPF redistributes it: 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_type: Option<MetricType>,
    /// The router that packets go to. RIP routes what it heard through it, and names it in its messages on the link where it is;
    /// OSPF says it as the forwarding address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<IpAddr>,
}

/// A source of routes by its name, or its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceName(pub ProtocolId);

impl Serialize for SourceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SourceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let id = text.parse().map(Self);
        id.map_err(|error| {
            de::Error::custom(format!(
                "{error} (connected, netmgmt, rip, ospf, bgp, autostatic, static, static-non-dod or a number)"
            ))
        })
    }
}

impl JsonSchema for SourceName {
    fn schema_name() -> Cow<'static, str> {
        "RouteSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string" })
    }
}
