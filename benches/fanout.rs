//! A comment on its way to everybody in a room: how long to the last of them, what a viewer costs, and whether all is kept.
//!
//! Server and load share the machine. The load is a client of its own on bare sockets, so that most of what is measured is the server.
//! `BLUECAST_BENCH_VIEWERS` (`5000,10000`), `BLUECAST_BENCH_SECONDS` (20) of ten comments a second each; `BLUECAST_BENCH_ROOMS` (200).

#[path = "support/mod.rs"]
mod bench;
#[path = "support/room_load.rs"]
mod load;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluecast::config::Settings;
use bluecast::store::{Purpose, Store};
use serde_json::json;

use self::bench::process::{cpu_seconds, resident_mb};
use self::bench::table::{Table, median, percentile, setting};
use self::load::{Arrivals, Reader, Writer};
use self::support::app::{Client, PASSWORD};
use self::support::process::program;
use self::support::wait::until;

/// Comments a second in the one large room.
const PACE: u32 = 10;
/// Writers in it: each keeps to the pace that the server bears of one viewer.
const WRITERS: usize = 40;
/// Connections that are opened at a time.
const OPENING: usize = 256;

fn main() {
    bluecast::memory::bound();
    bluecast::comment::raise_open_files();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let viewers = std::env::var("BLUECAST_BENCH_VIEWERS").unwrap_or_else(|_| "5000,10000".to_owned());
    for viewers in viewers.split(',').filter_map(|count| count.trim().parse::<usize>().ok()) {
        one_room(viewers).await;
    }
    let rooms = setting("BLUECAST_BENCH_ROOMS", 200.0) as usize;
    if rooms > 0 {
        many_rooms(rooms).await;
    }
}

/// The real program, with a database of its own.
struct Served {
    child: Child,
    address: SocketAddr,
    admin: Client,
    data: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let said = data.path().join("said");
        let child = program()
            .arg("serve")
            .env("BLUECAST_LISTEN", "127.0.0.1:0")
            .env("BLUECAST_DATA_DIR", data.path())
            .env("BLUECAST_ADMIN_PASSWORD", PASSWORD)
            .env("BLUECAST_SOCKETS_PER_ADDRESS", "20000")
            .env("BLUECAST_TRUSTED_PROXIES", "127.0.0.1")
            .env("BLUECAST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let address = until("the program says where it listens", async || {
            let text = std::fs::read_to_string(&said).ok()?.replace("localhost", "127.0.0.1");
            text.split_once("http://")?.1.split(|c: char| c.is_whitespace() || c == '/').next()?.parse().ok()
        })
        .await;
        let admin = Client::new(address);
        admin.log_in("admin", PASSWORD).await;
        Self { child, address, admin, data }
    }

    async fn room(&self, key: &str) {
        self.admin.post("/rooms", json!({ "key": key, "title": "A room" })).await.expect(201);
        self.admin.patch(&format!("/rooms/{key}/rules"), json!({ "ask_name": false })).await.expect(200);
    }

    /// How many comments are kept, once the program has ended.
    async fn end(mut self) -> i64 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        until("the program ends", async || self.child.try_wait().unwrap()).await;
        let folder = self.data.path().to_str().unwrap().to_owned();
        let settings = Settings::from_map(&[("BLUECAST_DATA_DIR".to_owned(), folder)].into()).unwrap();
        let store = Store::open(&settings, Purpose::Serve).await.unwrap();
        let (count,): (i64,) = store.one("SELECT COUNT(*) FROM comments", bluecast::args![]).await.unwrap();
        store.close().await;
        count
    }
}

/// Opens so many connections of readers; gives how long that took.
async fn crowd(served: &Served, room: &str, count: usize, arrivals: &Arc<Arrivals>) -> Duration {
    let began = Instant::now();
    let places = Arc::new(tokio::sync::Semaphore::new(OPENING));
    let mut opening = tokio::task::JoinSet::new();
    for number in 0..count {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let (address, room, arrivals) = (served.address, room.to_owned(), Arc::clone(arrivals));
        opening.spawn(async move {
            let reader = Reader::open(address, &room, number).await;
            drop(place);
            tokio::spawn(reader.read(arrivals));
        });
    }
    while let Some(opened) = opening.join_next().await {
        opened.unwrap();
    }
    began.elapsed()
}

