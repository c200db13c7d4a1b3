//! The instance behind its lock, and the manager's way to it.

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_engine::{Change, Engine, Instance, InstanceCell, Now, Outbox, Output, PortId, cannot_open};
use waypost_routprot::Refusal;
use waypost_sys::clock;
use waypost_sys::wait::{Poller, Waker};
use waypost_types::{RouteBatch, RouteNotice, Time};

use super::Surroundings;
use super::notices::Log;
use super::ports::Ports;

/// How many rounds of outbox and answer one call may cause; an engine that needs more is broken.
const MOST_ROUNDS: usize = 16;

pub(super) struct Shared<E: Engine> {
    inner: Mutex<Inner<E>>,
    /// News of routes that wait for the driver. Apart from the instance's lock, because the routing table must not wait.
    inbox: Mutex<VecDeque<Vec<RouteNotice>>>,
    /// What became of private octets, for the driver to hand on: at most one answer for each store that was asked for.
    answers: Mutex<Vec<Answer>>,
    pub(super) waker: Waker,
    pub(super) poller: Arc<Poller>,
    pub(super) ended: AtomicBool,
    surroundings: Arc<dyn Surroundings>,
}

/// Private octets of an engine, and whether they are stored.
pub(super) struct Answer {
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    pub(super) stored: bool,
}

pub(super) struct Inner<E: Engine> {
    pub(super) instance: Instance<E>,
    pub(super) ports: Ports,
    pub(super) again: bool,
    /// Until when the driver sleeps, so that it is woken only for something sooner.
    asleep_until: Time,
    log: Log,
    dead: Option<String>,
}

/// What came of an outbox.
#[derive(Default)]
struct Performed {
    /// The ports that could not be had, in words.
    failed: Vec<String>,
    /// What an attempt holds back, as it may yet be undone.
    attempt: Option<Attempt>,
}

#[derive(Default)]
struct Attempt {
    /// Route changes: what is asked for and taken back reaches the routing table as one batch, so that no route flaps.
    routes: RouteBatch,
    /// Ports that failed and are as they were before: the engine asks for that when the attempt is undone.
    stale: BTreeSet<PortId>,
}

/// What time it is, on both clocks.
pub(super) fn now() -> Now {
    Now {
        time: clock::now(),
        wall: clock::wall(),
    }
}

impl<E: Engine> Inner<E> {
    /// When the driver is wanted next.
    fn wanted(&self) -> Time {
        if self.again {
            Time::ZERO
        } else {
            self.instance.next_deadline().unwrap_or(Time::MAX)
        }
    }
}

impl<E: Engine> Shared<E> {
    pub(super) fn new(
        instance: Instance<E>,
        poller: Arc<Poller>,
        waker: Waker,
        surroundings: Arc<dyn Surroundings>,
    ) -> Self {
        Self {
            inner: Mutex::new(Inner {
                instance,
                ports: Ports::new(poller.clone()),
                again: false,
                asleep_until: Time::ZERO,
                log: Log::new(E::NAME),
                dead: None,
            }),
            inbox: Mutex::default(),
            answers: Mutex::default(),
            waker,
            poller,
            ended: AtomicBool::new(false),
            surroundings,
        }
    }

    /// One round of the driver. Returns until when it may sleep; `None`: the instance is dead.
    pub(super) fn round(self: &Arc<Self>, work: impl FnOnce(&mut Inner<E>)) -> Option<Time> {
        let done = self.run(|inner| {
            work(inner);
            self.perform(inner, &mut Performed::default());
            // Set before anybody else gets at the instance: what they bring after this wakes the driver.
            inner.asleep_until = inner.wanted();
            inner.asleep_until
        });
        done.map(|(until, _)| until)
    }

    /// A call of the manager. The second result says which ports could not be had, in words; `None`: the instance is dead.
    fn call<R>(self: &Arc<Self>, call: impl FnOnce(Now, &mut Instance<E>) -> R) -> Option<(R, Vec<String>)> {
        let done = self.run(|inner| {
            let result = call(now(), &mut inner.instance);
            let mut performed = Performed::default();
            self.perform(inner, &mut performed);
            (result, performed.failed)
        });
        done.map(|(result, sooner)| {
            self.wake(sooner);
            result
        })
    }

