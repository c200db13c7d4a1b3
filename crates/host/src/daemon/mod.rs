//! The manager's thread: requests, the kernel's news of interfaces, and what protocols signal.

mod kernel;
mod news;
mod signals;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use waypost_manager::{Author, InterfaceChange, Manager};
use waypost_routprot::Refusal;
use waypost_sys::wait::{Interest, Poller, Ready, Waker};
use waypost_sys::{clock, process};
use waypost_types::{Time, WallTime};

pub use signals::Signals;

use kernel::InterfaceMonitor;
use news::InterfaceNews;

/// Work for the manager's thread.
pub type Job = Box<dyn FnOnce(&mut Manager, Time, WallTime) + Send>;

/// Jobs that may wait; whoever brings more waits with them.
const QUEUE: usize = 1024;
const WAKER: u64 = 0;
const MONITOR: u64 = 1;
/// How long protocols may say good-bye when the router stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// The way to the manager, for any thread.
#[derive(Clone)]
pub struct ManagerHandle {
    jobs: Sender<Job>,
    waker: Waker,
}

impl ManagerHandle {
    /// Has the manager do something. Waits while its queue is full; does nothing when the manager has ended.
    pub fn run(&self, job: Job) {
        if let Err(TrySendError::Full(job)) = self.jobs.try_send(job) {
            drop(self.jobs.send(job));
        }
        self.waker.wake();
    }
}

/// The other end of a [`ManagerHandle`], for [`run`].
pub struct Desk {
    jobs: Receiver<Job>,
    waker: Waker,
}

/// A handle and its other end.
pub fn desk() -> io::Result<(ManagerHandle, Desk)> {
    let (sender, jobs) = bounded(QUEUE);
    let waker = Waker::new()?;
    Ok((
        ManagerHandle {
            jobs: sender,
            waker: waker.clone(),
        },
        Desk { jobs, waker },
    ))
}

impl Desk {
    /// What wakes the thread that [`run`]s at this desk.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }
}

/// What goes on beside the manager on its thread.
pub trait Companion {
    /// Interfaces changed. Told before the manager is, so that the routing table knows an interface before protocols use it.
    fn interfaces(&mut self, changes: &[InterfaceChange]);

    /// The interfaces are known and the protocols are started.
    fn ready(&mut self, manager: &mut Manager);

    /// Another revision is in force, or the one that there was at the start.
    fn revision(&mut self);

    /// No revision comes any more, and no job is taken.
    fn ends(&mut self, manager: &Manager);
}

/// Runs the manager on the calling thread until [`Signals::stop`], [`Signals::leave`] or [`Signals::fail`], which is the
/// error then. Jobs that are not done by then are dropped, and so are those that come later.
pub fn run(
    mut manager: Manager,
    desk: Desk,
    signals: &Arc<Signals>,
    companion: &mut dyn Companion,
) -> io::Result<()> {
    process::name_thread("manager");
    let poller = Poller::new()?;
    let mut monitor = InterfaceMonitor::open()?;
    poller.add(&desk.waker, WAKER, Interest::Read)?;
    poller.add(monitor.socket(), MONITOR, Interest::Read)?;
    let present = monitor.resync()?;
    companion.interfaces(&present);
    let mut news = InterfaceNews::new(&present);
    manager.interfaces_changed(present);
    manager.start(clock::now(), clock::wall());
    log(&mut manager);
    companion.ready(&mut manager);
    log(&mut manager);
    let mut revision = None;
    let mut woken: Vec<Ready> = Vec::new();
    while !signals.is_stopping() {
        if manager.revision_in_force() != revision {
            revision = manager.revision_in_force();
            companion.revision();
        }
        let deadlines = [manager.next_deadline(), monitor.next_deadline()];
        let next = deadlines.into_iter().flatten().min();
        let timeout = next.map(|deadline| deadline.since(clock::now()));
        poller.wait(timeout, &mut woken)?;
        desk.waker.take();
        let mut changes = monitor.resync_if_due();
        if woken.iter().any(|ready| ready.token == MONITOR) {
            changes.extend(monitor.receive()?);
        }
        if !changes.is_empty() {
            news.tell(&changes);
            companion.interfaces(&changes);
            manager.interfaces_changed(changes);
        }
        // Only as many jobs as wait now: a busy API must not keep the manager from its events.
        for job in desk.jobs.try_iter().take(QUEUE) {
            job(&mut manager, clock::now(), clock::wall());
        }
        turn(&mut manager, signals);
    }
    // Whoever waits for a job is told now, and not when the farewells are over.
    let Desk { jobs, waker } = desk;
    jobs.try_iter().for_each(drop);
    drop(jobs);
    companion.ends(&manager);
    if let Some(reason) = signals.failure() {
        return Err(io::Error::other(reason));
    }
    if signals.is_leaving() {
        // Nobody says good-bye: neighbours and kernel go on as if nothing happened.
        tracing::info!("the daemon ends for a restart: routes stay in the kernel");
        manager.leave();
        return Ok(());
    }
    tracing::info!("the router stops: protocols say good-bye");
    manager.stop(clock::now());
    let patience = clock::now() + FAREWELL;
    while !manager.is_quiet() && clock::now() < patience {
        poller.wait(Some(patience.since(clock::now())), &mut woken)?;
        waker.take();
        turn(&mut manager, signals);
    }
    Ok(())
}

/// Does what protocols signalled and what is due.
fn turn(manager: &mut Manager, signals: &Signals) {
    if signals.take_events() {
        manager.drain_events(clock::now(), clock::wall());
    }
    for ((protocol, instance), reason) in signals.take_deaths() {
        manager.client_died(clock::now(), protocol, instance, &reason);
    }
    for ((protocol, key), (value, done)) in signals.take_persisted() {
        let stored = manager.persist(protocol, &key, value);
        if let Err(refusal) = &stored {
            tracing::error!(%protocol, %refusal, "private state of a protocol could not be stored");
        }
        done(stored.is_ok());
    }
    if manager
        .next_deadline()
        .is_some_and(|deadline| deadline <= clock::now())
    {
        manager.tick(clock::now(), clock::wall());
    }
    log(manager);
}

fn log(manager: &mut Manager) {
    for line in manager.take_log() {
        tracing::warn!("{line}");
    }
    for line in manager.take_notes() {
        tracing::info!("{line}");
    }
    for made in manager.take_made() {
        let Author { name, note } = made.author;
        let (revision, changes, rollback_of) = (made.number, made.changes, made.rollback_of);
        tracing::info!(
            revision,
            author = name,
            note,
            changes,
            rollback_of,
            "the configuration changed"
        );
    }
}

/// Asks the manager something and waits for the answer.
pub fn ask<R: Send + 'static>(
    handle: &ManagerHandle,
    question: impl FnOnce(&mut Manager, Time, WallTime) -> R + Send + 'static,
) -> Result<R, Refusal> {
    let (sender, answer) = bounded(1);
    handle.run(Box::new(move |manager, now, wall| {
        drop(sender.send(question(manager, now, wall)));
    }));
    answer
        .recv()
        .map_err(|_| Refusal::failed("the router manager has ended"))
}
