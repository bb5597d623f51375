//! One server's client: signing, sending, limits, and what it learns of the server.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Method, Response, header};

use super::answer::{Generation, Index};
use super::checksum::Algorithm;
use super::fault::of_fault;
use super::query::Query;
use super::xml::{Element, XmlError};
use super::{BaseUrl, BbbError};
use crate::reach::Reach;
use crate::reach::http::{self, Deadlines, Fault, NO_AUTHORITIES, OffHost, is_web_page, plain};
use crate::secret::Secret;

const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
const MAX_REDIRECTS: usize = 3;
const GENERATION_HOLDS: Duration = Duration::from_mins(10);

/// What may differ between clients.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// More certificate authorities, as PEM.
    pub authorities_pem: Vec<u8>,
    /// What the server took last time, if known.
    pub algorithm: Option<Algorithm>,
    /// Longest time until a connection stands.
    pub connect: Duration,
    /// Longest time of a whole call.
    pub whole: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { authorities_pem: Vec::new(), algorithm: None, connect: Duration::from_secs(5), whole: Duration::from_secs(10) }
    }
}

/// Talks to one server. Clones share what was learnt.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    base: BaseUrl,
    secret: Secret,
    reach: Reach,
    http: reqwest::Client,
    learnt: Mutex<Learnt>,
}

#[derive(Clone, Copy, Default)]
struct Learnt {
    algorithm: Option<Algorithm>,
    generation: Option<(Generation, Instant)>,
}

impl Client {
    /// A client of the server at `base`. Connects to nothing yet, but reads the machine's certificate authorities: make one and keep it.
    pub fn new(base: BaseUrl, secret: Secret, reach: Reach, options: &ClientOptions) -> Result<Self, BbbError> {
        let failed = |reason| BbbError::Tls { host: base.host(), reason };
        let deadlines = Deadlines { connect: options.connect, whole: options.whole };
        let builder = reach.client(&options.authorities_pem, deadlines).map_err(failed)?;
        let http = builder.redirect(redirects(&base, &reach)).build().map_err(|_| failed(NO_AUTHORITIES))?;
        let learnt = Mutex::new(Learnt { algorithm: options.algorithm, generation: None });
        Ok(Self(Arc::new(Inner { base, secret, reach, http, learnt })))
    }

    /// Where the server is.
    pub fn base(&self) -> &BaseUrl {
        &self.0.base
    }

