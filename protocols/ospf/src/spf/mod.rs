//! The calculation of routes (RFC 2328 §16).
//!
//! [`graph`] makes flat arrays of an area's LSAs, [`tree`] finds the shortest paths in them, [`hops`] keeps sets of next hops
//! as numbers, [`table`] puts the results of areas, summaries and externals together, and [`backoff`] says when.

pub mod backoff;
pub mod graph;
pub mod hops;
pub mod table;
pub mod tree;
