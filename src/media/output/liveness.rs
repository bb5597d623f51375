//! Whether a target still takes what it is sent: a pure function of what it took, and when.

use std::time::Duration;

/// How long a target may take to accept the connection and the stream.
pub const CONNECT: Duration = Duration::from_secs(8);
/// How long a live target may take nothing.
pub const STALL: Duration = Duration::from_secs(5);
/// How long one may that reports now and then only, as some WebRTC receivers do.
pub const LONGEST_STALL: Duration = Duration::from_secs(15);
/// From so many reports on it is known how far apart they come.
const KNOWN: u32 = 4;
/// How long one may that is not known yet: RTCP's own rule puts reports 6.2 s apart at most.
const UNKNOWN_STALL: Duration = Duration::from_secs(8);

/// What was read off a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Whether the target has accepted the connection and the stream.
    pub accepted: bool,
    /// Whether the connection has ended without an error that the pipeline would tell of.
    pub broken: bool,
    /// Bytes handed over on this connection.
    pub bytes: u64,
    /// Something that grows only while the target takes data: bytes, or its acknowledgements where the protocol has them.
    pub progress: u64,
    /// Round-trip time in milliseconds, where the protocol knows it.
    pub rtt_ms: Option<f64>,
    /// Packets lost on the way in percent, where the protocol knows it.
    pub loss_percent: Option<f64>,
}

/// How a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not accepted yet.
    Connecting,
    /// Accepted, nothing taken yet.
    Accepted,
    /// Taking data.
    Live,
    /// Did not come up in time.
    TimedOut,
    /// Took data, then none for too long.
    Stalled,
}

/// The memory behind the verdicts on one connection.
#[derive(Clone, Debug)]
pub struct Liveness {
    since: Duration,
    progress: Option<u64>,
    live: bool,
    /// Of a target whose progress is its reports: how many came, and the longest time between two.
    reports: Option<(u32, Duration)>,
}

impl Liveness {
    /// A connection begun at `now` (any clock that only goes forward).
    pub fn new(now: Duration) -> Self {
        Self { since: now, progress: None, live: false, reports: None }
    }

    /// The same for a target whose progress is its reports, which come at its own pace: twice the longest time between two is silence.
    pub fn by_reports(now: Duration) -> Self {
        Self { reports: Some((0, Duration::ZERO)), ..Self::new(now) }
    }

    fn patience(&self) -> Duration {
        match self.reports {
            None => STALL,
            Some((count, _)) if count < KNOWN => UNKNOWN_STALL,
            Some((_, longest)) => (longest * 2).clamp(STALL, LONGEST_STALL),
        }
    }

    /// Judges a reading taken at `now`.
    pub fn observe(&mut self, now: Duration, reading: Reading) -> Verdict {
        if !reading.accepted && !self.live {
            return if now.saturating_sub(self.since) >= CONNECT { Verdict::TimedOut } else { Verdict::Connecting };
        }
        match self.progress {
            // What counted up during the handshake is no media: growth is measured from here.
            None => {
                self.progress = Some(reading.progress);
                self.since = now;
            }
            Some(before) if reading.progress > before => {
                if let Some((count, longest)) = &mut self.reports {
                    *count = count.saturating_add(1);
                    *longest = now.saturating_sub(self.since).max(*longest);
                }
                self.progress = Some(reading.progress);
                self.since = now;
                self.live = true;
            }
            Some(_) => {}
        }
        let silent = now.saturating_sub(self.since);
        match self.live {
            true if silent >= self.patience() => Verdict::Stalled,
            true => Verdict::Live,
            false if silent >= CONNECT => Verdict::TimedOut,
            false => Verdict::Accepted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn took(progress: u64) -> Reading {
        Reading { accepted: true, bytes: progress, progress, ..Reading::default() }
    }

    #[test]
    fn a_connection_comes_up_lives_and_stalls() {
        let mut liveness = Liveness::new(at(100.0));
        assert_eq!(liveness.observe(at(101.0), Reading::default()), Verdict::Connecting);
        assert_eq!(liveness.observe(at(102.0), took(3000)), Verdict::Accepted);
        assert_eq!(liveness.observe(at(103.0), took(9000)), Verdict::Live);
        assert_eq!(liveness.observe(at(107.9), took(9000)), Verdict::Live);
        assert_eq!(liveness.observe(at(107.95), took(9001)), Verdict::Live);
        assert_eq!(liveness.observe(at(112.94), took(9001)), Verdict::Live);
        assert_eq!(liveness.observe(at(112.95), took(9001)), Verdict::Stalled);
    }

    #[test]
    fn neither_a_silent_peer_nor_one_that_accepts_and_takes_nothing_is_waited_for() {
        let mut silent = Liveness::new(at(0.0));
        assert_eq!(silent.observe(at(7.9), Reading::default()), Verdict::Connecting);
        assert_eq!(silent.observe(at(8.0), Reading::default()), Verdict::TimedOut);
        let mut idle = Liveness::new(at(0.0));
        assert_eq!(idle.observe(at(1.0), took(3000)), Verdict::Accepted);
        assert_eq!(idle.observe(at(9.0), took(3000)), Verdict::TimedOut);
    }

    #[test]
    fn a_receiver_that_reports_seldom_is_given_longer_and_one_that_reports_often_is_not() {
        for (every, silence) in [(0.5, 5.0), (2.0, 5.0), (4.0, 8.0), (7.0, 14.0), (7.8, 15.0)] {
            let mut liveness = Liveness::by_reports(at(0.0));
            for report in 0..6u32 {
                assert!(matches!(
                    liveness.observe(at(f64::from(report) * every), took(u64::from(report))),
                    Verdict::Accepted | Verdict::Live
                ));
            }
            let last = 5.0 * every;
            assert_eq!(liveness.observe(at(last + silence - 0.1), took(5)), Verdict::Live, "every {every} s");
            assert_eq!(liveness.observe(at(last + silence), took(5)), Verdict::Stalled, "every {every} s");
        }
        // Two quick reports at the beginning say nothing yet about how far apart they come.
        let mut liveness = Liveness::by_reports(at(0.0));
        liveness.observe(at(0.0), took(1));
        liveness.observe(at(0.2), took(2));
        liveness.observe(at(0.4), took(3));
        assert_eq!(liveness.observe(at(8.3), took(3)), Verdict::Live);
        assert_eq!(liveness.observe(at(8.4), took(3)), Verdict::Stalled);
    }

    proptest! {
        #[test]
        fn what_grows_every_second_is_live(steps in prop::collection::vec(1u64..1_000_000, 1..100)) {
            let mut liveness = Liveness::new(Duration::ZERO);
            let mut total = 3000;
            liveness.observe(Duration::ZERO, took(total));
            for (second, step) in (1..).zip(steps) {
                total += step;
                prop_assert_eq!(liveness.observe(Duration::from_secs(second), took(total)), Verdict::Live);
            }
        }
    }
}
