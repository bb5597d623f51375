//! Real processes on one Postgres: one room, one order, one count. One of them dies, and its viewers go on at the other.

use bluecast::config::Settings;
use bluecast::store::{Purpose, Store};
use serde_json::{Value, json};

use crate::node::House;
use crate::support::process::{Folders, Process};
use crate::support::socket::Socket;
use crate::support::wait::until;

async fn enter(process: &Process, cookie: &str, hello: Value) -> Socket {
    let mut socket = Socket::open(process.admin.address(), "hall", &[("cookie", cookie)]).await.unwrap();
    socket.hello(hello).await;
    socket
}

async fn post(socket: &mut Socket, text: &str) {
    socket.post_with(json!({ "text": text, "name": "N" })).await.unwrap();
}

async fn until_count(socket: &mut Socket, viewers: u64) {
    loop {
        let message = socket.next().await.unwrap();
        if message["t"] == "count" && message["viewers"] == viewers {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_are_one_room_and_the_viewers_of_a_dead_one_go_on_at_the_other() {
    let house = House::new().await;
    let (near, far) = (Folders::new(), Folders::new());
    let (one, two) = (house.node("one", &near).await, house.node("two", &far).await);
    one.admin.post("/rooms", json!({ "key": "hall", "title": "Hall" })).await.expect(201);
    one.admin.patch("/rooms/hall/rules", json!({ "max_chars": 4000 })).await.expect(200);
    let (mut anna, mut bo) = (enter(&one, "", json!({})).await, enter(&two, "", json!({})).await);
    until_count(&mut anna, 2).await;

    // Postgres takes no word of 8000 bytes; what is longer goes all the same.
    let long = "ह".repeat(3900);
    post(&mut anna, "From one").await;
    post(&mut bo, &long).await;
    post(&mut anna, "From one again").await;
    for socket in [&mut anna, &mut bo] {
        for (seq, text) in [(1, "From one"), (2, &long), (3, "From one again")] {
            let comment = socket.until("comment").await;
            assert_eq!((comment["seq"].as_i64(), comment["text"].as_str()), (Some(seq), Some(text)));
        }
    }
    // Who moderates at one decides for those at the other.
    let id = anna.post_with(json!({ "text": "To be refused" })).await.unwrap().0;
    bo.find("it", |message| message["id"] == id.as_str()).await;
    one.admin.patch(&format!("/rooms/hall/comments/{id}"), json!({ "state": "rejected" })).await.expect(200);
    assert_eq!(bo.until("gone").await["id"], id.as_str());
    anna.until("changed").await;

    let environment = [
        ("BLUECAST_DATA_DIR", near.temporary.path().to_str().unwrap()),
        ("BLUECAST_DATABASE_URL", &house.database),
        ("BLUECAST_SECRET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ];
    let settings = Settings::from_map(&environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap();
    let store = Store::open(&settings, Purpose::Command).await.unwrap();
    let sessions = async || {
        let sql = "SELECT id, run_id, seen_ms, ended_ms FROM viewer_sessions ORDER BY began_ms, id";
        let sessions: Vec<(String, String, i64, Option<i64>)> = store.all(sql, bluecast::args![]).await.unwrap();
        sessions
    };
    until("both sessions", async || (sessions().await.len() == 2).then_some(())).await;

    // It dies. Anna goes to the other process, is known there, and misses nothing.
    let (cookie, since) = (anna.cookie.clone(), anna.seq);
    let (_, end) = tokio::join!(async { one.kill() }, anna.end());
    assert_eq!(end, None);
    post(&mut bo, "While she was away").await;
    let mut anna = enter(&two, &cookie, json!({ "since": since })).await;
    let missed: Vec<Value> = anna.all().await.into_iter().filter(|message| message["t"] == "comment").collect();
    assert_eq!(missed.iter().map(|comment| comment["text"].as_str().unwrap()).collect::<Vec<_>>(), ["While she was away"]);
    anna.post_with(json!({ "text": "Here again", "ref": "from two" })).await.unwrap();
    assert_eq!(bo.find("it", |message| message["text"] == "Here again").await["name"], "N");
    until("a count without the dead one's", async || {
        (two.admin.get("/rooms/hall/viewers").await.expect(200)["viewers"] == 2).then_some(())
    })
    .await;

    // Her time at the dead process ends at its last word, as soon as that is long ago: here, three minutes.
    let hers = until("her new session", async || {
        let sessions = sessions().await;
        let is_new = sessions.len() == 3;
        is_new.then(|| sessions[0].clone())
    })
    .await;
    let other = sessions().await.iter().filter(|session| session.1 == hers.1).count();
    assert_eq!(other, 1, "one of the three is the dead process's");
    let moved = "UPDATE viewer_sessions SET began_ms = began_ms - 180000, seen_ms = seen_ms - 180000 WHERE id = $1 AND ended_ms IS NULL";
    assert_eq!(store.run(moved, bluecast::args![&hers.0]).await.unwrap(), 1, "it was open");
    let closed = until("its end", async || sessions().await.into_iter().find(|session| session.0 == hers.0 && session.3.is_some())).await;
    assert_eq!(closed.3, Some(hers.2 - 180_000));
    assert_eq!(sessions().await.iter().filter(|session| session.3.is_none()).count(), 2, "those of the living go on");
    store.close().await;
    assert!(two.terminate().await.success());
}
