//! What every request and every answer passes: refusal of U+0000, security headers, the log, and a net under panics.

use std::any::Any;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{counter, histogram};

use super::Problem;

/// Scripts and styles come from our own files only, nothing from elsewhere, and nobody frames us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";
/// The same for the player that other sites embed.
const EMBED_CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     media-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors *";

/// What pages may load, before anything is added for one of them; `embed` is for the player that other sites show.
pub(crate) fn content_policy(embed: bool) -> &'static str {
    if embed { EMBED_CONTENT_SECURITY_POLICY } else { CONTENT_SECURITY_POLICY }
}

/// Refuses U+0000 in the path and the query: databases and C libraries disagree about what follows it.
pub(super) async fn refuse_nul(request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|whole| whole.as_str().contains("%00")) {
        return Problem::unprocessable("nul_character", "The address must not hold the character U+0000.").into_response();
    }
    next.run(request).await
}

/// Sets the headers that keep browsers from doing what nobody asked for.
pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let embed = path == "/embed" || path.starts_with("/embed/");
    let api = path.starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| set_default(headers, name, value);
    default(header::CONTENT_SECURITY_POLICY, content_policy(embed));
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // `no-referrer` would turn the Origin of our own forms into `null`.
    default(header::REFERRER_POLICY, "same-origin");
    default(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
    if !embed {
        default(header::X_FRAME_OPTIONS, "DENY");
        default(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
    if api {
        default(header::CACHE_CONTROL, "no-store");
    }
    response
}

fn set_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

/// Logs and counts every request, without its query, which may hold what is nobody else's business.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    match path.as_str() {
        "/healthz" | "/readyz" | "/metrics" => tracing::debug!(%method, path, status, elapsed_ms, "request"),
        _ => tracing::info!(%method, path, status, elapsed_ms, "request"),
    }
    let method = method_label(&method);
    counter!("bluecast_http_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string()).increment(1);
    histogram!("bluecast_http_request_seconds", "method" => method, "route" => route).record(elapsed.as_secs_f64());
    response
}

/// A caller's invented method must not become a new time series.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Turns a panic in a handler into an answer.
#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    Problem::internal(format!("a handler panicked: {message}")).into_response()
}
