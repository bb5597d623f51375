//! The bus of the database: between processes on Postgres, within one on `SQLite`.

use bluecast::store::bus::{Heard, PAYLOAD_BYTES, notify};
use bluecast::store::{Purpose, Store, args};
use std::time::Duration;

use crate::support::app::{BOTH, On, settings};

async fn heard(listener: &mut bluecast::store::bus::Listener) -> Heard {
    tokio::time::timeout(Duration::from_secs(30), listener.next()).await.expect("something is heard")
}

fn word(channel: &'static str, payload: &str) -> Heard {
    Heard::Word { channel, payload: payload.to_owned() }
}

#[tokio::test]
async fn what_is_committed_is_heard_in_order_and_what_is_not_is_not() {
    for on in BOTH {
        let data = tempfile::tempdir().unwrap();
        let settings = settings(on, &data, &[]).await;
        let here = Store::open(&settings, Purpose::Serve).await.unwrap();
        // Another process, where the database can have one.
        let there = if on == On::Postgres { Store::open(&settings, Purpose::Serve).await.unwrap() } else { here.clone() };
        let mut listener = there.listen(&["one", "two"]);
        assert_eq!(heard(&mut listener).await, Heard::Missed, "{on:?}");

        let mut dropped = here.begin().await.unwrap();
        notify(&mut dropped, "one", "never").await.unwrap();
        drop(dropped);
        let mut tx = here.begin().await.unwrap();
        notify(&mut tx, "one", "1").await.unwrap();
        notify(&mut tx, "three", "for others").await.unwrap();
        notify(&mut tx, "two", "Grüße 😀").await.unwrap();
        tx.run("INSERT INTO meta (name, value) VALUES ('a', 'b')", args![]).await.unwrap();
        tx.commit().await.unwrap();
        here.notify("one", "").await.unwrap();
        assert_eq!(heard(&mut listener).await, word("one", "1"), "{on:?}");
        assert_eq!(heard(&mut listener).await, word("two", "Grüße 😀"), "{on:?}");
        assert_eq!(heard(&mut listener).await, word("one", ""), "{on:?}");
    }
}

#[tokio::test]
async fn what_is_too_long_or_too_much_is_said_to_be_missing() {
    for on in BOTH {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(&settings(on, &data, &[]).await, Purpose::Serve).await.unwrap();
        let mut listener = store.listen(&["one"]);
        assert_eq!(heard(&mut listener).await, Heard::Missed);
        store.notify("one", &"x".repeat(PAYLOAD_BYTES)).await.unwrap();
        store.notify("one", &"x".repeat(PAYLOAD_BYTES + 1)).await.unwrap();
        store.notify("one", "after").await.unwrap();
        assert_eq!(heard(&mut listener).await, word("one", &"x".repeat(PAYLOAD_BYTES)), "{on:?}");
        assert_eq!(heard(&mut listener).await, Heard::Missed, "{on:?}");
        assert_eq!(heard(&mut listener).await, word("one", "after"), "{on:?}");
    }
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(&settings(On::Sqlite, &data, &[]).await, Purpose::Serve).await.unwrap();
    let mut listener = store.listen(&["one"]);
    for number in 0..2000 {
        store.notify("one", &number.to_string()).await.unwrap();
    }
    assert_eq!(heard(&mut listener).await, Heard::Missed);
    assert_eq!(heard(&mut listener).await, Heard::Missed);
    assert_eq!(heard(&mut listener).await, word("one", "976"));
}

#[tokio::test]
async fn a_cut_connection_is_made_again_and_said() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(&settings(On::Postgres, &data, &[]).await, Purpose::Serve).await.unwrap();
    let mut listener = store.listen(&["one"]);
    assert_eq!(heard(&mut listener).await, Heard::Missed);
    let cut = "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database() \
               AND pg_terminate_backend(pid)";
    assert_eq!(store.one::<(i64,)>(cut, args![]).await.unwrap().0, 1);
    assert_eq!(heard(&mut listener).await, Heard::Missed);
    store.notify("one", "again").await.unwrap();
    assert_eq!(heard(&mut listener).await, word("one", "again"));
    drop(listener);
    store.close().await;
}
