//! The test source: everything but a meeting.

use serde_json::{Value, json};

use super::{start, until_phase, view as phase};
use crate::support::app::{BOTH, TestApp};
use crate::support::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_the_air_is_seen_paused_and_stopped_on_both_databases() {
    for on in BOTH {
        let app = TestApp::start_on(on).await;
        let made = app.admin.post("/broadcasts", start(json!({}))).await.expect(201);
        let id = made["id"].as_str().unwrap();
        until_phase(&app, id, "live").await;
        let view = until("numbers", async || Some(phase(&app, id).await).filter(|view| view["program"]["fps"].as_f64() > Some(10.0))).await;
        assert_eq!((view["source"].as_str(), view["started_by"].as_str()), (Some("test"), Some("admin")));
        let snapshot = app.admin.request(reqwest::Method::GET, &format!("/api/v1/broadcasts/{id}/snapshot.jpg")).send().await.unwrap();
        assert_eq!(snapshot.headers()["content-type"], "image/jpeg");
        assert!(snapshot.bytes().await.unwrap().starts_with(&[0xff, 0xd8]));

        app.admin.post(&format!("/broadcasts/{id}/pause"), json!({})).await.expect(202);
        until("paused", async || Some(phase(&app, id).await).filter(|view| view["paused"] == true)).await;
        let put = |bytes: Vec<u8>| {
            let request = app.admin.request(reqwest::Method::PUT, &format!("/api/v1/broadcasts/{id}/slate"));
            crate::support::app::send(request.header("content-type", "image/jpeg").body(bytes))
        };
        let white = std::process::Command::new("gst-launch-1.0")
            .args(["-q", "videotestsrc", "num-buffers=1", "pattern=white", "!", "jpegenc", "!", "fdsink", "fd=1"])
            .output()
            .unwrap();
        put(white.stdout).await.expect(204);
        put(b"<svg/>".to_vec()).await.problem(422, "bad_image");
        put([&[0xff, 0xd8, 0xff][..], &[7; 500]].concat()).await.problem(422, "bad_image");
        put(vec![0xff; 9_000_000]).await.problem(413, "body_too_large");
        let session = app.app.supervisor.session(id).unwrap();
        until("the white slate goes out", async || {
            let picture = session.program().picture();
            let map = picture.map_readable().unwrap();
            (map[120 * 428 + 213] > 200).then_some(())
        })
        .await;
        app.admin.post(&format!("/broadcasts/{id}/resume"), json!({})).await.expect(202);
        until("resumed", async || Some(phase(&app, id).await).filter(|view| view["paused"] == false)).await;

        app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
        let over = until_phase(&app, id, "ended").await;
        assert_eq!(over["reason"], "stopped");
        app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
        app.admin.post(&format!("/broadcasts/{id}/pause"), json!({})).await.problem(409, "ended");

        let events = app.admin.get(&format!("/broadcasts/{id}/events")).await.expect(200);
        let codes: Vec<&str> = events["items"].as_array().unwrap().iter().map(|event| event["code"].as_str().unwrap()).collect();
        for code in ["joining", "step_joined", "live", "paused", "ending", "ended"] {
            assert!(codes.contains(&code), "{code} in {codes:?}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_takes_it_up_again_and_a_stop_meanwhile_is_kept() {
    let app = TestApp::start().await;
    let made = app.admin.post("/broadcasts", start(json!({}))).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    until_phase(&app, &id, "live").await;
    let data = app.stop().await;
    let settings = crate::support::app::settings(crate::support::app::On::Sqlite, &data, &[]).await;
    let app = TestApp::start_in(data, settings).await;
    assert_eq!(phase(&app, &id).await["ended_at"], Value::Null);
    until_phase(&app, &id, "live").await;
    let events = app.admin.get(&format!("/broadcasts/{id}/events")).await.expect(200);
    assert!(events["items"].as_array().unwrap().iter().any(|event| event["code"] == "resumed_after_restart"));
    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_phase(&app, &id, "ended").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_says_why() {
    let app = TestApp::start().await;
    for (body, status, code) in [
        (json!({ "source": "native" }), 422, "source_not_available"),
        (json!({ "source": "browser" }), 422, "invalid_field"),
        (json!({ "source": "browser", "server_id": "none", "meeting_id": "m" }), 422, "no_such_server"),
        (json!({ "source": "test", "profile": "8k" }), 422, "bad_profile"),
        (json!({ "source": "test", "overrides": { "fps": 600 } }), 422, "bad_profile"),
        (json!({ "source": "test", "room": "nowhere" }), 422, "no_such_room"),
        (json!({ "source": "test", "node": "elsewhere" }), 422, "no_such_node"),
        (json!({ "source": "test", "layout": "UPSIDE_DOWN" }), 422, "invalid_field"),
        (json!({ "source": "test", "bot": { "name": "" } }), 422, "invalid_field"),
        (json!({ "source": "test", "targets": [{}] }), 422, "bad_target"),
        (json!({ "source": "test", "targets": [{ "url": "rtmp://host/app ! filesink/key" }] }), 422, "bad_target"),
        (json!({ "source": "test", "targets": [{ "url": "rtmp://host/\"app\"/key" }] }), 422, "bad_target"),
        (json!({ "source": "test", "targets": [{ "url": "rtmp://host/app/key\n" }] }), 422, "bad_target"),
        (json!({ "source": "test", "targets": [{ "url": "https://host/whip", "srt": { "latency_ms": 100 } }] }), 422, "bad_target"),
        (json!({ "source": "test", "targets": [{ "origin_id": "none", "stream_name": "s" }] }), 422, "no_such_origin"),
        (json!({ "source": "test", "unknown": 1 }), 422, "unknown_field"),
    ] {
        let answer = app.admin.post("/broadcasts", body.clone()).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (status, Some(code)), "{body}: {}", answer.text);
    }
    assert_eq!(app.admin.get("/broadcasts").await.expect(200)["items"], json!([]));
    app.admin.get("/broadcasts/none").await.problem(404, "not_found");
    app.admin.post("/broadcasts/none/stop", json!({})).await.problem(404, "not_found");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_target_is_never_fed_twice_and_capacity_is_refused_with_numbers() {
    let app = TestApp::start_with(crate::support::app::On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "0.3")]).await;
    let target = json!([{ "url": "rtmp://127.0.0.1:9/app", "stream_key": "hidden-key-7" }]);
    let made = app.admin.post("/broadcasts", start(json!({ "targets": target }))).await.expect(201);
    let id = made["id"].as_str().unwrap();
    assert!(!made.to_string().contains("hidden-key-7"));
    let full = app.admin.post("/broadcasts", json!({ "source": "test", "profile": "1080p30" })).await.problem(503, "no_capacity");
    assert!(full["detail"].as_str().unwrap().contains("are free"), "{full}");
    app.admin
        .post(&format!("/broadcasts/{id}/targets"), json!({ "url": "rtmp://127.0.0.1:9/app/hidden-key-7" }))
        .await
        .problem(409, "target_busy");
    let lost = until("a refused target", async || {
        let view = phase(&app, id).await;
        Some(view["targets"][0].clone()).filter(|target| target["state"] == "backing_off")
    })
    .await;
    assert!(lost["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{lost}");
    let added = app.admin.post(&format!("/broadcasts/{id}/targets"), json!({ "url": "srt://127.0.0.1:9" })).await.expect(201);
    let target_id = added["id"].as_str().unwrap();
    app.admin.delete(&format!("/broadcasts/{id}/targets/{target_id}")).await.expect(204);
    app.admin.delete(&format!("/broadcasts/{id}/targets/{target_id}")).await.problem(404, "not_found");
    let graph = app.admin.get(&format!("/broadcasts/{id}/graph.svg")).await;
    assert!(graph.text.contains("x264enc") && graph.text.contains("playing"), "{}", graph.text);
    assert!(!graph.text.contains("hidden-key-7") && !graph.text.contains("127.0.0.1"));
    let events = app.admin.get(&format!("/broadcasts/{id}/events")).await;
    assert!(!events.text.contains("hidden-key-7"), "{}", events.text);
    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_phase(&app, id, "ended").await;
    // In the database it is over a moment before its place is free.
    until("room for another", async || (app.app.supervisor.running() == 0).then_some(())).await;
    // A target is free again when its broadcast is over.
    app.admin.post("/broadcasts", start(json!({ "targets": target }))).await.expect(201);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_of_the_wall_may_not_operate_and_freehand_is_its_own_right() {
    let app = TestApp::start().await;
    let viewer = app.user("vera", &["broadcast.view"]).await;
    viewer.get("/broadcasts").await.expect(200);
    viewer.post("/broadcasts", start(json!({}))).await.problem(403, "forbidden");
    let operator = app.user("otto", &["broadcast.view", "broadcast.operate"]).await;
    operator.post("/broadcasts", start(json!({ "targets": [{ "url": "rtmp://127.0.0.1:9/app/key" }] }))).await.problem(403, "forbidden");
    operator.post("/broadcasts", start(json!({}))).await.expect(201);
    app.stranger().get("/broadcasts").await.problem(401, "not_authenticated");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_as_they_happen() {
    let app = TestApp::start().await;
    let mut answer = app.admin.request(reqwest::Method::GET, "/api/v1/events").send().await.unwrap();
    app.admin.post("/broadcasts", start(json!({}))).await.expect(201);
    let mut told = String::new();
    until("the story of a broadcast", async || {
        told += &String::from_utf8_lossy(&answer.chunk().await.ok()??);
        ["\"phase\":\"live\"", "\"program\":", "event: broadcast", "id: "].iter().all(|part| told.contains(part)).then_some(())
    })
    .await;
    app.stop().await;
}
