//! What a live change of each option does to routes, neighbours and packets: the matrix of `docs/live-matrix-rip.md`.
//!
//! Three routers of one make are given every change and its return, one after the other, while packets run over the link
//! that is changed. Rows are shared out among several such benches, because most of the time is spent waiting.

mod bench;
mod case;
mod document;
mod message;
mod options;
mod peers;
mod probes;
mod router;
mod run;

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

/// Benches that run at the same time.
const BENCHES: usize = 6;

/// Every row, in the order of the document.
fn cases() -> Vec<Case> {
    options::cases().into_iter().chain(router::cases()).collect()
}

/// The names of all rows, in that order; rows of peers alone come last.
fn order() -> Vec<(String, String)> {
    let mut order: Vec<_> = cases().iter().map(Case::key).collect();
    for case in peers::cases() {
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
    make: Make,
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
        let mut bench = Bench::new(lab, &bench.to_string(), make)?;
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
fn every_option_changes_live() {
    waypost_testkit::run(|lab| {
        let cases: Vec<Case> = cases()
            .into_iter()
            .filter(|case| is_wanted(&case.option, &case.change))
            .collect();
        let outcomes = share_out(
            lab,
            Make::Waypost,
            &cases,
            |case| format!("{}: {}", case.option, case.change),
            run::measure,
            Bench::recover,
        )?;
        Document::update(|document| {
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
fn the_same_with_frr() {
    with_peer(Make::Frr, Column::Frr);
}

#[test]
#[ignore = "measures BIRD alone, for the document"]
fn the_same_with_bird() {
    with_peer(Make::Bird, Column::Bird);
}

fn with_peer(make: Make, column: Column) {
    waypost_testkit::run(|lab| {
        let cases: Vec<PeerCase> = peers::cases()
            .into_iter()
            .filter(|case| is_wanted(case.option, case.change))
            .collect();
        let outcomes = share_out(
            lab,
            make,
            &cases,
            |case| format!("{}: {}", case.option, case.change),
            run::measure_peer,
            run::recover_peer,
        )?;
        Document::update(|document| {
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
    let beaten = Document::read()?.beaten_by_peers();
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
        complete(&serde_json::from_str(&router.command(&["--json", "schema"])?)?)
    });
}

/// Every option of the running daemon's schema has a row, and every row an option.
fn complete(schema: &Value) -> Result<()> {
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
    add("router", &top["router"])?;
    for protocol in ["rip", "static"] {
        add(
            &format!("protocols.{protocol}"),
            &top["protocols"]["properties"][protocol],
        )?;
        add(&format!("interfaces.NAME.{protocol}"), &interface[protocol])?;
    }
    options.insert("interfaces.NAME.enabled".to_owned());
    let protocols: BTreeSet<&str> = interface
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    // The routes of an autostatic update are state, not an option. OSPF's options are changed in the labs of OSPF, and
    // what loadgen announces is what it is asked to, so that any change of it changes routes.
    let elsewhere = ["autostatic", "loadgen", "ospf"];
    let here = ["enabled", "rip", "static"];
    if protocols != here.into_iter().chain(elsewhere).collect() {
        bail!("the matrix does not know all that an interface has: {protocols:?}");
    }
    let rows: BTreeSet<String> = cases()
        .into_iter()
        .map(|case| case.option)
        // Whole tables are no options.
        .filter(|option| option != "protocols.rip" && option != "interfaces.NAME.rip")
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
