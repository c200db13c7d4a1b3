//! `show policy` and `policy test`.

use waypost_api::{Action, ChangedOption, OptionValue, PolicyExplanation, PolicyRow, Tried};

use super::units::{count, toml_value};
use super::{listing, nothing};
use crate::sheet::{Ink, Sheet};
use crate::table::{Cell, Column, Table, item};

/// Every policy.
pub(crate) fn policies(sheet: &Sheet, rows: &[PolicyRow]) -> String {
    if rows.is_empty() {
        return nothing("no policies");
    }
    let mut table = Table::new([
        Column::text("NAME"),
        Column::text("KIND"),
        Column::text("HAS"),
        Column::wrapped("USED BY"),
    ]);
    for row in rows {
        table.row([
            row.name.as_str().into(),
            row.kind.as_str().into(),
            size(row).into(),
            Cell::from(row.used_by.join(", ")).ink(Ink::Faint),
        ]);
    }
    table.render(sheet)
}

fn size(row: &PolicyRow) -> String {
    if row.kind == "prefix-list" {
        count(row.rules.len(), "rule", "rules")
    } else {
        count(row.rules.len(), "clause", "clauses")
    }
}

/// One policy in full: its rules with the numbers that `policy test` has.
pub(crate) fn policy(sheet: &Sheet, row: &PolicyRow) -> String {
    let mut text = listing(
        sheet,
        [
            ("name", Cell::from(row.name.as_str())),
            ("kind", row.kind.as_str().into()),
            ("used by", row.used_by.join(", ").into()),
        ],
    );
    text.push('\n');
    let mut table = Table::plain(0, [Column::number(""), Column::wrapped("")]);
    for (number, rule) in row.rules.iter().enumerate() {
        table.row([Cell::from(number).ink(Ink::Faint), toml_value(rule).into()]);
    }
    text.push_str(&table.render(sheet));
    text
}

/// What a policy makes of a route, and why.
pub(crate) fn tested(sheet: &Sheet, prefix: &str, explanation: &PolicyExplanation) -> String {
    let passes = explanation.action == Action::Permit;
    let verdict = match (&explanation.decided_by, passes) {
        (Some(by), true) => format!("{prefix} passes, by {by}"),
        (Some(by), false) => format!("{prefix} is denied by {by}"),
        (None, _) => format!("{prefix} is denied: nothing in the policy matches it"),
    };
    let ink = if passes { Ink::Good } else { Ink::Bad };
    let mut text = item(sheet, 0, Cell::from(verdict).ink(ink));
    for change in &explanation.changes {
        text.push_str(&item(sheet, 2, changed(change).as_str()));
    }
    if !explanation.tried.is_empty() {
        text.push('\n');
        let mut table = Table::new([
            Column::number("RULE"),
            Column::text("ACTION"),
            Column::text("MATCHES"),
            Column::wrapped("WHY"),
        ]);
        for tried in &explanation.tried {
            table.row([
                number(&tried.path).into(),
                tried.action.to_string().into(),
                matches(tried),
                tried.reason.as_str().into(),
            ]);
            if !tried.changes.is_empty() {
                let changes: Vec<String> = tried.changes.iter().map(changed).collect();
                table.note(Cell::from(changes.join(", ")).ink(Ink::Faint));
            }
        }
        text.push_str(&table.render(sheet));
    }
    text
}

/// The number of a rule or clause, which its path ends with.
fn number(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn matches(tried: &Tried) -> Cell {
    if tried.matched {
        Cell::from("yes").ink(Ink::Good)
    } else {
        Cell::from("no").ink(Ink::Faint)
    }
}

fn changed(change: &ChangedOption) -> String {
    let value =
        |value: Option<OptionValue>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    format!(
        "{}: {} -> {}",
        change.option,
        value(change.old),
        value(change.new)
    )
}
