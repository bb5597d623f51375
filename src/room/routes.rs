//! Rooms over HTTP.
#![expect(clippy::option_option, reason = "in a change, absent and null differ")]

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::admission::Visibility;
use super::store::{self, Room};
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, Caller, Kind, Permission, Sight, activity, group, perm, scope};
use crate::app::App;
use crate::http::json::present;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, check};
use crate::moment::{now_ms, rfc3339};
use crate::secret::Secret;
use crate::store::{Flag, StoreError, args};

const TITLE_CHARACTERS: usize = 200;
const DESCRIPTION_CHARACTERS: usize = 20_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomView {
    id: String,
    /// What stands in its address, `/watch/{key}`.
    key: String,
    title: String,
    /// Markdown.
    description: String,
    visibility: Visibility,
    /// Whether a password is kept; it is never returned.
    has_password: bool,
    /// The origin that it plays from when a broadcast has several; the first of the broadcast where none is given.
    origin_id: Option<String>,
    /// Ids of the groups that it belongs to, of those that the caller sees. Who may watch is another matter.
    groups: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

fn view(room: Room, groups: Vec<String>) -> RoomView {
    RoomView {
        groups,
        id: room.id,
        key: room.key,
        title: room.title,
        description: room.description,
        visibility: room.visibility,
        has_password: room.has_password.0,
        origin_id: room.origin_id,
        created_at: rfc3339(room.created_ms),
        changed_at: rfc3339(room.changed_ms),
    }
}

/// The rooms.
#[utoipa::path(get, path = "/rooms", tag = "room", params(Page), responses((status = 200, body = List<RoomView>)))]
async fn list(
    caller: Allowed<InSomeRoom<(perm::BroadcastView, perm::RoomManage)>>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<RoomView>>> {
    let rooms = store::page(&app.store, &sight(&caller), page.after(), page.rows()).await?;
    let ends = rooms.first().zip(rooms.last()).map(|(first, last)| (first.id.clone(), last.id.clone())).unwrap_or_default();
    let mut groups = scope::shown_between(&app.store, &caller, Kind::Room, &ends.0, &ends.1).await?;
    let view = |room: Room| {
        let groups = groups.remove(&room.id).unwrap_or_default();
        self::view(room, groups)
    };
    Ok(Json(page.list(rooms, |room| room.id.clone(), view)))
}

/// A room.
#[utoipa::path(
    get,
    path = "/rooms/{key}",
    tag = "room",
    params(("key" = String, Path)),
    responses((status = 200, body = RoomView), (status = 404, body = Problem))
)]
async fn show(
    caller: Allowed<InSomeRoom<(perm::BroadcastView, perm::RoomManage)>>,
    State(app): State<App>,
    Path(key): Path<String>,
) -> Answer<Json<RoomView>> {
    let room = seen(&app, &sight(&caller), &key).await?;
    let groups = scope::shown(&app.store, &caller, Kind::Room, &room.id).await?;
    Ok(Json(view(room, groups)))
}

/// A room to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoom {
    #[schema(pattern = "^[a-z0-9-]{1,64}$")]
    key: String,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    visibility: Visibility,
    /// Needed where it is for those who know it; 8 characters at least.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    origin_id: Option<String>,
    /// Ids or names of groups; those of the caller where left out, and none for an admin's.
    groups: Option<Vec<String>>,
}

