//! Every order of steps of two threads that leave something and of the one that they call, as the memory of the machine allows
//! them: a thread that sleeps while something is left for it fails the test.

use loom::sync::atomic::AtomicBool;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::*;

#[derive(Default)]
struct ModelledFlag(AtomicBool);

impl Flag for ModelledFlag {
    fn set(&self) -> bool {
        self.0.swap(true, Ordering::AcqRel)
    }

    fn clear(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

/// The counter of the kernel, and who sleeps until it is not 0.
#[derive(Default)]
struct Counter {
    calls: Mutex<u32>,
    woken: Condvar,
}

impl Wake for Counter {
    fn wake(&self) {
        *self.calls.lock().unwrap() += 1;
        self.woken.notify_one();
    }

    fn take(&self) {
        *self.calls.lock().unwrap() = 0;
    }
}

impl Counter {
    fn sleep(&self) {
        let mut calls = self.calls.lock().unwrap();
        while *calls == 0 {
            calls = self.woken.wait(calls).unwrap();
        }
    }
}

struct Shared {
    left: Mutex<u32>,
    call: Call<Counter, ModelledFlag>,
}

fn leave(shared: &Shared, what: u32) {
    *shared.left.lock().unwrap() += what;
    shared.call.notice();
}

#[test]
fn who_is_called_sees_what_was_left() {
    let mut model = loom::model::Builder::new();
    // Without a bound it takes minutes; a call is lost with two already when `looks` does its steps the other way round.
    model.preemption_bound = Some(3);
    model.check(|| {
        let shared = Arc::new(Shared {
            left: Mutex::new(0),
            call: Call::new(Counter::default()),
        });
        let leavers = [&[1][..], &[10, 100]].map(|all| {
            let shared = shared.clone();
            thread::spawn(move || all.iter().for_each(|what| leave(&shared, *what)))
        });
        // A lost call would let it sleep for ever, which the model tells.
        let mut seen = 0;
        while seen != 111 {
            shared.call.waker.sleep();
            shared.call.looks();
            seen = *shared.left.lock().unwrap();
        }
        for leaver in leavers {
            leaver.join().unwrap();
        }
    });
}

#[test]
fn two_calls_before_a_look_wake_once() {
    loom::model(|| {
        let call: Call<Counter, ModelledFlag> = Call::new(Counter::default());
        call.notice();
        call.notice();
        assert_eq!(*call.waker.calls.lock().unwrap(), 1);
        call.looks();
        assert_eq!(*call.waker.calls.lock().unwrap(), 0);
        call.notice();
        assert_eq!(*call.waker.calls.lock().unwrap(), 1);
    });
}
