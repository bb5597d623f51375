//! What an admin does on an origin itself: try it, look at its streams, end one.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::client::Client;
use super::fields::OriginFields;
use super::push_check::{self, PushCheckView};
use super::routes::existing;
use super::store::{self, Edge, Origin};
use super::{OmeError, OriginError, carry};
use crate::account::{Allowed, Caller, Kind, Permission, Sight, activity, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, List, Path, Problem, whole};
use crate::moment::now_ms;
use crate::store::args;

/// Streams that are asked for more than their name, and how long that may take in all.
const DETAILS: usize = 32;
const DETAILS_WITHIN: Duration = Duration::from_secs(4);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(test))
        .routes(routes!(test_unsaved))
        .routes(routes!(streams))
        .routes(routes!(delete_stream))
        .merge(carry::routes())
}

/// Whether an origin and its edges do what they should.
#[derive(Debug, Serialize, ToSchema)]
struct TestView {
    /// The API of the origin itself; `no_api` where it has none.
    origin: CheckView,
    edges: Vec<EdgeCheckView>,
    /// The addresses that broadcasts are pushed to: connected to, and nothing published.
    push: Vec<PushCheckView>,
}

/// An edge's part of a test.
#[derive(Debug, Serialize, ToSchema)]
struct EdgeCheckView {
    name: String,
    #[serde(flatten)]
    check: CheckView,
}

/// What was found at one server.
#[derive(Debug, Serialize, ToSchema)]
struct CheckView {
    ok: bool,
    /// OME's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// What is wrong, in a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What is wrong, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// How long it took, in milliseconds.
    took_ms: u64,
}

/// Tries an origin: whether its addresses for pushing answer, whether its API is reached, takes the token, and has the application; and the same for each edge, whose applications
/// come by themselves.
#[utoipa::path(
    post, path = "/origins/{id}/test", tag = "origin", params(("id" = String, Path)),
    responses((status = 200, body = TestView), (status = 404, body = Problem))
)]
async fn test(caller: Allowed<perm::OriginManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<TestView>> {
    let origin = existing(&app, &caller, &id).await?;
    let edges = store::edges(&app.store, &id).await?;
    Ok(Json(tried(&app, &origin, edges).await))
}

/// Tries an origin that is not kept yet.
#[utoipa::path(
    post, path = "/origins/test", tag = "origin", request_body = OriginFields,
    responses((status = 200, body = TestView), (status = 422, body = Problem))
)]
async fn test_unsaved(
    _caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Json(fields): Json<OriginFields>,
) -> Answer<Json<TestView>> {
    let mut origin = Origin::new(fields.name.clone().unwrap_or_default(), fields.app.clone().unwrap_or_default(), now_ms());
    let mut edges = Vec::new();
    fields.apply(&mut origin, &mut edges, &app.vault)?;
    Ok(Json(tried(&app, &origin, edges).await))
}

async fn tried(app: &App, origin: &Origin, edges: Vec<Edge>) -> TestView {
    let own = check(app.origins.client(origin), &origin.vhost, Some(&origin.app));
    let others = join_all(edges.iter().map(|edge| check(app.origins.edge_client(edge), &origin.vhost, None)));
    let (own, others, push) = tokio::join!(own, others, push_check::check(app, origin));
    let edges = edges.into_iter().zip(others).map(|(edge, check)| EdgeCheckView { name: edge.name, check }).collect();
    TestView { origin: own, edges, push }
}

async fn check(client: Result<Client, OriginError>, vhost: &str, app: Option<&str>) -> CheckView {
    let started = Instant::now();
    let found = async {
        let client = client?;
        let version = client.version().await?.version;
        let apps = client.apps(vhost).await?;
        match app {
            Some(app) if !apps.iter().any(|name| name == app) => {
                Err(OmeError::NoApp { host: client.host(), vhost: vhost.to_owned(), app: app.to_owned() }.into())
            }
            _ => Ok::<_, OriginError>(version),
        }
    }
    .await;
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match found {
        Ok(version) => CheckView { ok: true, version: Some(version), code: None, detail: None, took_ms },
        Err(error) => CheckView { ok: false, version: None, code: Some(error.code()), detail: Some(error.to_string()), took_ms },
    }
}

/// A stream on an origin.
#[derive(Debug, Serialize, ToSchema)]
struct StreamView {
    name: String,
    /// What brings it there: `Rtmp`, `Srt`, `WebRTC`…
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type: Option<String>,
    /// Since when, as the origin says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// The broadcast that pushes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast_id: Option<String>,
}

/// The streams of the origin's application, as it lists them now.
#[utoipa::path(
    get, path = "/origins/{id}/streams", tag = "origin", params(("id" = String, Path)),
    responses((status = 200, body = List<StreamView>), (status = 404, body = Problem), (status = 502, body = Problem))
)]
async fn streams(caller: Allowed<perm::OriginManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<List<StreamView>>> {
    let origin = existing(&app, &caller, &id).await?;
    let client = app.origins.client(&origin)?;
    let names = client.streams(&origin.vhost, &origin.app).await?;
    let ours: Vec<(String, String)> = app
        .store
        .all(
            "SELECT stream_name, broadcast_id FROM targets WHERE origin_id = $1 AND stream_name IS NOT NULL AND removed_ms IS NULL",
            args![&id],
        )
        .await?;
    let ids: Vec<String> = ours.iter().map(|(_, broadcast_id)| broadcast_id.clone()).collect();
    let seen = scope::seen_of(&app.store, &Sight::with(&caller, &[Permission::BroadcastView]), Kind::Broadcast, &ids).await?;
    let deadline = Instant::now() + DETAILS_WITHIN;
    let mut items = Vec::with_capacity(names.len());
    for (index, name) in names.into_iter().enumerate() {
        let asks = index < DETAILS && Instant::now() < deadline;
        let detail = if asks { client.stream(&origin.vhost, &origin.app, &name).await.ok() } else { None };
        let ours = ours.iter().find(|(stream, id)| *stream == name && seen.contains(id));
        let broadcast_id = ours.map(|(_, id)| id.clone());
        let input = detail.map(|detail| detail.input);
        items.push(StreamView {
            name,
            source_type: input.as_ref().map(|input| input.source_type.clone()),
            since: input.map(|input| input.created_time),
            broadcast_id,
        });
    }
    Ok(Json(List::whole(items)))
}

/// Ends a stream on an origin. Whoever pushes it may come back at once.
#[utoipa::path(
    delete, path = "/origins/{id}/streams/{name}", tag = "origin", params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 502, body = Problem))
)]
async fn delete_stream(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let (origin, client) = reach(&app, &caller, &id).await?;
    let caller = caller.clone();
    whole(async move {
        client.delete_stream(&origin.vhost, &origin.app, &name).await?;
        activity::alone(&app.store, &caller, "stream.delete", &id, json!({ "origin": origin.name, "stream": name })).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// An origin and the client of its API.
pub(super) async fn reach(app: &App, caller: &Caller, id: &str) -> Answer<(Origin, Client)> {
    let origin = existing(app, caller, id).await?;
    let client = app.origins.client(&origin)?;
    Ok((origin, client))
}
