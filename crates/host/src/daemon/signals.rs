//! What other threads leave for the manager: flags and small maps, never a queue that can grow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use waypost_manager::InstanceId;
use waypost_routprot::NotificationEvent;
use waypost_sys::wait::Waker;
use waypost_types::ProtocolId;

use crate::protocol::Stored;

/// Private octets to store, by protocol and key: the latest of each, and who waits for them.
pub(super) type Persisted = BTreeMap<(ProtocolId, String), (Vec<u8>, Stored)>;

/// The instances that died, and why. An instance dies once, and is made by the manager, so that they do not heap up.
type Deaths = BTreeMap<(ProtocolId, InstanceId), String>;

/// Left by protocol threads and signal handlers, picked up by the manager's thread.
pub struct Signals {
    waker: Waker,
    events: AtomicBool,
    stopping: AtomicBool,
    leaving: AtomicBool,
    failure: Mutex<Option<String>>,
    deaths: Mutex<Deaths>,
    persisted: Mutex<Persisted>,
}

impl Signals {
    /// With nothing to pick up. `waker` wakes the manager's thread.
    #[must_use]
    pub fn new(waker: Waker) -> Self {
        Self {
            waker,
            events: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            failure: Mutex::default(),
            deaths: Mutex::default(),
            persisted: Mutex::default(),
        }
    }

    /// The router shall stop.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// The daemon shall end at once and leave everything as it is, for its successor to take over.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
        self.stop();
    }

    /// Something without which there is no router is broken: the daemon ends at once with this error, and leaves the kernel's
    /// routes as they are for the one that is started in its place. The first failure counts.
    pub fn fail(&self, reason: String) {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(reason);
        self.leave();
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the daemon leaves rather than stops.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Whether the router shall stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// An instance's thread or process died.
    pub fn died(&self, protocol: ProtocolId, instance: InstanceId, reason: String) {
        self.deaths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((protocol, instance), reason);
        self.waker.wake();
    }

    /// A protocol wants octets stored.
    pub fn persist(&self, protocol: ProtocolId, key: String, value: Vec<u8>, done: Stored) {
        self.persisted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((protocol, key), (value, done));
        self.waker.wake();
    }

    pub(super) fn take_events(&self) -> bool {
        self.events.swap(false, Ordering::AcqRel)
    }

    pub(super) fn take_deaths(&self) -> Deaths {
        std::mem::take(&mut self.deaths.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn take_persisted(&self) -> Persisted {
        std::mem::take(&mut self.persisted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl NotificationEvent for Signals {
    fn signal(&self) {
        self.events.store(true, Ordering::Release);
        self.waker.wake();
    }
}
