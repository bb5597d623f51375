//! HTTP to servers whose addresses people gave us: what every client of ours has in common.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::Response;

use super::{Reach, ReachError};

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Until a connection stands.
    pub connect: Duration,
    /// The whole call.
    pub whole: Duration,
}

/// Why a call did not bring an answer. Nothing of the HTTP client's own text is passed on: it holds the address, and with it perhaps a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The host may not or cannot be called.
    Reach(ReachError),
    /// It redirects to another host: scheme and host.
    OffHost(String),
    /// It redirects in circles.
    Circles,
    /// The answer took longer than allowed.
    TimedOut,
    /// No secure connection comes about; why.
    Tls(&'static str),
    /// No connection comes about; why.
    Unreachable(&'static str),
    /// The connection ended in the middle of the answer.
    CutOff,
    /// The answer is larger than allowed.
    TooLarge,
}

/// A redirect to another host: its answer would prove nothing about this server.
#[derive(Debug, thiserror::Error)]
#[error("redirect to {to}")]
pub(crate) struct OffHost {
    pub(crate) to: String,
}

impl Reach {
    /// The beginnings of a client that keeps to the rule, trusts `authorities_pem` besides the machine's authorities, and says who it is.
    ///
    /// # Errors
    /// A sentence's end, where `authorities_pem` is not empty and holds no certificate.
    pub fn client(&self, authorities_pem: &[u8], deadlines: Deadlines) -> Result<reqwest::ClientBuilder, &'static str> {
        let authorities = reqwest::Certificate::from_pem_bundle(authorities_pem).unwrap_or_default();
        if authorities.is_empty() && !authorities_pem.is_empty() {
            return Err("the file with more certificate authorities (BLUECAST_CA_FILE) holds no PEM certificate");
        }
        let builder = self.guard(reqwest::Client::builder());
        Ok(builder
            .tls_certs_merge(authorities)
            .connect_timeout(deadlines.connect)
            .timeout(deadlines.whole)
            .referer(false)
            .user_agent(concat!("bluecast/", env!("CARGO_PKG_VERSION"))))
    }
}

/// What is wrong with a machine on which no client can be built.
pub(crate) const NO_AUTHORITIES: &str = "this machine has no certificate authorities; install ca-certificates";

/// Reads a body of at most `limit` bytes.
pub async fn body(response: &mut Response, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Fault::of(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(Fault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether a body is a web page: some other server, or a proxy's own words.
pub fn is_web_page(body: &str) -> bool {
    let start: String = body.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    start.contains("<!doctype html") || start.contains("<html") || start.contains("<head")
}

/// Longest text of a server that is passed on, in characters.
const MAX_MESSAGE: usize = 200;

/// A stranger's text as one short line.
pub fn plain(text: &str) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_MESSAGE).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Host, and port where it is not the usual one: what people call a server by.
pub fn host(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl Fault {
    /// Sorts a failure of the HTTP client.
    pub fn of(error: &reqwest::Error) -> Self {
        if let Some(error) = ReachError::within(error) {
            return Self::Reach(error.clone());
        }
        if let Some(OffHost { to }) = find(error) {
            return Self::OffHost(to.clone());
        }
        if error.is_timeout() {
            return Self::TimedOut;
        }
        if let Some(error) = find::<rustls::Error>(error) {
            return Self::Tls(tls_reason(error));
        }
        if error.is_redirect() {
            return Self::Circles;
        }
        if error.is_connect() {
            return Self::Unreachable(find(error).map_or("no connection comes about", io_reason));
        }
        Self::CutOff
    }
}

/// The first error of this type in the chain. An `io::Error` is also asked for the one that it wraps, which its `source` leaves out.
pub(crate) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

fn io_reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection is refused, nothing listens there",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => "it closes the connection",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no route to it",
        _ => "no connection comes about",
    }
}

/// Why no secure connection came about: the end of a sentence.
pub(crate) fn tls_reason(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            Certificate::UnknownIssuer => {
                "its certificate comes from an unknown authority; if it is yours, name its file in BLUECAST_CA_FILE"
            }
            Certificate::Expired | Certificate::ExpiredContext { .. } => "its certificate has expired",
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => "its certificate is not valid yet; check the clocks",
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => "its certificate is for another host name",
            Certificate::Revoked => "its certificate has been revoked",
            _ => "its certificate is not valid",
        },
        rustls::Error::InvalidMessage(_) => "it does not speak TLS there; perhaps the address should begin with http://",
        _ => "the two sides do not agree on how",
    }
}
