//! The documents `docs/live-matrix-*.md`, which are written by the labs and compared by them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::case::{Case, Has};
use crate::run::{Outcome, PeerOutcome};
use crate::subject::Subject;

/// Set to write the document instead of comparing it.
const WRITE: &str = "WAYPOST_WRITE_MATRIX";
/// Between what two runs agree on and what was measured in one.
const MEASURED: &str = " · ";
/// What was asked for did not come.
const NO_EFFECT: &str = "**no effect seen**";
/// Where nothing was measured.
const NOTHING: &str = "-";

/// Whose measurements a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Waypost,
    Frr,
    Bird,
}

/// A result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// What every run finds.
    pub(crate) verdict: String,
    /// What this run measured.
    pub(crate) measured: String,
}

impl Cell {
    pub(crate) fn of(case: &Case, outcome: &Outcome) -> Self {
        let mut measured = Vec::new();
        if let Some(gone) = outcome.gone {
            measured.push(format!("gone after {}", milliseconds(gone)));
        }
        if let Some(outage) = outcome.outage {
            measured.push(format!("outage {}", milliseconds(outage)));
        }
        if let Some(effect) = outcome.effect {
            measured.push(format!("effect after {}", milliseconds(effect)));
        }
        if outcome.packets > 0 {
            measured.push(format!("0 of {} packets lost", outcome.packets));
        }
        Self {
            verdict: verdict(case),
            measured: measured.join(", "),
        }
    }

    pub(crate) fn of_peer(outcome: &PeerOutcome) -> Self {
        let mut verdict = Vec::new();
        if !outcome.lost.is_empty() {
            verdict.push(format!("takes away {}", routes(&outcome.lost)));
        }
        if !outcome.interrupted.is_empty() {
            verdict.push(format!("interrupts {}", routes(&outcome.interrupted)));
        }
        if verdict.is_empty() {
            verdict.push("kept".to_owned());
        } else {
            verdict.push("keeps the rest".to_owned());
        }
        if outcome.no_effect {
            verdict.push(NO_EFFECT.to_owned());
        }
        let mut measured = Vec::new();
        if let Some(gone) = outcome.gone {
            measured.push(format!("gone after {}", milliseconds(gone)));
        }
        if !outcome.interrupted.is_empty() {
            measured.push(format!("outage {}", milliseconds(outcome.outage)));
        }
        if let Some(effect) = outcome.effect {
            measured.push(format!("effect after {}", milliseconds(effect)));
        }
        Self {
            verdict: verdict.join(", "),
            measured: measured.join(", "),
        }
    }

    /// What two runs agree on. Whether a peer loses, for a moment, a network that it hears of from two sides depends on
    /// whose update comes first.
    fn stable(&self) -> String {
        let parts = self.verdict.split(", ");
        parts
            .filter(|part| !part.starts_with("interrupts ") && *part != "keeps the rest")
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The routes that a verdict says were lost, for a while or until the return.
    fn lost(&self) -> BTreeSet<(String, String)> {
        let mut router = String::new();
        let mut lost = BTreeSet::new();
        for word in self.verdict.split_whitespace() {
            if let Some(name) = word.strip_suffix(':') {
                name.clone_into(&mut router);
            } else if word.contains('/') {
                lost.insert((router.clone(), word.trim_end_matches([',', ';']).to_owned()));
            }
        }
        lost
    }

    fn text(&self) -> String {
        match (self.verdict.as_str(), self.measured.as_str()) {
            ("", _) => NOTHING.to_owned(),
            (verdict, "") => verdict.to_owned(),
            (verdict, measured) => format!("{verdict}{MEASURED}{measured}"),
        }
    }

    fn read(text: &str) -> Self {
        let (verdict, measured) = text.split_once(MEASURED).unwrap_or((text, ""));
        Self {
            verdict: if verdict == NOTHING { "" } else { verdict }.to_owned(),
            measured: measured.to_owned(),
        }
    }
}

/// What a row of Waypost's was found to do when nothing else happened than it may.
fn verdict(case: &Case) -> String {
    let mut verdict = Vec::new();
    if !case.loses.is_empty() {
        verdict.push(format!("takes away {}", routes(&case.loses)));
    }
    if !case.interrupts.is_empty() {
        verdict.push(format!("interrupts {}", routes(&case.interrupts)));
    }
    if verdict.is_empty() {
        return "kept".to_owned();
    }
    verdict.push("keeps the rest".to_owned());
    verdict.join(", ")
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// Routes by router.
pub(crate) fn routes(routes: &[Has]) -> String {
    let mut by_router: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (at, prefix) in routes {
        by_router.entry(at.name()).or_default().push(prefix);
    }
    by_router
        .iter()
        .map(|(router, prefixes)| format!("{router}: {}", prefixes.join(" ")))
        .collect::<Vec<_>>()
        .join("; ")
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    option: String,
    change: String,
    stated: String,
    cells: [Cell; 3],
}

/// The table of the document.
#[derive(Debug)]
pub(crate) struct Document {
    subject: Subject,
    rows: Vec<Row>,
}

/// One test writes at a time.
static FILE: Mutex<()> = Mutex::new(());

fn path(subject: Subject) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(subject.document())
}

impl Document {
    /// The document as it is.
    pub(crate) fn read(subject: Subject) -> Result<Self> {
        let path = path(subject);
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::parse(subject, &text))
    }

