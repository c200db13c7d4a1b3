//! The thread: takes calls, hears the kernel, and brings the one in line with the other.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use waypost_fib::{Fib, Mode, Token};
use waypost_manager::Autostatic;
use waypost_netlink::constants::AF_UNSPEC;
use waypost_netlink::{Batch, Body, Link};
use waypost_rtm::{EntityConfig, EntityId, Rtm, RtmError, SubscriberConfig, SubscriberId, SubscriberKind};
use waypost_sys::clock;
use waypost_sys::wait::{Interest, Poller, Waker};
use waypost_types::{
    InterfaceIndex, PathId, Prefix, ProtocolId, RouteBatch, RouteChange, Time,
};

use super::connected::Connected;
use super::interest::Interests;
use super::kernel::{Heard, Kernel, Surroundings};
use super::view::TableView;
use super::{Command, Leave, TableConfig};

const WAKER: u64 = 0;
const NEWS: u64 = 1;
/// Route changes taken from callers between other work.
const CHANGES: usize = 8192;
/// Route rows of the table looked at between other work.
const ROWS: usize = 10_000;
/// Notices moved from the table to the forwarding machine at a time.
const NOTICES: usize = 1024;
/// Destinations looked at for one question between other work.
const DESTINATIONS: usize = 4096;
/// How long to wait before the kernel is read again when that failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an orderly end may take.
const FAREWELL: Duration = Duration::from_secs(30);

/// The time in which routes of an earlier life are kept.
struct Starting {
    until: Time,
    complete: bool,
    awaited: BTreeSet<ProtocolId>,
}

/// A search through the whole table, done in slices.
struct Scan {
    owner: ProtocolId,
    interface: InterfaceIndex,
    after: Option<Prefix>,
    found: Autostatic,
    reply: Sender<Autostatic>,
}

pub(super) struct TableThread {
    config: TableConfig,
    commands: Receiver<Command>,
    waker: Waker,
    poller: Poller,
    kernel: Kernel,
    mode: Mode,
    rtm: Rtm,
    fib: Fib,
    forwarding: SubscriberId,
    entities: BTreeMap<ProtocolId, EntityId>,
    interests: Interests,
    connected: Connected,
    links: BTreeSet<InterfaceIndex>,
    autostatic: BTreeMap<InterfaceIndex, BTreeSet<Prefix>>,
    /// Until when stale routes are kept.
    grace: BTreeMap<ProtocolId, Time>,
    starting: Option<Starting>,
    scans: Vec<Scan>,
    settled: Vec<Sender<()>>,
    /// The kernel could not be read and is left alone until then.
    paused: Option<Time>,
    batch: Batch<Token>,
    end: Option<Leave>,
}

fn table_error(error: RtmError) -> io::Error {
    io::Error::other(error.to_string())
}

fn note(what: &str, result: Result<(), RtmError>) {
    if let Err(error) = result {
        tracing::error!(%error, "the routing table refused {what}");
    }
}

impl TableThread {
    /// Opens the sockets and reads the kernel.
    pub(super) fn open(config: TableConfig, commands: Receiver<Command>, waker: Waker) -> io::Result<Self> {
        let (kernel, mode) = Kernel::open()?;
        let poller = Poller::new()?;
        poller.add(&waker, WAKER, Interest::Read)?;
        poller.add(kernel.socket(), NEWS, Interest::Read)?;
        let mut rtm = Rtm::new(config.seed.child("rtm"));
        let mut subscription = SubscriberConfig::new(SubscriberKind::Forwarding);
        subscription.by_set = true;
        let forwarding = rtm.subscribe(subscription).map_err(table_error)?;
        let now = clock::now();
        let mut thread = Self {
            fib: Fib::new(mode, config.seed.child("fib")),
            starting: Some(Starting {
                until: now + config.restart_time,
                complete: false,
                awaited: BTreeSet::new(),
            }),
            config,
            commands,
            waker,
            poller,
            kernel,
            mode,
            rtm,
            forwarding,
            entities: BTreeMap::new(),
            interests: Interests::default(),
            connected: Connected::default(),
            links: BTreeSet::new(),
            autostatic: BTreeMap::new(),
            grace: BTreeMap::new(),
            scans: Vec::new(),
            settled: Vec::new(),
            paused: None,
            batch: Batch::default(),
            end: None,
        };
        thread.read_kernel(now)?;
        Ok(thread)
    }