/// Makes a room.
#[utoipa::path(
    post,
    path = "/rooms",
    tag = "room",
    request_body = NewRoom,
    responses((status = 201, body = RoomView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(
    caller: Allowed<perm::RoomManage>,
    State(app): State<App>,
    Json(new): Json<NewRoom>,
) -> Answer<(StatusCode, Json<RoomView>)> {
    if !super::is_key(&new.key) {
        return Err(Problem::invalid("key", "A room's key has 1 to 64 of the characters a–z 0–9 -."));
    }
    let now_ms = now_ms();
    let room = Room {
        id: crate::id::new(),
        key: new.key,
        title: check::line("title", &new.title, TITLE_CHARACTERS)?,
        description: check::text("description", &new.description, DESCRIPTION_CHARACTERS)?,
        visibility: new.visibility,
        has_password: Flag(new.password.is_some()),
        password_version: 0,
        origin_id: new.origin_id,
        created_ms: now_ms,
        changed_ms: now_ms,
    };
    refuse_unusable(&app, &room).await?;
    refuse_unseen_origin(&app, &caller, room.origin_id.as_deref()).await?;
    let hash = match new.password {
        Some(password) => Some(app.doorkeeper.hash(password).await?),
        None => None,
    };
    let mut tx = app.store.begin().await?;
    store::insert(&mut tx, &room).await.map_err(|error| match error {
        StoreError::Taken => Problem::conflict("key_taken", "A room with this key exists already.").of_field("key"),
        error => error.into(),
    })?;
    if hash.is_some() {
        store::set_password(&mut tx, &room.id, hash).await?;
    }
    let groups = group::give(&mut tx, &caller, Kind::Room, &room.id, new.groups.as_deref(), true).await?;
    let detail = json!({"key": room.key, "title": room.title, "visibility": room.visibility, "groups": groups});
    activity::record(&mut tx, &caller, "room.create", &room.id, detail).await?;
    tx.commit().await?;
    app.accounts.tell();
    Ok((StatusCode::CREATED, Json(view(room, groups))))
}

/// What changes about a room; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomChange {
    title: Option<String>,
    description: Option<String>,
    visibility: Option<Visibility>,
    /// A new one has to be given by everybody who watches; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Option<Secret>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    origin_id: Option<Option<String>>,
    /// Ids or names of groups.
    groups: Option<Vec<String>>,
}

/// Changes a room.
#[utoipa::path(
    patch,
    path = "/rooms/{key}",
    tag = "room",
    params(("key" = String, Path)),
    request_body = RoomChange,
    responses((status = 200, body = RoomView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
async fn change(
    caller: Allowed<perm::RoomManage>,
    State(app): State<App>,
    Path(key): Path<String>,
    Json(change): Json<RoomChange>,
) -> Answer<Json<RoomView>> {
    let mut room = existing(&app, &caller, &key).await?;
    let before = view(room.clone(), scope::shown(&app.store, &caller, Kind::Room, &room.id).await?);
    if let Some(origin_id) = &change.origin_id {
        refuse_unseen_origin(&app, &caller, origin_id.as_deref()).await?;
    }
    if let Some(title) = change.title {
        room.title = check::line("title", &title, TITLE_CHARACTERS)?;
    }
    if let Some(description) = change.description {
        room.description = check::text("description", &description, DESCRIPTION_CHARACTERS)?;
    }
    let (was_closed, new_password) = (room.visibility == Visibility::Password, change.password.is_some());
    room.visibility = change.visibility.unwrap_or(room.visibility);
    room.origin_id = change.origin_id.unwrap_or(room.origin_id);
    room.has_password = change.password.as_ref().map_or(room.has_password, |password| Flag(password.is_some()));
    refuse_unusable(&app, &room).await?;
    let hash = match change.password.flatten() {
        Some(password) => Some(app.doorkeeper.hash(password).await?),
        None => None,
    };
    room.changed_ms = now_ms();
    let mut tx = app.store.begin().await?;
    store::update(&mut tx, &room).await?;
    if new_password {
        store::set_password(&mut tx, &room.id, hash).await?;
    }
    let groups = match &change.groups {
        Some(groups) => group::give(&mut tx, &caller, Kind::Room, &room.id, Some(groups), false).await?,
        None => before.groups.clone(),
    };
    let after = view(room.clone(), groups);
    let secrets: &[&str] = if new_password { &["password"] } else { &[] };
    activity::record(&mut tx, &caller, "room.change", &room.id, activity::difference(&room.key, &before, &after, secrets)).await?;
    tx.commit().await?;
    app.accounts.tell();
    let is_closed = room.visibility == Visibility::Password;
    app.supervisor.room_changed(&room.key, is_closed && (!was_closed || new_password)).await?;
    Ok(Json(after))
}

/// A room that nobody could enter, or that plays from nowhere.
async fn refuse_unusable(app: &App, room: &Room) -> Answer<()> {
    if room.visibility == Visibility::Password && !room.has_password.0 {
        return Err(Problem::invalid("password", "A room for those who know its password needs one."));
    }
    match &room.origin_id {
        Some(origin_id) if !store::has_origin(&app.store, origin_id).await? => {
            Err(Problem::unprocessable("no_such_origin", "There is no such origin.").of_field("origin_id"))
        }
        _ => Ok(()),
    }
}

/// An origin that the caller does not see is none.
async fn refuse_unseen_origin(app: &App, caller: &Caller, origin_id: Option<&str>) -> Answer<()> {
    match origin_id {
        Some(id) if !scope::sees(&app.store, &Sight::of(caller), Kind::Origin, id).await? => {
            Err(Problem::unprocessable("no_such_origin", "There is no such origin.").of_field("origin_id"))
        }
        _ => Ok(()),
    }
}

/// Removes a room.
#[utoipa::path(
    delete,
    path = "/rooms/{key}",
    tag = "room",
    params(("key" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn remove(caller: Allowed<perm::RoomManage>, State(app): State<App>, Path(key): Path<String>) -> Answer<StatusCode> {
    let room = existing(&app, &caller, &key).await?;
    let mut tx = app.store.begin().await?;
    tx.run("DELETE FROM rooms WHERE id = $1", args![&room.id]).await?;
    activity::record(&mut tx, &caller, "room.remove", &room.id, json!({"key": room.key, "title": room.title})).await?;
    scope::forget(&mut tx, Kind::Room, &room.id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A room that the caller sees by a permission, or 404.
async fn existing(app: &App, caller: &Caller, key: &str) -> Answer<Room> {
    seen(app, &Sight::of(caller), key).await
}

/// A room that is in a sight, or 404.
async fn seen(app: &App, sight: &Sight, key: &str) -> Answer<Room> {
    let room = store::find(&app.store, key).await?.ok_or_else(|| Problem::not_found("room"))?;
    let sees = scope::sees(&app.store, sight, Kind::Room, &room.id).await?;
    if sees { Ok(room) } else { Err(Problem::not_found("room")) }
}

/// Which rooms somebody sees: those of their groups, or those in which they may do something.
fn sight(caller: &Caller) -> Sight {
    Sight::with(caller, &[Permission::BroadcastView, Permission::RoomManage])
}
