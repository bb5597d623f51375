//! What comes from a WHIP pusher.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bluecast::media::packet::Track;
use str0m::media::{KeyframeRequestKind, Mid};
use str0m::rtp::RtpPacket;
use str0m::{Event, Input};

use super::super::decode::unix_ms;
use super::h264::Assembler;
use super::lip_sync::{PATIENCE, TrackClock, Zero};
use super::peer::Peer;
use super::sdp::{Section, is_stereo};
use super::stream::{Passed, Stream, TrackSeen, Unit};
use super::world::World;

struct Lane {
    track: Track,
    payload_type: u8,
    clock: TrackClock,
    assembler: Assembler,
    /// The next sequence number, and the number of the first.
    next: Option<u64>,
    first: u64,
    last_pts_us: u64,
}

/// The media of one pusher.
pub(super) struct Ingestion {
    stream: Arc<Stream>,
    lanes: HashMap<Mid, Lane>,
    zero: Zero,
    first_packet: Option<Instant>,
    reported: bool,
}

impl Ingestion {
    pub(super) fn new(stream: Arc<Stream>, sections: &[Section]) -> Self {
        let mut lanes = HashMap::new();
        for section in sections {
            let (Some(track), Some(payload)) = (section.track(), section.payloads.first()) else { continue };
            let rate = if track == Track::H264 { 90_000 } else { 48_000 };
            let lane = Lane {
                track,
                payload_type: payload.number,
                clock: TrackClock::new(rate),
                assembler: Assembler::default(),
                next: None,
                first: 0,
                last_pts_us: 0,
            };
            lanes.insert(Mid::from(section.mid.as_str()), lane);
            let seen = TrackSeen {
                channels: payload.channels.as_deref().and_then(|channels| channels.parse().ok()).unwrap_or(1),
                stereo: is_stereo(payload),
                ..TrackSeen::new(track, payload.number, &payload.format)
            };
            stream.note(|ingest| ingest.tracks.push(seen));
        }
        Self { stream, lanes, zero: Zero::default(), first_packet: None, reported: false }
    }

    /// Takes what the pusher sends until the stream or its admission ends, or the pusher has been silent for too long.
    pub(super) async fn run(mut self, world: Arc<World>, mut peer: Peer, until: Option<Instant>) {
        let (timeout, fir_every) = (world.options.whip_timeout, world.options.fir_every);
        let (mut heard, mut next_fir) = (Instant::now(), Instant::now() + fir_every);
        let mut fir = false;
        let _ = peer.rtc.handle_input(Input::Timeout(Instant::now()));
        let until = until.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
        loop {
            let (events, due) = peer.drain();
            for event in events {
                self.hear(&mut peer, event);
            }
            if std::mem::take(&mut fir) {
                next_fir = Instant::now() + fir_every;
                self.ask_for_key_frame(&mut peer);
                continue;
            }
            tokio::select! {
                () = self.stream.stop.cancelled() => break,
                came = peer.turn(due) => if came { heard = Instant::now() },
                () = self.stream.key_wanted.notified() => fir = true,
                () = tokio::time::sleep_until(next_fir.into()) => fir = true,
                () = tokio::time::sleep_until((heard + timeout).into()) => break,
                () = tokio::time::sleep_until(until.into()) => break,
            }
        }
        // Nothing is said to the pusher.
        world.end_stream(&self.stream);
    }

    fn ask_for_key_frame(&self, peer: &mut Peer) {
        let video = self.lanes.iter().find(|(_, lane)| lane.track == Track::H264);
        let mut direct = peer.rtc.direct_api();
        if let Some(stream) = video.and_then(|(mid, _)| direct.stream_rx_by_mid(*mid, None)) {
            stream.request_keyframe(KeyframeRequestKind::Fir);
            self.stream.note(|ingest| ingest.firs += 1);
        }
    }

    fn hear(&mut self, peer: &mut Peer, event: Event) {
        match event {
            Event::Connected => self.stream.note(|ingest| ingest.connected = true),
            Event::SenderFeedback(report) => {
                let Some(lane) = self.lanes.get_mut(&report.mid) else { return };
                let info = report.sender_info;
                let good = lane.clock.report(info.ntp_time, low(info.rtp_time.numer()));
                self.reported = true;
                seen(&self.stream, lane.track, |seen| {
                    seen.reports += 1;
                    seen.false_reports += u64::from(!good);
                });
            }
            Event::RtpPacket(packet) => {
                let mut direct = peer.rtc.direct_api();
                if let Some(mid) = direct.stream_rx(&packet.header.ssrc).map(|stream| stream.mid()) {
                    self.take(mid, &packet);
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, mid: Mid, packet: &RtpPacket) {
        let patient = self.first_packet.get_or_insert_with(Instant::now).elapsed() < PATIENCE;
        let alone = self.lanes.len() == 1;
        let Some(lane) = self.lanes.get_mut(&mid) else { return };
        if *packet.header.payload_type != lane.payload_type {
            return seen(&self.stream, lane.track, |seen| seen.foreign += 1);
        }
        let number = *packet.seq_no;
        let lost = lane.next.map_or(0, |next| number.saturating_sub(next));
        if lane.next.is_some_and(|next| number < next) {
            return;
        }
        lane.first = if lane.next.is_none() { number } else { lane.first };
        lane.next = Some(number + 1);
        seen(&self.stream, lane.track, |seen| {
            seen.packets += 1;
            seen.bytes += packet.payload.len() as u64;
            seen.lost += lost;
        });
        let rtp = packet.header.timestamp;
        let may_assume = alone || (!patient && !self.reported);
        if may_assume && lane.clock.unix_us(rtp).is_none() {
            lane.clock.assume(unix_us(), rtp);
        }
        let Some(unix_us) = lane.clock.unix_us(rtp) else {
            return seen(&self.stream, lane.track, |seen| seen.unclocked += 1);
        };
        let pts_us = self.zero.pts_us(unix_us);
        let marker = packet.header.marker;
        let payload = &packet.payload;
        let passed = Passed { track: lane.track, sequence: number - lane.first, pts_us, marker, payload: Arc::clone(payload) };
        // Nobody watches.
        let _ = self.stream.passed.send(passed);
        let unit = match lane.track {
            Track::H264 => lane.assembler.push(rtp, marker, lost > 0, payload),
            _ => Some((payload.to_vec(), true)),
        };
        let Some((data, key)) = unit else { return };
        let backwards = pts_us <= lane.last_pts_us;
        lane.last_pts_us = pts_us;
        let since = u64::try_from(self.first_packet.map_or(Duration::ZERO, |first| first.elapsed()).as_millis()).unwrap();
        seen(&self.stream, lane.track, |seen| {
            seen.units += 1;
            seen.key_units += u64::from(key);
            seen.backwards += u64::from(backwards);
            seen.first_unit_ms.get_or_insert(since);
        });
        self.stream.keep(Unit { track: lane.track, key, pts_us, arrived_ms: unix_ms(), data: data.into() });
    }
}

fn seen(stream: &Stream, track: Track, change: impl FnOnce(&mut TrackSeen)) {
    stream.note(|ingest| {
        if let Some(seen) = ingest.tracks.iter_mut().find(|seen| seen.track == track) {
            change(seen);
        }
    });
}

fn unix_us() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_micros()).unwrap_or(i64::MAX)
}

/// The lower 32 bits: an RTP time stamp as it was on the wire.
fn low(extended: u64) -> u32 {
    u32::try_from(extended & 0xffff_ffff).unwrap_or(0)
}
