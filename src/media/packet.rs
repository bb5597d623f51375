//! An encoded piece of the program on its way to the outputs.

use gstreamer as gst;

/// What voaacenc puts before the first sample (1600 frames at 48 kHz) and does not say; no decoder of a live stream takes it off.
/// Measured by decoding: without this a beep came 33 ms after its flash.
const AAC_PRIMING: gst::ClockTime = gst::ClockTime::from_useconds(33_333);

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Track {
    /// H.264 access units, Annex B, parameter sets before every key frame.
    H264,
    /// Opus packets, 48 kHz stereo, of [the profile](super::profile::Profile::opus_frame_ms)'s length.
    Opus,
    /// AAC-LC raw frames of 1024 samples, 48 kHz stereo; `codec_data` in the caps.
    Aac,
}

/// One encoded access unit. Cloning it copies no media.
#[derive(Clone, Debug)]
pub struct Packet {
    /// What it carries.
    pub track: Track,
    /// Whether decoding can begin here; always true of audio.
    pub key: bool,
    /// The caps to set on the `appsrc` that takes it on.
    pub caps: gst::Caps,
    /// The data. PTS (and DTS: there are no B-frames) is the running time of the broadcast's [`MediaClock`](super::clock::MediaClock).
    pub buffer: gst::Buffer,
}

impl Packet {
    /// Running time of the packet.
    pub fn pts(&self) -> gst::ClockTime {
        self.buffer.pts().unwrap_or(gst::ClockTime::ZERO)
    }
}

impl Packet {
    /// What an encoder's `appsink` gave, its time stamps turned into running time: encoders shift theirs (x264enc by a thousand hours, to
    /// have room for B-frames) and say so only in the segment.
    pub(super) fn from_sample(track: Track, sample: &gst::Sample) -> Option<Self> {
        let caps = sample.caps_owned()?;
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let mut buffer = sample.buffer_owned()?;
        let mut at = segment.to_running_time(buffer.pts()?)?;
        if track == Track::Aac {
            at = at.saturating_sub(AAC_PRIMING);
        }
        let key = track != Track::H264 || !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let stamped = buffer.make_mut();
        stamped.set_pts(at);
        stamped.set_dts(at);
        Some(Self { track, key, caps, buffer })
    }
}
