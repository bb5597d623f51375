//! Webhooks and their deliveries in the database.

use serde_json::{Value, json};

use super::rules::PING;
use crate::moment::{now_ms, rfc3339};
use crate::store::{Store, StoreError, Transaction, args};

/// What waits for one webhook at most; the oldest is given up for the newest.
const WAITING: i64 = 1000;
/// Deliveries of one webhook that stay in the log.
const LOGGED: i64 = 200;
/// How long one node has for a delivery before another may do it.
const CLAIMED_MS: i64 = 60_000;

#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) secret_sealed: String,
    pub(super) events: String,
    pub(super) active: i64,
    pub(super) created_ms: i64,
    pub(super) changed_ms: i64,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) webhook_id: String,
    pub(super) event: String,
    pub(super) body: String,
    pub(super) state: String,
    pub(super) tries: i64,
    pub(super) created_ms: i64,
    pub(super) due_ms: i64,
    pub(super) tried_ms: Option<i64>,
    pub(super) status: Option<i64>,
    pub(super) detail: Option<String>,
}

macro_rules! webhook_columns {
    () => {
        "id, name, url, secret_sealed, events, active, created_ms, changed_ms"
    };
}
macro_rules! delivery_columns {
    () => {
        "id, webhook_id, event, body, state, tries, created_ms, due_ms, tried_ms, status, detail"
    };
}

pub(super) async fn page(store: &Store, after: &str, rows: u32) -> Result<Vec<Webhook>, StoreError> {
    let sql = concat!("SELECT ", webhook_columns!(), " FROM webhooks WHERE id > $1 ORDER BY id LIMIT $2");
    store.all(sql, args![after, rows]).await
}

pub(super) async fn find(store: &Store, id: &str) -> Result<Option<Webhook>, StoreError> {
    store.optional(concat!("SELECT ", webhook_columns!(), " FROM webhooks WHERE id = $1"), args![id]).await
}

pub(super) async fn put(tx: &mut Transaction, webhook: &Webhook) -> Result<(), StoreError> {
    let sql = concat!(
        "INSERT INTO webhooks (",
        webhook_columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET name = $2, url = $3, secret_sealed = $4, events = $5, \
         active = $6, changed_ms = $8"
    );
    let Webhook { id, name, url, secret_sealed, events, active, created_ms, changed_ms } = webhook;
    tx.run(sql, args![id, name, url, secret_sealed, events, *active, *created_ms, *changed_ms]).await.map(drop)
}

/// Writes down what all webhooks that want it are to be told. Nobody wants anything mostly, which costs one look at a small table.
pub(crate) async fn enqueue(tx: &mut Transaction, event: &'static str, data: &Value) -> Result<(), StoreError> {
    let hooks: Vec<(String, String)> = tx.all("SELECT id, events FROM webhooks WHERE active = 1 ORDER BY id", args![]).await?;
    for (id, _) in hooks.iter().filter(|(_, events)| events.split(' ').any(|wanted| wanted == event)) {
        enqueue_one(tx, id, event, data).await?;
    }
    Ok(())
}

/// Writes down a delivery whose only purpose is to arrive.
pub(super) async fn enqueue_ping(tx: &mut Transaction, webhook_id: &str) -> Result<(), StoreError> {
    enqueue_one(tx, webhook_id, PING, &json!({})).await
}

async fn enqueue_one(tx: &mut Transaction, webhook_id: &str, event: &str, data: &Value) -> Result<(), StoreError> {
    let (id, now) = (crate::id::new(), now_ms());
    let body = json!({ "id": id, "event": event, "at": rfc3339(now), "data": data }).to_string();
    tx.run(
        "INSERT INTO webhook_deliveries (id, webhook_id, event, body, state, tries, created_ms, due_ms) VALUES ($1, $2, $3, $4, 'waiting', 0, $5, $5)",
        args![id, webhook_id, event, body, now],
    )
    .await?;
    let sql = "UPDATE webhook_deliveries SET state = 'given_up', detail = 'Too many others wait.' WHERE webhook_id = $1 AND state = 'waiting' \
               AND id <= (SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'waiting' ORDER BY id DESC LIMIT 1 OFFSET $2)";
    tx.run(sql, args![webhook_id, WAITING]).await.map(drop)
}

/// The delivery that is due first becomes this node's, for a while.
pub(super) async fn claim(store: &Store, now: i64) -> Result<Option<Delivery>, StoreError> {
    let sql = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM webhook_deliveries WHERE state = 'waiting' AND due_ms <= $1 ORDER BY due_ms, id LIMIT 1"
    );
    loop {
        let Some(due) = store.optional::<Delivery>(sql, args![now]).await? else { return Ok(None) };
        let take = "UPDATE webhook_deliveries SET due_ms = $1, tries = tries + 1 WHERE id = $2 AND state = 'waiting' AND due_ms = $3";
        if store.run(take, args![now + CLAIMED_MS, &due.id, due.due_ms]).await? > 0 {
            return Ok(Some(Delivery { tries: due.tries + 1, ..due }));
        }
    }
}

/// What came of a try.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) state: &'static str,
    pub(super) due_ms: i64,
    pub(super) status: Option<i64>,
    pub(super) detail: Option<String>,
}

pub(super) async fn tried(store: &Store, delivery: &Delivery, outcome: Outcome) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let sql = "UPDATE webhook_deliveries SET state = $1, due_ms = $2, tried_ms = $3, status = $4, detail = $5 WHERE id = $6";
    tx.run(sql, args![outcome.state, outcome.due_ms, now_ms(), outcome.status, outcome.detail, &delivery.id]).await?;
    let sql = "DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND state <> 'waiting' AND id <= \
               (SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND state <> 'waiting' ORDER BY id DESC LIMIT 1 OFFSET $2)";
    tx.run(sql, args![&delivery.webhook_id, LOGGED]).await?;
    tx.commit().await
}

/// The newest deliveries of a webhook; `before` an id.
pub(super) async fn deliveries(store: &Store, webhook_id: &str, before: &str, rows: u32) -> Result<Vec<Delivery>, StoreError> {
    let sql = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM webhook_deliveries WHERE webhook_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3"
    );
    store.all(sql, args![webhook_id, before, rows]).await
}
