//! Bans in the database.

use crate::moment::now_ms;
use crate::store::{Store, StoreError, Transaction, args};

use super::bans::{Banned, Bans, Whom};

/// Bans of a thread that are looked through; the newest count.
const BANS: i64 = 5000;

/// A ban as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct KeptBan {
    pub(super) id: String,
    pub(super) viewer_id: Option<String>,
    pub(super) handle: Option<String>,
    pub(super) name: String,
    pub(super) address_range: Option<String>,
    pub(super) quiet: i64,
    pub(super) until_ms: Option<i64>,
    pub(super) reason: String,
    pub(super) by_user: String,
    pub(super) created_ms: i64,
}

/// The bans that hold in a thread.
pub(super) async fn active(store: &Store, thread_id: &str) -> Result<Bans, StoreError> {
    let bans = list(store, thread_id, None, BANS).await?;
    Ok(Bans::new(bans.into_iter().filter_map(banned).collect()))
}

fn banned(kept: KeptBan) -> Option<Banned> {
    let whom = match (&kept.viewer_id, &kept.address_range) {
        (Some(viewer_id), _) => Whom::Viewer(viewer_id.parse().ok()?),
        (None, Some(range)) => Whom::Range(range.parse().ok()?),
        (None, None) => return None,
    };
    Some(Banned { id: kept.id, whom, until_ms: kept.until_ms, quiet: kept.quiet == 1, reason: kept.reason })
}

/// The bans that hold, the newest first.
pub(super) async fn list(store: &Store, thread_id: &str, before: Option<&str>, limit: i64) -> Result<Vec<KeptBan>, StoreError> {
    let sql = "SELECT id, viewer_id, handle, name, address_range, quiet, until_ms, reason, by_user, created_ms FROM room_bans \
               WHERE thread_id = $1 AND id < $2 AND (until_ms IS NULL OR until_ms > $3) ORDER BY id DESC LIMIT $4";
    // Beyond every id: they are hexadecimal.
    store.all(sql, args![thread_id, before.unwrap_or("g"), now_ms(), limit]).await
}

pub(super) async fn insert(tx: &mut Transaction, thread_id: &str, ban: &KeptBan) -> Result<(), StoreError> {
    let sql = "INSERT INTO room_bans (id, thread_id, viewer_id, handle, name, address_range, quiet, until_ms, reason, by_user, created_ms) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let args = args![
        &ban.id,
        thread_id,
        ban.viewer_id.clone(),
        ban.handle.clone(),
        &ban.name,
        ban.address_range.clone(),
        ban.quiet,
        ban.until_ms,
        &ban.reason,
        &ban.by_user,
        ban.created_ms
    ];
    tx.run(sql, args).await.map(drop)
}

pub(super) async fn remove(tx: &mut Transaction, thread_id: &str, id: &str) -> Result<bool, StoreError> {
    Ok(tx.run("DELETE FROM room_bans WHERE thread_id = $1 AND id = $2", args![thread_id, id]).await? == 1)
}