    /// The checksum algorithm that the server took last, to be kept for the next client.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.learnt().algorithm
    }

    fn learnt(&self) -> Learnt {
        *self.0.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, change: impl FnOnce(&mut Learnt)) {
        change(&mut self.0.learnt.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks what kind of server it is. Needs no secret.
    pub async fn index(&self) -> Result<Index, BbbError> {
        let response = self.send(Method::GET, "", self.0.base.call(""), None).await?;
        let index = Index::read(&response);
        self.learn(|learnt| learnt.generation = Some((index.generation, Instant::now())));
        Ok(index)
    }

    /// The server's generation, remembered for ten minutes: servers are upgraded.
    pub async fn generation(&self) -> Result<Generation, BbbError> {
        match self.learnt().generation {
            Some((generation, at)) if at.elapsed() < GENERATION_HOLDS => Ok(generation),
            _ => Ok(self.index().await?.generation),
        }
    }

    /// A signed call.
    pub(super) async fn call(&self, call: &'static str, query: &Query) -> Result<Element, BbbError> {
        self.signed(Method::GET, call, query, None).await
    }

    /// A signed call with an XML body.
    pub(super) async fn post(&self, call: &'static str, query: &Query, xml: String) -> Result<Element, BbbError> {
        self.signed(Method::POST, call, query, Some(xml)).await
    }

    /// Tries the algorithm that is known, then the others: a refused checksum means that nothing was done.
    async fn signed(&self, method: Method, call: &'static str, query: &Query, xml: Option<String>) -> Result<Element, BbbError> {
        let known = self.learnt().algorithm;
        let others = Algorithm::ALL.into_iter().filter(|algorithm| Some(*algorithm) != known);
        for algorithm in known.into_iter().chain(others) {
            let url = query.signed(call, self.0.base.call(call), algorithm, &self.0.secret)?;
            let result = self.send(method.clone(), call, url, xml.clone()).await;
            if matches!(result, Err(BbbError::WrongSecret)) {
                continue;
            }
            // Any other refusal comes after the check.
            if result.as_ref().map_or_else(is_answer, |_| true) {
                self.learn(|learnt| learnt.algorithm = Some(algorithm));
            }
            return result;
        }
        self.learn(|learnt| learnt.algorithm = None);
        Err(BbbError::WrongSecret)
    }

    /// A signed address for somebody's browser. The algorithm must have been learnt, as a browser cannot try.
    pub(super) async fn signed_address(&self, call: &'static str, query: &Query) -> Result<Secret, BbbError> {
        if self.learnt().algorithm.is_none() {
            self.call("isMeetingRunning", &Query::default().with("meetingID", "any")).await?;
        }
        let algorithm = self.learnt().algorithm.unwrap_or(Algorithm::Sha256);
        Ok(Secret::new(query.signed(call, self.0.base.call(call), algorithm, &self.0.secret)?))
    }

    async fn send(&self, method: Method, call: &str, url: url::Url, xml: Option<String>) -> Result<Element, BbbError> {
        self.0.reach.check_url(&url)?;
        let started = Instant::now();
        let mut request = self.0.http.request(method, url).header(header::ACCEPT, "text/xml, application/xml");
        if let Some(xml) = xml {
            request = request.header(header::CONTENT_TYPE, "application/xml").body(xml);
        }
        let result = match request.send().await {
            Ok(response) => self.read(response).await,
            Err(error) => Err(of_fault(Fault::of(&error), &self.0.base.host())),
        };
        let code = result.as_ref().err().map_or("ok", BbbError::code);
        tracing::debug!(server = %self.0.base.host(), call, result = code, took_ms = started.elapsed().as_millis(), "BBB call");
        result
    }

    /// The `<response>` of an answer, or why there is none.
    async fn read(&self, mut response: Response) -> Result<Element, BbbError> {
        let host = self.0.base.host();
        let status = response.status();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(BbbError::ServerTrouble { host, status: status.as_u16() });
        }
        let not_bbb = |reason: &str| BbbError::NotBbb { host: host.clone(), reason: reason.into() };
        let body = http::body(&mut response, MAX_ANSWER_BYTES).await.map_err(|fault| of_fault(fault, &host))?;
        let body = String::from_utf8_lossy(&body);
        let root = match Element::parse(&body) {
            Ok(root) if root.name() == "response" => root,
            _ if !status.is_success() => return Err(not_bbb(&format!("HTTP status {}", status.as_u16()))),
            _ if is_web_page(&body) => return Err(not_bbb("a web page comes instead of BBB's XML")),
            Ok(root) => return Err(not_bbb(&format!("other XML comes, <{}>", plain(root.name())))),
            Err(XmlError::Truncated) => return Err(BbbError::CutOff { host }),
            Err(XmlError::Malformed) => return Err(not_bbb("something else than BBB's XML comes")),
        };
        match root.word("returncode") {
            "SUCCESS" => Ok(root),
            "FAILED" => Err(refusal(&root)),
            _ => Err(not_bbb("its XML has no return code")),
        }
    }
}

/// BBB refuses by one key, or by a list of them, of which the most telling counts.
fn refusal(root: &Element) -> BbbError {
    let listed = root.list("errors", "error").map(|error| BbbError::of_key(error.word("key"), error.word("message")));
    let own = root.child("messageKey").map(|key| BbbError::of_key(key.own_text().trim(), root.word("message")));
    own.into_iter()
        .chain(listed)
        .min_by_key(|error| match error {
            BbbError::WrongSecret => 0,
            BbbError::Refused { .. } => 3,
            BbbError::Invalid { .. } => 2,
            _ => 1,
        })
        .unwrap_or_else(|| BbbError::of_key("", root.word("message")))
}

/// Whether this refusal is BBB's word on a call whose checksum it had accepted: checksums are checked before all else.
fn is_answer(error: &BbbError) -> bool {
    use BbbError as E;
    matches!(error, E::NotFound | E::MeetingEnded | E::Denied | E::Full | E::NotUnique | E::Refused { .. })
}

/// Only within the same host, and never from https to http: whoever gets the redirected call gets a valid checksum.
fn redirects(base: &BaseUrl, reach: &Reach) -> reqwest::redirect::Policy {
    let (from, reach) = (base.url().clone(), reach.clone());
    reqwest::redirect::Policy::custom(move |attempt| {
        let to = attempt.url();
        let upgrade = from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
        let same_origin = from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default();
        if from.host() != to.host() || !(same_origin || upgrade) {
            let scheme_and_host = format!("{}://{}", to.scheme(), to.host_str().unwrap_or_default());
            return attempt.error(OffHost { to: scheme_and_host });
        }
        if attempt.previous().len() > MAX_REDIRECTS {
            return attempt.error("too many redirects");
        }
        match reach.check_url(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(error) => attempt.error(error),
        }
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.0.base).field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}
