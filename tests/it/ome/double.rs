//! The double itself: that it does what OME does.

use std::time::Duration;

use bluecast::media::packet::Track;
use serde_json::Value;

use crate::output::rig::Rig;
use crate::support::ome::pusher::{self, Manner, Pusher};
use crate::support::ome::{Fault, Ome, OmeOptions, Source};
use crate::support::wait::until;

const BOTH: [Track; 2] = [Track::H264, Track::Opus];

pub(super) async fn api(ome: &Ome, path: &str) -> (u16, Value) {
    call(ome, reqwest::Method::GET, path, "").await
}

pub(super) async fn call(ome: &Ome, method: reqwest::Method, path: &str, body: &str) -> (u16, Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("{}{path}", ome.api_url())).basic_auth("rig", Some("token")).body(body.to_owned());
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pushed_by_whip_is_received_and_can_be_decoded() {
    let (ome, rig) = (Ome::start(OmeOptions::default()).await, Rig::start());
    let pusher = Pusher::push(&ome.whip_url("app", "a1"), &rig.hub, &rig.clock, &BOTH).await.unwrap();
    let said = &pusher.said;
    let location = said.location.clone().unwrap();
    assert!(location.starts_with("/app/a1/") && location.ends_with("?direction=whip"), "{location}");
    for (header, value) in [
        ("content-type", "application/sdp"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "Location, Link, ETag"),
    ] {
        assert_eq!(said.headers[header], value);
    }
    assert_eq!(said.headers["etag"].len(), 8);
    for line in ["a=setup:passive", "a=recvonly", "a=end-of-candidates", " 127.0.0.1 ", "ccm fir", "nack pli", "transport-cc"] {
        assert!(said.body.contains(line), "{line} in {}", said.body);
    }
    assert!(!said.body.lines().any(|line| line.ends_with(" nack")), "{}", said.body);

    ome.wait_for_stream("app/a1").await;
    let decoded = ome.decode("app/a1");
    until("two beeps", async || (decoded.beeps().len() >= 3 && decoded.pictures().len() > 60).then_some(())).await;
    let pictures = decoded.pictures();
    assert!(pictures.iter().all(|picture| (picture.width, picture.height) == (480, 270) && picture.strip_ms.is_some()));
    let offsets = decoded.beep_after_flash_ms();
    assert!(!offsets.is_empty() && offsets.iter().all(|offset| offset.abs() <= 45), "{offsets:?}");

    let ingest = ome.ingest("app/a1");
    let (video, audio) = (ingest.track(Track::H264).unwrap(), ingest.track(Track::Opus).unwrap());
    assert_eq!((video.lost, video.foreign, video.backwards, audio.lost, audio.foreign, audio.backwards), (0, 0, 0, 0, 0, 0), "{ingest:?}");
    assert!(ingest.connected && video.reports > 0 && audio.reports > 0 && ingest.false_reports() == 0, "{ingest:?}");
    assert!(video.unclocked + audio.unclocked > 0, "nothing is passed on before the reports: {ingest:?}");
    let received = ome.received("app/a1");
    assert!(received.iter().any(|unit| unit.track == Track::H264 && unit.key && unit.data.starts_with(&[0, 0, 0, 1])));

    let (status, detail) = api(&ome, "/v1/vhosts/default/apps/app/streams/a1").await;
    assert_eq!((status, &detail["response"]["input"]["sourceType"]), (200, &"WebRTC".into()), "{detail}");
    assert_eq!(detail["response"]["outputs"][0]["tracks"][1]["audio"]["codec"], "OPUS");
    assert_eq!(detail["response"]["outputs"][0]["tracks"][0]["video"]["hasBframes"], false);

    until("a key frame asked for", async || (pusher.keys_asked() > 0).then_some(())).await;
    assert_eq!(pusher.delete().await, 200);
    assert!(ome.streams().is_empty());
    assert!(ome.requests().iter().any(|request| request.method == "DELETE" && request.path == location && request.status == 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_in_use_is_refused_until_it_is_freed() {
    let options = OmeOptions { whip_timeout: Duration::from_secs(5), ..OmeOptions::default() };
    let (ome, rig) = (Ome::start(options).await, Rig::start());
    let push = async |name: &str| Pusher::push(&ome.whip_url("app", name), &rig.hub, &rig.clock, &BOTH).await;
    let first = push("a1").await.unwrap();
    ome.wait_for_stream("app/a1").await;
    let refused = push("a1").await.err().unwrap();
    assert_eq!((refused.status, refused.body.as_str()), (409, "Stream is already exist"));
    // A killed pusher is noticed after the time-out, and only then.
    drop(first);
    assert_eq!(push("a1").await.err().unwrap().status, 409);
    ome.wait_for_end("app/a1").await;
    drop(push("a1").await.unwrap());

    // By the API, without a word to the pusher.
    assert_eq!(call(&ome, reqwest::Method::DELETE, "/v1/vhosts/default/apps/app/streams/a1", "").await.0, 200);
    assert!(ome.streams().is_empty());

    let ghost = ome.haunt("app", "a2");
    assert_eq!(push("a2").await.err().unwrap().status, 409);
    let at = ome.whip_url("app", "a2").replace("/app/a2?direction=whip", &ghost);
    assert_eq!(reqwest::Client::new().delete(&at).send().await.unwrap().status(), 200);
    assert_eq!(reqwest::Client::new().delete(&at).send().await.unwrap().status(), 404);
    push("a2").await.unwrap();

    ome.register("app", "a3", Source::Rtmp);
    let refused = push("a3").await.err().unwrap();
    assert_eq!((refused.status, refused.body.as_str()), (500, "Could not publish stream"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_refused_as_ome_does() {
    let mut ome = Ome::start(OmeOptions::default()).await;
    let rig = Rig::start();
    let push = async |url: &str| Pusher::push(url, &rig.hub, &rig.clock, &BOTH).await;
    let bare = ome.whip_url("app", "a1").replace("?direction=whip", "");
    assert_eq!(push(&bare).await.err().unwrap().status, 404);
    let refused = push(&ome.whip_url("other", "a1")).await.err().unwrap();
    assert_eq!((refused.status, refused.body.as_str()), (404, "Could not find application"));
    assert_eq!(pusher::post(&ome.whip_url("app", "a1"), "hello").await.status, 400);

    ome.whip_fault(Fault::Refuse(503, "busy".to_owned(), 2));
    for _ in 0..2 {
        assert_eq!(push(&ome.whip_url("app", "a1")).await.err().unwrap().status, 503);
    }
    drop(push(&ome.whip_url("app", "a1")).await.unwrap());
    ome.whip_fault(Fault::Redirect(307, "http://127.0.0.1:9/app/a1?direction=whip".to_owned()));
    let sent_away = push(&ome.whip_url("app", "a2")).await.err().unwrap();
    assert_eq!((sent_away.status, sent_away.location.as_deref()), (307, Some("http://127.0.0.1:9/app/a1?direction=whip")));
    ome.whip_fault(Fault::Closed);
    assert!(reqwest::Client::new().post(ome.whip_url("app", "a2")).body("v=0").send().await.is_err());

    // No credentials, false ones, and a path that is none.
    let ask = async |user: Option<&str>| {
        let request = reqwest::Client::new().get(format!("{}/v1/version", ome.api_url()));
        let request = if let Some(user) = user { request.basic_auth(user, Some("token")) } else { request };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), serde_json::from_str::<Value>(&response.text().await.unwrap()).unwrap())
    };
    let (status, body) = ask(None).await;
    assert_eq!((status, &body["message"]), (401, &"[HTTP] Authorization header is required to call API (401)".into()));
    assert_eq!(ask(Some("other")).await.0, 401);
    assert_eq!(ask(Some("rig")).await.1["response"]["gitVersion"], "v0.20.0-16-g0229fcd4");
    let (status, body) = api(&ome, "/v1/vhosts/default/apps/app/streams/s1").await;
    assert_eq!((status, &body["message"]), (404, &"[HTTP] Could not find the stream: [default/#default#app/s1] (404)".into()));

    // It comes back empty, where it was.
    ome.whip_fault(Fault::None);
    assert_eq!(ome.streams(), ["app/a1"]);
    ome.stop();
    until("nobody to be there", async || reqwest::Client::new().get(ome.api_url()).send().await.err()).await;
    ome.restart().await;
    assert!(ome.streams().is_empty());
    push(&ome.whip_url("app", "a1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_run_too_fast_are_found_and_spoil_the_time_stamps() {
    let (ome, rig) = (Ome::start(OmeOptions::default()).await, Rig::start());
    let url = ome.whip_url("app", "a1");
    let _pusher = Pusher::push_as(&url, &rig.hub, &rig.clock, &BOTH, Manner::FalseReports).await.unwrap();
    until("false reports", async || (ome.ingest("app/a1").false_reports() >= 3).then_some(())).await;
    let seen = until("time stamps that jump back", async || {
        let ingest = ome.ingest("app/a1");
        ingest.track(Track::Opus).is_some_and(|seen| seen.backwards > 0).then_some(ingest)
    })
    .await;
    assert!(seen.track(Track::H264).unwrap().backwards > 0, "{seen:?}");
    let (_, detail) = api(&ome, "/v1/vhosts/default/apps/app/streams/a1").await;
    assert_eq!(detail["response"]["input"]["tracks"][0]["video"]["hasBframes"], true, "falsely");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_track_needs_no_report() {
    let (ome, rig) = (Ome::start(OmeOptions::default()).await, Rig::start());
    let _pusher = Pusher::push(&ome.whip_url("app", "a1"), &rig.hub, &rig.clock, &[Track::H264]).await.unwrap();
    ome.wait_for_stream("app/a1").await;
    let ingest = ome.ingest("app/a1");
    assert_eq!(ingest.track(Track::H264).unwrap().unclocked, 0, "{ingest:?}");
}
