//! The daemon itself, started, talked to through its socket, and killed.
//!
//! Each test runs in a network namespace of its own; without root in a user namespace too.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]
#![allow(clippy::print_stdout, reason = "what was tried is told with --nocapture")]

mod disk;
mod interfaces;
mod kill;
mod model;
mod rig;
mod store;
