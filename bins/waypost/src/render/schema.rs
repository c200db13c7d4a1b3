//! `schema`.

use super::nothing;
use crate::sheet::{Ink, Sheet, printable};
use crate::table::{Cell, Column, Table};
use crate::vocabulary::Term;

/// The options, by the table they stand in.
pub(crate) fn schema(sheet: &Sheet, terms: &[Term]) -> String {
    let mut text = String::new();
    let mut rest = terms;
    while let Some(first) = rest.first() {
        let parent = |term: &Term| {
            term.parts
                .split_last()
                .map(|(_, parent)| parent.to_vec())
                .unwrap_or_default()
        };
        let home = parent(first);
        let (group, after) =
            rest.split_at(rest.iter().take_while(|term| parent(term) == home).count().max(1));
        rest = after;
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&sheet.ink(Ink::Bold, &printable(&home.join("."))));
        text.push('\n');
        let mut table = Table::plain(2, [Column::text(""), Column::wrapped(""), Column::wrapped("")]);
        for term in group {
            let name = term.parts.last().map_or("", String::as_str);
            let form = Cell::from(&term.form);
            table.row([Cell::from(name), form.ink(Ink::Faint), (&term.description).into()]);
        }
        text.push_str(&table.render(sheet));
    }
    if text.is_empty() {
        nothing("no options")
    } else {
        text
    }
}
