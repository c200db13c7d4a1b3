//! Event handles: what a module signals with SetEvent reaches the host.
//!
//! A HANDLE that the host makes carries a mark in its upper half and the number of an eventfd in its lower half. No pointer
//! of a process looks like that, so `SetEvent` of libwaypost-routprot tells it from its own handles and writes to the
//! descriptor (routing-protocol-interface P-28). It holds for a module of any kind, wherever it runs.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use waypost_routprot::NotificationEvent;

use crate::layout::Handle;

/// The upper half of a handle that the host made ("WPEV"); the library's sources say the same.
const MARK: usize = 0x5750_4556;

/// The descriptor in a handle that a host made; `None` for any other handle.
pub(crate) fn descriptor(handle: Handle) -> Option<RawFd> {
    let address = handle.addr();
    let number = u32::try_from(address & 0xFFFF_FFFF).ok()?;
    (address >> 32 == MARK).then(|| number.cast_signed())
}

/// Adds one to the counter behind a descriptor.
pub(crate) fn add(counter: RawFd) {
    let one = 1u64;
    // SAFETY: the buffer is eight octets that live through the call. A counter that is full wakes its reader just as
    // well, so what the call returns does not matter.
    unsafe { libc::write(counter, (&raw const one).cast(), 8) };
}

/// An event that a module may signal from any thread, and the thread that passes it on.
pub(crate) struct HostEvent {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    descriptor: OwnedFd,
    ended: AtomicBool,
    /// Held from taking signals until they are passed on, so that who finds none knows that they have been.
    target: Mutex<Arc<dyn NotificationEvent>>,
}

impl HostEvent {
    /// Passes what is signalled on to `target`.
    pub(crate) fn new(target: Arc<dyn NotificationEvent>) -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let number = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        let shared = Arc::new(Shared {
            // SAFETY: the number was just given to us and to nobody else.
            descriptor: unsafe { OwnedFd::from_raw_fd(number) },
            ended: AtomicBool::new(false),
            target: Mutex::new(target),
        });
        let thread = std::thread::Builder::new()
            .name("module-event".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || {
                    // Asked again before each wait: what was passed on last may have been the signal of the end.
                    while !shared.ended.load(Ordering::Acquire) && shared.wait() {
                        shared.pass_on();
                    }
                }
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What the module is given.
    pub(crate) fn handle(&self) -> Handle {
        // A descriptor is never negative.
        let number = self.shared.descriptor.as_raw_fd().cast_unsigned() as usize;
        std::ptr::without_provenance_mut(MARK << 32 | number)
    }

    /// Passes on at once what was signalled so far.
    pub(crate) fn pass_on(&self) {
        self.shared.pass_on();
    }

    /// Passes nothing on any more. The descriptor stays open until this is dropped: whatever a module signals late goes there,
    /// and not to what would have its number next.
    pub(crate) fn end(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.shared.signal();
        if let Some(thread) = self.thread.take() {
            // The target may be what ends us, on its own thread: then nobody waits for it.
            if thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }

    /// Leaves the descriptor open for ever: a module that could not be stopped may still signal it, and its number must
    /// not come to mean anything else.
    pub(crate) fn abandon(&self) {
        std::mem::forget(Arc::clone(&self.shared));
    }
}

impl Shared {
    /// Waits until the event is signalled; false when that cannot be.
    fn wait(&self) -> bool {
        let mut poll = libc::pollfd {
            fd: self.descriptor.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        loop {
            // SAFETY: there is one entry, which lives through the call.
            if unsafe { libc::poll(&raw mut poll, 1, -1) } >= 0 {
                return true;
            }
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return false;
            }
        }
    }

    fn pass_on(&self) {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0u64;
        // SAFETY: the buffer is eight octets that live through the call.
        let read = unsafe { libc::read(self.descriptor.as_raw_fd(), (&raw mut count).cast(), 8) };
        if read == 8 && !self.ended.load(Ordering::Acquire) {
            target.signal();
        }
    }

    fn signal(&self) {
        add(self.descriptor.as_raw_fd());
    }
}

impl Drop for HostEvent {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    struct Bell(mpsc::Sender<()>);

    impl NotificationEvent for Bell {
        fn signal(&self) {
            let _ = self.0.send(());
        }
    }

    /// However its end meets a signal that is being passed on.
    #[test]
    fn the_thread_ends() {
        let (bell, _rung) = mpsc::channel();
        let bell = Arc::new(Bell(bell));
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || {
            for round in 0..20_000 {
                let event = HostEvent::new(bell.clone()).unwrap();
                event.shared.signal();
                // Each time the thread is a little further when its end comes.
                (0..round % 2000 * 8).for_each(|_| std::hint::spin_loop());
                drop(event);
            }
            let _ = done.send(());
        });
        ended.recv_timeout(Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn signals_arrive_and_the_thread_ends() {
        let (bell, rung) = mpsc::channel();
        let event = HostEvent::new(Arc::new(Bell(bell))).unwrap();
        let handle = event.handle() as usize;
        assert_eq!(handle >> 32, MARK);
        assert_eq!(
            descriptor(event.handle()),
            Some(event.shared.descriptor.as_raw_fd())
        );
        assert_eq!(descriptor((&raw const rung).cast_mut().cast()), None);
        assert_eq!(descriptor(std::ptr::null_mut()), None);
        event.shared.signal();
        rung.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(event);
        assert_eq!(rung.recv(), Err(mpsc::RecvError));
    }
}
