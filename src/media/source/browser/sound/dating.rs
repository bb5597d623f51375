//! When samples were heard, told from when they come. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::media::audio::RATE;

/// Pieces are compared with those of so long before: long enough to hold some that came without delay, short enough to follow a daemon
/// whose clock drifts or that lost samples.
const WINDOW: Duration = Duration::from_secs(3);

/// Dates pieces of an unbroken stream. A piece can come late but never early, so the promptest of the last seconds says where the stream
/// lies, and every other piece is dated by counting samples. (The time stamps of `pulsesrc` follow a foreign clock only in steps of its whole
/// buffer: on a busy machine sound went out up to 230 ms late by them.)
#[derive(Debug, Default)]
pub(super) struct Dating {
    frames: u64,
    /// Arrivals and the beginning of the stream by them in ns, of the last [`WINDOW`]; growing, so that the first is the least.
    beginnings: VecDeque<(Duration, i128)>,
}

impl Dating {
    /// The running time of the first of `frames` samples that came at `now`. `broken` where some are missing before them.
    pub(super) fn date(&mut self, frames: u64, now: Duration, broken: bool) -> Duration {
        if broken {
            *self = Self::default();
        }
        let first = self.frames;
        self.frames += frames;
        let beginning = nanoseconds(now) - length(self.frames);
        while self.beginnings.back().is_some_and(|(_, other)| *other >= beginning) {
            self.beginnings.pop_back();
        }
        self.beginnings.push_back((now, beginning));
        while self.beginnings.front().is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW) {
            self.beginnings.pop_front();
        }
        let least = self.beginnings.front().map_or(beginning, |(_, least)| *least);
        Duration::from_nanos(u64::try_from(least + length(first)).unwrap_or(0))
    }
}

fn nanoseconds(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

fn length(frames: u64) -> i128 {
    i128::from(frames) * 1_000_000_000 / i128::from(RATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn delay_does_not_move_what_was_heard() {
        let mut dating = Dating::default();
        for piece in 0..500 {
            let delay = if piece % 7 == 0 { 0 } else { piece * 13 % 150 };
            let at = dating.date(480, ms(1010 + piece * 10 + delay), false);
            assert_eq!(at, ms(1000 + piece * 10));
        }
    }

    #[test]
    fn missing_samples_are_noticed() {
        let mut dating = Dating::default();
        dating.date(480, ms(1010), false);
        assert_eq!(dating.date(480, ms(1510), true), ms(1500));
        // Where nobody says so, within the window.
        let late = (0..400).map(|piece| dating.date(480, ms(1820 + piece * 10), false)).last();
        assert_eq!(late, Some(ms(1810 + 3990)));
    }

    proptest! {
        #[test]
        fn never_later_than_it_came(pieces in prop::collection::vec((1u64..3000, 0u64..300), 1..400)) {
            let (mut dating, mut now) = (Dating::default(), ms(100_000));
            for (frames, step) in pieces {
                now += ms(step);
                prop_assert!(dating.date(frames, now, false) <= now);
                prop_assert!(dating.beginnings.len() <= 401);
            }
        }
    }
}
