//! Those who mean no good, and connections that do none.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::{items, moderator, room, texts};
use crate::support::app::{On, PASSWORD, TestApp, send};
use crate::support::socket::Socket;

async fn refusal(test: &TestApp, key: &str, headers: &[(&str, &str)]) -> (u16, String) {
    Socket::open(test.address, key, headers).await.err().expect("a refusal")
}

#[tokio::test]
async fn who_does_not_belong_is_refused_before_the_upgrade() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_PUBLIC_URL", "https://cast.example.org")]).await;
    room(&test, "hall", json!({})).await;
    for key in ["nowhere", "Hall", "hall%2f", "..", "hall'--"] {
        assert_eq!(refusal(&test, key, &[]).await.0, 404, "{key}");
    }
    let foreign = [
        "https://evil.example",
        "null",
        "https://cast.example.org.evil.example",
        "http://cast.example.org",
        "https://cast.example.org:8443",
        "",
    ];
    for origin in foreign {
        assert_eq!(refusal(&test, "hall", &[("origin", origin)]).await, (403, "bad_origin".to_owned()), "{origin}");
    }
    let own = format!("http://{}", test.address);
    for origin in [own.as_str(), "https://cast.example.org"] {
        Socket::open(test.address, "hall", &[("origin", origin)]).await.unwrap().cut();
    }
    // A site that the room names may; that every site may show the player is no leave for that.
    test.admin.patch("/rooms/hall", json!({ "sites": ["https://school.example"] })).await.expect(200);
    Socket::open(test.address, "hall", &[("origin", "https://school.example")]).await.unwrap().cut();
    test.admin.patch("/rooms/hall", json!({ "sites": ["*"] })).await.expect(200);
    assert_eq!(refusal(&test, "hall", &[("origin", "https://school.example")]).await, (403, "bad_origin".to_owned()));
    // Without an upgrade it is no socket.
    let plain = send(test.stranger().request(Method::GET, "/ws/rooms/hall")).await;
    assert_eq!((plain.status, plain.body["code"].as_str()), (426, Some("no_websocket")));
    test.admin.patch("/rooms/hall", json!({ "visibility": "password", "password": PASSWORD })).await.expect(200);
    assert_eq!(refusal(&test, "hall", &[]).await, (403, "password_needed".to_owned()));
    // A cookie that is forged or expired, and a token that is none, make nobody anybody.
    for header in
        [("cookie", "__Host-bluecast=rubbish"), ("authorization", "Bearer bluecast_forged"), ("cookie", "__Host-bluecast-viewer=AAAA")]
    {
        assert_eq!(refusal(&test, "hall", &[header]).await, (403, "password_needed".to_owned()), "{header:?}");
    }
    test.admin.patch("/rooms/hall", json!({ "visibility": "public" })).await.expect(200);
    let (socket, welcome) =
        Socket::enter_with(&test, "hall", &[("cookie", "__Host-bluecast-viewer=AAAA; __Host-bluecast=old")], json!({})).await;
    assert!(welcome["you"]["moderator"] == false && socket.cookie.starts_with("__Host-bluecast-viewer="), "{}", socket.cookie);
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let extra = [("BLUECAST_SOCKETS_PER_ADDRESS", "3"), ("BLUECAST_TRUSTED_PROXIES", "127.0.0.1")];
    let test = TestApp::start_with(On::Sqlite, &extra).await;
    room(&test, "hall", json!({})).await;
    let from = [("x-forwarded-for", "2001:db8:1:2::7")];
    let mut held = Vec::new();
    for _ in 0..3 {
        // Who does not say hello is let go after a while.
        held.push(Socket::enter_with(&test, "hall", &from, json!({})).await.0);
    }
    assert_eq!(refusal(&test, "hall", &from).await, (429, "too_many_connections".to_owned()));
    assert_eq!(refusal(&test, "hall", &[("x-forwarded-for", "2001:db8:1:2:ffff::1")]).await.0, 429, "the same network");
    Socket::open(test.address, "hall", &[("x-forwarded-for", "2001:db8:1:3::7")]).await.unwrap();
    held.pop().unwrap().cut();
    crate::support::wait::until("room for one more", async || Socket::open(test.address, "hall", &from).await.ok()).await;
    // Where no proxy is trusted, what a client says of its address counts for nothing.
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_SOCKETS_PER_ADDRESS", "3")]).await;
    room(&test, "hall", json!({})).await;
    let mut held = Vec::new();
    for number in 0..3 {
        held.push(Socket::enter_with(&test, "hall", &[("x-forwarded-for", &format!("192.0.2.{number}"))], json!({})).await.0);
    }
    let spoofed = [("x-forwarded-for", "192.0.2.9"), ("forwarded", "for=192.0.2.9"), ("x-real-ip", "192.0.2.9")];
    assert_eq!(refusal(&test, "hall", &spoofed).await, (429, "too_many_connections".to_owned()));
}

