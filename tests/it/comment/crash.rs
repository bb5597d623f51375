//! A process that ends, in order or not: nothing that was acknowledged is lost, nobody has anything twice, and everybody's time in the room ends.

use bluecast::config::Settings;
use bluecast::store::{Purpose, Store};
use serde_json::json;

use crate::support::process::{Folders, Process};
use crate::support::socket::Socket;
use crate::support::wait::until;

/// Beginning, last word and end of every session that is written down, by id.
async fn sessions(folders: &Folders) -> Vec<(String, i64, i64, Option<i64>)> {
    let settings =
        Settings::from_map(&[("BLUECAST_DATA_DIR".to_owned(), folders.data.path().to_str().unwrap().to_owned())].into()).unwrap();
    let store = Store::open(&settings, Purpose::Serve).await.unwrap();
    let sql = "SELECT id, began_ms, seen_ms, ended_ms FROM viewer_sessions ORDER BY id";
    let sessions = store.all(sql, bluecast::args![]).await.unwrap();
    store.close().await;
    sessions
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let folders = Folders::new();
    let process = Process::start(&folders).await;
    process.admin.post("/rooms", json!({ "key": "hall", "title": "Hall" })).await.expect(201);
    let mut reader = Socket::open(process.admin.address(), "hall", &[]).await.unwrap();
    reader.hello(json!({})).await;
    let mut writers = Vec::new();
    for number in 0..8 {
        let mut socket = Socket::open(process.admin.address(), "hall", &[]).await.unwrap();
        socket.hello(json!({})).await;
        writers.push((number, socket));
    }
    // Each writes until the process is gone from under it, and remembers what it was told is written.
    let write = async |number: usize, mut socket: Socket| {
        let mut written = Vec::new();
        for count in 0.. {
            let (reference, text) = (format!("{number}-{count}"), format!("comment {number}-{count}"));
            socket.say(json!({ "t": "post", "ref": reference, "text": text, "name": "N" })).await;
            loop {
                match socket.next().await {
                    Ok(message) if message["t"] == "ack" && message["ref"] == reference => {
                        written.push(text);
                        break;
                    }
                    Ok(message) if message["t"] == "error" && message["ref"] == reference => break,
                    Ok(_) => {}
                    Err(_) => return (written, socket.cookie.clone(), reference, text),
                }
            }
        }
        unreachable!()
    };
    // All nine are written down as being there.
    until("sessions of all", async || {
        let present = process.admin.get("/rooms/hall/viewers").await.expect(200);
        (present["items"].as_array().unwrap().len() == 9).then_some(())
    })
    .await;
    let writing = futures_util::future::join_all(writers.into_iter().map(|(number, socket)| write(number, socket)));
    let (written, heard) = tokio::join!(writing, async {
        let mut heard = Vec::new();
        while heard.len() < 30 {
            let message = reader.next().await.unwrap();
            if message["t"] == "comment" {
                heard.push(message["text"].as_str().unwrap().to_owned());
            }
        }
        process.kill();
        while let Ok(message) = reader.next().await {
            if message["t"] == "comment" {
                heard.push(message["text"].as_str().unwrap().to_owned());
            }
        }
        heard
    });

    let left = sessions(&folders).await;
    assert!(left.len() == 9 && left.iter().all(|(.., ended_ms)| ended_ms.is_none()), "{left:?}");
    let process = Process::start(&folders).await;
    let back = format!("reader back from {}", reader.seq);
    let mut again = Socket::open(process.admin.address(), "hall", &[]).await.unwrap();
    again.hello(json!({ "since": reader.seq })).await;
    // What was not acknowledged is sent again, under the same name.
    for (_, cookie, reference, text) in &written {
        let mut socket = Socket::open(process.admin.address(), "hall", &[("cookie", cookie)]).await.unwrap();
        socket.hello(json!({})).await;
        socket.post_with(json!({ "text": text, "ref": reference, "name": "N" })).await.unwrap();
    }
    // A pong may overtake a comment; nothing overtakes a later comment.
    let end = again.post_with(json!({ "text": "the end", "name": "N" })).await.unwrap().0;
    let mut missed = Vec::new();
    while missed.last().is_none_or(|last: &serde_json::Value| last["id"] != end.as_str()) {
        missed.push(again.next().await.unwrap());
    }
    let comments = missed.iter().filter(|message| message["t"] == "comment");
    let mut all = heard;
    all.extend(comments.map(|message| message["text"].as_str().unwrap().to_owned()));
    let (count, mut distinct) = (all.len(), all.clone());
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), count, "{back}: something came twice");
    for text in written.iter().flat_map(|(written, _, _, last)| written.iter().chain([last])) {
        assert!(all.contains(text), "{back}: {text} is lost");
    }
    let seqs: Vec<i64> = missed.iter().filter_map(|message| message["seq"].as_i64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    assert!(process.terminate().await.success());
    // What the crash left open ended at its last word, and those who came back began anew.
    let now = sessions(&folders).await;
    assert!(now.len() > left.len(), "{now:?}");
    for (id, began_ms, seen_ms, _) in &left {
        let session = now.iter().find(|(other, ..)| other == id).unwrap();
        assert_eq!(session, &(id.clone(), *began_ms, *seen_ms, Some(*seen_ms)), "{now:?}");
    }
    assert!(now.iter().all(|(.., ended_ms)| ended_ms.is_some()), "the orderly end closed the others: {now:?}");
}

#[tokio::test]
async fn a_restart_says_so_and_takes_everybody_up_where_they_were() {
    let folders = Folders::new();
    let process = Process::start(&folders).await;
    process.admin.post("/rooms", json!({ "key": "hall", "title": "Hall" })).await.expect(201);
    let enter = async |process: &Process, cookie: &str, since: i64| {
        let mut socket = Socket::open(process.admin.address(), "hall", &[("cookie", cookie)]).await.unwrap();
        let hello = if since == 0 { json!({}) } else { json!({ "since": since }) };
        let welcome = socket.hello(hello).await;
        (socket, welcome)
    };
    let (mut anna, _) = enter(&process, "", 0).await;
    let (bo, _) = enter(&process, "", 0).await;
    anna.post_with(json!({ "text": "Before", "ref": "1", "name": "Anna" })).await.unwrap();
    let heard = anna.find("it", |message| message["text"] == "Before").await;
    let (anna_cookie, bo_cookie, seq) = (anna.cookie.clone(), bo.cookie.clone(), heard["seq"].as_i64().unwrap());
    let (status, anna_end, bo_end) = tokio::join!(process.terminate(), anna.end(), bo.end());
    assert!(status.success());
    assert_eq!((anna_end, bo_end), (Some(1012), Some(1012)), "pages wait a moment that is not everybody's, and come back");

    let process = Process::start(&folders).await;
    // Who was told everything is told nothing; who was not, is.
    let (mut anna, welcome) = enter(&process, &anna_cookie, seq).await;
    assert_eq!((&welcome["you"]["name"], &welcome["items"]), (&json!("Anna"), &json!(null)));
    assert!(anna.all().await.iter().all(|message| message["t"] != "comment"));
    let (mut bo, _) = enter(&process, &bo_cookie, 0).await;
    anna.post_with(json!({ "text": "After", "ref": "2" })).await.unwrap();
    let after = bo.find("what is new", |message| message["text"] == "After").await;
    assert_eq!(after["seq"], seq + 1, "numbers go on");
    assert!(process.terminate().await.success());
}
