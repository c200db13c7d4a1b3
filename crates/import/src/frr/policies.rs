//! Prefix lists and route maps: both are policies here, and what names them names a policy.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::{Done, Line, Reader, Reason, number};

/// A rule of a prefix list: its place, and what it says.
type Rule = (u64, Value);

/// What the file has of both.
#[derive(Default)]
pub(super) struct Policies {
    lists: BTreeMap<String, Vec<Rule>>,
    maps: BTreeMap<String, RouteMap>,
}

/// A route map in the making.
#[derive(Default)]
struct RouteMap {
    clauses: BTreeMap<u64, Map<String, Value>>,
    /// A condition could not be said: without it other routes would match, so the map is left as a whole.
    broken: bool,
}

impl Policies {
    /// Whether something that is translated has this name; why not, if not.
    pub(super) fn check(&self, name: &str) -> Done {
        match (self.lists.contains_key(name), self.maps.get(name)) {
            (_, Some(map)) if map.broken => {
                Err(format!("route map {name} could not be translated as a whole"))
            }
            (true, _) | (_, Some(_)) => Ok(()),
            (false, None) => Err(format!("there is no {name} in the file")),
        }
    }
}

impl Reader<'_> {
    /// What follows `ip prefix-list NAME`.
    pub(super) fn prefix_list(&mut self, name: &str, rest: &[&str]) -> Done {
        let list = self.policies.lists.entry(name.to_owned()).or_default();
        let (sequence, rest) = match rest {
            ["description", ..] => return Ok(()),
            ["seq", sequence, rest @ ..] => (number(sequence)?, rest),
            // FRR counts in fives.
            rest => (list.last().map_or(5, |(sequence, _)| sequence + 5), rest),
        };
        let (verb, rest) = match rest {
            [verb @ ("permit" | "deny"), rest @ ..] => (*verb, rest),
            _ => return Err("a rule permits or denies".to_owned()),
        };
        let rule = json!({ verb: prefixes(rest)? });
        list.retain(|(other, _)| *other != sequence);
        let place = list.partition_point(|(other, _)| *other < sequence);
        list.insert(place, (sequence, rule));
        Ok(())
    }

    /// `route-map NAME permit 10`; gives the clause's number.
    pub(super) fn begin_clause(&mut self, name: &str, rest: &[&str]) -> Result<u64, Reason> {
        let (action, sequence) = match rest {
            [action @ ("permit" | "deny"), sequence] => (*action, number(sequence)?),
            _ => return Err("a clause permits or denies, and has a number".to_owned()),
        };
        let map = self.policies.maps.entry(name.to_owned()).or_default();
        let clause = map.clauses.entry(sequence).or_default();
        clause.insert("action".to_owned(), json!(action));
        Ok(sequence)
    }

    /// A line of a clause.
    pub(super) fn clause(&mut self, name: &str, sequence: u64, line: &Line<'_>) -> Done {
        let map = self.policies.maps.entry(name.to_owned()).or_default();
        let clause = map.clauses.entry(sequence).or_default();
        let done = match line.words.as_slice() {
            ["description", ..] => {
                let note = line.text.strip_prefix("description").unwrap_or_default().trim();
                clause.insert("annotate".to_owned(), json!(note));
                Ok(())
            }
            ["match", condition @ ..] => {
                matched(condition).map(|(option, value)| put(clause, "match", option, value))
            }
            ["set", change @ ..] => {
                return set(change).map(|(option, value)| put(clause, "set", option, value));
            }
            ["on-match", "next"] => {
                clause.insert("then".to_owned(), json!("next"));
                Ok(())
            }
            _ => Err("not translated".to_owned()),
        };
        map.broken |= done.is_err();
        done
    }

    /// A map that asks for a list that there is not can not be translated either.
    pub(super) fn settle_policies(&mut self) {
        let Policies { lists, maps } = &mut self.policies;
        for (name, map) in maps {
            let conditions = map.clauses.values().filter_map(|clause| clause.get("match"));
            let asked = conditions
                .flat_map(|condition| [condition.get("prefix-list"), condition.get("next-hop-list")]);
            let missing = asked
                .flatten()
                .filter_map(Value::as_str)
                .find(|list| !lists.contains_key(*list));
            if let Some(list) = missing {
                self.notes.push(format!(
                    "route map {name} asks for prefix list {list}, which is not in the file"
                ));
                map.broken = true;
            }
        }
    }

    pub(super) fn finish_policies(&mut self) {
        let policies = std::mem::take(&mut self.policies);
        for (name, rules) in policies.lists {
            let rules: Vec<Value> = rules.into_iter().map(|(_, rule)| rule).collect();
            self.tree.set(&["policy", "prefix-lists", &name], rules);
        }
        for (name, map) in policies.maps {
            if map.broken {
                self.notes.push(format!(
                    "route map {name} is left out as a whole: without the lines that are left it would take other routes"
                ));
                continue;
            }
            let clauses: Vec<Value> = map.clauses.into_values().map(Value::Object).collect();
            self.tree.set(&["policy", "route-maps", &name], clauses);
        }
    }
}

