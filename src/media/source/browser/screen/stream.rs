//! A connection to the X server that never waits longer than it may.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::rust_connection::{DefaultStream, PollMode, Stream};
use x11rb::utils::RawFdContainer;

use super::super::stats::Counters;

/// How long the server is waited for before its silence is reported.
pub(super) const SILENCE: Duration = Duration::from_millis(300);
/// How long before it is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What the threads on both sides of a capture know of each other.
#[derive(Debug, Default)]
pub(super) struct Patience {
    stop: AtomicBool,
    counters: Arc<Counters>,
}

impl Patience {
    /// Reports silences there.
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { stop: AtomicBool::new(false), counters }
    }

    /// Ends every wait.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether it was stopped.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// A stream whose waits end: by an answer, by [`Patience::stop`], or after [`PATIENCE`].
pub(super) struct PatientStream {
    inner: DefaultStream,
    patience: Arc<Patience>,
}

impl fmt::Debug for PatientStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientStream")
    }
}

impl PatientStream {
    pub(super) fn new(socket: UnixStream, patience: Arc<Patience>) -> io::Result<Self> {
        let (inner, _) = DefaultStream::from_unix_stream(socket)?;
        Ok(Self { inner, patience })
    }

    /// Waits until there is something to read, for at most `time`; whether there is.
    pub(super) fn wait_readable(&self, time: Duration) -> io::Result<bool> {
        self.wait(PollFlags::IN, time)
    }

    fn wait(&self, flags: PollFlags, time: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.inner, flags)];
        let time = Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: time.subsec_nanos().into() };
        match poll(&mut fds, Some(&time)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Stream for PatientStream {
    fn poll(&self, mode: PollMode) -> io::Result<()> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, mode.readable());
        flags.set(PollFlags::OUT, mode.writable());
        let began = Instant::now();
        let mut reported = false;
        loop {
            if self.wait(flags, Duration::from_millis(50))? {
                return Ok(());
            }
            if self.patience.is_stopped() {
                return Err(io::Error::other("stopped"));
            }
            let waited = began.elapsed();
            if waited >= SILENCE && !reported {
                reported = true;
                self.patience.counters.silence();
            }
            if waited >= PATIENCE {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
            }
        }
    }

    fn read(&self, buffer: &mut [u8], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.inner.read(buffer, fds)
    }

    fn write(&self, buffer: &[u8], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.inner.write(buffer, fds)
    }

    fn write_vectored(&self, buffers: &[IoSlice<'_>], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.inner.write_vectored(buffers, fds)
    }
}
