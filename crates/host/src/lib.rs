//! Threads and sockets around the pure crates.
//!
//! * [`protocol`]: one thread a protocol instance, which owns its sockets and timers.
//! * [`table`]: the thread that owns the routing table and programs the kernel.
//! * [`daemon`]: the manager's thread, which also listens to the kernel's news of interfaces.

pub mod daemon;
pub mod protocol;
pub mod table;
mod trouble;
