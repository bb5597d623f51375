//! What every route shares.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{On, TestApp, send};

/// Operations that need no credentials, with what they answer to an empty request.
const PUBLIC: [(&str, &str); 3] =
    [("post", "/api/v1/session"), ("post", "/api/v1/password-resets"), ("post", "/api/v1/password-resets/use")];

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(_, operation)| operation.get("responses").is_some()) {
            found.push((method.clone(), path.clone(), operation));
        }
    }
    found
}

#[tokio::test]
async fn every_operation_but_the_login_asks_who_is_there() {
    let test = TestApp::start().await;
    let document: Value = serde_json::from_str(&bluecast::http::openapi::document()).unwrap();
    let operations = operations(&document);
    assert!(operations.len() >= 20, "{}", operations.len());
    let stranger = test.stranger();
    for (method, path, _) in &operations {
        let filled: String = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        let method_name: Method = method.to_uppercase().parse().unwrap();
        // With a body and without: nobody learns what is wrong with a request before saying who they are.
        for body in ["", "{}", "rubbish"] {
            let request = stranger.request(method_name.clone(), &filled).header("content-type", "application/json").body(body);
            let answer = send(request).await;
            if PUBLIC.contains(&(method.as_str(), path.as_str())) {
                assert_ne!(answer.status, 401, "{method} {path}");
            } else {
                assert_eq!(
                    (answer.status, answer.body["code"].as_str()),
                    (401, Some("not_authenticated")),
                    "{method} {path}: {}",
                    answer.text
                );
            }
        }
    }
}

#[tokio::test]
async fn without_any_permission_only_the_own_account_opens() {
    let test = TestApp::start().await;
    let nobody = test.user("nobody", &[]).await;
    let document: Value = serde_json::from_str(&bluecast::http::openapi::document()).unwrap();
    for (method, path, _) in operations(&document) {
        let own = ["/api/v1/session", "/api/v1/tokens", "/api/v1/tokens/{id}"].contains(&path.as_str());
        // What one's own groups are called is no secret.
        let names = method == "get" && path.starts_with("/api/v1/groups");
        let about_oneself = path.starts_with("/api/v1/account") || path.starts_with("/api/v1/password-resets");
        if own || names || about_oneself {
            continue;
        }
        let filled: String = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        let request = nobody.request(method.to_uppercase().parse().unwrap(), &filled);
        let answer = send(request.header("content-type", "application/json").body("{}")).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (403, Some("forbidden")), "{method} {path}: {}", answer.text);
    }
}

#[test]
fn bodies_and_queries_refuse_unknown_fields_and_operations_have_names() {
    let document: Value = serde_json::from_str(&bluecast::http::openapi::document()).unwrap();
    let mut names = BTreeSet::new();
    let mut bodies = 0;
    for (method, path, operation) in operations(&document) {
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path} has a name that is taken");
        for media in operation["requestBody"]["content"].as_object().into_iter().flat_map(|content| content.values()) {
            refuses_unknown(&document, &media["schema"], &format!("{method} {path}"));
            bodies += 1;
        }
    }
    assert!(bodies >= 8, "{bodies}");
}

/// Follows references and unions down to objects, which must be closed.
fn refuses_unknown(document: &Value, schema: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
        refuses_unknown(document, schema, reference);
        return;
    }
    for union in ["oneOf", "anyOf", "allOf"] {
        for part in schema[union].as_array().into_iter().flatten() {
            refuses_unknown(document, part, place);
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        assert_eq!(schema["additionalProperties"], false, "{place} is not marked deny_unknown_fields");
        for property in properties.values() {
            refuses_unknown(document, property, place);
        }
    }
    if schema["items"].is_object() {
        refuses_unknown(document, &schema["items"], place);
    }
}

#[tokio::test]
async fn the_document_is_current_and_served() {
    let written = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json")).unwrap_or_default();
    assert!(written == bluecast::http::openapi::document(), "run `cargo run -- openapi > docs/openapi.json`");
    let test = TestApp::start().await;
    let served = test.stranger().get("/openapi.json").await;
    assert_eq!((served.status, served.text), (200, written));
}

