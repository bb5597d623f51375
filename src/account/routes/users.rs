//! Users.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::{Allowed, Caller, Permission, Permissions, activity, perm, user};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query};
use crate::moment::{now_ms, rfc3339};
use crate::secret::Secret;
use crate::store::{StoreError, args};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    id: String,
    name: String,
    /// What the user may do; `system.admin` means everything.
    permissions: Vec<&'static str>,
    #[schema(format = DateTime)]
    created_at: String,
}

fn view(user: user::User, permissions: Permissions) -> UserView {
    UserView { id: user.id, name: user.name, permissions: permissions.names(), created_at: rfc3339(user.created_ms) }
}

/// The users.
#[utoipa::path(get, path = "/users", tag = "account", params(Page), responses((status = 200, body = List<UserView>)))]
pub(crate) async fn list(
    _caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<UserView>>> {
    let users: Vec<user::User> = app
        .store
        .all("SELECT id, name, created_ms FROM users WHERE id > $1 ORDER BY id LIMIT $2", args![page.after(), page.rows()])
        .await?;
    let mut permissions = user::permissions_between(&app.store, &users).await?;
    Ok(Json(page.list(
        users,
        |user| user.id.clone(),
        |user| {
            let permissions = permissions.remove(&user.id).unwrap_or_default();
            view(user, permissions)
        },
    )))
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    name: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// What the user may do; nobody can give what they do not have.
    #[serde(default)]
    permissions: Vec<String>,
}

/// Makes a user.
#[utoipa::path(
    post,
    path = "/users",
    tag = "account",
    request_body = NewUser,
    responses((status = 201, body = UserView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn create(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Json(new): Json<NewUser>,
) -> Answer<(StatusCode, Json<UserView>)> {
    if !user::is_name(&new.name) {
        return Err(Problem::invalid("name", "A user's name has 1 to 64 of the characters A–Z a–z 0–9 . _ - @."));
    }
    let permissions = granted(&caller, &new.permissions)?;
    let hash = app.doorkeeper.hash(new.password).await?;
    let mut tx = app.store.begin().await?;
    let user = user::create(&mut tx, &new.name, &hash, permissions, now_ms()).await.map_err(|error| match error {
        StoreError::Taken => Problem::conflict("name_taken", "A user of this name exists already.").of_field("name"),
        error => error.into(),
    })?;
    let detail = json!({"name": user.name, "permissions": permissions.names()});
    activity::record(&mut tx, &caller, "user.create", &user.id, detail).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(view(user, permissions))))
}

/// What changes about a user; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// A new password; ends the user's sessions.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    /// What the user may do from now on.
    permissions: Option<Vec<String>>,
}

/// Changes a user.
#[utoipa::path(
    patch,
    path = "/users/{id}",
    tag = "account",
    params(("id" = String, Path)),
    request_body = UserChange,
    responses((status = 200, body = UserView), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn change(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(change): Json<UserChange>,
) -> Answer<Json<UserView>> {
    let hash = match change.password {
        Some(password) => Some(app.doorkeeper.hash(password).await?),
        None => None,
    };
    let (user, held) = user::with_permissions(&app.store, &id).await?.ok_or_else(|| Problem::not_found("user"))?;
    must_cover(&caller, held)?;
    let permissions = change.permissions.as_deref().map(|names| granted(&caller, names)).transpose()?;

    let mut tx = app.store.begin().await?;
    if let Some(permissions) = permissions {
        let loses_admin = held.holds(Permission::SystemAdmin) && !permissions.holds(Permission::SystemAdmin);
        if loses_admin && !user::another_admin(&mut tx, &id).await? {
            return Err(last_admin());
        }
        user::grant(&mut tx, &id, permissions).await?;
    }
    if let Some(hash) = &hash {
        tx.run("UPDATE users SET password_hash = $2 WHERE id = $1", args![&id, hash]).await?;
        tx.run("DELETE FROM sessions WHERE user_id = $1", args![&id]).await?;
    }
    let detail = json!({"name": user.name, "password": hash.is_some(), "permissions": permissions.map(Permissions::names)});
    activity::record(&mut tx, &caller, "user.change", &id, detail).await?;
    tx.commit().await?;
    Ok(Json(view(user, permissions.unwrap_or(held))))
}

/// Removes a user, with their sessions and tokens.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    tag = "account",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn remove(caller: Allowed<perm::UserManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let (user, held) = user::with_permissions(&app.store, &id).await?.ok_or_else(|| Problem::not_found("user"))?;
    must_cover(&caller, held)?;
    let mut tx = app.store.begin().await?;
    if held.holds(Permission::SystemAdmin) && !user::another_admin(&mut tx, &id).await? {
        return Err(last_admin());
    }
    tx.run("DELETE FROM users WHERE id = $1", args![&id]).await?;
    activity::record(&mut tx, &caller, "user.remove", &id, json!({"name": user.name})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn last_admin() -> Problem {
    Problem::conflict("last_admin", "This is the last admin. Make another one first.")
}

/// Reads permission names that a caller wants to give away.
pub(super) fn granted(caller: &Caller, names: &[String]) -> Answer<Permissions> {
    let read = names.iter().map(|name| name.parse::<Permission>()).collect::<Result<Permissions, _>>();
    let permissions = read.map_err(|error| Problem::invalid("permissions", format!("{error}.")))?;
    must_cover(caller, permissions)?;
    Ok(permissions)
}

/// Nobody gives what they do not have, nor changes somebody who has more.
fn must_cover(caller: &Caller, permissions: Permissions) -> Answer<()> {
    if caller.permissions.cover(permissions) {
        return Ok(());
    }
    Err(Problem::forbidden("beyond_own_permissions", "This needs permissions that you do not have yourself."))
}
