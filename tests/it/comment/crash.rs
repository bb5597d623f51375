//! A process that dies: nothing that was acknowledged is lost, and nobody has anything twice.

use serde_json::json;

use crate::support::process::{Folders, Process};
use crate::support::socket::Socket;

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
    let missed = again.all().await;
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
    // A session that the crash left open ended at its last word.
    let present = process.admin.get("/rooms/hall/viewers").await.expect(200);
    assert!(present["viewers"].as_u64() <= Some(9), "{present}");
    assert!(process.terminate().await.success());
}
