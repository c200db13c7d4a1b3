//! Route filters: ordered rules that permit or deny ranges of destinations.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use waypost_types::Prefix4;

/// What a matching rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// The route passes.
    Permit,
    /// The route is filtered out.
    Deny,
}

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
            Self::Within { prefix, ge, le } => {
                write!(f, "{prefix}")?;
                // `ge` is left out where `le` alone says the same, and `le` where `ge` alone does.
                if ge != prefix.length() {
                    write!(f, " ge {ge}")?;
                    if le != Prefix4::MAX_LENGTH {
                        write!(f, " le {le}")?;
                    }
                } else if le != prefix.length() {
                    write!(f, " le {le}")?;
                }
                Ok(())
            }
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
        let mut words = text.split_whitespace();
        let prefix: Prefix4 = words
            .next()
            .unwrap_or_default()
            .parse()
            .map_err(|error| format!("{error}; {expected}"))?;
        let (mut ge, mut le) = (None, None);
        while let Some(word) = words.next() {
            let bound = match word {
                "ge" => &mut ge,
                "le" => &mut le,
                other => return Err(format!("'{other}' is not 'ge' or 'le'; {expected}")),
            };
            let length = words
                .next()
                .and_then(|length| length.parse::<u8>().ok())
                .filter(|length| *length <= 32);
            let Some(length) = length else {
                return Err(format!("'{word}' needs a length 0..=32; {expected}"));
            };
            if bound.replace(length).is_some() {
                return Err(format!("'{word}' is given twice"));
            }
        }
        let upper = if ge.is_some() {
            Prefix4::MAX_LENGTH
        } else {
            prefix.length()
        };
        let (ge, le) = (ge.unwrap_or_else(|| prefix.length()), le.unwrap_or(upper));
        if !(prefix.length() <= ge && ge <= le) {
            return Err(format!(
                "'{text}' matches nothing: needs {} <= ge <= le <= 32",
                prefix.length()
            ));
        }
        Ok(Self::Within { prefix, ge, le })
    }
}

/// One rule: `{ permit = "..." }` or `{ deny = "..." }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterRule {
    /// What it does.
    pub action: RuleAction,
    /// To which destinations.
    pub matches: PrefixMatch,
}

/// Whether `rules` let `prefix` pass.
///
/// The first rule that matches decides. What none matches gets the opposite of the last rule: after a list of permits the
/// rest is denied, after a list of denies it passes. No rules let everything pass.
#[must_use]
pub fn filter_permits(rules: &[FilterRule], prefix: Prefix4) -> bool {
    match rules.iter().find(|rule| rule.matches.matches(prefix)) {
        Some(rule) => rule.action == RuleAction::Permit,
        None => rules.last().is_none_or(|last| last.action == RuleAction::Deny),
    }
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

/// The text form of a rule. The variant holds the parsed text, so that an error's path ends in `permit` or `deny`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum RuleText {
    /// Let these destinations pass: `PREFIX [ge N] [le M]` or `ADDRESS-ADDRESS`.
    Permit(#[schemars(with = "String")] PrefixMatch),
    /// Filter these destinations out.
    Deny(#[schemars(with = "String")] PrefixMatch),
}

impl Serialize for FilterRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.action {
            RuleAction::Permit => RuleText::Permit(self.matches),
            RuleAction::Deny => RuleText::Deny(self.matches),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FilterRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (action, matches) = match RuleText::deserialize(deserializer)? {
            RuleText::Permit(matches) => (RuleAction::Permit, matches),
            RuleText::Deny(matches) => (RuleAction::Deny, matches),
        };
        Ok(Self { action, matches })
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
            .map(|(action, text)| FilterRule {
                action: if *action == "permit" {
                    RuleAction::Permit
                } else {
                    RuleAction::Deny
                },
                matches: text.parse().unwrap(),
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
