//! Broadcasts from Start to Stop, over the API.

mod flight;
mod killed;
mod meeting;
mod origin;
mod preflight;
mod preset;
mod schedule;
mod test_source;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::wait::until;

/// A Start of a small test picture, so that many fit on a small machine, with what a test wants otherwise.
fn start(more: Value) -> Value {
    let mut request = json!({ "source": "test", "profile": "480p30", "overrides": { "width": 426, "height": 240, "fps": 15 } });
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

async fn view(app: &TestApp, id: &str) -> Value {
    app.admin.get(&format!("/broadcasts/{id}")).await.expect(200)
}

async fn until_phase(app: &TestApp, id: &str, wanted: &str) -> Value {
    until(wanted, async || Some(view(app, id).await).filter(|view| view["phase"] == wanted)).await
}

async fn codes(app: &TestApp, id: &str) -> Vec<String> {
    let events = app.admin.get(&format!("/broadcasts/{id}/events")).await.expect(200);
    events["items"].as_array().unwrap().iter().map(|event| event["code"].as_str().unwrap().to_owned()).collect()
}
