//! Roles: named sets of permissions.

use std::collections::BTreeMap;

use super::permission::{Permission, Permissions};
use crate::http::{Answer, Problem};
use crate::store::{Store, StoreError, Transaction, args};

/// Roles that one user may have.
const ROLES: usize = 64;

/// A role.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Role {
    /// Id.
    pub id: String,
    /// Name, unique whatever the case.
    pub name: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub changed_ms: i64,
}

/// The role with this id.
pub(super) async fn find(store: &Store, id: &str) -> Result<Option<Role>, StoreError> {
    store.optional("SELECT id, name, created_ms, changed_ms FROM roles WHERE id = $1", args![id]).await
}

/// A page of roles, oldest first.
pub(super) async fn page(store: &Store, after: &str, rows: u32) -> Result<Vec<Role>, StoreError> {
    store.all("SELECT id, name, created_ms, changed_ms FROM roles WHERE id > $1 ORDER BY id LIMIT $2", args![after, rows]).await
}

/// What every role with an id from the one to the other lets its holders do.
pub(super) async fn permissions_between(store: &Store, first: &str, last: &str) -> Result<BTreeMap<String, Permissions>, StoreError> {
    let sql = "SELECT role_id, permission FROM role_permissions WHERE role_id >= $1 AND role_id <= $2";
    let rows: Vec<(String, String)> = store.all(sql, args![first, last]).await?;
    let mut by_role: BTreeMap<String, Permissions> = BTreeMap::new();
    for (role_id, name) in rows {
        if let Ok(permission) = name.parse::<Permission>() {
            let entry = by_role.entry(role_id).or_default();
            *entry = entry.and([permission].into_iter().collect());
        }
    }
    Ok(by_role)
}

/// What a role lets its holders do.
pub(super) async fn permissions(store: &Store, id: &str) -> Result<Permissions, StoreError> {
    Ok(permissions_between(store, id, id).await?.remove(id).unwrap_or_default())
}

/// Writes a role as it now is, new or not; [`StoreError::Taken`] where its name is.
pub(super) async fn put(tx: &mut Transaction, role: &Role, permissions: Permissions) -> Result<(), StoreError> {
    let sql = "INSERT INTO roles (id, name, created_ms, changed_ms) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, changed_ms = excluded.changed_ms";
    tx.run(sql, args![&role.id, &role.name, role.created_ms, role.changed_ms]).await?;
    tx.run("DELETE FROM role_permissions WHERE role_id = $1", args![&role.id]).await?;
    for permission in permissions.iter() {
        tx.run("INSERT INTO role_permissions (role_id, permission) VALUES ($1, $2)", args![&role.id, permission.name()]).await?;
    }
    Ok(())
}

/// The ids of those who have a role.
pub(super) async fn holders(store: &Store, id: &str) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = store.all("SELECT user_id FROM user_roles WHERE role_id = $1 ORDER BY user_id", args![id]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The roles of the users with ids from the one to the other.
pub(super) async fn of_users(store: &Store, first: &str, last: &str) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let sql = "SELECT user_id, role_id FROM user_roles WHERE user_id >= $1 AND user_id <= $2 ORDER BY user_id, role_id";
    let rows: Vec<(String, String)> = store.all(sql, args![first, last]).await?;
    let mut by_user: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (user_id, role_id) in rows {
        by_user.entry(user_id).or_default().push(role_id);
    }
    Ok(by_user)
}

/// Sets the roles of a user.
pub(super) async fn set(tx: &mut Transaction, user_id: &str, roles: &[String]) -> Result<(), StoreError> {
    tx.run("DELETE FROM user_roles WHERE user_id = $1", args![user_id]).await?;
    for role in roles {
        tx.run("INSERT INTO user_roles (user_id, role_id) VALUES ($1, $2)", args![user_id, role]).await?;
    }
    Ok(())
}

/// The ids of roles that are named by id or name, in order and without doubles, and what they let their holders do together.
pub(super) async fn resolve(store: &Store, wanted: &[String]) -> Answer<(Vec<String>, Permissions)> {
    if wanted.len() > ROLES {
        return Err(Problem::invalid("roles", format!("A user has {ROLES} roles at most.")));
    }
    let (mut ids, mut held) = (Vec::with_capacity(wanted.len()), Permissions::default());
    for text in wanted {
        let sql = "SELECT id FROM roles WHERE id = $1 OR lower(name) = lower($1) ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1";
        let found: Option<(String,)> = store.optional(sql, args![text]).await?;
        let short: String = text.chars().take(64).collect();
        let (id,) =
            found.ok_or_else(|| Problem::unprocessable("no_such_role", format!("There is no role “{short}”.")).of_field("roles"))?;
        held = held.and(permissions(store, &id).await?);
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    Ok((ids, held))
}
