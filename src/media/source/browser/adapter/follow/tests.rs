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
