//! What daemons use: processor time, memory, and the datagrams they did not take in time.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// What a set of processes has used since each began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Time on a processor, of all threads, in user and kernel mode.
    pub(crate) cpu: Duration,
    /// Most memory that was resident, in KiB, each process's own maximum.
    pub(crate) peak_kib: u64,
}

impl Cost {
    /// Of these processes until now.
    pub(crate) fn of(pids: &[u32]) -> Result<Self> {
        let mut cost = Self::default();
        for pid in pids {
            cost.cpu += cpu(*pid)?;
            cost.peak_kib += peak(*pid)?;
        }
        Ok(cost)
    }
}

/// Exact to the nanosecond, where `utime` and `stime` count ticks of 10 ms.
fn cpu(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    let tasks = format!("/proc/{pid}/task");
    for task in fs::read_dir(&tasks).with_context(|| tasks.clone())? {
        let path = task?.path().join("schedstat");
        // A thread that has just ended has nothing to say.
        let Ok(text) = fs::read_to_string(path) else {
            continue;
        };
        let first = text
            .split(' ')
            .next()
            .and_then(|number| number.parse::<u64>().ok());
        nanoseconds += first.context("reading schedstat")?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn peak(pid: u32) -> Result<u64> {
    status(pid, "VmHWM:")
}

/// Bytes of memory that are resident now, of all these processes.
pub(crate) fn resident(pids: &[u32]) -> Result<u64> {
    let sizes = pids.iter().map(|pid| Ok(status(*pid, "VmRSS:")? * 1024));
    sizes.sum()
}

/// A line of a process's status, in KiB.
fn status(pid: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .with_context(|| format!("{path} has no {name}"))
}

/// The datagrams that came to a UDP socket in the network namespace of this process and found its buffer full, since the
/// namespace was made.
pub(crate) fn lost_datagrams(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/net/snmp");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next(), lines.next());
    let column = names.and_then(|names| names.split(' ').position(|name| name == "RcvbufErrors"));
    column
        .zip(values)
        .and_then(|(column, values)| values.split(' ').nth(column)?.parse().ok())
        .with_context(|| format!("{path} has no RcvbufErrors"))
}
