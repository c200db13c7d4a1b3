//! `show protocols`.

use serde_json::Value;
use waypost_api::{ProtocolRow, TroubleRow};

use super::units::{count, measured, span};
use super::{listing, nothing};
use crate::sheet::{Ink, Sheet};
use crate::table::{Cell, Column, Table, item};

/// So many interfaces in trouble are named in the table of all protocols.
const TOLD: usize = 3;

/// Every protocol, and below the table why one failed.
pub(crate) fn protocols(sheet: &Sheet, rows: &[ProtocolRow]) -> String {
    if rows.is_empty() {
        return nothing("no protocols");
    }
    let mut table = Table::new([
        Column::text("PROTOCOL"),
        Column::text("STATE"),
        Column::number("PREF").spare(2),
        Column::number("INTERFACES"),
        Column::number("NEIGHBOURS").optional(),
        Column::number("LEARNED").optional().spare(1),
        Column::number("UPTIME").optional().spare(3),
        Column::wrapped("TITLE").spare(4),
    ]);
    let mut failures = String::new();
    for row in rows {
        let number = |key: &str| row.summary.as_ref()?.get(key)?.as_u64();
        let shown = |key: &str| Cell::from(number(key).map(|number| number.to_string()).unwrap_or_default());
        table.row([
            Cell::from(&row.name),
            state(row),
            row.preference.into(),
            row.interfaces.into(),
            shown("neighbors"),
            shown("routes-learned"),
            number("uptime-seconds").map(span).unwrap_or_default().into(),
            row.title.clone().unwrap_or_default().into(),
        ]);
        let mut troubles: Vec<String> = row.troubles.iter().take(TOLD).map(trouble).collect();
        if let Some(more) = row.troubles.len().checked_sub(TOLD).filter(|more| *more > 0) {
            troubles.push(format!(
                "and on {more} more interfaces: waypost show protocols {}",
                row.name
            ));
        }
        if !troubles.is_empty() {
            table.note(Cell::lines(troubles).ink(Ink::Bad));
        }
        if let Some(failure) = failure(row) {
            let failure = format!("{}: {failure}", row.name);
            failures.push_str(&item(sheet, 0, Cell::from(failure).ink(Ink::Bad)));
        }
    }
    let mut text = table.render(sheet);
    if !failures.is_empty() {
        text.push('\n');
        text.push_str(&failures);
    }
    text
}

/// One protocol, with all that it says of itself.
pub(crate) fn protocol(sheet: &Sheet, row: &ProtocolRow) -> String {
    let mut text = listing(
        sheet,
        [
            ("protocol", Cell::from(&row.name).ink(Ink::Bold)),
            ("title", row.title.clone().unwrap_or_default().into()),
            ("number", format!("{} ({:#010x})", row.id.0, row.id.0).into()),
            ("state", state(row)),
            (
                "failure",
                Cell::from(failure(row).unwrap_or_default()).ink(Ink::Bad),
            ),
            ("preference", row.preference.into()),
            ("interfaces", row.interfaces.into()),
            (
                "trouble",
                Cell::lines(row.troubles.iter().map(trouble)).ink(Ink::Bad),
            ),
        ],
    );
    if let Some(Value::Object(summary)) = &row.summary {
        let mut table = Table::plain(2, [Column::text(""), Column::wrapped("")]);
        let said_above = |name: &str| matches!(name, "protocol" | "interfaces" | "preference");
        for (name, value) in summary.iter().filter(|(name, _)| !said_above(name)) {
            let (name, value) = measured(name, value);
            table.row([Cell::from(name).ink(Ink::Faint), value.into()]);
        }
        text.push_str(&table.render(sheet));
    }
    text
}

fn trouble(row: &TroubleRow) -> String {
    // Most reasons name the interface themselves.
    if row.reason.contains(row.interface.as_str()) {
        row.reason.clone()
    } else {
        format!("on {}: {}", row.interface, row.reason)
    }
}

fn failure(row: &ProtocolRow) -> Option<String> {
    let reason = row.reason.as_ref()?;
    let times = usize::try_from(row.failures).unwrap_or(usize::MAX);
    Some(format!("failed {}: {reason}", count(times, "time", "times")))
}

fn state(row: &ProtocolRow) -> Cell {
    Cell::from(&row.state).ink(match row.state.as_str() {
        "running" => Ink::Good,
        "stopping" => Ink::Warning,
        "failed" => Ink::Bad,
        _ => Ink::Faint,
    })
}
