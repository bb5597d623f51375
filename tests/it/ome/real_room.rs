//! A room on a real OME: the program, an origin, a test broadcast, and the room's own page in a browser that says what it sees.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use serde_json::{Value, json};

use super::real_address::RealOme;
use crate::support::app::{On, TestApp};
use crate::support::chromium::Browser;
use crate::support::wait::until;

/// A program with the real OME as its only origin.
pub struct House {
    pub app: TestApp,
    pub origin: String,
}

impl House {
    pub async fn on(ome: &RealOme) -> Self {
        let secret = ome.asks.as_ref().map_or("", |(_, secret)| secret);
        let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_OME_SECRET", secret)]).await;
        let origin = app.admin.post("/origins", ome.origin()).await.expect(201)["id"].as_str().unwrap().to_owned();
        Self { app, origin }
    }

    /// Puts a test broadcast of this profile on the air, to a stream and a room of its own.
    pub async fn broadcast(&self, protocol: &str, profile: Value) -> Air<'_> {
        let name = format!("bluecast-{}-{}", std::process::id(), bluecast::moment::now_ms());
        self.app.admin.post("/rooms", json!({ "key": name, "title": "Real" })).await.expect(201);
        let target = json!({ "origin_id": self.origin, "stream_name": name, "protocol": protocol });
        let id = self.start(json!({ "room": name, "targets": [target] }), profile).await;
        Air { house: self, id, name }
    }

    /// Puts a test broadcast on the air that knows nothing of the origin, to this target.
    pub async fn push(&self, target: Value, profile: Value) -> Air<'_> {
        let id = self.start(json!({ "targets": [target] }), profile).await;
        Air { house: self, id, name: String::new() }
    }

    async fn start(&self, mut request: Value, profile: Value) -> String {
        request["source"] = "test".into();
        for (key, value) in profile.as_object().unwrap() {
            request[key] = value.clone();
        }
        self.app.admin.post("/broadcasts", request).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// Names of the streams that the origin has.
    pub async fn streams(&self) -> Vec<String> {
        let listed = self.app.admin.get(&format!("/origins/{}/streams", self.origin)).await.expect(200);
        listed["items"].as_array().unwrap().iter().map(|stream| stream["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// A test broadcast on the air.
pub struct Air<'a> {
    house: &'a House,
    id: String,
    pub name: String,
}

impl Air<'_> {
    pub async fn view(&self) -> Value {
        self.house.app.admin.get(&format!("/broadcasts/{}", self.id)).await.expect(200)
    }

    /// Waits until the target, as our API shows it, is so.
    pub async fn until_target(&self, what: &str, good: impl Fn(&Value) -> bool) -> Value {
        until(what, async || Some(self.view().await["targets"][0].clone()).filter(|target| good(target))).await
    }

    /// The origin is told to end the stream.
    pub async fn cut(&self) {
        self.house.app.admin.delete(&format!("/origins/{}/streams/{}", self.house.origin, self.name)).await.expect(204);
    }

    pub async fn stop(&self) {
        self.house.app.admin.post(&format!("/broadcasts/{}/stop", self.id), json!({})).await.expect(202);
        until("the broadcast to end", async || (self.view().await["phase"] == "ended").then_some(())).await;
    }

    pub async fn screen(&self) -> Screen {
        Screen::open(self.house.app.address, &self.name, None).await
    }

    /// A screen whose player is told of this way to the picture alone.
    pub async fn screen_by(&self, way: &'static str) -> Screen {
        Screen::open(self.house.app.address, &self.name, Some(way)).await
    }
}

/// The room's page in a browser. In front of the program stands what adds two scripts to the page and takes their reports.
pub struct Screen {
    report: Arc<Mutex<Value>>,
    _browser: Browser,
}

impl Screen {
    /// The page of this room of a program at this address.
    pub async fn open(app: SocketAddr, room: &str, way: Option<&'static str>) -> Self {
        let report: Arc<Mutex<Value>> = Arc::default();
        let said = Arc::clone(&report);
        let hear = async move |body: String| *said.lock().unwrap() = serde_json::from_str(&body).unwrap();
        let script = |text: &'static str| get(async move || ([(header::CONTENT_TYPE, "text/javascript")], text));
        let router = Router::new()
            .route("/test/watch.js", script(include_str!("../support/watch.js")))
            .route("/test/real.js", script(include_str!("real.js")))
            .route("/report", post(hear))
            .fallback(pass)
            .with_state((app, way, reqwest::Client::builder().no_proxy().build().unwrap()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { report, _browser: Browser::open(&format!("http://{address}/watch/{room}"), &[]) }
    }

    pub fn seen(&self) -> Value {
        self.report.lock().unwrap().clone()
    }

    pub async fn until(&self, what: &str, good: impl Fn(&Value) -> bool) -> Value {
        until(what, async || Some(self.seen()).filter(|seen| good(seen))).await
    }
}

/// Everything else is the program's own; its pages get the scripts.
async fn pass(State((app, way, http)): State<(SocketAddr, Option<&'static str>, reqwest::Client)>, request: Request) -> Response {
    let narrowed = way.filter(|_| request.uri().path().ends_with("/playback"));
    let url = format!("http://{app}{}", request.uri().path_and_query().unwrap());
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 65_536).await.unwrap();
    let mut ask = http.request(parts.method, url).body(body);
    for name in [header::ACCEPT, header::ACCEPT_LANGUAGE, header::CONTENT_TYPE, header::COOKIE] {
        if let Some(value) = parts.headers.get(&name) {
            ask = ask.header(name, value);
        }
    }
    let Ok(answer) = ask.send().await else { return axum::http::StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    for name in [header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    if let Some(way) = narrowed.filter(|_| status.is_success()) {
        let mut playback: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        playback["sources"].as_array_mut().unwrap().retain(|source| source["type"] == way);
        return (status, headers, playback.to_string()).into_response();
    }
    let page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
    if page {
        let scripts = "<head><script src=\"/test/watch.js\"></script><script src=\"/test/real.js\"></script>";
        let text = answer.text().await.unwrap().replacen("<head>", scripts, 1);
        return (status, headers, text).into_response();
    }
    let chunks = stream::unfold(answer, async |mut answer| {
        let chunk = answer.chunk().await.ok()??;
        Some((Ok::<_, Infallible>(chunk), answer))
    });
    (status, headers, Body::from_stream(chunks)).into_response()
}

/// A number in a report; 0 where it is not there.
pub fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
}

/// A list of numbers in a report.
pub fn numbers(value: &Value, key: &str) -> Vec<f64> {
    value[key].as_array().map(|all| all.iter().filter_map(Value::as_f64).collect()).unwrap_or_default()
}