#[tokio::test]
async fn nonsense_ends_the_connection_with_its_code() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({})).await;
    let long = format!("{{\"t\":\"post\",\"ref\":\"a\",\"text\":\"{}\"}}", "x".repeat(1 << 20));
    let broken = Message::Frame(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true));
    let cases = [
        (Message::text("hello"), 1003),
        (Message::text("[]"), 1003),
        (Message::text("{\"t\":7}"), 1003),
        (Message::binary(vec![1, 2, 3]), 1003),
        (Message::text(long), 1009),
        (broken, 1007),
    ];
    for (message, code) in cases {
        for greeted in [false, true] {
            let mut socket = Socket::open(test.address, "hall", &[]).await.unwrap();
            if greeted {
                socket.hello(json!({})).await;
            }
            let shown = format!("{message:?}").chars().take(60).collect::<String>();
            socket.send(message.clone()).await;
            assert_eq!(socket.end().await, Some(code), "{shown}, greeted: {greeted}");
        }
    }
    // What is only wrong is told, and the connection goes on.
    let (mut socket, _) = Socket::enter(&test, "hall").await;
    for (wrong, code) in [
        (json!({ "t": "dance" }), "unknown_type"),
        (json!({ "t": "hello" }), "bad_message"),
        (json!({ "t": "post", "text": "no ref" }), "bad_message"),
        (json!({ "t": "post", "ref": "r", "text": "a\u{0}b" }), "bad_message"),
        (json!({ "t": "delete", "id": "' OR 1=1 --" }), "not_found"),
        (json!({ "t": "post", "ref": "r", "text": "x", "name": "N", "reply_to": "nothing" }), "not_found"),
        (json!({ "t": "post", "ref": "r", "text": " \u{200b} ", "name": "N" }), "empty"),
        (json!({ "t": "post", "ref": "r", "text": "x".repeat(1001), "name": "N" }), "too_long"),
        (json!({ "t": "more", "before": 7 }), "bad_message"),
    ] {
        socket.say(wrong.clone()).await;
        assert_eq!(socket.until("error").await["code"], code, "{wrong}");
    }
    socket.post_with(json!({ "text": "Still here", "name": "N" })).await.unwrap();
}

#[tokio::test]
async fn whoever_says_nothing_is_let_go() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({})).await;
    let began = Instant::now();
    let silent = Socket::open(test.address, "hall", &[]).await.unwrap();
    assert_eq!(silent.end().await, Some(4408));
    assert!(began.elapsed() >= Duration::from_secs(9));
}

#[tokio::test]
async fn ten_thousand_messages_a_second_bring_down_their_sender_alone() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({})).await;
    let mut bo = Socket::enter(&test, "hall").await.0.named("Bo").await;
    let (mut flooder, _) = Socket::enter(&test, "hall").await;
    for number in 0..10_000 {
        flooder
            .send(Message::text(
                json!({ "t": "post", "ref": number.to_string(), "text": format!("flood {number}"), "name": "F" }).to_string(),
            ))
            .await;
    }
    let mut refused = 0;
    let end = loop {
        match flooder.next().await {
            Ok(message) => refused += usize::from(message["t"] == "error" && message["code"] == "too_fast"),
            Err(end) => break end,
        }
    };
    // The flood may break the connection before its code is read.
    assert!(end == Some(4429) || end.is_none(), "{end:?}");
    assert!(refused > 0 || end.is_none());
    bo.post("I am here").await.unwrap();
    let (count,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM comments", bluecast::args![]).await.unwrap();
    assert!(count <= 20, "{count} comments of a flood were kept");
}

#[tokio::test]
async fn comments_of_one_address_keep_a_pace_however_many_they_are() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({})).await;
    let (mut accepted, began) = (0, Instant::now());
    for _ in 0..40 {
        let (mut socket, _) = Socket::enter(&test, "hall").await;
        for number in 0..5 {
            let post = socket.post_with(json!({ "text": number.to_string(), "name": "N" })).await;
            accepted += usize::from(post.is_ok());
            assert!(post.is_ok() || post == Err("too_fast".to_owned()), "{post:?}");
        }
        socket.cut();
    }
    // Sixty in a row, then ten a second, however long this takes.
    let most = 61 + usize::try_from(began.elapsed().as_millis() / 100).unwrap();
    assert!(accepted <= most, "{accepted} comments of forty new viewers at one address, {most} at most");
    assert!(accepted >= 60);
}