    /// Runs until the end was called for.
    pub(super) fn run(&mut self) {
        let mut ready = Vec::new();
        loop {
            let now = clock::now();
            let mut busy = self.take_commands(now);
            busy |= self.hear(now);
            self.expire(now);
            busy |= self.work(now);
            if let Some(leave) = self.end {
                self.leave(leave);
                return;
            }
            if busy {
                continue;
            }
            self.settled.drain(..).for_each(|reply| drop(reply.send(())));
            let timeout = self.next_deadline().map(|at| at.since(clock::now()));
            if let Err(error) = self.poller.wait(timeout, &mut ready) {
                tracing::error!(%error, "the routing table's thread cannot wait and ends");
                return;
            }
        }
    }

    // Calls

    /// Takes a bounded number of calls. Whether there may be more.
    fn take_commands(&mut self, now: Time) -> bool {
        self.waker.take();
        let mut changes = 0;
        while changes < CHANGES {
            let Ok(command) = self.commands.try_recv() else {
                return false;
            };
            changes += match &command {
                Command::Batch(_, batch) => batch.len(),
                _ => 1,
            };
            self.command(now, command);
        }
        true
    }

    fn command(&mut self, now: Time, command: Command) {
        match command {
            Command::Register(config) => {
                if let Some(starting) = &mut self.starting {
                    starting.awaited.insert(config.protocol);
                }
                self.entity(config);
            }
            Command::Batch(protocol, batch) => self.apply(now, protocol, &batch),
            Command::Interest(protocol, owners, sink) => {
                if let Err(error) = self.interests.set(&mut self.rtm, protocol, owners, sink) {
                    tracing::error!(%protocol, %error, "news of routes cannot be subscribed to");
                }
            }
            Command::Remove(protocol) => {
                self.interests.remove(&mut self.rtm, protocol);
                self.grace.remove(&protocol);
                if let Some(starting) = &mut self.starting {
                    starting.awaited.remove(&protocol);
                }
                if let Some(entity) = self.entities.remove(&protocol) {
                    let left = self.rtm.deregister(entity);
                    note("a protocol leaving", left);
                }
            }
            Command::KeepForGrace(protocol) => {
                self.interests.remove(&mut self.rtm, protocol);
                if let Some(&entity) = self.entities.get(&protocol) {
                    let marked = self.rtm.mark_stale(entity);
                    note("a protocol failing", marked);
                    self.grace.insert(protocol, now + self.config.grace_time);
                }
            }
            Command::Converged(protocol) => {
                if let Some(starting) = &mut self.starting {
                    starting.awaited.remove(&protocol);
                }
                if self.grace.remove(&protocol).is_some() {
                    self.sweep_stale(protocol);
                }
            }
            Command::StartComplete => {
                if let Some(starting) = &mut self.starting {
                    starting.complete = true;
                }
            }
            Command::Preference(protocol, Some(preference)) => {
                let set = self.rtm.set_preference(protocol, preference);
                note("a preference", set);
            }
            Command::Preference(protocol, None) => self.rtm.reset_preference(protocol),
            Command::RoutesThrough(owner, interface, reply) => self.scans.push(Scan {
                owner,
                interface,
                after: None,
                found: Vec::new(),
                reply,
            }),
            Command::SetAutostatic(interface, routes) => self.set_autostatic(now, interface, routes),
            Command::Query(question) => question(&TableView {
                rtm: &self.rtm,
                fib: &self.fib,
                mode: self.mode,
                awaited: self
                    .starting
                    .iter()
                    .flat_map(|starting| starting.awaited.iter().copied())
                    .collect(),
            }),
            Command::Settled(reply) => self.settled.push(reply),
            Command::Shutdown(leave) => self.end = Some(leave),
        }
    }

    /// The entity of a protocol, which is registered if it is not yet.
    fn entity(&mut self, config: EntityConfig) -> Option<EntityId> {
        let protocol = config.protocol;
        if let Some(&entity) = self.entities.get(&protocol) {
            let limited = self.rtm.set_route_limit(entity, config.route_limit);
            note("a route limit", limited);
            return Some(entity);
        }
        match self.rtm.register(config) {
            Ok(entity) => {
                self.entities.insert(protocol, entity);
                Some(entity)
            }
            Err(error) => {
                tracing::error!(%protocol, %error, "the routing table refused a protocol");
                None
            }
        }
    }

