//! Muxers that begin with all they carry.

use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

type Held = Vec<(glib::WeakRef<gst::Pad>, gst::PadProbeId)>;

/// Holds each input of a muxer back until all have their first buffer, and with it their caps.
///
/// GStreamer 1.26's `mpegtsmux` begins with whatever is there: its first table named the sound alone, and a receiver that believes the first
/// table (`tsdemux` in a fixed pipeline does) never showed a picture. 1.22's waited.
pub(super) fn begin_together(muxer: &gst::Element) {
    let pads = muxer.sink_pads();
    let (all, held) = (pads.len(), Arc::new(Mutex::new((0, Held::new()))));
    let mut setting_up = held.lock().unwrap_or_else(PoisonError::into_inner);
    for pad in pads {
        let shared = Arc::clone(&held);
        let mut came = false;
        let arrive = move |pad: &gst::Pad| {
            let mut held = shared.lock().unwrap_or_else(PoisonError::into_inner);
            held.0 += usize::from(!came);
            came = true;
            if held.0 < all {
                return gst::PadProbeReturn::Ok;
            }
            for (other, probe) in held.1.drain(..) {
                if let Some(other) = other.upgrade().filter(|other| other != pad) {
                    other.remove_probe(probe);
                }
            }
            gst::PadProbeReturn::Remove
        };
        let arrive = Mutex::new(arrive);
        let first = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        let probe = pad.add_probe(first, move |pad, _| (arrive.lock().unwrap_or_else(PoisonError::into_inner))(pad));
        setting_up.1.extend(probe.map(|probe| (pad.downgrade(), probe)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gstreamer_app::{AppSink, AppSrc};

    /// Program map tables in a transport stream, as the lists of their streams' types.
    fn tables(stream: &[u8]) -> Vec<Vec<u8>> {
        let mut tables = Vec::new();
        for packet in stream.chunks_exact(188) {
            let from = if packet[3] & 0x20 == 0 { 4 } else { 5 + usize::from(packet[4]) };
            // The start of a section with the number of a program map table.
            if packet[1] & 0x40 == 0 || packet.get(from..from + 2) != Some(&[0, 2]) {
                continue;
            }
            let section = &packet[from + 1..];
            let length = |at: usize| usize::from(section[at] & 0x0f) << 8 | usize::from(section[at + 1]);
            let (mut at, end) = (12 + length(10), 3 + length(1) - 4);
            let mut types = Vec::new();
            while at < end {
                types.push(section[at]);
                at += 5 + length(at + 3);
            }
            tables.push(types);
        }
        tables
    }

    #[test]
    fn the_first_table_names_picture_and_sound_however_late_one_of_them_comes() {
        gst::init().unwrap();
        let text = "appsrc name=video is-live=true format=time caps=video/x-h264,stream-format=byte-stream,alignment=au ! mux. \
             appsrc name=sound is-live=true format=time caps=audio/mpeg,mpegversion=4,stream-format=adts,framed=true,rate=48000,channels=2 ! mux. \
             mpegtsmux name=mux alignment=0 latency=0 ! appsink name=out sync=false async=false";
        let pipeline: gst::Pipeline = gst::parse::launch(text).unwrap().downcast().unwrap();
        let source = |name: &str| pipeline.by_name(name).unwrap().downcast::<AppSrc>().unwrap();
        let out = pipeline.by_name("out").unwrap().downcast::<AppSink>().unwrap();
        begin_together(&pipeline.by_name("mux").unwrap());
        pipeline.set_state(gst::State::Playing).unwrap();
        let push = |source: &AppSrc, ms: u64, bytes: Vec<u8>| {
            let mut buffer = gst::Buffer::from_mut_slice(bytes);
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(ms));
            source.push_buffer(buffer).unwrap();
        };
        // An ADTS header of a frame of 9 bytes; a picture is its start code and type.
        let (sound, video) = (vec![0xff, 0xf1, 0x4c, 0x80, 0x01, 0x3f, 0xfc, 0, 0], vec![0, 0, 0, 1, 0x65, 1, 2, 3]);
        push(&source("sound"), 0, sound.clone());
        assert!(out.try_pull_sample(gst::ClockTime::from_mseconds(300)).is_none(), "something went out before there was a picture");
        let mut stream = Vec::new();
        for ms in (0..400).step_by(40) {
            push(&source("video"), ms, video.clone());
            push(&source("sound"), ms + 20, sound.clone());
        }
        for name in ["video", "sound"] {
            source(name).end_of_stream().unwrap();
        }
        while let Some(sample) = out.try_pull_sample(gst::ClockTime::from_seconds(30)) {
            for buffer in sample.buffer().into_iter().map(|buffer| buffer.map_readable().unwrap()) {
                stream.extend_from_slice(&buffer);
            }
        }
        pipeline.set_state(gst::State::Null).unwrap();
        let tables = tables(&stream);
        assert!(!tables.is_empty());
        for mut types in tables {
            types.sort_unstable();
            assert_eq!(types, [0x0f, 0x1b], "AAC and H.264");
        }
    }
}
