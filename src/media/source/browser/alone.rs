//! The capture without a browser: of a display and a sound daemon that run already. Benches measure it.

use std::path::PathBuf;
use std::sync::Arc;

use super::display::Address;
use super::screen::{Scene, Screen};
use super::sound::capture::{Capture, Listener};
use super::stats::{BrowserStats, Counters};
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::source::ProgramInput;

/// What to capture. The display and the daemon must let everybody in.
#[derive(Clone, Debug)]
pub struct CaptureSpec {
    /// The display's number.
    pub display: u32,
    /// Its width and height in pixels.
    pub size: (u16, u16),
    /// Pictures a second at most.
    pub fps: u32,
    /// A `PulseAudio` server with a sink called `meeting`.
    pub sound: Option<String>,
}

/// A running capture; dropping it ends it without waiting.
pub struct CaptureAlone {
    counters: Arc<Counters>,
    _screen: Screen,
    _sound: Option<Capture>,
}

impl CaptureAlone {
    /// Starts it; it delivers to `input` in `clock`'s running time.
    pub fn start(spec: CaptureSpec, input: &Arc<dyn ProgramInput>, clock: &MediaClock) -> Result<Self, MediaError> {
        let counters = Arc::new(Counters::default());
        let screen = Screen::start(Scene {
            address: Address { number: spec.display, authority: PathBuf::new(), cookie: [0; 16] },
            size: spec.size,
            fps: spec.fps,
            clock: clock.clone(),
            input: Arc::clone(input),
            counters: Arc::clone(&counters),
        })?;
        screen.open();
        let listener = || Listener { clock: clock.clone(), input: Arc::clone(input), counters: Arc::clone(&counters) };
        let sound = spec.sound.map(|server| Capture::start(server, listener())).transpose()?;
        if let Some(sound) = &sound {
            sound.open();
        }
        Ok(Self { counters, _screen: screen, _sound: sound })
    }

    /// What it has done so far.
    pub fn stats(&self) -> BrowserStats {
        self.counters.read()
    }
}
