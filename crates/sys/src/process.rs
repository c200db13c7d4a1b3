//! This process and its users: locks, randomness, credentials, threads.

use std::ffi::{CString, c_char};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use waypost_types::Seed;

use crate::{check, check_length, option};

/// Why a lock file is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is locked by {}", path.display(), holder(*pid))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The process that wrote its number into the file, if it can be read.
        pid: Option<u32>,
    },
    /// The file cannot be opened, locked or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// A lock file that this process holds; the kernel releases it however the process ends.
///
/// The file stays: removing it would let two processes lock two files of the same name.
#[derive(Debug)]
pub struct LockFile {
    _file: File,
}

impl LockFile {
    /// Locks the file at `path`, which is created if need be, and writes this process's number into it. Does not wait.
    pub fn acquire(path: impl Into<PathBuf>) -> Result<Self, LockError> {
        let path = path.into();
        match Self::lock(&path) {
            Ok(Ok(lock)) => Ok(lock),
            Ok(Err(pid)) => Err(LockError::Held { path, pid }),
            Err(source) => Err(LockError::Io { path, source }),
        }
    }

    /// The inner error is the process that has it.
    fn lock(path: &Path) -> io::Result<Result<Self, Option<u32>>> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        // SAFETY: takes no pointers.
        match check(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut text = String::new();
                // A file that is no text only means that the number is not known.
                let _ = file.take(32).read_to_string(&mut text);
                return Ok(Err(text.trim().parse().ok()));
            }
            Err(error) => return Err(error),
        }
        // The number is only for the message of whoever comes second. A full disk must not keep a router from starting.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Ok(Self { _file: file }))
    }
}

