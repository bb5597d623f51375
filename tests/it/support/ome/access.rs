//! Who may publish and who may play: signed policies first, then the admission webhook.
//!
//! From OME's source, as far as it was not seen: the webhook is asked before the application and the name are looked at, so a push that
//! is answered 404 or 409 was announced by `opening`, and no `closing` follows. `closing` comes when a WHIP session is deleted by its
//! pusher, not when it falls silent, its lifetime is over, or the API deletes its stream; and when a viewer goes, but not when its source
//! did.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::super::decode::unix_ms;
use super::front::Call;
use super::world::World;

/// The admission webhook of the virtual host.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// `ControlServerUrl`.
    pub url: String,
    /// `SecretKey`.
    pub secret: String,
    /// How long it may take.
    pub timeout: Duration,
    /// How long it may take to hear of an end.
    pub closing_timeout: Duration,
    /// Whether publishers are asked about, by every protocol.
    pub publishing: bool,
    /// Whether players are.
    pub playing: bool,
    /// Whether E-RTMP is on, which asks about an RTMP push twice.
    pub e_rtmp: bool,
}

impl Webhooks {
    /// For publishing and playing, with OME's time-out of 3 s.
    pub fn new(url: &str, secret: &str) -> Self {
        let (timeout, closing_timeout) = (Duration::from_secs(3), Duration::from_millis(500));
        Self { url: url.to_owned(), secret: secret.to_owned(), timeout, closing_timeout, publishing: true, playing: true, e_rtmp: false }
    }
}

/// The signed policy of the virtual host: `policy` and `signature` in the query.
#[derive(Clone, Debug)]
pub struct Policy {
    pub secret: String,
    pub publishing: bool,
    pub playing: bool,
}

/// A call of the webhook and what came of it.
#[derive(Clone, Debug)]
pub struct HookCall {
    pub body: Value,
    /// `None` when it did not answer in time, or not at all.
    pub status: Option<u16>,
    /// What it answered.
    pub answer: String,
    pub took_ms: u64,
}

/// Which way media is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// Who asks for what.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) url: String,
    /// `WebRTC`, `RTMP`, `SRT`.
    pub(super) protocol: &'static str,
    pub(super) from: SocketAddr,
    pub(super) real_ip: String,
    pub(super) user_agent: String,
}

impl Asked {
    /// By HTTP or WebSocket.
    pub(super) fn by(call: &Call, scheme: &str, port: u16) -> Self {
        let host = call.header("host").unwrap_or("localhost");
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        let first = |list: &str| list.split(',').next().unwrap_or_default().trim().to_owned();
        let real_ip = call.header("x-real-ip").map(str::to_owned).or_else(|| call.header("x-forwarded-for").map(first));
        Self {
            url: format!("{scheme}://{host}{}", call.full_path()),
            protocol: "WebRTC",
            from: call.from,
            real_ip: real_ip.unwrap_or_else(|| call.from.ip().to_string()),
            user_agent: call.header("user-agent").unwrap_or_default().to_owned(),
        }
    }

    /// By RTMP or SRT, which say nothing of themselves.
    pub(super) fn plainly(url: &str, protocol: &'static str) -> Self {
        let from: SocketAddr = "127.0.0.1:42958".parse().unwrap();
        Self { url: url.to_owned(), protocol, from, real_ip: from.ip().to_string(), user_agent: String::new() }
    }
}

/// What was let in.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    /// The address asked for, or the new one.
    pub(super) url: String,
    pub(super) until: Option<Instant>,
}

impl Admitted {
    /// Parts of the path: application, stream, and perhaps a file.
    pub(super) fn segments(&self) -> Vec<String> {
        segments(&self.url)
    }
}

