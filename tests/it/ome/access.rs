//! The double's doors: the admission webhook and the signed policy.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bluecast::media::packet::Track;
use serde_json::{Value, json};

use crate::output::rig::Rig;
use crate::support::decode::unix_ms;
use crate::support::ome::access::sign;
use crate::support::ome::pusher::Pusher;
use crate::support::ome::watcher::Watcher;
use crate::support::ome::{Ome, OmeOptions, Policy, Source, Webhooks};
use crate::support::wait::{PATIENCE, until};

const BOTH: [Track; 2] = [Track::H264, Track::Opus];
const SECRET: &str = "a secret of the virtual host";

/// A webhook that is waited for however long it takes to hear of an end.
fn webhooks(address: SocketAddr) -> Webhooks {
    Webhooks { closing_timeout: PATIENCE, ..Webhooks::new(&format!("http://{address}/hook"), SECRET) }
}

/// A control server that gives one answer to every opening, and remembers what it was asked.
#[derive(Clone, Default)]
struct Control {
    answer: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Control {
    async fn start(&self) -> SocketAddr {
        let router = Router::new().route("/hook", post(hook)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    fn answer(&self, value: Value) {
        *self.answer.lock().unwrap() = value;
    }

    /// Direction, protocol, status and address of all that was asked since the last time.
    fn take(&self) -> Vec<[String; 4]> {
        let of = |value: &Value| ["direction", "protocol", "status", "url"].map(|key| value["request"][key].as_str().unwrap().to_owned());
        std::mem::take(&mut *self.asked.lock().unwrap()).iter().map(of).collect()
    }
}

async fn hook(State(control): State<Control>, headers: HeaderMap, body: String) -> String {
    assert_eq!(headers["x-ome-signature"], sign(SECRET, body.as_bytes()));
    assert_eq!(
        (headers["user-agent"].to_str().unwrap(), &headers["content-type"]),
        ("OvenMediaEngine", &"application/json".parse().unwrap())
    );
    let value: Value = serde_json::from_str(&body).unwrap();
    let closing = value["request"]["status"] == "closing";
    control.asked.lock().unwrap().push(value);
    if closing { "{}".to_owned() } else { control.answer.lock().unwrap().to_string() }
}

#[test]
fn the_signature_is_that_of_the_standard() {
    // RFC 2202, 2.
    assert_eq!(URL_SAFE_NO_PAD.decode(sign("Jefe", b"what do ya want for nothing?")).unwrap()[..4], [0xef, 0xfc, 0xdf, 0x6a]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_webhook_decides_who_publishes_and_who_plays() {
    let control = Control::default();
    let address = control.start().await;
    let webhooks = Some(webhooks(address));
    let (ome, rig) = (Ome::start(OmeOptions { webhooks, ..OmeOptions::default() }).await, Rig::start());
    let push = async |url: &str| Pusher::push(url, &rig.hub, &rig.clock, &BOTH).await;

    // Anything but a plain yes is a no.
    for answer in [json!({"allowed": false, "reason": "no"}), json!({}), json!({"allowed": "true"}), json!([])] {
        control.answer(answer);
        let refused = push(&ome.whip_url("app", "a1")).await.err().unwrap();
        assert_eq!((refused.status, refused.body.as_str()), (401, "AdmissionWebhooks error"));
    }
    assert_eq!(control.take().len(), 4);

    control.answer(json!({"allowed": true}));
    let asked_for = format!("{}&token=abc", ome.whip_url("app", "a1"));
    let pusher = push(&asked_for).await.unwrap();
    let words = |direction: &str, status: &str, url: &str| [direction, "WebRTC", status, url].map(str::to_owned);
    assert_eq!(control.take(), [words("incoming", "opening", &asked_for)]);
    let body = ome.hooks().last().unwrap().body.clone();
    assert_eq!((&body["client"]["address"], &body["client"]["real_ip"]), (&"127.0.0.1".into(), &"127.0.0.1".into()), "{body}");
    assert!(body["client"]["port"].is_u64() && body["request"]["time"].as_str().unwrap().ends_with("+00:00"), "{body}");

    ome.wait_for_stream("app/a1").await;
    let url = format!("{}?ticket=7", ome.signalling_url("app", "a1"));
    let viewer = Watcher::play(&url).await.unwrap();
    assert_eq!(control.take(), [words("outgoing", "opening", &url)]);
    until("media", async || (viewer.packets() > 10).then_some(())).await;
    drop(viewer);
    until("the goodbye", async || (control.take() == [words("outgoing", "closing", &url)]).then_some(())).await;
    control.answer(json!({"allowed": false}));
    assert_eq!(Watcher::play(&url).await.err().unwrap(), json!({"code": 404, "error": "Cannot create offer"}));
    control.take();

    assert_eq!(pusher.delete().await, 200);
    assert_eq!(control.take(), [words("incoming", "closing", &asked_for)]);
    assert_eq!(ome.hooks().last().unwrap().body["request"]["new_url"], asked_for);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_webhook_renames_and_limits() {
    let control = Control::default();
    let address = control.start().await;
    let webhooks = Some(webhooks(address));
    let (ome, rig) = (Ome::start(OmeOptions { webhooks, ..OmeOptions::default() }).await, Rig::start());
    let push = async |name: &str| Pusher::push(&ome.whip_url("app", name), &rig.hub, &rig.clock, &BOTH).await;

    control.answer(json!({"allowed": true, "new_url": ome.whip_url("app", "target1")}));
    let renamed = push("redir1").await.unwrap();
    assert_eq!(ome.streams(), ["app/target1"]);
    assert!(renamed.said.location.as_deref().unwrap().starts_with("/app/redir1/"), "{:?}", renamed.said.location);
    // A push that fails for another reason was announced, and is not called off.
    control.take();
    assert_eq!(push("redir1").await.err().unwrap().status, 409);
    assert_eq!(control.take().len(), 1);
    assert_eq!(renamed.delete().await, 200);
    assert!(ome.streams().is_empty());

    control.answer(json!({"allowed": true, "lifetime": 1500}));
    let begun = Instant::now();
    let _pusher = push("a1").await.unwrap();
    ome.wait_for_end("app/a1").await;
    assert!(begun.elapsed() >= Duration::from_millis(1400), "{:?}", begun.elapsed());

    control.answer(json!({"allowed": true}));
    let _pusher = push("a2").await.unwrap();
    ome.wait_for_stream("app/a2").await;
    control.answer(json!({"allowed": true, "lifetime": 1000}));
    let begun = Instant::now();
    let mut viewer = Watcher::play(&ome.signalling_url("app", "a2")).await.unwrap();
    while viewer.line.hear().await.is_some() {}
    assert!(begun.elapsed() >= Duration::from_millis(800), "{:?}", begun.elapsed());
    assert_eq!(ome.streams(), ["app/a2"], "only the viewer is cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_protocols_are_asked_about_in_their_words() {
    let control = Control::default();
    let address = control.start().await;
    let hooks = Webhooks { e_rtmp: true, ..webhooks(address) };
    let ome = Ome::start(OmeOptions { webhooks: Some(hooks), ..OmeOptions::default() }).await;
    control.answer(json!({"allowed": true}));
    let stream = ome.publish(Source::Rtmp, "rtmp://localhost:11935/app/h1?tok=abc").await.unwrap();
    let words = |protocol: &str, status: &str, url: &str| ["incoming", protocol, status, url].map(str::to_owned);
    let twice = [
        words("RTMP", "opening", "rtmp://localhost:11935/app/h1?tok=abc"),
        words("RTMP", "opening", "rtmp://localhost:11935/app/h1?tok=abc&tok=abc"),
    ];
    assert_eq!(control.take(), twice);
    ome.unpublish(&stream).await;
    assert_eq!(control.take(), [words("RTMP", "closing", "rtmp://localhost:11935/app/h1?tok=abc")]);
    control.answer(json!({"allowed": true, "lifetime": 300}));
    ome.publish(Source::Srt, "srt://hooked/app/life1").await.unwrap();
    ome.wait_for_end("app/life1").await;
    until("the goodbye", async || (control.take().last()? == &words("SRT", "closing", "srt://hooked/app/life1")).then_some(())).await;
    control.answer(json!({"allowed": false}));
    assert!(ome.publish(Source::Rtmp, "rtmp://localhost:11935/app/h2").await.is_err());
    assert_eq!(control.take().last().unwrap()[2], "closing", "also after a refusal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_slow_or_gone_lets_nobody_in() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", silent.local_addr().unwrap());
    let hooks = Webhooks { timeout: Duration::from_millis(300), ..Webhooks::new(&url, SECRET) };
    let ome = Ome::start(OmeOptions { webhooks: Some(hooks), ..OmeOptions::default() }).await;
    let rig = Rig::start();
    let begun = Instant::now();
    assert_eq!(Pusher::push(&ome.whip_url("app", "a1"), &rig.hub, &rig.clock, &BOTH).await.err().unwrap().status, 401);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    drop(silent);
    assert_eq!(Pusher::push(&ome.whip_url("app", "a1"), &rig.hub, &rig.clock, &BOTH).await.err().unwrap().status, 401);
    assert!(ome.hooks().iter().all(|call| call.status.is_none()) && ome.hooks().len() == 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_policy_is_verified() {
    let policy = Some(Policy { secret: SECRET.to_owned(), publishing: true, playing: true });
    let (ome, rig) = (Ome::start(OmeOptions { policy, ..OmeOptions::default() }).await, Rig::start());
    let signed = |url: &str, terms: Value| {
        let mark = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{mark}policy={}", URL_SAFE_NO_PAD.encode(terms.to_string()));
        let signature = sign(SECRET, url.as_bytes());
        format!("{url}&signature={signature}")
    };
    let push = async |url: &str| Pusher::push(url, &rig.hub, &rig.clock, &BOTH).await;
    let refused = async |url: &str, part: &str| {
        let said = push(url).await.err().unwrap();
        assert!(said.status == 401 && said.body.contains(part), "{said:?}");
    };
    let (url, soon) = (ome.whip_url("app", "a1"), json!({"url_expire": unix_ms() + 60_000}));
    refused(&url, "There is no signature key(signature) in url(").await;
    refused(&signed(&url, json!({"url_expire": unix_ms() - 1})), "URL has expired.").await;
    refused(&signed(&url, json!({"url_expire": unix_ms() + 60_000, "url_activate": unix_ms() + 30_000})), "not yet been activated").await;
    refused(&signed(&url, json!({})), "url_expire must be").await;
    refused(&signed(&url, soon.clone()).replace("/a1?", "/a2?"), "Signature value is invalid").await;
    let _pusher = push(&signed(&url, soon.clone())).await.unwrap();
    ome.wait_for_stream("app/a1").await;

    let url = ome.signalling_url("app", "a1");
    assert_eq!(Watcher::play(&url).await.err().unwrap()["code"], 404);
    let brief = json!({"url_expire": unix_ms() + 60_000, "stream_expire": unix_ms() + 10_000});
    let mut viewer = Watcher::play(&signed(&url, brief)).await.unwrap();
    Watcher::play(&signed(&url, soon)).await.unwrap();
    while viewer.line.hear().await.is_some() {}
}
