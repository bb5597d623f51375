//! The page of a room without its player: what it weighs, and how long it takes to serve while five hundred are asked for each second.
//!
//! Requests go out at their times whatever the answers do, so that a slow answer is not asked for more seldom. Server and load share the machine.
//! `BLUECAST_BENCH_SECONDS` (10), `BLUECAST_BENCH_PACE` (500).

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::time::{Duration, Instant};

use serde_json::json;

use self::bench::table::{Table, median, percentile, setting};
use self::support::process::{Folders, Process};

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let (seconds, rate) = (setting("BLUECAST_BENCH_SECONDS", 10.0), setting("BLUECAST_BENCH_PACE", 500.0));
    let folders = Folders::new();
    let program = Process::start_with(&folders, &[("BLUECAST_LOG", "warn")]).await;
    let description = "A paragraph of some **length**, with [a link](https://example.org/) in it.\n\n".repeat(5);
    program.admin.post("/rooms", json!({ "key": "hall", "title": "A room", "description": description })).await.expect(201);
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(64).build().unwrap();
    let url = program.url("/watch/hall");

    let mut table = Table::new("The page of a room without its player");
    let page = client.get(&url).send().await.unwrap().text().await.unwrap();
    let mut weight = size(&client, &url).await;
    let mut assets: Vec<&str> = page.split('"').filter(|piece| piece.starts_with("/assets/") && !piece.contains("/Player-")).collect();
    assets.sort_unstable();
    assets.dedup();
    for asset in assets {
        weight += size(&client, &program.url(asset)).await;
    }
    table.at_most("weight, compressed with gzip", weight / 1000.0, 60.0, "kB");

    let began = Instant::now();
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..(seconds * rate) as u32 {
        let due = began + Duration::from_secs_f64(f64::from(number) / rate);
        tokio::time::sleep_until(due.into()).await;
        let request = client.get(&url).header("accept-encoding", "gzip");
        asked.spawn(async move {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
            due.elapsed().as_secs_f64() * 1000.0
        });
    }
    let times = asked.join_all().await;
    table.line("answers", times.len());
    table.line("median", format!("{:.1} ms", median(&times)));
    table.at_most(&format!("99 of 100 at {rate} a second"), percentile(&times, 99), 50.0, "ms");
    table.end();
    assert!(program.terminate().await.success());
}

/// What comes over the line, in bytes, without the headers.
async fn size(client: &reqwest::Client, url: &str) -> f64 {
    client.get(url).header("accept-encoding", "gzip").send().await.unwrap().bytes().await.unwrap().len() as f64
}
