//! From the hub into a pipeline's two `appsrc`, through the backlog. Nothing here ever waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer_app::{AppSrc, AppSrcCallbacks};

use super::backlog::{Backlog, Lane, Taken};
use crate::media::hub::Hub;
use crate::media::packet::{Packet, Track};

/// One end of a pipeline.
struct End {
    appsrc: AppSrc,
    caps: Option<gst::Caps>,
}

#[derive(Default)]
struct Inner {
    backlog: Backlog<Packet>,
    /// Of the newest video that came.
    video: Option<gst::Caps>,
    ends: Option<(End, End)>,
}

/// Hands packets on while a connection is up, and keeps them from piling up when it does not take them.
///
/// An `appsrc` gets its next packet only when it holds none, so that the backlog is the only place where packets wait.
pub(super) struct Feed {
    hub: Hub,
    inner: Mutex<Inner>,
}

impl Feed {
    pub(super) fn new(hub: Hub) -> Arc<Self> {
        Arc::new(Self { hub, inner: Mutex::default() })
    }

    /// Takes a packet from the hub, on an encoder's thread.
    pub(super) fn offer(&self, packet: &Packet) {
        let lane = if packet.track == Track::H264 { Lane::Video } else { Lane::Audio };
        let mut inner = self.lock();
        if lane == Lane::Video && inner.video.as_ref() != Some(&packet.caps) {
            inner.video = Some(packet.caps.clone());
        }
        inner.backlog.push(lane, packet.key, packet.clone());
        self.pour(&mut inner, Lane::Audio);
        self.pour(&mut inner, Lane::Video);
    }

    /// Joins a new pipeline to the feed; nothing flows before [`Feed::open`].
    pub(super) fn attach(self: &Arc<Self>, video: &AppSrc, audio: &AppSrc) {
        for (appsrc, lane) in [(video, Lane::Video), (audio, Lane::Audio)] {
            let feed = Arc::downgrade(self);
            let need_data = move |_: &AppSrc, _: u32| {
                if let Some(feed) = feed.upgrade() {
                    feed.pour(&mut feed.lock(), lane);
                }
            };
            appsrc.set_callbacks(AppSrcCallbacks::builder().need_data(need_data).build());
        }
        let mut inner = self.lock();
        inner.backlog.shut();
        inner.ends = Some((End { appsrc: video.clone(), caps: None }, End { appsrc: audio.clone(), caps: None }));
    }

    /// The target has accepted the stream.
    pub(super) fn open(&self) {
        self.lock().backlog.open();
        self.hub.request_key_frame();
    }

    /// The caps of the program's video, once some came.
    pub(super) fn video_caps(&self) -> Option<gst::Caps> {
        self.lock().video.clone()
    }

    /// The pipeline is going away.
    pub(super) fn detach(&self) {
        let mut inner = self.lock();
        inner.backlog.shut();
        inner.ends = None;
    }

    /// Whether the target is taking nothing right now, and how many packets were dropped so far.
    pub(super) fn dropped(&self) -> (bool, u64) {
        let inner = self.lock();
        (inner.backlog.is_stuck(), inner.backlog.dropped())
    }

    fn pour(&self, inner: &mut Inner, lane: Lane) {
        let Inner { backlog, ends: Some((video, audio)), .. } = inner else { return };
        let end = if lane == Lane::Video { video } else { audio };
        while end.appsrc.current_level_buffers() == 0 {
            match backlog.take(lane) {
                Taken::Packet(packet) => end.push(packet),
                Taken::Resumed => self.hub.request_key_frame(),
                Taken::Nothing => break,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    fn push(&mut self, packet: Packet) {
        if self.caps.as_ref() != Some(&packet.caps) {
            let mut caps = packet.caps.clone();
            if packet.track == Track::Aac {
                // The encoder does not say it and mpegtsmux insists: these are whole frames.
                caps.make_mut().set("framed", true);
            }
            self.appsrc.set_caps(Some(&caps));
            self.caps = Some(packet.caps);
        }
        // A pipeline on its way down refuses; its error is on the bus.
        let _ = self.appsrc.push_buffer(packet.buffer);
    }
}