    /// A call of the manager that is undone when a port cannot be had, all of it before anybody else gets at the instance.
    fn attempt<R>(
        self: &Arc<Self>,
        call: impl FnOnce(Now, &mut Instance<E>) -> Result<(R, Change<E>), Refusal>,
    ) -> Option<Result<R, Refusal>> {
        let done = self.run(|inner| {
            let (answer, change) = call(now(), &mut inner.instance)?;
            let mut performed = Performed {
                attempt: Some(Attempt::default()),
                ..Performed::default()
            };
            self.perform(inner, &mut performed);
            let result = if performed.failed.is_empty() {
                inner.instance.keep(change);
                Ok(answer)
            } else {
                let failed = std::mem::take(&mut performed.failed);
                inner.instance.undo(now(), change);
                self.perform(inner, &mut performed);
                Err(cannot_open(&failed))
            };
            let attempt = performed.attempt.unwrap_or_default();
            for port in attempt.stale {
                inner.ports.close(port);
            }
            self.routes(attempt.routes);
            result
        });
        done.map(|(result, sooner)| {
            self.wake(sooner);
            result
        })
    }

    fn routes(&self, batch: RouteBatch) {
        if !batch.is_empty() {
            self.surroundings.routes(E::PROTOCOL, batch);
        }
    }

    fn wake(&self, sooner: bool) {
        if sooner || self.ended.load(Ordering::Acquire) {
            self.waker.wake();
        }
    }

