//! Against a real OME, where `BLUECAST_TEST_OME` names one: from the API over each protocol to the picture in a room's page, and back.

use serde_json::{Value, json};

use super::real_address::{RealOme, VARIABLE};
use super::real_room::{Air, House, Screen, number, numbers};
use crate::support::wait::until;

fn on_the_air(target: &Value) -> bool {
    let origin = &target["origin"];
    target["state"] == "live"
        && origin["listed"] == true
        && origin["video"]["bypass"].is_boolean()
        && origin["audio"]["bypass"].is_boolean()
}

/// What the origin says of a stream that comes by this protocol.
fn judge(protocol: &str, target: &Value) {
    let (video, audio) = (&target["origin"]["video"], &target["origin"]["audio"]);
    assert_eq!(target["protocol"], protocol);
    assert_eq!(*video, json!({ "codec": "H264", "width": 640, "height": 360, "bypass": true, "has_b_frames": false }), "{target}");
    let (codec, warning) = if protocol == "whip" { ("OPUS", Value::Null) } else { ("AAC", json!("audio_made_opus")) };
    assert_eq!(*audio, json!({ "codec": codec, "bypass": protocol == "whip" }), "{target}");
    assert_eq!(target["origin"]["warning"]["code"], warning, "{target}");
}

/// Pictures whose clock can be read, and the beep.
async fn judge_screen(protocol: &str, screen: &Screen) {
    let good = |seen: &Value| numbers(seen, "ages").len() >= 90 && numbers(seen, "beeps").len() >= 3;
    let seen = screen.until("pictures and sound", good).await;
    let mut ages = numbers(&seen, "ages").split_off(30);
    ages.sort_by(f64::total_cmp);
    let middle = ages[ages.len() / 2];
    eprintln!("real OME by {protocol}: p50 {middle} ms of {} pictures, {}", ages.len(), seen["stats"]);
    assert!(middle <= 3000.0, "{middle} ms old");
    assert!(number(&seen, "/unreadable") <= 3.0 && number(&seen, "/stats/video/size") == 640.0, "{}", seen["stats"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_watch_shows_the_picture() {
    let Some(ome) = RealOme::named("the test of the ways to watch at a real OME") else { return };
    if !ome.has_hls() {
        eprintln!("SKIPPED: {VARIABLE} says no hls=…");
        return;
    }
    let house = House::on(&ome).await;
    let air = house.broadcast("whip", json!({ "profile": "480p30", "overrides": { "width": 640, "height": 360 } })).await;
    air.until_target("the target to be live and listed", on_the_air).await;
    for (way, over) in [("webrtc", Some("udp")), ("webrtc_tcp", Some("tcp")), ("llhls", None)] {
        let screen = air.screen_by(way).await;
        let good = |seen: &Value| numbers(seen, "ages").len() >= 90 && (over.is_none() || numbers(seen, "beeps").len() >= 3);
        let seen = screen.until("pictures, and sound where it is heard", good).await;
        let ages = numbers(&seen, "ages").split_off(30);
        assert_eq!(seen["over"].as_str(), over, "{way}");
        assert!(number(&seen, "/unreadable") <= 3.0, "{way}: {seen}");
        eprintln!("real OME, watched by {way}: {} ms", ages[ages.len() / 2]);
    }
    air.stop().await;
    house.app.stop().await;
}

async fn comes_back(air: &Air<'_>, screen: &Screen) {
    let reconnects = air.view().await["targets"][0]["reconnects"].as_u64().unwrap();
    let since = air.view().await["targets"][0]["origin"]["since"].clone();
    air.cut().await;
    let another = |target: &Value| on_the_air(target) && target["origin"]["since"] != since;
    let target = air.until_target("it to be on the air again by itself", another).await;
    assert!(target["reconnects"].as_u64().unwrap() > reconnects, "{target}");
    let frames = number(&screen.seen(), "/frames");
    screen.until("pictures again", |seen| number(seen, "/frames") > frames + 30.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_protocol_goes_on_the_air_is_seen_counted_cut_and_stopped() {
    let Some(ome) = RealOme::named("the test against a real OME") else { return };
    let (house, http) = (House::on(&ome).await, reqwest::Client::builder().no_proxy().build().unwrap());
    let found = house.app.admin.post(&format!("/origins/{}/test", house.origin), json!({})).await.expect(200);
    assert_eq!(found["origin"]["ok"], true, "{found}");
    for protocol in ["whip", "rtmp", "srt"] {
        let air = house.broadcast(protocol, json!({ "profile": "480p30", "overrides": { "width": 640, "height": 360 } })).await;
        let target = air.until_target("the target to be live and listed", on_the_air).await;
        assert_eq!(air.view().await["phase"], "live");
        judge(protocol, &target);
        let screen = air.screen().await;
        judge_screen(protocol, &screen).await;
        if ome.has_edge() {
            air.until_target("the viewer to be counted", |target| target["origin"]["viewers"] == 1).await;
        }
        comes_back(&air, &screen).await;
        drop(screen);
        air.stop().await;
        until("the stream to be gone from the origin", async || (!house.streams().await.contains(&air.name)).then_some(())).await;
        assert!(ome.stream(&http, &air.name).await.is_none(), "the origin itself says so too");
    }
    house.app.stop().await;
}
