//! Addresses that people type, taken apart and checked before anything is done with them.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str};
use serde::Deserialize;
use url::Url;

use crate::secret::Secret;

/// Longest address, key or streamid that is taken; SRT carries 512 bytes of streamid.
const LONGEST: usize = 1024;
const LONGEST_STREAMID: usize = 512;
/// Short words in a query (“whip”, “tcp”) are no secrets, and would be struck out everywhere.
const WORD: usize = 4;
/// What needs no percent-encoding in a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What SRT takes as a passphrase.
const PASSPHRASE: std::ops::RangeInclusive<usize> = 10..=79;
/// SRT's own default; below about four round trips it cannot send a lost packet again.
const DEFAULT_LATENCY_MS: u32 = 120;
const LONGEST_LATENCY_MS: u32 = 8000;

/// Why an address cannot be a target. The texts show nothing of what was typed, as a key may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Nothing there, or far too much.
    #[error("The address is empty or longer than {LONGEST} characters.")]
    Length,
    /// A character that no address holds.
    #[error(
        "The address holds a space, quote, line break, “!” or another character that no address holds; write it percent-encoded if it belongs there."
    )]
    Character,
    /// Another kind of address.
    #[error("The address must begin with https://, http:// (both WHIP), rtmp://, rtmps:// or srt://.")]
    Scheme,
    /// No host.
    #[error("The address names no host, or one that cannot be a host name.")]
    Host,
    /// No or an impossible port.
    #[error("The port must be a number from 1 to 65535; SRT has no default port, so it must be given.")]
    Port,
    /// RTMP without an application or without a key.
    #[error("An RTMP address needs an application and a stream key: rtmp://host/application and the key, or both in the address.")]
    StreamKey,
    /// A key with characters that no server takes.
    #[error(
        "The stream key holds a space, a line break or another character that cannot be in a key, or is longer than {LONGEST} characters."
    )]
    KeyCharacter,
    /// SRT settings given to RTMP, or a key to SRT.
    #[error("SRT settings go with srt:// addresses only, stream keys with rtmp:// addresses, and bearer tokens with https:// addresses.")]
    Mixed,
    /// A token that no header takes.
    #[error(
        "The bearer token holds a space, a line break or another character that cannot be in a token, or is longer than {LONGEST} characters."
    )]
    Bearer,
    /// A query that means nothing here.
    #[error("An SRT address may carry streamid, passphrase and mode=caller; give everything else (the latency, in milliseconds) apart.")]
    Query,
    /// The streamid is impossible.
    #[error("The SRT streamid holds a line break or another control character, or is longer than {LONGEST_STREAMID} bytes.")]
    StreamId,
    /// The passphrase is impossible.
    #[error("An SRT passphrase has 10 to 79 characters.")]
    Passphrase,
    /// The latency is impossible.
    #[error("The SRT latency lies between 0 and {LONGEST_LATENCY_MS} ms.")]
    Latency,
}

impl BadTarget {
    /// A word that stays the same across versions.
    pub fn code(self) -> &'static str {
        "bad_target"
    }
}

/// What SRT needs besides the address.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SrtSettings {
    /// Which stream this is; often holds a token.
    #[schema(value_type = Option<String>)]
    pub streamid: Option<Secret>,
    /// Encrypts the stream, 10 to 79 characters.
    #[schema(value_type = Option<String>)]
    pub passphrase: Option<Secret>,
    /// How long a receiver waits for lost packets, in milliseconds (120).
    pub latency_ms: Option<u32>,
    /// Opus instead of AAC, for receivers that take it (`OvenMediaEngine` does not).
    #[serde(default)]
    pub opus: bool,
}

/// Where an RTMP output goes.
#[derive(Clone)]
pub struct RtmpTarget {
    /// RTMPS.
    pub tls: bool,
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The application, as typed: a query in it may hold a token.
    pub application: Secret,
    /// The stream key or name.
    pub stream: Secret,
    /// User name and password, for servers that ask.
    pub user: Option<(Secret, Secret)>,
}

