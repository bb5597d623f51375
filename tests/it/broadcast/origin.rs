//! Targets on origins: which protocol, in which form, and what survives a crash.

use serde_json::{Value, json};

use super::{codes, start, until_phase, view};
use crate::support::app::TestApp;
use crate::support::ome::{Ome, OmeOptions};
use crate::support::process::{Folders, Process};
use crate::support::wait::until;

async fn origin(app: &TestApp, fields: Value) -> String {
    let mut origin = json!({ "name": "OME", "app": "app" });
    for (key, value) in fields.as_object().unwrap() {
        origin[key] = value.clone();
    }
    app.admin.post("/origins", origin).await.expect(201)["id"].as_str().unwrap().to_owned()
}

fn base(ome: &Ome) -> String {
    ome.whip_url("app", "x").split("/app/").next().unwrap().to_owned()
}

async fn until_target(app: &TestApp, id: &str, state: &str) -> Value {
    until(&format!("the target to be {state}"), async || {
        Some(view(app, id).await["targets"][0].clone()).filter(|target| target["state"] == state)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_that_an_origin_takes_is_used_and_no_name_is_fed_twice() {
    let (app, ome) = (TestApp::start().await, Ome::start(OmeOptions::default()).await);
    let whip = base(&ome);
    let all = origin(&app, json!({ "whip_url": whip, "rtmp_url": "rtmp://127.0.0.1:1", "srt_url": "srt://127.0.0.1:1" })).await;
    let older = origin(&app, json!({ "name": "Older", "rtmp_url": "rtmp://127.0.0.1:1", "srt_url": "srt://127.0.0.1:1" })).await;
    let srt = origin(&app, json!({ "name": "SRT", "srt_url": "srt://127.0.0.1:1" })).await;
    let targets = json!([
        { "origin_id": all, "stream_name": "one" },
        { "origin_id": older, "stream_name": "one" },
        { "origin_id": srt, "stream_name": "one" },
        { "origin_id": all, "stream_name": "two", "protocol": "rtmp" },
    ]);
    let id = app.admin.post("/broadcasts", start(json!({ "targets": targets }))).await.expect(201)["id"].as_str().unwrap().to_owned();
    let shown = view(&app, &id).await["targets"].clone();
    let protocols: Vec<&str> = shown.as_array().unwrap().iter().map(|target| target["protocol"].as_str().unwrap()).collect();
    assert_eq!(protocols, ["whip", "rtmp", "srt", "rtmp"], "{shown}");
    assert_eq!(shown[0]["label"], "OME / one");
    let live = until_target(&app, &id, "live").await;
    assert_eq!(live["protocol"], "whip");
    ome.wait_for_stream("app/one").await;
    let decoded = ome.decode("app/one");
    until("the test picture's clock", async || decoded.pictures().iter().any(|picture| picture.strip_ms.is_some()).then_some(())).await;
    let numbers = until("numbers of the connection", async || {
        let target = view(&app, &id).await["targets"][0].clone();
        (target["kbps"].as_u64() > Some(0) && target["rtt_ms"].is_f64() && target["loss_percent"].is_f64()).then_some(target)
    })
    .await;
    assert!(numbers["bytes"].as_u64() > Some(1000), "{numbers}");

    let path = format!("/broadcasts/{id}/targets");
    for target in [
        json!({ "origin_id": all, "stream_name": "one" }),
        json!({ "origin_id": all, "stream_name": "one", "protocol": "srt" }),
        json!({ "url": ome.whip_url("app", "one") }),
    ] {
        app.admin.post(&path, target).await.problem(409, "target_busy");
    }
    for target in [
        json!({ "origin_id": srt, "stream_name": "x", "protocol": "whip" }),
        json!({ "origin_id": all, "stream_name": "x", "protocol": "hls" }),
    ] {
        app.admin.post(&path, target).await.problem(422, "protocol_not_available");
    }
    for target in [
        json!({ "origin_id": all, "stream_name": "x", "bearer": "b" }),
        json!({ "url": "rtmp://127.0.0.1/app/key", "bearer": "b" }),
        json!({ "url": "https://127.0.0.1/whip", "stream_key": "k" }),
        json!({ "url": "https://127.0.0.1/whip", "bearer": "b b" }),
    ] {
        app.admin.post(&path, target).await.problem(422, "bad_target");
    }
    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_phase(&app, &id, "ended").await;
    assert_eq!(ome.streams(), Vec::<String>::new());
    assert!(codes(&app, &id).await.contains(&"target_live".to_owned()));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_whip_address_takes_a_bearer_that_nothing_shows() {
    let (app, ome) = (TestApp::start().await, Ome::start(OmeOptions::default()).await);
    let target = json!({ "url": ome.whip_url("app", "plain-s3cr3t"), "bearer": "b34r3r" });
    let id = app.admin.post("/broadcasts", start(json!({ "targets": [target] }))).await.expect(201)["id"].as_str().unwrap().to_owned();
    until_target(&app, &id, "live").await;
    let offer = ome.requests().into_iter().find(|request| request.method == "POST").unwrap();
    assert_eq!((offer.path.as_str(), offer.header("authorization")), ("/app/plain-s3cr3t?direction=whip", Some("Bearer b34r3r")));
    for path in
        [format!("/broadcasts/{id}"), format!("/broadcasts/{id}/events"), format!("/broadcasts/{id}/graph.svg"), "/activity".to_owned()]
    {
        let text = app.admin.get(&path).await.text;
        assert!(!text.contains("s3cr3t") && !text.contains("b34r3r"), "{path}: {text}");
    }
    // Neither the address nor the session's is readable in the database.
    let rows: Vec<(String, Option<String>)> =
        app.app.store.all("SELECT address_sealed, whip_resource_sealed FROM targets", bluecast::store::args![]).await.unwrap();
    assert!(rows.len() == 1 && !rows[0].0.contains("s3cr3t"));
    assert!(rows[0].1.as_ref().is_some_and(|sealed| sealed.starts_with("v1.") && !sealed.contains("s3cr3t")), "{rows:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_the_old_session_is_ended_before_the_new_one_is_offered() {
    let (ome, folders) = (Ome::start(OmeOptions::default()).await, Folders::new());
    let process = Process::start(&folders).await;
    let origin = process.admin.post("/origins", json!({ "name": "OME", "app": "app", "whip_url": base(&ome) })).await.expect(201);
    let request = start(json!({ "targets": [{ "origin_id": origin["id"], "stream_name": "one" }] }));
    let id = process.admin.post("/broadcasts", request).await.expect(201)["id"].as_str().unwrap().to_owned();
    ome.wait_for_stream("app/one").await;
    let session = ome.stream("app/one").unwrap().session.clone();
    process.kill();
    assert_eq!(ome.streams(), ["app/one"], "OME has not noticed yet");

    let process = Process::start(&folders).await;
    until("another session", async || ome.stream("app/one").filter(|stream| stream.session != session)).await;
    ome.wait_for_stream("app/one").await;
    let calls: Vec<(String, u16)> = ome.requests().into_iter().map(|request| (request.method, request.status)).collect();
    let calls: Vec<(&str, u16)> = calls.iter().map(|(method, status)| (method.as_str(), *status)).collect();
    assert_eq!(calls[..2], [("POST", 201), ("DELETE", 200)], "{calls:?}");
    assert_eq!(calls.last(), Some(&("POST", 201)), "{calls:?}");
    assert!(ome.requests()[1].path.contains(&session));
    until("the target to be live", async || {
        (process.admin.get(&format!("/broadcasts/{id}")).await.expect(200)["targets"][0]["state"] == "live").then_some(())
    })
    .await;

    // An orderly end takes the session along, and leaves nothing to end.
    assert!(process.terminate().await.success());
    assert_eq!(ome.streams(), Vec::<String>::new());
    let log = std::fs::read_to_string(folders.log()).unwrap();
    assert!(!log.contains(&session), "the session's address is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_that_takes_a_broadcast_up_has_an_epoch_of_its_own() {
    let app = TestApp::start().await;
    let id = app.admin.post("/broadcasts", start(json!({}))).await.expect(201)["id"].as_str().unwrap().to_owned();
    until_phase(&app, &id, "live").await;
    let settings = app.app.settings.clone();
    let epoch = async |app: &TestApp| {
        let sql = "SELECT epoch FROM broadcasts WHERE id = $1";
        app.app.store.optional::<(i64,)>(sql, bluecast::store::args![&id]).await.unwrap().unwrap().0
    };
    assert_eq!(epoch(&app).await, 1);
    let data = app.stop().await;
    let app = TestApp::start_in(data, settings).await;
    until_phase(&app, &id, "live").await;
    assert_eq!(epoch(&app).await, 2);
    app.stop().await;
}
