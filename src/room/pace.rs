//! How often an address may do something: a bucket that fills again. Pure, with time passed in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Addresses that are remembered; beyond, those with the fullest buckets are forgotten.
const ADDRESSES: usize = 10_000;

/// Buckets by address; an IPv6 customer has a whole /64 and one bucket.
pub(super) struct Pace {
    buckets: BTreeMap<IpAddr, (f64, Instant)>,
    size: f64,
    per_s: f64,
}

impl Pace {
    /// For registrations: a lecture hall behind one address comes within minutes.
    pub(super) fn of_registrations() -> Self {
        Self::new(120.0, 1.0)
    }

    fn new(size: f64, per_s: f64) -> Self {
        Self { buckets: BTreeMap::new(), size, per_s }
    }

    /// Takes one out of an address's bucket, or gives the wait until there is one.
    pub(super) fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = network(address);
        let level = self.level(address, now);
        if level < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - level) / self.per_s));
        }
        if self.buckets.len() >= ADDRESSES && !self.buckets.contains_key(&address) {
            self.make_room(now);
        }
        self.buckets.insert(address, (level - 1.0, now));
        Ok(())
    }

    fn level(&self, address: IpAddr, now: Instant) -> f64 {
        let filled = |(level, since): &(f64, Instant)| level + now.saturating_duration_since(*since).as_secs_f64() * self.per_s;
        self.buckets.get(&address).map_or(self.size, filled).min(self.size)
    }

    fn make_room(&mut self, now: Instant) {
        let (size, per_s) = (self.size, self.per_s);
        let filled = |level: f64, since: Instant| level + now.saturating_duration_since(since).as_secs_f64() * per_s;
        self.buckets.retain(|_, (level, since)| filled(*level, *since) < size);
        if self.buckets.len() < ADDRESSES {
            return;
        }
        let mut levels: Vec<f64> = self.buckets.values().map(|(level, since)| filled(*level, *since)).collect();
        let middle = levels.len() / 2;
        let (_, middle, _) = levels.select_nth_unstable_by(middle, f64::total_cmp);
        let middle = *middle;
        self.buckets.retain(|_, (level, since)| filled(*level, *since) < middle);
        if self.buckets.len() >= ADDRESSES {
            self.buckets.clear();
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => IpAddr::from((u128::from(address) >> 64 << 64).to_be_bytes()),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hall_comes_at_once_and_a_flood_waits() {
        let (mut pace, mut now) = (Pace::of_registrations(), Instant::now());
        let hall = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..120 {
            assert_eq!(pace.take(hall, now), Ok(()));
        }
        let wait = pace.take(hall, now).unwrap_err();
        assert!(wait <= Duration::from_secs(1) && !wait.is_zero());
        assert_eq!(pace.take(IpAddr::from([192, 0, 2, 2]), now), Ok(()));
        now += Duration::from_millis(1001);
        assert_eq!(pace.take(hall, now), Ok(()));
        assert!(pace.take(hall, now).is_err());
    }

    #[test]
    fn neighbours_in_an_ipv6_network_share_a_bucket_and_memory_is_bounded() {
        let (mut pace, start) = (Pace::new(1.0, 0.001), Instant::now());
        assert_eq!(pace.take("2001:db8::1".parse().unwrap(), start), Ok(()));
        assert!(pace.take("2001:db8::2".parse().unwrap(), start).is_err());
        for index in 0..25_000u32 {
            let _ = pace.take(IpAddr::from((0x0a00_0000 + index).to_be_bytes()), start);
            assert!(pace.buckets.len() <= ADDRESSES);
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_bucket_and_what_filled_it(pauses_ms in proptest::collection::vec(0..3000u64, 1..200)) {
            let (mut pace, start) = (Pace::new(5.0, 1.0), Instant::now());
            let (mut now, mut taken) = (start, 0.0);
            for pause in pauses_ms {
                now += Duration::from_millis(pause);
                if pace.take(IpAddr::from([10, 0, 0, 1]), now).is_ok() {
                    taken += 1.0;
                }
                prop_assert!(taken <= 5.0 + (now - start).as_secs_f64() + 1e-6);
            }
        }
    }
}
