//! `show revisions` and `diff`.

use waypost_api::{DiffAnswer, RevisionRow, ScheduleAnswer};
use waypost_manager::{OnTrial, Scheduled};

use super::nothing;
use super::units::{span, toml_value};
use crate::change::ThreeWay;
use crate::sheet::{Ink, Sheet, printable};
use crate::table::{Cell, Column, Table, item};

/// Revisions, the newest and so the one in force first.
pub(crate) fn revisions(sheet: &Sheet, rows: &[RevisionRow], trial: Option<&OnTrial>) -> String {
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
    let mut text = format!(
        "{}\n{}\n",
        table.render(sheet),
        sheet.ink(Ink::Faint, "* is in force")
    );
    if let Some(trial) = trial {
        text.push_str(&item(sheet, 0, Cell::from(on_trial(trial)).ink(Ink::Warning)));
    }
    text
}

/// That a change is on trial.
pub(crate) fn on_trial(trial: &OnTrial) -> String {
    format!("on trial: {}", way_back(trial))
}

/// What becomes of a change on trial.
pub(crate) fn way_back(trial: &OnTrial) -> String {
    let back = match trial.back_to {
        Some(number) => format!("back to revision {number}"),
        None => "taken back".to_owned(),
    };
    format!(
        "{back} in {} unless 'waypost confirm' comes before",
        span(trial.seconds_left)
    )
}

/// The differences of two configurations as a unified diff.
pub(crate) fn difference(sheet: &Sheet, answer: &DiffAnswer) -> String {
    if answer.changes.is_empty() {
        return nothing("no difference");
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

/// What two made of the same configuration.
pub(crate) fn three_way(sheet: &Sheet, view: &ThreeWay) -> String {
    let head = view.head();
    let by = view.head.as_ref().map(|row| {
        let note = if row.note.is_empty() {
            String::new()
        } else {
            format!(": {}", row.note)
        };
        format!(" by {}, {}{note}", row.author, sheet.date(row.time))
    });
    let mut text = item(
        sheet,
        0,
        Cell::from(format!(
            "revision {head} is in force{}; your change was made from revision {}",
            by.unwrap_or_default(),
            view.base
        ))
        .ink(Ink::Warning),
    );
    text.push('\n');
    if view.rows.is_empty() {
        text.push_str(&format!(
            "no option is another one than in revision {}\n\n",
            view.base
        ));
        return text;
    }
    let mut table = Table::new([
        Column::text(" "),
        Column::wrapped("OPTION"),
        Column::wrapped(format!("REVISION {}", view.base)),
        Column::wrapped(format!("REVISION {head}")),
        Column::wrapped("YOURS"),
    ]);
    let word = |value: Option<&serde_json::Value>| value.map_or_else(|| "(not set)".to_owned(), toml_value);
    let changed = |value: &Option<Option<serde_json::Value>>| match value {
        None => Cell::from("as before").ink(Ink::Faint),
        Some(value) => Cell::from(word(value.as_ref())),
    };
    for row in &view.rows {
        let mark = if row.conflicts() { "!" } else { "" };
        table.row([
            Cell::from(mark).ink(Ink::Bad),
            (&row.path).into(),
            word(row.base.as_ref()).into(),
            changed(&row.theirs),
            changed(&row.ours),
        ]);
    }
    text.push_str(&table.render(sheet));
    if view.conflicts() {
        text.push_str(&format!(
            "\n{}\n",
            sheet.ink(Ink::Faint, "! both changed it, to different values")
        ));
    }
    text.push('\n');
    text
}

/// A change that waits for its time from now on.
pub(crate) fn ordered(sheet: &Sheet, answer: &ScheduleAnswer) -> String {
    let row = &answer.scheduled;
    format!(
        "made now, it would do this:\n\n{}{}\n",
        super::plan(sheet, &answer.plan),
        sheet.ink(
            Ink::Good,
            &format!("change {} is made at {}", row.id, sheet.date(row.at))
        )
    )
}

/// `show schedule`.
pub(crate) fn schedule(sheet: &Sheet, rows: &[Scheduled]) -> String {
    if rows.is_empty() {
        return nothing("no change waits for its time");
    }
    let mut table = Table::new([
        Column::number("CHANGE"),
        Column::text("TIME"),
        Column::text("AUTHOR"),
        Column::text("TRIAL").optional(),
        Column::wrapped("STATE"),
        Column::wrapped("NOTE").optional(),
    ]);
    for row in rows {
        let reasons: Vec<String> = row.refusals.iter().map(ToString::to_string).collect();
        let state = if reasons.is_empty() {
            Cell::from("waits")
        } else {
            Cell::lines(reasons.iter().map(|reason| format!("refused: {reason}"))).ink(Ink::Bad)
        };
        table.row([
            row.id.into(),
            sheet.date(row.at).into(),
            (&row.author).into(),
            row.confirm_within.map(span).unwrap_or_default().into(),
            state,
            (&row.note).into(),
        ]);
    }
    table.render(sheet)
}
