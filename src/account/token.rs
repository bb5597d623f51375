//! API tokens: for programs, with scopes and an end.

use super::credential;
use super::permission::Permissions;
use super::user::{self, Account};
use crate::secret::Secret;
use crate::store::{Store, StoreError, Transaction, args};

/// Lets a token that leaked be recognised for what it is.
const PREFIX: &str = "bluecast_";
/// The time of the last use is written no oftener than this.
const TOUCH_MS: i64 = 60 * 1000;

/// A token as it is listed; the token itself is not kept.
#[derive(Debug, sqlx::FromRow)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What it is for.
    pub name: String,
    /// Permission names with a space between them.
    pub scopes: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub used_ms: Option<i64>,
}

/// Reads stored scopes; names that no longer exist allow nothing.
pub fn scopes(text: &str) -> Permissions {
    text.split(' ').filter_map(|name| name.parse().ok()).collect()
}

/// A token about to be made.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// What it is for.
    pub name: &'a str,
    /// What it may do, as far as its user may.
    pub scopes: Permissions,
    /// When it ends.
    pub expires_ms: Option<i64>,
}

/// Makes a token; the text is shown once and not kept.
pub async fn create(tx: &mut Transaction, new: NewToken<'_>, now_ms: i64) -> Result<(Token, Secret), StoreError> {
    let text = credential::generate(PREFIX);
    let token = Token {
        id: crate::id::new(),
        user_id: new.user_id.to_owned(),
        name: new.name.to_owned(),
        scopes: new.scopes.names().join(" "),
        created_ms: now_ms,
        expires_ms: new.expires_ms,
        used_ms: None,
    };
    tx.run(
        "INSERT INTO api_tokens (id, user_id, name, token_hash, scopes, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![&token.id, &token.user_id, &token.name, credential::hash(text.reveal()), &token.scopes, now_ms, token.expires_ms],
    )
    .await?;
    Ok((token, text))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_id: String,
    scopes: String,
    expires_ms: Option<i64>,
    used_ms: Option<i64>,
}

/// The user whose token this is, with what it may do, and the hash by which it is kept.
pub(super) async fn find(store: &Store, text: &str, now_ms: i64) -> Result<Option<(Account, String)>, StoreError> {
    if !text.starts_with(PREFIX) {
        return Ok(None);
    }
    let hash = credential::hash(text);
    Ok(find_hashed(store, &hash, now_ms).await?.map(|account| (account, hash)))
}

/// The user whose token this is, with what it may do.
pub(super) async fn find_hashed(store: &Store, hash: &str, now_ms: i64) -> Result<Option<Account>, StoreError> {
    let sql = "SELECT id, user_id, scopes, expires_ms, used_ms FROM api_tokens WHERE token_hash = $1";
    let row: Option<Row> = store.optional(sql, args![hash]).await?;
    let Some(row) = row.filter(|row| row.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)) else { return Ok(None) };
    if row.used_ms.is_none_or(|used_ms| now_ms - used_ms >= TOUCH_MS) {
        let touched = store.run("UPDATE api_tokens SET used_ms = $2 WHERE id = $1", args![&row.id, now_ms]).await;
        if let Err(error) = touched {
            tracing::debug!(%error, "the time of a token's last use was not written");
        }
    }
    let (scopes, found) = (scopes(&row.scopes), user::active(store, &row.user_id).await?);
    Ok(found.map(|account| Account { permissions: account.permissions.within(scopes), grants: account.grants.within(scopes), ..account }))
}
