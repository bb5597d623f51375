//! The control room: how soon it is there, how soon it tells of a change, what many open ones cost, and how long a list of meetings takes.
//!
//! Server, pages and load share the machine. `BLUECAST_BENCH_SECONDS` (20) of watching, `BLUECAST_BENCH_PAGES` (50), `BLUECAST_BENCH_BROADCASTS`
//! (20), `BLUECAST_BENCH_MEETINGS` (500).

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use sha2::Digest;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::bench::process::cpu_seconds;
use self::bench::table::{Table, median, percentile, setting};
use self::support::app::{Client, PASSWORD};
use self::support::bbb::Bbb;
use self::support::process::{Folders, Process};
use self::support::wait::until;

/// Changes that are told while all pages are open.
const CHANGES: usize = 20;
/// As `web/src/admin/pictures.ts` says: a page loads so many pictures at once, and each again after so long.
const PICTURES_AT_ONCE: usize = 3;
const PICTURE_MS: u64 = 400;

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let folders = Folders::new();
    let settings = [("BLUECAST_LOG", "warn"), ("BLUECAST_NODE_CAPACITY", "64")];
    let program = Process::start_with(&folders, &settings).await;
    meetings(&program).await;
    let ids = broadcasts(&program, 1).await;
    in_the_browser(&program, &ids[0]).await;
    many_pages(&program, ids).await;
    assert!(program.terminate().await.success());
}

/// Small and slow test pictures, so that the machine has room for the rest.
async fn broadcasts(program: &Process, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let start = json!({ "source": "test", "overrides": { "width": 320, "height": 180, "fps": 5, "speed_preset": "ultrafast" } });
        ids.push(program.admin.post("/broadcasts", start).await.expect(201)["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        let path = format!("/broadcasts/{id}");
        until("a broadcast on the air", async || (program.admin.get(&path).await.expect(200)["phase"] == "live").then_some(())).await;
    }
    ids
}

async fn meetings(program: &Process) {
    let count = setting("BLUECAST_BENCH_MEETINGS", 500.0) as usize;
    let mut table = Table::new(&format!("The list of a server with {count} meetings"));
    let bbb = Bbb::start().await;
    for number in 0..count {
        bbb.meeting(&format!("m{number}")).name(&format!("Lecture {number}")).people(4);
    }
    let new = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = program.admin.post("/servers", new).await.expect(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/servers/{server}/meetings");
    let checksum = hex::encode(sha2::Sha256::digest(format!("getMeetings{}", bbb.secret().reveal())));
    let signed = format!("{}api/getMeetings?checksum={checksum}", bbb.url());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut ours, mut its) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let began = Instant::now();
        let body = http.get(&signed).send().await.unwrap().text().await.unwrap();
        its.push(ms(began));
        assert!(body.contains("Lecture 1"), "{body}");
        let began = Instant::now();
        let list = program.admin.get(&path).await.expect(200);
        ours.push(ms(began));
        assert_eq!(list["items"].as_array().unwrap().len(), count);
    }
    table.line("the server's own answer, median", format!("{:.1} ms", median(&its)));
    table.at_most("beside it, median", median(&ours) - median(&its), 300.0, "ms");
    table.end();
}

/// What a real Chromium sees: the first page from nothing, and a change on a page that is open.
async fn in_the_browser(program: &Process, broadcast: &str) {
    let mut table = Table::new("The control room in Chromium");
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let output = Command::new(web.join("node_modules/.bin/playwright"))
        .current_dir(&web)
        .args(["test", "--config", "e2e/playwright.measure.config.ts"])
        .env("BLUECAST_URL", program.url(""))
        .env("BLUECAST_USER", "admin")
        .env("BLUECAST_PASSWORD", PASSWORD)
        .env("BLUECAST_BROADCAST", broadcast)
        .env("FORCE_COLOR", "0")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let measured = |name: &str| -> Vec<f64> {
        let lines = said.lines().filter_map(|line| line.strip_prefix("measured: ")?.strip_prefix(name));
        lines.filter_map(|figure| figure.trim().parse().ok()).collect()
    };
    let ready = measured("ready_ms");
    table.at_most("a cold page until it can be used, median", median(&ready), 1000.0, "ms");
    table.line("the same, the worst", format!("{:.0} ms", percentile(&ready, 100)));
    table.at_most("script, compressed", median(&measured("script_bytes")) / 1000.0, 150.0, "kB");
    let told = measured("told_ms");
    table.at_most("from Pause on one page to the words on another, worst", percentile(&told, 100), 200.0, "ms");
    table.line("the same, median", format!("{:.0} ms", median(&told)));
    table.end();
}

