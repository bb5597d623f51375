//! The image that a preset shows in place of the plain slate.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::routes::existing;
use super::store;
use crate::account::{Allowed, activity, perm};
use crate::app::App;
use crate::broadcast::check_image;
use crate::http::{Answer, Path, Problem};
use crate::moment::now_ms;

/// It stands in the database, where every node finds it.
const IMAGE_BYTES: usize = 2 * 1024 * 1024;

/// The image, if there is one.
pub(super) async fn read(app: &App, preset_id: &str) -> Answer<Option<Vec<u8>>> {
    Ok(store::slate(&app.store, preset_id).await?.and_then(|text| STANDARD.decode(text).ok()))
}

/// The image of a preset's slate.
#[utoipa::path(
    get, path = "/presets/{id}/slate", tag = "preset", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/*"), (status = 404, body = Problem))
)]
pub(super) async fn show(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<Response> {
    let preset = existing(&app, &caller, &id).await?;
    let image = read(&app, &preset.id).await?.ok_or_else(|| Problem::not_found("slate"))?;
    let kind = if image.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, image).into_response())
}

/// Gives a preset an image in place of the plain slate: PNG or JPEG, 2 MB at most.
#[utoipa::path(
    put, path = "/presets/{id}/slate", tag = "preset", params(("id" = String, Path)),
    request_body(content = Vec<u8>, content_type = "image/png"),
    responses((status = 204), (status = 404, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem))
)]
pub(super) async fn put(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer<StatusCode> {
    let preset = existing(&app, &caller, &id).await?;
    let too_large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The image has 2 MB at most.");
    let image = to_bytes(request.into_body(), IMAGE_BYTES).await.map_err(too_large)?;
    check_image(&image)?;
    let mut tx = app.store.begin().await?;
    store::keep_slate(&mut tx, &preset.id, Some(STANDARD.encode(&image)), now_ms()).await?;
    activity::record(&mut tx, &caller, "preset.slate", &preset.id, json!({ "name": preset.name, "bytes": image.len() })).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Back to the plain slate.
#[utoipa::path(
    delete, path = "/presets/{id}/slate", tag = "preset", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
pub(super) async fn remove(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let preset = existing(&app, &caller, &id).await?;
    let mut tx = app.store.begin().await?;
    store::keep_slate(&mut tx, &preset.id, None, now_ms()).await?;
    activity::record(&mut tx, &caller, "preset.slate", &preset.id, json!({ "name": preset.name, "bytes": 0 })).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
