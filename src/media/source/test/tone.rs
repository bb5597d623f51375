//! The beep.

use super::{BEEP_HZ, MARK_MS};
use crate::media::audio::{CHANNELS, RATE};

/// Interleaved stereo from a Unix time on: a beep at the beginning of every full second, else silence.
pub(super) fn samples(unix_ms: u64, frames: usize) -> Vec<i16> {
    let mut samples = Vec::with_capacity(frames * CHANNELS);
    for frame in 0..frames as u64 {
        let position = unix_ms % 1000 * RATE / 1000 + frame;
        let beeping = position % RATE < MARK_MS * RATE / 1000;
        #[expect(clippy::cast_precision_loss, reason = "less than two seconds of frames")]
        let phase = position as f64 * BEEP_HZ / RATE as f64 * std::f64::consts::TAU;
        #[expect(clippy::cast_possible_truncation, reason = "a sine times 8000 fits")]
        let sample = if beeping { (phase.sin() * 8000.0) as i16 } else { 0 };
        samples.extend([sample; CHANNELS]);
    }
    samples
}
