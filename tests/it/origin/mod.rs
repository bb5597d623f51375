//! Origins: their API, what is kept of them, and the watch over them.

mod calls;
mod count;
mod evict;
mod file;
mod kept;
mod operate;
mod watch;

use bluecast::origin::client::{Client, http_client};
use bluecast::reach::Reach;
use bluecast::secret::Secret;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::ome::Ome;

fn reach() -> Reach {
    Reach::parse("loopback").unwrap()
}

fn client(url: &str, token: Option<&str>) -> Client {
    let token = token.map(Secret::new);
    Client::new(url, token.as_ref(), reach(), http_client(&reach(), &[]).unwrap()).unwrap()
}

/// An origin whose API is the double's, with what a test wants otherwise.
fn origin_at(ome: &Ome, more: Value) -> Value {
    let mut origin =
        json!({ "name": "Cellar", "app": "app", "srt_url": "srt://127.0.0.1:9", "api_url": ome.api_url(), "api_token": "rig:token" });
    for (key, value) in more.as_object().unwrap() {
        origin[key] = value.clone();
    }
    origin
}

async fn make(app: &TestApp, origin: Value) -> String {
    app.admin.post("/origins", origin).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// A small test broadcast.
fn broadcast(more: Value) -> Value {
    let mut request = json!({ "source": "test", "profile": "480p30", "overrides": { "width": 426, "height": 240, "fps": 15 } });
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}
