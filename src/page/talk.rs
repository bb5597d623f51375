//! A room's comments alone, for other sites.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::door;
use super::fault;
use super::frame::{Frame, NoPages, answer};
use super::visit::Visit;
use crate::app::App;
use crate::http::{Path, Problem};
use crate::room::{Admission, Room};

#[derive(Template)]
#[template(path = "embed_comments.html")]
struct EmbedComments<'a> {
    page: &'a Frame,
    room: &'a Room,
    data: String,
}

/// `GET /embed/{key}/comments`. The site around says which theme fits it: our cookie does not come along into its frame.
pub(super) async fn embed(State(app): State<App>, mut visit: Visit, key: Result<Path<String>, Problem>) -> Result<Response, NoPages> {
    let Ok(Path(key)) = key else { return fault::not_found(&visit) };
    match visit.asked("theme") {
        Some("light") => visit.theme = "light",
        Some("dark") => visit.theme = "dark",
        _ => {}
    }
    let room = match crate::room::find(&app.store, &key).await {
        Ok(Some(room)) => room,
        Ok(None) => return fault::not_found(&visit),
        Err(error) => return fault::broken(&visit, &error),
    };
    match crate::room::ask(&app, &room, &visit.visitor()).await {
        Ok(Admission::Admitted(_)) => {}
        Ok(Admission::NeedsPassword) => return door::embed(&visit, &room),
        Err(error) => return fault::broken(&visit, &error),
    }
    let page = Frame::new(&visit, "embed", Some("talk"), Some(&room.title))?;
    let data = json!({ "roomKey": room.key }).to_string();
    Ok(answer(StatusCode::OK, &EmbedComments { page: &page, room: &room, data }, &page))
}
