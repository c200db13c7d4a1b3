//! What a live change of each option does to routes, neighbours and packets: the matrices of `docs/live-matrix-*.md`.
//!
//! Three routers of one make are given every change and its return, one after the other, while packets run over the link
//! that is changed. Rows are shared out among several such benches, because most of the time is spent waiting.

mod bench;
mod case;
mod document;
mod known;
mod ospf;
mod peers;
mod rip;
mod run;
mod subject;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use waypost_testkit::{Lab, Make, Router};

use crate::bench::Bench;
use crate::case::Case;
use crate::document::{Cell, Column, Document};
use crate::peers::PeerCase;
use crate::subject::Subject;

/// Benches that run at the same time.
const BENCHES: usize = 6;

/// The names of all rows, in the order of the document; rows of peers alone come last.
fn order(subject: Subject) -> Vec<(String, String)> {
    let mut order: Vec<_> = subject.cases().iter().map(Case::key).collect();
    for case in subject.peer_cases() {
        let key = (case.option.to_owned(), case.change.to_owned());
        if !order.contains(&key) {
            order.push(key);
        }
    }
    order
}

/// Whether to run a row: all are, or those whose option and change contain the environment's `WAYPOST_MATRIX_ONLY`.
fn is_wanted(option: &str, change: &str) -> bool {
    std::env::var("WAYPOST_MATRIX_ONLY").map_or(true, |only| format!("{option}: {change}").contains(&only))
}

