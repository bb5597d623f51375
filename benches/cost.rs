//! What capture, encoding and pushing cost, ours beside the seed's, at which quality, on slides and on moving video; and what one more
//! broadcast takes of memory.
//!
//! The same bit rate: the seed encodes at its own (constant quality 23). Ours runs at the two neighbouring values of `quality` whose rates lie
//! below and above that, and CPU and SSIM are read off between the two at the seed's rate (by the logarithm of the rate). The ceiling of the
//! profile is lifted meanwhile. SSIM is of luma, of every seventh decoded picture against the very picture that stood on the screen: a number
//! in its strip says which.
//!
//! `BLUECAST_BENCH_ROUNDS` (3) interleaved rounds of `BLUECAST_BENCH_SECONDS` (15) each; `BLUECAST_BENCH_PRESET` tries another speed preset;
//! with `BLUECAST_BENCH_PROFILES_ONLY` only the profiles are measured, each as it is.

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::thread::sleep;
use std::time::{Duration, Instant};

use bluecast::media::profile::{Overrides, Profile, names};
use bluecast::media::strip;

use self::bench::display::{Display, stamp};
use self::bench::process::{cpu_seconds, resident_mb};
use self::bench::push::{Push, be_ours_if_asked};
use self::bench::quality::{luma, ssim};
use self::bench::receive::Receiver;
use self::bench::scene::{MOVIE, Movie, SLIDES, render, slide};
use self::bench::sound::Daemon;
use self::bench::table::{Table, median, setting};
use self::support::nginx::Nginx;

const WIDTH: usize = 1360;
const HEIGHT: usize = 768;
const SLIDE_LASTS: f64 = 5.0;
/// How much the rate grows where `quality` falls by one, for the first guess.
const RATE_A_STEP: f64 = 0.115;

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Run {
    cores: f64,
    kbps: f64,
    fps: f64,
    ssim: f64,
}

struct Place {
    display: Display,
    daemon: Daemon,
    nginx: Nginx,
    time: Duration,
    streams: usize,
}

fn main() {
    be_ours_if_asked();
    bluecast::memory::bound();
    gstreamer::init().unwrap();
    if std::env::var_os("BLUECAST_BENCH_PROFILES_ONLY").is_some() {
        return profiles();
    }
    let mut place = Place {
        display: Display::start(u16::try_from(WIDTH).unwrap(), u16::try_from(HEIGHT).unwrap()),
        daemon: Daemon::start(),
        nginx: Nginx::start(),
        time: Duration::from_secs_f64(setting("BLUECAST_BENCH_SECONDS", 15.0)),
        streams: 0,
    };
    let slides: Vec<Vec<u8>> = (0..SLIDES).map(|index| render(&slide(index, WIDTH, HEIGHT), WIDTH, HEIGHT)).collect();
    let movie = Movie::new();
    let movie: Vec<Vec<u8>> = (0..MOVIE).map(|index| movie.picture(index, WIDTH, HEIGHT)).collect();
    let turn = |elapsed: Duration| (elapsed.as_secs_f64() / SLIDE_LASTS) as usize % SLIDES;
    content(&mut place, "slides, a new one every 5 s", slides, turn);
    // Forwards and backwards, so that it never cuts.
    let there_and_back = |elapsed: Duration| {
        let at = (elapsed.as_secs_f64() * 30.0) as usize % (2 * MOVIE - 2);
        at.min(2 * MOVIE - 2 - at)
    };
    content(&mut place, "moving video over the whole screen", movie, there_and_back);
    memory(&mut place);
    drop(place);
    profiles();
}

