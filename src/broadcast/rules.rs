//! When a broadcast ends by itself. Pure: what is seen and times come in, at most one verdict comes out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::Phase;

const MINUTE: Duration = Duration::from_mins(1);
/// Without a rule of its own a meeting that only the bot is left in is over after so many minutes.
const EMPTY_MINUTES: u32 = 5;
const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

/// When a broadcast ends by itself. What is left out does not end it, but for an empty meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "units stand in names")]
pub struct Rules {
    /// Minutes after the last person has left the meeting, 1 to 1440 (5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1440)]
    pub empty_minutes: Option<u32>,
    /// Minutes that it is on the air at most, 1 to 10080.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10080)]
    pub longest_minutes: Option<u32>,
    /// Minutes without a new picture and without a sound, 1 to 1440.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1440)]
    pub dead_minutes: Option<u32>,
}

impl Rules {
    /// Refuses impossible numbers, with the field and a sentence.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let all = [
            ("empty_minutes", self.empty_minutes, DAY),
            ("longest_minutes", self.longest_minutes, WEEK),
            ("dead_minutes", self.dead_minutes, DAY),
        ];
        for (field, minutes, most) in all {
            if minutes.is_some_and(|minutes| !(1..=most).contains(&minutes)) {
                return Err((field, format!("This is a number of minutes from 1 to {most}.")));
            }
        }
        Ok(())
    }

    /// How long a meeting may be empty.
    pub(super) fn empty_for(&self) -> Duration {
        MINUTE * self.empty_minutes.unwrap_or(EMPTY_MINUTES)
    }
}

/// An end by the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Until {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// The name of the schedule that says so.
    pub schedule: String,
}

/// All that ends a broadcast by itself, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What was asked for.
    #[serde(flatten)]
    pub rules: Rules,
    /// What a schedule says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

/// What is seen of a broadcast at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Since the session began; never goes back.
    pub(super) now: Duration,
    /// The clock on the wall, Unix milliseconds.
    pub(super) wall_ms: i64,
    pub(super) phase: Phase,
    pub(super) paused: bool,
    /// Whether the source has drawn anything since the last look.
    pub(super) new_picture: bool,
    pub(super) sound: bool,
}

/// Why a broadcast is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has been on the air for so many minutes.
    Longest(u32),
    /// Neither picture nor sound for so many minutes.
    Dead(u32),
    /// The schedule of this name says so.
    Scheduled(String),
}

impl Verdict {
    /// A stable word.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Longest(_) => "rule_longest",
            Self::Dead(_) => "rule_dead",
            Self::Scheduled(_) => "schedule_stop",
        }
    }

    /// A sentence.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Longest(minutes) => format!("It has been on the air for {minutes} min, the longest that was allowed: it ends."),
            Self::Dead(minutes) => format!("No new picture and no sound for {minutes} min: it ends, as its rule says."),
            Self::Scheduled(name) => format!("The schedule “{name}” ends it."),
        }
    }

    /// By whom, for the log of what was done.
    pub(super) fn actor(&self) -> String {
        match self {
            Self::Longest(_) => "rule: longest time".to_owned(),
            Self::Dead(_) => "rule: dead picture and silence".to_owned(),
            Self::Scheduled(name) => format!("schedule: {name}"),
        }
    }
}

/// Applies the terms of a broadcast to what is seen of it.
#[derive(Debug)]
pub(super) struct Watchman {
    terms: Terms,
    /// Time on the air before this session.
    before: Duration,
    live_since: Option<Duration>,
    dead_since: Option<Duration>,
    said: bool,
}

impl Watchman {
    /// `before` is how long ago the broadcast was first live, where it was before this session.
    pub(super) fn new(terms: Terms, before: Option<Duration>) -> Self {
        Self { terms, before: before.unwrap_or_default(), live_since: before.map(|_| Duration::ZERO), dead_since: None, said: false }
    }

    /// Takes in what is seen. Gives one verdict in all.
    pub(super) fn look(&mut self, look: &Look) -> Option<Verdict> {
        if self.said || matches!(look.phase, Phase::Ending | Phase::Ended) {
            return None;
        }
        if look.phase == Phase::Live {
            self.live_since.get_or_insert(look.now);
        }
        let dead = match look.phase {
            Phase::Live => !look.paused && !look.new_picture && !look.sound,
            Phase::Interrupted => !look.paused,
            _ => false,
        };
        self.dead_since = if dead { self.dead_since.or(Some(look.now)) } else { None };
        let verdict = self.verdict(look);
        self.said = verdict.is_some();
        verdict
    }

