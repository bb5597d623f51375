//! What goes to the encoder next: the newest picture, the last one again, or the slate. Pure: times come in, decisions go out.

use std::time::Duration;

/// A source that has given no sign for this long is lost.
pub const LOST_AFTER: Duration = Duration::from_millis(300);
/// After a change pictures are repeated quickly for this long: receivers need the next picture to know how long the last one lasted. Not
/// at the full rate, or a repetition would take the place of a new picture that is a little late.
const BUSY_FOR: Duration = Duration::from_millis(500);
/// How often a picture that does not change is sent again.
const IDLE_EVERY: Duration = Duration::from_millis(100);

/// What to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// The picture that came last, for the first time.
    New,
    /// The picture that came last, once more.
    Again,
    /// The slate.
    Slate,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Give this to the encoder.
    Push(Show),
    /// Nothing until this running time, or until something happens.
    Wait(Duration),
}

/// Decides between picture and slate, and when. All times are running times of the broadcast's clock.
#[derive(Clone, Debug)]
pub struct Latch {
    period: Duration,
    pending: bool,
    last_sign: Option<Duration>,
    last_change: Option<Duration>,
    last_push: Option<Duration>,
    /// Earliest time of the next push, kept on the profile's grid so that jitter does not eat into the rate.
    due: Duration,
    on_slate: bool,
    paused: bool,
}

impl Latch {
    /// A latch that has seen nothing: it shows the slate.
    pub fn new(fps: u32) -> Self {
        let period = Duration::from_secs(1) / fps.max(1);
        Self {
            period,
            pending: false,
            last_sign: None,
            last_change: None,
            last_push: None,
            due: Duration::ZERO,
            on_slate: true,
            paused: false,
        }
    }

    /// A new picture has come.
    pub fn picture(&mut self, at: Duration) {
        self.pending = true;
        self.last_sign = self.last_sign.max(Some(at));
    }

    /// The source says that its last picture is still true. Means nothing before the first picture.
    pub fn unchanged(&mut self, at: Duration) {
        if self.last_sign.is_some() {
            self.last_sign = self.last_sign.max(Some(at));
        }
    }

    /// The source is known to be gone: no need to wait for [`LOST_AFTER`].
    pub fn lost(&mut self) {
        self.last_sign = None;
        self.pending = false;
    }

    /// Pauses or resumes; a paused broadcast shows the slate.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether the source's picture is what goes out.
    pub fn shows_source(&self, now: Duration) -> bool {
        !self.paused && self.source_alive(now)
    }

    /// Whether the source delivers, be it shown or not.
    pub fn source_alive(&self, now: Duration) -> bool {
        self.last_sign.is_some_and(|sign| now.saturating_sub(sign) <= LOST_AFTER)
    }

