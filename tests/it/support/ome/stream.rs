//! One stream: where it comes from, what was received of it, who takes it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bluecast::media::hub::Hub;
use bluecast::media::packet::{Packet, Track};
use gstreamer as gst;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::super::decode::unix_ms;

/// Units that are kept: over a minute of 60 pictures a second and sound.
const KEPT: usize = 8000;
/// Packets that may wait for a viewer.
const WAITING: usize = 2048;

/// What brought a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    WebRtc { remote: SocketAddr },
    Rtmp,
    Srt,
    Ovt,
}

impl Source {
    /// The API's word for it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::WebRtc { .. } => "WebRTC",
            Self::Rtmp => "Rtmp",
            Self::Srt => "Srt",
            Self::Ovt => "Ovt",
        }
    }
}

/// A received access unit, or piece of sound.
#[derive(Clone, Debug)]
pub struct Unit {
    pub track: Track,
    pub key: bool,
    /// Time stamp on OME's clock; begins at a second or so.
    pub pts_us: u64,
    /// Unix milliseconds.
    pub arrived_ms: u64,
    /// Annex B, or an Opus packet.
    pub data: Arc<[u8]>,
}

/// One RTP packet on its way to viewers.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    pub(super) track: Track,
    /// Counts the packets of the track that were passed on, with its gaps.
    pub(super) sequence: u64,
    pub(super) pts_us: u64,
    pub(super) marker: bool,
    pub(super) payload: Arc<[u8]>,
}

/// What was seen of one track.
#[derive(Clone, Debug)]
pub struct TrackSeen {
    pub track: Track,
    /// The payload type in use: the first of its `m=` line.
    pub payload_type: u8,
    /// Its `fmtp`, as offered.
    pub format: String,
    /// As offered in the `rtpmap`: what OME goes by. 1 where it is not said.
    pub channels: u8,
    /// Whether its `fmtp` says `stereo=1` or `sprop-stereo=1`; OME does not look.
    pub stereo: bool,
    pub packets: u64,
    pub bytes: u64,
    /// Packets with another payload type, which OME does not understand.
    pub foreign: u64,
    /// Packets missing, by their numbers.
    pub lost: u64,
    /// Packets dropped because no sender report had come.
    pub unclocked: u64,
    /// Sender reports.
    pub reports: u64,
    /// Those whose RTP time had not advanced at the clock's rate since the one before (OME: out-of-order DTS, false B-frames, concealed
    /// sound in the browser; `webrtcbin` does it when the bus message LATENCY is not handled).
    pub false_reports: u64,
    /// Units whose time stamp was not after the one before.
    pub backwards: u64,
    /// Units passed on.
    pub units: u64,
    pub key_units: u64,
    /// Milliseconds from the POST to the first one.
    pub first_unit_ms: Option<u64>,
}

/// What was seen of an ingest.
#[derive(Clone, Debug, Default)]
pub struct Ingest {
    /// Whether ICE and DTLS are up.
    pub connected: bool,
    pub tracks: Vec<TrackSeen>,
    /// Key frames asked for by FIR.
    pub firs: u64,
}

impl Ingest {
    /// One track of it.
    pub fn track(&self, track: Track) -> Option<&TrackSeen> {
        self.tracks.iter().find(|seen| seen.track == track)
    }

    /// Sender reports that were wrong, over all tracks.
    pub fn false_reports(&self) -> u64 {
        self.tracks.iter().map(|seen| seen.false_reports).sum()
    }
}

/// What was seen of a viewer.
#[derive(Clone, Debug)]
pub struct ViewerSeen {
    /// The address it came by, with its query.
    pub path: String,
    pub user_agent: String,
    /// Its SDP.
    pub answer: String,
    /// Unix milliseconds.
    pub since_ms: u64,
    /// Whether ICE and DTLS are up.
    pub connected: bool,
    /// Packets sent to it.
    pub packets: u64,
    /// By PLI or FIR.
    pub key_frames_asked: u64,
    /// Reports of lost video packets.
    pub nacks: u64,
}

