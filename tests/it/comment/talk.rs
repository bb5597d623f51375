//! Writing, reading, breaking off and coming back.

use serde_json::{Value, json};

use super::{items, room, texts};
use crate::support::app::{BOTH, On, TestApp};
use crate::support::socket::Socket;

#[tokio::test]
async fn what_one_writes_all_read_once_and_in_one_order() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        let (anna, welcome) = Socket::enter(&test, "hall").await;
        assert_eq!(welcome["you"], json!({ "name": null, "has_phone": false, "moderator": false }));
        assert_eq!((&welcome["seq"], &welcome["items"], &welcome["before"]), (&json!(0), &json!([]), &json!(null)));
        assert_eq!((&welcome["rules"]["mode"], &welcome["rules"]["words"]), (&json!("open"), &Value::Null));
        assert_eq!((&welcome["state"]["phase"], &welcome["state"]["title"]), (&json!("none"), &json!("Große Halle")));
        let mut anna = anna.named("Anna").await;
        let mut bo = Socket::enter(&test, "hall").await.0.named("Bo").await;

        let (id, state) = anna.post("Hello <b>you</b> 😀").await.unwrap();
        assert_eq!(state, "shown");
        let (answer, _) = bo.post_with(json!({ "text": "And you", "reply_to": id })).await.unwrap();
        let (mine, theirs) = (anna.all().await, bo.all().await);
        assert_eq!((texts(&mine), texts(&theirs)), (vec!["Hello <b>you</b> 😀", "And you"], vec!["Hello <b>you</b> 😀", "And you"]));
        assert_eq!(
            (&mine[0]["seq"], &mine[1]["seq"], &mine[0]["own"], &mine[1]["own"]),
            (&json!(1), &json!(2), &json!(true), &Value::Null)
        );
        assert_eq!((&theirs[0]["own"], &theirs[1]["own"]), (&Value::Null, &json!(true)));
        assert_eq!(theirs[1]["reply_to"], json!({ "id": id, "name": "Anna", "text": "Hello <b>you</b> 😀" }));
        assert_eq!((&theirs[0]["name"], &theirs[0]["viewer"]), (&json!("Anna"), &welcome["viewer"]));
        // Nothing tells who somebody is beyond their handle.
        let viewer_id: (String,) = test.app.store.one("SELECT viewer_id FROM comments WHERE id = $1", bluecast::args![&id]).await.unwrap();
        assert!(!json!(theirs).to_string().contains(&viewer_id.0));

        anna.say(json!({ "t": "delete", "id": answer })).await;
        assert_eq!(anna.until("error").await["code"], "not_found", "another's comment");
        bo.say(json!({ "t": "delete", "id": answer })).await;
        assert_eq!(anna.until("gone").await, json!({ "t": "gone", "seq": 3, "id": answer }));
        let (_, late) = Socket::enter(&test, "hall").await;
        assert_eq!((items(&late), &late["seq"]), (vec!["Hello <b>you</b> 😀"], &json!(3)));
        test.stop().await;
    }
}

#[tokio::test]
async fn who_comes_back_gets_what_is_missing_and_nothing_twice() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        let mut bo = Socket::enter(&test, "hall").await.0;
        for text in ["one", "two"] {
            anna.post(text).await.unwrap();
        }
        let heard = bo.all().await;
        assert_eq!(texts(&heard), ["one", "two"]);
        let (cookie, since) = (bo.cookie.clone(), bo.seq);
        bo.cut();
        anna.post("three").await.unwrap();
        let (four, _) = anna.post("four").await.unwrap();
        anna.say(json!({ "t": "delete", "id": heard[0]["id"] })).await;
        anna.until("gone").await;
        anna.say(json!({ "t": "delete", "id": four })).await;
        anna.find("the second", |message| message["t"] == "gone" && message["id"] == four.as_str()).await;
        let (mut bo, welcome) = Socket::again(&test, "hall", &cookie, Some(since)).await;
        assert_eq!((&welcome["items"], &welcome["seq"]), (&Value::Null, &json!(since)));
        let missed = bo.all().await;
        assert_eq!(texts(&missed), ["three"]);
        assert_eq!(missed.iter().filter(|message| message["t"] == "gone").map(|gone| &gone["id"]).collect::<Vec<_>>(), [&heard[0]["id"]]);
        // Taken up again from there, nothing is left, live or missed.
        let (cookie, since) = (bo.cookie.clone(), bo.seq);
        bo.cut();
        let (mut bo, _) = Socket::again(&test, "hall", &cookie, Some(since)).await;
        anna.post("five").await.unwrap();
        bo.find("what is new", |message| message["text"] == "five").await;
        let rest = bo.all().await;
        assert_eq!(texts(&rest), Vec::<&str>::new());
        // A number of nowhere, or of a long time ago, begins anew.
        let mut socket = Socket::open(test.address, "hall", &[]).await.unwrap();
        socket.say(json!({ "t": "hello", "since": 4000 })).await;
        assert!(socket.until("resync").await["since"].is_i64());
        assert_eq!(items(&socket.until("welcome").await), ["two", "three", "five"]);
        test.stop().await;
    }
}

