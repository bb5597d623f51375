//! Broadcasts, their targets and events in the database.

use super::model::{Row, TargetRow};
use super::session::{Event, Standing};
use super::state::Phase;
use crate::moment::now_ms;
use crate::store::{Store, StoreError, Transaction, args};
use crate::webhook;
use serde_json::json;

pub(super) const COLUMNS: &str = "id, server_id, meeting_id, meeting_name, source, profile, overrides, room_key, bot_name, bot_role, layout, announce, \
     voice_filter, phase, step, paused, reason, node, started_by, started_ms, ended_ms, desired, epoch, rules, preset_id, cause";

/// What is kept of a new target.
pub(crate) struct NewTarget {
    pub(crate) id: String,
    pub(crate) origin_id: Option<String>,
    /// The application and the stream name on the origin.
    pub(crate) app: Option<String>,
    pub(crate) stream_name: Option<String>,
    pub(crate) label: String,
    pub(crate) protocol: String,
    pub(crate) address_sealed: String,
    pub(crate) fingerprint: String,
}

/// Events of ended broadcasts, and broadcasts themselves, are read this many at a time at most.
pub(super) const PAGE: i64 = 200;
/// How long events are kept.
const EVENTS_FOR_MS: i64 = 90 * 24 * 3600 * 1000;

pub(super) async fn insert(tx: &mut Transaction, row: &Row, again: bool) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO broadcasts (id, server_id, meeting_id, meeting_name, source, profile, overrides, room_key, bot_name, bot_role, layout, \
         announce, voice_filter, again, desired, phase, step, paused, reason, node, started_by, started_ms, ended_ms, rules, preset_id, cause) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, $15, NULL, $16, NULL, $17, $18, $19, NULL, $20, $21, $22)",
        args![
            &row.id,
            row.server_id.clone(),
            &row.meeting_id,
            &row.meeting_name,
            &row.source,
            &row.profile,
            &row.overrides,
            row.room_key.clone(),
            &row.bot_name,
            &row.bot_role,
            &row.layout,
            row.announce,
            row.voice_filter,
            again,
            &row.phase,
            row.paused,
            &row.node,
            &row.started_by,
            row.started_ms,
            &row.rules,
            row.preset_id.clone(),
            row.cause.clone()
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn insert_target(tx: &mut Transaction, broadcast_id: &str, target: &NewTarget) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO targets (id, broadcast_id, origin_id, app, stream_name, label, protocol, address_sealed, fingerprint, added_ms, \
         removed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL)",
        args![
            &target.id,
            broadcast_id,
            target.origin_id.clone(),
            target.app.clone(),
            target.stream_name.clone(),
            &target.label,
            &target.protocol,
            &target.address_sealed,
            &target.fingerprint,
            now_ms()
        ],
    )
    .await
    .map(drop)
}

/// The open broadcast that already uses a room, or carries a meeting on a server.
pub(super) async fn clash(tx: &mut Transaction, row: &Row, again: bool) -> Result<Option<(&'static str, String)>, StoreError> {
    if let Some(room) = &row.room_key {
        let sql = "SELECT id FROM broadcasts WHERE room_key = $1 AND ended_ms IS NULL";
        if let Some((id,)) = tx.optional::<(String,)>(sql, args![room]).await? {
            return Ok(Some(("room_busy", id)));
        }
    }
    if let (Some(server), false) = (&row.server_id, again) {
        let sql = "SELECT id FROM broadcasts WHERE server_id = $1 AND meeting_id = $2 AND ended_ms IS NULL";
        if let Some((id,)) = tx.optional::<(String,)>(sql, args![server, &row.meeting_id]).await? {
            return Ok(Some(("meeting_busy", id)));
        }
    }
    Ok(None)
}

/// The open broadcast that already feeds a target: by the same address, or the same name on the same origin by another protocol.
pub(super) async fn target_clash(tx: &mut Transaction, target: &NewTarget) -> Result<Option<String>, StoreError> {
    let sql = "SELECT broadcast_id FROM targets WHERE removed_ms IS NULL \
         AND (fingerprint = $1 OR (origin_id = $2 AND app = $3 AND stream_name = $4)) LIMIT 1";
    let args = args![&target.fingerprint, target.origin_id.clone(), target.app.clone(), target.stream_name.clone()];
    Ok(tx.optional::<(String,)>(sql, args).await?.map(|(id,)| id))
}

/// Keeps the WHIP session of a target, or that there is none; of a process that has lost the broadcast, nothing.
pub(super) async fn keep_whip_resource(store: &Store, target_id: &str, epoch: i64, sealed: Option<String>) -> Result<(), StoreError> {
    let sql = "UPDATE targets SET whip_resource_sealed = $1 WHERE id = $2 \
               AND EXISTS (SELECT 1 FROM broadcasts WHERE broadcasts.id = targets.broadcast_id AND broadcasts.epoch = $3)";
    store.run(sql, args![sealed, target_id, epoch]).await.map(drop)
}

const TARGET_COLUMNS: &str = "id, broadcast_id, label, protocol, address_sealed, whip_resource_sealed";

