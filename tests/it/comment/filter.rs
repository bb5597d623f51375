//! What is not shown is sent to nobody but moderators and its author, on no path.

use serde_json::{Value, json};

use super::{items, moderator, room, texts};
use crate::support::app::{BOTH, TestApp, send};
use crate::support::socket::Socket;

#[tokio::test]
async fn what_waits_is_read_by_moderators_and_its_author_alone() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({ "mode": "approve" })).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        let (mut bo, welcome) = Socket::enter(&test, "hall").await;
        let (mut host, _) = moderator(&test, "hall").await;
        let (id, state) = anna.post("Secret klopfer").await.unwrap();
        assert_eq!(state, "held");
        assert_eq!(anna.until("comment").await["state"], "held");
        let waiting = host.until("comment").await;
        assert_eq!((&waiting["state"], &waiting["text"]), (&json!("held"), &json!("Secret klopfer")));

        // Live, at the door, page by page, and after a break: nothing of it for others.
        let since = welcome["seq"].clone();
        let nothing =
            |what: &str, said: &Value| assert!(!said.to_string().contains("klopfer") && !said.to_string().contains(&id), "{what}: {said}");
        nothing("live", &json!(bo.all().await));
        bo.say(json!({ "t": "more", "before": null, "limit": 50 })).await;
        nothing("a page", &bo.until("page").await);
        bo.say(json!({ "t": "queue" })).await;
        assert_eq!(bo.until("error").await["code"], "forbidden");
        bo.say(json!({ "t": "react", "id": id, "emoji": "👍" })).await;
        let mut named = Socket::again(&test, "hall", &bo.cookie, None).await.0.named("Bo").await;
        assert_eq!(named.post_with(json!({ "text": "About that", "reply_to": id })).await.unwrap().1, "held");
        nothing("a reply", &json!(named.all().await));
        let (mut late, welcome) = Socket::enter(&test, "hall").await;
        nothing("the door", &welcome);
        nothing("what is pinned", &welcome["pinned"]);
        nothing("then", &json!(late.all().await));
        let (mut back, welcome) = Socket::enter_with(&test, "hall", &[], json!({ "since": since })).await;
        nothing("a break", &welcome);
        nothing("what was missed", &json!(back.all().await));
        // Its author sees it again; the queue holds it; the right to export does not show it.
        let (_, again) = Socket::again(&test, "hall", &anna.cookie, None).await;
        assert_eq!(items(&again), ["Secret klopfer"]);
        host.say(json!({ "t": "queue", "limit": 10 })).await;
        let queue = host.until("page").await;
        assert_eq!((&queue["queue"], items(&queue)), (&json!(true), vec!["Secret klopfer", "About that"]));
        let exporter = test.user("exporter", &["room.export"]).await;
        nothing("the list", &exporter.get("/rooms/hall/comments").await.expect(200));
        exporter.get("/rooms/hall/comments?state=held").await.problem(403, "forbidden");
        let csv = send(exporter.request(reqwest::Method::GET, "/api/v1/rooms/hall/comments.csv")).await;
        assert!(csv.status == 200 && !csv.text.contains("klopfer"), "{}", csv.text);

        // Let through, it is new to others and changed to those who have it.
        host.say(json!({ "t": "approve", "id": id })).await;
        let shown = bo.find("what was let through", |message| message["text"] == "Secret klopfer").await;
        assert_eq!((&shown["text"], &shown["state"]), (&json!("Secret klopfer"), &json!("shown")));
        assert!(shown["seq"].as_i64() > waiting["seq"].as_i64());
        for socket in [&mut anna, &mut host] {
            let changed = socket.find("the approval", |message| message["t"] == "changed" && message["id"] == id.as_str()).await;
            assert_eq!((&changed["state"], &changed["seq"]), (&json!("shown"), &shown["seq"]));
        }
        // Refused again, it is gone for others and stays for those two.
        host.say(json!({ "t": "reject", "id": id })).await;
        assert_eq!(bo.until("gone").await["id"], id.as_str());
        // An emoji that was given while it waited may come to count in between.
        anna.find("the refusal", |message| message["t"] == "changed" && message["state"] == "rejected").await;
        let (_, welcome) = Socket::enter(&test, "hall").await;
        assert_eq!(items(&welcome), Vec::<&str>::new());
        test.stop().await;
    }
}

#[tokio::test]
async fn a_quotation_goes_with_what_it_quotes() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({})).await;
    let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
    let (mut host, _) = moderator(&test, "hall").await;
    let (id, _) = anna.post("Something klopfer").await.unwrap();
    host.post_with(json!({ "text": "Really?", "reply_to": id, "as_host": true })).await.unwrap();
    let (mut bo, welcome) = Socket::enter(&test, "hall").await;
    assert_eq!(welcome["items"][1]["reply_to"]["text"], "Something klopfer");
    assert_eq!((&welcome["items"][1]["host"], &welcome["items"][1]["name"]), (&json!(true), &json!("admin")));
    host.say(json!({ "t": "reject", "id": id })).await;
    bo.until("gone").await;
    let (mut late, welcome) = Socket::enter(&test, "hall").await;
    assert!(!welcome.to_string().contains("klopfer"), "{welcome}");
    late.say(json!({ "t": "more", "before": null })).await;
    assert!(!late.until("page").await.to_string().contains("klopfer"));
    let (mut back, _) = Socket::enter_with(&test, "hall", &[], json!({ "since": 0 })).await;
    assert!(!json!(back.all().await).to_string().contains("klopfer"));
    // Deleted, not even moderators read it, and the text is nowhere.
    host.say(json!({ "t": "delete", "id": id })).await;
    host.find("the end of it", |message| message["t"] == "gone").await;
    let (kept,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM comments WHERE text LIKE '%klopfer%'", bluecast::args![]).await.unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn links_and_words_are_held_refused_or_let_through() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({ "words": ["klopfer", "/b[ae]d/"], "links": "hold" })).await;
    let mut bo = Socket::enter(&test, "hall").await.0;
    let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
    assert_eq!(anna.post("see https://example.org").await.unwrap().1, "held");
    assert_eq!(anna.post("Klopfer!").await.unwrap().1, "held");
    assert_eq!(anna.post("too bad").await.unwrap().1, "held");
    test.admin.patch("/rooms/hall/rules", json!({ "links": "refuse", "words": [] })).await.expect(200);
    let told = bo.until("rules").await;
    assert_eq!((&told["links"], &told["words"]), (&json!("refuse"), &Value::Null));
    assert_eq!(anna.post("see www.example.org").await, Err("links_refused".to_owned()));
    assert_eq!(anna.post("too bad").await.unwrap().1, "shown");
    assert_eq!(texts(&bo.all().await), ["too bad"]);
}
