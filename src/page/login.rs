//! Logging in.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::frame::{Frame, NoPages, answer};
use super::onward::onward;
use super::visit::Visit;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    page: &'a Frame,
    data: String,
}

pub(super) async fn show(visit: Visit) -> Result<Response, NoPages> {
    let next = onward(visit.asked("next").unwrap_or_default());
    if visit.caller.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    let page = Frame::new(&visit, "login", Some("login"), Some(visit.language.message("login.title")))?;
    let data = json!({ "next": next }).to_string();
    Ok(answer(StatusCode::OK, &Login { page: &page, data }, &page))
}
