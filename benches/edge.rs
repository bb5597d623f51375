//! What a viewer of the embedded edge costs the program: CPU and memory with viewers less the same without, divided by them.
//!
//! The program runs as a process of its own; the viewers, which take and decrypt all that comes, run in this one and are not counted.
//! `BLUECAST_BENCH_VIEWERS` (40), `BLUECAST_BENCH_SECONDS` (20).

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the doubles of the tests, of which this uses a few")]
mod support;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use str0m::change::SdpAnswer;
use str0m::crypto::from_feature_flags;
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;

use self::bench::process;
use self::bench::table::{Table, setting};
use self::support::process::{Folders, Process};
use self::support::wait::until;

fn main() {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    threads.block_on(run());
}

async fn run() {
    let (viewers, seconds) = (setting("BLUECAST_BENCH_VIEWERS", 40.0) as usize, setting("BLUECAST_BENCH_SECONDS", 20.0));
    let folders = Folders::new();
    let program = Process::start(&folders).await;
    let pid = program.pid();
    program.admin.post("/rooms", json!({ "key": "hall", "title": "Hall" })).await.expect(201);
    let order = json!({ "source": "test", "profile": "720p30", "room": "hall" });
    let id = program.admin.post("/broadcasts", order).await.expect(201)["id"].as_str().unwrap().to_owned();
    until("the broadcast", async || (program.admin.get(&format!("/broadcasts/{id}")).await.expect(200)["phase"] == "live").then_some(()))
        .await;
    // The sound encoder of the edge starts with its first viewer: what it costs is the broadcast's.
    let first = Viewer::watch(&program.url("/whep/hall")).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let alone = measure(pid, seconds).await;

    let mut watching = Vec::new();
    for _ in 0..viewers {
        watching.push(Viewer::watch(&program.url("/whep/hall")).await);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before: Vec<u64> = watching.iter().map(Viewer::packets).collect();
    let crowded = measure(pid, seconds).await;
    let rates: Vec<f64> = watching.iter().zip(before).map(|(viewer, before)| (viewer.packets() - before) as f64 / seconds).collect();
    let slowest = rates.iter().copied().fold(f64::INFINITY, f64::min);

    let mut table = Table::new(&format!("The embedded edge: {viewers} viewers of 720p30 and Opus"));
    table.line("the program with one viewer: cores, MB", format!("{:.3}, {:.0}", alone.0, alone.1));
    table.line(&format!("the program with {viewers} more"), format!("{:.3}, {:.0}", crowded.0, crowded.1));
    table.line("packets a second: first viewer, slowest of the others", format!("{:.0}, {slowest:.0}", first.rate(seconds).await));
    table.at_most("cores a viewer", (crowded.0 - alone.0) / viewers as f64, 0.016, "");
    table.at_most("memory a viewer", (crowded.1 - alone.1) / viewers as f64, 2.0, "MB");
    table.end();
    drop(watching);
    program.terminate().await;
}

/// Cores that a process uses over a while, and its memory at the end in MB.
async fn measure(pid: u32, seconds: f64) -> (f64, f64) {
    let (cpu, began) = (process::cpu_seconds(pid), Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    ((process::cpu_seconds(pid) - cpu) / began.elapsed().as_secs_f64(), process::resident_mb(pid))
}

/// Takes all that comes.
struct Viewer {
    packets: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Viewer {
    async fn watch(url: &str) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let local = socket.local_addr().unwrap();
        let config = Rtc::builder().set_crypto_provider(Arc::new(from_feature_flags())).set_rtp_mode(true);
        let mut rtc = config.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let mut change = rtc.sdp_api();
        change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        let (offer, pending) = change.apply().unwrap();
        let request = reqwest::Client::new().post(url).header("content-type", "application/sdp").body(offer.to_sdp_string());
        let answer = request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
        let packets = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(take(rtc, socket, Arc::clone(&packets)));
        let viewer = Self { packets, task };
        until("packets", async || (viewer.packets() > 100).then_some(())).await;
        viewer
    }

    fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    async fn rate(&self, seconds: f64) -> f64 {
        let before = self.packets();
        tokio::time::sleep(Duration::from_secs_f64(seconds / 4.0)).await;
        (self.packets() - before) as f64 / (seconds / 4.0)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(mut rtc: Rtc, socket: UdpSocket, packets: Arc<AtomicU64>) {
    let destination = socket.local_addr().unwrap();
    let mut datagram = vec![0; 2000];
    loop {
        let due = loop {
            match rtc.poll_output() {
                Ok(Output::Timeout(due)) => break due,
                Ok(Output::Transmit(transmit)) => drop(socket.try_send_to(&transmit.contents, transmit.destination)),
                Ok(Output::Event(Event::RtpPacket(_))) => drop(packets.fetch_add(1, Ordering::Relaxed)),
                Ok(Output::Event(_)) => {}
                Err(_) => return,
            }
        };
        let received = tokio::time::timeout_at(due.into(), socket.recv_from(&mut datagram)).await;
        let now = Instant::now();
        let input = match &received {
            Ok(Ok((length, source))) => match datagram[..*length].try_into() {
                Ok(contents) => Input::Receive(now, Receive { proto: Protocol::Udp, source: *source, destination, contents }),
                Err(_) => continue,
            },
            _ => Input::Timeout(now),
        };
        let _ = rtc.handle_input(input);
    }
}
