//! The control room.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use super::frame::{Frame, NoPages, answer};
use super::visit::Visit;
use crate::app::App;
use crate::media::profile;

#[derive(Template)]
#[template(path = "admin.html")]
struct ControlRoom<'a> {
    page: &'a Frame,
    data: String,
}

pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, NoPages> {
    if visit.caller.is_none() {
        // The browser carries what stands behind `#` along by itself.
        return Ok(Redirect::to("/login?next=%2Fadmin").into_response());
    }
    let page = Frame::new(&visit, "admin", Some("admin"), Some(visit.language.message("nav.control_room")))?;
    let data = json!({ "profiles": profile::names(), "iceServers": ice_servers(&app) }).to_string();
    Ok(answer(StatusCode::OK, &ControlRoom { page: &page, data }, &page))
}

/// STUN and TURN servers as browsers take them.
pub(super) fn ice_servers(app: &App) -> Value {
    let servers = app.settings.webrtc.ice_servers.iter().map(|server| {
        let mut entry = json!({ "urls": server.url });
        if let (Some(username), Some(credential)) = (&server.username, &server.credential) {
            entry["username"] = json!(username);
            entry["credential"] = json!(credential.reveal());
        }
        entry
    });
    servers.collect()
}
