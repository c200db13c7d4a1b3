//! The router manager, worked from outside: recording protocols, a store in memory, a routing table that writes down.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test: json! literals read best where they are used"
)]

mod autostatic;
mod boot;
mod declared;
mod header;
mod interfaces;
mod lifecycle;
mod order;
mod policy;
mod rig;
mod router_id;
mod sample;
mod scale;
mod text;
mod transactions;
mod vectors;
