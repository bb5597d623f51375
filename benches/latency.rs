//! From the screen to the decoded picture: a clock strip painted 250 times a second, read at an RTMP receiver, for ours and for the seed.
//!
//! `BLUECAST_BENCH_ROUNDS` (3) interleaved rounds of `BLUECAST_BENCH_SECONDS` (15) each.

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::thread::sleep;
use std::time::Duration;

use bluecast::media::profile::Overrides;
use bluecast::media::strip;

use self::bench::display::{Display, Painter};
use self::bench::push::{Push, be_ours_if_asked};
use self::bench::scene::Movie;
use self::bench::sound::Daemon;
use self::bench::table::{Table, median, percentile, setting};
use self::support::decode::Decoder;
use self::support::nginx::Nginx;
use self::support::wait::until_blocking;

const WIDTH: u16 = 1360;
const HEIGHT: u16 = 768;

/// p50 and p95 in ms, pictures a second.
struct Run {
    p50: f64,
    p95: f64,
    fps: f64,
}

fn main() {
    be_ours_if_asked();
    let (display, daemon, nginx) = (Display::start(WIDTH, HEIGHT), Daemon::start(), Nginx::start());
    let _clock: Painter = display.clock(&Movie::new().picture(0, WIDTH.into(), HEIGHT.into()));
    let time = Duration::from_secs_f64(setting("BLUECAST_BENCH_SECONDS", 15.0));
    let (mut ours, mut seed) = (Vec::new(), Vec::new());
    let mut table = Table::new("Screen to decoded frame over RTMP, 1360x768 at 30");
    for round in 0..setting("BLUECAST_BENCH_ROUNDS", 3.0) as usize {
        let url = nginx.url(&format!("ours{round}"));
        let push = Push::ours(&display, &daemon, &url, "seed", &Overrides::default());
        let run = measure(push, &url, time);
        table.line(&format!("round {}: ours p50 / p95 ms, fps", round + 1), format!("{} / {} {:.1}", run.p50, run.p95, run.fps));
        ours.push(run);
        let url = nginx.url(&format!("seed{round}"));
        let run = measure(Push::seed(&display, &daemon, &url), &url, time);
        table.line(&format!("round {}: seed p50 / p95 ms, fps", round + 1), format!("{} / {} {:.1}", run.p50, run.p95, run.fps));
        seed.push(run);
    }
    let middle = |runs: &[Run], of: fn(&Run) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
    table.at_most("ours, p50 (median of the rounds)", middle(&ours, |run| run.p50), 35.0, "ms");
    table.at_most("ours, p95", middle(&ours, |run| run.p95), 80.0, "ms");
    table.line("seed, p50", format!("{} ms", middle(&seed, |run| run.p50)));
    table.line("seed, p95", format!("{} ms", middle(&seed, |run| run.p95)));
    table.at_most("ours to the seed's, p50", middle(&ours, |run| run.p50) / middle(&seed, |run| run.p50), 0.1, "");
    table.end();
}

/// Lets it settle, then reads the clock in what is received.
fn measure(mut push: Push, url: &str, time: Duration) -> Run {
    // Playing before anybody publishes is what viewers do; the server lets them wait.
    let decoder = Decoder::rtmp(url);
    until_blocking("the clock at the receiver", || decoder.pictures().iter().any(|picture| picture.strip.is_some()).then_some(()));
    sleep(Duration::from_secs(3));
    decoder.clear();
    sleep(time);
    let pictures = decoder.pictures();
    push.check();
    let mut ages = Vec::new();
    let mut last = None;
    for (shown, age) in pictures.iter().filter_map(|picture| picture.strip) {
        // Only pictures that show something new have an age of their own.
        if last != Some(shown) {
            ages.push(f64::from(u32::try_from(age.min(strip::MODULUS_MS / 2)).unwrap()));
        }
        last = Some(shown);
    }
    let fps = ages.len() as f64 / time.as_secs_f64();
    Run { p50: percentile(&ages, 50), p95: percentile(&ages, 95), fps }
}
