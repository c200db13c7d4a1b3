//! Effects that show only when something is tried.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use waypost_testkit::wait_for;

use super::packet::Packet;
use crate::bench::{Bench, TO_R1};
use crate::case::At::{R1, R2};

const SOON: Duration = Duration::from_secs(10);
/// Between two questions to a router.
const PAUSE: Duration = Duration::from_millis(100);

/// r2 hears r1 from the address that it knew it by.
pub(crate) fn speaks_from_the_same_address(bench: &Bench) -> Result<()> {
    let start = Instant::now();
    wait_for(SOON, "a Hello of r1", || {
        let heard = bench.tap(R2).since(start);
        let is_hello = heard.iter().any(|tapped| {
            tapped.from.to_string() == TO_R1
                && Packet::read(tapped).is_some_and(|packet| packet.hello.is_some())
        });
        if is_hello {
            return Ok(());
        }
        thread::sleep(PAUSE);
        Err(format!("{} packets", heard.len()))
    })
}

/// r1 knows of the neighbour that was configured, and waits for it.
pub(crate) fn the_other_neighbor_is_asked(bench: &Bench) -> Result<()> {
    wait_for(SOON, "r1 asks for the other neighbour", || {
        let rows = bench
            .ask(R1, &["show", "neighbors"])
            .map_err(|error| format!("{error:#}"))?;
        let waits = rows
            .as_array()
            .into_iter()
            .flatten()
            .any(|row| row["address"] == "10.0.12.9");
        if waits {
            return Ok(());
        }
        thread::sleep(PAUSE);
        Err(rows.to_string())
    })
}
