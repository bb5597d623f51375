//! Which hosts people may make us call.
//!
//! Servers, origins, targets and webhooks are addresses that a person types. Public addresses may always be called; what lies inside our own
//! network only if the operator lists it in `BLUECAST_CALL_ALLOW`. The rule is applied to the address that a connection goes to, after the
//! name was resolved, so that a public name for a private address gains nothing.

mod address;
pub mod http;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use url::{Host, Url};

/// How long a name may take to resolve.
const RESOLVE_DEADLINE: Duration = Duration::from_secs(5);
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;
/// Most redirects that a guarded HTTP client follows.
const MAX_REDIRECTS: usize = 5;

/// Why a host cannot be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    /// The list of allowed hosts cannot be read.
    #[error("\"{entry}\" in the list of allowed hosts is no host name, address, network like 10.0.0.0/8, or the word loopback")]
    BadEntry {
        /// The entry as given.
        entry: String,
    },
    /// The host has no address.
    #[error("The host name {host} is unknown.")]
    UnknownHost {
        /// The name as given.
        host: String,
    },
    /// Resolving took too long.
    #[error("The host name {host} could not be resolved within 5 seconds.")]
    TimedOut {
        /// The name as given.
        host: String,
    },
    /// It is an inner address that the operator has not listed.
    #[error("{host} is an address inside a private network. If it may be called, add it to BLUECAST_CALL_ALLOW.")]
    NotPermitted {
        /// The host as given.
        host: String,
    },
}

impl ReachError {
    /// A word that stays the same across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadEntry { .. } => "bad_allow_list",
            Self::UnknownHost { .. } => "unknown_host",
            Self::TimedOut { .. } => "timed_out",
            Self::NotPermitted { .. } => "not_permitted",
        }
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> bool {
        matches!(self, Self::UnknownHost { .. } | Self::TimedOut { .. })
    }

    /// The one of ours inside an error of an HTTP client, which wraps what its resolver and redirect rule say.
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }
}

/// The operator's list of inner hosts that may be called.
#[derive(Clone, Debug, Default)]
pub struct Reach(Arc<[Entry]>);

#[derive(Debug)]
enum Entry {
    Loopback,
    Net(IpNet),
    Name(String),
}

impl Reach {
    /// Reads `BLUECAST_CALL_ALLOW`: host names, addresses, networks, or the word `loopback`, separated by commas.
    pub fn parse(list: &str) -> Result<Self, ReachError> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(Self(entries.map(Entry::parse).collect::<Result<_, _>>()?))
    }

    /// Whether a connection to `ip`, found under the name `host`, may be made.
    pub fn permits(&self, host: &str, ip: IpAddr) -> bool {
        let name = canonical(host);
        address::is_public(ip) || self.0.iter().any(|entry| entry.permits(&name, ip))
    }

    /// The addresses of `host` that may be called, at most 16.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ReachError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let looked_up = tokio::time::timeout(RESOLVE_DEADLINE, tokio::net::lookup_host((bare, port))).await;
        let found: Vec<_> = looked_up
            .map_err(|_| ReachError::TimedOut { host: host.into() })?
            .map_err(|_| ReachError::UnknownHost { host: host.into() })?
            .collect();
        if found.is_empty() {
            return Err(ReachError::UnknownHost { host: host.into() });
        }
        let permitted: Vec<_> = found.into_iter().filter(|at| self.permits(bare, at.ip())).take(MAX_ADDRESSES).collect();
        if permitted.is_empty() { Err(ReachError::NotPermitted { host: host.into() }) } else { Ok(permitted) }
    }

    /// Refuses an address whose host is a literal inner IP: those never pass through a resolver.
    pub fn check_url(&self, url: &Url) -> Result<(), ReachError> {
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
            // Schemes that the URL standard does not know (`rtmp:`, `srt:`) keep every host as text.
            Some(Host::Domain(name)) => match name.parse() {
                Ok(ip) => ip,
                Err(_) => return Ok(()),
            },
            None => return Ok(()),
        };
        let host = url.host_str().unwrap_or_default();
        if self.permits(host, literal) { Ok(()) } else { Err(ReachError::NotPermitted { host: host.into() }) }
    }

    /// Makes an HTTP client keep to the rule: by its resolver, on every redirect, and past no proxy from the environment. The address of
    /// the first request needs [`Reach::check_url`].
    pub fn guard(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        // The first client sets rustls' provider for the process; later ones find it set.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let reach = self.clone();
        let policy = reqwest::redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > MAX_REDIRECTS {
                return attempt.stop();
            }
            match reach.check_url(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(error) => attempt.error(error),
            }
        });
        builder.dns_resolver(Arc::new(self.clone())).redirect(policy).no_proxy()
    }
}

impl reqwest::dns::Resolve for Reach {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let addresses = reach.resolve(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

impl Entry {
    fn parse(entry: &str) -> Result<Self, ReachError> {
        let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
        if bare.eq_ignore_ascii_case("loopback") {
            return Ok(Self::Loopback);
        }
        if let Ok(net) = bare.parse::<IpNet>() {
            return Ok(Self::Net(net.trunc()));
        }
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self::Net(ip.into()));
        }
        let name = canonical(entry);
        if is_name(&name) { Ok(Self::Name(name)) } else { Err(ReachError::BadEntry { entry: entry.into() }) }
    }

    fn permits(&self, name: &str, ip: IpAddr) -> bool {
        match self {
            Self::Loopback => address::real(ip).is_loopback(),
            Self::Net(net) => net.contains(&ip) || net.contains(&address::real(ip)),
            Self::Name(listed) => listed == name,
        }
    }
}

/// A host name as it is compared: small letters, no final dot, no brackets.
fn canonical(host: &str) -> String {
    host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

/// A name of letters, digits, `-` and `_`, whose last part is no number (that would be a misspelt address).
fn is_name(name: &str) -> bool {
    let part_ok = |part: &str| {
        (1..=63).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last_is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(part_ok) && !last_is_number
}

#[cfg(test)]
mod tests;
