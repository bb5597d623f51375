//! Accounts in full: groups and what they hold, roles, single rooms, passwords, second factors, the log.

mod groups;
mod log;
mod oidc;
mod passwords;
mod rooms;
mod second;
mod walk;

use serde_json::{Value, json};

use crate::support::app::{Client, On, PASSWORD, TestApp};

/// Everything but `system.admin`.
const OPERATOR: &[&str] = &[
    "broadcast.view",
    "broadcast.operate",
    "broadcast.freehand",
    "server.use",
    "server.manage",
    "origin.use",
    "origin.manage",
    "node.manage",
    "room.manage",
    "room.moderate",
    "room.export",
    "room.address",
    "user.manage",
    "activity.view",
];

/// A house of two groups: each has a server, an origin, a room and an operator who may everything but be admin.
struct Two {
    test: TestApp,
    a: Side,
    b: Side,
}

/// One of them.
struct Side {
    group: String,
    server: String,
    origin: String,
    room: String,
    user: String,
    client: Client,
}

impl Two {
    async fn start(on: On) -> Self {
        let test = TestApp::start_on(on).await;
        let (a, b) = (Side::make(&test, "a").await, Side::make(&test, "b").await);
        Self { test, a, b }
    }
}

impl Side {
    async fn make(test: &TestApp, name: &str) -> Self {
        let made = async |path: &str, body: Value| {
            let made = test.admin.post(path, body).await.expect(201);
            made["id"].as_str().unwrap().to_owned()
        };
        let group = made("/groups", json!({"name": format!("Group {name}")})).await;
        let server =
            json!({"name": format!("Server {name}"), "url": "http://127.0.0.1:9/", "secret": "secret-of-a-server", "groups": [group]});
        let server = made("/servers", server).await;
        let origin =
            json!({"name": format!("Origin {name}"), "app": "app", "rtmp_url": "rtmp://127.0.0.1:9", "groups": [format!("group {name}")]});
        let origin = made("/origins", origin).await;
        let room = format!("room-{name}");
        made("/rooms", json!({"key": room, "title": format!("Room {name}"), "groups": [group]})).await;
        let user = json!({"name": format!("user-{name}"), "password": PASSWORD, "permissions": OPERATOR, "groups": [group]});
        let user = made("/users", user).await;
        let client = test.stranger();
        client.log_in(&format!("user-{name}"), PASSWORD).await;
        Self { group, server, origin, room, user, client }
    }
}

/// The ids, keys and names in a list.
async fn listed(client: &Client, path: &str, member: &str) -> Vec<String> {
    let list = client.get(path).await.expect(200);
    list["items"].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}
