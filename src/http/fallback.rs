//! Addresses that lead nowhere.

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::Problem;

const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
     <title>Not found</title><h1>Not found</h1><p>There is nothing at this address. <a href=\"/\">To the front page</a></p></html>";

/// A problem below `/api`, a page elsewhere.
pub(super) async fn not_found(request: Request) -> Response {
    if is_api(&request) { Problem::not_found("address").into_response() } else { (StatusCode::NOT_FOUND, Html(PAGE)).into_response() }
}

/// The address exists, but not for this method. The `Allow` header is set by the router.
pub(super) async fn method_not_allowed(method: Method) -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("{method} is not possible here.")).into_response()
}

fn is_api(request: &Request) -> bool {
    let path = request.uri().path();
    path == "/api" || path.starts_with("/api/")
}
