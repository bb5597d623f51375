//! What happens in a child between `fork` and `exec`.
#![expect(unsafe_code, reason = "the steps between fork and exec have no safe form; each one here is async-signal-safe")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal, setsid};

/// Makes the child a session of its own that dies with the calling *thread*, and gives it `fds` under the numbers it expects. Whatever
/// else is open here stays closed there. `confined` are rules of Landlock that it and all its children are under from then on.
pub(super) fn arm(command: &mut Command, fds: Vec<(OwnedFd, RawFd)>, confined: Option<OwnedFd>) {
    let parent = getpid();
    let prepare = move || {
        setsid()?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() != Some(parent) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        // SAFETY: a system call with plain numbers; it marks descriptors and closes none.
        if unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        for (fd, number) in &fds {
            // SAFETY: `fd` is open for as long as the closure lives; `number` is below every descriptor in `fds` (see `Spawner`).
            if unsafe { libc::dup2(fd.as_raw_fd(), *number) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        if let Some(rules) = &confined {
            // Root's rights reach past the rules (CAP_PERFMON looks into any process): a confined root has none. For others there is
            // nothing to give up, and the calls fail.
            for capability in 0..64 {
                // SAFETY: a system call with plain numbers.
                unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
            }
            // SAFETY: two system calls with plain numbers. Without the first, the second is for root only (landlock_restrict_self(2)).
            let done = unsafe {
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                    && libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0_u32) == 0
            };
            if !done {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: the closure allocates nothing, takes no lock, and only makes system calls.
    unsafe { command.pre_exec(prepare) };
}
