//! The right to be the only one in a network namespace.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::process::{Credentials, peer_credentials};
use crate::{check, option};

/// Why the claim is not ours.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody else has it.
    #[error("held by {}", holder(*.0))]
    Held(Option<Credentials>),
    /// The kernel gives no socket.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn holder(credentials: Option<Credentials>) -> String {
    match credentials {
        // 0: the process is in a PID namespace that is not below ours.
        Some(Credentials { pid: 0, uid, .. }) => {
            format!("a process of user {uid} that cannot be seen from here")
        }
        Some(Credentials { pid, uid, .. }) => format!("process {pid} of user {uid}"),
        None => "a process that does not say which".to_owned(),
    }
}

/// A name that one process in a network namespace can have; the kernel releases it however the process ends.
///
/// It is an abstract unix address: those belong to the network namespace, as interfaces and routes do, whatever files the
/// process sees. Anybody may take a name, so who holds it matters: see [`ClaimError::Held`].
#[derive(Debug)]
pub struct Claim {
    _listener: UnixListener,
}

impl Claim {
    /// Takes `name` in the calling thread's network namespace. Does not wait.
    pub fn acquire(name: &str) -> Result<Self, ClaimError> {
        match UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?) {
            Ok(listener) => Ok(Self { _listener: listener }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(ClaimError::Held(ask(name))),
            Err(error) => Err(error.into()),
        }
    }
}

/// Who listens at an abstract address. Never waits: a listener that accepts nobody is full at some time.
fn ask(name: &str) -> Option<Credentials> {
    let socket = option::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).ok()?;
    // SAFETY: all-zero is a valid `sockaddr_un`.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    // The first byte of an abstract name is zero.
    for (slot, byte) in address.sun_path.iter_mut().skip(1).zip(name.bytes()) {
        *slot = byte as libc::c_char;
    }
    let length = std::mem::offset_of!(libc::sockaddr_un, sun_path) + 1 + name.len();
    // SAFETY: the pointer is to a `sockaddr_un` that lives through the call. `bind_addr` took the name, so it fits and the
    // length is within the address.
    check(unsafe {
        libc::connect(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            length as libc::socklen_t,
        )
    })
    .ok()?;
    peer_credentials(socket.as_fd()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::effective_user;

    #[test]
    fn one_holds_a_name_and_is_known_by_it() {
        // The tests of several checkouts may run in one namespace.
        let name = format!("waypost-test-{}", std::process::id());
        let claim = Claim::acquire(&name).unwrap();
        // More often than a listener queues connections: asking must not hang when nobody answers.
        let mut named = 0;
        for _ in 0..1000 {
            match Claim::acquire(&name).unwrap_err() {
                ClaimError::Held(Some(holder)) => {
                    assert_eq!((holder.pid, holder.uid), (std::process::id(), effective_user()));
                    named += 1;
                }
                ClaimError::Held(None) => {}
                ClaimError::Io(error) => panic!("{error}"),
            }
        }
        assert!(named > 0);
        // Other names are not concerned.
        Claim::acquire(&format!("{name}-")).unwrap();
        drop(claim);
        Claim::acquire(&name).unwrap();
    }
}
