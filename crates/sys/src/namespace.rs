//! Network namespaces.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::panic;
use std::path::Path;
use std::thread;

use crate::netlink::Client;
use crate::option::attempted;
use crate::{check, interface};

/// A network namespace; it lives at least as long as this.
#[derive(Debug)]
pub struct NetworkNamespace {
    file: File,
}

impl NetworkNamespace {
    /// The calling thread's.
    pub fn current() -> io::Result<Self> {
        Self::open("/proc/thread-self/ns/net")
    }

    /// The one behind a path: `/run/netns/NAME` as `ip netns add` makes it, or `/proc/PID/ns/net`.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| {
            attempted(
                &error,
                format_args!("opening network namespace {}", path.display()),
            )
        })?;
        Ok(Self { file })
    }

    /// Moves the calling thread into the namespace: sockets it opens and programs it starts from now on are there.
    /// Needs CAP_SYS_ADMIN.
    pub fn enter(&self) -> io::Result<()> {
        // SAFETY: takes no pointers; it changes which namespace this thread sees, no memory.
        check(unsafe { libc::setns(self.file.as_raw_fd(), libc::CLONE_NEWNET) })
            .map_err(|error| attempted(&error, "entering a network namespace"))?;
        Ok(())
    }
}

impl AsFd for NetworkNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Runs `body` on a new thread in a new, empty network namespace with loopback up, and returns what it returns; a panic
/// of it goes on in the caller. The namespace is gone when nothing in it is open any more.
///
/// Meant for tests. Needs CAP_SYS_ADMIN: without root, run the tests under `unshare --user --map-root-user`. (A new user
/// namespace cannot be made here: the kernel refuses that to a process with more than one thread.)
pub fn in_new_network_namespace<T: Send>(body: impl FnOnce() -> T + Send) -> io::Result<T> {
    let outcome = thread::scope(|scope| {
        scope
            .spawn(|| {
                // SAFETY: takes no pointers; it changes which namespace this thread sees, no memory.
                check(unsafe { libc::unshare(libc::CLONE_NEWNET) })
                    .map_err(|error| attempted(&error, "making a network namespace"))?;
                let loopback = interface::index("lo")?;
                Client::open()?
                    .set_link_up(loopback, true)
                    .map_err(io::Error::other)?;
                Ok(body())
            })
            .join()
    });
    outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))
}