    fn apply(&mut self, now: Time, protocol: ProtocolId, batch: &RouteBatch) {
        let known = self.entities.get(&protocol).copied();
        let Some(entity) = known.or_else(|| self.entity(EntityConfig::new(protocol))) else {
            return;
        };
        match self.rtm.apply(now, entity, batch) {
            Ok(report) => {
                if let Some(first) = report.refused.first() {
                    tracing::warn!(
                        %protocol,
                        count = report.refused.len(),
                        prefix = %first.prefix,
                        reason = %first.reason,
                        "the routing table refused routes"
                    );
                }
            }
            Err(error) => tracing::error!(%protocol, %error, "the routing table refused a batch"),
        }
    }

    fn set_autostatic(&mut self, now: Time, interface: InterfaceIndex, routes: Autostatic) {
        let path = PathId(interface.0);
        let prefixes: BTreeSet<Prefix> = routes.iter().map(|(prefix, _)| *prefix).collect();
        let before = self.autostatic.insert(interface, prefixes.clone()).unwrap_or_default();
        let gone = before
            .difference(&prefixes)
            .map(|&prefix| RouteChange::Delete { prefix, path });
        let set = routes
            .into_iter()
            .map(|(prefix, route)| RouteChange::Set { prefix, path, route });
        let batch: RouteBatch = gone.chain(set).collect();
        if prefixes.is_empty() {
            self.autostatic.remove(&interface);
        }
        self.apply(now, ProtocolId::AUTOSTATIC, &batch);
    }

    fn sweep_stale(&mut self, protocol: ProtocolId) {
        if let Some(&entity) = self.entities.get(&protocol) {
            let swept = self.rtm.sweep_stale(entity);
            note("a sweep", swept);
        }
    }

    // The kernel's news

    /// Takes in what others changed. Whether there may be more.
    fn hear(&mut self, now: Time) -> bool {
        let (rtm, fib, connected, links) =
            (&mut self.rtm, &mut self.fib, &mut self.connected, &mut self.links);
        let heard = self.kernel.hear(|message| {
            match &message.body {
                Body::NewLink(link) if link.family == AF_UNSPEC => {
                    links.insert(link.index);
                    rtm.set_interface_usable(link.index, link.is_operational());
                }
                Body::DelLink(link) if link.family == AF_UNSPEC => {
                    links.remove(&link.index);
                    rtm.set_interface_usable(link.index, false);
                }
                Body::NewAddress(address) => connected.set(address),
                Body::DelAddress(address) => connected.remove(address),
                _ => {}
            }
            fib.hear(now, message);
        });
        self.tell_connected(now);
        match heard {
            Ok(Heard::Nothing) => false,
            Ok(Heard::Messages) => true,
            Ok(Heard::Overrun) => {
                tracing::warn!("notifications of the kernel were lost; its state is read anew");
                self.fib.overrun(now);
                true
            }
            Err(error) => {
                tracing::error!(%error, "the kernel's notifications cannot be read");
                self.fib.overrun(now);
                self.paused = Some(now + PAUSE);
                false
            }
        }
    }

    fn tell_connected(&mut self, now: Time) {
        let batch = self.connected.changes();
        if !batch.is_empty() {
            self.apply(now, ProtocolId::LOCAL, &batch);
        }
    }

    fn read_kernel(&mut self, now: Time) -> io::Result<()> {
        let Surroundings { links, addresses } = self.kernel.resync(now, self.mode, &mut self.fib)?;
        let present: BTreeSet<InterfaceIndex> = links.iter().map(|link: &Link| link.index).collect();
        for &gone in self.links.difference(&present) {
            self.rtm.set_interface_usable(gone, false);
        }
        self.links = present;
        for link in &links {
            self.rtm.set_interface_usable(link.index, link.is_operational());
        }
        self.connected.clear();
        addresses.iter().for_each(|address| self.connected.set(address));
        self.tell_connected(now);
        Ok(())
    }

    // Time

