//! The loop from a target to its origin's API and back.

use serde_json::{Value, json};

use super::{broadcast, make, origin_at};
use crate::support::app::TestApp;
use crate::support::ome::{Fault, Ome, OmeOptions, Source};
use crate::support::srt::Listener;
use crate::support::wait::until;

/// A broadcast that goes to an SRT listener which takes everything, as the stream `talk` of an origin whose API is the double's.
struct Scene {
    app: TestApp,
    ome: Ome,
    listener: Listener,
    broadcast: String,
}

impl Scene {
    async fn start(ome: Ome) -> Self {
        Self::start_as("Cellar", ome).await
    }

    /// Under a name of its own: all tests of a process share its metrics.
    async fn start_as(name: &str, ome: Ome) -> Self {
        let (app, listener) = (TestApp::start().await, Listener::start(None));
        let srt_url = format!("srt://127.0.0.1:{}", listener.port);
        let origin = make(&app, origin_at(&ome, json!({ "name": name, "srt_url": srt_url }))).await;
        let targets = json!([{ "origin_id": origin, "stream_name": "talk", "protocol": "srt" }]);
        let made = app.admin.post("/broadcasts", broadcast(json!({ "targets": targets }))).await.expect(201);
        let broadcast = made["id"].as_str().unwrap().to_owned();
        Self { app, ome, listener, broadcast }
    }

    async fn target(&self) -> Value {
        let mut view = self.app.admin.get(&format!("/broadcasts/{}", self.broadcast)).await.expect(200);
        view["targets"][0].take()
    }

    async fn until(&self, what: &str, good: impl Fn(&Value) -> bool) -> Value {
        until(what, async || Some(self.target().await).filter(|target| good(target))).await
    }

    /// Codes of what was said about the target, with the sentences.
    async fn events(&self) -> Vec<(String, String)> {
        let events = self.app.admin.get(&format!("/broadcasts/{}/events", self.broadcast)).await.expect(200);
        let of_target = events["items"].as_array().unwrap().iter().filter(|event| event["target_id"].is_string());
        of_target.map(|event| (event["code"].as_str().unwrap().to_owned(), event["message"].as_str().unwrap().to_owned())).collect()
    }

