//! What modules say: their traces, and whatever an isolated one prints on its standard error, as lines of the log.
//!
//! A module may say as much as it likes. What is beyond its share is counted and left out, so that it fills neither the log nor
//! the memory. A program that has no log leaves the lines where they go by themselves, which is its standard error.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_void};
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lines that a module may say at once, and how soon it may say another one then.
const BURST: u32 = 200;
const REFILL: Duration = Duration::from_millis(50);
/// Octets of a line at most; what is longer goes on in another one.
const LONGEST: usize = 4096;

/// Whether anybody takes log lines.
pub(crate) fn is_logged() -> bool {
    tracing::dispatcher::has_been_set()
}

/// How many lines may be said still.
struct Share {
    left: u32,
    /// Since then the share has not been filled up.
    filled: Instant,
    /// Lines that were beyond it.
    beyond: u64,
}

impl Share {
    const fn new(now: Instant) -> Self {
        Self {
            left: BURST,
            filled: now,
            beyond: 0,
        }
    }

    /// Takes a line out of it. False: there is none.
    fn take(&mut self, now: Instant) -> bool {
        let more = now.saturating_duration_since(self.filled).as_nanos() / REFILL.as_nanos();
        let more = u32::try_from(more).unwrap_or(u32::MAX).min(BURST);
        if more > 0 {
            self.left = self.left.saturating_add(more).min(BURST);
            self.filled = if self.left == BURST {
                now
            } else {
                self.filled + REFILL * more
            };
        }
        let is_left = self.left > 0;
        if is_left {
            self.left -= 1;
        } else {
            self.beyond += 1;
        }
        is_left
    }
}

/// A module in the log.
pub(crate) struct Voice {
    module: String,
    share: Share,
}

impl Voice {
    /// Of the module in this file.
    pub(crate) fn of(file: &Path) -> Self {
        let name = file.file_stem().unwrap_or(file.as_os_str());
        Self {
            module: name.to_string_lossy().into_owned(),
            share: Share::new(Instant::now()),
        }
    }

    /// Says a line; `who` is what the module traces under.
    fn say(&mut self, who: Option<&str>, line: &str) {
        if !self.share.take(Instant::now()) {
            return;
        }
        self.confess();
        let between = if who.is_some() { ": " } else { "" };
        tracing::info!(module = %self.module, "{}{between}{line}", who.unwrap_or_default());
    }

    /// Says how much was left out since the last time.
    fn confess(&mut self) {
        let beyond = std::mem::take(&mut self.share.beyond);
        if beyond > 0 {
            tracing::warn!(module = %self.module, "the module said {beyond} lines more, which are left out");
        }
    }

    /// Says what comes in, until it ends.
    pub(crate) fn relay(mut self, mut from: impl Read) {
        let mut line = Vec::new();
        let mut octets = [0; LONGEST];
        // Whatever is wrong with it: nothing more comes of it.
        while let Some(read) = from.read(&mut octets).ok().filter(|read| *read > 0) {
            for octet in octets.iter().take(read) {
                if *octet != b'\n' {
                    line.push(*octet);
                }
                if *octet == b'\n' || line.len() >= LONGEST {
                    self.say_octets(&line);
                    line.clear();
                }
            }
        }
        self.say_octets(&line);
    }

    /// A line that is empty is none. Characters that would do something to who reads it are replaced.
    fn say_octets(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line.trim_ascii_end());
        if !text.is_empty() {
            let plain = |c: char| {
                if c.is_control() && c != '\t' {
                    char::REPLACEMENT_CHARACTER
                } else {
                    c
                }
            };
            self.say(None, &text.chars().map(plain).collect::<String>());
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.confess();
    }
}

/// Those of modules in this process, by what the library knows them by.
static VOICES: Mutex<BTreeMap<u32, Voice>> = Mutex::new(BTreeMap::new());

fn voices() -> MutexGuard<'static, BTreeMap<u32, Voice>> {
    VOICES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on the traces of an instance are heard.
pub(crate) fn hear(module: u32, voice: Voice) {
    voices().insert(module, voice);
}

/// The instance is gone.
pub(crate) fn hear_no_more(module: u32) {
    let gone = voices().remove(&module);
    drop(gone);
}

/// Takes a line of the library's (WAYPOST_TRACE_SINK), which has made sure that it is one.
pub(crate) unsafe extern "C" fn sink(_: *mut c_void, module: u32, name: *const c_char, line: *const c_char) {
    if name.is_null() || line.is_null() {
        return;
    }
    // SAFETY: a string that lives through the call, says the header.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    // SAFETY: as above.
    let line = unsafe { CStr::from_ptr(line) }.to_string_lossy();
    if let Some(voice) = voices().get_mut(&module) {
        voice.say(Some(&name), &line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_used_up_and_grows_again() {
        let start = Instant::now();
        let mut share = Share::new(start);
        let taken = (0..1000).filter(|_| share.take(start)).count();
        assert_eq!((taken, share.beyond), (BURST as usize, 800));
        assert!(!share.take(start + REFILL - Duration::from_nanos(1)));
        assert!(share.take(start + REFILL));
        assert!(!share.take(start + REFILL));
        // Half a refill that was not used is not lost.
        assert!(share.take(start + REFILL * 5 / 2));
        assert!(!share.take(start + REFILL * 5 / 2));
        assert!(share.take(start + REFILL * 3));
        // It never grows beyond itself, however long nobody speaks.
        let late = start + Duration::from_secs(3600);
        assert_eq!((0..1000).filter(|_| share.take(late)).count(), BURST as usize);
    }
}
