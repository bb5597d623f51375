use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use bluecast::media::output::whep::{Whep, WhepConfig, WhepError};
use bluecast::media::packet::Track;
use serde_json::Value;

use super::rig::Rig;
use crate::browser::running::BROWSERS;
use crate::support::chromium::Browser;
use crate::support::wait::{until, within};

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
            .route("/watch.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], include_str!("../support/watch.js"))))
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

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
}

fn numbers(value: &Value, key: &str) -> Vec<f64> {
    value[key].as_array().map(|all| all.iter().filter_map(Value::as_f64).collect()).unwrap_or_default()
}

/// Waits until the browser has seen so many pictures, in time and in step with the sound, and says what it saw.
///
/// On a busy machine the browser falls behind and catches up, and its sound buffer grows by itself and shrinks again; what we send is right if
/// it was in time in any second, and in step at any time.
async fn watch(site: &Site, frames: f64) -> Value {
    until("a browser to see pictures in time and in step with the sound", async || {
        let seen = site.seen();
        assert!(seen["error"].is_null(), "{seen}");
        let enough = number(&seen, "/frames") >= frames && number(&seen, "/peak") > 0.1;
        let in_time = || best_second(&seen).is_some_and(|age| age <= 500.0);
        let in_step = || offsets(&seen).iter().any(|offset| offset.abs() <= 150.0);
        (enough && in_time() && in_step()).then_some(seen)
    })
    .await
}

/// The median age of the pictures in the best second, in ms. The first second belongs to starting up.
fn best_second(seen: &Value) -> Option<f64> {
    let median = |second: &[f64]| {
        let mut second = second.to_vec();
        second.sort_by(f64::total_cmp);
        second[second.len() / 2]
    };
    numbers(seen, "ages").get(30..)?.chunks_exact(30).map(median).min_by(f64::total_cmp)
}

/// How much later than its flash each beep was heard, in ms, in order of size.
fn offsets(seen: &Value) -> Vec<f64> {
    let (flashes, beeps) = (numbers(seen, "flashes"), numbers(seen, "beeps"));
    let mut offsets: Vec<f64> = flashes
        .iter()
        .filter_map(|flash| beeps.iter().map(|beep| beep - flash).min_by(|one, other| one.abs().total_cmp(&other.abs())))
        .filter(|offset| offset.abs() < 500.0)
        .collect();
    offsets.sort_by(f64::total_cmp);
    offsets
}

