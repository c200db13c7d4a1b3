//! RIP as a module: the engine that the daemon runs, in the same cell with the same sockets and timers, behind
//! `RegisterProtocol`.
//!
//! What the interface in C does not have, this module does without: its routes have no way to the routing table yet
//! ([`RouteSink`]), it stores nothing, and its log has no reader.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use waypost_engine::{Change, EngineProtocol, Instance, InstanceCell, Now};
use waypost_host::protocol::{Stored, Surroundings, ThreadCell, cell};
use waypost_rip::Rip;
use waypost_routprot::Refusal;
use waypost_types::{ProtocolId, RouteBatch, RouteNotice, Seed};

waypost_routprot_abi::export_protocol!(ProtocolId::RIP => || rip(Box::new(NoTable)));

/// Where the routes go that RIP learns. RTMv2 belongs here once modules can reach it.
pub trait RouteSink: Send + Sync + 'static {
    /// Changes of RIP's routes, in order.
    fn routes(&self, batch: RouteBatch);
}

/// There is no routing table for modules yet: routes are learnt and announced, but none of them is used.
pub struct NoTable;

impl RouteSink for NoTable {
    fn routes(&self, _batch: RouteBatch) {}
}

/// RIP as the module runs it.
///
/// # Panics
/// When the system gives it no thread.
#[must_use]
pub fn rip(sink: Box<dyn RouteSink>) -> EngineProtocol<Rip, Joined> {
    let end = Arc::new(End::default());
    let surroundings = Arc::new(Alone {
        sink,
        end: end.clone(),
    });
    // Nobody needs the same numbers twice: the host tells instances apart by their process or their place in memory.
    let seed = Seed(u64::from(std::process::id()) << 32 ^ Arc::as_ptr(&surroundings).addr() as u64);
    let cell = cell::<Rip>(seed, Vec::new(), surroundings)
        .unwrap_or_else(|error| panic!("no thread for the protocol: {error}"));
    EngineProtocol::new(Joined {
        cell,
        _end: Wait(end),
    })
}

/// A module has nothing around it but its host.
struct Alone {
    sink: Box<dyn RouteSink>,
    end: Arc<End>,
}

impl Drop for Alone {
    /// The thread of the instance holds this for as long as it runs.
    fn drop(&mut self) {
        *self.end.come.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.news.notify_all();
    }
}

/// Whether the thread of an instance has ended.
#[derive(Default)]
struct End {
    come: Mutex<bool>,
    news: Condvar,
}

impl Surroundings for Alone {
    fn routes(&self, _protocol: ProtocolId, batch: RouteBatch) {
        self.sink.routes(batch);
    }

    /// Nothing to tell: without a routing table there are no routes of others.
    fn interest(
        &self,
        _protocol: ProtocolId,
        _owners: Vec<ProtocolId>,
        _sink: Box<dyn Fn(Vec<RouteNotice>) + Send>,
    ) {
    }

    fn persist(&self, _protocol: ProtocolId, _key: String, _value: Vec<u8>, done: Stored) {
        // The interface stores configuration, and nothing else.
        done(false);
    }

    fn died(&self, protocol: ProtocolId, reason: String) {
        // Every call is refused from now on, in these words.
        tracing::error!(%protocol, reason, "the protocol has ended");
    }
}

/// The cell, dropped only when its thread has ended: the host may unload the code that it runs.
pub struct Joined {
    cell: ThreadCell<Rip>,
    /// Dropped after the cell, which tells the thread to end.
    _end: Wait,
}

struct Wait(Arc<End>);

impl Drop for Wait {
    fn drop(&mut self) {
        let come = self.0.come.lock().unwrap_or_else(PoisonError::into_inner);
        // The thread waits for nothing but packets and its waker, so that this does not take long. What it does after it
        // let go of what is around it is to drop its thread-local variables, and until then libc keeps the code loaded.
        drop(self.0.news.wait_while(come, |come| !*come));
    }
}

impl InstanceCell<Rip> for Joined {
    fn with<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<Rip>) -> R,
    ) -> Result<(R, Vec<String>), Refusal> {
        self.cell.with(call)
    }

    fn attempt<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<Rip>) -> Result<(R, Change<Rip>), Refusal>,
    ) -> Result<R, Refusal> {
        self.cell.attempt(call)
    }
}
