//! The two that capture, encode and push: ours and the seed's, each in a process of its own so that the system counts what it takes.

use std::io::{BufRead, Write};
use std::net::ToSocketAddrs;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use bluecast::media::clock::MediaClock;
use bluecast::media::error::MediaError;
use bluecast::media::output::{Output, OutputSpec, Resolve, TargetUrl};
use bluecast::media::profile::{Overrides, Profile};
use bluecast::media::program::{Program, ProgramSpec};
use bluecast::media::slate;
use bluecast::media::source::browser::alone::{CaptureAlone, CaptureSpec};
use serde_json::{Value, json};

use super::display::Display;
use super::sound::Daemon;

/// The argument that makes a bench ours to be measured.
const OURS: &str = "--ours";

/// A process that pushes; dropping it ends it.
pub struct Push {
    child: Child,
    input: Option<ChildStdin>,
}

impl Push {
    /// Our capture, program and RTMP output: what runs in `bluecast serve` for a broadcast, without its browser.
    pub fn ours(display: &Display, daemon: &Daemon, url: &str, profile: &str, overrides: &Overrides) -> Self {
        let order = json!({
            "display": display.number, "sound": daemon.address(), "profile": profile, "overrides": overrides,
        });
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([OURS, &order.to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .expect("the bench starts itself");
        let input = child.stdin.take();
        let mut push = Self { child, input };
        push.further(url);
        push
    }

    /// One more broadcast of the same in the same process.
    pub fn further(&mut self, url: &str) {
        writeln!(self.input.as_mut().expect("ours"), "{url}").expect("it listens");
    }

    /// The command line of the ancestors, word for word.
    pub fn seed(display: &Display, daemon: &Daemon, url: &str) -> Self {
        let size = format!("{}x{}", display.width, display.height);
        let child = Command::new("ffmpeg")
            .args(["-loglevel", "error", "-nostdin", "-f", "x11grab", "-s", &size, "-draw_mouse", "0", "-i", &display.name()])
            .args(["-f", "pulse", "-ac", "2", "-i", "meeting.monitor"])
            .args(["-codec:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-g", "60"])
            .args(["-codec:a", "aac", "-b:a", "128k", "-ar", "44100", "-af", "highpass=f=200, lowpass=f=3000", "-strict", "experimental"])
            .args(["-flags:v", "+global_header", "-f", "tee", "-map", "0:v", "-map", "1:a", &format!("[f=flv]{url}")])
            .env("PULSE_SERVER", daemon.address())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ffmpeg is installed");
        Self { child, input: None }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Panics where the process has ended by itself.
    pub fn check(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "what pushes has ended");
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs ours where this process was started for that; to be called first in `main`.
pub fn be_ours_if_asked() {
    let mut arguments = std::env::args().skip_while(|argument| argument != OURS).skip(1);
    if let Some(order) = arguments.next() {
        run(&serde_json::from_str(&order).unwrap());
        std::process::exit(0);
    }
}

struct Broadcast {
    _capture: CaptureAlone,
    _output: Output,
    _program: Program,
}

/// Starts a broadcast for each address on standard input, until its end.
fn run(order: &Value) {
    gstreamer::init().unwrap();
    let mut running = Vec::new();
    for url in std::io::stdin().lock().lines().map_while(Result::ok) {
        running.push(broadcast(order, &url));
    }
}

fn broadcast(order: &Value, url: &str) -> Broadcast {
    let overrides: Overrides = serde_json::from_value(order["overrides"].clone()).unwrap();
    let profile = Profile::named(order["profile"].as_str().unwrap()).unwrap().with(&overrides).unwrap();
    let clock = MediaClock::new();
    let spec = ProgramSpec {
        slate: slate::render_card("Bench", &profile).unwrap(),
        profile: profile.clone(),
        voice_filter: false,
        sound_offset_ms: 0,
    };
    let program = Program::start(spec, clock.clone()).unwrap();
    let resolve: Resolve = Arc::new(|host, port| {
        (host, port).to_socket_addrs().map(Iterator::collect).map_err(|error| MediaError::ours("unknown_host", error.to_string()))
    });
    let output = OutputSpec::to(TargetUrl::parse(url, None, None).unwrap(), resolve);
    let output = Output::start(output, program.hub(), &clock, |_| ()).unwrap();
    let capture = CaptureSpec {
        display: u32::try_from(order["display"].as_u64().unwrap()).unwrap(),
        size: (u16::try_from(profile.width).unwrap(), u16::try_from(profile.height).unwrap()),
        fps: profile.fps,
        sound: order["sound"].as_str().map(str::to_owned),
    };
    let capture = CaptureAlone::start(capture, &program.input(), &clock).unwrap();
    Broadcast { _capture: capture, _output: output, _program: program }
}
