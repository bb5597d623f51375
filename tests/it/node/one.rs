//! What one process shows of itself as a node, on both databases, and what it refuses.

use serde_json::json;

use crate::support::app::{BOTH, On, TestApp, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_a_node_that_can_be_drained_by_who_may() {
    for on in BOTH {
        let app = TestApp::start_with(on, &[("BLUECAST_NODE_NAME", "alone"), ("BLUECAST_NODE_CAPACITY", "3")]).await;
        let nodes = app.admin.get("/nodes").await.expect(200);
        let node = &nodes["items"][0];
        assert_eq!(nodes["items"].as_array().unwrap().len(), 1, "{nodes}");
        assert_eq!((&node["name"], &node["state"], &node["here"]), (&json!("alone"), &json!("up"), &json!(true)), "{on:?}");
        assert_eq!((&node["version"], &node["cores"]), (&json!(env!("CARGO_PKG_VERSION")), &json!(3.0)));
        let id = node["id"].as_str().unwrap();

        let viewer = app.user("viewer", &["broadcast.view", "broadcast.operate"]).await;
        viewer.get(&format!("/nodes/{id}")).await.expect(200);
        viewer.post(&format!("/nodes/{id}/drain"), json!({})).await.problem(403, "forbidden");
        app.stranger().get("/nodes").await.problem(401, "not_authenticated");
        app.admin.post("/nodes/nowhere/drain", json!({})).await.problem(404, "not_found");
        app.admin.delete(&format!("/nodes/{id}")).await.problem(409, "node_lives");

        app.admin.post(&format!("/nodes/{id}/drain"), json!({})).await.expect(200);
        viewer.post("/broadcasts", json!({ "source": "test" })).await.problem(503, "node_draining");
        assert_eq!(app.admin.get(&format!("/nodes/{id}")).await.expect(200)["state"], "draining");
        app.admin.post(&format!("/nodes/{id}/undrain"), json!({})).await.expect(200);
        let made = viewer.post("/broadcasts", json!({ "source": "test", "profile": "480p30", "node": id })).await.expect(201);
        assert_eq!(made["node"], "alone");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_nodes_may_send_requests_on() {
    let app = TestApp::start_on(On::Postgres).await;
    for forged in ["", "rubbish", &"A".repeat(118)] {
        let request = app.admin.request(reqwest::Method::GET, "/api/v1/nodes").header("bluecast-node", forged);
        send(request).await.problem(403, "bad_node_signature");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_of_the_same_name_is_refused_in_words() {
    let data = tempfile::tempdir().unwrap();
    let settings = crate::support::app::settings(On::Postgres, &data, &[("BLUECAST_NODE_NAME", "twin")]).await;
    let first = TestApp::start_in(data, settings.clone()).await;
    let other = tempfile::tempdir().unwrap();
    let twin = bluecast::config::Settings { data_dir: other.path().to_owned(), ..settings };
    let refused = bluecast::app::Running::start(twin).await.err().unwrap().to_string();
    assert!(refused.contains("twin") && refused.contains("BLUECAST_NODE_NAME"), "{refused}");
    first.stop().await;
}
