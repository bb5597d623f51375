//! Slows down those who guess passwords: a pure table of failures, per name and per address, with time passed in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Names and addresses that are remembered; beyond, the longest untouched are forgotten.
const ENTRIES: usize = 10_000;
/// Failures are forgotten after so long without another.
const MEMORY: Duration = Duration::from_mins(15);

/// How patient we are with one key.
#[derive(Clone, Copy)]
struct Patience {
    /// Failures without a wait.
    free: u32,
    /// The longest wait.
    longest: Duration,
}

/// A name's wait stays short, so that nobody can lock somebody else out for long.
const NAME: Patience = Patience { free: 5, longest: Duration::from_secs(30) };
/// Many people may share an address.
const ADDRESS: Patience = Patience { free: 20, longest: Duration::from_mins(15) };
/// Of a million codes three are right at any time.
const CODE: Patience = Patience { free: 5, longest: Duration::from_mins(15) };
/// Nobody's letter box is to be filled.
const LETTER: Patience = Patience { free: 3, longest: Duration::from_mins(15) };
/// A room's password is typed by hundreds at once, some of them wrong.
const ROOM: Patience = Patience { free: 300, longest: Duration::from_secs(5) };
/// A whole lecture hall may share an address.
const HALL: Patience = Patience { free: 60, longest: Duration::from_mins(1) };

impl Patience {
    /// The wait after so many failures: none, then 1 s, 2 s, 4 s… up to the longest.
    fn wait(self, failures: u32) -> Duration {
        let Some(beyond) = failures.checked_sub(self.free) else { return Duration::ZERO };
        Duration::from_secs(1 << beyond.min(20)).min(self.longest)
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Name(String),
    /// An IPv6 customer has a whole /64.
    Address(IpAddr),
}

struct Failures {
    count: u32,
    last: Instant,
}

/// The table.
pub(super) struct Throttle {
    entries: BTreeMap<Key, Failures>,
    name: Patience,
    address: Patience,
}

impl Throttle {
    /// For logins, by user name.
    pub(super) fn of_logins() -> Self {
        Self { entries: BTreeMap::new(), name: NAME, address: ADDRESS }
    }

    /// For the codes of second factors, by user: whoever guesses these knows the password already.
    pub(super) fn of_codes() -> Self {
        Self { entries: BTreeMap::new(), name: CODE, address: ADDRESS }
    }

    /// For letters with links, by what was typed as a name.
    pub(super) fn of_letters() -> Self {
        Self { entries: BTreeMap::new(), name: LETTER, address: ADDRESS }
    }

    /// For the passwords of rooms, by room.
    pub(super) fn of_rooms() -> Self {
        Self { entries: BTreeMap::new(), name: ROOM, address: HALL }
    }

