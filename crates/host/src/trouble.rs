//! What failed and is tried again, less and less often.

use std::time::Duration;

use waypost_types::Time;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// How often in a row something failed, and when it is tried again.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    attempts: u32,
    /// When it is tried again; `None` when nothing failed.
    pub(crate) until: Option<Time>,
}

impl Trouble {
    /// Whether it is too early to try again.
    pub(crate) fn waits(&self, now: Time) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// It failed once more; returns the pause.
    pub(crate) fn again(&mut self, now: Time) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.attempts.min(10)).min(LONGEST);
        self.attempts += 1;
        self.until = Some(now + pause);
        pause
    }

    /// It worked.
    pub(crate) const fn over(&mut self) {
        self.attempts = 0;
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_works() {
        let mut trouble = Trouble::default();
        let now = Time::from_secs(5);
        assert!(!trouble.waits(now));
        assert_eq!(trouble.again(now), FIRST);
        assert!(trouble.waits(now));
        assert!(!trouble.waits(now + FIRST));
        assert_eq!(trouble.again(now), FIRST * 2);
        for _ in 0..100 {
            trouble.again(now);
        }
        assert_eq!(trouble.again(now), LONGEST);
        trouble.over();
        assert!(!trouble.waits(now));
        assert_eq!(trouble.again(now), FIRST);
    }
}
