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
use crate::account::{Allowed, Caller, activity, perm};
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
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

fn view(server: Server) -> ServerView {
    ServerView {
        id: server.id,
        name: server.name,
        url: server.url,
        created_at: rfc3339(server.created_ms),
        changed_at: rfc3339(server.changed_ms),
    }
}

/// The servers.
#[utoipa::path(
    get,
    path = "/servers",
    tag = "server",
    params(Page),
    responses((status = 200, body = List<ServerView>))
)]
async fn list(
    _caller: Allowed<(perm::ServerUse, perm::ServerManage)>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<ServerView>>> {
    let servers = store::page(&app.store, page.after(), page.rows()).await?;
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
    _caller: Allowed<(perm::ServerUse, perm::ServerManage)>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Json<ServerView>> {
    Ok(Json(view(existing(&app, &id).await?)))
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
    put(&app, &caller, "server.create", &server).await?;
    Ok((StatusCode::CREATED, Json(view(server))))
}

/// What changes about a server; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerChange {
    name: Option<String>,
    url: Option<String>,
    #[schema(value_type = Option<String>, format = Password)]
    secret: Option<Secret>,
}

/// Changes a server.
#[utoipa::path(
    patch,
    path = "/servers/{id}",
    tag = "server",
    params(("id" = String, Path)),
    request_body = ServerChange,
    responses((status = 200, body = ServerView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
async fn change(
    caller: Allowed<perm::ServerManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(change): Json<ServerChange>,
) -> Answer<Json<ServerView>> {
    let mut server = existing(&app, &id).await?;
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
    put(&app, &caller, "server.change", &server).await?;
    Ok(Json(view(server)))
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
    let server = existing(&app, &id).await?;
    let mut tx = app.store.begin().await?;
    let uses = store::uses(&mut tx, &id).await?;
    if !uses.is_empty() {
        return Err(Problem::conflict("in_use", format!("This server is in use: {}.", uses.join(", "))));
    }
    tx.run("DELETE FROM servers WHERE id = $1", args![&id]).await?;
    activity::record(&mut tx, &caller, "server.remove", &id, json!({"name": server.name})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put(app: &App, caller: &Caller, action: &'static str, server: &Server) -> Answer<()> {
    let mut tx = app.store.begin().await?;
    store::put(&mut tx, server).await.map_err(|error| match error {
        StoreError::Taken => Problem::conflict("name_taken", "A server of this name exists already.").of_field("name"),
        error => error.into(),
    })?;
    activity::record(&mut tx, caller, action, &server.id, json!({"name": server.name, "url": server.url})).await?;
    tx.commit().await?;
    Ok(())
}

/// Reads an address in the forms people have it, and refuses one that may not be called where it is an address and no name.
pub(super) fn address(app: &App, text: &str) -> Answer<String> {
    let refused = |error: BbbError| Problem::unprocessable(error.code(), error.to_string()).of_field("url");
    let base = BaseUrl::parse(text).map_err(refused)?;
    app.settings.call_allow.check_url(base.url()).map_err(|error| refused(error.into()))?;
    Ok(base.to_string())
}

pub(super) async fn existing(app: &App, id: &str) -> Answer<Server> {
    store::find(&app.store, id).await?.ok_or_else(|| Problem::not_found("server"))
}
