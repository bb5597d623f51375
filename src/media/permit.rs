//! Until when a broadcast may go out. What has run out never counts again: what follows is another permit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds of this machine since it was booted, the time that it slept among them (`CLOCK_BOOTTIME`): nobody sets it, and a process that
/// was stopped or a machine that slept finds that time has passed.
pub fn boot_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

const OVER: u64 = 0;
const FOR_EVER: u64 = u64::MAX;

/// A permit to send, asked for every packet. Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Permit(Arc<AtomicU64>);

impl Default for Permit {
    /// One that does not run out.
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(FOR_EVER)))
    }
}

impl Permit {
    /// One that runs out at this time of [`boot_ms`].
    pub fn until(end_ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(end_ms)))
    }

    /// Whether something may go out now.
    pub fn holds(&self) -> bool {
        self.holds_at(boot_ms())
    }

    /// Whether something may go out at this time. Once it may not, it never may again.
    pub fn holds_at(&self, now_ms: u64) -> bool {
        let mut end_ms = self.0.load(Ordering::Acquire);
        loop {
            if end_ms == OVER || end_ms == FOR_EVER || now_ms < end_ms {
                return end_ms != OVER;
            }
            match self.0.compare_exchange(end_ms, OVER, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return false,
                Err(other) => end_ms = other,
            }
        }
    }

    /// Puts its end elsewhere, earlier or later; says whether it still holds.
    pub fn set_end(&self, end_ms: u64, now_ms: u64) -> bool {
        self.change(now_ms, |_| end_ms)
    }

    /// Puts its end no later than this; says whether it still holds.
    pub fn shorten(&self, end_ms: u64, now_ms: u64) -> bool {
        self.change(now_ms, |before| before.min(end_ms))
    }

    /// Ends it now.
    pub fn end(&self) {
        self.0.store(OVER, Ordering::Release);
    }

    fn change(&self, now_ms: u64, to: impl Fn(u64) -> u64) -> bool {
        while self.holds_at(now_ms) {
            let before = self.0.load(Ordering::Acquire);
            if before != OVER && self.0.compare_exchange(before, to(before), Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return self.holds_at(now_ms);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_has_run_out_never_holds_again() {
        let permit = Permit::until(100);
        assert!(permit.holds_at(99) && permit.set_end(200, 99) && permit.holds_at(199));
        assert!(permit.shorten(150, 120) && permit.shorten(180, 120));
        assert!(!permit.clone().holds_at(150));
        assert!(!permit.holds_at(1) && !permit.set_end(1000, 1) && !permit.holds_at(1));
        assert!(Permit::default().holds_at(u64::MAX - 1));
        let ended = Permit::default();
        ended.end();
        assert!(!ended.holds());
    }

    #[test]
    fn the_clock_goes_on() {
        let before = boot_ms();
        assert!(before > 0);
        while boot_ms() == before {
            std::hint::spin_loop();
        }
    }

    proptest! {
        #[test]
        fn it_holds_until_its_last_end_and_not_after_a_look_that_found_it_over(
            steps in prop::collection::vec((0u64..50, prop::option::of(0u64..100), any::<bool>()), 0..60),
        ) {
            let (mut now, mut end, mut over) = (1, 60, false);
            let permit = Permit::until(end);
            for (passes, new_end, shortens) in steps {
                now += passes;
                over |= now >= end;
                if let Some(ahead) = new_end {
                    let wanted = now + ahead;
                    let held = if shortens { permit.shorten(wanted, now) } else { permit.set_end(wanted, now) };
                    if !over {
                        end = if shortens { end.min(wanted) } else { wanted };
                        over |= now >= end;
                    }
                    prop_assert_eq!(held, !over);
                }
                prop_assert_eq!(permit.holds_at(now), !over);
            }
        }
    }
}
