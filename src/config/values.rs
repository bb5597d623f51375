//! Settings that are more than a word, and how they are written.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ipnet::IpNet;
use url::Url;

use crate::secret::Secret;

/// Where the data is kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A server, by its address, which may hold a password.
    Postgres(Secret),
}

impl Database {
    /// Reads `sqlite://PATH`, `sqlite:PATH` or `postgres://…`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Url::parse(text).ok().map(|_| Self::Postgres(Secret::new(text)));
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"))?;
        let usable = !path.is_empty() && !path.starts_with(":memory:") && !path.contains('?');
        usable.then(|| Self::Sqlite(PathBuf::from(path)))
    }
}

/// The key that encrypts secrets at rest.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 32 bytes of base64, in any of its alphabets.
    pub fn parse(text: &str) -> Option<Self> {
        let decoded = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|engine| engine.decode(text).ok())?;
        decoded.try_into().ok().map(Self)
    }

    /// As base64, for the file that keeps it.
    pub fn reveal_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// The bytes, for the cipher.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Reads a CIDR, or an address as a network that holds only itself.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A STUN or TURN server that viewers may use.
#[derive(Clone, Debug)]
pub struct IceServer {
    /// As browsers take it: `stun:host:port` or `turn:host:port?transport=udp`.
    pub url: String,
    /// User name, for TURN.
    pub username: Option<String>,
    /// Password, for TURN. Viewers get it, so it should be one that opens nothing else.
    pub credential: Option<Secret>,
}

impl IceServer {
    /// Reads `stun:HOST:PORT` or `turn:USER:PASSWORD@HOST:PORT`.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let has_host = |place: &str| !place.is_empty() && !place.starts_with([':', '/', '?']) && !place.contains(char::is_whitespace);
        match (scheme, rest.rsplit_once('@')) {
            ("stun" | "stuns", None) if has_host(rest) => Some(Self { url: text.to_owned(), username: None, credential: None }),
            ("turn" | "turns", Some((credentials, place))) if has_host(place) => {
                let (username, password) = credentials.split_once(':')?;
                Some(Self {
                    url: format!("{scheme}:{place}"),
                    username: Some(username.to_owned()),
                    credential: Some(Secret::new(password)),
                })
            }
            _ => None,
        }
    }

    /// As `GStreamer` takes it: `stun://HOST:PORT` or `turn://USER:PASSWORD@HOST:PORT`.
    pub fn uri(&self) -> Secret {
        let (scheme, place) = self.url.split_once(':').unwrap_or(("stun", &self.url));
        let (place, query) = place.split_once('?').map_or((place, String::new()), |(place, query)| (place, format!("?{query}")));
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port {
            ""
        } else if scheme.ends_with('s') {
            ":5349"
        } else {
            ":3478"
        };
        let encoded = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let who = match (&self.username, &self.credential) {
            (Some(name), Some(password)) => format!("{}:{}@", encoded(name), encoded(password.reveal())),
            _ => String::new(),
        };
        Secret::new(format!("{scheme}://{who}{place}{port}{query}"))
    }
}

/// Reads `FROM-TO` or a single port; neither end may be 0.
pub(super) fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse::<u16>().ok()?, to.trim().parse::<u16>().ok()?);
    (from > 0 && from <= to).then_some(from..=to)
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
