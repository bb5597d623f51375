//! Nobody gives what they do not have, nor changes somebody who has more; and somebody stays who may everything.

use super::Caller;
use super::permission::{Permission, Permissions};
use super::scope::{self, Kind};
use super::user::Account;
use crate::http::{Answer, Problem};
use crate::store::{Store, Transaction, args};

/// 403 to whoever gives, or takes from somebody, what they lack.
pub(super) fn beyond() -> Problem {
    Problem::forbidden("beyond_own_permissions", "This needs permissions that you do not have yourself.")
}

/// Reads permission names that a caller wants to give away.
pub(super) fn granted(caller: &Caller, names: &[String]) -> Answer<Permissions> {
    let read = names.iter().map(|name| name.parse::<Permission>()).collect::<Result<Permissions, _>>();
    let permissions = read.map_err(|error| Problem::invalid("permissions", format!("{error}.")))?;
    must_hold(caller, permissions)?;
    Ok(permissions)
}

/// Refuses to give what the caller does not have.
pub(super) fn must_hold(caller: &Caller, permissions: Permissions) -> Answer<()> {
    if caller.permissions.cover(permissions) { Ok(()) } else { Err(beyond()) }
}

/// Refuses to change a user who may more than the caller, in more rooms or in other groups: who sets a password has the account.
pub(super) async fn must_cover(store: &Store, caller: &Caller, account: &Account) -> Answer<()> {
    must_hold(caller, account.permissions)?;
    if caller.permissions.holds(Permission::SystemAdmin) {
        return Ok(());
    }
    let own = scope::groups_of(store, Kind::User, &caller.user_id).await?;
    let theirs = scope::groups_of(store, Kind::User, &account.user.id).await?;
    if !theirs.iter().all(|group| own.contains(group)) {
        return Err(beyond());
    }
    for (room_id, held) in account.grants.iter() {
        for permission in held.iter() {
            if !caller.may_in_room(store, room_id, permission).await? {
                return Err(beyond());
            }
        }
    }
    Ok(())
}

/// Begins a change after which somebody must still be admin: of two at the same time, each of which leaves the other's admin, one waits.
pub(super) async fn in_turn(tx: &mut Transaction) -> Answer<()> {
    let sql = "INSERT INTO meta (name, value) VALUES ('accounts', '1') ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.run(sql, Vec::new()).await?;
    Ok(())
}

/// Refuses a change after which nobody who can log in may everything. Comes last in the transaction.
pub(super) async fn must_leave_an_admin(tx: &mut Transaction) -> Answer<()> {
    let sql = "SELECT id FROM users WHERE disabled_ms IS NULL AND (EXISTS (SELECT 1 FROM user_permissions p WHERE p.user_id = users.id \
               AND p.permission = $1) OR EXISTS (SELECT 1 FROM user_roles r JOIN role_permissions p ON p.role_id = r.role_id \
               WHERE r.user_id = users.id AND p.permission = $1)) LIMIT 1";
    match tx.optional::<(String,)>(sql, args![Permission::SystemAdmin.name()]).await? {
        Some(_) => Ok(()),
        None => Err(Problem::conflict("last_admin", "This is the last admin. Make another one first.")),
    }
}
