//! The calls of WHIP: POST and DELETE, with bounds on everything and every host looked up by the output's own rule.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MATCH, LOCATION};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;
use url::{Host, Url};

use crate::media::error::MediaError;
use crate::media::output::Resolve;
use crate::reach::http::{find, tls_reason};
use crate::secret::Secret;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(4);
/// Most redirects of one call.
const REDIRECTS: usize = 3;
/// Longest answer that is read: a session description has a few kilobytes.
const LONGEST: usize = 64 * 1024;
/// Longest header whose value is taken over.
const LONGEST_HEADER: usize = 2048;
/// How often a call under way asks whether it is still wanted, and how long it may go on when it is not: an answer names what to DELETE.
const ASK_EVERY: Duration = Duration::from_millis(20);
const GRACE: Duration = Duration::from_secs(1);

/// Why a call brought no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The host may not be called or has no address.
    Host(MediaError),
    Refused,
    Unreachable,
    /// With what is wrong.
    Tls(&'static str),
    TimedOut,
    /// The connection broke before the answer was whole.
    CutOff,
    /// Redirected too often, or in a way that is not followed.
    Redirect(&'static str),
    /// The answer is longer than anyone's should be.
    TooLong,
    /// Nobody wants the answer any more.
    Stopped,
    /// This machine cannot make HTTP calls at all.
    Ours(&'static str),
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// Where the session is; resolved against the address that answered.
    pub(super) location: Option<Url>,
    pub(super) etag: Option<String>,
    pub(super) body: Vec<u8>,
    /// Who answered, after redirects and of all addresses of its name.
    pub(super) from: Option<IpAddr>,
}

/// One call.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Sent to the host of `url` only, wherever redirects lead.
    pub(super) bearer: Option<&'a Secret>,
    pub(super) offer: Option<&'a str>,
    pub(super) etag: Option<&'a str>,
    /// For the whole of it.
    pub(super) within: Duration,
}

/// An HTTP client for an output's thread.
pub(super) struct Http {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    resolve: Resolve,
    pinned: Pinned,
}

/// Where the connection of the call under way goes: found and checked just before, so that a name cannot change in between.
#[derive(Clone, Default)]
struct Pinned(Arc<Mutex<Vec<SocketAddr>>>);

impl reqwest::dns::Resolve for Pinned {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move { Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs) })
    }
}

impl Http {
    pub(super) fn new(resolve: &Resolve, authorities_pem: &[u8]) -> Result<Self, MediaError> {
        // The first client sets rustls' provider for the process; later ones find it set.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let none = |_| MediaError::ours("no_http", "No HTTP client could be made on this machine; install ca-certificates.");
        let pinned = Pinned::default();
        let authorities = reqwest::Certificate::from_pem_bundle(authorities_pem).unwrap_or_default();
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(pinned.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .tls_certs_merge(authorities)
            .user_agent(concat!("bluecast/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(none)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| MediaError::ours("no_http", "No HTTP client could be made on this machine: too many open files?"))?;
        Ok(Self { runtime, client, resolve: Arc::clone(resolve), pinned })
    }

    /// Makes a call, redirects and all. Blocks for `within` at most, and little longer than a second after `stop` begins to say so.
    pub(super) fn call(&self, mut call: Call<'_>, stop: &dyn Fn() -> bool) -> Result<Reply, Fault> {
        let deadline = Instant::now() + call.within;
        for _ in 0..=REDIRECTS {
            self.pin(&call.url)?;
            let reply = self.runtime.block_on(async {
                tokio::select! {
                    reply = self.once(&call) => reply,
                    () = tokio::time::sleep_until(deadline) => Err(Fault::TimedOut),
                    () = unwanted(stop) => Err(Fault::Stopped),
                }
            })?;
            if !reply.status.is_redirection() {
                return Ok(reply);
            }
            // The others turn a POST into a GET.
            if !matches!(reply.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                return Err(Fault::Redirect("it redirects in a way that no WHIP server should (only 307 and 308 are followed)"));
            }
            let to = reply.location.ok_or(Fault::Redirect("it redirects without saying where"))?;
            if call.url.scheme() == "https" && to.scheme() == "http" {
                return Err(Fault::Redirect("it redirects from https:// to http://, which is not followed"));
            }
            if to.origin() != call.url.origin() {
                call.bearer = None;
            }
            call.url = to;
        }
        Err(Fault::Redirect("it redirects in circles"))
    }

    fn pin(&self, url: &Url) -> Result<(), Fault> {
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => return Err(Fault::Redirect("it redirects to an address without a host")),
        };
        let found = (self.resolve)(&host, url.port_or_known_default().unwrap_or(0)).map_err(Fault::Host)?;
        *self.pinned.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    async fn once(&self, call: &Call<'_>) -> Result<Reply, Fault> {
        let mut headers = HeaderMap::new();
        if let Some(bearer) = call.bearer {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", bearer.reveal())).map_err(|_| Fault::Ours("the token is no header"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(etag) = call.etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(IF_MATCH, etag);
        }
        let mut request = self.client.request(call.method.clone(), call.url.clone()).headers(headers);
        if let Some(offer) = call.offer {
            request = request.header(CONTENT_TYPE, "application/sdp").body(offer.to_owned());
        }
        let mut response = request.send().await.map_err(|error| of_transport(&error))?;
        let header = |name| {
            let value = response.headers().get(name)?.to_str().ok()?;
            (!value.is_empty() && value.len() <= LONGEST_HEADER).then(|| value.to_owned())
        };
        let location = header(LOCATION).and_then(|to| call.url.join(&to).ok()).filter(|to| matches!(to.scheme(), "http" | "https"));
        let from = response.remote_addr().map(|address| address.ip().to_canonical());
        let (status, etag) = (response.status(), header(ETAG));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| of_transport(&error))? {
            if body.len() + chunk.len() > LONGEST {
                return Err(Fault::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, location, etag, body, from })
    }
}

async fn unwanted(stop: &dyn Fn() -> bool) {
    while !stop() {
        tokio::time::sleep(ASK_EVERY).await;
    }
    tokio::time::sleep(GRACE).await;
}

fn of_transport(error: &reqwest::Error) -> Fault {
    if let Some(error) = find::<rustls::Error>(error) {
        return Fault::Tls(tls_reason(error));
    }
    if error.is_timeout() {
        return Fault::TimedOut;
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) if error.is_connect() => Fault::Refused,
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => Fault::Unreachable,
        Some(io::ErrorKind::TimedOut) => Fault::TimedOut,
        _ => Fault::CutOff,
    }
}
