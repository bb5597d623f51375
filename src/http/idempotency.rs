//! A POST that is sent twice is done once: with an `Idempotency-Key`, the first answer is kept for a day and given again.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::{Answer, Problem, json};
use crate::account::authenticate;
use crate::app::App;
use crate::moment::now_ms;
use crate::secret::Secret;
use crate::store::{Store, StoreError, args};

const KEY: &str = "idempotency-key";
const KEY_CHARACTERS: usize = 255;
/// How long an answer is kept.
const KEEP_MS: i64 = 24 * 3600 * 1000;
/// Keys of one user that are kept; the oldest go first.
const KEYS: i64 = 1000;
/// The largest answer that is kept; a larger one is given once.
const ANSWER_BYTES: usize = 256 * 1024;
/// How long a second request waits for the first one's answer.
const WAIT: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// After so long, a request without an answer is of a process that died over it.
const DEAD_MS: i64 = 2 * 60 * 1000;
/// Where kept answers are sealed: some hold a token that is shown once.
const PLACE: &str = "idempotency_keys.answer";

#[derive(sqlx::FromRow)]
struct Kept {
    id: String,
    hash: String,
    begun_ms: i64,
    answer_sealed: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptAnswer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Passes on what has no key, and does the rest once.
pub(super) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    match keyed(app, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(app: App, request: Request, next: Next) -> Answer<Response> {
    let (mut parts, body) = request.into_parts();
    let key = key(&parts)?;
    // Whoever is nobody gets the handler's own refusal.
    let Some(caller) = authenticate(&mut parts, &app).await? else { return Ok(next.run(Request::from_parts(parts, body)).await) };
    let body = Bytes::from(json::read_in_time(body, json::BODY_LIMIT_BYTES).await?);
    let hash = hash(&parts, &body);
    let deadline = tokio::time::Instant::now() + WAIT;
    let id = loop {
        let id = crate::id::new();
        if begin(&app.store, &id, &caller.user_id, &key, &hash).await? {
            break id;
        }
        let Some(kept) = find(&app.store, &caller.user_id, &key).await? else { continue };
        if kept.hash != hash {
            let detail = "This Idempotency-Key was used for another request. Use a new key for every request.";
            return Err(Problem::unprocessable("idempotency_key_reused", detail));
        }
        if let Some(sealed) = &kept.answer_sealed {
            return again(&app, &kept.id, sealed);
        }
        if now_ms() - kept.begun_ms > DEAD_MS {
            forget(&app.store, &kept.id).await?;
        } else if tokio::time::Instant::now() >= deadline {
            return Err(Problem::conflict("idempotency_key_in_use", "The first request with this Idempotency-Key is still being done."));
        } else {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    // To its end, even where the caller hangs up: the answer is kept for the next time.
    let done = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, body.into())).await;
        keep(&app, &id, response).await
    });
    done.await.map_err(Problem::internal)?
}

fn key(parts: &Parts) -> Answer<String> {
    let key = parts.headers.get(KEY).and_then(|key| key.to_str().ok()).unwrap_or_default().trim();
    if key.is_empty() || key.len() > KEY_CHARACTERS || parts.headers.get_all(KEY).iter().count() > 1 {
        let detail = format!("An Idempotency-Key has 1 to {KEY_CHARACTERS} visible characters.");
        return Err(Problem::unprocessable("bad_idempotency_key", detail));
    }
    Ok(key.to_owned())
}

fn hash(parts: &Parts, body: &[u8]) -> String {
    let target = parts.uri.path_and_query().map_or("", axum::http::uri::PathAndQuery::as_str);
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let mut hash = Sha256::new();
    for part in [target.as_bytes(), kind, body] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Writes down that a request is being done; not where one with its key is or was.
async fn begin(store: &Store, id: &str, user_id: &str, key: &str, hash: &str) -> Result<bool, StoreError> {
    let now = now_ms();
    let mut tx = store.begin().await?;
    tx.run("DELETE FROM idempotency_keys WHERE begun_ms < $1", args![now - KEEP_MS]).await?;
    let sql = "INSERT INTO idempotency_keys (id, user_id, name, hash, begun_ms) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, name) DO NOTHING";
    let begun = tx.run(sql, args![id, user_id, key, hash, now]).await? > 0;
    if begun {
        let sql = "DELETE FROM idempotency_keys WHERE user_id = $1 AND id IN \
                   (SELECT id FROM idempotency_keys WHERE user_id = $1 ORDER BY id DESC LIMIT 1000 OFFSET $2)";
        tx.run(sql, args![user_id, KEYS]).await?;
    }
    tx.commit().await?;
    Ok(begun)
}

async fn find(store: &Store, user_id: &str, key: &str) -> Result<Option<Kept>, StoreError> {
    let sql = "SELECT id, hash, begun_ms, answer_sealed FROM idempotency_keys WHERE user_id = $1 AND name = $2";
    store.optional(sql, args![user_id, key]).await
}

async fn forget(store: &Store, id: &str) -> Result<(), StoreError> {
    store.run("DELETE FROM idempotency_keys WHERE id = $1", args![id]).await.map(drop)
}

/// Keeps an answer and gives it. What may be otherwise next time (our own faults, no or too many log-ins) is not kept.
async fn keep(app: &App, id: &str, response: Response) -> Answer<Response> {
    let status = response.status();
    let passing =
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if status.is_server_error() || passing {
        forget(&app.store, id).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, ANSWER_BYTES).await else {
        forget(&app.store, id).await?;
        return Err(Problem::internal("an answer to a request with an Idempotency-Key is too large"));
    };
    let headers = parts.headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let kept = KeptAnswer { status: status.as_u16(), headers: headers.collect(), body: STANDARD.encode(&body) };
    let sealed = app.vault.seal(PLACE, id, &Secret::new(serde_json::to_string(&kept).unwrap_or_default()));
    // Done is done: what cannot be kept is answered all the same, and a second request is told that this one has no answer yet.
    if let Err(error) = app.store.run("UPDATE idempotency_keys SET answer_sealed = $1 WHERE id = $2", args![sealed, id]).await {
        tracing::warn!(%error, "the answer to a request with an Idempotency-Key could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(app: &App, id: &str, sealed: &str) -> Answer<Response> {
    let text = app.vault.open(PLACE, id, sealed)?;
    let kept: KeptAnswer = serde_json::from_str(text.reveal()).map_err(Problem::internal)?;
    let body = STANDARD.decode(&kept.body).map_err(Problem::internal)?;
    let mut response = Response::builder().status(kept.status).header(HeaderName::from_static("idempotency-replayed"), "true");
    for (name, value) in &kept.headers {
        response = response.header(name, value);
    }
    response.body(body.into()).map_err(Problem::internal)
}
