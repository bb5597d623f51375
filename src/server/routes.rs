//! BBB servers over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Server};
use super::{meetings, trial};
use crate::account::{Allowed, Caller, Kind, Sight, activity, group, perm, scope};
use crate::app::App;
use crate::bbb::{BaseUrl, BbbError};
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, check};
use crate::moment::{now_ms, rfc3339};
use crate::secret::Secret;
use crate::store::{StoreError, args};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(meetings::list))
        .routes(routes!(meetings::join))
        .routes(routes!(trial::kept))
        .routes(routes!(trial::unsaved))
}

/// A BBB server. Its secret is never returned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerView {
    id: String,
    name: String,
    /// Where its API is.
    url: String,
    /// Ids of the groups that it belongs to, of those that the caller sees.
    groups: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

fn view(server: Server, groups: Vec<String>) -> ServerView {
    ServerView {
        groups,
        id: server.id,
        name: server.name,
        url: server.url,
        created_at: rfc3339(server.created_ms),
        changed_at: rfc3339(server.changed_ms),
    }
}

/// The servers that the caller sees.
#[utoipa::path(
    get,
    path = "/servers",
    tag = "server",
    params(Page),
    responses((status = 200, body = List<ServerView>))
)]
async fn list(
    caller: Allowed<(perm::ServerUse, perm::ServerManage)>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<ServerView>>> {
    let servers = store::page(&app.store, &Sight::of(&caller), page.after(), page.rows()).await?;
    let ends = servers.first().zip(servers.last()).map(|(first, last)| (first.id.clone(), last.id.clone())).unwrap_or_default();
    let mut groups = scope::shown_between(&app.store, &caller, Kind::Server, &ends.0, &ends.1).await?;
    let view = |server: Server| {
        let groups = groups.remove(&server.id).unwrap_or_default();
        self::view(server, groups)
    };
    Ok(Json(page.list(servers, |server| server.id.clone(), view)))
}

/// A server.
#[utoipa::path(
    get,
    path = "/servers/{id}",
    tag = "server",
    params(("id" = String, Path)),
    responses((status = 200, body = ServerView), (status = 404, body = Problem))
)]
async fn show(
    caller: Allowed<(perm::ServerUse, perm::ServerManage)>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Json<ServerView>> {
    let server = existing(&app, &caller, &id).await?;
    Ok(Json(view(server, scope::shown(&app.store, &caller, Kind::Server, &id).await?)))
}

/// A server to be added. `bbb-conf --secret` prints its address and secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewServer {
    name: String,
    #[schema(example = "https://bbb.example.org/bigbluebutton/")]
    url: String,
    #[schema(value_type = String, format = Password)]
    secret: Secret,
    /// Ids or names of groups; those of the caller where left out, and none for an admin's.
    groups: Option<Vec<String>>,
}

/// Adds a server.
#[utoipa::path(
    post,
    path = "/servers",
    tag = "server",
    request_body = NewServer,
    responses((status = 201, body = ServerView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(
    caller: Allowed<perm::ServerManage>,
    State(app): State<App>,
    Json(new): Json<NewServer>,
) -> Answer<(StatusCode, Json<ServerView>)> {
    let name = check::name("name", &new.name)?;
    let url = address(&app, &new.url)?;
    let secret = check::secret("secret", &new.secret)?;
    let server = Server::new(name, url, &secret, &app.vault, now_ms());
    let mut tx = app.store.begin().await?;
    store::put(&mut tx, &server).await.map_err(taken)?;
    let groups = group::give(&mut tx, &caller, Kind::Server, &server.id, new.groups.as_deref(), true).await?;
    let detail = json!({"name": server.name, "url": server.url, "groups": groups});
    activity::record(&mut tx, &caller, "server.create", &server.id, detail).await?;
    tx.commit().await?;
    app.accounts.tell();
    Ok((StatusCode::CREATED, Json(view(server, groups))))
}

/// What changes about a server; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerChange {
    name: Option<String>,
    url: Option<String>,
    #[schema(value_type = Option<String>, format = Password)]
    secret: Option<Secret>,
    /// Ids or names of groups.
    groups: Option<Vec<String>>,
}

/// Changes a server.
#[utoipa::path(
    patch,
    path = "/servers/{id}",
    tag = "server",
    params(("id" = String, Path)),
    request_body = ServerChange,
    responses((status = 200, body = ServerView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn change(
    caller: Allowed<perm::ServerManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(change): Json<ServerChange>,
) -> Answer<Json<ServerView>> {
    let mut server = existing(&app, &caller, &id).await?;
    let before = view(server.clone(), scope::shown(&app.store, &caller, Kind::Server, &id).await?);
    let secrets: &[&str] = if change.secret.is_some() { &["secret"] } else { &[] };
    if let Some(name) = change.name {
        server.name = check::name("name", &name)?;
    }
    if let Some(url) = change.url {
        server.url = address(&app, &url)?;
    }
    if let Some(secret) = change.secret {
        server.set_secret(&app.vault, &check::secret("secret", &secret)?);
    }
    server.changed_ms = now_ms();
    let mut tx = app.store.begin().await?;
    store::put(&mut tx, &server).await.map_err(taken)?;
    let groups = match &change.groups {
        Some(groups) => group::give(&mut tx, &caller, Kind::Server, &id, Some(groups), false).await?,
        None => before.groups.clone(),
    };
    let after = view(server, groups);
    activity::record(&mut tx, &caller, "server.change", &id, activity::difference(&before.name, &before, &after, secrets)).await?;
    tx.commit().await?;
    app.accounts.tell();
    Ok(Json(after))
}

/// Removes a server; refused while something uses it.
#[utoipa::path(
    delete,
    path = "/servers/{id}",
    tag = "server",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn remove(caller: Allowed<perm::ServerManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let server = existing(&app, &caller, &id).await?;
    let mut tx = app.store.begin().await?;
    let uses = store::uses(&mut tx, &id).await?;
    if !uses.is_empty() {
        return Err(Problem::conflict("in_use", format!("This server is in use: {}.", uses.join(", "))));
    }
    tx.run("DELETE FROM servers WHERE id = $1", args![&id]).await?;
    activity::record(&mut tx, &caller, "server.remove", &id, json!({"name": server.name})).await?;
    scope::forget(&mut tx, Kind::Server, &id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn taken(error: StoreError) -> Problem {
    match error {
        StoreError::Taken => Problem::conflict("name_taken", "A server of this name exists already.").of_field("name"),
        error => error.into(),
    }
}

/// Reads an address in the forms people have it, and refuses one that may not be called where it is an address and no name.
pub(super) fn address(app: &App, text: &str) -> Answer<String> {
    let refused = |error: BbbError| Problem::unprocessable(error.code(), error.to_string()).of_field("url");
    let base = BaseUrl::parse(text).map_err(refused)?;
    app.settings.call_allow.check_url(base.url()).map_err(|error| refused(error.into()))?;
    Ok(base.to_string())
}

/// A server that the caller sees, or 404.
pub(super) async fn existing(app: &App, caller: &Caller, id: &str) -> Answer<Server> {
    let server = store::find(&app.store, id).await?.ok_or_else(|| Problem::not_found("server"))?;
    let sees = scope::sees(&app.store, &Sight::of(caller), Kind::Server, id).await?;
    if sees { Ok(server) } else { Err(Problem::not_found("server")) }
}
