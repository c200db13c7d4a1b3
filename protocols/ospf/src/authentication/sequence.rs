//! Sequence numbers of the packets we send: they never decrease, not even over a restart.
//!
//! Those of AuType 2 (32 bits) follow the date, and what an earlier life may have used is set aside on stable storage, which
//! matters when the clock goes back. Those of AuType 3 are the number of starts, counted on stable storage, and a counter
//! (RFC 7474 §3). One record holds both.

use std::time::Duration;

use waypost_engine::Now;
use waypost_types::Time;

/// How many 32-bit numbers are set aside with one write.
const BLOCK: u32 = 65_536;
/// With so many left the next are set aside, long before they are needed: the date takes hours to use them up.
const LOW: u32 = BLOCK / 2;
/// How many numbers one burst may take.
const BURST: u32 = 1024;
/// How long packets wait for numbers to be stored. Neighbours must not be lost because a disk is slow or full.
const PATIENCE: Duration = Duration::from_secs(2);
/// When storing is tried again after it failed.
const RETRY: Duration = Duration::from_secs(60);

/// Under which key the record is stored.
pub const SEQUENCE_KEY: &str = "sequence";

/// What is on stable storage: starts so far, and the highest 32-bit number that may have been used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Record {
    starts: u32,
    ceiling: u32,
}

impl Record {
    fn read(octets: &[u8]) -> Option<Self> {
        let (starts, rest) = octets.split_first_chunk()?;
        Some(Self {
            starts: u32::from_le_bytes(*starts),
            ceiling: u32::from_le_bytes(rest.try_into().ok()?),
        })
    }

    fn write(self) -> Vec<u8> {
        [self.starts.to_le_bytes(), self.ceiling.to_le_bytes()].concat()
    }
}

/// The sequence numbers of sent packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct SequenceNumbers {
    last: u32,
    counter: u64,
    /// Known to be stored.
    stored: Record,
    /// Asked to be stored,
    asked: Record,
    /// then.
    asked_at: Time,
    /// What was asked for last could not be stored.
    failed: bool,
    /// This life's number.
    start: u32,
}

impl SequenceNumbers {
    /// Continues after what an earlier life stored.
    #[must_use]
    pub fn resume(persisted: Option<&[u8]>) -> Self {
        let stored = persisted.and_then(Record::read).unwrap_or_default();
        Self {
            last: stored.ceiling,
            stored,
            asked: stored,
            // After 2^32 starts neighbours need new keys (RFC 7474 §3); until then old numbers are better than none.
            start: stored.starts.saturating_add(1),
            ..Self::default()
        }
    }

    fn upcoming(&self, now: Now) -> u32 {
        let date = u32::try_from(now.wall.0).unwrap_or(u32::MAX);
        self.last.saturating_add(1).max(date)
    }

    /// What to store now, so that there are always numbers to use.
    pub fn reserve(&mut self, now: Now) -> Option<Vec<u8>> {
        let upcoming = self.upcoming(now);
        let retry = self.failed && now.time >= self.asked_at + RETRY;
        let enough = self.asked.starts == self.start
            && (self.asked.ceiling == u32::MAX || upcoming.saturating_add(LOW) <= self.asked.ceiling);
        if enough && !retry {
            return None;
        }
        self.asked = Record {
            starts: self.start,
            ceiling: upcoming.saturating_add(BLOCK),
        };
        self.asked_at = now.time;
        Some(self.asked.write())
    }

    /// How often the router started, as far as is known.
    #[must_use]
    pub const fn starts(&self) -> u32 {
        self.start
    }

    /// What became of what was to be stored.
    pub fn answer(&mut self, value: &[u8], stored: bool) {
        let Some(record) = Record::read(value) else { return };
        if stored {
            self.stored = record;
        }
        if record == self.asked {
            self.failed = !stored;
        }
    }

    /// Until when packets wait because the numbers they need are not stored; `None`: they need not wait, because the numbers
    /// are stored, or because they cannot be.
    #[must_use]
    pub fn wait(&self, now: Now) -> Option<Time> {
        let end = self.asked_at + PATIENCE;
        let needed = self.upcoming(now).saturating_add(BURST);
        let stored = self.stored.starts == self.start
            && (needed <= self.stored.ceiling || self.stored.ceiling == u32::MAX);
        (!stored && !self.failed && now.time < end).then_some(end)
    }

    /// The next number of AuType 2.
    pub fn next(&mut self, now: Now) -> u32 {
        self.last = self.upcoming(now);
        self.last
    }

    /// The next number of AuType 3.
    pub fn next_extended(&mut self) -> u64 {
        // A counter that passes 2^32 carries into the number of starts, which is as good (RFC 7474 §3).
        let number = (u64::from(self.start) << 32).saturating_add(self.counter);
        self.counter += 1;
        number
    }
}
