//! What is kept of origins and their edges.

use bluecast::store::args;
use serde_json::{Value, json};

use crate::support::app::{BOTH, TestApp};

fn new(more: Value) -> Value {
    let mut origin = json!({ "name": "Cellar", "app": "app", "srt_url": "srt://ome.example.org:9999" });
    for (key, value) in more.as_object().unwrap() {
        origin[key] = value.clone();
    }
    origin
}

fn tokens(origin: &Value) -> Vec<(&str, bool)> {
    let edges = origin["edges"].as_array().unwrap().iter();
    edges.map(|edge| (edge["name"].as_str().unwrap(), edge["has_api_token"].as_bool().unwrap())).collect()
}

#[tokio::test]
async fn edges_are_a_list_that_is_replaced_and_keep_their_tokens_by_name() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let edges = json!([
            { "name": "one", "api_url": "http://edge-1.example.org:8081", "api_token": "klopfer" },
            { "name": "two", "api_url": "http://edge-2.example.org:8081" },
        ]);
        let made = test.admin.post("/origins", new(json!({ "edges": edges }))).await.expect(201);
        let path = format!("/origins/{}", made["id"].as_str().unwrap());
        assert_eq!(made["vhost"], "default");
        assert_eq!(tokens(&made), [("one", true), ("two", false)]);
        assert!(!made.to_string().contains("klopfer"), "{made}");
        let (sealed,): (String,) =
            test.app.store.one("SELECT api_token_sealed FROM origin_edges WHERE name = $1", args!["one"]).await.unwrap();
        assert!(!sealed.contains("klopfer"));
        assert_eq!(test.admin.get(&path).await.expect(200), made);
        assert_eq!(test.admin.get("/origins").await.expect(200)["items"], json!([made]));

        // Left out, nothing changes.
        let changed = test.admin.patch(&path, json!({ "vhost": "live.example.org" })).await.expect(200);
        assert_eq!((changed["vhost"].as_str(), tokens(&changed)), (Some("live.example.org"), vec![("one", true), ("two", false)]));

        let one = made["edges"][0]["id"].as_str().unwrap();
        let edges = json!([
            { "id": one, "name": "uno", "api_url": "http://edge-1.example.org:9" },
            { "name": "three", "api_url": "https://edge-3.example.org", "api_token": "hase" },
        ]);
        let changed = test.admin.patch(&path, json!({ "edges": edges })).await.expect(200);
        assert_eq!(tokens(&changed), [("uno", true), ("three", true)]);
        assert_eq!(changed["edges"][0]["id"], one);
        let edges = json!([{ "name": "uno", "api_url": "http://edge-1.example.org:9", "api_token": null }, { "name": "three", "api_url": "https://edge-3.example.org" }]);
        let changed = test.admin.patch(&path, json!({ "edges": edges })).await.expect(200);
        assert_eq!(tokens(&changed), [("uno", false), ("three", true)]);

        let activity = test.admin.get("/activity").await;
        assert!(activity.text.contains("three") && !activity.text.contains("klopfer") && !activity.text.contains("hase"));
        test.admin.patch(&path, json!({ "edges": [] })).await.expect(200);
        test.admin.patch(&path, json!({ "edges": [{ "name": "last", "api_url": "http://edge.example.org" }] })).await.expect(200);
        test.admin.delete(&path).await.expect(204);
        let (left,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM origin_edges", args![]).await.unwrap();
        assert_eq!(left, 0);
        test.stop().await;
    }
}

#[tokio::test]
async fn impossible_edges_and_virtual_hosts_are_refused_field_by_field() {
    let test = TestApp::start().await;
    let edge = |name: &str, url: &str| json!({ "name": name, "api_url": url });
    let good = "http://edge.example.org";
    let many: Vec<Value> = (0..33).map(|n| edge(&n.to_string(), good)).collect();
    for (change, field) in [
        (json!({ "vhost": "" }), "vhost"),
        (json!({ "vhost": ".." }), "vhost"),
        (json!({ "vhost": "a/b" }), "vhost"),
        (json!({ "vhost": "x".repeat(65) }), "vhost"),
        (json!({ "edges": [edge("", good)] }), "edges[0].name"),
        (json!({ "edges": [edge("a", good), edge("b", "srt://edge.example.org")] }), "edges[1].api_url"),
        (json!({ "edges": [edge("a", good), edge("a", good)] }), "edges[1].name"),
        (json!({ "edges": [{ "id": "none", "name": "a", "api_url": good }] }), "edges[0].id"),
        (json!({ "edges": [{ "name": "a", "api_url": good, "api_token": "a b" }] }), "edges[0].api_token"),
        (json!({ "edges": many }), "edges"),
    ] {
        let refused = test.admin.post("/origins", new(change.clone())).await.problem(422, "invalid_field");
        assert_eq!(refused["field"], field, "{change}");
    }
    test.admin.post("/origins", new(json!({ "edges": [{ "name": "a" }] }))).await.problem(422, "missing_field");
    test.admin.post("/origins", new(json!({ "edges": [{ "name": "a", "api_url": good, "odd": 1 }] }))).await.problem(422, "unknown_field");
    assert_eq!(test.admin.get("/origins").await.expect(200)["items"], json!([]));
    test.stop().await;
}
