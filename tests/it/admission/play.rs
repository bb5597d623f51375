//! Who may play, and what their player is told.

use bluecast::args;
use bluecast::moment::now_ms;
use bluecast::origin::playback::{Holder, PlaybackToken, PlaybackTokens};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{ask, enter, get, on_air, question, start, verdict};
use crate::support::app::{BOTH, Client, On, TestApp};

const PASSWORD: &str = "open sesame";
const CLOSED: &str = "The room does not admit this viewer.";

async fn room(test: &TestApp, key: &str, visibility: &str) -> Uuid {
    let mut room = json!({"key": key, "title": "Hall", "visibility": visibility});
    if visibility == "password" {
        room["password"] = json!(PASSWORD);
    }
    test.admin.post("/rooms", room).await.expect(201)["id"].as_str().unwrap().parse().unwrap()
}

async fn playback(client: &Client, key: &str) -> Value {
    get(client, &format!("/watch/{key}/playback")).await.expect(200)
}

/// The address of a kind, as the origin sees it behind a proxy.
fn address(playback: &Value, kind: &str) -> String {
    let sources = playback["sources"].as_array().unwrap();
    let source = sources.iter().find(|source| source["type"] == kind).unwrap();
    source["url"].as_str().unwrap().to_owned()
}

/// Plays: how long the origin is told to let it last, in milliseconds, or why it is not.
async fn play(test: &TestApp, protocol: &str, url: &str) -> Result<i64, String> {
    let answer = ask(test, &question("outgoing", protocol, url, 7000)).await;
    verdict(&answer).map(|()| serde_json::from_str::<Value>(&answer.text).unwrap()["lifetime"].as_i64().unwrap())
}

fn refused(reason: &str) -> Result<i64, String> {
    Err(reason.to_owned())
}

