//! Links for a new password: one time, for a while, and kept as a hash.

use super::credential;
use super::user::{self, User};
use crate::secret::Secret;
use crate::store::{Store, StoreError, Transaction, args};

/// How long a link that an admin hands over opens.
pub(super) const HANDED_LIFE_MS: i64 = 24 * 3600 * 1000;
/// How long a link that came by mail opens.
pub(super) const MAILED_LIFE_MS: i64 = 3600 * 1000;

/// Makes a token for a link; earlier ones of the user open nothing any more.
pub(super) async fn issue(tx: &mut Transaction, user_id: &str, life_ms: i64, now_ms: i64) -> Result<Secret, StoreError> {
    let token = credential::generate("");
    tx.run("DELETE FROM password_resets WHERE user_id = $1 OR expires_ms <= $2", args![user_id, now_ms]).await?;
    tx.run(
        "INSERT INTO password_resets (token_hash, user_id, created_ms, expires_ms) VALUES ($1, $2, $3, $4)",
        args![credential::hash(token.reveal()), user_id, now_ms, now_ms + life_ms],
    )
    .await?;
    Ok(token)
}

/// Whose link this is, if it opens now.
pub(super) async fn peek(store: &Store, token: &Secret, now_ms: i64) -> Result<Option<User>, StoreError> {
    let sql = "SELECT user_id FROM password_resets WHERE token_hash = $1 AND expires_ms > $2";
    let found: Option<(String,)> = store.optional(sql, args![credential::hash(token.reveal()), now_ms]).await?;
    let Some((user_id,)) = found else { return Ok(None) };
    Ok(user::active(store, &user_id).await?.map(|account| account.user))
}

/// Uses a link up; of two at once, one does.
pub(super) async fn take(tx: &mut Transaction, token: &Secret, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM password_resets WHERE token_hash = $1 AND expires_ms > $2";
    Ok(tx.run(sql, args![credential::hash(token.reveal()), now_ms]).await? > 0)
}

/// Sets a password, ends all sessions but one, and closes every link. Tokens go on: they are programs'.
pub(super) async fn set_password(tx: &mut Transaction, user_id: &str, hash: &str, kept_session: Option<&str>) -> Result<(), StoreError> {
    tx.run("UPDATE users SET password_hash = $2 WHERE id = $1", args![user_id, hash]).await?;
    tx.run("DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2", args![user_id, kept_session.unwrap_or_default()]).await?;
    tx.run("DELETE FROM password_resets WHERE user_id = $1", args![user_id]).await.map(drop)
}
