//! Which routes pass, and how they are changed on the way.
//!
//! A [`PrefixList`] is an ordered list of prefix ranges that are permitted or denied; a [`RouteMap`] is an ordered list of
//! clauses, each of which matches routes by prefix, protocol, tag, metric, next hop or interface, and permits them, changed or
//! not, or denies them. Both are compiled once and then evaluated without allocating, as often as there are routes: a list of a
//! thousand rules takes one binary search.
//!
//! [`PolicyConfig`] is how an operator writes them, and [`Policies`] all that are in force, under their names.

mod config;
mod explain;
mod policies;
mod prefix_list;
mod range;
mod route_map;
mod rule;

pub use config::{ClauseConfig, ListRule, MatchConfig, PolicyConfig, SetConfig, SourceName};
pub use explain::{ChangedOption, Explanation, OptionValue, Tried};
pub use policies::{
    MAX_ALL_RULES, MAX_CLAUSES, MAX_NAME, MAX_POLICIES, MAX_RULES, Policies, PolicyError, PolicyReference,
};
pub use prefix_list::PrefixList;
pub use range::NumberRange;
pub use route_map::{Attempt, Change, Clause, Given, Match, MetricType, RouteMap, RouteView, Then, Verdict};
pub use rule::{Action, PrefixRule, RuleError};
