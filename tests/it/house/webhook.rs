//! Outgoing webhooks: signed, tried again, kept over a restart, and never into the private network.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::app::{BOTH, On, TestApp, settings};
use crate::support::wait::until;

/// Another program that is told things. It refuses whatever came first, until it relents.
#[derive(Clone, Default)]
struct Told {
    heard: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    relents: Arc<AtomicBool>,
}

impl Told {
    async fn start() -> (Self, String) {
        let told = Self::default();
        let router = Router::new().route("/hook", post(Self::hear)).with_state(told.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=klopfer", listener.local_addr().unwrap());
        tokio::spawn(bluecast::http::serve::serve(listener, router, tokio_util::sync::CancellationToken::new()));
        (told, url)
    }

    async fn hear(State(told): State<Self>, headers: HeaderMap, body: String) -> StatusCode {
        let delivery = |headers: &HeaderMap| headers["bluecast-delivery"].clone();
        let mut heard = told.heard.lock().unwrap();
        heard.push((headers, body));
        let first = delivery(&heard[0].0) == delivery(&heard.last().unwrap().0);
        if first && !told.relents.load(Ordering::Relaxed) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
    }

    fn bodies(&self) -> Vec<Value> {
        self.heard.lock().unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }
}

fn is_signed(headers: &HeaderMap, body: &str, secret: &str) -> bool {
    let text = headers["bluecast-signature"].to_str().unwrap();
    let (time, stamp) = text.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.chain_update(format!("{time}.{body}")).verify_slice(&hex::decode(stamp).unwrap()).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn phases_are_told_signed_and_a_refusal_is_tried_again_after_a_restart_too() {
    for on in BOTH {
        let (told, url) = Told::start().await;
        let data = tempfile::tempdir().unwrap();
        let settings = settings(on, &data, &[("BLUECAST_NODE_NAME", "hooks")]).await;
        let app = TestApp::start_in(data, settings.clone()).await;
        let made = app.admin.post("/webhooks", json!({ "name": "Board", "url": url })).await.expect(201);
        let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let kept = app.admin.get(&format!("/webhooks/{id}")).await.expect(200);
        assert_eq!((&kept["secret"], &kept["events"]), (&Value::Null, &json!(["broadcast.phase", "broadcast.target"])));

        let start = json!({ "source": "test", "profile": "480p30", "overrides": { "width": 426, "height": 240 } });
        let broadcast = app.admin.post("/broadcasts", start).await.expect(201);
        until("it is told of the phases", async || {
            let phases: Vec<Value> = told.bodies().iter().map(|body| body["data"]["phase"].clone()).collect();
            phases.contains(&json!("live")).then_some(())
        })
        .await;
        let first = told.heard.lock().unwrap()[0].clone();
        assert!(is_signed(&first.0, &first.1, secret) && !is_signed(&first.0, &first.1, "another"), "{on:?}");
        assert_eq!(
            (first.0["content-type"].to_str().unwrap(), first.0["bluecast-event"].to_str().unwrap()),
            ("application/json", "broadcast.phase")
        );
        let first: Value = serde_json::from_str(&first.1).unwrap();
        assert_eq!(first["data"]["broadcast_id"], broadcast["id"]);

        // The first was refused: it waits, is written down, and goes out again although the process ended meanwhile.
        let refused = until("the refusal to be written down", async || {
            let log = app.admin.get(&format!("/webhooks/{id}/deliveries")).await.expect(200);
            log["items"].as_array().unwrap().iter().find(|one| one["id"] == first["id"] && one["status"].is_number()).cloned()
        })
        .await;
        assert_eq!((&refused["state"], &refused["status"]), (&json!("waiting"), &json!(500)), "{refused}");
        let data = app.stop().await;
        let tries = || told.bodies().iter().filter(|body| body["id"] == first["id"]).count();
        let before = tries();
        told.relents.store(true, Ordering::Relaxed);
        let app = TestApp::start_in(data, settings).await;
        until("it is tried again", async || (tries() > before).then_some(())).await;
        until("that is written down", async || {
            let log = app.admin.get(&format!("/webhooks/{id}/deliveries")).await.expect(200);
            let done = log["items"].as_array().unwrap().iter().find(|one| one["id"] == first["id"]).cloned().unwrap();
            (done["state"] == "delivered" && done["tries"].as_i64() >= Some(2)).then_some(())
        })
        .await;
        let activity = app.admin.get("/activity").await.expect(200).to_string();
        assert!(activity.contains("webhook.create") && !activity.contains("klopfer") && !activity.contains(secret));
        app.admin.delete(&format!("/webhooks/{id}")).await.expect(204);
        app.admin.get(&format!("/webhooks/{id}/deliveries")).await.problem(404, "not_found");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_inside_the_private_network_is_refused_when_it_is_kept_and_when_it_is_called() {
    let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_CALL_ALLOW", "192.0.2.1")]).await;
    let hook = |url: &str| app.admin.post("/webhooks", json!({ "name": "Inside", "url": url }));
    for inside in ["http://127.0.0.1:9/", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest"] {
        hook(inside).await.problem(422, "not_permitted");
    }
    for wrong in ["ftp://example.org/", "http://user:password@example.org/", "nonsense"] {
        hook(wrong).await.problem(422, "invalid_field");
    }
    app.admin
        .post("/webhooks", json!({ "name": "x", "url": "https://example.org/", "events": ["all"] }))
        .await
        .problem(422, "invalid_field");
    // A name is only looked up when it is called.
    let made = hook("http://localhost:9/").await.expect(201);
    let id = made["id"].as_str().unwrap();
    app.admin.post(&format!("/webhooks/{id}/ping"), json!({})).await.expect(202);
    until("it is not called", async || {
        let log = app.admin.get(&format!("/webhooks/{id}/deliveries")).await.expect(200);
        log["items"][0]["detail"].as_str().filter(|detail| detail.contains("BLUECAST_CALL_ALLOW")).map(drop)
    })
    .await;
    let operator = app.user("operator", &["broadcast.operate", "node.manage", "user.manage"]).await;
    operator.get("/webhooks").await.problem(403, "forbidden");
    app.stop().await;
}
