//! WHEP: WebRTC to browsers, the preview and the embedded edge.
//!
//! One thread and one UDP socket serve all viewers of the process; a viewer is a state machine ([`str0m`]) without threads of its own. A
//! new viewer's video begins with a key frame that is asked for when its connection is up, not with packets kept from before: those would
//! arrive late, and a browser that sees late pictures first sets its jitter buffer to them.
//!
//! No playout delay is asked for. With a minimum of zero Chromium shows each picture as it comes, 20 ms sooner, and stops waiting for the
//! sound, whose buffer grows with the load of the machine: it was heard up to 350 ms after its picture.

mod addresses;
mod offer;
mod server;
mod viewer;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use self::server::Command;
use super::super::clock::MediaClock;
use super::super::hub::Hub;

/// Offers and goodbyes that may wait for the thread.
const WAITING: usize = 64;

/// Where viewers reach this process, and how many may.
#[derive(Clone, Debug)]
pub struct WhepConfig {
    /// The UDP port, or the range from which the first free one is taken; `None` for any.
    pub ports: Option<RangeInclusive<u16>>,
    /// The addresses told to viewers (those of a router in front, for example); the host's own when empty.
    pub addresses: Vec<IpAddr>,
    /// Whether the loopback address is among the host's own that are told.
    pub loopback: bool,
    /// Most viewers at a time.
    pub max_viewers: usize,
}

impl Default for WhepConfig {
    fn default() -> Self {
        Self { ports: None, addresses: Vec::new(), loopback: false, max_viewers: 200 }
    }
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhepError {
    /// Not an offer, or one that is too long.
    #[error("The body is no WebRTC offer, or is longer than 32 kB.")]
    BadOffer,
    /// The browser lacks what we send.
    #[error("The offer holds no H.264 video in packetization mode 1, which is what is sent.")]
    NoH264,
    /// The limit is reached.
    #[error("As many viewers as this node may have are watching already.")]
    Full,
    /// No port of the range is free.
    #[error("No UDP port of the configured range can be used: {0:?}.")]
    Port(std::io::ErrorKind),
    /// An address that cannot be advertised.
    #[error("There is no address at which viewers could reach this node; set BLUECAST_WEBRTC_ADDRESSES.")]
    NoAddress,
    /// The thread is gone.
    #[error("WebRTC is not running on this node.")]
    Gone,
}

impl WhepError {
    /// A word that stays the same across versions.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadOffer => "bad_offer",
            Self::NoH264 => "no_h264",
            Self::Full => "too_many_viewers",
            Self::Port(_) => "udp_port",
            Self::NoAddress => "no_address",
            Self::Gone => "whep_gone",
        }
    }
}

/// An accepted offer.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The answer, SDP.
    pub answer: String,
    /// Names the session in its `DELETE`; hard to guess.
    pub session: String,
}

/// How a viewer is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ViewerStats {
    /// Whether media flows.
    pub connected: bool,
    /// Bytes sent.
    pub bytes: u64,
    /// Part of the video packets that were lost on the way, 0 to 1, as the viewer reports.
    pub loss: Option<f32>,
    /// How often it asked for packets again.
    pub resent: u64,
    /// Round-trip time in milliseconds.
    pub rtt_ms: Option<f64>,
}

/// Viewers by session, kept up to date by the thread.
type Seen = Arc<Mutex<HashMap<String, (String, ViewerStats)>>>;

/// The WebRTC side of a process. Dropping it ends all sessions.
pub struct Whep {
    commands: mpsc::Sender<Command>,
    addresses: Vec<SocketAddr>,
    seen: Seen,
    /// Sessions of people who look after the broadcast and are no audience.
    previews: Mutex<HashSet<String>>,
}

impl Whep {
    /// Binds the port and starts the thread.
    ///
    /// # Errors
    /// [`WhepError::Port`] when no port is free, [`WhepError::NoAddress`] when there is none to tell.
    pub fn start(config: &WhepConfig) -> Result<Self, WhepError> {
        let socket = server::bind(config.ports.clone()).map_err(|error| WhepError::Port(error.kind()))?;
        let local = socket.local_addr().map_err(|error| WhepError::Port(error.kind()))?;
        let mut told = if config.addresses.is_empty() { addresses::own(config.loopback) } else { config.addresses.clone() };
        told.retain(|address| address.is_ipv4() || local.is_ipv6());
        if told.is_empty() {
            return Err(WhepError::NoAddress);
        }
        let addresses: Vec<SocketAddr> = told.into_iter().map(|address| (address, local.port()).into()).collect();
        let (commands, inbox) = mpsc::channel(WAITING);
        let seen = Seen::default();
        server::start(socket, addresses.clone(), inbox, Arc::clone(&seen), config.max_viewers)
            .map_err(|error| WhepError::Port(error.kind()))?;
        Ok(Self { commands, addresses, seen, previews: Mutex::default() })
    }

    /// The addresses told to viewers.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers a browser's offer to watch `stream`, which `hub` carries by `clock`. A stream is its name (a broadcast's id): all its
    /// viewers share one subscription.
    pub async fn offer(&self, stream: &str, hub: &Hub, clock: &MediaClock, sdp: String) -> Result<Accepted, WhepError> {
        let addresses = self.addresses.clone();
        let agreed = tokio::task::spawn_blocking(move || offer::answer(&sdp, &addresses)).await.map_err(|_| WhepError::BadOffer)??;
        let answer = agreed.answer.clone();
        let session = crate::id::new();
        let (reply, answered) = oneshot::channel();
        let command = Command::Add {
            session: session.clone(),
            stream: stream.to_owned(),
            hub: hub.clone(),
            clock: clock.clone(),
            agreed: Box::new(agreed),
            reply,
        };
        self.commands.send(command).await.map_err(|_| WhepError::Gone)?;
        answered.await.map_err(|_| WhepError::Gone)??;
        Ok(Accepted { answer, session })
    }

    /// The same for somebody who is no audience.
    pub async fn preview(&self, stream: &str, hub: &Hub, clock: &MediaClock, sdp: String) -> Result<Accepted, WhepError> {
        let accepted = self.offer(stream, hub, clock, sdp).await?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut previews = self.previews.lock().unwrap_or_else(PoisonError::into_inner);
        previews.retain(|session| seen.contains_key(session));
        previews.insert(accepted.session.clone());
        Ok(accepted)
    }

    /// Ends a session; says whether there was one.
    pub async fn delete(&self, session: &str) -> bool {
        let (reply, answered) = oneshot::channel();
        let command = Command::Remove { session: session.to_owned(), reply };
        self.commands.send(command).await.is_ok() && answered.await.unwrap_or(false)
    }

    /// Ends all sessions of a stream.
    pub async fn close(&self, stream: &str) {
        // Where the thread is gone, so are its sessions.
        let _ = self.commands.send(Command::Close { stream: stream.to_owned() }).await;
    }

    /// How many watch a stream, previews left out.
    pub fn audience(&self, stream: &str) -> u64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let previews = self.previews.lock().unwrap_or_else(PoisonError::into_inner);
        let watches =
            |(session, (of, stats)): &(&String, &(String, ViewerStats))| of == stream && stats.connected && !previews.contains(*session);
        seen.iter().filter(watches).count() as u64
    }

    /// The viewers of a stream.
    pub fn viewers(&self, stream: &str) -> Vec<ViewerStats> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.values().filter(|(of, _)| of == stream).map(|(_, stats)| *stats).collect()
    }
}
