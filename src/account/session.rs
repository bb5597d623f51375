//! Sessions: who is logged in, kept here and named by a cookie.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use super::credential;
use super::user::{self, Account};
use crate::secret::Secret;
use crate::store::{Store, StoreError, Transaction, args};

/// A session ends after so long without a request.
pub(super) const IDLE_LIFE_MS: i64 = 24 * 3600 * 1000;
/// A session ends so long after the login.
pub(super) const ABSOLUTE_LIFE_MS: i64 = 14 * 24 * 3600 * 1000;
/// The time of the last request is written no oftener than this.
const TOUCH_MS: i64 = 60 * 1000;
/// Characters that are kept of what a browser calls itself.
const AGENT_CHARACTERS: usize = 200;
/// Sessions that one user may have; the oldest goes.
const PER_USER: i64 = 20;

/// Begins a session and gives its cookie. Ended ones are swept out on the way.
pub(super) async fn begin(tx: &mut Transaction, user_id: &str, from: &From, now_ms: i64) -> Result<Secret, StoreError> {
    let cookie = credential::generate("");
    tx.run("DELETE FROM sessions WHERE seen_ms < $1 OR created_ms < $2", args![now_ms - IDLE_LIFE_MS, now_ms - ABSOLUTE_LIFE_MS]).await?;
    tx.run(
        "INSERT INTO sessions (token_hash, user_id, created_ms, seen_ms, address, agent) VALUES ($1, $2, $3, $3, $4, $5)",
        args![credential::hash(cookie.reveal()), user_id, now_ms, from.address.clone(), from.agent.clone()],
    )
    .await?;
    tx.run(
        "DELETE FROM sessions WHERE user_id = $1 AND token_hash NOT IN \
         (SELECT token_hash FROM sessions WHERE user_id = $1 ORDER BY created_ms DESC LIMIT $2)",
        args![user_id, PER_USER],
    )
    .await?;
    Ok(cookie)
}

/// Where a session begins, so that people know theirs.
#[derive(Clone, Debug, Default)]
pub(super) struct From {
    address: Option<String>,
    agent: Option<String>,
}

impl From {
    /// Out of a request.
    pub(super) fn new(address: IpAddr, headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let agent = agent.map(|agent| agent.chars().filter(|letter| !letter.is_control()).take(AGENT_CHARACTERS).collect());
        Self { address: Some(address.to_string()), agent }
    }
}

/// A session as its owner sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Place {
    pub(super) token_hash: String,
    pub(super) created_ms: i64,
    pub(super) seen_ms: i64,
    pub(super) address: Option<String>,
    pub(super) agent: Option<String>,
}

/// The sessions of a user that have not ended, newest first.
pub(super) async fn of_user(store: &Store, user_id: &str, now_ms: i64) -> Result<Vec<Place>, StoreError> {
    let sql = "SELECT token_hash, created_ms, seen_ms, address, agent FROM sessions WHERE user_id = $1 AND seen_ms > $2 AND created_ms > $3 \
               ORDER BY created_ms DESC, token_hash";
    store.all(sql, args![user_id, now_ms - IDLE_LIFE_MS, now_ms - ABSOLUTE_LIFE_MS]).await
}

/// Ends the session of a cookie.
pub(super) async fn end(tx: &mut Transaction, cookie: &str) -> Result<(), StoreError> {
    tx.run("DELETE FROM sessions WHERE token_hash = $1", args![credential::hash(cookie)]).await.map(drop)
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: String,
    created_ms: i64,
    seen_ms: i64,
}

fn is_alive(row: &Row, now_ms: i64) -> bool {
    now_ms - row.seen_ms < IDLE_LIFE_MS && now_ms - row.created_ms < ABSOLUTE_LIFE_MS
}

/// The user whose session this cookie names, and the hash by which the session is kept.
pub(super) async fn find(store: &Store, cookie: &str, now_ms: i64) -> Result<Option<(Account, String)>, StoreError> {
    let hash = credential::hash(cookie);
    Ok(find_hashed(store, &hash, now_ms).await?.map(|account| (account, hash)))
}

/// The user whose session this is.
pub(super) async fn find_hashed(store: &Store, hash: &str, now_ms: i64) -> Result<Option<Account>, StoreError> {
    let row: Option<Row> = store.optional("SELECT user_id, created_ms, seen_ms FROM sessions WHERE token_hash = $1", args![hash]).await?;
    let Some(row) = row.filter(|row| is_alive(row, now_ms)) else { return Ok(None) };
    if now_ms - row.seen_ms >= TOUCH_MS {
        let touched = store.run("UPDATE sessions SET seen_ms = $2 WHERE token_hash = $1", args![hash, now_ms]).await;
        // A full disk must not log everybody out.
        if let Err(error) = touched {
            tracing::debug!(%error, "the time of a session's last request was not written");
        }
    }
    user::active(store, &row.user_id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_end_by_idleness_and_by_age() {
        let row = |created_ms, seen_ms| Row { user_id: String::new(), created_ms, seen_ms };
        let now_ms = 100 * ABSOLUTE_LIFE_MS;
        assert!(is_alive(&row(now_ms, now_ms), now_ms));
        assert!(is_alive(&row(now_ms - IDLE_LIFE_MS, now_ms - IDLE_LIFE_MS + 1), now_ms));
        assert!(!is_alive(&row(now_ms - IDLE_LIFE_MS, now_ms - IDLE_LIFE_MS), now_ms));
        assert!(!is_alive(&row(now_ms - ABSOLUTE_LIFE_MS, now_ms - 1), now_ms));
    }
}
