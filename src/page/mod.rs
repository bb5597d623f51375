//! Server-rendered pages: front page, login, control room, rooms. What lives in them is mounted by the scripts of `web/`.

mod admin;
mod door;
mod embed_script;
mod fault;
mod frame;
mod front;
pub mod language;
mod login;
pub mod mail;
mod moderate;
mod onward;
mod packed;
mod policy;
mod reference;
mod register;
mod room;
mod talk;
mod thumbnail;
mod visit;
mod watch;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::App;
use crate::http::assets::{self, Assets};
pub(crate) use onward::onward;
use visit::Visit;

/// The pages and what they load.
pub fn routes() -> Router<App> {
    if let Err(error) = Assets::get() {
        tracing::error!(%error, "there are no pages to show");
    }
    Router::new()
        .route("/", get(front::show))
        .route("/login", get(login::show))
        .route("/admin", get(admin::show))
        .route("/api/v1/docs", get(reference::show))
        .route("/watch/{key}", get(watch::show))
        .route("/watch/{key}/enter", post(door::enter))
        .route("/watch/{key}/register", get(register::show).post(register::send))
        .route("/watch/{key}/thumbnail.jpg", get(thumbnail::show))
        .route("/embed/{key}", get(watch::embed))
        .route("/embed/{key}/comments", get(talk::embed))
        .route("/embed.js", get(embed_script::show))
        .route("/moderate", get(moderate::all))
        .route("/moderate/{key}", get(moderate::one))
        .layer(axum::middleware::from_fn(packed::packed))
        .merge(assets::routes())
}

/// The page for an address that leads nowhere.
pub async fn not_found(parts: &mut Parts, app: &App) -> Response {
    let Ok(visit) = Visit::from_request_parts(parts, app).await;
    fault::not_found(&visit).unwrap_or_else(IntoResponse::into_response)
}
