//! `show neighbors`.

use std::net::IpAddr;

use serde_json::Value;
use waypost_api::NeighborRow;

use super::interfaces::natural;
use super::nothing;
use super::units::{measured, plain_value, span};
use crate::sheet::{Ink, Sheet};
use crate::table::{Cell, Column, Table};

/// What this program has a column for; anything else a protocol says stands under the row.
const KNOWN: [&str; 7] = [
    "version",
    "route-tag",
    "uptime-seconds",
    "last-update-seconds",
    "updates",
    "bad-packets",
    "bad-entries",
];

/// Every neighbour, by protocol, interface and address.
pub(crate) fn neighbors(sheet: &Sheet, rows: &[NeighborRow]) -> String {
    if rows.is_empty() {
        return nothing("no neighbours");
    }
    let mut table = Table::new([
        Column::text("PROTOCOL"),
        Column::text("INTERFACE"),
        Column::text("NEIGHBOUR"),
        Column::text("STATE"),
        Column::number("VER").optional().spare(4),
        Column::number("UP FOR").optional().spare(2),
        Column::number("HEARD").optional().spare(1),
        Column::number("UPDATES").optional().spare(6),
        Column::number("BAD").optional().spare(3),
        Column::number("TAG").optional().spare(5),
    ]);
    let mut rows: Vec<&NeighborRow> = rows.iter().collect();
    rows.sort_by_cached_key(|row| {
        let address = row.address.parse::<IpAddr>().ok();
        (
            row.protocol.clone(),
            natural(&row.interface),
            address,
            row.address.clone(),
        )
    });
    for row in rows {
        let number = |key: &str| row.more.get(key).and_then(Value::as_u64);
        let plain = |key: &str| Cell::from(row.more.get(key).map(plain_value).unwrap_or_default());
        let tag = number("route-tag")
            .filter(|tag| *tag != 0)
            .map(|tag| tag.to_string())
            .unwrap_or_default();
        let bad = match (number("bad-packets"), number("bad-entries")) {
            (None, None) => Cell::default(),
            (packets, entries) => {
                let bad = packets.unwrap_or(0) + entries.unwrap_or(0);
                Cell::from(bad).ink(if bad == 0 { Ink::Plain } else { Ink::Warning })
            }
        };
        let details = row.more.iter().filter(|(key, value)| {
            !KNOWN.contains(&key.as_str()) && !value.is_null() && value.as_u64() != Some(0)
        });
        let details: Vec<String> = details
            .map(|(key, value)| {
                let (name, value) = measured(key, value);
                format!("{name} {value}")
            })
            .collect();
        table.row([
            Cell::from(&row.protocol),
            (&row.interface).into(),
            (&row.address).into(),
            Cell::from(&row.state).ink(match row.state.as_str() {
                "up" | "full" | "established" => Ink::Good,
                "down" => Ink::Bad,
                _ => Ink::Warning,
            }),
            plain("version"),
            number("uptime-seconds").map(span).unwrap_or_default().into(),
            number("last-update-seconds")
                .map(|seconds| format!("{} ago", span(seconds)))
                .unwrap_or_default()
                .into(),
            plain("updates"),
            bad,
            tag.into(),
        ]);
        table.note(Cell::from(details.join(", ")).ink(Ink::Faint));
    }
    table.render(sheet)
}
