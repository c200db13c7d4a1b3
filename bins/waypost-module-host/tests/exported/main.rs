//! Rust protocols as modules: exported, loaded back, in this process and in one of their own, they answer as they do by
//! themselves.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

mod objects;
mod panics;
mod rip;
mod round_trip;
mod router;
mod sample;
mod table;