pub(super) fn segments(url: &str) -> Vec<String> {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let path = after.split(['?', '#']).next().unwrap_or_default();
    path.split('/').skip(1).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The sentence that a WHIP pusher reads with its 401.
pub(super) type Refused = String;

pub(super) async fn admit(world: &World, way: Way, asked: &Asked) -> Result<Admitted, Refused> {
    let mut admitted = Admitted { url: asked.url.clone(), until: None };
    let policy = world.options.policy.as_ref().filter(|policy| if way == Way::In { policy.publishing } else { policy.playing });
    if let Some(policy) = policy {
        let expires_ms = verify(policy, &asked.url)?;
        admitted.until = expires_ms.map(|at_ms| Instant::now() + Duration::from_millis(at_ms.saturating_sub(unix_ms())));
    }
    let hooks = world.options.webhooks.as_ref().filter(|hooks| if way == Way::In { hooks.publishing } else { hooks.playing });
    let Some(hooks) = hooks else { return Ok(admitted) };
    let mut answer = ask(world, hooks, way, asked, "opening", None, hooks.timeout).await;
    if hooks.e_rtmp && asked.protocol == "RTMP" {
        let again = match asked.url.split_once('?') {
            Some((address, query)) => Asked { url: format!("{address}?{query}&{query}"), ..asked.clone() },
            None => asked.clone(),
        };
        answer = answer.and(ask(world, hooks, way, &again, "opening", None, hooks.timeout).await);
    }
    let answer = answer.filter(|answer| answer["allowed"] == true).ok_or("AdmissionWebhooks error")?;
    if let Some(lifetime_ms) = answer["lifetime"].as_u64().filter(|lifetime| *lifetime > 0) {
        let end = Instant::now() + Duration::from_millis(lifetime_ms);
        admitted.until = Some(admitted.until.map_or(end, |until| until.min(end)));
    }
    if let Some(url) = answer["new_url"].as_str() {
        url.clone_into(&mut admitted.url);
    }
    Ok(admitted)
}

/// Tells the webhook of an end.
pub(super) async fn close(world: &World, way: Way, asked: &Asked, new_url: Option<&str>) {
    let hooks = world.options.webhooks.as_ref().filter(|hooks| if way == Way::In { hooks.publishing } else { hooks.playing });
    if let Some(hooks) = hooks {
        ask(world, hooks, way, asked, "closing", new_url, hooks.closing_timeout).await;
    }
}

/// The signature that OME sends, and expects: base64url of HMAC-SHA1, without padding.
pub fn sign(secret: &str, text: &[u8]) -> String {
    let key = PKey::hmac(secret.as_bytes()).unwrap();
    let mut signer = Signer::new(MessageDigest::sha1(), &key).unwrap();
    signer.update(text).unwrap();
    URL_SAFE_NO_PAD.encode(signer.sign_to_vec().unwrap())
}

async fn ask(
    world: &World,
    hooks: &Webhooks,
    way: Way,
    asked: &Asked,
    status: &str,
    new_url: Option<&str>,
    timeout: Duration,
) -> Option<Value> {
    let mut client = json!({"address": asked.from.ip().to_string(), "port": asked.from.port(), "real_ip": asked.real_ip});
    if !asked.user_agent.is_empty() {
        client["user_agent"] = json!(asked.user_agent);
    }
    let direction = if way == Way::In { "incoming" } else { "outgoing" };
    let mut request = json!({
        "direction": direction, "protocol": asked.protocol, "status": status, "time": super::api::iso(unix_ms()), "url": asked.url,
    });
    if let Some(new_url) = new_url {
        request["new_url"] = json!(new_url);
    }
    let body = json!({"client": client, "request": request});
    let text = body.to_string();
    let begun = Instant::now();
    let call = world.http.post(&hooks.url).timeout(timeout).header("user-agent", "OvenMediaEngine");
    let call = call.header("x-ome-signature", sign(&hooks.secret, text.as_bytes())).header("content-type", "application/json");
    let answered = async { call.header("accept", "application/json").body(text).send().await.ok() }.await;
    let (status, answer) = match answered {
        Some(answered) => (Some(answered.status().as_u16()), answered.text().await.unwrap_or_default()),
        None => (None, String::new()),
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    world.lock().hooks.push(HookCall { body, status, answer: answer.clone(), took_ms });
    let value: Value = serde_json::from_str(&answer).ok()?;
    (status == Some(200) && value.is_object()).then_some(value)
}

/// When the stream is to end, if the policy says so.
fn verify(policy: &Policy, url: &str) -> Result<Option<u64>, Refused> {
    let bare = url.split('?').next().unwrap_or_default();
    let (_, query) = url.split_once('?').unwrap_or((url, ""));
    let value = |key: &str| query.split('&').find_map(|part| part.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned);
    let signature = value("signature").ok_or_else(|| format!("There is no signature key(signature) in url({bare})."))?;
    let encoded = value("policy").ok_or_else(|| format!("There is no policy key(policy) in url({bare})."))?;
    let rest: Vec<&str> = query.split('&').filter(|part| !part.starts_with("signature=")).collect();
    let expected = sign(&policy.secret, format!("{bare}?{}", rest.join("&")).as_bytes());
    if signature != expected {
        return Err(format!("Signature value is invalid(expected : {expected} | input : {signature})."));
    }
    let json: Option<Value> = URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let terms = json.ok_or("The policy is in wrong format.")?;
    let now = unix_ms();
    let expire = terms["url_expire"].as_u64();
    let expire = expire.ok_or("url_expire must be epoch milliseconds as uint64_t and is a required value.")?;
    if expire < now {
        return Err(format!("URL has expired.(now:{now} policy_expire:{expire}) "));
    }
    if let Some(activate) = terms["url_activate"].as_u64().filter(|activate| *activate > now) {
        return Err(format!("The URL has not yet been activated.(now:{now} policy_activate:{activate}) "));
    }
    match terms["stream_expire"].as_u64() {
        Some(end) if end < now => Err(format!("Stream has expired.(now:{now} policy_expire:{expire}) ")),
        end => Ok(end),
    }
}