async fn many_pages(program: &Process, mut ids: Vec<String>) {
    let (pages, count) = (setting("BLUECAST_BENCH_PAGES", 50.0) as usize, setting("BLUECAST_BENCH_BROADCASTS", 20.0) as usize);
    let seconds = setting("BLUECAST_BENCH_SECONDS", 20.0);
    let mut table = Table::new(&format!("{pages} control rooms open on the wall of {count} broadcasts"));
    ids.extend(broadcasts(program, count - ids.len()).await);
    let pid = program.pid();
    let cores = async || {
        let (cpu, began) = (cpu_seconds(pid), Instant::now());
        sleep(Duration::from_secs_f64(seconds)).await;
        (cpu_seconds(pid) - cpu) / began.elapsed().as_secs_f64()
    };
    sleep(Duration::from_secs(5)).await;
    let without = cores().await;

    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut open = JoinSet::new();
    let ids = Arc::new(ids);
    for number in 0..pages {
        // A dozen operators, each with some pages open.
        let name = format!("operator{}", number % 12);
        if number < 12 {
            let user = json!({ "name": name, "password": PASSWORD, "permissions": ["broadcast.view", "broadcast.operate"] });
            program.admin.post("/users", user).await.expect(201);
        }
        let client = Arc::new(Client::new(program.admin.address()));
        client.log_in(&name, PASSWORD).await;
        let list = client.get("/broadcasts").await.expect(200);
        assert_eq!(list["items"].as_array().unwrap().iter().filter(|one| one["phase"] != "ended").count(), ids.len());
        let stream = client.request(Method::GET, "/api/v1/events").send().await.unwrap();
        assert_eq!(stream.status(), 200);
        open.spawn(hear(stream, told.clone()));
        for place in 0..PICTURES_AT_ONCE {
            open.spawn(look(Arc::clone(&client), Arc::clone(&ids), place));
        }
    }
    sleep(Duration::from_secs(5)).await;
    let with = cores().await;
    table.line("the program without them", format!("{without:.3} cores"));
    table.line("with them", format!("{with:.3} cores"));
    table.at_most("what they cost", (with - without) * 100.0, 5.0, "% of a core");

    let mut times = Vec::new();
    for number in 0..CHANGES {
        let act = if number % 2 == 0 { "pause" } else { "resume" };
        while heard.try_recv().is_ok() {}
        let began = Instant::now();
        program.admin.post(&format!("/broadcasts/{}/{act}", ids[0]), json!({})).await.expect(202);
        let wanted = (ids[0].clone(), number % 2 == 0);
        let mut left = pages;
        while left > 0 {
            let next = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await;
            let (id, paused, at): (String, bool, Instant) =
                next.unwrap_or_else(|_| panic!("{left} pages did not hear of {act}, number {number}")).unwrap();
            if (id, paused) == wanted {
                left -= 1;
                times.push((at - began).as_secs_f64() * 1000.0);
            }
        }
    }
    table.line("from the request to a page, median", format!("{:.1} ms", median(&times)));
    table.at_most("the same, the last page of the worst change", percentile(&times, 100), 200.0, "ms");
    table.end();
    open.abort_all();
}

/// Follows the events as a page does, and says who was paused or resumed.
async fn hear(mut stream: reqwest::Response, told: tokio::sync::mpsc::UnboundedSender<(String, bool, Instant)>) {
    let mut text = String::new();
    while let Ok(Some(bytes)) = stream.chunk().await {
        let at = Instant::now();
        text += &String::from_utf8_lossy(&bytes);
        while let Some(end) = text.find('\n') {
            let line: String = text.drain(..=end).collect();
            let Some(data) = line.strip_prefix("data:").filter(|data| data.contains("\"paused\"")) else { continue };
            let Ok(change) = serde_json::from_str::<serde_json::Value>(data) else { continue };
            if let (Some(id), Some(paused)) = (change["id"].as_str(), change["paused"].as_bool()) {
                let _ = told.send((id.to_owned(), paused, at));
            }
        }
    }
}

/// Loads the pictures of the wall as a page does: each of the places takes its share of them.
async fn look(client: Arc<Client>, ids: Arc<Vec<String>>, place: usize) {
    let again = Duration::from_millis((PICTURE_MS * ids.len() as u64).max(3000));
    loop {
        let began = Instant::now();
        let mine = ids.iter().skip(place).step_by(PICTURES_AT_ONCE);
        for id in mine {
            let answer = client.request(Method::GET, &format!("/api/v1/broadcasts/{id}/snapshot.jpg")).send().await.unwrap();
            let _ = answer.bytes().await;
        }
        sleep(again.saturating_sub(began.elapsed())).await;
    }
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}
