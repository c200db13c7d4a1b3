//! When routers of RIP have heard each other.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;
use waypost_testkit::wait_for;

use super::message::Message;
use crate::bench::{Bench, LAN1, LAN2, LAN3, PAIRS};
use crate::case::At::{R1, R2, R3};
use crate::case::{At, Case};
use crate::known::Life;

/// Enough for a full update, on a busy machine.
const SOON: Duration = Duration::from_secs(15);
/// Between two questions to a router.
const PAUSE: Duration = Duration::from_millis(100);

/// A prefix that each full update of a router has.
const fn offered(speaker: At) -> &'static str {
    match speaker {
        R1 => LAN1,
        R2 => LAN2,
        R3 => LAN3,
    }
}

/// A neighbour's ages are told in whole seconds, so each time is between two.
pub(crate) fn life(row: &Value, (before, after): (Instant, Instant)) -> Life {
    let uptime = seconds(row, "uptime-seconds");
    Life::Since(
        earlier(before, uptime + Duration::from_secs(1)),
        earlier(after, uptime),
    )
}

fn seconds(row: &Value, name: &str) -> Duration {
    Duration::from_secs(row[name].as_u64().unwrap_or(u64::MAX >> 32))
}

fn earlier(from: Instant, age: Duration) -> Instant {
    from.checked_sub(age).unwrap_or(from)
}

/// Waits until all those who are not deaf have heard each other since `from`, and everything that there is to hear.
pub(crate) fn settle(bench: &Bench, case: &Case, from: Instant, deaf: &[(At, At)]) -> Result<()> {
    let mut missing: Vec<_> = PAIRS
        .into_iter()
        .filter(|(hearer, speaker, _)| !deaf.contains(&(*hearer, *speaker)))
        .collect();
    wait_for(SOON, "the routers hear each other", || {
        let mut last = Vec::new();
        for (hearer, speaker, address) in std::mem::take(&mut missing) {
            let asked = Instant::now();
            let rows = bench
                .ask(hearer, &["show", "neighbors"])
                .map_err(|error| format!("{error:#}"))?;
            let heard = rows.as_array().into_iter().flatten().any(|row| {
                let age = seconds(row, "last-update-seconds") + Duration::from_secs(1);
                row["address"] == address && asked.checked_sub(age).is_some_and(|at| at > from)
            });
            // What the row withdraws cannot be waited for.
            let prefix = offered(speaker);
            let all = case.loses.contains(&(hearer, prefix))
                || bench
                    .tap(hearer)
                    .since(from)
                    .iter()
                    .filter_map(Message::read)
                    .any(|message| {
                        message.from.to_string() == address && message.is_response() && message.offers(prefix)
                    });
            if !(heard && all) {
                last.push((hearer, speaker, rows));
                missing.push((hearer, speaker, address));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        thread::sleep(PAUSE);
        Err(format!("still to be heard: {last:?}"))
    })
}
