//! What happened: a hash over everything, and the last lines of a log for people.

use std::collections::VecDeque;
use std::fmt;

use waypost_types::Time;

/// How many lines of the log are kept.
const LINES: usize = 400;

/// Folds every input and output of a run into one number; equal seeds must give equal numbers.
#[derive(Debug)]
pub struct Recorder {
    hash: u64,
    lines: Option<VecDeque<String>>,
}

impl Recorder {
    /// A recorder; `log` says whether it also writes for people, which takes time.
    #[must_use]
    pub fn new(log: bool) -> Self {
        Self {
            hash: 0xCBF2_9CE4_8422_2325,
            lines: log.then(VecDeque::new),
        }
    }

    /// Folds in a number. The order of calls matters.
    pub const fn number(&mut self, number: u64) {
        let mixed = (self.hash ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.hash = mixed ^ (mixed >> 29);
    }

    /// Folds in octets and their length.
    pub fn octets(&mut self, octets: &[u8]) {
        self.number(octets.len() as u64);
        let (words, rest) = octets.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        for octet in rest {
            self.number(u64::from(*octet));
        }
    }

    /// Folds in a text.
    pub fn text(&mut self, text: &str) {
        self.octets(text.as_bytes());
    }

    /// Adds a line to the log, if there is one.
    pub fn line(&mut self, at: Time, line: fmt::Arguments<'_>) {
        if let Some(lines) = &mut self.lines {
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(format!("{at} {line}"));
        }
    }

    /// The hash of everything so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The last lines of the log, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().flatten().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(record: impl FnOnce(&mut Recorder)) -> u64 {
        let mut recorder = Recorder::new(false);
        record(&mut recorder);
        recorder.hash()
    }

    #[test]
    fn order_and_borders_matter() {
        let two = |a: &'static str, b: &'static str| {
            hash_of(|recorder| {
                recorder.text(a);
                recorder.text(b);
            })
        };
        assert_eq!(two("rip", "ospf"), two("rip", "ospf"));
        assert_ne!(two("rip", "ospf"), two("ospf", "rip"));
        assert_ne!(two("rip", "ospf"), two("ripo", "spf"));
    }

    #[test]
    fn the_log_keeps_the_last_lines() {
        let mut recorder = Recorder::new(true);
        for number in 0..1000 {
            recorder.line(Time::from_secs(number), format_args!("event {number}"));
        }
        assert_eq!(recorder.lines().count(), LINES);
        assert_eq!(recorder.lines().last(), Some("999.000000s event 999"));
    }
}
