//! The thread's loop.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use waypost_fib::Fib;
use waypost_manager::InterfaceChange;
use waypost_rtm::{SubscriberConfig, SubscriberId, SubscriberKind};
use waypost_rtmv2::Tables;
use waypost_sys::clock;
use waypost_sys::wait::{Interest, Poller, Ready, Waker};
use waypost_types::{ProtocolId, Time};

use super::handle::{Command, Shown};
use super::kernel::Kernel;
use super::listeners::Listeners;
use super::owners::{Owners, PerInterface};
use super::shared::SharedTable;
use super::{TableOptions, TableView, connected};

const WAKER: u64 = 0;
const MONITOR: u64 = 1;
/// Commands taken in one round.
const COMMANDS: usize = 256;
/// Destinations drained at once.
const DRAIN: usize = 1024;

pub(super) struct Worker {
    table: Arc<SharedTable>,
    fib: Fib,
    kernel: Kernel,
    forwarding: SubscriberId,
    owners: Owners,
    connected: PerInterface,
    autostatic: PerInterface,
    listeners: Listeners,
    /// Until when routes of protocols that failed are kept.
    graces: BTreeMap<ProtocolId, Time>,
    /// When routes of an earlier life go.
    strays_go: Option<Time>,
    /// Until when the kernel is left alone; only ever set while it has routes of an earlier life.
    hold: Option<Time>,
    settlers: Vec<Sender<()>>,
    commands: Receiver<Command>,
    waker: Waker,
    restart_time: Duration,
    restart_hold: Duration,
    shown: Arc<Shown>,
}

impl Worker {
    pub(super) fn new(
        options: TableOptions,
        commands: Receiver<Command>,
        waker: Waker,
        shown: Arc<Shown>,
    ) -> io::Result<Self> {
        let (mut kernel, mut fib) = Kernel::open(&options)?;
        // The kernel's state is known before the first protocol starts.
        kernel.read(&mut fib)?;
        while kernel.reconcile(&mut fib)? {}
        // A restart time shorter than the hold is the operator's word that there is no time to wait.
        let restart_hold = options.restart_time.min(options.restart_hold);
        let held = fib.counts().strays > 0 && !restart_hold.is_zero();
        let hold = held.then_some(Time::MAX);
        if held {
            let milliseconds = u64::try_from(restart_hold.as_millis()).unwrap_or(u64::MAX);
            shown.hold.store(milliseconds, Ordering::Relaxed);
        }
        let table = Arc::new(SharedTable::new(options.seed.child("rtm"), waker.clone()));
        let config = SubscriberConfig {
            kind: SubscriberKind::Forwarding,
            family: None,
            owners: None,
            by_set: true,
        };
        let subscribed = table.lock().tables.unicast_mut().subscribe(config);
        let forwarding = subscribed.map_err(io::Error::other)?;
        table.lock().tables.set_forwarder(forwarding);
        Ok(Self {
            table,
            fib,
            kernel,
            forwarding,
            owners: Owners::default(),
            connected: PerInterface::default(),
            autostatic: PerInterface::default(),
            listeners: Listeners::default(),
            graces: BTreeMap::new(),
            strays_go: None,
            hold,
            settlers: Vec::new(),
            commands,
            waker,
            restart_time: options.restart_time,
            restart_hold,
            shown,
        })
    }

    /// The table, for who changes it from elsewhere.
    pub(super) fn table(&self) -> Arc<SharedTable> {
        self.table.clone()
    }

    pub(super) fn run(mut self) -> io::Result<()> {
        let poller = Poller::new()?;
        poller.add(&self.waker, WAKER, Interest::Read)?;
        poller.add(self.kernel.monitor(), MONITOR, Interest::Read)?;
        let mut ready: Vec<Ready> = Vec::new();
        let mut busy = true;
        loop {
            let timeout = if busy {
                Some(Duration::ZERO)
            } else {
                self.timeout()
            };
            poller.wait(timeout, &mut ready)?;
            self.table.looks();
            busy = self.kernel.hear(&mut self.fib)?;
            for _ in 0..COMMANDS {
                let Ok(command) = self.commands.try_recv() else {
                    break;
                };
                if let Command::Shutdown { keep_routes, done } = command {
                    let ended = self.shutdown(keep_routes);
                    drop(done);
                    return ended;
                }
                self.command(command);
            }
            self.due(clock::now());
            busy |= self.turn()?;
            busy |= !self.commands.is_empty();
            if !busy {
                self.shown
                    .installed
                    .store(self.fib.counts().installed, Ordering::Relaxed);
            }
            if !busy && self.hold.is_none() && self.fib.is_settled() {
                // Dropping a sender tells its owner as well as a message would.
                self.settlers.clear();
            }
        }
    }

    /// One round of work between table, kernel and listeners; returns whether there is more.
    fn turn(&mut self) -> io::Result<bool> {
        let mut busy = false;
        busy |= self.table.lock().tables.sweep(clock::now());
        busy |= self.drain_forwarding();
        busy |= self.kernel.reconcile(&mut self.fib)?;
        let mut core = self.table.lock();
        busy |= self.listeners.drain(core.tables.unicast_mut(), DRAIN);
        core.tables.ring();
        Ok(busy)
    }

