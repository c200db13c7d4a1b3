//! Engines in threads of their own with real sockets, each test in a network namespace of its own.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

mod conformance;
mod driver;
mod ports;
mod probe;
mod rig;
