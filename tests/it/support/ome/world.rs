//! What the double knows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bluecast::media::packet::Track;

use super::OmeOptions;
use super::access::HookCall;
use super::stream::{Source, Stream};

/// Streams that ended and are still remembered.
const REMEMBERED: usize = 32;

/// A request as it came, and what it was answered.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Unix milliseconds.
    pub at_ms: u64,
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// The first 64 kB of it.
    pub body: String,
    /// 0 while unanswered, and for one that never is.
    pub status: u16,
}

impl Logged {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// How requests are answered.
#[derive(Clone, Debug, Default)]
pub enum Fault {
    /// As they should be.
    #[default]
    None,
    /// As they should be, so much later.
    Slow(Duration),
    /// Never.
    Never,
    /// The connection is closed without an answer.
    Closed,
    /// With a success that makes no sense.
    Garbage,
    /// With a success that does not end: 64 MB.
    Huge,
    /// Elsewhere: 307, 302 …, with the address.
    Redirect(u16, String),
    /// With this status and text so many times, then as they should be.
    Refuse(u16, String, u32),
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) whip: Fault,
    pub(super) api: Fault,
    pub(super) signalling: Fault,
}

/// What viewers do not get, though all else goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Starve {
    #[default]
    Nothing,
    Video,
    Audio,
    Both,
}

impl Starve {
    pub(super) fn takes(self, track: Track) -> bool {
        match self {
            Self::Nothing => false,
            Self::Video => track == Track::H264,
            Self::Audio => track != Track::H264,
            Self::Both => true,
        }
    }
}

#[derive(Default)]
pub(super) struct State {
    /// By `app/stream`.
    pub(super) streams: BTreeMap<String, Arc<Stream>>,
    pub(super) past: Vec<Arc<Stream>>,
    pub(super) requests: Vec<Logged>,
    pub(super) faults: Faults,
    pub(super) starved: Starve,
    pub(super) hooks: Vec<HookCall>,
}

pub(super) struct World {
    pub(super) options: OmeOptions,
    /// Of a thousand packets to viewers, how many are lost on the way.
    pub(super) loss: Arc<AtomicU32>,
    pub(super) port: AtomicU16,
    /// For webhooks.
    pub(super) http: reqwest::Client,
    state: Mutex<State>,
}

/// Why a name cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// By another WHIP pusher.
    WebRtc,
    /// By another protocol.
    Other,
}

impl World {
    pub(super) fn new(options: OmeOptions) -> Arc<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0);
        Arc::new(Self { options, port: AtomicU16::new(0), loss: Arc::default(), http: http.build().unwrap(), state: Mutex::default() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The port of the signalling.
    pub(super) fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Stream>> {
        self.lock().streams.get(name).cloned()
    }

    pub(super) fn find_ever(&self, name: &str) -> Option<Arc<Stream>> {
        let state = self.lock();
        state.streams.get(name).or_else(|| state.past.iter().rev().find(|past| past.name() == name)).cloned()
    }

    pub(super) fn find_session(&self, session: &str) -> Option<Arc<Stream>> {
        self.lock().streams.values().find(|stream| stream.session == session).cloned()
    }

    pub(super) fn publish(&self, stream: Stream) -> Result<Arc<Stream>, Taken> {
        let mut state = self.lock();
        let name = stream.name();
        if let Some(there) = state.streams.get(&name) {
            return Err(if matches!(there.source, Source::WebRtc { .. }) { Taken::WebRtc } else { Taken::Other });
        }
        let stream = Arc::new(stream);
        state.streams.insert(name, Arc::clone(&stream));
        Ok(stream)
    }

    /// Says whether there was such a stream.
    pub(super) fn end(&self, name: &str) -> bool {
        let mut state = self.lock();
        let Some(stream) = state.streams.remove(name) else { return false };
        stream.stop.cancel();
        state.past.push(stream);
        let extra = state.past.len().saturating_sub(REMEMBERED);
        state.past.drain(..extra);
        true
    }

    /// Ends this very stream, unless another has its name by now.
    pub(super) fn end_stream(&self, stream: &Arc<Stream>) {
        if self.find(&stream.name()).is_some_and(|there| Arc::ptr_eq(&there, stream)) {
            self.end(&stream.name());
        }
    }

    pub(super) fn forget(&self) {
        let names: Vec<String> = self.lock().streams.keys().cloned().collect();
        for name in names {
            self.end(&name);
        }
    }
}
