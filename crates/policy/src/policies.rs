//! Every policy of a router, compiled: the snapshot that protocols are given.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use waypost_types::InterfaceIndex;

use crate::config::{ClauseConfig, ListRule, PolicyConfig};
use crate::prefix_list::PrefixList;
use crate::route_map::{Change, Clause, Match, RouteMap, Then};
use crate::rule::Action;

/// Characters of a name.
pub const MAX_NAME: usize = 63;
/// Prefix lists and route maps.
pub const MAX_POLICIES: usize = 1_000;
/// Rules of a prefix list.
pub const MAX_RULES: usize = 10_000;
/// Rules of all prefix lists together.
pub const MAX_ALL_RULES: usize = 100_000;
/// Clauses of a route map.
pub const MAX_CLAUSES: usize = 1_000;
/// Octets of a clause's note.
const MAX_NOTE: usize = 4096;

/// Why a policy makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}: {value} (allowed: {allowed})")]
pub struct PolicyError {
    /// Where, such as `route-maps.upstream.0.match.prefix-list`.
    pub path: String,
    /// Why.
    pub reason: String,
    /// What stands there.
    pub value: String,
    /// What might.
    pub allowed: String,
}

/// A name at which configuration of a protocol refers to a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyReference {
    /// The path of the option inside its block, such as `redistribute.0.policy`.
    pub path: String,
    /// The name of the policy.
    pub name: String,
}

/// The policies that are in force, by name. It never changes: other policies are another snapshot.
///
/// Two snapshots share what did not change between them, and are equal when they decide alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    lists: BTreeMap<String, Arc<PrefixList>>,
    maps: BTreeMap<String, Arc<RouteMap>>,
}

impl Policies {
    /// Compiles a configuration. `interface` tells the numbers of those interfaces that there are; what `before` has already
    /// is not made again.
    ///
    /// # Errors
    /// Everything that makes no sense: bad names, names used twice or of no prefix list, too much of anything, clauses that
    /// deny and change at once.
    pub fn compile(
        config: &PolicyConfig,
        interface: impl Fn(&str) -> Option<InterfaceIndex>,
        before: &Self,
    ) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        check_size(config, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut policies = Self::default();
        for (name, rules) in &config.prefix_lists {
            check_name("prefix-lists", name, &mut errors);
            let known = before.lists.get(name).filter(|known| says(known, rules));
            let list = known.map_or_else(|| Arc::new(list_of(rules)), Arc::clone);
            policies.lists.insert(name.clone(), list);
        }
        for (name, clauses) in &config.route_maps {
            check_name("route-maps", name, &mut errors);
            let path = format!("route-maps.{name}");
            if config.prefix_lists.contains_key(name) {
                errors.push(PolicyError {
                    path: path.clone(),
                    reason: "a prefix list has this name, and whoever names a policy may name either"
                        .to_owned(),
                    value: name.clone(),
                    allowed: "another name".to_owned(),
                });
            }
            let compiled = clauses.iter().enumerate().map(|(position, clause)| {
                let path = format!("{path}.{position}");
                policies.clause(clause, &path, &interface, &mut errors)
            });
            let map = RouteMap::new(compiled.collect());
            policies.maps.insert(name.clone(), before.share(name, map));
        }
        // A list by itself is a policy, too.
        for (name, list) in &policies.lists {
            let map = RouteMap::new(vec![Clause {
                action: Action::Permit,
                matches: vec![Match::Prefix(Arc::clone(list))],
                changes: Vec::new(),
                then: Then::Stop,
            }]);
            policies
                .maps
                .entry(name.clone())
                .or_insert_with(|| before.share(name, map));
        }
        if errors.is_empty() {
            Ok(policies)
        } else {
            Err(errors)
        }
    }

    /// A map, as it was known before if it was.
    fn share(&self, name: &str, map: RouteMap) -> Arc<RouteMap> {
        match self.maps.get(name) {
            Some(known) if **known == map => Arc::clone(known),
            _ => Arc::new(map),
        }
    }

