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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: (u32, u32) = (1280, 720);
    const PLAYING: Hearing = Hearing { playing: 1, level_db: -20.0 };
    const MUTE: Hearing = Hearing { playing: 0, level_db: -120.0 };

    fn page(names: &[&str]) -> Observation {
        Observation {
            scheme: "https:".into(),
            path: "/html5client/".into(),
            loaded: true,
            width: 1281,
            height: 721,
            seen: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Observation::default()
        }
    }

    fn saying(name: &str, words: &str) -> Observation {
        let mut page = page(&[name]);
        page.texts.insert(name.into(), words.into());
        page
    }

    fn follower() -> Follower {
        Follower::new(Generation::V3, SIZE, Duration::from_mins(1), Duration::ZERO)
    }

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A follower in a meeting that is seen and heard, at second 1.
    fn joined() -> Follower {
        let mut follower = follower();
        let decision = follower.look(&page(&["presentationContainer"]), PLAYING, s(1.0));
        assert_eq!(decision.steps, [Step::Joined, Step::Audio, Step::AudioJoined]);
        follower
    }

    fn pressed(decision: &Decision) -> Option<&str> {
        decision.press.as_ref().map(|press| press.selector.split('"').nth(1).unwrap_or("button"))
    }

    #[test]
    fn each_page_has_its_click() {
        for (names, dialog, click) in [
            (&["audioModal", "microphoneBtn", "listenOnlyBtn", "closeModal"][..], "Audio", Some("listenOnlyBtn")),
            (&["audioModal", "helpListenOnlyBtn", "helpRetryMicBtn", "closeModal"], "Help", Some("helpListenOnlyBtn")),
            (&["audioModal", "audioSettingsModal", "joinEchoTestButton", "closeModal"], "Settings", Some("joinEchoTestButton")),
            (&["audioModal", "closeModal"], "Join audio", Some("closeModal")),
            (&["audioModal", "establishingAudioLabel", "closeModal"], "Connecting", None),
            (&["sessionDetailsModal", "closeModal"], "Physics", Some("closeModal")),
            (&["recordingNotifyModal", "recordingNotifyContinue", "closeModal"], "Recorded", Some("recordingNotifyContinue")),
            (&["modalConfirmButton", "modalDismissButton"], "Do you want to join the Breakout room?", Some("modalDismissButton")),
            (&["modalConfirmButton"], "Join breakout room", None),
            (&["modalConfirmButton", "modalDismissButton"], "Are you still there?", Some("modalConfirmButton")),
            (&["modalDismissButton"], "Leave?", Some("modalDismissButton")),
            (&["presentationContainer", "joinAudio"], "", None),
        ] {
            let mut page = page(names);
            page.seen.insert("presentationContainer".into());
            page.dialog = dialog.into();
            assert_eq!(pressed(&follower().look(&page, MUTE, s(1.0))), click, "{names:?}");
        }
        let mut play = page(&["presentationContainer"]);
        play.play = true;
        assert_eq!(follower().look(&play, MUTE, s(1.0)).press, Some(Press { selector: "button".into(), label: Some("^play audio$") }));
    }

    #[test]
    fn a_button_gets_time_to_act_and_is_tried_again() {
        let mut follower = follower();
        let page = page(&["presentationContainer", "audioModal", "listenOnlyBtn"]);
        let clicks: Vec<bool> = (0..7).map(|n| follower.look(&page, MUTE, s(f64::from(n) * 0.5)).press.is_some()).collect();
        assert_eq!(clicks, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn sound_that_connects_is_left_alone_but_not_for_ever() {
        let mut follower = follower();
        let page = page(&["presentationContainer", "audioModal", "establishingAudioLabel", "closeModal"]);
        assert_eq!(pressed(&follower.look(&page, MUTE, s(1.0))), None);
        assert_eq!(pressed(&follower.look(&page, MUTE, s(20.0))), None);
        assert_eq!(pressed(&follower.look(&page, MUTE, s(21.5))), Some("closeModal"));
    }

    #[test]
    fn a_dialog_keeps_the_picture_back_for_five_seconds() {
        let mut follower = follower();
        let mut covered = page(&["presentationContainer"]);
        covered.dialog = "something".into();
        assert!(follower.look(&covered, MUTE, s(1.0)).steps.is_empty());
        assert!(follower.look(&covered, MUTE, s(5.9)).steps.is_empty());
        assert_eq!(follower.look(&covered, MUTE, s(6.0)).steps, [Step::Joined, Step::Audio]);
        let mut small = page(&["presentationContainer"]);
        small.height = 634;
        assert!(self::follower().look(&small, PLAYING, s(1.0)).steps.is_empty());
    }

    #[test]
    fn sound_counts_when_no_dialog_asks_for_it() {
        let mut follower = follower();
        assert!(follower.look(&page(&["presentationContainer", "audioModal"]), PLAYING, s(1.0)).steps.is_empty());
        assert_eq!(follower.look(&page(&["presentationContainer"]), MUTE, s(2.0)).steps, [Step::Joined, Step::Audio]);
        assert_eq!(follower.look(&page(&["presentationContainer"]), PLAYING, s(3.0)).steps, [Step::AudioJoined]);
    }

    #[test]
    fn missing_and_lost_sound_is_told_once() {
        let shown = page(&["presentationContainer"]);
        let mut mute = follower();
        mute.look(&shown, MUTE, s(1.0));
        assert!(mute.look(&shown, MUTE, s(60.9)).notices.is_empty());
        assert_eq!(mute.look(&shown, MUTE, s(61.0)).notices[0].0, "audio_missing");
        assert!(mute.look(&shown, MUTE, s(200.0)).notices.is_empty());
        assert_eq!(mute.look(&shown, PLAYING, s(201.0)).steps, [Step::AudioJoined]);

        let mut lost = joined();
        let silent = Hearing { playing: 1, level_db: -90.0 };
        assert!(lost.look(&shown, silent, s(10.0)).notices.is_empty());
        assert_eq!(lost.look(&shown, silent, s(70.0)).notices[0].0, "audio_silent");
        assert!(lost.look(&shown, silent, s(140.0)).notices.is_empty());
        assert_eq!(lost.look(&shown, PLAYING, s(141.0)).notices[0].0, "audio_back");
    }

    #[test]
    fn the_lobby_takes_its_time_and_the_meeting_must_show_after_it() {
        let mut follower = follower();
        let lobby = saying("guestMessage", "Entry is denied to nobody; the meeting before has ended.");
        assert_eq!(follower.look(&lobby, MUTE, s(1.0)).steps, [Step::Lobby]);
        assert_eq!(follower.look(&lobby, MUTE, s(4000.0)), Decision::default());
        assert_eq!(follower.look(&page(&[]), MUTE, s(4059.0)).verdict, None);
        assert!(matches!(follower.look(&page(&[]), MUTE, s(4060.0)).verdict, Some(Verdict::Broken("page_not_ready", _))));
        let denied = saying("guestMessage", "Guest denied of joining the session.");
        assert_eq!(follower.look(&denied, MUTE, s(4061.0)).verdict, Some(Verdict::Denied));
    }

    #[test]
    fn ends_are_told_apart() {
        for (seen, verdict) in [
            (saying("meetingEndedModal", "This session has ended"), Some(Verdict::Ended)),
            (saying("meetingEndedModal", "Words of a later release"), Some(Verdict::Ended)),
            (saying("meetingEndedModal", "You have been removed from the session"), Some(Verdict::Removed)),
            (saying("meetingEndedModal", "Duplicate user trying to join session"), Some(Verdict::Replaced)),
            (saying("errorScreenMessage", "You have been removed from the session"), Some(Verdict::Removed)),
            (Observation { path: "/".into(), ..page(&[]) }, Some(Verdict::Ended)),
            (Observation { path: "/node-1/html5client/".into(), ..page(&[]) }, None),
            (Observation { loaded: false, ..page(&[]) }, None),
        ] {
            assert_eq!(joined().look(&seen, PLAYING, s(2.0)).verdict, verdict, "{seen:?}");
        }
        for (seen, code) in [
            (saying("errorScreenMessage", "Oops"), "page_error"),
            (Observation { scheme: "chrome-error:".into(), path: "//".into(), ..page(&[]) }, "page_unreachable"),
        ] {
            assert!(matches!(joined().look(&seen, PLAYING, s(2.0)).verdict, Some(Verdict::Broken(found, _)) if found == code), "{code}");
        }
    }

    #[test]
    fn a_join_that_leads_elsewhere_is_refused_after_ten_seconds_or_at_its_word() {
        let elsewhere = Observation { path: "/login".into(), ..page(&[]) };
        let mut follower = follower();
        assert_eq!(follower.look(&elsewhere, MUTE, s(1.0)), Decision::default());
        assert_eq!(follower.look(&elsewhere, MUTE, s(11.0)).verdict, Some(REFUSED));
        for (errors, verdict) in [
            (r#"[{"key":"checksumError","message":"Checksums do not match"}]"#, REFUSED),
            (
                r#"[{"key":"meetingForciblyEnded","message":"You can not re-join a meeting that has already been forcibly ended"}]"#,
                Verdict::Ended,
            ),
            (r#"[{"key":"guestDeny","message":"Guest denied"}]"#, Verdict::Denied),
        ] {
            let refused = Observation { refusal: errors.into(), ..elsewhere.clone() };
            assert_eq!(self::follower().look(&refused, MUTE, s(1.0)).verdict, Some(verdict), "{errors}");
        }
    }

    #[test]
    fn a_lost_connection_is_told_and_given_up() {
        let mut follower = joined();
        let mut seen = saying("notificationBannerBar", "Meeting time remaining: 05:00");
        seen.seen.insert("presentationContainer".into());
        assert!(follower.look(&seen, PLAYING, s(2.0)).notices.is_empty());
        seen.texts.insert("notificationBannerBar".into(), "Reconnection in progress".into());
        assert_eq!(follower.look(&seen, PLAYING, s(3.0)).notices[0].0, "disconnected");
        assert_eq!(follower.look(&page(&["presentationContainer"]), PLAYING, s(20.0)).notices[0].0, "reconnected");
        follower.look(&seen, PLAYING, s(30.0));
        assert_eq!(follower.look(&seen, PLAYING, s(59.9)).verdict, None);
        assert!(matches!(follower.look(&seen, PLAYING, s(60.0)).verdict, Some(Verdict::Broken("disconnected", _))));
    }

    proptest! {
        /// Whatever a page shows, in whatever order: no step is told twice in a row, and nothing is pressed before the meeting shows.
        #[test]
        fn any_page_is_taken(looks in prop::collection::vec((prop::collection::vec(0usize..12, 0..5), ".{0,30}", any::<bool>(), 0u32..3000), 1..40)) {
            const NAMES: [&str; 12] = ["presentationContainer", "audioModal", "listenOnlyBtn", "closeModal", "guestMessage", "modalConfirmButton",
                "modalDismissButton", "notificationBannerBar", "errorScreenMessage", "establishingAudioLabel", "joinAudio", "leaveListenOnly"];
            let (mut follower, mut last, mut now) = (follower(), Step::Page, Duration::ZERO);
            for (names, words, playing, wait_ms) in looks {
                let names: Vec<&str> = names.into_iter().map(|name| NAMES[name]).collect();
                let mut seen = page(&names);
                seen.texts = names.iter().map(|name| ((*name).to_owned(), words.clone())).collect();
                seen.dialog = words;
                now += Duration::from_millis(wait_ms.into());
                let decision = follower.look(&seen, if playing { PLAYING } else { MUTE }, now);
                for step in decision.steps {
                    prop_assert_ne!(step, last);
                    last = step;
                }
                prop_assert!(decision.press.is_none() || follower.rendered.is_some());
            }
        }
    }
}
