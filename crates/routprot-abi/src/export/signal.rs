//! The host's events, as a protocol in a module signals them.

use std::ffi::c_void;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use waypost_routprot::{NotificationEvent, Refusal};

use crate::event;
use crate::layout::Handle;

type SetEvent = unsafe extern "C" fn(Handle) -> i32;

/// An event that the host passed as a handle.
pub(super) struct Signal {
    way: Way,
    /// The host has heard that the protocol has stopped: the handle is not used any more (P-14).
    ended: AtomicBool,
}

enum Way {
    /// A descriptor of our own for the counter behind a marked handle. Its number means nothing else, whatever the host
    /// closes meanwhile.
    Counter(OwnedFd),
    /// A handle of the library that the host and this object are linked to, by its address.
    Library(SetEvent, usize),
}

impl Signal {
    /// ERROR_INVALID_PARAMETER for a handle that nothing here can signal.
    pub(super) fn new(handle: Handle) -> Result<Self, Refusal> {
        let way = match event::descriptor(handle) {
            Some(descriptor) => {
                // SAFETY: no pointers are passed.
                let own = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0) };
                if own < 0 {
                    let error = std::io::Error::last_os_error();
                    return Err(Refusal::invalid(format!(
                        "the event cannot be signalled: {error}"
                    )));
                }
                // SAFETY: the number was just given to us and to nobody else.
                Way::Counter(unsafe { OwnedFd::from_raw_fd(own) })
            }
            None if handle.is_null() => return Err(Refusal::invalid("there is no event to signal")),
            None => {
                // SAFETY: the name is a string.
                let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"SetEvent".as_ptr()) };
                if found.is_null() {
                    return Err(Refusal::invalid(
                        "the event is a library's, but there is no SetEvent for it",
                    ));
                }
                // SAFETY: the function of this name is of this type (include/waypost/windows.h).
                let set_event = unsafe { std::mem::transmute::<*mut c_void, SetEvent>(found) };
                Way::Library(set_event, handle.expose_provenance())
            }
        };
        Ok(Self {
            way,
            ended: AtomicBool::new(false),
        })
    }

    /// Signals nothing any more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

impl NotificationEvent for Signal {
    fn signal(&self) {
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        match &self.way {
            Way::Counter(counter) => event::add(counter.as_raw_fd()),
            Way::Library(set_event, handle) => {
                let handle = std::ptr::with_exposed_provenance_mut(*handle);
                // SAFETY: the host keeps the handle until the protocol has stopped. What the call returns does not
                // matter: there is nobody to tell.
                unsafe { set_event(handle) };
            }
        }
    }
}
