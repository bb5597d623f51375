//! A room's registrations for its organisers: read, exported, deleted. Every export and every deletion stands in the activity log, without
//! what it was about.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::fields::moment;
use super::form::Field;
use super::registration::{self, Registration, Unwanted};
use super::routes::{existing, seen};
use super::store::Room;
use super::{answers, csv};
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, Caller, Permission, Permissions, Sight, activity, perm};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, whole};
use crate::moment::rfc3339;
use crate::store::{Store, StoreError, Transaction};

/// Rows that an export reads at a time.
const ROWS: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, remove_old)).routes(routes!(export)).routes(routes!(remove)).routes(routes!(forget))
}

/// A room whose registrations the caller may read, or 404.
async fn exported(app: &App, caller: &Caller, key: &str) -> Answer<Room> {
    seen(app, &Sight::with(caller, &[Permission::RoomExport]), key).await
}

/// What somebody has filled in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegistrationView {
    id: String,
    /// The first registration of the same person, where this is a later one from another browser.
    same_as: Option<String>,
    name: String,
    email: Option<String>,
    /// E.164.
    phone: Option<String>,
    /// What was filled in, by the ids of the form's fields.
    answers: BTreeMap<String, String>,
    /// From how many browsers this person has registered.
    browsers: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

fn view(registration: Registration) -> RegistrationView {
    RegistrationView {
        id: registration.id,
        same_as: registration.same_as,
        name: registration.name,
        email: registration.email,
        phone: registration.phone,
        answers: registration.answers.0,
        browsers: registration.browsers,
        created_at: rfc3339(registration.created_ms),
        changed_at: rfc3339(registration.changed_ms),
    }
}

/// Which registrations are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500 (100).
    #[param(value_type = Option<u64>, maximum = 4_294_967_295u32)]
    limit: Option<u32>,
    /// What stands in the name, the e-mail address or the number.
    search: Option<String>,
    /// Also those that a person made later, from other browsers (no).
    #[serde(default)]
    linked: bool,
}

/// Who has registered, oldest first.
#[utoipa::path(
    get, path = "/rooms/{key}/registrations", tag = "room", params(("key" = String, Path), Wanted),
    responses((status = 200, body = List<RegistrationView>), (status = 404, body = Problem))
)]
async fn list(
    caller: Allowed<InSomeRoom<perm::RoomExport>>,
    State(app): State<App>,
    Path(key): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<List<RegistrationView>>> {
    let room = exported(&app, &caller, &key).await?;
    let page = Page { cursor: wanted.cursor, limit: wanted.limit };
    let search: String = wanted.search.unwrap_or_default().chars().take(200).collect();
    let rows = registration::page(&app.store, &room.id, page.after(), page.rows(), wanted.linked, &search).await?;
    Ok(Json(page.list(rows, |row| row.id.clone(), view)))
}

/// Who has registered, as a table for spreadsheets: one row a person. What a spreadsheet would run begins with `'`.
#[utoipa::path(
    get, path = "/rooms/{key}/registrations.csv", tag = "room", params(("key" = String, Path)),
    responses((status = 200, content_type = "text/csv"), (status = 404, body = Problem))
)]
async fn export(caller: Allowed<InSomeRoom<perm::RoomExport>>, State(app): State<App>, Path(key): Path<String>) -> Answer<Response> {
    let room = exported(&app, &caller, &key).await?;
    activity::alone(&app.store, &caller, "registration.export", &room.id, json!({"key": room.key})).await?;
    let fields: Vec<Field> = room.form.0.all().cloned().collect();
    let labels = fields.iter().map(|field| field.label.as_str());
    let head = csv::line(["Registered", "Changed"].into_iter().chain(labels).chain(["Agreed to", "Browsers", "Id"]));
    let body = Body::from_stream(rows(app.store.clone(), room.id, fields, format!("{}{head}", csv::BEGIN)));
    // A key has letters, digits and `-` only.
    let name = HeaderValue::try_from(format!("attachment; filename=\"{}-registrations.csv\"", room.key)).map_err(Problem::internal)?;
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    let fixed =
        [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((fixed, body).into_response())
}

/// The lines of an export, read as fast as they are taken.
fn rows(store: Store, room_id: String, fields: Vec<Field>, head: String) -> impl stream::Stream<Item = Result<Bytes, StoreError>> {
    struct Reading {
        after: Option<String>,
        head: String,
    }
    stream::try_unfold(Reading { after: Some(String::new()), head }, move |reading| {
        let (store, room_id, fields) = (store.clone(), room_id.clone(), fields.clone());
        async move {
            let Some(after) = reading.after else { return Ok(None) };
            let rows = registration::page(&store, &room_id, &after, ROWS, false, "").await?;
            let is_last = rows.len() < ROWS as usize;
            let mut text = reading.head;
            for row in &rows {
                text.push_str(&line(row, &fields));
            }
            let after = rows.last().filter(|_| !is_last).map(|row| row.id.clone());
            Ok(Some((Bytes::from(text), Reading { after, head: String::new() })))
        }
    })
}

fn line(row: &Registration, fields: &[Field]) -> String {
    let (created, changed, browsers) = (rfc3339(row.created_ms), rfc3339(row.changed_ms), row.browsers.to_string());
    let answers = fields.iter().map(|field| row.answers.0.get(&field.id).map_or("", String::as_str));
    let cells = [created.as_str(), &changed].into_iter().chain(answers).chain([row.consent.as_str(), &browsers, &row.id]);
    csv::line(cells)
}

/// How many were deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deleted {
    /// Registrations.
    deleted: usize,
    /// Comments, where a person was forgotten.
    comments: usize,
}

