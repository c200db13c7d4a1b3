//! `blocks show`.

use waypost_api::HeaderAnswer;

use super::nothing;
use crate::sheet::Sheet;
use crate::table::{Column, Table};

/// The directory of a container.
pub(crate) fn blocks(sheet: &Sheet, answer: &HeaderAnswer) -> String {
    if answer.entries.is_empty() {
        return nothing(match &answer.interface {
            Some(_) => "no blocks: nothing is configured on the interface",
            None => "no blocks: nothing is configured for the router as a whole",
        });
    }
    let mut table = Table::new([
        Column::text("TYPE"),
        Column::text("NAME"),
        Column::number("ITEMS"),
        Column::number("OF OCTETS"),
    ]);
    for entry in &answer.entries {
        let kind = match entry.kind {
            number @ ..0x1_0000 => number.to_string(),
            number => format!("{number:#010x}"),
        };
        table.row([
            kind.into(),
            (&entry.name).into(),
            u64::from(entry.items).into(),
            u64::from(entry.item_octets).into(),
        ]);
    }
    table.render(sheet)
}