#[tokio::test]
async fn a_slow_reader_holds_up_nobody_and_is_told_anew() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({ "max_chars": 4000 })).await;
    let (mut host, _) = moderator(&test, "hall").await;
    let (mut bo, _) = Socket::enter(&test, "hall").await;
    let (mut slow, _) = Socket::enter(&test, "hall").await;
    // It reads nothing while megabytes come. What a host says over the API knows no pace.
    let text = "ह".repeat(3900);
    for some in 0..25 {
        let say = |number: usize| test.admin.post("/rooms/hall/comments", json!({ "text": format!("{some}.{number} {text}") }));
        for said in futures_util::future::join_all((0..10).map(say)).await {
            said.expect(201);
        }
        let heard = bo.all().await;
        assert!(!heard.iter().any(|message| message["t"] == "resync"), "one who reads was left behind");
        host.all().await;
        // It reads nothing, but says something: who is silent for a minute is let go.
        slow.say(json!({ "t": "ping" })).await;
    }
    host.post("the last").await.unwrap();
    bo.find("the last", |message| message["text"] == "the last").await;
    // Now it reads: first what was on its way, then the word to begin anew, and it has the end.
    let heard = tokio::time::timeout(Duration::from_mins(1), async {
        let mut heard = 0;
        loop {
            let message = slow.next().await.unwrap();
            match message["t"].as_str().unwrap() {
                "comment" => heard += 1,
                "resync" => break heard,
                _ => {}
            }
        }
    });
    let heard = heard.await.expect("the word to begin anew");
    assert!(heard < 250, "it was not slow: {heard}");
    assert_eq!(items(&slow.until("welcome").await).last(), Some(&"the last"));
    host.post("and on").await.unwrap();
    assert_eq!(texts(&[slow.find("what is new", |message| message["text"] == "and on").await]), ["and on"]);
}

#[tokio::test]
async fn half_open_connections_are_noticed_by_their_silence() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({})).await;
    // A socket whose other side never answers a ping, as after a phone that lost its network.
    let mut raw = TcpStream::connect(test.address).await.unwrap();
    let request = format!(
        "GET /ws/rooms/hall HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        test.address
    );
    raw.write_all(request.as_bytes()).await.unwrap();
    // The hello comes byte by byte.
    let hello = br#"{"t":"hello"}"#;
    let mut frame = vec![0x81, 0x80 | hello.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(hello);
    for byte in frame {
        raw.write_all(&[byte]).await.unwrap();
        raw.flush().await.unwrap();
    }
    let mut heard = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(110), async {
        let mut buffer = [0; 4096];
        loop {
            match raw.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => heard.extend_from_slice(&buffer[..count]),
            }
        }
    });
    end.await.expect("the connection to be closed");
    let text = String::from_utf8_lossy(&heard);
    assert!(text.starts_with("HTTP/1.1 101") && text.contains("\"t\":\"welcome\""), "{text}");
    assert!(heard.windows(2).any(|pair| pair == [0x89, 0x00]), "it was asked whether it is there");
    assert!(heard.windows(4).any(|bytes| bytes == [0x88, 0x02, 0x11, 0x38]), "4408");
}

#[tokio::test]
async fn what_viewers_type_stays_text() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({ "links": "allow" })).await;
    let mut bo = Socket::enter(&test, "hall").await.0;
    let mut anna = Socket::enter(&test, "hall").await.0.named("<script>alert(1)</script>").await;
    let zalgo = format!("Z{}", "\u{335}".repeat(400));
    for (typed, read) in [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("\u{202e}evil\u{202c} 👩‍👩‍👧‍👦", "evil 👩‍👩‍👧‍👦"),
        (zalgo.as_str(), &format!("Z{}", "\u{335}".repeat(4))[..]),
        ("line\u{2028}separator", "line\nseparator"),
    ] {
        anna.post(typed).await.unwrap();
        assert_eq!(bo.until("comment").await["text"], read);
    }
    let page = send(test.stranger().request(Method::GET, "/watch/hall")).await;
    assert!(!page.text.contains("onerror=alert"), "{}", page.text);
    let named: Value = Socket::enter(&test, "hall").await.1;
    assert_eq!(named["items"][0]["name"], "<script>alert(1)</script>");
}
