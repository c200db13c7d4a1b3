//! A thread that others call to look at what they left under a lock: until it looks, one call is enough.
//!
//! Apart from the atomics and the system calls, so that every order in which threads can take these steps is tried
//! (`call/tests.rs`): what was left before a call is seen, without a call for each.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

use waypost_sys::wait::Waker;

/// A flag that all threads see.
pub(super) trait Flag {
    /// Sets it, and says whether it was set already.
    fn set(&self) -> bool;
    fn clear(&self);
}

impl Flag for AtomicBool {
    fn set(&self) -> bool {
        self.swap(true, Ordering::AcqRel)
    }

    fn clear(&self) {
        // Exchanged rather than stored, as it is set: every step is about the one before it.
        self.swap(false, Ordering::AcqRel);
    }
}

/// Wakes the thread, now or when it goes to sleep.
pub(super) trait Wake {
    fn wake(&self);
    /// Forgets who woke it so far.
    fn take(&self);
}

impl Wake for Waker {
    fn wake(&self) {
        Self::wake(self);
    }

    fn take(&self) {
        Self::take(self);
    }
}

/// Calls a thread.
pub(super) struct Call<W, F = AtomicBool> {
    waker: W,
    /// The thread was woken and has not looked yet: to wake it again would cost a system call for nothing.
    is_woken: F,
}

impl<W: Wake, F: Flag + Default> Call<W, F> {
    pub(super) fn new(waker: W) -> Self {
        Self {
            waker,
            is_woken: F::default(),
        }
    }

    /// Has the thread look at what was left.
    pub(super) fn notice(&self) {
        if !self.is_woken.set() {
            self.waker.wake();
        }
    }

    /// The thread begins to look: what is left from now on wakes it again.
    pub(super) fn looks(&self) {
        self.waker.take();
        self.is_woken.clear();
    }
}
