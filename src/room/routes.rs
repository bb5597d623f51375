//! Rooms over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::admission::Visibility;
use super::fields::{NewRoom, RoomChange};
use super::form::Field;
use super::look::{Accent, SocialLink};
use super::store::{self, Room};
use super::{pictures, registrations};
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, Caller, Kind, Permission, Sight, activity, group, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, whole};
use crate::moment::{now_ms, rfc3339};
use crate::secret::Secret;
use crate::store::{StoreError, Transaction, args};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .merge(pictures::routes())
        .merge(registrations::routes())
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
    /// The language of its texts, as in `lang`.
    language: Option<String>,
    accent: Accent,
    /// The address of its cover picture on this site.
    cover: Option<String>,
    /// The address of its logo on this site.
    logo: Option<String>,
    logo_link: Option<String>,
    links: Vec<SocialLink>,
    /// It stands on the front page at any time.
    promoted: bool,
    /// Search engines may show it, if it is public.
    indexed: bool,
    playback: PlaybackView,
    /// What it is called in Matomo.
    matomo_site: Option<i64>,
    /// When it is to begin.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// Sites that may embed it; `*` for all.
    sites: Vec<String>,
    /// What it asks of those who register.
    form: Option<FormView>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

/// Playback addresses of a room's own, in place of its origin's.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaybackView {
    webrtc: Option<String>,
    llhls: Option<String>,
}

/// What a room asks of those who register.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FormView {
    fields: Vec<Field>,
    consent: String,
}

pub(super) fn view(room: Room, groups: Vec<String>) -> RoomView {
    let form = room.form.0;
    RoomView {
        groups,
        id: room.id,
        key: room.key,
        title: room.title,
        description: room.description,
        visibility: room.visibility,
        has_password: room.has_password.0,
        origin_id: room.origin_id,
        language: room.language,
        accent: room.accent,
        cover: room.cover_hash.as_deref().map(pictures::address),
        logo: room.logo_hash.as_deref().map(pictures::address),
        logo_link: room.logo_link,
        links: room.links.0,
        promoted: room.promoted.0,
        indexed: room.indexed.0,
        playback: PlaybackView { webrtc: room.playback_webrtc, llhls: room.playback_llhls },
        matomo_site: room.matomo_site,
        starts_at: room.starts_ms.map(rfc3339),
        sites: room.sites.0,
        form: form.is_some().then_some(FormView { fields: form.fields, consent: form.consent }),
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
    let (key, groups, mut change) = new.into_change();
    if !super::is_key(&key) {
        return Err(Problem::invalid("key", "A room's key has 1 to 64 of the characters a–z 0–9 -."));
    }
    let mut room = store::empty(key, now_ms());
    let password = change.password.take().flatten();
    change.apply(&mut room, Some(password.is_some()))?;
    refuse_unseen_origin(&app, &caller, room.origin_id.as_deref()).await?;
    let hash = hash(&app, password).await?;
    whole(async move {
        let mut tx = app.store.begin().await?;
        refuse_without_origin(&mut tx, &room).await?;
        store::insert(&mut tx, &room).await.map_err(|error| match error {
            StoreError::Taken => Problem::conflict("key_taken", "A room with this key exists already.").of_field("key"),
            error => error.into(),
        })?;
        if hash.is_some() {
            store::set_password(&mut tx, &room.id, hash).await?;
        }
        let groups = group::give(&mut tx, &caller, Kind::Room, &room.id, groups.as_deref(), true).await?;
        let detail = json!({"key": room.key, "title": room.title, "visibility": room.visibility, "groups": groups});
        activity::record(&mut tx, &caller, "room.create", &room.id, detail).await?;
        tx.commit().await?;
        app.accounts.tell();
        Ok((StatusCode::CREATED, Json(view(room, groups))))
    })
    .await
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
    let mut change = change;
    let seen = existing(&app, &caller, &key).await?;
    let groups_before = scope::shown(&app.store, &caller, Kind::Room, &seen.id).await?;
    refuse_unseen_origin(&app, &caller, change.origin_id.as_ref().and_then(Option::as_deref)).await?;
    let password = change.password.take();
    let has_password = password.as_ref().map(Option::is_some);
    let hash = hash(&app, password.flatten()).await?;
    whole(async move {
        let mut tx = app.store.begin().await?;
        let held = store::hold(&mut tx, &key).await?.filter(|room| room.id == seen.id);
        let mut room = held.ok_or_else(|| Problem::not_found("room"))?;
        let (before, visibility) = (view(room.clone(), groups_before.clone()), room.visibility);
        let groups = change.groups.take();
        change.apply(&mut room, has_password)?;
        refuse_without_origin(&mut tx, &room).await?;
        room.changed_ms = now_ms();
        store::update(&mut tx, &room).await?;
        let password_changed = has_password.is_some();
        if password_changed {
            store::set_password(&mut tx, &room.id, hash).await?;
        }
        let groups = match groups {
            Some(groups) => group::give(&mut tx, &caller, Kind::Room, &room.id, Some(&groups), false).await?,
            None => groups_before,
        };
        let after = view(room.clone(), groups);
        let secrets: &[&str] = if password_changed { &["password"] } else { &[] };
        activity::record(&mut tx, &caller, "room.change", &room.id, activity::difference(&room.key, &before, &after, secrets)).await?;
        tx.commit().await?;
        app.accounts.tell();
        let turns_out = room.visibility.is_closed() && (visibility != room.visibility || password_changed);
        app.supervisor.room_changed(&room.key, turns_out).await?;
        Ok(Json(after))
    })
    .await
}

async fn hash(app: &App, password: Option<Secret>) -> Answer<Option<String>> {
    match password {
        Some(password) => app.doorkeeper.hash(password).await.map(Some),
        None => Ok(None),
    }
}

async fn refuse_without_origin(tx: &mut Transaction, room: &Room) -> Answer<()> {
    match &room.origin_id {
        Some(origin_id) if !store::has_origin(tx, origin_id).await? => {
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
    whole(async move {
        let mut tx = app.store.begin().await?;
        tx.run("DELETE FROM rooms WHERE id = $1", args![&room.id]).await?;
        activity::record(&mut tx, &caller, "room.remove", &room.id, json!({"key": room.key, "title": room.title})).await?;
        scope::forget(&mut tx, Kind::Room, &room.id).await?;
        tx.commit().await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// A room that the caller sees by a permission, or 404.
pub(super) async fn existing(app: &App, caller: &Caller, key: &str) -> Answer<Room> {
    seen(app, &Sight::of(caller), key).await
}

/// A room that is in a sight, or 404.
pub(super) async fn seen(app: &App, sight: &Sight, key: &str) -> Answer<Room> {
    let room = store::find(&app.store, key).await?.ok_or_else(|| Problem::not_found("room"))?;
    let sees = scope::sees(&app.store, sight, Kind::Room, &room.id).await?;
    if sees { Ok(room) } else { Err(Problem::not_found("room")) }
}

/// Which rooms somebody sees: those of their groups, or those in which they may do something.
fn sight(caller: &Caller) -> Sight {
    Sight::with(caller, &[Permission::BroadcastView, Permission::RoomManage])
}
