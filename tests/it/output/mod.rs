//! WHIP, RTMP, SRT and WHEP to real receivers, and to the double of OME.

pub mod rig;
mod rtmp;
mod rtmps;
mod srt;
mod whep;
mod whip;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bluecast::media::error::MediaError;
use bluecast::media::output::{Output, OutputEvent, OutputSpec, OutputState, OutputStatus, Resolve, SrtSettings, TargetUrl};
use bluecast::secret::Secret;

use crate::support::wait::{PATIENCE, until_blocking};
use rig::Rig;

fn resolve() -> Resolve {
    Arc::new(|host: &str, port: u16| {
        let found: Vec<SocketAddr> = (host, port)
            .to_socket_addrs()
            .map_err(|_| MediaError::target("unknown_host", format!("The host name {host} is unknown.")))?
            .collect();
        Ok(found)
    })
}

/// Whose turn it is of the tests that judge how old pictures are or how much goes out: they take the machine for themselves among each other.
static MEASURING: Mutex<()> = Mutex::new(());

fn measuring() -> MutexGuard<'static, ()> {
    MEASURING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An output under test, with everything it reported.
struct Watched {
    output: Output,
    events: Arc<Mutex<Vec<OutputEvent>>>,
}

impl Watched {
    fn to(rig: &Rig, target: TargetUrl) -> Self {
        Self::with(rig, OutputSpec::to(target, resolve()))
    }

    fn with(rig: &Rig, spec: OutputSpec) -> Self {
        let events: Arc<Mutex<Vec<OutputEvent>>> = Arc::default();
        let seen = Arc::clone(&events);
        let output = Output::start(spec, &rig.hub, &rig.clock, move |event| seen.lock().unwrap().push(event)).unwrap();
        Self { output, events }
    }

    fn rtmp(rig: &Rig, url: &str) -> Self {
        Self::to(rig, TargetUrl::parse(url, None, None).unwrap())
    }

    fn srt(rig: &Rig, port: u16, settings: &SrtSettings) -> Self {
        Self::to(rig, TargetUrl::parse(&format!("srt://127.0.0.1:{port}"), None, Some(settings)).unwrap())
    }

    fn status(&self) -> OutputStatus {
        self.output.status()
    }

    fn wait(&self, state: OutputState) -> OutputStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if status.state == state {
                return status;
            }
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {state:?}: {status:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for a failure with this code and gives it, also where another has come since.
    fn wait_code(&self, code: &str) -> MediaError {
        until_blocking(&format!("the reason {code}; is {:?}", self.status()), || {
            let events = self.events.lock().unwrap();
            events.iter().rev().find_map(|event| event.detail.clone().filter(|detail| detail.code == code))
        })
    }

    fn stop(&self) {
        assert!(self.output.stop(PATIENCE), "an output does not stop");
    }
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}
