//! Into a meeting, by each of its doors.

use std::fs;
use std::time::Duration;

use bluecast::media::source::browser::Generation;
use bluecast::media::source::{SourceEnd, Step};

use super::Running;
use super::running::{QUIET, join_url, meeting};
use crate::support::bbb::{self, Audio, Bbb, Guests, Strip};
use crate::support::wait::until;

#[tokio::test]
async fn a_meeting_is_seen_and_heard_and_nothing_is_left_behind() {
    let (bbb, meeting) = meeting("physics").await;
    let url = join_url(&bbb, &meeting, QUIET);
    let mut running = Running::start(url.clone(), |_| ()).await;
    running.step(Step::AudioJoined).await;
    assert_eq!(running.steps(), [Step::Browser, Step::Page, Step::Joined, Step::Audio, Step::AudioJoined]);
    running.fresh_picture(500).await;
    running.beep().await;
    until("the level", async || (running.source.stats().level_db > -20.0).then_some(())).await;
    until("the page to say that it plays", async || (running.source.stats().playing == 1).then_some(())).await;

    // The address lets in whoever has it.
    let checksum = url.reveal().rsplit('=').next().unwrap().to_owned();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&command).contains(&checksum), "the address is in a process list");
    }

    // A page that stands still: no pictures, and a sign of life again and again.
    meeting.strip(Strip::Off);
    meeting.still(true);
    until("stillness", async || {
        let (before, after) = running.in_a_second().await;
        (before.distinct == after.distinct).then_some(())
    })
    .await;
    until("two seconds with a sign of life in every moment", async || {
        running.seen.look(|seen| seen.unchanged.clear());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let signs = running.seen.look(|seen| seen.unchanged.clone());
        let longest = signs.windows(2).map(|pair| pair[1] - pair[0]).max()?;
        // At 300 the slate would come.
        (signs.len() >= 12 && longest < 300).then_some(())
    })
    .await;

    meeting.disconnect();
    running.notice("disconnected").await;
    meeting.reconnect();
    running.notice("reconnected").await;

    running.stop_and_check().await;
    meeting.wait_session(|session| !session.connected).await;
}

#[tokio::test]
async fn sound_is_joined_whatever_the_page_asks() {
    for (audio, how) in [
        (Audio::Buttons, "listenOnlyBtn"),
        (Audio::Help, "helpListenOnlyBtn"),
        (Audio::EchoTest, "joinEchoTestButton"),
        (Audio::LiveKit, "live_kit"),
        (Audio::LiveKitSettings, "joinEchoTestButton"),
    ] {
        let (bbb, meeting) = meeting("sound").await;
        meeting.audio(audio);
        let mut running = Running::join(&bbb, &meeting).await;
        running.step(Step::AudioJoined).await;
        let session = meeting.wait_session(|session| session.audio.as_deref() == Some(how)).await;
        assert_eq!(running.has_notice("modal_closed"), audio == Audio::LiveKit, "{audio:?}");
        assert!(!session.has_report("clicked", "microphoneBtn"), "{audio:?}");
        running.beep().await;
        running.stop_and_check().await;
    }
}

#[tokio::test]
async fn what_lies_over_the_meeting_is_cleared_away() {
    let (bbb, meeting) = meeting("dialogs").await;
    meeting.stubborn().session_details().recording_notice().breakout();
    let mut running = Running::join(&bbb, &meeting).await;
    running.step(Step::AudioJoined).await;
    running.notice("breakout_declined").await;
    let clicked = |session: &bbb::Session, name: &str| session.has_report("clicked", name);
    let session = meeting.wait_session(|session| clicked(session, "recordingNotifyContinue") && clicked(session, "closeModal")).await;
    assert!(clicked(&session, "modalDismissButton") && !session.has_report("breakout_joined", ""));
    running.fresh_picture(500).await;
    running.stop_and_check().await;
}

#[tokio::test]
async fn the_lobby_is_waited_in_unseen_and_who_is_removed_stays_out() {
    let (bbb, meeting) = meeting("lobby").await;
    meeting.guests(Guests::AskModerator).lobby_message("The meeting before has ended; your entry is not denied.");
    let mut running = Running::join(&bbb, &meeting).await;
    running.step(Step::Lobby).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(running.steps().last(), Some(&Step::Lobby));
    assert!(running.seen.look(|seen| seen.pictures.is_empty() && seen.sound.is_empty()), "the lobby went on the air");
    meeting.admit();
    running.step(Step::Joined).await;
    running.step(Step::AudioJoined).await;
    running.fresh_picture(500).await;
    meeting.kick();
    assert!(matches!(running.end().await, SourceEnd::Removed));
    assert_eq!(meeting.sessions().len(), 1);
    running.stop_and_check().await;
}

#[tokio::test]
async fn the_lobby_of_2_7_lets_in_and_refuses() {
    let bbb = Bbb::of(bbb::Generation::V2_7).await;
    for admitted in [true, false] {
        let meeting = bbb.meeting(if admitted { "in" } else { "out" });
        meeting.people(1).guests(Guests::AskModerator);
        let mut running = Running::start(join_url(&bbb, &meeting, QUIET), |spec| spec.generation = Generation::V2_7).await;
        running.step(Step::Lobby).await;
        if admitted {
            meeting.admit();
            running.step(Step::AudioJoined).await;
        } else {
            meeting.deny();
            assert!(matches!(running.end().await, SourceEnd::Denied));
        }
        running.stop_and_check().await;
    }
}
