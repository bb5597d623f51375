//! One running child: watched, stopped, reaped.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid};

use super::process::Process;
use super::tail::Tail;

/// A child with all it started. Dropping it kills the whole group at once.
pub(in super::super) struct Child {
    kind: &'static str,
    handle: Option<std::process::Child>,
    process: Process,
    tail: Tail,
}

impl Child {
    pub(super) fn new(kind: &'static str, child: std::process::Child, process: Process, tail: Tail) -> Self {
        Self { kind, handle: Some(child), process, tail }
    }

    /// What it is, in a word.
    pub(in super::super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its process, which is also its session and group.
    pub(in super::super) fn process(&self) -> Process {
        self.process
    }

    /// The last lines it wrote.
    pub(in super::super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Whether it has ended. It stays unreaped, so that its number cannot become somebody else's while the group is still to be killed.
    pub(in super::super) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.pid().is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
    }

    /// Asks it to end, makes it end after `grace`, and reaps it.
    pub(in super::super) async fn stop(mut self, grace: Duration) {
        let Some(pid) = self.pid() else { return };
        let _ = kill_process_group(pid, Signal::TERM);
        let _ = kill_process_group(pid, Signal::CONT);
        if !within(grace, || self.has_ended()).await {
            tracing::debug!(kind = self.kind, "child did not end when asked; killing it");
        }
        let _ = kill_process_group(pid, Signal::KILL);
        if !within(Duration::from_secs(2), || self.has_ended()).await {
            tracing::warn!(kind = self.kind, "child is not gone 2 s after it was killed");
        }
        if let Some(child) = self.handle.take() {
            super::bury(child);
        }
        // The grandchildren are init's to reap.
        within(Duration::from_secs(1), || test_kill_process_group(pid).is_err()).await;
    }

    fn pid(&self) -> Option<Pid> {
        self.handle.as_ref().map(Pid::from_child)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        if let Some(child) = self.handle.take() {
            super::bury(child);
        }
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
