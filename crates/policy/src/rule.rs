//! Rules about ranges of prefixes, and their text.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_types::{Prefix, PrefixError};

/// What happens to a route that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It passes.
    Permit,
    /// It does not.
    Deny,
}

/// Prefixes inside a prefix, of some lengths.
///
/// Text: `PREFIX [ge N] [le M]`. Without bounds only the prefix itself; `le` alone counts from the prefix's own length, `ge`
/// alone up to the longest there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrefixRule {
    /// The covering prefix.
    pub prefix: Prefix,
    /// Shortest length that matches.
    pub ge: u8,
    /// Longest length that matches.
    pub le: u8,
}

/// Why text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It does not begin with a prefix.
    #[error("{0}; expected 'PREFIX [ge N] [le M]'")]
    Prefix(#[from] PrefixError),
    /// A word that is no bound.
    #[error("'{0}' is not 'ge' or 'le'; expected 'PREFIX [ge N] [le M]'")]
    Word(String),
    /// A bound without a number, or twice.
    #[error("'{0}' needs a length, once")]
    Bound(&'static str),
    /// Bounds that no prefix can be within.
    #[error("lengths {ge}..={le} (allowed: {shortest} <= ge <= le <= {longest})")]
    Lengths {
        /// The shortest wanted.
        ge: u8,
        /// The longest wanted.
        le: u8,
        /// The covering prefix's own.
        shortest: u8,
        /// The family's longest.
        longest: u8,
    },
}

/// The longest length of a prefix's family.
pub(crate) const fn longest(prefix: Prefix) -> u8 {
    match prefix {
        Prefix::V4(_) => 32,
        Prefix::V6(_) => 128,
    }
}

impl PrefixRule {
    /// Prefixes inside `prefix` of lengths `ge..=le`.
    ///
    /// # Errors
    /// When no prefix can be of such a length: `prefix.length() <= ge <= le <=` 32 or 128 must hold.
    pub fn new(prefix: Prefix, ge: u8, le: u8) -> Result<Self, RuleError> {
        let (shortest, longest) = (prefix.length(), longest(prefix));
        if shortest <= ge && ge <= le && le <= longest {
            return Ok(Self { prefix, ge, le });
        }
        Err(RuleError::Lengths {
            ge,
            le,
            shortest,
            longest,
        })
    }

    /// Whether a prefix is one of those.
    #[must_use]
    pub fn matches(&self, prefix: Prefix) -> bool {
        let inside = match (self.prefix, prefix) {
            (Prefix::V4(outer), Prefix::V4(inner)) => outer.covers(inner),
            (Prefix::V6(outer), Prefix::V6(inner)) => outer.covers(inner),
            _ => false,
        };
        inside && (self.ge..=self.le).contains(&prefix.length())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
        })
    }
}

impl fmt::Display for PrefixRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.prefix)?;
        // `ge` is left out where `le` alone says the same, and `le` where `ge` alone does.
        if self.ge != self.prefix.length() {
            write!(f, " ge {}", self.ge)?;
            if self.le != longest(self.prefix) {
                write!(f, " le {}", self.le)?;
            }
        } else if self.le != self.prefix.length() {
            write!(f, " le {}", self.le)?;
        }
        Ok(())
    }
}

impl FromStr for PrefixRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let mut words = text.split_ascii_whitespace();
        let prefix: Prefix = words.next().unwrap_or_default().parse()?;
        let (mut ge, mut le) = (None, None);
        while let Some(word) = words.next() {
            let (name, bound) = match word {
                "ge" => ("ge", &mut ge),
                "le" => ("le", &mut le),
                other => return Err(RuleError::Word(other.chars().take(64).collect())),
            };
            let length = words.next().and_then(|length| length.parse().ok());
            let length: u8 = length.ok_or(RuleError::Bound(name))?;
            if bound.replace(length).is_some() {
                return Err(RuleError::Bound(name));
            }
        }
        let last = match (ge, le) {
            (_, Some(le)) => le,
            (Some(_), None) => longest(prefix),
            (None, None) => prefix.length(),
        };
        Self::new(prefix, ge.unwrap_or_else(|| prefix.length()), last)
    }
}