/// Writes a directory's entries to disk: files created, renamed or removed in it before this are so after a power cut.
pub fn sync_directory(path: impl AsRef<Path>) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Octets nobody can guess, from the kernel: up to 256 of them.
pub fn random_octets<const N: usize>() -> io::Result<[u8; N]> {
    const { assert!(N <= 256, "the kernel may hand out fewer of so many") };
    let mut octets = [0u8; N];
    loop {
        // SAFETY: pointer and length are those of the array.
        let drawn = unsafe { libc::getrandom(octets.as_mut_ptr().cast(), octets.len(), 0) };
        match check_length(drawn) {
            // The kernel never hands out fewer of so few.
            Ok(_) => return Ok(octets),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A seed nobody can guess.
pub fn random_seed() -> io::Result<Seed> {
    Ok(Seed(u64::from_ne_bytes(random_octets()?)))
}

/// Who is at the other end of a unix stream, as of when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Process.
    pub pid: u32,
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
}

/// Asks the kernel who is at the other end of a unix stream (SO_PEERCRED).
pub fn peer_credentials(stream: impl AsFd) -> io::Result<Credentials> {
    let unknown = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let found = option::get(stream.as_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, unknown)?;
    Ok(Credentials {
        // 0 when the process is in another PID namespace.
        pid: u32::try_from(found.pid).unwrap_or(0),
        uid: found.uid,
        gid: found.gid,
    })
}

/// The number of the group called `name`; `None` when there is none.
pub fn group_id(name: &str) -> io::Result<Option<u32>> {
    let name = CString::new(name)?;
    // SAFETY: all pointers are valid through the call, the length is the buffer's.
    look_up(|entry, buffer, length, found| unsafe {
        libc::getgrnam_r(name.as_ptr(), entry, buffer, length, found)
    })
    .map(|found| found.map(|(group, _strings): (libc::group, _)| group.gr_gid))
}

/// Whether the user behind `peer` is in the group numbered `group`: by the group the peer runs as, or because the user
/// database says so. A user that is not in the database is in no group but the peer's.
pub fn is_member(peer: Credentials, group: u32) -> io::Result<bool> {
    if peer.gid == group {
        return Ok(true);
    }
    // SAFETY: all pointers are valid through the call, the length is the buffer's.
    let user = look_up(|entry, buffer, length, found| unsafe {
        libc::getpwuid_r(peer.uid, entry, buffer, length, found)
    })?;
    // `_strings` holds what the pointers in `user` point to.
    let Some((user, _strings)): Option<(libc::passwd, _)> = user else {
        return Ok(false);
    };
    let mut groups: Vec<libc::gid_t> = vec![0; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: the name is a string kept alive by `_strings`, and `count` is at most the length of `groups`.
        let found =
            unsafe { libc::getgrouplist(user.pw_name, user.pw_gid, groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if found >= 0 {
            return Ok(groups.iter().take(count).any(|&member_of| member_of == group));
        }
        // Too small; the call says how many there are. Some C libraries do not, so it grows in any case.
        groups.resize(count.max(groups.len() * 2), 0);
    }
}

/// The user this process acts as.
#[must_use]
pub fn effective_user() -> u32 {
    // SAFETY: takes and returns plain numbers, and cannot fail.
    unsafe { libc::geteuid() }
}

/// The numbers of the user called `name` and of its group; `None` when there is none.
pub fn user_ids(name: &str) -> io::Result<Option<(u32, u32)>> {
    let name = CString::new(name)?;
    // SAFETY: all pointers are valid through the call, the length is the buffer's.
    look_up(|entry, buffer, length, found| unsafe {
        libc::getpwnam_r(name.as_ptr(), entry, buffer, length, found)
    })
    .map(|found| found.map(|(user, _strings): (libc::passwd, _)| (user.pw_uid, user.pw_gid)))
}

/// Whether a process of this one's may become another user, and this one end it afterwards: it takes capabilities (setting
/// user and group, sending signals), and a user namespace that knows both numbers.
#[must_use]
pub fn may_become(uid: u32, gid: u32) -> bool {
    /// CAP_KILL, CAP_SETGID and CAP_SETUID.
    const NEEDED: u64 = 1 << 5 | 1 << 6 | 1 << 7;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    let knows = |map: &str, id| std::fs::read_to_string(map).is_ok_and(|map| is_mapped(&map, id));
    effective.is_some_and(|effective| effective & NEEDED == NEEDED)
        && knows("/proc/self/uid_map", uid)
        && knows("/proc/self/gid_map", gid)
}

/// Whether a map of a user namespace (user_namespaces(7)) has a number: lines of first number inside, outside, and how many.
fn is_mapped(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(first)), Some(_), Some(Ok(count))) => {
                let (first, count): (u32, u32) = (first, count);
                id.checked_sub(first).is_some_and(|offset| offset < count)
            }
            _ => false,
        }
    })
}

/// The name of a user; `None` when the user database has none.
pub fn user_name(uid: u32) -> io::Result<Option<String>> {
    // SAFETY: all pointers are valid through the call, the length is the buffer's.
    let user = look_up(|entry, buffer, length, found| unsafe {
        libc::getpwuid_r(uid, entry, buffer, length, found)
    })?;
    // `_strings` holds what the pointers in `user` point to.
    let user: Option<(libc::passwd, _)> = user;
    Ok(user.map(|(user, _strings)| {
        // SAFETY: the name is a string kept alive by `_strings`.
        unsafe { std::ffi::CStr::from_ptr(user.pw_name) }
            .to_string_lossy()
            .into_owned()
    }))
}

