//! Which process a number means: numbers are used again, start times are not.

use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process, told apart from every other since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Process {
    pub(in super::super) pid: i32,
    /// Clock ticks from the machine's start to the process's, from `/proc/PID/stat`.
    pub(in super::super) started: u64,
}

impl Process {
    /// This process.
    pub(in super::super) fn own() -> Self {
        let pid = rustix::process::getpid().as_raw_pid();
        Self { pid, started: Stat::of(pid).map_or(0, |stat| stat.started) }
    }

    pub(super) fn of_child(child: &std::process::Child) -> Self {
        let pid = Pid::from_child(child).as_raw_pid();
        Self { pid, started: Stat::of(pid).map_or(0, |stat| stat.started) }
    }

    /// Whether it still runs (a zombie does not).
    pub(in super::super) fn runs(self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| stat.started == self.started && stat.state != 'Z' && stat.state != 'X')
    }

    /// Kills it, and nobody who got its number meanwhile.
    pub(in super::super) fn kill(self) -> bool {
        let Some(pid) = Pid::from_raw(self.pid) else { return false };
        // The descriptor is bound to whoever has the number now; only then is asked who that is.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        self.runs() && pidfd_send_signal(&handle, Signal::KILL).is_ok()
    }
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Stat {
    pub(in super::super) state: char,
    pub(in super::super) session: i32,
    pub(in super::super) started: u64,
}

impl Stat {
    pub(in super::super) fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name may hold spaces and brackets: what counts comes after the last bracket.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let session = fields.nth(2)?.parse().ok()?;
        let started = fields.nth(15)?.parse().ok()?;
        Some(Self { state, session, started })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_confuse_the_fields() {
        let text = "77 (a) R 1 2 (b) S 1 77 70 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 5150 1 1";
        assert_eq!(Stat::parse(text), Some(Stat { state: 'S', session: 70, started: 5150 }));
        assert_eq!(Stat::parse("77 (x"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn we_run_and_another_with_our_number_does_not() {
        let own = Process::own();
        assert!(own.runs());
        assert!(!Process { started: own.started + 1, ..own }.runs());
        assert!(!Process { started: own.started + 1, ..own }.kill());
    }
}
