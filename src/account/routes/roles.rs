//! Roles over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::permission::Permissions;
use super::super::rise::{granted, in_turn, must_cover, must_hold, must_leave_an_admin};
use super::super::role::{self, Role};
use super::super::{Allowed, Caller, activity, perm, user};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, check, whole};
use crate::moment::{now_ms, rfc3339};
use crate::store::{StoreError, args};

/// A role: a named set of permissions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RoleView {
    id: String,
    name: String,
    permissions: Vec<&'static str>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

fn view(role: Role, permissions: Permissions) -> RoleView {
    let (created_at, changed_at) = (rfc3339(role.created_ms), rfc3339(role.changed_ms));
    RoleView { id: role.id, name: role.name, permissions: permissions.names(), created_at, changed_at }
}

/// The roles.
#[utoipa::path(get, path = "/roles", tag = "account", params(Page), responses((status = 200, body = List<RoleView>)))]
pub(crate) async fn list(
    _caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<RoleView>>> {
    let roles = role::page(&app.store, page.after(), page.rows()).await?;
    let ends = roles.first().zip(roles.last()).map(|(first, last)| (first.id.clone(), last.id.clone())).unwrap_or_default();
    let mut permissions = role::permissions_between(&app.store, &ends.0, &ends.1).await?;
    Ok(Json(page.list(
        roles,
        |role| role.id.clone(),
        |role| {
            let held = permissions.remove(&role.id).unwrap_or_default();
            view(role, held)
        },
    )))
}

/// A role.
#[utoipa::path(
    get, path = "/roles/{id}", tag = "account", params(("id" = String, Path)),
    responses((status = 200, body = RoleView), (status = 404, body = Problem))
)]
pub(crate) async fn show(_caller: Allowed<perm::UserManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<RoleView>> {
    let (role, permissions) = existing(&app, &id).await?;
    Ok(Json(view(role, permissions)))
}

/// A role to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    /// 1 to 100 characters on one line, unique whatever the case.
    name: String,
    /// Nobody can give what they do not have.
    #[serde(default)]
    permissions: Vec<String>,
}

/// Makes a role.
#[utoipa::path(
    post, path = "/roles", tag = "account", request_body = NewRole,
    responses((status = 201, body = RoleView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn create(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Json(new): Json<NewRole>,
) -> Answer<(StatusCode, Json<RoleView>)> {
    let caller = caller.clone();
    whole(async move {
        let name = check::name("name", &new.name)?;
        let permissions = granted(&caller, &new.permissions)?;
        let now_ms = now_ms();
        let role = Role { id: crate::id::new(), name, created_ms: now_ms, changed_ms: now_ms };
        let mut tx = app.store.begin().await?;
        role::put(&mut tx, &role, permissions).await.map_err(taken)?;
        let detail = json!({"name": role.name, "permissions": permissions.names()});
        activity::record(&mut tx, &caller, "role.create", &role.id, detail).await?;
        tx.commit().await?;
        Ok((StatusCode::CREATED, Json(view(role, permissions))))
    })
    .await
}

/// What changes about a role; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleChange {
    name: Option<String>,
    permissions: Option<Vec<String>>,
}

/// Changes a role, and with it what everybody may do who has it. Takes as much as changing each of them.
#[utoipa::path(
    patch, path = "/roles/{id}", tag = "account", params(("id" = String, Path)), request_body = RoleChange,
    responses((status = 200, body = RoleView), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn change(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(change): Json<RoleChange>,
) -> Answer<Json<RoleView>> {
    let caller = caller.clone();
    whole(async move {
        let (role, held) = existing(&app, &id).await?;
        must_cover_holders(&app, &caller, &id, held).await?;
        let permissions = change.permissions.as_deref().map(|names| granted(&caller, names)).transpose()?.unwrap_or(held);
        let name = change.name.as_deref().map(|name| check::name("name", name)).transpose()?;
        let before = view(role.clone(), held);
        let role = Role { name: name.unwrap_or_else(|| role.name.clone()), changed_ms: now_ms(), ..role };
        let mut tx = app.store.begin().await?;
        in_turn(&mut tx).await?;
        role::put(&mut tx, &role, permissions).await.map_err(taken)?;
        must_leave_an_admin(&mut tx).await?;
        let after = view(role, permissions);
        activity::record(&mut tx, &caller, "role.change", &id, activity::difference(&before.name, &before, &after, &[])).await?;
        tx.commit().await?;
        app.accounts.tell();
        Ok(Json(after))
    })
    .await
}

/// Removes a role that nobody has.
#[utoipa::path(
    delete, path = "/roles/{id}", tag = "account", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn remove(caller: Allowed<perm::UserManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        let (role, held) = existing(&app, &id).await?;
        must_hold(&caller, held)?;
        let mut tx = app.store.begin().await?;
        match tx.run("DELETE FROM roles WHERE id = $1", args![&id]).await {
            Err(StoreError::Referenced) => {
                return Err(Problem::conflict("role_in_use", "Somebody still has this role. Take it from them first."));
            }
            removed => removed?,
        };
        activity::record(&mut tx, &caller, "role.remove", &id, json!({"name": role.name, "permissions": held.names()})).await?;
        tx.commit().await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

async fn must_cover_holders(app: &App, caller: &Caller, id: &str, held: Permissions) -> Answer<()> {
    must_hold(caller, held)?;
    for holder in role::holders(&app.store, id).await? {
        if let Some(account) = user::account(&app.store, &holder).await? {
            must_cover(&app.store, caller, &account).await?;
        }
    }
    Ok(())
}

async fn existing(app: &App, id: &str) -> Answer<(Role, Permissions)> {
    let role = role::find(&app.store, id).await?.ok_or_else(|| Problem::not_found("role"))?;
    let permissions = role::permissions(&app.store, id).await?;
    Ok((role, permissions))
}

fn taken(error: StoreError) -> Problem {
    match error {
        StoreError::Taken => Problem::conflict("name_taken", "A role of this name exists already.").of_field("name"),
        error => error.into(),
    }
}
