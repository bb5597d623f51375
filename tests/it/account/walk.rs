//! Every route of the `OpenAPI` document, and every public one, asked by somebody of another group and by nobody.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Two;
use crate::support::app::{Answer, Client, On, TestApp, send};

/// Operations that need no credentials.
const PUBLIC: &[(&str, &str)] =
    &[("post", "/api/v1/session"), ("post", "/api/v1/password-resets"), ("post", "/api/v1/password-resets/use")];
/// What is the same for the whole house, and no group's.
const NO_GROUPS: &[&str] = &["/api/v1/roles/{id}"];
/// What only those may ask for who may everything: refused before anything is looked up.
const ADMINS_ONLY: &str = "/api/v1/webhooks/";

fn document() -> Value {
    serde_json::from_str(&bluecast::http::openapi::document()).unwrap()
}

/// Method, path and operation of everything in the document.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(_, operation)| operation.get("responses").is_some()) {
            found.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    found
}

/// The smallest value that a schema takes.
fn sample(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return sample(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    for union in ["oneOf", "anyOf"] {
        if let Some(first) = schema[union].as_array().and_then(|parts| parts.iter().find(|part| part["type"] != "null")) {
            return sample(document, first);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let members = parts.iter().map(|part| sample(document, part)).filter_map(|part| part.as_object().cloned());
        return Value::Object(members.fold(Map::new(), |mut all, part| {
            all.extend(part);
            all
        }));
    }
    if let Some(value) = schema["enum"].as_array().and_then(|values| values.first()).or(schema.get("const")) {
        return value.clone();
    }
    let kinds = if schema["type"].is_array() { schema["type"].clone() } else { json!([schema["type"]]) };
    match kinds[0].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required.map(|name| (name.to_owned(), sample(document, &schema["properties"][name]))).collect()
        }
        Some("array") => json!([]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        _ if schema["format"] == "date-time" => json!("2020-01-01T00:00:00Z"),
        _ => json!("x1y2z3-sample"),
    }
}

/// Sends an operation to a path whose parameters are filled in, with the query that it needs and a body that it takes.
async fn ask(client: &Client, document: &Value, method: &str, path: &str, operation: &Value) -> Answer {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query = parameters.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true).map(|parameter| {
        let value = sample(document, &parameter["schema"]);
        format!("{}={}", parameter["name"].as_str().unwrap(), value.as_str().map_or(value.to_string(), str::to_owned))
    });
    let path = format!("{path}?{}", query.collect::<Vec<_>>().join("&"));
    let request = client.request(method.to_uppercase().parse().unwrap(), &path);
    let content = operation["requestBody"]["content"].as_object().and_then(|content| content.iter().next());
    let request = match content {
        Some((kind, media)) if kind == "application/json" => {
            request.header("content-type", "application/json").body(sample(document, &media["schema"]).to_string())
        }
        Some((kind, _)) => request.header("content-type", kind).body("x"),
        None => request,
    };
    send(request).await
}

