//! What was done is on record, and found again; past broadcasts too.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Side, Two, listed};
use crate::support::app::{BOTH, On, PASSWORD, TestApp};

async fn actions(test: &TestApp, query: &str) -> Vec<String> {
    listed(&test.admin, &format!("/activity?{query}"), "action").await
}

#[tokio::test]
async fn every_change_is_written_down_with_before_and_after_and_without_secrets() {
    let test = TestApp::start().await;
    let side = Side::make(&test, "a").await;
    test.admin.patch(&format!("/servers/{}", side.server), json!({"name": "Renamed", "secret": "a-new-secret"})).await.expect(200);
    let detail = test.admin.get("/activity?action=server.change").await.expect(200)["items"][0]["detail"].clone();
    assert_eq!((&detail["before"]["name"], &detail["after"]["name"]), (&json!("Server a"), &json!("Renamed")));
    assert_eq!((&detail["before"]["secret"], &detail["after"]["secret"]), (&json!("•••"), &json!("•••")));
    assert!(detail["after"].get("url").is_none(), "{detail}");

    test.admin
        .patch(&format!("/origins/{}", side.origin), json!({"api_url": "http://127.0.0.1:9", "api_token": "an-api-token"}))
        .await
        .expect(200);
    let detail = test.admin.get("/activity?action=origin.change").await.expect(200)["items"][0]["detail"].clone();
    assert_eq!((&detail["before"]["api_url"], &detail["after"]["api_token"]), (&Value::Null, &json!("•••")));

    test.admin
        .patch(&format!("/rooms/{}", side.room), json!({"visibility": "password", "password": "a room's password"}))
        .await
        .expect(200);
    let detail = test.admin.get("/activity?action=room.change").await.expect(200)["items"][0]["detail"].clone();
    assert_eq!((&detail["before"]["visibility"], &detail["after"]["visibility"]), (&json!("public"), &json!("password")));

    let change = json!({"permissions": ["broadcast.view"], "groups": [], "password": "zebra stapler 42", "email": "a@example.org"});
    test.admin.patch(&format!("/users/{}", side.user), change).await.expect(200);
    let detail = test.admin.get("/activity?action=user.change").await.expect(200)["items"][0]["detail"].clone();
    assert_eq!((&detail["before"]["groups"], &detail["after"]["groups"]), (&json!([side.group]), &json!([])));
    assert_eq!((&detail["after"]["permissions"], &detail["after"]["password"]), (&json!(["broadcast.view"]), &json!("•••")));
    assert_eq!((&detail["before"]["email"], &detail["after"]["email"]), (&Value::Null, &json!("a@example.org")));

    let all = test.admin.get("/activity?limit=500").await.text;
    for secret in ["a-new-secret", "secret-of-a-server", "an-api-token", "a room's password", "zebra stapler 42", PASSWORD] {
        assert!(!all.contains(secret), "{secret}");
    }
    test.stop().await;
}

#[tokio::test]
async fn logins_and_their_failures_are_written_down_but_not_what_was_typed() {
    let test = TestApp::start().await;
    let user = test.user("ada", &[]).await;
    let login = |name: &str, password: &str| json!({"username": name, "password": password});
    test.stranger().post("/session", login("ada", "wrong password")).await.problem(401, "wrong_credentials");
    // People type their password where the name belongs.
    test.stranger().post("/session", login("my secret password", "ada")).await.problem(401, "wrong_credentials");
    user.delete("/session").await.expect(204);
    let refused = test.admin.get("/activity?action=session.refuse").await.expect(200);
    let names: Vec<&Value> = refused["items"].as_array().unwrap().iter().map(|item| &item["detail"]["name"]).collect();
    assert_eq!(names, [&Value::Null, &json!("ada")]);
    assert_eq!((&refused["items"][0]["user"], &refused["items"][0]["address"]), (&json!("nobody"), &json!("127.0.0.1")));
    let all = test.admin.get("/activity").await;
    assert!(!all.text.contains("secret password") && !all.text.contains("wrong password"));
    assert_eq!(actions(&test, "action=session&who=ada").await, ["session.end", "session.begin"]);
    test.stop().await;
}

