//! A name that a dead session of ours holds is freed; everybody else's is left alone.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{broadcast, make, origin_at};
use crate::support::app::TestApp;
use crate::support::ome::{Fault, Ome, OmeOptions, Source};
use crate::support::srt::Listener;

#[tokio::test(flavor = "multi_thread")]
async fn only_a_webrtc_stream_of_the_target_s_name_is_ended_and_never_for_long() {
    let (ome, app, listener) = (Ome::start(OmeOptions::default()).await, TestApp::start().await, Listener::start(None));
    let origin = make(&app, origin_at(&ome, json!({ "srt_url": format!("srt://127.0.0.1:{}", listener.port) }))).await;
    let targets = json!([{ "origin_id": origin, "stream_name": "talk", "protocol": "srt" }]);
    let made = app.admin.post("/broadcasts", broadcast(json!({ "targets": targets }))).await.expect(201);
    let target = made["targets"][0]["id"].as_str().unwrap().to_owned();
    let evict = async |target: &str| {
        let evict = app.app.origins.evict(target);
        tokio::task::spawn_blocking(move || evict()).await.unwrap()
    };
    assert!(!evict(&target).await, "nothing is there");
    ome.haunt("app", "talk");
    ome.haunt("app", "other");
    assert!(!evict("none").await);
    assert!(evict(&target).await);
    assert_eq!(ome.streams(), ["app/other"]);
    ome.register("app", "talk", Source::Rtmp);
    assert!(!evict(&target).await, "it came by RTMP: somebody else's");
    assert_eq!(ome.streams(), ["app/other", "app/talk"]);
    ome.api_fault(Fault::Never);
    let asked = Instant::now();
    assert!(!evict(&target).await);
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    app.stop().await;
}