#[tokio::test]
async fn a_viewer_of_an_open_room_plays_in_every_way() {
    for on in BOTH {
        let test = start(on).await;
        room(&test, "hall", "public").await;
        get(&test.stranger(), "/watch/hall/playback").await.problem(409, "not_on_air");
        get(&test.stranger(), "/watch/nowhere/playback").await.problem(404, "not_found");
        on_air(&test, "hall", "hall").await;
        let viewer = test.stranger();
        let answer = get(&viewer, "/watch/hall/playback").await;
        assert_eq!(answer.headers["cache-control"], "no-store");
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("bluecast-viewer=") && cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        let told = answer.expect(200);
        assert_eq!((&told["kind"], &told["live"]), (&json!("origin"), &json!(true)));
        let kinds: Vec<&str> = told["sources"].as_array().unwrap().iter().map(|source| source["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["webrtc", "webrtc_tcp", "llhls"]);
        assert!(address(&told, "webrtc").starts_with("wss://ome.example.org:3334/app/hall?token="));
        assert!(address(&told, "webrtc_tcp").starts_with("wss://ome.example.org:3334/app/hall?transport=tcp&token="));
        assert!(address(&told, "llhls").starts_with("https://ome.example.org/app/hall/llhls.m3u8?token="));
        let expires =
            time::OffsetDateTime::parse(told["expires_at"].as_str().unwrap(), &time::format_description::well_known::Rfc3339).unwrap();
        assert!((240..=300).contains(&(expires.unix_timestamp() - now_ms() / 1000)));
        for (kind, protocol) in [("webrtc", "WebRTC"), ("webrtc_tcp", "WebRTC"), ("llhls", "LLHLS")] {
            let lifetime_ms = play(&test, protocol, &address(&told, kind)).await.unwrap();
            assert!((6_480_000..=7_200_000).contains(&lifetime_ms), "{lifetime_ms}");
        }
        // As the signalling names the playlist, and as an origin behind a proxy sees it; more than once.
        let seen = address(&told, "webrtc").replace("wss://ome.example.org:3334/app/hall", "ws://127.0.0.1/app/hall/webrtc_default");
        play(&test, "WebRTC", &seen).await.unwrap();
        play(&test, "WebRTC", &seen).await.unwrap();

        // Who comes back is the same viewer, and what is on is the same stream.
        let again = get(&viewer, "/watch/hall/playback").await;
        assert!(again.headers.get("set-cookie").is_none());
        assert_eq!(again.expect(200)["stream"], told["stream"]);
        test.app.store.run("UPDATE broadcasts SET epoch = 2", args![]).await.unwrap();
        assert_ne!(playback(&viewer, "hall").await["stream"], told["stream"]);
        test.stop().await;
    }
}

#[tokio::test]
async fn knowing_the_name_of_a_stream_is_not_enough() {
    let test = start(On::Sqlite).await;
    let (hall, other) = (room(&test, "hall", "public").await, room(&test, "other", "public").await);
    let (air, _) = (on_air(&test, "hall", "hall").await, on_air(&test, "other", "other").await);
    let good = address(&playback(&test.stranger(), "hall").await, "webrtc");
    let token = Url::parse(&good).unwrap().query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned();
    let write = |room_id, target_id, age_ms| {
        let token = PlaybackToken { room_id, holder: Holder::Viewer(Uuid::nil()), target_id, expires_ms: now_ms() + 300_000 - age_ms };
        PlaybackTokens::new(&test.app.vault).write(&token).reveal().to_owned()
    };
    const FOREIGN: &str = "The token is not one of this installation.";
    const NO_STREAM: &str = "The address names no stream.";
    const EXPIRED: &str = "The token is too old, or the clocks are too far apart.";
    for (url, reason) in [
        ("ws://host/app/hall".to_owned(), "The address holds no token."),
        ("ws://host/app/hall/webrtc_default?token=".to_owned(), FOREIGN),
        (format!("ws://host/app/hall?token={}", &token[1..]), FOREIGN),
        (format!("ws://host/app/other?token={token}"), "The token is for another stream."),
        (format!("ws://host/other/hall?token={token}"), "The token is for another stream."),
        (format!("ws://host//app/hall?token={token}"), NO_STREAM),
        (format!("ws://host/app/other/../hall?token={token}"), NO_STREAM),
        (format!("ws://host/app/%68all?token={token}"), NO_STREAM),
        (format!("http://host/app/hall?token={token}"), NO_STREAM),
        (format!("ws://host/app/hall?token={}", write(other, air.target_id, 0)), "Nothing is on the air there."),
        (format!("ws://host/app/hall?token={}", write(hall, Uuid::nil(), 0)), "Nothing is on the air there."),
        (format!("ws://host/app/hall?token={}", write(hall, air.target_id, 335_000)), EXPIRED),
        (format!("ws://host/app/hall?token={}", write(hall, air.target_id, -60_000)), EXPIRED),
    ] {
        assert_eq!(play(&test, "WebRTC", &url).await, refused(reason), "{url}");
    }
    assert!(play(&test, "WebRTC", &format!("ws://host/app/hall?token={}", write(hall, air.target_id, 310_000))).await.is_ok());
    // A token to play does not publish.
    let push = ask(&test, &question("incoming", "RTMP", &format!("rtmp://host/app/hall?token={token}"), 1)).await;
    assert_eq!(verdict(&push), Err(FOREIGN.to_owned()));
    test.app.store.run("UPDATE broadcasts SET ended_ms = 5", args![]).await.unwrap();
    assert_eq!(play(&test, "WebRTC", &good).await, refused("Nothing is on the air there."));
    get(&test.stranger(), "/watch/hall/playback").await.problem(409, "not_on_air");
}

#[tokio::test]
async fn a_closed_room_plays_for_those_who_gave_its_password_as_long_as_it_is_one() {
    for on in BOTH {
        let test = start(on).await;
        let hall = room(&test, "hall", "password").await;
        let air = on_air(&test, "hall", "hall").await;
        let viewer = test.stranger();
        get(&viewer, "/watch/hall/playback").await.problem(403, "password_needed");
        // Somebody who has a token of another viewer's making gets no further than that viewer.
        let nobody = PlaybackToken {
            room_id: hall,
            holder: Holder::Viewer(Uuid::now_v7()),
            target_id: air.target_id,
            expires_ms: now_ms() + 60_000,
        };
        let nobody = PlaybackTokens::new(&test.app.vault).write(&nobody);
        assert_eq!(play(&test, "WebRTC", &format!("ws://host/app/hall?token={}", nobody.reveal())).await, refused(CLOSED));

        enter(&viewer, "hall", PASSWORD).await.expect(204);
        let url = address(&playback(&viewer, "hall").await, "webrtc");
        let lifetime_ms = play(&test, "WebRTC", &url).await.unwrap();
        assert!((810_000..=900_000).contains(&lifetime_ms), "a quarter of an hour at most: {lifetime_ms}");
        test.app.store.run("UPDATE room_grants SET until_ms = $1", args![now_ms() + 30_000]).await.unwrap();
        let lifetime_ms = play(&test, "WebRTC", &url).await.unwrap();
        assert!((1..=30_000).contains(&lifetime_ms), "no longer than the password is remembered: {lifetime_ms}");
        test.app.store.run("UPDATE room_grants SET until_ms = $1", args![now_ms()]).await.unwrap();
        assert_eq!(play(&test, "WebRTC", &url).await, refused(CLOSED));

        enter(&viewer, "hall", PASSWORD).await.expect(204);
        assert!(play(&test, "WebRTC", &url).await.is_ok());
        test.admin.patch("/rooms/hall", json!({"password": "another sesame"})).await.expect(200);
        assert_eq!(play(&test, "WebRTC", &url).await, refused(CLOSED));
        get(&viewer, "/watch/hall/playback").await.problem(403, "password_needed");
        test.stop().await;
    }
}

#[tokio::test]
async fn a_room_that_is_closed_while_somebody_watches_lets_them_in_no_more() {
    let test = start(On::Sqlite).await;
    room(&test, "hall", "unlisted").await;
    on_air(&test, "hall", "hall").await;
    let viewer = test.stranger();
    let told = playback(&viewer, "hall").await;
    let url = address(&told, "webrtc");
    assert!(play(&test, "WebRTC", &url).await.is_ok());
    test.admin.patch("/rooms/hall", json!({"visibility": "password", "password": PASSWORD})).await.expect(200);
    assert_eq!(play(&test, "WebRTC", &url).await, refused(CLOSED));
    get(&viewer, "/watch/hall/playback").await.problem(403, "password_needed");
    enter(&viewer, "hall", PASSWORD).await.expect(204);
    assert!(play(&test, "WebRTC", &url).await.is_ok());
    assert_ne!(playback(&viewer, "hall").await["stream"], told["stream"], "everybody was turned out");
}

#[tokio::test]
async fn those_who_run_the_house_watch_everything_as_long_as_they_may() {
    let test = start(On::Sqlite).await;
    room(&test, "hall", "password").await;
    on_air(&test, "hall", "hall").await;
    let operator = test.user("operator", &["broadcast.operate"]).await;
    let onlooker = test.user("onlooker", &["broadcast.view", "room.moderate"]).await;
    get(&onlooker, "/watch/hall/playback").await.problem(403, "password_needed");
    let url = address(&playback(&operator, "hall").await, "webrtc");
    assert!((810_000..=900_000).contains(&play(&test, "WebRTC", &url).await.unwrap()));
    test.app.store.run("DELETE FROM user_permissions WHERE permission = 'broadcast.operate'", args![]).await.unwrap();
    assert_eq!(play(&test, "WebRTC", &url).await, refused(CLOSED));
    get(&operator, "/watch/hall/playback").await.problem(403, "password_needed");
}

#[tokio::test]
async fn a_room_plays_from_its_own_origin_else_from_the_first() {
    let test = start(On::Sqlite).await;
    room(&test, "hall", "public").await;
    let air = on_air(&test, "hall", "first").await;
    let second = json!({
        "name": "Second", "app": "live", "srt_url": "srt://second.example.org:9999", "playback": {"webrtc": "wss://second.example.org/{app}/{name}"}
    });
    let second = test.admin.post("/origins", second).await.expect(201)["id"].as_str().unwrap().to_owned();
    let sql = "INSERT INTO targets (id, broadcast_id, origin_id, label, protocol, address_sealed, fingerprint, added_ms, app, stream_name) \
               VALUES ($1, $2, $3, 'Second', 'srt', '', $1, 0, 'live', 'second')";
    test.app.store.run(sql, args![bluecast::id::new(), &air.broadcast_id, &second]).await.unwrap();
    let first = playback(&test.stranger(), "hall").await;
    assert!(address(&first, "webrtc").starts_with("wss://ome.example.org:3334/app/first?"));

    test.admin.patch("/rooms/hall", json!({"origin_id": "nowhere"})).await.problem(422, "no_such_origin");
    test.admin.patch("/rooms/hall", json!({"origin_id": second})).await.expect(200);
    let chosen = playback(&test.stranger(), "hall").await;
    assert!(address(&chosen, "webrtc").starts_with("wss://second.example.org/live/second?"));
    assert_eq!(chosen["sources"].as_array().unwrap().len(), 2, "no LL-HLS there: {chosen}");
    assert_ne!(chosen["stream"], first["stream"]);
    test.admin.patch("/rooms/hall", json!({"origin_id": null})).await.expect(200);
    assert_eq!(playback(&test.stranger(), "hall").await["stream"], first["stream"]);
}

#[tokio::test]
async fn an_origin_that_checks_addresses_itself_gets_signed_ones() {
    let test = start(On::Sqlite).await;
    room(&test, "hall", "public").await;
    on_air(&test, "hall", "hall").await;
    let (origin_id,): (String,) = test.app.store.one("SELECT id FROM origins", args![]).await.unwrap();
    let changed = test.admin.patch(&format!("/origins/{origin_id}"), json!({"signing_secret": "kU8c"})).await.expect(200);
    assert!(changed["has_signing_secret"] == true && !changed.to_string().contains("kU8c"), "{changed}");
    let (sealed,): (String,) = test.app.store.one("SELECT signing_secret_sealed FROM origins", args![]).await.unwrap();
    assert!(!sealed.contains("kU8c"));
    let told = playback(&test.stranger(), "hall").await;
    for (kind, begins) in [
        ("webrtc", "wss://ome.example.org:3334/app/hall?token="),
        ("webrtc_tcp", "wss://ome.example.org:3334/app/hall?transport=tcp&token="),
        ("llhls", "https://ome.example.org:443/app/hall/llhls.m3u8?token="),
    ] {
        let url = address(&told, kind);
        assert!(url.starts_with(begins), "{url}");
        let (signed, signature) = url.split_once("&signature=").unwrap();
        assert_eq!(signature, super::sign("kU8c", signed), "{url}");
        let (_, policy) = signed.split_once("&policy=").unwrap();
        let policy: Value =
            serde_json::from_slice(&base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, policy).unwrap()).unwrap();
        let ends_in = |field: &str| policy[field].as_i64().unwrap() - now_ms();
        assert!((240_000..=300_000).contains(&ends_in("url_expire")), "{policy}");
        assert!((7_140_000..=7_200_000).contains(&ends_in("stream_expire")), "{policy}");
        assert!(!told.to_string().contains("kU8c"));
    }
    test.admin.patch(&format!("/origins/{origin_id}"), json!({"signing_secret": null})).await.expect(200);
    assert!(!playback(&test.stranger(), "hall").await.to_string().contains("signature="));
}
