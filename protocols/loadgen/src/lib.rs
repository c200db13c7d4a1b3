//! A load generator: as many routes as one likes, with the mix of prefix lengths of the public Internet's table, that come, go,
//! flap and move at a given rate.
//!
//! It is for those who want to know what their router, or a neighbour of it, bears: what it announces is in the routing table
//! like the routes of every other protocol and can be redistributed. Everything follows from a seed, so that two routers, or
//! two runs, are given the same.
//!
//! No route takes memory here: the n-th prefix is computed ([`mix`]), and of the routes that are announced only the count is
//! kept.

pub mod config;
mod engine;
mod impact;
pub mod mix;
mod show;
mod work;

pub use engine::LoadGenerator;