fn judge(name: &str, seen: &Value) {
    let mut ages = numbers(seen, "ages");
    let total = ages.len();
    // The first second belongs to starting up.
    ages.drain(..30);
    ages.sort_by(f64::total_cmp);
    let (p50, p95) = (ages[ages.len() / 2], ages[ages.len() * 95 / 100]);
    let offsets = offsets(seen);
    eprintln!(
        "whep {name}: p50 {p50} ms, p95 {p95} ms, first picture {:.0} ms, {total} pictures, sound {:?} ms behind, {}",
        number(seen, "/first_ms"),
        offsets.get(offsets.len() / 2),
        seen["stats"]
    );
    assert!(number(seen, "/unreadable") <= 2.0, "{seen}");
    assert!(number(seen, "/first_ms") <= 15_000.0, "{seen}");
    assert_eq!(number(seen, "/channels"), 2.0, "stereo");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_plays_picture_and_sound() {
    let config = WhepConfig { addresses: vec![Ipv4Addr::LOCALHOST.into()], ..WhepConfig::default() };
    let (site, address) = Site::start(Rig::sized(1360, 768, 60), &config, Ipv4Addr::LOCALHOST).await;
    let _permit = BROWSERS.acquire().await.unwrap();
    let browser = Browser::open(&format!("http://{address}/"), &[]);
    let seen = watch(&site, 200.0).await;
    judge("1360x768", &seen);
    let viewers = site.whep.viewers("b1");
    assert!(viewers.len() == 1 && viewers[0].connected && viewers[0].bytes > 100_000, "{viewers:?}");
    // A viewer who goes without a word is noticed, and takes the subscription along.
    assert!(site.rig.hub.wants(Track::Opus));
    drop(browser);
    until("the viewer to be cleaned up", async || site.whep.viewers("b1").is_empty().then_some(())).await;
    assert!(!site.rig.hub.wants(Track::Opus));
}

/// A network of its own, joined to ours by a pair of virtual cards.
struct Namespace {
    name: String,
    ours: Ipv4Addr,
}

impl Namespace {
    /// `None` where the system lets us make none.
    fn make() -> Option<Self> {
        let number = std::process::id();
        let [_, _, high, low] = number.to_be_bytes();
        // Four addresses of their own in 10.213.0.0/16.
        let base = low & 0xfc;
        let (ours, theirs) = (Ipv4Addr::new(10, 213, high, base + 1), Ipv4Addr::new(10, 213, high, base + 2));
        let namespace = Self { name: format!("bluecast{number}"), ours };
        let (name, near, far) = (&namespace.name, format!("bc{number}a"), format!("bc{number}b"));
        let steps = [
            format!("netns add {name}"),
            format!("link add {near} type veth peer name {far} netns {name}"),
            format!("addr add {ours}/30 dev {near}"),
            format!("link set {near} up"),
            format!("-n {name} addr add {theirs}/30 dev {far}"),
            format!("-n {name} link set {far} up"),
            format!("-n {name} link set lo up"),
        ];
        let run =
            |step: &String| Command::new("ip").args(step.split(' ')).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        steps.iter().all(run).then_some(namespace)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).stderr(Stdio::null()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_in_another_network_comes_by_the_advertised_address_and_port() {
    let Some(namespace) = Namespace::make() else {
        assert!(std::env::var_os("CI").is_none(), "network namespaces cannot be made here, and a CI run must prove this");
        eprintln!("SKIPPED: network namespaces cannot be made here (root is needed), so advertised addresses are NOT proved");
        return;
    };
    let first = std::net::UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port().min(65_000);
    let ports = first..=first + 20;
    let config = WhepConfig { addresses: vec![namespace.ours.into()], ports: Some(ports.clone()), ..WhepConfig::default() };
    let (site, address) = Site::start(Rig::start(), &config, namespace.ours).await;
    assert!(site.whep.addresses().iter().all(|at| at.ip() == namespace.ours && ports.contains(&at.port())), "{:?}", site.whep.addresses());
    let _permit = BROWSERS.acquire().await.unwrap();
    let _browser = Browser::open(&format!("http://{address}/"), &["ip", "netns", "exec", &namespace.name]);
    judge("from another network", &watch(&site, 120.0).await);
}

/// What a browser offers, in short: H.264 as Chromium numbers it, Opus.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 103 104\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
a=ice-options:trickle\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
a=setup:actpass\r\na=mid:0\r\na=candidate:1 1 udp 2122260223 0a1b2c3d-dead-beef-0000-000000000000.local 50000 typ host\r\na=recvonly\r\n\
a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:103 H264/90000\r\na=rtcp-fb:103 ccm fir\r\na=rtcp-fb:103 nack\r\na=rtcp-fb:103 nack pli\r\n\
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:104 rtx/90000\r\na=fmtp:104 apt=103\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
a=setup:actpass\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";

#[tokio::test]
async fn the_answer_says_what_is_sent_and_where() {
    let (hub, clock) = (bluecast::media::hub::Hub::new(), bluecast::media::clock::MediaClock::new());
    let config = WhepConfig { addresses: vec![[192, 0, 2, 7].into(), "2001:db8::7".parse().unwrap()], ..WhepConfig::default() };
    let whep = Whep::start(&config).unwrap();
    let accepted = whep.offer("b1", &hub, &clock, OFFER.to_owned()).await.unwrap();
    let answer = &accepted.answer;
    for expected in
        ["a=ice-lite", "192.0.2.7", "a=rtpmap:103 H264/90000", "a=sendonly", "stereo=1;sprop-stereo=1", "apt=103", "a=rtcp-fb:103 nack pli"]
    {
        assert!(answer.contains(expected), "{expected} in {answer}");
    }
    assert!(answer.contains("packetization-mode=1") && answer.contains("a=setup:passive"), "{answer}");
    let port = whep.addresses()[0].port().to_string();
    assert!(answer.lines().filter(|line| line.starts_with("a=candidate:")).all(|line| line.contains(&port)), "{answer}");
    // Subscribed for its viewer, and no longer than that.
    assert!(hub.wants(Track::Opus) && hub.wants(Track::H264) && !hub.wants(Track::Aac));
    assert_eq!(whep.viewers("b1").len(), 1);
    assert!(whep.viewers("b2").is_empty());
    assert!(whep.delete(&accepted.session).await);
    assert!(!whep.delete(&accepted.session).await, "a session ends once");
    assert!(!hub.wants(Track::H264));
}

#[tokio::test]
async fn bad_offers_and_too_many_viewers_are_refused() {
    let (hub, clock) = (bluecast::media::hub::Hub::new(), bluecast::media::clock::MediaClock::new());
    let config = WhepConfig { max_viewers: 2, loopback: true, ..WhepConfig::default() };
    let whep = Whep::start(&config).unwrap();
    let offer = async |sdp: &str| whep.offer("b1", &hub, &clock, sdp.to_owned()).await.map(|accepted| accepted.session);
    let long = format!("{OFFER}{}", "a=x:y\r\n".repeat(6000));
    let crowded = format!("{OFFER}{}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:9\r\n".repeat(20));
    let half: String = OFFER.chars().take(500).collect();
    for bad in ["", "hello", "v=0\r\n", "{\"type\":\"offer\"}", "v=0\r\n\0\r\n", &long, &crowded, &half] {
        assert_eq!(offer(bad).await, Err(WhepError::BadOffer), "{bad:.80}");
    }
    assert_eq!(offer(&OFFER.replace("H264", "VP8")).await, Err(WhepError::NoH264));
    assert_eq!(offer(&OFFER.replace("packetization-mode=1", "packetization-mode=0")).await, Err(WhepError::NoH264));
    let first = offer(OFFER).await.unwrap();
    offer(OFFER).await.unwrap();
    assert_eq!(offer(OFFER).await, Err(WhepError::Full));
    assert!(whep.delete(&first).await);
    offer(OFFER).await.unwrap();
    whep.close("b1").await;
    // One without a viewer ends by itself after fifteen.
    within(Duration::from_secs(12), "all sessions to end", async || whep.viewers("b1").is_empty().then_some(())).await;
    // Rubbish on the port disturbs nobody.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [0, 1, 20, 100, 1500, 9000] {
        socket.send_to(&vec![0x16; length], ("127.0.0.1", whep.addresses()[0].port())).unwrap();
        socket.send_to(&vec![0x80; length], ("127.0.0.1", whep.addresses()[0].port())).unwrap();
    }
    offer(OFFER).await.unwrap();
}

#[tokio::test]
async fn a_viewer_who_never_comes_is_forgotten() {
    let (hub, clock) = (bluecast::media::hub::Hub::new(), bluecast::media::clock::MediaClock::new());
    let whep = Whep::start(&WhepConfig { loopback: true, ..WhepConfig::default() }).unwrap();
    let begun = Instant::now();
    whep.offer("b1", &hub, &clock, OFFER.to_owned()).await.unwrap();
    until("the session to time out", async || whep.viewers("b1").is_empty().then_some(())).await;
    assert!(begun.elapsed() > Duration::from_secs(10), "a slow browser has time to come");
    assert!(!hub.wants(Track::H264));
}

#[test]
fn a_taken_port_range_is_said() {
    let taken = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = WhepConfig { ports: Some(port..=port), loopback: true, ..WhepConfig::default() };
    let error = Whep::start(&config).err().unwrap();
    assert_eq!((error, error.code()), (WhepError::Port(std::io::ErrorKind::AddrInUse), "udp_port"));
}