/// Where an SRT output goes.
#[derive(Clone)]
pub struct SrtTarget {
    /// Host name or address, without brackets.
    pub host: String,
    /// UDP port.
    pub port: u16,
    /// May be empty.
    pub streamid: Secret,
    /// Empty for an unencrypted stream.
    pub passphrase: Secret,
    /// Milliseconds.
    pub latency_ms: u32,
    /// Opus instead of AAC.
    pub opus: bool,
}

/// Where a WHIP output goes.
#[derive(Clone)]
pub struct WhipTarget {
    /// `https`.
    pub tls: bool,
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query, from the slash on; may hold a token.
    pub path: Secret,
    /// Sent as `Authorization: Bearer`.
    pub bearer: Option<Secret>,
}

impl WhipTarget {
    /// What the offer is sent to.
    pub(super) fn url(&self) -> Option<Url> {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        let scheme = if self.tls { "https" } else { "http" };
        Url::parse(&format!("{scheme}://{open}{}{close}:{}{}", self.host, self.port, self.path.reveal())).ok()
    }
}

/// A checked address. `Display` and `Debug` show scheme, host, port and the plain part of an application: no secret.
#[derive(Clone)]
pub enum TargetUrl {
    /// RTMP or RTMPS.
    Rtmp(RtmpTarget),
    /// SRT.
    Srt(SrtTarget),
    /// WebRTC by WHIP.
    Whip(WhipTarget),
}

impl TargetUrl {
    /// Takes an address apart. The stream key may be its last part or come apart from it.
    pub fn parse(address: &str, stream_key: Option<&Secret>, srt: Option<&SrtSettings>) -> Result<Self, BadTarget> {
        if address.is_empty() || address.len() > LONGEST {
            return Err(BadTarget::Length);
        }
        if address.chars().any(|c| !c.is_ascii_graphic() || "!\"'`<>\\^{|}".contains(c)) {
            return Err(BadTarget::Character);
        }
        let (scheme, rest) = address.split_once("://").ok_or(BadTarget::Scheme)?;
        let stream_key = stream_key.filter(|key| !key.is_empty());
        match (scheme.to_ascii_lowercase().as_str(), stream_key, srt) {
            ("rtmp", key, None) => rtmp(rest, key, false),
            ("rtmps", key, None) => rtmp(rest, key, true),
            ("srt", None, settings) => self::srt(rest, &settings.cloned().unwrap_or_default()),
            ("http", None, None) => whip(rest, false),
            ("https", None, None) => whip(rest, true),
            ("rtmp" | "rtmps" | "srt" | "http" | "https", ..) => Err(BadTarget::Mixed),
            _ => Err(BadTarget::Scheme),
        }
    }

    /// The same with a bearer token for its WHIP server; an empty one is none.
    pub fn with_bearer(self, bearer: Option<&Secret>) -> Result<Self, BadTarget> {
        match (self, bearer.filter(|bearer| !bearer.is_empty())) {
            (target, None) => Ok(target),
            (Self::Whip(_), Some(bearer)) if bearer.reveal().len() > LONGEST || bearer.reveal().chars().any(|c| !c.is_ascii_graphic()) => {
                Err(BadTarget::Bearer)
            }
            (Self::Whip(target), Some(bearer)) => Ok(Self::Whip(WhipTarget { bearer: Some(bearer.clone()), ..target })),
            (_, Some(_)) => Err(BadTarget::Mixed),
        }
    }

    /// The same with `token=…` where `OvenMediaEngine` looks for it: the query of a WHIP address or of the stream's name.
    #[must_use]
    pub fn with_token(&self, token: &Secret) -> Self {
        let token = percent_encoding::utf8_percent_encode(token.reveal(), PLAIN);
        self.with_query(&Secret::new(format!("token={token}")))
    }

