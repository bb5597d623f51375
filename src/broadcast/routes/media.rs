//! What is going out, and what went wrong, as pictures.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::super::evidence;
use super::glance::Glance;
use super::list::find;
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, perm};
use crate::app::App;
use crate::http::{Answer, Path, Problem};
use crate::media::graph::svg;

/// A JPEG of what is going out now.
#[utoipa::path(
    get, path = "/broadcasts/{id}/snapshot.jpg", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg"), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn snapshot(Glance(id): Glance, State(app): State<App>) -> Answer<Response> {
    let session = app.supervisor.session(&id).ok_or_else(|| Problem::conflict("not_running", "Nothing is going out."))?;
    let picture = session.snapshot().await.map_err(Problem::internal)?;
    Ok(picture_answer(picture.to_vec(), "image/jpeg"))
}

/// The running pipelines as a drawing: elements, states and caps; no addresses.
#[utoipa::path(
    get, path = "/broadcasts/{id}/graph.svg", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/svg+xml"), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn graph(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Response> {
    let row = find(&app, &caller, &id).await?;
    let session = app.supervisor.session(&row.id).ok_or_else(|| Problem::conflict("not_running", "Nothing is going out."))?;
    Ok(picture_answer(svg(session.program().clock()).into_bytes(), "image/svg+xml"))
}

/// What the meeting's page showed when it last went wrong.
#[utoipa::path(
    get, path = "/broadcasts/{id}/evidence/screenshot", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/*"), (status = 404, body = Problem))
)]
pub(crate) async fn screenshot(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Response> {
    let row = find(&app, &caller, &id).await?;
    let kept = evidence::read(&app.settings.data_dir, &row.id, "screenshot").await.ok_or_else(|| Problem::not_found("screenshot"))?;
    let kind = if kept.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
    Ok(picture_answer(kept, kind))
}

/// The last lines of the page's console when it last went wrong.
#[utoipa::path(
    get, path = "/broadcasts/{id}/evidence/console.txt", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/plain"), (status = 404, body = Problem))
)]
pub(crate) async fn console(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Response> {
    let row = find(&app, &caller, &id).await?;
    let kept = evidence::read(&app.settings.data_dir, &row.id, "console.txt").await.ok_or_else(|| Problem::not_found("console"))?;
    Ok(picture_answer(kept, "text/plain; charset=utf-8"))
}

fn picture_answer(bytes: Vec<u8>, kind: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, bytes).into_response()
}
