//! What engines have to say, into the log, at a bounded rate.

use std::time::Duration;

use waypost_engine::{Notice, Severity};
use waypost_sys::{clock, interface};
use waypost_types::{InterfaceIndex, Time};

use super::ports::Unsent;

/// So many lines may come at once.
const BURST: u32 = 50;
/// One more line is allowed after each of these.
const REFILL: Duration = Duration::from_millis(200);

/// The name of an interface for people; its number when it is gone.
fn name(index: InterfaceIndex) -> String {
    interface::name(index).unwrap_or_else(|_| index.to_string())
}

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
        let interface = notice.interface.map(name);
        match notice.severity {
            Severity::Debug => tracing::debug!(protocol, interface = interface.as_deref(), "{}", notice.text),
            Severity::Info => tracing::info!(protocol, interface = interface.as_deref(), "{}", notice.text),
            Severity::Warning => {
                tracing::warn!(protocol, interface = interface.as_deref(), "{}", notice.text);
            }
            Severity::Error => tracing::error!(protocol, interface = interface.as_deref(), "{}", notice.text),
        }
    }

    pub(super) fn send_failed(&mut self, unsent: &Unsent) {
        let Unsent {
            interface: Some(interface),
            error,
            ..
        } = unsent
        else {
            return;
        };
        if unsent.is_farewell() {
            tracing::debug!(protocol = self.protocol, %interface, %error, "a message could not be sent any more");
        } else if self.allowed() {
            tracing::warn!(protocol = self.protocol, %interface, %error, "a message could not be sent");
        }
    }
}
