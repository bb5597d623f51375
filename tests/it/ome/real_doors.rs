//! Nobody where they don't belong, at a real OME that asks us: tokens on the wire over each protocol, and who has none or another's.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::real_address::RealOme;
use super::real_room::{Air, House, numbers};
use crate::support::ome::watcher::Watcher;
use crate::support::wait::until;

/// What the origin asked, and what it was told.
#[derive(Clone)]
struct Between {
    program: String,
    http: reqwest::Client,
    heard: Arc<Mutex<Vec<(Value, Value)>>>,
}

impl Between {
    /// Listens where the origin asks, and hands on to the program as it is.
    async fn stand(ome: &RealOme, house: &House) -> Self {
        let program = format!("http://{}/hooks/ome/admission", house.app.address);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let between = Self { program, http, heard: Arc::default() };
        let (at, _) = ome.asks.as_ref().unwrap();
        let listener = tokio::net::TcpListener::bind(at).await.unwrap_or_else(|error| panic!("{at}: {error}"));
        let router = Router::new().fallback(hand_on).with_state(between.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        between
    }

    /// The first question since `from` of somebody who wants to publish `app/stream`, with this token if it says one, and its answer.
    async fn asked(&self, from: usize, place: &str, token: Option<&str>) -> (String, Value) {
        until("the origin to ask", async || {
            let heard = self.heard.lock().unwrap();
            heard.iter().skip(from).find_map(|(question, answer)| {
                let request = &question["request"];
                let url = request["url"].as_str()?;
                let (address, query) = url.split_once('?').unwrap_or((url, ""));
                let about = address.ends_with(&format!("/{place}")) && token.is_none_or(|token| query.contains(token));
                let opens = request["direction"] == "incoming" && request["status"] == "opening";
                (opens && about).then(|| (url.to_owned(), answer.clone()))
            })
        })
        .await
    }

    fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

async fn hand_on(State(between): State<Between>, headers: HeaderMap, body: String) -> Response {
    let signature = headers.get("x-ome-signature").cloned().unwrap_or_else(|| header::HeaderValue::from_static(""));
    let ask = between.http.post(&between.program).header("x-ome-signature", signature).header(header::CONTENT_TYPE, "application/json");
    let answer = ask.body(body.clone()).send().await.unwrap();
    let (status, text) = (StatusCode::from_u16(answer.status().as_u16()).unwrap(), answer.text().await.unwrap());
    let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    between.heard.lock().unwrap().push((read(&body), read(&text)));
    (status, text).into_response()
}

/// A target as anybody could name it who knows the origin.
fn plain(ome: &RealOme, protocol: &str, stream: &str, query: &str) -> Value {
    let mark = if query.is_empty() { "" } else { "?" };
    match protocol {
        "whip" => json!({ "url": format!("{}/{}/{stream}?direction=whip&{query}", ome.whip, ome.app) }),
        "rtmp" => json!({ "url": format!("{}/{}", ome.rtmp, ome.app), "stream_key": format!("{stream}{mark}{query}") }),
        _ => json!({ "url": ome.srt, "srt": { "streamid": format!("{}/{}/{stream}{mark}{query}", ome.vhost, ome.app) } }),
    }
}

fn token_of(url: &str) -> &str {
    let (_, query) = url.split_once('?').unwrap_or_else(|| panic!("{url} has no query"));
    query.split('&').find_map(|part| part.strip_prefix("token=")).unwrap_or_else(|| panic!("{url} holds no token"))
}

async fn watched(air: &Air<'_>) {
    let screen = air.screen().await;
    screen.until("pictures in the room's page", |seen| numbers(seen, "ages").len() >= 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_once_and_only_its_own_stream_over_every_protocol() {
    let Some(ome) = RealOme::asking("the test of a real OME's doors") else { return };
    let (house, http) = (House::on(&ome).await, reqwest::Client::builder().no_proxy().build().unwrap());
    let between = Between::stand(&ome, &house).await;
    let small = || json!({ "profile": "480p30", "overrides": { "width": 426, "height": 240, "fps": 15 } });
    for protocol in ["whip", "rtmp", "srt"] {
        let from = between.count();
        let air = house.broadcast(protocol, small()).await;
        air.until_target("the target to be live", |target| target["state"] == "live" && target["origin"]["listed"] == true).await;
        let (url, answer) = between.asked(from, &format!("{}/{}", ome.app, air.name), None).await;
        assert_eq!(answer["allowed"], true, "{protocol}: {url} {answer}");
        let token = token_of(&url).to_owned();

        // Who knows the stream's name sees nothing; who comes through the room's page does.
        let stranger = Watcher::play(&format!("{}/{}/{}", ome.ws, ome.app, air.name)).await.err().expect("a stranger is refused");
        assert_eq!(stranger["code"], 404, "{protocol}: {stranger}");
        watched(&air).await;

        // A name of one's own, the token that was used, and that token for another name.
        let other = format!("{}-other", air.name);
        for (stream, query, why) in [
            (&other, String::new(), "The address holds no token."),
            (&air.name, format!("token={token}"), "The token was used by another connection."),
            (&other, format!("token={token}"), "The token is for another stream."),
            (&other, format!("token={}", "A".repeat(107)), "The token is not one of this installation."),
        ] {
            let from = between.count();
            let intruder = house.push(plain(&ome, protocol, stream, &query), small()).await;
            let (url, answer) = between.asked(from, &format!("{}/{stream}", ome.app), Some(&query)).await;
            assert_eq!((&answer["allowed"], &answer["reason"]), (&json!(false), &json!(why)), "{protocol}: {url}");
            intruder.until_target("the refusal to show", |target| target["state"] == "backing_off" || target["state"] == "failed").await;
            intruder.stop().await;
        }
        assert!(ome.stream(&http, &air.name).await.is_some(), "{protocol}: the origin says what it has");
        assert!(ome.stream(&http, &other).await.is_none(), "{protocol}: nobody else publishes");
        assert_eq!(air.view().await["targets"][0]["reconnects"], 0, "{protocol}: who was there first is not disturbed");
        air.stop().await;
        until("the stream to be gone", async || ome.stream(&http, &air.name).await.is_none().then_some(())).await;
    }
    house.app.stop().await;
}
