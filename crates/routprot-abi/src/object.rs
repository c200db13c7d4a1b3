//! Shared objects.

use std::ffi::{CStr, CString, c_void};
use std::fs;
use std::io::Write as _;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a module cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{path}: {error}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is no shared object for this machine, or what it needs is not there.
    #[error("{path}: {reason}", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// It does not export what it must.
    #[error("{path}: does not export {symbol}", path = .path.display())]
    Symbol {
        /// The file.
        path: PathBuf,
        /// What is missing.
        symbol: &'static str,
    },
}

/// A copy of a shared object that is loaded into this process, with variables of its own.
///
/// The loader knows a file by its identity and would hand out the same copy twice; a protocol that starts anew expects its
/// variables as they are in the file. So each copy is loaded from memory.
#[derive(Debug)]
pub(crate) struct SharedObject {
    path: PathBuf,
    handle: *mut c_void,
}

// SAFETY: the handle is a token of the loader, whose functions may be called from any thread.
unsafe impl Send for SharedObject {}

impl SharedObject {
    /// Loads a copy of what was read from `path`, every symbol of it resolved.
    pub(crate) fn load(path: &Path, octets: std::io::Result<Vec<u8>>) -> Result<Self, LoadError> {
        let read = |error| LoadError::Read {
            path: path.to_owned(),
            error,
        };
        let memory = in_memory(&octets.map_err(read)?).map_err(read)?;
        let name = CString::new(name_of(&memory)).map_err(|error| read(error.into()))?;
        // SAFETY: the name is a string; what the object does when it is loaded is as trusted as its functions.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(LoadError::Open {
                path: path.to_owned(),
                reason: last_error().replace(&*name.to_string_lossy(), "the module"),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            handle,
        })
    }

    /// The file it was loaded from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A function that the object exports, or a library that it is linked to.
    pub(crate) fn symbol(&self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: the handle is open and the name is a string.
        let symbol = unsafe { libc::dlsym(self.handle, name.as_ptr()) };
        (!symbol.is_null()).then_some(symbol)
    }

    /// A function that the object must export.
    pub(crate) fn needed(&self, name: &'static CStr) -> Result<*mut c_void, LoadError> {
        self.symbol(name).ok_or_else(|| LoadError::Symbol {
            path: self.path.clone(),
            symbol: name.to_str().unwrap_or_default(),
        })
    }

    /// Leaves the object loaded for ever: something of it may still run.
    pub(crate) fn abandon(self) {
        std::mem::forget(self);
    }
}

impl Drop for SharedObject {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and whoever drops this calls nothing of the object any more.
        unsafe { libc::dlclose(self.handle) };
    }
}

/// A path to a file in memory that no other file in memory ever has in this process.
///
/// The loader takes an object that it knows by the same path for the same object, and it may know one for long after it was
/// closed: as long as a thread that was in it has thread-local variables of it. The number of the descriptor alone comes back
/// sooner. So a count is written into the path, in ways to say nothing: `/` for 0 and `/.` for 1.
fn name_of(memory: &OwnedFd) -> String {
    static LOADED: AtomicU64 = AtomicU64::new(0);
    let count = LOADED.fetch_add(1, Ordering::Relaxed);
    let nothing = (0..u64::BITS).map(|bit| if count >> bit & 1 == 1 { "/." } else { "/" });
    format!(
        "/proc/self/fd{}/{}",
        nothing.collect::<String>(),
        memory.as_raw_fd()
    )
}

fn in_memory(octets: &[u8]) -> std::io::Result<OwnedFd> {
    // SAFETY: the name is a string.
    let number = unsafe { libc::memfd_create(c"waypost-module".as_ptr(), libc::MFD_CLOEXEC) };
    if number < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the number was just given to us and to nobody else.
    let memory = unsafe { OwnedFd::from_raw_fd(number) };
    let mut file = fs::File::from(memory);
    file.write_all(octets)?;
    Ok(file.into())
}

fn last_error() -> String {
    // SAFETY: there are no arguments; the string stays until this thread's next call of the loader.
    let error = unsafe { libc::dlerror() };
    if error.is_null() {
        return "cannot be loaded".to_owned();
    }
    // SAFETY: the loader returned a string.
    let text = unsafe { CStr::from_ptr(error) };
    text.to_string_lossy().into_owned()
}
