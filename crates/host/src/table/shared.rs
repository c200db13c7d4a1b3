//! The table behind its lock: its thread works on it in short slices, and modules change it from threads of their own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use waypost_rtmv2::{EntityKey, Tables};
use waypost_sys::wait::Waker;
use waypost_types::{ProtocolId, Seed};

/// The table and what its thread must be told of it.
pub(super) struct SharedTable {
    core: Mutex<Core>,
    waker: Waker,
    /// The thread was woken and has not looked yet: to wake it again would cost a system call for nothing.
    is_woken: AtomicBool,
}

pub(super) struct Core {
    pub(super) tables: Tables,
    /// How many routes a protocol's entities may have.
    pub(super) limits: BTreeMap<ProtocolId, Option<u32>>,
}

impl Core {
    /// The entities that modules have registered for a protocol.
    pub(super) fn of(&self, protocol: ProtocolId) -> Vec<EntityKey> {
        self.tables.keys(|name| name.protocol == protocol)
    }
}

impl SharedTable {
    pub(super) fn new(seed: Seed, waker: Waker) -> Self {
        Self {
            core: Mutex::new(Core {
                tables: Tables::new(seed),
                limits: BTreeMap::new(),
            }),
            waker,
            is_woken: AtomicBool::new(false),
        }
    }

    /// What a thread that panicked left is taken as it is: the router ends when the table's own thread does.
    pub(super) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread look at what was changed.
    pub(super) fn notice(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// The thread begins to look: what is changed from now on wakes it again.
    pub(super) fn looks(&self) {
        self.waker.take();
        self.is_woken.store(false, Ordering::Release);
    }
}
