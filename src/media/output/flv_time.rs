//! Gives FLV tags back their own time.
//!
//! `flvmux` lets no tag be earlier than the one before it, of whichever track. Sound is sent after pictures that are later than it, so it was
//! stamped with their time, and what puts sound and picture together (the priming of AAC, the delay of a browser's sound) was lost. RTMP
//! itself asks for order within a track only.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

const SOUND: u8 = 8;
const PICTURE: u8 = 9;
/// Where a tag says its time: the lower 24 bits, then the upper 8, in milliseconds.
const TIME: Range<usize> = 4..8;

/// Mends the time of what comes out of a muxer.
pub(super) fn keep(muxer: &gst::Element) {
    let Some(pad) = muxer.static_pad("src") else { return };
    let zero_ms = Mutex::new(None);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        // A streamable muxer keeps the running time of what a tag holds; headers have none.
        if let Some(buffer) = info.buffer_mut()
            && let Some(at) = buffer.pts()
            && let Ok(mut tag) = buffer.make_mut().map_writable()
        {
            mend(&mut tag, at.mseconds(), &mut zero_ms.lock().unwrap_or_else(PoisonError::into_inner));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Writes into a tag that its media belongs to the running time `at_ms`; the first says what is the connection's zero.
fn mend(tag: &mut [u8], at_ms: u64, zero_ms: &mut Option<u64>) {
    if !matches!(tag, [SOUND | PICTURE, ..]) || tag.len() < TIME.end {
        return;
    }
    let time = &mut tag[TIME];
    let stamped = u64::from(u32::from_be_bytes([time[3], time[0], time[1], time[2]]));
    let zero_ms = *zero_ms.get_or_insert(at_ms.saturating_sub(stamped));
    // 49 days and 17 hours of a connection fit; then time begins anew, as in any RTMP stream.
    let [.., extension, high, middle, low] = at_ms.saturating_sub(zero_ms).to_be_bytes();
    time.copy_from_slice(&[high, middle, low, extension]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, time: [u8; 4]) -> Vec<u8> {
        [&[kind, 0, 0, 9][..], &time, &[0; 12]].concat()
    }

    #[test]
    fn a_tag_gets_the_time_of_what_it_holds() {
        let mut zero_ms = None;
        let mut first = tag(PICTURE, [0, 0, 0, 0]);
        mend(&mut first, 5_000, &mut zero_ms);
        assert_eq!(first, tag(PICTURE, [0, 0, 0, 0]));
        let mut picture = tag(PICTURE, [0, 1, 0, 0]);
        mend(&mut picture, 5_256, &mut zero_ms);
        assert_eq!(picture, tag(PICTURE, [0, 1, 0, 0]));
        let mut sound = tag(SOUND, [0, 1, 0, 0]);
        mend(&mut sound, 5_180, &mut zero_ms);
        assert_eq!(sound, tag(SOUND, [0, 0, 180, 0]));
        let mut late = tag(SOUND, [0, 0, 0, 0]);
        mend(&mut late, 5_000 + 0x0102_0304, &mut zero_ms);
        assert_eq!(late, tag(SOUND, [2, 3, 4, 1]));
    }

    #[test]
    fn what_is_no_media_is_left_alone() {
        for mut other in [b"FLV\x01\x05\0\0\0\x09".to_vec(), tag(18, [1, 2, 3, 4]), vec![SOUND], Vec::new()] {
            let before = other.clone();
            mend(&mut other, 77, &mut None);
            assert_eq!(other, before);
        }
    }
}
