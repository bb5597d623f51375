//! Who is in a room. Pure: times come in, and what is to be written down goes out.

use std::collections::HashMap;
use std::net::IpAddr;

use uuid::Uuid;

/// Who comes back within this time was never away: a page that is loaded anew is no coming and going, and the count does not flutter.
const AWAY_MS: i64 = 10_000;

/// Somebody's time in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// Its id.
    pub(super) id: String,
    /// Who.
    pub(super) viewer_id: Uuid,
    /// What others know them by.
    pub(super) handle: String,
    /// Where from.
    pub(super) address: IpAddr,
    /// Since when, Unix milliseconds.
    pub(super) began_ms: i64,
    /// Until when, if it is over.
    pub(super) ended_ms: Option<i64>,
}

#[derive(Debug)]
struct Here {
    session: Session,
    sockets: u32,
    left_ms: Option<i64>,
    is_kept: bool,
}

/// Who is in a room.
#[derive(Debug, Default)]
pub(super) struct Presence {
    here: HashMap<Uuid, Here>,
    tally: Tally,
    over: Vec<(Session, bool)>,
}

/// What happened since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// The most that were there at a time.
    pub(super) peak: u64,
    /// How many came.
    pub(super) joined: u64,
    /// How many went.
    pub(super) parted: u64,
}

/// What is to be written down.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// Sessions that are new; some may be over already.
    pub(super) new: Vec<Session>,
    /// Sessions that are written down and are over.
    pub(super) over: Vec<Session>,
}

impl Presence {
    /// Somebody opens a connection.
    pub(super) fn join(&mut self, viewer_id: Uuid, handle: &str, address: IpAddr, now_ms: i64) {
        let tally = &mut self.tally;
        let here = self.here.entry(viewer_id).or_insert_with(|| {
            tally.joined += 1;
            let session = Session { id: crate::id::new(), viewer_id, handle: handle.to_owned(), address, began_ms: now_ms, ended_ms: None };
            Here { session, sockets: 0, left_ms: None, is_kept: false }
        });
        here.sockets += 1;
        here.left_ms = None;
        self.tally.peak = self.tally.peak.max(self.count());
    }

    /// One of their connections ends.
    pub(super) fn part(&mut self, viewer_id: Uuid, now_ms: i64) {
        if let Some(here) = self.here.get_mut(&viewer_id) {
            here.sockets = here.sockets.saturating_sub(1);
            if here.sockets == 0 {
                here.left_ms = Some(now_ms);
            }
        }
    }

    /// Lets those go who have been away for long enough; all of them at the `end`.
    pub(super) fn sweep(&mut self, now_ms: i64, end: bool) {
        let (over, tally) = (&mut self.over, &mut self.tally);
        self.here.retain(|_, here| {
            let left_ms = if end { Some(here.left_ms.unwrap_or(now_ms)) } else { here.left_ms.filter(|left| now_ms - left >= AWAY_MS) };
            if let Some(left_ms) = left_ms {
                tally.parted += 1;
                here.session.ended_ms = Some(left_ms.max(here.session.began_ms));
                over.push((here.session.clone(), here.is_kept));
            }
            left_ms.is_none()
        });
    }

    /// How many are there.
    pub(super) fn count(&self) -> u64 {
        self.here.len() as u64
    }

    /// What is to be written down since the last time.
    pub(super) fn ledger(&mut self) -> Ledger {
        let mut ledger = Ledger::default();
        for (session, is_kept) in self.over.drain(..) {
            if is_kept { ledger.over.push(session) } else { ledger.new.push(session) }
        }
        for here in self.here.values_mut().filter(|here| !here.is_kept) {
            here.is_kept = true;
            ledger.new.push(here.session.clone());
        }
        ledger
    }

    /// What happened since the last time.
    pub(super) fn tally(&mut self) -> Tally {
        let peak = self.count();
        std::mem::replace(&mut self.tally, Tally { peak, joined: 0, parted: 0 })
    }
}

/// Whether a new count is worth telling everybody, so many seconds after the last: in a small room always, in a large one when it moves by a
/// hundredth, or in the end.
pub(super) fn is_worth_telling(told: u64, now: u64, since_s: u32) -> bool {
    let moved = told.abs_diff(now);
    moved > 0 && (moved * 100 >= told.max(now) || since_s >= 15)
}

