//! What was seen of an origin and its edges, and what follows from it. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer::StreamDetail;

/// What an edge said last counts for so long after it fell silent; then its viewers are left out.
pub const COUNTS_FOR: Duration = Duration::from_secs(30);
/// What an origin said last is believed for so long after it fell silent; then nothing is known.
const LISTED_FOR: Duration = Duration::from_secs(15);
/// A push needs a second or two until it is listed; what takes longer than this was not taken.
const LISTED_WITHIN: Duration = Duration::from_secs(6);

/// A stream of an application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream {
    /// The application.
    pub app: String,
    /// The public name.
    pub name: String,
}

/// How a server answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It was not asked yet.
    #[default]
    Unasked,
    /// As it should.
    Up,
    /// It does not; why, in a stable word and a sentence.
    Down(&'static str, String),
}

/// What a stream is like, and when that was asked.
pub type Detail = (Instant, Arc<StreamDetail>);

/// An answer to "is it there?".
#[derive(Clone, Debug)]
pub struct Listing {
    /// Whether it is.
    pub listed: bool,
    /// When it was asked.
    pub asked: Instant,
    /// What it is like.
    pub detail: Option<Detail>,
}

/// How many watch a stream at a server.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The number.
    pub viewers: u64,
    /// When it was asked for.
    pub asked: Instant,
}

/// What is known of one server.
#[derive(Clone, Debug, Default)]
pub struct ServerSeen {
    /// How it answers.
    pub health: Health,
    /// Of origins.
    pub listings: HashMap<Stream, Listing>,
    /// Of edges, and of origins that have none.
    pub readings: HashMap<Stream, Reading>,
}

/// What is known of an origin and its edges.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What people call it.
    pub name: String,
    /// The origin itself; `None` where it has no API.
    pub origin: Option<ServerSeen>,
    /// Its edges by name.
    pub edges: BTreeMap<String, ServerSeen>,
}

impl Seen {
    /// Who watches a stream: summed over the edges, or at the origin where there are none. A server that fell silent counts with what it said
    /// last for [`COUNTS_FOR`].
    pub fn viewers(&self, stream: &Stream, now: Instant) -> u64 {
        let servers = self.edges.values().chain(self.origin.as_ref().filter(|_| self.edges.is_empty()));
        sum(servers.filter_map(|server| server.readings.get(stream)), now)
    }
}

/// The sum of what is fresh enough.
pub fn sum<'a>(readings: impl Iterator<Item = &'a Reading>, now: Instant) -> u64 {
    let fresh = readings.filter(|reading| now.saturating_duration_since(reading.asked) <= COUNTS_FOR);
    fresh.fold(0, |sum, reading| sum.saturating_add(reading.viewers))
}

/// Whether a target is really live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody can tell.
    Unknown,
    /// Not yet, which means nothing.
    Pending,
    /// It is.
    Listed,
    /// Data goes out, and the origin has no such stream.
    NotListed,
}

/// Whether a target whose output went live at `live_since` is really live.
pub fn judge(listing: Option<&Listing>, live_since: Option<Instant>, now: Instant) -> Verdict {
    match (listing.filter(|listing| now.saturating_duration_since(listing.asked) <= LISTED_FOR), live_since) {
        (None, _) => Verdict::Unknown,
        (Some(listing), _) if listing.listed => Verdict::Listed,
        (Some(listing), Some(since)) if listing.asked >= since + LISTED_WITHIN => Verdict::NotListed,
        (Some(_), _) => Verdict::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream() -> Stream {
        Stream { app: "app".into(), name: "s".into() }
    }

    fn server(viewers: u64, asked: Instant) -> ServerSeen {
        ServerSeen { readings: [(stream(), Reading { viewers, asked })].into(), ..ServerSeen::default() }
    }

    #[test]
    fn edges_are_summed_and_an_edge_is_no_viewer_of_the_origin() {
        let now = Instant::now();
        let edges = [("one".to_owned(), server(3, now)), ("two".to_owned(), server(4, now))].into();
        let seen = Seen { name: "o".into(), origin: Some(server(100, now)), edges };
        assert_eq!(seen.viewers(&stream(), now), 7);
        assert_eq!(seen.viewers(&Stream { name: "other".into(), ..stream() }, now), 0);
        let alone = Seen { edges: BTreeMap::new(), ..seen };
        assert_eq!(alone.viewers(&stream(), now), 100);
    }

    #[test]
    fn a_silent_edge_counts_for_half_a_minute() {
        let now = Instant::now();
        let edges = [("one".to_owned(), server(3, now)), ("two".to_owned(), server(4, now + Duration::from_secs(20)))].into();
        let seen = Seen { edges, ..Seen::default() };
        for (later_s, viewers) in [(0, 7), (30, 7), (31, 4), (50, 4), (51, 0)] {
            assert_eq!(seen.viewers(&stream(), now + Duration::from_secs(later_s)), viewers, "after {later_s} s");
        }
    }

    #[test]
    fn only_an_answer_that_came_late_enough_says_that_a_stream_is_not_there() {
        let live = Instant::now();
        let at = |seconds: u64| live + Duration::from_secs(seconds);
        let listing = |listed: bool, asked: Instant| Listing { listed, asked, detail: None };
        assert_eq!(judge(None, Some(live), at(60)), Verdict::Unknown);
        assert_eq!(judge(Some(&listing(false, at(2))), Some(live), at(3)), Verdict::Pending);
        // Late, but asked early.
        assert_eq!(judge(Some(&listing(false, at(5))), Some(live), at(9)), Verdict::Pending);
        assert_eq!(judge(Some(&listing(false, at(6))), Some(live), at(6)), Verdict::NotListed);
        // The API fell silent: nothing is known.
        assert_eq!(judge(Some(&listing(false, at(6))), Some(live), at(22)), Verdict::Unknown);
        assert_eq!(judge(Some(&listing(true, at(6))), Some(live), at(22)), Verdict::Unknown);
        assert_eq!(judge(Some(&listing(true, at(6))), Some(live), at(7)), Verdict::Listed);
        // Nothing goes out: there is nothing to be listed.
        assert_eq!(judge(Some(&listing(false, at(6))), None, at(7)), Verdict::Pending);
    }

    proptest! {
        #[test]
        fn nobody_is_called_missing_in_the_first_seconds(asked_ms in 0u64..60_000, live_ms in 0u64..60_000, now_ms in 0u64..120_000) {
            let zero = Instant::now();
            let at = |ms: u64| zero + Duration::from_millis(ms);
            let listing = Listing { listed: false, asked: at(asked_ms), detail: None };
            if judge(Some(&listing), Some(at(live_ms)), at(now_ms.max(asked_ms))) == Verdict::NotListed {
                prop_assert!(asked_ms >= live_ms + 6000);
            }
        }

        #[test]
        fn the_sum_never_overflows(viewers in prop::collection::vec(any::<u64>(), 0..40)) {
            let now = Instant::now();
            let readings: Vec<Reading> = viewers.iter().map(|viewers| Reading { viewers: *viewers, asked: now }).collect();
            let wide: u128 = viewers.iter().map(|viewers| u128::from(*viewers)).sum();
            prop_assert_eq!(u128::from(sum(readings.iter(), now)), wide.min(u128::from(u64::MAX)));
        }
    }
}
