//! Users and what they may do.

use std::collections::BTreeMap;

use super::permission::{Permission, Permissions};
use crate::store::{Store, StoreError, Transaction, args};

/// Somebody with an account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct User {
    /// Id.
    pub id: String,
    /// Name, unique whatever the case.
    pub name: String,
    /// When the account was made.
    pub created_ms: i64,
}

/// Whether a text can be a user's name: 1 to 64 of `A–Z a–z 0–9 . _ - @`, so that it is safe in a log and on a command line.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte))
}

/// A user and their permissions.
pub async fn with_permissions(store: &Store, id: &str) -> Result<Option<(User, Permissions)>, StoreError> {
    let Some(user) = store.optional("SELECT id, name, created_ms FROM users WHERE id = $1", args![id]).await? else { return Ok(None) };
    let rows: Vec<(String,)> = store.all("SELECT permission FROM user_permissions WHERE user_id = $1", args![id]).await?;
    Ok(Some((user, collect(&rows))))
}

/// The same, by name, whatever its case.
pub async fn by_name(store: &Store, name: &str) -> Result<Option<(User, Permissions)>, StoreError> {
    match store.optional::<(String,)>("SELECT id FROM users WHERE lower(name) = lower($1)", args![name]).await? {
        Some((id,)) => with_permissions(store, &id).await,
        None => Ok(None),
    }
}

/// The permissions of these users, by id; the users are one page, in the order of their ids.
pub(super) async fn permissions_between(store: &Store, users: &[User]) -> Result<BTreeMap<String, Permissions>, StoreError> {
    let (Some(first), Some(last)) = (users.first(), users.last()) else { return Ok(BTreeMap::new()) };
    let rows: Vec<(String, String)> = store
        .all("SELECT user_id, permission FROM user_permissions WHERE user_id >= $1 AND user_id <= $2", args![&first.id, &last.id])
        .await?;
    let mut by_user: BTreeMap<String, Vec<(String,)>> = BTreeMap::new();
    for (user_id, permission) in rows {
        by_user.entry(user_id).or_default().push((permission,));
    }
    Ok(by_user.into_iter().map(|(user_id, rows)| (user_id, collect(&rows))).collect())
}

/// Permissions out of their rows; names that no longer exist allow nothing.
fn collect(rows: &[(String,)]) -> Permissions {
    rows.iter().filter_map(|(name,)| name.parse::<Permission>().ok()).collect()
}

/// Makes a user; [`StoreError::Taken`] where the name is.
pub async fn create(
    tx: &mut Transaction,
    name: &str,
    password_hash: &str,
    permissions: Permissions,
    now_ms: i64,
) -> Result<User, StoreError> {
    let user = User { id: crate::id::new(), name: name.to_owned(), created_ms: now_ms };
    tx.run(
        "INSERT INTO users (id, name, password_hash, created_ms) VALUES ($1, $2, $3, $4)",
        args![&user.id, &user.name, password_hash, now_ms],
    )
    .await?;
    grant(tx, &user.id, permissions).await?;
    Ok(user)
}

/// Sets what a user may do.
pub async fn grant(tx: &mut Transaction, user_id: &str, permissions: Permissions) -> Result<(), StoreError> {
    tx.run("DELETE FROM user_permissions WHERE user_id = $1", args![user_id]).await?;
    for permission in permissions.iter() {
        tx.run("INSERT INTO user_permissions (user_id, permission) VALUES ($1, $2)", args![user_id, permission.name()]).await?;
    }
    Ok(())
}

/// Whether anybody but this user is an admin: the last one must not go.
pub async fn another_admin(tx: &mut Transaction, user_id: &str) -> Result<bool, StoreError> {
    let (others,): (i64,) = tx
        .one(
            "SELECT COUNT(*) FROM user_permissions WHERE permission = $1 AND user_id <> $2",
            args![Permission::SystemAdmin.name(), user_id],
        )
        .await?;
    Ok(others > 0)
}

/// Whether there is any user at all.
pub async fn any(tx: &mut Transaction) -> Result<bool, StoreError> {
    Ok(tx.optional::<(String,)>("SELECT id FROM users LIMIT 1", Vec::new()).await?.is_some())
}