#[tokio::test]
async fn history_is_read_page_by_page_to_its_beginning() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        for number in 0..130 {
            test.admin.post("/rooms/hall/comments", json!({ "text": number.to_string() })).await.expect(201);
        }
        for restarted in [false, true] {
            let (mut bo, welcome) = Socket::enter(&test, "hall").await;
            let mut all: Vec<String> = items(&welcome).into_iter().map(str::to_owned).collect();
            assert_eq!((all.len(), all[49].as_str()), (50, "129"), "restarted: {restarted}");
            let mut before = welcome["before"].clone();
            while before.is_string() {
                bo.say(json!({ "t": "more", "before": before, "limit": 30 })).await;
                let page = bo.until("page").await;
                let older: Vec<String> = items(&page).into_iter().map(str::to_owned).collect();
                assert!(older.len() <= 30);
                all.splice(0..0, older);
                before = page["before"].clone();
            }
            assert_eq!(all, (0..130).map(|number| number.to_string()).collect::<Vec<_>>());
            bo.cut();
        }
        test.stop().await;
    }
}

#[tokio::test]
async fn the_same_post_sent_twice_is_kept_once() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        let first = anna.post_with(json!({ "text": "Once", "ref": "a" })).await.unwrap();
        assert_eq!(anna.post_with(json!({ "text": "Once", "ref": "a" })).await.unwrap(), first);
        let cookie = anna.cookie.clone();
        anna.cut();
        // Also when the answer was lost with the connection.
        let (mut anna, _) = Socket::again(&test, "hall", &cookie, None).await;
        assert_eq!(anna.post_with(json!({ "text": "Once", "ref": "a" })).await.unwrap(), first);
        // Another's reference is another's.
        let mut bo = Socket::enter(&test, "hall").await.0.named("Bo").await;
        assert_ne!(bo.post_with(json!({ "text": "Once", "ref": "a" })).await.unwrap(), first);
        let (count, seq): (i64, i64) = test.app.store.one("SELECT COUNT(*), MAX(seq) FROM comments", bluecast::args![]).await.unwrap();
        assert_eq!((count, seq), (2, 2));
        test.stop().await;
    }
}

#[tokio::test]
async fn names_and_numbers_are_asked_for_once_and_kept() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({ "ask_phone": true })).await;
    let (mut anna, _) = Socket::enter(&test, "hall").await;
    assert_eq!(anna.post("Hello").await, Err("name_needed".to_owned()));
    assert_eq!(anna.post_with(json!({ "text": "Hello", "name": "a\u{202e}b" })).await, Err("bad_name".to_owned()));
    assert_eq!(anna.post_with(json!({ "text": "Hello", "name": " Anna " })).await, Err("phone_needed".to_owned()));
    assert_eq!(anna.post_with(json!({ "text": "Hello", "phone": "=1+1" })).await, Err("bad_phone".to_owned()));
    anna.post_with(json!({ "text": "Hello", "phone": "+91 98765 43210" })).await.unwrap();
    let cookie = anna.cookie.clone();
    assert!(!json!(anna.all().await).to_string().contains("98765"));
    anna.cut();
    let (mut anna, welcome) = Socket::again(&test, "hall", &cookie, None).await;
    assert_eq!(welcome["you"], json!({ "name": "Anna", "has_phone": true, "moderator": false }));
    anna.say(json!({ "t": "name", "name": "Anna Müller" })).await;
    assert_eq!(anna.until("you").await["name"], "Anna Müller");
    anna.post("Again").await.unwrap();
    let last = anna.find("it", |message| message["text"] == "Again").await;
    assert_eq!(last["name"], "Anna Müller");
    // A room that asks for no name takes comments without one.
    room(&test, "open", json!({ "ask_name": false })).await;
    let (mut bo, _) = Socket::enter(&test, "open").await;
    bo.post("Hi").await.unwrap();
    assert_eq!(bo.until("comment").await["name"], "");
}

