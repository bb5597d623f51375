//! Start, stop, pause, targets.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::etiquette::NOTE_CHARACTERS;
use super::super::model::{BroadcastView, Row, StartRequest, TargetRequest};
use super::super::session::TargetView;
use super::super::{start, store};
use super::list::find_to_operate;
use super::view;
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, Caller, activity, perm};
use crate::app::App;
use crate::http::{Answer, Json, Maybe, Path, Problem, check, whole};

/// Puts a meeting on the air.
#[utoipa::path(
    post, path = "/broadcasts", tag = "broadcast", request_body = StartRequest,
    responses((status = 201, body = BroadcastView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn start(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
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
pub(crate) async fn stop(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let row = find_to_operate(&app, &caller, &id).await?;
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

/// What is said along with a pause or its end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// A sentence for the list of events and, where the meeting is told, for its chat: at most 200 characters.
    #[schema(max_length = 200)]
    note: Option<String>,
}

/// Shows the slate and sends silence until resumed; the outputs stay connected. The body may be left out.
#[utoipa::path(
    post, path = "/broadcasts/{id}/pause", tag = "broadcast", params(("id" = String, Path)), request_body = Option<Note>,
    responses((status = 202), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn pause(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Path(id): Path<String>,
    Maybe(note): Maybe<Note>,
) -> Answer<StatusCode> {
    set_paused(&app, &caller, &id, true, note.unwrap_or_default()).await
}

/// Shows the meeting again. The body may be left out.
#[utoipa::path(
    post, path = "/broadcasts/{id}/resume", tag = "broadcast", params(("id" = String, Path)), request_body = Option<Note>,
    responses((status = 202), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn resume(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Path(id): Path<String>,
    Maybe(note): Maybe<Note>,
) -> Answer<StatusCode> {
    set_paused(&app, &caller, &id, false, note.unwrap_or_default()).await
}

/// Adds a target to a live broadcast.
#[utoipa::path(
    post, path = "/broadcasts/{id}/targets", tag = "broadcast", params(("id" = String, Path)), request_body = TargetRequest,
    responses((status = 201, body = TargetView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn add_target(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<TargetRequest>,
) -> Answer<(StatusCode, Json<TargetView>)> {
    let row = running(&app, &caller, &id).await?;
    let caller = caller.clone();
    whole(async move {
        let target = start::add_target(&app, &caller, &row, &request).await?;
        let view = TargetView::unfed(target.id.clone(), target.label.clone(), target.protocol.clone(), "connecting");
        app.supervisor.changed(&row.id).await?;
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
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Path((id, target_id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let row = running(&app, &caller, &id).await?;
    let caller = caller.clone();
    whole(async move {
        if !store::remove_target(&app.store, &row.id, &target_id).await? {
            return Err(Problem::not_found("target"));
        }
        record(&app, &caller, "target.remove", &row).await?;
        app.supervisor.changed(&row.id).await?;
        app.supervisor.news().tell("target", json!({ "id": target_id, "broadcast_id": row.id, "removed": true }));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Has a target that waits or has failed tried again at once.
#[utoipa::path(
    post, path = "/broadcasts/{id}/targets/{target_id}/retry", tag = "broadcast",
    params(("id" = String, Path), ("target_id" = String, Path)),
    responses((status = 202), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn retry_target(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Path((id, target_id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let row = running(&app, &caller, &id).await?;
    let target = store::target(&app.store, &row.id, &target_id).await?.ok_or_else(|| Problem::not_found("target"))?;
    let caller = caller.clone();
    whole(async move {
        let session = app.supervisor.session(&row.id).ok_or_else(|| Problem::conflict("not_running", "Nothing is going out."))?;
        if !session.retry_target(&target.id, &caller.user_name).await {
            return Err(Problem::conflict("target_live", "This target is live; there is nothing to try again."));
        }
        activity::alone(&app.store, &caller, "target.retry", &row.id, json!({ "label": target.label })).await?;
        Ok(StatusCode::ACCEPTED)
    })
    .await
}

async fn set_paused(app: &App, caller: &Caller, id: &str, paused: bool, note: Note) -> Answer<StatusCode> {
    let note = note.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    let note = note.map(|note| check::line("note", note, NOTE_CHARACTERS)).transpose()?;
    let row = running(app, caller, id).await?;
    let action = if paused { "broadcast.pause" } else { "broadcast.resume" };
    activity::alone(&app.store, caller, action, &row.id, json!({ "meeting": row.meeting_name, "note": note })).await?;
    app.supervisor.pause(&row.id, paused).await?;
    app.supervisor.pause_said(&row.id, paused, note.as_deref(), &caller.user_name).await;
    Ok(StatusCode::ACCEPTED)
}

/// A broadcast that has not ended, or 404 or 409.
pub(super) async fn running(app: &App, caller: &Caller, id: &str) -> Answer<Row> {
    let row = find_to_operate(app, caller, id).await?;
    if row.ended_ms.is_some() {
        return Err(Problem::conflict("ended", "This broadcast is over."));
    }
    Ok(row)
}

pub(super) async fn record(app: &App, caller: &Caller, action: &'static str, row: &Row) -> Answer<()> {
    Ok(activity::alone(&app.store, caller, action, &row.id, json!({ "meeting": row.meeting_name })).await?)
}