    fn expire(&mut self, now: Time) {
        if self.rtm.next_deadline().is_some_and(|at| at <= now) {
            self.rtm.expire(now);
        }
        if self.fib.next_deadline().is_some_and(|at| at <= now) {
            self.fib.expire(now);
        }
        if self.paused.is_some_and(|until| until <= now) {
            self.paused = None;
        }
        while let Some((&protocol, _)) = self.grace.iter().find(|(_, until)| **until <= now) {
            self.grace.remove(&protocol);
            tracing::warn!(%protocol, "the grace time is over; routes that were not set again go");
            self.sweep_stale(protocol);
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let deadlines = [
            self.rtm.next_deadline(),
            self.fib.next_deadline(),
            self.paused,
            self.grace.values().min().copied(),
            self.starting.as_ref().map(|starting| starting.until),
        ];
        deadlines.into_iter().flatten().min()
    }

    // Work

    /// Does a slice of everything there is to do. Whether there is more.
    fn work(&mut self, now: Time) -> bool {
        let mut busy = self.rtm.is_sweeping() && self.rtm.sweep(now, ROWS).more;
        let drained = self.feed();
        busy |= !drained;
        if drained && !busy {
            self.end_start(now);
        }
        busy |= self.program(now);
        busy |= self.interests.serve(&mut self.rtm);
        busy |= self.scan();
        busy
    }

    /// Moves the table's news to the forwarding machine. Whether that was all of it.
    fn feed(&mut self) -> bool {
        while self.fib.has_room() {
            let Ok(sets) = self.rtm.drain_next_hop_sets(self.forwarding, NOTICES) else {
                return true;
            };
            sets.iter().for_each(|change| self.fib.set_changed(change));
            let Ok(changes) = self.rtm.drain_forwarding(self.forwarding, NOTICES) else {
                return true;
            };
            changes.iter().for_each(|change| self.fib.want(change));
            if sets.len() < NOTICES && changes.len() < NOTICES {
                return true;
            }
        }
        false
    }

    /// Sends a batch. Whether there may be another.
    fn program(&mut self, now: Time) -> bool {
        if self.paused.is_some() {
            return false;
        }
        if self.fib.needs_resync() {
            if let Err(error) = self.read_kernel(now) {
                tracing::error!(%error, "the kernel's state cannot be read");
                self.paused = Some(now + PAUSE);
                return false;
            }
            return true;
        }
        let Some(id) = self.fib.next_batch(now, &mut self.batch) else {
            return false;
        };
        match self.kernel.execute(&mut self.batch) {
            Ok(refused) => {
                for refused in &refused {
                    tracing::debug!(request = ?refused.token, reason = refused.failure.text, "the kernel refused");
                }
                self.fib.completed(now, id, refused);
            }
            Err(error) => {
                tracing::error!(%error, "it is not known what the kernel did; its state is read anew");
                self.fib.batch_lost(now);
                self.paused = Some(now + PAUSE);
            }
        }
        true
    }

    /// Deletes what is left of an earlier life when nobody will ask for it any more.
    fn end_start(&mut self, now: Time) {
        let Some(starting) = &self.starting else {
            return;
        };
        if starting.complete && starting.awaited.is_empty() || starting.until <= now {
            for protocol in &starting.awaited {
                tracing::warn!(%protocol, "has not converged in time; routes of an earlier life go");
            }
            self.starting = None;
            self.fib.sweep_strays();
            let statistics = self.fib.statistics();
            tracing::info!(
                adopted = statistics.adopted,
                swept = statistics.swept,
                "routes of an earlier life are settled"
            );
        }
    }

    /// Goes on with the searches. Whether there is more to do.
    fn scan(&mut self) -> bool {
        let Some(scan) = self.scans.first_mut() else {
            return false;
        };
        let page = self.rtm.page(scan.after, DESTINATIONS);
        for destination in &page {
            let candidates = self.rtm.candidates(destination.prefix).into_iter();
            let wanted = candidates.filter(|candidate| {
                candidate.owner == scan.owner
                    && !candidate.route.next_hops.is_empty()
                    && candidate.route.next_hops.iter().all(|hop| hop.interface == scan.interface)
            });
            scan.found.extend(wanted.map(|candidate| (destination.prefix, candidate.route)));
        }
        scan.after = page.last().map(|destination| destination.prefix);
        if page.len() < DESTINATIONS {
            let scan = self.scans.remove(0);
            // Whoever asked may have gone.
            drop(scan.reply.send(scan.found));
        }
        !self.scans.is_empty()
    }

    /// Ends: brings the kernel to the state it is to be left in.
    fn leave(&mut self, leave: Leave) {
        let until = clock::now() + FAREWELL;
        if leave == Leave::NothingInKernel {
            self.fib.withdraw_all();
        }
        loop {
            let now = clock::now();
            let fed = leave == Leave::NothingInKernel || self.feed();
            let more = self.program(now);
            if fed && !more || now > until {
                return;
            }
        }
    }
}