#[tokio::test]
async fn nothing_at_an_address_is_a_problem_or_a_page() {
    let test = TestApp::start().await;
    let stranger = test.stranger();
    stranger.get("/nothing/here").await.problem(404, "not_found");
    send(stranger.request(Method::GET, "/api/v2/x")).await.problem(404, "not_found");
    let page = send(stranger.request(Method::GET, "/nothing/here")).await;
    // Where the browser side was not built, pages say that instead.
    assert!([404, 503].contains(&page.status) && page.headers["content-type"].to_str().unwrap().starts_with("text/"), "{page:?}");
    let refused = send(stranger.request(Method::PUT, "/api/v1/session")).await;
    assert!(refused.headers["allow"].to_str().unwrap().contains("POST"), "{:?}", refused.headers);
    refused.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let test = TestApp::start().await;
    let head = send(test.admin.request(Method::HEAD, "/api/v1/session")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.headers["content-type"], "application/json");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_browsers_in_check() {
    let test = TestApp::start().await;
    for path in ["/api/v1/session", "/healthz", "/nothing"] {
        let headers = send(test.stranger().request(Method::GET, path)).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(
            (&headers["x-content-type-options"], &headers["x-frame-options"]),
            (&"nosniff".parse().unwrap(), &"DENY".parse().unwrap())
        );
    }
    let embed = send(test.stranger().request(Method::GET, "/embed/room")).await.headers;
    assert!(embed["content-security-policy"].to_str().unwrap().contains("frame-ancestors *") && !embed.contains_key("x-frame-options"));
    let api = send(test.stranger().request(Method::GET, "/api/v1/session")).await.headers;
    assert_eq!(api["cache-control"], "no-store");
}

#[tokio::test]
async fn bad_bodies_are_refused_in_words_and_disturb_nothing() {
    let test = TestApp::start().await;
    let room = |key: &str| json!({"key": key, "title": "A room"});
    test.admin.post("/rooms", room("before")).await.expect(201);

    let unknown = test.admin.post("/rooms", json!({"key": "a", "title": "b", "colour": "red"})).await.problem(422, "unknown_field");
    assert_eq!(unknown["field"], "colour");
    let missing = test.admin.post("/rooms", json!({"key": "a"})).await.problem(422, "missing_field");
    assert_eq!(missing["field"], "title");
    let wrong = test.admin.post("/rooms", json!({"key": 5, "title": "b"})).await.problem(422, "invalid_field");
    assert_eq!(wrong["field"], "key");
    let nul = test.admin.post("/rooms", json!({"key": "a", "title": "b\u{0}c"})).await.problem(422, "nul_character");
    assert_eq!(nul["field"], "title");
    test.admin.post_bytes("/rooms", b"{\"key\":".to_vec()).await.problem(400, "malformed_json");
    test.admin.post_bytes("/rooms", vec![0xff, 0xfe]).await.problem(400, "malformed_json");
    test.admin.post_bytes("/rooms", vec![b'['; 100_000]).await.problem(400, "malformed_json");
    test.admin.post_bytes("/rooms", Vec::new()).await.problem(400, "malformed_json");
    let form = test.admin.request(Method::POST, "/api/v1/rooms").header("content-type", "text/plain").body(room("a").to_string());
    send(form).await.problem(415, "unsupported_media_type");
    test.admin.get("/rooms/be%00fore").await.problem(422, "nul_character");
    test.admin.get("/rooms?cursor=%00").await.problem(422, "nul_character");
    test.admin.get("/rooms/%ff").await.problem(400, "malformed_path");
    test.admin.get("/rooms?limit=many").await.problem(422, "invalid_query");
    test.admin.get("/rooms?colour=red").await.problem(422, "invalid_query");

    for size in [256 * 1024 + 1, 1024 * 1024, 8 * 1024 * 1024] {
        test.admin.post_bytes("/rooms", vec![b' '; size]).await.problem(413, "body_too_large");
    }
    let mut just_fits = room("fits").to_string().into_bytes();
    just_fits.resize(256 * 1024, b' ');
    test.admin.post_bytes("/rooms", just_fits).await.expect(201);

    let listed = test.admin.get("/rooms").await.expect(200);
    let keys: Vec<_> = listed["items"].as_array().unwrap().iter().map(|room| room["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["before", "fits"]);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let test = TestApp::start().await;
    for number in 0..7 {
        test.admin.post("/rooms", json!({"key": format!("room{number}"), "title": "A room"})).await.expect(201);
    }
    let (mut keys, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = test.admin.get(&format!("/rooms?limit=3&cursor={cursor}")).await.expect(200);
        keys.extend(page["items"].as_array().unwrap().iter().map(|room| room["key"].as_str().unwrap().to_owned()));
        assert!(page["items"].as_array().unwrap().len() <= 3);
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(keys, (0..7).map(|number| format!("room{number}")).collect::<Vec<_>>());
    let newest = test.admin.get("/activity?limit=1").await.expect(200);
    assert_eq!((newest["items"][0]["action"].as_str(), newest["items"][0]["detail"]["key"].as_str()), (Some("room.create"), Some("room6")));
    let before = test.admin.get(&format!("/activity?limit=1&cursor={}", newest["next"].as_str().unwrap())).await.expect(200);
    assert_eq!(before["items"][0]["detail"]["key"], "room5");
}

#[tokio::test]
async fn health_readiness_and_metrics_are_told() {
    let test = TestApp::start().await;
    let get = |path: &'static str| send(test.stranger().request(Method::GET, path));
    assert_eq!(get("/healthz").await.text, "ok\n");
    assert_eq!(get("/readyz").await.text, "ready\n");
    test.admin.get("/rooms/none").await.problem(404, "not_found");
    let metrics = get("/metrics").await;
    let parts = ["bluecast_http_requests_total", "route=\"/api/v1/rooms/{key}\"", "status=\"404\""];
    assert!(metrics.text.lines().any(|line| parts.iter().all(|part| line.contains(part))), "{}", metrics.text);

    let guarded = TestApp::start_with(On::Sqlite, &[("BLUECAST_METRICS_TOKEN", "hush")]).await;
    send(guarded.stranger().request(Method::GET, "/metrics")).await.problem(401, "not_authenticated");
    assert_eq!(send(guarded.stranger().request(Method::GET, "/metrics").bearer_auth("hush")).await.status, 200);
}

#[tokio::test]
async fn not_ready_once_the_database_is_away() {
    let test = TestApp::start().await;
    test.app.store.close().await;
    let ready = send(test.stranger().request(Method::GET, "/readyz")).await;
    assert_eq!((ready.status, ready.text.as_str()), (503, "the database does not answer\n"));
    test.admin.get("/rooms").await.problem(503, "database_unavailable");
    assert_eq!(send(test.stranger().request(Method::GET, "/healthz")).await.status, 200);
}

#[tokio::test]
async fn an_answer_under_way_is_finished_at_the_end() {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    let test = TestApp::start().await;
    let mut stream = BufReader::new(tokio::net::TcpStream::connect(test.address).await.unwrap());
    let body = json!({"username": "admin", "password": "a wrong password"}).to_string();
    let head = format!(
        "POST /api/v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The sign that the handler waits for the body.
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert!(line.contains("100 Continue"), "{line}");
    let app = test.app.clone();
    let stopping = tokio::spawn(test.stop());
    app.stopping.cancelled().await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("HTTP/1.1 401") && answer.contains("wrong_credentials"), "{answer}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn the_end_waits_for_nobody_who_is_idle() {
    let test = TestApp::start().await;
    let idle = tokio::net::TcpStream::connect(test.address).await.unwrap();
    test.admin.get("/session").await.expect(200);
    let address = test.address;
    // Connections that are busy are cut after ten.
    tokio::time::timeout(std::time::Duration::from_secs(9), test.stop()).await.expect("an end in time");
    drop(idle);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