/// What each profile takes as it is, on moving video that draws as fast as the profile takes pictures.
fn profiles() {
    const PICTURES: usize = 16;
    let table = Table::new("Each profile as it is, moving video: cores / kbit/s / fps / resident MB");
    for name in names() {
        let profile = Profile::named(name).unwrap();
        let (width, height) = (profile.width as usize, profile.height as usize);
        let movie = Movie::new();
        let mut pictures: Vec<Vec<u8>> = (0..PICTURES).map(|index| movie.picture(index, width, height)).collect();
        for (number, pixels) in (1..).zip(&mut pictures) {
            stamp(pixels, width, height, number);
        }
        let (display, daemon, nginx) =
            (Display::start(u16::try_from(width).unwrap(), u16::try_from(height).unwrap()), Daemon::start(), Nginx::start());
        let fps = f64::from(profile.fps);
        let painter = display.show(&pictures, move |elapsed| {
            let at = (elapsed.as_secs_f64() * fps) as usize % (2 * PICTURES - 2);
            at.min(2 * PICTURES - 2 - at)
        });
        let url = nginx.url(name);
        let push = Push::ours(&display, &daemon, &url, name, &Overrides::default());
        let receiver = Receiver::play(&url);
        receiver.wait();
        sleep(Duration::from_secs(3));
        receiver.forget();
        let (began, cpu) = (Instant::now(), cpu_seconds(push.pid()));
        sleep(Duration::from_secs(8));
        let (took, cpu) = (began.elapsed(), cpu_seconds(push.pid()) - cpu);
        let received = receiver.take();
        let (cores, fps) = (cpu / took.as_secs_f64(), received.pictures as f64 / took.as_secs_f64());
        table.line(name, format!("{cores:.2} / {:.0} / {fps:.1} / {:.0}", received.kbps(took), resident_mb(push.pid())));
        drop((receiver, push, painter));
    }
    table.end();
}

fn content(place: &mut Place, name: &str, mut pictures: Vec<Vec<u8>>, schedule: impl Fn(Duration) -> usize + Send + 'static) {
    for (number, pixels) in (1..).zip(&mut pictures) {
        stamp(pixels, WIDTH, HEIGHT, number);
    }
    let painter = place.display.show(&pictures, schedule);
    let truth: Vec<Vec<u8>> = pictures.iter().map(|pixels| luma(pixels)).collect();
    drop(pictures);
    let mut table = Table::new(&format!("Capture, encode, push: {name}, 1360x768 at 30"));
    // The seed's rate, then the two qualities around it.
    let aim = place.seed(&truth).kbps;
    let mut quality = f64::from(Profile::named("seed").unwrap().quality);
    let (mut step, mut before) = (RATE_A_STEP, None);
    for _ in 0..3 {
        let tried = quality.round();
        let rate = place.ours(&truth, tried).kbps;
        if let Some((other, other_rate)) = before
            && other != tried
        {
            let found: f64 = f64::ln(rate / other_rate) / (other - tried);
            step = found.clamp(0.04, 0.3);
        }
        before = Some((tried, rate));
        quality = (tried + (rate / aim).ln() / step).clamp(15.0, 39.0);
    }
    let (better, worse) = (quality.floor(), quality.floor() + 1.0);
    let (mut ours, mut seed) = (Vec::new(), Vec::new());
    for round in 1..=setting("BLUECAST_BENCH_ROUNDS", 3.0) as usize {
        let run = place.seed(&truth);
        table.line(&format!("round {round}: seed, cores / kbit/s / fps / SSIM"), show(run));
        let (upper, lower) = (place.ours(&truth, better), place.ours(&truth, worse));
        table.line(&format!("round {round}: ours at quality {better}"), show(upper));
        table.line(&format!("round {round}: ours at quality {worse}"), show(lower));
        ours.push(between(lower, upper, run.kbps));
        seed.push(run);
    }
    drop(painter);
    let middle = |runs: &[Run], of: fn(&Run) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
    table.line("seed, median of the rounds", show_middle(&seed, middle));
    table.line("ours at the seed's rate, median of the rounds", show_middle(&ours, middle));
    let ratios: Vec<f64> = ours.iter().zip(&seed).map(|(ours, seed)| ours.cores / seed.cores).collect();
    table.at_most("CPU, ours to the seed's (median of the rounds' ratios)", median(&ratios), 0.75, "");
    table.at_least("SSIM at the seed's bit rate", middle(&ours, |run| run.ssim), middle(&seed, |run| run.ssim), "");
    table.end();
}

