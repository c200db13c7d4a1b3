//! Policy: how many routes a second a prefix list and a route map decide on.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use waypost_loadgen::mix;
use waypost_policy::{Action, Change, Clause, Match, PrefixList, PrefixRule, RouteMap, RouteView, Then};
use waypost_types::{Prefix, ProtocolId, Seed};

use crate::Context;
use crate::report::{Row, Samples, Section};

/// Rules of the list.
const RULES: u32 = 1000;
/// Routes a measurement.
const ROUTES: u32 = 2_000_000;

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new("policy, a prefix list of 1000 rules");
    let rules = (0..RULES).map(|number| {
        let prefix = Prefix::from(mix::prefix4(Seed(1), number));
        let action = if number % 3 == 0 {
            Action::Deny
        } else {
            Action::Permit
        };
        Ok((action, PrefixRule::new(prefix, prefix.length(), 32)?))
    });
    let rules: Vec<(Action, PrefixRule)> = rules.collect::<Result<_>>()?;
    let mut compile = Samples::default();
    let mut decide = Samples::default();
    let mut evaluate = Samples::default();
    // Half of them are inside a rule's prefix.
    let routes: Vec<Prefix> = (0..ROUTES)
        .map(|number| match number % 2 {
            0 => mix::prefix4(Seed(1), number / 2 % RULES).into(),
            _ => mix::prefix4(Seed(2), number).into(),
        })
        .collect();
    for _ in 0..context.runs(5) {
        let start = Instant::now();
        let list = PrefixList::new(rules.clone());
        compile.add(start.elapsed());
        let start = Instant::now();
        let permitted = routes.iter().filter(|prefix| list.permits(**prefix)).count();
        let spent = start.elapsed();
        decide.add_number(f64::from(ROUTES) / spent.as_secs_f64() / 1e6);
        let map = route_map(list);
        let start = Instant::now();
        let passed = routes
            .iter()
            .filter(|prefix| map.evaluate(view(**prefix)).action == Action::Permit)
            .count();
        let spent = start.elapsed();
        evaluate.add_number(f64::from(ROUTES) / spent.as_secs_f64() / 1e6);
        anyhow::ensure!(
            permitted == passed && permitted > 0,
            "{permitted} and {passed} passed"
        );
    }
    section.row(Row::time("compile the list", compile));
    let met = decide.median() >= 10.0;
    section.row(Row::new("prefix list", "M/s", decide).bar(">= 10 M/s", met));
    section.row(Row::new(
        "route map: owner, prefix list, metric and tag set",
        "M/s",
        evaluate,
    ));
    Ok(section)
}

fn route_map(list: PrefixList) -> RouteMap {
    RouteMap::new(vec![
        Clause {
            action: Action::Deny,
            matches: vec![Match::Protocol(vec![ProtocolId::OSPF])],
            changes: Vec::new(),
            then: Then::Stop,
        },
        Clause {
            action: Action::Permit,
            matches: vec![Match::Prefix(Arc::new(list))],
            changes: vec![Change::MetricBy(5), Change::Tag(7)],
            then: Then::Stop,
        },
    ])
}

fn view(prefix: Prefix) -> RouteView {
    RouteView {
        prefix,
        protocol: ProtocolId::RIP,
        metric: 3,
        tag: 0,
        preference: None,
        next_hop: None,
        interface: None,
        metric_type: None,
    }
}
