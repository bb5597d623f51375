//! Whether a target still takes what it is sent: a pure function of what it took, and when.

use std::time::Duration;

/// How long a target may take to accept the connection and the stream.
pub const CONNECT: Duration = Duration::from_secs(8);
/// How long a live target may take nothing.
pub const STALL: Duration = Duration::from_secs(5);

/// What was read off a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Whether the target has accepted the connection and the stream.
    pub accepted: bool,
    /// Bytes handed over on this connection.
    pub bytes: u64,
    /// Something that grows only while the target takes data: bytes, or its acknowledgements where the protocol has them.
    pub progress: u64,
    /// Round-trip time in milliseconds, where the protocol knows it.
    pub rtt_ms: Option<f64>,
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
}

impl Liveness {
    /// A connection begun at `now` (any clock that only goes forward).
    pub fn new(now: Duration) -> Self {
        Self { since: now, progress: None, live: false }
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
                self.progress = Some(reading.progress);
                self.since = now;
                self.live = true;
            }
            Some(_) => {}
        }
        let silent = now.saturating_sub(self.since);
        match self.live {
            true if silent >= STALL => Verdict::Stalled,
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
        Reading { accepted: true, bytes: progress, progress, rtt_ms: None }
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
