//! The double's client page in a real Chromium: other tests build upon it, so it is proved here by itself.

use std::process::Stdio;
use std::time::Duration;

use bluecast::media::strip;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::SemaphorePermit;

use crate::browser::running::BROWSERS;
use crate::support::bbb::{Audio, Bbb, End, Generation, Guests, Meeting, Session, Strip};

/// A Chromium without a window that has a page open. Dropping it ends it.
struct Browser {
    _child: Child,
    _folder: TempDir,
    _permit: Option<SemaphorePermit<'static>>,
}

impl Browser {
    fn open(address: &str, permit: Option<SemaphorePermit<'static>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new("/usr/bin/chromium")
            .args(["--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .args(["--autoplay-policy=no-user-gesture-required", "--window-size=1280,720", "--lang=en"])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg(address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { _child: child, _folder: folder, _permit: permit }
    }

    async fn join(bbb: &Bbb, meeting: &Meeting, more: &str) -> Self {
        Self::join_under(bbb, meeting, more, Some(BROWSERS.acquire().await.unwrap()))
    }

    /// Under a permit of its own, or, without one, under that of another.
    fn join_under(bbb: &Bbb, meeting: &Meeting, more: &str, permit: Option<SemaphorePermit<'static>>) -> Self {
        let query = format!("fullName=Bot&meetingID={}&role=VIEWER{more}", meeting.id());
        let sum = hex::encode(Sha256::digest(format!("join{query}{}", bbb.secret().reveal())));
        Self::open(&format!("{}api/join?{query}&checksum={sum}", bbb.url()), permit)
    }
}

const QUIET: &str = "&userdata-bbb_force_listen_only=true&userdata-bbb_show_session_details_on_join=false&bot=true";

async fn reports(meeting: &Meeting, what: &str, detail: &str) -> Session {
    meeting.wait_session(|session| session.has_report(what, detail)).await
}

#[tokio::test]
async fn a_bot_joins_by_itself_and_the_picture_and_sound_are_those_of_the_instruments() {
    let bbb = Bbb::start().await;
    let meeting = bbb.meeting("physics");
    meeting.people(2).session_details().breakout().strip(Strip::WithTheRest);
    let browser = Browser::join(&bbb, &meeting, &format!("{QUIET}&userdata-odd+%3Cname%3E=x")).await;
    let session = meeting.wait_session(|session| session.joined && session.audio.is_some()).await;
    assert_eq!(session.audio.as_deref(), Some("auto"));
    reports(&meeting, "sound", "running").await;
    let listed = super::client(&bbb).meetings().await.unwrap();
    assert_eq!((listed[0].participants, listed[0].attendees[2].name.as_str()), (3, "Bot"));

    meeting.read_strip();
    let session = meeting.wait_session(|session| session.reports.iter().any(|(what, _)| what == "strip")).await;
    let (_, report) = session.reports.iter().find(|(what, _)| what == "strip").unwrap();
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    let window = usize::try_from(report["window"].as_u64().unwrap()).unwrap();
    assert_eq!(report["height"], strip::height(window));
    let row: Vec<u8> = report["luma"].as_array().unwrap().iter().map(|luma| u8::try_from(luma.as_u64().unwrap()).unwrap()).collect();
    let mut expected = vec![0; row.len() * strip::height(window)];
    let now = report["now"].as_u64().unwrap();
    strip::paint(&mut expected, row.len(), row.len(), window, now);
    let expected: Vec<u8> = expected[..row.len()].iter().map(|luma| if *luma > 125 { 255 } else { 0 }).collect();
    assert_eq!(row, expected);

    let beep = meeting.wait_session(|session| session.reports.iter().filter(|(what, _)| what == "beep").count() > 1).await;
    assert!(beep.reports.iter().filter(|(what, _)| what == "beep").all(|(_, at)| at.ends_with("000")));
    drop(browser);
    meeting.wait_session(|session| !session.connected && !session.joined).await;
}

#[tokio::test]
async fn every_audio_screen_has_its_way_in() {
    for (audio, clicks, how) in [
        (Audio::Buttons, vec!["listenOnlyBtn"], "listenOnlyBtn"),
        (Audio::Buttons, vec!["microphoneBtn", "joinEchoTestButton"], "joinEchoTestButton"),
        (Audio::Help, vec!["helpListenOnlyBtn"], "helpListenOnlyBtn"),
        (Audio::EchoTest, vec!["joinEchoTestButton"], "joinEchoTestButton"),
        (Audio::LiveKit, vec!["closeModal"], "live_kit"),
    ] {
        let bbb = Bbb::start().await;
        let meeting = bbb.meeting("m");
        meeting.audio(audio);
        let _browser = Browser::join(&bbb, &meeting, QUIET).await;
        let session = meeting.wait_session(|session| session.joined).await;
        assert!(audio == Audio::LiveKit || session.audio.is_none(), "{audio:?}");
        for button in clicks {
            meeting.click(button);
            reports(&meeting, "clicked", button).await;
        }
        let session = meeting.wait_session(|session| session.audio.is_some()).await;
        assert_eq!(session.audio.as_deref(), Some(how), "{audio:?}");
    }
}

#[tokio::test]
async fn the_lobby_holds_until_a_moderator_decides() {
    for generation in [Generation::V3_0, Generation::V2_7] {
        let bbb = Bbb::of(generation).await;
        let meeting = bbb.meeting("m");
        meeting.guests(Guests::AskModerator);
        let _browser = Browser::join(&bbb, &meeting, QUIET).await;
        let session = meeting.wait_session(|session| session.waiting).await;
        assert!(!session.joined);
        meeting.admit();
        meeting.wait_session(|session| session.joined && !session.waiting).await;
        meeting.kick();
        let session = reports(&meeting, "screen", "ended").await;
        assert_eq!(session.end, Some(End::Ejected("user_requested_eject_reason")));
        assert!(!session.joined);
    }
}

#[tokio::test]
async fn who_joins_again_replaces_himself_and_the_page_lives_with_a_lost_server() {
    let mut bbb = Bbb::start().await;
    let meeting = bbb.meeting("m");
    let first = Browser::join(&bbb, &meeting, "&userID=one").await;
    meeting.wait_session(|session| session.joined).await;
    let _second = Browser::join_under(&bbb, &meeting, "&userID=one", None);
    let replaced = meeting.wait_session(|session| session.end.is_some()).await;
    assert_eq!(replaced.end, Some(End::Ejected("duplicate_user_in_meeting_eject_reason")));
    meeting.wait_session(|session| session.joined && session.end.is_none()).await;
    drop(first);

    bbb.go_away().await;
    meeting.wait_session(|session| session.end.is_none() && !session.connected).await;
    bbb.come_back().await;
    meeting.wait_session(|session| session.end.is_none() && session.connected).await;
    meeting.leave_after(Duration::ZERO).end();
    let is_over = |session: &Session| session.end == Some(End::Meeting("ENDED_FROM_API")) && session.has_report("screen", "ended");
    meeting.wait_session(|session| is_over(session) && !session.connected).await;
}

#[tokio::test]
async fn what_lies_over_the_picture_comes_and_goes_as_in_the_real_page() {
    let bbb = Bbb::start().await;
    let meeting = bbb.meeting("m");
    meeting.audio(Audio::Never).session_details().recording_notice().breakout().poll(true).toast("Ada has joined");
    let css = "&userdata-bbb_custom_style=aside%7Bdisplay%3Anone%7D";
    let quiet = Browser::join(&bbb, &meeting, &format!("{QUIET}{css}&userdata-bbb_hide_notifications=true&enforceLayout=MEDIA_ONLY")).await;
    meeting.wait_session(|session| session.joined).await;
    for hidden in
        ["#Navbar", "#ActionsBar", "#sidebar", ".Toastify", "aside", "#simpleModal[data-test]", "[data-test=breakoutJoinConfirmation]"]
    {
        assert_eq!(meeting.look(hidden).await, None, "{hidden}");
    }
    assert!(meeting.look("[data-testid=recordingNotifyModal]").await.is_some());
    meeting.click("recordingNotifyContinue");
    assert_eq!(meeting.look("#simpleModal").await, None);
    meeting.disconnect();
    assert_eq!(meeting.look("[data-test=notificationBannerBar]").await.as_deref(), Some("Reconnection in progress"));
    meeting.reconnect();
    assert_eq!(meeting.look("[data-test=notificationBannerBar]").await, None);
    drop(quiet);
    meeting.wait_session(|session| !session.connected).await;

    meeting.stubborn().audio(Audio::AutoJoin);
    let _loud = Browser::join(&bbb, &meeting, QUIET).await;
    meeting.wait_session(|session| session.joined).await;
    for shown in ["#Navbar", "#ActionsBar", "#sidebar", ".Toastify", "aside", "[data-test=sessionDetailsModal]", "[data-test=audioModal]"] {
        assert!(meeting.look(shown).await.is_some(), "{shown}");
    }
    assert!(meeting.look("[data-test=breakoutJoinConfirmation]").await.is_some());
}

#[tokio::test]
async fn every_end_says_what_it_is_in_the_language_of_the_join() {
    for (locale, end, title) in [
        ("en", End::Meeting("ENDED_FROM_API"), "The session was terminated by the system"),
        ("en", End::ByUser("Ada".into()), "This session was ended by Ada"),
        ("en", End::Ejected("user_requested_eject_reason"), "You have been removed from the session"),
        ("de", End::Ejected("user_requested_eject_reason"), "Sie wurden aus der Konferenz entfernt"),
    ] {
        let bbb = Bbb::start().await;
        let meeting = bbb.meeting("m");
        let _browser = Browser::join(&bbb, &meeting, &format!("&userdata-bbb_override_default_locale={locale}")).await;
        meeting.wait_session(|session| session.joined).await;
        meeting.end_sessions(&end);
        reports(&meeting, "screen", "ended").await;
        assert_eq!(meeting.look("[data-test=meetingEndedModal] h1").await.as_deref(), Some(title));
        assert_eq!(meeting.look("#strip").await, None, "the picture is gone");
    }
}

#[tokio::test]
async fn pages_that_do_not_get_there_stay_where_they_are() {
    let bbb = Bbb::start().await;
    let meeting = bbb.meeting("m");
    meeting.never_ready(true);
    let _browser = Browser::join(&bbb, &meeting, QUIET).await;
    let stuck = reports(&meeting, "screen", "loading").await;
    assert!(!stuck.joined);
    meeting.never_ready(false);
    meeting.wait_session(|session| session.joined).await;
    meeting.error_screen("503");
    reports(&meeting, "screen", "error").await;
    assert_eq!(meeting.look("[data-test=errorScreenMessage]").await.as_deref(), Some("You have been disconnected"));
    meeting.hang(Duration::from_millis(50));
    reports(&meeting, "hanging", "").await;
}
