//! When a picture may be taken: as often as the profile says and no oftener, without losing one to jitter.

use std::time::Duration;

/// A generic cell rate: pictures may come early by a part of the interval if others came late, but on the average never faster than one
/// an interval. A strict interval would lose every picture that jitter brings a moment early: a page drawing at 30 would give 25.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    interval: Duration,
    tolerance: Duration,
    /// When the next picture is due by the rate.
    due: Duration,
}

impl Pace {
    /// For at most `fps` pictures a second.
    pub(super) fn new(fps: u32) -> Self {
        let interval = Duration::from_secs(1) / fps.max(1);
        Self { interval, tolerance: interval * 3 / 4, due: Duration::ZERO }
    }

    /// When the next picture may be taken. A change that comes earlier is to wait until then, and the picture with it: it then shows the
    /// newest.
    pub(super) fn earliest(&self) -> Duration {
        self.due.saturating_sub(self.tolerance)
    }

    /// A picture was taken.
    pub(super) fn taken(&mut self, now: Duration) {
        self.due = self.due.max(now) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many pictures are taken of changes at these times (µs), and when.
    fn taken(fps: u32, changes: &[u64]) -> Vec<Duration> {
        let mut pace = Pace::new(fps);
        let mut taken: Vec<Duration> = Vec::new();
        for change in changes {
            let change = Duration::from_micros(*change);
            // A change before the last picture's moment was in it.
            if taken.last().is_some_and(|last| *last >= change) {
                continue;
            }
            let at = change.max(pace.earliest());
            pace.taken(at);
            taken.push(at);
        }
        taken
    }

    #[test]
    fn a_page_that_draws_at_the_rate_loses_nothing() {
        let steady: Vec<u64> = (0..300).map(|n| n * 1_000_000 / 30).collect();
        assert_eq!(taken(30, &steady).len(), 300);
        let jittery: Vec<u64> = (0..300).map(|n| n * 1_000_000 / 30 + (n * 7919) % 12_000).collect();
        assert!(taken(30, &jittery).len() >= 297);
    }

    #[test]
    fn a_page_that_draws_twice_as_fast_is_taken_at_the_rate() {
        let fast: Vec<u64> = (0..600).map(|n| n * 1_000_000 / 60).collect();
        let count = taken(30, &fast).len();
        assert!((299..=302).contains(&count), "{count}");
    }

    proptest! {
        #[test]
        fn never_faster_than_the_rate(gaps in prop::collection::vec(0u64..80_000, 1..400), fps in 5u32..=60) {
            let changes: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let taken = taken(fps, &changes);
            for window in [10, 50] {
                for times in taken.windows(window + 1) {
                    let expected = Duration::from_secs(1) / fps * u32::try_from(window).unwrap();
                    prop_assert!(times[window].saturating_sub(times[0]) + Duration::from_secs(1) / fps >= expected);
                }
            }
        }
    }
}
