//! SRT as the caller, by `srtsink`.

use std::net::SocketAddr;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::link::Link;
use super::liveness::Reading;
use super::target::SrtTarget;
use super::together::begin_together;
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
    let muxer = line.element("mux")?;
    begin_together(&muxer);
    if let Some(pad) = muxer.static_pad("src") {
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, cut);
    }
    Link::new(line, sink, Box::new(read))
}

/// Cuts a frame's packets into datagrams. The muxer hands a frame over as one buffer, or as a list of single packets when it has written
/// its tables before it.
fn cut(pad: &gst::Pad, info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
    match info.data.take() {
        Some(gst::PadProbeData::Buffer(buffer)) => {
            // Comes back here as a list.
            info.flow_res = pad.push_list(gst::BufferList::from([buffer]));
            gst::PadProbeReturn::Handled
        }
        Some(gst::PadProbeData::BufferList(list)) => {
            info.data = Some(gst::PadProbeData::BufferList(datagrams(&list)));
            gst::PadProbeReturn::Ok
        }
        other => {
            info.data = other;
            gst::PadProbeReturn::Ok
        }
    }
}

fn datagrams(list: &gst::BufferListRef) -> gst::BufferList {
    let mut packets = Vec::with_capacity(list.calculate_size());
    for map in list.iter().filter_map(|buffer| buffer.map_readable().ok()) {
        packets.extend_from_slice(&map);
    }
    ts::tell_length(&mut packets);
    let mut frame = gst::Buffer::from_mut_slice(packets);
    if let (Some(frame), Some(first)) = (frame.get_mut(), list.get(0)) {
        frame.set_pts(first.pts());
        frame.set_dts(first.dts());
    }
    // No flags are taken over: the muxer marks what follows its tables as HEADER, key frames among it, and srtsink drops such buffers.
    let copied = gst::BufferCopyFlags::MEMORY | gst::BufferCopyFlags::TIMESTAMPS;
    ts::datagrams(frame.size()).filter_map(|range| frame.copy_region(copied, range).ok()).collect()
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
        ..Reading::default()
    }
}