fn memory(place: &mut Place) {
    let mut table = Table::new("Memory of further broadcasts in one process, 1360x768 at 30 to RTMP");
    let mut receivers = Vec::new();
    let mut push: Option<Push> = None;
    let mut sizes = Vec::new();
    for number in 1..=3 {
        let url = place.url();
        match &mut push {
            Some(push) => push.further(&url),
            None => push = Some(Push::ours(&place.display, &place.daemon, &url, "seed", &Overrides::default())),
        }
        let receiver = Receiver::play(&url);
        receiver.wait();
        receivers.push(receiver);
        sleep(Duration::from_secs(10));
        let size = push.as_ref().map_or(0.0, |push| resident_mb(push.pid()));
        table.line(&format!("resident memory with {number}"), format!("{size:.0} MB"));
        sizes.push(size);
    }
    table.at_most("a further broadcast", (sizes[2] - sizes[0]) / 2.0, 60.0, "MB");
    table.end();
}

impl Place {
    fn url(&mut self) -> String {
        self.streams += 1;
        self.nginx.url(&format!("s{}", self.streams))
    }

    fn seed(&mut self, truth: &[Vec<u8>]) -> Run {
        let url = self.url();
        let push = Push::seed(&self.display, &self.daemon, &url);
        self.measure(push, &url, truth)
    }

    fn ours(&mut self, truth: &[Vec<u8>], quality: f64) -> Run {
        let url = self.url();
        let overrides = Overrides {
            quality: Some(quality as u32),
            video_kbps: Some(12_000),
            speed_preset: std::env::var("BLUECAST_BENCH_PRESET").ok(),
            ..Overrides::default()
        };
        let push = Push::ours(&self.display, &self.daemon, &url, "seed", &overrides);
        self.measure(push, &url, truth)
    }

    fn measure(&self, mut push: Push, url: &str, truth: &[Vec<u8>]) -> Run {
        let receiver = Receiver::play(url);
        receiver.wait();
        sleep(Duration::from_secs(3));
        receiver.forget();
        let (began, cpu) = (Instant::now(), cpu_seconds(push.pid()));
        sleep(self.time);
        let (took, cpu) = (began.elapsed(), cpu_seconds(push.pid()) - cpu);
        let received = receiver.take();
        push.check();
        drop((push, receiver));
        let likeness: Vec<f64> = received
            .kept
            .iter()
            .filter_map(|(number, plane)| {
                let truth = truth.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
                Some(ssim(truth, plane, WIDTH, strip::height(HEIGHT)))
            })
            .collect();
        let seconds = took.as_secs_f64();
        Run {
            cores: cpu / seconds,
            kbps: received.kbps(took),
            fps: received.pictures as f64 / seconds,
            ssim: likeness.iter().sum::<f64>() / likeness.len() as f64,
        }
    }
}

/// What a run at `kbps` would have shown, by two runs on either side of it; the nearer one where both lie on one side.
fn between(lower: Run, upper: Run, kbps: f64) -> Run {
    let part = ((kbps / lower.kbps).ln() / (upper.kbps / lower.kbps).ln()).clamp(0.0, 1.0);
    let mix = |of: fn(&Run) -> f64| of(&lower) + (of(&upper) - of(&lower)) * if part.is_nan() { 0.0 } else { part };
    Run { cores: mix(|run| run.cores), kbps: mix(|run| run.kbps), fps: mix(|run| run.fps), ssim: mix(|run| run.ssim) }
}

fn show(run: Run) -> String {
    format!("{:.3} / {:.0} / {:.1} / {:.4}", run.cores, run.kbps, run.fps, run.ssim)
}

fn show_middle(runs: &[Run], middle: impl Fn(&[Run], fn(&Run) -> f64) -> f64) -> String {
    show(Run {
        cores: middle(runs, |run| run.cores),
        kbps: middle(runs, |run| run.kbps),
        fps: middle(runs, |run| run.fps),
        ssim: middle(runs, |run| run.ssim),
    })
}
