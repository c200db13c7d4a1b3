//! The way to the routing table, for any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use waypost_manager::{InterfaceChange, RouteTerms};
use waypost_rtmv2::RouteTable;
use waypost_sys::wait::Waker;
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, RouteBatch, RouteNotice};

use super::TableView;
use super::modules::ModuleTable;
use super::shared::SharedTable;

/// Takes news of routes. Never waits.
pub type Sink = Box<dyn Fn(Vec<RouteNotice>) + Send>;

/// Looks at the table on its thread.
pub(super) type Look = Box<dyn FnOnce(&TableView<'_>) + Send>;

/// What the thread is asked to do.
pub(super) enum Command {
    Batch(ProtocolId, RouteBatch),
    Interest(ProtocolId, Vec<ProtocolId>, Sink),
    Remove(ProtocolId),
    Grace(ProtocolId),
    Preference(ProtocolId, u8),
    Terms(ProtocolId, RouteTerms),
    /// In mebibytes.
    MemoryBudget(Option<u32>),
    Autostatic(InterfaceIndex, Vec<(Prefix, Route)>),
    Interfaces(Vec<InterfaceChange>),
    Look(Look),
    /// Answer when the kernel has everything that was asked for before.
    Settle(Sender<()>),
    StartComplete,
    Shutdown {
        keep_routes: bool,
        done: Sender<()>,
    },
}

/// The way to the routing table. Calls return when the command is queued, unless they have a result.
#[derive(Clone)]
pub struct TableHandle {
    commands: Sender<Command>,
    waker: Waker,
    shown: Arc<Shown>,
    table: Arc<SharedTable>,
}

/// What the thread shows to whoever asks without waiting.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Routes of ours that the kernel had when the thread had nothing to do last.
    pub(super) installed: AtomicUsize,
    /// Milliseconds for which the kernel's routes of an earlier life stay once the protocols are started; 0 when they no
    /// longer do.
    pub(super) hold: AtomicU64,
}

impl TableHandle {
    pub(super) const fn new(
        commands: Sender<Command>,
        waker: Waker,
        shown: Arc<Shown>,
        table: Arc<SharedTable>,
    ) -> Self {
        Self {
            commands,
            waker,
            shown,
            table,
        }
    }

    /// The table as a fresh instance of a module has it, for RTMv2.
    #[must_use]
    pub fn for_module(&self, protocol: ProtocolId) -> Arc<dyn RouteTable> {
        Arc::new(ModuleTable::new(protocol, self.table.clone()))
    }

    /// How many routes of ours the kernel had when the thread had nothing to do last. Does not wait.
    #[must_use]
    pub fn installed(&self) -> usize {
        self.shown.installed.load(Ordering::Relaxed)
    }

    /// How long packets follow the routes of an earlier life once the protocols are started; zero when they do not, or no
    /// longer. Does not wait.
    #[must_use]
    pub fn restart_hold(&self) -> Duration {
        Duration::from_millis(self.shown.hold.load(Ordering::Relaxed))
    }

    /// Waits while the queue is full; a thread that has ended takes nothing any more.
    fn send(&self, command: Command) {
        drop(self.commands.send(command));
        self.waker.wake();
    }

    /// Changes routes of a protocol, in order and as one.
    pub fn batch(&self, protocol: ProtocolId, batch: RouteBatch) {
        self.send(Command::Batch(protocol, batch));
    }

    /// From now on tells `sink` of the best routes of `owners`, starting with what there is, in the place of what the
    /// protocol was told of before. Its own routes are never told.
    pub fn interest(&self, protocol: ProtocolId, owners: Vec<ProtocolId>, sink: Sink) {
        self.send(Command::Interest(protocol, owners, sink));
    }

    /// Removes all routes of a protocol that has stopped.
    pub fn remove_protocol(&self, protocol: ProtocolId) {
        // Those of a module at once, so that the next instance finds none.
        let mut core = self.table.lock();
        for entity in core.of(protocol) {
            core.tables.deregister(entity);
        }
        drop(core);
        self.send(Command::Remove(protocol));
    }

    /// Keeps the routes of a protocol that failed for the restart time; what it does not set again by then goes.
    pub fn keep_for_grace(&self, protocol: ProtocolId) {
        self.send(Command::Grace(protocol));
    }

    /// Sets the preference of a protocol's routes that bring none.
    pub fn set_preference(&self, protocol: ProtocolId, preference: u8) {
        self.send(Command::Preference(protocol, preference));
    }

    /// Sets what a protocol may do in the table.
    pub fn set_terms(&self, protocol: ProtocolId, terms: RouteTerms) {
        self.send(Command::Terms(protocol, terms));
    }

    /// Sets the most mebibytes that the table may hold.
    pub fn set_memory_budget(&self, mebibytes: Option<u32>) {
        self.send(Command::MemoryBudget(mebibytes));
    }

    /// Makes these the autostatic routes of an interface.
    pub fn set_autostatic(&self, interface: InterfaceIndex, routes: Vec<(Prefix, Route)>) {
        self.send(Command::Autostatic(interface, routes));
    }

    /// Interfaces changed: their networks are connected routes, and next hops on those that are down do not count.
    pub fn interfaces(&self, changes: Vec<InterfaceChange>) {
        self.send(Command::Interfaces(changes));
    }

    /// Every configured protocol is started: what the kernel has of an earlier life goes after the restart time.
    pub fn start_complete(&self) {
        self.send(Command::StartComplete);
    }

    /// Looks at the table.
    pub fn query(&self, look: Box<dyn FnOnce(&TableView<'_>) + Send>) {
        self.send(Command::Look(look));
    }

    /// Looks at the table and waits for the answer; `None` when the thread has ended.
    pub fn ask<R: Send + 'static>(
        &self,
        look: impl FnOnce(&TableView<'_>) -> R + Send + 'static,
    ) -> Option<R> {
        let (sender, answer) = bounded(1);
        self.query(Box::new(move |view| drop(sender.send(look(view)))));
        answer.recv().ok()
    }

    /// The routes of `protocol` whose next hops all lie on `interface`.
    #[must_use]
    pub fn routes_through(&self, protocol: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)> {
        self.ask(move |view| super::owners::routes_through(view.rtm, protocol, interface))
            .unwrap_or_default()
    }

    /// Waits until the kernel has everything that was asked for before, or has refused it.
    pub fn settled(&self) {
        let (sender, done) = bounded(1);
        self.send(Command::Settle(sender));
        // Either way it is done: answered, or the thread has ended.
        let _ = done.recv();
    }

    /// Ends the thread, and waits for it to be done: with our routes left in the kernel, or taken out of it.
    pub fn shutdown(&self, keep_routes: bool) {
        let (done, ended) = bounded(1);
        self.send(Command::Shutdown { keep_routes, done });
        let _ = ended.recv();
    }
}
