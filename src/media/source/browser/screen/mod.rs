//! The screen's pictures, taken when something was drawn, on a thread of their own that nothing can hold up for long.

mod grab;
mod pace;
mod stream;
mod yuv;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gstreamer as gst;
use gstreamer_video as gst_video;
use tokio::sync::watch;

use self::grab::{GrabError, Grabber, same};
use self::pace::Pace;
use self::stream::Patience;
use super::display::Address;
use super::stats::Counters;
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::source::ProgramInput;

/// How often the server is asked whether it still answers while nothing is drawn. Below the 100 ms that are promised.
const ASK_EVERY: Duration = Duration::from_millis(80);

/// What to capture and for whom.
pub(super) struct Scene {
    pub(super) address: Address,
    pub(super) size: (u16, u16),
    pub(super) fps: u32,
    pub(super) clock: MediaClock,
    pub(super) input: Arc<dyn ProgramInput>,
    pub(super) counters: Arc<Counters>,
}

/// A running capture.
pub(super) struct Screen {
    patience: Arc<Patience>,
    open: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    failed: watch::Receiver<Option<MediaError>>,
}

impl Screen {
    /// Starts it, with its gate shut: nothing is delivered before [`open`](Self::open).
    pub(super) fn start(scene: Scene) -> Result<Self, MediaError> {
        let patience = Arc::new(Patience::new(Arc::clone(&scene.counters)));
        let open = Arc::new(AtomicBool::new(false));
        let (report, failed) = watch::channel(None);
        let thread = thread::Builder::new().name("screen".into()).spawn({
            let (patience, open) = (Arc::clone(&patience), Arc::clone(&open));
            move || {
                if let Err(error) = run(&scene, &patience, &open)
                    && !patience.is_stopped()
                {
                    let _ = report.send(Some(MediaError::ours("screen_lost", format!("The picture of the browser is lost: {error}"))));
                }
            }
        });
        let thread = thread.map_err(|error| super::failure("screen_failed", "No thread for the screen", &error))?;
        Ok(Self { patience, open, thread: Some(thread), failed })
    }

    /// Lets the pictures out.
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Returns when the capture broke.
    pub(super) async fn failed(&self) -> MediaError {
        let mut failed = self.failed.clone();
        let failed = failed.wait_for(Option::is_some).await;
        failed
            .ok()
            .and_then(|error| error.clone())
            .unwrap_or_else(|| MediaError::ours("screen_lost", "The picture of the browser is lost."))
    }

    /// Ends it; the thread is gone after some 50 ms whatever the server does.
    pub(super) async fn stop(mut self) {
        self.patience.stop();
        self.open();
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.patience.stop();
        self.open();
    }
}

fn run(scene: &Scene, patience: &Arc<Patience>, open: &AtomicBool) -> Result<(), GrabError> {
    let grabber = Grabber::connect(&scene.address, scene.size, Arc::clone(patience))?;
    while !open.load(Ordering::Acquire) {
        grabber.ask()?;
        thread::park_timeout(Duration::from_secs(1));
    }
    let running = || Duration::from_nanos(scene.clock.now().nseconds());
    let mut pace = Pace::new(scene.fps);
    let mut last: Option<gst::Buffer> = None;
    let mut damaged = true;
    let mut answered = running();
    while !patience.is_stopped() {
        damaged |= grabber.drain()?;
        let now = running();
        if damaged && now >= pace.earliest() {
            let at = scene.clock.now();
            let picture = grabber.grab()?;
            pace.taken(now);
            answered = running();
            scene.counters.grabbed(answered.saturating_sub(now));
            // With no picture free the change is still to be shown, at the next turn.
            damaged = picture.is_none();
            if let Some(mut picture) = picture {
                if last.as_ref().is_some_and(|last| same(last, &picture)) {
                    scene.input.unchanged(at);
                } else {
                    if let Some(picture) = picture.get_mut() {
                        picture.set_pts(at);
                    }
                    scene.counters.distinct();
                    scene.input.picture(picture.clone(), at);
                    last = Some(picture);
                }
            }
        } else if now >= answered + ASK_EVERY {
            let at = scene.clock.now();
            grabber.ask()?;
            answered = running();
            damaged |= grabber.drain()?;
            // A change that waits for its turn is younger than the rate can show: what went out last is still true.
            if last.is_some() {
                scene.input.unchanged(at);
            }
        } else {
            let wake = answered + ASK_EVERY;
            let wake = if damaged { wake.min(pace.earliest()) } else { wake };
            grabber.wait(wake.saturating_sub(now))?;
        }
    }
    Ok(())
}

/// One picture of the display as JPEG: what is kept when the browser itself cannot say what it shows. Blocks for some seconds at most.
pub(super) fn photograph(address: &Address, size: (u16, u16)) -> Option<Vec<u8>> {
    let grabber = Grabber::connect(address, size, Arc::default()).ok()?;
    let picture = grabber.grab().ok()??;
    let caps = grabber.layout().to_caps().ok()?;
    let sample = gst::Sample::builder().buffer(&picture).caps(&caps).build();
    let jpeg = gst::Caps::builder("image/jpeg").build();
    let sample = gst_video::convert_sample(&sample, &jpeg, Some(gst::ClockTime::from_seconds(3))).ok()?;
    Some(sample.buffer()?.map_readable().ok()?.to_vec())
}
