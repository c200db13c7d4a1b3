//! A module in a process of its own.
//!
//! [`IsolatedProtocol`] starts the program `waypost-module-host` for one instance of a module and passes every call on to it
//! over a socket; the program runs [`serve`]. Each call has a deadline. A module that crashes, hangs or speaks nonsense ends
//! its process and nothing else: the host is told, and every further call is refused.

mod child;
mod confine;
mod frame;
mod host;

pub use child::serve;
pub use confine::confine;
pub use host::{IsolatedProtocol, Options};
