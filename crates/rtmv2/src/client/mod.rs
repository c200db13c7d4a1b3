//! What RTMv2 is to the entities of one process or module: handles, references, next hops, enumerations and the rest, over a
//! [`RouteTable`].
//!
//! One lock guards everything of a [`Client`], and is held across calls of the table, so that what several threads ask for
//! happens in one order here and there. Waiting for something else (a lock that a thread holds across calls, methods that are
//! blocked) lets it go. Callbacks run on a thread of the client's without it.
//!
//! Objects live for as long as something counts on them: the table (a route that was not deleted), another object (a route on
//! its next hops), or a reference, which is counted to the entity that was given it. References that an entity has left when
//! it ends are taken back. A handle is looked up whenever it is used; what is stale or foreign is ERROR_INVALID_HANDLE.
//!
//! Routes of others are seen through what the table shows: an object is made when one is asked for, and goes with its last
//! reference. It is brought up to date when it is looked at, and is deleted once the table does not show it any more.

mod cursor;
mod entity;
mod enumeration;
mod events;
mod handle;
mod info;
mod list;
mod lock;
mod lookup;
mod memory;
mod methods;
mod nexthop;
mod notify;
mod observe;
mod opaque;
mod prefixes;
mod references;
mod route;
mod routing;
mod state;
mod sync;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use waypost_routprot::Status;

pub use cursor::Range;
pub use enumeration::RouteEnumeration;
pub use handle::Handle;
pub use info::{
    Batch, DestinationInfo, EntityInfo, Event, Events, Handles, HopInfo, MAX_HANDLES_IN_ENUM, PROFILE,
    Profile, Registration, RouteInfo, State as LifeState, ViewInfo, hop_flags, match_flags, route_flags,
    views_of,
};
pub use lookup::{BEST_PROTOCOL, THIS_PROTOCOL};
pub use memory::Memory;
pub use methods::Invocation;
pub use references::Usage;
pub use route::{Change, INFINITE, RouteRequest};

use crate::table::RouteTable;
use events::Notes;
use state::State;

/// Objects of each kind that a client may have at a time; beyond it is ERROR_NOT_ENOUGH_MEMORY.
pub const MAX_OBJECTS: u32 = 4 << 20;

/// Which object is meant, and what is given back (router-services A5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one, which is updated. No reference is added.
    Existing(Handle),
    /// That with the same identity, which is created if there is none; a handle with a reference is given back.
    New,
    /// The same, but no handle is given back.
    Unreferenced,
}

/// The entities of one process or module, and all they have.
pub struct Client {
    inner: Arc<Inner>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    state: Mutex<State>,
    /// Something happened that somebody may wait for.
    news: Condvar,
    notes: Arc<Notes>,
    limit: u32,
    worker: OnceLock<ThreadId>,
}

/// Tells clients apart that have the same number one after the other.
static SEED: AtomicU32 = AtomicU32::new(1);

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_news<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.news.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until<'a>(&self, state: MutexGuard<'a, State>, deadline: Instant) -> MutexGuard<'a, State> {
        let rest = deadline.saturating_duration_since(Instant::now());
        let waited = self.news.wait_timeout(state, rest);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether this is the client's thread.
    fn is_worker(&self) -> bool {
        self.worker.get() == Some(&std::thread::current().id())
    }
}

impl Client {
    /// A client with no entity yet. Its number, 1..=254, is part of every handle; no two may have the same at a time.
    #[must_use]
    pub fn new(table: Arc<dyn RouteTable>, number: u8) -> Self {
        Self::with_limit(table, number, MAX_OBJECTS)
    }

    /// The same with another limit than [`MAX_OBJECTS`].
    #[must_use]
    pub fn with_limit(table: Arc<dyn RouteTable>, number: u8, limit: u32) -> Self {
        let notes = Arc::new(Notes::default());
        let seed = SEED.fetch_add(1, Ordering::Relaxed);
        let state = State::new(table, Arc::clone(&notes), number, seed, limit);
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                news: Condvar::new(),
                notes,
                limit,
                worker: OnceLock::new(),
            }),
            worker: Mutex::new(None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.lock()
    }

    fn limit(&self) -> u32 {
        self.inner.limit
    }

    /// Something happened that somebody may wait for.
    fn news(&self) {
        self.inner.news.notify_all();
    }

    fn wait_for_news<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.inner.wait_for_news(state)
    }

    /// Starts the client's thread, unless it runs.
    fn start(&self) -> Result<(), Status> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.is_none() {
            let inner = Arc::clone(&self.inner);
            let started = std::thread::Builder::new()
                .name("rtm".to_owned())
                .spawn(move || inner.run())
                .map_err(|_| Status::ERROR_NO_SYSTEM_RESOURCES)?;
            let _ = self.inner.worker.set(started.thread().id());
            *worker = Some(started);
        }
        Ok(())
    }

    /// Ends all entities with everything they have left: what that was, and whether code of theirs still runs after so long.
    /// No entity can register any more.
    pub fn end(&self, patience: Duration) -> (Usage, bool) {
        let deadline = Instant::now() + patience;
        let mut usage = self.usage();
        let entities: Vec<_> = {
            let mut state = self.lock();
            state.is_ending = true;
            let entities = state.entities.iter();
            entities
                .filter(|(_, entity)| entity.registered.is_some())
                .map(|(id, _)| state.entities.handle(id))
                .collect()
        };
        self.news();
        let mut runs_on = false;
        for entity in entities {
            if let Ok((references, runs)) = self.inner.deregister(entity, Some(deadline)) {
                usage.references += references;
                runs_on |= runs;
            }
        }
        self.inner.notes.end();
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && !runs_on
            && !self.inner.is_worker()
        {
            // A panic in a callback was caught where it was called.
            let _ = worker.join();
        }
        (usage, runs_on)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}
