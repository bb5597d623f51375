//! The API, to be browsed: our own page of the document that the program makes of itself.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, NoPages, answer};
use super::visit::Visit;

#[derive(Template)]
#[template(path = "reference.html")]
struct Reference<'a> {
    page: &'a Frame,
}

pub(super) async fn show(visit: Visit) -> Result<Response, NoPages> {
    let page = Frame::new(&visit, "reference", Some("reference"), Some(visit.language.message("api.title")))?;
    Ok(answer(StatusCode::OK, &Reference { page: &page }, &page))
}