    /// Runs `work` with the instance locked. The second result says whether the driver is wanted sooner than it wakes by
    /// itself. `None`: the instance is dead.
    fn run<R>(self: &Arc<Self>, work: impl FnOnce(&mut Inner<E>) -> R) -> Option<(R, bool)> {
        // A panic leaves the lock sane: `dead` is set before it is let go.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.dead.is_some() {
            return None;
        }
        match catch_unwind(AssertUnwindSafe(|| work(&mut inner))) {
            Ok(result) => {
                if inner.instance.is_stopped() {
                    self.ended.store(true, Ordering::Release);
                    inner.ports.close_all();
                }
                let wanted = inner.wanted();
                let sooner = wanted < inner.asleep_until;
                inner.asleep_until = inner.asleep_until.min(wanted);
                Some((result, sooner))
            }
            Err(panic) => {
                self.die(inner, panic.as_ref());
                None
            }
        }
    }

    /// Closes every port; the driver ends.
    pub(super) fn close(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.ports.close_all();
    }

    fn die(&self, mut inner: MutexGuard<'_, Inner<E>>, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        let reason = format!("panicked: {text}");
        inner.ports.close_all();
        inner.dead = Some(reason.clone());
        drop(inner);
        self.ended.store(true, Ordering::Release);
        self.surroundings.died(E::PROTOCOL, reason);
    }

    /// Why the instance is dead.
    pub(super) fn death(&self) -> String {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner
            .dead
            .clone()
            .unwrap_or_else(|| "the protocol has ended".to_owned())
    }

    /// Does what the outbox asks for, and what the engine asks for in answer to ports that fail.
    fn perform(self: &Arc<Self>, inner: &mut Inner<E>, performed: &mut Performed) {
        for _ in 0..MOST_ROUNDS {
            let mut out = std::mem::take(inner.instance.outbox());
            if out.is_empty() {
                *inner.instance.outbox() = out;
                break;
            }
            let routes = out.take_routes();
            match &mut performed.attempt {
                Some(attempt) => attempt.routes.extend(routes),
                None => self.routes(routes),
            }
            inner.again |= out.take_again();
            self.perform_outputs(inner, &out, performed);
            // What the engine did about failed ports is in a fresh outbox; the old one's memory is used again if it is not.
            out.clear();
            if inner.instance.outbox().is_empty() {
                *inner.instance.outbox() = out;
            }
        }
    }

    fn perform_outputs(self: &Arc<Self>, inner: &mut Inner<E>, out: &Outbox, performed: &mut Performed) {
        let mut rest = out.outputs();
        while let Some((output, after)) = rest.split_first() {
            rest = after;
            match output {
                Output::OpenPort(port, spec) => {
                    let opened = inner.ports.open(*port, spec);
                    match (&mut performed.attempt, opened.is_ok()) {
                        (Some(attempt), true) => drop(attempt.stale.remove(port)),
                        (Some(attempt), false) => drop(attempt.stale.insert(*port)),
                        (None, true) => {}
                        // To the engine a port that fails is closed.
                        (None, false) => inner.ports.close(*port),
                    }
                    if let Err(error) = opened {
                        let text = error.to_string();
                        inner.instance.port_failed(now(), *port, &text);
                        performed.failed.push(text);
                    }
                }
                Output::ClosePort(port) => inner.ports.close(*port),
                Output::Send(first) => {
                    // Datagrams of one port that follow each other go out in one system call.
                    let same =
                        |output: &&Output| matches!(output, Output::Send(next) if next.port == first.port);
                    let more = after.iter().take_while(same).count();
                    let datagrams = std::iter::once(output).chain(after.iter().take(more));
                    let sent = datagrams.filter_map(|output| match output {
                        Output::Send(datagram) => Some((datagram, out.octets(datagram))),
                        _ => None,
                    });
                    // What an attempt would say through a port that it does not get is not said through the old one.
                    let unsaid = performed
                        .attempt
                        .as_ref()
                        .is_some_and(|attempt| attempt.stale.contains(&first.port));
                    if !unsaid && let Err(failure) = inner.ports.send(first.port, sent) {
                        inner.log.send_failed(&failure);
                        inner.instance.send_failed(now(), first.port, failure.datagrams);
                    }
                    rest = after.get(more..).unwrap_or_default();
                }
                Output::Persist(key, value) => {
                    let shared = Arc::downgrade(self);
                    let answer = (key.clone(), value.clone());
                    let done = move |stored| {
                        if let Some(shared) = shared.upgrade() {
                            let (key, value) = answer;
                            shared
                                .answers
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(Answer { key, value, stored });
                            shared.waker.wake();
                        }
                    };
                    self.surroundings
                        .persist(E::PROTOCOL, key.clone(), value.clone(), Box::new(done));
                }
                Output::Interest(interest) => {
                    let shared = Arc::downgrade(self);
                    let sink = move |notices: Vec<RouteNotice>| {
                        if let Some(shared) = shared.upgrade() {
                            shared
                                .inbox
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push_back(notices);
                            shared.waker.wake();
                        }
                    };
                    self.surroundings
                        .interest(E::PROTOCOL, interest.owners.clone(), Box::new(sink));
                }
                Output::Notice(notice) => inner.log.notice(notice),
            }
        }
    }

    /// The news of routes that came in since the last call.
    pub(super) fn take_inbox(&self) -> VecDeque<Vec<RouteNotice>> {
        std::mem::take(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What became of private octets since the last call.
    pub(super) fn take_answers(&self) -> Vec<Answer> {
        std::mem::take(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The manager's way to an instance whose thread runs. Dropping it ends the thread and closes the sockets.
pub struct ThreadCell<E: Engine> {
    pub(super) shared: Arc<Shared<E>>,
}

impl<E: Engine> ThreadCell<E> {
    fn dead(&self) -> Refusal {
        Refusal::failed(self.shared.death())
    }
}

impl<E: Engine> InstanceCell<E> for ThreadCell<E> {
    fn with<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> R,
    ) -> Result<(R, Vec<String>), Refusal> {
        self.shared.call(call).ok_or_else(|| self.dead())
    }

    fn attempt<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> Result<(R, Change<E>), Refusal>,
    ) -> Result<R, Refusal> {
        self.shared.attempt(call).ok_or_else(|| self.dead())?
    }
}

impl<E: Engine> Drop for ThreadCell<E> {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.shared.waker.wake();
    }
}
