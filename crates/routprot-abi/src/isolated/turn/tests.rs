//! Every order of steps of two sides, as the memory of the machine allows them: somebody who sleeps for ever, or who sees a
//! question before its octets, fails the test.

use loom::sync::atomic::{AtomicBool, AtomicU32, fence};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::*;

/// A number whose sleepers are woken by who changed it and by nobody else: time is never up.
#[derive(Default)]
struct Modelled {
    value: AtomicU32,
    sleepers: Mutex<()>,
    woken: Condvar,
}

impl Word for Modelled {
    fn load(&self) -> u32 {
        self.value.load(Ordering::Acquire)
    }

    fn store(&self, value: u32) {
        self.value.store(value, Ordering::Release);
    }

    fn swap(&self, value: u32) -> u32 {
        self.value.swap(value, Ordering::AcqRel)
    }

    fn or(&self, bits: u32) {
        self.value.fetch_or(bits, Ordering::AcqRel);
    }

    fn fence() {
        fence(Ordering::SeqCst);
    }

    fn sleep(&self, seen: u32, _: Duration) {
        // The kernel compares and falls asleep under the lock that who wakes takes.
        let sleepers = self.sleepers.lock().unwrap();
        if self.value.load(Ordering::Acquire) == seen {
            drop(self.woken.wait(sleepers).unwrap());
        }
    }

    fn wake(&self) {
        let _sleepers = self.sleepers.lock().unwrap();
        self.woken.notify_all();
    }
}

/// A place with one octet, and whether it is closed.
#[derive(Default)]
struct Place {
    turn: Turn<Modelled>,
    octet: AtomicU32,
    closed: AtomicBool,
    bells: Bells<Modelled>,
}

const NAP: Duration = Duration::from_secs(1);

impl Place {
    fn wait(&self, side: Side) -> Result<u32, Silence> {
        self.turn
            .wait(side, || self.is_closed(), || NAP)
            .map(|()| self.octet.load(Ordering::Relaxed))
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.turn.close();
        self.bells.close();
    }

    fn ask(&self, octet: u32) -> Result<u32, Silence> {
        self.octet.store(octet, Ordering::Relaxed);
        self.turn.ask();
        let answer = self.wait(Side::Asker);
        if answer.is_ok() {
            self.turn.rest();
        }
        answer
    }

    /// Answers one question with the next number.
    fn answer_one(&self) -> Result<(), Silence> {
        let question = self.wait(Side::Answerer)?;
        self.octet.store(question + 1, Ordering::Relaxed);
        self.turn.answer();
        Ok(())
    }
}

/// Tries every order with up to three changes of the thread that runs where it could have gone on.
fn in_every_order(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(test);
}

#[test]
fn no_question_and_no_answer_is_lost() {
    in_every_order(|| {
        let place = Arc::new(Place::default());
        let there = Arc::clone(&place);
        let answerer = thread::spawn(move || (0..2).all(|_| there.answer_one().is_ok()));
        assert_eq!(place.ask(10), Ok(11));
        assert_eq!(place.ask(20), Ok(21));
        assert!(answerer.join().unwrap());
    });
}

/// Whoever closes it while the other side goes to sleep wakes it, and an answer that was given before is had.
#[test]
fn nobody_sleeps_on_when_it_is_closed() {
    in_every_order(|| {
        let place = Arc::new(Place::default());
        let there = Arc::clone(&place);
        let answerer = thread::spawn(move || {
            let answered = there.answer_one();
            there.close();
            answered
        });
        let answer = place.ask(10);
        assert_eq!(answerer.join().unwrap(), Ok(()));
        assert_eq!(answer, Ok(11));
        assert_eq!(place.ask(20), Err(Silence::Closed));
    });
}

#[test]
fn who_awaits_a_question_is_woken_by_the_end() {
    in_every_order(|| {
        let place = Arc::new(Place::default());
        let there = Arc::clone(&place);
        let answerer = thread::spawn(move || there.answer_one());
        place.close();
        assert_eq!(answerer.join().unwrap(), Err(Silence::Closed));
    });
}

/// A thread asks what a third one closes.
#[test]
fn who_asks_while_another_closes_is_woken() {
    in_every_order(|| {
        let place = Arc::new(Place::default());
        let there = Arc::clone(&place);
        let closer = thread::spawn(move || there.close());
        assert_eq!(place.ask(10), Err(Silence::Closed));
        closer.join().unwrap();
    });
}

#[test]
fn every_bell_is_heard() {
    in_every_order(|| {
        let place = Arc::new(Place::default());
        let there = Arc::clone(&place);
        let listener = thread::spawn(move || {
            let mut heard = 0;
            while let Some(rung) = there.bells.listen(|| there.is_closed(), NAP) {
                heard |= rung;
            }
            heard
        });
        place.bells.ring(0);
        place.bells.ring(2);
        place.close();
        assert_eq!(listener.join().unwrap(), 0b101);
    });
}
