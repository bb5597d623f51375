//! A room's cover and logo: taken in, kept in the database where every node finds them, and served under the hash of what they are.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::picture::{self, FILE_BYTES, Picture, Slot};
use super::routes::{RoomView, existing, view};
use super::store;
use crate::account::{Allowed, Caller, Kind, activity, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, Path, Problem, json, whole};
use crate::moment::now_ms;
use crate::store::args;

/// How long somebody waits for their turn.
const PATIENCE: Duration = Duration::from_secs(15);
/// Hexadecimal digits in a picture's name.
const NAME_DIGITS: usize = 40;
/// Names hold a hash of their content, so what has a name never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put_cover, remove_cover)).routes(routes!(put_logo, remove_logo))
}

/// Where pictures are served.
pub(crate) fn public() -> Router<App> {
    Router::new().route("/pictures/{name}", get(serve))
}

/// The address of a picture by its hash.
pub fn address(hash: &str) -> String {
    format!("/pictures/{hash}")
}

/// Puts a cover picture on a room: PNG, JPEG or WebP, 8 MB at most. It is read and written anew.
#[utoipa::path(
    put, path = "/rooms/{key}/cover", tag = "room", params(("key" = String, Path)),
    request_body(content = Vec<u8>, content_type = "image/*"),
    responses((status = 200, body = RoomView), (status = 404, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
async fn put_cover(
    caller: Allowed<perm::RoomManage>,
    State(app): State<App>,
    Path(key): Path<String>,
    body: Body,
) -> Answer<Json<RoomView>> {
    put(app, caller.clone(), key, body, Slot::Cover).await
}

/// Takes the cover picture away.
#[utoipa::path(
    delete, path = "/rooms/{key}/cover", tag = "room", params(("key" = String, Path)),
    responses((status = 200, body = RoomView), (status = 404, body = Problem))
)]
async fn remove_cover(caller: Allowed<perm::RoomManage>, State(app): State<App>, Path(key): Path<String>) -> Answer<Json<RoomView>> {
    keep(app, caller.clone(), key, None, Slot::Cover).await
}

/// Puts a logo on a room: PNG, JPEG or WebP, 8 MB at most. It is read and written anew.
#[utoipa::path(
    put, path = "/rooms/{key}/logo", tag = "room", params(("key" = String, Path)),
    request_body(content = Vec<u8>, content_type = "image/*"),
    responses((status = 200, body = RoomView), (status = 404, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
async fn put_logo(
    caller: Allowed<perm::RoomManage>,
    State(app): State<App>,
    Path(key): Path<String>,
    body: Body,
) -> Answer<Json<RoomView>> {
    put(app, caller.clone(), key, body, Slot::Logo).await
}

/// Takes the logo away.
#[utoipa::path(
    delete, path = "/rooms/{key}/logo", tag = "room", params(("key" = String, Path)),
    responses((status = 200, body = RoomView), (status = 404, body = Problem))
)]
async fn remove_logo(caller: Allowed<perm::RoomManage>, State(app): State<App>, Path(key): Path<String>) -> Answer<Json<RoomView>> {
    keep(app, caller.clone(), key, None, Slot::Logo).await
}

async fn put(app: App, caller: Caller, key: String, body: Body, slot: Slot) -> Answer<Json<RoomView>> {
    // Before anything large is read: whoever names no room sends in vain.
    existing(&app, &caller, &key).await?;
    let file = json::read_in_time(body, FILE_BYTES).await?;
    let busy = |_| Problem::unavailable("busy", "Other pictures are being worked on. Try again in a moment.");
    let place = tokio::time::timeout(PATIENCE, app.rooms.easel.acquire()).await.map_err(busy)?.map_err(Problem::internal)?;
    let made = tokio::task::spawn_blocking(move || picture::remake(&file, slot)).await.map_err(Problem::internal)?;
    drop(place);
    let picture = made.map_err(|error| Problem::unprocessable("bad_image", error.to_string()).of_field(slot.word()))?;
    keep(app, caller, key, Some(picture), slot).await
}

async fn keep(app: App, caller: Caller, key: String, picture: Option<Picture>, slot: Slot) -> Answer<Json<RoomView>> {
    let seen = existing(&app, &caller, &key).await?;
    let groups = scope::shown(&app.store, &caller, Kind::Room, &seen.id).await?;
    whole(async move {
        let mut tx = app.store.begin().await?;
        let held = store::hold(&mut tx, &key).await?.filter(|room| room.id == seen.id);
        let mut room = held.ok_or_else(|| Problem::not_found("room"))?;
        tx.run("DELETE FROM room_pictures WHERE room_id = $1 AND slot = $2", args![&room.id, slot.word()]).await?;
        let hash = picture.as_ref().map(|picture| hex::encode(Sha256::digest(&picture.bytes))[..NAME_DIGITS].to_owned());
        if let (Some(picture), Some(hash)) = (&picture, &hash) {
            let sql = "INSERT INTO room_pictures (room_id, slot, hash, kind, data) VALUES ($1, $2, $3, $4, $5)";
            tx.run(sql, args![&room.id, slot.word(), hash, picture.kind, STANDARD_NO_PAD.encode(&picture.bytes)]).await?;
        }
        let (sql, kept) = match slot {
            Slot::Cover => ("UPDATE rooms SET cover_hash = $2, changed_ms = $3 WHERE id = $1", &mut room.cover_hash),
            Slot::Logo => ("UPDATE rooms SET logo_hash = $2, changed_ms = $3 WHERE id = $1", &mut room.logo_hash),
        };
        let before = std::mem::replace(kept, hash.clone());
        room.changed_ms = now_ms();
        tx.run(sql, args![&room.id, hash.clone(), room.changed_ms]).await?;
        let detail = json!({"key": room.key, "picture": slot.word(), "bytes": picture.as_ref().map(|picture| picture.bytes.len())});
        activity::record(&mut tx, &caller, if hash.is_some() { "room.picture" } else { "room.picture_remove" }, &room.id, detail).await?;
        tx.commit().await?;
        if let Some(before) = before {
            app.rooms.forget(&before);
        }
        Ok(Json(view(room, groups)))
    })
    .await
}

async fn serve(State(app): State<App>, Path(name): Path<String>) -> Answer<Response> {
    let is_name = name.len() == NAME_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let unknown = || Problem::not_found("picture");
    if !is_name {
        return Err(unknown());
    }
    let (kind, bytes) = if let Some(served) = app.rooms.picture(&name) {
        served
    } else {
        let sql = "SELECT kind, data FROM room_pictures WHERE hash = $1 LIMIT 1";
        let (kind, data): (String, String) = app.store.optional(sql, args![&name]).await?.ok_or_else(unknown)?;
        let kind = HeaderValue::try_from(kind).map_err(Problem::internal)?;
        let served = (kind, Bytes::from(STANDARD_NO_PAD.decode(data).map_err(Problem::internal)?));
        app.rooms.remember(name, served.clone());
        served
    };
    let fixed: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER)),
        // Whoever gets a picture to be read as a page gets one that does nothing.
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((StatusCode::OK, fixed, bytes).into_response())
}
