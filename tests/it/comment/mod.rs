//! What is written in rooms, and who is there.

mod crash;
mod export;
mod filter;
mod fuzz;
mod hostile;
mod moderation;
mod nodes;
mod presence;
mod processes;
mod talk;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::socket::Socket;

/// A room of this key whose rules are these.
async fn room(test: &TestApp, key: &str, rules: Value) {
    test.admin.post("/rooms", json!({ "key": key, "title": "Große Halle" })).await.expect(201);
    test.admin.patch(&format!("/rooms/{key}/rules"), rules).await.expect(200);
}

/// Somebody who moderates, by the admin's cookie.
async fn moderator(test: &TestApp, key: &str) -> (Socket, Value) {
    let token = test.admin.post("/tokens", json!({ "name": "moderator", "scopes": ["room.moderate"] })).await.expect(201);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    Socket::enter_with(test, key, &[("authorization", &bearer)], json!({})).await
}

/// The texts of comments, in the order in which they came.
fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter(|message| message["t"] == "comment").map(|message| message["text"].as_str().unwrap()).collect()
}

fn items(welcome: &Value) -> Vec<&str> {
    texts(welcome["items"].as_array().unwrap())
}
