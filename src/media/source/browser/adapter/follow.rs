//! Follows a bot through its meeting: from what the page shows to what is to be done. Pure; time is passed in.

use std::time::Duration;

use super::{Adapter, Click, Generation, Observation, Press, Target, When, ending};
use crate::media::source::Step;

/// How long sound may take before it is said that there is none.
const SOUND_WITHIN: Duration = Duration::from_mins(1);
/// How long a page that is not BBB's client may stay before the join is taken as refused.
const ELSEWHERE_FOR: Duration = Duration::from_secs(10);
/// A dialog that does not go away keeps the picture back no longer than this.
const DIALOG_FOR: Duration = Duration::from_secs(5);
/// How long sound that is being connected is left alone.
const CONNECTING_FOR: Duration = Duration::from_secs(20);
/// What was clicked needs some time to go.
const CLICK_AGAIN: Duration = Duration::from_millis(1500);
/// How long the client may try to reconnect.
const RECONNECT_WITHIN: Duration = Duration::from_secs(30);
/// How long nothing may be heard before it is said.
const SILENT_FOR: Duration = Duration::from_mins(1);
/// Below this, in dBFS, nothing is heard.
const AUDIBLE_DB: f32 = -70.0;

/// How the lobby tells that one is not let in.
const DENIED: &str = "guest denied";

const REFUSED: Verdict = Verdict::Broken("join_refused", "The server did not lead the bot to the meeting's page.");

/// What is heard of the browser at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Hearing {
    /// Streams it plays.
    pub(in super::super) playing: u64,
    /// The loudest of the last second, in dBFS.
    pub(in super::super) level_db: f32,
}

/// What has become of a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// The page shows that the meeting is over.
    Ended,
    /// A moderator removed it.
    Removed,
    /// It was not let in.
    Denied,
    /// Another with its user id came.
    Replaced,
    /// Something broke that a new attempt may mend: a stable word, and a sentence.
    Broken(&'static str, &'static str),
}

/// What to do about what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Decision {
    /// It has come this far; from [`Step::Joined`] on the picture goes out.
    pub(in super::super) steps: Vec<Step>,
    /// What an admin should read.
    pub(in super::super) notices: Vec<(&'static str, &'static str)>,
    /// What to click.
    pub(in super::super) press: Option<Press>,
    /// It is over.
    pub(in super::super) verdict: Option<Verdict>,
}

/// Where a bot is.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own that happens once")]
pub(in super::super) struct Follower {
    adapter: &'static Adapter,
    /// What the page measures when it fills the screen.
    size: (u32, u32),
    /// How long the meeting may take to show, counted from the page's load or the bot's admission.
    ready_within: Duration,
    step: Step,
    was_in_client: bool,
    /// Since when the meeting is awaited, shown, and so on.
    awaited: Duration,
    rendered: Option<Duration>,
    joined: Option<Duration>,
    sound: bool,
    elsewhere: Option<Duration>,
    connecting: Option<Duration>,
    disconnected: Option<Duration>,
    clicked: Option<(&'static Target, Duration)>,
    silent: Option<Duration>,
    silence_told: bool,
    no_sound_told: bool,
}

impl Follower {
    /// For a page of this generation, loaded at `now`, that measures `size` when it fills the screen.
    pub(in super::super) fn new(generation: Generation, size: (u32, u32), ready_within: Duration, now: Duration) -> Self {
        Self {
            adapter: generation.adapter(),
            size,
            ready_within,
            step: Step::Page,
            was_in_client: false,
            awaited: now,
            rendered: None,
            joined: None,
            sound: false,
            elsewhere: None,
            connecting: None,
            disconnected: None,
            clicked: None,
            silent: None,
            silence_told: false,
            no_sound_told: false,
        }
    }

    /// Takes what is seen and heard at `now`.
    pub(in super::super) fn look(&mut self, seen: &Observation, heard: Hearing, now: Duration) -> Decision {
        let mut decision = Decision { verdict: self.verdict(seen, now), ..Decision::default() };
        if decision.verdict.is_some() || !self.was_in_client || self.elsewhere.is_some() {
            return decision;
        }
        if self.is_in_lobby(seen) {
            self.awaited = now;
            self.go(Step::Lobby, &mut decision);
            return decision;
        }
        self.meet(seen, now, &mut decision);
        if self.rendered.is_some() {
            self.listen(seen, heard, now, &mut decision);
            self.press(seen, now, &mut decision);
            self.keep_connected(seen, now, &mut decision);
        } else if now >= self.awaited + self.ready_within {
            decision.verdict = Some(Verdict::Broken("page_not_ready", "The meeting did not show in time."));
        }
        decision
    }

    fn verdict(&mut self, seen: &Observation, now: Duration) -> Option<Verdict> {
        if seen.scheme == "chrome-error:" {
            return Some(Verdict::Broken("page_unreachable", "The meeting's page cannot be loaded any more."));
        }
        if seen.scheme == "about:" || !seen.loaded {
            let late = self.rendered.is_none() && now >= self.awaited + self.ready_within;
            return late.then_some(Verdict::Broken("page_not_ready", "The page did not load in time."));
        }
        let words = self.last_words(seen);
        if let Some(words) = &words
            && let Some(verdict) = ending::read(words)
        {
            return Some(verdict);
        }
        if seen.sees_any(self.adapter.ended) {
            // In words that we do not know; whoever asks the API finds out whether it is the meeting or only us.
            return Some(Verdict::Ended);
        }
        if words.is_some() {
            return Some(Verdict::Broken("page_error", "The meeting's page shows an error."));
        }
        if seen.path.contains(self.adapter.client_path) {
            self.was_in_client = true;
            self.elsewhere = None;
            return None;
        }
        if self.was_in_client {
            return Some(Verdict::Ended);
        }
        if !seen.refusal.is_empty() {
            return Some(ending::read(&seen.refusal).unwrap_or(REFUSED));
        }
        let since = *self.elsewhere.get_or_insert(now);
        (now >= since + ELSEWHERE_FOR).then_some(REFUSED)
    }

