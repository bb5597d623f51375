//! How fast somebody may go on. Pure: times come in.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

/// A bucket that fills with time; every act takes one token out. What it holds is kept as the time at which it will be full again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    full_at_ms: i64,
}

/// How large buckets are and how fast they fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Acts in a row.
    pub(super) burst: i64,
    /// One more every so many milliseconds.
    pub(super) every_ms: i64,
}

impl Bucket {
    /// A full one.
    pub(super) fn full(now_ms: i64) -> Self {
        Self { full_at_ms: now_ms }
    }

    /// Takes a token; otherwise tells in how many milliseconds there is one.
    pub(super) fn take(&mut self, pace: Pace, now_ms: i64) -> Result<(), i64> {
        let after = self.full_at_ms.max(now_ms) + pace.every_ms;
        let most = now_ms + pace.burst * pace.every_ms;
        if after > most {
            return Err(after - most);
        }
        self.full_at_ms = after;
        Ok(())
    }

    /// Whether nothing was taken that has not come back.
    pub(super) fn is_full(self, now_ms: i64) -> bool {
        self.full_at_ms <= now_ms
    }
}

/// Buckets by somebody's name. Full ones are forgotten.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    pace: Pace,
    most: usize,
    busy: HashMap<K, Bucket>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// For at most so many at a time who are not at rest.
    pub(super) fn new(pace: Pace, most: usize) -> Self {
        Self { pace, most, busy: HashMap::new() }
    }

    /// Takes a token out of somebody's bucket; otherwise tells in how many milliseconds there is one. Where too many are busy, newcomers wait.
    pub(super) fn take(&mut self, who: K, now_ms: i64) -> Result<(), i64> {
        if !self.busy.contains_key(&who) && self.busy.len() >= self.most {
            self.busy.retain(|_, bucket| !bucket.is_full(now_ms));
            if self.busy.len() >= self.most {
                return Err(self.pace.every_ms);
            }
        }
        self.busy.entry(who).or_insert(Bucket::full(now_ms)).take(self.pace, now_ms)
    }
}

/// When somebody last did something that is to be done seldom: slow mode.
#[derive(Debug, Default)]
pub(super) struct Seldom<K>(HashMap<K, i64>);

/// Those who are remembered; beyond, the long past is forgotten.
const REMEMBERED: usize = 20_000;

impl<K: Hash + Eq> Seldom<K> {
    /// How long somebody has to wait, in milliseconds, when between two acts there are to be `apart_ms`.
    pub(super) fn wait_ms(&self, who: &K, apart_ms: i64, now_ms: i64) -> Option<i64> {
        let wait_ms = self.0.get(who)? + apart_ms - now_ms;
        (wait_ms > 0).then_some(wait_ms)
    }

    /// Somebody has done it now.
    pub(super) fn did(&mut self, who: K, now_ms: i64) {
        if self.0.len() >= REMEMBERED {
            let mut times: Vec<i64> = self.0.values().copied().collect();
            let (_, middle, _) = times.select_nth_unstable(REMEMBERED / 2);
            let middle = *middle;
            self.0.retain(|_, at_ms| *at_ms > middle);
        }
        self.0.insert(who, now_ms);
    }
}

/// What counts as one address: an IPv6 host has a whole /64 to itself.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACE: Pace = Pace { burst: 5, every_ms: 1000 };

    #[test]
    fn a_burst_then_one_at_a_time() {
        let mut bucket = Bucket::full(0);
        for _ in 0..5 {
            assert_eq!(bucket.take(PACE, 0), Ok(()));
        }
        assert_eq!(bucket.take(PACE, 0), Err(1000));
        assert_eq!(bucket.take(PACE, 400), Err(600));
        assert_eq!(bucket.take(PACE, 1000), Ok(()));
        assert_eq!(bucket.take(PACE, 1000), Err(1000));
        assert!(!bucket.is_full(5999) && bucket.is_full(6000));
    }

    proptest! {
        #[test]
        fn never_more_than_the_pace_and_never_a_wait_in_vain(steps in proptest::collection::vec(0..3000_i64, 1..200)) {
            let (mut bucket, mut now_ms, mut taken) = (Bucket::full(0), 0, Vec::new());
            for step in steps {
                now_ms += step;
                match bucket.take(PACE, now_ms) {
                    Ok(()) => taken.push(now_ms),
                    Err(wait_ms) => {
                        prop_assert!((1..=1000).contains(&wait_ms));
                        prop_assert_eq!(bucket.clone().take(PACE, now_ms + wait_ms), Ok(()));
                    }
                }
            }
            for (index, from) in taken.iter().enumerate() {
                let within = taken[index..].iter().filter(|at| **at - from < 10_000).count();
                prop_assert!(within <= 15, "{} within 10 s", within);
            }
        }
    }

    #[test]
    fn who_rests_is_forgotten_and_newcomers_wait_when_all_are_busy() {
        let mut buckets = Buckets::new(Pace { burst: 1, every_ms: 100 }, 2);
        assert_eq!(buckets.take("a", 0), Ok(()));
        assert_eq!(buckets.take("b", 0), Ok(()));
        assert_eq!(buckets.take("c", 0), Err(100));
        assert_eq!(buckets.take("a", 50), Err(50));
        assert_eq!(buckets.take("c", 100), Ok(()));
        assert_eq!(buckets.busy.len(), 1);
    }

    #[test]
    fn what_is_to_be_seldom_is() {
        let mut seldom = Seldom::default();
        assert_eq!(seldom.wait_ms(&1, 1000, 0), None);
        seldom.did(1, 0);
        assert_eq!((seldom.wait_ms(&1, 1000, 400), seldom.wait_ms(&1, 1000, 1000), seldom.wait_ms(&2, 1000, 400)), (Some(600), None, None));
        for who in 2..50_000 {
            seldom.did(who, i64::from(who));
        }
        assert!(seldom.0.len() <= REMEMBERED);
        assert!(seldom.wait_ms(&49_999, 1000, 49_999).is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_household() {
        let household = |text: &str| household(text.parse().unwrap()).to_string();
        assert_eq!(household("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(household("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(household("192.0.2.7"), "192.0.2.7");
    }
}
