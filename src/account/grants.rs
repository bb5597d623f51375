//! What somebody may do in single rooms: operate their broadcasts, moderate, download exports.

use std::collections::BTreeMap;

use super::Caller;
use super::permission::{Permission, Permissions};
use super::scope::{self, Kind, Sight};
use crate::http::{Answer, Problem};
use crate::store::{Store, StoreError, Transaction, args};

/// What can be given for a single room.
pub const GRANTABLE: &[Permission] = &[Permission::BroadcastOperate, Permission::RoomModerate, Permission::RoomExport];

/// Rooms for which one user may have something.
const ROOMS: usize = 1000;

/// What somebody may do in single rooms, by the rooms' ids. Whoever may do anything in a room sees its broadcasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<String, Permissions>);

impl Grants {
    /// Out of rooms' ids and names of permissions; names that no longer exist allow nothing.
    pub fn collect<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut grants = Self::default();
        for (room_id, name) in rows {
            let Some(permission) = name.parse().ok().filter(|permission| GRANTABLE.contains(permission)) else { continue };
            let given: Permissions = [permission, Permission::BroadcastView].into_iter().collect();
            let entry = grants.0.entry(room_id.to_owned()).or_default();
            *entry = entry.and(given);
        }
        grants
    }

    /// Whether something may be done in a room because of it.
    pub fn allow(&self, room_id: &str, permission: Permission) -> bool {
        self.0.get(room_id).is_some_and(|held| held.holds(permission))
    }

    /// Whether one of these may be done in any room.
    pub fn allow_somewhere(&self, permissions: &[Permission]) -> bool {
        self.0.values().any(|held| permissions.iter().any(|permission| held.holds(*permission)))
    }

    /// What a token with these scopes may do of it.
    #[must_use]
    pub fn within(&self, scopes: Permissions) -> Self {
        let cut = |held: &Permissions| held.iter().filter(|permission| scopes.allow(*permission)).collect::<Permissions>();
        Self(self.0.iter().map(|(room, held)| (room.clone(), cut(held))).filter(|(_, held)| !held.is_empty()).collect())
    }

    /// Every room with what was given for it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Permissions)> {
        let given = |held: &Permissions| held.iter().filter(|permission| GRANTABLE.contains(permission)).collect();
        self.0.iter().map(move |(room, held)| (room.as_str(), given(held)))
    }
}

impl Caller {
    /// Whether they may do something in a room: by a permission, where the room is among what they see, or because it was given for it.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn may_in_room(&self, store: &Store, room_id: &str, permission: Permission) -> Result<bool, StoreError> {
        if self.grants.allow(room_id, permission) {
            return Ok(true);
        }
        Ok(self.may(permission) && scope::sees(store, &Sight::of(self), Kind::Room, room_id).await?)
    }

    /// Refuses with 403 where they may not.
    pub async fn must_in_room(&self, store: &Store, room_id: &str, permission: Permission) -> Answer<()> {
        if self.may_in_room(store, room_id, permission).await? { Ok(()) } else { Err(lacks(permission)) }
    }
}

/// 403 to whoever lacks a permission.
pub fn lacks(permission: Permission) -> Problem {
    let meaning = permission.meaning();
    Problem::forbidden("forbidden", format!("This needs the permission `{permission}`, which lets its holder {meaning}."))
}

/// What is to be given for rooms, by the rooms' keys: the rooms' ids with it, as far as the caller may give it.
pub(super) async fn granted(store: &Store, caller: &Caller, wanted: &[(&str, &[String])]) -> Answer<Vec<(String, Permissions)>> {
    let of_field = |problem: Problem| problem.of_field("grants");
    if wanted.len() > ROOMS {
        return Err(of_field(Problem::invalid("grants", format!("A user has something for {ROOMS} rooms at most."))));
    }
    let mut grants = Vec::with_capacity(wanted.len());
    for (key, names) in wanted {
        let no_room = || Problem::unprocessable("no_such_room", "There is no room with this key.");
        let found: Option<(String,)> = store.optional("SELECT id FROM rooms WHERE key = $1", args![*key]).await?;
        let (room_id,) = found.ok_or_else(no_room).map_err(of_field)?;
        if !scope::sees(store, &Sight::of(caller), Kind::Room, &room_id).await? && !caller.grants.0.contains_key(&room_id) {
            return Err(of_field(no_room()));
        }
        let mut permissions = Permissions::default();
        for name in *names {
            let permission: Permission = name.parse().map_err(|error| of_field(Problem::invalid("grants", format!("{error}."))))?;
            if !GRANTABLE.contains(&permission) {
                let known = GRANTABLE.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(", ");
                return Err(of_field(Problem::invalid("grants", format!("For a room, one of these can be given: {known}."))));
            }
            if !caller.may_in_room(store, &room_id, permission).await? {
                return Err(of_field(super::rise::beyond()));
            }
            permissions = permissions.and([permission].into_iter().collect());
        }
        grants.push((room_id, permissions));
    }
    Ok(grants)
}

/// Sets what a user may do in single rooms.
pub(super) async fn set(tx: &mut Transaction, user_id: &str, grants: &[(String, Permissions)]) -> Result<(), StoreError> {
    tx.run("DELETE FROM user_rooms WHERE user_id = $1", args![user_id]).await?;
    let sql =
        "INSERT INTO user_rooms (user_id, room_id, permission) VALUES ($1, $2, $3) ON CONFLICT (user_id, room_id, permission) DO NOTHING";
    for (room_id, permissions) in grants {
        for permission in permissions.iter() {
            tx.run(sql, args![user_id, room_id, permission.name()]).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_holds_for_its_room_and_lets_see_it() {
        let grants = Grants::collect([("a", "room.moderate"), ("b", "broadcast.operate"), ("b", "system.admin"), ("c", "nonsense")]);
        assert!(grants.allow("a", Permission::RoomModerate) && grants.allow("a", Permission::BroadcastView));
        assert!(!grants.allow("a", Permission::BroadcastOperate) && !grants.allow("b", Permission::RoomModerate));
        assert!(!grants.allow("b", Permission::SystemAdmin) && !grants.allow("c", Permission::BroadcastView));
        let within = grants.within([Permission::BroadcastOperate].into_iter().collect());
        assert!(within.allow("b", Permission::BroadcastOperate) && !within.allow("a", Permission::RoomModerate));
        assert!(!within.allow_somewhere(&[Permission::BroadcastView]));
    }
}
