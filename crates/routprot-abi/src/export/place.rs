//! Where the instance of an exported protocol is, and what becomes of it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use waypost_routprot::{Event, NotificationEvent, Refusal, RoutingProtocol, Status};

use super::describe::Described;
use super::signal::Signal;
use super::support::HostSupport;
use super::unacceptable;

/// The variable of an object that holds an instance.
#[derive(Debug)]
pub struct Place {
    state: Mutex<State>,
    /// The thread that is inside, 0 for none: one that comes back through a function of the host is turned away, because it
    /// would wait for itself.
    inside: AtomicUsize,
    /// The text form of its configuration, which needs no instance.
    pub(super) described: Described,
}

impl Place {
    /// Without an instance.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is made for statics")]
    pub const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                life: Life::Absent,
                instance: None,
                host: None,
                trap: None,
            }),
            inside: AtomicUsize::new(0),
            described: Described::new(),
        }
    }

    /// Does a call, alone, and gives its code. A panic is ERROR_CAN_NOT_COMPLETE, and the end of the protocol.
    pub(super) fn enter(&self, call: impl FnOnce(&mut State) -> Result<(), Refusal>) -> u32 {
        let own = this_thread();
        if self.inside.load(Ordering::Relaxed) == own {
            return Status::ERROR_CAN_NOT_COMPLETE.0;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.life == Life::Failed {
            return Status::ERROR_CAN_NOT_COMPLETE.0;
        }
        self.inside.store(own, Ordering::Relaxed);
        let code = match catch_unwind(AssertUnwindSafe(|| call(&mut state))) {
            Ok(Ok(())) => Status::NO_ERROR.0,
            // A refusal is none when its code says that all is well.
            Ok(Err(refusal)) if refusal.status == Status::NO_ERROR => Status::ERROR_CAN_NOT_COMPLETE.0,
            Ok(Err(refusal)) => refusal.status.0,
            Err(panic) => {
                discard(panic);
                state.fail();
                Status::ERROR_CAN_NOT_COMPLETE.0
            }
        };
        self.inside.store(0, Ordering::Relaxed);
        code
    }

    /// [`Self::enter`] for a call to the instance, which must be there.
    pub(super) fn call(&self, call: impl FnOnce(&mut dyn RoutingProtocol) -> Result<(), Refusal>) -> u32 {
        self.enter(|state| call(state.instance()?))
    }
}

/// A number that no other thread has meanwhile; never 0.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// What a panic says was told by the hook already. Its value may panic in turn when it is dropped, so it is not.
pub(super) fn discard(panic: Box<dyn Any + Send>) {
    std::mem::forget(panic);
}

/// How far an instance is (routing-protocol-interface 10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Not registered, or stopped.
    Absent,
    Registered,
    Started,
    Stopping,
    /// It panicked.
    Failed,
}

/// An instance, and what it has of its host.
pub(super) struct State {
    life: Life,
    instance: Option<Box<dyn RoutingProtocol>>,
    /// Since StartProtocol.
    host: Option<(Arc<Signal>, Arc<HostSupport>)>,
    /// Of MibSetTrapInfo.
    trap: Option<Arc<Signal>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.life.fmt(f)
    }
}

impl State {
    /// The instance; ERROR_CAN_NOT_COMPLETE when there is none.
    pub(super) fn instance(&mut self) -> Result<&mut (dyn RoutingProtocol + 'static), Refusal> {
        self.instance
            .as_deref_mut()
            .ok_or_else(|| Refusal::failed("no protocol is registered"))
    }

    /// A fresh instance takes the place of one that was registered and never started. One that runs stays.
    pub(super) fn register(
        &mut self,
        make: impl FnOnce() -> Box<dyn RoutingProtocol>,
        register: impl FnOnce(&mut dyn RoutingProtocol) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if matches!(self.life, Life::Started | Life::Stopping) {
            return Err(unacceptable("the router never has two of one protocol running"));
        }
        self.end();
        let mut instance = make();
        register(&mut *instance)?;
        self.instance = Some(instance);
        self.life = Life::Registered;
        Ok(())
    }

    /// An instance that did not start is put away (P-13).
    pub(super) fn start(
        &mut self,
        signal: Signal,
        support: HostSupport,
        start: impl FnOnce(&mut dyn RoutingProtocol, Arc<Signal>, Arc<HostSupport>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if self.life != Life::Registered {
            return Err(Refusal::failed(
                "the protocol is not registered, or was started before",
            ));
        }
        let (signal, support) = (Arc::new(signal), Arc::new(support));
        self.host = Some((signal.clone(), support.clone()));
        let started = start(self.instance()?, signal, support);
        match &started {
            Ok(()) => self.life = Life::Started,
            Err(_) => self.end(),
        }
        started
    }

    pub(super) fn stop(&mut self) -> Result<(), Refusal> {
        let stopped = self.instance()?.stop();
        match &stopped {
            Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => {
                self.life = Life::Stopping;
            }
            // The host takes every other code for the end (P-14), unless it asked before.
            _ if self.life == Life::Started => self.end(),
            _ => {}
        }
        stopped
    }

    /// ERROR_NO_MORE_ITEMS when nothing is queued, and when there is nobody to queue anything.
    pub(super) fn next_event(&mut self) -> Result<Event, Refusal> {
        let event = self.instance.as_mut().and_then(|instance| instance.next_event());
        if event == Some(Event::RouterStopped) && self.life == Life::Stopping {
            self.end();
        }
        event.ok_or_else(|| Refusal::new(Status::ERROR_NO_MORE_ITEMS, "the queue is empty"))
    }

    pub(super) fn set_trap(
        &mut self,
        signal: Signal,
        set: impl FnOnce(&mut dyn RoutingProtocol, Arc<dyn NotificationEvent>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let signal = Arc::new(signal);
        set(self.instance()?, signal.clone())?;
        if let Some(before) = self.trap.replace(signal) {
            before.end();
        }
        Ok(())
    }

    /// The instance is no more; then nothing of the host's is used any more. Its threads end before the host hears of it.
    fn end(&mut self) {
        self.life = Life::Absent;
        let instance = self.instance.take();
        // What is left when this panics is taken back by whoever catches it.
        drop(instance);
        self.take_back();
    }

    fn fail(&mut self) {
        self.life = Life::Failed;
        let instance = self.instance.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(instance))) {
            discard(panic);
        }
        self.take_back();
    }

    fn take_back(&mut self) {
        if let Some((signal, support)) = self.host.take() {
            signal.end();
            support.end();
        }
        if let Some(trap) = self.trap.take() {
            trap.end();
        }
    }
}
