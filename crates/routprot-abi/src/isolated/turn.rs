//! Who waits for whom: whose turn it is in a place where one side asks and the other answers, and bells that one side rings.
//!
//! Apart from the memory and the system calls, so that every order in which two sides can take these steps is tried
//! (`turn/tests.rs`): nobody may sleep when there is something to wake for.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::time::Duration;

use super::futex;

/// A number that both sides see, and that one may sleep on.
pub(super) trait Word {
    fn load(&self) -> u32;
    fn store(&self, value: u32);
    fn swap(&self, value: u32) -> u32;
    fn or(&self, bits: u32);
    /// What this thread stored before, others see before what it loads after.
    fn fence();
    /// Sleeps unless the number is no longer `seen`, until it is woken, time is up, or for no reason.
    fn sleep(&self, seen: u32, time: Duration);
    /// Wakes who sleeps on it.
    fn wake(&self);
}

impl Word for AtomicU32 {
    fn load(&self) -> u32 {
        self.load(Ordering::Acquire)
    }

    fn store(&self, value: u32) {
        self.store(value, Ordering::Release);
    }

    fn swap(&self, value: u32) -> u32 {
        self.swap(value, Ordering::AcqRel)
    }

    fn or(&self, bits: u32) {
        self.fetch_or(bits, Ordering::AcqRel);
    }

    fn fence() {
        fence(Ordering::SeqCst);
    }

    fn sleep(&self, seen: u32, time: Duration) {
        futex::wait(self, seen, time);
    }

    fn wake(&self) {
        futex::wake(self);
    }
}

/// Whose turn it is.
const IDLE: u32 = 0;
const ASKED: u32 = 1;
const ANSWERED: u32 = 2;
/// One of the sides has closed the place: a bit beside the turn, so that an answer that was given is not lost, and that whoever
/// goes to sleep just now finds another number than it saw.
const CLOSED: u32 = 4;

/// Which side waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// For an answer.
    Asker,
    /// For a question.
    Answerer,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// One of the sides is gone.
    Closed,
    /// Time is up. Nothing may be asked in the place any more.
    Late,
}

/// Whose turn it is, and who sleeps until it is theirs.
#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct Turn<W> {
    turn: W,
    asker_sleeps: W,
    answerer_sleeps: W,
}

impl<W: Word> Turn<W> {
    /// There is a question.
    pub(super) fn ask(&self) {
        self.pass(ASKED, &self.answerer_sleeps);
    }

    /// There is an answer.
    pub(super) fn answer(&self) {
        self.pass(ANSWERED, &self.asker_sleeps);
    }

    /// The answer was taken.
    pub(super) fn rest(&self) {
        self.turn.store(IDLE);
    }

    fn pass(&self, turn: u32, sleeps: &W) {
        self.turn.store(turn);
        W::fence();
        if sleeps.load() != 0 {
            self.turn.wake();
        }
    }

    /// Nobody waits any more, after others were told so by what `is_closed` of [`Self::wait`] looks at.
    pub(super) fn close(&self) {
        W::fence();
        self.turn.or(CLOSED);
        self.turn.wake();
    }

    pub(super) fn is_turn_of(&self, side: Side) -> bool {
        self.turn.load() & !CLOSED == side.wants()
    }

    /// Sleeps until it is the turn of a side, as often as need be `rest()` long; no more when that is nothing.
    pub(super) fn wait(
        &self,
        side: Side,
        is_closed: impl Fn() -> bool,
        mut rest: impl FnMut() -> Duration,
    ) -> Result<(), Silence> {
        let sleeps = match side {
            Side::Asker => &self.asker_sleeps,
            Side::Answerer => &self.answerer_sleeps,
        };
        loop {
            let rest = rest();
            // Said before the last look: who changes the turn after it sees that somebody sleeps.
            sleeps.store(1);
            W::fence();
            let seen = self.turn.load();
            if seen & !CLOSED != side.wants() && !is_closed() {
                self.turn.sleep(seen, rest);
            }
            sleeps.store(0);
            if self.is_turn_of(side) {
                return Ok(());
            }
            if is_closed() {
                return Err(Silence::Closed);
            }
            if rest.is_zero() {
                return Err(Silence::Late);
            }
        }
    }

    /// What a side may do that means harm.
    pub(super) fn scribble(&self, word: usize, value: u32) {
        match word % 3 {
            0 => self.turn.store(value % 8),
            1 => self.asker_sleeps.store(value),
            _ => self.answerer_sleeps.store(value),
        }
    }
}

impl Side {
    const fn wants(self) -> u32 {
        match self {
            Self::Asker => ANSWERED,
            Self::Answerer => ASKED,
        }
    }
}

/// Rung when the bells are closed: nobody's bell.
const CLOSING: u32 = 1 << 31;
/// How many bells there are.
pub(super) const BELLS: u32 = 31;

/// Bells, which of them rang.
#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct Bells<W>(W);

impl<W: Word> Bells<W> {
    /// Rings one. Never waits.
    pub(super) fn ring(&self, bell: u32) {
        self.0.or(1 << (bell % BELLS));
        self.0.wake();
    }

    /// Nobody listens any more, after others were told so by what `is_closed` of [`Self::listen`] looks at.
    pub(super) fn close(&self) {
        W::fence();
        self.0.or(CLOSING);
        self.0.wake();
    }

    /// Waits for bells, one bit each, as often as need be `rest` long; `None` when they are closed.
    pub(super) fn listen(&self, is_closed: impl Fn() -> bool, rest: Duration) -> Option<u32> {
        loop {
            // Looked at first: what rang before the end is heard.
            let is_closed = is_closed();
            let seen = self.0.swap(0);
            let rung = seen & !CLOSING;
            if rung != 0 {
                return Some(rung);
            }
            if is_closed {
                return None;
            }
            // Otherwise the end came between the two looks, and nobody wakes for it again.
            if seen == 0 {
                self.0.sleep(0, rest);
            }
        }
    }
}
