//! The routing table's thread: the table itself, the forwarding machine, and the sockets to the kernel.
//!
//! One thread owns them all, so nothing is locked. Everybody else has a [`TableHandle`]. Calls that change the table go
//! through a bounded channel and wait while the thread is behind; they take effect in the order in which they were made.
//!
//! The thread hears the kernel's news of links and addresses itself: whether an interface can be used reaches the table
//! and the forwarding machine together, and connected networks are in the table as routes of
//! [`ProtocolId::LOCAL`](waypost_types::ProtocolId::LOCAL) without anybody's doing.
//!
//! # Start
//! Routes of an earlier life stay in the kernel, and are adopted as protocols set them again. What nobody has set is
//! deleted when [`TableHandle::start_complete`] was called and every registered protocol
//! [converged](TableHandle::converged), or when the restart timer ran out.

mod connected;
mod interest;
mod kernel;
mod thread;
mod view;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use waypost_manager::{Autostatic, RouteTable};
use waypost_rtm::EntityConfig;
use waypost_sys::wait::Waker;
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, RouteBatch, RouteNotice, Seed};

pub use view::{Explanation, TableView};

/// Calls that may wait for the thread before the next caller has to.
const CHANNEL: usize = 256;

/// Who is handed news of routes. Runs on the table's thread and must not wait.
pub type NoticeSink = Box<dyn Fn(Vec<RouteNotice>) + Send>;

/// What can be chosen about the table.
#[derive(Clone, Debug)]
pub struct TableConfig {
    /// Keys the hash tables.
    pub seed: Seed,
    /// How long routes of an earlier life are kept for protocols that do not converge.
    pub restart_time: Duration,
    /// How long the routes of a failed protocol are kept.
    pub grace_time: Duration,
}

impl TableConfig {
    /// Two minutes each.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Self {
            seed,
            restart_time: Duration::from_secs(120),
            grace_time: Duration::from_secs(120),
        }
    }
}

/// Whether our routes stay in the kernel when the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// They stay, for the next life to adopt.
    RoutesInKernel,
    /// They are deleted.
    NothingInKernel,
}

