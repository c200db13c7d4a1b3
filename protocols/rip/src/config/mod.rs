//! What can be configured: options as an operator writes them, and the values that result.
//!
//! Every interface option may be given for one interface or, as default for all, in the global configuration. An option
//! that is given nowhere has the default that its documentation states. Only what was given is kept, so that text to block
//! to text is the identity.

mod effective;
mod filter;
mod options;

pub use effective::Effective;
pub use filter::{FilterRule, PrefixMatch, RuleAction, filter_permits};
pub use options::{
    Accept, Announce, Authentication, GlobalConfig, InterfaceConfig, Key, Logging, NeighborMode, Options,
    PeerFilter, Redistribution, TtlSecurity, UpdateMode,
};
