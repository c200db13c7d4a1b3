//! What a module's process may not do.
//!
//! Everything here holds for the process whatever the module does, and cannot be taken back. A kernel without landlock
//! leaves that part out; everything else is there on every kernel that the router runs on.

use std::io;

use super::privileges::{Capabilities, Privileges, User};

/// Takes from this process what a routing protocol has no use for: it ends with its parent, gains no privileges, has no
/// capabilities but those that are granted, changes no file, leaves no core, sends no signals to others, and cannot make or touch
/// other processes, namespaces, mounts or the kernel. Called before there is another thread.
///
/// # Errors
/// When the kernel refuses one of these; the module must not be loaded then.
pub fn confine(privileges: Privileges) -> io::Result<()> {
    ends_with_parent()?;
    process_control(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    limit(libc::RLIMIT_CORE, 0)?;
    limit(libc::RLIMIT_NOFILE, 1024)?;
    limit(libc::RLIMIT_DATA, MEMORY)?;
    no_changes_to_files()?;
    if let Some(user) = privileges.user {
        become_user(user)?;
    }
    only_capabilities(privileges.capabilities)?;
    // The kernel forgets this when a process changes its user or gives capabilities away.
    ends_with_parent()?;
    if privileges.user.is_some() {
        // The kernel hides a process that changed its user from itself, and the loader reads the module through /proc/self/fd.
        process_control(libc::PR_SET_DUMPABLE, 1)?;
    }
    no_dangerous_calls()
}

/// From now on this process cannot be looked into by others of its user: it is called when the module is loaded, because the
/// loader needs /proc/self.
pub(super) fn hide() {
    // The worst is that others of the same user may look, which is how it was.
    drop(process_control(libc::PR_SET_DUMPABLE, 0));
}

fn ends_with_parent() -> io::Result<()> {
    process_control(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)
}

/// Becomes another user for good, in its group alone. What is permitted stays until [`only_capabilities`].
fn become_user(user: User) -> io::Result<()> {
    process_control(libc::PR_SET_KEEPCAPS, 1)?;
    // SAFETY: no group is read.
    checked(unsafe { libc::setgroups(0, std::ptr::null()) }.into())?;
    // SAFETY: numbers only.
    checked(unsafe { libc::setresgid(user.gid, user.gid, user.gid) }.into())?;
    // SAFETY: numbers only.
    checked(unsafe { libc::setresuid(user.uid, user.uid, user.uid) }.into())?;
    process_control(libc::PR_SET_KEEPCAPS, 0)
}

/// Octets of memory that a module may have.
const MEMORY: libc::rlim_t = 1 << 30;

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn process_control(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    // SAFETY: these options take a number.
    let result = unsafe { libc::prctl(option, value, 0, 0, 0) };
    checked(result.into()).map(drop)
}

fn limit(resource: libc::__rlimit_resource_t, most: libc::rlim_t) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: most,
        rlim_max: most,
    };
    // SAFETY: the limit lives through the call.
    let result = unsafe { libc::setrlimit(resource, &raw const limit) };
    checked(result.into()).map(drop)
}

/// Denies every way to change the file system (landlock(7)): all rights are handled, and none is granted.
fn no_changes_to_files() -> io::Result<()> {
    /// LANDLOCK_ACCESS_FS_*: write a file, and remove or make anything. Not execute, read a file, read a folder.
    const CHANGES: u64 = 1 << 1 | 0b1_1111_1111 << 4;
    let rights = [CHANGES];
    // SAFETY: the rights live through the call, and are as long as it is told.
    let ruleset = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            rights.as_ptr(),
            size_of_val(&rights),
            0,
        )
    };
    if ruleset < 0 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ENOSYS | libc::EOPNOTSUPP) => Ok(()),
            _ => Err(error),
        };
    }
    // SAFETY: numbers only.
    let confined = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0) };
    let confined = checked(confined).map(drop);
    if let Ok(ruleset) = libc::c_int::try_from(ruleset) {
        // SAFETY: the descriptor was given to us by the first call, and is not used again.
        unsafe { libc::close(ruleset) };
    }
    confined
}

