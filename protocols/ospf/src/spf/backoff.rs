//! When routes are calculated: at once after quiet, less often while things keep changing (RFC 8405).

use std::time::Duration;

use waypost_types::Time;

/// The waiting times (RFC 8405 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffParameters {
    /// After quiet (INITIAL_SPF_DELAY).
    pub initial: Duration,
    /// While what belongs to one event arrives (SHORT_SPF_DELAY).
    pub short: Duration,
    /// When it does not end (LONG_SPF_DELAY).
    pub long: Duration,
    /// How long what belongs to one event takes to arrive (TIME_TO_LEARN_INTERVAL).
    pub learn: Duration,
    /// So long without events is quiet (HOLDDOWN_INTERVAL).
    pub hold_down: Duration,
}

impl Default for BackoffParameters {
    fn default() -> Self {
        Self {
            initial: Duration::ZERO,
            short: Duration::from_millis(50),
            long: Duration::from_secs(2),
            learn: Duration::from_millis(500),
            hold_down: Duration::from_secs(5),
        }
    }
}

/// Where the machine is (RFC 8405 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing happened lately.
    #[default]
    Quiet,
    /// Something did.
    ShortWait,
    /// It did not end.
    LongWait,
}

/// The machine. Its timers are times that are looked at when something happens: the state shows only then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    state: State,
    learned: Time,
    held: Time,
}

impl Backoff {
    /// The state at a time, after the timers that ran out by then (RFC 8405 §5.4).
    #[must_use]
    pub fn state(&self, now: Time) -> State {
        match self.state {
            _ if now >= self.held => State::Quiet,
            State::ShortWait if now >= self.learned => State::LongWait,
            state => state,
        }
    }

    /// Something happened: how long the calculation it asks for waits, unless one waits already (RFC 8405 §5.4, transitions 1, 2
    /// and 5).
    pub fn event(&mut self, now: Time, parameters: &BackoffParameters) -> Duration {
        let state = self.state(now);
        self.held = now + parameters.hold_down;
        self.state = state;
        match state {
            State::Quiet => {
                self.state = State::ShortWait;
                self.learned = now + parameters.learn;
                parameters.initial
            }
            State::ShortWait => parameters.short,
            State::LongWait => parameters.long,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_after_quiet_is_immediate_and_the_rest_waits_longer_and_longer() {
        let parameters = BackoffParameters::default();
        let mut machine = Backoff::default();
        let mut event = |millis: u64| machine.event(Time::from_millis(100_000 + millis), &parameters);
        assert_eq!(event(0), parameters.initial);
        assert_eq!(event(10), parameters.short);
        assert_eq!(event(499), parameters.short);
        assert_eq!(event(500), parameters.long);
        // Each event begins the time of quiet anew.
        assert_eq!(event(5_499), parameters.long);
        assert_eq!(event(10_498), parameters.long);
        assert_eq!(event(15_498), parameters.initial);
        assert_eq!(event(15_499), parameters.short);
    }
}
