//! From the daemon to the program. A pipeline that breaks is built again for as long as the source lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use tokio::sync::oneshot;

use super::super::stats::Counters;
use super::daemon::SINK;
use super::dating::Dating;
use super::level::Level;
use crate::media::audio::CHANNELS;
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::pipeline::{Fill, Line};
use crate::media::source::ProgramInput;

/// The monitor of a null sink gives samples all the time; when none came for so long the pipeline is stuck.
const STUCK: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where the sound goes.
pub(in super::super) struct Listener {
    pub(in super::super) clock: MediaClock,
    pub(in super::super) input: Arc<dyn ProgramInput>,
    pub(in super::super) counters: Arc<Counters>,
}

/// A running capture.
pub(in super::super) struct Capture {
    stop: Option<mpsc::Sender<()>>,
    open: Arc<AtomicBool>,
    ended: oneshot::Receiver<()>,
}

impl Capture {
    /// Starts it, with its gate shut.
    pub(in super::super) fn start(server: String, listener: Listener) -> Result<Self, MediaError> {
        let (stop, stopped) = mpsc::channel();
        let open = Arc::new(AtomicBool::new(false));
        let (ends, ended) = oneshot::channel();
        let thread = thread::Builder::new().name("sound".into()).spawn({
            let open = Arc::clone(&open);
            move || {
                run(&server, &Arc::new(listener), &open, &stopped);
                drop(ends);
            }
        });
        thread.map_err(|error| super::super::failure("sound_failed", "No thread for the sound", &error))?;
        Ok(Self { stop: Some(stop), open, ended })
    }

    /// Lets the sound out.
    pub(in super::super) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Ends it. The daemon must be gone before: a pipeline waits for a stopped one.
    pub(in super::super) async fn stop(mut self) {
        self.stop = None;
        // The thread is not joined: GStreamer may hang in it, and only it is to hang then.
        if tokio::time::timeout(Duration::from_secs(5), self.ended).await.is_err() {
            tracing::warn!("the sound capture does not end");
        }
    }
}

fn run(server: &str, listener: &Arc<Listener>, open: &Arc<AtomicBool>, stopped: &mpsc::Receiver<()>) {
    let mut pause = Duration::from_millis(200);
    loop {
        let heard = Arc::new(AtomicU64::new(0));
        let outcome = build(server, listener, open, &heard).and_then(|line| watch(&line, &heard, stopped));
        let Err(error) = outcome else { return };
        if heard.load(Ordering::Relaxed) > 0 {
            pause = Duration::from_millis(200);
        }
        tracing::warn!(%error, "the sound capture broke; building it again");
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn build(server: &str, listener: &Arc<Listener>, open: &Arc<AtomicBool>, heard: &Arc<AtomicU64>) -> Result<Line, MediaError> {
    let line = Line::parse("source/pulse", &Fill::default(), &listener.clock)?;
    let pulse = line.element("pulse")?;
    pulse.set_property("server", server);
    pulse.set_property("device", format!("{SINK}.monitor"));
    let (listener, open, heard) = (Arc::clone(listener), Arc::clone(open), Arc::clone(heard));
    let (mut level, mut dating) = (Level::default(), Dating::default());
    let mut samples = Vec::new();
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        heard.fetch_add(1, Ordering::Relaxed);
        if let Some(buffer) = sample.buffer()
            && let Ok(bytes) = buffer.map_readable()
        {
            samples.clear();
            samples.extend(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
            if let Some(centibel) = level.hear(&samples) {
                listener.counters.level(centibel);
            }
            let broken = buffer.flags().contains(gst::BufferFlags::DISCONT);
            let at = dating.date((samples.len() / CHANNELS) as u64, listener.clock.now().into(), broken);
            if open.load(Ordering::Acquire)
                && let Ok(at) = gst::ClockTime::try_from(at)
            {
                listener.input.sound(&samples, at);
            }
        }
        Ok(gst::FlowSuccess::Ok)
    };
    line.appsink("samples")?.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
    line.play()?;
    Ok(line)
}

/// Returns when it was stopped, or with what broke.
fn watch(line: &Line, heard: &AtomicU64, stopped: &mpsc::Receiver<()>) -> Result<(), MediaError> {
    let turn = Duration::from_millis(100);
    let (mut last, mut quiet) = (0, Duration::ZERO);
    loop {
        if stopped.recv_timeout(turn) != Err(RecvTimeoutError::Timeout) {
            return Ok(());
        }
        if let Some(error) = line.poll() {
            return Err(error);
        }
        let now = heard.load(Ordering::Relaxed);
        quiet = if now == last { quiet + turn } else { Duration::ZERO };
        last = now;
        if quiet >= STUCK {
            return Err(MediaError::ours("stalled", "No samples came for two seconds."));
        }
    }
}
