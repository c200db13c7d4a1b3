//! Threads and sockets around the pure crates.
//!
//! * [`protocol`]: one thread a protocol instance, which owns its sockets and timers.
//! * [`daemon`]: the manager's thread, which also listens to the kernel's news of interfaces.

pub mod daemon;
pub mod protocol;
