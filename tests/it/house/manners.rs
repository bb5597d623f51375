//! What the API promises of requests that are sent twice, and of changes that cross.

use bluecast::store::args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{Answer, BOTH, Client, TestApp, send};

async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, &format!("/api/v1{path}")).header("idempotency-key", key);
    send(request.header("content-type", "application/json").body(body.to_string())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_sent_twice_is_done_once() {
    for on in BOTH {
        let app = TestApp::start_on(on).await;
        let hall = json!({ "key": "hall", "title": "Hall" });
        let first = post(&app.admin, "/rooms", "k1", &hall).await;
        let again = post(&app.admin, "/rooms", "k1", &hall).await;
        assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text), "{on:?}: {}", again.text);
        assert_eq!((first.headers.get("idempotency-replayed"), &again.headers["idempotency-replayed"]), (None, &"true".parse().unwrap()));
        assert_eq!(first.headers["content-type"], again.headers["content-type"]);
        // Refusals are kept as well; other requests, other keys, other people are other things.
        post(&app.admin, "/rooms", "k2", &hall).await.problem(409, "key_taken");
        post(&app.admin, "/rooms", "k2", &hall).await.problem(409, "key_taken");
        post(&app.admin, "/rooms", "k1", &json!({ "key": "other", "title": "Hall" })).await.problem(422, "idempotency_key_reused");
        post(&app.admin, "/users", "k1", &hall).await.problem(422, "idempotency_key_reused");
        let other = app.user("other", &["room.manage"]).await;
        post(&other, "/rooms", "k1", &json!({ "key": "theirs", "title": "Theirs" })).await.expect(201);
        for bad in ["", " ", &"x".repeat(256)] {
            post(&app.admin, "/rooms", bad, &hall).await.problem(422, "bad_idempotency_key");
        }
        post(&app.stranger(), "/rooms", "k9", &hall).await.problem(401, "not_authenticated");
        let many = json!({ "key": "big", "title": "x".repeat(300_000) });
        post(&app.admin, "/rooms", "k8", &many).await.problem(413, "body_too_large");

        // A token is shown once, and is not to be read off the table.
        let made = post(&app.admin, "/tokens", "k3", &json!({ "name": "t", "scopes": [] })).await.expect(201);
        let token = made["token"].as_str().unwrap();
        assert_eq!(post(&app.admin, "/tokens", "k3", &json!({ "name": "t", "scopes": [] })).await.expect(201)["token"], token);
        let kept = app.app.store.all::<(String,)>("SELECT COALESCE(answer_sealed, '') FROM idempotency_keys", args![]).await.unwrap();
        assert!(kept.len() >= 4 && kept.iter().all(|(text,)| !text.is_empty() && !text.contains(token)));
        let tokens = app.admin.get("/tokens").await.expect(200);
        assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_are_one() {
    for on in BOTH {
        let app = TestApp::start_on(on).await;
        let hall = json!({ "key": "hall", "title": "Hall" });
        let all = futures_util::future::join_all((0..8).map(|_| post(&app.admin, "/rooms", "k", &hall))).await;
        let made = all.iter().filter(|answer| !answer.headers.contains_key("idempotency-replayed")).count();
        assert_eq!(made, 1, "{on:?}");
        assert!(all.iter().all(|answer| answer.status == 201 && answer.text == all[0].text), "{all:?}");
        // One that died over its work holds nobody up: here, one that was begun long ago and has no answer.
        let died = "UPDATE idempotency_keys SET answer_sealed = NULL, begun_ms = begun_ms - 200000";
        app.app.store.run(died, args![]).await.unwrap();
        post(&app.admin, "/rooms", "k", &hall).await.problem(409, "key_taken");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_update_is_refused() {
    for on in BOTH {
        let app = TestApp::start_on(on).await;
        app.admin.post("/rooms", json!({ "key": "hall", "title": "One" })).await.expect(201);
        let path = "/api/v1/rooms/hall";
        let read = app.admin.get("/rooms/hall").await;
        let tag = read.headers["etag"].to_str().unwrap().to_owned();
        let unchanged = send(app.admin.request(Method::GET, path).header("if-none-match", &tag)).await;
        assert_eq!((unchanged.status, unchanged.text.as_str(), unchanged.headers["etag"].to_str().unwrap()), (304, "", tag.as_str()));

        let change = |tag: &str, title: &str| {
            let request = app.admin.request(Method::PATCH, path).header("content-type", "application/json").header("if-match", tag);
            send(request.body(json!({ "title": title }).to_string()))
        };
        let changed = change(&tag, "Two").await;
        assert_eq!((changed.status, changed.body["title"].as_str()), (200, Some("Two")));
        let second = app.admin.get("/rooms/hall").await.headers["etag"].to_str().unwrap().to_owned();
        assert!(second != tag && changed.headers["etag"] == second.as_str());
        let refused = change(&tag, "Three").await;
        assert_eq!(refused.headers["etag"], second.as_str());
        refused.problem(412, "changed_meanwhile");
        let remove = |tag: &str| send(app.admin.request(Method::DELETE, path).header("if-match", tag));
        remove(&tag).await.problem(412, "changed_meanwhile");
        assert_eq!(app.admin.get("/rooms/hall").await.expect(200)["title"], "Two");

        // Of many who have read the same, one gets through.
        let all = futures_util::future::join_all((0..8).map(|n| {
            let (change, second, title) = (&change, &second, n.to_string());
            async move { change(second, &title).await.status }
        }))
        .await;
        assert_eq!((all.iter().filter(|status| **status == 200).count(), all.iter().filter(|status| **status == 412).count()), (1, 7));
        // Without a tag, or with any, it is as before; who may not is told only that.
        app.admin.patch("/rooms/hall", json!({ "title": "Free" })).await.expect(200);
        assert_eq!(change("*", "Any").await.status, 200);
        let stranger = app.stranger().request(Method::PATCH, path).header("if-match", "\"x\"").header("content-type", "application/json");
        send(stranger.body("{}")).await.problem(401, "not_authenticated");
        assert_eq!(remove("*").await.status, 204);
        change("*", "Gone").await.problem(404, "not_found");
        app.stop().await;
    }
}
