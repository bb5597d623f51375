//! The video side: the latch on its thread, the encoder behind it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSinkCallbacks, AppSrc};
use gstreamer_video::UpstreamForceKeyUnitEvent;

use super::ProgramSpec;
use super::key_frames::KeyFrames;
use super::stats::Meter;
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::hub::Hub;
use crate::media::latch::{Decision, Latch, Show};
use crate::media::packet::{Packet, Track};
use crate::media::pipeline::{Fill, Line};

/// An encoder that fails is built again no sooner than this.
const REBUILD_AFTER: Duration = Duration::from_millis(250);

struct State {
    latch: Latch,
    newest: (gst::Buffer, Duration),
    slate: gst::Buffer,
    current: gst::Buffer,
    stop: bool,
}

pub(super) struct Video {
    state: Mutex<State>,
    changed: Condvar,
    clock: MediaClock,
    hub: Hub,
    stats: Arc<Meter>,
    fill: Fill,
    key_interval: Duration,
    period: Duration,
    first: Mutex<Option<Encoder>>,
}

struct Next {
    now: Duration,
    picture: gst::Buffer,
    taken_at: Duration,
}

struct Encoder {
    line: Line,
    input: AppSrc,
    x264: gst::Element,
}

impl Video {
    pub(super) fn new(spec: &ProgramSpec, clock: MediaClock, hub: Hub, stats: Arc<Meter>) -> Result<Self, MediaError> {
        let begin = State {
            latch: Latch::new(spec.profile.fps),
            newest: (spec.slate.clone(), Duration::ZERO),
            slate: spec.slate.clone(),
            current: spec.slate.clone(),
            stop: false,
        };
        let video = Self {
            state: Mutex::new(begin),
            changed: Condvar::new(),
            clock,
            hub,
            stats,
            fill: Fill::of(&spec.profile),
            key_interval: Duration::from_millis(spec.profile.key_interval_ms.into()),
            period: Duration::from_secs(1) / spec.profile.fps,
            first: Mutex::new(None),
        };
        // Built here, so that a missing or unwilling encoder is an error of the start and not of a thread.
        *video.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(video.build()?);
        Ok(video)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    pub(super) fn picture(&self, picture: gst::Buffer, at: Duration) {
        self.change(|state| {
            state.newest = (picture, at);
            state.latch.picture(at);
        });
    }

    pub(super) fn unchanged(&self, at: Duration) {
        self.lock().latch.unchanged(at);
    }

    pub(super) fn source_lost(&self) {
        self.change(|state| state.latch.lost());
    }

    pub(super) fn pause(&self, paused: bool) {
        self.change(|state| state.latch.pause(paused));
    }

    pub(super) fn set_slate(&self, slate: gst::Buffer) {
        self.lock().slate = slate;
    }

    pub(super) fn stop(&self) {
        self.change(|state| state.stop = true);
    }

    pub(super) fn shows_source(&self) -> bool {
        self.lock().latch.shows_source(self.clock.now().into())
    }

    pub(super) fn source_alive(&self) -> bool {
        self.lock().latch.source_alive(self.clock.now().into())
    }

    pub(super) fn current(&self) -> gst::Buffer {
        self.lock().current.clone()
    }

    pub(super) fn run(&self) {
        let mut encoder = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut rebuild_at = Instant::now();
        let mut keys = KeyFrames::every(self.key_interval);
        let mut last_pts = Duration::ZERO;
        while let Some(Next { now, picture, taken_at }) = self.next() {
            if let Some(error) = encoder.as_ref().and_then(|encoder| encoder.line.poll()) {
                tracing::error!(%error, "the video encoder failed and is built again");
                encoder = None;
                rebuild_at = Instant::now() + REBUILD_AFTER;
            }
            if encoder.is_none() && Instant::now() >= rebuild_at {
                self.stats.encoder_restarted();
                rebuild_at = Instant::now() + REBUILD_AFTER;
                encoder = self.build().map_err(|error| tracing::error!(%error, "the video encoder cannot be built")).ok();
                keys = KeyFrames::every(self.key_interval);
            }
            if let Some(encoder) = &encoder {
                if self.hub.take_expected_viewers() {
                    keys.expect_viewers(now);
                }
                if keys.due(now, self.hub.take_key_frame_request()) {
                    encoder.force_key_frame();
                }
                // A new picture goes out with the time it was taken at, for its sound's sake.
                last_pts = taken_at.max(last_pts + Duration::from_millis(1));
                encoder.push(&picture, last_pts, self.period);
            }
        }
    }

    /// Waits until something is to be shown; `None` when it is over.
    fn next(&self) -> Option<Next> {
        let mut state = self.lock();
        loop {
            if state.stop {
                return None;
            }
            let now: Duration = self.clock.now().into();
            let taken_at = match state.latch.decide(now) {
                Decision::Push(Show::Slate) => {
                    state.current = state.slate.clone();
                    now
                }
                Decision::Push(show) => {
                    state.current = state.newest.0.clone();
                    if show == Show::New { state.newest.1 } else { now }
                }
                Decision::Wait(until) => {
                    let wait = until.saturating_sub(now);
                    state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
                    continue;
                }
            };
            return Some(Next { now, picture: state.current.clone(), taken_at });
        }
    }

    fn build(&self) -> Result<Encoder, MediaError> {
        let line = Line::parse("program", &self.fill, &self.clock)?;
        let (hub, stats, clock) = (self.hub.clone(), Arc::clone(&self.stats), self.clock.clone());
        let publish = move |sink: &gstreamer_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(packet) = Packet::from_sample(Track::H264, &sample) {
                stats.encoded(clock.now().into(), packet.buffer.size(), packet.key);
                hub.publish(&packet);
            }
            Ok(gst::FlowSuccess::Ok)
        };
        line.appsink("h264")?.set_callbacks(AppSinkCallbacks::builder().new_sample(publish).build());
        let encoder = Encoder { input: line.appsrc("raw_video")?, x264: line.element("encoder")?, line };
        encoder.line.play()?;
        Ok(encoder)
    }
}

impl Encoder {
    fn force_key_frame(&self) {
        let event = UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
        if let Some(pad) = self.x264.static_pad("src") {
            pad.send_event(event);
        }
    }

    fn push(&self, picture: &gst::Buffer, now: Duration, period: Duration) {
        let mut picture = picture.copy();
        let stamped = picture.make_mut();
        stamped.set_pts(gst::ClockTime::try_from(now).ok());
        stamped.set_dts(gst::ClockTime::NONE);
        stamped.set_duration(gst::ClockTime::try_from(period).ok());
        // A refusal shows on the bus, which is read before the next picture.
        let _ = self.input.push_buffer(picture);
    }
}
