//! Pages go compressed to those who take that: people on slow lines wait for them before anything else.
//!
//! No page has a secret beside what a stranger may put into it, so that their length tells nothing.

use std::io::Write;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::http::assets::accepts;

/// What is smaller goes in one packet anyway, in bytes.
const LEAST: usize = 1000;
/// No page is larger, in bytes.
const MOST: usize = 4 << 20;

/// Compresses pages, and leaves everything else alone.
pub(super) async fn packed(request: Request, next: Next) -> Response {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes = accepted.is_some_and(|accepted| accepts(accepted, "gzip"));
    let mut response = next.run(request).await;
    let is_page = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !takes {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(page) = to_bytes(body, MOST).await else {
        tracing::error!("a page is too large to be sent");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match gzip(&page) {
        Some(small) if page.len() > LEAST => {
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(parts, Body::from(small))
        }
        _ => Response::from_parts(parts, Body::from(page)),
    }
}

fn gzip(page: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 2), Compression::new(5));
    encoder.write_all(page).ok()?;
    encoder.finish().ok()
}
