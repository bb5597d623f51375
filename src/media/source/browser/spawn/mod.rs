//! Child processes that never outlive us: one long-lived thread starts them all, because Linux ties the parent-death signal to the
//! thread that forked, not to the process.

mod child;
pub(super) mod confine;
mod exec;
pub(super) mod process;
pub(super) mod tail;

use std::ffi::OsString;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::io::fcntl_dupfd_cloexec;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use super::folder::Folder;
pub(super) use child::Child;
use child::Leader;
use tail::Tail;

/// What to start.
pub(super) struct Order {
    /// What it is, in a word, for messages.
    pub(super) kind: &'static str,
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    /// The whole environment: nothing is inherited.
    pub(super) env: Vec<(&'static str, OsString)>,
    pub(super) dir: PathBuf,
    /// Descriptors the child gets, with the numbers it expects (below 10).
    pub(super) fds: Vec<(OwnedFd, RawFd)>,
    /// What it may reach, by [`confine::rules`]; `None`: whatever we may.
    pub(super) confined: Option<OwnedFd>,
}

enum Job {
    Start(Box<Command>, oneshot::Sender<io::Result<Leader>>),
    Bury(std::process::Child),
}

/// Starts the child. Its output ends up in its [`Tail`].
pub(super) async fn start(order: Order) -> io::Result<Child> {
    let (output, theirs) = pipe_pair()?;
    let mut command = Command::new(&order.program);
    command.args(&order.args).env_clear().envs(order.env).current_dir(&order.dir);
    command.stdin(Stdio::null()).stdout(theirs.try_clone()?).stderr(theirs);
    let mut fds = Vec::with_capacity(order.fds.len());
    for (fd, number) in order.fds {
        // Moved out of the way, so that putting one in its place cannot close another.
        fds.push((fcntl_dupfd_cloexec(&fd, 10)?, number));
    }
    exec::arm(&mut command, fds, order.confined);
    let (answer, started) = oneshot::channel();
    send(Job::Start(Box::new(command), answer))?;
    let leader = started.await.map_err(|_| io::Error::other("the spawner thread is gone"))??;
    Ok(Child::new(order.kind, leader, Tail::follow(pipe::Receiver::from_owned_fd(output)?)))
}

/// A pipe: our end, never waiting, and the child's.
pub(super) fn pipe_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}

/// A pipe: the child's end, and ours to write to, never waiting.
pub(super) fn pipe_to() -> io::Result<(OwnedFd, OwnedFd)> {
    let (theirs, ours) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((theirs, ours))
}

/// Where programs are looked for.
pub(super) fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// All that a child may know of our environment.
pub(super) fn environment(folder: &Folder) -> Vec<(&'static str, OsString)> {
    let home = folder.path().as_os_str();
    vec![
        ("PATH", path()),
        ("LANG", "C.UTF-8".into()),
        ("HOME", home.into()),
        ("TMPDIR", home.into()),
        ("XDG_RUNTIME_DIR", home.into()),
        // No session bus: there is none in a container, and on a desktop it would be somebody else's.
        ("DBUS_SESSION_BUS_ADDRESS", "disabled:".into()),
    ]
}

/// Has a killed child reaped without waiting for it here.
fn bury(child: std::process::Child) {
    if send(Job::Bury(child)).is_err() {
        tracing::warn!("the spawner thread is gone; a child stays unreaped");
    }
}

fn send(job: Job) -> io::Result<()> {
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, work) = mpsc::channel();
        if let Err(error) = thread::Builder::new().name("spawner".into()).spawn(move || run(&work)) {
            tracing::error!(%error, "cannot start the spawner thread");
        }
        jobs
    });
    spawner.send(job).map_err(|_| io::Error::other("the spawner thread is gone"))
}

fn run(work: &mpsc::Receiver<Job>) {
    let mut buried: Vec<std::process::Child> = Vec::new();
    loop {
        let job = if buried.is_empty() {
            work.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            work.recv_timeout(Duration::from_millis(50))
        };
        match job {
            Ok(Job::Start(mut command, answer)) => {
                // Who asked may be gone by now: what nobody takes is dropped, and with that killed.
                drop(answer.send(command.spawn().map(Leader::new)));
            }
            Ok(Job::Bury(child)) => buried.push(child),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        buried.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Wake};
    use std::time::Instant;

    use super::*;

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Release);
        }
    }

    fn wait(what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_so() {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[tokio::test]
    async fn a_child_that_was_started_and_is_not_wanted_any_more_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let order = || Order {
            kind: "sleeper",
            program: "/bin/sh".into(),
            args: ["-c".into(), "sleep 600; exit".into(), folder.path().into()].into(),
            env: vec![("PATH", path())],
            dir: folder.path().to_owned(),
            fds: Vec::new(),
            confined: None,
        };
        // It carries the folder's name, which is its own.
        let name = folder.path().as_os_str().as_encoded_bytes();
        let runs = || {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
            lines.into_iter().any(|line| line.windows(name.len()).any(|part| part == name))
        };
        loop {
            let woken = Arc::new(Woken(AtomicBool::new(false)));
            let mut starting = pin!(start(order()));
            // Where the spawner was quicker than the first look, the child was taken and is dropped: once more.
            if starting.as_mut().poll(&mut Context::from_waker(&Arc::clone(&woken).into())).is_pending() {
                // The answer lies there, and nobody reads it.
                wait("the answer", || woken.0.load(Ordering::Acquire));
                assert!(runs());
                break;
            }
        }
        wait("its end", || !runs());
    }
}
