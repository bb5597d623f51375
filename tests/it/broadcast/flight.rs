//! The desk's numbers, a target tried again, and the flight recorder.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use bluecast::args;
use serde_json::{Value, json};

use super::{start, until_phase, view};
use crate::support::app::{On, TestApp};
use crate::support::bbb::Bbb;
use crate::support::nginx::{Nginx, free_port};
use crate::support::wait::until;

const SECRETS: [&str; 7] =
    ["hidden-key-7", "hidden-id-7", "hidden-phrase-7", "hidden-bearer-7", "hidden-token-7", "hidden-path-7", "hidden-user-7"];

async fn bundle(app: &TestApp, id: &str) -> BTreeMap<String, Vec<u8>> {
    let request = app.admin.request(reqwest::Method::GET, &format!("/api/v1/broadcasts/{id}/flight.zip"));
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "application/zip"));
    assert!(answer.headers()["content-disposition"].to_str().unwrap().contains(&format!("bluecast-{id}.zip")));
    let mut archive = zip::ZipArchive::new(Cursor::new(answer.bytes().await.unwrap())).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        files.insert(file.name().unwrap().into_owned(), content);
    }
    files
}

fn text(files: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8_lossy(files.get(name).unwrap_or_else(|| panic!("{name} in {:?}", files.keys()))).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flight_recorder_has_everything_but_secrets() {
    let bbb = Bbb::start().await;
    let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_LOG", "off"), ("BLUECAST_CHROMIUM", "/bin/false")]).await;
    bluecast::telemetry::start_log(&app.app.settings);
    let server = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = app.admin.post("/servers", server).await.expect(201)["id"].as_str().unwrap().to_owned();
    bbb.meeting("physics").people(1);
    let targets = json!([
        { "url": format!("rtmp://hidden-user-7:x@127.0.0.1:{}/app", free_port()), "stream_key": SECRETS[0] },
        { "url": "srt://127.0.0.1:9", "srt": { "streamid": SECRETS[1], "passphrase": SECRETS[2] } },
        { "url": "http://127.0.0.1:9/live/hidden-path-7?token=hidden-token-7", "bearer": SECRETS[3] },
    ]);
    let request = json!({ "server_id": server, "meeting_id": "physics", "profile": "480p30", "targets": targets });
    let id = app.admin.post("/broadcasts", request).await.expect(201)["id"].as_str().unwrap().to_owned();
    let removed = view(&app, &id).await["targets"][1]["id"].as_str().unwrap().to_owned();
    app.admin.delete(&format!("/broadcasts/{id}/targets/{removed}")).await.expect(204);
    until("samples", async || {
        let samples = app.admin.get(&format!("/broadcasts/{id}/samples")).await.expect(200);
        (samples["at_ms"].as_array().unwrap().len() >= 3).then_some(())
    })
    .await;

    // Secrets where none should ever be: in the log, among the events, on the page's console, in what it was called.
    let all = SECRETS.join(" ") + " " + bbb.secret().reveal();
    tracing::warn!(broadcast = id, "planted in the log: {all}");
    let sql = "INSERT INTO broadcast_events (id, broadcast_id, at_ms, code, message, target_id) VALUES ($1, $2, 1, 'planted', $3, NULL)";
    app.app.store.run(sql, args![bluecast::id::new(), &id, format!("planted among the events: {all}")]).await.unwrap();
    app.app.store.run("UPDATE broadcasts SET meeting_name = $1 WHERE id = $2", args![format!("planted: {all}"), &id]).await.unwrap();
    let evidence = app.data.path().join("evidence").join(&id);
    std::fs::create_dir_all(&evidence).unwrap();
    // The browser that never comes up leaves evidence of its own whenever it fails.
    let files = until("an archive with what was planted", async || {
        std::fs::write(evidence.join("console.txt"), format!("planted on the console: {all} hidden%2Dkey%2D7")).unwrap();
        std::fs::write(evidence.join("screenshot"), b"\x89PNG the page").unwrap();
        let files = bundle(&app, &id).await;
        (files.contains_key("page.png") && text(&files, "console.txt").starts_with("planted")).then_some(files)
    })
    .await;
    for (name, content) in &files {
        let content = String::from_utf8_lossy(content);
        for secret in SECRETS.iter().chain([&bbb.secret().reveal(), &"hidden%2Dkey%2D7"]) {
            assert!(!content.contains(*secret), "{secret} in {name}: {content}");
        }
    }
    for (name, wanted) in [
        ("README.txt", "flight recorder"),
        ("broadcast.json", "\"bluecast\""),
        ("events.txt", "planted among the events: …"),
        ("log.txt", "planted in the log: …"),
        ("console.txt", "planted on the console: …"),
        ("samples.csv", "time,fps,distinct_fps"),
        ("graphs.svg", "CPU of the process"),
        ("pipelines.svg", "x264enc"),
        ("page.png", "the page"),
    ] {
        assert!(text(&files, name).contains(wanted), "{wanted} in {name}: {}", text(&files, name));
    }
    assert!(files["picture.jpg"].starts_with(&[0xff, 0xd8]));
    // What was said on the way is there by itself, from the session and from its outputs.
    let log = text(&files, "log.txt");
    assert!(log.contains("broadcast phase=") && log.contains("output:"), "{log}");
    assert!(app.admin.get("/activity").await.text.contains("broadcast.flight"));

    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_phase(&app, &id, "ended").await;
    let files = bundle(&app, &id).await;
    assert!(!files.contains_key("pipelines.svg"));
    assert!(text(&files, "samples.csv").lines().count() > 3, "the numbers outlive the broadcast");
    app.admin.get("/broadcasts/none/flight.zip").await.problem(404, "not_found");
    app.stranger().get(&format!("/broadcasts/{id}/flight.zip")).await.problem(401, "not_authenticated");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_go_on_and_a_target_is_tried_again_at_once() {
    let app = TestApp::start().await;
    let mut nginx = Nginx::start();
    let url = nginx.url("key-7");
    nginx.kill();
    let made = app.admin.post("/broadcasts", start(json!({ "targets": [{ "url": url }] }))).await.expect(201);
    let (id, target) = (made["id"].as_str().unwrap(), made["targets"][0]["id"].as_str().unwrap());
    until("the target to wait", async || Some(view(&app, id).await).filter(|view| view["targets"][0]["state"] == "backing_off")).await;
    // Before the server is back: afterwards the target might come back by itself.
    app.admin.post(&format!("/broadcasts/{id}/targets/{target}/retry"), json!({})).await.expect(202);
    nginx.restart();
    until("the target to be live", async || Some(view(&app, id).await).filter(|view| view["targets"][0]["state"] == "live")).await;
    app.admin.post(&format!("/broadcasts/{id}/targets/{target}/retry"), json!({})).await.problem(409, "target_live");
    app.admin.post(&format!("/broadcasts/{id}/targets/none/retry"), json!({})).await.problem(404, "not_found");
    until("the event", async || {
        app.admin.get(&format!("/broadcasts/{id}/events")).await.text.contains("tried again at once, by admin").then_some(())
    })
    .await;

    let path = format!("/broadcasts/{id}/samples");
    let samples = until("numbers of the target", async || {
        let samples = app.admin.get(&path).await.expect(200);
        let known =
            |list: &Value| list.as_array().is_some_and(|all| all.iter().any(|value| value.as_f64().is_some_and(|value| value > 0.0)));
        (known(&samples["targets"][0]["kbps"]) && known(&samples["fps"])).then_some(samples)
    })
    .await;
    let count = samples["at_ms"].as_array().unwrap().len();
    for list in ["fps", "distinct_fps", "video_kbps", "audio_level_db", "av_skew_ms", "cpu_cores", "viewers"] {
        assert_eq!(samples[list].as_array().unwrap().len(), count, "{list}");
    }
    assert_eq!(samples["targets"][0]["label"], made["targets"][0]["label"]);
    let newest = samples["at_ms"][count - 1].as_i64().unwrap();
    until("newer samples", async || {
        let newer = app.admin.get(&format!("{path}?since={newest}")).await.expect(200);
        let times = newer["at_ms"].as_array().unwrap();
        assert!(times.iter().all(|at| at.as_i64() > Some(newest)));
        (!times.is_empty()).then_some(())
    })
    .await;
    let viewer = app.user("vera", &["broadcast.view"]).await;
    viewer.get(&path).await.expect(200);
    viewer.post(&format!("/broadcasts/{id}/targets/{target}/retry"), json!({})).await.problem(403, "forbidden");

    // A pause may say why; what is no sentence is refused.
    app.admin.post(&format!("/broadcasts/{id}/pause"), json!({ "note": "Exam questions" })).await.expect(202);
    let events = app.admin.get(&format!("/broadcasts/{id}/events")).await.text;
    assert!(events.contains("Paused by admin: Exam questions"), "{events}");
    app.admin.post(&format!("/broadcasts/{id}/resume"), json!({ "note": "x".repeat(201) })).await.problem(422, "invalid_field");
    app.admin.request(reqwest::Method::POST, &format!("/api/v1/broadcasts/{id}/resume")).send().await.unwrap().error_for_status().unwrap();
    app.stop().await;
}
