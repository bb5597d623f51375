//! Rooms in the database.

use super::admission::{Rule, Visibility};
use crate::account::{Kind, Sight, scope};
use crate::store::{Flag, Store, StoreError, Transaction, args};

/// A room.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Room {
    /// Id.
    pub id: String,
    /// What stands in its address.
    pub key: String,
    /// Title.
    pub title: String,
    /// Description, Markdown.
    pub description: String,
    /// Whom it is for.
    #[sqlx(try_from = "String")]
    pub visibility: Visibility,
    /// Whether a password is kept; its hash stays where it is.
    #[sqlx(try_from = "i64")]
    pub has_password: Flag,
    /// Which of its passwords counts now.
    pub password_version: i64,
    /// The origin that it plays from when a broadcast has several.
    pub origin_id: Option<String>,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub changed_ms: i64,
}

impl Room {
    /// What it asks of those who watch.
    pub fn rule(&self) -> Rule {
        Rule { visibility: self.visibility, password_version: self.password_version }
    }
}

/// The room with this key.
pub async fn find(store: &Store, key: &str) -> Result<Option<Room>, StoreError> {
    let sql = "SELECT id, key, title, description, visibility, CAST(CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) \
               AS has_password, password_version, origin_id, created_ms, changed_ms FROM rooms WHERE key = $1";
    store.optional(sql, args![key]).await
}

/// A page of the rooms that somebody sees, oldest first.
pub(super) async fn page(store: &Store, sight: &Sight, after: &str, rows: u32) -> Result<Vec<Room>, StoreError> {
    let seen = scope::condition(Kind::Room, "rooms.id", 3);
    let sql = format!(
        "SELECT id, key, title, description, visibility, CAST(CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password, \
         password_version, origin_id, created_ms, changed_ms FROM rooms WHERE id > $1 AND {seen} ORDER BY id LIMIT $2"
    );
    store.all(sqlx::AssertSqlSafe(sql), sight.after(args![after, rows])).await
}

pub(super) async fn insert(tx: &mut Transaction, room: &Room) -> Result<(), StoreError> {
    let sql = "INSERT INTO rooms (id, key, title, description, visibility, origin_id, created_ms, changed_ms) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let args = args![
        &room.id,
        &room.key,
        &room.title,
        &room.description,
        room.visibility.word(),
        room.origin_id.clone(),
        room.created_ms,
        room.changed_ms
    ];
    tx.run(sql, args).await.map(drop)
}

pub(super) async fn update(tx: &mut Transaction, room: &Room) -> Result<(), StoreError> {
    let sql = "UPDATE rooms SET title = $2, description = $3, visibility = $4, origin_id = $5, changed_ms = $6 WHERE id = $1";
    let args = args![&room.id, &room.title, &room.description, room.visibility.word(), room.origin_id.clone(), room.changed_ms];
    tx.run(sql, args).await.map(drop)
}

/// Keeps the hash of a new password, or none. Everybody has to give the new one.
pub(super) async fn set_password(tx: &mut Transaction, room_id: &str, hash: Option<String>) -> Result<(), StoreError> {
    let sql = "UPDATE rooms SET password_hash = $2, password_version = password_version + 1 WHERE id = $1";
    tx.run(sql, args![room_id, hash]).await.map(drop)
}

/// Whether there is an origin with this id.
pub(super) async fn has_origin(store: &Store, origin_id: &str) -> Result<bool, StoreError> {
    Ok(store.optional::<(String,)>("SELECT id FROM origins WHERE id = $1", args![origin_id]).await?.is_some())
}
