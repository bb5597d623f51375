//! Saved Starts.

use serde_json::{Value, json};

use super::{start, until_phase, view};
use crate::support::app::{BOTH, TestApp, send};
use crate::support::nginx::free_port;

const SECRETS: [&str; 4] = ["hidden-key-7", "hidden-id-7", "hidden-phrase-7", "hidden-bearer-7"];

fn targets() -> Value {
    json!([
        { "url": "rtmp://127.0.0.1:9/app", "stream_key": SECRETS[0] },
        { "url": "srt://127.0.0.1:9", "srt": { "streamid": SECRETS[1], "passphrase": SECRETS[2] } },
        { "url": "http://127.0.0.1:9/whip", "bearer": SECRETS[3] },
    ])
}

async fn white() -> Vec<u8> {
    let args = ["-q", "videotestsrc", "num-buffers=1", "pattern=white", "!", "jpegenc", "!", "fdsink", "fd=1"];
    tokio::process::Command::new("gst-launch-1.0").args(args).output().await.unwrap().stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_starts_what_it_saved_keeps_its_secrets_and_is_changed_in_parts() {
    for on in BOTH {
        let app = TestApp::start_on(on).await;
        app.admin.post("/rooms", json!({ "key": "aula", "title": "Aula" })).await.expect(201);
        let saved = start(json!({ "room": "aula", "targets": targets(), "rules": { "longest_minutes": 90 } }));
        let made = app.admin.post("/presets", json!({ "name": " Physics ", "start": saved })).await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        assert_eq!((&made["name"], &made["start"]["rules"]["longest_minutes"]), (&json!("Physics"), &json!(90)));
        let labels: Vec<&str> = made["targets"].as_array().unwrap().iter().map(|target| target["label"].as_str().unwrap()).collect();
        assert_eq!(labels, ["rtmp://127.0.0.1:9/app", "srt://127.0.0.1:9", "http://127.0.0.1:9"]);
        app.admin.post("/presets", json!({ "name": "physics", "start": start(json!({})) })).await.problem(409, "name_taken");

        // The slate goes along.
        let put = |bytes: Vec<u8>| {
            let request = app.admin.request(reqwest::Method::PUT, &format!("/api/v1/presets/{id}/slate"));
            send(request.header("content-type", "image/jpeg").body(bytes))
        };
        put(b"<svg/>".to_vec()).await.problem(422, "bad_image");
        put(vec![0xff; 2_200_000]).await.problem(413, "body_too_large");
        let image = white().await;
        put(image.clone()).await.expect(204);
        let got = app.admin.request(reqwest::Method::GET, &format!("/api/v1/presets/{id}/slate")).send().await.unwrap();
        assert_eq!(got.headers()["content-type"], "image/jpeg");
        assert_eq!(got.bytes().await.unwrap(), image);

        let begun = app.admin.post(&format!("/presets/{id}/start"), json!({})).await.expect(201);
        let broadcast = begun["id"].as_str().unwrap().to_owned();
        assert_eq!((&begun["room"], begun["targets"].as_array().unwrap().len()), (&json!("aula"), 3));
        until_phase(&app, &broadcast, "live").await;
        assert_eq!(std::fs::read(app.data.path().join("slates").join(&broadcast)).unwrap(), image);
        let shown = app.admin.get(&format!("/presets/{id}")).await.expect(200);
        assert_eq!((&shown["broadcast_id"], &shown["has_slate"]), (&json!(broadcast), &json!(true)));
        app.admin.post(&format!("/presets/{id}/start"), json!({})).await.problem(409, "room_busy");
        let report = app.admin.post(&format!("/presets/{id}/check"), json!({})).await.expect(200);
        assert_eq!(report["ok"], false);
        app.admin.post(&format!("/broadcasts/{broadcast}/stop"), json!({})).await.expect(202);
        until_phase(&app, &broadcast, "ended").await;

        // A change keeps what it is told to keep, with its secrets, and drops the rest.
        let keep = made["targets"][0]["id"].as_str().unwrap();
        let new = json!([{ "url": format!("rtmp://127.0.0.1:{}/live", free_port()), "stream_key": "another-key" }]);
        let change = json!({ "start": start(json!({ "targets": new })), "keep_targets": [keep] });
        let changed = app.admin.patch(&format!("/presets/{id}"), change).await.expect(200);
        let kept: Vec<&str> = changed["targets"].as_array().unwrap().iter().map(|target| target["label"].as_str().unwrap()).collect();
        assert_eq!((kept.len(), kept[0], &changed["start"]["room"]), (2, "rtmp://127.0.0.1:9/app", &Value::Null));
        app.admin
            .patch(&format!("/presets/{id}"), json!({ "start": start(json!({})), "keep_targets": ["none"] }))
            .await
            .problem(422, "invalid_field");
        let renamed = app.admin.patch(&format!("/presets/{id}"), json!({ "name": "Chemistry" })).await.expect(200);
        assert_eq!((&renamed["name"], renamed["targets"].as_array().unwrap().len()), (&json!("Chemistry"), 2));
        // The kept key is the same place as when somebody types it.
        let begun =
            app.admin.post(&format!("/presets/{id}/start"), json!({ "start": start(json!({})), "keep_targets": [keep] })).await.expect(201);
        assert_eq!(begun["targets"].as_array().unwrap().len(), 1);
        let twice = start(json!({ "targets": [{ "url": "rtmp://127.0.0.1:9/app/hidden-key-7" }] }));
        app.admin.post("/broadcasts", twice).await.problem(409, "target_busy");

        let shown =
            app.admin.get("/presets").await.text + &app.admin.get("/activity").await.text + &view(&app, &broadcast).await.to_string();
        for secret in SECRETS.iter().chain(&["another-key"]) {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        for action in ["preset.create", "preset.change", "preset.slate", "broadcast.start"] {
            assert!(shown.contains(action), "{action} in {shown}");
        }
        app.admin.delete(&format!("/presets/{id}")).await.expect(204);
        app.admin.get(&format!("/presets/{id}")).await.problem(404, "not_found");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_says_why_and_what_is_used_is_not_removed() {
    let app = TestApp::start().await;
    let server = json!({ "name": "Campus", "url": "http://127.0.0.1:9/", "secret": "x" });
    let server = app.admin.post("/servers", server).await.expect(201)["id"].as_str().unwrap().to_owned();
    let origin = json!({ "name": "Delhi", "app": "app", "rtmp_url": "rtmp://127.0.0.1:9" });
    let origin = app.admin.post("/origins", origin).await.expect(201)["id"].as_str().unwrap().to_owned();
    let browser = json!({ "server_id": server, "meeting_id": "m", "targets": [{ "origin_id": origin, "stream_name": "aula" }] });
    for (body, field) in [
        (json!({ "name": "", "start": browser }), "name"),
        (json!({ "name": "a", "start": { "source": "test", "profile": "8k" } }), "start.profile"),
        (json!({ "name": "a", "start": { "source": "test", "rules": { "longest_minutes": 0 } } }), "start.rules.longest_minutes"),
        (json!({ "name": "a", "start": { "source": "native" } }), "start.source"),
        (json!({ "name": "a", "start": { "server_id": "none" } }), "start.server_id"),
        (json!({ "name": "a", "start": { "source": "test", "room": "none" } }), "start.room"),
        (json!({ "name": "a", "start": { "source": "test", "targets": [{}] } }), "start.targets[0]"),
        (json!({ "name": "a", "start": { "source": "test" }, "auto_start": true }), "auto_start"),
        (json!({ "name": "a", "start": { "server_id": server }, "auto_start": true }), "auto_start"),
    ] {
        let answer = app.admin.post("/presets", body.clone()).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (422, Some(field)), "{body}: {}", answer.text);
    }
    // A preset without its meeting is a form to be filled in at the start.
    let open = app.admin.post("/presets", json!({ "name": "Open", "start": { "server_id": server } })).await.expect(201);
    app.admin.post(&format!("/presets/{}/start", open["id"].as_str().unwrap()), json!({})).await.problem(422, "invalid_field");
    let made = app.admin.post("/presets", json!({ "name": "Weekly", "start": browser })).await.expect(201);
    let path = format!("/presets/{}", made["id"].as_str().unwrap());
    app.admin.patch(&path, json!({ "auto_start": true })).await.expect(200);

    let refused = app.admin.delete(&format!("/servers/{server}")).await.problem(409, "in_use");
    assert!(refused["detail"].as_str().unwrap().contains("the preset “Weekly”"), "{refused}");
    let refused = app.admin.delete(&format!("/origins/{origin}")).await.problem(409, "in_use");
    assert!(refused["detail"].as_str().unwrap().contains("the preset “Weekly”"), "{refused}");
    app.admin.delete(&path).await.expect(204);
    app.admin.delete(&format!("/presets/{}", open["id"].as_str().unwrap())).await.expect(204);
    app.admin.delete(&format!("/servers/{server}")).await.expect(204);
    app.admin.delete(&format!("/origins/{origin}")).await.expect(204);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_operate_starts_with_saved_addresses_but_saves_none_of_their_own() {
    let app = TestApp::start().await;
    let saved = start(json!({ "targets": targets() }));
    let made = app.admin.post("/presets", json!({ "name": "Weekly", "start": saved })).await.expect(201);
    let path = format!("/presets/{}", made["id"].as_str().unwrap());
    let operator = app.user("otto", &["broadcast.view", "broadcast.operate"]).await;
    operator.post("/presets", json!({ "name": "Mine", "start": start(json!({ "targets": targets() })) })).await.problem(403, "forbidden");
    let other = json!({ "start": start(json!({ "targets": [{ "url": "rtmp://127.0.0.1:9/mine/key" }] })) });
    operator.patch(&path, other.clone()).await.problem(403, "forbidden");
    operator.post(&format!("{path}/start"), other).await.problem(403, "forbidden");
    let begun = operator.post(&format!("{path}/start"), json!({})).await.expect(201);
    assert_eq!((&begun["started_by"], begun["targets"].as_array().unwrap().len()), (&json!("otto"), 3));
    let viewer = app.user("vera", &["broadcast.view"]).await;
    viewer.get("/presets").await.problem(403, "forbidden");
    app.stranger().get("/presets").await.problem(401, "not_authenticated");
    let services = app.admin.get("/services").await.expect(200);
    let ids: Vec<&str> = services["items"].as_array().unwrap().iter().map(|service| service["id"].as_str().unwrap()).collect();
    for id in ["youtube", "owncast", "peertube", "rtmp", "rtmps", "srt", "whip"] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
    app.stop().await;
}
