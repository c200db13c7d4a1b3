//! What engines have to say, into the log, at a bounded rate.

use std::io;
use std::time::Duration;

use waypost_engine::{Notice, Severity};
use waypost_sys::clock;
use waypost_types::Time;

/// So many lines may come at once.
const BURST: u32 = 50;
/// One more line is allowed after each of these.
const REFILL: Duration = Duration::from_millis(200);

/// A protocol's log with its allowance.
pub(super) struct Log {
    protocol: &'static str,
    allowance: u32,
    refilled: Time,
    dropped: u64,
}

impl Log {
    pub(super) fn new(protocol: &'static str) -> Self {
        Self {
            protocol,
            allowance: BURST,
            refilled: clock::now(),
            dropped: 0,
        }
    }

    /// Whether one more line may be logged now.
    fn allowed(&mut self) -> bool {
        let now = clock::now();
        let earned = now.since(self.refilled).as_millis() / REFILL.as_millis();
        if earned > 0 {
            self.allowance = BURST.min(
                self.allowance
                    .saturating_add(u32::try_from(earned).unwrap_or(BURST)),
            );
            self.refilled = now;
        }
        if self.allowance == 0 {
            self.dropped += 1;
            return false;
        }
        self.allowance -= 1;
        if self.dropped > 0 {
            tracing::warn!(
                protocol = self.protocol,
                lines = self.dropped,
                "too much to say; lines were left out"
            );
            self.dropped = 0;
        }
        true
    }

    pub(super) fn notice(&mut self, notice: &Notice) {
        // Tracing costs nothing when nobody listens and is not limited when somebody does.
        if notice.severity != Severity::Debug && !self.allowed() {
            return;
        }
        let protocol = self.protocol;
        let interface = notice.interface.map(|index| index.0);
        match notice.severity {
            Severity::Debug => tracing::debug!(protocol, interface, "{}", notice.text),
            Severity::Info => tracing::info!(protocol, interface, "{}", notice.text),
            Severity::Warning => tracing::warn!(protocol, interface, "{}", notice.text),
            Severity::Error => tracing::error!(protocol, interface, "{}", notice.text),
        }
    }

    pub(super) fn send_failed(&mut self, error: &io::Error) {
        if self.allowed() {
            tracing::warn!(protocol = self.protocol, %error, "a message could not be sent");
        }
    }
}