/// Runs rows on several benches of a make and returns what came of each. All failures are reported together.
fn share_out<C: Sync, O: Send>(
    lab: &Lab,
    (subject, make): (Subject, Make),
    cases: &[C],
    name: impl Fn(&C) -> String + Sync,
    measure: impl Fn(&mut Bench, &C) -> Result<O> + Sync,
    recover: impl Fn(&mut Bench, &C) -> Result<()> + Sync,
) -> Result<Vec<(usize, O)>> {
    let outcomes = Mutex::new(Vec::new());
    let failures = Mutex::new(Vec::new());
    let next = Mutex::new(cases.iter().enumerate());
    let (outcomes_here, failures_here, next_here) = (&outcomes, &failures, &next);
    let (name, measure, recover) = (&name, &measure, &recover);
    let bench = move |bench: char| -> Result<()> {
        let mut bench = Bench::new(lab, &bench.to_string(), subject, make)?;
        loop {
            let case = next_here.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, case)) = case else {
                return Ok(());
            };
            match measure(&mut bench, case) {
                Ok(outcome) => outcomes_here
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((place, outcome)),
                Err(error) => {
                    failures_here
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(format!("{}: {error:#}", name(case)));
                    recover(&mut bench, case).with_context(|| format!("after {}", name(case)))?;
                }
            }
        }
    };
    let ended = thread::scope(|scope| {
        let threads: Vec<_> = ('a'..)
            .take(BENCHES.min(cases.len()))
            .map(|name| scope.spawn(move || bench(name)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !failures.is_empty() {
        bail!("{} rows failed:\n{}", failures.len(), failures.join("\n\n"));
    }
    ended?;
    Ok(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn every_option_of_rip_changes_live() {
    with_waypost(Subject::Rip);
}

#[test]
fn every_option_of_ospf_changes_live() {
    with_waypost(Subject::Ospf);
}

fn with_waypost(subject: Subject) {
    waypost_testkit::run(|lab| {
        let cases: Vec<Case> = subject
            .cases()
            .into_iter()
            .filter(|case| is_wanted(&case.option, &case.change))
            .collect();
        let outcomes = share_out(
            lab,
            (subject, Make::Waypost),
            &cases,
            |case| format!("{}: {}", case.option, case.change),
            run::measure,
            Bench::recover,
        )?;
        Document::update(subject, |document| {
            for (place, outcome) in &outcomes {
                let case = &cases[*place];
                let cell = Cell::of(case, outcome);
                document.set(
                    (&case.option, &case.change),
                    &outcome.stated,
                    Column::Waypost,
                    cell,
                );
            }
        })
    });
}

#[test]
#[ignore = "measures FRR alone, for the document"]
fn rip_with_frr() {
    with_peer(Subject::Rip, Make::Frr, Column::Frr);
}

#[test]
#[ignore = "measures BIRD alone, for the document"]
fn rip_with_bird() {
    with_peer(Subject::Rip, Make::Bird, Column::Bird);
}

#[test]
#[ignore = "measures FRR alone, for the document"]
fn ospf_with_frr() {
    with_peer(Subject::Ospf, Make::Frr, Column::Frr);
}

#[test]
#[ignore = "measures BIRD alone, for the document"]
fn ospf_with_bird() {
    with_peer(Subject::Ospf, Make::Bird, Column::Bird);
}

fn with_peer(subject: Subject, make: Make, column: Column) {
    waypost_testkit::run(|lab| {
        let cases: Vec<PeerCase> = subject
            .peer_cases()
            .into_iter()
            .filter(|case| is_wanted(case.option, case.change))
            .collect();
        let outcomes = share_out(
            lab,
            (subject, make),
            &cases,
            |case| format!("{}: {}", case.option, case.change),
            run::measure_peer,
            run::recover_peer,
        )?;
        Document::update(subject, |document| {
            for (place, outcome) in &outcomes {
                let case = &cases[*place];
                if let Some(outcome) = outcome {
                    document.set((case.option, case.change), "", column, Cell::of_peer(outcome));
                }
            }
        })
    });
}

/// What the document says of the peers was measured with the code above; nothing that one of them keeps is lost by us.
#[test]
fn no_peer_keeps_what_waypost_loses() -> Result<()> {
    let mut beaten = Vec::new();
    for subject in Subject::ALL {
        beaten.extend(Document::read(subject)?.beaten_by_peers());
    }
    if beaten.is_empty() {
        Ok(())
    } else {
        bail!("{}", beaten.join("\n"))
    }
}

#[test]
fn every_option_has_a_row() {
    waypost_testkit::run(|lab| {
        let router = Router::start(&lab.node("r1")?, Make::Waypost, "")?;
        let schema = serde_json::from_str(&router.command(&["--json", "schema"])?)?;
        Subject::ALL
            .into_iter()
            .try_for_each(|subject| complete(subject, &schema))
    });
}

/// Every option of the running daemon's schema has a row, and every row an option.
fn complete(subject: Subject, schema: &Value) -> Result<()> {
    let mut options = BTreeSet::new();
    let mut add = |path: &str, schema: &Value| -> Result<()> {
        let properties = schema["properties"]
            .as_object()
            .with_context(|| format!("no options of {path} in the schema"))?;
        options.extend(properties.keys().map(|name| format!("{path}.{name}")));
        Ok(())
    };
    let top = &schema["properties"];
    let interface = &top["interfaces"]["additionalProperties"]["properties"];
    for table in subject.tables() {
        match table.split_once('.') {
            Some((_, protocol)) => add(table, &top["protocols"]["properties"][protocol])?,
            None => add(table, &top[table])?,
        }
    }
    for protocol in subject.protocols() {
        add(&format!("interfaces.NAME.{protocol}"), &interface[protocol])?;
    }
    options.insert("interfaces.NAME.enabled".to_owned());
    let known: BTreeSet<&str> = interface
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    // The routes of an autostatic update are state, not an option. What loadgen announces is what it is asked to, so that any
    // change of it changes routes.
    let elsewhere = ["enabled", "autostatic", "loadgen"];
    let here = Subject::ALL
        .iter()
        .flat_map(|subject| subject.protocols())
        .copied();
    if known != here.chain(elsewhere).collect() {
        bail!("the matrices do not know all that an interface has: {known:?}");
    }
    let whole: BTreeSet<String> = subject
        .protocols()
        .iter()
        .flat_map(|protocol| {
            [
                format!("protocols.{protocol}"),
                format!("interfaces.NAME.{protocol}"),
            ]
        })
        .collect();
    let rows: BTreeSet<String> = subject
        .cases()
        .into_iter()
        .map(|case| case.option)
        // Whole tables are no options.
        .filter(|option| !whole.contains(option))
        .collect();
    let mut text = String::new();
    for missing in options.difference(&rows) {
        let _ = writeln!(text, "no row changes {missing}");
    }
    for unknown in rows.difference(&options) {
        let _ = writeln!(text, "{unknown} is no option");
    }
    if text.is_empty() { Ok(()) } else { bail!("{text}") }
}
