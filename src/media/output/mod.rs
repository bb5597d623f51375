//! What carries the encoded program to one place: WHIP, RTMP, SRT, WHEP.
//!
//! An [`Output`] is a thread that connects, watches, backs off and connects again, without end, and a pipeline for each connection that is
//! thrown away when anything goes wrong with it. The pure parts stand apart: what waits ([`backlog`]), whether the target takes data
//! ([`liveness`]), when to try again ([`backoff`]), what an address means ([`target`]).

pub mod backlog;
pub mod backoff;
mod feed;
mod flv_time;
mod link;
pub mod liveness;
pub mod probe;
mod reason;
mod rtmp;
mod run;
mod socket;
mod srt;
mod srt_probe;
mod status;
pub mod target;
mod together;
pub mod trust;
mod ts;
pub mod whep;
pub mod whip;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use status::{OutputEvent, OutputState, OutputStatus};
pub use target::{BadTarget, RtmpTarget, SrtSettings, TargetUrl};
pub use whip::{WhipResource, WhipSettings};

use super::clock::MediaClock;
use super::error::MediaError;
use super::hub::Hub;
use crate::secret::Secret;

/// Looks a host up and refuses addresses that may not be called. Runs on an output's own thread, may block for some seconds.
pub type Resolve = Arc<dyn Fn(&str, u16) -> Result<Vec<SocketAddr>, MediaError> + Send + Sync>;

/// Makes a publish token, at most 256 characters of it. Called for every connection that is tried, on the output's thread; must not block.
pub type TokenSource = Arc<dyn Fn() -> Secret + Send + Sync>;

/// Signs an address as its server reads it: gives what is added to its query, at most 256 characters. Called as a [`TokenSource`] is.
pub type Signer = Arc<dyn Fn(&str) -> Secret + Send + Sync>;

/// Has a target's server put off the air whoever holds the stream's name there; says whether it did. Called on a thread of its own and
/// waited for no longer than 5 s.
pub type Evict = Arc<dyn Fn() -> bool + Send + Sync>;

/// What an output needs to know.
#[derive(Clone)]
pub struct OutputSpec {
    /// Where it goes.
    pub target: TargetUrl,
    /// How its host is looked up.
    pub resolve: Resolve,
    /// Puts a new `token=…` into the address of every connection.
    pub token: Option<TokenSource>,
    /// Signs the address of every connection, token and all.
    pub sign: Option<Signer>,
    /// What helps when the stream's name is taken.
    pub evict: Option<Evict>,
    /// For WHIP.
    pub whip: WhipSettings,
}

impl OutputSpec {
    /// An output to a plain address.
    pub fn to(target: TargetUrl, resolve: Resolve) -> Self {
        Self { target, resolve, token: None, sign: None, evict: None, whip: WhipSettings::default() }
    }

    /// Where one connection goes: the address, with a token and a signature of its own where they are wanted.
    fn for_one_attempt(&self) -> TargetUrl {
        let target = match &self.token {
            Some(token) => self.target.with_token(&token()),
            None => self.target.clone(),
        };
        match &self.sign {
            Some(sign) => target.with_query(&sign(&target.as_read())),
            None => target,
        }
    }
}

/// A running output. Dropping it stops it without waiting.
pub struct Output {
    shared: Arc<run::Shared>,
}

impl Output {
    /// Starts an output; it connects by itself. `events` is called on the output's thread and must not block.
    ///
    /// # Errors
    /// `no_thread` when the system gives none.
    pub fn start(
        spec: OutputSpec,
        hub: &Hub,
        clock: &MediaClock,
        events: impl Fn(OutputEvent) + Send + 'static,
    ) -> Result<Self, MediaError> {
        run::start(spec, hub, clock, Box::new(events)).map(|shared| Self { shared })
    }

    /// How it is doing now.
    pub fn status(&self) -> OutputStatus {
        self.shared.status()
    }

    /// Ends the connection of a live output for a reason that its owner learnt elsewhere; it connects again by itself.
    pub fn give_up(&self, error: MediaError) {
        self.shared.give_up(error);
    }

    /// Stops it, and waits until its threads are gone or `within` is over; says whether they are. To be called off the async threads.
    pub fn stop(&self, within: Duration) -> bool {
        self.shared.stop(within)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.shared.stop(Duration::ZERO);
    }
}