    /// The same with more in that query, already encoded.
    #[must_use]
    pub fn with_query(&self, query: &Secret) -> Self {
        let joint = |to: &str| if to.contains('?') { '&' } else { '?' };
        let add = |to: &Secret| Secret::new(format!("{}{}{}", to.reveal(), joint(to.reveal()), query.reveal()));
        match self.clone() {
            Self::Rtmp(target) => Self::Rtmp(RtmpTarget { stream: add(&target.stream), ..target }),
            Self::Srt(target) => Self::Srt(SrtTarget { streamid: add(&target.streamid), ..target }),
            Self::Whip(target) => Self::Whip(WhipTarget { path: add(&target.path), ..target }),
        }
    }

    /// The address as `OvenMediaEngine` reads it, with all that is secret in it: with its port, but for SRT, where it is made of the stream id.
    pub(super) fn as_read(&self) -> String {
        let (host, port) = self.host_and_port();
        let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        match self {
            Self::Rtmp(target) => format!("{}://{place}/{}/{}", self.protocol(), target.application.reveal(), target.stream.reveal()),
            Self::Srt(target) => format!("srt://{}", target.streamid.reveal()),
            Self::Whip(target) => format!("{}://{place}{}", if target.tls { "https" } else { "http" }, target.path.reveal()),
        }
    }

    /// `rtmp`, `rtmps`, `srt` or `whip`.
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::Rtmp(target) if target.tls => "rtmps",
            Self::Rtmp(_) => "rtmp",
            Self::Srt(_) => "srt",
            Self::Whip(_) => "whip",
        }
    }

    /// The host, as typed but for brackets, and the port.
    pub fn host_and_port(&self) -> (&str, u16) {
        match self {
            Self::Rtmp(target) => (&target.host, target.port),
            Self::Srt(target) => (&target.host, target.port),
            Self::Whip(target) => (&target.host, target.port),
        }
    }

    /// Everything in it that no log may show, longest first; what stands in a query also as it is without its percent-encoding.
    pub(super) fn secrets(&self) -> Vec<String> {
        let whole = match self {
            Self::Rtmp(target) => {
                let mut all = vec![target.stream.reveal()];
                all.extend(target.application.reveal().split_once('?').map(|(_, query)| query));
                all.extend(target.user.iter().flat_map(|(name, password)| [name.reveal(), password.reveal()]));
                all
            }
            Self::Srt(target) => vec![target.streamid.reveal(), target.passphrase.reveal()],
            Self::Whip(target) => vec![target.path.reveal(), target.bearer.as_ref().map_or("", Secret::reveal)],
        };
        let mut secrets: Vec<String> = whole.iter().map(|&secret| secret.to_owned()).collect();
        for query in whole.iter().filter_map(|secret| secret.split_once('?')).map(|(_, query)| query) {
            let values = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
            for value in values.filter(|value| value.len() > WORD) {
                secrets.extend([value.to_owned(), decoded(value).reveal().to_owned()]);
            }
        }
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.host_and_port();
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        let scheme = match self {
            Self::Whip(target) if target.tls => "https",
            Self::Whip(_) => "http",
            _ => self.protocol(),
        };
        write!(f, "{scheme}://{open}{host}{close}:{port}")?;
        match self {
            Self::Rtmp(target) => write!(f, "/{}", target.application.reveal().split('?').next().unwrap_or_default()),
            Self::Srt(_) | Self::Whip(_) => Ok(()),
        }
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetUrl({self})")
    }
}

