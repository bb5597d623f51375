//! WebRTC to browsers: the control room's preview, and the embedded edge that rooms play (WHEP).

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;
use std::convert::Infallible;
use std::time::Duration;

use super::super::news::News;
use super::events::follow;
use super::list::find;
use crate::account::{Allowed, perm};
use crate::app::App;
use crate::http::{Answer, Path, Problem};
use crate::media::output::whep::{Accepted, WhepError};
use crate::room;

/// Longest offer that is read, in bytes.
const OFFER_BYTES: usize = 32 * 1024;

/// What viewers without an account may call.
pub(crate) fn public() -> Router<App> {
    Router::new()
        .route("/whep/{key}", post(watch))
        .route("/whep/{key}/{session}", delete(leave))
        .route("/watch/{key}/events", get(room_events))
}

/// A WebRTC preview of what goes out: an SDP offer in, the answer out; `Location` is what to `DELETE` at the end.
#[utoipa::path(
    post, path = "/broadcasts/{id}/whep", tag = "broadcast", params(("id" = String, Path)),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, content_type = "application/sdp"), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn preview(
    _caller: Allowed<perm::BroadcastView>,
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer<Response> {
    let row = find(&app, &id).await?;
    let session = app.supervisor.session(&row.id).ok_or_else(|| Problem::conflict("not_running", "Nothing is going out."))?;
    let offer = offer(request).await?;
    let program = session.program();
    let accepted = app.whep()?.preview(&row.id, program.hub(), program.clock(), offer).await.map_err(problem)?;
    created(accepted, &format!("/api/v1/broadcasts/{id}/whep"))
}

/// Ends a preview.
#[utoipa::path(
    delete, path = "/broadcasts/{id}/whep/{session}", tag = "broadcast", params(("id" = String, Path), ("session" = String, Path)),
    responses((status = 200), (status = 404, body = Problem))
)]
pub(crate) async fn end_preview(
    _caller: Allowed<perm::BroadcastView>,
    State(app): State<App>,
    Path((_, session)): Path<(String, String)>,
) -> Answer<StatusCode> {
    end(&app, &session).await
}

async fn watch(State(app): State<App>, Path(key): Path<String>, request: Request) -> Answer<Response> {
    room::find(&app.store, &key).await?.ok_or_else(|| Problem::not_found("room"))?;
    let session = app.supervisor.room_session(&key).await?;
    let session = session.ok_or_else(|| Problem::conflict("not_on_air", "Nothing is on the air in this room at the moment."))?;
    let offer = offer(request).await?;
    let program = session.program();
    let accepted = app.whep()?.offer(session.id(), program.hub(), program.clock(), offer).await.map_err(problem)?;
    created(accepted, &format!("/whep/{key}"))
}

async fn leave(State(app): State<App>, Path((_, session)): Path<(String, String)>) -> Answer<StatusCode> {
    end(&app, &session).await
}

fn created(accepted: Accepted, base: &str) -> Answer<Response> {
    let location = HeaderValue::try_from(format!("{base}/{}", accepted.session)).map_err(Problem::internal)?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/sdp")), (header::LOCATION, location)];
    Ok((StatusCode::CREATED, headers, accepted.answer).into_response())
}

async fn offer(request: Request) -> Answer<String> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/sdp") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_sdp", "An offer is sent as application/sdp."));
    }
    let body: Bytes = to_bytes(request.into_body(), OFFER_BYTES)
        .await
        .map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "An offer has 32 kB at most."))?;
    String::from_utf8(body.into()).map_err(|_| problem(WhepError::BadOffer))
}

async fn end(app: &App, session: &str) -> Answer<StatusCode> {
    if app.whep()?.delete(session).await { Ok(StatusCode::OK) } else { Err(Problem::not_found("session")) }
}

fn problem(error: WhepError) -> Problem {
    match error {
        WhepError::BadOffer | WhepError::NoH264 => Problem::unprocessable(error.code(), error.to_string()),
        _ => Problem::unavailable(error.code(), error.to_string()),
    }
}

/// What a room shows and how many watch, now and whenever it changes: events named `state` and `count`.
async fn room_events(
    State(app): State<App>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let room = room::find(&app.store, &key).await?.ok_or_else(|| Problem::not_found("room"))?;
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    // Listening begins before the state is read, so that no change falls between the two.
    let wanted_key = key.clone();
    let changes =
        follow(app.supervisor.news(), last_id, room_event, move |news| news.name == "room" && news.data["id"] == wanted_key.as_str());
    let mut first = json!(app.supervisor.room_state(&key).await?);
    first["title"] = json!(room.title);
    let count = json!({ "viewers": app.supervisor.room_viewers(&key).await? });
    let first = [("state", first), ("count", count)].map(|(name, data)| Event::default().event(name).data(data.to_string()));
    let first = stream::iter(first);
    let stream = first.chain(changes).take_until(app.stopping.clone().cancelled_owned());
    Ok(Sse::new(stream.map(Ok)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// News of a room are its state, or how many watch.
fn room_event(news: &News) -> &'static str {
    if news.data.get("viewers").is_some() { "count" } else { "state" }
}
