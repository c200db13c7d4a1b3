//! Effects that show only when something is tried.

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use waypost_testkit::wait_for;

use super::message::Message;
use crate::bench::{Bench, LAN1, R3_TO_R1, TO_R1};
use crate::case::At::{R1, R2, R3};

const SOON: Duration = Duration::from_secs(10);
/// In which an answer on a link comes, and after which there is none.
const ANSWER: Duration = Duration::from_millis(500);
/// Networks of r1 and r2 that come and go in probes.
const SHAKY1: &str = "10.1.5.0/24";
const SHAKY2: &str = "10.2.5.0/24";
/// RFC 2453 §3.9.1: a request for the whole table; the version is the second octet.
const REQUEST: [u8; 24] = [
    1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16,
];

/// When a route heard expires at the latest, in seconds.
pub(crate) fn expiry_of(database: &Value, prefix: &str) -> Option<u64> {
    row(database, prefix)?["paths"]
        .as_array()?
        .iter()
        .filter_map(|path| path["expires-in-seconds"].as_u64())
        .max()
}

fn row<'v>(database: &'v Value, prefix: &str) -> Option<&'v Value> {
    database["rip"]
        .as_array()?
        .iter()
        .find(|row| row["prefix"] == prefix)
}

/// What r2 heard of r1.
fn heard(bench: &Bench, from: Instant) -> Vec<Message> {
    bench
        .tap(R2)
        .since(from)
        .iter()
        .filter_map(Message::read)
        .filter(|message| message.from.to_string() == TO_R1 && message.is_response())
        .collect()
}

/// r2 goes longer without an update than the former interval ever let it.
pub(crate) fn updates_are_rarer(bench: &Bench) -> Result<()> {
    wait_for(SOON, "r2 hears nothing for two seconds", || {
        let rows = bench
            .ask(R2, &["show", "neighbors"])
            .map_err(|error| format!("{error:#}"))?;
        let silent = |row: &Value| row["address"] == TO_R1 && row["last-update-seconds"].as_u64() >= Some(2);
        if rows.as_array().into_iter().flatten().any(silent) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
        Err(rows.to_string())
    })
}

/// A network of r2's goes; r1 remembers that for longer than before.
pub(crate) fn garbage_stays_longer(bench: &Bench) -> Result<()> {
    bench.node(R2).set_link("lan5", false)?;
    let seen = wait_for(SOON, "r1 keeps garbage for longer than two seconds", || {
        let shown = bench
            .ask(R1, &["show", "database"])
            .map_err(|error| format!("{error:#}"))?;
        let row = row(&shown, SHAKY2).cloned().unwrap_or_default();
        if row["state"] == "garbage" && row["expires-in-seconds"].as_u64() > Some(2) {
            Ok(())
        } else {
            Err(row.to_string())
        }
    });
    bench.node(R2).set_link("lan5", true)?;
    bench.node(R1).wait_for_route(SHAKY2, &["10.0.12.2"], SOON)?;
    seen
}

/// A network of r1's goes; the first that r2 hears of it is a full update.
pub(crate) fn changes_wait_for_the_next_update(bench: &Bench) -> Result<()> {
    let start = Instant::now();
    bench.node(R1).set_link("lan5", false)?;
    let seen = wait_for(SOON, "r2 hears that r1's network is gone", || {
        heard(bench, start)
            .into_iter()
            .find(|message| message.entry(SHAKY1).is_some_and(|entry| entry.metric == 16))
            .ok_or_else(|| "nothing".to_owned())
    });
    bench.node(R1).set_link("lan5", true)?;
    bench.node(R2).wait_for_route(SHAKY1, &[TO_R1], SOON)?;
    let seen = seen?;
    if seen.entry(LAN1).is_none() {
        bail!("a triggered update: {seen:?}");
    }
    Ok(())
}