    /// What to do at `now`. After `Push` the caller pushes and asks again.
    pub fn decide(&mut self, now: Duration) -> Decision {
        let live = self.shows_source(now);
        let switches = live == self.on_slate;
        let fresh = live && self.pending;
        let busy = self.last_change.is_some_and(|change| now.saturating_sub(change) < BUSY_FOR);
        let repeat_at = self.last_push.map_or(now, |push| push + if busy { self.period * 3 / 2 } else { IDLE_EVERY.max(self.period) });
        let wanted_at = if fresh || switches { self.due } else { repeat_at.max(self.due) };
        if now < wanted_at {
            let lost_at = if live { self.last_sign.map(|sign| sign + LOST_AFTER + Duration::from_millis(1)) } else { None };
            return Decision::Wait(lost_at.map_or(wanted_at, |lost_at| wanted_at.min(lost_at)));
        }
        if fresh || switches {
            self.last_change = Some(now);
        }
        self.last_push = Some(now);
        // Never from `now` plus something: one late picture would move the grid for good, and all that follow would wait for it.
        // A repetition must not move the grid either: it stands in for a picture that did not come.
        let earliest = if fresh { now } else { now.saturating_sub(self.period) };
        self.due = (self.due + self.period).max(earliest);
        self.on_slate = !live;
        Decision::Push(if !live {
            Show::Slate
        } else if fresh {
            self.pending = false;
            Show::New
        } else {
            Show::Again
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Runs the latch from `from` to `to` with pictures at the given times; returns what was pushed when.
    fn run(latch: &mut Latch, pictures: &[u64], signs: &[u64], from: u64, to: u64) -> Vec<(u64, Show)> {
        let mut pushed = Vec::new();
        for now in from..to {
            if pictures.contains(&now) {
                latch.picture(ms(now));
            }
            if signs.contains(&now) {
                latch.unchanged(ms(now));
            }
            while let Decision::Push(show) = latch.decide(ms(now)) {
                pushed.push((now, show));
            }
        }
        pushed
    }

    #[test]
    fn begins_with_the_slate_and_shows_a_picture_at_once() {
        let mut latch = Latch::new(30);
        let pushed = run(&mut latch, &[700], &[], 0, 705);
        assert_eq!(pushed[0], (0, Show::Slate));
        assert_eq!(pushed.last(), Some(&(700, Show::New)));
    }

    #[test]
    fn a_lost_source_is_a_slate_within_a_third_of_a_second_and_back_at_once() {
        let mut latch = Latch::new(30);
        let pictures: Vec<u64> = (0..10).map(|i| 1000 + i * 33).chain([3000]).collect();
        let pushed = run(&mut latch, &pictures, &[], 0, 3010);
        let slate = pushed.iter().find(|(at, show)| *at > 1300 && *show == Show::Slate).unwrap();
        assert!((1590..=1640).contains(&slate.0), "{slate:?}");
        assert_eq!(pushed.last(), Some(&(3000, Show::New)));
    }

    #[test]
    fn a_screen_that_does_not_change_stays_and_costs_ten_pictures_a_second() {
        let mut latch = Latch::new(30);
        let signs: Vec<u64> = (0..100).map(|i| 1000 + i * 100).collect();
        let pushed = run(&mut latch, &[1000], &signs, 1000, 10_000);
        assert!(pushed.iter().all(|(_, show)| *show != Show::Slate));
        let quiet = pushed.iter().filter(|(at, _)| (5000..6000).contains(at)).count();
        assert!((9..=11).contains(&quiet), "{quiet}");
        let busy = pushed.iter().filter(|(at, _)| (1000..1400).contains(at)).count();
        assert!((8..=12).contains(&busy), "{busy}");
    }

    #[test]
    fn signs_without_a_picture_show_nothing() {
        let mut latch = Latch::new(30);
        assert!(run(&mut latch, &[], &[0, 100, 200], 0, 300).iter().all(|(_, show)| *show == Show::Slate));
    }

    #[test]
    fn paused_is_the_slate_whatever_comes() {
        let mut latch = Latch::new(30);
        latch.pause(true);
        let pictures: Vec<u64> = (0..30).map(|i| i * 33).collect();
        assert!(run(&mut latch, &pictures, &[], 0, 1000).iter().all(|(_, show)| *show == Show::Slate));
        latch.pause(false);
        assert_eq!(run(&mut latch, &[1000], &[], 1000, 1020)[0].1, Show::New);
    }

    #[test]
    fn after_one_late_picture_the_next_ones_do_not_wait() {
        let mut latch = Latch::new(30);
        let pictures: Vec<u64> = (0..90).map(|i| 1000 + i * 1000 / 30 + if i == 30 { 28 } else { 0 }).collect();
        let pushed = run(&mut latch, &pictures, &[], 0, 4100);
        let waits: Vec<u64> = pushed
            .iter()
            .filter(|(at, show)| *show == Show::New && *at > 2200)
            .map(|(at, _)| at - pictures.iter().rev().find(|picture| *picture <= at).unwrap())
            .collect();
        assert!(waits.len() > 40 && waits.iter().all(|wait| *wait <= 1), "{waits:?}");
    }

    #[test]
    fn jitter_does_not_eat_into_the_rate() {
        let mut latch = Latch::new(30);
        let pictures: Vec<u64> =
            (0..300).map(|i| 100 + i * 1000 / 30 + [0, 9, 3, 12, 1].into_iter().nth(usize::try_from(i).unwrap() % 5).unwrap()).collect();
        let pushed = run(&mut latch, &pictures, &[], 0, 10_100);
        let fresh = pushed.iter().filter(|(_, show)| *show == Show::New).count();
        assert!(fresh >= 297, "{fresh} of 300");
    }

    proptest! {
        #[test]
        fn never_faster_than_the_profile_and_never_silent(mut pictures in prop::collection::vec(0u64..5000, 0..400), fps in 5u32..61) {
            pictures.sort_unstable();
            let mut latch = Latch::new(fps);
            let pushed = run(&mut latch, &pictures, &[], 0, 5000);
            prop_assert!(pushed.len() <= 5 * fps as usize + 2);
            let gap = pushed.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or(0);
            prop_assert!(gap <= 101 + 1000 / u64::from(fps), "gap of {} ms", gap);
        }

        #[test]
        fn a_wait_always_ends_in_the_future(at in 0u64..2000, sign in 0u64..2000) {
            let mut latch = Latch::new(30);
            latch.picture(ms(sign));
            let mut rounds = 0;
            loop {
                match latch.decide(ms(at.max(sign))) {
                    Decision::Wait(until) => { prop_assert!(until > ms(at.max(sign))); break; }
                    Decision::Push(_) => rounds += 1,
                }
                prop_assert!(rounds < 3);
            }
        }
    }
}
