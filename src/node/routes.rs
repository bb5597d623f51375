//! Nodes over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, NodeRow};
use super::view::{self, NodeView};
use crate::account::{Allowed, Caller, Sight, activity, perm};
use crate::app::App;
use crate::http::{Answer, Json, List, Path, Problem, whole};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, forget)).routes(routes!(drain)).routes(routes!(undrain))
}

/// The processes that share this database, by name.
#[utoipa::path(get, path = "/nodes", tag = "node", responses((status = 200, body = List<NodeView>)))]
async fn list(caller: Allowed<(perm::BroadcastView, perm::NodeManage)>, State(app): State<App>) -> Answer<Json<List<NodeView>>> {
    let rows = store::seen(&app.store, &Sight::of(&caller)).await?;
    Ok(Json(List::whole(rows.into_iter().map(|row| view_of(&app, row)).collect())))
}

/// A node.
#[utoipa::path(
    get, path = "/nodes/{id}", tag = "node", params(("id" = String, Path)),
    responses((status = 200, body = NodeView), (status = 404, body = Problem))
)]
async fn show(
    caller: Allowed<(perm::BroadcastView, perm::NodeManage)>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Json<NodeView>> {
    Ok(Json(view_of(&app, find(&app, &caller, &id).await?)))
}

/// Lets a node's broadcasts finish, and gives it no more.
#[utoipa::path(
    post, path = "/nodes/{id}/drain", tag = "node", params(("id" = String, Path)),
    responses((status = 200, body = NodeView), (status = 404, body = Problem))
)]
async fn drain(caller: Allowed<perm::NodeManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<NodeView>> {
    set_draining(app, caller.clone(), id, true).await
}

/// Lets a node take broadcasts again.
#[utoipa::path(
    post, path = "/nodes/{id}/undrain", tag = "node", params(("id" = String, Path)),
    responses((status = 200, body = NodeView), (status = 404, body = Problem))
)]
async fn undrain(caller: Allowed<perm::NodeManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<NodeView>> {
    set_draining(app, caller.clone(), id, false).await
}

/// Forgets a node that is gone. One that lives is there again in a moment; what a dead one had on the air is taken over anyway.
#[utoipa::path(
    delete, path = "/nodes/{id}", tag = "node", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn forget(caller: Allowed<perm::NodeManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        let row = find(&app, &caller, &id).await?;
        if row.process == app.node.process() || !view::is_gone(&row) {
            return Err(Problem::conflict("node_lives", "This node is there. Only one that is gone can be forgotten."));
        }
        let mut tx = app.store.begin().await?;
        store::remove(&mut tx, &row.id).await?;
        activity::record(&mut tx, &caller, "node.forget", &row.id, json!({ "name": row.name })).await?;
        tx.commit().await?;
        app.supervisor.news().tell("node", json!({ "id": row.id, "name": row.name, "removed": true }));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

async fn set_draining(app: App, caller: Caller, id: String, draining: bool) -> Answer<Json<NodeView>> {
    whole(async move {
        find(&app, &caller, &id).await?;
        let mut tx = app.store.begin().await?;
        if !store::set_draining(&mut tx, &id, draining).await? {
            return Err(Problem::not_found("node"));
        }
        let action = if draining { "node.drain" } else { "node.undrain" };
        activity::record(&mut tx, &caller, action, &id, json!({})).await?;
        tx.commit().await?;
        let row = find(&app, &caller, &id).await?;
        app.node.hear_of_draining(&row);
        let view = view_of(&app, row);
        app.supervisor.news().tell("node", json!(view));
        Ok(Json(view))
    })
    .await
}

/// A node that the caller sees, or 404.
async fn find(app: &App, caller: &Caller, id: &str) -> Answer<NodeRow> {
    let rows = store::seen(&app.store, &Sight::of(caller)).await?;
    rows.into_iter().find(|row| row.id == id).ok_or_else(|| Problem::not_found("node"))
}

/// What this process knows of itself is newer than the table, on `SQLite` by far.
fn view_of(app: &App, row: NodeRow) -> NodeView {
    view::of(app.node.freshen(row), app.node.process())
}
