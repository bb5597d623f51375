//! The audio side: the audio latch on its thread, and an encoder for each codec that somebody wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer_app::{AppSinkCallbacks, AppSrc};

use super::ProgramSpec;
use super::stats::Meter;
use crate::media::audio::{AudioLatch, Chunk, level_db};
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::hub::Hub;
use crate::media::packet::{Packet, Track};
use crate::media::pipeline::{Fill, Line};

/// An encoder that nobody wants is kept this long: outputs that reconnect find it running.
const KEEP_UNWANTED: Duration = Duration::from_secs(10);
/// An encoder that fails is built again no sooner than this.
const REBUILD_AFTER: Duration = Duration::from_millis(250);

struct State {
    latch: AudioLatch,
    stop: bool,
}

pub(super) struct Sound {
    state: Mutex<State>,
    changed: Condvar,
    clock: MediaClock,
    hub: Hub,
    stats: Arc<Meter>,
    fill: Fill,
}

struct Encoder {
    line: Line,
    input: AppSrc,
}

#[derive(Default)]
struct Slot {
    encoder: Option<Encoder>,
    wanted_until: Option<Instant>,
    rebuild_at: Option<Instant>,
}

impl Sound {
    pub(super) fn new(spec: &ProgramSpec, clock: MediaClock, hub: Hub, stats: Arc<Meter>) -> Self {
        let mut fill = Fill::of(&spec.profile);
        if spec.voice_filter {
            fill = fill.fragment("sound_filter", "encoder/voice");
        }
        let latch = AudioLatch::new(clock.now().into(), spec.sound_offset_ms, spec.profile.opus_frame_ms());
        Self { state: Mutex::new(State { latch, stop: false }), changed: Condvar::new(), clock, hub, stats, fill }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn feed(&self, samples: &[i16], at: Duration) {
        let now = self.clock.now().into();
        self.lock().latch.feed(samples, at, now);
        self.changed.notify_one();
    }

    pub(super) fn mute(&self, muted: bool) {
        self.lock().latch.mute(muted);
    }

    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_one();
    }

    pub(super) fn run(&self) {
        let mut slots: BTreeMap<Track, Slot> = [(Track::Opus, Slot::default()), (Track::Aac, Slot::default())].into();
        while let Some((chunk, slip_ms)) = self.next() {
            self.stats.sound(level_db(&chunk.samples), slip_ms, chunk.duration());
            for (track, slot) in &mut slots {
                self.tend(*track, slot);
                if let Some(encoder) = &slot.encoder {
                    encoder.push(&chunk);
                }
            }
        }
    }

    fn next(&self) -> Option<(Chunk, f64)> {
        let mut state = self.lock();
        loop {
            if state.stop {
                return None;
            }
            let now: Duration = self.clock.now().into();
            if let Some(chunk) = state.latch.take(now) {
                return Some((chunk, state.latch.slip_ms()));
            }
            let wait = state.latch.deadline(now).saturating_sub(now);
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Builds an encoder that is wanted or broken, takes one down that nobody wants any more.
    fn tend(&self, track: Track, slot: &mut Slot) {
        let now = Instant::now();
        if self.hub.wants(track) {
            slot.wanted_until = Some(now + KEEP_UNWANTED);
        }
        if slot.wanted_until.is_none_or(|until| now >= until) {
            slot.encoder = None;
            return;
        }
        if let Some(error) = slot.encoder.as_ref().and_then(|encoder| encoder.line.poll()) {
            tracing::error!(%error, ?track, "a sound encoder failed and is built again");
            slot.encoder = None;
        }
        if slot.encoder.is_none() && slot.rebuild_at.is_none_or(|at| now >= at) {
            slot.rebuild_at = Some(now + REBUILD_AFTER);
            slot.encoder = self.build(track).map_err(|error| tracing::error!(%error, ?track, "a sound encoder cannot be built")).ok();
        }
    }

    fn build(&self, track: Track) -> Result<Encoder, MediaError> {
        let (file, end) = if track == Track::Opus { ("sound/opus", "opus") } else { ("sound/aac", "aac") };
        let line = Line::parse(file, &self.fill, &self.clock)?;
        let hub = self.hub.clone();
        let publish = move |sink: &gstreamer_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(packet) = Packet::from_sample(track, &sample) {
                hub.publish(&packet);
            }
            Ok(gst::FlowSuccess::Ok)
        };
        line.appsink(end)?.set_callbacks(AppSinkCallbacks::builder().new_sample(publish).build());
        let encoder = Encoder { input: line.appsrc("raw_audio")?, line };
        encoder.line.play()?;
        Ok(encoder)
    }
}

impl Encoder {
    fn push(&self, chunk: &Chunk) {
        let bytes: Vec<u8> = chunk.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(stamped) = buffer.get_mut() {
            stamped.set_pts(gst::ClockTime::try_from(chunk.at).ok());
            stamped.set_duration(gst::ClockTime::try_from(chunk.duration()).ok());
        }
        // A refusal shows on the bus, which is read before the next chunk.
        let _ = self.input.push_buffer(buffer);
    }
}
