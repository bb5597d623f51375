//! `/healthz`, `/readyz` and `/metrics`.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::http::Problem;
use crate::http::address::ClientAddress;
use crate::secret::Secret;

/// How long the database may take before the process counts as not ready.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// Ready: the database answers, and the process is not about to end.
async fn ready(State(app): State<App>) -> Response {
    if app.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let answer = tokio::time::timeout(DATABASE_TIMEOUT, app.store.one::<(i64,)>(app.store.dialect().now_ms(), Vec::new()));
    match answer.await {
        Ok(Ok(_)) => "ready\n".into_response(),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}

async fn metrics(State(app): State<App>, ClientAddress(address): ClientAddress, headers: HeaderMap) -> Response {
    if !may_read(app.settings.metrics_token.as_ref(), address, &headers) {
        return Problem::not_authenticated().into_response();
    }
    app.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}

/// With a token: who has it. Without one: who calls from this machine, and not through a proxy on it.
fn may_read(token: Option<&Secret>, address: IpAddr, headers: &HeaderMap) -> bool {
    match token {
        Some(token) => {
            let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
            given.is_some_and(|given| given.as_bytes().ct_eq(token.reveal().as_bytes()).into())
        }
        None => address.is_loopback() && !headers.contains_key("x-forwarded-for") && !headers.contains_key("forwarded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_open_to_the_token_or_to_this_machine() {
        let (near, far): (IpAddr, IpAddr) = ("127.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let none = HeaderMap::new();
        let with = |name: &'static str, value: &'static str| HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        assert!(may_read(None, near, &none));
        assert!(!may_read(None, far, &none));
        assert!(!may_read(None, near, &with("x-forwarded-for", "127.0.0.1")));
        let token = Secret::new("hush");
        assert!(!may_read(Some(&token), near, &none));
        assert!(may_read(Some(&token), far, &with("authorization", "Bearer hush")));
        assert!(!may_read(Some(&token), far, &with("authorization", "Bearer hus")));
    }
}
