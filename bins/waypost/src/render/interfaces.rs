//! `show interfaces`.

use waypost_api::InterfaceRow;

use super::units::rate;
use super::{listing, nothing};
use crate::sheet::{Ink, Sheet};
use crate::table::{Cell, Column, Table};

/// Every interface, by name.
pub(crate) fn interfaces(sheet: &Sheet, rows: &[InterfaceRow]) -> String {
    if rows.is_empty() {
        return nothing("no interfaces");
    }
    let mut table = Table::new([
        Column::text("INTERFACE"),
        Column::text("STATE"),
        Column::text("KIND").spare(2),
        Column::number("MTU").spare(1),
        Column::number("SPEED").optional().spare(3),
        Column::wrapped("ADDRESSES"),
        Column::wrapped("PROTOCOLS"),
    ]);
    let mut rows: Vec<&InterfaceRow> = rows.iter().collect();
    rows.sort_by_key(|row| natural(&row.name));
    for row in rows {
        table.row([
            Cell::from(&row.name),
            state(row),
            row.kind.as_deref().unwrap_or_default().into(),
            row.mtu.map(|mtu| mtu.to_string()).unwrap_or_default().into(),
            rate(row.speed.unwrap_or(0)).into(),
            Cell::lines(row.addresses.iter().cloned()),
            row.protocols.join(", ").into(),
        ]);
        if !row.troubles.is_empty() {
            table.note(Cell::lines(row.troubles.iter().cloned()).ink(Ink::Bad));
        }
    }
    table.render(sheet)
}

/// One interface, in full.
pub(crate) fn interface(sheet: &Sheet, row: &InterfaceRow) -> String {
    let yes_no = |truth| if truth { "yes" } else { "no" };
    let protocols = if row.protocols.is_empty() {
        "none".to_owned()
    } else {
        row.protocols.join(", ")
    };
    listing(
        sheet,
        [
            ("interface", Cell::from(&row.name).ink(Ink::Bold)),
            ("state", state(row)),
            ("enabled", yes_no(row.enabled).into()),
            ("carrier", row.carrier.map(yes_no).unwrap_or_default().into()),
            (
                "index",
                row.index
                    .map(|index| index.to_string())
                    .unwrap_or_default()
                    .into(),
            ),
            ("kind", row.kind.clone().unwrap_or_default().into()),
            ("type", row.connection.clone().unwrap_or_default().into()),
            ("MAC", row.mac.clone().unwrap_or_default().into()),
            (
                "MTU",
                row.mtu
                    .map(|mtu| format!("{mtu} octets"))
                    .unwrap_or_default()
                    .into(),
            ),
            ("speed", rate(row.speed.unwrap_or(0)).into()),
            ("addresses", Cell::lines(row.addresses.iter().cloned())),
            ("protocols", protocols.into()),
            ("trouble", Cell::lines(row.troubles.iter().cloned()).ink(Ink::Bad)),
        ],
    )
}

fn state(row: &InterfaceRow) -> Cell {
    Cell::from(&row.state).ink(match row.state.as_str() {
        "up" => Ink::Good,
        "no carrier" | "absent" => Ink::Warning,
        "down" => Ink::Bad,
        _ => Ink::Faint,
    })
}

/// What sorts `eth2` before `eth10`: the text, and its trailing numbers as numbers.
pub(super) fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = vec![(String::new(), 0_u64)];
    let mut in_number = false;
    for c in name.chars() {
        match c.to_digit(10) {
            Some(digit) => {
                if let Some((_, number)) = parts.last_mut() {
                    *number = number.saturating_mul(10).saturating_add(u64::from(digit));
                }
                in_number = true;
            }
            None => {
                if std::mem::take(&mut in_number) {
                    parts.push((String::new(), 0));
                }
                if let Some((text, _)) = parts.last_mut() {
                    text.push(c);
                }
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_sort_as_numbers() {
        let mut names = vec!["eth10", "lo", "eth2", "eth0.100", "eth0", "eth0.20"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["eth0", "eth0.20", "eth0.100", "eth2", "eth10", "lo"]);
    }
}
