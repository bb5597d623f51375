//! When to make a key frame. Pure.

use std::time::Duration;

/// Requests of receivers that come closer together are answered by one key frame.
const CLOSEST: Duration = Duration::from_millis(400);

/// Key frames by time, and on request, but never so many that one receiver's losses cost the others their picture.
#[derive(Clone, Debug)]
pub(super) struct KeyFrames {
    interval: Duration,
    last: Option<Duration>,
    requested: bool,
}

impl KeyFrames {
    pub(super) fn every(interval: Duration) -> Self {
        Self { interval, last: None, requested: false }
    }

    /// Whether the picture that goes in at `now` should become a key frame.
    pub(super) fn due(&mut self, now: Duration, requested: bool) -> bool {
        self.requested |= requested;
        let since = self.last.map(|last| now.saturating_sub(last));
        let due = since.is_none_or(|since| since >= self.interval || (self.requested && since >= CLOSEST));
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

    proptest! {
        #[test]
        fn a_flood_of_requests_changes_little(requests in prop::collection::vec(any::<bool>(), 300)) {
            let mut keys = KeyFrames::every(ms(2000));
            let made = requests.iter().enumerate().filter(|(i, requested)| keys.due(ms(*i as u64 * 33), **requested)).count();
            prop_assert!((5..=26).contains(&made), "{} in 10 s", made);
        }
    }
}
