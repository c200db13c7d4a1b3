//! Why a policy decides as it does, in words.

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ClauseConfig, MatchConfig, PolicyConfig};
use crate::policies::Policies;
use crate::prefix_list::PrefixList;
use crate::route_map::{Match, MetricType, RouteView};
use crate::rule::Action;

/// What a policy makes of a route, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "PolicyExplanation")]
pub struct Explanation {
    /// Whether the route passes.
    pub action: Action,
    /// The path of the rule or clause that decided, such as `policy.route-maps.upstream.2`; `null` when none matched, which
    /// denies.
    pub decided_by: Option<String>,
    /// What was tried, in order: of a prefix list the rule that matched, of a route map every clause up to the last one that
    /// was looked at.
    pub tried: Vec<Tried>,
    /// What the route has in the end that it did not have before; empty when it does not pass.
    pub changes: Vec<ChangedOption>,
}

/// How a rule or clause fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tried {
    /// Its path.
    pub path: String,
    /// What it does when it matches.
    pub action: Action,
    /// Whether it matched.
    pub matched: bool,
    /// Why it matched or did not, such as `tag 5-10: the tag is 0`.
    pub reason: String,
    /// What it changed about the route.
    pub changes: Vec<ChangedOption>,
}

/// Something that was changed about a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ChangedOption {
    /// What: `metric`, `tag`, `preference`, `metric-type` or `next-hop`.
    pub option: String,
    /// What it was; `null` for nothing.
    pub old: Option<OptionValue>,
    /// What it is.
    pub new: Option<OptionValue>,
}

/// A value that a policy can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "PolicyOptionValue")]
pub enum OptionValue {
    /// Of `metric`, `tag`, `preference` and `metric-type`.
    Number(u32),
    /// Of `next-hop`.
    Address(IpAddr),
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Explanation {
    /// What the policy of a name makes of a route; `None` when there is none. `policies` is what `config` was compiled to.
    #[must_use]
    pub fn of(config: &PolicyConfig, policies: &Policies, name: &str, route: RouteView) -> Option<Self> {
        let map = policies.get(name)?;
        if let Some(clauses) = config.route_maps.get(name) {
            let (verdict, attempts) = map.explain(route);
            let path = |clause: usize| format!("policy.route-maps.{name}.{clause}");
            let mut before = route;
            let tried = attempts.into_iter().filter_map(|attempt| {
                let clause = clauses.get(attempt.clause)?;
                let compiled = map.clauses().get(attempt.clause)?;
                let failed = attempt.failed.and_then(|failed| compiled.matches.get(failed));
                let tried = Tried {
                    path: path(attempt.clause),
                    action: clause.action,
                    matched: attempt.failed.is_none(),
                    reason: reason(clause, &compiled.matches, failed, &before),
                    changes: changes(&before, &attempt.route),
                };
                before = attempt.route;
                Some(tried)
            });
            let tried = tried.collect();
            let passed = verdict.action == Action::Permit;
            return Some(Self {
                action: verdict.action,
                decided_by: verdict.clause.map(path),
                tried,
                changes: if passed {
                    changes(&route, &verdict.route)
                } else {
                    Vec::new()
                },
            });
        }
        let rules = config.prefix_lists.get(name)?;
        let list = PrefixList::new(rules.iter().map(|rule| (rule.action, rule.rule)));
        let decided = list.decide(route.prefix);
        let path = |position: usize| format!("policy.prefix-lists.{name}.{position}");
        let tried = decided.and_then(|(position, action)| {
            Some(Tried {
                path: path(position),
                action,
                matched: true,
                reason: format!("{} matches {}", rules.get(position)?.rule, route.prefix),
                changes: Vec::new(),
            })
        });
        Some(Self {
            action: decided.map_or(Action::Deny, |(_, action)| action),
            decided_by: decided.map(|(position, _)| path(position)),
            tried: tried.into_iter().collect(),
            changes: Vec::new(),
        })
    }
}

/// Why a clause matched a route, or which of its matches did not hold.
fn reason(clause: &ClauseConfig, matches: &[Match], failed: Option<&Match>, route: &RouteView) -> String {
    let none = MatchConfig::default();
    let config = clause.matches.as_ref().unwrap_or(&none);
    match failed {
        Some(failed) => said(failed, config, route),
        None if matches.is_empty() => "it matches every route".to_owned(),
        None => {
            let all: Vec<String> = matches.iter().map(|held| said(held, config, route)).collect();
            all.join("; ")
        }
    }
}

/// A match and what the route has.
fn said(wanted: &Match, config: &MatchConfig, route: &RouteView) -> String {
    fn joined<T: fmt::Display>(values: impl IntoIterator<Item = T>) -> String {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        values.join(", ")
    }
    fn range<N: fmt::Display + PartialEq>(range: &std::ops::RangeInclusive<N>) -> String {
        if range.start() == range.end() {
            return range.start().to_string();
        }
        format!("{}-{}", range.start(), range.end())
    }
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    match wanted {
        Match::Prefix(list) => format!(
            "prefix-list {}: {}",
            name(&config.prefix_list),
            ruled(list, list.decide(route.prefix))
        ),
        Match::Length(lengths) => format!("length {}: it is {}", range(lengths), route.prefix.length()),
        Match::Protocol(owners) => format!("protocol {}: it is {}", joined(owners), route.protocol),
        Match::Tag(tags) => format!("tag {}: it is {}", joined(tags.iter().map(range)), route.tag),
        Match::Metric(metric) => format!("metric {}: it is {}", range(metric), route.metric),
        Match::NextHop(list) => {
            let decided = match route.next_hop {
                Some(address) => ruled(list, list.decide_address(address)),
                None => "the route has none".to_owned(),
            };
            format!("next-hop-list {}: {decided}", name(&config.next_hop_list))
        }
        Match::Interface(_) => format!(
            "interface {}: it is {}",
            joined(config.interface.iter().flatten()),
            route
                .interface
                .map_or_else(|| "none".to_owned(), |index| format!("number {index}"))
        ),
    }
}

/// Which rule of a list decided.
fn ruled(list: &PrefixList, decided: Option<(usize, Action)>) -> String {
    let rule = decided.and_then(|(position, action)| {
        let (_, rule) = list.rules().get(position)?;
        Some(format!("rule {position} ({action} {rule})"))
    });
    rule.unwrap_or_else(|| "no rule matches".to_owned())
}

/// In what two states of a route differ.
fn changes(old: &RouteView, new: &RouteView) -> Vec<ChangedOption> {
    let values = |route: &RouteView| {
        let kind = route.metric_type.map(|kind| match kind {
            MetricType::Type1 => 1,
            MetricType::Type2 => 2,
        });
        let number = |number: Option<u32>| number.map(OptionValue::Number);
        [
            ("metric", number(Some(route.metric))),
            ("tag", number(Some(route.tag))),
            ("preference", number(route.preference.map(u32::from))),
            ("metric-type", number(kind)),
            ("next-hop", route.next_hop.map(OptionValue::Address)),
        ]
    };
    let both = values(old).into_iter().zip(values(new));
    let changed = both.filter(|((_, old), (_, new))| old != new);
    changed
        .map(|((option, old), (_, new))| ChangedOption {
            option: option.to_owned(),
            old,
            new,
        })
        .collect()
}
