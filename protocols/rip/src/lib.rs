//! RIP versions 1 and 2 for IPv4: RFC 1058, RFC 2453 and, for authentication, RFC 4822.
//!
//! [`Rip`] is an [`Engine`](waypost_engine::Engine): no clock, no socket. A message comes in through `input` (every check
//! of the RFCs), routes it carries go to [`table`] (what was heard, what is used, what changed), and `update` sends what
//! changed, through `announce`, which knows split horizon, filters and summaries.

mod addresses;
pub mod announce;
pub mod authentication;
mod autostatic;
pub mod config;
mod engine;
mod input;
pub mod interface;
mod mib;
pub mod neighbor;
pub mod packet;
pub mod policy;
mod process;
pub mod redistribute;
mod show;
pub mod table;
pub mod update;

pub use process::{GlobalCounters, Rip};

#[cfg(test)]
mod tests;
