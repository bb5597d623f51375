//! What is known of an output, for people and programs.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::media::error::MediaError;

/// How an output is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputState {
    /// Looking up, connecting, or connected and not yet taking data.
    #[default]
    Connecting,
    /// The target takes data.
    Live,
    /// Waiting before the next try.
    BackingOff,
    /// Given up: no retry can mend it.
    Failed,
}

/// A picture of an output at one moment.
#[derive(Clone, Debug, Default)]
pub struct OutputStatus {
    /// How it is doing.
    pub state: OutputState,
    /// Why it is not live, or was not last time.
    pub detail: Option<MediaError>,
    /// Bytes handed to the target since the output began, over all its connections.
    pub bytes: u64,
    /// Bit rate of the last three seconds.
    pub kbps: u32,
    /// Round-trip time, where the protocol knows it.
    pub rtt_ms: Option<f64>,
    /// Packets that the target did not get, in percent, where the protocol knows it.
    pub loss_percent: Option<f64>,
    /// How many times it went live again after a loss.
    pub reconnects: u32,
    /// Packets dropped because the target was too slow.
    pub dropped: u64,
}

/// What an output reports as it happens.
#[derive(Clone, Debug)]
pub struct OutputEvent {
    /// The new state.
    pub state: OutputState,
    /// Why.
    pub detail: Option<MediaError>,
}

const WINDOW: Duration = Duration::from_secs(3);

/// A bit rate over the last three seconds.
#[derive(Debug, Default)]
pub(super) struct Rate {
    readings: VecDeque<(Duration, u64)>,
}

impl Rate {
    /// Takes a reading of a counter in, and says the rate in kilobits a second.
    pub(super) fn observe(&mut self, now: Duration, bytes: u64) -> u32 {
        self.readings.push_back((now, bytes));
        while self.readings.len() > 2 && self.readings.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW) {
            self.readings.pop_front();
        }
        let (from, before) = self.readings.front().copied().unwrap_or((now, bytes));
        let millis = u64::try_from(now.saturating_sub(from).as_millis()).unwrap_or(u64::MAX);
        (bytes.saturating_sub(before) * 8).checked_div(millis).and_then(|kbps| u32::try_from(kbps).ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_three_seconds() {
        let mut rate = Rate::default();
        let mut kbps = 0;
        for tick in 0..100 {
            // 100 kB a second for 10 s, then nothing.
            kbps = rate.observe(Duration::from_millis(200 * tick), (tick * 20_000).min(1_000_000));
            if tick == 40 {
                assert_eq!(kbps, 800);
            }
        }
        assert_eq!(kbps, 0);
        assert!(rate.readings.len() <= 17);
    }
}
