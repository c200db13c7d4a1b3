//! Engines at work: a thread that waits for packets, timers and news of routes, and a cell through which the manager's
//! calls reach the same instance.
//!
//! The instance sits behind one lock. The driver thread takes it for each round of work, the manager for each call; either
//! does what the outbox asks for before it lets go, so that a call has taken effect when it returns. A panic inside the
//! engine is caught by whoever runs it: the instance is dead then, its sockets are closed, and the manager is told.

mod driver;
mod exported;
mod notices;
mod ports;
mod shared;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use waypost_engine::{Engine, EngineProtocol};
use waypost_types::{ProtocolId, RouteBatch, RouteNotice, Seed};

pub use exported::{Joined, exported};
pub use shared::ThreadCell;

/// Is told whether octets were stored.
pub type Stored = Box<dyn FnOnce(bool) + Send>;

/// What a protocol's outbox reaches beside sockets.
pub trait Surroundings: Send + Sync + 'static {
    /// Changes of the protocol's routes. May wait while the routing table is behind.
    fn routes(&self, protocol: ProtocolId, batch: RouteBatch);

    /// From now on, hand news of the best routes of these owners to `sink`, starting with what there is. `sink` never waits.
    fn interest(
        &self,
        protocol: ProtocolId,
        owners: Vec<ProtocolId>,
        sink: Box<dyn Fn(Vec<RouteNotice>) + Send>,
    );

    /// Store private octets of the protocol; empty ones remove the key. Does not wait; `done` is told whether they are on
    /// stable storage, and dropped when newer ones for the same key take their place before. It never waits.
    fn persist(&self, protocol: ProtocolId, key: String, value: Vec<u8>, done: Stored);

    /// How long packets follow the routes of an earlier life once the protocols are started; zero when there are none.
    fn restart_hold(&self) -> Duration {
        Duration::ZERO
    }

    /// The instance panicked.
    fn died(&self, protocol: ProtocolId, reason: String);
}

/// Starts the thread of a fresh instance and returns it as a routing protocol.
pub fn spawn<E: Engine>(
    seed: Seed,
    persisted: Vec<(String, Vec<u8>)>,
    surroundings: Arc<dyn Surroundings>,
) -> io::Result<EngineProtocol<E, ThreadCell<E>>> {
    Ok(EngineProtocol::new(cell::<E>(seed, persisted, surroundings)?))
}

/// Starts the thread of a fresh instance. It holds `surroundings` for as long as it runs.
pub fn cell<E: Engine>(
    seed: Seed,
    persisted: Vec<(String, Vec<u8>)>,
    surroundings: Arc<dyn Surroundings>,
) -> io::Result<ThreadCell<E>> {
    driver::spawn::<E>(seed, persisted, surroundings)
}
