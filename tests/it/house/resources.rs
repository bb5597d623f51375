//! Servers, origins and rooms.

use bluecast::store::args;
use serde_json::{Value, json};

use crate::support::app::{BOTH, TestApp};

async fn last_activity(test: &TestApp) -> Value {
    test.admin.get("/activity?limit=1").await.expect(200)["items"][0].clone()
}

#[tokio::test]
async fn servers_are_kept_with_their_secret_sealed() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let new = json!({"name": "Faculty", "url": "https://bbb.example.org/bigbluebutton/", "secret": " klopfer\n"});
        let made = test.admin.post("/servers", new.clone()).await.expect(201);
        let id = made["id"].as_str().unwrap();
        assert_eq!(made["name"], "Faculty");
        let activity = last_activity(&test).await;
        assert_eq!((&activity["action"], &activity["subject"], &activity["user"]), (&json!("server.create"), &json!(id), &json!("admin")));

        let server = bluecast::server::find(&test.app.store, id).await.unwrap().unwrap();
        assert_eq!(server.secret(&test.app.vault).unwrap().reveal(), "klopfer");
        let (sealed,): (String,) = test.app.store.one("SELECT secret_sealed FROM servers WHERE id = $1", args![id]).await.unwrap();
        assert!(!sealed.contains("klopfer"));

        test.admin
            .post("/servers", json!({"name": "FACULTY", "url": "https://other.example.org", "secret": "x"}))
            .await
            .problem(409, "name_taken");
        let changed = test.admin.patch(&format!("/servers/{id}"), json!({"secret": "anders"})).await.expect(200);
        assert_eq!(changed["url"], made["url"]);
        let server = bluecast::server::find(&test.app.store, id).await.unwrap().unwrap();
        assert_eq!(server.secret(&test.app.vault).unwrap().reveal(), "anders");

        for answer in [test.admin.get("/servers").await, test.admin.get(&format!("/servers/{id}")).await, test.admin.get("/activity").await]
        {
            assert!(!answer.text.contains("klopfer") && !answer.text.contains("anders"), "{}", answer.text);
        }
        test.admin.delete(&format!("/servers/{id}")).await.expect(204);
        test.admin.get(&format!("/servers/{id}")).await.problem(404, "not_found");
        assert_eq!(last_activity(&test).await["action"], "server.remove");
        test.stop().await;
    }
}

