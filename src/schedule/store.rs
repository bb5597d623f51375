//! Schedules in the database.

use super::plan::Plan;
use crate::account::{Kind, Sight, scope};
use crate::store::{Store, StoreError, Transaction, args};

/// A schedule as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Schedule {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) preset_id: String,
    /// [`Plan`] as JSON.
    pub(super) plan: String,
    pub(super) enabled: i64,
    pub(super) created_by: String,
    pub(super) created_ms: i64,
    pub(super) changed_ms: i64,
}

impl Schedule {
    pub(super) fn plan(&self) -> Plan {
        serde_json::from_str(&self.plan).unwrap_or_default()
    }
}

const COLUMNS: &str = "id, name, preset_id, plan, enabled, created_by, created_ms, changed_ms";
/// Schedules that are looked at.
const MOST: i64 = 1000;

pub(super) async fn find(store: &Store, id: &str) -> Result<Option<Schedule>, StoreError> {
    store.optional(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM schedules WHERE id = $1")), args![id]).await
}

/// A page of schedules, oldest first.
pub(super) async fn page(store: &Store, sight: &Sight, after: &str, rows: u32) -> Result<Vec<Schedule>, StoreError> {
    let seen = scope::condition(Kind::Schedule, "schedules.id", 3);
    let sql = format!("SELECT {COLUMNS} FROM schedules WHERE id > $1 AND {seen} ORDER BY id LIMIT $2");
    store.all(sqlx::AssertSqlSafe(sql), sight.after(args![after, rows])).await
}

/// All that are switched on.
pub(super) async fn enabled(store: &Store) -> Result<Vec<Schedule>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM schedules WHERE enabled = 1 ORDER BY id LIMIT $1");
    store.all(sqlx::AssertSqlSafe(sql), args![MOST]).await
}

/// Writes a schedule as it now is, new or not.
pub(super) async fn put(tx: &mut Transaction, schedule: &Schedule) -> Result<(), StoreError> {
    let sql = "INSERT INTO schedules (id, name, preset_id, plan, enabled, created_by, created_ms, changed_ms) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
               preset_id = excluded.preset_id, plan = excluded.plan, enabled = excluded.enabled, changed_ms = excluded.changed_ms";
    let args = args![
        &schedule.id,
        &schedule.name,
        &schedule.preset_id,
        &schedule.plan,
        schedule.enabled,
        &schedule.created_by,
        schedule.created_ms,
        schedule.changed_ms
    ];
    tx.run(sql, args).await.map(drop)
}

/// The broadcast that a cause started.
pub(super) async fn broadcast_of(store: &Store, cause: &str) -> Result<Option<String>, StoreError> {
    Ok(store.optional::<(String,)>("SELECT id FROM broadcasts WHERE cause = $1", args![cause]).await?.map(|(id,)| id))
}
