//! How long viewers are without a picture when the program is killed (`kill -9`) and started again at once, as an engine or systemd does.
//!
//! `BLUECAST_BENCH_ROUNDS` (3) kills of each kind. The room's page in a browser is measured where `BLUECAST_TEST_OME` names an OME (see
//! `tests/it/ome/real_address.rs`).

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

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::bench::table::{Table, median, setting};
use self::real_address::RealOme;
use self::real_room::{Screen, number, numbers};
use self::support::bbb::Bbb;
use self::support::decode::Decoder;
use self::support::nginx::{Nginx, free_port};
use self::support::process::{Folders, Process};
use self::support::wait::until;

/// What a viewer waits at most when our own process dies.
const MOST_S: f64 = 5.0;
const PROFILE: &str = "720p30";

/// The program at an address that it keeps over its deaths.
struct House {
    folders: Folders,
    listen: String,
}

impl House {
    fn new() -> Self {
        Self { folders: Folders::new(), listen: format!("127.0.0.1:{}", free_port()) }
    }

    async fn start(&self) -> Process {
        Process::start_with(&self.folders, &[("BLUECAST_LISTEN", &self.listen), ("BLUECAST_LOG", "info")]).await
    }
}

async fn target(process: &Process, id: &str) -> Value {
    process.admin.get(&format!("/broadcasts/{id}")).await.expect(200)["targets"][0].take()
}

async fn begin(process: &Process, order: Value) -> String {
    let id = process.admin.post("/broadcasts", order).await.expect(201)["id"].as_str().unwrap().to_owned();
    until("a live target", async || {
        let view = process.admin.get(&format!("/broadcasts/{id}")).await.expect(200);
        (view["phase"] == "live" && view["targets"][0]["state"] == "live").then_some(())
    })
    .await;
    id
}

async fn end(process: &Process, id: &str) {
    process.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until("the end", async || {
        let view = process.admin.get(&format!("/broadcasts/{id}")).await.expect(200);
        (view["phase"] == "ended").then_some(())
    })
    .await;
}

#[tokio::main]
async fn main() {
    bluecast::memory::bound();
    gstreamer::init().unwrap();
    let rounds = setting("BLUECAST_BENCH_ROUNDS", 3.0) as usize;
    let mut table = Table::new("From kill -9, with a start at once, to the picture");
    rtmp(&mut table, rounds).await;
    if let Some(ome) = RealOme::named("the part of it in a viewer's browser") {
        page(&mut table, &ome, rounds).await;
    }
    table.end();
}

/// At a receiver of an RTMP server that waits for the stream to be there again.
async fn rtmp(table: &mut Table, rounds: usize) {
    let (bbb, nginx, house) = (Bbb::start().await, Nginx::start(), House::new());
    let meeting = bbb.meeting("bench");
    meeting.people(2);
    let mut process = house.start().await;
    let new = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = process.admin.post("/servers", new).await.expect(201);
    let mut all = Vec::new();
    for (kind, more) in [("test", json!({})), ("browser", json!({ "server_id": server["id"], "meeting_id": meeting.id() }))] {
        for round in 1..=rounds {
            let url = nginx.url(&format!("{kind}{round}"));
            let mut order = json!({ "source": kind, "profile": PROFILE, "targets": [{ "url": url }] });
            order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let id = begin(&process, order).await;
            process.kill();
            let killed = Instant::now();
            let decoder = Decoder::rtmp(&url);
            process = house.start().await;
            let (mut any, mut shown) = (None, None);
            until("the source's picture", async || {
                let pictures = decoder.pictures();
                any = any.or((!pictures.is_empty()).then(|| killed.elapsed()));
                let fresh = pictures.iter().any(|picture| picture.strip.is_some_and(|(_, age)| age < 5000));
                shown = fresh.then(|| killed.elapsed());
                shown
            })
            .await;
            let (any, shown) = (any.unwrap().as_secs_f64(), shown.unwrap().as_secs_f64());
            table.line(&format!("{kind} source by RTMP, {round}: any picture, the source's"), format!("{any:.2}, {shown:.2} s"));
            all.push(any);
            end(&process, &id).await;
        }
    }
    table.at_most("any picture at an RTMP receiver, the longest", all.iter().copied().fold(0.0, f64::max), MOST_S, "s");
    assert!(process.terminate().await.success());
}

/// In the room's page in a browser, by WHIP through the origin and the edge.
async fn page(table: &mut Table, ome: &RealOme, rounds: usize) {
    let house = House::new();
    let mut process = house.start().await;
    let origin = process.admin.post("/origins", ome.origin()).await.expect(201)["id"].as_str().unwrap().to_owned();
    let room = format!("bluecast-{}", std::process::id());
    process.admin.post("/rooms", json!({ "key": room, "title": "Killed" })).await.expect(201);
    let to = json!({ "origin_id": origin, "stream_name": room, "protocol": "whip" });
    let id = begin(&process, json!({ "source": "test", "profile": PROFILE, "room": room, "targets": [to] })).await;
    let screen = Screen::open(house.listen.parse().unwrap(), &room, None).await;
    screen.until("pictures", |seen| numbers(seen, "ages").len() > 30).await;
    let mut all = Vec::new();
    for round in 1..=rounds {
        until("the stream to be listed", async || (target(&process, &id).await["origin"]["listed"] == true).then_some(())).await;
        process.kill();
        let killed = now_ms();
        process = house.start().await;
        let first = until("pictures again", async || {
            let at = numbers(&screen.seen(), "at");
            let since: Vec<f64> = at.into_iter().filter(|at| *at >= killed - 100.0).collect();
            let gap = since.windows(2).max_by(|one, other| (one[1] - one[0]).total_cmp(&(other[1] - other[0])))?;
            (gap[1] - gap[0] > 300.0 && since.len() > 30).then_some(gap[1])
        })
        .await;
        let frames = number(&screen.seen(), "/frames");
        screen.until("it to go on", |seen| number(seen, "/frames") > frames + 60.0).await;
        let live =
            until("the target to be live", async || Some(target(&process, &id).await).filter(|target| target["state"] == "live")).await;
        let took = (first - killed) / 1000.0;
        table.line(&format!("the room's page by WHIP, {round}: the picture"), format!("{took:.2} s; {} tries", live["reconnects"]));
        all.push(took);
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    table.at_most("the picture in the room's page (median)", median(&all), MOST_S, "s");
    end(&process, &id).await;
    assert!(process.terminate().await.success());
}

fn now_ms() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century")]
    let now = bluecast::moment::now_ms() as f64;
    now
}