#[tokio::test]
async fn impossible_servers_are_refused_field_by_field() {
    let test = TestApp::start().await;
    let with = |field: &str, value: &str| {
        let mut new = json!({"name": "Faculty", "url": "https://bbb.example.org", "secret": "klopfer"});
        new[field] = json!(value);
        new
    };
    for (field, value) in [
        ("name", ""),
        ("name", "two\nlines"),
        ("url", ""),
        ("url", "ftp://bbb.example.org"),
        ("url", "https://user:pass@bbb.example.org"),
        ("url", "https://bbb.example.org/a b"),
        ("secret", ""),
        ("secret", "kl opfer"),
    ] {
        let refused = test.admin.post("/servers", with(field, value)).await.expect(422);
        assert_eq!(refused["field"], field, "{refused}");
    }
    let inside = test.admin.post("/servers", with("url", "http://10.0.0.7/bigbluebutton/")).await.problem(422, "not_permitted");
    assert!(inside["detail"].as_str().unwrap().contains("BLUECAST_CALL_ALLOW"));
    assert_eq!(test.admin.get("/servers").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn permissions_part_using_from_managing() {
    let test = TestApp::start().await;
    let server = json!({"name": "Faculty", "url": "https://bbb.example.org", "secret": "klopfer"});
    let user = test.user("user", &["server.use", "origin.use", "broadcast.view"]).await;
    user.get("/servers").await.expect(200);
    user.post("/servers", server.clone()).await.problem(403, "forbidden");
    user.get("/rooms").await.expect(200);
    user.post("/rooms", json!({"key": "a", "title": "A"})).await.problem(403, "forbidden");
    let manager = test.user("manager", &["server.manage", "room.manage"]).await;
    manager.post("/servers", server).await.expect(201);
    manager.get("/servers").await.expect(200);
    manager.get("/origins").await.problem(403, "forbidden");
    let robot = test.token(&["room.manage"]).await;
    robot.post("/rooms", json!({"key": "a", "title": "A"})).await.expect(201);
    robot.get("/servers").await.problem(403, "forbidden");
}

#[tokio::test]
async fn origins_keep_what_was_said_and_hide_their_token() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let new = json!({
            "name": "Cellar", "app": "app", "whip_url": "https://ome.example.org:3334/app/", "rtmp_url": "rtmp://ome.example.org:1935/app",
            "srt_url": "srt://ome.example.org:9999", "api_url": "https://ome.example.org:8082", "api_token": "klopfer",
            "playback": {"webrtc": "wss://ome.example.org:3334/{app}/{name}", "llhls": "https://ome.example.org/{app}/{name}/llhls.m3u8"}
        });
        let made = test.admin.post("/origins", new.clone()).await.expect(201);
        for field in ["name", "app", "whip_url", "rtmp_url", "playback"] {
            assert_eq!(made[field], new[field], "{field}");
        }
        assert!(made["has_api_token"] == true && !made.to_string().contains("klopfer"), "{made}");
        let path = format!("/origins/{}", made["id"].as_str().unwrap());
        let origin = bluecast::origin::find(&test.app.store, made["id"].as_str().unwrap()).await.unwrap().unwrap();
        assert_eq!(origin.api_token(&test.app.vault).unwrap().unwrap().reveal(), "klopfer");

        // Left out stays, null goes.
        let changed = test.admin.patch(&path, json!({"srt_url": null, "api_token": null, "playback": {"llhls": null}})).await.expect(200);
        assert_eq!((&changed["srt_url"], &changed["has_api_token"], &changed["whip_url"]), (&Value::Null, &json!(false), &new["whip_url"]));
        assert_eq!(changed["playback"], json!({"webrtc": new["playback"]["webrtc"], "llhls": null}));

        let refusals = [
            (json!({"whip_url": null, "rtmp_url": null}), "whip_url"),
            (json!({"rtmp_url": "http://ome.example.org/app"}), "rtmp_url"),
            (json!({"app": "a/b"}), "app"),
            (json!({"playback": {"webrtc": "wss://ome.example.org/{app}/{stream}"}}), "playback.webrtc"),
            (json!({"playback": {"llhls": "https://ome.example.org/fixed"}}), "playback.llhls"),
        ];
        for (change, field) in refusals {
            let refused = test.admin.patch(&path, change).await.problem(422, "invalid_field");
            assert_eq!(refused["field"], field, "{refused}");
        }
        let unchanged = test.admin.get(&path).await.expect(200);
        assert_eq!(unchanged, changed);
        test.admin.delete(&path).await.expect(204);
        test.admin.delete(&path).await.problem(404, "not_found");
        test.stop().await;
    }
}

#[tokio::test]
async fn rooms_have_keys_that_can_stand_in_an_address() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let made =
            test.admin.post("/rooms", json!({"key": "hall-1", "title": "Große Halle", "description": "# Hello\n*you*"})).await.expect(201);
        assert_eq!(made["title"], "Große Halle");
        test.admin.post("/rooms", json!({"key": "hall-1", "title": "Again"})).await.problem(409, "key_taken");
        for key in ["", "Hall", "a b", "ü", "a/b", "a_b", &"x".repeat(65)] {
            let refused = test.admin.post("/rooms", json!({"key": key, "title": "A"})).await.problem(422, "invalid_field");
            assert_eq!(refused["field"], "key");
        }
        let changed = test.admin.patch("/rooms/hall-1", json!({"title": "Hall"})).await.expect(200);
        assert_eq!((&changed["title"], &changed["description"]), (&json!("Hall"), &json!("# Hello\n*you*")));
        test.admin.delete("/rooms/hall-1").await.expect(204);
        test.admin.get("/rooms/hall-1").await.problem(404, "not_found");
        test.stop().await;
    }
}
