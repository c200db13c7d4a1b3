//! A module in a process of its own.
//!
//! [`IsolatedProtocol`] starts the program `waypost-module-host` for one instance of a module and passes every call on to it
//! through memory that both see, and over a socket; the program runs [`serve`]. Each call has a deadline. A module that crashes, hangs or speaks nonsense ends
//! its process and nothing else: the host is told, and every further call is refused.

use std::path::{Path, PathBuf};

mod child;
mod confine;
mod describe;
mod frame;
mod futex;
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod memory;
mod privileges;
mod state;
mod table;
mod turn;

pub use child::{Object, serve, take_standard_output};
pub use confine::confine;
pub use host::{IsolatedProtocol, Options};
pub use privileges::{Capabilities, Privileges, User};

/// The third argument of the program, if the module may use the routing table; the first is the module's file, the second what
/// [`Privileges`] it has. Its standard input is the socket to the host, its
/// standard output the memory that both see.
pub const WITH_TABLE: &str = "table";

/// The program that isolated modules run in: beside the program that runs now, or where packages put it.
#[must_use]
pub fn host_program() -> PathBuf {
    const NAME: &str = "waypost-module-host";
    let beside = std::env::current_exe().map(|own| own.with_file_name(NAME));
    beside
        .ok()
        .filter(|program| program.exists())
        .unwrap_or_else(|| Path::new("/usr/libexec/waypost").join(NAME))
}
