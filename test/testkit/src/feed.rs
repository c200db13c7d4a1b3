//! The kernel's announcements of route changes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::fib::{Route, normal_destination};
use crate::node::Node;
use crate::process::Process;

/// A route that means nothing, in a table that nobody looks at: added and removed, it shows that everything before it has
/// been heard.
const MARK: [&str; 3] = ["192.0.2.255", "table", "4242"];
/// How long a mark may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One announcement.
#[derive(Clone, Debug)]
pub struct Change {
    /// When it was read.
    pub at: Instant,
    /// The line of `ip monitor`.
    pub line: String,
}

/// A time without a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// From when there was none.
    pub from: Instant,
    /// When there was one again; `None` if it did not come back while the feed was watched.
    pub until: Option<Instant>,
}

impl Gap {
    /// How long it was, or has been so far.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.until.unwrap_or_else(Instant::now) - self.from
    }
}

/// Records what the kernel announces about IPv4 routes and nexthop objects of a node.
///
/// The kernel does not announce the routes that go with a nexthop object, so the feed keeps account of which those are. It
/// does not announce either which routes go when a link is set down: for that look at [`Node::fib`].
#[derive(Debug)]
pub struct RouteFeed {
    node: Node,
    heard: Arc<Heard>,
    /// The main table before the first change.
    before: Vec<Route>,
    start: Instant,
    monitor: Process,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Heard {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct State {
    changes: Vec<Change>,
    marks: u64,
    closed: bool,
}

impl RouteFeed {
    /// Starts to listen; every change from the return of this on is recorded.
    pub fn start(node: &Node) -> Result<Self> {
        let (monitor, output) = Process::start_piped(
            node,
            "ip-monitor",
            "ip",
            &["-4", "-o", "monitor", "route", "nexthop"],
        )?;
        let heard = Arc::new(Heard::default());
        let reader = thread::spawn({
            let heard = Arc::clone(&heard);
            move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    heard.hear(&line);
                }
                heard.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
                heard.more.notify_all();
            }
        });
        let mut feed = Self {
            node: node.clone(),
            heard,
            before: Vec::new(),
            start: Instant::now(),
            monitor,
            reader: Some(reader),
        };
        feed.sync().context("waiting for ip monitor")?;
        // A change between this dump and the clearing would be in both, which does no harm.
        feed.heard
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .changes
            .clear();
        feed.before = node.fib()?;
        feed.start = Instant::now();
        Ok(feed)
    }

    /// Returns when everything that had changed before the call has been recorded.
    pub fn sync(&self) -> Result<()> {
        let seen = self.marks();
        let end = Instant::now() + PATIENCE;
        // Repeated, because a mark made before the monitor listens is never heard.
        while self.marks() == seen {
            if Instant::now() >= end {
                bail!(
                    "ip monitor on {} does not report changes of routes",
                    self.node.name()
                );
            }
            self.node
                .ip(&[&["route", "replace", "blackhole"], &MARK[..]].concat())?;
            self.node.ip(&[&["route", "del"], &MARK[..]].concat())?;
            let state = self.heard.state.lock().unwrap_or_else(PoisonError::into_inner);
            drop(
                self.heard
                    .more
                    .wait_timeout_while(state, Duration::from_millis(50), |state| {
                        state.marks == seen && !state.closed
                    }),
            );
        }
        Ok(())
    }

    fn marks(&self) -> u64 {
        self.heard
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .marks
    }

    /// Everything announced so far.
    pub fn changes(&self) -> Result<Vec<Change>> {
        self.sync()?;
        let state = self.heard.state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(state.changes.clone())
    }

    /// The times when there was no route at all to `prefix` (address/length), of any metric.
    pub fn gaps(&self, prefix: &str) -> Result<Vec<Gap>> {
        Ok(gaps(&self.before, self.start, &self.changes()?, prefix))
    }

    /// An error, with all announcements, if one of `prefixes` was without a route at any time since the start.
    pub fn assert_kept(&self, prefixes: &[&str]) -> Result<()> {
        let changes = self.changes()?;
        for prefix in prefixes {
            if let Some(gap) = gaps(&self.before, self.start, &changes, prefix).first() {
                bail!(
                    "{} had no route to {prefix} {}:\n{}",
                    self.node.name(),
                    match gap.until {
                        Some(_) => format!("for {:.3} s", gap.length().as_secs_f64()),
                        None => "in the end".to_owned(),
                    },
                    self.describe(&changes)
                );
            }
        }
        Ok(())
    }

    /// Announcements as text, with seconds since the lab began.
    #[must_use]
    pub fn describe(&self, changes: &[Change]) -> String {
        let start = self.node.ground().start;
        changes
            .iter()
            .map(|change| {
                let seconds = change.at.saturating_duration_since(start).as_secs_f64();
                format!("  {seconds:8.3} {}\n", change.line)
            })
            .collect()
    }
}