async fn one_room(viewers: usize) {
    let mut table = Table::new(&format!("{viewers} viewers in one room, {PACE} comments a second"));
    let served = Served::start().await;
    served.room("hall").await;
    let pid = served.child.id();
    let seconds = setting("BLUECAST_BENCH_SECONDS", 20.0) as u32;
    let count = (seconds * PACE) as usize;
    let arrivals = Arc::new(Arrivals::new(count));
    // The writers' welcome and what the first connections bring into memory are not the viewers'.
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        writers.push(Writer::open(served.address, "hall", 60_000 + number).await);
    }
    let before_mb = resident_mb(pid);
    let connected = crowd(&served, "hall", viewers, &arrivals).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let each_kb = (resident_mb(pid) - before_mb) * 1000.0 / viewers as f64;
    let cpu = cpu_seconds(pid);
    let began = Instant::now();
    let mut every = tokio::time::interval(Duration::from_secs(1) / PACE);
    for number in 0..count {
        every.tick().await;
        arrivals.send(number);
        writers[number % WRITERS].post(number).await;
    }
    let load = (cpu_seconds(pid) - cpu) / began.elapsed().as_secs_f64();
    let mut acknowledged = 0;
    for writer in &mut writers {
        acknowledged += writer.acknowledged().await;
    }
    let all = |arrivals: &Arrivals| (arrivals.total() >= viewers * count).then_some(());
    let deadline = Instant::now() + Duration::from_secs(20);
    while all(&arrivals).is_none() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let peak_kb = (resident_mb(pid) - before_mb) * 1000.0 / viewers as f64;
    let last: Vec<f64> = arrivals.last_ms();
    let (p99, most) = if viewers > 5000 { (percentile(&last, 99), 200.0) } else { (percentile(&last, 99), 75.0) };
    table.at_most("all connected", connected.as_secs_f64(), 5.0, "s");
    table.line("from send to the last viewer, median", format!("{:.1} ms", median(&last)));
    table.at_most("from send to the last viewer, p99 of the comments", p99, most, "ms");
    table.line("the same, the worst", format!("{:.1} ms", percentile(&last, 100)));
    table.at_most("deliveries that are missing", (viewers * count) as f64 - arrivals.total() as f64, 0.0, "");
    table.at_most("memory a viewer, at rest", each_kb, 14.0, "kB");
    table.at_most("memory a viewer, under load", peak_kb, 14.0, "kB");
    table.line("the server's load", format!("{load:.2} cores"));
    let kept = served.end().await;
    table.at_most("comments that were acknowledged and are not kept", (acknowledged as f64 - kept as f64).max(0.0), 0.0, "");
    table.at_least("comments that were acknowledged", acknowledged as f64, count as f64, "");
    table.end();
}

async fn many_rooms(rooms: usize) {
    const PACE: f64 = 1000.0;
    const SECONDS: f64 = 10.0;
    // Each writes no faster than one viewer may: one comment in 2.2 seconds.
    let writers = (PACE * 2.2) as usize;
    let mut table = Table::new(&format!("{PACE} comments a second by {writers} writers into {rooms} rooms, {SECONDS} s"));
    let served = Served::start().await;
    for number in 0..rooms {
        served.room(&format!("room-{number}")).await;
    }
    let mut open = Vec::with_capacity(writers);
    for number in 0..writers {
        open.push(Writer::open(served.address, &format!("room-{}", number % rooms), number).await);
    }
    let cpu = cpu_seconds(served.child.id());
    let count = (PACE * SECONDS) as usize;
    let began = Instant::now();
    for number in 0..count {
        let due = began + Duration::from_secs_f64(number as f64 / PACE);
        tokio::time::sleep_until(due.into()).await;
        open[number % writers].post(number).await;
    }
    let took = began.elapsed();
    let mut acknowledged = 0;
    for writer in &mut open {
        acknowledged += writer.acknowledged().await;
    }
    let done = began.elapsed();
    table.line("sent within", format!("{:.1} s", took.as_secs_f64()));
    table.at_most("the last acknowledged after the last was sent", (done - took).as_secs_f64(), 2.0, "s");
    table.line("the server's load", format!("{:.2} cores", (cpu_seconds(served.child.id()) - cpu) / done.as_secs_f64()));
    table.at_least("comments that were acknowledged", acknowledged as f64, count as f64, "");
    drop(open);
    let kept = served.end().await;
    table.at_least("comments that are kept", kept as f64, count as f64, "");
    table.end();
}
