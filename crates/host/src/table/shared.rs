//! The table behind its lock: its thread works on it in short slices, and modules change it from threads of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use waypost_rtmv2::{EntityKey, Tables};
use waypost_sys::wait::Waker;
use waypost_types::{ProtocolId, Seed};

use super::call::Call;

/// The table and what its thread must be told of it.
pub(super) struct SharedTable {
    core: Mutex<Core>,
    call: Call<Waker>,
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
            call: Call::new(waker),
        }
    }

    /// What a thread that panicked left is taken as it is: the router ends when the table's own thread does.
    pub(super) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread look at what was changed.
    pub(super) fn notice(&self) {
        self.call.notice();
    }

    /// The thread begins to look: what is changed from now on wakes it again.
    pub(super) fn looks(&self) {
        self.call.looks();
    }
}
