//! Who is there, how many, and what the room shows.

use serde_json::{Value, json};

use super::room;
use crate::support::app::{BOTH, On, PASSWORD, TestApp, settings};
use crate::support::socket::Socket;
use crate::support::wait::until;

#[tokio::test]
async fn the_count_is_of_people_and_told_to_all() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({})).await;
    let (mut anna, welcome) = Socket::enter(&test, "hall").await;
    assert_eq!(welcome["count"], 1);
    let count = async |socket: &mut Socket, viewers: u64| loop {
        let message = socket.next().await.unwrap();
        if message["t"] == "count" && message["viewers"] == viewers {
            return;
        }
    };
    count(&mut anna, 1).await;
    let (second_window, _) = Socket::again(&test, "hall", &anna.cookie, None).await;
    let (bo, _) = Socket::enter(&test, "hall").await;
    count(&mut anna, 2).await;
    let (_chris, welcome) = Socket::enter(&test, "hall").await;
    assert_eq!(welcome["count"], 3);
    count(&mut anna, 3).await;
    second_window.cut();
    bo.cut();
    count(&mut anna, 2).await;
}

#[tokio::test]
async fn sessions_begin_end_and_are_written_down() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        let anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        let cookie = anna.cookie.clone();
        let open = async || {
            let rows: Vec<(i64, Option<i64>)> =
                test.app.store.all("SELECT began_ms, ended_ms FROM viewer_sessions ORDER BY began_ms", bluecast::args![]).await.unwrap();
            rows
        };
        let began = until("a session", async || open().await.first().copied()).await;
        assert_eq!(began.1, None);
        // A reload goes on with the same session.
        anna.cut();
        let (anna, _) = Socket::again(&test, "hall", &cookie, None).await;
        anna.cut();
        let ended = until("the end of the session", async || open().await.first().copied().filter(|session| session.1.is_some())).await;
        assert!(ended.1.unwrap() >= ended.0);
        assert_eq!(open().await.len(), 1);
        let (anna, _) = Socket::again(&test, "hall", &cookie, None).await;
        until("a second session", async || (open().await.len() == 2).then_some(())).await;
        // The end of the process is the end of sessions, and of the minute.
        let store_url = test.app.settings.clone();
        let data = test.stop().await;
        assert_eq!(anna.end().await, Some(1012));
        let test = TestApp::start_in(data, store_url).await;
        let rows: Vec<(i64, Option<i64>)> =
            test.app.store.all("SELECT began_ms, ended_ms FROM viewer_sessions ORDER BY began_ms", bluecast::args![]).await.unwrap();
        assert!(rows.len() == 2 && rows.iter().all(|row| row.1.is_some()), "{rows:?}");
        let history = test.admin.get("/rooms/hall/presence").await.expect(200);
        let sum = |field: &str| history["items"].as_array().unwrap().iter().map(|line| line[field].as_i64().unwrap()).sum::<i64>();
        assert_eq!((sum("joined"), sum("parted")), (2, 2), "{history}");
        assert!(history["items"].as_array().unwrap().iter().any(|line| line["peak"] == 1), "{history}");
        test.stop().await;
    }
}

#[tokio::test]
async fn a_room_s_state_is_told_and_the_door_closes() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "64")]).await;
    room(&test, "hall", json!({})).await;
    let (mut anna, welcome) = Socket::enter(&test, "hall").await;
    assert_eq!(
        welcome["state"],
        json!({ "t": "state", "phase": "none", "state": "none", "paused": false, "playback_live": false, "title": "Große Halle" })
    );
    test.admin.patch("/rooms/hall", json!({ "title": "Kleine Halle" })).await.expect(200);
    assert_eq!(anna.until("state").await["title"], "Kleine Halle");
    let order = json!({ "source": "test", "profile": "480p30", "targets": [], "room": "hall" });
    let made = test.admin.post("/broadcasts", order).await;
    if made.status == 201 {
        let id = made.body["id"].as_str().unwrap().to_owned();
        let live = anna.find("live", |message| message["t"] == "state" && message["phase"] == "live").await;
        assert!(live["since"].is_string() && live["playback"].is_string(), "{live}");
        test.admin.post(&format!("/broadcasts/{id}/pause"), json!({})).await.expect(202);
        let paused = anna.find("paused", |message| message["t"] == "state" && message["phase"] == "paused").await;
        assert_eq!(paused["paused"], true);
        test.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
        anna.find("over", |message| message["t"] == "state" && message["phase"] == "over").await;
    } else {
        panic!("no broadcast: {}", made.text);
    }
    // What the event stream of the room tells, the socket tells, once the end is written down.
    until("the same state on the socket", async || {
        let state: Value = json!(test.app.supervisor.room_state("hall").await.unwrap());
        let (_, welcome) = Socket::enter(&test, "hall").await;
        state.as_object().unwrap().iter().all(|(field, value)| welcome["state"][field] == *value).then_some(())
    })
    .await;
    test.admin.patch("/rooms/hall", json!({ "visibility": "password", "password": PASSWORD })).await.expect(200);
    assert_eq!(anna.end().await, Some(4401));
    assert_eq!(Socket::open(test.address, "hall", &[]).await.err().unwrap(), (403, "password_needed".to_owned()));
    test.stop().await;
}