pub(super) async fn one(store: &Store, id: &str) -> Result<Option<Row>, StoreError> {
    store.optional(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM broadcasts WHERE id = $1")), args![id]).await
}

pub(super) async fn targets(store: &Store, broadcast_id: &str) -> Result<Vec<TargetRow>, StoreError> {
    let sql = format!("SELECT {TARGET_COLUMNS} FROM targets WHERE broadcast_id = $1 AND removed_ms IS NULL ORDER BY id");
    store.all(sqlx::AssertSqlSafe(sql), args![broadcast_id]).await
}

/// A target that a broadcast feeds.
pub(super) async fn target(store: &Store, broadcast_id: &str, id: &str) -> Result<Option<TargetRow>, StoreError> {
    let sql = format!("SELECT {TARGET_COLUMNS} FROM targets WHERE broadcast_id = $1 AND id = $2 AND removed_ms IS NULL");
    store.optional(sqlx::AssertSqlSafe(sql), args![broadcast_id, id]).await
}

/// A broadcast of this node, and one of its targets that is a stream at an origin.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Reaches {
    pub(super) broadcast_id: String,
    pub(super) room_key: Option<String>,
    pub(super) target_id: Option<String>,
    pub(super) origin_id: Option<String>,
    pub(super) app: Option<String>,
    pub(super) stream_name: Option<String>,
}

/// All broadcasts that this node has on the air, once for each stream at an origin, and once where there is none.
pub(super) async fn reaches(store: &Store, node: &str) -> Result<Vec<Reaches>, StoreError> {
    let sql = "SELECT b.id AS broadcast_id, b.room_key, t.id AS target_id, t.origin_id, t.app, t.stream_name FROM broadcasts b \
         LEFT JOIN targets t ON t.broadcast_id = b.id AND t.removed_ms IS NULL AND t.origin_id IS NOT NULL AND t.stream_name IS NOT NULL \
         WHERE b.ended_ms IS NULL AND b.node = $1 ORDER BY b.id, t.id";
    store.all(sql, args![node]).await
}

/// Which open targets of a broadcast are at origins.
pub(super) async fn targets_at_origins(store: &Store, broadcast_id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM targets WHERE broadcast_id = $1 AND removed_ms IS NULL AND origin_id IS NOT NULL ORDER BY id";
    Ok(store.all::<(String,)>(sql, args![broadcast_id]).await?.into_iter().map(|(id,)| id).collect())
}

/// What is sealed of a target.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct SealedTarget {
    pub(super) id: String,
    pub(super) origin_id: Option<String>,
    pub(super) address_sealed: String,
    pub(super) whip_resource_sealed: Option<String>,
}

/// All targets that a broadcast ever had.
pub(super) async fn sealed_targets(store: &Store, broadcast_id: &str) -> Result<Vec<SealedTarget>, StoreError> {
    let sql = "SELECT id, origin_id, address_sealed, whip_resource_sealed FROM targets WHERE broadcast_id = $1 ORDER BY id LIMIT 200";
    store.all(sql, args![broadcast_id]).await
}

/// Targets that a broadcast had when it ended.
pub(super) async fn last_targets(store: &Store, broadcast_id: &str) -> Result<Vec<TargetRow>, StoreError> {
    let sql = format!(
        "SELECT {TARGET_COLUMNS} FROM targets WHERE broadcast_id = $1 AND \
         (removed_ms IS NULL OR removed_ms >= (SELECT ended_ms FROM broadcasts WHERE id = $1)) ORDER BY id"
    );
    store.all(sqlx::AssertSqlSafe(sql), args![broadcast_id]).await
}

pub(super) async fn remove_target(store: &Store, broadcast_id: &str, id: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE targets SET removed_ms = $1 WHERE id = $2 AND broadcast_id = $3 AND removed_ms IS NULL";
    Ok(store.run(sql, args![now_ms(), id, broadcast_id]).await? > 0)
}

/// When a broadcast was first live, if it ever was.
pub(super) async fn first_live_ms(store: &Store, id: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT at_ms FROM broadcast_events WHERE broadcast_id = $1 AND code = 'live' ORDER BY id LIMIT 1";
    Ok(store.optional::<(i64,)>(sql, args![id]).await?.map(|(at_ms,)| at_ms))
}

