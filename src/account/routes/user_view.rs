//! Users as the API shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::scope::{self, Kind, Sight};
use super::super::user::{self, User};
use super::super::{Caller, role, second};
use crate::app::App;
use crate::http::Answer;
use crate::moment::rfc3339;
use crate::store::args;

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    pub(super) id: String,
    pub(super) name: String,
    /// Where a link for a new password is sent.
    email: Option<String>,
    /// They may not log in.
    disabled: bool,
    /// A code of a device is asked for besides the password.
    second_factor: bool,
    /// What the user may do by themselves; `system.admin` means everything.
    pub(super) permissions: Vec<&'static str>,
    /// Ids of their roles.
    roles: Vec<String>,
    /// What the user may do in all, by themselves and by their roles.
    effective_permissions: Vec<&'static str>,
    /// Ids of their groups, of those that the caller sees.
    groups: Vec<String>,
    /// What they may do in single rooms, of those that the caller sees.
    grants: Vec<RoomGrant>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// What somebody may do in a single room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomGrant {
    /// The room's key.
    pub(super) room: String,
    /// Of `broadcast.operate`, `room.moderate` and `room.export`.
    pub(super) permissions: Vec<String>,
}

/// One user.
pub(super) async fn of(app: &App, caller: &Caller, user: User) -> Answer<UserView> {
    let id = user.id.clone();
    of_all(app, caller, vec![user]).await?.into_iter().next().ok_or_else(|| crate::http::Problem::not_found(&id))
}

/// A page of users, in the order of their ids.
pub(super) async fn of_all(app: &App, caller: &Caller, users: Vec<User>) -> Answer<Vec<UserView>> {
    let (Some(first), Some(last)) = (users.first(), users.last()) else { return Ok(Vec::new()) };
    let (first, last) = (first.id.clone(), last.id.clone());
    let mut permissions = user::permissions_between(&app.store, &first, &last).await?;
    let mut roles = role::of_users(&app.store, &first, &last).await?;
    let of_roles = role::permissions_between(&app.store, "", "g").await?;
    let mut groups = scope::shown_between(&app.store, caller, Kind::User, &first, &last).await?;
    let mut grants = grants_between(app, caller, &first, &last).await?;
    let seconds = second::between(&app.store, &first, &last).await?;
    let view = |user: User| {
        let own = permissions.remove(&user.id).unwrap_or_default();
        let roles = roles.remove(&user.id).unwrap_or_default();
        let effective = roles.iter().filter_map(|role| of_roles.get(role)).fold(own, |all, held| all.and(*held));
        UserView {
            permissions: own.names(),
            roles,
            effective_permissions: effective.names(),
            groups: groups.remove(&user.id).unwrap_or_default(),
            grants: grants.remove(&user.id).unwrap_or_default(),
            disabled: user.disabled_ms.is_some(),
            second_factor: seconds.contains(&user.id),
            id: user.id,
            name: user.name,
            email: user.email,
            created_at: rfc3339(user.created_ms),
        }
    };
    Ok(users.into_iter().map(view).collect())
}

async fn grants_between(app: &App, caller: &Caller, first: &str, last: &str) -> Answer<BTreeMap<String, Vec<RoomGrant>>> {
    let sql = "SELECT u.user_id, u.room_id, r.key, u.permission FROM user_rooms u JOIN rooms r ON r.id = u.room_id \
               WHERE u.user_id >= $1 AND u.user_id <= $2 ORDER BY u.user_id, r.key, u.permission";
    let rows: Vec<(String, String, String, String)> = app.store.all(sql, args![first, last]).await?;
    let mut rooms: Vec<String> = rows.iter().map(|(_, room_id, ..)| room_id.clone()).collect();
    rooms.sort();
    rooms.dedup();
    let seen = scope::seen_of(&app.store, &Sight::of(caller), Kind::Room, &rooms).await?;
    let mut grants: BTreeMap<String, Vec<RoomGrant>> = BTreeMap::new();
    for (user_id, _, key, permission) in rows.into_iter().filter(|(_, room_id, ..)| seen.contains(room_id)) {
        let of_user = grants.entry(user_id).or_default();
        match of_user.last_mut().filter(|grant| grant.room == key) {
            Some(grant) => grant.permissions.push(permission),
            None => of_user.push(RoomGrant { room: key, permissions: vec![permission] }),
        }
    }
    Ok(grants)
}
