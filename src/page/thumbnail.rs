//! `GET /watch/{key}/thumbnail.jpg`: what a room shows now, for cards and for those who link to it. Under the room's own rule.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::broadcast::room_state::RoomPhase;
use crate::http::{Answer, Path, Problem};
use crate::room::{self, Visitor};

pub(super) async fn show(State(app): State<App>, visitor: Visitor, Path(key): Path<String>) -> Answer<Response> {
    let room = room::find(&app.store, &key).await?.ok_or_else(|| Problem::not_found("room"))?;
    let admitted = room::pass(&app, &room, &visitor).await?;
    let state = app.supervisor.room_state(&key).await?.state;
    let is_on = matches!(state, RoomPhase::Live | RoomPhase::Interrupted | RoomPhase::Paused);
    let session = app.supervisor.room_session(&key).await?.filter(|_| is_on).ok_or_else(|| Problem::not_found("picture"))?;
    let picture = session.snapshot().await.map_err(Problem::internal)?;
    let cache = if admitted.is_closed { "no-store" } else { "public, max-age=10" };
    let fixed = [(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")), (header::CACHE_CONTROL, HeaderValue::from_static(cache))];
    Ok((fixed, picture.to_vec()).into_response())
}
