//! RTMP up to the answer to `connect`: the handshake and the application, and no publish.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::super::reason;
use super::super::target::{RtmpTarget, TargetUrl};
use super::Found;
use super::amf::{self, Command};
use super::chunks::{self, Chunks};
use crate::media::error::MediaError;
use crate::reach::http::plain;

const VERSION: u8 = 3;
const HANDSHAKE: usize = 1536;
/// How long the server may think about the connect.
const ANSWER: Duration = Duration::from_secs(3);
/// What a server sends before its answer fits into a few hundred bytes.
const MOST: usize = 256 * 1024;
/// Commands in AMF0, and those in AMF3, whose first byte says so.
const AMF0: u8 = 20;
const AMF3: u8 = 17;

/// Why a server does not take the connect.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It says no, and why.
    Refused(String),
    /// It speaks something else.
    NotRtmp,
    /// It hangs up.
    Closed,
    Silent,
}

impl Trouble {
    pub(super) fn of(self, target: &TargetUrl) -> MediaError {
        match self {
            Self::Refused(why) => {
                let why = if why.is_empty() { String::new() } else { format!(" It says: “{}”", reason::scrub(target, &why)) };
                MediaError::target("rejected", format!("{target} refuses the application, before any key is asked for.{why}"))
            }
            Self::NotRtmp => MediaError::target("not_rtmp", format!("{target} answers, but not as an RTMP server.")),
            Self::Closed => MediaError::target(
                "closed",
                format!("{target} closes the connection: perhaps it knows no such application, or it is no RTMP server."),
            ),
            Self::Silent => reason::timed_out(target),
        }
    }
}

/// Asks whether the server takes the application.
pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, target: &RtmpTarget) -> Result<Found, Trouble> {
    handshake(stream).await?;
    let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    let scheme = if target.tls { "rtmps" } else { "rtmp" };
    let tc_url = format!("{scheme}://{host}:{}/{}", target.port, target.application.reveal());
    stream.write_all(&chunks::command(&amf::connect(target.application.reveal(), &tc_url))).await.map_err(|_| Trouble::Closed)?;
    tokio::time::timeout(ANSWER, answer(stream)).await.unwrap_or(Err(Trouble::Silent))
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), Trouble> {
    let mut ours = vec![VERSION];
    ours.extend([0; 8]);
    // What follows is anything; its receiver sends it back.
    ours.extend((0..HANDSHAKE - 8).map(|index| u8::try_from(index % 251).unwrap_or(0)));
    let theirs = async {
        stream.write_all(&ours).await?;
        let mut theirs = vec![0; 1 + HANDSHAKE];
        stream.read_exact(&mut theirs[..1]).await?;
        if theirs[0] != VERSION {
            return Ok(theirs);
        }
        stream.read_exact(&mut theirs[1..]).await?;
        stream.write_all(&theirs[1..]).await?;
        stream.read_exact(&mut vec![0; HANDSHAKE]).await?;
        Ok::<_, std::io::Error>(theirs)
    };
    match tokio::time::timeout(ANSWER, theirs).await {
        Ok(Ok(theirs)) if theirs[0] == VERSION => Ok(()),
        Ok(Ok(_)) => Err(Trouble::NotRtmp),
        Ok(Err(_)) => Err(Trouble::Closed),
        Err(_) => Err(Trouble::Silent),
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<Found, Trouble> {
    let (mut chunks, mut buffer, mut read) = (Chunks::default(), [0; 4096], 0);
    while read < MOST {
        let length = stream.read(&mut buffer).await.map_err(|_| Trouble::Closed)?;
        if length == 0 {
            return Err(Trouble::Closed);
        }
        read += length;
        chunks.add(&buffer[..length]);
        while let Some(message) = chunks.next().map_err(|_| Trouble::NotRtmp)? {
            let payload = match message.kind {
                AMF0 => &message.payload[..],
                AMF3 => message.payload.get(1..).unwrap_or_default(),
                _ => continue,
            };
            let Some(command) = Command::read(payload) else { continue };
            let described = command.text("description");
            match command.name.as_str() {
                "_result" => return Ok(Found::Accepts),
                // It wants a name and a password first, which the output gives it in a second round.
                "_error" if described.contains("authmod=") => return Ok(Found::Listens),
                "_error" | "close" => return Err(Trouble::Refused(plain(described))),
                _ => {}
            }
        }
    }
    Err(Trouble::NotRtmp)
}
