//! A room's own page in a real Chromium, playing with OvenPlayer what is pushed to the OME double. The steps are in `web/e2e/origin`;
//! they move the double by calls to `/test/…`.
//!
//! Page, scripts and content policy are the program's. In front of it stands the word about where to play from, so that a test can say
//! when the room knows that pictures are there, or that it says nothing at all.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use bluecast::media::packet::Track;
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use super::browser::playwright;
use crate::output::rig::Rig;
use crate::support::app::TestApp;
use crate::support::decode::unix_ms;
use crate::support::ome::pusher::Pusher;
use crate::support::ome::{Ome, OmeOptions, Starve};

const ROOM: &str = "aula";
const STREAM: &str = "app/aula";

struct Stage {
    app: std::net::SocketAddr,
    ome: Mutex<Ome>,
    url: String,
    rig: Rig,
    pusher: Mutex<Option<Pusher>>,
    /// Whether pictures are there, as the room knows.
    live: watch::Sender<bool>,
    /// Whether the room says so.
    tells: AtomicBool,
    asked: AtomicU64,
    http: reqwest::Client,
}

impl Stage {
    fn tell(&self, live: bool) {
        self.live.send_replace(live);
    }

    fn tells(&self) -> bool {
        self.tells.load(Ordering::Relaxed)
    }
}

async fn playback(State(stage): State<Arc<Stage>>) -> Json<Value> {
    stage.asked.fetch_add(1, Ordering::Relaxed);
    let sources = json!([
        {"type": "webrtc", "url": stage.url},
        {"type": "webrtc_tcp", "url": format!("{}?transport=tcp", stage.url)},
    ]);
    let live = if stage.tells() { *stage.live.borrow() } else { true };
    Json(json!({"kind": "origin", "stream": "s1", "sources": sources, "live": live}))
}

async fn events(State(stage): State<Arc<Stage>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let receiver = stage.live.subscribe();
    let changes = stream::unfold((receiver, true), move |(mut receiver, first)| {
        let stage = Arc::clone(&stage);
        async move {
            if !first {
                receiver.changed().await.ok()?;
            }
            let mut state = json!({"state": "live", "title": "Aula", "playback": "s1"});
            if stage.tells() {
                state["playback_live"] = json!(*receiver.borrow_and_update());
            }
            Some((Ok(Event::default().event("state").data(state.to_string())), (receiver, false)))
        }
    });
    Sse::new(changes.boxed()).keep_alive(KeepAlive::new().interval(Duration::from_secs(5)))
}

/// What a test does to the double. Its futures are not `Send`, which a handler's must be.
async fn deed(State(stage): State<Arc<Stage>>, Path(deed): Path<String>) -> Json<Value> {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(done(&stage, &deed)))
}

async fn done(stage: &Stage, deed: &str) -> Json<Value> {
    match deed {
        "push" => {
            let whip = stage.ome.lock().await.whip_url("app", ROOM);
            let pusher = Pusher::push(&whip, &stage.rig.hub, &stage.rig.clock, &[Track::H264, Track::Opus]).await.unwrap();
            *stage.pusher.lock().await = Some(pusher);
            stage.ome.lock().await.wait_for_stream(STREAM).await;
            stage.tell(true);
        }
        "end" => {
            if let Some(pusher) = stage.pusher.lock().await.take() {
                assert_eq!(pusher.delete().await, 200);
            }
            stage.tell(false);
        }
        // It crashes and is back, empty.
        "restart" => {
            stage.pusher.lock().await.take();
            stage.ome.lock().await.restart().await;
            stage.tell(false);
        }
        "starve" => stage.ome.lock().await.starve(Starve::Both),
        "feed" => stage.ome.lock().await.starve(Starve::Nothing),
        "hush" => stage.tells.store(false, Ordering::Relaxed),
        "speak" => stage.tells.store(true, Ordering::Relaxed),
        _ => {}
    }
    let ome = stage.ome.lock().await;
    let viewers: Vec<Value> = ome.viewers(STREAM).iter().map(|viewer| json!({"answer": viewer.answer, "path": viewer.path})).collect();
    let opened: Vec<String> = ome.requests().into_iter().filter(|request| request.status == 101).map(|request| request.path).collect();
    Json(json!({"at_ms": unix_ms(), "viewers": viewers, "opened": opened, "asked": stage.asked.load(Ordering::Relaxed)}))
}

/// Everything else is the program's own.
async fn page(State(stage): State<Arc<Stage>>, request: Request) -> Response {
    let url = format!("http://{}{}", stage.app, request.uri().path_and_query().unwrap());
    let Ok(answer) = stage.http.get(url).send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    (status, headers, answer.bytes().await.unwrap()).into_response()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_plays_from_an_origin_and_comes_back_whatever_happens() {
    let app = TestApp::start().await;
    let ome = Ome::start(OmeOptions::default()).await;
    let template = ome.signalling_url("{app}", "{name}");
    let origin = json!({"name": "Double", "app": "app", "whip_url": "http://127.0.0.1:9", "playback": {"webrtc": template}});
    app.admin.post("/origins", origin).await.expect(201);
    app.admin.post("/rooms", json!({"key": ROOM, "title": "Aula"})).await.expect(201);
    let stage = Arc::new(Stage {
        app: app.address,
        url: ome.signalling_url("app", ROOM),
        ome: Mutex::new(ome),
        rig: Rig::start(),
        pusher: Mutex::default(),
        live: watch::Sender::new(false),
        tells: AtomicBool::new(true),
        asked: AtomicU64::default(),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    });
    let router = Router::new()
        .route("/watch/aula/playback", get(playback))
        .route("/watch/aula/events", get(events))
        .route("/test/{deed}", post(deed))
        .fallback(page)
        .with_state(stage);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    playwright("e2e/playwright.origin.config.ts", &[("BLUECAST_URL", &url)]).await;
    app.stop().await;
}
