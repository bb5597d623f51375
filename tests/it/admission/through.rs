//! From our push through an origin to those who watch, against the double of OME with its doors closed.

use bluecast::moment::now_ms;
use bluecast::origin::publish_token::PublishTokens;
use bluecast::origin::signed_policy::{self, Policy as Until};
use bluecast::secret::Secret;
use serde_json::{Value, json};

use super::{SECRET, enter, get, on_air, start};
use crate::support::app::{Client, On, TestApp};
use crate::support::ome::watcher::Watcher;
use crate::support::ome::{Ome, OmeOptions, Policy, Source, Webhooks};
use crate::support::wait::until;

const SIGNING: &str = "what-the-origin-checks-with";

/// An origin that asks us about everybody.
async fn asking(test: &TestApp) -> Ome {
    let mut hooks = Webhooks::new(&format!("http://{}/hooks/ome/admission", test.address), SECRET);
    hooks.e_rtmp = true;
    Ome::start(OmeOptions { webhooks: Some(hooks), ..OmeOptions::default() }).await
}

/// Starts a test broadcast in the room `hall`, pushed to the origin as `app/hall`; gives its id.
async fn broadcast(test: &TestApp, ome: &Ome, more: Value) -> String {
    let mut origin = json!({
        "name": "Cellar", "app": "app", "whip_url": ome.whip_url("app", "x").split("/app").next().unwrap(),
        "playback": {"webrtc": ome.signalling_url("{app}", "{name}")}
    });
    more.as_object().unwrap().iter().for_each(|(key, value)| origin[key] = value.clone());
    let origin = test.admin.post("/origins", origin).await.expect(201);
    let start = json!({
        "source": "test", "profile": "480p30", "overrides": {"width": 426, "height": 240, "fps": 15}, "room": "hall",
        "targets": [{"origin_id": origin["id"], "stream_name": "hall"}]
    });
    test.admin.post("/broadcasts", start).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// Makes the room `hall`, whose password is `open sesame`.
async fn behind_a_password(test: &TestApp) {
    let room = json!({"key": "hall", "title": "Hall", "visibility": "password", "password": "open sesame"});
    test.admin.post("/rooms", room).await.expect(201);
}

/// What a viewer's player is told once it can play.
async fn playback(viewer: &Client) -> (String, String) {
    until("the room to play", async || {
        let told = get(viewer, "/watch/hall/playback").await.expect(200);
        let url = told["sources"][0]["url"].as_str()?.to_owned();
        (told["live"] == true).then(|| (told["stream"].as_str().unwrap().to_owned(), url))
    })
    .await
}

async fn plays(url: &str) -> Watcher {
    // The origin has the stream some moments before it has an offer of it.
    let watcher = until("an offer", async || Watcher::play(url).await.ok()).await;
    until("media", async || (watcher.packets() > 20).then_some(())).await;
    watcher
}

async fn is_refused(url: &str) {
    let said = Watcher::play(url).await.err().unwrap_or_else(|| panic!("{url} plays"));
    assert_eq!(said, json!({"code": 404, "error": "Cannot create offer"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_lets_in_what_we_push_and_whom_the_room_admits() {
    let test = start(On::Sqlite).await;
    let ome = asking(&test).await;
    behind_a_password(&test).await;
    let id = broadcast(&test, &ome, json!({})).await;
    let viewer = test.stranger();
    enter(&viewer, "hall", "open sesame").await.expect(204);
    let (stream, url) = playback(&viewer).await;
    let mut watcher = plays(&url).await;

    let plain = ome.signalling_url("app", "hall");
    is_refused(&plain).await;
    is_refused(&format!("{plain}?token={}", "A".repeat(120))).await;
    get(&test.stranger(), "/watch/hall/playback").await.problem(403, "password_needed");
    for address in ["rtmp://127.0.0.1:1935/app/evil", "rtmp://127.0.0.1:1935/app/hall", "srt://default/app/evil"] {
        let source = if address.starts_with("srt") { Source::Srt } else { Source::Rtmp };
        assert!(ome.publish(source.clone(), address).await.is_err(), "{address}");
    }

    // A new password: everybody is dropped at once, and comes back with the new one only.
    test.admin.patch("/rooms/hall", json!({"password": "another sesame"})).await.expect(200);
    let dropped = async { while watcher.line.hear().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), dropped).await.expect("the viewer to be dropped");
    is_refused(&url).await;
    get(&viewer, "/watch/hall/playback").await.problem(403, "password_needed");
    enter(&viewer, "hall", "another sesame").await.expect(204);
    let (again, url) = playback(&viewer).await;
    assert_ne!(again, stream, "players begin anew");
    let watcher = plays(&url).await;

    test.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    get(&viewer, "/watch/hall/playback").await.problem(409, "not_on_air");
    ome.wait_for_end("app/hall").await;
    get(&viewer, "/watch/hall/playback").await.problem(409, "not_on_air");
    is_refused(&url).await;
    drop(watcher);

    let hooks = ome.hooks();
    let allowed = |direction: &str| {
        let of = hooks.iter().filter(|call| call.body["request"]["direction"] == direction && call.answer.contains("\"allowed\":true"));
        of.collect::<Vec<_>>()
    };
    assert!(!allowed("incoming").is_empty());
    for call in allowed("outgoing") {
        let answer: Value = serde_json::from_str(&call.answer).unwrap();
        assert!((1..=900_000).contains(&answer["lifetime"].as_i64().unwrap()), "{}", call.answer);
    }
    // The double gives up on an end after half a second.
    for call in hooks.iter().filter(|call| call.body["request"]["status"] == "closing" && call.status.is_some()) {
        assert_eq!((call.status, call.answer.as_str()), (Some(200), "{}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_too_long_is_cut_by_the_origin() {
    let test = start(On::Sqlite).await;
    let ome = asking(&test).await;
    behind_a_password(&test).await;
    broadcast(&test, &ome, json!({})).await;
    let viewer = test.stranger();
    enter(&viewer, "hall", "open sesame").await.expect(204);
    let (_, url) = playback(&viewer).await;
    drop(plays(&url).await);
    // What is left of the admission is what the origin is told.
    let soon = bluecast::args![now_ms() + 12_000];
    test.app.store.run("UPDATE room_grants SET until_ms = $1", soon).await.unwrap();
    let mut watcher = Watcher::play(&url).await.expect("an offer");
    let cut = async { while watcher.line.hear().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), cut).await.expect("the viewer to be cut");
    is_refused(&url).await;
    get(&viewer, "/watch/hall/playback").await.problem(403, "password_needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_asks_twice_opens_once() {
    let test = start(On::Sqlite).await;
    let ome = asking(&test).await;
    test.admin.post("/rooms", json!({"key": "hall", "title": "Hall"})).await.expect(201);
    let air = on_air(&test, "hall", "hall").await;
    let token = PublishTokens::new(&test.app.vault).issue(air.target_id, 1, now_ms());
    let url = format!("rtmp://127.0.0.1:1935/app/hall?token={}", token.reveal());
    let stream = ome.publish(Source::Rtmp, &url).await.expect("to be let in");
    let openings = ome.hooks().iter().filter(|call| call.body["request"]["status"] == "opening").count();
    assert_eq!(openings, 2);
    ome.unpublish(&stream).await;
    let srt = format!("srt://default/app/hall?token={}", PublishTokens::new(&test.app.vault).issue(air.target_id, 1, now_ms()).reveal());
    ome.publish(Source::Srt, &srt).await.expect("to be let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_cannot_ask_checks_signatures() {
    let test = TestApp::start().await;
    let policy = Policy { secret: SIGNING.to_owned(), publishing: true, playing: true };
    let ome = Ome::start(OmeOptions { policy: Some(policy), ..OmeOptions::default() }).await;
    test.admin.post("/rooms", json!({"key": "hall", "title": "Hall"})).await.expect(201);
    broadcast(&test, &ome, json!({"signing_secret": SIGNING})).await;
    let (_, url) = playback(&test.stranger()).await;
    drop(plays(&url).await);
    is_refused(&ome.signalling_url("app", "hall")).await;
    is_refused(&url.replace("&policy=", "&policy=x")).await;
    is_refused(&url[..url.len() - 1]).await;

    let policy = Until { url_expire_ms: now_ms() + 60_000, stream_expire_ms: None };
    let signed = |address: &str, secret: &str| format!("{address}?{}", signed_policy::query(address, &Secret::new(secret), policy));
    for (source, address) in [(Source::Rtmp, "rtmp://127.0.0.1:1935/app/one"), (Source::Srt, "srt://default/app/two")] {
        assert!(ome.publish(source.clone(), address).await.is_err());
        assert!(ome.publish(source.clone(), &signed(address, "another")).await.is_err());
        ome.publish(source, &signed(address, SIGNING)).await.expect("to be let in");
    }
}