    fn drain_forwarding(&mut self) -> bool {
        if self.hold.is_some() {
            return false;
        }
        // INVARIANT: the subscription lives as long as the worker, and is of the kind that these calls serve.
        let mut core = self.table.lock();
        let sets = core
            .tables
            .unicast_mut()
            .drain_next_hop_sets(self.forwarding, usize::MAX);
        for change in sets.unwrap_or_default() {
            self.fib.set_changed(&change);
        }
        drop(core);
        while self.fib.has_room() {
            let mut core = self.table.lock();
            let changes = core.tables.unicast_mut().drain_forwarding(self.forwarding, DRAIN);
            drop(core);
            let changes = changes.unwrap_or_default();
            changes.iter().for_each(|change| self.fib.want(change));
            if changes.len() < DRAIN {
                return false;
            }
        }
        true
    }

    fn timeout(&self) -> Option<Duration> {
        let deadlines = [
            self.table.lock().tables.next_deadline(),
            self.fib.next_deadline(),
            self.kernel.next_deadline(),
            self.strays_go,
            self.hold.filter(|until| *until < Time::MAX),
        ];
        let next = deadlines
            .into_iter()
            .flatten()
            .chain(self.graces.values().copied())
            .min();
        next.map(|deadline| deadline.since(clock::now()))
    }

    fn due(&mut self, now: Time) {
        self.table.lock().tables.expire(now);
        if self.fib.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.fib.expire(now);
        }
        if self.hold.is_some_and(|until| until <= now) {
            self.hold = None;
            self.shown.hold.store(0, Ordering::Relaxed);
        }
        if self.strays_go.is_some_and(|deadline| deadline <= now) {
            self.strays_go = None;
            let strays = self.fib.counts().strays;
            if strays > 0 {
                tracing::info!(
                    strays,
                    "routes of an earlier life that nobody set again are removed"
                );
            }
            self.fib.sweep_strays();
        }
        let over: Vec<ProtocolId> = self
            .graces
            .iter()
            .filter(|(_, deadline)| **deadline <= now)
            .map(|(protocol, _)| *protocol)
            .collect();
        for protocol in over {
            self.graces.remove(&protocol);
            let mut core = self.table.lock();
            if let Some(entity) = self.owners.get(protocol) {
                let _ = core.tables.unicast_mut().sweep_stale(entity);
            }
            core.tables.abandon(|name| name.protocol == protocol);
        }
    }

    fn command(&mut self, command: Command) {
        let now = clock::now();
        let mut core = self.table.lock();
        let rtm = core.tables.unicast_mut();
        match command {
            Command::Batch(protocol, batch) => self.owners.change(rtm, now, protocol, &batch),
            Command::Interest(protocol, owners, sink) => {
                self.listeners.interest(rtm, protocol, owners, sink);
            }
            Command::Remove(protocol) => {
                self.graces.remove(&protocol);
                self.listeners.remove(rtm, protocol);
                self.owners.remove(rtm, protocol);
            }
            Command::Grace(protocol) => {
                self.listeners.remove(rtm, protocol);
                if let Some(entity) = self.owners.get(protocol) {
                    let _ = rtm.mark_stale(entity);
                }
                // Those of modules are stale since their instance went.
                if self.owners.get(protocol).is_some() || !core.of(protocol).is_empty() {
                    self.graces.insert(protocol, now + self.restart_time);
                }
            }
            Command::Preference(protocol, preference) => {
                if let Err(error) = core.tables.set_preference(protocol, preference) {
                    tracing::error!(%protocol, preference, %error, "the preference is refused");
                }
            }
            Command::Terms(protocol, terms) => {
                let limit = terms.limit;
                self.owners.set_terms(rtm, protocol, terms);
                core.limits.insert(protocol, limit);
                core.tables
                    .set_route_limit(limit, |name| name.protocol == protocol);
            }
            Command::MemoryBudget(mebibytes) => {
                rtm.set_memory_budget(mebibytes.map(|mebibytes| (mebibytes as usize) << 20));
            }
            Command::Autostatic(interface, routes) => {
                let changes = self.autostatic.replace(interface, routes);
                self.owners.change(rtm, now, ProtocolId::AUTOSTATIC, &changes);
            }
            Command::Interfaces(changes) => {
                for change in changes {
                    interface(
                        &mut core.tables,
                        &mut self.owners,
                        &mut self.connected,
                        now,
                        &change,
                    );
                }
            }
            Command::Look(look) => look(&TableView {
                rtm,
                fib: &self.fib,
                refused: self.owners.refused(),
                now,
            }),
            Command::Settle(settler) => self.settlers.push(settler),
            Command::StartComplete => {
                self.strays_go = Some(now + self.restart_time);
                self.hold = self.hold.map(|_| now + self.restart_hold);
            }
            // INVARIANT: the loop takes this one out before.
            Command::Shutdown { .. } => {}
        }
    }

    fn shutdown(&mut self, keep_routes: bool) -> io::Result<()> {
        if keep_routes {
            return Ok(());
        }
        self.fib.withdraw_all();
        while self.kernel.reconcile(&mut self.fib)? {}
        Ok(())
    }
}

/// Next hops out of an interface count or do not, and its networks are connected routes.
fn interface(
    tables: &mut Tables,
    owners: &mut Owners,
    connected: &mut PerInterface,
    now: Time,
    change: &InterfaceChange,
) {
    let (index, usable, networks) = match change {
        InterfaceChange::Present(interface) => (
            interface.index,
            interface.up && interface.carrier,
            connected::networks(interface),
        ),
        InterfaceChange::Gone(index) => (*index, false, Vec::new()),
    };
    tables.set_interface_usable(index, usable);
    let changes = connected.replace(index, networks);
    owners.change(tables.unicast_mut(), now, ProtocolId::LOCAL, &changes);
}
