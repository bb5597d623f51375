//! The double's API, and an edge of it.

use std::time::{Duration, Instant};

use bluecast::media::packet::Track;
use serde_json::{Value, json};

use super::double::{api, call};
use crate::output::rig::Rig;
use crate::support::ome::pusher::Pusher;
use crate::support::ome::watcher::Watcher;
use crate::support::ome::{Fault, Ome, OmeOptions, Source};
use crate::support::wait::until;

const BOTH: [Track; 2] = [Track::H264, Track::Opus];
const APP: &str = "/v1/vhosts/default/apps/app";

async fn post(ome: &Ome, path: &str, body: Value) -> (u16, Value) {
    call(ome, reqwest::Method::POST, &format!("{APP}{path}"), &body.to_string()).await
}

#[tokio::test]
async fn streams_of_other_protocols_are_told_in_their_words() {
    let ome = Ome::start(OmeOptions { apps: vec!["app".into(), "other".into()], ..OmeOptions::default() }).await;
    let stream = ome.register("app", "r1", Source::Rtmp);
    assert_eq!(api(&ome, "/v1/vhosts/default/apps").await.1["response"], json!(["app", "other"]));
    assert_eq!(api(&ome, &format!("{APP}/streams")).await.1["response"], json!(["r1"]));
    assert_eq!(api(&ome, "/v1/vhosts/default/apps/other/streams").await.1["response"], json!([]));
    let detail = async || api(&ome, &format!("{APP}/streams/r1")).await.1["response"].clone();
    let told = detail().await;
    assert_eq!((&told["input"]["sourceType"], &told["input"]["tracks"][1]["audio"]["codec"]), (&"Rtmp".into(), &"AAC".into()), "{told}");
    let sound = &told["outputs"][0]["tracks"][1]["audio"];
    assert_eq!((&sound["codec"], &sound["bypass"]), (&"OPUS".into(), &false.into()), "it is transcoded: {told}");
    stream.pretend(|facts| {
        facts.video_bypass = Some(false);
        facts.b_frames = Some(true);
    });
    let picture = detail().await["outputs"][0]["tracks"][0]["video"].clone();
    assert_eq!((&picture["bypass"], &picture["hasBframes"]), (&false.into(), &true.into()), "{picture}");
    let (status, body) = api(&ome, "/v1/vhosts/none/apps").await;
    assert_eq!((status, &body["statusCode"]), (404, &404.into()), "{body}");
}

#[tokio::test]
async fn records_and_pushes_are_kept() {
    let ome = Ome::start(OmeOptions::default()).await;
    ome.register("app", "f1", Source::Srt);
    let record = json!({"id": "rec1", "stream": {"name": "f1"}, "filePath": "/x.mp4"});
    let (status, body) = post(&ome, ":startRecord", record.clone()).await;
    assert_eq!((status, &body["response"]["state"]), (200, &"recording".into()), "{body}");
    let (status, body) = post(&ome, ":startRecord", record).await;
    assert_eq!((status, &body["message"]), (400, &"[HTTP] Duplicate ID already exists (400)".into()));
    assert_eq!(post(&ome, ":records", json!({})).await.1["response"].as_array().unwrap().len(), 1);
    assert_eq!(api(&ome, &format!("{APP}:records")).await.1["response"][0]["id"], "rec1");
    assert_eq!(post(&ome, ":stopRecord", json!({"id": "rec1"})).await.1["response"]["state"], "stopping");
    assert_eq!(api(&ome, &format!("{APP}:records")).await.1["response"], json!([]));
    assert_eq!(post(&ome, ":stopRecord", json!({"id": "rec1"})).await.0, 404);
    assert_eq!(post(&ome, ":startRecord", json!({"id": "rec2"})).await.0, 400);

    let push = json!({"id": "p1", "stream": {"name": "f1"}, "protocol": "rtmp", "url": "rtmp://127.0.0.1:9/app", "streamKey": "k"});
    assert_eq!(post(&ome, ":startPush", push.clone()).await.0, 200);
    let state = async || api(&ome, &format!("{APP}:pushes")).await.1["response"][0]["state"].clone();
    until("the push to be under way", async || (state().await == "pushing").then_some(())).await;
    ome.fail_pushes(true);
    assert_eq!(state().await, "error");
    assert_eq!(post(&ome, ":startPush", push).await.0, 400);
    assert_eq!(post(&ome, ":startPush", json!({"stream": {"name": "f1"}, "protocol": "hls", "url": "x"})).await.0, 400);
    assert_eq!(post(&ome, ":stopPush", json!({"id": "p1"})).await.1, json!({"statusCode": 200, "message": "OK"}));
    assert_eq!(post(&ome, ":stopPush", json!({"id": "p1"})).await.0, 404);
}

