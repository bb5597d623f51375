//! Whether a target is there, without sending it anything: RTMP up to the application, SRT's first handshake, OPTIONS for WHIP.
//!
//! Nothing is published, so nothing that a server does at a publish happens: no key is used up, no stream begins, nobody is told.

mod amf;
mod chunks;
mod rtmp;
mod tls;
mod whip;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use super::srt_probe::{self, Found as Srt};
use super::target::TargetUrl;
use super::{RtmpTarget, reason};
use crate::media::error::MediaError;
use crate::reach::Reach;

/// How long a target may take in all, and one of its addresses.
const WITHIN: Duration = Duration::from_secs(6);
const CONNECT: Duration = Duration::from_secs(3);

/// What was found of a target that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its server takes the application; the key shows only on the air.
    Accepts,
    /// Something of the right kind listens; what it takes shows only on the air.
    Listens,
}

/// Asks a target; takes 6 s at most.
///
/// # Errors
/// Why it would not go on the air, as far as that can be seen from outside. `code` is that of the output's own errors.
pub async fn probe(target: &TargetUrl, reach: &Reach, authorities_pem: &[u8]) -> Result<Found, MediaError> {
    let asked = async {
        match target {
            TargetUrl::Whip(whip) => whip::ask(target, whip, reach, authorities_pem).await,
            TargetUrl::Rtmp(rtmp) => rtmp_target(target, rtmp, reach, authorities_pem).await,
            TargetUrl::Srt(_) => {
                let at = *addresses(target, reach).await?.first().ok_or_else(|| reason::unknown_host(target))?;
                match tokio::task::spawn_blocking(move || srt_probe::probe(at)).await {
                    Ok(Srt::Listener) => Ok(Found::Listens),
                    Ok(Srt::Nothing) => Err(reason::refused(target)),
                    Ok(Srt::Silence) | Err(_) => Err(reason::timed_out(target)),
                }
            }
        }
    };
    tokio::time::timeout(WITHIN, asked).await.unwrap_or_else(|_| Err(reason::timed_out(target)))
}

async fn rtmp_target(target: &TargetUrl, rtmp: &RtmpTarget, reach: &Reach, authorities_pem: &[u8]) -> Result<Found, MediaError> {
    let stream = connect(target, &addresses(target, reach).await?).await?;
    let said = if rtmp.tls {
        let mut stream = tls::over(stream, target, authorities_pem).await?;
        rtmp::ask(&mut stream, rtmp).await
    } else {
        let mut stream = stream;
        rtmp::ask(&mut stream, rtmp).await
    };
    said.map_err(|trouble| trouble.of(target))
}

async fn addresses(target: &TargetUrl, reach: &Reach) -> Result<Vec<SocketAddr>, MediaError> {
    let (host, port) = target.host_and_port();
    reach.resolve(host, port).await.map_err(|error| {
        let found = MediaError::target(error.code(), error.to_string());
        if error.retry() { found } else { found.fatal() }
    })
}

/// The first address that takes a connection.
async fn connect(target: &TargetUrl, addresses: &[SocketAddr]) -> Result<TcpStream, MediaError> {
    let mut failed = reason::unknown_host(target);
    for at in addresses {
        failed = match tokio::time::timeout(CONNECT, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => match error.kind() {
                ErrorKind::ConnectionRefused => reason::refused(target),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => reason::unreachable(target),
                _ => reason::timed_out(target),
            },
            Err(_) => reason::timed_out(target),
        };
    }
    Err(failed)
}
