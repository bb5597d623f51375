//! TLS to a server whose certificate has to be good.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::reason;
use super::super::target::TargetUrl;
use crate::media::error::MediaError;
use crate::reach::http::{find, tls_reason};

/// How long the handshake may take.
const WITHIN: Duration = Duration::from_secs(3);
const NO_AUTHORITIES: &str = "this machine has no certificate authorities; install ca-certificates";

/// Trusts the system's authorities and those in `authorities_pem`.
pub(super) async fn over(stream: TcpStream, target: &TargetUrl, authorities_pem: &[u8]) -> Result<TlsStream<TcpStream>, MediaError> {
    let more: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(authorities_pem).filter_map(Result::ok).collect();
    // The system's authorities are read from files.
    let config = tokio::task::spawn_blocking(move || config(more)).await.ok().flatten();
    let config = config.ok_or_else(|| reason::tls(target, NO_AUTHORITIES))?;
    let host = target.host_and_port().0.to_owned();
    let name = ServerName::try_from(host).map_err(|_| reason::tls(target, "its host is no name that a certificate can hold"))?;
    let connected = tokio::time::timeout(WITHIN, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    let silent = |_| reason::tls(target, "it takes the connection and says nothing; perhaps it does not speak TLS there");
    connected.map_err(silent)?.map_err(|error| {
        let why = find::<rustls::Error>(&error).map_or("it closes the connection; perhaps it does not speak TLS", tls_reason);
        reason::tls(target, why)
    })
}

fn config(more: Vec<CertificateDer<'static>>) -> Option<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider)).ok()?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}