    fn parse(subject: Subject, text: &str) -> Self {
        let rows = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
            .filter_map(|line| {
                let cells: Vec<&str> = line.split(" | ").collect();
                let [option, change, stated, waypost, frr, bird] = cells.as_slice() else {
                    return None;
                };
                Some(Row {
                    option: option.trim_end_matches('`').to_owned(),
                    change: (*change).to_owned(),
                    stated: (*stated).to_owned(),
                    cells: [Cell::read(waypost), Cell::read(frr), Cell::read(bird)],
                })
            })
            .collect();
        Self { subject, rows }
    }

    /// Lets `fill` set rows. Then either writes the document, or fails if something that runs agree on has changed.
    pub(crate) fn update(subject: Subject, fill: impl FnOnce(&mut Self)) -> Result<()> {
        let _turn = FILE.lock().unwrap_or_else(PoisonError::into_inner);
        let write = std::env::var_os(WRITE).is_some();
        let before = match Self::read(subject) {
            Ok(document) => document,
            Err(_) if write => Self {
                subject,
                rows: Vec::new(),
            },
            Err(error) => return Err(error),
        };
        let mut after = Self {
            subject,
            rows: before.rows.clone(),
        };
        fill(&mut after);
        if write {
            after.arrange();
            return std::fs::write(path(subject), after.text()).context("writing the matrix");
        }
        let stable = |document: &Self| -> BTreeMap<(String, String), (String, [String; 3])> {
            let rows = document.rows.iter();
            rows.map(|row| {
                let verdicts = row.cells.each_ref().map(Cell::stable);
                (
                    (row.option.clone(), row.change.clone()),
                    (row.stated.clone(), verdicts),
                )
            })
            .collect()
        };
        let (old, new) = (stable(&before), stable(&after));
        let mut text = String::new();
        for (key, row) in &new {
            if old.get(key) != Some(row) {
                let _ = writeln!(
                    text,
                    "{key:?}: the document has {:?}, found {row:?}",
                    old.get(key)
                );
            }
        }
        if text.is_empty() {
            Ok(())
        } else {
            let name = subject.document();
            bail!("docs/{name} is not what was found (run with {WRITE}=1 to write it):\n{text}")
        }
    }

    /// Sets one cell of a row, which is made if need be.
    pub(crate) fn set(&mut self, (option, change): (&str, &str), stated: &str, column: Column, cell: Cell) {
        let row = self.row(option, change);
        if !stated.is_empty() {
            stated.clone_into(&mut row.stated);
        }
        row.cells[column as usize] = cell;
    }

