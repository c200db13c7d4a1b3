//! A line that says how far a long work has come, redrawn in place; only on a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::sheet::Sheet;

/// Work that is done by then needs no line.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line is redrawn.
const PERIOD: Duration = Duration::from_millis(100);

pub(super) struct Progress {
    start: Instant,
    drawn: Option<Instant>,
    shown: bool,
    done: u64,
    /// How large the whole is, in octets or whatever `advance` counts, if that is known.
    size: Option<u64>,
}

impl Progress {
    pub(super) fn new(sheet: &Sheet, size: Option<u64>) -> Self {
        Self {
            start: Instant::now(),
            drawn: None,
            shown: sheet.width.is_some() && std::io::stderr().is_terminal(),
            done: 0,
            size,
        }
    }

    /// So many more are done, and so much of the whole is behind us.
    pub(super) fn advance(&mut self, more: u64, consumed: u64) {
        self.done += more;
        let now = Instant::now();
        let due = self
            .drawn
            .map_or(now - self.start >= PATIENCE, |drawn| now - drawn >= PERIOD);
        if !self.shown || !due {
            return;
        }
        self.drawn = Some(now);
        let text = text(
            self.done,
            now - self.start,
            self.size.map(|size| (consumed, size)),
        );
        // A line that cannot be drawn is not missed.
        drop(write!(std::io::stderr(), "\r\x1b[K{text}"));
    }

    /// Takes the line away.
    pub(super) fn finish(self) {
        if self.drawn.is_some() {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}

/// How many, how many a second and, where the size is known, how much of it and how long it will take.
fn text(done: u64, elapsed: Duration, of: Option<(u64, u64)>) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = done as f64 / seconds;
    let mut text = format!("{done} routes, {rate:.0}/s");
    if let Some((consumed, size)) = of.filter(|(consumed, size)| *consumed > 0 && *size > 0) {
        let part = (consumed as f64 / size as f64).min(1.0);
        let left = seconds / part - seconds;
        let whole = (part * 20.0) as usize;
        text = format!(
            "[{}{}] {:3.0} %  {text}, {left:.0} s left",
            "#".repeat(whole),
            ".".repeat(20 - whole.min(20)),
            part * 100.0
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let second = Duration::from_secs(1);
        assert_eq!(text(500, second, None), "500 routes, 500/s");
        assert_eq!(
            text(500, second, Some((25, 100))),
            "[#####...............]  25 %  500 routes, 500/s, 3 s left"
        );
        assert_eq!(
            text(2000, 2 * second, Some((200, 100))),
            "[####################] 100 %  2000 routes, 1000/s, 0 s left"
        );
    }
}
