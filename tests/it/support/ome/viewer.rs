//! What goes to a viewer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bluecast::media::packet::Track;
use str0m::media::{Mid, Pt};
use str0m::rtp::RtpWrite;
use str0m::{Event, Input};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::offer::{AUDIO, VIDEO};
use super::peer::Peer;
use super::stream::{Passed, Source, Stream, ViewerSeen};
use super::world::World;

/// How much later than their source viewers are dropped.
const AFTER_SOURCE: Duration = Duration::from_millis(300);
/// The same on an edge, which has tried to get it back in between.
const AFTER_RELAY: Duration = Duration::from_millis(100);

/// One viewer's media.
pub(super) struct Viewing {
    pub(super) world: Arc<World>,
    pub(super) stream: Arc<Stream>,
    pub(super) peer: Peer,
    pub(super) mids: Vec<(Track, Mid)>,
    /// When its admission ends.
    pub(super) until: Option<Instant>,
}

impl Viewing {
    /// Sends until the source or the admission ends, the viewer is silent for too long, or `hung_up`.
    pub(super) async fn run(mut self, seen: ViewerSeen, hung_up: CancellationToken) {
        self.peer.loss = Arc::clone(&self.world.loss);
        let number = self.stream.enter(seen);
        let mut packets = self.stream.passed.subscribe();
        let silence = self.world.options.viewer_timeout;
        let mut heard = Instant::now();
        let mut connected = false;
        let _ = self.peer.rtc.handle_input(Input::Timeout(Instant::now()));
        let mut source_over: Option<Instant> = None;
        let forever = Instant::now() + Duration::from_secs(86_400);
        loop {
            let (events, due) = self.peer.drain();
            for event in events {
                connected |= matches!(event, Event::Connected);
                self.hear(number, &event);
            }
            tokio::select! {
                () = hung_up.cancelled() => break,
                came = self.peer.turn(due) => if came { heard = Instant::now() },
                packet = packets.recv(), if source_over.is_none() => match packet {
                    Ok(packet) => if connected { self.pass(number, &packet) },
                    Err(RecvError::Lagged(_)) => self.stream.want_key_frame(),
                    Err(RecvError::Closed) => break,
                },
                () = self.stream.stop.cancelled(), if source_over.is_none() => {
                    source_over = Some(Instant::now() + if self.stream.source == Source::Ovt { AFTER_RELAY } else { AFTER_SOURCE });
                }
                () = tokio::time::sleep_until(source_over.unwrap_or(forever).into()) => break,
                () = tokio::time::sleep_until((heard + silence).into()) => break,
                () = tokio::time::sleep_until(self.until.unwrap_or(forever).into()) => break,
            }
        }
        self.stream.leave(number);
    }

    fn hear(&self, number: u64, event: &Event) {
        match event {
            Event::Connected => self.stream.note_viewer(number, |seen| seen.connected = true),
            Event::KeyframeRequest(_) => {
                self.stream.note_viewer(number, |seen| seen.key_frames_asked += 1);
                self.stream.want_key_frame();
            }
            Event::MediaEgressStats(stats) if self.mids.iter().any(|(track, mid)| *track == Track::H264 && *mid == stats.mid) => {
                self.stream.note_viewer(number, |seen| seen.nacks = stats.nacks);
            }
            _ => {}
        }
    }

    fn pass(&mut self, number: u64, packet: &Passed) {
        if self.world.lock().starved.takes(packet.track) {
            return;
        }
        let Some((_, mid)) = self.mids.iter().find(|(track, _)| *track == packet.track) else { return };
        let (number_of, rate) = if packet.track == Track::H264 { (VIDEO, 90_000) } else { (AUDIO, 48_000) };
        let ticks = (u128::from(packet.pts_us) * rate + 500_000) / 1_000_000;
        let time = u32::try_from(ticks & 0xffff_ffff).unwrap_or(0);
        let wallclock = self.stream.epoch(packet.pts_us) + Duration::from_micros(packet.pts_us);
        let mut direct = self.peer.rtc.direct_api();
        let Some(sending) = direct.stream_tx_by_mid(*mid, None) else { return };
        let sequence = (packet.sequence + 1).into();
        let rtp = RtpWrite::new(Pt::from(number_of), sequence, time, wallclock, Arc::clone(&packet.payload));
        sending.write_rtp(rtp.marker(packet.marker).nackable(packet.track == Track::H264));
        self.stream.note_viewer(number, |seen| seen.packets += 1);
    }
}
