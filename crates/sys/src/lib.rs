//! Every system call Waypost makes, each behind a safe function.
//!
//! * [`netlink`]: the kernel's links, addresses and routes; messages are `waypost_netlink`'s.
//! * [`udp`]: a routing protocol's socket on one interface.
//! * [`wait`]: sleep until a socket is ready, another thread calls or time is up.
//! * [`claim`]: one daemon a network namespace.
//! * [`clock`], [`descriptors`], [`interface`], [`process`], [`namespace`].
//!
//! This crate and the C interface are the only ones with `unsafe` in them.

pub mod claim;
pub mod clock;
pub mod descriptors;
pub mod interface;
pub mod namespace;
pub mod netlink;
mod option;
pub mod process;
pub mod udp;
pub mod wait;

use std::io;

/// The result of a call that says -1 and sets `errno` when it failed.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// The same for calls that count bytes.
fn check_length(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