/// The path with what group a has in place of its parameters.
fn fill(path: &str, of_a: &[(&str, &str)]) -> String {
    let (_, id) = of_a.iter().find(|(prefix, _)| path.starts_with(&format!("/api/v1/{prefix}/"))).unwrap_or(&("", "x"));
    let mut first = true;
    let part = |part: &str| match part.strip_prefix('{') {
        Some(_) if std::mem::take(&mut first) => (*id).to_owned(),
        Some(_) => "x".to_owned(),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn guessed_ids_of_another_group_are_not_there_in_any_route() {
    let Two { test, a, b } = Two::start(On::Sqlite).await;
    let body = json!({"source": "test", "profile": "480p30", "overrides": {"width": 426, "height": 240, "fps": 15}, "room": a.room, "targets": [{"origin_id": a.origin, "stream_name": "hidden"}]});
    let broadcast = a.client.post("/broadcasts", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let token = a.client.post("/tokens", json!({"name": "hidden"})).await.expect(201)["id"].as_str().unwrap().to_owned();
    let start =
        json!({"server_id": a.server, "meeting_id": "m", "room": a.room, "targets": [{"origin_id": a.origin, "stream_name": "kept"}]});
    let preset =
        a.client.post("/presets", json!({"name": "Preset of a", "start": start})).await.expect(201)["id"].as_str().unwrap().to_owned();
    let plan = json!({"zone": "UTC", "start": "10:00", "dates": ["2099-01-01"]});
    let schedule = json!({"name": "Schedule of a", "preset_id": preset, "plan": plan});
    let schedule = a.client.post("/schedules", schedule).await.expect(201)["id"].as_str().unwrap().to_owned();
    let of_a = [
        ("presets", preset.as_str()),
        ("schedules", &schedule),
        ("servers", &a.server),
        ("origins", &a.origin),
        ("rooms", &a.room),
        ("broadcasts", &broadcast),
        ("users", &a.user),
        ("groups", &a.group),
        ("tokens", &token),
    ];
    let document = document();
    let (stranger, mut asked, mut there) = (test.stranger(), 0, Vec::new());
    for (method, path, operation) in operations(&document) {
        let filled = fill(&path, &of_a);
        let public = PUBLIC.contains(&(method.as_str(), path.as_str()));
        let answer = ask(&stranger, &document, &method, &filled, &operation).await;
        if !public {
            assert_eq!((answer.status, answer.body["code"].as_str()), (401, Some("not_authenticated")), "{method} {path}: {}", answer.text);
        }
        if path == "/api/v1/events" || (method == "delete" && path == "/api/v1/session") {
            continue;
        }
        let is_list = !path.contains('{');
        if is_list && method != "get" || public || NO_GROUPS.contains(&path.as_str()) {
            continue;
        }
        let answer = ask(&b.client, &document, &method, &filled, &operation).await;
        if is_list {
            assert_ne!(answer.status, 404, "{method} {path}: {}", answer.text);
            for (what, id) in of_a.iter().map(|(what, id)| (what, *id)).chain([(&"names", "user-a"), (&"names", "Server a")]) {
                assert!(!answer.text.contains(id), "{method} {path} shows {what} of another group: {}", answer.text);
            }
        } else if answer.status != if path.starts_with(ADMINS_ONLY) { 403 } else { 404 } {
            there.push(format!("{method} {path}: {} {}", answer.status, answer.text));
        }
        asked += 1;
    }
    assert!(there.is_empty(), "of another group: {there:#?}");
    assert!(asked > 50, "{asked}");
    // All of it is still there for those whose it is.
    for (path, id) in of_a.iter().filter(|(path, _)| *path != "tokens") {
        a.client.get(&format!("/{path}/{id}")).await.expect(200);
    }
    a.client.post(&format!("/broadcasts/{broadcast}/stop"), json!({})).await.expect(202);
    test.stop().await;
}

/// What the site answers outside `/api/v1` to somebody who is nobody, for a room that all may watch and for none.
const OUTSIDE: &[(&str, &str, &[u16])] = &[
    ("GET", "/", &[200]),
    ("GET", "/login", &[200]),
    ("GET", "/admin", &[303, 302, 307]),
    ("GET", "/login/oidc", &[303]),
    ("GET", "/login/oidc/callback", &[303]),
    ("GET", "/watch/room-a", &[200]),
    ("GET", "/watch/none", &[404]),
    ("GET", "/watch/room-a/playback", &[409]),
    ("GET", "/watch/none/playback", &[404]),
    ("GET", "/watch/none/events", &[404]),
    ("POST", "/watch/none/enter", &[404, 415, 422, 400]),
    ("GET", "/embed/room-a", &[200]),
    ("GET", "/embed/none", &[404]),
    ("POST", "/whep/room-a", &[409, 415]),
    ("POST", "/whep/none", &[404]),
    ("DELETE", "/whep/none/x", &[404, 503]),
    ("POST", "/hooks/ome/admission", &[200, 401, 403]),
    ("GET", "/healthz", &[200]),
    ("GET", "/readyz", &[200]),
    ("GET", "/api/v1/openapi.json", &[200]),
];

#[tokio::test]
async fn what_is_public_shows_nothing_of_the_house() {
    let Two { test, a, b } = Two::start(On::Sqlite).await;
    // Pages need their scripts; where those were not built there is nothing to look at but the answer that says so.
    let built = send(test.stranger().request(Method::GET, "/")).await.status != 503;
    for (method, path, expected) in OUTSIDE {
        for client in [&test.stranger(), &b.client] {
            let answer = send(client.request(method.parse::<Method>().unwrap(), path)).await;
            let logged_in = std::ptr::eq(client, &b.client);
            let is_page = !path.contains("/playback") && !path.contains("/api/");
            let turned = logged_in && ["/login", "/admin"].contains(path);
            let fits = expected.contains(&answer.status)
                || (turned && [200, 303].contains(&answer.status))
                || (!built && is_page && answer.status == 503);
            assert!(fits, "{method} {path}: {} {}", answer.status, answer.text);
            for hidden in [&a.server, &a.origin, &a.user, &a.group, "Server a", "Origin a", "user-a", "Group a"] {
                assert!(!answer.text.contains(hidden), "{method} {path} shows {hidden}: {}", answer.text);
            }
            if method == &"POST" && path == &"/hooks/ome/admission" && answer.status == 200 {
                assert_eq!(answer.body["allowed"], false, "{}", answer.text);
            }
        }
    }
    test.stop().await;
}

#[tokio::test]
async fn ids_that_are_none_are_not_there() {
    let test = TestApp::start().await;
    let long = "x".repeat(2000);
    for id in ["x", "%20", "..%2f..", "'%20OR%201=1--", "%E2%80%AE", long.as_str()] {
        for path in ["servers", "origins", "rooms", "broadcasts", "users", "groups", "roles"] {
            test.admin.get(&format!("/{path}/{id}")).await.problem(404, "not_found");
        }
    }
    test.stop().await;
}
