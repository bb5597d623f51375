//! Who was in a room and when, in the database.

use std::fmt::Write;

use sqlx::AssertSqlSafe;

use super::presence::{Session, Tally};
use crate::store::{Store, StoreError, Transaction, args};

/// A session whose process has said nothing for so long is over: its process is gone.
const SILENT_MS: i64 = 120_000;
/// Rows of one INSERT.
const INSERTS: usize = 16;
const COLUMNS: usize = 9;

/// Keeps new sessions; some may be over already.
pub(super) async fn begin(tx: &mut Transaction, run_id: &str, sessions: &[(String, Session)], now_ms: i64) -> Result<(), StoreError> {
    let (full, rest) = sessions.as_chunks::<INSERTS>();
    for some in full {
        insert(tx, run_id, some, now_ms).await?;
    }
    for one in rest {
        insert(tx, run_id, std::slice::from_ref(one), now_ms).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Transaction, run_id: &str, sessions: &[(String, Session)], now_ms: i64) -> Result<(), StoreError> {
    let mut sql =
        "INSERT INTO viewer_sessions (id, room_id, viewer_id, handle, run_id, began_ms, seen_ms, ended_ms, address) VALUES ".to_owned();
    let mut args = Vec::with_capacity(sessions.len() * COLUMNS);
    for (index, (room_id, session)) in sessions.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}({})", super::store::placeholders(index * COLUMNS + 1, COLUMNS));
        args.extend(args![
            &session.id,
            room_id,
            session.viewer_id.to_string(),
            &session.handle,
            run_id,
            session.began_ms,
            session.ended_ms.unwrap_or(now_ms).max(session.began_ms),
            session.ended_ms,
            session.address.to_string(),
        ]);
    }
    // What was committed just before the end of the process may come again.
    sql.push_str(" ON CONFLICT (id) DO NOTHING");
    tx.run(AssertSqlSafe(sql), args).await.map(drop)
}

/// Ends a session.
pub(super) async fn end(tx: &mut Transaction, session: &Session) -> Result<(), StoreError> {
    let ended_ms = session.ended_ms.unwrap_or(session.began_ms);
    tx.run("UPDATE viewer_sessions SET ended_ms = $2, seen_ms = $2 WHERE id = $1", args![&session.id, ended_ms]).await.map(drop)
}

/// All that this process has open are still there.
pub(super) async fn beat(store: &Store, run_id: &str, now_ms: i64) -> Result<u64, StoreError> {
    store.run("UPDATE viewer_sessions SET seen_ms = $2 WHERE run_id = $1 AND ended_ms IS NULL", args![run_id, now_ms]).await
}

/// Ends what a process left open that is gone: at its last word. Where there is one process only, what is open when it begins was left open.
pub(super) async fn end_left(store: &Store, others_may_run: bool, now_ms: i64) -> Result<u64, StoreError> {
    let silent_since_ms = if others_may_run { now_ms - SILENT_MS } else { i64::MAX };
    store.run("UPDATE viewer_sessions SET ended_ms = seen_ms WHERE ended_ms IS NULL AND seen_ms < $1", args![silent_since_ms]).await
}

/// Keeps what was counted in a room since the last time.
pub(super) async fn count(
    tx: &mut Transaction,
    room_id: &str,
    run_id: &str,
    viewers: u64,
    tally: Tally,
    now_ms: i64,
) -> Result<(), StoreError> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let sql = "INSERT INTO room_presence (room_id, at_ms, run_id, viewers, peak, joined, parted) VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (room_id, at_ms, run_id) DO NOTHING";
    let args = args![room_id, now_ms, run_id, number(viewers), number(tally.peak), number(tally.joined), number(tally.parted)];
    tx.run(sql, args).await.map(drop)
}
