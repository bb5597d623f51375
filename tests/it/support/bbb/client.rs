//! The client page and its wire to the double.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use futures_util::stream;

use super::Shared;

#[derive(serde::Deserialize)]
struct Token {
    #[serde(default, rename = "sessionToken")]
    session_token: String,
}

#[derive(serde::Deserialize)]
struct Report {
    what: String,
    detail: String,
}

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/html5client/", get(page))
        .route("/html5client/join", get(page))
        .route("/html5client/guestWait", get(guest_page))
        .route("/double/client.js", get(([(header::CONTENT_TYPE, "text/javascript")], include_str!("page/client.js"))))
        .route("/double/client.css", get(([(header::CONTENT_TYPE, "text/css")], include_str!("page/client.css"))))
        .route("/double/events", get(events))
        .route("/double/report", post(report))
        .route("/", get(home))
}

/// The cookie of a session.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("JSESSIONID="))
}

async fn page(State(shared): State<Shared>, query: Query<Token>, headers: HeaderMap) -> Response {
    guarded(&shared, &query, &headers, include_str!("page/client.html"))
}

async fn guest_page(State(shared): State<Shared>, query: Query<Token>, headers: HeaderMap) -> Response {
    guarded(&shared, &query, &headers, include_str!("page/guest.html"))
}

fn guarded(shared: &Shared, token: &Token, headers: &HeaderMap, page: &'static str) -> Response {
    if shared.world().session_of(&token.session_token, cookie(headers)).is_none() {
        let page = Html("<!doctype html><title>401</title><h1>401 Authorization Required</h1>");
        return (StatusCode::UNAUTHORIZED, page).into_response();
    }
    ([(header::CACHE_CONTROL, "no-store")], Html(page)).into_response()
}

async fn home() -> Html<&'static str> {
    Html("<!doctype html><title>Home</title><h1 id=\"home\">Home of the BBB double</h1>")
}

async fn report(State(shared): State<Shared>, query: Query<Token>, body: String) -> StatusCode {
    let Ok(report) = serde_json::from_str::<Report>(&body) else { return StatusCode::BAD_REQUEST };
    let mut world = shared.world();
    let Some(session) = world.session_mut(&query.session_token) else { return StatusCode::NOT_FOUND };
    match report.what.as_str() {
        "joined" => session.joined = true,
        "audio_joined" => session.audio = Some(report.detail.clone()),
        "left" => session.joined = false,
        _ => {}
    }
    session.reports.push((report.what, report.detail));
    StatusCode::NO_CONTENT
}

/// Counts a page as gone when its connection ends, however that happens.
struct Connection {
    shared: Shared,
    token: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(session) = self.shared.world().session_mut(&self.token) {
            session.connections -= 1;
            if session.connections == 0 {
                session.joined = false;
                session.audio = None;
            }
        }
    }
}

async fn events(State(shared): State<Shared>, query: Query<Token>, headers: HeaderMap) -> Response {
    let mut world = shared.world();
    if world.session_of(&query.session_token, cookie(&headers)).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let session = world.session_mut(&query.session_token).unwrap();
    session.connections += 1;
    let view = session.view.subscribe();
    drop(world);
    let connection = Connection { shared: shared.clone(), token: query.session_token.clone() };
    let views = stream::unfold((view, connection, true), |(mut view, connection, first)| async move {
        if !first {
            view.changed().await.ok()?;
        }
        let event = Event::default().data(view.borrow_and_update().as_str());
        Some((Ok::<_, Infallible>(event), (view, connection, false)))
    });
    let mut here = shared.here.subscribe();
    let until_away = async move {
        let _ = here.wait_for(|here| !here).await;
    };
    Sse::new(views.take_until(Box::pin(until_away))).keep_alive(KeepAlive::default()).into_response()
}
