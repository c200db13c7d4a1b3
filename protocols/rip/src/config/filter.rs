//! Route filters: ordered rules that permit or deny ranges of destinations.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use waypost_policy::{Action, PrefixRule};
use waypost_types::{Prefix, Prefix4};

use crate::packet::INFINITY;

/// Which destinations a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixMatch {
    /// Prefixes inside `prefix` whose length is `ge..=le`. Text: `PREFIX [ge N] [le M]`.
    ///
    /// Without bounds only the prefix itself; `le` alone counts from the prefix's own length, `ge` alone up to 32.
    Within {
        /// The covering prefix.
        prefix: Prefix4,
        /// Shortest length that matches.
        ge: u8,
        /// Longest length that matches.
        le: u8,
    },
    /// Prefixes whose network address is `low..=high`, of any length (IPRIP_ROUTE_FILTER). Text: `LOW-HIGH`.
    Addresses {
        /// The lowest network address.
        low: Ipv4Addr,
        /// The highest network address.
        high: Ipv4Addr,
    },
}

impl PrefixMatch {
    /// Whether `prefix` is one of those.
    #[must_use]
    pub fn matches(&self, prefix: Prefix4) -> bool {
        match *self {
            Self::Within {
                prefix: outer,
                ge,
                le,
            } => outer.covers(prefix) && (ge..=le).contains(&prefix.length()),
            Self::Addresses { low, high } => (low..=high).contains(&prefix.network()),
        }
    }
}

impl fmt::Display for PrefixMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Within { prefix, ge, le } => PrefixRule {
                prefix: prefix.into(),
                ge,
                le,
            }
            .fmt(f),
            Self::Addresses { low, high } => write!(f, "{low}-{high}"),
        }
    }
}

impl FromStr for PrefixMatch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected 'PREFIX [ge N] [le M]' or 'ADDRESS-ADDRESS'";
        if let Some((low, high)) = text.split_once('-') {
            let address = |text: &str| {
                text.trim()
                    .parse::<Ipv4Addr>()
                    .map_err(|_| format!("'{text}' is not an IPv4 address; {expected}"))
            };
            let (low, high) = (address(low)?, address(high)?);
            if low > high {
                return Err(format!("the range {low}-{high} is the wrong way round"));
            }
            return Ok(Self::Addresses { low, high });
        }
        let rule: PrefixRule = text.parse().map_err(|error| format!("{error}; {expected}"))?;
        let (Prefix::V4(prefix), PrefixRule { ge, le, .. }) = (rule.prefix, rule) else {
            return Err(format!("{} is not an IPv4 prefix; {expected}", rule.prefix));
        };
        Ok(Self::Within { prefix, ge, le })
    }
}

/// What a permitting rule does to a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricChange {
    /// It becomes this, 1..=15.
    Set(u8),
    /// This is added, 1..=15.
    Add(u8),
}

/// What a permitting rule changes about the routes that it lets pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adjustment {
    /// Of the metric; costs of interfaces are added afterwards.
    pub metric: Option<MetricChange>,
    /// The route tag.
    pub tag: Option<u16>,
    /// The preference in the routing table; only policies say one.
    pub preference: Option<u8>,
    /// The router that packets go to; only policies say one.
    pub next_hop: Option<Ipv4Addr>,
}

impl Adjustment {
    /// The metric after the change. What is unreachable stays so.
    #[must_use]
    pub fn metric(&self, metric: u8) -> u8 {
        match self.metric {
            _ if metric >= INFINITY => metric,
            None => metric,
            Some(MetricChange::Set(metric)) => metric,
            Some(MetricChange::Add(more)) => metric.saturating_add(more).min(INFINITY),
        }
    }

    /// The tag after the change.
    #[must_use]
    pub fn tag(&self, tag: u16) -> u16 {
        self.tag.unwrap_or(tag)
    }
}

/// One rule: `{ permit = "...", metric = N, tag = N }`, with `add-metric` in place of `metric`, or `{ deny = "..." }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterRule {
    /// What it does.
    pub action: Action,
    /// To which destinations.
    pub matches: PrefixMatch,
    /// What it changes about them; nothing if it denies them.
    pub adjustment: Adjustment,
}

impl FilterRule {
    /// A rule that changes nothing.
    #[must_use]
    pub const fn new(action: Action, matches: PrefixMatch) -> Self {
        Self {
            action,
            matches,
            adjustment: Adjustment {
                metric: None,
                tag: None,
                preference: None,
                next_hop: None,
            },
        }
    }
}

/// What `rules` say about `prefix`; `None`: it does not pass.
///
/// The first rule that matches decides. What none matches gets the opposite of the last rule: after a list of permits the
/// rest is denied, after a list of denies it passes. No rules let everything pass.
#[must_use]
pub fn filter_verdict(rules: &[FilterRule], prefix: Prefix4) -> Option<Adjustment> {
    match rules.iter().find(|rule| rule.matches.matches(prefix)) {
        Some(rule) => (rule.action == Action::Permit).then_some(rule.adjustment),
        None => rules
            .last()
            .is_none_or(|last| last.action == Action::Deny)
            .then_some(Adjustment::default()),
    }
}

/// Whether `rules` let `prefix` pass.
#[must_use]
pub fn filter_permits(rules: &[FilterRule], prefix: Prefix4) -> bool {
    filter_verdict(rules, prefix).is_some()
}

