//! Sends a request on to the node that runs the broadcast which it is about: previews and pictures are to be had from every node. A request
//! that was sent on is answered where it arrives.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::pass::{HEADER, Pass, Signed};
use crate::app::App;
use crate::http::address::ClientAddress;
use crate::http::{Answer, Problem, json};
use crate::moment::now_ms;
use crate::store::args;

/// The largest body that is sent on: an image for the slate.
const BODY_BYTES: usize = 8 * 1024 * 1024 + 1024;
/// The largest answer.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long an answer may take to begin, and to end.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const WHOLE_WITHIN: Duration = Duration::from_mins(1);
/// Requests that are under way to other nodes at a time.
const AT_ONCE: usize = 64;

/// What of a request goes along. Who calls, what is wanted, and what its page said of itself.
const ASKED: [HeaderName; 14] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::ORIGIN,
    HeaderName::from_static("sec-fetch-site"),
    header::CONTENT_TYPE,
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    header::RANGE,
    header::USER_AGENT,
    header::REFERER,
];
/// What of an answer comes back.
const ANSWERED: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::CONTENT_DISPOSITION,
    header::CACHE_CONTROL,
    header::LOCATION,
    header::ETAG,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    header::LINK,
];

/// Goes to other nodes.
pub struct Proxy {
    client: reqwest::Client,
    pass: Pass,
    places: Semaphore,
}

/// On a request: it came from another node, which had it from this address.
#[derive(Clone, Copy, Debug)]
pub struct SentOn(pub IpAddr);

impl Proxy {
    /// # Errors
    /// When no client can be made, which is when `authorities_pem` holds no certificate.
    pub fn new(app_vault: &crate::store::vault::Vault, authorities_pem: &[u8]) -> Result<Self, reqwest::Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities = reqwest::Certificate::from_pem_bundle(authorities_pem).unwrap_or_default();
        // Where nodes are is said by their operator, not by people: any address will do, but nothing leads elsewhere from there.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(WHOLE_WITHIN)
            .tls_certs_merge(authorities)
            .build()?;
        Ok(Self { client, pass: Pass::new(app_vault), places: Semaphore::new(AT_ONCE) })
    }
}

/// What a request is about.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    Broadcast(String),
    Room(String),
}

/// What only the node that runs the broadcast can do: what goes out of it now, and the embedded edge of rooms. What is written down and read in
/// the database (commands, targets, events) is done anywhere, though that node hangs.
fn subject(path: &str) -> Option<Subject> {
    let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    if let Some(rest) = path.strip_prefix("/api/v1/broadcasts/") {
        let (id, rest) = rest.split_once('/')?;
        let is_kept =
            matches!(rest.split('/').next(), Some("events" | "stop" | "pause" | "resume" | "targets")) && !rest.ends_with("/retry");
        return decode(id).filter(|id| !id.is_empty() && !is_kept).map(Subject::Broadcast);
    }
    let rest = path.strip_prefix("/whep/")?;
    decode(rest.split('/').next()?).filter(|key| !key.is_empty()).map(Subject::Room)
}

/// Whether a call of the API is sent on where its broadcast runs on another node.
pub(crate) fn is_sent_on(path: &str) -> bool {
    matches!(subject(path), Some(Subject::Broadcast(_)))
}

/// Sends on what is about a broadcast of another node, and checks what was sent on to here.
pub(crate) async fn send_on(State(app): State<App>, request: Request, next: Next) -> Response {
    match route(&app, request).await {
        Ok(Routed::Here(request)) => next.run(request).await,
        Ok(Routed::There(response)) => response,
        Err(problem) => problem.into_response(),
    }
}

enum Routed {
    Here(Request),
    There(Response),
}

async fn route(app: &App, request: Request) -> Answer<Routed> {
    if request.headers().contains_key(HEADER) {
        return checked(app, request).await.map(Routed::Here);
    }
    if !app.node.is_shared() || app.node.is_alone() {
        return Ok(Routed::Here(request));
    }
    let Some(subject) = subject(request.uri().path()) else { return Ok(Routed::Here(request)) };
    let Some((process, node)) = owner(app, &subject).await? else { return Ok(Routed::Here(request)) };
    if process == app.node.process() {
        return Ok(Routed::Here(request));
    }
    if app.node.url_of(&process).is_none() {
        app.node.refresh().await?;
    }
    let Some(url) = app.node.url_of(&process) else { return Err(away(&node)) };
    let place = app.proxy.places.try_acquire();
    let _place = place.map_err(|_| Problem::unavailable("busy", "Too much is under way to other nodes. Try again."))?;
    let (mut parts, body) = request.into_parts();
    let body = Bytes::from(json::read_in_time(body, BODY_BYTES).await?);
    match tokio::time::timeout(ANSWER_WITHIN, send(app, &url, &mut parts, body)).await {
        Ok(Ok(response)) => Ok(Routed::There(response)),
        Ok(Err(error)) => {
            tracing::warn!(node, error = %error.without_url(), "a request could not be sent on");
            Err(away(&node))
        }
        Err(_) => Err(away(&node)),
    }
}

