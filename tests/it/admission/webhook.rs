//! The webhook itself: signatures, limits, time.

use std::time::{Duration, Instant};

use bluecast::origin::publish_token::PublishTokens;
use reqwest::Method;
use serde_json::json;

use super::{SECRET, TOO_LATE, ask, ask_once, ask_with, on_air, question, sign, start, verdict};
use crate::support::app::{BOTH, On, TestApp, send};

#[tokio::test]
async fn without_a_secret_everybody_is_refused() {
    let test = TestApp::start().await;
    for secret in ["", SECRET] {
        let body = question("incoming", "RTMP", "rtmp://host/app/hall", 1).to_string();
        let answer = ask_with(test.stranger(), &sign(secret, &body), body).await;
        assert_eq!((answer.status, verdict(&answer)), (403, Err("BLUECAST_OME_SECRET is not set.".to_owned())));
    }
}

#[tokio::test]
async fn only_what_is_signed_is_read() {
    let test = start(On::Sqlite).await;
    let body =
        json!({"request": {"direction": "incoming", "protocol": "RTMP", "status": "closing", "url": "rtmp://host/app/hall"}}).to_string();
    let good = sign(SECRET, &body);
    for signature in ["", "AAAA", &sign("another", &body), &sign(SECRET, "{}"), &good[1..]] {
        let answer = ask_with(test.stranger(), signature, body.clone()).await;
        assert_eq!(answer.status, 403, "{signature}");
        assert!(verdict(&answer).unwrap_err().contains("BLUECAST_OME_SECRET"));
    }
    for signature in [good.clone(), format!("{good}=")] {
        let answer = ask_with(test.stranger(), &signature, body.clone()).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
    }
    let unsigned = test.stranger().request(Method::POST, "/hooks/ome/admission").body(body);
    assert_eq!(send(unsigned).await.status, 403);
    send(test.stranger().request(Method::GET, "/hooks/ome/admission")).await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn what_cannot_be_read_or_is_too_long_is_refused() {
    let test = start(On::Sqlite).await;
    for body in ["", "{", "[]", "null", "{\"request\":{}}", "\u{0}"] {
        let answer = ask_with(test.stranger(), &sign(SECRET, body), body).await;
        assert_eq!((answer.status, verdict(&answer)), (400, Err("The question cannot be read.".to_owned())), "{body}");
    }
    for bytes in [16 * 1024 + 1, 1024 * 1024] {
        let body = " ".repeat(bytes);
        let answer = ask_with(test.stranger(), &sign(SECRET, &body), body).await;
        assert_eq!((answer.status, verdict(&answer)), (413, Err("The question is too long.".to_owned())));
    }
    for (direction, protocol, url) in [
        ("sideways", "RTMP", "rtmp://host/app/hall"),
        ("incoming", "RTSP", "rtsp://host/app/hall"),
        ("outgoing", "Thumbnail", "http://host/app/hall/thumb.jpg"),
    ] {
        let answer = ask(&test, &question(direction, protocol, url, 1)).await;
        assert_eq!((answer.status, verdict(&answer)), (200, Err("Nobody may publish or play in this way.".to_owned())));
    }
}

#[tokio::test]
async fn with_the_database_away_nobody_gets_in() {
    for on in BOTH {
        let test = start(on).await;
        test.admin.post("/rooms", json!({"key": "hall", "title": "Hall"})).await.expect(201);
        let air = on_air(&test, "hall", "hall").await;
        let token = PublishTokens::new(&test.app.vault).issue(air.target_id, 1, bluecast::moment::now_ms());
        test.app.store.close().await;
        let answer = ask(&test, &question("incoming", "RTMP", &format!("rtmp://host/app/hall?token={}", token.reveal()), 1)).await;
        assert_eq!((answer.status, verdict(&answer)), (503, Err("The database does not answer.".to_owned())), "{on:?}");
    }
}

#[tokio::test]
async fn a_slow_database_is_not_waited_for_longer_than_an_origin_does() {
    let test = start(On::Sqlite).await;
    test.admin.post("/rooms", json!({"key": "hall", "title": "Hall"})).await.expect(201);
    let air = on_air(&test, "hall", "hall").await;
    let tokens = PublishTokens::new(&test.app.vault);
    let push = async || {
        let token = tokens.issue(air.target_id, 1, bluecast::moment::now_ms());
        ask_once(&test, &question("incoming", "RTMP", &format!("rtmp://host/app/hall?token={}", token.reveal()), 1)).await
    };
    let writer = test.app.store.begin().await.unwrap();
    let started = Instant::now();
    let answer = push().await;
    assert_eq!((answer.status, verdict(&answer)), (503, Err(TOO_LATE.to_owned())));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1900) && took < Duration::from_secs(10), "{took:?}");
    drop(writer);
    assert_eq!(verdict(&push().await), Ok(()));
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let test = start(On::Sqlite).await;
    let mut stream = tokio::net::TcpStream::connect(test.address).await.unwrap();
    let head = "POST /hooks/ome/admission HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 500\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let started = Instant::now();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("HTTP/1.1 503") && answer.contains("\"allowed\":false"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn what_was_asked_is_counted_without_names_or_tokens() {
    let test = start(On::Sqlite).await;
    for number in 0..5 {
        let url = format!("rtmp://host/app/stream{number}?token=secret{number}");
        let protocol = if number == 0 { "RTMP".to_owned() } else { format!("PROTO{number}") };
        verdict(&ask(&test, &question("incoming", &protocol, &url, 1)).await).unwrap_err();
    }
    let metrics = send(test.stranger().request(Method::GET, "/metrics")).await.text;
    let lines: Vec<&str> = metrics.lines().filter(|line| line.starts_with("bluecast_admission")).collect();
    let has = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has(&["admissions_total", "direction=\"incoming\"", "protocol=\"rtmp\"", "result=\"bad_token\""]), "{lines:?}");
    assert!(has(&["admissions_total", "protocol=\"unknown\"", "result=\"unknown\""]), "{lines:?}");
    assert!(has(&["admission_seconds_count"]), "{lines:?}");
    for hidden in ["PROTO", "stream0", "secret0"] {
        assert!(!metrics.contains(hidden), "{hidden}");
    }
}
