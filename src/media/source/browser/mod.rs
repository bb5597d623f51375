//! The `browser` source: a Chromium of its own shows the meeting, its screen and sound are captured.
//!
//! [`session`] builds the parts in order and watches them all; whichever breaks, the whole source is torn down and says why, and its owner
//! builds another. Nothing in here can take the process down or hold it up: every wait has an end.

mod adapter;
#[doc(hidden)]
pub mod alone;
mod cdp;
mod chromium;
mod display;
mod folder;
mod mask;
mod screen;
mod session;
mod sound;
mod spawn;
mod stats;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use adapter::Generation;
pub use folder::{reap_leftovers, runtime_dir};
pub use stats::BrowserStats;

use self::stats::Counters;
use super::{ProgramInput, SourceEvent};
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::secret::Secret;

/// Longest a source takes to end, whatever its children do.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// How long a real server's meeting may take to show.
pub const READY_WITHIN: Duration = Duration::from_mins(1);

/// What to show and how.
#[derive(Clone, Debug)]
pub struct BrowserSpec {
    /// The signed address that lets the bot into the meeting. It is on no command line and in no log.
    pub join_url: Secret,
    /// Width of the picture in pixels, even, 64 to 7680.
    pub width: u16,
    /// Height of the picture in pixels, even, 64 to 4320.
    pub height: u16,
    /// Pictures a second at most, 1 to 60.
    pub fps: u32,
    /// Which of BBB's pages to expect.
    pub generation: Generation,
    /// Under which folder the runtime folder is made; its path may have some 60 bytes.
    pub runtime: PathBuf,
    /// Chromium's program.
    pub chromium: PathBuf,
    /// How long the meeting may take to show once its page is loaded or the bot is let in ([`READY_WITHIN`]).
    pub ready_within: Duration,
    /// More certificate authorities (PEM) for the browser.
    pub ca_file: Option<PathBuf>,
}

impl BrowserSpec {
    fn check(&self) -> Result<(), MediaError> {
        let even = self.width.is_multiple_of(2) && self.height.is_multiple_of(2);
        if !even || !(64..=7680).contains(&self.width) || !(64..=4320).contains(&self.height) || !(1..=60).contains(&self.fps) {
            return Err(MediaError::ours("bad_profile", "The picture must be even, 64x64 to 7680x4320, at 1 to 60 a second.").fatal());
        }
        Ok(())
    }

    #[cfg(test)]
    fn for_tests() -> Self {
        Self {
            join_url: Secret::new("https://bbb.test/bigbluebutton/api/join?checksum=77"),
            width: 1280,
            height: 720,
            fps: 30,
            generation: Generation::V3,
            runtime: std::env::temp_dir(),
            chromium: "/usr/bin/chromium".into(),
            ready_within: READY_WITHIN,
            ca_file: None,
        }
    }
}

/// A process of a source.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ChildInfo {
    /// `display`, `sound` or `browser`.
    pub kind: &'static str,
    /// Its number, also that of its session.
    pub pid: i32,
}

/// What a session shows of itself while it runs.
#[derive(Debug, Default)]
struct Shown {
    counters: Arc<Counters>,
    children: Mutex<Vec<ChildInfo>>,
}

/// A source that runs. Dropping it ends it too, without waiting.
#[derive(Debug)]
pub struct BrowserSource {
    cancel: CancellationToken,
    task: Option<JoinHandle<()>>,
    shown: Arc<Shown>,
}

impl BrowserSource {
    /// Starts one, within a tokio runtime. It delivers to `input`, in `clock`'s running time, from [`Step::Joined`](super::Step::Joined) on,
    /// and reports on `events`; its last event is [`SourceEvent::Ended`].
    pub fn start(spec: BrowserSpec, input: Arc<dyn ProgramInput>, clock: MediaClock, events: mpsc::Sender<SourceEvent>) -> Self {
        let cancel = CancellationToken::new();
        let shown = Arc::new(Shown::default());
        let task = tokio::spawn(session::run(spec, input, clock, events, cancel.clone(), Arc::clone(&shown)));
        Self { cancel, task: Some(task), shown }
    }

    /// Ends it and returns when nothing of it is left.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        if let Some(task) = self.task.take()
            && tokio::time::timeout(STOP_WITHIN, task).await.is_err()
        {
            tracing::error!("a browser source did not end in time");
        }
    }

    /// What it has done so far.
    pub fn stats(&self) -> BrowserStats {
        self.shown.counters.read()
    }

    /// Its processes.
    pub fn children(&self) -> Vec<ChildInfo> {
        self.shown.children.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for BrowserSource {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// An error of our own with its cause.
fn failure(code: &'static str, what: &str, cause: &dyn Display) -> MediaError {
    MediaError::ours(code, format!("{what}: {cause}"))
}
