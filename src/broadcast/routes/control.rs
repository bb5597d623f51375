//! Start, stop, pause, targets.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

use super::super::model::{BroadcastView, Row, StartRequest, TargetRequest};
use super::super::session::TargetView;
use super::super::{start, store};
use super::list::find;
use super::view;
use crate::account::{Allowed, Caller, activity, perm};
use crate::app::App;
use crate::http::{Answer, Json, Path, Problem, whole};

/// Puts a meeting on the air.
#[utoipa::path(
    post, path = "/broadcasts", tag = "broadcast", request_body = StartRequest,
    responses((status = 201, body = BroadcastView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn start(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Json(request): Json<StartRequest>,
) -> Answer<(StatusCode, Json<BroadcastView>)> {
    let caller = caller.clone();
    whole(async move {
        let row = start::start(&app, &caller, request).await?;
        Ok((StatusCode::CREATED, Json(view::of(&app, row).await?)))
    })
    .await
}

/// Ends a broadcast. Asked again, it answers the same.
#[utoipa::path(
    post, path = "/broadcasts/{id}/stop", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 202), (status = 404, body = Problem))
)]
pub(crate) async fn stop(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let row = find(&app, &id).await?;
    let caller = caller.clone();
    whole(async move {
        if row.ended_ms.is_none() {
            record(&app, &caller, "broadcast.stop", &row).await?;
            app.supervisor.stop(&row).await?;
        }
        Ok(StatusCode::ACCEPTED)
    })
    .await
}

/// Shows the slate and sends silence until resumed; the outputs stay connected.
#[utoipa::path(
    post, path = "/broadcasts/{id}/pause", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 202), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn pause(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    set_paused(&app, &caller, &id, true).await
}

/// Shows the meeting again.
#[utoipa::path(
    post, path = "/broadcasts/{id}/resume", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 202), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn resume(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    set_paused(&app, &caller, &id, false).await
}

/// Adds a target to a live broadcast.
#[utoipa::path(
    post, path = "/broadcasts/{id}/targets", tag = "broadcast", params(("id" = String, Path)), request_body = TargetRequest,
    responses((status = 201, body = TargetView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn add_target(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<TargetRequest>,
) -> Answer<(StatusCode, Json<TargetView>)> {
    let row = running(&app, &id).await?;
    let caller = caller.clone();
    whole(async move {
        let target = start::add_target(&app, &caller, &row, &request).await?;
        let view = TargetView::unfed(target.id.clone(), target.label.clone(), target.protocol.clone(), "connecting");
        app.supervisor.add_target(&row.id, &target.id).await?;
        Ok((StatusCode::CREATED, Json(view)))
    })
    .await
}

/// Takes a target off a live broadcast; the others do not notice.
#[utoipa::path(
    delete, path = "/broadcasts/{id}/targets/{target_id}", tag = "broadcast", params(("id" = String, Path), ("target_id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn remove_target(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Path((id, target_id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let row = running(&app, &id).await?;
    let caller = caller.clone();
    whole(async move {
        if !store::remove_target(&app.store, &row.id, &target_id).await? {
            return Err(Problem::not_found("target"));
        }
        record(&app, &caller, "target.remove", &row).await?;
        if let Some(session) = app.supervisor.session(&row.id) {
            session.remove_target(&target_id).await;
        }
        app.supervisor.news().tell("target", json!({ "id": target_id, "broadcast_id": row.id, "removed": true }));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

async fn set_paused(app: &App, caller: &Caller, id: &str, paused: bool) -> Answer<StatusCode> {
    let row = running(app, id).await?;
    record(app, caller, if paused { "broadcast.pause" } else { "broadcast.resume" }, &row).await?;
    app.supervisor.pause(&row.id, paused).await?;
    Ok(StatusCode::ACCEPTED)
}

/// A broadcast that has not ended, or 404 or 409.
pub(super) async fn running(app: &App, id: &str) -> Answer<Row> {
    let row = find(app, id).await?;
    if row.ended_ms.is_some() {
        return Err(Problem::conflict("ended", "This broadcast is over."));
    }
    Ok(row)
}

pub(super) async fn record(app: &App, caller: &Caller, action: &'static str, row: &Row) -> Answer<()> {
    Ok(activity::alone(&app.store, caller, action, &row.id, json!({ "meeting": row.meeting_name })).await?)
}
