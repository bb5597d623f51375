//! Logging in.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::frame::{Frame, NoPages, answer};
use super::onward::onward;
use super::visit::Visit;
use crate::account::oidc::Provider;
use crate::app::App;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    page: &'a Frame,
    data: String,
}

pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, NoPages> {
    let next = onward(visit.asked("next").unwrap_or_default());
    if visit.caller.is_some() && visit.asked("new").is_none() {
        return Ok(Redirect::to(&next).into_response());
    }
    let page = Frame::new(&visit, "login", Some("login"), Some(visit.language.message("login.title")))?;
    // A word that the page has a sentence for; anything else shows nothing.
    let fault = visit.asked("fault").filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    let provider = app.oidc.as_ref().map(Provider::name);
    let data = json!({ "next": next, "mail": app.mail.is_some(), "provider": provider, "fault": fault }).to_string();
    Ok(answer(StatusCode::OK, &Login { page: &page, data }, &page))
}
