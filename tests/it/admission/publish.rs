//! Who may publish.

use bluecast::args;
use bluecast::moment::now_ms;
use bluecast::origin::publish_token::PublishTokens;
use serde_json::json;

use super::{OnAir, ask, on_air, question, start, verdict};
use crate::support::app::{BOTH, On, TestApp};

async fn hall(on: On) -> (TestApp, OnAir) {
    let test = start(on).await;
    test.admin.post("/rooms", json!({"key": "hall", "title": "Hall"})).await.expect(201);
    let air = on_air(&test, "hall", "hall").await;
    (test, air)
}

/// A token of this age, in milliseconds.
fn token(test: &TestApp, air: &OnAir, epoch: i64, age_ms: i64) -> String {
    PublishTokens::new(&test.app.vault).issue(air.target_id, epoch, now_ms() - age_ms).reveal().to_owned()
}

async fn push(test: &TestApp, url: &str, port: u16) -> Result<(), String> {
    verdict(&ask(test, &question("incoming", "RTMP", url, port)).await)
}

fn refused(reason: &str) -> Result<(), String> {
    Err(reason.to_owned())
}

#[tokio::test]
async fn a_target_opens_with_its_token_by_every_protocol() {
    for on in BOTH {
        let (test, air) = hall(on).await;
        for (protocol, url) in [
            ("RTMP", "rtmp://ome.example.org:1935/app/hall?token="),
            ("rtmp", "rtmp://ome.example.org/app/hall?token="),
            ("SRT", "srt://default/app/hall?token="),
            ("WebRTC", "http://ome.example.org:3333/app/hall?direction=whip&token="),
            ("WebRTC", "https://ome.example.org/app/hall?direction=whip&transport=tcp&token="),
        ] {
            let url = format!("{url}{}", token(&test, &air, 1, 0));
            let answer = ask(&test, &question("incoming", protocol, &url, 5000)).await;
            assert_eq!(answer.text, "{\"allowed\":true}", "{on:?} {url}");
        }
        test.stop().await;
    }
}

#[tokio::test]
async fn a_token_opens_one_connection() {
    const USED: &str = "The token was used by another connection.";
    for on in BOTH {
        let (test, air) = hall(on).await;
        let token = token(&test, &air, 1, 0);
        let (url, doubled) = (format!("rtmp://host/app/hall?token={token}"), format!("rtmp://host/app/hall?token={token}&token={token}"));
        assert_eq!(push(&test, &url, 5000).await, Ok(()));
        // E-RTMP asks again, over the same connection.
        assert_eq!(push(&test, &doubled, 5000).await, Ok(()));
        assert_eq!(push(&test, &url, 5001).await, refused(USED));
        let mut elsewhere = question("incoming", "RTMP", &url, 5000);
        elsewhere["client"]["address"] = json!("192.0.2.8");
        assert_eq!(verdict(&ask(&test, &elsewhere).await), refused(USED));
        // The same address and port may be somebody else's a while later.
        test.app.store.run("UPDATE publish_uses SET used_ms = used_ms - 10100", args![]).await.unwrap();
        assert_eq!(push(&test, &url, 5000).await, refused(USED));
        test.stop().await;
    }
}

#[tokio::test]
async fn many_who_come_with_one_token_at_once_are_one() {
    for on in BOTH {
        let (test, air) = hall(on).await;
        let url = format!("rtmp://host/app/hall?token={}", token(&test, &air, 1, 0));
        let asked = (0..20).map(|number| push(&test, &url, 6000 + number));
        let allowed = futures_util::future::join_all(asked).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(allowed, 1, "{on:?}");
        test.stop().await;
    }
}

#[tokio::test]
async fn tokens_end_soon_and_clocks_may_differ_a_little() {
    const EXPIRED: &str = "The token is too old, or the clocks are too far apart.";
    let (test, air) = hall(On::Sqlite).await;
    for (age_ms, expected) in
        [(55_000, Ok(())), (70_000, Ok(())), (95_000, refused(EXPIRED)), (-25_000, Ok(())), (-40_000, refused(EXPIRED))]
    {
        let url = format!("rtmp://host/app/hall?token={}", token(&test, &air, 1, age_ms));
        assert_eq!(push(&test, &url, 5000).await, expected, "{age_ms}");
    }
}

