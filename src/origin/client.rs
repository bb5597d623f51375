//! Talks to the API of one OME server, origin or edge. Knows no database.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use reqwest::{Method, Response, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::OmeError;
use super::answer::{Push, Record, Stats, StreamDetail, Version};
use crate::reach::Reach;
use crate::reach::http::{self, Deadlines, Fault, NO_AUTHORITIES, is_web_page, plain};
use crate::secret::Secret;

const MAX_ANSWER_BYTES: usize = 1024 * 1024;
const DEADLINES: Deadlines = Deadlines { connect: Duration::from_secs(2), whole: Duration::from_secs(3) };
/// Names of a list that are read: streams, virtual hosts, applications.
const MAX_NAMES: usize = 1000;

/// The HTTP client that all of them share. Reads the machine's certificate authorities: make one and keep it.
///
/// # Errors
/// A sentence's end.
pub fn http_client(reach: &Reach, authorities_pem: &[u8]) -> Result<reqwest::Client, &'static str> {
    // Redirects are not followed: the token is for one server alone.
    let builder = reach.client(authorities_pem, DEADLINES)?.redirect(reqwest::redirect::Policy::none());
    builder.build().map_err(|_| NO_AUTHORITIES)
}

/// Talks to one server. Clones are the same.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    base: Url,
    authorization: Option<Secret>,
    reach: Reach,
    http: reqwest::Client,
}

/// A record to be started.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// What to call it.
    pub id: String,
    /// What to record.
    pub stream: String,
    /// Below the server's root of records; OME's placeholders are filled in by it.
    pub file_path: String,
}

/// A push to be started.
#[derive(Clone, Debug)]
pub struct NewPush {
    /// What to call it.
    pub id: String,
    /// What to push.
    pub stream: String,
    /// `rtmp` or `srt`.
    pub protocol: &'static str,
    /// Where to.
    pub url: Secret,
    /// The secret part of an RTMP address.
    pub stream_key: Option<Secret>,
}

