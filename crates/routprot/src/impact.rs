//! What a change would do, stated before it is made.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What applying a change does to what is running. Ordered by how much it hurts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Takes effect at once; no adjacency and no route is lost that the new configuration keeps.
    Live,
    /// These neighbours are lost and found again.
    ResetsNeighbours {
        /// Their addresses; empty when the protocol cannot tell which.
        neighbours: Vec<IpAddr>,
    },
    /// The protocol starts anew on this interface.
    RestartsInterface,
    /// The protocol, or every protocol, leaves this interface.
    LeavesInterface,
    /// The whole protocol starts anew.
    RestartsProtocol,
    /// The protocol does not say beforehand; it may be any of the above.
    Unknown,
    /// The whole protocol stops.
    StopsProtocol,
}

impl std::fmt::Display for Impact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::ResetsNeighbours { neighbours } if neighbours.is_empty() => {
                f.write_str("resets neighbours")
            }
            Self::ResetsNeighbours { neighbours } => {
                let names: Vec<String> = neighbours.iter().map(IpAddr::to_string).collect();
                write!(f, "resets {}", names.join(", "))
            }
            Self::RestartsInterface => f.write_str("restarts the interface"),
            Self::LeavesInterface => f.write_str("leaves the interface"),
            Self::RestartsProtocol => f.write_str("restarts the protocol"),
            Self::Unknown => f.write_str("not known beforehand"),
            Self::StopsProtocol => f.write_str("stops the protocol"),
        }
    }
}

/// One option that a change touches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptionChange {
    /// The option's path inside the block, such as `metric`; the caller puts in front where the block belongs.
    pub path: String,
    /// The value in force; `None` when the option is not set.
    pub old: Option<Value>,
    /// The value asked for; `None` when the option is unset.
    pub new: Option<Value>,
    /// What applying it does.
    pub impact: Impact,
    /// Why, in words.
    pub reason: String,
}

/// A change that was validated and would be accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// Every option it touches; empty when the block is what is in force already.
    pub changes: Vec<OptionChange>,
}

impl Prepared {
    /// The worst of all impacts; `None` when nothing changes.
    #[must_use]
    pub fn worst(&self) -> Option<&Impact> {
        self.changes.iter().map(|change| &change.impact).max()
    }
}

/// The options in which two configurations, given as text trees, differ: path, old and new value.
///
/// Tables are descended into, everything else, lists included, is one option.
#[must_use]
pub fn option_changes(old: &Value, new: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
    let mut leaves: BTreeMap<String, (Option<Value>, Option<Value>)> = BTreeMap::new();
    collect("", old, &mut |path, value| {
        leaves.entry(path).or_default().0 = Some(value.clone());
    });
    collect("", new, &mut |path, value| {
        leaves.entry(path).or_default().1 = Some(value.clone());
    });
    leaves
        .into_iter()
        .filter(|(_, (old, new))| old != new)
        .map(|(path, (old, new))| (path, old, new))
        .collect()
}

fn collect<'v>(path: &str, value: &'v Value, leaf: &mut impl FnMut(String, &'v Value)) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                collect(
                    &if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    },
                    value,
                    leaf,
                );
            }
        }
        Value::Null => {}
        other => leaf(path.to_owned(), other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_by_option() {
        let old = json!({ "metric": 1, "authentication": { "mode": "plain" }, "tag": null });
        let new = json!({ "metric": 2, "authentication": { "mode": "plain" }, "filter": ["a"] });
        assert_eq!(
            option_changes(&old, &new),
            [
                ("filter".to_owned(), None, Some(json!(["a"]))),
                ("metric".to_owned(), Some(json!(1)), Some(json!(2)))
            ]
        );
        assert!(option_changes(&new, &new).is_empty());
    }

    #[test]
    fn the_worst_impact_counts() {
        let change = |impact| OptionChange {
            path: String::new(),
            old: None,
            new: None,
            impact,
            reason: String::new(),
        };
        let prepared = Prepared {
            changes: vec![change(Impact::RestartsInterface), change(Impact::Live)],
        };
        assert_eq!(prepared.worst(), Some(&Impact::RestartsInterface));
        assert_eq!(Prepared::default().worst(), None);
    }
}
