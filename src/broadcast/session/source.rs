//! Where a session's picture and sound come from.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::super::meeting::MeetingLink;
use super::super::state::Ending;
use crate::media::error::MediaError;
use crate::media::program::Program;
use crate::media::source::browser::{self, BrowserSource, BrowserSpec};
use crate::media::source::test::TestSource;
use crate::media::source::{SourceEnd, SourceEvent};

/// A source is given this long to go.
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// Events of a source that the session has not read yet.
const EVENTS: usize = 64;

/// How much later than captured the sound of a browser goes out; earlier where negative. Measured with the double's flash and beep at an RTMP
/// receiver (`cargo bench --bench steady`): without it a beep came 8 to 11 ms after its flash.
const BROWSER_SOUND_OFFSET_MS: i64 = -10;

/// What to capture.
pub enum SourcePlan {
    /// A moving clock that beeps.
    Test,
    /// A meeting, by a browser of its own.
    Browser(Box<BrowserPlan>),
}

/// A meeting for a browser.
#[derive(Clone)]
pub struct BrowserPlan {
    /// The meeting.
    pub meeting: MeetingLink,
    /// Under which folder the browser lives.
    pub runtime: PathBuf,
    /// Chromium's program.
    pub chromium: PathBuf,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
}

impl SourcePlan {
    /// Whether a meeting has to run before the source can start.
    pub(super) fn waits(&self) -> bool {
        match self {
            Self::Test => false,
            Self::Browser(_) => true,
        }
    }

    /// How much later than captured its sound goes out.
    pub(super) fn sound_offset_ms(&self) -> i64 {
        match self {
            Self::Test => 0,
            Self::Browser(_) => BROWSER_SOUND_OFFSET_MS,
        }
    }

    /// The meeting, where there is one.
    pub(super) fn meeting(&self) -> Option<&MeetingLink> {
        match self {
            Self::Test => None,
            Self::Browser(plan) => Some(&plan.meeting),
        }
    }

    pub(super) async fn start(&self, program: &Program) -> Result<Source, MediaError> {
        let (events, received) = mpsc::channel(EVENTS);
        let running = match self {
            Self::Test => Running::Test(TestSource::start(program.profile(), program.input(), program.clock().clone(), events)?),
            Self::Browser(plan) => {
                let spec = plan.spec(program).await?;
                Running::Browser(BrowserSource::start(spec, program.input(), program.clock().clone(), events))
            }
        };
        Ok(Source { running, events: received })
    }
}

impl BrowserPlan {
    async fn spec(&self, program: &Program) -> Result<BrowserSpec, MediaError> {
        let (join_url, generation) = self.meeting.address().await?;
        let profile = program.profile();
        let size = |pixels: u32| u16::try_from(pixels).map_err(|_| MediaError::ours("bad_profile", "The picture is too large.").fatal());
        Ok(BrowserSpec {
            join_url,
            width: size(profile.width)?,
            height: size(profile.height)?,
            fps: profile.fps,
            generation,
            runtime: self.runtime.clone(),
            chromium: self.chromium.clone(),
            ready_within: browser::READY_WITHIN,
            ca_file: self.ca_file.clone(),
        })
    }
}

enum Running {
    Test(TestSource),
    Browser(BrowserSource),
}

/// A running source and what it reports.
pub(super) struct Source {
    running: Running,
    events: mpsc::Receiver<SourceEvent>,
}

impl Source {
    /// The next report; a source that vanishes without a word has failed.
    pub(super) async fn next(&mut self) -> SourceEvent {
        self.events.recv().await.unwrap_or_else(|| {
            let error = MediaError::ours("source_vanished", "The source ended without a word.");
            SourceEvent::Ended(SourceEnd::Failed { error, evidence: crate::media::source::Evidence::default() })
        })
    }

    /// Stops it and waits until all of it is gone.
    pub(super) async fn stop(mut self) {
        // Its last words must not fill the channel and hold it up.
        self.events.close();
        let stop = async {
            match self.running {
                Running::Test(source) => source.stop().await,
                Running::Browser(source) => source.stop().await,
            }
        };
        if tokio::time::timeout(STOP_WITHIN, stop).await.is_err() {
            tracing::error!("a source did not stop in time");
        }
    }
}

/// What the machine has to know of an end.
pub(super) fn ending(end: &SourceEnd) -> Ending {
    match end {
        SourceEnd::MeetingEnded => Ending::SaysOver,
        SourceEnd::Removed => Ending::Removed,
        SourceEnd::Denied => Ending::Denied,
        SourceEnd::Replaced => Ending::Replaced,
        SourceEnd::Failed { error, .. } if !error.retry => Ending::Unusable,
        SourceEnd::Failed { .. } | SourceEnd::Stopped => Ending::Broke,
    }
}
