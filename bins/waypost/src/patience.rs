//! A line that says that the router is still at work, on a terminal, when an answer takes longer than it usually does.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An answer that comes by then needs no line.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line is redrawn.
const PERIOD: Duration = Duration::from_millis(250);

/// Draws the line from another thread until it is dropped, and takes it away then.
pub(crate) struct Patience {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Patience {
    /// `what` is at work from now on.
    pub(crate) fn while_working(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self {
                done: None,
                thread: None,
            };
        }
        let (done, working) = channel::<()>();
        let start = Instant::now();
        let draw = move || {
            let mut pause = PATIENCE;
            while working.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = PERIOD;
                // A line that cannot be drawn is not missed.
                drop(write!(
                    std::io::stderr(),
                    "\r\x1b[K{what}: {:.1} s",
                    start.elapsed().as_secs_f64()
                ));
            }
            if pause == PERIOD {
                drop(write!(std::io::stderr(), "\r\x1b[K"));
            }
        };
        Self {
            done: Some(done),
            thread: std::thread::Builder::new().spawn(draw).ok(),
        }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
