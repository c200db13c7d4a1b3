//! Threads and sockets around the pure crates.
//!
//! * [`protocol`]: one thread a protocol instance, which owns its sockets and timers.
//! * [`table`]: the routing table's thread, which also programs the kernel.
//! * [`daemon`]: the manager's thread, which also listens to the kernel's news of interfaces.

pub mod daemon;
pub mod protocol;
pub mod table;
