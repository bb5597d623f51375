//! Pages that say what went wrong.

use std::fmt::Display;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, NoPages, answer};
use super::visit::Visit;

#[derive(Template)]
#[template(path = "fault.html")]
struct Fault<'a> {
    page: &'a Frame,
    status: u16,
    heading: &'static str,
    text: &'static str,
}

/// There is nothing at this address.
pub(super) fn not_found(visit: &Visit) -> Result<Response, NoPages> {
    show(visit, StatusCode::NOT_FOUND, "fault.404", "fault.404_text")
}

/// Our own fault; the log says more.
pub(super) fn broken(visit: &Visit, error: &impl Display) -> Result<Response, NoPages> {
    tracing::error!(%error, path = visit.path, "a page failed");
    show(visit, StatusCode::INTERNAL_SERVER_ERROR, "fault.500", "fault.500_text")
}

fn show(visit: &Visit, status: StatusCode, heading: &'static str, text: &'static str) -> Result<Response, NoPages> {
    let (heading, text) = (visit.language.message(heading), visit.language.message(text));
    let page = Frame::new(visit, "fault", None, Some(heading))?;
    Ok(answer(status, &Fault { page: &page, status: status.as_u16(), heading, text }, &page))
}