fn rtmp(rest: &str, key: Option<&Secret>, tls: bool) -> Result<TargetUrl, BadTarget> {
    let (authority, path) = rest.split_once('/').ok_or(BadTarget::StreamKey)?;
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (Some(user.split_once(':').unwrap_or((user, ""))), authority),
        None => (None, authority),
    };
    let (host, port) = host_and_port(authority)?;
    let path = path.trim_end_matches('/');
    let (application, stream) = match key {
        Some(key) => (path, key.clone()),
        None => split_key(path).map(|(application, stream)| (application, Secret::new(stream)))?,
    };
    if application.is_empty() || application.starts_with('?') {
        return Err(BadTarget::StreamKey);
    }
    if stream.reveal().len() > LONGEST || stream.reveal().chars().any(|c| !c.is_ascii_graphic()) {
        return Err(BadTarget::KeyCharacter);
    }
    Ok(TargetUrl::Rtmp(RtmpTarget {
        tls,
        host,
        port: port.unwrap_or(if tls { 443 } else { 1935 }),
        application: Secret::new(application),
        stream,
        user: user.map(|(name, password)| (decoded(name), decoded(password))),
    }))
}

/// The key is the last part of the path; a query belongs to it, slashes and all.
fn split_key(path: &str) -> Result<(&str, &str), BadTarget> {
    let end = path.find('?').unwrap_or(path.len());
    let slash = path[..end].rfind('/').ok_or(BadTarget::StreamKey)?;
    let (application, stream) = (&path[..slash], &path[slash + 1..]);
    if stream.is_empty() || stream.starts_with('?') { Err(BadTarget::StreamKey) } else { Ok((application, stream)) }
}

fn whip(rest: &str, tls: bool) -> Result<TargetUrl, BadTarget> {
    let (authority, path) = match rest.find(['/', '?']) {
        Some(end) if rest[end..].starts_with('/') => (&rest[..end], rest[end..].to_owned()),
        Some(end) => (&rest[..end], format!("/{}", &rest[end..])),
        None => (rest, "/".to_owned()),
    };
    let (host, port) = host_and_port(authority)?;
    let path = path.split('#').next().unwrap_or_default();
    let target = WhipTarget { tls, host, port: port.unwrap_or(if tls { 443 } else { 80 }), path: Secret::new(path), bearer: None };
    if target.url().is_none() { Err(BadTarget::Host) } else { Ok(TargetUrl::Whip(target)) }
}

fn srt(rest: &str, settings: &SrtSettings) -> Result<TargetUrl, BadTarget> {
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, port) = host_and_port(authority.trim_end_matches('/'))?;
    let mut streamid = settings.streamid.clone().unwrap_or_default();
    let mut passphrase = settings.passphrase.clone().unwrap_or_default();
    for (name, value) in query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
        match name {
            "streamid" => streamid = decoded(value),
            "passphrase" => passphrase = decoded(value),
            "mode" if value == "caller" => {}
            _ => return Err(BadTarget::Query),
        }
    }
    if streamid.reveal().len() > LONGEST_STREAMID || streamid.reveal().chars().any(char::is_control) {
        return Err(BadTarget::StreamId);
    }
    let phrase = passphrase.reveal();
    if !phrase.is_empty() && (!PASSPHRASE.contains(&phrase.len()) || phrase.chars().any(char::is_control)) {
        return Err(BadTarget::Passphrase);
    }
    let latency_ms = settings.latency_ms.unwrap_or(DEFAULT_LATENCY_MS);
    if latency_ms > LONGEST_LATENCY_MS {
        return Err(BadTarget::Latency);
    }
    let port = port.ok_or(BadTarget::Port)?;
    Ok(TargetUrl::Srt(SrtTarget { host, port, streamid, passphrase, latency_ms, opus: settings.opus }))
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), BadTarget> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(BadTarget::Host)?;
            let _: std::net::Ipv6Addr = host.parse().map_err(|_| BadTarget::Host)?;
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(BadTarget::Host)?) };
            (host, port)
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let is_name = |host: &str| host.len() <= 253 && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if host.is_empty() || !(authority.starts_with('[') || is_name(host)) {
        return Err(BadTarget::Host);
    }
    let number = |port: &str| match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(BadTarget::Port),
    };
    Ok((host.to_owned(), port.map(number).transpose()?))
}

fn decoded(text: &str) -> Secret {
    Secret::new(percent_decode_str(text).decode_utf8_lossy())
}

#[cfg(test)]
mod tests;
