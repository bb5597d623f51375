//! SRT as the caller, by `srtsink`.

use std::net::SocketAddr;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::link::Link;
use super::liveness::Reading;
use super::target::SrtTarget;
use super::ts;
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::pipeline::{Fill, Line};

/// A pipeline to this target at the address its name resolved to, not started.
pub(super) fn build(target: &SrtTarget, at: SocketAddr, clock: &MediaClock) -> Result<Link, MediaError> {
    let line = Line::parse("output/srt", &Fill::default(), clock)?;
    let sink = line.element("target")?;
    sink.set_property("uri", format!("srt://{at}"));
    sink.set_property("latency", i32::try_from(target.latency_ms).unwrap_or(i32::MAX));
    if !target.streamid.is_empty() {
        sink.set_property("streamid", target.streamid.reveal());
    }
    if !target.passphrase.is_empty() {
        sink.set_property("passphrase", target.passphrase.reveal());
    }
    let muxer = line.element("mux")?.static_pad("src");
    if let Some(pad) = muxer {
        pad.add_probe(gst::PadProbeType::BUFFER, cut);
    }
    Link::new(line, sink, read)
}

/// Sends a frame's packets on as datagrams.
fn cut(pad: &gst::Pad, info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
    let Some(gst::PadProbeData::Buffer(mut buffer)) = info.data.take() else { return gst::PadProbeReturn::Ok };
    if let Ok(mut map) = buffer.make_mut().map_writable() {
        ts::tell_length(&mut map);
    }
    let mut list = gst::BufferList::new();
    let flags = gst::BufferCopyFlags::MEMORY | gst::BufferCopyFlags::TIMESTAMPS | gst::BufferCopyFlags::FLAGS;
    if let Some(list) = list.get_mut() {
        list.extend(ts::datagrams(buffer.size()).filter_map(|range| buffer.copy_region(flags, range).ok()));
    }
    info.flow_res = pad.push_list(list).map(|_| gst::FlowSuccess::Ok).into();
    gst::PadProbeReturn::Handled
}

/// Acknowledgements come only from a peer that takes data.
fn read(sink: &gst::Element) -> Reading {
    let stats = sink.property::<gst::Structure>("stats");
    let acknowledged = stats.get::<i32>("packet-ack-received").ok().and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    Reading {
        accepted: true,
        bytes: stats.get::<u64>("bytes-sent").unwrap_or(0),
        progress: acknowledged,
        rtt_ms: stats.get::<f64>("rtt-ms").ok().filter(|_| acknowledged > 0),
    }
}
