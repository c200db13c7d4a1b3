//! What can be configured: options as an operator writes them, and the values that result.
//!
//! Every interface option may be given for one interface or, in `defaults` of the global configuration, for all. An option
//! that is given nowhere has the default that its documentation states. Only what was given is kept, so that text to block to
//! text is the identity.
//!
//! Three forms of the same configuration: text, Waypost's own blocks (`block.rs`) and those published for RRAS (`rras.rs`).
//! What a configuration may say is checked in one place, `validate.rs`, whichever form it came in.
//!
//! Blocks are documented octet by octet in `docs/blocks/ospf.md`.

mod block;
mod effective;
mod impact;
mod options;
mod rras;
mod tails;
mod validate;
mod words;

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod strategies;

pub use effective::{Adapter, interface_parameters, resolve, router_parameters, runs_in};
pub use impact::{Reach, impact_of};
pub use options::{
    Address, Area, AreaAuthentication, DefaultOrigin, ExternalRange, FilterAction, GlobalConfig,
    InterfaceConfig, Key, Logging, Neighbor, Nssa, Redistribution, RouteFilter, TtlSecurity, VirtualLink,
};
