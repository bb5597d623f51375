//! The fuzz of the socket's messages, against the real program: frames and messages that are right in part or not at all, from viewers and from
//! moderators. Nobody else notices, nothing that waits gets out, and the program does not panic. What is pure is fuzzed beside it (`frame`,
//! `message`, `row`, `rules`, `text`).

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::process::{Folders, Process};
use crate::support::socket::Socket;

const CONVERSATIONS: usize = 60;

/// A value that a field may have, or should not.
fn value(id: &str) -> impl Strategy<Value = Value> + use<> {
    let words = ["open", "approve", "closed", "allow", "hold", "refuse", "👍", "127.0.0.9", "10.0.0.0/8", "2001:db8::/64", "/(a+)+$/", id];
    let words: Vec<Value> = words.into_iter().map(|word| json!(word)).collect();
    let plain = prop_oneof![
        4 => proptest::sample::select(words),
        1 => ".{0,40}".prop_map(|text| json!(text)),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => (0..50_i64).prop_map(|number| json!(number)),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
        1 => Just(Value::Null),
        1 => "[\u{300}\u{202e}\u{200b}\u{0}a😀]{0,60}".prop_map(|text| json!(text)),
    ];
    prop_oneof![6 => plain.clone(), 1 => proptest::collection::vec(plain, 0..4).prop_map(|all| json!(all)), 1 => Just(json!({ "a": [{}] }))]
}

/// A message with fields that it may have.
fn message(id: &str) -> impl Strategy<Value = String> + use<> {
    let kinds = [
        "hello", "post", "delete", "react", "name", "more", "ping", "approve", "reject", "pin", "unpin", "ban", "rules", "queue",
        "welcome", "",
    ];
    let fields = [
        "since",
        "ref",
        "text",
        "id",
        "name",
        "phone",
        "reply_to",
        "as_host",
        "emoji",
        "on",
        "before",
        "limit",
        "viewer",
        "range",
        "address",
        "minutes",
        "quiet",
        "reason",
        "mode",
        "links",
        "slow_s",
        "max_chars",
        "ask_name",
        "words",
        "emojis",
        "t",
    ];
    let some = proptest::collection::vec((proptest::sample::select(fields.to_vec()), value(id)), 0..5);
    (proptest::sample::select(kinds.to_vec()), some).prop_map(|(kind, some)| {
        let mut message = json!({ "t": kind, "ref": "r", "text": "x", "name": "N" });
        for (field, value) in some {
            message[field] = value;
        }
        message.to_string()
    })
}

/// Something that comes over the line.
fn said(id: &str) -> impl Strategy<Value = Message> + use<> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
    // Reserved codes are for `frame`'s own tests: the library here sends none.
    let codes = vec![OpCode::Data(Data::Text), OpCode::Data(Data::Continue), OpCode::Data(Data::Binary)];
    prop_oneof![
        12 => message(id).prop_map(Message::text),
        2 => (message(id), 0..200_usize).prop_map(|(text, end)| Message::text(text.chars().take(end).collect::<String>())),
        1 => ".{0,100}".prop_map(Message::text),
        1 => bytes().prop_map(Message::binary),
        1 => proptest::collection::vec(any::<u8>(), 0..125).prop_map(|bytes| Message::Ping(bytes.into())),
        1 => Just(Message::Close(None)),
        1 => (bytes(), proptest::sample::select(codes), any::<bool>())
            .prop_map(|(bytes, code, is_last)| Message::Frame(Frame::message(bytes, code, is_last))),
    ]
}

#[tokio::test]
async fn whatever_is_said_harms_nobody_else() {
    let folders = Folders::new();
    let process = Process::start(&folders).await;
    process.admin.post("/rooms", json!({ "key": "hall", "title": "Hall" })).await.expect(201);
    process.admin.patch("/rooms/hall/rules", json!({ "words": ["klopfer"] })).await.expect(200);
    let token = process.admin.post("/tokens", json!({ "name": "moderator", "scopes": ["room.moderate"] })).await.expect(201);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let enter = async |headers: &[(&str, &str)]| {
        let mut socket = Socket::open(process.admin.address(), "hall", headers).await.unwrap();
        socket.hello(json!({})).await;
        socket
    };
    let (mut anna, mut bo) = (enter(&[]).await, enter(&[]).await);
    let (id, state) = anna.post_with(json!({ "text": "klopfer", "name": "Anna" })).await.unwrap();
    assert_eq!(state, "held");
    let mut runner = TestRunner::default();
    for number in 0..CONVERSATIONS {
        let is_moderator = number >= CONVERSATIONS / 2;
        let conversation = proptest::collection::vec(said(&id), 1..25).new_tree(&mut runner).unwrap().current();
        let headers = [("authorization", bearer.as_str())];
        let headers = if is_moderator { &headers[..] } else { &[] };
        // Some begin without a hello.
        let mut socket =
            if number % 5 == 0 { Socket::open(process.admin.address(), "hall", headers).await.unwrap() } else { enter(headers).await };
        for message in &conversation {
            socket.send(message.clone()).await;
        }
        // It is answered, or ends with a code that says why, or was ended by what it said itself.
        socket.say(json!({ "t": "ping" })).await;
        let end = loop {
            match socket.next().await {
                Ok(message) if message["t"] == "pong" => break None,
                Ok(_) => {}
                Err(end) => break Some(end),
            }
        };
        let known = [None, Some(1000), Some(1002), Some(1003), Some(1005), Some(1007), Some(1009), Some(4408), Some(4429)];
        assert!(end.is_none_or(|end| known.contains(&end)), "{end:?} after {conversation:?}");
        socket.cut();

        let text = format!("after {number}");
        process.admin.post("/rooms/hall/comments", json!({ "text": text })).await.expect(201);
        loop {
            let heard = bo.next().await.unwrap_or_else(|end| panic!("Bo's connection ended with {end:?} after {conversation:?}"));
            // A moderator may let it through; viewers never get it out.
            assert!(is_moderator || !heard.to_string().contains("klopfer"), "{heard} after {conversation:?}");
            if heard["text"] == text.as_str() {
                break;
            }
        }
    }
    assert!(process.terminate().await.success());
    let log = std::fs::read_to_string(folders.log()).unwrap();
    assert!(!log.contains("panicked"), "{}", log.lines().find(|line| line.contains("panicked")).unwrap_or_default());
}
