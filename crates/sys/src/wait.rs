//! Sleeping until something happens: a socket is ready, another thread calls, or time is up.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::{check, check_length};

/// What to wait for on a descriptor. Errors and hang-ups are always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read.
    Read,
    /// Room to write.
    Write,
    /// Both.
    ReadWrite,
}

impl Interest {
    const fn events(self) -> u32 {
        (match self {
            Self::Read => libc::EPOLLIN,
            Self::Write => libc::EPOLLOUT,
            Self::ReadWrite => libc::EPOLLIN | libc::EPOLLOUT,
        }) as u32
    }
}

/// A descriptor that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The token it was added with.
    pub token: u64,
    /// There is something to read, if only an error or the end.
    pub readable: bool,
    /// There is room to write, if only to learn of an error.
    pub writable: bool,
}

/// How many ready descriptors one wait reports at most; the others are still ready at the next.
const MAX_READY: usize = 64;

/// Waits for any of many descriptors (epoll, level-triggered: what is not dealt with is reported again).
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    /// A poller of nothing.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self {
            // SAFETY: the descriptor is fresh and nobody else's.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
        })
    }

    /// Starts to wait for a descriptor, which is reported under `token`. A closed descriptor is forgotten by itself.
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_fd(), token, interest.events())
    }

    /// Changes what is waited for on a descriptor that was added.
    pub fn modify(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_fd(), token, interest.events())
    }

    /// Stops waiting for a descriptor.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_fd(), 0, 0)
    }

    fn control(&self, operation: libc::c_int, fd: BorrowedFd<'_>, token: u64, events: u32) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: the pointer is to an event that lives through the call.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd.as_raw_fd(), &raw mut event) })?;
        Ok(())
    }

    /// Waits until a descriptor is ready or `timeout` has passed, and replaces the contents of `ready`.
    ///
    /// Never returns early but for a signal. `None` waits for ever.
    pub fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        let mut events = [MaybeUninit::<libc::epoll_event>::uninit(); MAX_READY];
        let count = self.wait_exactly(timeout, &mut events);
        let count = match count {
            // Kernels before 5.11 only know whole milliseconds; round up, so as not to wake early.
            Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
                let milliseconds = timeout.map_or(-1, |timeout| {
                    libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
                });
                // SAFETY: the kernel writes at most MAX_READY events to the array.
                check(unsafe {
                    libc::epoll_wait(
                        self.epoll.as_raw_fd(),
                        events.as_mut_ptr().cast(),
                        MAX_READY as libc::c_int,
                        milliseconds,
                    )
                })
            }
            count => count,
        };
        let count = match count {
            Ok(count) => usize::try_from(count).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        for event in events.iter().take(count) {
            // SAFETY: the kernel wrote the first `count` events.
            let event = unsafe { event.assume_init_read() };
            let has = |bits: libc::c_int| event.events & bits as u32 != 0;
            let failed = has(libc::EPOLLERR | libc::EPOLLHUP);
            ready.push(Ready {
                token: event.u64,
                readable: failed || has(libc::EPOLLIN),
                writable: failed || has(libc::EPOLLOUT),
            });
        }
        Ok(())
    }

    /// epoll_pwait2, whose timeout counts nanoseconds: protocols pace their datagrams by fractions of a millisecond.
    fn wait_exactly(
        &self,
        timeout: Option<Duration>,
        events: &mut [MaybeUninit<libc::epoll_event>; MAX_READY],
    ) -> io::Result<libc::c_int> {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        // SAFETY: the kernel writes at most MAX_READY events to the array and reads a timespec that lives through the
        // call, or none; without a signal mask its size is not looked at.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                events.as_mut_ptr(),
                MAX_READY as libc::c_int,
                timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        // A count of events fits by far.
        check(count as libc::c_int)
    }
}

/// Wakes a [`Poller`] from any thread (eventfd). Clones wake the same one; calls before it looks count as one.
#[derive(Clone, Debug)]
pub struct Waker {
    event: Arc<OwnedFd>,
}

impl Waker {
    /// A waker; add it to the poller with [`Interest::Read`].
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the descriptor is fresh and nobody else's.
        let event = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self {
            event: Arc::new(event),
        })
    }

    /// Makes the poller's wait return, now or the next time.
    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: pointer and length are those of the array.
        // The only possible failure is a counter that is full, and then the poller is awake anyway.
        unsafe { libc::write(self.event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Forgets the calls so far, so that the poller can sleep again; says whether there were any. Call this before
    /// looking at what the other threads left.
    pub fn take(&self) -> bool {
        let mut count = [0u8; 8];
        // SAFETY: pointer and length are those of the array.
        let read = unsafe { libc::read(self.event.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
        check_length(read).is_ok()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn timeouts_never_end_early() {
        let poller = Poller::new().unwrap();
        let mut ready = Vec::new();
        let timeout = Duration::from_micros(1500);
        let mut shortest = Duration::MAX;
        for _ in 0..20 {
            let start = clock::now();
            poller.wait(Some(timeout), &mut ready).unwrap();
            assert!(ready.is_empty());
            let waited = clock::now().since(start);
            assert!(waited >= timeout);
            shortest = shortest.min(waited);
        }
        // Rounded up to whole milliseconds it could not be shorter than this.
        assert!(shortest < Duration::from_millis(2), "{shortest:?}");
    }

    #[test]
    fn wakes_from_another_thread_and_coalesces() {
        let poller = Poller::new().unwrap();
        let waker = Waker::new().unwrap();
        poller.add(&waker, 7, Interest::Read).unwrap();
        let other = waker.clone();
        std::thread::spawn(move || (0..1000).for_each(|_| other.wake()))
            .join()
            .unwrap();
        let mut ready = Vec::new();
        poller.wait(None, &mut ready).unwrap();
        assert_eq!(
            ready,
            [Ready {
                token: 7,
                readable: true,
                writable: false
            }]
        );
        assert!(waker.take());
        assert!(!waker.take());
        poller.wait(Some(Duration::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn interests_change_and_end() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let poller = Poller::new().unwrap();
        let mut ready = Vec::new();
        let mut wait = || {
            poller.wait(Some(Duration::ZERO), &mut ready).unwrap();
            ready
                .iter()
                .map(|r| (r.token, r.readable, r.writable))
                .collect::<Vec<_>>()
        };
        poller.add(&far, 1, Interest::Read).unwrap();
        assert_eq!(wait(), []);
        near.write_all(b"x").unwrap();
        assert_eq!(wait(), [(1, true, false)]);
        assert_eq!(wait(), [(1, true, false)]);
        poller.modify(&far, 2, Interest::ReadWrite).unwrap();
        assert_eq!(wait(), [(2, true, true)]);
        poller.remove(&far).unwrap();
        assert_eq!(wait(), []);
        poller.add(&far, 3, Interest::Write).unwrap();
        drop(near);
        assert_eq!(wait(), [(3, true, true)]);
    }
}
