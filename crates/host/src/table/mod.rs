//! The routing table's thread: it owns the table and the forwarding machine, and nobody else touches either.
//!
//! Protocols send batches of route changes, the manager preferences and interfaces, the API questions, all through one bounded
//! channel. After each round the changes go to the kernel in batches, and to the protocols that asked for news of routes.

mod connected;
mod handle;
mod kernel;
mod owners;
mod worker;

use std::io;
use std::time::Duration;

use crossbeam_channel::bounded;
use waypost_fib::Fib;
use waypost_rtm::Rtm;
use waypost_sys::process;
use waypost_sys::wait::Waker;
use waypost_types::{Seed, Time};

pub use handle::{Sink, TableHandle};

/// Commands that may wait; whoever brings more waits with them.
const QUEUE: usize = 1024;

/// How the table is run.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// How long routes of an earlier life, and of a protocol that failed, are kept for it to set them again.
    pub restart_time: Duration,
    /// Keys hash tables.
    pub seed: Seed,
    /// Whether routes name nexthop objects where the kernel has them. Without, each route carries its gateways.
    pub nexthop_objects: bool,
    /// Room for news of the kernel that is not read yet, octets. When it runs over, everything is read anew.
    pub receive_buffer: usize,
}

impl TableOptions {
    /// Nexthop objects, and room for what others change in a few tens of thousands of routes between two looks.
    #[must_use]
    pub const fn new(restart_time: Duration, seed: Seed) -> Self {
        Self {
            restart_time,
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
    /// The time.
    pub now: Time,
}

/// Starts the thread, in the calling thread's network namespace. It reads the kernel's state before this returns.
pub fn spawn(options: TableOptions) -> io::Result<TableHandle> {
    let (sender, commands) = bounded(QUEUE);
    let waker = Waker::new()?;
    let worker = worker::Worker::new(options, commands, waker.clone())?;
    std::thread::Builder::new().name("routes".to_owned()).spawn(move || {
        process::name_thread("routes");
        if let Err(error) = worker.run() {
            tracing::error!(%error, "the routing table's thread failed; routes stay in the kernel as they are");
        }
    })?;
    Ok(TableHandle::new(sender, waker))
}
