//! The activity log: who changed what, and when. Written in the transaction of the change itself.

use serde_json::Value;

use super::Caller;
use crate::store::{Store, StoreError, Transaction, args};

/// Writes down what a caller does: `action` is `thing.verb` (`server.create`), `subject` the id of the thing, `detail` what else an admin
/// wants to read later. No secret belongs in it.
pub async fn record(tx: &mut Transaction, caller: &Caller, action: &'static str, subject: &str, detail: Value) -> Result<(), StoreError> {
    let user_id = Some(&caller.user_id).filter(|id| !id.is_empty());
    let address = caller.address.map(|address| address.to_string());
    tx.run(
        "INSERT INTO activity (id, at_ms, user_id, user_name, address, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![crate::id::new(), crate::moment::now_ms(), user_id, &caller.user_name, address, action, subject, detail.to_string()],
    )
    .await
    .map(drop)
}

/// Writes down what was done where nothing of it is kept here.
pub async fn alone(store: &Store, caller: &Caller, action: &'static str, subject: &str, detail: Value) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    record(&mut tx, caller, action, subject, detail).await?;
    tx.commit().await
}
