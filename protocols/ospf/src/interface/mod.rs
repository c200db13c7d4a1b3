//! Interfaces (RFC 2328 §9): their state machine and the election of the Designated Router.

pub mod election;
pub mod machine;
