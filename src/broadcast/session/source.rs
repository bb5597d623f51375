//! Where a session's picture and sound come from.

use std::time::Duration;

use tokio::sync::mpsc;

use super::super::state::Ending;
use crate::media::error::MediaError;
use crate::media::program::Program;
use crate::media::source::test::TestSource;
use crate::media::source::{SourceEnd, SourceEvent};

/// A source is given this long to go.
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// Events of a source that the session has not read yet.
const EVENTS: usize = 64;

/// What to capture.
pub enum SourcePlan {
    /// A moving clock that beeps.
    Test,
}

impl SourcePlan {
    /// Whether a meeting has to run before the source can start.
    pub(super) fn waits(&self) -> bool {
        match self {
            Self::Test => false,
        }
    }

    /// How much later than captured its sound goes out.
    pub(super) fn sound_offset(&self) -> Duration {
        match self {
            Self::Test => Duration::ZERO,
        }
    }

    pub(super) async fn start(&self, program: &Program) -> Result<Source, MediaError> {
        let (events, received) = mpsc::channel(EVENTS);
        let running = match self {
            Self::Test => Running::Test(TestSource::start(program.profile(), program.input(), program.clock().clone(), events)?),
        };
        Ok(Source { running, events: received })
    }
}

enum Running {
    Test(TestSource),
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
