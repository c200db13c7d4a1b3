//! The router manager, worked from outside: recording protocols, a store in memory, a routing table that writes down.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test: json! literals read best where they are used"
)]

mod autostatic;
mod boot;
mod declared;
#[allow(dead_code, reason = "the tests of the store use the rest of it")]
#[path = "../../../infobase/tests/disk/mod.rs"]
mod disk;
mod header;
mod interfaces;
mod lifecycle;
mod order;
mod policy;
mod rig;
mod router_id;
mod sample;
mod scale;
mod schedule;
mod text;
mod transactions;
mod trial;
mod vectors;
