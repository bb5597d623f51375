//! One viewer's connection.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use str0m::media::{Frequency, MediaTime};
use str0m::net::Transmit;
use str0m::stats::MediaEgressStats;
use str0m::{Event, IceConnectionState, Input, Output, Rtc};

use super::ViewerStats;
use super::offer::{Agreed, Way};
use crate::media::packet::{Packet, Track};

/// How long a viewer may take to connect, and be silent afterwards: a browser checks the connection every few seconds.
const CONNECT: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(15);

/// What came of handing something to a viewer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// It cannot go on without a key frame.
    pub(super) wants_key: bool,
    /// It is gone.
    pub(super) gone: bool,
}

pub(super) struct Viewer {
    pub(super) stream: String,
    pub(super) stats: ViewerStats,
    rtc: Rtc,
    video: Way,
    audio: Option<Way>,
    connected: bool,
    /// Whether its video has begun, with a key frame.
    begun: bool,
    since: Instant,
    last_heard: Instant,
    /// When its timers want to be looked at.
    pub(super) due: Instant,
}

impl Viewer {
    pub(super) fn new(stream: String, agreed: Agreed, now: Instant) -> Self {
        Self {
            stream,
            stats: ViewerStats::default(),
            rtc: agreed.rtc,
            video: agreed.video,
            audio: agreed.audio,
            connected: false,
            begun: false,
            since: now,
            last_heard: now,
            due: now,
        }
    }

    /// Whether a datagram is this viewer's.
    pub(super) fn accepts(&self, input: &Input) -> bool {
        self.rtc.accepts(input)
    }

    /// Takes a datagram of its own.
    pub(super) fn receive(&mut self, now: Instant, input: Input, send: &mut impl FnMut(&Transmit)) -> Outcome {
        self.last_heard = now;
        self.drive(now, send, |rtc| rtc.handle_input(input).is_ok())
    }

    /// Looks at its timers.
    pub(super) fn tick(&mut self, now: Instant, send: &mut impl FnMut(&Transmit)) -> Outcome {
        let mut outcome = self.drive(now, send, |rtc| rtc.handle_input(Input::Timeout(now)).is_ok());
        outcome.gone |= !self.connected && now.saturating_duration_since(self.since) > CONNECT;
        outcome.gone |= now.saturating_duration_since(self.last_heard) > SILENCE;
        // Whatever its timers say, look again soon enough to find it gone.
        self.due = self.due.min(now + Duration::from_secs(1));
        outcome
    }

    /// Sends a packet; video begins with a key frame. `captured` is when the packet's running time was.
    pub(super) fn write(
        &mut self,
        now: Instant,
        captured: Instant,
        packet: &Packet,
        data: &[u8],
        send: &mut impl FnMut(&Transmit),
    ) -> Outcome {
        let (way, rate) = match packet.track {
            Track::H264 => (Some(self.video), Frequency::NINETY_KHZ),
            Track::Opus => (self.audio, Frequency::FORTY_EIGHT_KHZ),
            Track::Aac => (None, Frequency::FORTY_EIGHT_KHZ),
        };
        let Some(way) = way.filter(|_| self.connected) else { return Outcome::default() };
        if packet.track == Track::H264 {
            if !self.begun && !packet.key {
                return Outcome::default();
            }
            self.begun = true;
        }
        let time = MediaTime::new(ticks(packet.pts().nseconds(), rate), rate);
        self.drive(now, send, |rtc| {
            let Some(writer) = rtc.writer(way.mid) else { return true };
            writer.write(way.pt, captured, time, data).is_ok()
        })
    }

    /// Packets of this viewer's stream were lost on the way here: its video begins anew.
    pub(super) fn begin_anew(&mut self) {
        self.begun = false;
    }

    /// Says goodbye.
    pub(super) fn close(&mut self) {
        self.rtc.disconnect();
    }

    /// Changes the connection's state, then lets out everything that follows from it. A defect that a peer's bytes may find in the
    /// library costs that peer, nobody else.
    fn drive(&mut self, now: Instant, send: &mut impl FnMut(&Transmit), change: impl FnOnce(&mut Rtc) -> bool) -> Outcome {
        let driven = catch_unwind(AssertUnwindSafe(|| {
            let mut outcome = Outcome { wants_key: false, gone: !change(&mut self.rtc) };
            loop {
                match self.rtc.poll_output() {
                    Ok(Output::Timeout(due)) => {
                        self.due = due;
                        break;
                    }
                    Ok(Output::Transmit(transmit)) => send(&transmit),
                    Ok(Output::Event(event)) => self.hear(now, event, &mut outcome),
                    Err(_) => {
                        outcome.gone = true;
                        break;
                    }
                }
            }
            outcome.gone |= !self.rtc.is_alive();
            outcome
        }));
        driven.unwrap_or(Outcome { wants_key: false, gone: true })
    }

    fn hear(&mut self, now: Instant, event: Event, outcome: &mut Outcome) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.stats.connected = true;
                self.last_heard = now;
                outcome.wants_key = true;
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) | Event::Closed => outcome.gone = true,
            Event::KeyframeRequest(_) => outcome.wants_key = true,
            Event::MediaEgressStats(stats) => self.note(&stats),
            Event::PeerStats(stats) => self.stats.bytes = stats.peer_bytes_tx,
            _ => {}
        }
    }

    fn note(&mut self, stats: &MediaEgressStats) {
        if stats.mid != self.video.mid {
            return;
        }
        self.stats.loss = stats.loss;
        self.stats.resent = stats.nacks;
        self.stats.rtt_ms = stats.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0);
    }
}

/// Nanoseconds as ticks of a clock, to the nearest.
fn ticks(nanoseconds: u64, rate: Frequency) -> u64 {
    let ticks = (u128::from(nanoseconds) * u128::from(rate.get()) + 500_000_000) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// The address to name as the one a datagram came to, where the socket does not say: one of ours of the same kind.
pub(super) fn likely_destination(source: SocketAddr, addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let same = |address: &&SocketAddr| address.is_ipv4() == source.is_ipv4();
    let alike = |address: &&SocketAddr| same(address) && address.ip().is_loopback() == source.ip().is_loopback();
    addresses.iter().find(alike).or_else(|| addresses.iter().find(same)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_packets_are_exactly_960_ticks_apart() {
        for packet in 0u64..100_000 {
            assert_eq!(ticks(packet * 20_000_000, Frequency::FORTY_EIGHT_KHZ), packet * 960);
        }
        assert_eq!(ticks(33_333_333, Frequency::NINETY_KHZ), 3000);
    }

    #[test]
    fn a_likely_destination_is_of_the_same_kind() {
        let addresses: Vec<SocketAddr> = ["10.0.0.1:9", "127.0.0.1:9", "[fd00::1]:9"].iter().map(|text| text.parse().unwrap()).collect();
        let to = |source: &str| likely_destination(source.parse().unwrap(), &addresses);
        assert_eq!(to("127.0.0.1:5"), Some(addresses[1]));
        assert_eq!(to("10.0.0.9:5"), Some(addresses[0]));
        assert_eq!(to("[fd00::2]:5"), Some(addresses[2]));
        assert_eq!(likely_destination("[::1]:5".parse().unwrap(), &addresses[..2]), None);
    }
}
