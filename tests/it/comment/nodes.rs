//! Two processes that share a database share their rooms.

use serde_json::json;

use super::{items, moderator, room, texts};
use crate::support::app::{On, TestApp, settings};
use crate::support::socket::Socket;
use crate::support::wait::until;

/// Two programs on one Postgres.
async fn two() -> (TestApp, TestApp) {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut shared = settings(On::Postgres, &one, &[("BLUECAST_NODE_NAME", "one")]).await;
    shared.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let mut other = shared.clone();
    other.data_dir = two.path().to_owned();
    other.node.name = "two".to_owned();
    (TestApp::start_in(one, shared).await, TestApp::start_in(two, other).await)
}

#[tokio::test]
async fn what_is_written_at_one_is_read_at_the_other() {
    let (one, two) = two().await;
    room(&one, "hall", json!({ "mode": "approve" })).await;
    let mut anna = Socket::enter(&one, "hall").await.0.named("Anna").await;
    let mut bo = Socket::enter(&two, "hall").await.0.named("Bo").await;
    let (mut host, _) = moderator(&two, "hall").await;
    let (id, _) = anna.post("From one").await.unwrap();
    assert_eq!(host.until("comment").await["state"], "held");
    assert_eq!(texts(&bo.all().await), Vec::<&str>::new());
    host.say(json!({ "t": "approve", "id": id })).await;
    assert_eq!(bo.until("comment").await["text"], "From one");
    assert_eq!(anna.until("changed").await["state"], "shown");
    // Rules, bans and emoji go over as well.
    host.say(json!({ "t": "rules", "mode": "open" })).await;
    // Each process takes the new rules in by itself: who hears them at one may be ahead of the other.
    for viewer in [&mut anna, &mut bo] {
        assert_eq!(viewer.find("the rules", |message| message["t"] == "rules" && message["mode"] == "open").await["slow_s"], 0);
    }
    assert_eq!(bo.post("From two").await.unwrap().1, "shown");
    assert_eq!(anna.find("it", |message| message["text"] == "From two").await["name"], "Bo");
    anna.say(json!({ "t": "react", "id": id, "emoji": "👍" })).await;
    assert_eq!(bo.find("an emoji", |message| message["t"] == "changed").await["reactions"], json!({ "👍": 1 }));
    host.say(json!({ "t": "ban", "id": id })).await;
    anna.until("banned").await;
    assert_eq!(anna.post("Me again").await, Err("banned".to_owned()));
    // A long text goes over, too: it is not in the word but in the table.
    one.admin.patch("/rooms/hall/rules", json!({ "max_chars": 4000 })).await.expect(200);
    bo.find("the rules", |message| message["t"] == "rules" && message["max_chars"] == 4000).await;
    bo.post(&"ह".repeat(3900)).await.unwrap();
    let long = anna.find("it", |message| message["text"].as_str().is_some_and(|text| text.len() > 10_000)).await;
    assert_eq!(long["seq"], bo.find("its own", |message| message["own"] == true && message["seq"] == long["seq"]).await["seq"]);
    // The count is of both.
    let count = async |socket: &mut Socket, viewers: u64| loop {
        let message = socket.next().await.unwrap();
        if message["t"] == "count" && message["viewers"] == viewers {
            return;
        }
    };
    let (late, welcome) = Socket::enter(&one, "hall").await;
    assert_eq!(items(&welcome).len(), 3);
    count(&mut bo, 4).await;
    late.cut();
    count(&mut bo, 3).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn many_at_both_write_into_one_order_without_a_hole() {
    let (one, two) = two().await;
    room(&one, "hall", json!({})).await;
    let (mut first, _) = Socket::enter(&one, "hall").await;
    let (mut second, _) = Socket::enter(&two, "hall").await;
    let write = async |test: &TestApp, number: usize| {
        let from = format!("203.0.113.{number}");
        let (mut socket, _) = Socket::enter_with(test, "hall", &[("x-forwarded-for", &from)], json!({})).await;
        for text in ["a", "b", "c", "d"] {
            socket.post_with(json!({ "text": text, "name": "N" })).await.unwrap();
        }
    };
    futures_util::future::join_all((0..40).map(|number| write(if number % 2 == 0 { &one } else { &two }, number))).await;
    for reader in [&mut first, &mut second] {
        let mut seqs = Vec::new();
        while seqs.len() < 160 {
            let message = reader.next().await.unwrap();
            if message["t"] == "comment" {
                seqs.push(message["seq"].as_i64().unwrap());
            }
        }
        assert_eq!(seqs, (1..=160).collect::<Vec<_>>());
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_broken_line_between_them_loses_nothing() {
    let (one, two) = two().await;
    room(&one, "hall", json!({})).await;
    let mut anna = Socket::enter(&one, "hall").await.0.named("Anna").await;
    let (mut bo, _) = Socket::enter(&two, "hall").await;
    anna.post("before").await.unwrap();
    bo.find("it", |message| message["text"] == "before").await;
    // Whoever listens is cut off, at both; what is written meanwhile is read from the table.
    // A line that was silent for a while was asked whether it is still there.
    let cut = "SELECT CAST(COUNT(pg_terminate_backend(pid)) AS BIGINT) FROM pg_stat_activity WHERE (query ILIKE '%LISTEN%' OR query = 'SELECT 1') AND pid <> pg_backend_pid() \
               AND datname = current_database()";
    let (ended,): (i64,) = one.app.store.one(cut, bluecast::args![]).await.unwrap();
    assert!(ended >= 2, "{ended} listeners");
    for text in ["while", "it", "is", "cut"] {
        anna.post(text).await.unwrap();
    }
    bo.find("what was written meanwhile", |message| message["text"] == "cut").await;
    until("a line again", async || {
        let (listeners,): (i64,) = one
            .app
            .store
            .one("SELECT COUNT(*) FROM pg_stat_activity WHERE query ILIKE '%LISTEN%' AND pid <> pg_backend_pid() AND datname = current_database()", bluecast::args![])
            .await
            .unwrap();
        (listeners >= 2).then_some(())
    })
    .await;
    let (mut late, welcome) = Socket::enter(&two, "hall").await;
    assert_eq!(items(&welcome), ["before", "while", "it", "is", "cut"]);
    late.all().await;
    one.stop().await;
    two.stop().await;
}
