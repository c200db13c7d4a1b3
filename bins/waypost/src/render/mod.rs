//! Answers as text. Everything here is a function of an answer and the sheet it is written on.

mod blocks;
mod change;
mod configuration;
mod counters;
mod database;
mod fib;
mod history;
mod in_file;
mod interfaces;
mod neighbors;
mod policy;
mod protocols;
mod routes;
mod schema;
mod status;
#[cfg(test)]
mod tests;
mod units;

pub(crate) use blocks::blocks;
pub(crate) use change::{applied, kept, plan};
pub(crate) use configuration::{configuration, value};
pub(crate) use counters::counters;
pub(crate) use database::database;
pub(crate) use fib::fib;
pub(crate) use history::{difference, ordered, revisions, schedule, three_way};
pub(crate) use in_file::{imported, in_file};
pub(crate) use interfaces::{interface, interfaces};
pub(crate) use neighbors::neighbors;
pub(crate) use policy::{policies, policy, tested};
pub(crate) use protocols::{protocol, protocols};
pub(crate) use routes::{Owners, explanation, inactive, routes};
pub(crate) use schema::schema;
pub(crate) use status::status;
pub(crate) use units::{count, plain_value, span};

use crate::sheet::{Ink, Sheet};
use crate::table::{Cell, Column, Table};

/// Names and values under each other; empty values are left out.
fn listing(sheet: &Sheet, rows: impl IntoIterator<Item = (&'static str, Cell)>) -> String {
    let mut table = Table::plain(0, [Column::text(""), Column::wrapped("")]);
    for (name, cell) in rows {
        if !cell.is_empty() {
            table.row([Cell::from(name).ink(Ink::Faint), cell]);
        }
    }
    table.render(sheet)
}

/// A line that says that there is nothing.
fn nothing(what: &str) -> String {
    format!("{what}\n")
}
