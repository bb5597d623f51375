//! A meeting in a real Chromium, out over real RTMP and SRT.

use serde_json::{Value, json};

use super::{codes, until_phase, view};
use crate::browser::running::BROWSERS;
use crate::support::app::TestApp;
use crate::support::bbb::{Bbb, Failure};
use crate::support::decode::{Decoder, ages};
use crate::support::nginx::Nginx;
use crate::support::srt::free_udp_port;
use crate::support::wait::until;

async fn server(app: &TestApp, bbb: &Bbb) -> String {
    let new = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    app.admin.post("/servers", new).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn start(app: &TestApp, server: &str, meeting: &str, more: Value) -> String {
    let mut request = json!({
        "server_id": server, "meeting_id": meeting, "profile": "480p30", "overrides": { "width": 640, "height": 360 },
        "bot": { "name": "Live bot" },
    });
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    app.admin.post("/broadcasts", request).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// Plays as soon as the target is live, and waits until the meeting's clock is read.
async fn clock_at(decoder: &Decoder, what: &str) {
    until(what, async || {
        let fresh = decoder.pictures().iter().rev().take(20).any(|picture| picture.strip.is_some_and(|(_, age)| age < 3000));
        if !fresh {
            assert_eq!(decoder.error(), None, "{what}");
        }
        fresh.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_out_over_rtmp_and_srt_and_nothing_is_left_running() {
    let _browser = BROWSERS.acquire().await.unwrap();
    let bbb = Bbb::start().await;
    let meeting = bbb.meeting("physics 101/ü");
    meeting.people(2);
    let (nginx, srt_port) = (Nginx::start(), free_udp_port());
    let srt = Decoder::srt(srt_port, 60, None, false);
    let app = TestApp::start_with(crate::support::app::On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "64")]).await;
    let server = server(&app, &bbb).await;
    app.admin.post("/rooms", json!({ "key": "physics", "title": "Physics" })).await.expect(201);

    let listed = app.admin.get(&format!("/servers/{server}/meetings")).await.expect(200);
    assert_eq!((listed["items"][0]["meeting_id"].as_str(), listed["items"][0]["running"].as_bool()), (Some(meeting.id()), Some(true)));

    let rtmp_url = nginx.url("abc-secret-key");
    let targets = json!([{ "url": rtmp_url }, { "url": format!("srt://127.0.0.1:{srt_port}"), "srt": { "latency_ms": 60 } }]);
    let id = start(&app, &server, meeting.id(), json!({ "targets": targets, "room": "physics" })).await;
    until_phase(&app, &id, "live").await;
    until("both targets live", async || {
        let view = view(&app, &id).await;
        view["targets"].as_array().unwrap().iter().all(|target| target["state"] == "live").then_some(())
    })
    .await;
    let rtmp = Decoder::rtmp(&rtmp_url);
    clock_at(&rtmp, "the meeting's clock over RTMP").await;
    clock_at(&srt, "the meeting's clock over SRT").await;
    until("the beep over both", async || {
        let heard = |decoder: &Decoder| decoder.sounds().iter().any(|sound| sound.onset_ms.is_some());
        (heard(&rtmp) && heard(&srt)).then_some(())
    })
    .await;
    until("pictures less than a second old", async || {
        let recent: Vec<_> = rtmp.pictures().into_iter().rev().take(60).collect();
        (ages(&recent).0 < 1000).then_some(())
    })
    .await;

    // The bot is who it was said to be, and the meeting was told.
    let session = meeting.wait_session(|bot| bot.audio.is_some()).await;
    assert_eq!(session.name, "Live bot");
    until("the meeting is told", async || bbb.chat().iter().any(|line| line.message.contains("broadcast live")).then_some(())).await;
    let listed = app.admin.get(&format!("/servers/{server}/meetings")).await.expect(200);
    assert_eq!(listed["items"][0]["broadcast_id"], id.as_str());
    app.admin.post("/broadcasts", json!({ "server_id": server, "meeting_id": meeting.id() })).await.problem(409, "meeting_busy");
    app.admin.post("/broadcasts", json!({ "source": "test", "room": "physics" })).await.problem(409, "room_busy");

    // No secret is shown anywhere.
    let shown = app.admin.get(&format!("/broadcasts/{id}")).await.text
        + &app.admin.get(&format!("/broadcasts/{id}/events")).await.text
        + &app.admin.get("/activity").await.text;
    for secret in ["abc-secret-key", bbb.secret().reveal()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }

    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    assert_eq!(until_phase(&app, &id, "ended").await["reason"], "stopped");
    until("the bot has left", async || meeting.sessions().iter().all(|session| !session.connected).then_some(())).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_bot_stays_out_and_the_end_of_the_meeting_is_believed_once_the_api_agrees() {
    let _browser = BROWSERS.acquire().await.unwrap();
    let bbb = Bbb::start().await;
    let app = TestApp::start_with(crate::support::app::On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "64")]).await;
    let server = server(&app, &bbb).await;

    let meeting = bbb.meeting("kick");
    meeting.people(1);
    let id = start(&app, &server, meeting.id(), json!({})).await;
    until_phase(&app, &id, "live").await;
    meeting.kick();
    assert_eq!(until_phase(&app, &id, "ended").await["reason"], "removed");
    let joins = bbb.requests_of("join").len();
    assert!(codes(&app, &id).await.contains(&"removed".to_owned()));

    let meeting = bbb.meeting("over");
    meeting.people(1);
    let id = start(&app, &server, meeting.id(), json!({})).await;
    until_phase(&app, &id, "live").await;
    meeting.end();
    assert_eq!(until_phase(&app, &id, "ended").await["reason"], "meeting_ended");
    assert_eq!(bbb.requests_of("join").iter().filter(|request| request.query.contains("kick")).count(), joins);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_that_does_not_run_is_waited_for_and_a_server_in_trouble_is_said() {
    let _browser = BROWSERS.acquire().await.unwrap();
    let bbb = Bbb::start().await;
    let app = TestApp::start_with(crate::support::app::On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "64")]).await;
    let server = server(&app, &bbb).await;

    bbb.fail("getMeetingInfo", Failure::Html);
    let answer = app.admin.post("/broadcasts", json!({ "server_id": server, "meeting_id": "later" })).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (502, Some("not_bbb")), "{}", answer.text);
    bbb.heal("getMeetingInfo");

    let id = start(&app, &server, "later", json!({})).await;
    assert_eq!(view(&app, &id).await["phase"], "waiting");
    let meeting = bbb.meeting("later");
    meeting.people(1);
    until_phase(&app, &id, "live").await;
    // The page goes, the slate comes, the page comes back: the program never stopped.
    meeting.leave_page();
    until("the interruption", async || codes(&app, &id).await.iter().any(|code| code == "interrupted").then_some(())).await;
    until_phase(&app, &id, "live").await;
    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_phase(&app, &id, "ended").await;

    let meeting = bbb.meeting("ended before Start");
    meeting.people(1);
    meeting.end();
    let answer = app.admin.post("/broadcasts", json!({ "server_id": server, "meeting_id": meeting.id() })).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (409, Some("meeting_ended")), "{}", answer.text);
    app.stop().await;
}
