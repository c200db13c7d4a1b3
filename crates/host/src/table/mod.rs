//! The routing table's thread: it owns the forwarding machine, and the table as far as its lock goes.
//!
//! Protocols send batches of route changes, the manager preferences and interfaces, the API questions, all through one bounded
//! channel. After each round the changes go to the kernel in batches, and to the protocols that asked for news of routes.
//!
//! Modules call functions that have done their work when they return, a million times in a row: they change the table from
//! their own threads, behind a lock that the table's thread takes for a slice of its work at a time.

mod call;
mod connected;
mod handle;
mod kernel;
mod listeners;
mod modules;
mod owners;
mod shared;
mod worker;

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::bounded;
use waypost_fib::Fib;
use waypost_rtm::Rtm;
use waypost_sys::process;
use waypost_sys::wait::Waker;
use waypost_types::{ProtocolId, Seed, Time};

pub use handle::{Sink, TableHandle};

/// Commands that may wait; whoever brings more waits with them.
const QUEUE: usize = 1024;

/// How long a restarted router leaves the kernel's routes alone. What the first neighbour says is not yet the best there is:
/// followed at once, it could send packets in circles until the others are heard.
pub const RESTART_HOLD: Duration = Duration::from_secs(2);

/// How the table is run.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// How long routes of an earlier life, and of a protocol that failed, are kept for it to set them again.
    pub restart_time: Duration,
    /// How long the kernel's routes of an earlier life stay as they are once the protocols are started, [`RESTART_HOLD`] for
    /// protocols that hear neighbours. Zero: no time at all.
    pub restart_hold: Duration,
    /// Keys hash tables.
    pub seed: Seed,
    /// Whether routes name nexthop objects where the kernel has them. Without, each route carries its gateways.
    pub nexthop_objects: bool,
    /// Room for news of the kernel that is not read yet, octets. When it runs over, everything is read anew.
    pub receive_buffer: usize,
}

impl TableOptions {
    /// No hold, nexthop objects, and room for what others change in a few tens of thousands of routes between two looks.
    #[must_use]
    pub const fn new(restart_time: Duration, seed: Seed) -> Self {
        Self {
            restart_time,
            restart_hold: Duration::ZERO,
            seed,
            nexthop_objects: true,
            receive_buffer: 16 << 20,
        }
    }
}

/// The table and the kernel's part of it, to look at.
#[derive(Clone, Copy)]
pub struct TableView<'a> {
    /// The routing table.
    pub rtm: &'a Rtm,
    /// What became of it in the kernel.
    pub fib: &'a Fib,
    /// How many routes of each protocol the table has refused.
    pub refused: &'a BTreeMap<ProtocolId, u64>,
    /// The time.
    pub now: Time,
}

/// Starts the thread, in the calling thread's network namespace. It reads the kernel's state before this returns.
///
/// `failed` is called with the reason when the thread ends for another one than [`TableHandle::shutdown`]. Nobody programs
/// the kernel from then on; its routes stay as they are.
pub fn spawn(options: TableOptions, failed: impl FnOnce(String) + Send + 'static) -> io::Result<TableHandle> {
    let (sender, commands) = bounded(QUEUE);
    let waker = Waker::new()?;
    let shown = Arc::new(handle::Shown::default());
    let worker = worker::Worker::new(options, commands, waker.clone(), shown.clone())?;
    let table = worker.table();
    std::thread::Builder::new()
        .name("routes".to_owned())
        .spawn(move || {
            process::name_thread("routes");
            // Nothing of the worker is used after a panic.
            let reason = match catch_unwind(AssertUnwindSafe(|| worker.run())) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => panic_text(panic.as_ref()),
            };
            failed(format!(
                "the routing table's thread failed; routes stay in the kernel as they are: {reason}"
            ));
        })?;
    Ok(TableHandle::new(sender, waker, shown, table))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use waypost_sys::namespace::in_new_network_namespace;

    use super::*;

    /// Needs root, or `unshare --user --map-root-user`.
    #[test]
    fn a_thread_that_dies_says_so() {
        in_new_network_namespace(|| {
            let options = TableOptions::new(Duration::ZERO, Seed(1));
            let (sender, failures) = mpsc::channel();
            let table = spawn(options, move |reason| sender.send(reason).unwrap()).unwrap();
            table.query(Box::new(|_| panic!("a bug in {}", "here")));
            let reason = failures.recv_timeout(Duration::from_secs(10)).unwrap();
            assert!(reason.ends_with("panicked: a bug in here"), "{reason}");
            // Nobody waits for a thread that is no more.
            assert_eq!(table.ask(|_| ()), None);
            table.shutdown(true);

            let (sender, failures) = mpsc::channel();
            let table = spawn(options, move |reason| sender.send(reason).unwrap()).unwrap();
            table.shutdown(true);
            assert!(
                failures.recv_timeout(Duration::from_secs(10)).is_err(),
                "as asked for is no failure"
            );
        })
        .unwrap();
    }
}
