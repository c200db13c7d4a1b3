//! Socket options.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::c_int;

use crate::check;

/// A type an option takes: plain old data in the kernel's layout.
///
/// # Safety
/// Every bit pattern is a value, and there is no padding.
pub(crate) unsafe trait OptionValue: Copy {}

// SAFETY: an integer.
unsafe impl OptionValue for c_int {}
// SAFETY: an integer.
unsafe impl OptionValue for u32 {}
// SAFETY: two addresses and an integer, 4 bytes each.
unsafe impl OptionValue for libc::ip_mreqn {}
// SAFETY: three integers of 4 bytes.
unsafe impl OptionValue for libc::ucred {}

/// Attaches a packet filter, which the kernel copies.
pub(crate) fn attach_filter(fd: BorrowedFd<'_>, steps: &mut [libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        // INVARIANT: filters are a handful of steps.
        len: u16::try_from(steps.len()).unwrap_or(u16::MAX),
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: the pointer is to a program that lives through the call, as do its steps, which it counts.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// `socket(2)`, closed on exec.
pub(crate) fn socket(domain: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = check(unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) })?;
    // SAFETY: the descriptor is fresh and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `setsockopt(2)`.
pub(crate) fn set<T: OptionValue>(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: T) -> io::Result<()> {
    // SAFETY: the pointer is to `value`, which lives through the call, and the length is its own.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// `getsockopt(2)` into a copy of `initial`.
pub(crate) fn get<T: OptionValue>(
    fd: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    initial: T,
) -> io::Result<T> {
    let mut value = initial;
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `value`, and any bytes are a value of `T`.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw mut value).cast(),
            &raw mut length,
        )
    })?;
    Ok(value)
}

/// Sets the receive buffer past the system's limit where privileges allow, up to the limit otherwise. Returns the
/// size in effect, octets; the kernel counts its own bookkeeping in.
pub(crate) fn set_receive_buffer(fd: BorrowedFd<'_>, bytes: usize) -> io::Result<usize> {
    set_buffer(fd, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, bytes)
}

/// The same for the send buffer.
pub(crate) fn set_send_buffer(fd: BorrowedFd<'_>, bytes: usize) -> io::Result<usize> {
    set_buffer(fd, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, bytes)
}

fn set_buffer(fd: BorrowedFd<'_>, force: c_int, ordinary: c_int, bytes: usize) -> io::Result<usize> {
    let wanted = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    if set(fd, libc::SOL_SOCKET, force, wanted).is_err() {
        set(fd, libc::SOL_SOCKET, ordinary, wanted)?;
    }
    let effective = get(fd, libc::SOL_SOCKET, ordinary, 0)?;
    Ok(usize::try_from(effective).unwrap_or(0))
}

/// `error` with what was attempted in front.
pub(crate) fn attempted(error: &io::Error, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