#[tokio::test]
async fn emoji_are_counted_and_one_s_own_are_known() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({ "emojis": ["👍", "🙏"] })).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        let (id, _) = anna.post("Hello").await.unwrap();
        let (mut bo, _) = Socket::enter(&test, "hall").await;
        anna.say(json!({ "t": "react", "id": id, "emoji": "👍" })).await;
        bo.say(json!({ "t": "react", "id": id, "emoji": "👍" })).await;
        bo.say(json!({ "t": "react", "id": id, "emoji": "🙏" })).await;
        let counted = |counts: Value| move |message: &Value| message["t"] == "changed" && message["reactions"] == counts;
        anna.find("all emoji", counted(json!({ "👍": 2, "🙏": 1 }))).await;
        bo.say(json!({ "t": "react", "id": id, "emoji": "🙏", "on": false })).await;
        anna.find("one taken back", counted(json!({ "👍": 2 }))).await;
        bo.say(json!({ "t": "react", "id": id, "emoji": "💩" })).await;
        assert_eq!(bo.until("error").await["code"], "bad_message");
        let (_, welcome) = Socket::again(&test, "hall", &bo.cookie, None).await;
        assert_eq!((&welcome["items"][0]["mine"], &welcome["items"][0]["reactions"]), (&json!(["👍"]), &json!({ "👍": 2 })));
        bo.say(json!({ "t": "more", "before": null, "limit": 5 })).await;
        assert_eq!(bo.until("page").await["items"][0]["mine"], json!(["👍"]));
        let (_, stranger) = Socket::enter(&test, "hall").await;
        assert_eq!(stranger["items"][0]["mine"], Value::Null);
        test.stop().await;
    }
}

#[tokio::test]
async fn rooms_may_share_a_thread_or_have_none() {
    let test = TestApp::start_with(On::Sqlite, &[]).await;
    room(&test, "hall", json!({})).await;
    room(&test, "cellar", json!({})).await;
    let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
    anna.post("Upstairs").await.unwrap();
    let (down, welcome) = Socket::enter(&test, "cellar").await;
    assert_eq!(items(&welcome), Vec::<&str>::new());
    let changed = test.admin.patch("/rooms/cellar/rules", json!({ "shares": "hall" })).await.expect(200);
    assert_eq!(changed["shares"], "hall");
    assert_eq!(down.end().await, Some(1012));
    let (mut down, welcome) = Socket::enter_with(&test, "cellar", &[], json!({ "since": 0 })).await;
    assert_eq!(texts(&down.all().await), ["Upstairs"]);
    assert_eq!(welcome["state"]["title"], "Große Halle");
    anna.post("Both").await.unwrap();
    down.find("it", |message| message["text"] == "Both").await;
    let mut down = down.named("Bo").await;
    down.post("From below").await.unwrap();
    anna.find("it", |message| message["text"] == "From below").await;
    // Who is where is another matter.
    let viewers = test.admin.get("/rooms/cellar/viewers").await.expect(200);
    assert_eq!(viewers["viewers"], 1);
    test.admin.patch("/rooms/hall/rules", json!({ "shares": "cellar" })).await.problem(422, "shares_already");
    test.admin.patch("/rooms/cellar/rules", json!({ "shares": "nowhere" })).await.problem(422, "no_such_room");

    test.admin.patch("/rooms/cellar/rules", json!({ "shares": null })).await.expect(200);
    test.admin.patch("/rooms/cellar/rules", json!({ "mode": "off" })).await.expect(200);
    let (mut off, welcome) = Socket::enter(&test, "cellar").await;
    assert_eq!((&welcome["rules"]["mode"], items(&welcome).len()), (&json!("off"), 0));
    assert_eq!(off.post_with(json!({ "text": "Hello", "name": "Bo" })).await, Err("closed".to_owned()));
}

#[tokio::test]
async fn hundreds_who_write_at_once_are_all_kept_in_one_order() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_TRUSTED_PROXIES", "127.0.0.1")]).await;
    room(&test, "hall", json!({})).await;
    let (mut reader, _) = Socket::enter(&test, "hall").await;
    let write = async |number: usize| {
        let from = format!("203.0.113.{}", number % 250);
        let (mut socket, _) = Socket::enter_with(&test, "hall", &[("x-forwarded-for", &from)], json!({})).await;
        for _ in 0..3 {
            socket.post_with(json!({ "text": format!("by {number}"), "name": "N" })).await.unwrap();
        }
        socket.all().await
    };
    let heard = futures_util::future::join_all((0..60).map(write)).await;
    let mut all = Vec::new();
    while all.len() < 180 {
        let message = reader.next().await.unwrap();
        if message["t"] == "comment" {
            all.push(message);
        }
    }
    let seqs: Vec<i64> = all.iter().map(|message| message["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=180).collect::<Vec<_>>());
    // Everybody hears them in this order, from where they came in.
    for heard in heard {
        let seqs: Vec<i64> =
            heard.iter().filter(|message| message["t"] == "comment").map(|message| message["seq"].as_i64().unwrap()).collect();
        assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seqs:?}");
    }
}
