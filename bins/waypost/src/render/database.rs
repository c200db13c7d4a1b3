//! `show database`: each protocol's own table.

use serde_json::{Map, Value};

use super::nothing;
use super::units::{count, measured, plain_value, span};
use crate::sheet::{Ink, Sheet, printable};
use crate::table::{Cell, Column, Table};

/// The tables of all protocols. RIP's rows have columns of their own; a row of another shape is listed as it is.
pub(crate) fn database(sheet: &Sheet, tables: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (protocol, rows) in tables {
        let rows: Vec<&Map<String, Value>> = rows
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .collect();
        if !text.is_empty() {
            text.push('\n');
        }
        let title = format!("{protocol}, {}", count(rows.len(), "row", "rows"));
        text.push_str(&sheet.ink(Ink::Bold, &printable(&title)));
        text.push('\n');
        if rows.is_empty() {
            continue;
        }
        text.push_str(&if rows.iter().all(|row| row.contains_key("paths")) {
            distances(sheet, &rows)
        } else {
            as_they_are(sheet, &rows)
        });
    }
    if text.is_empty() {
        nothing("no protocol is running")
    } else {
        text
    }
}

/// A distance-vector table: a line for every neighbour that a destination was heard from.
fn distances(sheet: &Sheet, rows: &[&Map<String, Value>]) -> String {
    let mut table = Table::new([
        Column::text("PREFIX"),
        Column::text("STATE"),
        Column::wrapped("SOURCE"),
        Column::number("METRIC"),
        Column::number("TAG").optional().spare(2),
        Column::text("FROM").optional(),
        Column::wrapped("HEARD").optional(),
        Column::number("AGE").spare(3),
        Column::number("EXPIRES").optional().spare(1),
    ]);
    for row in rows {
        let plain = |key: &str| row.get(key).map(plain_value).unwrap_or_default();
        let seconds = |value: Option<&Value>| value.and_then(Value::as_u64).map(span).unwrap_or_default();
        let paths: Vec<&Value> = row
            .get("paths")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let of_paths = |line: &dyn Fn(&Value) -> String| Cell::lines(paths.iter().map(|path| line(path)));
        let member = |path: &Value, key: &str| path.get(key).map(plain_value).unwrap_or_default();
        let is = |path: &Value, key: &str| path.get(key).and_then(Value::as_bool) == Some(true);
        let source = match row.get("owner") {
            Some(owner) => format!("{} {}", plain("source"), plain_value(owner)),
            None => plain("source"),
        };
        let from = of_paths(&|path| format!("{} {}", member(path, "from"), member(path, "interface")));
        let heard = of_paths(&|path| {
            let mark = match (is(path, "selected"), is(path, "permitted")) {
                (true, _) => "",
                (false, true) => " unused",
                (false, false) => " denied",
            };
            format!("{}{mark}", member(path, "received-metric"))
        });
        let expires = if paths.is_empty() {
            seconds(row.get("expires-in-seconds")).into()
        } else {
            of_paths(&|path| seconds(path.get("expires-in-seconds")))
        };
        let state = plain("state");
        let ink = match state.as_str() {
            "valid" => Ink::Good,
            "garbage" | "filtered" => Ink::Warning,
            _ => Ink::Bad,
        };
        let tag = row
            .get("tag")
            .filter(|tag| tag.as_u64() != Some(0))
            .map(plain_value)
            .unwrap_or_default();
        table.row([
            plain("prefix").into(),
            Cell::from(state).ink(ink),
            source.into(),
            plain("metric").into(),
            tag.into(),
            from,
            heard,
            seconds(row.get("age-seconds")).into(),
            expires,
        ]);
    }
    table.render(sheet)
}

fn as_they_are(sheet: &Sheet, rows: &[&Map<String, Value>]) -> String {
    let mut table = Table::plain(2, [Column::wrapped("")]);
    for row in rows {
        let members: Vec<String> = row
            .iter()
            .map(|(name, value)| {
                let (name, value) = measured(name, value);
                format!("{name} {value}")
            })
            .collect();
        table.row([members.join(", ").into()]);
    }
    table.render(sheet)
}
