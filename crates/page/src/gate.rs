//! Who is let in.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use waypost_types::Time;

use crate::denial::Denial;
use crate::sessions::{Lives, Pass, Sessions};
use crate::throttle::Throttle;

/// What the daemon drew, and who has shown it.
pub(crate) struct Gate {
    /// The token's digest: comparing digests takes as long whatever is offered, and however long that is.
    token: [u8; 32],
    state: Mutex<State>,
}

struct State {
    sessions: Sessions,
    throttle: Throttle,
}

/// Who offers a token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visitor {
    /// The user on whose behalf the browser runs, if it runs on this machine.
    pub(crate) user: Option<u32>,
    /// Its name.
    pub(crate) name: Option<String>,
}

impl Visitor {
    /// How it stands in the history.
    fn author(&self) -> String {
        match (&self.name, self.user) {
            (Some(name), _) => format!("page ({name})"),
            (None, Some(user)) => format!("page (uid:{user})"),
            (None, None) => "page".to_owned(),
        }
    }
}

impl Gate {
    pub(crate) fn new(token: &str, lives: Lives) -> Self {
        Self {
            token: Sha256::digest(token.as_bytes()).into(),
            state: Mutex::new(State {
                sessions: Sessions::new(lives),
                throttle: Throttle::default(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody in who has the token: `secret` names the session from then on. Answers with the author of what is changed
    /// in it.
    pub(crate) fn sign_in(
        &self,
        now: Time,
        visitor: &Visitor,
        token: &str,
        secret: &str,
    ) -> Result<String, Denial> {
        let mut state = self.state();
        if let Some(wait) = state.throttle.wait(now, visitor.user) {
            return Err(Denial::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too many wrong tokens; wait before the next attempt",
            )
            .with_allowed(&format!("an attempt in {} s", wait.as_secs().max(1)))
            .after(wait));
        }
        let offered: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if !bool::from(offered.ct_eq(&self.token)) {
            state.throttle.wrong(now, visitor.user);
            return Err(Denial::new(
                StatusCode::UNAUTHORIZED,
                "this is not the token of the running daemon; `waypost page` on the router prints it",
            ));
        }
        let author = visitor.author();
        state.sessions.begin(now, secret, author.clone());
        Ok(author)
    }

    /// Lets a request of a session through.
    pub(crate) fn pass(&self, now: Time, secret: Option<&str>) -> Result<Pass, Denial> {
        let pass = secret.and_then(|secret| self.state().sessions.pass(now, secret));
        pass.ok_or_else(|| {
            Denial::new(
                StatusCode::UNAUTHORIZED,
                "sign in first: there is no such session, or it is over",
            )
        })
    }

    pub(crate) fn sign_out(&self, secret: &str) {
        self.state().sessions.end(secret);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gate() -> Gate {
        let lives = Lives {
            idle: Duration::from_secs(60),
            whole: Duration::from_secs(600),
        };
        Gate::new("the token", lives)
    }

    #[test]
    fn the_token_opens_a_session_that_can_be_ended() {
        let gate = gate();
        let alice = Visitor {
            user: Some(1000),
            name: Some("alice".to_owned()),
        };
        assert_eq!(gate.pass(Time::ZERO, None).unwrap_err().http, 401);
        assert_eq!(gate.pass(Time::ZERO, Some("s")).unwrap_err().http, 401);
        assert_eq!(
            gate.sign_in(Time::ZERO, &alice, "the token", "s").unwrap(),
            "page (alice)"
        );
        assert_eq!(gate.pass(Time::ZERO, Some("s")).unwrap().author, "page (alice)");
        assert_eq!(
            gate.pass(Time::from_secs(60), Some("s")).unwrap_err().http,
            401,
            "expired"
        );
        gate.sign_in(Time::ZERO, &Visitor::default(), "the token", "t")
            .unwrap();
        assert_eq!(gate.pass(Time::ZERO, Some("t")).unwrap().author, "page");
        gate.sign_out("t");
        assert!(gate.pass(Time::ZERO, Some("t")).is_err());
    }

    #[test]
    fn who_is_wrong_too_often_waits_and_nobody_else() {
        let gate = gate();
        let mallory = Visitor {
            user: Some(1001),
            name: None,
        };
        for wrong in ["", "the toke", "the token ", "THE TOKEN", "\u{0}"] {
            let denial = gate.sign_in(Time::ZERO, &mallory, wrong, "m").unwrap_err();
            assert_eq!(denial.http, 401, "{wrong:?}");
        }
        let denial = gate.sign_in(Time::ZERO, &mallory, "the token", "m").unwrap_err();
        assert_eq!(
            (denial.http.as_u16(), denial.wait),
            (429, Some(Duration::from_secs(10)))
        );
        assert!(gate.pass(Time::ZERO, Some("m")).is_err());
        let alice = Visitor {
            user: Some(1000),
            name: None,
        };
        assert_eq!(
            gate.sign_in(Time::ZERO, &alice, "the token", "a").unwrap(),
            "page (uid:1000)"
        );
    }
}
