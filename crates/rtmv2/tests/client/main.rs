//! What RTMv2 is to entities, function group by function group, with the codes of router-services A4..A10.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod entities;
mod enumerations;
mod hops;
mod lookups;
mod model;
mod notifications;
mod refusals;
mod rig;
mod routes;
mod shared;
mod threads;