/// What the API says of a stream where a test wants it otherwise than it is.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub video_codec: Option<String>,
    pub audio_codec: Option<String>,
    /// Of the outputs.
    pub video_bypass: Option<bool>,
    pub audio_bypass: Option<bool>,
    pub b_frames: Option<bool>,
}

/// A stream of the double.
pub struct Stream {
    pub app: String,
    pub stream: String,
    /// The key in its WHIP `Location`.
    pub session: String,
    pub source: Source,
    pub created_ms: u64,
    /// The address that was asked for, and the one that was meant.
    pub(super) urls: (String, String),
    /// Whole units as they come: for decoding.
    pub hub: Hub,
    pub(super) stop: CancellationToken,
    pub(super) passed: broadcast::Sender<Passed>,
    pub(super) key_wanted: Notify,
    ingest: Mutex<Ingest>,
    kept: Mutex<VecDeque<Unit>>,
    facts: Mutex<Facts>,
    viewers: Mutex<BTreeMap<u64, ViewerSeen>>,
    next_viewer: AtomicU64,
    epoch: OnceLock<Instant>,
}

impl Stream {
    pub(super) fn new(app: &str, stream: &str, source: Source) -> Self {
        Self {
            app: app.to_owned(),
            stream: stream.to_owned(),
            session: bluecast::id::new(),
            source,
            created_ms: unix_ms(),
            urls: Default::default(),
            hub: Hub::new(),
            stop: CancellationToken::new(),
            passed: broadcast::channel(WAITING).0,
            key_wanted: Notify::new(),
            ingest: Mutex::default(),
            kept: Mutex::default(),
            facts: Mutex::default(),
            viewers: Mutex::default(),
            next_viewer: AtomicU64::new(0),
            epoch: OnceLock::new(),
        }
    }

    /// `app/stream`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.app, self.stream)
    }

    pub fn ingest(&self) -> Ingest {
        self.ingest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn received(&self) -> Vec<Unit> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether OME would offer it to a viewer: media of every track has passed.
    pub fn is_playable(&self) -> bool {
        let ingest = self.ingest.lock().unwrap_or_else(PoisonError::into_inner);
        !ingest.tracks.is_empty() && ingest.tracks.iter().all(|seen| seen.units > 0 && seen.key_units > 0)
    }

    /// What the API is to say of it.
    pub fn pretend(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn facts(&self) -> Facts {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who watches it now, the longest first.
    pub fn viewers(&self) -> Vec<ViewerSeen> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn enter(&self, seen: ViewerSeen) -> u64 {
        let number = self.next_viewer.fetch_add(1, Ordering::Relaxed);
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner).insert(number, seen);
        number
    }

    pub(super) fn note_viewer(&self, number: u64, change: impl FnOnce(&mut ViewerSeen)) {
        if let Some(seen) = self.viewers.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&number) {
            change(seen);
        }
    }

    pub(super) fn leave(&self, number: u64) {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// When the time stamp zero was, so that all viewers are told the same.
    pub(super) fn epoch(&self, pts_us: u64) -> Instant {
        let now = || Instant::now().checked_sub(Duration::from_micros(pts_us)).unwrap_or_else(Instant::now);
        *self.epoch.get_or_init(now)
    }

    pub(super) fn want_key_frame(&self) {
        self.key_wanted.notify_one();
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Ingest)) {
        change(&mut self.ingest.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Keeps a unit, and hands it to whoever decodes.
    pub(super) fn keep(&self, unit: Unit) {
        let _ = gst::init();
        let caps = match unit.track {
            Track::H264 => gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").field("alignment", "au").build(),
            _ => {
                let opus = gst::Caps::builder("audio/x-opus").field("rate", 48_000).field("channels", 2);
                opus.field("channel-mapping-family", 0).build()
            }
        };
        let mut buffer = gst::Buffer::from_slice(Arc::clone(&unit.data));
        let stamped = buffer.make_mut();
        stamped.set_pts(gst::ClockTime::from_useconds(unit.pts_us));
        stamped.set_dts(gst::ClockTime::from_useconds(unit.pts_us));
        self.hub.publish(&Packet { track: unit.track, key: unit.key, caps, buffer });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(unit);
    }
}
