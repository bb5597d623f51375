//! What viewers are called in the rooms. Said once: in a registration form, or before the first comment.

use uuid::Uuid;

use crate::moment::now_ms;
use crate::store::{Store, StoreError, Transaction, args};

/// What somebody has said of themselves.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Said {
    /// Their name.
    pub name: String,
    /// Their telephone number, as E.164.
    pub phone: Option<String>,
}

/// What a viewer has said of themselves, if anything.
pub async fn said(store: &Store, viewer_id: Uuid) -> Result<Option<Said>, StoreError> {
    store.optional("SELECT name, phone FROM viewers WHERE id = $1", args![viewer_id.to_string()]).await
}

/// Keeps what a viewer says of themselves; a number that was said before stays where none is said now.
pub async fn say(tx: &mut Transaction, viewer_id: Uuid, said: &Said) -> Result<(), StoreError> {
    let sql = "INSERT INTO viewers (id, name, phone, created_ms, changed_ms) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (id) DO UPDATE \
               SET name = excluded.name, phone = COALESCE(excluded.phone, viewers.phone), changed_ms = excluded.changed_ms";
    tx.run(sql, args![viewer_id.to_string(), &said.name, said.phone.clone(), now_ms()]).await.map(drop)
}