impl Serialize for PrefixMatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PrefixMatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text form of a rule: exactly one of `permit` and `deny`.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RuleText {
    /// Let these destinations pass: `PREFIX [ge N] [le M]` or `ADDRESS-ADDRESS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    permit: Option<PrefixMatch>,
    /// Filter these destinations out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    deny: Option<PrefixMatch>,
    /// With `permit`: the metric, 1..=15, in place of the route's own; costs of interfaces are added to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metric: Option<u8>,
    /// With `permit`: added to the metric, 1..=15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    add_metric: Option<u8>,
    /// With `permit`: the route tag, in place of the route's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<u16>,
}

impl Serialize for FilterRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (permit, deny) = match self.action {
            Action::Permit => (Some(self.matches), None),
            Action::Deny => (None, Some(self.matches)),
        };
        let (metric, add_metric) = match self.adjustment.metric {
            Some(MetricChange::Set(metric)) => (Some(metric), None),
            Some(MetricChange::Add(more)) => (None, Some(more)),
            None => (None, None),
        };
        RuleText {
            permit,
            deny,
            metric,
            add_metric,
            tag: self.adjustment.tag,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FilterRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = RuleText::deserialize(deserializer)?;
        let (action, matches) = match (text.permit, text.deny) {
            (Some(matches), None) => (Action::Permit, matches),
            (None, Some(matches)) => (Action::Deny, matches),
            _ => return Err(D::Error::custom("a rule has either 'permit' or 'deny'")),
        };
        let metric = match (text.metric, text.add_metric) {
            (Some(metric), None) => Some(MetricChange::Set(metric)),
            (None, Some(more)) => Some(MetricChange::Add(more)),
            (None, None) => None,
            _ => return Err(D::Error::custom("a rule has either 'metric' or 'add-metric'")),
        };
        let tag = text.tag;
        Ok(Self {
            action,
            matches,
            adjustment: Adjustment {
                metric,
                tag,
                preference: None,
                next_hop: None,
            },
        })
    }
}

impl JsonSchema for FilterRule {
    fn schema_name() -> Cow<'static, str> {
        "FilterRule".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RuleText::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(list: &[(&str, &str)]) -> Vec<FilterRule> {
        list.iter()
            .map(|(action, text)| {
                let action = if *action == "permit" {
                    Action::Permit
                } else {
                    Action::Deny
                };
                FilterRule::new(action, text.parse().unwrap())
            })
            .collect()
    }

    fn p(text: &str) -> Prefix4 {
        text.parse().unwrap()
    }

    #[test]
    fn first_match_decides_and_the_rest_is_the_opposite_of_the_last() {
        let deny = rules(&[("deny", "10.0.0.0/8 le 32")]);
        assert!(!filter_permits(&deny, p("10.1.0.0/16")));
        assert!(filter_permits(&deny, p("11.0.0.0/8")));
        let mixed = rules(&[("deny", "10.1.0.0/16"), ("permit", "10.0.0.0/8 ge 16 le 24")]);
        assert!(!filter_permits(&mixed, p("10.1.0.0/16")));
        assert!(filter_permits(&mixed, p("10.2.0.0/16")));
        assert!(!filter_permits(&mixed, p("10.2.0.0/25")));
        assert!(!filter_permits(&mixed, p("192.0.2.0/24")));
        assert!(filter_permits(&[], p("192.0.2.0/24")));
    }

    #[test]
    fn rules_change_metric_and_tag_of_what_they_let_pass() {
        let rules: Vec<FilterRule> = serde_json::from_value(serde_json::json!([
            { "permit": "10.0.0.0/8 le 32", "add-metric": 4 },
            { "permit": "192.0.2.0/24", "metric": 7, "tag": 9 },
            { "deny": "198.51.100.0/24" },
        ]))
        .unwrap();
        let verdict = |prefix| filter_verdict(&rules, p(prefix));
        let added = verdict("10.1.0.0/16").unwrap();
        assert_eq!(
            [1, 12, 15, 16].map(|metric| added.metric(metric)),
            [5, 16, 16, 16]
        );
        assert_eq!(added.tag(3), 3);
        let set = verdict("192.0.2.0/24").unwrap();
        assert_eq!([1, 15, 16].map(|metric| set.metric(metric)), [7, 7, 16]);
        assert_eq!(set.tag(3), 9);
        assert_eq!(verdict("198.51.100.0/24"), None);
        assert_eq!(verdict("203.0.113.0/24"), Some(Adjustment::default()));
        for bad in [
            serde_json::json!({}),
            serde_json::json!({ "permit": "10.0.0.0/8", "deny": "10.0.0.0/8" }),
            serde_json::json!({ "permit": "10.0.0.0/8", "metric": 1, "add-metric": 1 }),
        ] {
            assert!(
                serde_json::from_value::<FilterRule>(bad.clone()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn address_ranges_look_at_the_network_address_only() {
        let range = rules(&[("permit", "10.0.0.0-10.255.255.255")]);
        assert!(filter_permits(&range, p("10.0.0.0/8")));
        assert!(!filter_permits(&range, p("11.0.0.0/8")));
    }

    #[test]
    fn text_is_canonical() {
        for text in [
            "10.0.0.0/8",
            "10.0.0.0/8 le 24",
            "10.0.0.0/8 ge 9",
            "10.0.0.0/8 ge 9 le 24",
            "10.0.0.0-10.0.0.9",
        ] {
            assert_eq!(text.parse::<PrefixMatch>().unwrap().to_string(), text);
        }
        for text in [
            "10.0.0.0/8 ge 7",
            "10.0.0.0/8 le 33",
            "10.0.0.1/8",
            "a-b",
            "10.0.0.9-10.0.0.0",
            "10.0.0.0/8 gt 9",
        ] {
            assert!(text.parse::<PrefixMatch>().is_err(), "{text}");
        }
    }
}