#[tokio::test]
async fn a_token_is_for_one_stream_and_cannot_be_made() {
    let (test, air) = hall(On::Sqlite).await;
    on_air(&test, "other", "other").await;
    let good = token(&test, &air, 1, 0);
    let mut tampered = good.clone().into_bytes();
    tampered[30] = if tampered[30] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    for (url, reason) in [
        (format!("rtmp://host/app/other?token={good}"), "The token is for another stream."),
        (format!("rtmp://host/app/Hall?token={good}"), "The token is for another stream."),
        (format!("rtmp://host/live/hall?token={good}"), "The token is for another stream."),
        (format!("rtmp://host/app/hall?token={tampered}"), "The token is not one of this installation."),
        (format!("rtmp://host/app/hall?token={good}A"), "The token is not one of this installation."),
        ("rtmp://host/app/hall?token=".to_owned(), "The token is not one of this installation."),
        ("rtmp://host/app/hall".to_owned(), "The address holds no token."),
        (format!("rtmp://host/app/hall?TOKEN={good}"), "The address holds no token."),
        (format!("rtmp://host/app/hall?token={good}&token={tampered}"), "The address names no stream."),
        (format!("rtmp://host//app/hall?token={good}"), "The address names no stream."),
        (format!("rtmp://host/app/x/../hall?token={good}"), "The address names no stream."),
        (format!("rtmp://host/app/./hall?token={good}"), "The address names no stream."),
        (format!("rtmp://host/app/%2e%2e/hall?token={good}"), "The address names no stream."),
        (format!("rtmp://host/app/h%61ll?token={good}"), "The address names no stream."),
        (format!("rtmp://host/app/hall/?token={good}"), "The address names no stream."),
    ] {
        assert_eq!(push(&test, &url, 5000).await, refused(reason), "{url}");
    }
    // None of that has used it up, and a percent-encoded letter of a value is that letter.
    let encoded = format!("%{:02x}{}", good.as_bytes()[0], &good[1..]);
    assert_eq!(push(&test, &format!("rtmp://host/app/hall?token={encoded}"), 5000).await, Ok(()));
    // A key of another installation.
    let foreign = TestApp::start().await;
    let foreign = PublishTokens::new(&foreign.app.vault).issue(air.target_id, 1, now_ms());
    let url = format!("rtmp://host/app/hall?token={}", foreign.reveal());
    assert_eq!(push(&test, &url, 5000).await, refused("The token is not one of this installation."));
}

#[tokio::test]
async fn only_what_is_on_the_air_now_is_published() {
    for on in BOTH {
        let (test, air) = hall(on).await;
        let push = async |epoch| push(&test, &format!("rtmp://host/app/hall?token={}", token(&test, &air, epoch, 0)), 5000).await;
        let set = async |sql: &'static str| test.app.store.run(sql, args![]).await.unwrap();
        assert_eq!(push(1).await, Ok(()));
        set("UPDATE broadcasts SET epoch = 2").await;
        assert_eq!(push(1).await, refused("Another process has taken the broadcast up since."));
        assert_eq!(push(2).await, Ok(()));
        set("UPDATE broadcasts SET desired = 0").await;
        assert_eq!(push(2).await, refused("Nothing is on the air there."));
        set("UPDATE broadcasts SET desired = 1, ended_ms = 5").await;
        assert_eq!(push(2).await, refused("Nothing is on the air there."));
        set("UPDATE broadcasts SET ended_ms = NULL").await;
        assert_eq!(push(2).await, Ok(()));
        set("UPDATE targets SET removed_ms = 5").await;
        assert_eq!(push(2).await, refused("Nothing is on the air there."));
        set("DELETE FROM targets").await;
        assert_eq!(push(2).await, refused("Nothing is on the air there."));
        test.stop().await;
    }
}

#[tokio::test]
async fn used_tokens_are_forgotten_when_they_are_long_over() {
    let (test, air) = hall(On::Sqlite).await;
    let sql = "INSERT INTO publish_uses (nonce, target_id, client, used_ms) VALUES ('old', 'x', 'y', $1), ('recent', 'x', 'y', $2)";
    test.app.store.run(sql, args![now_ms() - 11 * 60 * 1000, now_ms() - 60 * 1000]).await.unwrap();
    push(&test, &format!("rtmp://host/app/hall?token={}", token(&test, &air, 1, 0)), 5000).await.unwrap();
    crate::support::wait::until("old uses to go", async || {
        let kept: Vec<(String,)> = test.app.store.all("SELECT nonce FROM publish_uses", args![]).await.unwrap();
        let has = |nonce: &str| kept.iter().any(|(kept,)| kept == nonce);
        (!has("old") && has("recent") && kept.len() == 2).then_some(())
    })
    .await;
}
