//! How long to wait before the next try: without end, never in step with others.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);
const GROWTH: f64 = 1.7;
/// What has been live for so long counts as well again: the next loss is retried promptly.
const STABLE: Duration = Duration::from_secs(10);

/// The waits between tries of one output.
#[derive(Clone, Debug, Default)]
pub struct BackOff {
    failures: u32,
}

impl BackOff {
    /// The wait after a try that was live for `lived` (zero where it never was). `chance` in 0..1 spreads it over the upper half.
    pub fn after(&mut self, lived: Duration, chance: f64) -> Duration {
        if lived >= STABLE {
            self.failures = 0;
        }
        // From the eighth on it is the longest anyway; the bound keeps the power finite.
        let exponent = i32::try_from(self.failures.min(32)).unwrap_or(32);
        self.failures = self.failures.saturating_add(1);
        let full = (FIRST.as_secs_f64() * GROWTH.powi(exponent)).min(LONGEST.as_secs_f64());
        Duration::from_secs_f64(full * (0.5 + chance.clamp(0.0, 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_grow_to_the_longest_and_never_end(tries in 1usize..200, chance in 0.0f64..1.0) {
            let mut back_off = BackOff::default();
            let mut last = Duration::ZERO;
            for _ in 0..tries {
                let wait = back_off.after(Duration::ZERO, chance);
                prop_assert!(wait >= last);
                prop_assert!(wait >= FIRST / 2 && wait <= LONGEST);
                last = wait;
            }
        }
    }

    #[test]
    fn the_first_retry_is_prompt_and_chance_spreads_it() {
        assert_eq!(BackOff::default().after(Duration::ZERO, 0.0), Duration::from_millis(125));
        assert_eq!(BackOff::default().after(Duration::ZERO, 1.0), Duration::from_millis(250));
    }

    #[test]
    fn only_a_stable_connection_resets() {
        let mut back_off = BackOff::default();
        for _ in 0..20 {
            back_off.after(Duration::from_secs(9), 1.0);
        }
        assert_eq!(back_off.after(Duration::from_secs(9), 1.0), LONGEST);
        assert_eq!(back_off.after(Duration::from_secs(10), 1.0), FIRST);
        assert!(back_off.after(Duration::ZERO, 1.0) > FIRST);
    }
}
