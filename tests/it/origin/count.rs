//! Who watches: summed over the edges, and told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{broadcast, make, origin_at};
use crate::output::rig::Rig;
use crate::support::app::TestApp;
use crate::support::ome::pusher::Pusher;
use crate::support::ome::watcher::Watcher;
use crate::support::ome::{Ome, OmeOptions};
use crate::support::srt::Listener;
use crate::support::wait::until;
use bluecast::media::packet::Track;

/// An edge that says a number of viewers, half by WebRTC: the double counts real ones, of which no test has thousands.
struct Edge {
    address: SocketAddr,
    viewers: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Edge {
    async fn start(viewers: u64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, viewers) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(viewers)));
        let said = Arc::clone(&viewers);
        let router = Router::new().fallback(move |request: axum::extract::Request| {
            let viewers = said.load(Ordering::Relaxed);
            let known = request.uri().path() == "/v1/stats/current/vhosts/default/apps/app/streams/talk" && viewers > 0;
            async move {
                let status = if known { 200 } else { 404 };
                let connections = json!({ "webrtc": viewers - viewers / 2, "llhls": viewers / 2, "ovt": 3 });
                let answer = json!({ "statusCode": status, "message": "x", "response": { "connections": connections } });
                (StatusCode::from_u16(status).unwrap(), axum::Json(answer))
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, viewers, task }
    }

    fn api_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn room_and_broadcast(app: &TestApp, origin: &str) -> String {
    app.admin.post("/rooms", json!({ "key": "hall", "title": "Hall" })).await.expect(201);
    let targets = json!([{ "origin_id": origin, "stream_name": "talk", "protocol": "srt" }]);
    let made = app.admin.post("/broadcasts", broadcast(json!({ "room": "hall", "targets": targets }))).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn viewers(app: &TestApp, id: &str) -> u64 {
    app.admin.get(&format!("/broadcasts/{id}")).await.expect(200)["viewers"].as_u64().unwrap()
}

/// The counts in a room's events so far.
fn counts(told: &str) -> Vec<u64> {
    let count = |event: &str| -> Option<u64> {
        let data = event.lines().find_map(|line| line.strip_prefix("data: "))?;
        serde_json::from_str::<Value>(data).ok()?["viewers"].as_u64()
    };
    told.split("\n\n").filter(|event| event.contains("event: count")).filter_map(count).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_counts_the_viewers_of_all_edges_and_tells_when_they_change() {
    let (ome, listener, app) = (Ome::start(OmeOptions::default()).await, Listener::start(None), TestApp::start().await);
    let (one, two) = (Edge::start(2000).await, Edge::start(0).await);
    let edges = json!([
        { "name": "dead", "api_url": "http://127.0.0.1:9" },
        { "name": "one", "api_url": one.api_url() },
        { "name": "two", "api_url": two.api_url() },
    ]);
    let srt_url = format!("srt://127.0.0.1:{}", listener.port);
    let origin = make(&app, origin_at(&ome, json!({ "name": "Counted", "srt_url": srt_url, "edges": edges }))).await;
    let id = room_and_broadcast(&app, &origin).await;
    let mut answer = app.stranger().request(Method::GET, "/watch/hall/events").send().await.unwrap();
    let mut told = String::new();
    let mut until_told = async |what: &str, good: &dyn Fn(&[u64]) -> bool| {
        until(what, async || {
            told += &String::from_utf8_lossy(&answer.chunk().await.unwrap().unwrap());
            Some(counts(&told)).filter(|counts| good(counts))
        })
        .await
    };
    until_told("a count at once", &|counts| !counts.is_empty()).await;
    until_told("one edge's viewers", &|counts| counts.last() == Some(&2000)).await;
    assert_eq!(viewers(&app, &id).await, 2000);
    two.viewers.store(7, Ordering::Relaxed);
    until_told("both edges' viewers", &|counts| counts.last() == Some(&2007)).await;
    // An edge that falls silent counts on for a while.
    one.task.abort();
    two.viewers.store(9, Ordering::Relaxed);
    let all = until_told("the sum with what a silent edge said last", &|counts| counts.last() == Some(&2009)).await;
    assert!(all[1..].windows(2).all(|pair| pair[0] != pair[1]), "only changes are told: {all:?}");
    until("the target's own count", async || {
        (app.admin.get(&format!("/broadcasts/{id}")).await.expect(200)["targets"][0]["origin"]["viewers"] == 2009).then_some(())
    })
    .await;
    let metrics = app.app.metrics.render();
    for line in [
        "bluecast_viewers{at=\"origin\",origin=\"Counted\"} 2009",
        "bluecast_edge_up{origin=\"Counted\",edge=\"dead\"} 0",
        "bluecast_edge_up{origin=\"Counted\",edge=\"two\"} 1",
        "bluecast_origin_poll_seconds_count{origin=\"Counted\"}",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_told("nobody after the end", &|counts| counts.last() == Some(&0)).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_without_edges_counts_its_own() {
    let (ome, listener, app, rig) = (Ome::start(OmeOptions::default()).await, Listener::start(None), TestApp::start().await, Rig::start());
    let pusher = Pusher::push(&ome.whip_url("app", "talk"), &rig.hub, &rig.clock, &[Track::H264, Track::Opus]).await.unwrap();
    ome.wait_for_stream("app/talk").await;
    let origin = make(&app, origin_at(&ome, json!({ "srt_url": format!("srt://127.0.0.1:{}", listener.port) }))).await;
    let id = room_and_broadcast(&app, &origin).await;
    let play = async || Watcher::play(&ome.signalling_url("app", "talk")).await.unwrap();
    let (first, _second) = (play().await, play().await);
    until("two viewers", async || (viewers(&app, &id).await == 2).then_some(())).await;
    drop(first);
    until("one viewer", async || (viewers(&app, &id).await == 1).then_some(())).await;
    drop(pusher);
    app.stop().await;
}
