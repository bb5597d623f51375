//! Comments: read, answered, let through, refused, pinned, deleted.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::gate::InRoom;
use super::super::message::page_size;
use super::super::row::{self, Row, Who};
use super::super::rules::{Writer, judge};
use super::super::speak::refusal;
use super::super::store::{self, For};
use super::super::writer::{Act, By, NewComment};
use super::super::{may, text};
use crate::account::{Permission, perm};
use crate::app::App;
use crate::http::{Answer, Json, List, Path, Problem, Query, whole};
use crate::moment::rfc3339;
use crate::store::args;

/// Where a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CommentState {
    /// Everybody sees it.
    Shown,
    /// It waits.
    Held,
    /// It was refused.
    Rejected,
}

/// A comment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommentView {
    id: String,
    /// The number of its last change.
    seq: i64,
    /// What the writer is known by in this thread.
    viewer: String,
    name: String,
    text: String,
    #[schema(format = DateTime)]
    at: String,
    state: CommentState,
    pinned: bool,
    /// A host wrote it.
    host: bool,
    /// The comment that it answers to.
    reply_to: Option<String>,
    /// How often it was answered with which emoji.
    reactions: HashMap<String, u64>,
    /// Where it was written from, for those who may see that.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

fn view(row: &Row, address: Option<String>) -> CommentView {
    CommentView {
        id: row.id.clone(),
        seq: row.changed_seq,
        viewer: row.handle.clone(),
        name: row.name.clone(),
        text: row.text.clone(),
        at: rfc3339(row.at_ms),
        state: match row.state {
            row::State::Shown => CommentState::Shown,
            row::State::Held => CommentState::Held,
            row::State::Rejected | row::State::Quiet | row::State::Gone => CommentState::Rejected,
        },
        pinned: row.pinned,
        host: row.host,
        reply_to: row.quote.as_ref().map(|quote| quote.id.clone()),
        reactions: serde_json::from_str(&row.reactions).unwrap_or_default(),
        address,
    }
}

/// Which comments are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those that stand so.
    state: Option<CommentState>,
    /// Only those that are older than this one: the `next` of the page before.
    before: Option<String>,
    /// How many, 1 to 50 (50).
    #[param(value_type = Option<u64>, maximum = 4_294_967_295u32)]
    limit: Option<u32>,
}

/// The comments of a room, the newest first. Who may export and not moderate sees those that everybody sees.
#[utoipa::path(
    get, path = "/rooms/{key}/comments", tag = "comment", params(("key" = String, Path), Wanted),
    responses((status = 200, body = List<CommentView>), (status = 404, body = Problem))
)]
pub(crate) async fn list(
    here: InRoom<(perm::RoomModerate, perm::RoomExport)>,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<List<CommentView>>> {
    let moderates = may(&app.store, &here.caller, &here.room, Permission::RoomModerate).await?;
    let whom = match (wanted.state, moderates) {
        (Some(CommentState::Shown), _) | (None, false) => For::State(row::State::Shown),
        (_, false) => return Err(Problem::forbidden("forbidden", "Only moderators see what is not shown.")),
        (None, true) => For::Moderator,
        (Some(CommentState::Held), true) => For::Queue,
        (Some(CommentState::Rejected), true) => For::State(row::State::Rejected),
    };
    let thread_id = app.comments.thread_of(&here.room.id).await?;
    let limit = page_size(wanted.limit);
    let mut rows = store::page(&app.store, &thread_id, whom, wanted.before.as_deref(), limit + 1).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| has_more).map(|row| row.id.clone());
    let mut addresses = HashMap::new();
    if may(&app.store, &here.caller, &here.room, Permission::RoomAddress).await?
        && let (Some(last), Some(first)) = (rows.first(), rows.last())
    {
        let sql = "SELECT id, address FROM comments WHERE thread_id = $1 AND id >= $2 AND id <= $3 AND address IS NOT NULL";
        let found: Vec<(String, String)> = app.store.all(sql, args![&thread_id, &first.id, &last.id]).await?;
        addresses = found.into_iter().collect();
    }
    let items = rows.iter().map(|row| view(row, addresses.remove(&row.id))).collect();
    Ok(Json(List { items, next }))
}

