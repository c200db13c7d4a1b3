//! The instance behind its lock, and the manager's way to it.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_engine::{Engine, Instance, InstanceCell, Now, Outbox, Output};
use waypost_routprot::Refusal;
use waypost_sys::clock;
use waypost_sys::wait::{Poller, Waker};
use waypost_types::RouteNotice;

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
    /// Until when the driver sleeps, so that it is woken only for something sooner.
    pub(super) asleep_until: AtomicU64,
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
    log: Log,
    dead: Option<String>,
}

/// What time it is, on both clocks.
pub(super) fn now() -> Now {
    Now {
        time: clock::now(),
        wall: clock::wall(),
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
                log: Log::new(E::NAME),
                dead: None,
            }),
            inbox: Mutex::default(),
            answers: Mutex::default(),
            waker,
            poller,
            asleep_until: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            surroundings,
        }
    }

    /// Runs `call` on the instance and does what the outbox asks for. `None`: the instance is dead.
    pub(super) fn run<R>(
        self: &Arc<Self>,
        call: impl FnOnce(Now, &mut Inner<E>) -> R,
    ) -> Option<(R, Vec<String>)> {
        // A panic leaves the lock sane: `dead` is set before it is let go.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.dead.is_some() {
            return None;
        }
        let result = catch_unwind(AssertUnwindSafe(|| {
            let result = call(now(), &mut inner);
            (result, self.perform(&mut inner))
        }));
        match result {
            Ok(done) => {
                if inner.instance.is_stopped() {
                    self.ended.store(true, Ordering::Release);
                    inner.ports.close_all();
                }
                Some(done)
            }
            Err(panic) => {
                self.die(inner, panic.as_ref());
                None
            }
        }
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

    /// Does what the outbox asks for; returns the ports that could not be had, in words.
    fn perform(self: &Arc<Self>, inner: &mut Inner<E>) -> Vec<String> {
        let mut failures = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let mut out = std::mem::take(inner.instance.outbox());
            if out.is_empty() {
                *inner.instance.outbox() = out;
                break;
            }
            let routes = out.take_routes();
            if !routes.is_empty() {
                self.surroundings.routes(E::PROTOCOL, routes);
            }
            inner.again |= out.take_again();
            self.perform_outputs(inner, &out, &mut failures);
            // What the engine did about failed ports is in a fresh outbox; the old one's memory is used again if it is not.
            out.clear();
            if inner.instance.outbox().is_empty() {
                *inner.instance.outbox() = out;
            }
        }
        failures
    }

    fn perform_outputs(self: &Arc<Self>, inner: &mut Inner<E>, out: &Outbox, failures: &mut Vec<String>) {
        let mut rest = out.outputs();
        while let Some((output, after)) = rest.split_first() {
            rest = after;
            match output {
                Output::OpenPort(port, spec) => {
                    if let Err(error) = inner.ports.open(*port, spec) {
                        let text = error.to_string();
                        inner.instance.port_failed(now(), *port, &text);
                        failures.push(text);
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
                    if let Err(failure) = inner.ports.send(first.port, sent) {
                        inner.log.send_failed(&failure.first);
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

    /// Whether news of routes or of stored octets wait.
    pub(super) fn has_news(&self) -> bool {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        !(answers.is_empty() && inbox.is_empty())
    }
}

/// The manager's way to an instance whose thread runs. Dropping it ends the thread and closes the sockets.
pub struct ThreadCell<E: Engine> {
    pub(super) shared: Arc<Shared<E>>,
}

impl<E: Engine> InstanceCell<E> for ThreadCell<E> {
    fn with<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> R,
    ) -> Result<(R, Vec<String>), Refusal> {
        let mut deadline = None;
        let done = self.shared.run(|now, inner| {
            let result = call(now, &mut inner.instance);
            deadline = inner.instance.next_deadline();
            result
        });
        let Some((result, failures)) = done else {
            return Err(Refusal::failed(self.shared.death()));
        };
        // The driver computes its own deadline when it wakes; it only has to wake early enough.
        let asleep_until = self.shared.asleep_until.load(Ordering::Acquire);
        if deadline.is_some_and(|deadline| deadline.0 < asleep_until)
            || self.shared.ended.load(Ordering::Acquire)
        {
            self.shared.waker.wake();
        }
        Ok((result, failures))
    }
}

impl<E: Engine> Drop for ThreadCell<E> {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.shared.waker.wake();
    }
}
