//! Prefix lists.

use serde_json::{Value, json};

use super::{Done, Reader, network};

/// A rule of a prefix list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    sequence: u64,
    permit: bool,
    /// A prefix with the lengths it stands for, as our filters have it.
    matches: String,
}

impl Reader<'_> {
    /// What follows `ip prefix-list NAME`.
    pub(super) fn prefix_list(&mut self, name: &str, rest: &[&str]) -> Done {
        let list = self.lists.entry(name.to_owned()).or_default();
        let (sequence, rest) = match rest {
            ["description", ..] => return Ok(()),
            ["seq", sequence, rest @ ..] => (super::number(sequence)?, rest),
            // FRR counts in fives.
            rest => (list.last().map_or(5, |rule| rule.sequence + 5), rest),
        };
        let (permit, rest) = match rest {
            ["permit", rest @ ..] => (true, rest),
            ["deny", rest @ ..] => (false, rest),
            _ => return Err("a rule permits or denies".to_owned()),
        };
        let matches = match rest {
            ["any"] => "0.0.0.0/0 le 32".to_owned(),
            [prefix, lengths @ ..] => {
                let prefix = network(prefix)?;
                match lengths {
                    [] => prefix.to_string(),
                    ["ge", low] => format!("{prefix} ge {}", super::number(low)?),
                    ["le", high] => format!("{prefix} le {}", super::number(high)?),
                    ["ge", low, "le", high] | ["le", high, "ge", low] => {
                        format!("{prefix} ge {} le {}", super::number(low)?, super::number(high)?)
                    }
                    _ => return Err("lengths are written 'ge N le N'".to_owned()),
                }
            }
            [] => return Err("a rule has a prefix".to_owned()),
        };
        let rule = Rule {
            sequence,
            permit,
            matches,
        };
        list.retain(|other| other.sequence != sequence);
        let place = list.partition_point(|other| other.sequence < sequence);
        list.insert(place, rule);
        Ok(())
    }
}

/// The rules as a filter of ours. FRR denies what no rule matches; ours give it the opposite of the last.
pub(super) fn filter(rules: &[Rule]) -> Value {
    let mut filter: Vec<Value> = rules
        .iter()
        .map(|rule| {
            let verb = if rule.permit { "permit" } else { "deny" };
            json!({ verb: rule.matches })
        })
        .collect();
    if rules.last().is_none_or(|last| !last.permit) {
        filter.push(json!({ "deny": "0.0.0.0/0 le 32" }));
    }
    Value::Array(filter)
}
