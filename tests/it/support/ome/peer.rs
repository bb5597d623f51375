//! A WebRTC connection on a socket of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use str0m::crypto::from_feature_flags;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;

const LONGEST_DATAGRAM: usize = 2000;

/// A configuration without codecs, in RTP mode.
pub(super) fn config() -> RtcConfig {
    Rtc::builder().set_crypto_provider(Arc::new(from_feature_flags())).set_rtp_mode(true).clear_codecs()
}

/// A connection and its socket.
pub(super) struct Peer {
    pub(super) rtc: Rtc,
    socket: UdpSocket,
    /// Its only candidate.
    pub(super) local: SocketAddr,
    datagram: Vec<u8>,
    /// Of a thousand media packets, how many are lost on the way out.
    pub(super) loss: Arc<AtomicU32>,
    chance: u32,
}

impl Peer {
    pub(super) async fn bind(address: IpAddr, config: RtcConfig) -> Self {
        let socket = UdpSocket::bind((address, 0)).await.unwrap();
        // What is counted as lost is what the sender lost, not what came while we did not look.
        set_socket_recv_buffer_size(&socket, 4 << 20).unwrap();
        let local = socket.local_addr().unwrap();
        let mut rtc = config.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        Self { rtc, socket, local, datagram: vec![0; LONGEST_DATAGRAM], loss: Arc::default(), chance: 1 }
    }

    /// Lets out what follows from the last change: events, and when to look again.
    pub(super) fn drain(&mut self) -> (Vec<Event>, Instant) {
        let mut events = Vec::new();
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(due)) => return (events, due),
                Ok(Output::Transmit(transmit)) => {
                    if !self.is_lost(&transmit.contents) {
                        // A full socket drops it.
                        let _ = self.socket.try_send_to(&transmit.contents, transmit.destination);
                    }
                }
                Ok(Output::Event(event)) => events.push(event),
                Err(_) => return (events, Instant::now() + Duration::from_secs(1)),
            }
        }
    }

    fn is_lost(&mut self, datagram: &[u8]) -> bool {
        let loss = self.loss.load(Ordering::Relaxed);
        let is_media = matches!(datagram, [128..=191, second, ..] if !(192..=223).contains(second));
        if loss == 0 || !is_media {
            return false;
        }
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.chance >> 8) % 1000 < loss
    }

    /// Waits for a datagram or `due`, and takes it. Says whether a datagram came. Safe to be dropped while it waits.
    pub(super) async fn turn(&mut self, due: Instant) -> bool {
        let received = tokio::time::timeout_at(due.into(), self.socket.recv_from(&mut self.datagram)).await;
        let now = Instant::now();
        let Ok(Ok((length, source))) = received else {
            let _ = self.rtc.handle_input(Input::Timeout(now));
            return false;
        };
        if let Ok(contents) = self.datagram[..length].try_into() {
            let input = Input::Receive(now, Receive { proto: Protocol::Udp, source, destination: self.local, contents });
            let _ = self.rtc.handle_input(input);
        }
        true
    }
}