/// Keeps where a broadcast stands, if it was not taken over since; at its end its targets are free again.
pub(super) async fn keep_standing(store: &Store, id: &str, epoch: i64, standing: &Standing) -> Result<(), StoreError> {
    use super::model::word;
    let over = standing.phase == Phase::Ended;
    let ended_ms = over.then(now_ms);
    let mut tx = store.begin().await?;
    let sql = "SELECT phase, meeting_name, room_key, node FROM broadcasts WHERE id = $1 AND epoch = $2 AND ended_ms IS NULL";
    let before: Option<(String, String, Option<String>, String)> = tx.optional(sql, args![id, epoch]).await?;
    if let Some((phase, meeting_name, room, node)) = before
        && phase != word(&standing.phase)
    {
        let told = json!({
            "broadcast_id": id, "phase": standing.phase, "before": phase, "paused": standing.paused, "reason": standing.reason,
            "meeting_name": meeting_name, "room": room, "node": node,
        });
        webhook::enqueue(&mut tx, "broadcast.phase", &told).await?;
    }
    let ours = tx.run(
        "UPDATE broadcasts SET phase = $1, step = $2, paused = $3, reason = $4, ended_ms = $5, desired = CASE WHEN $6 = 1 THEN 0 ELSE desired END \
         WHERE id = $7 AND epoch = $8 AND ended_ms IS NULL",
        args![
            word(&standing.phase),
            standing.step.map(|step| word(&step)),
            standing.paused,
            standing.reason.map(|reason| word(&reason)),
            ended_ms,
            over,
            id,
            epoch
        ],
    )
    .await?;
    if let Some(ended_ms) = ended_ms
        && ours > 0
    {
        tx.run("UPDATE targets SET removed_ms = $1 WHERE broadcast_id = $2 AND removed_ms IS NULL", args![ended_ms, id]).await?;
    }
    tx.commit().await
}

/// Writes that a broadcast should (not) be on the air.
pub(super) async fn desire(store: &Store, id: &str, desired: bool) -> Result<(), StoreError> {
    store.run("UPDATE broadcasts SET desired = $1 WHERE id = $2 AND ended_ms IS NULL", args![desired, id]).await.map(drop)
}

pub(super) async fn keep_paused(store: &Store, id: &str, paused: bool) -> Result<(), StoreError> {
    store.run("UPDATE broadcasts SET paused = $1 WHERE id = $2 AND ended_ms IS NULL", args![paused, id]).await.map(drop)
}

/// Targets of broadcasts that are over are nobody's: one that was added in the moment of the end would be kept busy for ever.
pub(super) async fn free_targets_of_ended(store: &Store) -> Result<(), StoreError> {
    let sql = "UPDATE targets SET removed_ms = $1 WHERE removed_ms IS NULL AND broadcast_id IN (SELECT id FROM broadcasts WHERE ended_ms IS NOT NULL)";
    store.run(sql, args![now_ms()]).await.map(drop)
}

/// Whether a broadcast has not ended, asked in the transaction that builds on it.
pub(super) async fn is_open(tx: &mut Transaction, id: &str) -> Result<bool, StoreError> {
    // A write, so that the end of the broadcast waits for this transaction on both databases.
    Ok(tx.run("UPDATE broadcasts SET desired = desired WHERE id = $1 AND ended_ms IS NULL", args![id]).await? > 0)
}

/// Forgets events that are older than a quarter of a year.
pub(super) async fn forget_old_events(store: &Store) -> Result<(), StoreError> {
    store.run("DELETE FROM broadcast_events WHERE at_ms < $1", args![now_ms() - EVENTS_FOR_MS]).await.map(drop)
}

/// A kept event.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) at_ms: i64,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) target_id: Option<String>,
}

pub(super) async fn keep_event(store: &Store, broadcast_id: &str, event: &Event) -> Result<EventRow, StoreError> {
    let row = EventRow {
        id: crate::id::new(),
        at_ms: now_ms(),
        code: event.code.to_owned(),
        message: event.message.clone(),
        target_id: event.target_id.clone(),
    };
    let mut tx = store.begin().await?;
    tx.run(
        "INSERT INTO broadcast_events (id, broadcast_id, at_ms, code, message, target_id) VALUES ($1, $2, $3, $4, $5, $6)",
        args![&row.id, broadcast_id, row.at_ms, &row.code, &row.message, row.target_id.clone()],
    )
    .await?;
    if let Some(target_id) = &row.target_id {
        let told = json!({ "broadcast_id": broadcast_id, "target_id": target_id, "code": row.code, "message": row.message });
        webhook::enqueue(&mut tx, "broadcast.target", &told).await?;
    }
    tx.commit().await?;
    Ok(row)
}

/// The newest events, oldest first; `before` an id.
pub(super) async fn events(store: &Store, broadcast_id: &str, before: Option<&str>) -> Result<Vec<EventRow>, StoreError> {
    let sql = "SELECT id, at_ms, code, message, target_id FROM broadcast_events WHERE broadcast_id = $1 AND ($2 = '' OR id < $2) \
         ORDER BY id DESC LIMIT $3";
    let mut rows: Vec<EventRow> = store.all(sql, args![broadcast_id, before.unwrap_or_default(), PAGE]).await?;
    rows.reverse();
    Ok(rows)
}

/// The open broadcast of a room, or the one that ended last.
pub(super) async fn of_room(store: &Store, room_key: &str) -> Result<Option<Row>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM broadcasts WHERE room_key = $1 ORDER BY CASE WHEN ended_ms IS NULL THEN 0 ELSE 1 END, id DESC LIMIT 1"
    );
    store.optional(sqlx::AssertSqlSafe(sql), args![room_key]).await
}

/// The open broadcast of each meeting on a server.
pub(crate) async fn of_server(store: &Store, server_id: &str) -> Result<Vec<(String, String)>, StoreError> {
    store.all("SELECT meeting_id, id FROM broadcasts WHERE server_id = $1 AND ended_ms IS NULL ORDER BY id DESC", args![server_id]).await
}