    /// What a page says at its end; a denial in the lobby is said in the lobby's own place.
    fn last_words(&self, seen: &Observation) -> Option<String> {
        let ended = [self.adapter.ended, self.adapter.broken].concat();
        if seen.sees_any(&ended) {
            return Some(format!("{} {}", seen.text_of(&ended), seen.error.as_deref().unwrap_or_default()));
        }
        if seen.sees_any(self.adapter.lobby) {
            // The same place holds what moderators write to those who wait, which may be anything.
            let words = seen.text_of(self.adapter.lobby);
            return words.to_lowercase().starts_with(DENIED).then_some(words);
        }
        seen.error.clone()
    }

    fn is_in_lobby(&self, seen: &Observation) -> bool {
        seen.sees_any(self.adapter.lobby) || seen.queue || self.adapter.lobby_path.is_some_and(|path| seen.path.ends_with(path))
    }

    fn meet(&mut self, seen: &Observation, now: Duration, decision: &mut Decision) {
        if self.rendered.is_none() && (seen.layout || seen.sees_any(self.adapter.meeting)) {
            self.rendered = Some(now);
        }
        let Some(rendered) = self.rendered else { return };
        if self.joined.is_none() {
            let clear = !self.is_covered(seen) && seen.width >= self.size.0 && seen.height >= self.size.1;
            if clear || now >= rendered + DIALOG_FOR {
                self.joined = Some(now);
                self.go(Step::Joined, decision);
                self.go(Step::Audio, decision);
            }
        }
    }

    fn listen(&mut self, seen: &Observation, heard: Hearing, now: Duration, decision: &mut Decision) {
        if !self.sound && heard.playing > 0 && !seen.sees("audioModal") && self.joined.is_some() {
            self.sound = true;
            self.go(Step::AudioJoined, decision);
        }
        let since = self.rendered.unwrap_or(now);
        if !self.sound && !self.no_sound_told && now >= since + SOUND_WITHIN {
            self.no_sound_told = true;
            decision.notices.push(("audio_missing", "The page has played no sound for 60 seconds; it goes on without."));
        }
        if !self.sound {
            return;
        }
        if heard.playing > 0 && heard.level_db > AUDIBLE_DB {
            self.silent = None;
            if std::mem::take(&mut self.silence_told) {
                decision.notices.push(("audio_back", "There is sound again."));
            }
        } else if now >= *self.silent.get_or_insert(now) + SILENT_FOR && !self.silence_told {
            self.silence_told = true;
            decision.notices.push(("audio_silent", "Nothing has been heard of the meeting for a minute."));
        }
    }

    fn press(&mut self, seen: &Observation, now: Duration, decision: &mut Decision) {
        if seen.sees_any(self.adapter.connecting) {
            if now < *self.connecting.get_or_insert(now) + CONNECTING_FOR {
                return;
            }
        } else {
            self.connecting = None;
        }
        let Some(click) = self.adapter.clicks.iter().find(|click| self.fits(click, seen)) else { return };
        if self.clicked.is_some_and(|(target, at)| target == &click.target && now < at + CLICK_AGAIN) {
            return;
        }
        let again = self.clicked.is_some_and(|(target, _)| target == &click.target);
        self.clicked = Some((&click.target, now));
        decision.press = Some(Press::on(&click.target));
        decision.notices.extend(click.notice.filter(|_| !again));
    }

    fn fits(&self, click: &Click, seen: &Observation) -> bool {
        let is_seen = match click.target {
            Target::Named(name) => seen.sees(name),
            Target::Labelled(_) => seen.play,
        };
        match click.when {
            When::Seen => is_seen,
            When::NoSound => is_seen && !self.sound && !self.gave_up(),
            When::Asks(word) => is_seen && seen.dialog.to_lowercase().contains(word),
            When::AsksNot(word) => is_seen && !seen.dialog.to_lowercase().contains(word),
            When::PlayButton => seen.play,
        }
    }

    /// Whether a dialog lies over the meeting.
    fn is_covered(&self, seen: &Observation) -> bool {
        !seen.dialog.is_empty() || seen.sees_any(self.adapter.dialogs)
    }

    /// After the time for sound a dialog is closed instead of being tried again.
    fn gave_up(&self) -> bool {
        self.no_sound_told
    }

    fn keep_connected(&mut self, seen: &Observation, now: Duration, decision: &mut Decision) {
        let banner = seen.texts.get(self.adapter.banner).map(|text| text.to_lowercase());
        // The same banner also counts down the time that is left.
        if banner.is_some_and(|text| text.contains("connect")) {
            if self.disconnected.is_none() {
                decision.notices.push(("disconnected", "The page has lost its connection to the server and tries to get it back."));
            }
            if now >= *self.disconnected.get_or_insert(now) + RECONNECT_WITHIN {
                decision.verdict = Some(Verdict::Broken("disconnected", "The page could not reconnect to its server for 30 seconds."));
            }
        } else if self.disconnected.take().is_some() {
            decision.notices.push(("reconnected", "The page has its connection back."));
        }
    }

    fn go(&mut self, step: Step, decision: &mut Decision) {
        if self.step != step {
            self.step = step;
            decision.steps.push(step);
        }
    }
}

#[cfg(test)]
mod tests;
