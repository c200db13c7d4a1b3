//! The routing table's thread against the real kernel: what it was given is what the kernel has, whatever happens to
//! links, to its routes and objects, and to itself.
//!
//! Each test has a machine of its own, in network namespaces; see `waypost_testkit::run`.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

mod foreign;
mod inline;
mod links;
mod machine;
mod modules;
mod order;
mod overrun;
mod repair;
mod restart;
