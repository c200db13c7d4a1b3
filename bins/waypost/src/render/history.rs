//! `show revisions` and `diff`.

use waypost_api::{DiffAnswer, RevisionRow};

use super::nothing;
use crate::sheet::{Ink, Sheet, printable};
use crate::table::{Cell, Column, Table};

/// Revisions, the newest and so the one in force first.
pub(crate) fn revisions(sheet: &Sheet, rows: &[RevisionRow]) -> String {
    if rows.is_empty() {
        return nothing("no revisions: nothing was ever configured");
    }
    let mut table = Table::new([
        Column::text(" "),
        Column::number("REVISION"),
        Column::text("TIME"),
        Column::text("AUTHOR"),
        Column::wrapped("NOTE"),
    ]);
    for (number, row) in rows.iter().enumerate() {
        let note = match (row.rollback_of, row.note.as_str()) {
            (None, note) => note.to_owned(),
            (Some(to), "") => format!("back to revision {to}"),
            (Some(to), note) => format!("back to revision {to}: {note}"),
        };
        let in_force = number == 0;
        table.row([
            Cell::from(if in_force { "*" } else { "" }).ink(Ink::Good),
            row.number.into(),
            sheet.date(row.time).into(),
            (&row.author).into(),
            note.into(),
        ]);
    }
    format!(
        "{}\n{}\n",
        table.render(sheet),
        sheet.ink(Ink::Faint, "* is in force")
    )
}

/// The differences of two configurations as a unified diff.
pub(crate) fn difference(sheet: &Sheet, answer: &DiffAnswer) -> String {
    if answer.changes.is_empty() {
        return nothing("no difference from the configuration in force");
    }
    let ink = |line: &str| match line.as_bytes().first() {
        _ if line.starts_with("+++") || line.starts_with("---") => Ink::Bold,
        Some(b'+') => Ink::Good,
        Some(b'-') => Ink::Bad,
        Some(b'@') => Ink::Faint,
        _ => Ink::Plain,
    };
    answer
        .text
        .lines()
        .map(|line| format!("{}\n", sheet.ink(ink(line), &printable(line))))
        .collect()
}
