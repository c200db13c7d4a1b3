//! The routing protocol interface in the C ABI.
//!
//! [`ModuleProtocol`] loads a shared object that exports `RegisterProtocol`, as `include/waypost/routprot.h` declares it, and
//! is from there on a [`waypost_routprot::RoutingProtocol`] like any other. What crosses the boundary is in [`layout`]: the
//! published structures, whose sizes and offsets are held to the list that the C headers are held to.
//!
//! Everything that comes back from a module is checked before it is believed: codes, sizes, events, and whether it kept to
//! the buffers it was lent. A module in this process can still crash it; that is what isolated modules are for.
//!
//! Their configuration has names where they describe it ([`codec_of`]). The other way round, [`export_protocol!`] makes a module of any `RoutingProtocol`.

mod checks;
mod describe;
mod event;
#[doc(hidden)]
pub mod export;
mod isolated;
mod layout;
mod lent;
mod library;
mod module;
mod object;
mod prepare;
mod rtm;
mod state;
mod support;
mod traces;

pub use describe::{Describes, Description, Direction, Load, Named, codec_of};
#[doc(hidden)]
pub use isolated::fuzzing;
pub use isolated::{
    Capabilities, IsolatedProtocol, Object, Options as IsolatedOptions, Privileges, User, WITH_TABLE,
    confine, host_program, serve, take_standard_output,
};
pub use module::{LoadError, ModuleProtocol};
