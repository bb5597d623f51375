//! A room's comments alone, for other sites.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::door;
use super::fault;
use super::frame::{Frame, NoPages, answer};
use super::policy::{self, Policy};
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
pub(super) async fn embed(
    State(app): State<App>,
    mut visit: Visit,
    headers: HeaderMap,
    key: Result<Path<String>, Problem>,
) -> Result<Response, NoPages> {
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
    let visit = visit.to_room(&room);
    let mut response = match crate::room::ask(&app, &room, &visit.visitor()).await {
        Ok(Admission::Admitted(_)) => {
            let page = Frame::new(&visit, "embed", Some("talk"), Some(&room.title))?.of_room(&room);
            let data = json!({ "roomKey": room.key }).to_string();
            answer(StatusCode::OK, &EmbedComments { page: &page, room: &room, data }, &page)
        }
        Ok(Admission::NeedsPassword) => door::embed(&visit, &room, "door.text")?,
        Ok(Admission::NeedsRegistration) => door::embed(&visit, &room, "register.needed")?,
        Err(error) => return fault::broken(&visit, &error),
    };
    policy::open_to_sites(response.headers_mut(), &room, headers.get(header::ORIGIN));
    if let Some(policy) = policy::policy(&Policy { frames: Some(&room.sites.0), ..Policy::default() }) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}
