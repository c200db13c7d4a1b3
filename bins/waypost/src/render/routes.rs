//! `show routes` and `explain`.

use std::collections::{BTreeMap, BTreeSet};

use waypost_api::{Explanation, InactiveRow, Installed, NextHopRow, ProtocolRow, RouteRow};
use waypost_types::{ProtocolId, RouteKind};

use super::nothing;
use super::units::{count, span};
use crate::sheet::{Ink, Sheet, printable};
use crate::table::{Cell, Column, Table, item};

/// How the owners of routes are called: modules have no name but that of their record.
#[derive(Debug, Default)]
pub(crate) struct Owners(BTreeMap<ProtocolId, String>);

impl Owners {
    /// As these protocols are.
    pub(crate) fn of(rows: &[ProtocolRow]) -> Self {
        Self(rows.iter().map(|row| (row.id, row.name.clone())).collect())
    }

    fn name(&self, owner: ProtocolId) -> String {
        self.0.get(&owner).cloned().unwrap_or_else(|| owner.to_string())
    }

    /// The name of one that goes by another in what the router says.
    pub(crate) fn called(&self, owner: &str) -> String {
        let known = self.0.iter().find(|(id, _)| id.to_string() == owner);
        known.map_or_else(|| owner.to_owned(), |(_, name)| name.clone())
    }

    /// The number of the one with this name, as the router is asked for it; other words are the router's to know.
    pub(crate) fn asked(&self, name: &str) -> String {
        let known = self.0.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| name.to_owned(), |(owner, _)| owner.to_string())
    }
}

/// Routes in the order of the table, the best of a destination first. `complete` is false when the caller asked for less
/// than there is.
pub(crate) fn routes(sheet: &Sheet, owners: &Owners, rows: &[RouteRow], complete: bool) -> String {
    if rows.is_empty() {
        return nothing("no routes");
    }
    let mut table = Table::new([
        Column::text(" "),
        Column::text("DESTINATION"),
        Column::text("OWNER").spare(1),
        Column::number("PREF").spare(3),
        Column::number("METRIC").spare(2),
        Column::number("TAG").optional().spare(5),
        Column::wrapped("NEXT HOP"),
        Column::text("INTERFACE"),
        Column::number("AGE").spare(4),
        Column::text("KERNEL"),
    ]);
    for row in rows {
        table.row(
            [mark(row), Cell::from(row.prefix)]
                .into_iter()
                .chain(measures(owners, row))
                .chain(way(row))
                .chain([kernel(row)]),
        );
        match row.installed {
            Installed::No => {
                let why = row.reason.as_deref().unwrap_or("the kernel does not say why");
                table.note(Cell::from(why).ink(Ink::Bad));
            }
            Installed::Shadowed => {
                table.note(Cell::from(row.reason.as_deref().unwrap_or_default()).ink(Ink::Warning));
            }
            _ => {}
        }
    }
    let destinations: BTreeSet<_> = rows.iter().map(|row| row.prefix).collect();
    let sum = format!(
        "{} to {}, * is the best{}",
        count(rows.len(), "route", "routes"),
        count(destinations.len(), "destination", "destinations"),
        if complete {
            ""
        } else {
            "; there are more (--limit)"
        }
    );
    let mut text = table.render(sheet);
    text.push('\n');
    text.push_str(&sheet.ink(Ink::Faint, &sum));
    text.push('\n');
    text
}

/// Routes that are configured and not in the table, each with the reason.
pub(crate) fn inactive(sheet: &Sheet, owners: &Owners, rows: &[InactiveRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let via = match row.via.as_slice() {
            [] => String::new(),
            via => format!(" via {}", via.join(", ")),
        };
        let owner = owners.name(row.owner);
        let line = format!("not in use: {} of {owner}{via}: {}", row.prefix, row.reason);
        text.push_str(&sheet.ink(Ink::Warning, &printable(&line)));
        text.push('\n');
    }
    if !text.is_empty() {
        text.insert(0, '\n');
    }
    text
}

