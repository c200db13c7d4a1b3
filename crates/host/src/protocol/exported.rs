//! Engines in modules: the same thread and cell, with what a module has around it: sockets of its own, and the host's routing
//! table behind RTMv2.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use waypost_engine::{Change, Engine, EngineProtocol, Instance, InstanceCell, Now};
use waypost_routprot::{Refusal, Status};
use waypost_routprot_abi::export::Table;
use waypost_types::{ProtocolId, RouteBatch, RouteNotice, Seed};

use super::{Stored, Surroundings, ThreadCell, cell};

/// A fresh instance for `export_protocol!`, whose routes go to the host's table under the number of the engine.
///
/// A host without a table for modules is no fault: the protocol runs, and none of its routes is used. What the interface in C
/// does not have, such a protocol does without: it stores nothing, and its log has no reader.
///
/// # Errors
/// When the system gives no thread; when the host has a table and refuses the engine's number there.
pub fn exported<E: Engine>() -> io::Result<EngineProtocol<E, Joined<E>>> {
    let table = match Table::open(E::PROTOCOL) {
        Ok(table) => Some(table),
        Err(Status::ERROR_NOT_SUPPORTED) => None,
        Err(status) => {
            return Err(io::Error::other(format!(
                "no routing table for {}: {status}",
                E::PROTOCOL
            )));
        }
    };
    let table = table.map(Arc::new);
    let end = Arc::new(End::default());
    let around = Arc::new(Around {
        table: table.clone(),
        _end: Tells(end.clone()),
    });
    // Nobody needs the same numbers twice: the host tells instances apart by their process or their place in memory.
    let seed = Seed(u64::from(std::process::id()) << 32 ^ Arc::as_ptr(&around).addr() as u64);
    let cell = cell::<E>(seed, Vec::new(), around)?;
    Ok(EngineProtocol::new(Joined {
        cell,
        _table: Closes(table),
        _end: Waits(end),
    }))
}

/// What is around an engine in a module.
struct Around {
    table: Option<Arc<Table>>,
    _end: Tells,
}

impl Surroundings for Around {
    fn routes(&self, protocol: ProtocolId, batch: RouteBatch) {
        let Some(table) = &self.table else { return };
        let refused = table.apply(&batch);
        if let Some(first) = refused.first() {
            let (prefix, status) = (first.prefix, first.status);
            tracing::error!(%protocol, count = refused.len(), %prefix, %status, "routes are not in the table");
        }
    }

    fn interest(
        &self,
        _protocol: ProtocolId,
        owners: Vec<ProtocolId>,
        sink: Box<dyn Fn(Vec<RouteNotice>) + Send>,
    ) {
        if let Some(table) = &self.table {
            table.interest(owners, sink);
        }
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

/// Whether nothing of an instance runs any more.
#[derive(Default)]
struct End {
    come: Mutex<bool>,
    news: Condvar,
}

/// Held for as long as the thread of an instance runs.
struct Tells(Arc<End>);

impl Drop for Tells {
    fn drop(&mut self) {
        *self.0.come.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.news.notify_all();
    }
}

struct Waits(Arc<End>);

impl Drop for Waits {
    fn drop(&mut self) {
        let come = self.0.come.lock().unwrap_or_else(PoisonError::into_inner);
        // The thread waits for nothing but packets and its waker, so that this does not take long. What it does after it
        // let go of what is around it is to drop its thread-local variables, and until then libc keeps the code loaded.
        drop(self.0.news.wait_while(come, |come| !*come));
    }
}

/// A cell that is dropped only when its thread has ended and its routes are gone: the host may unload the code that they are of.
pub struct Joined<E: Engine> {
    cell: ThreadCell<E>,
    /// Dropped after the cell, which tells the thread to end. What the thread still changes is gone with the rest.
    _table: Closes,
    _end: Waits,
}

/// Closes the table where the protocol is dropped: the last who has the table may be the thread that tells its news, which
/// cannot wait for itself.
struct Closes(Option<Arc<Table>>);

impl Drop for Closes {
    fn drop(&mut self) {
        if let Some(table) = &self.0 {
            table.close();
        }
    }
}

impl<E: Engine> InstanceCell<E> for Joined<E> {
    fn with<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> R,
    ) -> Result<(R, Vec<String>), Refusal> {
        self.cell.with(call)
    }

    fn attempt<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> Result<(R, Change<E>), Refusal>,
    ) -> Result<R, Refusal> {
        self.cell.attempt(call)
    }
}
