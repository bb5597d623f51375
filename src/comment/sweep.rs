//! Forgets what was kept for long enough.

use std::time::Duration;

use crate::app::App;
use crate::moment::now_ms;
use crate::store::{Store, StoreError, args};

/// How often it is looked for what is too old.
const EVERY: Duration = Duration::from_hours(6);
/// Rows of one statement, so that others get to write in between.
const TOGETHER: i64 = 1000;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// What was deleted is remembered for so long, so that those who come back are told.
const GONE_MS: i64 = DAY_MS;

/// How long things are kept, in days; 0 for ever.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// What was written.
    pub comments_days: i64,
    /// Who was there, and how many.
    pub sessions_days: i64,
    /// The addresses of viewers, with either.
    pub addresses_days: i64,
}

/// Forgets, night by night and day by day.
pub(super) async fn nightly(app: App) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match sweep(&app.store, app.settings.retention, now_ms()).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "what was kept of viewers for long enough is forgotten"),
            Err(error) => tracing::warn!(%error, "what was kept of viewers for long enough could not be forgotten"),
        }
    }
}

/// Forgets what is too old at `now_ms`; tells how many rows that touched.
pub async fn sweep(store: &Store, retention: Retention, now_ms: i64) -> Result<u64, StoreError> {
    let before = |days: i64| if days == 0 { i64::MIN } else { now_ms - days * DAY_MS };
    let mut rows = 0;
    // Nobody can take up from before what is cleared away.
    let floor = "UPDATE threads SET floor_seq = COALESCE((SELECT MAX(c.changed_seq) FROM comments c WHERE c.thread_id = threads.room_id AND \
                 (c.at_ms < $1 OR (c.state = 'gone' AND c.at_ms < $2))), floor_seq) WHERE floor_seq < COALESCE((SELECT MAX(c.changed_seq) \
                 FROM comments c WHERE c.thread_id = threads.room_id AND (c.at_ms < $1 OR (c.state = 'gone' AND c.at_ms < $2))), floor_seq)";
    let (old, gone) = (before(retention.comments_days), now_ms - GONE_MS);
    store.run(floor, args![old, gone]).await?;
    let statements: [(&'static str, i64); 4] = [
        ("DELETE FROM comments WHERE id IN (SELECT id FROM comments WHERE at_ms < $1 LIMIT $2)", old),
        ("DELETE FROM comments WHERE id IN (SELECT id FROM comments WHERE state = 'gone' AND at_ms < $1 LIMIT $2)", gone),
        (
            "UPDATE comments SET address = NULL WHERE id IN (SELECT id FROM comments WHERE address IS NOT NULL AND at_ms < $1 LIMIT $2)",
            before(retention.addresses_days),
        ),
        (
            "UPDATE viewer_sessions SET address = NULL WHERE id IN \
             (SELECT id FROM viewer_sessions WHERE address IS NOT NULL AND seen_ms < $1 LIMIT $2)",
            before(retention.addresses_days),
        ),
    ];
    for (sql, before_ms) in statements {
        rows += repeat(store, sql, before_ms).await?;
    }
    let sessions = before(retention.sessions_days);
    let sql = "DELETE FROM viewer_sessions WHERE id IN (SELECT id FROM viewer_sessions WHERE seen_ms < $1 LIMIT $2)";
    rows += repeat(store, sql, sessions).await?;
    rows += store.run("DELETE FROM room_presence WHERE at_ms < $1", args![sessions]).await?;
    rows += store.run("DELETE FROM room_bans WHERE until_ms < $1", args![now_ms]).await?;
    // What those said of themselves of whom nothing else is kept any more.
    if sessions > i64::MIN {
        let sql = "DELETE FROM viewers WHERE changed_ms < $1 AND id NOT IN (SELECT viewer_id FROM registrations) \
                   AND id NOT IN (SELECT viewer_id FROM comments) AND id NOT IN (SELECT viewer_id FROM viewer_sessions)";
        rows += store.run(sql, args![sessions]).await?;
    }
    // Rooms that are no more; their sessions are written without asking for them.
    rows += store.run("DELETE FROM viewer_sessions WHERE room_id NOT IN (SELECT id FROM rooms)", args![]).await?;
    rows += store.run("DELETE FROM room_presence WHERE room_id NOT IN (SELECT id FROM rooms)", args![]).await?;
    Ok(rows)
}

async fn repeat(store: &Store, sql: &'static str, before_ms: i64) -> Result<u64, StoreError> {
    let mut rows = 0;
    loop {
        let touched = store.run(sql, args![before_ms, TOGETHER]).await?;
        rows += touched;
        if touched < TOGETHER.unsigned_abs() {
            return Ok(rows);
        }
    }
}
