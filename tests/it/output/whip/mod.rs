//! WHIP to the double of OME, and to servers that are none.

mod alone;
mod ladder;
mod media;
mod refusal;
mod relay;
mod soak;

use bluecast::media::output::{OutputSpec, TargetUrl};

use super::resolve;
use crate::support::ome::{Ome, OmeOptions};

/// Waits for what is asynchronous, on the thread of the test.
fn on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn ome() -> Ome {
    on(Ome::start(OmeOptions::default()))
}

fn to(url: &str) -> OutputSpec {
    OutputSpec::to(TargetUrl::parse(url, None, None).unwrap(), resolve())
}

fn spec(ome: &Ome, stream: &str) -> OutputSpec {
    to(&ome.whip_url("app", stream))
}
