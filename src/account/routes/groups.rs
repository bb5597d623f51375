//! Groups over HTTP.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::group::{self, Group};
use super::super::{Allowed, Caller, Kind, Permission, activity, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, check, whole};
use crate::moment::{now_ms, rfc3339};
use crate::store::{StoreError, args};

/// A group: people, and what they work on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupView {
    id: String,
    name: String,
    /// How many things of each kind it holds: `user`, `server`, `origin`, `room`, `node`, `broadcast`.
    holds: BTreeMap<String, i64>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

async fn view(app: &App, group: Group) -> Answer<GroupView> {
    let holds = group::holdings(&app.store, &group.id).await?.into_iter().collect();
    let (created_at, changed_at) = (rfc3339(group.created_ms), rfc3339(group.changed_ms));
    Ok(GroupView { id: group.id, name: group.name, holds, created_at, changed_at })
}

/// The caller's groups; all of them for an admin.
#[utoipa::path(get, path = "/groups", tag = "account", params(Page), responses((status = 200, body = List<GroupView>)))]
pub(crate) async fn list(
    caller: Allowed<perm::Nothing>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<GroupView>>> {
    let groups = group::page(&app.store, &caller, page.after(), page.rows()).await?;
    let groups = page.list(groups, |group| group.id.clone(), |group| group);
    let mut items = Vec::with_capacity(groups.items.len());
    for group in groups.items {
        items.push(view(&app, group).await?);
    }
    Ok(Json(List { items, next: groups.next }))
}

/// A group.
#[utoipa::path(
    get, path = "/groups/{id}", tag = "account", params(("id" = String, Path)),
    responses((status = 200, body = GroupView), (status = 404, body = Problem))
)]
pub(crate) async fn show(caller: Allowed<perm::Nothing>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<GroupView>> {
    let group = existing(&app, &caller, &id).await?;
    Ok(Json(view(&app, group).await?))
}

/// What a group is called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupFields {
    /// 1 to 100 characters on one line, unique whatever the case.
    name: String,
}

/// Makes a group. Whoever makes one and is no admin is in it.
#[utoipa::path(
    post, path = "/groups", tag = "account", request_body = GroupFields,
    responses((status = 201, body = GroupView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn create(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Json(fields): Json<GroupFields>,
) -> Answer<(StatusCode, Json<GroupView>)> {
    let caller = caller.clone();
    whole(async move {
        let name = check::name("name", &fields.name)?;
        let mut tx = app.store.begin().await?;
        let group = group::create(&mut tx, &name, now_ms()).await.map_err(taken)?;
        if !caller.permissions.holds(Permission::SystemAdmin) {
            let mut own = scope::groups_in(&mut tx, Kind::User, &caller.user_id).await?;
            own.push(group.id.clone());
            scope::hold(&mut tx, Kind::User, &caller.user_id, &own).await?;
        }
        activity::record(&mut tx, &caller, "group.create", &group.id, json!({"name": name})).await?;
        tx.commit().await?;
        app.accounts.tell();
        Ok((StatusCode::CREATED, Json(view(&app, group).await?)))
    })
    .await
}

/// Changes what a group is called.
#[utoipa::path(
    patch, path = "/groups/{id}", tag = "account", params(("id" = String, Path)), request_body = GroupFields,
    responses((status = 200, body = GroupView), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn change(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(fields): Json<GroupFields>,
) -> Answer<Json<GroupView>> {
    let caller = caller.clone();
    whole(async move {
        let before = existing(&app, &caller, &id).await?;
        let group = Group { name: check::name("name", &fields.name)?, changed_ms: now_ms(), ..before.clone() };
        let mut tx = app.store.begin().await?;
        let sql = "UPDATE account_groups SET name = $2, changed_ms = $3 WHERE id = $1";
        tx.run(sql, args![&id, &group.name, group.changed_ms]).await.map_err(taken)?;
        let detail = activity::difference(&before.name, &json!({"name": before.name}), &json!({"name": group.name}), &[]);
        activity::record(&mut tx, &caller, "group.change", &id, detail).await?;
        tx.commit().await?;
        Ok(Json(view(&app, group).await?))
    })
    .await
}

/// Removes a group that holds nothing any more: what it held would be everybody's. Past broadcasts stay closed.
#[utoipa::path(
    delete, path = "/groups/{id}", tag = "account", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn remove(caller: Allowed<perm::UserManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        let group = existing(&app, &caller, &id).await?;
        let mut tx = app.store.begin().await?;
        // Whoever removes it may be in it; a broadcast that goes on is held by its server or room, which are counted.
        let sql = "SELECT kind, COUNT(*) FROM group_holds WHERE group_id = $1 AND kind NOT IN ('activity', 'broadcast') \
                   AND NOT (kind = 'user' AND thing_id = $2) GROUP BY kind ORDER BY kind";
        let held: Vec<(String, i64)> = tx.all(sql, args![&id, &caller.user_id]).await?;
        if !held.is_empty() {
            let held = held.iter().map(|(kind, count)| format!("{kind}s: {count}")).collect::<Vec<_>>().join(", ");
            return Err(Problem::conflict("group_in_use", format!("The group still holds something ({held}). Take it out first.")));
        }
        activity::record(&mut tx, &caller, "group.remove", &id, json!({"name": group.name})).await?;
        tx.run("DELETE FROM group_holds WHERE group_id = $1 AND kind = 'user'", args![&id]).await?;
        tx.run("DELETE FROM account_groups WHERE id = $1", args![&id]).await?;
        tx.commit().await?;
        app.accounts.tell();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

async fn existing(app: &App, caller: &Caller, id: &str) -> Answer<Group> {
    group::find(&app.store, caller, id).await?.ok_or_else(|| Problem::not_found("group"))
}

fn taken(error: StoreError) -> Problem {
    match error {
        StoreError::Taken => Problem::conflict("name_taken", "A group of this name exists already.").of_field("name"),
        error => error.into(),
    }
}