impl Client {
    /// A client of the API at `base` (with or without `/v1` and a final slash); `token` is the server's `<AccessToken>`. Connects to nothing.
    pub fn new(base: &str, token: Option<&Secret>, reach: Reach, http: reqwest::Client) -> Result<Self, OmeError> {
        let mut base = Url::parse(base.trim()).map_err(|_| OmeError::BadAddress)?;
        let usable = matches!(base.scheme(), "http" | "https") && base.username().is_empty() && base.password().is_none();
        if !usable || base.query().is_some() || base.fragment().is_some() {
            return Err(OmeError::BadAddress);
        }
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
        base.set_path(&path);
        let basic = |token: &Secret| Secret::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(token.reveal())));
        Ok(Self(Arc::new(Inner { base, authorization: token.map(basic), reach, http })))
    }

    /// Host, and port where it is not the usual one.
    pub fn host(&self) -> String {
        http::host(&self.0.base)
    }

    /// What runs there.
    pub async fn version(&self) -> Result<Version, OmeError> {
        self.get(&["version"]).await
    }

    /// The names of its virtual hosts.
    pub async fn vhosts(&self) -> Result<Vec<String>, OmeError> {
        self.names(&["vhosts"]).await
    }

    /// The names of a virtual host's applications.
    pub async fn apps(&self, vhost: &str) -> Result<Vec<String>, OmeError> {
        let host = self.host();
        self.names(&["vhosts", vhost, "apps"]).await.map_err(|error| match error {
            OmeError::NotFound { .. } => OmeError::NoVhost { host, vhost: vhost.to_owned() },
            error => error,
        })
    }

    /// The names of an application's streams.
    pub async fn streams(&self, vhost: &str, app: &str) -> Result<Vec<String>, OmeError> {
        let host = self.host();
        self.names(&["vhosts", vhost, "apps", app, "streams"]).await.map_err(|error| match error {
            OmeError::NotFound { .. } => OmeError::NoApp { host, vhost: vhost.to_owned(), app: app.to_owned() },
            error => error,
        })
    }

    /// A stream, or [`OmeError::NotFound`].
    pub async fn stream(&self, vhost: &str, app: &str, name: &str) -> Result<StreamDetail, OmeError> {
        self.get(&["vhosts", vhost, "apps", app, "streams", name]).await
    }

    /// Ends a stream. It is no ban: whoever pushes it may come back.
    pub async fn delete_stream(&self, vhost: &str, app: &str, name: &str) -> Result<(), OmeError> {
        self.call(Method::DELETE, &["vhosts", vhost, "apps", app, "streams", name], None).await.map(drop)
    }

    /// What the whole server counts.
    pub async fn server_stats(&self) -> Result<Stats, OmeError> {
        self.get(&["stats", "current"]).await
    }

    /// What a virtual host counts.
    pub async fn vhost_stats(&self, vhost: &str) -> Result<Stats, OmeError> {
        self.get(&["stats", "current", "vhosts", vhost]).await
    }

    /// What an application counts.
    pub async fn app_stats(&self, vhost: &str, app: &str) -> Result<Stats, OmeError> {
        self.get(&["stats", "current", "vhosts", vhost, "apps", app]).await
    }

    /// What a stream counts.
    pub async fn stream_stats(&self, vhost: &str, app: &str, name: &str) -> Result<Stats, OmeError> {
        self.get(&["stats", "current", "vhosts", vhost, "apps", app, "streams", name]).await
    }

    /// Begins to record a stream into a file of that server.
    pub async fn start_record(&self, vhost: &str, app: &str, record: &NewRecord) -> Result<Record, OmeError> {
        let body = json!({ "id": record.id, "stream": { "name": record.stream }, "filePath": record.file_path });
        let answer = self.act(vhost, app, "startRecord", &body).await?;
        self.shaped(one_of(answer))
    }

    /// Ends a record.
    pub async fn stop_record(&self, vhost: &str, app: &str, id: &str) -> Result<(), OmeError> {
        self.act(vhost, app, "stopRecord", &json!({ "id": id })).await.map(drop)
    }

    /// The records that are under way.
    pub async fn records(&self, vhost: &str, app: &str) -> Result<Vec<Record>, OmeError> {
        let answer = self.act(vhost, app, "records", &json!({})).await?;
        self.shaped(answer)
    }

    /// Begins to push a stream elsewhere.
    pub async fn start_push(&self, vhost: &str, app: &str, push: &NewPush) -> Result<Push, OmeError> {
        let mut body = json!({ "id": push.id, "stream": { "name": push.stream }, "protocol": push.protocol, "url": push.url.reveal() });
        if let Some(key) = &push.stream_key {
            body["streamKey"] = json!(key.reveal());
        }
        let answer = self.act(vhost, app, "startPush", &body).await?;
        self.shaped(one_of(answer))
    }

    /// Ends a push.
    pub async fn stop_push(&self, vhost: &str, app: &str, id: &str) -> Result<(), OmeError> {
        self.act(vhost, app, "stopPush", &json!({ "id": id })).await.map(drop)
    }

    /// The pushes that are under way.
    pub async fn pushes(&self, vhost: &str, app: &str) -> Result<Vec<Push>, OmeError> {
        let answer = self.act(vhost, app, "pushes", &json!({})).await?;
        self.shaped(answer)
    }

    async fn names(&self, path: &[&str]) -> Result<Vec<String>, OmeError> {
        let mut names: Vec<String> = self.get(path).await?;
        names.truncate(MAX_NAMES);
        Ok(names)
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, OmeError> {
        let answer = self.call(Method::GET, path, None).await?;
        self.shaped(answer)
    }

    async fn act(&self, vhost: &str, app: &str, action: &str, body: &Value) -> Result<Value, OmeError> {
        self.call(Method::POST, &["vhosts", vhost, "apps", &format!("{app}:{action}")], Some(body)).await
    }

    fn shaped<T: DeserializeOwned>(&self, response: Value) -> Result<T, OmeError> {
        serde_json::from_value(response).map_err(|_| self.not_ome("its answer does not have the expected form"))
    }

    fn not_ome(&self, reason: impl Into<String>) -> OmeError {
        OmeError::NotOme { host: self.host(), reason: reason.into() }
    }

    /// The `response` of an answer; null where there is none.
    async fn call(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Value, OmeError> {
        // These would lead to another call than the one that is meant.
        if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(OmeError::NotFound { host: self.host(), message: "no such name".into() });
        }
        let mut url = self.0.base.clone();
        url.path_segments_mut().map_err(|()| OmeError::BadAddress)?.pop_if_empty().push("v1").extend(path);
        self.0.reach.check_url(&url)?;
        let started = Instant::now();
        let mut request = self.0.http.request(method, url).header(header::ACCEPT, "application/json");
        if let Some(authorization) = &self.0.authorization {
            request = request.header(header::AUTHORIZATION, sensitive(authorization)?);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let result = match request.send().await {
            Ok(response) => self.read(response).await,
            Err(error) => Err(OmeError::of_fault(Fault::of(&error), &self.host())),
        };
        let code = result.as_ref().err().map_or("ok", OmeError::code);
        tracing::debug!(server = %self.host(), call = path.last(), result = code, took_ms = started.elapsed().as_millis(), "OME call");
        result
    }

    async fn read(&self, mut response: Response) -> Result<Value, OmeError> {
        let host = self.host();
        let status = response.status();
        if matches!(status.as_u16(), 401 | 403) {
            return Err(OmeError::WrongToken { host });
        }
        if status.is_redirection() {
            return Err(self.not_ome("it redirects"));
        }
        let body = http::body(&mut response, MAX_ANSWER_BYTES).await.map_err(|fault| OmeError::of_fault(fault, &host))?;
        let answer = serde_json::from_slice::<Value>(&body).ok().filter(|answer| answer["statusCode"].is_number());
        let Some(mut answer) = answer else {
            return Err(match status.as_u16() {
                status @ (429 | 500..) => OmeError::Trouble { host, status },
                _ if is_web_page(&String::from_utf8_lossy(&body)) => self.not_ome("a web page comes"),
                status if !(200..300).contains(&status) => self.not_ome(format!("HTTP status {status}")),
                _ => self.not_ome("something else comes than its JSON"),
            });
        };
        if status.is_success() {
            return Ok(answer["response"].take());
        }
        let message = plain(answer["message"].as_str().unwrap_or_default().trim_start_matches("[HTTP] "));
        match status.as_u16() {
            404 => Err(OmeError::NotFound { host, message }),
            status => Err(OmeError::Refused { host, status, message }),
        }
    }
}

/// A header that is shown in no log.
fn sensitive(value: &Secret) -> Result<header::HeaderValue, OmeError> {
    let mut value = header::HeaderValue::from_str(value.reveal()).map_err(|_| OmeError::BadAddress)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Some releases answer with a list of one.
fn one_of(answer: Value) -> Value {
    match answer {
        Value::Array(items) => items.into_iter().next().unwrap_or_default(),
        answer => answer,
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.0.base.as_str()).finish_non_exhaustive()
    }
}
