//! Addresses that lead nowhere.

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Problem;
use crate::app::App;
use crate::page;

/// A problem below `/api`, a page elsewhere.
pub(super) async fn not_found(State(app): State<App>, request: Request) -> Response {
    if is_api(&request) {
        return Problem::not_found("address").into_response();
    }
    let (mut parts, _) = request.into_parts();
    page::not_found(&mut parts, &app).await
}

/// The address exists, but not for this method. The `Allow` header is set by the router.
pub(super) async fn method_not_allowed(method: Method) -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("{method} is not possible here.")).into_response()
}

fn is_api(request: &Request) -> bool {
    let path = request.uri().path();
    path == "/api" || path.starts_with("/api/")
}
