//! Trying an origin, and working on it.

use std::sync::{Arc, Mutex};

use axum::body::to_bytes;
use axum::extract::Request;
use serde_json::{Value, json};

use super::{make, origin_at};
use crate::support::app::TestApp;
use crate::support::ome::{Ome, OmeOptions, Source};

#[tokio::test]
async fn a_test_says_what_is_right_and_wrong_with_each_server() {
    let (ome, edge) = (Ome::start(OmeOptions::default()).await, Ome::start(OmeOptions { apps: vec![], ..OmeOptions::default() }).await);
    let app = TestApp::start().await;
    let edges = json!([
        { "name": "dead", "api_url": "http://127.0.0.1:9" },
        { "name": "good", "api_url": edge.api_url(), "api_token": "rig:token" },
        { "name": "locked", "api_url": edge.api_url(), "api_token": "rig:guess" },
    ]);
    let id = make(&app, origin_at(&ome, json!({ "edges": edges }))).await;
    let found = app.admin.post(&format!("/origins/{id}/test"), json!({})).await.expect(200);
    assert_eq!((&found["origin"]["ok"], &found["origin"]["code"]), (&json!(true), &Value::Null), "{found}");
    assert!(found["origin"]["version"].as_str().unwrap().starts_with("v0."));
    let outcome: Vec<(&str, bool, Option<&str>)> = found["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| (edge["name"].as_str().unwrap(), edge["ok"].as_bool().unwrap(), edge["code"].as_str()))
        .collect();
    assert_eq!(outcome, [("dead", false, Some("unreachable")), ("good", true, None), ("locked", false, Some("wrong_token"))]);
    assert!(!found.to_string().contains("rig:"), "{found}");

    for (change, code) in [
        (json!({ "app": "nowhere" }), "no_app"),
        (json!({ "app": "app", "vhost": "nowhere" }), "no_vhost"),
        (json!({ "vhost": "default", "api_token": null }), "wrong_token"),
        (json!({ "api_url": null }), "no_api"),
    ] {
        app.admin.patch(&format!("/origins/{id}"), change).await.expect(200);
        let found = app.admin.post(&format!("/origins/{id}/test"), json!({})).await.expect(200);
        assert_eq!((&found["origin"]["ok"], found["origin"]["code"].as_str()), (&json!(false), Some(code)), "{found}");
        assert!(found["origin"]["detail"].as_str().unwrap().ends_with('.'), "{found}");
    }
    app.admin.get(&format!("/origins/{id}/streams")).await.problem(409, "no_api");
    app.stop().await;
}

#[tokio::test]
async fn streams_are_listed_and_ended_by_those_who_may() {
    let ome = Ome::start(OmeOptions::default()).await;
    ome.register("app", "one", Source::WebRtc { remote: "192.0.2.9:9".parse().unwrap() });
    let app = TestApp::start().await;
    let id = make(&app, origin_at(&ome, json!({}))).await;
    let path = format!("/origins/{id}/streams");
    let listed = app.admin.get(&path).await.expect(200);
    assert_eq!(
        (listed["items"][0]["name"].as_str(), listed["items"][0]["source_type"].as_str()),
        (Some("one"), Some("WebRTC")),
        "{listed}"
    );
    let user = app.user("user", &["origin.use"]).await;
    user.get(&path).await.problem(403, "forbidden");
    user.delete(&format!("{path}/one")).await.problem(403, "forbidden");
    user.post(&format!("/origins/{id}/test"), json!({})).await.problem(403, "forbidden");
    assert_eq!(ome.streams(), ["app/one"]);
    app.admin.delete(&format!("{path}/one")).await.expect(204);
    assert!(ome.streams().is_empty());
    app.admin.delete(&format!("{path}/one")).await.problem(404, "not_found");
    let activity = app.admin.get("/activity?limit=1").await.expect(200);
    assert_eq!((&activity["items"][0]["action"], &activity["items"][0]["subject"]), (&json!("stream.delete"), &json!(id)));
    app.stop().await;
}

/// A server that takes down what it is asked, and answers as OME does.
async fn recorder() -> (String, Arc<Mutex<Vec<(String, Value)>>>) {
    let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let kept = Arc::clone(&asked);
    let router = axum::Router::new().fallback(move |request: Request| {
        let kept = Arc::clone(&kept);
        async move {
            let path = request.uri().path().to_owned();
            let body = to_bytes(request.into_body(), 65536).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let action = path.rsplit_once(':').map_or("", |(_, action)| action).to_owned();
            let record = json!({ "id": body["id"], "state": "recording", "stream": body["stream"], "outputFilePath": "/r/x.ts", "recordBytes": 5, "recordTime": 7 });
            let push = json!({ "id": "p", "state": "pushing", "stream": { "name": "one" }, "protocol": "rtmp", "url": "rtmp://far.example.org/live/sesame",
                "streamKey": "sesame", "sentBytes": 1, "sentTime": 2 });
            let (status, response) = match action.as_str() {
                "startRecord" => (200, record),
                "records" => (200, json!([record])),
                "startPush" => (200, push),
                "pushes" => (200, json!([push])),
                "stopPush" => (404, Value::Null),
                _ => (200, Value::Null),
            };
            kept.lock().unwrap().push((action, body));
            let status_code = axum::http::StatusCode::from_u16(status).unwrap();
            (status_code, axum::Json(json!({ "statusCode": status, "message": "[HTTP] Could not find the push (404)", "response": response })))
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

#[tokio::test]
async fn records_and_pushes_are_started_listed_and_ended_without_a_key_being_shown() {
    let (api_url, asked) = recorder().await;
    let app = TestApp::start().await;
    let id = make(&app, json!({ "name": "Cellar", "app": "app", "srt_url": "srt://127.0.0.1:9", "api_url": api_url })).await;
    let records = format!("/origins/{id}/records");
    let made = app.admin.post(&records, json!({ "stream_name": "one" })).await.expect(201);
    assert_eq!(
        (made["state"].as_str(), made["stream_name"].as_str(), made["file"].as_str()),
        (Some("recording"), Some("one"), Some("/r/x.ts"))
    );
    let (action, body) = asked.lock().unwrap()[0].clone();
    assert_eq!(
        (action.as_str(), &body["stream"]["name"], body["filePath"].as_str()),
        ("startRecord", &json!("one"), Some("/one_${StartTime:YYYYMMDDhhmmss}.ts"))
    );
    assert_eq!(body["id"], made["id"]);
    assert_eq!(app.admin.get(&records).await.expect(200)["items"][0]["bytes"], 5);
    app.admin.delete(&format!("{records}/{}", made["id"].as_str().unwrap())).await.expect(204);
    app.admin.post(&records, json!({ "stream_name": "one", "file_path": "../../etc/x.ts" })).await.problem(422, "invalid_field");

    let pushes = format!("/origins/{id}/pushes");
    let new = json!({ "stream_name": "one", "url": "rtmp://far.example.org/live", "stream_key": "sesame" });
    let made = app.admin.post(&pushes, new).await.expect(201);
    assert_eq!((made["state"].as_str(), made["to"].as_str()), (Some("pushing"), Some("rtmp://far.example.org/live")));
    let (action, body) = asked.lock().unwrap().last().cloned().unwrap();
    assert_eq!((action.as_str(), &body["protocol"], &body["streamKey"]), ("startPush", &json!("rtmp"), &json!("sesame")));
    let listed = app.admin.get(&pushes).await;
    assert!(!listed.text.contains("sesame") && !made.to_string().contains("sesame"), "{}", listed.text);
    app.admin.delete(&format!("{pushes}/p")).await.problem(404, "not_found");
    app.admin.post(&pushes, json!({ "stream_name": "one", "url": "file:///etc/passwd" })).await.problem(422, "invalid_field");
    let activity = app.admin.get("/activity").await;
    assert!(activity.text.contains("push.start") && activity.text.contains("record.stop") && !activity.text.contains("sesame"));
    app.stop().await;
}
