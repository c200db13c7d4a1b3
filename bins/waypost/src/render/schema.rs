//! `schema`.

use super::nothing;
use crate::sheet::{Ink, Sheet, printable};
use crate::table::{Cell, Column, Table, item};
use crate::vocabulary::Term;

/// On narrower screens what an option is for stands below it.
const WIDE: usize = 80;

/// The options, by the table they stand in.
pub(crate) fn schema(sheet: &Sheet, terms: &[Term]) -> String {
    let mut groups: Vec<(&[String], Vec<&Term>)> = Vec::new();
    for term in terms {
        let parent = term.parts.split_last().map_or(&[][..], |(_, parent)| parent);
        match groups.iter_mut().find(|(known, _)| *known == parent) {
            Some((_, group)) => group.push(term),
            None => groups.push((parent, vec![term])),
        }
    }
    let mut text = String::new();
    for (parent, group) in groups {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&sheet.ink(Ink::Bold, &printable(&parent.join("."))));
        text.push('\n');
        text.push_str(&options(sheet, &group));
    }
    if text.is_empty() {
        nothing("no options")
    } else {
        text
    }
}

/// A line an option, and below it what its tables have in them.
fn options(sheet: &Sheet, terms: &[&Term]) -> String {
    let lines = terms.iter().flat_map(|term| {
        let name = term.parts.last().map_or("", String::as_str).to_owned();
        let members = term
            .members
            .iter()
            .map(|member| (format!("  {}", member.name), &member.form, &member.description));
        std::iter::once((name, &term.form, &term.description)).chain(members)
    });
    if sheet.width.is_some_and(|width| width < WIDE) {
        return lines
            .map(|(name, form, description)| {
                let indent = 2 + name.len() - name.trim_start().len();
                let head = format!("{}  {form}", name.trim_start());
                let mut text = item(sheet, indent, head);
                if !description.is_empty() {
                    text.push_str(&item(sheet, indent + 4, Cell::from(description).ink(Ink::Faint)));
                }
                text
            })
            .collect();
    }
    let mut table = Table::plain(2, [Column::text(""), Column::wrapped(""), Column::wrapped("")]);
    for (name, form, description) in lines {
        table.row([
            Cell::from(name),
            Cell::from(form).ink(Ink::Faint),
            description.into(),
        ]);
    }
    table.render(sheet)
}
