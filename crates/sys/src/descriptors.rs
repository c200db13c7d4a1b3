//! File descriptors: how many this process may have, and a reserve for those who must get one.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use crate::check;

/// Descriptors kept for the management API, the store and netlink, whatever protocols ask for.
const RESERVE: u64 = 192;

/// The limit in effect and the one it can be raised to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In effect (RLIMIT_NOFILE, soft).
    pub current: u64,
    /// The most it can be raised to without privileges (hard).
    pub most: u64,
}

/// The limit of this process.
pub fn limit() -> io::Result<Limit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is to a `rlimit` that lives through the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    Ok(Limit {
        current: limit.rlim_cur,
        most: limit.rlim_max,
    })
}

/// Raises the limit as far as it goes, and returns it. A router has a socket for each interface and protocol.
pub fn raise_limit() -> io::Result<Limit> {
    let Limit { current, most } = limit()?;
    if current < most {
        let wanted = libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        };
        // SAFETY: the pointer is to a `rlimit` that lives through the call.
        check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const wanted) })?;
    }
    limit()
}

/// Refuses a descriptor that was just opened when it is one of the last: "too many open files", as if it were over the limit.
///
/// The kernel hands out the lowest free number, so the number says how many are in use.
pub fn keep_reserve(descriptor: &impl AsFd) -> io::Result<()> {
    let Limit { current, .. } = limit()?;
    let number = u64::try_from(descriptor.as_fd().as_raw_fd()).unwrap_or(u64::MAX);
    if number < current.saturating_sub(reserve(current)) {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::EMFILE))
    }
}

fn reserve(limit: u64) -> u64 {
    RESERVE.min(limit / 2)
}

/// Whether an error says that there are no more descriptors.
#[must_use]
pub fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// In words, with the limit.
#[must_use]
pub fn exhausted() -> String {
    match limit() {
        Ok(Limit { current, .. }) => format!(
            "too many open files (limit {current}, of which {} are kept for the daemon itself)",
            reserve(current)
        ),
        Err(_) => "too many open files".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn the_last_ones_are_kept() {
        let before = limit().unwrap();
        assert!(before.current <= before.most);
        // Whatever the limit of the test, it has room for one more.
        let file = File::open("/dev/null").unwrap();
        keep_reserve(&file).unwrap();
        // SAFETY: duplicates a descriptor that is open; the new one is closed below.
        let high = check(unsafe {
            libc::fcntl(
                file.as_raw_fd(),
                libc::F_DUPFD_CLOEXEC,
                libc::c_int::try_from(before.current - reserve(before.current)).unwrap(),
            )
        })
        .unwrap();
        // SAFETY: the descriptor is fresh and nobody else's.
        let high: std::os::fd::OwnedFd = unsafe { std::os::fd::FromRawFd::from_raw_fd(high) };
        let error = keep_reserve(&high).unwrap_err();
        assert!(is_exhausted(&error), "{error}");
        assert!(
            exhausted().starts_with("too many open files (limit "),
            "{}",
            exhausted()
        );
        assert_eq!((reserve(300), reserve(1024), reserve(1 << 20)), (150, 192, 192));
        assert_eq!(raise_limit().unwrap().current, before.most);
    }
}
