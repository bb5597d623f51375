//! RTMP and RTMPS by `rtmp2sink`.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::flv_time;
use super::link::Link;
use super::liveness::Reading;
use super::target::RtmpTarget;
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::pipeline::{Fill, Line};

/// The sink's own limit on connecting and on a socket that takes nothing, in seconds.
const TIMEOUT_S: u32 = 5;
/// Bytes in a chunk: fewer headers than RTMP's 128, and still audio between the pieces of a key frame.
const CHUNK: u32 = 4096;

/// A pipeline to this target, not started.
pub(super) fn build(target: &RtmpTarget, clock: &MediaClock) -> Result<Link, MediaError> {
    let line = Line::parse("output/rtmp", &Fill::default(), clock)?;
    let sink = line.element("target")?;
    // One by one and not as an address, so that no character of a key means anything.
    sink.set_property_from_str("scheme", if target.tls { "rtmps" } else { "rtmp" });
    sink.set_property("host", &target.host);
    sink.set_property("port", i32::from(target.port));
    sink.set_property("application", target.application.reveal());
    sink.set_property("stream", target.stream.reveal());
    if let Some((name, password)) = &target.user {
        sink.set_property("username", name.reveal());
        sink.set_property("password", password.reveal());
    }
    sink.set_property("timeout", TIMEOUT_S);
    sink.set_property("chunk-size", CHUNK);
    flv_time::keep(&line.element("mux")?);
    Link::new(line, sink, Box::new(read))
}

/// The sink has statistics of a connection once the server has accepted the stream.
fn read(sink: &gst::Element) -> Reading {
    let stats = sink.property::<Option<gst::Structure>>("stats");
    let bytes = stats.and_then(|stats| stats.get::<u64>("out-bytes-total").ok()).unwrap_or(0);
    Reading { accepted: bytes > 0, bytes, progress: bytes, ..Reading::default() }
}