    /// What Waypost loses and a peer keeps, of the routes that both were given. A peer that does not do what it was told to keeps
    /// nothing by that.
    pub(crate) fn beaten_by_peers(&self) -> Vec<String> {
        let mut beaten = Vec::new();
        for row in &self.rows {
            let [waypost, peers @ ..] = &row.cells;
            for (peer, name) in peers.iter().zip(["FRR", "BIRD"]) {
                if waypost.verdict.is_empty() || peer.verdict.is_empty() || peer.verdict.contains(NO_EFFECT) {
                    continue;
                }
                let kept = peer.lost();
                let worse: Vec<_> = waypost
                    .lost()
                    .into_iter()
                    .filter(|route| self.subject.is_common(&route.0, &route.1) && !kept.contains(route))
                    .collect();
                if !worse.is_empty() {
                    beaten.push(format!("{}: {}: {name} keeps {worse:?}", row.option, row.change));
                }
            }
        }
        beaten
    }

    fn row(&mut self, option: &str, change: &str) -> &mut Row {
        let place = self
            .rows
            .iter()
            .position(|row| row.option == option && row.change == change);
        let place = place.unwrap_or_else(|| {
            self.rows.push(Row {
                option: option.to_owned(),
                change: change.to_owned(),
                stated: NOTHING.to_owned(),
                cells: <[Cell; 3]>::default(),
            });
            self.rows.len() - 1
        });
        &mut self.rows[place]
    }

    /// Rows in the order of the cases; those that no case has any more go.
    fn arrange(&mut self) {
        let order = crate::order(self.subject);
        let place = |row: &Row| {
            order
                .iter()
                .position(|(option, change)| *option == row.option && *change == row.change)
        };
        self.rows.retain(|row| place(row).is_some());
        self.rows.sort_by_key(place);
    }

    fn text(&self) -> String {
        let mut text = format!("{}{HEAD}", self.subject.introduction());
        for row in &self.rows {
            let cells = row.cells.each_ref().map(Cell::text).join(" | ");
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {cells} |",
                row.option, row.change, row.stated
            );
        }
        text
    }
}

const HEAD: &str = "\
* **stated**: the worst impact that `waypost set ... --plan` states for the change and for its return.
* **kept**: no route left any of the three kernels at any time. With Waypost, moreover, no neighbour was lost, every router
  heard the others again after the change, and no packet was lost.
* **takes away**: these routes went and came back with the return, because the new configuration says so: it filters them,
  or the two ends no longer understand each other. All others were kept as above.
* **interrupts**: these routes were gone although the new configuration has them.
* **effect after**: from the start of the command until what it asks for was in the kernel or on the wire.
* `-`: there is no such thing.

Written by `labs/tests/matrix`, never by hand:

    WAYPOST_WRITE_MATRIX=1 cargo test -p waypost-labs --test matrix -- --include-ignored

Without that variable the same test fails where this table is not what it finds; only what stands behind a dot differs
from run to run. It also fails when an option of the daemon's schema has no row, or a peer keeps what Waypost loses.

| option | change | stated | Waypost | FRR 8.4 | BIRD 2.0 |
|---|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_it_is_written() {
        let mut document = Document {
            subject: Subject::Rip,
            rows: Vec::new(),
        };
        let key = ("interfaces.NAME.rip.metric", "1 → 5");
        let cell = |verdict: &str, measured: &str| Cell {
            verdict: verdict.to_owned(),
            measured: measured.to_owned(),
        };
        document.set(
            key,
            "live",
            Column::Waypost,
            cell(
                "takes away r1: 10.2.0.0/24; r2: 10.1.0.0/24, keeps the rest",
                "gone after 3 ms",
            ),
        );
        document.set(
            key,
            "",
            Column::Bird,
            cell("interrupts r2: 10.1.0.0/24, keeps the rest", "outage 9 ms"),
        );
        let read = Document::parse(Subject::Rip, &document.text());
        assert_eq!(read.rows, document.rows);
        // FRR was not asked, BIRD kept one of the two.
        assert_eq!(
            read.beaten_by_peers(),
            [r#"interfaces.NAME.rip.metric: 1 → 5: BIRD keeps [("r1", "10.2.0.0/24")]"#]
        );
    }
}