/// The milliseconds that several times in a room cover; what overlaps counts once. They come in the order of their beginnings.
pub(super) fn covered_ms(times: impl IntoIterator<Item = (i64, i64)>) -> i64 {
    let (mut sum, mut until) = (0, i64::MIN);
    for (began, ended) in times {
        sum += (ended - began.max(until)).max(0);
        until = until.max(ended);
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_reload_is_no_coming_and_going() {
        let mut presence = Presence::default();
        let anna = Uuid::from_u128(1);
        presence.join(anna, "a", HOME, 1000);
        presence.join(anna, "a", HOME, 2000);
        assert_eq!(presence.count(), 1);
        presence.part(anna, 3000);
        presence.part(anna, 4000);
        presence.sweep(4000 + AWAY_MS - 1, false);
        presence.join(anna, "a", HOME, 13_000);
        presence.sweep(60_000, false);
        assert_eq!((presence.count(), presence.tally()), (1, Tally { peak: 1, joined: 1, parted: 0 }));
        let began = presence.ledger().new;
        assert_eq!((began.len(), began[0].began_ms, began[0].ended_ms), (1, 1000, None));
        presence.part(anna, 70_000);
        presence.sweep(70_000 + AWAY_MS, false);
        let ledger = presence.ledger();
        assert_eq!((ledger.new.len(), ledger.over[0].ended_ms), (0, Some(70_000)));
        assert_eq!(presence.tally(), Tally { peak: 1, joined: 0, parted: 1 });
        assert_eq!(presence.ledger(), Ledger::default());
    }

    #[test]
    fn who_was_there_for_a_moment_is_written_once_and_whole() {
        let mut presence = Presence::default();
        presence.join(Uuid::from_u128(1), "a", HOME, 0);
        presence.sweep(500, true);
        let ledger = presence.ledger();
        assert_eq!((ledger.new.len(), ledger.over.len(), ledger.new[0].ended_ms), (1, 0, Some(500)));
    }

    #[test]
    fn large_rooms_hear_of_large_changes() {
        assert!(is_worth_telling(3, 4, 1) && is_worth_telling(100, 99, 1));
        assert!(!is_worth_telling(5, 5, 100) && !is_worth_telling(1000, 1005, 5));
        assert!(is_worth_telling(1000, 1011, 1) && is_worth_telling(1000, 1001, 15) && is_worth_telling(0, 1, 0));
    }

    proptest! {
        #[test]
        fn counts_are_of_people(acts in proptest::collection::vec((0..5_u128, any::<bool>(), 0..6000_i64), 0..100)) {
            let (mut presence, mut now_ms, mut open) = (Presence::default(), 0, [0_u32; 5]);
            let (mut new, mut over, mut joined, mut parted) = (0, 0, 0, 0);
            for (who, comes, step) in acts {
                now_ms += step;
                if comes {
                    presence.join(Uuid::from_u128(who), "x", HOME, now_ms);
                    open[who as usize] += 1;
                } else if open[who as usize] > 0 {
                    presence.part(Uuid::from_u128(who), now_ms);
                    open[who as usize] -= 1;
                }
                presence.sweep(now_ms, false);
                let there = open.iter().filter(|open| **open > 0).count() as u64;
                prop_assert!(presence.count() >= there && presence.count() <= 5);
                let ledger = presence.ledger();
                new += ledger.new.len();
                over += ledger.over.len() + ledger.new.iter().filter(|session| session.ended_ms.is_some()).count();
                let tally = presence.tally();
                (joined, parted) = (joined + tally.joined, parted + tally.parted);
            }
            presence.sweep(now_ms + 1, true);
            let ledger = presence.ledger();
            new += ledger.new.len();
            over += ledger.over.len() + ledger.new.len();
            let tally = presence.tally();
            prop_assert_eq!((new, joined + tally.joined), (over, parted + tally.parted));
            prop_assert_eq!(new as u64, joined + tally.joined);
        }

        #[test]
        fn overlapping_times_count_once(mut times in proptest::collection::vec((0..200_i64, 0..100_i64), 0..20)) {
            times.sort_unstable();
            let seconds: std::collections::BTreeSet<i64> = times.iter().flat_map(|(began, lasted)| *began..began + lasted).collect();
            let covered = covered_ms(times.iter().map(|(began, lasted)| (*began, began + lasted)));
            prop_assert_eq!(usize::try_from(covered), Ok(seconds.len()));
        }
    }
}