    /// Begins an attempt: gives the wait where it is too early, and otherwise counts it as failed until [`succeeded`](Self::succeeded).
    /// Counting first leaves nothing to many attempts at once.
    pub(super) fn attempt(&mut self, name: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let keys = keys(name, address);
        let wait = keys.iter().map(|key| self.wait(key, now)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        for key in keys {
            self.fail(key, now);
        }
        Ok(())
    }

    /// Forgets the failures of a name, and this one attempt of the address: a guesser's own account must not clear the address.
    pub(super) fn succeeded(&mut self, name: &str, address: IpAddr) {
        let [name, address] = keys(name, address);
        self.entries.remove(&name);
        if let Some(failures) = self.entries.get_mut(&address) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    /// Takes one attempt back, which was none.
    pub(super) fn take_back(&mut self, name: &str, address: IpAddr) {
        for key in keys(name, address) {
            if let Some(failures) = self.entries.get_mut(&key) {
                failures.count = failures.count.saturating_sub(1);
            }
        }
    }

    fn wait(&self, key: &Key, now: Instant) -> Duration {
        let Some(failures) = self.entries.get(key) else { return Duration::ZERO };
        let passed = now.saturating_duration_since(failures.last);
        if passed >= MEMORY { Duration::ZERO } else { self.patience(key).wait(failures.count).saturating_sub(passed) }
    }

    fn patience(&self, key: &Key) -> Patience {
        match key {
            Key::Name(_) => self.name,
            Key::Address(_) => self.address,
        }
    }

    fn fail(&mut self, key: Key, now: Instant) {
        if self.entries.len() >= ENTRIES && !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        let failures = self.entries.entry(key).or_insert(Failures { count: 0, last: now });
        if now.saturating_duration_since(failures.last) >= MEMORY {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// Forgets what is over, or else the older half: one pass for thousands of attempts.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, failures| now.saturating_duration_since(failures.last) < MEMORY);
        if self.entries.len() < ENTRIES {
            return;
        }
        let mut times: Vec<Instant> = self.entries.values().map(|failures| failures.last).collect();
        let middle = times.len() / 2;
        let (_, middle, _) = times.select_nth_unstable(middle);
        let middle = *middle;
        self.entries.retain(|_, failures| failures.last > middle);
    }
}

fn keys(name: &str, address: IpAddr) -> [Key; 2] {
    let address = match address {
        IpAddr::V6(address) => IpAddr::from((u128::from(address) >> 64 << 64).to_be_bytes()),
        IpAddr::V4(_) => address,
    };
    // A name longer than any real one is still one name, and no more memory.
    [Key::Name(name.chars().take(64).collect::<String>().to_ascii_lowercase()), Key::Address(address)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_name_waits_ever_longer_but_never_long() {
        let (mut throttle, mut now) = (Throttle::of_logins(), Instant::now());
        for _ in 0..5 {
            assert_eq!(throttle.attempt("Admin", address(1), now), Ok(()));
        }
        let mut waits = Vec::new();
        for from in 2..9 {
            let wait = throttle.attempt("admin", address(from), now).unwrap_err();
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(throttle.attempt("admin", address(from), now), Ok(()));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(throttle.attempt("somebody", address(1), now), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_names_waits_too() {
        let (mut throttle, now) = (Throttle::of_logins(), Instant::now());
        for name in 0..20 {
            assert_eq!(throttle.attempt(&format!("user{name}"), address(1), now), Ok(()));
        }
        assert!(throttle.attempt("user99", address(1), now).is_err());
        assert_eq!(throttle.attempt("user99", address(2), now), Ok(()));
    }

    #[test]
    fn a_neighbour_in_the_same_ipv6_network_is_the_same() {
        let (mut throttle, now) = (Throttle::of_logins(), Instant::now());
        for host in 0..20u16 {
            let address = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]);
            assert_eq!(throttle.attempt(&format!("user{host}"), address, now), Ok(()));
        }
        assert!(throttle.attempt("user99", "2001:db8:0:1::ffff".parse().unwrap(), now).is_err());
        assert!(throttle.attempt("user99", "2001:db8:0:2::1".parse().unwrap(), now).is_ok());
    }

    #[test]
    fn success_and_time_forgive() {
        let (mut throttle, now) = (Throttle::of_logins(), Instant::now());
        for _ in 0..5 {
            throttle.attempt("admin", address(1), now).unwrap();
        }
        assert!(throttle.attempt("admin", address(1), now).is_err());
        assert_eq!(throttle.attempt("admin", address(1), now + MEMORY), Ok(()));
        for _ in 0..100 {
            throttle.attempt("other", address(2), now).unwrap();
            throttle.succeeded("other", address(2));
        }
    }

    #[test]
    fn a_lecture_hall_enters_a_room_and_a_guesser_waits() {
        let (mut throttle, mut now) = (Throttle::of_rooms(), Instant::now());
        for student in 0..500 {
            assert_eq!(throttle.attempt("room", address(1), now), Ok(()), "{student}");
            // One in ten mistypes.
            if student % 10 != 0 {
                throttle.succeeded("room", address(1));
            }
        }
        let mut tried = 0;
        let end = now + Duration::from_hours(1);
        while now < end {
            match throttle.attempt("room", address(2), now) {
                Ok(()) => tried += 1,
                Err(wait) => now += wait,
            }
        }
        assert!(tried < 150, "{tried} guesses in an hour");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut throttle, start) = (Throttle::of_logins(), Instant::now());
        for index in 0..40_000u32 {
            let address = IpAddr::from((0x0a00_0000 + index).to_be_bytes());
            let _ = throttle.attempt(&format!("name{index}"), address, start + Duration::from_millis(u64::from(index)));
            assert!(throttle.entries.len() <= ENTRIES);
        }
    }
}
