//! What the HTTP client's errors mean. Nothing of their text is passed on: it holds the address, and with it a checksum.

use std::error::Error;
use std::io;

use super::BbbError;
use crate::reach::ReachError;

/// A redirect to another host: its answer would prove nothing about this server.
#[derive(Debug, thiserror::Error)]
#[error("redirect to {to}")]
pub(super) struct OffHost {
    pub(super) to: String,
}

/// Sorts a failure of the HTTP client.
pub(super) fn of_transport(error: &reqwest::Error, host: &str) -> BbbError {
    let host = host.to_owned();
    if let Some(error) = ReachError::within(error) {
        return BbbError::Reach(error.clone());
    }
    if let Some(OffHost { to }) = find(error) {
        return BbbError::NotBbb { host, reason: format!("it redirects to {to}") };
    }
    if error.is_timeout() {
        return BbbError::TimedOut { host };
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return BbbError::Tls { host, reason: tls_reason(error) };
    }
    if error.is_redirect() {
        return BbbError::NotBbb { host, reason: "it redirects in circles".into() };
    }
    if error.is_connect() {
        return BbbError::Unreachable { host, reason: find(error).map_or("no connection comes about", io_reason) };
    }
    BbbError::CutOff { host }
}

/// The first error of this type in the chain. An `io::Error` is also asked for the one that it wraps, which its `source` leaves out.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
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

fn tls_reason(error: &rustls::Error) -> &'static str {
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