/// r1 falls silent for a moment and does not say good-bye.
pub(crate) fn leaves_without_a_word(bench: &Bench) -> Result<()> {
    let start = Instant::now();
    let router = bench.router(R1);
    router.command(&["set", "interfaces.eth0.rip.passive=true"])?;
    let rested = wait_for(
        SOON,
        "r1 has been silent for longer than an update interval",
        || {
            let last = heard(bench, start).last().map_or(start, |message| message.at);
            if last.elapsed() > Duration::from_millis(1500) {
                Ok(())
            } else {
                Err(format!("{last:?}"))
            }
        },
    );
    router.command(&["unset", "interfaces.eth0.rip.passive"])?;
    rested?;
    let farewell = heard(bench, start)
        .into_iter()
        .find(|message| message.entry(LAN1).is_some_and(|entry| entry.metric == 16));
    match farewell {
        Some(message) => bail!("r1 said good-bye: {message:?}"),
        None => Ok(()),
    }
}

/// Once r1 has sent to r2 alone, it sends to nobody else on the link.
pub(crate) fn no_multicast_to_r2(bench: &Bench) -> Result<()> {
    let start = Instant::now();
    wait_for(SOON, "two updates of r1", || {
        let heard = heard(bench, start);
        if heard.len() < 2 {
            return Err(format!("{} messages", heard.len()));
        }
        Ok(heard)
    })?
    .iter()
    .find(|message| message.to.is_multicast())
    .map_or(Ok(()), |message| bail!("{message:?}"))
}

/// Asks r1 from a port of r2's that is not RIP's; whether there is an answer.
fn answers(bench: &Bench, request: &[u8]) -> Result<bool> {
    let socket = bench.node(R2).inside(|| UdpSocket::bind(("10.0.12.2", 0)))??;
    socket.set_read_timeout(Some(ANSWER))?;
    socket.send_to(request, (TO_R1, 520)).context("asking r1")?;
    Ok(socket.recv_from(&mut [0; 1500]).is_ok())
}

pub(crate) fn version_1_is_not_answered(bench: &Bench) -> Result<()> {
    let old = {
        let mut request = REQUEST;
        request[1] = 1;
        request
    };
    let received = (answers(bench, &old)?, answers(bench, &REQUEST)?);
    if received != (false, true) {
        bail!("answered in version 1 and 2: {received:?}");
    }
    Ok(())
}

/// A request of version 1 with a must-be-zero field that is not (RFC 1058 §3.1).
const UNTIDY: [u8; 24] = {
    let mut request = REQUEST;
    (request[1], request[3]) = (1, 1);
    request
};

pub(crate) fn untidy_requests_are_answered(bench: &Bench) -> Result<()> {
    if !answers(bench, &UNTIDY)? {
        bail!("no answer");
    }
    Ok(())
}

/// A message that r1 drops is told in its log.
pub(crate) fn drops_are_logged(bench: &Bench) -> Result<()> {
    answers(bench, &UNTIDY)?;
    wait_for(SOON, "r1 logs a message that it dropped", || {
        let log = bench.node(R1).directory().join("waypostd.log");
        let text = std::fs::read_to_string(log).map_err(|error| error.to_string())?;
        if text.contains("dropped") {
            Ok(())
        } else {
            Err(text)
        }
    })
}

/// The kernel accounts twice what was asked for.
pub(crate) fn the_buffer_is_small(bench: &Bench) -> Result<()> {
    let shown = bench.node(R1).run("ss", &["-u", "-a", "-n", "-m"])?;
    if !shown.contains("rb131072,") {
        bail!("{shown}");
    }
    Ok(())
}

/// A network of r1's goes and comes at once: r3 hears of both in triggered updates, the second of which no delay holds
/// back until a full update says it.
pub(crate) fn quick_changes_are_told_at_once(bench: &Bench) -> Result<()> {
    let start = Instant::now();
    for up in [false, true] {
        bench.node(R1).set_link("lan5", up)?;
        let metric = if up { 1 } else { 16 };
        wait_for(SOON, "r3 hears of each change", || {
            let told = bench
                .tap(R3)
                .since(start)
                .iter()
                .filter_map(Message::read)
                .filter(|message| message.from.to_string() == R3_TO_R1)
                .any(|message| {
                    message.entry(LAN1).is_none()
                        && message.entry(SHAKY1).is_some_and(|entry| entry.metric == metric)
                });
            if told {
                Ok(())
            } else {
                Err(format!("not metric {metric} in a triggered update"))
            }
        })?;
    }
    Ok(())
}
