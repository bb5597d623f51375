//! WHIP: WebRTC to a server, H.264 and Opus untouched, by `webrtcbin` in a pipeline of its own.
//!
//! An attempt goes: DELETE what an earlier life of ours left on the server, offer with its addresses already in it, answer, media, and a
//! DELETE at the end. `OvenMediaEngine` tells a pusher nothing once it is connected, so that whether it still listens is read off the
//! RTCP that comes back ([`gauge`]).

mod gauge;
mod http;
mod offer;
mod peer;
mod reach;

use std::net::IpAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

pub(super) use self::peer::build;

use self::http::{Call, Fault, Http, Reply};
use self::offer::BadAnswer;
use self::reach::Reach;
use super::target::{TargetUrl, WhipTarget};
use super::{OutputSpec, reason};
use crate::media::error::MediaError;
use crate::secret::Secret;

/// How long the server may take to answer an offer.
const POST_WITHIN: Duration = Duration::from_secs(8);
/// How long it may take to end a session.
const DELETE_WITHIN: Duration = Duration::from_secs(2);
/// How long it may take to put whoever holds our name off the air.
const EVICT_WITHIN: Duration = Duration::from_secs(5);
/// What `OvenMediaEngine` says with status 500 where a stream of that name is on by another protocol.
const NAME_TAKEN: &str = "Could not publish stream";
/// How much of a server's own words an admin gets to read, in characters.
const QUOTED: usize = 160;

/// A session on a WHIP server. Its address is a secret: whoever has it can end the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhipResource {
    /// What to DELETE.
    pub url: Secret,
    /// The session's version, sent along as `If-Match`.
    pub etag: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    url: String,
    etag: Option<String>,
}

impl WhipResource {
    /// As text, to be kept sealed.
    pub fn to_text(&self) -> Secret {
        let kept = Kept { url: self.url.reveal().to_owned(), etag: self.etag.clone() };
        Secret::new(serde_json::to_string(&kept).unwrap_or_default())
    }

    /// Back from text.
    pub fn from_text(text: &Secret) -> Option<Self> {
        let Kept { url, etag } = serde_json::from_str(text.reveal()).ok()?;
        Some(Self { url: Secret::new(url), etag })
    }
}

/// Told of every new session and, with `None`, of its end, on the output's thread before any media flows: what is kept of it lets the next
/// process end what a crash left behind.
pub type KeepResource = Arc<dyn Fn(Option<&WhipResource>) + Send + Sync>;

/// What WHIP needs besides the address.
#[derive(Clone, Default)]
pub struct WhipSettings {
    /// More certificate authorities, PEM.
    pub authorities_pem: Arc<Vec<u8>>,
    /// `stun://HOST:PORT` and `turn://USER:PASSWORD@HOST:PORT`, percent-encoded, as `webrtcbin` takes them.
    pub ice_servers: Arc<Vec<Secret>>,
    /// What a process before this one left on the server.
    pub resource: Option<WhipResource>,
    /// Keeps the session's address.
    pub keep: Option<KeepResource>,
}

/// The HTTP side of an output, for its whole life.
pub(super) struct Whip {
    http: Http,
    spec: OutputSpec,
    resource: Option<WhipResource>,
    reach: Reach,
}

impl Whip {
    pub(super) fn new(spec: &OutputSpec) -> Result<Self, MediaError> {
        let http = Http::new(&spec.resolve, &spec.whip.authorities_pem)?;
        Ok(Self { http, spec: spec.clone(), resource: spec.whip.resource.clone(), reach: Reach::default() })
    }

    /// Ends the session that is still known of, if there is one. What no server answered for stays known.
    pub(super) fn end(&mut self, stop: &dyn Fn() -> bool) {
        let Some(resource) = &self.resource else { return };
        let Ok(url) = Url::parse(resource.url.reveal()) else { return self.forget() };
        // The bearer goes to the server that it is for, wherever that keeps its sessions.
        let bearer = match &self.spec.target {
            TargetUrl::Whip(target) if target.url().is_some_and(|own| own.origin() == url.origin()) => target.bearer.as_ref(),
            _ => None,
        };
        let call = Call { method: Method::DELETE, url, bearer, offer: None, etag: resource.etag.as_deref(), within: DELETE_WITHIN };
        match self.http.call(call, stop) {
            Ok(reply) if reply.status.is_server_error() => {}
            Ok(reply) => {
                tracing::debug!(target = %self.spec.target, status = reply.status.as_u16(), "output: session ended");
                self.forget();
            }
            Err(fault) => tracing::debug!(target = %self.spec.target, ?fault, "output: a session could not be ended"),
        }
    }

    /// The addresses of ours to offer to a server at `at`; none for all that libnice finds by itself.
    pub(super) fn own_addresses(&self, at: IpAddr) -> Vec<IpAddr> {
        self.reach.offered(at)
    }

    /// Whether what was `offered` leads to where the answer wants media; if not, the next offer does.
    pub(super) fn is_led(&self, offered: &[IpAddr]) -> bool {
        self.reach.is_led(offered)
    }

