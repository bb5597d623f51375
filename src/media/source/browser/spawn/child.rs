//! One running child: watched, stopped, reaped.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid};

use super::process::Process;
use super::tail::Tail;

/// A child that leads a session and group of its own. Dropping it kills the whole group at once and has it reaped.
pub(super) struct Leader {
    process: Process,
    pid: Pid,
    handle: Option<std::process::Child>,
}

impl Leader {
    pub(super) fn new(child: std::process::Child) -> Self {
        Self { process: Process::of_child(&child), pid: Pid::from_child(&child), handle: Some(child) }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let _ = kill_process_group(self.pid, Signal::KILL);
        if let Some(child) = self.handle.take() {
            super::bury(child);
        }
    }
}

/// A child with all it started. Dropping it kills the whole group at once.
pub(in super::super) struct Child {
    kind: &'static str,
    leader: Leader,
    tail: Tail,
}

impl Child {
    pub(super) fn new(kind: &'static str, leader: Leader, tail: Tail) -> Self {
        Self { kind, leader, tail }
    }

    /// What it is, in a word.
    pub(in super::super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its process, which is also its session and group.
    pub(in super::super) fn process(&self) -> Process {
        self.leader.process
    }

    /// The last lines it wrote.
    pub(in super::super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Whether it has ended. It stays unreaped, so that its number cannot become somebody else's while the group is still to be killed.
    pub(in super::super) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.leader.pid), options), Ok(None))
    }

    /// Asks it to end, makes it end after `grace`, and reaps it.
    pub(in super::super) async fn stop(self, grace: Duration) {
        let pid = self.leader.pid;
        let _ = kill_process_group(pid, Signal::TERM);
        let _ = kill_process_group(pid, Signal::CONT);
        if !within(grace, || self.has_ended()).await {
            tracing::debug!(kind = self.kind, "child did not end when asked; killing it");
        }
        let _ = kill_process_group(pid, Signal::KILL);
        if !within(Duration::from_secs(2), || self.has_ended()).await {
            tracing::warn!(kind = self.kind, "child is not gone 2 s after it was killed");
        }
        drop(self.leader);
        // The grandchildren are init's to reap.
        within(Duration::from_secs(3), || test_kill_process_group(pid).is_err()).await;
    }
}

async fn within(time: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