    fn clause(
        &self,
        clause: &ClauseConfig,
        path: &str,
        interface: impl Fn(&str) -> Option<InterfaceIndex>,
        errors: &mut Vec<PolicyError>,
    ) -> Clause {
        let mut matches = Vec::new();
        let mut wrong = |option: &str, reason: &str, value: String, allowed: String| {
            errors.push(PolicyError {
                path: format!("{path}.{option}"),
                reason: reason.to_owned(),
                value,
                allowed,
            });
        };
        let mut list = |option: &str, name: &String| {
            let list = self.lists.get(name).cloned();
            if list.is_none() {
                wrong(
                    option,
                    "there is no such prefix list",
                    name.clone(),
                    listed(&self.lists),
                );
            }
            list
        };
        // In the order of their cost.
        if let Some(wanted) = &clause.matches {
            if let Some(length) = wanted.length {
                matches.push(Match::Length(length.range()));
            }
            if let Some(protocol) = &wanted.protocol {
                matches.push(Match::Protocol(protocol.iter().map(|source| source.0).collect()));
            }
            if let Some(tags) = &wanted.tag {
                matches.push(Match::Tag(tags.iter().map(|tag| tag.range()).collect()));
            }
            if let Some(metric) = wanted.metric {
                matches.push(Match::Metric(metric.range()));
            }
            if let Some(names) = &wanted.interface {
                let known = names.iter().filter_map(|name| interface(name));
                matches.push(Match::Interface(known.collect()));
            }
            if let Some(name) = &wanted.prefix_list {
                matches.extend(list("match.prefix-list", name).map(Match::Prefix));
            }
            if let Some(name) = &wanted.next_hop_list {
                matches.extend(list("match.next-hop-list", name).map(Match::NextHop));
            }
        }
        let mut changes = Vec::new();
        if let Some(sets) = &clause.sets {
            changes.extend(sets.metric.map(Change::Metric));
            changes.extend(sets.add_metric.map(Change::MetricBy));
            changes.extend(sets.tag.map(Change::Tag));
            changes.extend(sets.preference.map(Change::Preference));
            changes.extend(sets.metric_type.map(Change::MetricType));
            changes.extend(sets.next_hop.map(Change::NextHop));
            if let Some(address) = sets.next_hop.filter(|address| !is_router(*address)) {
                let allowed = "the unicast address of a router".to_owned();
                wrong(
                    "set.next-hop",
                    "not an address of a router",
                    address.to_string(),
                    allowed,
                );
            }
            if sets.metric.is_some() && sets.add_metric.is_some() {
                let allowed = "either metric or add-metric".to_owned();
                wrong(
                    "set",
                    "the metric is set and added to",
                    "both".to_owned(),
                    allowed,
                );
            }
            let most = i64::from(u32::MAX);
            if let Some(by) = sets.add_metric.filter(|by| !(-most..=most).contains(by)) {
                let allowed = format!("-{most}..={most}");
                wrong("set.add-metric", "out of range", by.to_string(), allowed);
            }
            if sets.preference == Some(0) {
                wrong(
                    "set.preference",
                    "out of range",
                    "0".to_owned(),
                    "1..=255".to_owned(),
                );
            }
        }
        let length = |range: &crate::range::NumberRange<u8>| range.high > 128;
        let wanted = clause.matches.as_ref();
        if let Some(range) = wanted.and_then(|wanted| wanted.length).filter(length) {
            wrong(
                "match.length",
                "out of range",
                range.to_string(),
                "0..=128".to_owned(),
            );
        }
        if clause.action == Action::Deny {
            for (option, given) in [("set", clause.sets.is_some()), ("then", clause.then.is_some())] {
                if given {
                    let allowed = "permit, with it; deny, without".to_owned();
                    wrong(
                        option,
                        "a clause that denies does nothing else",
                        "deny".to_owned(),
                        allowed,
                    );
                }
            }
        }
        if let Some(note) = clause.annotate.as_ref().filter(|note| note.len() > MAX_NOTE) {
            let allowed = format!("up to {MAX_NOTE} octets");
            wrong(
                "annotate",
                "the note is too long",
                format!("{} octets", note.len()),
                allowed,
            );
        }
        Clause {
            action: clause.action,
            matches,
            changes,
            then: clause.then.unwrap_or_default(),
        }
    }

    /// What a name stands for: a route map, or a prefix list as one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<RouteMap>> {
        self.maps.get(name)
    }

    /// Every name there is, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.maps.keys().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// These policies, and those of `older` whose names these do not have: what protocols have while some of them still
    /// refer to policies that are about to go.
    #[must_use]
    pub fn with_names_of(&self, older: &Self) -> Self {
        let mut both = self.clone();
        for (name, map) in &older.maps {
            both.maps.entry(name.clone()).or_insert_with(|| Arc::clone(map));
        }
        for (name, list) in &older.lists {
            both.lists.entry(name.clone()).or_insert_with(|| Arc::clone(list));
        }
        both
    }

    /// The names whose policies decide otherwise in `other`, or are in one of the two only.
    pub fn changed<'p>(&'p self, other: &'p Self) -> impl Iterator<Item = &'p str> {
        let gone = self.maps.iter();
        let gone = gone.filter(|(name, map)| other.maps.get(*name) != Some(*map));
        let new = other.maps.keys().filter(|name| !self.maps.contains_key(*name));
        gone.map(|(name, _)| name).chain(new).map(String::as_str)
    }
}

fn list_of(rules: &[ListRule]) -> PrefixList {
    PrefixList::new(rules.iter().map(|rule| (rule.action, rule.rule)))
}

/// Whether a list has these rules.
fn says(list: &PrefixList, rules: &[ListRule]) -> bool {
    let written = rules.iter().map(|rule| (rule.action, rule.rule));
    list.rules().iter().copied().eq(written)
}

fn check_size(config: &PolicyConfig, errors: &mut Vec<PolicyError>) {
    let mut check = |path: String, what: &str, count: usize, most: usize| {
        if count > most {
            errors.push(PolicyError {
                path,
                reason: format!("too many {what}"),
                value: count.to_string(),
                allowed: format!("at most {most}"),
            });
        }
    };
    check(String::new(), "policies", config.names().count(), MAX_POLICIES);
    for (name, rules) in &config.prefix_lists {
        check(format!("prefix-lists.{name}"), "rules", rules.len(), MAX_RULES);
    }
    let rules = config.prefix_lists.values().map(Vec::len).sum();
    check("prefix-lists".to_owned(), "rules", rules, MAX_ALL_RULES);
    for (name, clauses) in &config.route_maps {
        check(
            format!("route-maps.{name}"),
            "clauses",
            clauses.len(),
            MAX_CLAUSES,
        );
    }
}

fn check_name(table: &str, name: &str, errors: &mut Vec<PolicyError>) {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(fits) {
        return;
    }
    let shown: String = name.chars().take(MAX_NAME).collect();
    errors.push(PolicyError {
        path: table.to_owned(),
        reason: "no policy can have this name".to_owned(),
        value: shown,
        allowed: format!("1..={MAX_NAME} letters, digits, '-' and '_'"),
    });
}

/// Names as a refusal lists them.
fn listed<T>(known: &BTreeMap<String, T>) -> String {
    if known.is_empty() {
        return "there is none yet".to_owned();
    }
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    names.join(", ")
}

/// Whether packets can be sent to a router of this address.
fn is_router(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback() || is_broadcast)
}
