//! The calculation of routes (RFC 2328 §16).
//!
//! ```text
//! LSAs ─> graph ─> tree ─> area ─> inside ─┐
//!                           │ └──> boundary ┴─> outside      all of it kept and brought along by table
//! ```
//!
//! [`graph`] holds the routers and networks of an area and the links between them, [`tree`] the shortest paths in it, which
//! `repair` brings along when links change. `area` joins the two, `inside` and `boundary` add what areas say of each other,
//! `outside` what comes from outside; [`table`] runs them. [`hops`] keeps sets of next hops as numbers, and [`backoff`] says
//! when routes are calculated.

mod area;
pub mod backoff;
mod boundary;
pub mod graph;
pub mod hops;
mod inside;
mod outside;
mod path;
mod repair;
pub mod table;
pub mod tree;

#[cfg(test)]
mod tests;
