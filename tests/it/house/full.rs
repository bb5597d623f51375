//! Disks that are full or cannot be written to.

use bluecast::store::args;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{TestApp, send};

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let test = TestApp::start().await;
    test.admin.post("/rooms", json!({"key": "before", "title": "A room"})).await.expect(201);
    // As SQLite meets a full disk: the file must not grow.
    test.app.store.run("PRAGMA max_page_count = 1", args![]).await.unwrap();
    let mut refused = None;
    for number in 0..50 {
        let room = json!({"key": format!("room{number}"), "title": "A room", "description": "x".repeat(20_000)});
        let answer = test.admin.post("/rooms", room).await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    let detail = refused.expect("the disk to be full some time").problem(507, "storage_full")["detail"].to_string();
    assert!(detail.contains("Make room"), "{detail}");

    test.admin.get("/rooms/before").await.expect(200);
    test.admin.get("/session").await.expect(200);
    assert_eq!(send(test.stranger().request(Method::GET, "/healthz")).await.status, 200);
    test.app.store.run("PRAGMA max_page_count = 1000000", args![]).await.unwrap();
    test.admin.post("/rooms", json!({"key": "after", "title": "A room"})).await.expect(201);
}

#[tokio::test]
async fn a_read_only_database_says_so_and_can_still_be_read() {
    let test = TestApp::start().await;
    test.app.store.run("PRAGMA query_only = 1", args![]).await.unwrap();
    test.admin.post("/rooms", json!({"key": "a", "title": "A room"})).await.problem(503, "storage_read_only");
    test.admin.get("/rooms").await.expect(200);
    test.app.store.run("PRAGMA query_only = 0", args![]).await.unwrap();
    test.admin.post("/rooms", json!({"key": "a", "title": "A room"})).await.expect(201);
}