/// Deletes everything that a person filled in at a room, from all of their browsers.
#[utoipa::path(
    delete, path = "/rooms/{key}/registrations/{id}", tag = "room", params(("key" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn remove(caller: Allowed<perm::RoomManage>, State(app): State<App>, Path((key, id)): Path<(String, String)>) -> Answer<StatusCode> {
    let room = existing(&app, &caller, &key).await?;
    whole(async move {
        let mut tx = app.store.begin().await?;
        let deleted = registration::delete(&mut tx, &Unwanted::Person { room_id: room.id.clone(), id }).await?;
        if deleted == 0 {
            return Err(Problem::not_found("registration"));
        }
        activity::record(&mut tx, &caller, "registration.remove", &room.id, json!({"key": room.key, "deleted": deleted})).await?;
        tx.commit().await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Up to when.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Before {
    /// RFC 3339; what was last changed before it goes.
    before: String,
}

/// Deletes what was filled in at a room before a moment.
#[utoipa::path(
    delete, path = "/rooms/{key}/registrations", tag = "room", params(("key" = String, Path), Before),
    responses((status = 200, body = Deleted), (status = 404, body = Problem), (status = 422, body = Problem))
)]
async fn remove_old(
    caller: Allowed<perm::RoomManage>,
    State(app): State<App>,
    Path(key): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Answer<Json<Deleted>> {
    let room = existing(&app, &caller, &key).await?;
    let before_ms = moment("before", &before)?;
    let detail = json!({"key": room.key, "before": before});
    let (caller, unwanted) = (caller.clone(), Unwanted::Before { room_id: room.id.clone(), before_ms });
    whole(async move {
        let deleted = delete_all(&app, &caller, &unwanted, &room.id, detail).await?;
        Ok(Json(Deleted { deleted, comments: 0 }))
    })
    .await
}

/// Whose data is to be deleted: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forgotten {
    email: Option<String>,
    phone: Option<String>,
}

/// Deletes what a person filled in and wrote at all rooms that the caller sees, and when they were there, by their e-mail address or telephone
/// number. Whoever said their number before a comment and never registered is found by it, too.
#[utoipa::path(
    post, path = "/registrations/forget", tag = "room", request_body = Forgotten,
    responses((status = 200, body = Deleted), (status = 422, body = Problem))
)]
async fn forget(caller: Allowed<perm::RoomManage>, State(app): State<App>, Json(whose): Json<Forgotten>) -> Answer<Json<Deleted>> {
    let sight = Sight::of(&caller);
    let (unwanted, by) = match (whose.email, whose.phone) {
        (Some(email), None) => {
            let email = answers::email(&email).ok_or_else(|| Problem::invalid("email", "This is no e-mail address."))?;
            (Unwanted::Email { email: email.to_lowercase(), sight }, "email")
        }
        (None, Some(phone)) => {
            let phone = answers::phone(&phone, app.settings.room.phone_region);
            let phone = phone.ok_or_else(|| Problem::invalid("phone", "This is no telephone number."))?;
            (Unwanted::Phone { phone, sight }, "phone")
        }
        _ => return Err(Problem::unprocessable("invalid_field", "Give either `email` or `phone`.")),
    };
    let caller = caller.clone();
    whole(async move {
        let mut viewers = registration::viewers_of(&app.store, &unwanted).await?;
        if let Unwanted::Phone { phone, sight } = &unwanted {
            viewers.extend(app.comments.viewers_of_phone(phone, sight).await?);
        }
        let sight = Sight::of(&caller);
        let mut comments = 0;
        for viewer_id in &viewers {
            comments += app.comments.forget(*viewer_id, &sight).await?;
        }
        let detail = json!({"by": by, "comments": comments});
        let deleted = delete_all(&app, &caller, &unwanted, "", detail).await?;
        for viewer_id in viewers {
            registration::forget_name(&app.store, viewer_id).await?;
        }
        Ok(Json(Deleted { deleted, comments }))
    })
    .await
}

async fn delete_all(app: &App, caller: &Caller, unwanted: &Unwanted, subject: &str, mut detail: serde_json::Value) -> Answer<usize> {
    let mut deleted = 0;
    loop {
        let mut tx = app.store.begin().await?;
        let now = registration::delete(&mut tx, unwanted).await?;
        deleted += now;
        if now == 0 {
            detail["deleted"] = json!(deleted);
            activity::record(&mut tx, caller, "registration.remove", subject, detail).await?;
            tx.commit().await?;
            return Ok(deleted);
        }
        tx.commit().await?;
    }
}

/// Writes down what was deleted for its age.
pub(super) async fn record_retention(tx: &mut Transaction, days: u32, deleted: usize) -> Result<(), StoreError> {
    activity::record(tx, &nobody(), "registration.remove", "", json!({"after_days": days, "deleted": deleted})).await
}

/// Writes down that a viewer took back what they had filled in.
pub(super) async fn record_withdrawal(tx: &mut Transaction, key: &str, deleted: usize) -> Result<(), StoreError> {
    activity::record(tx, &nobody(), "registration.withdraw", "", json!({"key": key, "deleted": deleted})).await
}

/// No user: what was done by the program itself, or by a viewer.
fn nobody() -> Caller {
    Caller { permissions: Permissions::default(), ..Caller::automatic("Bluecast".to_owned()) }
}
