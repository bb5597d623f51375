//! `/embed.js`: one tag puts a room's comments into any site.

use axum::http::{HeaderName, header};
use axum::response::IntoResponse;

const SCRIPT: &str = include_str!("../../web/src/embed.js");

/// Any site may load it, and keeps it for an hour: its address never changes, so what it does has to be able to.
pub(super) async fn show() -> impl IntoResponse {
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, SCRIPT)
}