/// What a host says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostsAnswer {
    text: String,
    /// The comment that it answers to.
    reply_to: Option<String>,
}

/// Speaks as host.
#[utoipa::path(
    post, path = "/rooms/{key}/comments", tag = "comment", params(("key" = String, Path)), request_body = HostsAnswer,
    responses((status = 201, body = CommentView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn answer(
    here: InRoom<perm::RoomModerate>,
    State(app): State<App>,
    Json(said): Json<HostsAnswer>,
) -> Answer<(StatusCode, Json<CommentView>)> {
    whole(async move {
        let thread_id = app.comments.thread_of(&here.room.id).await?;
        let rules = app.comments.rules(&thread_id).await?;
        let clean = text::comment(&said.text);
        let writer = Writer { is_moderator: true, ..Writer::default() };
        let state = judge(&rules, &super::super::pattern::Patterns::default(), writer, &clean).map_err(refusal)?;
        let viewer_id = here.caller.user_id.parse().unwrap_or(Uuid::nil());
        let new = NewComment {
            room_id: here.room.id,
            reference: crate::id::new(),
            viewer_id,
            handle: app.comments.handle(&thread_id, viewer_id),
            name: here.caller.user_name.clone(),
            text: clean,
            state,
            host: true,
            reply_to: said.reply_to,
            address: here.caller.address.map(|address| address.to_string()),
        };
        let done = app.comments.act(&thread_id, Act::Post(new, Some(Arc::new(here.caller)))).await?;
        let row = store::one(&app.store, &thread_id, &done.id).await?.ok_or_else(|| Problem::not_found("comment"))?;
        Ok((StatusCode::CREATED, Json(view(&row, None))))
    })
    .await
}

/// What becomes of a comment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentChange {
    /// Lets it through, or refuses it.
    state: Option<CommentState>,
    /// Puts it above the others, or takes it down.
    pinned: Option<bool>,
}

/// Lets a comment through, refuses it, pins it.
#[utoipa::path(
    patch, path = "/rooms/{key}/comments/{id}", tag = "comment", params(("key" = String, Path), ("id" = String, Path)),
    request_body = CommentChange,
    responses((status = 200, body = CommentView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn change(
    here: InRoom<perm::RoomModerate>,
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    Json(change): Json<CommentChange>,
) -> Answer<Json<CommentView>> {
    whole(async move {
        let state = match change.state {
            None => None,
            Some(CommentState::Shown) => Some(row::State::Shown),
            Some(CommentState::Rejected) => Some(row::State::Rejected),
            Some(CommentState::Held) => return Err(Problem::invalid("state", "A comment is let through or refused.")),
        };
        let thread_id = app.comments.thread_of(&here.room.id).await?;
        let by = || By::Moderator(Arc::new(here.caller.clone()));
        if let Some(state) = state {
            app.comments.act(&thread_id, Act::Move { id: id.clone(), state, by: by() }).await?;
        }
        if let Some(pinned) = change.pinned {
            app.comments.act(&thread_id, Act::Pin { id: id.clone(), pinned, by: by() }).await?;
        }
        let row = store::one(&app.store, &thread_id, &id).await?.filter(|row| row::sees(row.state, Who::Moderator));
        Ok(Json(view(&row.ok_or_else(|| Problem::not_found("comment"))?, None)))
    })
    .await
}

/// Deletes a comment, for good.
#[utoipa::path(
    delete, path = "/rooms/{key}/comments/{id}", tag = "comment", params(("key" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
pub(crate) async fn remove(
    here: InRoom<perm::RoomModerate>,
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    whole(async move {
        let thread_id = app.comments.thread_of(&here.room.id).await?;
        let by = By::Moderator(Arc::new(here.caller));
        app.comments.act(&thread_id, Act::Move { id, state: row::State::Gone, by }).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
