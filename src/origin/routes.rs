//! Origins over HTTP.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::fields::OriginFields;
use super::operate;
use super::store::{self, Edge, Origin};
use crate::account::{Allowed, Caller, Kind, Sight, activity, group, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query};
use crate::moment::{now_ms, rfc3339};
use crate::store::{StoreError, Transaction, args};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove)).merge(operate::routes())
}

/// An origin. The token of its API is never returned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginView {
    id: String,
    name: String,
    whip_url: Option<String>,
    rtmp_url: Option<String>,
    srt_url: Option<String>,
    /// The application on it.
    app: String,
    /// The virtual host that the application is in.
    vhost: String,
    api_url: Option<String>,
    /// Whether a token for its API is kept.
    has_api_token: bool,
    playback: PlaybackView,
    /// Whether a secret is kept with which it checks addresses by itself.
    has_signing_secret: bool,
    /// The servers behind it that viewers are on.
    edges: Vec<EdgeView>,
    /// Ids of the groups that it belongs to, of those that the caller sees.
    groups: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

/// Where viewers watch: templates with `{app}` and `{name}`.
#[derive(Debug, Serialize, ToSchema)]
struct PlaybackView {
    webrtc: Option<String>,
    llhls: Option<String>,
}

/// A server behind an origin. The token of its API is never returned.
#[derive(Debug, Serialize, ToSchema)]
struct EdgeView {
    id: String,
    name: String,
    api_url: String,
    /// Whether a token for its API is kept.
    has_api_token: bool,
}

fn view(origin: Origin, edges: Vec<Edge>, groups: Vec<String>) -> OriginView {
    let edge = |edge: Edge| EdgeView { has_api_token: edge.has_api_token(), id: edge.id, name: edge.name, api_url: edge.api_url };
    OriginView {
        has_api_token: origin.has_api_token(),
        has_signing_secret: origin.has_signing_secret(),
        groups,
        id: origin.id,
        name: origin.name,
        whip_url: origin.whip_url,
        rtmp_url: origin.rtmp_url,
        srt_url: origin.srt_url,
        app: origin.app,
        vhost: origin.vhost,
        api_url: origin.api_url,
        playback: PlaybackView { webrtc: origin.playback_webrtc, llhls: origin.playback_llhls },
        edges: edges.into_iter().map(edge).collect(),
        created_at: rfc3339(origin.created_ms),
        changed_at: rfc3339(origin.changed_ms),
    }
}