    async fn codes(&self) -> Vec<String> {
        self.events().await.into_iter().map(|(code, _)| code).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_swallowed_is_said_once_and_tried_again_until_the_origin_has_it() {
    let scene = Scene::start(Ome::start(OmeOptions::default()).await).await;
    let early = scene.until("data to go out", |target| target["state"] == "live").await;
    assert_eq!(early["code"], Value::Null, "{early}");
    let lost = scene.until("the truth", |target| target["code"] == "not_listed").await;
    assert!(lost["detail"].as_str().unwrap().contains("the origin has no such stream"), "{lost}");
    until("a second connection", async || (scene.listener.streamids().len() >= 2).then_some(())).await;
    assert!(scene.listener.streamids()[0].starts_with("default/app/talk?token="), "{:?}", scene.listener.streamids());
    let again = scene.until("data to go out again", |target| target["state"] == "live").await;
    assert_eq!((&again["origin"]["listed"], &again["origin"]["warning"]["code"]), (&json!(false), &json!("not_listed")), "{again}");
    // However often it is tried, it is one line.
    until("a third connection", async || (scene.listener.streamids().len() >= 3).then_some(())).await;
    assert_eq!(scene.codes().await, ["target_connecting", "target_live", "target_lost"], "{:?}", scene.events().await);

    scene.ome.register("app", "talk", Source::Srt);
    let good = scene.until("the origin to have it", |target| target["origin"]["listed"] == true && target["state"] == "live").await;
    assert_eq!((&good["origin"]["warning"]["code"], &good["code"]), (&json!("audio_made_opus"), &Value::Null), "{good}");
    assert!(good["origin"]["since"].as_str().unwrap().starts_with("20"), "{good}");
    until("the good news", async || (scene.codes().await.iter().filter(|code| *code == "target_live").count() == 2).then_some(())).await;
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_does_not_answer_accuses_nobody_and_is_asked_less_and_less() {
    let ome = Ome::start(OmeOptions::default()).await;
    ome.api_fault(Fault::Closed);
    let scene = Scene::start_as("Silent", ome).await;
    let unknown = scene.until("a warning", |target| target["origin"]["warning"].is_object()).await;
    assert_eq!((&unknown["origin"]["listed"], &unknown["origin"]["warning"]["code"]), (&Value::Null, &json!("cut_off")), "{unknown}");
    // Longer than it takes to call a stream missing.
    until("three questions", async || (scene.ome.requests().len() >= 3).then_some(())).await;
    let asked: Vec<u64> = scene.ome.requests().iter().map(|request| request.at_ms).collect();
    assert!(asked[1] - asked[0] >= 2_400 && asked[2] - asked[1] >= 4_600, "{asked:?}");
    let target = scene.target().await;
    assert_eq!((&target["state"], &target["reconnects"], &target["code"]), (&json!("live"), &json!(0), &Value::Null), "{target}");
    let metrics = scene.app.app.metrics.render();
    assert!(metrics.contains("bluecast_origin_up{origin=\"Silent\"} 0"), "{metrics}");

    scene.ome.register("app", "talk", Source::Srt);
    scene.ome.api_fault(Fault::None);
    scene.until("the origin to answer", |target| target["origin"]["listed"] == true).await;
    // Whether the note on the sound has been written by now is the watch's affair.
    let codes = scene.codes().await;
    assert!(codes.iter().all(|code| ["target_connecting", "target_live", "audio_made_opus"].contains(&code.as_str())), "{codes:?}");
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_stream_of_the_name_is_told_once() {
    let ome = Ome::start(OmeOptions::default()).await;
    ome.register("app", "talk", Source::Rtmp);
    let scene = Scene::start(ome).await;
    let warned = scene.until("a warning", |target| target["origin"]["warning"]["code"] == "other_source").await;
    assert_eq!((&warned["origin"]["listed"], &warned["origin"]["warning"]["level"]), (&json!(true), &json!("warning")), "{warned}");
    let requests = scene.ome.requests().len();
    until("more questions", async || (scene.ome.requests().len() >= requests + 4).then_some(())).await;
    let told: Vec<(String, String)> = scene.events().await.into_iter().filter(|(code, _)| code == "other_source").collect();
    assert!(told.len() == 1 && told[0].1.starts_with("Cellar / talk: ") && told[0].1.contains("Rtmp"), "{told:?}");
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_gently_and_stops_when_nothing_is_on() {
    let ome = Ome::start(OmeOptions::default()).await;
    ome.register("app", "talk", Source::Srt);
    let scene = Scene::start_as("Gentle", ome).await;
    scene.until("it to be listed", |target| target["origin"]["listed"] == true).await;
    let asked = || {
        scene.ome.requests().iter().filter(|request| request.path.ends_with("/streams")).map(|request| request.at_ms).collect::<Vec<_>>()
    };
    let from = asked().len();
    let times = until("some rounds", async || Some(asked().split_off(from)).filter(|times| times.len() >= 6)).await;
    // One may come late and the next in time.
    let apart = |from: usize, to: usize| times[to] - times[from];
    assert!(apart(0, 5) >= 5 * 1_500 && (0..5).all(|number| apart(number, number + 1) >= 600), "{times:?}");
    scene.app.admin.post(&format!("/broadcasts/{}/stop", scene.broadcast), json!({})).await.expect(202);
    until("the watch to end", async || {
        let rendered = scene.app.app.metrics.render();
        rendered.contains("bluecast_origin_up{origin=\"Gentle\"} NaN").then_some(())
    })
    .await;
    scene.app.stop().await;
}