/// Why packets go where they go: the verdict, every candidate with what speaks for or against it, and what would take over.
pub(crate) fn explanation(
    sheet: &Sheet,
    owners: &Owners,
    destination: &str,
    explanation: &Explanation,
) -> String {
    let mut text = String::new();
    let head = match &explanation.matched {
        Some(matched) if matched.to_string() == destination => destination.to_owned(),
        Some(matched) => format!("{destination} is in {matched}"),
        None => format!("{destination} matches no route"),
    };
    text.push_str(&sheet.ink(Ink::Bold, &printable(&head)));
    text.push('\n');
    text.push_str(&item(sheet, 0, &explanation.verdict));
    if !explanation.rows.is_empty() {
        text.push('\n');
        let mut table = Table::new([
            Column::text(" "),
            Column::text("OWNER").spare(1),
            Column::number("PREF").spare(3),
            Column::number("METRIC").spare(2),
            Column::number("TAG").optional().spare(5),
            Column::wrapped("NEXT HOP"),
            Column::text("INTERFACE"),
            Column::number("AGE").spare(4),
            Column::text("KERNEL"),
        ]);
        for row in &explanation.rows {
            table.row(
                std::iter::once(mark(row))
                    .chain(measures(owners, row))
                    .chain(way(row))
                    .chain([kernel(row)]),
            );
            let (ink, why) = match (&row.reason, row.best) {
                (Some(why), true) => (
                    match row.installed {
                        Installed::No => Ink::Bad,
                        Installed::Shadowed => Ink::Warning,
                        _ => Ink::Good,
                    },
                    why.as_str(),
                ),
                (Some(why), false) => (Ink::Faint, why.as_str()),
                (None, true) => (Ink::Good, "the best route"),
                (None, false) => (Ink::Plain, ""),
            };
            let why: Vec<String> = std::iter::once(why.to_owned())
                .chain(recursions(row))
                .filter(|why| !why.is_empty())
                .collect();
            table.note(Cell::from(why.join("; ")).ink(ink));
        }
        text.push_str(&table.render(sheet));
    }
    text.push_str(&inactive(sheet, owners, &explanation.inactive));
    if explanation.matched.is_some() {
        text.push('\n');
        let covers: Vec<String> = explanation.covered_by.iter().map(ToString::to_string).collect();
        text.push_str(&item(
            sheet,
            0,
            &match covers.as_slice() {
                [] => "without it: no route".to_owned(),
                covers => format!("without it: {}", covers.join(", then ")),
            },
        ));
    }
    text
}

fn mark(row: &RouteRow) -> Cell {
    Cell::from(if row.best { "*" } else { "" }).ink(Ink::Good)
}

/// Owner, preference, metric, tag.
fn measures(owners: &Owners, row: &RouteRow) -> [Cell; 4] {
    let tag = if row.tag == 0 {
        String::new()
    } else {
        row.tag.to_string()
    };
    [
        owners.name(row.owner).into(),
        row.preference.into(),
        row.metric.into(),
        tag.into(),
    ]
}

/// How the gateways of recursive next hops are reached, in words. Why they are not is the reason of a route that has no other.
fn recursions(row: &RouteRow) -> impl Iterator<Item = String> + '_ {
    row.next_hops.iter().filter_map(|hop| {
        let through = hop.recursive.as_ref()?.through?;
        Some(format!("{} is reached through {through}", hop.gateway?))
    })
}

/// A next hop and, of a recursive one, what it resolves to: gateway and interface of each.
fn hops(hop: &NextHopRow, weighs: bool) -> Vec<(String, String)> {
    let mut gateway = hop
        .gateway
        .map_or_else(|| "on the link".to_owned(), |gateway| gateway.to_string());
    if weighs {
        gateway.push_str(&format!(" weight {}", hop.weight));
    }
    let Some(recursion) = &hop.recursive else {
        return vec![(gateway, hop.interface.clone().unwrap_or_default())];
    };
    let resolved = recursion.next_hops.as_slice();
    let state = if resolved.is_empty() {
        "unresolved"
    } else {
        "recursive"
    };
    let weighs = resolved.iter().any(|hop| hop.weight != 1);
    let behind = resolved.iter().flat_map(|hop| hops(hop, weighs));
    std::iter::once((gateway, state.to_owned()))
        .chain(behind.map(|(gateway, interface)| (format!("> {gateway}"), interface)))
        .collect()
}

/// Next hops and interfaces, a line for each, and the age.
fn way(row: &RouteRow) -> [Cell; 3] {
    let weighs = row.next_hops.iter().any(|hop| hop.weight != 1);
    let hops = row.next_hops.iter().flat_map(|hop| hops(hop, weighs));
    let (gateways, interfaces): (Vec<String>, Vec<String>) = hops.unzip();
    let gateways = if row.kind == RouteKind::Unicast {
        Cell::lines(gateways)
    } else {
        row.kind.into()
    };
    [gateways, Cell::lines(interfaces), span(row.age_seconds).into()]
}

fn kernel(row: &RouteRow) -> Cell {
    match row.installed {
        Installed::Yes => Cell::from("yes").ink(Ink::Good),
        Installed::No => Cell::from("refused").ink(Ink::Bad),
        Installed::Shadowed => Cell::from("shadowed").ink(Ink::Warning),
        Installed::Pending => Cell::from("pending").ink(Ink::Warning),
        Installed::NotWanted => Cell::from("-").ink(Ink::Faint),
    }
}
