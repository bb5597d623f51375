//! Nobody where they don't belong: what origins ask, what viewers get, who enters a room.

mod door;
mod play;
mod publish;
mod through;
mod webhook;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bluecast::args;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use uuid::Uuid;

use crate::support::app::{Answer, Client, On, TestApp, send};
use crate::support::wait::until;

const TOO_LATE: &str = "The answer took too long.";
const SECRET: &str = "between-us-and-the-origin";

async fn start(on: On) -> TestApp {
    TestApp::start_with(on, &[("BLUECAST_OME_SECRET", SECRET)]).await
}

/// A broadcast in a room, pushed to an origin as `app/STREAM`; another process has it, so that nobody takes it over, and nothing runs for it.
struct OnAir {
    broadcast_id: String,
    target_id: Uuid,
}

async fn on_air(test: &TestApp, room: &str, stream: &str) -> OnAir {
    let origin = json!({
        "name": format!("Origin of {stream}"), "app": "app", "rtmp_url": "rtmp://ome.example.org",
        "playback": {"webrtc": "wss://ome.example.org:3334/{app}/{name}", "llhls": "https://ome.example.org/{app}/{name}/llhls.m3u8"}
    });
    let origin = test.admin.post("/origins", origin).await.expect(201);
    let (broadcast_id, target_id) = (bluecast::id::new(), bluecast::id::new());
    let sql = "INSERT INTO broadcasts (id, meeting_id, meeting_name, source, profile, overrides, room_key, bot_name, bot_role, layout, announce, \
               voice_filter, again, desired, phase, paused, node, started_by, started_ms, epoch, owner, lease_ms, lease_until_ms) \
               VALUES ($1, '', 'Test', 'test', '720p30', '{}', $2, 'bot', 'viewer', '', 0, 0, 0, 1, 'live', 0, 'elsewhere', 'admin', 0, 1, \
               'another process', 3600000, $3)";
    test.app.store.run(sql, args![&broadcast_id, room, bluecast::moment::now_ms() + 3_600_000]).await.unwrap();
    let sql = "INSERT INTO targets (id, broadcast_id, origin_id, label, protocol, address_sealed, fingerprint, added_ms, app, stream_name) \
               VALUES ($1, $2, $3, 'Origin', 'rtmp', '', $1, 0, 'app', $4)";
    test.app.store.run(sql, args![&target_id, &broadcast_id, origin["id"].as_str().unwrap(), stream]).await.unwrap();
    OnAir { broadcast_id, target_id: target_id.parse().unwrap() }
}

fn sign(secret: &str, body: &str) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    URL_SAFE_NO_PAD.encode(mac.chain_update(body).finalize().into_bytes())
}

/// A question as OvenMediaEngine puts it.
fn question(direction: &str, protocol: &str, url: &str, port: u16) -> Value {
    json!({
        "client": {"address": "192.0.2.7", "port": port, "real_ip": "192.0.2.7", "user_agent": "test"},
        "request": {"direction": direction, "protocol": protocol, "status": "opening", "time": "2026-11-22T10:49:03.745+00:00", "url": url}
    })
}

/// Asks as an origin does.
/// Asks as an origin does that asks again where a busy machine was too late.
async fn ask(test: &TestApp, question: &Value) -> Answer {
    until("an answer in time", async || Some(ask_once(test, question).await).filter(|answer| !answer.text.contains(TOO_LATE))).await
}

async fn ask_once(test: &TestApp, question: &Value) -> Answer {
    let body = question.to_string();
    ask_with(test.stranger(), &sign(SECRET, &body), body).await
}

async fn ask_with(client: Client, signature: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = client.request(Method::POST, "/hooks/ome/admission").header("content-type", "application/json");
    send(request.header("x-ome-signature", signature).body(body)).await
}

/// Whether the origin may let somebody in; why not otherwise.
fn verdict(answer: &Answer) -> Result<(), String> {
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    match body["allowed"].as_bool() {
        Some(true) if answer.status == 200 => Ok(()),
        Some(false) => Err(body["reason"].as_str().unwrap().to_owned()),
        _ => panic!("no answer that an origin understands: {} {}", answer.status, answer.text),
    }
}

async fn get(client: &Client, path: &str) -> Answer {
    send(client.request(Method::GET, path)).await
}

async fn enter(client: &Client, room: &str, password: &str) -> Answer {
    let request = client.request(Method::POST, &format!("/watch/{room}/enter")).header("content-type", "application/json");
    send(request.body(json!({"password": password}).to_string())).await
}