fn away(node: &str) -> Problem {
    let short: String = node.chars().take(64).collect();
    let detail = format!("This broadcast runs on the node “{short}”, which cannot be reached from here. Look at its BLUECAST_NODE_URL.");
    Problem::bad_gateway("node_unreachable", detail)
}

async fn owner(app: &App, subject: &Subject) -> Answer<Option<(String, String)>> {
    let (sql, subject) = match subject {
        Subject::Broadcast(id) => ("SELECT owner, node FROM broadcasts WHERE id = $1 AND owner IS NOT NULL AND ended_ms IS NULL", id),
        Subject::Room(key) => {
            ("SELECT owner, node FROM broadcasts WHERE room_key = $1 AND owner IS NOT NULL AND ended_ms IS NULL LIMIT 1", key)
        }
    };
    Ok(app.store.optional(sql, args![subject]).await?)
}

async fn send(app: &App, url: &str, parts: &mut Parts, body: Bytes) -> Result<Response, reqwest::Error> {
    let Ok(ClientAddress(client)) = <ClientAddress as axum::extract::FromRequestParts<App>>::from_request_parts(parts, app).await;
    let target = target_of(parts);
    let credentials = credentials(&parts.headers);
    let signed = Signed { method: &parts.method, target: &target, credentials: &credentials, body: &body };
    let pass = app.proxy.pass.sign(signed, client, now_ms());
    let mut request = app.proxy.client.request(parts.method.clone(), format!("{}{target}", url.trim_end_matches('/'))).header(HEADER, pass);
    for (name, value) in chosen(&parts.headers, &ASKED) {
        request = request.header(name, value);
    }
    let answer = request.body(body).send().await?;
    let mut response = Response::builder().status(answer.status());
    for (name, value) in chosen(answer.headers(), &ANSWERED) {
        response = response.header(name, value);
    }
    let stream = futures_util::stream::unfold((answer, 0), |(mut answer, seen)| async move {
        match answer.chunk().await {
            Ok(Some(chunk)) if seen + chunk.len() <= ANSWER_BYTES => Some((Ok(chunk.clone()), (answer, seen + chunk.len()))),
            Ok(Some(_)) => Some((Err(std::io::Error::other("too large")), (answer, ANSWER_BYTES))),
            Ok(None) => None,
            Err(error) => Some((Err(std::io::Error::other(error.without_url())), (answer, ANSWER_BYTES))),
        }
    });
    Ok(response.body(Body::from_stream(stream)).unwrap_or_default())
}

fn chosen<'a>(headers: &'a HeaderMap, names: &'a [HeaderName]) -> impl Iterator<Item = (&'a HeaderName, &'a axum::http::HeaderValue)> {
    names.iter().flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)))
}

fn target_of(parts: &Parts) -> String {
    parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str).to_owned()
}

/// Everything that goes along, as it is signed.
fn credentials(headers: &HeaderMap) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, value) in chosen(headers, &ASKED) {
        for part in [name.as_str().as_bytes(), value.as_bytes()] {
            all.extend(part.len().to_be_bytes());
            all.extend(part);
        }
    }
    all
}

/// A request that another node has signed, with the address of whoever made it.
async fn checked(app: &App, request: Request) -> Answer<Request> {
    let forged = || Problem::forbidden("bad_node_signature", "Only nodes of this installation may send requests on.");
    let (mut parts, body) = request.into_parts();
    let header = parts.headers.remove(HEADER).and_then(|header| header.to_str().map(str::to_owned).ok()).ok_or_else(forged)?;
    // A stranger's bodies are not read.
    if !app.proxy.pass.is_ours(&header) {
        return Err(forged());
    }
    let body = json::read_in_time(body, BODY_BYTES).await?;
    let (target, credentials) = (target_of(&parts), credentials(&parts.headers));
    let signed = Signed { method: &parts.method, target: &target, credentials: &credentials, body: &body };
    let client = app.proxy.pass.check(&header, signed, now_ms()).ok_or_else(forged)?;
    parts.extensions.insert(SentOn(client));
    Ok(Request::from_parts(parts, body.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_is_to_be_had_from_its_node() {
        let broadcast = |id: &str| Some(Subject::Broadcast(id.to_owned()));
        assert_eq!(subject("/api/v1/broadcasts/a/slate"), broadcast("a"));
        assert_eq!(subject("/api/v1/broadcasts/a%2Fb/snapshot.jpg"), broadcast("a/b"));
        assert_eq!(subject("/api/v1/broadcasts/a/whep/s"), broadcast("a"));
        assert_eq!(subject("/api/v1/broadcasts/a/targets/t/retry"), broadcast("a"));
        assert_eq!(subject("/whep/hall/s"), Some(Subject::Room("hall".to_owned())));
        let kept = ["", "/", "/a", "/a/events", "/a/stop", "/a/pause", "/a/resume", "/a/targets", "/a/targets/t"];
        let kept = kept.map(|rest| format!("/api/v1/broadcasts{rest}"));
        for here in kept.iter().map(String::as_str).chain(["/api/v1/nodes/a", "/watch/hall", "/whep/"]) {
            assert_eq!(subject(here), None, "{here}");
        }
    }
}
