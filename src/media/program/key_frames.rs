//! When to make a key frame. Pure.

use std::time::Duration;

/// Requests of receivers that come closer together are answered by one key frame.
const CLOSEST: Duration = Duration::from_millis(400);
/// How far apart they are while viewers are expected, who see nothing before one.
const WHILE_EXPECTED: Duration = Duration::from_millis(500);
/// For how long viewers are expected: `OvenMediaEngine` 0.20 takes 1.6 s until it has a stream for its edge, then they come.
const EXPECTED_FOR: Duration = Duration::from_secs(6);
/// A target that comes and goes must not cost the others their picture.
const EXPECTED_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Key frames by time, and on request, but never so many that one receiver's losses cost the others their picture.
#[derive(Clone, Debug)]
pub(super) struct KeyFrames {
    interval: Duration,
    last: Option<Duration>,
    requested: bool,
    expected_since: Option<Duration>,
}

impl KeyFrames {
    pub(super) fn every(interval: Duration) -> Self {
        Self { interval, last: None, requested: false, expected_since: None }
    }

    /// Viewers are about to come, all at once, through a server that asks for no key frame on their behalf.
    pub(super) fn expect_viewers(&mut self, now: Duration) {
        if self.expected_since.is_none_or(|since| now.saturating_sub(since) >= EXPECTED_AGAIN_AFTER) {
            self.expected_since = Some(now);
        }
    }

    /// Whether the picture that goes in at `now` should become a key frame.
    pub(super) fn due(&mut self, now: Duration, requested: bool) -> bool {
        self.requested |= requested;
        let since = self.last.map(|last| now.saturating_sub(last));
        let expected = self.expected_since.is_some_and(|since| now.saturating_sub(since) < EXPECTED_FOR);
        let interval = if expected { self.interval.min(WHILE_EXPECTED) } else { self.interval };
        let due = since.is_none_or(|since| since >= interval || (self.requested && since >= CLOSEST));
        if due {
            self.last = Some(now);
            self.requested = false;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn by_time_and_on_request() {
        let mut keys = KeyFrames::every(ms(2000));
        assert!(keys.due(ms(0), false));
        assert!(!keys.due(ms(100), true));
        assert!(!keys.due(ms(200), true));
        assert!(keys.due(ms(400), false));
        assert!(!keys.due(ms(2000), false));
        assert!(keys.due(ms(2400), false));
    }

    #[test]
    fn close_together_while_viewers_are_expected_and_not_for_ever() {
        let mut keys = KeyFrames::every(ms(2000));
        let made = |keys: &mut KeyFrames, from: u64, to: u64, expect: bool| {
            let at = |at: &u64| {
                if expect {
                    keys.expect_viewers(ms(*at));
                }
                keys.due(ms(*at), false)
            };
            (from..to).step_by(100).filter(at).collect::<Vec<_>>()
        };
        assert_eq!(made(&mut keys, 0, 3000, false), [0, 2000]);
        keys.expect_viewers(ms(3000));
        let close = made(&mut keys, 3000, 9000, false);
        assert_eq!((close[0], close.len()), (3000, 12));
        assert!(close.windows(2).all(|two| two[1] - two[0] == 500), "{close:?}");
        assert_eq!(made(&mut keys, 9000, 13_000, false), [10_500, 12_500]);
        // Expected without end, they come for 6 s of every 30.
        let all = made(&mut keys, 33_000, 93_000, true);
        assert!(all.len() <= 2 * (12 + 13), "{} in a minute", all.len());
    }

    #[test]
    fn a_shorter_interval_stays() {
        let mut keys = KeyFrames::every(ms(300));
        keys.expect_viewers(ms(0));
        assert!(keys.due(ms(0), false));
        assert!(keys.due(ms(300), false));
    }

    proptest! {
        #[test]
        fn a_flood_of_requests_changes_little(requests in prop::collection::vec(any::<bool>(), 300)) {
            let mut keys = KeyFrames::every(ms(2000));
            let made = requests.iter().enumerate().filter(|(i, requested)| keys.due(ms(*i as u64 * 33), **requested)).count();
            prop_assert!((5..=26).contains(&made), "{} in 10 s", made);
        }
    }
}
