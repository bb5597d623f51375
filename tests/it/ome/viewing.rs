//! The double's playback: what is pushed to it is what a browser shows.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::{get, post};
use bluecast::media::packet::Track;
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

use crate::browser::running::BROWSERS;
use crate::output::rig::Rig;
use crate::support::chromium::Browser;
use crate::support::ome::pusher::Pusher;
use crate::support::ome::watcher::{Line, Watcher};
use crate::support::ome::{Fault, Ome, OmeOptions, Starve};
use crate::support::wait::until;

const BOTH: [Track; 2] = [Track::H264, Track::Opus];

/// A browser that plays a stream, and what it last said that it saw.
struct Screen {
    report: Arc<Mutex<Value>>,
    _browser: Browser,
    _permit: SemaphorePermit<'static>,
}

impl Screen {
    async fn open(url: &str) -> Self {
        let permit = BROWSERS.acquire().await.unwrap();
        let report: Arc<Mutex<Value>> = Arc::default();
        let said = Arc::clone(&report);
        let hear = async move |body: String| *said.lock().unwrap() = serde_json::from_str(&body).unwrap();
        let router = Router::new()
            .route("/", get(async || Html(include_str!("player.html"))))
            .route("/watch.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], include_str!("../support/watch.js"))))
            .route("/report", post(hear));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let query: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
        Self { report, _browser: Browser::open(&format!("http://{address}/?url={query}"), &[]), _permit: permit }
    }

    fn seen(&self) -> Value {
        self.report.lock().unwrap().clone()
    }

    async fn until(&self, what: &str, good: impl Fn(&Value) -> bool) -> Value {
        until(what, async || {
            let seen = self.seen();
            assert!(seen["error"].is_null(), "{seen}");
            good(&seen).then_some(seen)
        })
        .await
    }
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_and_plays_what_is_pushed() {
    let (ome, rig) = (Ome::start(OmeOptions::default()).await, Rig::start());
    let pusher = Pusher::push(&ome.whip_url("app", "a1"), &rig.hub, &rig.clock, &BOTH).await.unwrap();
    ome.wait_for_stream("app/a1").await;
    let screen = Screen::open(&ome.signalling_url("app", "a1")).await;
    let seen = screen.until("pictures and sound", |seen| number(seen, "/frames") >= 150.0 && number(seen, "/peak") > 0.1).await;
    let mut ages: Vec<f64> = seen["ages"].as_array().unwrap().iter().filter_map(Value::as_f64).skip(30).collect();
    ages.sort_by(f64::total_cmp);
    eprintln!("through the double: p50 {} ms, p95 {} ms, {}", ages[ages.len() / 2], ages[ages.len() * 95 / 100], seen["stats"]);
    // On a busy machine the browser falls behind and catches up.
    screen
        .until("two seconds of pictures not half a second old", |seen| {
            let ages: Vec<f64> = seen["ages"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
            let mut last = ages[ages.len() - 60..].to_vec();
            last.sort_by(f64::total_cmp);
            last[30] <= 500.0
        })
        .await;
    assert!(number(&seen, "/unreadable") <= 2.0 && number(&seen, "/channels") == 2.0, "{seen}");
    assert_eq!(seen["said"], json!(["offer", "playlist", "rendition_changed"]));
    // With false reports nine tenths of the sound are made up, at all times; what a busy machine makes up passes.
    screen
        .until("sound of which less than three tenths is made up", |now| {
            let since = |pointer: &str| number(now, pointer) - number(&seen, pointer);
            let samples = since("/stats/audio/samples");
            samples > 48_000.0 && since("/stats/audio/concealed") < 0.3 * samples
        })
        .await;

    let viewers = ome.viewers("app/a1");
    assert_eq!(viewers.len(), 1);
    let viewer = &viewers[0];
    assert!(viewer.connected && viewer.packets > 100 && viewer.path == "/app/a1" && viewer.user_agent.contains("Chrom"), "{viewer:?}");
    assert!(viewer.answer.contains("stereo=1"), "{}", viewer.answer);
    assert!(pusher.keys_asked() > 0, "a viewer's wish reaches the pusher");

    // Losses are mended by sending again.
    ome.lose(50);
    let before = number(&screen.seen(), "/frames");
    until("reports of loss", async || ome.viewers("app/a1").first().is_some_and(|seen| seen.nacks > 2).then_some(())).await;
    screen.until("pictures in spite of the loss", |seen| number(seen, "/frames") > before + 90.0).await;
    ome.lose(0);

    // Starved: the connection stays, nothing comes.
    ome.starve(Starve::Both);
    let still = until("the picture to stand still", async || {
        let first = number(&screen.seen(), "/frames");
        tokio::time::sleep(Duration::from_millis(1200)).await;
        (number(&screen.seen(), "/frames") == first).then_some(first)
    })
    .await;
    assert_eq!(ome.viewers("app/a1").len(), 1);
    ome.starve(Starve::Nothing);
    screen.until("pictures again", |seen| number(seen, "/frames") > still + 10.0).await;

    // The end of the source ends its viewers.
    let deleted = crate::support::decode::unix_ms() as f64;
    assert_eq!(pusher.delete().await, 200);
    let seen = screen.until("the socket to be closed", |seen| !seen["closed_ms"].is_null()).await;
    let after = number(&seen, "/closed_ms") - deleted;
    assert!((250.0..10_000.0).contains(&after) && seen["close_code"] == 1006, "{after} ms, {}", seen["close_code"]);
    assert!(ome.viewers("app/a1").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signalling_is_as_on_the_wire() {
    let (ome, rig) = (Ome::start(OmeOptions::default()).await, Rig::start());
    let missing = async |url: &str| {
        let mut line = Line::open(url).await.unwrap();
        let said = line.ask(&json!({"command": "request_offer"})).await.unwrap();
        assert_eq!(said, json!({"code": 404, "error": "Cannot create offer"}), "{url}");
        assert_eq!(line.hear().await, None, "the socket is closed");
    };
    missing(&ome.signalling_url("app", "a1")).await;
    let _pusher = Pusher::push(&ome.whip_url("app", "a1"), &rig.hub, &rig.clock, &BOTH).await.unwrap();
    ome.wait_for_stream("app/a1").await;
    missing(&ome.signalling_url("app", "a1/other")).await;
    missing(&ome.signalling_url("other", "a1")).await;

    let mut line = Line::open(&format!("{}?transport=tcp", ome.signalling_url("app", "a1/webrtc_default"))).await.unwrap();
    let offer = line.ask(&json!({"command": "request_offer"})).await.unwrap();
    assert_eq!((&offer["command"], &offer["code"], &offer["peer_id"]), (&"offer".into(), &200.into(), &0.into()), "{offer}");
    assert_eq!(offer["iceServers"][0]["credential"], "airen");
    let sdp = offer["sdp"]["sdp"].as_str().unwrap();
    for text in [
        "a=group:LS ",
        "a=rtpmap:98 H264/90000",
        "profile-level-id=42e01f",
        "a=rtpmap:99 rtx/90000",
        "a=fmtp:99 apt=98",
        "a=rtcp-fb:98 goog-remb",
        "a=rtcp-fb:98 nack\r\n",
        "a=rtpmap:110 OPUS/48000/2",
        "a=fmtp:110 sprop-stereo=1;stereo=1;minptime=10;useinbandfec=1",
        "a=setup:actpass",
        "a=sendonly",
        "framemarking",
    ] {
        assert!(sdp.contains(text), "{text} in {sdp}");
    }
    assert!(!sdp.contains("a=candidate:"), "{sdp}");
    let candidate = offer["candidates"][0]["candidate"].as_str().unwrap();
    assert!(
        candidate.starts_with("candidate:") && candidate.contains(" UDP 50 127.0.0.1 ") && candidate.ends_with(" typ host"),
        "{candidate}"
    );
    let said = line.ask(&json!({"command": "answer", "id": 1})).await.unwrap();
    assert_eq!(said, json!({"code": 400, "error": "Invalid ID"}));
    assert_eq!(line.hear().await, None);
    assert!(ome.viewers("app/a1").is_empty(), "an offer is no viewer");

    let first = Watcher::play(&ome.signalling_url("app", "a1")).await.unwrap();
    let mut second = Watcher::play(&ome.signalling_url("app", "a1")).await.unwrap();
    for kind in ["playlist", "rendition_changed"] {
        assert_eq!(second.line.hear().await.unwrap()["type"], kind);
    }
    until("media to both", async || (first.packets() > 50 && second.packets() > 50).then_some(())).await;
    assert_eq!(ome.viewers("app/a1").len(), 2);
    drop(first);
    until("the first to be gone", async || (ome.viewers("app/a1").len() == 1).then_some(())).await;
    let begun = Instant::now();
    ome.kill_source("app/a1");
    assert_eq!(second.line.hear().await, None);
    assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signalling_can_be_made_to_fail() {
    let ome = Ome::start(OmeOptions { viewer_timeout: Duration::from_secs(1), ..OmeOptions::default() }).await;
    let url = ome.signalling_url("app", "a1");
    ome.signalling_fault(Fault::Refuse(503, String::new(), 1));
    assert_eq!(Line::open(&url).await.err(), Some(503));
    ome.signalling_fault(Fault::Closed);
    assert_eq!(Line::open(&url).await.err(), Some(0));
    ome.signalling_fault(Fault::Never);
    let mut line = Line::open(&url).await.unwrap();
    line.say(&json!({"command": "request_offer"})).await;
    assert!(tokio::time::timeout(Duration::from_millis(300), line.hear()).await.is_err(), "nothing is said");
    ome.signalling_fault(Fault::None);
    let mut line = Line::open(&url).await.unwrap();
    assert_eq!(line.ask(&json!({"command": "request_offer"})).await.unwrap()["code"], 404);
    let asked: Vec<u16> = ome.requests().iter().map(|request| request.status).collect();
    assert_eq!(asked, [503, 0, 101, 101]);
}
