//! How loud the last second was.

use super::super::stats::SILENCE_CENTIBEL;

/// Samples of both channels in a second.
const SECOND: usize = 96_000;

/// Finds the loudest sample of each second.
#[derive(Debug, Default)]
pub(super) struct Level {
    loudest: u16,
    heard: usize,
}

impl Level {
    /// Takes samples; gives hundredths of dBFS when a second is full.
    pub(super) fn hear(&mut self, samples: &[i16]) -> Option<i32> {
        self.loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0).max(self.loudest);
        self.heard += samples.len();
        if self.heard < SECOND {
            return None;
        }
        let level = centibel(self.loudest);
        *self = Self::default();
        Some(level)
    }
}

fn centibel(peak: u16) -> i32 {
    if peak == 0 {
        return SILENCE_CENTIBEL;
    }
    #[expect(clippy::cast_possible_truncation, reason = "between -9032 and 0")]
    let centibel = (2000.0 * (f64::from(peak) / 32768.0).log10()).round() as i32;
    centibel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_level() {
        let mut level = Level::default();
        assert_eq!(level.hear(&vec![0; 95_000]), None);
        assert_eq!(level.hear(&vec![-16384; 1000]), Some(-602));
        assert_eq!(level.hear(&vec![0; 96_000]), Some(SILENCE_CENTIBEL));
        assert_eq!(level.hear(&vec![i16::MIN; 96_000]), Some(0));
    }
}
