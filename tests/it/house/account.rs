//! Logging in, permissions, tokens, users.

use reqwest::Method;
use serde_json::json;

use crate::support::app::{Answer, BOTH, Client, On, PASSWORD, TestApp, send, settings, until_slowed};

#[tokio::test]
async fn a_login_opens_what_its_permissions_allow() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        test.stranger().get("/session").await.problem(401, "not_authenticated");
        let session = test.admin.get("/session").await.expect(200);
        assert_eq!((session["user"]["name"].as_str(), &session["permissions"]), (Some("admin"), &json!(["system.admin"])));

        let viewer = test.user("viewer", &["broadcast.view"]).await;
        assert_eq!(viewer.get("/session").await.expect(200)["permissions"], json!(["broadcast.view"]));
        let refused = viewer.get("/users").await.problem(403, "forbidden");
        assert!(refused["detail"].as_str().unwrap().contains("user.manage"));

        viewer.delete("/session").await.expect(204);
        viewer.get("/session").await.problem(401, "not_authenticated");
        test.stop().await;
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_alike_and_then_slowed_down() {
    let test = TestApp::start().await;
    let stranger = test.stranger();
    let login = |name: &str, password: &str| json!({"username": name, "password": password});
    let known = stranger.post("/session", login("admin", "wrong password")).await.problem(401, "wrong_credentials");
    let unknown = stranger.post("/session", login("nobody", "wrong password")).await.problem(401, "wrong_credentials");
    assert_eq!(known, unknown);
    let slowed = until_slowed(async || {
        for _ in 0..5 {
            assert!([401, 429].contains(&stranger.post("/session", login("admin", "wrong password")).await.status));
        }
        stranger.post("/session", login("admin", PASSWORD)).await
    })
    .await;
    assert!(slowed.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    slowed.problem(429, "too_many_attempts");
    test.admin.get("/session").await.expect(200);
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_and_changes_at_login() {
    let test = TestApp::start().await;
    let cookie = |answer: &Answer| answer.headers["set-cookie"].to_str().unwrap().to_owned();
    let login = json!({"username": "admin", "password": PASSWORD});
    let client = test.stranger();
    let first = cookie(&client.post("/session", login.clone()).await);
    let second = cookie(&client.post("/session", login.clone()).await);
    for attribute in ["bluecast=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(first.contains(attribute), "{first}");
    }
    assert!(!first.contains("Secure"), "{first}");
    assert_ne!(first, second);
    let old = first.split(';').next().unwrap();
    let with_old = test.stranger().request(Method::GET, "/api/v1/session").header("cookie", old);
    send(with_old).await.problem(401, "not_authenticated");
}

#[tokio::test]
async fn with_https_the_cookie_is_bound_to_the_host() {
    let data = tempfile::tempdir().unwrap();
    let settings = settings(On::Sqlite, &data, &[("BLUECAST_PUBLIC_URL", "https://cast.example.org")]).await;
    let running = bluecast::app::Running::start(settings).await.unwrap();
    let login = Client::new(running.address).post("/session", json!({"username": "admin", "password": PASSWORD})).await;
    let cookie = login.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-bluecast=") && cookie.ends_with("; Secure"), "{cookie}");
    running.stop().await;
}

#[tokio::test]
async fn writes_from_other_sites_are_refused() {
    let test = TestApp::start().await;
    let delete = |header: &'static str, value: &'static str| test.admin.request(Method::DELETE, "/api/v1/session").header(header, value);
    send(delete("origin", "https://evil.example")).await.problem(403, "bad_origin");
    send(delete("sec-fetch-site", "cross-site")).await.problem(403, "bad_origin");
    let login = test.stranger().request(Method::POST, "/api/v1/session").header("origin", "https://evil.example");
    let login = login.header("content-type", "application/json").body(json!({"username": "admin", "password": PASSWORD}).to_string());
    send(login).await.problem(403, "bad_origin");
    test.admin.get("/session").await.expect(200);
    send(delete("sec-fetch-site", "same-origin")).await.expect(204);
}

#[tokio::test]
async fn tokens_do_what_their_scopes_say_until_they_are_removed() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let made = test.admin.post("/tokens", json!({"name": "robot", "scopes": ["activity.view"], "days": 2})).await.expect(201);
        let text = made["token"].as_str().unwrap();
        assert!(text.starts_with("bluecast_") && made["expires_at"].is_string());
        let robot = test.stranger().with_token(text);
        robot.get("/activity").await.expect(200);
        robot.get("/users").await.problem(403, "forbidden");
        robot.post("/tokens", json!({"name": "more", "scopes": ["user.manage"]})).await.problem(403, "beyond_own_permissions");

        let listed = test.admin.get("/tokens").await.expect(200);
        assert_eq!(listed["items"][0]["name"], "robot");
        assert!(listed["items"][0].get("token").is_none() && listed["items"][0]["used_at"].is_string(), "{listed}");
        assert!(!listed.to_string().contains(text));

        test.admin.delete(&format!("/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
        robot.get("/activity").await.problem(401, "not_authenticated");
        // A wrong token is not made good by a cookie.
        send(test.admin.request(Method::GET, "/api/v1/session").bearer_auth("bluecast_wrong")).await.problem(401, "not_authenticated");
        test.stop().await;
    }
}
