//! How often a server is asked. Pure.

use std::time::Duration;

/// While something is on that it should have.
const ON: Duration = Duration::from_secs(2);
/// While nothing is.
const IDLE: Duration = Duration::from_secs(10);
/// What the waits after failures grow to.
const LONGEST: Duration = Duration::from_secs(30);

/// The waits between rounds of questions to one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    failures: u32,
}

impl Pace {
    /// The wait after a round that did or did not succeed. `chance` in 0..1 spreads it over a fifth, so that servers are not asked in step.
    pub(super) fn after(&mut self, on: bool, succeeded: bool, chance: f64) -> Duration {
        self.failures = if succeeded { 0 } else { self.failures.saturating_add(1) };
        let usual = if on { ON } else { IDLE };
        // The fifth failure brings the longest anyway; the bound keeps the shift finite.
        let full = usual.saturating_mul(1 << self.failures.min(5)).min(LONGEST.max(usual));
        full.mul_f64(0.9 + chance.clamp(0.0, 1.0) / 5.0)
    }

    /// Whether the last round failed.
    pub(super) fn failing(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_on_is_asked_for_every_two_seconds_and_else_every_ten() {
        let mut pace = Pace::default();
        assert_eq!(pace.after(true, true, 0.5), Duration::from_secs(2));
        assert_eq!(pace.after(false, true, 0.5), Duration::from_secs(10));
        let waits: Vec<u64> = (0..6).map(|_| pace.after(true, false, 0.5).as_secs()).collect();
        assert_eq!(waits, [4, 8, 16, 30, 30, 30]);
        assert!(pace.failing());
        assert_eq!(pace.after(true, true, 0.5), Duration::from_secs(2));
        assert!(!pace.failing());
    }

    proptest! {
        #[test]
        fn it_is_never_hasty_and_never_gives_up(rounds in prop::collection::vec((any::<bool>(), any::<bool>(), 0.0f64..1.0), 1..100)) {
            let mut pace = Pace::default();
            for (on, succeeded, chance) in rounds {
                let wait = pace.after(on, succeeded, chance);
                prop_assert!(wait >= ON.mul_f64(0.9) && wait <= LONGEST.mul_f64(1.1));
            }
        }
    }
}
