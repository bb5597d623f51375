//! What a broadcast is doing and what follows from what happens. Pure: things that happen and times come in, effects go out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::media::source::Step;

/// Where a broadcast stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The meeting is not running yet.
    Waiting,
    /// The source is on its way into the meeting; the slate is out.
    Joining,
    /// The meeting's picture is going out.
    Live,
    /// It was live; the slate is out while the source is built again.
    Interrupted,
    /// Being taken down.
    Ending,
    /// Over.
    Ended,
}

/// Why a broadcast ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Somebody pressed Stop.
    Stopped,
    /// The meeting is over.
    MeetingEnded,
    /// A moderator removed the bot.
    Removed,
    /// A moderator did not let the bot in.
    Denied,
    /// It reached its longest duration.
    Limit,
    /// Something that no retry mends.
    Failed,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// BBB says that the meeting is running.
    MeetingRuns,
    /// BBB says for sure that the meeting is over.
    MeetingOver,
    /// The source has come this far.
    Step(Step),
    /// The program shows the source's picture, or does not.
    Shows(bool),
    /// The source has ended by itself.
    SourceEnded(Ending),
    /// The time for another try has come.
    RetryDue,
    /// Only the bot is left in the meeting, for as long as it may be.
    Empty,
    /// Somebody pressed Stop.
    Stop,
    /// Somebody pressed Pause (true) or Resume.
    Pause(bool),
    /// The longest duration is reached.
    Limit,
}

/// How a source ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The page shows that the meeting is over; the API has to agree.
    SaysOver,
    /// A moderator removed the bot.
    Removed,
    /// The bot was denied entry.
    Denied,
    /// Another join with the same user id took its place.
    Replaced,
    /// It broke; trying again may help.
    Broke,
    /// It broke for good.
    Unusable,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start a source.
    StartSource,
    /// Stop the source, if one runs.
    StopSource,
    /// Say [`Happened::RetryDue`] after this long.
    RetryIn(Duration),
    /// Ask BBB whether the meeting is over, and say [`Happened::MeetingOver`] if it is.
    AskWhetherOver,
    /// Take everything down; then the broadcast has ended.
    TakeDown,
}

/// A source that was shown this long earns a quick first retry again.
const STEADY_AFTER: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(15);

/// A broadcast's state.
#[derive(Clone, Debug)]
pub struct Machine {
    phase: Phase,
    step: Option<Step>,
    paused: bool,
    reason: Option<Reason>,
    tries: u32,
    source_runs: bool,
    shown_since: Option<Duration>,
}

