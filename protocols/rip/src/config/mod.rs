//! What can be configured: options as an operator writes them, and the values that result.
//!
//! Every interface option may be given for one interface or, as default for all, in the global configuration. An option
//! that is given nowhere has the default that its documentation states. Only what was given is kept, so that text to block
//! to text is the identity.
//!
//! Three forms of the same configuration: text (`text.rs`), RRAS's published blocks (`rras.rs`) and Waypost's own blocks
//! (`waypost.rs`, documented octet by octet in `docs/blocks/rip.md`). What a configuration may say is checked in one place,
//! [`check_effective`] and `validate.rs`, whichever form it came in.

mod block;
mod codes;
mod effective;
mod filter;
mod impact;
mod options;
mod rras;
mod rras_filter;
mod secrets;
mod text;
mod validate;
mod waypost;

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod strategies;

pub use effective::{Effective, origins};
pub use filter::{Adjustment, FilterRule, MetricChange, PrefixMatch, filter_permits, filter_verdict};
pub use impact::impact_of;
pub use options::{
    Accept, Announce, Authentication, GlobalConfig, InterfaceConfig, Key, Logging, NeighborMode, Options,
    PeerFilter, Redistribution, TtlSecurity, UpdateMode,
};
pub use secrets::{PASSWORD_SIZE, blank_secrets, inherit_secrets, password_octets};
pub use validate::{cautions, check_effective};
pub use waypost_policy::Action;