impl Drop for RouteFeed {
    fn drop(&mut self) {
        // Its end closes the pipe, on which the reader waits.
        drop(self.monitor.kill());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}

impl Heard {
    fn hear(&self, line: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if line.contains(MARK[0]) {
            // The removal comes after everything that was heard before either of the two.
            if line.starts_with("Deleted") {
                state.marks += 1;
                self.more.notify_all();
            }
        } else {
            state.changes.push(Change {
                at: Instant::now(),
                line: line.trim_end().to_owned(),
            });
        }
    }
}

/// What identifies a route of the main table: the kernel has one for each destination and metric.
type Key = (String, u32);

enum Announcement {
    Route {
        key: Key,
        nexthop_object: Option<u32>,
        deleted: bool,
    },
    NexthopGone(u32),
}

/// Reads a line of `ip -o monitor route nexthop`. `None` for what does not concern the main table.
fn read(line: &str) -> Option<Announcement> {
    let mut words = line.split_whitespace().peekable();
    let deleted = words.next_if_eq(&"Deleted").is_some();
    if words.next_if_eq(&"id").is_some() {
        let id = words.next()?.parse().ok()?;
        return deleted.then_some(Announcement::NexthopGone(id));
    }
    let mut destination = words.next()?;
    if matches!(destination, "blackhole" | "unreachable" | "prohibit" | "unicast") {
        destination = words.next()?;
    } else if matches!(
        destination,
        "local" | "broadcast" | "multicast" | "anycast" | "throw" | "nat"
    ) {
        return None;
    }
    let (mut metric, mut nexthop_object) = (0, None);
    while let Some(word) = words.next() {
        match word {
            "table" => return None,
            "metric" => metric = words.next()?.parse().ok()?,
            "nhid" => nexthop_object = Some(words.next()?.parse().ok()?),
            _ => {}
        }
    }
    Some(Announcement::Route {
        key: (normal_destination(destination), metric),
        nexthop_object,
        deleted,
    })
}

fn gaps(before: &[Route], start: Instant, changes: &[Change], prefix: &str) -> Vec<Gap> {
    // The routes to the prefix by metric, each with its nexthop object.
    let mut present: BTreeMap<u32, Option<u32>> = before
        .iter()
        .filter(|route| route.destination == prefix)
        .map(|route| (route.metric, route.nexthop_object))
        .collect();
    let mut gaps = Vec::new();
    if present.is_empty() {
        gaps.push(Gap {
            from: start,
            until: None,
        });
    }
    for change in changes {
        let had = !present.is_empty();
        match read(&change.line) {
            Some(Announcement::Route {
                key: (destination, metric),
                nexthop_object,
                deleted,
            }) if destination == prefix => {
                if deleted {
                    present.remove(&metric);
                } else {
                    present.insert(metric, nexthop_object);
                }
            }
            Some(Announcement::NexthopGone(id)) => present.retain(|_, object| *object != Some(id)),
            _ => {}
        }
        match (had, !present.is_empty()) {
            (true, false) => gaps.push(Gap {
                from: change.at,
                until: None,
            }),
            (false, true) => {
                if let Some(gap) = gaps.last_mut() {
                    gap.until = Some(change.at);
                }
            }
            _ => {}
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes one second apart.
    fn changes(start: Instant, lines: &[&str]) -> Vec<Change> {
        lines
            .iter()
            .zip(1..)
            .map(|(line, second)| Change {
                at: start + Duration::from_secs(second),
                line: (*line).to_owned(),
            })
            .collect()
    }

    fn lengths(before: &[Route], lines: &[&str], prefix: &str) -> Vec<Option<u64>> {
        let start = Instant::now();
        gaps(before, start, &changes(start, lines), prefix)
            .iter()
            .map(|gap| gap.until.map(|until| (until - gap.from).as_secs()))
            .collect()
    }

    fn route(destination: &str, metric: u32, nexthop_object: Option<u32>) -> Route {
        Route {
            destination: destination.to_owned(),
            protocol: "rip".to_owned(),
            metric,
            nexthop_object,
            hops: Vec::new(),
        }
    }

    #[test]
    fn a_replaced_route_has_no_gap() {
        let before = [route("10.5.0.0/16", 20, None)];
        assert!(
            lengths(
                &before,
                &["10.5.0.0/16 via 10.0.0.3 dev eth0 proto rip metric 20"],
                "10.5.0.0/16"
            )
            .is_empty()
        );
        // Another metric first, then the old one goes.
        let moved = [
            "10.5.0.0/16 via 10.0.0.3 dev eth0 proto rip metric 21",
            "Deleted 10.5.0.0/16 via 10.0.0.2 dev eth0 proto rip metric 20",
        ];
        assert!(lengths(&before, &moved, "10.5.0.0/16").is_empty());
    }

    #[test]
    fn gaps_have_lengths() {
        let before = [route("0.0.0.0/0", 0, None)];
        let lines = [
            "Deleted default via 10.0.0.2 dev eth0",
            "10.5.0.0/16 via 10.0.0.3 dev eth0",
            "default via 10.0.0.2 dev eth0",
            "Deleted default via 10.0.0.2 dev eth0",
        ];
        assert_eq!(lengths(&before, &lines, "0.0.0.0/0"), [Some(2), None]);
        assert_eq!(lengths(&before, &lines, "10.5.0.0/16"), [Some(2)]);
    }

    #[test]
    fn routes_go_with_their_nexthop_object() {
        let before = [route("10.5.0.0/16", 0, Some(7)), route("10.6.0.0/16", 0, Some(8))];
        let lines = ["Deleted id 7 via 10.0.0.2 dev eth0 scope link"];
        assert_eq!(lengths(&before, &lines, "10.5.0.0/16"), [None]);
        assert!(lengths(&before, &lines, "10.6.0.0/16").is_empty());
        // Moved to another object first.
        let lines = [
            "10.5.0.0/16 nhid 8 via 10.0.0.3 dev eth0",
            "Deleted id 7 via 10.0.0.2 dev eth0 scope link",
        ];
        assert!(lengths(&before, &lines, "10.5.0.0/16").is_empty());
    }

    #[test]
    fn other_tables_and_kinds_do_not_count() {
        let before = [route("10.5.0.0/16", 0, None)];
        let lines = [
            "Deleted 10.5.0.0/16 via 10.0.0.2 dev eth0 table 7",
            "Deleted local 10.5.0.0/16 dev eth0",
            "id 7 via 10.0.0.2 dev eth0",
        ];
        assert!(lengths(&before, &lines, "10.5.0.0/16").is_empty());
    }
}
