//! Several processes on one database.

mod door;
mod many;
mod one;

use serde_json::{Value, json};

use crate::support::nginx::free_port;
use crate::support::postgres;
use crate::support::process::{Folders, Process};
use crate::support::wait::until;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// What nodes share, and their folders.
pub struct House {
    pub database: String,
}

impl House {
    pub async fn new() -> Self {
        Self { database: postgres::database().await }
    }

    /// A process of the built program, reached by the others.
    pub async fn node(&self, name: &str, folders: &Folders) -> Process {
        let listen = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{listen}");
        let settings = [
            ("BLUECAST_LISTEN", &*listen),
            ("BLUECAST_NODE_URL", &url),
            ("BLUECAST_NODE_NAME", name),
            ("BLUECAST_DATABASE_URL", &self.database),
            ("BLUECAST_SECRET_KEY", KEY),
        ];
        Process::start_with(folders, &settings).await
    }
}

async fn view(process: &Process, id: &str) -> Value {
    process.admin.get(&format!("/broadcasts/{id}")).await.expect(200)
}

/// Waits for a broadcast to be so at this node.
async fn until_view(process: &Process, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    until(what, async || Some(view(process, id).await).filter(|view| is(view))).await
}

async fn node_of(process: &Process, name: &str) -> Value {
    let nodes = process.admin.get("/nodes").await.expect(200);
    nodes["items"].as_array().unwrap().iter().find(|node| node["name"] == name).cloned().unwrap_or_default()
}

async fn until_node(process: &Process, name: &str, state: &str) {
    until(state, async || (node_of(process, name).await["state"] == state).then_some(())).await;
}

/// A Start of the moving clock in a small picture.
fn start(more: Value) -> Value {
    let mut request = json!({ "source": "test", "profile": "480p30", "overrides": { "width": 426, "height": 240 } });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}
