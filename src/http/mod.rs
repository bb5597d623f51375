//! What every route shares: the router, problems (errors), extractors, guards, the `OpenAPI` document.
//!
//! A feature brings `routes() -> OpenApiRouter<App>` with paths below `/api/v1`, and handlers that answer [`Answer`]. Every handler names the
//! permission it needs by its first argument, [`Allowed`](crate::account::Allowed).

pub mod address;
pub mod assets;
pub mod check;
pub mod cookie;
mod etag;
mod fallback;
mod guard;
mod idempotency;
pub mod json;
pub mod list;
pub mod openapi;
mod parts;
mod problem;
pub mod serve;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

pub(crate) use self::guard::content_policy;
pub use self::json::{Json, Maybe};
pub use self::list::{List, Page};
pub use self::parts::{Path, Query};
pub use self::problem::{Answer, Problem};
use crate::app::App;
use crate::{account, broadcast, comment, node, origin, page, preset, room, schedule, server, telemetry, webhook};

/// Does something to its end even where the caller hangs up in the middle: what is kept and what runs must not part ways.
pub async fn whole<T: Send + 'static>(work: impl Future<Output = Answer<T>> + Send + 'static) -> Answer<T> {
    tokio::spawn(work).await.map_err(Problem::internal)?
}

/// Every feature's routes below `/api/v1`.
fn features() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(account::routes())
        .merge(server::routes())
        .merge(origin::routes())
        .merge(room::routes())
        .merge(broadcast::routes())
        .merge(comment::routes())
        .merge(preset::routes())
        .merge(schedule::routes())
        .merge(node::routes())
        .merge(webhook::routes())
}

/// The whole site.
pub fn router(app: App) -> Router {
    let (api, document) = openapi::split(features());
    let document = openapi::Served::new(&document);
    let tags = etag::Tags::new(app.store.clone(), api.clone().with_state(app.clone()));
    let api = api.layer(from_fn_with_state(tags, etag::tagged)).layer(from_fn_with_state(app.clone(), idempotency::once));
    Router::new()
        .merge(api)
        .route("/api/v1/openapi.json", get(move || async move { document.answer() }))
        .merge(broadcast::public())
        .merge(origin::public())
        .merge(comment::public())
        .merge(room::public())
        .merge(telemetry::routes())
        .merge(account::oidc::routes())
        .merge(page::routes())
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .layer(from_fn_with_state(app.clone(), node::send_on))
        .layer(from_fn(guard::refuse_nul))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(from_fn(guard::security_headers))
        .layer(from_fn(guard::log))
        .with_state(app)
}
