//! `ETag` on things, and `If-Match` on their changes: who changes what somebody else has changed meanwhile is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};
use tower::ServiceExt;

use super::{Answer, Problem};
use crate::node::SentOn;
use crate::store::{Store, Transaction, args};

/// The largest thing that gets a tag.
const THING_BYTES: usize = 512 * 1024;
/// Changes of things at a time that hold a lock in a shared database, and with it a connection.
const LOCKS: usize = 4;
/// Collections whose things are more than what was last written of them: numbers that change by themselves.
const LIVE: [&str; 4] = ["broadcasts", "nodes", "session", "events"];

/// What the tags of things are made with.
#[derive(Clone)]
pub(super) struct Tags {
    store: Store,
    /// The same routes, to read a thing as the caller would.
    plain: Router,
    turns: Arc<Mutex<HashMap<String, Arc<AsyncMutex<()>>>>>,
    locks: Arc<Semaphore>,
}

/// Held while a thing is being changed.
struct Turn {
    path: String,
    guard: Option<OwnedMutexGuard<()>>,
    turns: Arc<Mutex<HashMap<String, Arc<AsyncMutex<()>>>>>,
    lock: Option<Transaction>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.lock.take());
        self.guard = None;
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.get(&self.path).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.path);
        }
    }
}

impl Tags {
    pub(super) fn new(store: Store, plain: Router) -> Self {
        Self { store, plain, turns: Arc::default(), locks: Arc::new(Semaphore::new(LOCKS)) }
    }

    /// Waits until nobody else changes this thing, here or on another node.
    async fn turn(&self, path: &str) -> Answer<Turn> {
        let turn = Arc::clone(self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default());
        let guard = Some(turn.lock_owned().await);
        let mut held = Turn { path: path.to_owned(), guard, turns: Arc::clone(&self.turns), lock: None };
        if let Store::Postgres(_) = self.store {
            let mut tx = self.store.begin().await?;
            let digest = Sha256::digest(path);
            let key = digest.first_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes));
            tx.all::<(i64,)>("SELECT CAST(1 AS BIGINT) FROM pg_advisory_xact_lock($1)", args![key]).await?;
            held.lock = Some(tx);
        }
        Ok(held)
    }

    /// The tag of a thing as it is now; `None` where the caller may not read it or it is not there, which its change will say better.
    async fn now(&self, request: &axum::http::request::Parts) -> Answer<Option<String>> {
        let mut read = Request::new(Body::empty());
        *read.uri_mut() = request.uri.clone();
        for name in [header::AUTHORIZATION, header::COOKIE, header::ACCEPT_LANGUAGE] {
            for value in request.headers.get_all(&name) {
                read.headers_mut().append(&name, value.clone());
            }
        }
        // Who calls; what the router has found in the path already would be found twice.
        if let Some(socket) = request.extensions.get::<ConnectInfo<SocketAddr>>() {
            read.extensions_mut().insert(*socket);
        }
        if let Some(sent_on) = request.extensions.get::<SentOn>() {
            read.extensions_mut().insert(*sent_on);
        }
        let Ok(answer) = self.plain.clone().oneshot(read).await;
        match answer.status() {
            StatusCode::OK if is_json(answer.headers()) => {
                let body = to_bytes(answer.into_body(), THING_BYTES).await.map_err(Problem::internal)?;
                Ok(Some(tag(&body)))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(None),
            _ => Err(Problem::new(StatusCode::PRECONDITION_FAILED, "no_tag", "This has no tag to be compared with: send no If-Match.")),
        }
    }
}

/// `/api/v1/COLLECTION/ID`, of a collection whose things change only when somebody changes them.
pub(super) fn is_thing(path: &str) -> bool {
    let mut parts = path.strip_prefix("/api/v1/").unwrap_or_default().split('/');
    let (collection, id, more) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
    !id.is_empty() && more.is_none() && !LIVE.contains(&collection)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

fn tag(body: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(body)[..16]))
}

/// Whether a list of tags names this one. A weak tag is no promise that nothing has changed, so it matches only where `weak` will do.
fn names(headers: &HeaderMap, name: header::HeaderName, tag: &str, weak: bool) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|one| {
        let bare = if weak { one.strip_prefix("W/").unwrap_or(one) } else { one };
        one == "*" || bare == tag
    })
}

/// Tags things that are read, and checks what is asked of those that are changed.
pub(super) async fn tagged(State(tags): State<Tags>, request: Request, next: Next) -> Response {
    if !is_thing(request.uri().path()) {
        return next.run(request).await;
    }
    let wanted = request.headers().clone();
    match *request.method() {
        Method::GET => with_tag(next.run(request).await, Some(&wanted)).await,
        Method::PATCH | Method::PUT | Method::DELETE => match changed(&tags, request, next, &wanted).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        },
        _ => next.run(request).await,
    }
}

async fn changed(tags: &Tags, request: Request, next: Next, wanted: &HeaderMap) -> Answer<Response> {
    let busy = |_| Problem::unavailable("busy", "Too much is being changed at once. Try again.");
    let _place = tags.locks.acquire().await.map_err(busy)?;
    let _turn = tags.turn(request.uri().path()).await?;
    if wanted.contains_key(header::IF_MATCH) {
        let (parts, body) = request.into_parts();
        if let Some(now) = tags.now(&parts).await?
            && !names(wanted, header::IF_MATCH, &now, false)
        {
            let detail = "Somebody has changed this since you read it. Read it again.";
            let mut refused = Problem::new(StatusCode::PRECONDITION_FAILED, "changed_meanwhile", detail).into_response();
            refused.headers_mut().insert(header::ETAG, HeaderValue::try_from(now).map_err(Problem::internal)?);
            return Ok(refused);
        }
        return Ok(with_tag(next.run(Request::from_parts(parts, body)).await, None).await);
    }
    Ok(with_tag(next.run(request).await, None).await)
}

/// Puts the tag of its body on an answer; without the body where the caller has it already.
async fn with_tag(response: Response, wanted: Option<&HeaderMap>) -> Response {
    if response.status() != StatusCode::OK || !is_json(response.headers()) || response.headers().contains_key(header::ETAG) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body: Bytes = match to_bytes(body, THING_BYTES).await {
        Ok(body) => body,
        Err(error) => return Problem::internal(error).into_response(),
    };
    let tag = tag(&body);
    let has_it = wanted.is_some_and(|wanted| names(wanted, header::IF_NONE_MATCH, &tag, true));
    if let Ok(value) = HeaderValue::try_from(tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if has_it {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    // Kept by nobody, but asked for with the tag: `no-store` would forbid that.
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Response::from_parts(parts, body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_have_tags_and_lists_and_live_numbers_have_none() {
        assert!(is_thing("/api/v1/servers/a") && is_thing("/api/v1/rooms/hall"));
        for other in ["/api/v1/servers", "/api/v1/servers/", "/api/v1/servers/a/meetings", "/api/v1/broadcasts/a", "/watch/hall"] {
            assert!(!is_thing(other), "{other}");
        }
    }

    #[test]
    fn tags_are_compared_as_http_says() {
        let headers = |text: &str| HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::try_from(text).unwrap())]);
        let matches = |text: &str, weak| names(&headers(text), header::IF_MATCH, "\"a\"", weak);
        assert!(matches("\"a\"", false) && matches("\"b\", \"a\"", false) && matches("*", false) && matches("W/\"a\"", true));
        assert!(!matches("W/\"a\"", false) && !matches("\"b\"", true) && !matches("a", false) && !matches("", false));
    }
}
