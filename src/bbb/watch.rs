//! When a meeting is over: not at the first sign, as servers restart and answers get lost.

use std::time::{Duration, Instant};

use super::BbbError;
use super::answer::Meeting;

/// Two signs of the end must be so far apart.
const APART: Duration = Duration::from_secs(20);

/// What one look at the server showed of a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It runs.
    Running,
    /// It exists, nobody is in it.
    Idle,
    /// The server says that it was ended.
    Ended,
    /// The server knows no such meeting.
    Unknown,
    /// The server could not be asked: no evidence of anything.
    Unseen,
}

impl Sighting {
    /// What the answer to [`super::Client::meeting`] shows.
    pub fn of(answer: &Result<Meeting, BbbError>) -> Self {
        match answer {
            Ok(meeting) if meeting.forcibly_ended => Self::Ended,
            Ok(meeting) if meeting.running => Self::Running,
            Ok(_) => Self::Idle,
            Err(BbbError::NotFound) => Self::Unknown,
            Err(BbbError::MeetingEnded) => Self::Ended,
            Err(_) => Self::Unseen,
        }
    }
}

/// Tells when a meeting is over: when the server says so twice, 20 s apart, and nothing to the contrary in between. A meeting that has not
/// run yet is waited for, and may not even exist.
#[derive(Clone, Debug, Default)]
pub struct MeetingWatch {
    has_run: bool,
    run_id: Option<String>,
    first_sign: Option<Instant>,
    over: bool,
}

impl MeetingWatch {
    /// For a meeting that may not run yet.
    pub fn waiting() -> Self {
        Self::default()
    }

    /// For a meeting that was seen running.
    pub fn running() -> Self {
        Self { has_run: true, ..Self::default() }
    }

    /// Takes an answer of the server into account; true from when the meeting is over. A meeting that runs under the same id but is another
    /// run of it than the first one seen is a sign of the end too: what is on the air was not meant for those who meet there now.
    pub fn see(&mut self, answer: &Result<Meeting, BbbError>, at: Instant) -> bool {
        let sighting = match (Sighting::of(answer), answer) {
            (Sighting::Running, Ok(meeting)) if !meeting.internal_id.is_empty() => {
                let first = self.run_id.get_or_insert_with(|| meeting.internal_id.clone());
                if *first == meeting.internal_id { Sighting::Running } else { Sighting::Ended }
            }
            (sighting, _) => sighting,
        };
        self.note(sighting, at)
    }

    /// Takes a look into account; true from when the meeting is over.
    pub fn note(&mut self, sighting: Sighting, at: Instant) -> bool {
        let sign = match sighting {
            Sighting::Unseen => return self.over,
            Sighting::Running => {
                self.has_run = true;
                false
            }
            Sighting::Ended => true,
            Sighting::Idle | Sighting::Unknown => self.has_run,
        };
        match self.first_sign {
            _ if !sign => self.first_sign = None,
            None => self.first_sign = Some(at),
            Some(first) => self.over |= at.saturating_duration_since(first) >= APART,
        }
        self.over
    }

    /// Whether it was ever seen running.
    pub fn has_run(&self) -> bool {
        self.has_run
    }

    /// Whether it is over. It stays so: a meeting that starts anew under the same id is another one.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use Sighting::{Ended, Idle, Running, Unknown, Unseen};
    use proptest::prelude::*;

    use super::*;

    fn run(mut watch: MeetingWatch, looks: &[(u64, Sighting)]) -> Vec<bool> {
        let start = Instant::now();
        looks.iter().map(|(second, sighting)| watch.note(*sighting, start + Duration::from_secs(*second))).collect()
    }

    #[test]
    fn two_signs_twenty_seconds_apart_are_the_end() {
        for sign in [Idle, Ended, Unknown] {
            assert_eq!(
                run(MeetingWatch::running(), &[(0, sign), (10, sign), (19, sign), (20, sign)]),
                [false, false, false, true],
                "{sign:?}"
            );
        }
        assert_eq!(run(MeetingWatch::waiting(), &[(0, Running), (5, Idle), (15, Unknown), (30, Ended)]), [false, false, false, true]);
    }

    #[test]
    fn a_contrary_answer_begins_anew_and_silence_counts_for_nothing() {
        assert_eq!(run(MeetingWatch::running(), &[(0, Ended), (10, Running), (21, Ended), (40, Ended)]), [false; 4]);
        assert_eq!(run(MeetingWatch::running(), &[(0, Unseen), (30, Unseen), (600, Unseen)]), [false; 3]);
        assert_eq!(run(MeetingWatch::running(), &[(0, Ended), (25, Unseen), (30, Ended)]), [false, false, true]);
    }

    #[test]
    fn a_meeting_that_has_not_begun_is_waited_for() {
        assert_eq!(run(MeetingWatch::waiting(), &[(0, Unknown), (60, Unknown), (120, Idle), (600, Idle)]), [false; 4]);
        assert_eq!(run(MeetingWatch::waiting(), &[(0, Ended), (60, Ended)]), [false, true]);
    }

    #[test]
    fn another_run_under_the_same_id_is_not_the_meeting() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let meeting = |internal_id: &str| {
            let xml = format!("<r><meetingID>m</meetingID><internalMeetingID>{internal_id}</internalMeetingID><running>true</running></r>");
            Meeting::read(&super::super::xml::Element::parse(&xml).unwrap()).ok_or(BbbError::NotFound)
        };
        let mut watch = MeetingWatch::waiting();
        let looks = [(0, meeting("x-1")), (10, Err(BbbError::NotFound)), (20, meeting("x-2")), (29, meeting("x-2")), (30, meeting("x-2"))];
        let over = looks.map(|(second, answer)| watch.see(&answer, at(second)));
        assert_eq!(over, [false, false, false, false, true]);
        assert!(watch.has_run() && watch.is_over());
        let mut watch = MeetingWatch::waiting();
        assert_eq!(
            [(0, meeting("")), (30, meeting("x")), (60, meeting("x"))].map(|(second, answer)| watch.see(&answer, at(second))),
            [false; 3]
        );
    }

    proptest! {
        #[test]
        fn it_is_never_over_without_two_signs_and_stays_over(looks in prop::collection::vec((0..15u64, 0..5usize), 0..60)) {
            let start = Instant::now();
            let mut watch = MeetingWatch::running();
            let mut second = 0;
            let mut signs: Vec<u64> = Vec::new();
            let mut was_over = false;
            for (step, kind) in looks {
                second += step;
                let sighting = [Running, Idle, Ended, Unknown, Unseen][kind];
                match sighting {
                    Running => signs.clear(),
                    Unseen => {}
                    _ => signs.push(second),
                }
                let over = watch.note(sighting, start + Duration::from_secs(second));
                prop_assert!(over || !was_over);
                if over && !was_over {
                    prop_assert!(signs.last().unwrap() - signs.first().unwrap() >= 20);
                }
                was_over = over;
            }
        }
    }
}
