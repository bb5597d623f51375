//! Tables for spreadsheets.

use reqwest::Method;
use serde_json::json;

use super::{moderator, room};
use crate::support::app::{BOTH, Client, TestApp};
use crate::support::socket::Socket;
use crate::support::wait::until;

async fn csv(client: &Client, path: &str) -> String {
    let answer = client.request(Method::GET, &format!("/api/v1/rooms/{path}")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "text/csv; charset=utf-8"));
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"hall-"));
    // Bytes: to read them as text takes the mark at the beginning off.
    String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn what_was_said_is_a_table_that_no_spreadsheet_runs() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({ "links": "allow" })).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("@Anna").await;
        for text in ["=HYPERLINK(\"https://x\")", "-2+3", "two\nlines, \"quoted\"", "नमस्ते 😀"] {
            anna.post(text).await.unwrap();
        }
        anna.say(json!({ "t": "name", "name": "@Anna", "phone": "+919876543210" })).await;
        anna.until("you").await;
        until("her session to be written down", async || {
            let (count,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM viewer_sessions", bluecast::args![]).await.unwrap();
            (count > 0).then_some(())
        })
        .await;
        let began = bluecast::moment::now_ms() - 90_000;
        test.app.store.run("UPDATE viewer_sessions SET began_ms = $1", bluecast::args![began]).await.unwrap();
        let exporter = test.user("exporter", &["room.export"]).await;
        let table = csv(&exporter, "hall/comments.csv").await;
        let begin =
            "\u{feff}\"at\",\"name\",\"text\",\"state\",\"host\",\"reply_to\",\"pinned\",\"viewer\",\"phone\",\"watched_s\",\"id\"\r\n";
        assert!(table.starts_with(begin), "{table}");
        for cell in [
            "\"'@Anna\"",
            "\"'=HYPERLINK(\"\"https://x\"\")\"",
            "\"'-2+3\"",
            "\"two\nlines, \"\"quoted\"\"\"",
            "\"नमस्ते 😀\"",
            "\"'+919876543210\"",
            "\"shown\"",
        ] {
            assert!(table.contains(cell), "{cell} in {table}");
        }
        let watched = table.lines().find(|line| line.contains("HYPERLINK")).unwrap().split(',').rev().nth(1).unwrap().trim_matches('"');
        assert!(watched.parse::<u64>().unwrap() >= 90, "{table}");
        assert!(!table.contains("127.0.0.1"));
        let sessions = csv(&exporter, "hall/sessions.csv").await;
        assert!(sessions.contains("\"'@Anna\"") && !sessions.contains("127.0.0.1"), "{sessions}");
        let seer = test.user("seer", &["room.export", "room.address"]).await;
        assert!(csv(&seer, "hall/sessions.csv").await.contains("\"127.0.0.1\""));
        assert!(csv(&seer, "hall/comments.csv").await.contains("\"127.0.0.1\""));
        test.stop().await;
    }
}

#[tokio::test]
async fn a_long_table_is_whole() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({})).await;
    let (mut host, _) = moderator(&test, "hall").await;
    host.post("first").await.unwrap();
    let mut tx = test.app.store.begin().await.unwrap();
    for number in 0..1500 {
        let sql = "INSERT INTO comments (id, thread_id, room_id, seq, changed_seq, shown_seq, state, viewer_id, handle, ref, name, text, at_ms, \
                   pinned, host, reactions) SELECT $1, thread_id, room_id, $2, $2, $2, 'shown', viewer_id, handle, $1, name, $1, at_ms, 0, 0, '{}' \
                   FROM comments WHERE text = 'first'";
        tx.run(sql, bluecast::args![format!("g{number:05}"), 10 + number]).await.unwrap();
    }
    tx.commit().await.unwrap();
    let table = csv(&test.admin, "hall/comments.csv").await;
    let texts: Vec<&str> = table.lines().skip(2).map(|line| line.split(',').nth(2).unwrap().trim_matches('"')).collect();
    assert_eq!(texts, (0..1500).map(|number| format!("g{number:05}")).collect::<Vec<_>>());
}
