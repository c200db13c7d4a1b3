//! `show fib`.

use waypost_api::{FibReport, FibRow, FibState};

use super::units::{count, span};
use crate::sheet::{Ink, Sheet};
use crate::table::{Cell, Column, Table, item};

/// What differs between table and kernel, and how much does not.
pub(crate) fn fib(sheet: &Sheet, report: &FibReport) -> String {
    let mut text = String::new();
    if !report.rows.is_empty() {
        let mut table = Table::new([
            Column::text("DESTINATION"),
            Column::text("STATE"),
            Column::wrapped("TABLE"),
            Column::wrapped("KERNEL"),
            Column::number("SINCE").spare(1),
        ]);
        for row in &report.rows {
            let way = |way: &Option<String>| Cell::from(way.as_deref().unwrap_or("-"));
            let since = row.age_seconds.map_or_else(String::new, |seconds| {
                let at_most = if of_the_kernel(row) { "<" } else { "" };
                format!("{at_most}{}", span(seconds))
            });
            table.row([
                row.prefix.into(),
                state(row.state),
                way(&row.table),
                way(&row.kernel),
                since.into(),
            ]);
            if let Some(reason) = &row.reason {
                table.note(Cell::from(reason.as_str()).ink(Ink::Faint));
            }
        }
        text.push_str(&table.render(sheet));
        text.push('\n');
    }
    for object in &report.objects {
        let way = |way: &Option<String>, none: &str| way.clone().unwrap_or_else(|| none.to_owned());
        let line = format!(
            "nexthop object {}: the router has {}, the kernel has {}",
            object.id,
            way(&object.known, "no such object"),
            way(&object.kernel, "none"),
        );
        text.push_str(&item(sheet, 0, Cell::from(line.as_str()).ink(Ink::Bad)));
    }
    if let Some(error) = &report.kernel_error {
        let line = format!("the kernel could not be read, so this is the router's own view: {error}");
        text.push_str(&item(sheet, 0, Cell::from(line.as_str()).ink(Ink::Bad)));
    }
    let listed = report.rows.len() as u64;
    let mut sum = format!(
        "{} of {} {} in the kernel as wanted",
        report.agreeing,
        count(report.wanted as usize, "best route", "best routes"),
        if report.wanted == 1 { "is" } else { "are" },
    );
    if report.differing > 0 {
        sum.push_str(&format!(
            ", {} differ{}",
            count(report.differing as usize, "destination", "destinations"),
            if report.differing == 1 { "s" } else { "" }
        ));
    }
    if report.differing > listed {
        sum.push_str(&format!("; the first {listed} are listed (--limit)"));
    }
    text.push_str(&item(sheet, 0, Cell::from(sum.as_str()).ink(Ink::Faint)));
    text
}

/// Whether the router was not told of it, and so knows only when it read the kernel last.
const fn of_the_kernel(row: &FibRow) -> bool {
    matches!(row.state, FibState::Missing | FibState::Other | FibState::Unknown)
}

fn state(state: FibState) -> Cell {
    let (word, ink) = match state {
        FibState::Pending => ("pending", Ink::Warning),
        FibState::Held => ("held", Ink::Warning),
        FibState::Leaving => ("leaving", Ink::Warning),
        FibState::Stray => ("stray", Ink::Warning),
        FibState::Refused => ("refused", Ink::Bad),
        FibState::Missing => ("missing", Ink::Bad),
        FibState::Other => ("other", Ink::Bad),
        FibState::Unknown => ("unknown", Ink::Bad),
    };
    Cell::from(word).ink(ink)
}
