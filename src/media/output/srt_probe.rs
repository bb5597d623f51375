//! Why an SRT connection failed, which `srtsink` does not say: asks the address itself.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The host says that nothing listens.
    Nothing,
    /// An SRT listener.
    Listener,
    /// No answer.
    Silence,
}

const TRIES: u32 = 3;
const TRY: Duration = Duration::from_millis(300);

/// Sends SRT's first handshake packet, which binds the listener to nothing, and waits up to a second for the answer.
pub(super) fn probe(at: SocketAddr) -> Found {
    ask(at).unwrap_or_else(|error| if error.kind() == ErrorKind::ConnectionRefused { Found::Nothing } else { Found::Silence })
}

fn ask(at: SocketAddr) -> std::io::Result<Found> {
    let any: SocketAddr = if at.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(at)?;
    socket.set_read_timeout(Some(TRY))?;
    let mut answer = [0; 1500];
    for _ in 0..TRIES {
        socket.send(&induction())?;
        match socket.recv(&mut answer) {
            // A control packet of type 0: a handshake.
            Ok(length) if length >= 64 && answer[..4] == [0x80, 0, 0, 0] => return Ok(Found::Listener),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Found::Silence)
}

/// The caller's induction handshake (SRT protocol draft, section 3.2.1).
fn induction() -> [u8; 64] {
    let words: [u32; 16] = [
        0x8000_0000, // control packet, handshake
        0,
        0, // time stamp
        0, // destination socket: none yet
        4, // version of the first handshake
        2, // no encryption; the extension field's value in this phase
        1, // first sequence number
        1500,
        8192, // flow window
        1,    // induction
        1,    // our socket
        0,    // cookie
        0,
        0,
        0,
        0,
    ];
    let mut packet = [0; 64];
    for (to, word) in packet.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    packet
}
