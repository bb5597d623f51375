//! What carries the encoded program to one place: RTMP, SRT, WHEP.
//!
//! An [`Output`] is a thread that connects, watches, backs off and connects again, without end, and a pipeline for each connection that is
//! thrown away when anything goes wrong with it. The pure parts stand apart: what waits ([`backlog`]), whether the target takes data
//! ([`liveness`]), when to try again ([`backoff`]), what an address means ([`target`]).

pub mod backlog;
pub mod backoff;
mod feed;
mod link;
pub mod liveness;
mod reason;
mod rtmp;
mod run;
mod socket;
mod srt;
mod srt_probe;
mod status;
pub mod target;
pub mod trust;
mod together;
mod ts;
pub mod whep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use status::{OutputEvent, OutputState, OutputStatus};
pub use target::{BadTarget, SrtSettings, TargetUrl};

use super::clock::MediaClock;
use super::error::MediaError;
use super::hub::Hub;

/// Looks a host up and refuses addresses that may not be called. Runs on an output's own thread, may block for some seconds.
pub type Resolve = Arc<dyn Fn(&str, u16) -> Result<Vec<SocketAddr>, MediaError> + Send + Sync>;

/// What an output needs to know.
#[derive(Clone)]
pub struct OutputSpec {
    /// Where it goes.
    pub target: TargetUrl,
    /// How its host is looked up.
    pub resolve: Resolve,
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
