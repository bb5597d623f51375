//! The `test` source: a moving picture with a readable clock, the clock strip, and a beep on each flash. It is the demo, and the measuring
//! instrument: flash and beep begin with every full second of Unix time.

mod picture;
mod tone;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gstreamer as gst;

use self::picture::Painter;
use super::{ProgramInput, SourceEnd, SourceEvent, Step};
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::profile::Profile;
use crate::moment::now_ms;

/// Flash and beep last this long from every full second on.
pub const MARK_MS: u64 = 80;
/// Pitch of the beep.
pub const BEEP_HZ: f64 = 1000.0;
/// Sound is delivered in pieces of this length.
const TICK: Duration = Duration::from_millis(10);
const TICK_FRAMES: usize = 480;

/// A running test source. Dropping it stops it.
pub struct TestSource {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl TestSource {
    /// Starts delivering; `events` gets `Joined` and `AudioJoined` at once, and `Ended` at the end.
    pub fn start(
        profile: &Profile,
        input: Arc<dyn ProgramInput>,
        clock: MediaClock,
        events: tokio::sync::mpsc::Sender<SourceEvent>,
    ) -> Result<Self, MediaError> {
        let painter = Painter::new(profile.width as usize, profile.height as usize)
            .map_err(|error| MediaError::ours("no_pictures", format!("The test picture cannot be painted: {}.", error.message)))?;
        let period = Duration::from_secs(1) / profile.fps;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let run = move || {
            for step in [Step::Joined, Step::AudioJoined] {
                drop(events.blocking_send(SourceEvent::Step(step)));
            }
            deliver(&painter, period, &*input, &clock, &stopping);
            drop(events.blocking_send(SourceEvent::Ended(SourceEnd::Stopped)));
        };
        let thread = std::thread::Builder::new()
            .name("source-test".into())
            .spawn(run)
            .map_err(|error| MediaError::ours("no_thread", format!("No thread could be started: {error}.")))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Stops it; returns when its thread has ended.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(tokio::task::spawn_blocking(move || thread.join()).await);
        }
    }
}

impl Drop for TestSource {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn deliver(painter: &Painter, period: Duration, input: &dyn ProgramInput, clock: &MediaClock, stop: &AtomicBool) {
    let begin: Duration = clock.now().into();
    let begin_ms = now_ms();
    let unix_at = |at: Duration| begin_ms.cast_unsigned() + u64::try_from((at.saturating_sub(begin)).as_millis()).unwrap_or(0);
    let (mut sound_at, mut picture_at) = (begin, begin);
    while !stop.load(Ordering::Relaxed) {
        let now: Duration = clock.now().into();
        // After a long stall (a suspended machine) it goes on from now rather than hurry through what was missed.
        if now.saturating_sub(sound_at) > Duration::from_secs(1) {
            (sound_at, picture_at) = (now, now);
        }
        if now >= picture_at {
            picture_at = (picture_at + period).max(now.saturating_sub(period));
            if let Some(picture) = painter.paint(unix_at(now)) {
                input.picture(picture, time(now));
            }
        }
        while sound_at + TICK <= now {
            input.sound(&tone::samples(unix_at(sound_at), TICK_FRAMES), time(sound_at));
            sound_at += TICK;
        }
        let next = picture_at.min(sound_at + TICK);
        std::thread::sleep(next.saturating_sub(clock.now().into()));
    }
}

fn time(at: Duration) -> gst::ClockTime {
    gst::ClockTime::try_from(at).unwrap_or(gst::ClockTime::ZERO)
}