/// Runs one of the `get*_r` calls with a buffer that grows until the entry fits. The entry comes with the buffer that
/// its pointers point into.
fn look_up<T>(
    mut call: impl FnMut(*mut T, *mut c_char, usize, *mut *mut T) -> libc::c_int,
) -> io::Result<Option<(T, Vec<c_char>)>> {
    let mut buffer: Vec<c_char> = vec![0; 1024];
    loop {
        let mut entry = MaybeUninit::<T>::uninit();
        let mut found = std::ptr::null_mut();
        match call(
            entry.as_mut_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        ) {
            0 if found.is_null() => return Ok(None),
            // SAFETY: the call says that it filled the entry.
            0 => return Ok(Some((unsafe { entry.assume_init() }, buffer))),
            libc::ERANGE => buffer.resize(buffer.len() * 2, 0),
            // Some C libraries say "not found" this way.
            libc::ENOENT | libc::ESRCH => return Ok(None),
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// Names the calling thread, as `top -H` and core dumps show it; the kernel keeps the first 15 bytes.
pub fn name_thread(name: &str) {
    let mut bytes = [0u8; 16];
    let kept = name.len().min(bytes.len() - 1);
    bytes[..kept].copy_from_slice(&name.as_bytes()[..kept]);
    // SAFETY: the pointer is to 16 bytes with a zero at the end. The call has no way to fail then.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_super_user_has_a_name() {
        assert_eq!(user_name(0).unwrap().as_deref(), Some("root"));
        assert_eq!(user_name(u32::MAX - 7).unwrap(), None);
    }

    #[test]
    fn users_have_numbers() {
        assert_eq!(user_ids("root").unwrap(), Some((0, 0)));
        assert_eq!(user_ids("nobody-of-this-name").unwrap(), None);
    }

    #[test]
    fn maps_of_user_namespaces() {
        let whole = "         0          0 4294967295\n";
        let two = "         0       1000          1\n        10     100000      65536\n";
        for (map, id, wanted) in [
            (whole, 0, true),
            (whole, 65534, true),
            (two, 0, true),
            (two, 1, false),
            (two, 10, true),
            (two, 65545, true),
            (two, 65546, false),
            ("nonsense", 0, false),
        ] {
            assert_eq!(is_mapped(map, id), wanted, "{id} in {map}");
        }
    }

    #[test]
    fn one_lock_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = LockFile::acquire(&path).unwrap();
        let error = LockFile::acquire(&path).unwrap_err();
        assert!(
            matches!(&error, LockError::Held { pid: Some(pid), .. } if *pid == std::process::id()),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            format!("{} is locked by process {}", path.display(), std::process::id())
        );
        drop(lock);
        // A longer text of an earlier holder does not show through.
        std::fs::write(&path, "99999999999999999999\n").unwrap();
        let _lock = LockFile::acquire(&path).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            format!("{}\n", std::process::id())
        );
        sync_directory(directory.path()).unwrap();
    }

    #[test]
    fn a_lock_in_no_directory() {
        let error = LockFile::acquire("/nonexistent/waypost.lock").unwrap_err();
        assert!(matches!(error, LockError::Io { .. }));
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(random_seed().unwrap(), random_seed().unwrap());
    }

    #[test]
    fn who_is_there() {
        let (near, _far) = UnixStream::pair().unwrap();
        let peer = peer_credentials(&near).unwrap();
        assert_eq!(peer.pid, std::process::id());
        assert!(is_member(peer, peer.gid).unwrap());
        assert!(!is_member(peer, 0xFFFF_FFF0).unwrap());
    }

    #[test]
    fn groups_by_name() {
        assert_eq!(group_id("root").unwrap(), Some(0));
        assert_eq!(group_id("waypost-no-such-group").unwrap(), None);
        // Nobody in the database, so only in the group it runs as.
        let stranger = Credentials {
            pid: 1,
            uid: 0xFFFF_FFF0,
            gid: 0xFFFF_FFF0,
        };
        assert!(!is_member(stranger, 0).unwrap());
        // By the database alone: root's primary group, whatever it runs as.
        let root = Credentials {
            pid: 1,
            uid: 0,
            gid: 0xFFFF_FFF0,
        };
        assert!(is_member(root, 0).unwrap());
    }

    #[test]
    fn thread_names_are_cut() {
        std::thread::spawn(|| {
            name_thread("waypost-interface-manager");
            let name = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
            assert_eq!(name, "waypost-interfa\n");
        })
        .join()
        .unwrap();
    }
}