fn put(clause: &mut Map<String, Value>, table: &str, option: &str, value: Value) {
    let table = clause.entry(table).or_insert_with(|| json!({}));
    if let Value::Object(table) = table {
        table.insert(option.to_owned(), value);
    }
}

/// A prefix with the lengths it stands for.
fn prefixes(words: &[&str]) -> Result<String, Reason> {
    match words {
        ["any"] => Ok("0.0.0.0/0 le 32".to_owned()),
        [prefix, lengths @ ..] => {
            let prefix =
                super::statics::containing(prefix).ok_or_else(|| format!("'{prefix}' is no prefix"))?;
            match lengths {
                [] => Ok(prefix.to_string()),
                ["ge", low] => Ok(format!("{prefix} ge {}", number(low)?)),
                ["le", high] => Ok(format!("{prefix} le {}", number(high)?)),
                ["ge", low, "le", high] | ["le", high, "ge", low] => {
                    Ok(format!("{prefix} ge {} le {}", number(low)?, number(high)?))
                }
                _ => Err("lengths are written 'ge N le N'".to_owned()),
            }
        }
        [] => Err("a rule has a prefix".to_owned()),
    }
}

fn matched(words: &[&str]) -> Result<(&'static str, Value), Reason> {
    Ok(match words {
        ["ip" | "ipv6", "address", "prefix-list", name] => ("prefix-list", json!(name)),
        ["ip" | "ipv6", "address", "prefix-len", length] => ("length", json!(number(length)?)),
        ["ip", "next-hop", "prefix-list", name] => ("next-hop-list", json!(name)),
        ["interface", name] => ("interface", json!([name])),
        ["tag", tag] => ("tag", json!([number(tag)?])),
        ["metric", metric] => ("metric", json!(number(metric)?)),
        ["source-protocol", name] => ("protocol", json!([super::ospf::source(name)?])),
        ["ip" | "ipv6", "address", _] => {
            return Err("an access list is not translated: write a prefix list".to_owned());
        }
        _ => return Err("no route map here matches that".to_owned()),
    })
}

fn set(words: &[&str]) -> Result<(&'static str, Value), Reason> {
    Ok(match words {
        ["metric", change] if change.starts_with(['+', '-']) => {
            let number: i64 = change.parse().map_err(|_| format!("'{change}' is no number"))?;
            ("add-metric", json!(number))
        }
        ["metric", metric] => ("metric", json!(number(metric)?)),
        ["tag", tag] => ("tag", json!(number(tag)?)),
        ["metric-type", "type-1"] => ("metric-type", json!("1")),
        ["metric-type", "type-2"] => ("metric-type", json!("2")),
        ["distance", distance] => ("preference", json!(number(distance)?)),
        ["ip", "next-hop", address] => {
            let address: Ipv4Addr = address
                .parse()
                .map_err(|_| format!("'{address}' is no address; no route map here sets that"))?;
            ("next-hop", json!(address))
        }
        _ => return Err("no route map here sets that".to_owned()),
    })
}
