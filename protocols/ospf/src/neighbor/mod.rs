//! Neighbours (RFC 2328 §10): their state machine and the lists that bring databases together.

pub mod lists;
pub mod machine;
