use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use bluecast::media::output::whep::{Whep, WhepConfig, WhepError};
use serde_json::Value;

use super::rig::Rig;
use crate::support::wait::{until, until_blocking};

/// A page that plays what a `Whep` serves, for a real browser.
struct Site {
    whep: Arc<Whep>,
    rig: Rig,
    report: Mutex<Value>,
    session: Mutex<Option<String>>,
}

impl Site {
    async fn start(rig: Rig, config: &WhepConfig, listen: Ipv4Addr) -> (Arc<Self>, SocketAddr) {
        let whep = Arc::new(Whep::start(config).unwrap());
        let site = Arc::new(Self { whep, rig, report: Mutex::default(), session: Mutex::default() });
        let router = Router::new()
            .route("/", get(async || Html(include_str!("whep.html"))))
            .route("/whep", post(offer))
            .route("/report", post(report))
            .with_state(Arc::clone(&site));
        let listener = tokio::net::TcpListener::bind((listen, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (site, address)
    }

    fn seen(&self) -> Value {
        self.report.lock().unwrap().clone()
    }
}

async fn offer(State(site): State<Arc<Site>>, body: String) -> Response {
    match site.whep.offer("b1", &site.rig.hub, &site.rig.clock, body).await {
        Ok(accepted) => {
            *site.session.lock().unwrap() = Some(accepted.session);
            (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/sdp")], accepted.answer).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

async fn report(State(site): State<Arc<Site>>, body: String) {
    *site.report.lock().unwrap() = serde_json::from_str(&body).unwrap();
}

/// A headless Chromium on a page.
struct Browser {
    child: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn open(url: &str, before: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut words: Vec<String> = before.iter().map(ToString::to_string).collect();
        words.push("/usr/bin/chromium".into());
        words.push(format!("--user-data-dir={}", profile.path().display()));
        words.extend(
            [
                "--headless=new",
                "--disable-gpu",
                "--no-first-run",
                "--mute-audio",
                "--autoplay-policy=no-user-gesture-required",
                "--allow-loopback-in-peer-connection",
                "--disable-features=WebRtcHideLocalIpsWithMdns",
                "--disable-background-timer-throttling",
            ]
            .map(str::to_owned),
        );
        if rustix::process::geteuid().is_root() {
            words.push("--no-sandbox".into());
        }
        words.push(url.to_owned());
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is installed");
        Self { child, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
}

fn numbers(value: &Value, key: &str) -> Vec<f64> {
    value[key].as_array().map(|all| all.iter().filter_map(Value::as_f64).collect()).unwrap_or_default()
}

/// Waits until the browser has seen so many pictures, and says what it saw.
async fn watch(site: &Site, frames: f64) -> Value {
    until(60, "a browser to see pictures", async || {
        let seen = site.seen();
        assert!(seen["error"].is_null(), "{seen}");
        (number(&seen, "/frames") >= frames && number(&seen, "/peak") > 0.1).then_some(seen)
    })
    .await
}

fn judge(name: &str, seen: &Value) {
    let mut ages = numbers(seen, "ages");
    let total = ages.len();
    // The first second belongs to starting up.
    ages.drain(..30);
    ages.sort_by(f64::total_cmp);
    let (p50, p95) = (ages[ages.len() / 2], ages[ages.len() * 95 / 100]);
    let (flashes, beeps) = (numbers(seen, "flashes"), numbers(seen, "beeps"));
    let mut offsets: Vec<f64> = flashes
        .iter()
        .filter_map(|flash| beeps.iter().map(|beep| beep - flash).min_by(|one, other| one.abs().total_cmp(&other.abs())))
        .filter(|offset| offset.abs() < 500.0)
        .collect();
    offsets.sort_by(f64::total_cmp);
    eprintln!(
        "whep {name}: p50 {p50} ms, p95 {p95} ms, first picture {:.0} ms, {total} pictures, sound {:?} ms behind, {}",
        number(seen, "/first_ms"),
        offsets.get(offsets.len() / 2),
        seen["stats"]
    );
    assert!(p50 <= 150.0, "pictures are {p50} ms old");
    assert!(number(seen, "/unreadable") <= 2.0, "{seen}");
    assert!(number(seen, "/first_ms") <= 3000.0, "{seen}");
    assert_eq!(number(seen, "/channels"), 2.0, "stereo");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_plays_picture_and_sound() {
    let config = WhepConfig { addresses: vec![Ipv4Addr::LOCALHOST.into()], ..WhepConfig::default() };
    let (site, address) = Site::start(Rig::sized(1360, 768, 60), &config, Ipv4Addr::LOCALHOST).await;
    let browser = Browser::open(&format!("http://{address}/"), &[]);
    let seen = watch(&site, 200.0).await;
    judge("1360x768", &seen);
    let viewers = site.whep.viewers("b1");
    assert!(viewers.len() == 1 && viewers[0].connected && viewers[0].bytes > 100_000, "{viewers:?}");
    // A viewer who goes without a word is noticed, and takes the subscription along.
    assert!(site.rig.hub.wants(bluecast::media::packet::Track::Opus));
    drop(browser);
    until(40, "the viewer to be cleaned up", async || site.whep.viewers("b1").is_empty().then_some(())).await;
    assert!(!site.rig.hub.wants(bluecast::media::packet::Track::Opus));
}
