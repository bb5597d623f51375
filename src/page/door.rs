//! The door of a room that asks for a password: a plain form, which works without a script.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use url::form_urlencoded;
use uuid::Uuid;

use super::fault;
use super::frame::{Frame, NoPages, answer};
use super::visit::Visit;
use crate::account::cross_site;
use crate::app::App;
use crate::http::address::ClientAddress;
use crate::http::{Answer, Path, Problem, json};
use crate::room::{self, Room, viewer};
use crate::secret::Secret;

/// Longest body that is read, in bytes.
const BODY_BYTES: usize = 8 * 1024;

#[derive(Template)]
#[template(path = "door.html")]
struct Door<'a> {
    page: &'a Frame,
    title: &'a str,
    key: &'a str,
    /// What was wrong with the last try.
    wrong: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "door_embed.html")]
struct EmbedDoor<'a> {
    page: &'a Frame,
    title: &'a str,
    key: &'a str,
    /// What is asked for.
    text: &'static str,
}

/// The door. It tells the room's title and nothing else of it.
pub(super) fn show(visit: &Visit, room: &Room) -> Result<Response, NoPages> {
    form(visit, room, StatusCode::OK, None)
}

/// The door in another site's frame, where our cookie does not come along: it leads to the room's own page.
pub(super) fn embed(visit: &Visit, room: &Room, text: &'static str) -> Result<Response, NoPages> {
    let page = Frame::new(visit, "embed", None, Some(&room.title))?.of_room(room);
    let door = EmbedDoor { text: page.t(text), page: &page, title: &room.title, key: &room.key };
    Ok(answer(StatusCode::OK, &door, &page))
}

fn form(visit: &Visit, room: &Room, status: StatusCode, wrong: Option<&'static str>) -> Result<Response, NoPages> {
    let page = Frame::new(visit, "door", None, Some(&room.title))?.of_room(room);
    let wrong = wrong.map(|key| page.t(key));
    Ok(answer(status, &Door { page: &page, title: &room.title, key: &room.key, wrong }, &page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    password: Secret,
}

/// `POST /watch/{key}/enter`: the password, from the form or in JSON.
pub(super) async fn enter(
    State(app): State<App>,
    visit: Visit,
    ClientAddress(address): ClientAddress,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let is_json = json::is_json(&headers);
    let known = match refuse_or_find(&app, &headers, &key).await {
        Ok(room) => room,
        Err(problem) => return problem.into_response(),
    };
    let entered = async {
        let Given { password } = given(body, is_json).await?;
        room::enter(&app, &known, &visit.visitor(), password, address).await
    };
    match entered.await {
        Ok(viewer_id) => let_in(&app, &key, viewer_id, is_json),
        Err(problem) if is_json => problem.into_response(),
        Err(problem) => again(&visit, &known, problem).unwrap_or_else(IntoResponse::into_response),
    }
}

async fn refuse_or_find(app: &App, headers: &HeaderMap, key: &str) -> Answer<Room> {
    cross_site::refuse(&axum::http::Method::POST, headers, app.settings.public_url.as_ref())?;
    room::find(&app.store, key).await?.ok_or_else(|| Problem::not_found("room"))
}

async fn given(body: Body, is_json: bool) -> Answer<Given> {
    let bytes = json::read_in_time(body, BODY_BYTES).await?;
    if is_json {
        return json::parse(&bytes);
    }
    let password = form_urlencoded::parse(&bytes).find(|(name, _)| name == "password").map(|(_, value)| value.into_owned());
    Ok(Given { password: Secret::new(password.unwrap_or_default()) })
}

/// The answer to whoever may come in now: the cookie that says so, and for a form the way to the room.
pub(super) fn let_in(app: &App, key: &str, viewer_id: Uuid, is_json: bool) -> Response {
    let mut response = if is_json { StatusCode::NO_CONTENT.into_response() } else { see(&format!("/watch/{key}")) };
    response.headers_mut().append(header::SET_COOKIE, viewer::set(&app.settings, &app.vault, viewer_id));
    response
}

/// Leads to another page.
pub(super) fn see(path: &str) -> Response {
    // A key that leads to a room has letters, digits and `-` only.
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

fn again(visit: &Visit, room: &Room, problem: Problem) -> Result<Response, NoPages> {
    match problem.code {
        "wrong_password" => form(visit, room, problem.status(), Some("door.wrong")),
        "too_many_attempts" | "busy" => form(visit, room, problem.status(), Some("door.wait")),
        _ if problem.status().is_server_error() => fault::broken(visit, &problem.detail),
        _ => Ok(problem.into_response()),
    }
}