#[tokio::test]
async fn the_log_is_found_by_who_what_which_and_when_and_paged() {
    for on in BOTH {
        let Two { test, a, b } = Two::start(on).await;
        a.client.patch(&format!("/servers/{}", a.server), json!({"name": "One"})).await.expect(200);
        let middle = test.admin.get("/activity?limit=1").await.expect(200)["items"][0]["at"].as_str().unwrap().to_owned();
        a.client.patch(&format!("/rooms/{}", a.room), json!({"title": "Two"})).await.expect(200);
        b.client.patch(&format!("/servers/{}", b.server), json!({"name": "Three"})).await.expect(200);

        assert_eq!(actions(&test, "who=USER-A").await, ["room.change", "server.change", "session.begin"]);
        assert_eq!(actions(&test, &format!("who={}&action=server", a.user)).await, ["server.change"]);
        assert_eq!(actions(&test, "action=server.change").await.len(), 2);
        assert_eq!(actions(&test, "action=server.").await.len(), 4);
        assert_eq!(actions(&test, "action=serv").await.len(), 0);
        assert_eq!(actions(&test, &format!("subject={}", a.server)).await, ["server.change", "server.create"]);
        assert_eq!(actions(&test, &format!("to={middle}&who=user-a")).await, ["session.begin"]);
        assert_eq!(actions(&test, &format!("from={middle}&who=user-b")).await, ["server.change"]);
        test.admin.get("/activity?from=yesterday").await.problem(422, "invalid_query");
        test.admin.get("/activity?colour=red").await.problem(422, "invalid_query");

        // Page by page it is the same as whole.
        let whole = listed(&test.admin, "/activity", "id").await;
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = test.admin.get(&format!("/activity?limit=4{cursor}")).await.expect(200);
            paged.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, whole);

        // Each side reads of its own; what was done in the other is not there, whoever did it.
        let of_b = b.client.get("/activity").await;
        assert!(
            of_b.text.contains("Three") && !of_b.text.contains("One") && !of_b.text.contains("user-a") && !of_b.text.contains("Group a")
        );
        // Also when the thing is gone.
        a.client.delete(&format!("/servers/{}", a.server)).await.expect(204);
        assert!(!b.client.get("/activity").await.text.contains("server.remove"));
        assert!(a.client.get("/activity").await.text.contains("server.remove"));
        test.stop().await;
    }
}

#[tokio::test]
async fn the_log_is_a_table_that_no_spreadsheet_runs_and_the_download_is_on_record() {
    let test = TestApp::start().await;
    test.admin.post("/rooms", json!({"key": "evil", "title": "=HYPERLINK(\"http://evil\")"})).await.expect(201);
    let sql = "INSERT INTO activity (id, at_ms, user_name, action, subject, detail) VALUES ($1, 0, '=1+1', 'x.y', '@SUM(A1)', '-1')";
    test.app.store.run(sql, bluecast::store::args!["00000000-0000-7000-8000-000000000000"]).await.unwrap();
    // More than one page of the export.
    for number in 0..1200 {
        let sql = "INSERT INTO activity (id, at_ms, user_name, action, subject, detail) VALUES ($1, 0, 'many', 'many.rows', '', '{}')";
        test.app.store.run(sql, bluecast::store::args![format!("00000000-0000-7000-8001-{number:012}")]).await.unwrap();
    }
    let table = test.admin.get("/activity.csv").await;
    assert_eq!(table.headers["content-type"], "text/csv; charset=utf-8");
    assert!(table.headers["content-disposition"].to_str().unwrap().contains("activity.csv"));
    let lines: Vec<&str> = table.text.trim_end().split("\r\n").collect();
    // What reads the answer takes the mark of UTF-8 off.
    assert_eq!(lines[0], "\"at\",\"user\",\"address\",\"action\",\"subject\",\"detail\"");
    assert_eq!(lines.iter().filter(|line| line.contains("many.rows")).count(), 1200);
    assert!(lines.last().unwrap().contains("\"'=1+1\"") && lines.last().unwrap().contains("\"'@SUM(A1)\",\"'-1\""), "{:?}", lines.last());
    assert_eq!(actions(&test, "limit=1").await, ["activity.export"]);
    let raw = test.admin.request(Method::GET, "/api/v1/activity.csv?action=room").send().await.unwrap().bytes().await.unwrap();
    assert!(raw.starts_with(&[0xef, 0xbb, 0xbf]), "{raw:?}");
    let some = test.admin.get("/activity.csv?action=room").await;
    assert_eq!(some.text.trim_end().split("\r\n").count(), 2);
    test.admin.get("/activity.csv?from=x").await.problem(422, "invalid_query");
    test.stop().await;
}