    /// An answer was taken and nothing came of it: the next attempt goes to another address of the server, if it has one.
    pub(super) fn came_to_nothing(&mut self) {
        self.reach.failed();
    }

    /// Offers, and does what helps when the name is taken: ends what we know of, has the origin end what it knows of.
    pub(super) fn call(&mut self, offer: &str, stop: &dyn Fn() -> bool) -> Result<gstreamer_sdp::SDPMessage, MediaError> {
        let mut ways: Vec<Way> = vec![Way::Evict, Way::End];
        loop {
            // A publish token opens one connection: every POST has its own.
            let target = self.spec.for_one_attempt();
            let TargetUrl::Whip(whip) = &target else { return Err(reason::bad_answer(&target)) };
            let reply = self.post(&target, whip, offer, stop)?;
            if !name_taken(&reply) {
                return self.answered(&target, &reply);
            }
            loop {
                match ways.pop() {
                    Some(Way::End) if self.resource.is_some() => {
                        self.end(stop);
                        break;
                    }
                    Some(Way::Evict) if self.evicted() => break,
                    Some(_) => {}
                    None => return Err(reason::name_taken(&target)),
                }
            }
        }
    }

    fn post(&self, target: &TargetUrl, whip: &WhipTarget, offer: &str, stop: &dyn Fn() -> bool) -> Result<Reply, MediaError> {
        let url = whip.url().ok_or_else(|| reason::bad_answer(target))?;
        let call = Call { method: Method::POST, url, bearer: whip.bearer.as_ref(), offer: Some(offer), etag: None, within: POST_WITHIN };
        self.http.call(call, stop).map_err(|fault| match fault {
            Fault::Host(error) => error,
            Fault::Refused => reason::refused(target),
            Fault::Unreachable => reason::unreachable(target),
            Fault::Tls(why) => reason::tls(target, why),
            Fault::TimedOut | Fault::Stopped => reason::timed_out(target),
            Fault::CutOff => reason::cut_off(target),
            Fault::Redirect(why) => reason::redirected(target, why),
            Fault::TooLong => reason::bad_answer(target),
            Fault::Ours(why) => MediaError::ours("no_http", format!("The WHIP server cannot be called: {why}.")),
        })
    }

    fn answered(&mut self, target: &TargetUrl, reply: &Reply) -> Result<gstreamer_sdp::SDPMessage, MediaError> {
        if !matches!(reply.status, StatusCode::CREATED | StatusCode::OK) {
            return Err(reason::http(target, reply.status.as_u16(), &quoted(target, &reply.body)));
        }
        if let Some(location) = &reply.location {
            self.remember(WhipResource { url: Secret::new(location.as_str()), etag: reply.etag.clone() });
        }
        let mut answer = offer::answer(&reply.body).map_err(|bad| match bad {
            BadAnswer::Nonsense => reason::bad_answer(target),
            BadAnswer::Refused(codec) => reason::codec_refused(target, codec),
            BadAnswer::NoCandidates => reason::no_candidates(target),
        })?;
        self.reach.narrow(reply.from, &mut answer);
        Ok(answer)
    }

    fn remember(&mut self, resource: WhipResource) {
        if let Some(keep) = &self.spec.whip.keep {
            keep(Some(&resource));
        }
        self.resource = Some(resource);
    }

    fn forget(&mut self) {
        self.resource = None;
        if let Some(keep) = &self.spec.whip.keep {
            keep(None);
        }
    }

    /// Has the origin put off the air whoever has our name; says whether it did.
    fn evicted(&self) -> bool {
        let Some(evict) = self.spec.evict.clone() else { return false };
        let (done, wait) = mpsc::sync_channel(1);
        let spawned = std::thread::Builder::new().name("output-evict".into()).spawn(move || {
            let _ = done.send(evict());
        });
        let evicted = spawned.is_ok() && wait.recv_timeout(EVICT_WITHIN).unwrap_or(false);
        tracing::info!(target = %self.spec.target, evicted, "output: the name was taken");
        evicted
    }
}

/// What can be done about a name that is taken, the last one first.
enum Way {
    Evict,
    End,
}

fn name_taken(reply: &Reply) -> bool {
    let says = || String::from_utf8_lossy(&reply.body).contains(NAME_TAKEN);
    reply.status == StatusCode::CONFLICT || reply.status == StatusCode::INTERNAL_SERVER_ERROR && says()
}

/// The server's own words where they are words, without anything secret.
fn quoted(target: &TargetUrl, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if text.contains('<') {
        return String::new();
    }
    let text = reason::scrub(target, &text);
    let words: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTED).collect();
    words.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_comes_back_from_its_text() {
        let resource = WhipResource { url: Secret::new("http://h/app/s/k?direction=whip"), etag: Some("\"a\"".into()) };
        assert_eq!(WhipResource::from_text(&resource.to_text()), Some(resource.clone()));
        assert_eq!(WhipResource::from_text(&Secret::new("nonsense")), None);
        assert!(!format!("{resource:?}").contains("app"), "{resource:?}");
    }
}
