//! Presets in the database.

use std::collections::HashMap;

use super::model::{Preset, PresetTarget};
use crate::account::{Kind, Sight, scope};
use crate::store::{Store, StoreError, Transaction, args};

const COLUMNS: &str = "id, name, request, server_id, meeting_id, room_key, auto_start, CAST(CASE WHEN slate IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_slate, \
     created_by, created_by_id, created_ms, changed_ms";
const TARGET_COLUMNS: &str = "id, preset_id, origin_id, stream_name, label, protocol, request_sealed";

/// The preset with this id.
pub(crate) async fn find(store: &Store, id: &str) -> Result<Option<Preset>, StoreError> {
    store.optional(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM presets WHERE id = $1")), args![id]).await
}

/// A page of presets, oldest first.
pub(super) async fn page(store: &Store, sight: &Sight, after: &str, rows: u32) -> Result<Vec<Preset>, StoreError> {
    let seen = scope::condition(Kind::Preset, "presets.id", 3);
    let sql = format!("SELECT {COLUMNS} FROM presets WHERE id > $1 AND {seen} ORDER BY id LIMIT $2");
    store.all(sqlx::AssertSqlSafe(sql), sight.after(args![after, rows])).await
}

/// The targets of a preset, in their order.
pub(super) async fn targets(store: &Store, preset_id: &str) -> Result<Vec<PresetTarget>, StoreError> {
    let sql = format!("SELECT {TARGET_COLUMNS} FROM preset_targets WHERE preset_id = $1 ORDER BY id");
    store.all(sqlx::AssertSqlSafe(sql), args![preset_id]).await
}

/// The targets of all presets from one id to another.
pub(super) async fn targets_between(store: &Store, first: &str, last: &str) -> Result<HashMap<String, Vec<PresetTarget>>, StoreError> {
    let sql = format!("SELECT {TARGET_COLUMNS} FROM preset_targets WHERE preset_id >= $1 AND preset_id <= $2 ORDER BY id");
    let mut targets: HashMap<String, Vec<PresetTarget>> = HashMap::new();
    for target in store.all::<PresetTarget>(sqlx::AssertSqlSafe(sql), args![first, last]).await? {
        targets.entry(target.preset_id.clone()).or_default().push(target);
    }
    Ok(targets)
}

/// The open broadcast of each preset that has one.
pub(super) async fn on_air(store: &Store) -> Result<HashMap<String, String>, StoreError> {
    let sql = "SELECT preset_id, id FROM broadcasts WHERE preset_id IS NOT NULL AND ended_ms IS NULL ORDER BY id";
    Ok(store.all::<(String, String)>(sql, args![]).await?.into_iter().collect())
}

/// Writes a preset as it now is, new or not, but for its slate.
pub(super) async fn put(tx: &mut Transaction, preset: &Preset) -> Result<(), StoreError> {
    let sql = "INSERT INTO presets (id, name, request, server_id, meeting_id, room_key, auto_start, slate, created_by, created_by_id, created_ms, \
               changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
               request = excluded.request, server_id = excluded.server_id, meeting_id = excluded.meeting_id, room_key = excluded.room_key, \
               auto_start = excluded.auto_start, changed_ms = excluded.changed_ms";
    let args = args![
        &preset.id,
        &preset.name,
        &preset.request,
        preset.server_id.clone(),
        preset.meeting_id.clone(),
        preset.room_key.clone(),
        preset.auto_start,
        &preset.created_by,
        preset.created_by_id.clone(),
        preset.created_ms,
        preset.changed_ms
    ];
    tx.run(sql, args).await.map(drop)
}

/// Adds a target to a preset.
pub(super) async fn add_target(tx: &mut Transaction, target: &PresetTarget) -> Result<(), StoreError> {
    let sql = "INSERT INTO preset_targets (id, preset_id, origin_id, stream_name, label, protocol, request_sealed) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let args = args![
        &target.id,
        &target.preset_id,
        target.origin_id.clone(),
        target.stream_name.clone(),
        &target.label,
        &target.protocol,
        &target.request_sealed
    ];
    tx.run(sql, args).await.map(drop)
}

/// Takes a target off a preset.
pub(super) async fn drop_target(tx: &mut Transaction, id: &str) -> Result<(), StoreError> {
    tx.run("DELETE FROM preset_targets WHERE id = $1", args![id]).await.map(drop)
}

/// Keeps the image of the slate, base64, or that there is none.
pub(super) async fn keep_slate(tx: &mut Transaction, id: &str, slate: Option<String>, now_ms: i64) -> Result<(), StoreError> {
    tx.run("UPDATE presets SET slate = $1, changed_ms = $2 WHERE id = $3", args![slate, now_ms, id]).await.map(drop)
}

/// The image of the slate, base64.
pub(super) async fn slate(store: &Store, id: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(Option<String>,)> = store.optional("SELECT slate FROM presets WHERE id = $1", args![id]).await?;
    Ok(found.and_then(|(slate,)| slate))
}

/// Names of the schedules that start a preset.
pub(super) async fn schedules_of(tx: &mut Transaction, id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT name FROM schedules WHERE preset_id = $1 ORDER BY lower(name)";
    Ok(tx.all::<(String,)>(sql, args![id]).await?.into_iter().map(|(name,)| name).collect())
}

/// A preset that starts whenever its meeting runs.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Auto {
    /// The preset.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// The server.
    pub(crate) server_id: String,
    /// The meeting.
    pub(crate) meeting_id: String,
}

/// All presets that start whenever their meetings run.
pub(crate) async fn auto(store: &Store) -> Result<Vec<Auto>, StoreError> {
    let sql = "SELECT id, name, server_id, meeting_id FROM presets \
               WHERE auto_start = 1 AND server_id IS NOT NULL AND meeting_id IS NOT NULL ORDER BY id LIMIT 1000";
    store.all(sql, args![]).await
}
