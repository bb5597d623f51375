//! What captures a meeting: the contract between a source and the program, and the sources themselves.

pub mod browser;
pub mod test;

use std::fmt;

use gstreamer as gst;

use super::error::MediaError;

/// Where a source delivers. Cheap to clone; every call returns at once and never fails: what comes too late is dropped.
pub trait ProgramInput: Send + Sync {
    /// A new picture: I420 in GStreamer's default layout for the profile's size, taken at running time `at`.
    fn picture(&self, picture: gst::Buffer, at: gst::ClockTime);
    /// Nothing has changed on the screen, and the screen still answers: the last picture is true at `at`.
    fn unchanged(&self, at: gst::ClockTime);
    /// Interleaved stereo samples at 48 kHz; the first was heard at running time `at`.
    fn sound(&self, samples: &[i16], at: gst::ClockTime);
}

/// How far a source has come; shown to admins word for word as `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The display, the sound daemon and the browser are being started.
    Browser,
    /// The meeting's page is loading.
    Page,
    /// A moderator has to let the bot in.
    Lobby,
    /// In the meeting, the picture is there.
    Joined,
    /// Sound is being joined.
    Audio,
    /// The browser plays the meeting's sound.
    AudioJoined,
}

/// Why a source came to its end.
#[derive(Clone, Debug)]
pub enum SourceEnd {
    /// We asked it to.
    Stopped,
    /// The page shows that the meeting is over (to be confirmed with the API).
    MeetingEnded,
    /// A moderator removed the bot: stay out.
    Removed,
    /// The bot was denied entry: stay out.
    Denied,
    /// Another join with the same user id took its place.
    Replaced,
    /// Something broke; `error.retry` says whether to build it again.
    Failed {
        /// What broke.
        error: MediaError,
        /// What the page showed then, and the last lines of its console.
        evidence: Evidence,
    },
}

/// What is kept of a page that went wrong.
#[derive(Clone, Default)]
pub struct Evidence {
    /// A screenshot, PNG or JPEG.
    pub screenshot: Option<Vec<u8>>,
    /// The last console lines, oldest first.
    pub console: Vec<String>,
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.screenshot.as_ref().map(Vec::len);
        f.debug_struct("Evidence").field("screenshot_bytes", &bytes).field("console", &self.console).finish()
    }
}

/// What a source reports while it runs. The last event is always `Ended`.
#[derive(Clone, Debug)]
pub enum SourceEvent {
    /// It has come this far.
    Step(Step),
    /// Something an admin should read; `code` is stable.
    Notice {
        /// A stable word (`audio_silent`, `modal_closed`…).
        code: &'static str,
        /// A sentence.
        message: String,
    },
    /// It is over; all its processes are gone and its folder removed.
    Ended(SourceEnd),
}
