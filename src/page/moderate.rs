//! Where comments are moderated: all rooms that somebody looks after, and one of them. What may be seen and done there the API and the room's
//! socket decide; these pages hold nothing that is not public.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use url::form_urlencoded;

use super::fault;
use super::frame::{Frame, NoPages, answer};
use super::visit::Visit;
use crate::app::App;
use crate::http::{Path, Problem};

#[derive(Template)]
#[template(path = "moderate.html")]
struct Moderate<'a> {
    page: &'a Frame,
    data: String,
}

/// `GET /moderate`: the rooms.
pub(super) async fn all(visit: Visit) -> Result<Response, NoPages> {
    if visit.caller.is_none() {
        return Ok(to_login(&visit.path));
    }
    let title = visit.language.message("moderate.title");
    let page = Frame::new(&visit, "moderate", Some("moderate"), Some(title))?;
    Ok(answer(StatusCode::OK, &Moderate { page: &page, data: json!({}).to_string() }, &page))
}

/// `GET /moderate/{key}`: one of them.
pub(super) async fn one(State(app): State<App>, visit: Visit, key: Result<Path<String>, Problem>) -> Result<Response, NoPages> {
    if visit.caller.is_none() {
        return Ok(to_login(&visit.path));
    }
    let Ok(Path(key)) = key else { return fault::not_found(&visit) };
    let room = match crate::room::find(&app.store, &key).await {
        Ok(Some(room)) => room,
        Ok(None) => return fault::not_found(&visit),
        Err(error) => return fault::broken(&visit, &error),
    };
    let page = Frame::new(&visit, "moderate", Some("moderate"), Some(&room.title))?;
    let data = json!({ "roomKey": room.key, "title": room.title }).to_string();
    Ok(answer(StatusCode::OK, &Moderate { page: &page, data }, &page))
}

fn to_login(path: &str) -> Response {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", path).finish();
    Redirect::to(&format!("/login?{query}")).into_response()
}
