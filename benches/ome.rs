//! From the test source's clock to the picture in a viewer's browser through a real OME, and back after a cut.
//!
//! Runs where `BLUECAST_TEST_OME` names an OME (see `tests/it/ome/real_address.rs`). `BLUECAST_BENCH_ROUNDS` (3) rounds of
//! `BLUECAST_BENCH_SECONDS` (20) for each profile, and as many cuts.

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/it/ome/real_address.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the tests")]
mod real_address;
#[path = "../tests/it/ome/real_room.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the tests")]
mod real_room;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::time::Duration;

use serde_json::{Value, json};

use self::bench::table::{Table, median, percentile, setting};
use self::real_address::RealOme;
use self::real_room::{House, Screen, number, numbers};
use self::support::wait::until;

/// What belongs to starting up.
const SETTLE: Duration = Duration::from_secs(4);

#[tokio::main]
async fn main() {
    let Some(ome) = RealOme::named("the bench of a real OME") else { return };
    let house = House::on(&ome).await;
    let rounds = setting("BLUECAST_BENCH_ROUNDS", 3.0) as usize;
    let mut table = Table::new("Clock in the picture to the viewer's browser by WHIP through OvenMediaEngine");
    table.line("load of the machine (1 min) at the beginning", load());
    for (profile, p50_most, p95_most) in [("720p30", 130.0, Some(180.0)), ("720p60", 100.0, None)] {
        latency(&house, &mut table, profile, rounds, p50_most, p95_most).await;
    }
    back(&house, &ome, &mut table, rounds).await;
    table.line("load of the machine (1 min) at the end", load());
    table.end();
    house.app.stop().await;
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}

async fn playing<'a>(house: &'a House, profile: &str) -> (real_room::Air<'a>, Screen) {
    let air = house.broadcast("whip", json!({ "profile": profile })).await;
    air.until_target("the target to be listed", |target| target["state"] == "live" && target["origin"]["listed"] == true).await;
    let screen = air.screen().await;
    screen.until("pictures", |seen| numbers(seen, "ages").len() > 30).await;
    (air, screen)
}

struct Round {
    p50: f64,
    p95: f64,
    concealed_percent: f64,
}

async fn latency(house: &House, table: &mut Table, profile: &str, rounds: usize, p50_most: f64, p95_most: Option<f64>) {
    let time = Duration::from_secs_f64(setting("BLUECAST_BENCH_SECONDS", 20.0));
    let mut runs = Vec::new();
    for round in 1..=rounds {
        let (air, screen) = playing(house, profile).await;
        tokio::time::sleep(SETTLE).await;
        let before = screen.seen();
        tokio::time::sleep(time).await;
        let after = screen.seen();
        let run = measure(&before, &after);
        let fps = (number(&after, "/frames") - number(&before, "/frames")) / time.as_secs_f64();
        table.line(&format!("{profile}, round {round}: p50 / p95 ms, fps"), format!("{} / {} {fps:.1}", run.p50, run.p95));
        table.line("  buffered ms picture / sound; sound concealed", buffered(&before, &after, run.concealed_percent));
        table.line("  decode / receive to decoded ms; lost, dropped", decoding(&before, &after));
        let target = air.view().await["targets"][0].take();
        table.line(
            "  the program's fps; B-frames seen by the origin",
            format!("{}; {}", air.view().await["program"]["fps"], target["origin"]["video"]["has_b_frames"]),
        );
        runs.push(run);
        drop(screen);
        air.stop().await;
    }
    let middle = |of: fn(&Round) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
    table.at_most(&format!("{profile}, p50 (median of the rounds)"), middle(|run| run.p50), p50_most, "ms");
    match p95_most {
        Some(most) => table.at_most(&format!("{profile}, p95"), middle(|run| run.p95), most, "ms"),
        None => table.line(&format!("{profile}, p95"), format!("{} ms", middle(|run| run.p95))),
    }
    table.at_most(&format!("{profile}, sound concealed"), middle(|run| run.concealed_percent), 1.0, "%");
}

fn measure(before: &Value, after: &Value) -> Round {
    let ages = numbers(after, "ages").split_off(numbers(before, "ages").len());
    let concealed_percent = 100.0 * grown(before, after, "audio/concealed") / grown(before, after, "audio/samples");
    Round { p50: percentile(&ages, 50), p95: percentile(&ages, 95), concealed_percent }
}

fn grown(before: &Value, after: &Value, name: &str) -> f64 {
    let pointer = format!("/stats/{name}");
    number(after, &pointer) - number(before, &pointer)
}

fn buffered(before: &Value, after: &Value, concealed_percent: f64) -> String {
    let of = |kind: &str| 1000.0 * grown(before, after, &format!("{kind}/delay_s")) / grown(before, after, &format!("{kind}/emitted"));
    format!("{:.0} / {:.0}; {concealed_percent:.2} %", of("video"), of("audio"))
}

fn decoding(before: &Value, after: &Value) -> String {
    let of = |name: &str| 1000.0 * grown(before, after, name) / grown(before, after, "video/decoded");
    let (lost, dropped) = (grown(before, after, "video/lost"), grown(before, after, "video/dropped"));
    format!("{:.1} / {:.0}; {lost}, {dropped}", of("video/decode_s"), of("video/processing_s"))
}

/// The origin ends the stream; it comes back by itself, and so does the player of the room's page.
async fn back(house: &House, ome: &RealOme, table: &mut Table, rounds: usize) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (air, screen) = playing(house, "720p30").await;
    let mut all = Vec::new();
    for round in 1..=rounds {
        let before = ome.stream(&http, &air.name).await.expect("the stream is there");
        let last = numbers(&screen.seen(), "at").last().copied().unwrap_or_default();
        air.cut().await;
        let cut = now_ms();
        // There again: another stream of the name, from which something goes out.
        let there = until("the stream to be there again", async || {
            let stream = ome.stream(&http, &air.name).await?;
            let another = stream["input"]["createdTime"] != before["input"]["createdTime"];
            (another && stream["outputs"][0]["tracks"].as_array().is_some_and(|tracks| tracks.len() >= 2)).then(now_ms)
        })
        .await;
        let first = until("pictures again", async || {
            let at = numbers(&screen.seen(), "at");
            // The first picture after the longest silence since the cut.
            let since: Vec<f64> = at.into_iter().filter(|at| *at >= last).collect();
            let gap = since.windows(2).max_by(|one, other| (one[1] - one[0]).total_cmp(&(other[1] - other[0])))?;
            (gap[1] - gap[0] > 500.0 && gap[1] > there - 500.0).then_some(gap[1])
        })
        .await;
        table.line(
            &format!("cut {round}: stream there again, player plays (ms after the cut)"),
            format!("{:.0}, {:.0}", there - cut, first - cut),
        );
        all.push((first - there).max(0.0));
        tokio::time::sleep(SETTLE).await;
    }
    table.at_most("player plays after the stream is there again (median)", median(&all), 1000.0, "ms");
    air.stop().await;
}

fn now_ms() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century")]
    let now = bluecast::moment::now_ms() as f64;
    now
}
