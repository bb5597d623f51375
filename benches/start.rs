//! From the request to the first picture at the target, through the API; and whether anything is left behind by starting and stopping.
//!
//! Judged is the first decodable picture *of the source* (the slate goes out sooner). `BLUECAST_BENCH_ROUNDS` (3) starts of each kind;
//! `BLUECAST_BENCH_CYCLES` (20) cycles of the test source after 5 to warm up, `BLUECAST_BENCH_BROWSER_CYCLES` (3) of the browser after one.

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::bench::process::{descendants, descriptors, resident_mb, threads};
use self::bench::table::{Table, median, setting};
use self::support::app::{On, TestApp};
use self::support::bbb::{Bbb, Meeting};
use self::support::decode::Decoder;
use self::support::nginx::Nginx;
use self::support::wait::until;

const PROFILE: &str = "seed";

struct House {
    app: TestApp,
    nginx: Nginx,
    meeting: Meeting,
    server: String,
    streams: usize,
}

/// What a process holds.
struct Held {
    threads: f64,
    descriptors: f64,
    children: f64,
    resident_mb: f64,
}

fn main() {
    bluecast::memory::bound();
    gstreamer::init().unwrap();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let bbb = Bbb::start().await;
    let meeting = bbb.meeting("bench");
    meeting.people(2);
    let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "64")]).await;
    let new = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = app.admin.post("/servers", new).await.expect(201)["id"].as_str().unwrap().to_owned();
    let mut house = House { app, nginx: Nginx::start(), meeting, server, streams: 0 };

    let mut table = Table::new("POST to the first decodable picture of the source at an RTMP target");
    for (kind, most) in [("test", 1.5), ("browser", 8.0)] {
        let mut times = Vec::new();
        for round in 1..=setting("BLUECAST_BENCH_ROUNDS", 3.0) as usize {
            let (first, shown) = house.start_and_stop(kind).await;
            let figure = format!("{:.2} / {:.2} s", first.as_secs_f64(), shown.as_secs_f64());
            table.line(&format!("{kind}, start {round}: any picture / the source's"), figure);
            times.push(shown.as_secs_f64());
        }
        if times.is_empty() {
            continue;
        }
        table.at_most(&format!("{kind} source, median"), median(&times), most, "s");
    }
    table.end();
    house.cycles("test", 5, setting("BLUECAST_BENCH_CYCLES", 20.0) as usize).await;
    house.cycles("browser", 1, setting("BLUECAST_BENCH_BROWSER_CYCLES", 3.0) as usize).await;
    house.app.stop().await;
}

impl House {
    /// How long it took to any picture and to the source's.
    async fn start_and_stop(&mut self, kind: &str) -> (Duration, Duration) {
        let url = self.url();
        // The receiver waits already, as viewers do; its own start is not ours to measure.
        let decoder = Decoder::rtmp(&url);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let began = Instant::now();
        let id = self.start(kind, &url).await;
        let (mut first, mut shown) = (None, None);
        until("a picture at the target", async || {
            let pictures = decoder.pictures();
            first = first.or((!pictures.is_empty()).then(|| began.elapsed()));
            let fresh = pictures.iter().any(|picture| picture.strip.is_some_and(|(_, age)| age < 5000));
            shown = fresh.then(|| began.elapsed());
            shown
        })
        .await;
        drop(decoder);
        self.stop(&id).await;
        (first.unwrap(), shown.unwrap())
    }

    /// The same without a receiver in this process, whose memory would be taken for ours.
    async fn cycle(&mut self, kind: &str) {
        let url = self.url();
        let id = self.start(kind, &url).await;
        until("a live target", async || {
            let view = self.view(&id).await;
            let target = &view["targets"][0];
            (view["phase"] == "live" && target["state"] == "live" && target["bytes"].as_u64() > Some(50_000)).then_some(())
        })
        .await;
        self.stop(&id).await;
    }

    fn url(&mut self) -> String {
        self.streams += 1;
        self.nginx.url(&format!("s{}", self.streams))
    }

    async fn start(&self, kind: &str, url: &str) -> String {
        let mut order = json!({ "source": kind, "profile": PROFILE, "targets": [{ "url": url }] });
        if kind == "browser" {
            order["server_id"] = json!(self.server);
            order["meeting_id"] = json!(self.meeting.id());
        }
        self.app.admin.post("/broadcasts", order).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    async fn stop(&self, id: &str) {
        self.app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
        until("the end", async || Some(self.view(id).await).filter(|view| view["phase"] == "ended")).await;
    }

    async fn view(&self, id: &str) -> Value {
        self.app.admin.get(&format!("/broadcasts/{id}")).await.expect(200)
    }

    async fn cycles(&mut self, kind: &str, warm: usize, count: usize) {
        if count == 0 {
            return;
        }
        let mut table = Table::new(&format!("{count} starts and stops of the {kind} source, after {warm} to warm up"));
        for _ in 0..warm {
            self.cycle(kind).await;
        }
        let before = Held::now().await;
        let mut sizes = vec![before.resident_mb];
        for _ in 0..count {
            self.cycle(kind).await;
            sizes.push(resident_mb(std::process::id()));
        }
        let after = Held::now().await;
        table.at_most("more processes", after.children - before.children, 0.0, "");
        table.at_most("more threads", after.threads - before.threads, 0.0, "");
        table.at_most("more descriptors", after.descriptors - before.descriptors, 0.0, "");
        table.line("resident memory before / after", format!("{:.1} / {:.1} MB", before.resident_mb, after.resident_mb));
        // An allocator's pools fill up first; what goes on growing after that is a leak.
        table.line("slope of the second half", format!("{:.2} MB a cycle", slope(&sizes[sizes.len() / 2..])));
        // Half a megabyte a cycle is what an allocator's unrest looks like over so few.
        table.line("resident memory after each", sizes.iter().map(|size| format!("{size:.0}")).collect::<Vec<_>>().join(" "));
        table.at_most("slope of memory", slope(&sizes), 0.5, "MB a cycle");
        table.end();
    }
}

impl Held {
    /// What is held once everything on its way out is gone: the least within some seconds.
    async fn now() -> Self {
        let pid = std::process::id();
        let mut least = Self { threads: f64::MAX, descriptors: f64::MAX, children: f64::MAX, resident_mb: f64::MAX };
        for _ in 0..80 {
            least.threads = least.threads.min(threads(pid));
            least.descriptors = least.descriptors.min(descriptors(pid) as f64);
            least.children = least.children.min(descendants(pid) as f64);
            least.resident_mb = least.resident_mb.min(resident_mb(pid));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        least
    }
}

/// By least squares.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let (mean_x, mean_y) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        let x = index as f64 - mean_x;
        above += x * (value - mean_y);
        below += x * x;
    }
    above / below
}