#[tokio::test]
async fn past_broadcasts_are_found_by_everything_that_they_were() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let side = Side::make(&test, "a").await;
        let sql = "INSERT INTO broadcasts (id, server_id, meeting_id, meeting_name, source, profile, overrides, room_key, bot_name, bot_role, \
                   layout, announce, voice_filter, again, desired, phase, paused, node, started_by, started_by_id, started_ms, ended_ms) \
                   VALUES ($1, $2, $3, $4, 'browser', '720p30', '{}', $5, '', '', '', 0, 0, 0, 0, 'ended', 0, $6, $7, $8, $9, 1)";
        let lecture =
            bluecast::store::args!["b1", &side.server, "phys-1", "Physics 100%", None::<String>, "north", "ada", "u1", 1_000_000_i64];
        test.app.store.run(sql, lecture).await.unwrap();
        let council =
            bluecast::store::args!["b2", None::<String>, "council", "The Council", Some("aula"), "south", "Grace", "u2", 2_000_000_i64];
        test.app.store.run(sql, council).await.unwrap();
        let sql = "INSERT INTO targets (id, broadcast_id, origin_id, label, protocol, address_sealed, fingerprint, added_ms, removed_ms) \
                   VALUES ('t1', 'b1', $1, '', 'rtmp', '', 'f', 0, 1)";
        test.app.store.run(sql, bluecast::store::args![&side.origin]).await.unwrap();

        for (query, expected) in [
            (String::new(), vec!["b2", "b1"]),
            (format!("server={}", side.server), vec!["b1"]),
            (format!("origin={}", side.origin), vec!["b1"]),
            ("meeting=council".to_owned(), vec!["b2"]),
            ("meeting=physics".to_owned(), vec!["b1"]),
            ("meeting=100%25".to_owned(), vec!["b1"]),
            ("meeting=_".to_owned(), vec![]),
            ("node=south".to_owned(), vec!["b2"]),
            ("room=aula".to_owned(), vec!["b2"]),
            ("person=grace".to_owned(), vec!["b2"]),
            ("person=u1".to_owned(), vec!["b1"]),
            ("phase=ended".to_owned(), vec!["b2", "b1"]),
            ("phase=live".to_owned(), vec![]),
            ("from=1970-01-01T00:20:00Z".to_owned(), vec!["b2"]),
            ("to=1970-01-01T00:20:00Z".to_owned(), vec!["b1"]),
            ("phase=ended&limit=1".to_owned(), vec!["b2"]),
            ("limit=1&cursor=b2".to_owned(), vec!["b1"]),
        ] {
            assert_eq!(listed(&test.admin, &format!("/broadcasts?{query}"), "id").await, expected, "{query}");
        }
        test.admin.get("/broadcasts?phase=over").await.problem(422, "invalid_query");
        test.admin.get("/broadcasts?from=x").await.problem(422, "invalid_query");
        test.stop().await;
    }
}

/// Nothing changes or removes what is in the log; only whoever holds the file could.
#[tokio::test]
async fn the_log_only_grows() {
    let test = TestApp::start_with(On::Sqlite, &[]).await;
    let document: Value = serde_json::from_str(&bluecast::http::openapi::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.contains("/activity")) {
        for method in ["post", "put", "patch", "delete"] {
            assert!(item.get(method).is_none(), "{method} {path}");
        }
    }
    let user = test.user("ada", &["activity.view"]).await;
    let id = user.get("/session").await.expect(200)["user"]["id"].as_str().unwrap().to_owned();
    test.admin.delete(&format!("/users/{id}")).await.expect(204);
    assert_eq!(actions(&test, "who=ada").await, ["session.begin"]);
    test.stop().await;
}
