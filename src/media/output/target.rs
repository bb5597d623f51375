//! Addresses that people type, taken apart and checked before anything is done with them.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::secret::Secret;

/// Longest address, key or streamid that is taken; SRT carries 512 bytes of streamid.
const LONGEST: usize = 1024;
const LONGEST_STREAMID: usize = 512;
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
    #[error("The address must begin with rtmp://, rtmps:// or srt://.")]
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
    #[error("SRT settings go with srt:// addresses only, and stream keys with rtmp:// addresses only.")]
    Mixed,
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
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SrtSettings {
    /// Which stream this is; often holds a token.
    pub streamid: Option<Secret>,
    /// Encrypts the stream, 10 to 79 characters.
    pub passphrase: Option<Secret>,
    /// How long a receiver waits for lost packets, in milliseconds (120).
    pub latency_ms: Option<u32>,
    /// Opus instead of AAC, for receivers that take it (`OvenMediaEngine` does not).
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

/// A checked address. `Display` and `Debug` show scheme, host, port and the plain part of an application: no secret.
#[derive(Clone)]
pub enum TargetUrl {
    /// RTMP or RTMPS.
    Rtmp(RtmpTarget),
    /// SRT.
    Srt(SrtTarget),
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
            ("rtmp" | "rtmps" | "srt", ..) => Err(BadTarget::Mixed),
            _ => Err(BadTarget::Scheme),
        }
    }

    /// `rtmp`, `rtmps` or `srt`.
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::Rtmp(target) if target.tls => "rtmps",
            Self::Rtmp(_) => "rtmp",
            Self::Srt(_) => "srt",
        }
    }

    /// The host, as typed but for brackets, and the port.
    pub fn host_and_port(&self) -> (&str, u16) {
        match self {
            Self::Rtmp(target) => (&target.host, target.port),
            Self::Srt(target) => (&target.host, target.port),
        }
    }

    /// Everything in it that no log may show, longest first.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let mut secrets = match self {
            Self::Rtmp(target) => {
                let mut all = vec![target.stream.reveal()];
                all.extend(target.application.reveal().split_once('?').map(|(_, query)| query));
                all.extend(target.user.iter().flat_map(|(name, password)| [name.reveal(), password.reveal()]));
                all
            }
            Self::Srt(target) => vec![target.streamid.reveal(), target.passphrase.reveal()],
        };
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.host_and_port();
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}://{open}{host}{close}:{port}", self.protocol())?;
        match self {
            Self::Rtmp(target) => write!(f, "/{}", target.application.reveal().split('?').next().unwrap_or_default()),
            Self::Srt(_) => Ok(()),
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
