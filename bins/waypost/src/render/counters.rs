//! `show counters`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use waypost_api::{CountersAnswer, LinkCounters};

use super::Owners;
use super::interfaces::natural;
use super::units::plain_value;
use crate::sheet::{Ink, Sheet};
use crate::table::{Cell, Column, Table};

/// How many interfaces stand side by side when the screen has no edge.
const UNBOUNDED: usize = 200;

/// The routing table's counters, then each protocol's: as a whole, and by interface side by side.
pub(crate) fn counters(sheet: &Sheet, owners: &Owners, answer: &CountersAnswer) -> String {
    let routes = &answer.routes;
    let mut text = format!("{}\n", sheet.ink(Ink::Bold, "routing table"));
    let mut table = Table::plain(2, [Column::text(""), Column::number("")]);
    let wrong = |number: u64| Cell::from(number).ink(if number == 0 { Ink::Plain } else { Ink::Bad });
    table.row(["destinations".into(), routes.destinations.into()]);
    table.row(["routes".into(), routes.routes.into()]);
    table.row(["in the kernel".into(), routes.installed.into()]);
    table.row(["on their way there".into(), routes.pending.into()]);
    table.row(["refused by the kernel".into(), wrong(routes.refused)]);
    let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let ink = match routes.memory_budget {
        Some(budget) if routes.memory >= budget => Ink::Bad,
        _ => Ink::Plain,
    };
    table.row(["memory".into(), Cell::from(mebibytes(routes.memory)).ink(ink)]);
    if let Some(budget) = routes.memory_budget {
        table.row(["memory budget".into(), mebibytes(budget).into()]);
    }
    text.push_str(&table.render(sheet));
    if !routes.owners.is_empty() {
        text.push('\n');
        let mut table = Table::new([
            Column::text("OWNER"),
            Column::number("ROUTES"),
            Column::number("BEST"),
            Column::number("LIMIT").optional(),
            Column::number("REFUSED").optional(),
        ])
        .indented(2);
        for (owner, counters) in &routes.owners {
            let limit = counters.limit.map(|limit| limit.to_string()).unwrap_or_default();
            let refused = match counters.refused {
                0 => Cell::from(""),
                refused => Cell::from(refused).ink(Ink::Bad),
            };
            table.row([
                owners.called(owner).into(),
                counters.routes.into(),
                counters.best.into(),
                limit.into(),
                refused,
            ]);
        }
        text.push_str(&table.render(sheet));
    }
    if !answer.interfaces.is_empty() {
        text.push_str(&format!("\n{}\n", sheet.ink(Ink::Bold, "interfaces")));
        text.push_str(&links(sheet, &answer.interfaces));
    }
    for (protocol, counters) in &answer.protocols {
        text.push_str(&format!(
            "\n{}\n",
            sheet.ink(Ink::Bold, &crate::sheet::printable(protocol))
        ));
        text.push_str(&of_protocol(sheet, counters));
    }
    text
}

/// What went through the interfaces, each a line.
fn links(sheet: &Sheet, links: &BTreeMap<String, LinkCounters>) -> String {
    let mut table = Table::new([
        Column::text("INTERFACE"),
        Column::number("RECEIVED"),
        Column::number("PACKETS"),
        Column::number("SENT"),
        Column::number("PACKETS"),
        Column::number("LOST"),
    ])
    .indented(2);
    let mut rows: Vec<(&String, &LinkCounters)> = links.iter().collect();
    rows.sort_by_cached_key(|(name, _)| natural(name));
    for (name, counters) in rows {
        let lost = counters.rx_errors + counters.rx_dropped + counters.tx_errors + counters.tx_dropped;
        table.row([
            name.as_str().into(),
            counters.rx_octets.into(),
            counters.rx_packets.into(),
            counters.tx_octets.into(),
            counters.tx_packets.into(),
            Cell::from(lost).ink(if lost == 0 { Ink::Plain } else { Ink::Bad }),
        ]);
    }
    table.render(sheet)
}

fn of_protocol(sheet: &Sheet, counters: &Value) -> String {
    let mut text = String::new();
    if let Some(Value::Object(global)) = counters.get("global") {
        let mut table = Table::plain(2, [Column::text(""), Column::number("")]);
        for (name, value) in global {
            table.row([name.replace('-', " ").into(), plain_value(value).into()]);
        }
        text.push_str(&table.render(sheet));
    }
    let Some(Value::Object(interfaces)) = counters
        .get("interfaces")
        .filter(|i| i.as_object().is_some_and(|i| !i.is_empty()))
    else {
        return text;
    };
    let mut interfaces: Vec<(&String, &Map<String, Value>)> = interfaces
        .iter()
        .filter_map(|(name, row)| Some((name, row.as_object()?)))
        .collect();
    interfaces.sort_by_cached_key(|(name, _)| natural(name));
    let names: BTreeSet<&String> = interfaces.iter().flat_map(|(_, row)| row.keys()).collect();
    let first = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for group in groups(sheet, first, &interfaces) {
        text.push('\n');
        let mut table = Table::new([Column::text("BY INTERFACE")]).indented(2);
        for (name, _) in group {
            table.column(Column::number(name.as_str()));
        }
        for counter in &names {
            let cells = group.iter().map(|(_, row)| {
                let value = row.get(counter.as_str());
                let number = Cell::from(value.map(plain_value).unwrap_or_default());
                let zero = value.and_then(Value::as_u64) == Some(0);
                number.ink(if zero { Ink::Faint } else { Ink::Plain })
            });
            table.row(std::iter::once(Cell::from(counter.replace('-', " "))).chain(cells));
        }
        text.push_str(&table.render(sheet));
    }
    text
}

/// Interfaces in groups that fit side by side.
fn groups<'i, 'v>(
    sheet: &Sheet,
    first: usize,
    interfaces: &'i [(&'v String, &'v Map<String, Value>)],
) -> Vec<&'i [(&'v String, &'v Map<String, Value>)]> {
    let column = |(name, row): &(&String, &Map<String, Value>)| {
        let values = row
            .values()
            .map(|value| plain_value(value).chars().count())
            .max()
            .unwrap_or(0);
        name.chars().count().max(values) + 2
    };
    let room = sheet.width.unwrap_or(usize::MAX).saturating_sub(first + 2);
    let mut groups = Vec::new();
    let mut rest = interfaces;
    while !rest.is_empty() {
        let mut used = 0;
        let fitting = rest.iter().take(UNBOUNDED).take_while(|interface| {
            used += column(interface);
            used <= room
        });
        let (group, after) = rest.split_at(fitting.count().max(1));
        groups.push(group);
        rest = after;
    }
    groups
}