impl Machine {
    /// A new broadcast. `waits` where a meeting has to run first; else the source starts at once. One that was live before a restart
    /// (`resumed`) is interrupted and goes straight back.
    pub fn new(waits: bool, paused: bool, resumed: bool) -> (Self, Vec<Effect>) {
        let waits = waits && !resumed;
        let phase = match (resumed, waits) {
            (true, _) => Phase::Interrupted,
            (false, true) => Phase::Waiting,
            (false, false) => Phase::Joining,
        };
        let machine = Self { phase, step: None, paused, reason: None, tries: 0, source_runs: !waits, shown_since: None };
        (machine, if waits { Vec::new() } else { vec![Effect::StartSource] })
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// More about it in a word.
    pub fn step(&self) -> Option<Step> {
        self.step
    }

    /// Whether it is paused.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// Why it ended or is ending.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// Everything has been taken down.
    pub fn taken_down(&mut self) {
        self.phase = Phase::Ended;
        self.step = None;
    }

    /// Takes in what happened at `now`.
    pub fn on(&mut self, happened: &Happened, now: Duration) -> Vec<Effect> {
        if matches!(self.phase, Phase::Ending | Phase::Ended) {
            return Vec::new();
        }
        match *happened {
            Happened::Stop => self.end(Reason::Stopped),
            Happened::Limit => self.end(Reason::Limit),
            Happened::MeetingOver | Happened::Empty => self.end(Reason::MeetingEnded),
            Happened::Pause(paused) => {
                self.paused = paused;
                Vec::new()
            }
            Happened::MeetingRuns if self.phase == Phase::Waiting => {
                self.phase = Phase::Joining;
                self.start()
            }
            Happened::RetryDue if !self.source_runs && self.phase != Phase::Waiting => self.start(),
            Happened::MeetingRuns | Happened::RetryDue => Vec::new(),
            Happened::Step(step) => {
                self.step = Some(step);
                Vec::new()
            }
            Happened::Shows(shows) => {
                self.shows(shows, now);
                Vec::new()
            }
            Happened::SourceEnded(ending) => self.source_ended(ending, now),
        }
    }

    fn start(&mut self) -> Vec<Effect> {
        self.source_runs = true;
        self.step = None;
        vec![Effect::StartSource]
    }

    fn shows(&mut self, shows: bool, now: Duration) {
        // A page is shown before the bot is in the meeting: the lobby or a loading page is no meeting.
        let joined = self.source_runs && matches!(self.step, Some(Step::Joined | Step::Audio | Step::AudioJoined));
        match (self.phase, shows && joined) {
            (Phase::Joining | Phase::Interrupted, true) => {
                self.phase = Phase::Live;
                self.shown_since = Some(now);
            }
            (Phase::Live, false) => {
                self.phase = Phase::Interrupted;
                self.shown_since = None;
            }
            _ => {}
        }
    }

    fn source_ended(&mut self, ending: Ending, now: Duration) -> Vec<Effect> {
        self.source_runs = false;
        self.step = None;
        match ending {
            Ending::Removed => return self.end(Reason::Removed),
            Ending::Denied => return self.end(Reason::Denied),
            Ending::Unusable => return self.end(Reason::Failed),
            Ending::SaysOver | Ending::Replaced | Ending::Broke => {}
        }
        if self.phase == Phase::Live {
            self.phase = Phase::Interrupted;
        }
        if self.shown_since.take().is_some_and(|since| now.saturating_sub(since) >= STEADY_AFTER) {
            self.tries = 0;
        }
        let mut wait = FIRST_RETRY.saturating_mul(2u32.saturating_pow(self.tries.min(8))).min(LONGEST_RETRY);
        self.tries += 1;
        let mut effects = Vec::new();
        match ending {
            // Whoever took the place must have time to leave it, or the two would throw each other out for ever.
            Ending::Replaced => wait = wait.max(Duration::from_secs(10)),
            Ending::SaysOver => {
                wait = wait.max(Duration::from_secs(2));
                effects.push(Effect::AskWhetherOver);
            }
            _ => {}
        }
        effects.push(Effect::RetryIn(wait));
        effects
    }

    fn end(&mut self, reason: Reason) -> Vec<Effect> {
        self.phase = Phase::Ending;
        self.step = None;
        self.reason = Some(reason);
        self.source_runs = false;
        vec![Effect::StopSource, Effect::TakeDown]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn live() -> Machine {
        let (mut machine, effects) = Machine::new(false, false, false);
        assert_eq!(effects, [Effect::StartSource]);
        machine.on(&Happened::Step(Step::Joined), s(1));
        machine.on(&Happened::Shows(true), s(1));
        assert_eq!(machine.phase(), Phase::Live);
        machine
    }

    #[test]
    fn a_meeting_is_waited_for() {
        let (mut machine, effects) = Machine::new(true, false, false);
        assert!(effects.is_empty());
        assert!(machine.on(&Happened::RetryDue, s(1)).is_empty());
        assert_eq!(machine.on(&Happened::MeetingRuns, s(5)), [Effect::StartSource]);
        assert_eq!(machine.phase(), Phase::Joining);
        assert!(machine.on(&Happened::MeetingRuns, s(6)).is_empty());
    }

    #[test]
    fn after_a_restart_a_live_broadcast_goes_straight_back() {
        let (machine, effects) = Machine::new(true, false, true);
        assert_eq!((machine.phase(), effects), (Phase::Interrupted, vec![Effect::StartSource]));
    }

    #[test]
    fn a_lobby_is_not_live() {
        let (mut machine, _) = Machine::new(false, false, false);
        machine.on(&Happened::Step(Step::Lobby), s(1));
        machine.on(&Happened::Shows(true), s(2));
        assert_eq!((machine.phase(), machine.step()), (Phase::Joining, Some(Step::Lobby)));
    }

    #[test]
    fn a_broken_source_is_built_again_ever_later_and_promptly_after_a_steady_time() {
        let mut machine = live();
        let mut waits = Vec::new();
        for _ in 0..8 {
            let effects = machine.on(&Happened::SourceEnded(Ending::Broke), s(2));
            let [Effect::RetryIn(wait)] = effects[..] else { panic!("{effects:?}") };
            waits.push(wait);
            assert_eq!(machine.phase(), Phase::Interrupted);
            assert_eq!(machine.on(&Happened::RetryDue, s(3)), [Effect::StartSource]);
        }
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]) && waits[7] == LONGEST_RETRY, "{waits:?}");
        machine.on(&Happened::Step(Step::Joined), s(10));
        machine.on(&Happened::Shows(true), s(10));
        assert_eq!(machine.on(&Happened::SourceEnded(Ending::Broke), s(100)), [Effect::RetryIn(FIRST_RETRY)]);
    }

    #[test]
    fn a_removed_bot_stays_out_and_a_replaced_one_is_not_removed() {
        for (ending, reason) in [(Ending::Removed, Reason::Removed), (Ending::Denied, Reason::Denied), (Ending::Unusable, Reason::Failed)] {
            let mut machine = live();
            assert_eq!(machine.on(&Happened::SourceEnded(ending), s(2)), [Effect::StopSource, Effect::TakeDown]);
            assert_eq!((machine.phase(), machine.reason()), (Phase::Ending, Some(reason)));
            assert!(machine.on(&Happened::RetryDue, s(3)).is_empty());
        }
        let mut machine = live();
        machine.on(&Happened::SourceEnded(Ending::Replaced), s(2));
        assert_eq!(machine.phase(), Phase::Interrupted);
    }

    #[test]
    fn the_page_alone_does_not_end_a_meeting() {
        let mut machine = live();
        assert_eq!(machine.on(&Happened::SourceEnded(Ending::SaysOver), s(2))[0], Effect::AskWhetherOver);
        assert_eq!(machine.phase(), Phase::Interrupted);
        machine.on(&Happened::MeetingOver, s(3));
        assert_eq!(machine.reason(), Some(Reason::MeetingEnded));
    }

    #[test]
    fn a_pause_is_no_interruption() {
        let mut machine = live();
        machine.on(&Happened::Pause(true), s(2));
        machine.on(&Happened::Shows(true), s(3));
        assert_eq!((machine.phase(), machine.paused()), (Phase::Live, true));
        machine.on(&Happened::Shows(false), s(4));
        assert_eq!(machine.phase(), Phase::Interrupted);
        machine.on(&Happened::Shows(true), s(5));
        assert_eq!((machine.phase(), machine.paused()), (Phase::Live, true));
    }

    fn anything() -> impl Strategy<Value = Happened> {
        prop_oneof![
            Just(Happened::MeetingRuns),
            Just(Happened::MeetingOver),
            Just(Happened::Step(Step::Joined)),
            Just(Happened::Step(Step::Lobby)),
            any::<bool>().prop_map(Happened::Shows),
            any::<bool>().prop_map(Happened::Pause),
            Just(Happened::RetryDue),
            Just(Happened::SourceEnded(Ending::Broke)),
            Just(Happened::SourceEnded(Ending::SaysOver)),
            Just(Happened::SourceEnded(Ending::Removed)),
            Just(Happened::Stop),
        ]
    }

    proptest! {
        #[test]
        fn never_two_sources_and_nothing_after_the_end(all in prop::collection::vec(anything(), 0..60), waits in any::<bool>()) {
            let (mut machine, effects) = Machine::new(waits, false, false);
            let mut runs = effects.contains(&Effect::StartSource);
            let mut over = false;
            for (index, happened) in all.into_iter().enumerate() {
                // A source that does not run cannot end.
                if matches!(happened, Happened::SourceEnded(_)) {
                    if !runs { continue; }
                    runs = false;
                }
                for effect in machine.on(&happened, s(index as u64)) {
                    prop_assert!(!over || effect == Effect::TakeDown);
                    match effect {
                        Effect::StartSource => { prop_assert!(!runs); runs = true; }
                        Effect::StopSource => { runs = false; over = true; }
                        _ => {}
                    }
                }
                prop_assert_eq!(over, machine.phase() == Phase::Ending);
                prop_assert_eq!(machine.reason().is_some(), over);
            }
        }
    }
}
