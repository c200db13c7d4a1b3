use std::net::Ipv4Addr;

use waypost_engine::Outbox;
use waypost_types::{InterfaceIndex, Prefix4, Time};

use super::Sending;
use crate::table::Table;

fn table_with(destinations: u32) -> Table {
    let mut table = Table::new();
    for n in 0..destinations {
        connect(&mut table, n);
    }
    table
}

fn connect(table: &mut Table, n: u32) {
    let prefix = Prefix4::host((0xC000_0000 + n).into());
    table.set_connected(Time::ZERO, prefix, InterfaceIndex(9), true, &mut Outbox::new());
}

#[test]
fn what_changes_behind_a_walk_stays_to_be_announced_when_the_next_one_falls_due() {
    let mut table = table_with(3);
    let mut sending = Sending::default();
    sending.begin_regular(Time::ZERO, &table);
    assert!(!sending.has_changes(&table), "the walk says all there is");
    connect(&mut table, 7);
    sending.begin_regular(Time::ZERO, &table);
    assert!(sending.has_changes(&table), "the walk may be past it");
    sending.resend(
        vec![(Prefix4::host(Ipv4Addr::new(192, 0, 0, 1)), true)],
        Time::ZERO,
    );
    sending.begin_regular(Time::ZERO, &table);
    assert_eq!(sending.resend.len(), 1);
    // From the start it says everything again.
    sending.restart_regular(Time::ZERO, &table);
    assert!(!sending.has_changes(&table));
    assert_eq!(sending.walks.len(), 1);
}
