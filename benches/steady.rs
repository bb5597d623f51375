//! A meeting for a while: distinct pictures a second of a page that draws 30, and sound against picture, both at an RTMP receiver with
//! Chromium on the same machine.
//!
//! `BLUECAST_BENCH_MINUTES` (1); the figures of the issue are for 10.

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::time::{Duration, Instant};

use serde_json::json;

use self::bench::table::{Table, median, percentile, setting};
use self::support::app::{On, TestApp};
use self::support::bbb::{Bbb, Strip};
use self::support::decode::{Decoder, Picture, Sound};
use self::support::nginx::Nginx;
use self::support::wait::until;

/// The double's page counts on its picture being seen so much later than it reads the clock for it.
const TO_SCREEN_MS: i64 = 25;
/// How often what was decoded is looked at and forgotten.
const PIECE: Duration = Duration::from_secs(15);

fn main() {
    bluecast::memory::bound();
    gstreamer::init().unwrap();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let minutes = setting("BLUECAST_BENCH_MINUTES", 1.0);
    let bbb = Bbb::start().await;
    let meeting = bbb.meeting("steady");
    meeting.people(2);
    meeting.strip(Strip::WithTheRest).fps(30);
    let nginx = Nginx::start();
    let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "64")]).await;
    let new = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = app.admin.post("/servers", new).await.expect(201)["id"].as_str().unwrap().to_owned();
    let url = nginx.url("steady");
    let decoder = Decoder::rtmp(&url);
    let order = json!({ "server_id": server, "meeting_id": meeting.id(), "profile": "seed", "targets": [{ "url": url }] });
    let id = app.admin.post("/broadcasts", order).await.expect(201)["id"].as_str().unwrap().to_owned();
    until("the beep of the meeting", async || decoder.sounds().iter().any(|sound| sound.onset_ms.is_some()).then_some(())).await;
    tokio::time::sleep(Duration::from_secs(5)).await;

    let mut table = Table::new(&format!("A meeting for {minutes} min: Chromium, capture, 1360x768 at 30, RTMP"));
    let (mut rates, mut by_flash, mut by_clock, mut ages) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let began = Instant::now();
    decoder.clear();
    let mut since = Instant::now();
    while began.elapsed().as_secs_f64() < minutes * 60.0 {
        tokio::time::sleep(PIECE).await;
        let (pictures, sounds, took) = (decoder.pictures(), decoder.sounds(), since.elapsed().as_secs_f64());
        decoder.clear();
        since = Instant::now();
        assert_eq!(decoder.error(), None);
        let mut strips: Vec<u64> = pictures.iter().filter_map(|picture| picture.strip.map(|(shown, _)| shown)).collect();
        strips.dedup();
        let rate = strips.len() as f64 / took;
        ages.extend(pictures.iter().filter_map(|picture| picture.strip.map(|(_, age)| age as f64)));
        let beeps = beeps(&sounds);
        let (flash, clock) = (offsets(&beeps, &flashes(&pictures)), offsets(&beeps, &seconds(&pictures)));
        table.line(
            &format!("at {:>4.0} s: distinct fps; sound after flash / clock", began.elapsed().as_secs_f64()),
            format!("{rate:.2}; {:+.0} / {:+.0} ms", median(&flash), median(&clock)),
        );
        rates.push(rate);
        by_flash.extend(flash);
        by_clock.extend(clock);
    }
    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until("the end", async || Some(app.admin.get(&format!("/broadcasts/{id}")).await.expect(200)).filter(|view| view["phase"] == "ended"))
        .await;
    app.stop().await;

    assert!(!by_flash.is_empty() && !by_clock.is_empty(), "no beep met its flash");
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let most = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
    let least = |values: &[f64]| values.iter().copied().fold(f64::MAX, f64::min);
    table.line("page's clock to decoded picture, p50 / p95", format!("{} / {} ms", percentile(&ages, 50), percentile(&ages, 95)));
    table.line(
        "sound after flash: mean, least, most",
        format!("{:+.0}, {:+.0}, {:+.0} ms", mean(&by_flash), least(&by_flash), most(&by_flash)),
    );
    table.line(
        "sound after clock: mean, least, most",
        format!("{:+.0}, {:+.0}, {:+.0} ms", mean(&by_clock), least(&by_clock), most(&by_clock)),
    );
    table.line("beeps that met their flash / their second", format!("{} / {}", by_flash.len(), by_clock.len()));
    table.at_least("distinct pictures a second", mean(&rates), 29.5, "");
    table.at_most("sound off its flash, mean", mean(&by_flash).abs(), 45.0, "ms");
    table.at_most(
        "sound off its flash, 95 of 100",
        percentile(&by_flash.iter().map(|offset| offset.abs()).collect::<Vec<_>>(), 95),
        45.0,
        "ms",
    );
    table.end();
}

/// Where beeps begin, by time stamp in ms.
fn beeps(sounds: &[Sound]) -> Vec<i64> {
    let (mut found, mut quiet_since) = (Vec::new(), 0);
    for sound in sounds {
        if let Some(onset) = sound.onset_ms {
            let at = sound.pts_ms + onset;
            if at > quiet_since + 300 {
                found.push(at.cast_signed());
            }
            quiet_since = at;
        }
    }
    found
}

/// Where flashes begin: the first picture that has it.
fn flashes(pictures: &[Picture]) -> Vec<i64> {
    pictures.windows(2).filter(|pair| !pair[0].flash && pair[1].flash).map(|pair| pair[1].pts_ms.cast_signed()).collect()
}

/// Where full seconds lie by the clock in the picture: finer than the flash, which waits for the next picture.
fn seconds(pictures: &[Picture]) -> Vec<i64> {
    let seconds = pictures.windows(2).filter(|pair| !pair[0].flash && pair[1].flash).filter_map(|pair| {
        let picture = &pair[1];
        let (_, age) = picture.strip?;
        let drawn_ms = picture.arrived_ms - age;
        let since_second = (drawn_ms.cast_signed() + TO_SCREEN_MS) % 1000;
        Some(picture.pts_ms.cast_signed() - if since_second > 500 { since_second - 1000 } else { since_second })
    });
    seconds.collect()
}

/// How much later each beep begins than what is nearest to it.
fn offsets(beeps: &[i64], marks: &[i64]) -> Vec<f64> {
    let nearest = |mark: &i64| beeps.iter().map(|beep| beep - mark).min_by_key(|offset| offset.abs());
    marks.iter().filter_map(nearest).filter(|offset| offset.abs() < 450).map(|offset| offset as f64).collect()
}
