//! The meetings of a server, as the control room lists and joins them.

use bluecast::store::args;
use serde_json::{Value, json};

use crate::support::app::{Client, TestApp};
use crate::support::bbb::{Bbb, Failure};

async fn add(client: &Client, bbb: &Bbb, secret: &str) -> String {
    let added = client.post("/servers", json!({"name": format!("Faculty {secret}"), "url": bbb.url(), "secret": secret})).await.expect(201);
    format!("/servers/{}", added["id"].as_str().unwrap())
}

#[tokio::test]
async fn meetings_are_listed_fullest_first_with_their_broadcast() {
    let (test, bbb) = (TestApp::start().await, Bbb::start().await);
    bbb.meeting("small").name("A small one").people(1);
    bbb.meeting("a/b c?d=é%#").name("Physics <b>").people(3).videos(2);
    bbb.meeting("asleep").running(false);
    let server = add(&test.admin, &bbb, bbb.secret().reveal()).await;
    let id = server.rsplit('/').next().unwrap();
    let sql = "INSERT INTO broadcasts (id, server_id, meeting_id, meeting_name, source, profile, overrides, bot_name, bot_role, layout, announce, \
               voice_filter, again, desired, phase, paused, node, started_by, started_ms) \
               VALUES ('b1', $1, 'small', '', 'browser', '720p30', '', '', '', '', 0, 0, 0, 1, 'live', 0, '', '', 0)";
    test.app.store.run(sql, args![id]).await.unwrap();

    let listed = test.admin.get(&format!("{server}/meetings")).await.expect(200);
    let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|meeting| meeting["meeting_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a/b c?d=é%#", "small", "asleep"]);
    let physics = &listed["items"][0];
    assert_eq!((&physics["name"], &physics["participants"], &physics["videos"]), (&json!("Physics <b>"), &json!(3), &json!(2)));
    assert!(physics["started_at"].as_str().unwrap().ends_with('Z') && physics.get("broadcast_id").is_none());
    assert_eq!((&listed["items"][1]["broadcast_id"], &listed["items"][2]["running"]), (&json!("b1"), &json!(false)));
    assert_eq!(listed["participants"], 4);
}

#[tokio::test]
async fn a_person_gets_a_signed_link_into_any_meeting() {
    let (test, bbb) = (TestApp::start().await, Bbb::start().await);
    bbb.meeting("a/b c?d=é%#").people(1);
    let server = add(&test.admin, &bbb, bbb.secret().reveal()).await;
    let encoded = percent_encoding::utf8_percent_encode("a/b c?d=é%#", percent_encoding::NON_ALPHANUMERIC);
    let path = format!("{server}/meetings/{encoded}/join");

    let link = test.admin.post(&path, json!({"name": "Ada & Co", "role": "moderator"})).await.expect(200);
    let url: url::Url = link["url"].as_str().unwrap().parse().unwrap();
    let parameter = |name: &str| url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    assert_eq!(parameter("fullName").as_deref(), Some("Ada & Co"));
    assert_eq!(parameter("meetingID").as_deref(), Some("a/b c?d=é%#"));
    assert_eq!(parameter("role").as_deref(), Some("MODERATOR"));
    let opened =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap().get(url.as_str()).send();
    let opened = opened.await.unwrap();
    assert!(opened.status().is_redirection() && !opened.headers()["location"].to_str().unwrap().contains("errors"), "{opened:?}");

    let activity = test.admin.get("/activity?limit=1").await;
    assert!(!activity.text.contains("checksum"), "{}", activity.text);
    assert_eq!(activity.body["items"][0]["action"], "meeting.join");

    test.admin.post(&format!("{server}/meetings/none/join"), json!({"name": "Ada"})).await.problem(404, "not_found");
    test.admin.post(&path, json!({"name": ""})).await.problem(422, "invalid_field");
    test.admin.post(&path, json!({"name": "Ada", "role": "owner"})).await.problem(422, "invalid_field");
    test.admin.post("/servers/none/meetings/x/join", json!({"name": "Ada"})).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_bad_server_is_told_from_a_bad_secret_and_disturbs_no_other() {
    let (test, bbb, other) = (TestApp::start().await, Bbb::start().await, Bbb::start().await);
    other.meeting("fine").people(1);
    let bad = format!("{}/meetings", add(&test.admin, &bbb, "wrong").await);
    let good = format!("{}/meetings", add(&test.admin, &other, other.secret().reveal()).await);
    let explained = |problem: Value, word: &str| assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");

    explained(test.admin.get(&bad).await.problem(502, "wrong_secret"), "secret");
    // The right secret, once given, is used at once.
    test.admin.patch(bad.trim_end_matches("/meetings"), json!({"secret": bbb.secret().reveal()})).await.expect(200);
    test.admin.get(&bad).await.expect(200);
    bbb.fail("getMeetings", Failure::Html);
    explained(test.admin.get(&bad).await.problem(502, "not_bbb"), "web page");
    bbb.fail("getMeetings", Failure::Status(503));
    test.admin.get(&bad).await.problem(502, "server_trouble");
    let nobody = test.admin.post("/servers", json!({"name": "Nobody", "url": "http://127.0.0.1:1", "secret": "x"})).await.expect(201);
    test.admin.get(&format!("/servers/{}/meetings", nobody["id"].as_str().unwrap())).await.problem(502, "unreachable");

    assert_eq!(test.admin.get(&good).await.expect(200)["participants"], 1);
}
