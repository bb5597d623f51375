//! Rooms in the database.

use crate::store::{Store, StoreError, Transaction, args};

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
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub changed_ms: i64,
}

/// The room with this key.
pub async fn find(store: &Store, key: &str) -> Result<Option<Room>, StoreError> {
    store.optional("SELECT id, key, title, description, created_ms, changed_ms FROM rooms WHERE key = $1", args![key]).await
}

/// A page of rooms, oldest first.
pub(super) async fn page(store: &Store, after: &str, rows: u32) -> Result<Vec<Room>, StoreError> {
    let sql = "SELECT id, key, title, description, created_ms, changed_ms FROM rooms WHERE id > $1 ORDER BY id LIMIT $2";
    store.all(sql, args![after, rows]).await
}

pub(super) async fn insert(tx: &mut Transaction, room: &Room) -> Result<(), StoreError> {
    let sql = "INSERT INTO rooms (id, key, title, description, created_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.run(sql, args![&room.id, &room.key, &room.title, &room.description, room.created_ms, room.changed_ms]).await.map(drop)
}

pub(super) async fn update(tx: &mut Transaction, room: &Room) -> Result<(), StoreError> {
    let sql = "UPDATE rooms SET title = $2, description = $3, changed_ms = $4 WHERE id = $1";
    tx.run(sql, args![&room.id, &room.title, &room.description, room.changed_ms]).await.map(drop)
}
