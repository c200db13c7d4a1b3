//! Which routes pass, and how they are changed on the way.
//!
//! A [`PrefixList`] is an ordered list of prefix ranges that are permitted or denied; a [`RouteMap`] is an ordered list of
//! clauses, each of which matches routes by prefix, protocol, tag, metric, next hop or interface, and permits them, changed or
//! not, or denies them. Both are compiled once and then evaluated without allocating, as often as there are routes: a list of a
//! thousand rules takes one binary search.

mod prefix_list;
mod route_map;
mod rule;

pub use prefix_list::PrefixList;
pub use route_map::{Attempt, Change, Clause, Match, RouteMap, RouteView, Then, Verdict};
pub use rule::{Action, PrefixRule, RuleError};
