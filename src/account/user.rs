//! Users and what they may do.

use std::collections::BTreeMap;

use super::grants::Grants;
use super::permission::{Permission, Permissions};
use crate::store::{Store, StoreError, Transaction, args};

pub(super) const COLUMNS: &str = "id, name, email, disabled_ms, created_ms";

/// Somebody with an account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct User {
    /// Id.
    pub id: String,
    /// Name, unique whatever the case.
    pub name: String,
    /// Where a link for a new password is sent.
    pub email: Option<String>,
    /// Since when they may no longer log in.
    pub disabled_ms: Option<i64>,
    /// When the account was made.
    pub created_ms: i64,
}

/// A user with everything that they may do: by themselves, by their roles, and in single rooms.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// What they may do on all that their groups hold.
    pub permissions: Permissions,
    /// What they may do in single rooms.
    pub grants: Grants,
}

/// Whether a text can be a user's name: 1 to 64 of `A–Z a–z 0–9 . _ - @`, so that it is safe in a log and on a command line.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte))
}

/// What stands in place of a password's hash where somebody logs in elsewhere.
pub(super) const NO_PASSWORD: &str = "!";

/// Whether what is stored is a password's hash.
pub(super) fn is_password(stored: &str) -> bool {
    stored != NO_PASSWORD
}

/// The user with this id, whether they may log in or not.
pub(super) async fn find(store: &Store, id: &str) -> Result<Option<User>, StoreError> {
    store.optional(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM users WHERE id = $1")), args![id]).await
}

/// A user with everything that they may do, whether they may log in or not.
pub(super) async fn account(store: &Store, id: &str) -> Result<Option<Account>, StoreError> {
    let Some(user) = find(store, id).await? else { return Ok(None) };
    let sql = "SELECT '' AS room_id, permission FROM user_permissions WHERE user_id = $1 \
               UNION ALL SELECT '', p.permission FROM user_roles r JOIN role_permissions p ON p.role_id = r.role_id WHERE r.user_id = $1 \
               UNION ALL SELECT room_id, permission FROM user_rooms WHERE user_id = $1";
    let rows: Vec<(String, String)> = store.all(sql, args![id]).await?;
    let (everywhere, in_rooms): (Vec<_>, Vec<_>) = rows.iter().partition(|(room_id, _)| room_id.is_empty());
    let permissions = collect(everywhere.into_iter().map(|(_, name)| name.as_str()));
    let grants = Grants::collect(in_rooms.into_iter().map(|(room_id, name)| (room_id.as_str(), name.as_str())));
    Ok(Some(Account { user, permissions, grants }))
}

/// The same of one who may log in.
pub async fn active(store: &Store, id: &str) -> Result<Option<Account>, StoreError> {
    Ok(account(store, id).await?.filter(|account| account.user.disabled_ms.is_none()))
}

/// A user who may log in, and their permissions.
pub async fn with_permissions(store: &Store, id: &str) -> Result<Option<(User, Permissions)>, StoreError> {
    Ok(active(store, id).await?.map(|account| (account.user, account.permissions)))
}

/// The same, by name, whatever its case.
pub async fn by_name(store: &Store, name: &str) -> Result<Option<(User, Permissions)>, StoreError> {
    match store.optional::<(String,)>("SELECT id FROM users WHERE lower(name) = lower($1)", args![name]).await? {
        Some((id,)) => with_permissions(store, &id).await,
        None => Ok(None),
    }
}

/// The permissions that the users with ids from the one to the other hold by themselves.
pub(super) async fn permissions_between(store: &Store, first: &str, last: &str) -> Result<BTreeMap<String, Permissions>, StoreError> {
    let sql = "SELECT user_id, permission FROM user_permissions WHERE user_id >= $1 AND user_id <= $2";
    let rows: Vec<(String, String)> = store.all(sql, args![first, last]).await?;
    let mut by_user: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (user_id, permission) in rows {
        by_user.entry(user_id).or_default().push(permission);
    }
    Ok(by_user.into_iter().map(|(user_id, names)| (user_id, collect(names.iter().map(String::as_str)))).collect())
}

/// Permissions out of their names; names that no longer exist allow nothing.
fn collect<'a>(names: impl Iterator<Item = &'a str>) -> Permissions {
    names.filter_map(|name| name.parse::<Permission>().ok()).collect()
}

/// Makes a user; [`StoreError::Taken`] where the name is.
pub async fn create(
    tx: &mut Transaction,
    name: &str,
    password_hash: &str,
    permissions: Permissions,
    now_ms: i64,
) -> Result<User, StoreError> {
    let user = User { id: crate::id::new(), name: name.to_owned(), email: None, disabled_ms: None, created_ms: now_ms };
    tx.run(
        "INSERT INTO users (id, name, password_hash, created_ms) VALUES ($1, $2, $3, $4)",
        args![&user.id, &user.name, password_hash, now_ms],
    )
    .await?;
    grant(tx, &user.id, permissions).await?;
    Ok(user)
}

/// Sets what a user may do by themselves.
pub async fn grant(tx: &mut Transaction, user_id: &str, permissions: Permissions) -> Result<(), StoreError> {
    tx.run("DELETE FROM user_permissions WHERE user_id = $1", args![user_id]).await?;
    for permission in permissions.iter() {
        tx.run("INSERT INTO user_permissions (user_id, permission) VALUES ($1, $2)", args![user_id, permission.name()]).await?;
    }
    Ok(())
}

/// Lets a user log in, or no longer; then their sessions and tokens are gone for good.
pub(super) async fn set_disabled(tx: &mut Transaction, user_id: &str, disabled_ms: Option<i64>) -> Result<(), StoreError> {
    tx.run("UPDATE users SET disabled_ms = $2 WHERE id = $1", args![user_id, disabled_ms]).await?;
    if disabled_ms.is_some() {
        tx.run("DELETE FROM sessions WHERE user_id = $1", args![user_id]).await?;
        tx.run("DELETE FROM api_tokens WHERE user_id = $1", args![user_id]).await?;
    }
    Ok(())
}

/// Whether there is any user at all.
pub async fn any(tx: &mut Transaction) -> Result<bool, StoreError> {
    Ok(tx.optional::<(String,)>("SELECT id FROM users LIMIT 1", Vec::new()).await?.is_some())
}