#[tokio::test]
async fn the_api_can_be_made_to_fail() {
    let ome = Ome::start(OmeOptions::default()).await;
    let client = reqwest::Client::new();
    let ask = async || client.get(format!("{}/v1/version", ome.api_url())).basic_auth("rig", Some("token")).send().await;
    ome.api_fault(Fault::Slow(Duration::from_millis(400)));
    let begun = Instant::now();
    assert_eq!(ask().await.unwrap().status(), 200);
    assert!(begun.elapsed() >= Duration::from_millis(400));
    ome.api_fault(Fault::Garbage);
    assert!(serde_json::from_str::<Value>(&ask().await.unwrap().text().await.unwrap()).is_err());
    ome.api_fault(Fault::Huge);
    let mut answer = ask().await.unwrap();
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, 64 << 20);
    ome.api_fault(Fault::Refuse(401, "no".to_owned(), 1));
    assert_eq!((ask().await.unwrap().status().as_u16(), ask().await.unwrap().status().as_u16()), (401, 200));
    ome.api_fault(Fault::Closed);
    assert!(ask().await.is_err());
    ome.api_fault(Fault::Never);
    assert!(tokio::time::timeout(Duration::from_millis(300), ask()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_takes_a_stream_for_its_viewers_and_drops_them_with_it() {
    let (origin, rig) = (Ome::start(OmeOptions::default()).await, Rig::start());
    let edge = Ome::edge_of(&origin, OmeOptions { unused_after: Duration::from_secs(8), ..OmeOptions::default() }).await;
    let push = async || Pusher::push(&origin.whip_url("app", "a1"), &rig.hub, &rig.clock, &BOTH).await.unwrap();
    assert_eq!(Pusher::push(&edge.whip_url("app", "a1"), &rig.hub, &rig.clock, &BOTH).await.err().unwrap().status, 404);
    assert_eq!(Watcher::play(&edge.signalling_url("app", "a1")).await.err().unwrap()["code"], 404);
    let pusher = push().await;
    origin.wait_for_stream("app/a1").await;
    assert!(edge.streams().is_empty(), "nobody watches");

    let mut viewer = Watcher::play(&edge.signalling_url("app", "a1")).await.unwrap();
    let second = Watcher::play(&edge.signalling_url("app", "a1")).await.unwrap();
    until("media by the edge", async || (viewer.packets() > 50 && second.packets() > 50).then_some(())).await;
    let counts = async |ome: &Ome, path: &str| api(ome, &format!("/v1/stats/current{path}")).await.1["response"]["connections"].clone();
    for path in ["", "/vhosts/default", "/vhosts/default/apps/app", "/vhosts/default/apps/app/streams/a1"] {
        assert_eq!(counts(&edge, path).await["webrtc"], 2, "{path}");
        let there = counts(&origin, path).await;
        assert_eq!((&there["webrtc"], &there["ovt"]), (&0.into(), &1.into()), "{path}");
    }
    let told = api(&edge, &format!("{APP}/streams/a1")).await.1;
    assert_eq!(told["response"]["input"]["sourceType"], "Ovt", "{told}");
    let picture = &told["response"]["outputs"][0]["tracks"][0]["video"];
    let origin_picture = api(&origin, &format!("{APP}/streams/a1")).await.1["response"]["outputs"][0]["tracks"][0]["video"].clone();
    assert_eq!((&origin_picture["width"], &origin_picture["height"]), (&480.into(), &270.into()), "{picture}");

    let begun = Instant::now();
    assert_eq!(pusher.delete().await, 200);
    while viewer.line.hear().await.is_some() {}
    assert!((200..15_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert!(edge.streams().is_empty() && edge.viewers("app/a1").is_empty());

    // One that nobody watches any more is dropped, and its origin goes on.
    let _pusher = push().await;
    origin.wait_for_stream("app/a1").await;
    drop(Watcher::play(&edge.signalling_url("app", "a1")).await.unwrap());
    until("the edge to let it go", async || edge.streams().is_empty().then_some(())).await;
    assert_eq!(origin.streams(), ["app/a1"]);

    let edge = Ome::edge_of(&origin, OmeOptions::default()).await;
    let pull = async |name: &str| post(&edge, "/streams", json!({"name": name, "urls": ["ovt://127.0.0.1/app/a1"]})).await;
    assert_eq!(pull("a1").await, (201, json!({"statusCode": 201, "message": "Created"})));
    assert_eq!((pull("a1").await.0, pull("a2").await.0), (409, 502));
}
