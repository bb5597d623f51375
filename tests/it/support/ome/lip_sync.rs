//! Time stamps as OME makes them: from the pusher's RTCP sender reports.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How much of the time between two reports they may disagree about, and always.
const TOLERATED_PART: f64 = 0.05;
const TOLERATED: Duration = Duration::from_millis(20);
/// Where the time stamps of a stream begin, so that a track that is a little ahead of the other fits in.
const BEGIN_US: i64 = 1_000_000;
/// Without any report for so long, RTP time stamps are taken as they are.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The clock of one track.
#[derive(Clone, Debug)]
pub(super) struct TrackClock {
    rate: u32,
    last: Option<(i64, u32)>,
}

impl TrackClock {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, last: None }
    }

    /// Takes a report; says whether its RTP time advanced as the time did.
    pub(super) fn report(&mut self, ntp: SystemTime, rtp: u32) -> bool {
        let ntp_us = i64::try_from(ntp.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()).unwrap_or(i64::MAX);
        let good = self.last.is_none_or(|(last_us, last_rtp)| {
            let by_ntp = (ntp_us - last_us) as f64;
            let by_rtp = self.us(rtp, last_rtp) as f64;
            (by_rtp - by_ntp).abs() <= by_ntp.abs() * TOLERATED_PART + TOLERATED.as_micros() as f64
        });
        self.last = Some((ntp_us, rtp));
        good
    }

    /// Unix microseconds of an RTP time stamp; `None` before the first report.
    pub(super) fn unix_us(&self, rtp: u32) -> Option<i64> {
        self.last.map(|(ntp_us, base)| ntp_us + self.us(rtp, base))
    }

    /// Microseconds from one RTP time stamp to another.
    fn us(&self, rtp: u32, since: u32) -> i64 {
        i64::from(rtp.wrapping_sub(since).cast_signed()) * 1_000_000 / i64::from(self.rate)
    }

    /// Begins at `unix_us` without a report.
    pub(super) fn assume(&mut self, unix_us: i64, rtp: u32) {
        self.last = Some((unix_us, rtp));
    }
}

/// The common zero of a stream's tracks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Zero(Option<i64>);

impl Zero {
    pub(super) fn pts_us(&mut self, unix_us: i64) -> u64 {
        let zero = *self.0.get_or_insert(unix_us);
        u64::try_from(unix_us - zero + BEGIN_US).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_that_run_at_twice_the_rate_are_found() {
        let mut clock = TrackClock::new(48_000);
        let at = |ms: u64| UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + ms);
        assert_eq!(clock.unix_us(0), None);
        assert!(clock.report(at(0), u32::MAX - 100));
        assert!(clock.report(at(1000), 47_899), "across the wrap");
        assert!(clock.report(at(2000), 47_899 + 48_000 + 500), "ten milliseconds are nothing");
        assert!(!clock.report(at(3000), 47_899 + 48_000 + 96_000));
        assert_eq!(clock.unix_us(47_899 + 48_000 + 96_000 - 48), Some(1_700_000_002_999_000));
    }

    #[test]
    fn tracks_have_one_zero() {
        let mut zero = Zero::default();
        assert_eq!((zero.pts_us(5_000_000), zero.pts_us(4_990_000), zero.pts_us(5_020_000)), (1_000_000, 990_000, 1_020_000));
    }
}
