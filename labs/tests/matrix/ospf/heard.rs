//! When routers of OSPF are neighbours and stay so.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;
use waypost_testkit::wait_for;

use super::packet::Packet;
use crate::bench::{Bench, PAIRS};
use crate::case::At;
use crate::known::Life;

/// Enough for an election and an exchange, on a busy machine.
const SOON: Duration = Duration::from_secs(40);
/// Between two questions to a router.
const PAUSE: Duration = Duration::from_millis(100);
/// Who goes on after so many Hellos of a neighbour took them: they come every second, and it may be silent for four.
const HELLOS_OF_A_LIFE: usize = 5;

/// A neighbour that was lost and found again has had more events.
pub(crate) fn life(row: &Value) -> Life {
    let state = row["state"].as_str().unwrap_or_default();
    Life::Events(row["events"].as_u64().unwrap_or_default(), state.to_owned())
}

/// Waits until all those who are not deaf are adjacent, and have heard each other since `from` for longer than a neighbour that
/// is not taken is kept.
pub(crate) fn settle(bench: &Bench, from: Instant, deaf: &[(At, At)]) -> Result<()> {
    let pairs: Vec<_> = PAIRS
        .into_iter()
        .filter(|(hearer, speaker, _)| !deaf.contains(&(*hearer, *speaker)))
        .collect();
    wait_for(SOON, "the routers hear each other and are adjacent", || {
        let silent: Vec<_> = pairs
            .iter()
            .filter(|(hearer, _, address)| hellos(bench, *hearer, address, from) < HELLOS_OF_A_LIFE)
            .collect();
        if !silent.is_empty() {
            thread::sleep(PAUSE);
            return Err(format!("still to be heard: {silent:?}"));
        }
        for (hearer, _, address) in &pairs {
            let rows = bench
                .ask(*hearer, &["show", "neighbors"])
                .map_err(|error| format!("{error:#}"))?;
            let full = |row: &Value| row["address"] == *address && row["state"] == "full";
            if !rows.as_array().into_iter().flatten().any(full) {
                thread::sleep(PAUSE);
                return Err(format!("{} is not adjacent to {address}: {rows}", hearer.name()));
            }
        }
        Ok(())
    })
}

fn hellos(bench: &Bench, hearer: At, address: &str, from: Instant) -> usize {
    let heard = bench.tap(hearer).since(from);
    heard
        .iter()
        .filter(|tapped| tapped.from.to_string() == address)
        .filter(|tapped| Packet::read(tapped).is_some_and(|packet| packet.hello.is_some()))
        .count()
}