#[tokio::test]
async fn a_room_that_is_removed_turns_everybody_out() {
    let test = TestApp::start_on(On::Postgres).await;
    room(&test, "hall", json!({})).await;
    let (anna, _) = Socket::enter(&test, "hall").await;
    test.admin.delete("/rooms/hall").await.expect(204);
    assert_eq!(anna.end().await, Some(4401));
    assert_eq!(Socket::open(test.address, "hall", &[]).await.err().unwrap().0, 404);
    test.stop().await;
}

#[tokio::test]
async fn what_is_old_enough_is_forgotten() {
    use bluecast::comment::{Retention, sweep};
    const DAY_MS: i64 = 24 * 3600 * 1000;
    for on in BOTH {
        let data = tempfile::tempdir().unwrap();
        let settings = settings(on, &data, &[]).await;
        let test = TestApp::start_in(data, settings).await;
        room(&test, "hall", json!({})).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        for text in ["old", "new"] {
            anna.post(text).await.unwrap();
        }
        let since = anna.all().await[0]["seq"].as_i64().unwrap();
        let (store, now_ms) = (&test.app.store, bluecast::moment::now_ms());
        store.run("UPDATE comments SET at_ms = $1 WHERE text = 'old'", bluecast::args![now_ms - 10 * DAY_MS]).await.unwrap();
        // Somebody was here ten days ago, at an address, and was counted.
        let was = "INSERT INTO viewer_sessions (id, room_id, viewer_id, handle, run_id, began_ms, seen_ms, ended_ms, address) \
                   SELECT 'was', id, 'was', 'was', 'was', $1, $1, $1, '192.0.2.1' FROM rooms";
        store.run(was, bluecast::args![now_ms - 10 * DAY_MS]).await.unwrap();
        let counted =
            "INSERT INTO room_presence (room_id, at_ms, run_id, viewers, peak, joined, parted) SELECT id, $1, 'was', 1, 1, 1, 1 FROM rooms";
        store.run(counted, bluecast::args![now_ms - 10 * DAY_MS]).await.unwrap();
        let kept_of_then = async || {
            let sql = "SELECT (SELECT COUNT(*) FROM viewer_sessions WHERE id = 'was'), (SELECT COUNT(address) FROM viewer_sessions WHERE id = 'was'), \
                       (SELECT COUNT(*) FROM room_presence WHERE run_id = 'was')";
            let kept: (i64, i64, i64) = store.one(sql, bluecast::args![]).await.unwrap();
            kept
        };
        let days = |days| Retention { comments_days: days, sessions_days: days, addresses_days: days };
        sweep(store, days(0), now_ms).await.unwrap();
        sweep(store, days(11), now_ms).await.unwrap();
        let kept: Vec<(String, Option<String>)> =
            store.all("SELECT text, address FROM comments ORDER BY id", bluecast::args![]).await.unwrap();
        assert!(kept.len() == 2 && kept.iter().all(|(_, address)| address.is_some()), "{kept:?}");
        assert_eq!(kept_of_then().await, (1, 1, 1));
        sweep(store, Retention { comments_days: 11, sessions_days: 11, addresses_days: 9 }, now_ms).await.unwrap();
        assert_eq!(kept_of_then().await, (1, 0, 1), "addresses are kept for a time of their own");
        let kept: Vec<(String, Option<String>)> =
            store.all("SELECT text, address FROM comments ORDER BY id", bluecast::args![]).await.unwrap();
        assert_eq!(kept.iter().map(|(_, address)| address.is_some()).collect::<Vec<_>>(), [false, true]);
        sweep(store, Retention { comments_days: 0, sessions_days: 9, addresses_days: 0 }, now_ms).await.unwrap();
        assert_eq!(kept_of_then().await, (0, 0, 0));
        sweep(store, days(9), now_ms).await.unwrap();
        let kept: Vec<(String,)> = store.all("SELECT text FROM comments", bluecast::args![]).await.unwrap();
        assert_eq!(kept, [("new".to_owned(),)]);
        let (named,): (i64,) = store.one("SELECT COUNT(*) FROM viewers", bluecast::args![]).await.unwrap();
        assert_eq!(named, 1, "who still has a comment has a name");
        // Nobody takes up from before what was cleared away.
        let (floor,): (i64,) = store.one("SELECT floor_seq FROM threads", bluecast::args![]).await.unwrap();
        assert_eq!(floor, since);
        test.stop().await;
    }
}