type Question = Box<dyn FnOnce(&TableView<'_>) + Send>;

pub(crate) enum Command {
    Register(EntityConfig),
    Batch(ProtocolId, RouteBatch),
    Interest(ProtocolId, Vec<ProtocolId>, NoticeSink),
    Remove(ProtocolId),
    KeepForGrace(ProtocolId),
    Converged(ProtocolId),
    StartComplete,
    Preference(ProtocolId, Option<u8>),
    RoutesThrough(ProtocolId, InterfaceIndex, Sender<Autostatic>),
    SetAutostatic(InterfaceIndex, Autostatic),
    Query(Question),
    Settled(Sender<()>),
    Shutdown(Leave),
}

struct Line {
    commands: Sender<Command>,
    waker: Waker,
}

/// The way to the table's thread. Clones lead to the same one. Once the thread has ended, calls do nothing.
#[derive(Clone)]
pub struct TableHandle {
    line: Arc<Line>,
}

/// Starts the thread, in the calling thread's network namespace. The kernel has been read when this returns.
///
/// Fails if a netlink socket cannot be opened or the kernel's state cannot be read.
pub fn spawn(config: TableConfig) -> io::Result<(TableHandle, JoinHandle<()>)> {
    let (sender, receiver): (Sender<Command>, Receiver<Command>) = bounded(CHANNEL);
    let waker = Waker::new()?;
    let mut state = thread::TableThread::open(config, receiver, waker.clone())?;
    let join = std::thread::Builder::new()
        .name("table".to_owned())
        .spawn(move || state.run())?;
    let line = Arc::new(Line { commands: sender, waker });
    Ok((TableHandle { line }, join))
}

impl TableHandle {
    fn call(&self, command: Command) {
        // An error means that the thread has ended, and then there is nobody left to care.
        if self.line.commands.send(command).is_ok() {
            self.line.waker.wake();
        }
    }

    /// A protocol takes part from now on, on these terms; routes it had before as well, which stay stale until it sets
    /// them again. A protocol that sends routes without this is registered on default terms.
    pub fn register(&self, config: EntityConfig) {
        self.call(Command::Register(config));
    }

    /// Applies changes of a protocol's routes, in order. Waits while the table is behind.
    pub fn batch(&self, protocol: ProtocolId, batch: RouteBatch) {
        if !batch.is_empty() {
            self.call(Command::Batch(protocol, batch));
        }
    }

    /// From now on hands news of the best routes of `owners` to `sink`, a slice at a time, beginning with what there is.
    /// Takes the place of what the protocol asked for before. Its own routes are never told; no owners end it.
    pub fn interest(&self, protocol: ProtocolId, owners: Vec<ProtocolId>, sink: NoticeSink) {
        self.call(Command::Interest(protocol, owners, sink));
    }

    /// A protocol has stopped: all its routes go.
    pub fn remove_protocol(&self, protocol: ProtocolId) {
        self.call(Command::Remove(protocol));
    }

    /// A protocol has failed: its routes stay in use for the grace time; what it does not set again until then, or until
    /// it [converged](Self::converged), goes.
    pub fn keep_for_grace(&self, protocol: ProtocolId) {
        self.call(Command::KeepForGrace(protocol));
    }

    /// A protocol has set all the routes it knows of.
    pub fn converged(&self, protocol: ProtocolId) {
        self.call(Command::Converged(protocol));
    }

    /// Every protocol that is to run has been registered.
    pub fn start_complete(&self) {
        self.call(Command::StartComplete);
    }

    /// Sets the preference, 1..=255, of a protocol's routes that state none; `None` goes back to the default.
    pub fn set_preference(&self, protocol: ProtocolId, preference: Option<u8>) {
        self.call(Command::Preference(protocol, preference));
    }

    /// The routes of `protocol` whose next hops all lie on `interface`. Waits for the answer.
    #[must_use]
    pub fn routes_through(&self, protocol: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)> {
        let (reply, answer) = bounded(1);
        self.call(Command::RoutesThrough(protocol, interface, reply));
        answer.recv().unwrap_or_default()
    }

    /// Makes these the autostatic routes of an interface, in the place of all it had.
    pub fn set_autostatic(&self, interface: InterfaceIndex, routes: Vec<(Prefix, Route)>) {
        self.call(Command::SetAutostatic(interface, routes));
    }

    /// Runs `question` on the table's thread. It should be short: pages, not everything.
    pub fn query(&self, question: impl FnOnce(&TableView<'_>) + Send + 'static) {
        self.call(Command::Query(Box::new(question)));
    }

    /// Like [`Self::query`], and waits for the answer; `None` if the thread has ended.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&TableView<'_>) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = bounded(1);
        self.query(move |view| drop(reply.send(question(view))));
        answer.recv().ok()
    }

    /// Waits until everything called so far is in the kernel, has failed or waits for an event, and until all news of it
    /// was handed out. False if that took longer than `timeout`.
    #[must_use]
    pub fn settled(&self, timeout: Duration) -> bool {
        let (reply, answer) = bounded(1);
        self.call(Command::Settled(reply));
        answer.recv_timeout(timeout).is_ok()
    }

    /// Ends the thread, which then can be joined.
    pub fn shutdown(&self, leave: Leave) {
        self.call(Command::Shutdown(leave));
    }
}

impl RouteTable for TableHandle {
    fn set_preference(&mut self, protocol: ProtocolId, preference: u8) {
        Self::set_preference(self, protocol, Some(preference));
    }

    fn remove_protocol(&mut self, protocol: ProtocolId) {
        Self::remove_protocol(self, protocol);
    }

    fn keep_for_grace(&mut self, protocol: ProtocolId) {
        Self::keep_for_grace(self, protocol);
    }

    fn routes_through(&mut self, protocol: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)> {
        Self::routes_through(self, protocol, interface)
    }

    fn set_autostatic(&mut self, interface: InterfaceIndex, routes: Autostatic) {
        Self::set_autostatic(self, interface, routes);
    }
}