/// Gives every other capability away (capabilities(7)). None is inheritable, and no program is started.
fn only_capabilities(granted: Capabilities) -> io::Result<()> {
    /// _LINUX_CAPABILITY_VERSION_3, for the calling process.
    const HEADER: [u32; 2] = [0x2008_0522, 0];
    let [low, high] = [granted.bits() as u32, (granted.bits() >> 32) as u32];
    // Effective, permitted and inheritable ones; the lower half of each, and then the upper.
    let sets = [low, low, 0, high, high, 0];
    // SAFETY: both live through the call, and are as long as the version says.
    checked(unsafe { libc::syscall(libc::SYS_capset, HEADER.as_ptr(), sets.as_ptr()) }).map(drop)
}

/// The calls that fail with EPERM.
const DENIED: &[libc::c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_sched_setscheduler,
    libc::SYS_io_uring_setup,
];

/// Forms of these that newer machines do not have.
const DENIED_OLD: &[libc::c_long] = if cfg!(target_arch = "x86_64") {
    // chmod, chown, lchown, fork, vfork.
    &[90, 92, 94, 57, 58]
} else {
    &[]
};

/// A filter of system calls (seccomp(2)): those of [`DENIED`], new limits, and signals to threads of other processes, fail with EPERM.
/// Calls of another instruction set end the process.
fn no_dangerous_calls() -> io::Result<()> {
    /// AUDIT_ARCH_*: the machine with EM_*, 64 bits, little-endian.
    #[cfg(target_arch = "x86_64")]
    const MACHINE: u32 = 0xC000_003E;
    #[cfg(target_arch = "aarch64")]
    const MACHINE: u32 = 0xC000_00B7;
    /// Where `struct seccomp_data` has the number, the machine, the lower half of the first argument and both of the third.
    const NUMBER: u32 = 0;
    const ARCHITECTURE: u32 = 4;
    const FIRST_ARGUMENT: u32 = 16;
    const THIRD_ARGUMENT: [u32; 2] = [32, 36];
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const JUMP_IF_SET: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let end = |action: u32| step(RETURN, 0, 0, action);
    let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    let own = std::process::id();
    let call = |number: libc::c_long| u32::try_from(number).unwrap_or(u32::MAX);
    let mut program = vec![
        step(LOAD, 0, 0, ARCHITECTURE),
        step(JUMP_IF_EQUAL, 1, 0, MACHINE),
        end(libc::SECCOMP_RET_KILL_PROCESS),
        step(LOAD, 0, 0, NUMBER),
    ];
    for denied in DENIED.iter().chain(DENIED_OLD) {
        program.push(step(JUMP_IF_EQUAL, 0, 1, call(*denied)));
        program.push(end(refused));
    }
    // Threads may be made, processes not. What clone3 is asked for cannot be looked into: without it, libc uses clone.
    program.extend([
        step(JUMP_IF_EQUAL, 0, 1, call(libc::SYS_clone3)),
        end(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        step(JUMP_IF_EQUAL, 0, 4, call(libc::SYS_clone)),
        step(LOAD, 0, 0, FIRST_ARGUMENT),
        step(JUMP_IF_SET, 0, 1, libc::CLONE_THREAD.cast_unsigned()),
        end(libc::SECCOMP_RET_ALLOW),
        end(refused),
    ]);
    // Limits may be read, because libc's getrlimit(2) is this call, but neither set nor those of others.
    program.extend([
        step(JUMP_IF_EQUAL, 0, 8, call(libc::SYS_prlimit64)),
        step(LOAD, 0, 0, FIRST_ARGUMENT),
        step(JUMP_IF_EQUAL, 0, 4, 0),
        step(LOAD, 0, 0, THIRD_ARGUMENT[0]),
        step(JUMP_IF_EQUAL, 0, 2, 0),
        step(LOAD, 0, 0, THIRD_ARGUMENT[1]),
        step(JUMP_IF_EQUAL, 1, 0, 0),
        end(refused),
        end(libc::SECCOMP_RET_ALLOW),
    ]);
    // A thread may signal threads of its own process; abort(3) does.
    program.extend([
        step(JUMP_IF_EQUAL, 0, 3, call(libc::SYS_tgkill)),
        step(LOAD, 0, 0, FIRST_ARGUMENT),
        step(JUMP_IF_EQUAL, 1, 0, own),
        end(refused),
        end(libc::SECCOMP_RET_ALLOW),
    ]);
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(u16::MAX),
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the program lives through the call and is as long as it is told.
    let result = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER as libc::c_ulong,
            &raw const filter,
        )
    };
    checked(result.into()).map(drop)
}