    fn verdict(&self, look: &Look) -> Option<Verdict> {
        if let Some(until) = self.terms.until.as_ref().filter(|until| look.wall_ms >= until.at_ms) {
            return Some(Verdict::Scheduled(until.schedule.clone()));
        }
        let lasted = |since: Option<Duration>, minutes: Option<u32>, before: Duration| {
            let (since, minutes) = (since?, minutes?);
            (look.now.saturating_sub(since) + before >= MINUTE * minutes).then_some(minutes)
        };
        let Rules { longest_minutes, dead_minutes, .. } = self.terms.rules;
        let longest = lasted(self.live_since, longest_minutes, self.before).map(Verdict::Longest);
        longest.or_else(|| lasted(self.dead_since, dead_minutes, Duration::ZERO).map(Verdict::Dead))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(seconds: u64) -> Look {
        Look { now: s(seconds), wall_ms: 0, phase: Phase::Live, paused: false, new_picture: true, sound: true }
    }

    fn rules(rules: Rules) -> Terms {
        Terms { rules, until: None }
    }

    #[test]
    fn the_longest_time_counts_from_the_first_live_and_over_restarts() {
        let terms = rules(Rules { longest_minutes: Some(2), ..Rules::default() });
        let mut man = Watchman::new(terms.clone(), None);
        assert_eq!(man.look(&Look { phase: Phase::Waiting, ..at(600) }), None);
        assert_eq!(man.look(&at(700)), None);
        assert_eq!(man.look(&at(819)), None);
        // Paused or interrupted, its time goes on.
        assert_eq!(man.look(&Look { phase: Phase::Interrupted, paused: true, ..at(820) }), Some(Verdict::Longest(2)));
        assert_eq!(man.look(&at(900)), None);
        let mut resumed = Watchman::new(terms, Some(s(100)));
        assert_eq!(resumed.look(&at(19)), None);
        assert_eq!(resumed.look(&at(20)), Some(Verdict::Longest(2)));
    }

    #[test]
    fn a_still_slide_with_a_voice_and_a_pause_are_not_dead() {
        let terms = rules(Rules { dead_minutes: Some(1), ..Rules::default() });
        let mut man = Watchman::new(terms, None);
        let dead = |seconds| Look { new_picture: false, sound: false, ..at(seconds) };
        assert_eq!(man.look(&dead(0)), None);
        assert_eq!(man.look(&Look { sound: true, ..dead(59) }), None);
        assert_eq!(man.look(&dead(60)), None);
        assert_eq!(man.look(&Look { paused: true, ..dead(119) }), None);
        assert_eq!(man.look(&dead(120)), None);
        assert_eq!(man.look(&Look { phase: Phase::Interrupted, ..at(170) }), None);
        assert_eq!(man.look(&dead(180)), Some(Verdict::Dead(1)));
    }

    #[test]
    fn the_clock_ends_what_still_waits() {
        let until = Some(Until { at_ms: 5_000, schedule: "Physics".into() });
        let mut man = Watchman::new(Terms { until, ..Terms::default() }, None);
        assert_eq!(man.look(&Look { phase: Phase::Waiting, wall_ms: 4_999, ..at(1) }), None);
        assert_eq!(man.look(&Look { phase: Phase::Waiting, wall_ms: 90_000, ..at(1) }), Some(Verdict::Scheduled("Physics".into())));
    }

    #[test]
    fn kept_terms_are_read_back_and_none_are_none() {
        let terms =
            Terms { rules: Rules { dead_minutes: Some(3), ..Rules::default() }, until: Some(Until { at_ms: 1, schedule: "a".into() }) };
        assert_eq!(serde_json::from_str::<Terms>(&serde_json::to_string(&terms).unwrap()).unwrap(), terms);
        assert_eq!(serde_json::from_str::<Terms>("{}").unwrap(), Terms::default());
        assert_eq!(Rules { empty_minutes: Some(0), ..Rules::default() }.check().unwrap_err().0, "empty_minutes");
        assert_eq!(Rules { longest_minutes: Some(10_081), ..Rules::default() }.check().unwrap_err().0, "longest_minutes");
    }

    fn seen() -> impl Strategy<Value = (u64, bool, bool, bool, Phase)> {
        let phase = prop_oneof![4 => Just(Phase::Live), 1 => Just(Phase::Interrupted), 1 => Just(Phase::Joining)];
        (1..40_u64, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), phase)
    }

    proptest! {
        #[test]
        fn dead_means_dead_for_the_whole_time(all in prop::collection::vec(seen(), 1..200), minutes in 1..3_u32) {
            let mut man = Watchman::new(rules(Rules { dead_minutes: Some(minutes), ..Rules::default() }), None);
            let (mut now, mut lives_at, mut verdicts) = (0, 0, 0);
            for (step, new_picture, sound, paused, phase) in all {
                now += step;
                let lives = paused || phase == Phase::Joining || (phase == Phase::Live && (new_picture || sound));
                if lives { lives_at = now; }
                match man.look(&Look { phase, paused, new_picture, sound, ..at(now) }) {
                    Some(verdict) => {
                        verdicts += 1;
                        prop_assert_eq!(verdict, Verdict::Dead(minutes));
                        prop_assert!(!lives && now - lives_at >= u64::from(minutes) * 60);
                    }
                    // Looks are up to 40 s apart here: one begins the time, another ends it.
                    None => prop_assert!(verdicts > 0 || lives || now - lives_at < u64::from(minutes) * 60 + 80),
                }
            }
            prop_assert!(verdicts <= 1);
        }

        #[test]
        fn without_terms_nothing_ends(all in prop::collection::vec(seen(), 1..100)) {
            let mut man = Watchman::new(Terms::default(), None);
            let mut now = 0;
            for (step, new_picture, sound, paused, phase) in all {
                now += step * 1000;
                let seen = Look { phase, paused, new_picture, sound, wall_ms: i64::MAX, ..at(now) };
                prop_assert_eq!(man.look(&seen), None);
            }
        }
    }
}
