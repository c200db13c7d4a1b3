//! Who has signed in.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use waypost_types::Time;

/// More than one operator with a few browsers needs; for one more, the one that was unused for longest ends.
const MOST: usize = 32;

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lives {
    /// Without a request.
    pub(crate) idle: Duration,
    /// At all.
    pub(crate) whole: Duration,
}

struct Session {
    author: String,
    begun: Time,
    seen: Time,
    /// Dropped with the session: whoever follows an event stream is told so.
    end: watch::Sender<()>,
}

/// The sessions, by the digest of the secret that each browser has: a look-up tells nothing about the secrets, however long it takes.
pub(crate) struct Sessions {
    lives: Lives,
    open: BTreeMap<[u8; 32], Session>,
}

/// What a request of a session may rely on.
#[derive(Debug)]
pub(crate) struct Pass {
    /// Stands in the history for what is changed.
    pub(crate) author: String,
    /// How long the session can last.
    pub(crate) left: Duration,
    /// Closed when the session ends before that.
    pub(crate) ended: watch::Receiver<()>,
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

impl Sessions {
    pub(crate) const fn new(lives: Lives) -> Self {
        Self {
            lives,
            open: BTreeMap::new(),
        }
    }

    fn expire(&mut self, now: Time) {
        let Lives { idle, whole } = self.lives;
        self.open.retain(|_, session| {
            // Who follows the events is there.
            let used = session.end.receiver_count() > 0 || now.since(session.seen) < idle;
            used && now.since(session.begun) < whole
        });
    }

    pub(crate) fn begin(&mut self, now: Time, secret: &str, author: String) {
        self.expire(now);
        if self.open.len() >= MOST
            && let Some(key) = self
                .open
                .iter()
                .min_by_key(|(_, session)| session.seen)
                .map(|(key, _)| *key)
        {
            self.open.remove(&key);
        }
        let session = Session {
            author,
            begun: now,
            seen: now,
            end: watch::Sender::new(()),
        };
        self.open.insert(digest(secret), session);
    }

    /// The session of a secret, which is used by this.
    pub(crate) fn pass(&mut self, now: Time, secret: &str) -> Option<Pass> {
        self.expire(now);
        let session = self.open.get_mut(&digest(secret))?;
        session.seen = now;
        Some(Pass {
            author: session.author.clone(),
            left: self.lives.whole.saturating_sub(now.since(session.begun)),
            ended: session.end.subscribe(),
        })
    }

    pub(crate) fn end(&mut self, secret: &str) {
        self.open.remove(&digest(secret));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: Lives = Lives {
        idle: Duration::from_secs(60),
        whole: Duration::from_secs(600),
    };

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn unused_ones_end_and_used_ones_do_so_later() {
        let mut sessions = Sessions::new(LIVES);
        sessions.begin(at(0), "a", "page (alice)".to_owned());
        assert_eq!(sessions.pass(at(59), "a").unwrap().author, "page (alice)");
        assert!(sessions.pass(at(59), "b").is_none());
        assert_eq!(
            sessions.pass(at(118), "a").unwrap().left,
            Duration::from_secs(482)
        );
        assert!(sessions.pass(at(178), "a").is_none(), "unused for a minute");
        sessions.begin(at(200), "a", String::new());
        for second in (200..800).step_by(50) {
            assert!(sessions.pass(at(second), "a").is_some(), "{second}");
        }
        assert!(sessions.pass(at(800), "a").is_none(), "none lasts for ever");
    }

    #[test]
    fn who_follows_the_events_is_there_and_is_told_of_the_end() {
        let mut sessions = Sessions::new(LIVES);
        sessions.begin(at(0), "a", String::new());
        let pass = sessions.pass(at(0), "a").unwrap();
        assert!(sessions.pass(at(300), "a").is_some());
        assert!(pass.ended.has_changed().is_ok());
        sessions.end("a");
        assert!(pass.ended.has_changed().is_err());
        assert!(sessions.pass(at(300), "a").is_none());
    }

    #[test]
    fn there_are_only_so_many() {
        let mut sessions = Sessions::new(LIVES);
        for number in 0..MOST as u64 + 1 {
            sessions.begin(Time::from_millis(number), &number.to_string(), String::new());
        }
        assert_eq!(sessions.open.len(), MOST);
        assert!(sessions.pass(at(1), "0").is_none());
        assert!(sessions.pass(at(1), "1").is_some());
    }
}