/// The origins.
#[utoipa::path(
    get,
    path = "/origins",
    tag = "origin",
    params(Page),
    responses((status = 200, body = List<OriginView>))
)]
async fn list(
    caller: Allowed<(perm::OriginUse, perm::OriginManage)>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<OriginView>>> {
    let origins = store::page(&app.store, &Sight::of(&caller), page.after(), page.rows()).await?;
    let ends = origins.first().zip(origins.last()).map(|(first, last)| (first.id.as_str(), last.id.as_str())).unwrap_or_default();
    let mut edges: HashMap<String, Vec<Edge>> = HashMap::new();
    for edge in store::edges_of(&app.store, ends.0, ends.1).await? {
        edges.entry(edge.origin_id.clone()).or_default().push(edge);
    }
    let mut groups = scope::shown_between(&app.store, &caller, Kind::Origin, ends.0, ends.1).await?;
    let view = |origin: Origin| {
        let edges = edges.remove(&origin.id).unwrap_or_default();
        let groups = groups.remove(&origin.id).unwrap_or_default();
        self::view(origin, edges, groups)
    };
    Ok(Json(page.list(origins, |origin| origin.id.clone(), view)))
}

/// An origin.
#[utoipa::path(
    get,
    path = "/origins/{id}",
    tag = "origin",
    params(("id" = String, Path)),
    responses((status = 200, body = OriginView), (status = 404, body = Problem))
)]
async fn show(
    caller: Allowed<(perm::OriginUse, perm::OriginManage)>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Json<OriginView>> {
    let origin = existing(&app, &caller, &id).await?;
    let groups = scope::shown(&app.store, &caller, Kind::Origin, &id).await?;
    Ok(Json(view(origin, store::edges(&app.store, &id).await?, groups)))
}

/// Makes an origin.
#[utoipa::path(
    post,
    path = "/origins",
    tag = "origin",
    request_body = OriginFields,
    responses((status = 201, body = OriginView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Json(fields): Json<OriginFields>,
) -> Answer<(StatusCode, Json<OriginView>)> {
    let missing = |field: &str| Problem::unprocessable("missing_field", format!("The field `{field}` is missing.")).of_field(field);
    let name = fields.name.clone().ok_or_else(|| missing("name"))?;
    let application = fields.app.clone().ok_or_else(|| missing("app"))?;
    let mut origin = Origin::new(name, application, now_ms());
    let mut edges = Vec::new();
    let groups = fields.groups.clone();
    fields.apply(&mut origin, &mut edges, &app.vault)?;
    let mut tx = app.store.begin().await?;
    // Before it is written down, so that its groups see the line.
    let groups = group::give(&mut tx, &caller, Kind::Origin, &origin.id, groups.as_deref(), true).await?;
    put(&mut tx, &caller, "origin.create", &origin, &edges).await?;
    tx.commit().await?;
    app.accounts.tell();
    Ok((StatusCode::CREATED, Json(view(origin, edges, groups))))
}

/// Changes an origin.
#[utoipa::path(
    patch,
    path = "/origins/{id}",
    tag = "origin",
    params(("id" = String, Path)),
    request_body = OriginFields,
    responses((status = 200, body = OriginView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn change(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(fields): Json<OriginFields>,
) -> Answer<Json<OriginView>> {
    let mut origin = existing(&app, &caller, &id).await?;
    let shown = scope::shown(&app.store, &caller, Kind::Origin, &id).await?;
    let mut tx = app.store.begin().await?;
    let mut edges = store::edges_in(&mut tx, &id).await?;
    let before = view(origin.clone(), edges.clone(), shown.clone());
    let (wanted, secrets) = (fields.groups.clone(), fields.secrets());
    fields.apply(&mut origin, &mut edges, &app.vault)?;
    origin.changed_ms = now_ms();
    let groups = match wanted {
        Some(wanted) => group::give(&mut tx, &caller, Kind::Origin, &id, Some(&wanted), false).await?,
        None => shown,
    };
    write(&mut tx, &origin, &edges).await?;
    let after = view(origin, edges, groups);
    activity::record(&mut tx, &caller, "origin.change", &id, activity::difference(&before.name, &before, &after, &secrets)).await?;
    tx.commit().await?;
    app.accounts.tell();
    Ok(Json(after))
}

/// Removes an origin; refused while something uses it.
#[utoipa::path(
    delete,
    path = "/origins/{id}",
    tag = "origin",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn remove(caller: Allowed<perm::OriginManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let origin = existing(&app, &caller, &id).await?;
    let mut tx = app.store.begin().await?;
    let uses = store::uses(&mut tx, &id).await?;
    if !uses.is_empty() {
        return Err(Problem::conflict("in_use", format!("This origin is in use: {}.", uses.join(", "))));
    }
    tx.run("DELETE FROM origins WHERE id = $1", args![&id]).await?;
    activity::record(&mut tx, &caller, "origin.remove", &id, json!({"name": origin.name})).await?;
    scope::forget(&mut tx, Kind::Origin, &id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes an origin with its edges, and who did it.
pub(super) async fn put(tx: &mut Transaction, caller: &Caller, action: &'static str, origin: &Origin, edges: &[Edge]) -> Answer<()> {
    write(tx, origin, edges).await?;
    let names: Vec<&str> = edges.iter().map(|edge| edge.name.as_str()).collect();
    let detail = json!({ "name": origin.name, "vhost": origin.vhost, "app": origin.app, "edges": names });
    Ok(activity::record(tx, caller, action, &origin.id, detail).await?)
}

async fn write(tx: &mut Transaction, origin: &Origin, edges: &[Edge]) -> Answer<()> {
    store::put(tx, origin).await.map_err(|error| match error {
        StoreError::Taken => Problem::conflict("name_taken", "An origin of this name exists already.").of_field("name"),
        error => error.into(),
    })?;
    Ok(store::put_edges(tx, &origin.id, edges).await?)
}

/// An origin that the caller sees, or 404.
pub(super) async fn existing(app: &App, caller: &Caller, id: &str) -> Answer<Origin> {
    let origin = store::find(&app.store, id).await?.ok_or_else(|| Problem::not_found("origin"))?;
    let sees = scope::sees(&app.store, &Sight::of(caller), Kind::Origin, id).await?;
    if sees { Ok(origin) } else { Err(Problem::not_found("origin")) }
}
