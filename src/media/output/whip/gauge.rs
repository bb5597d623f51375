//! What `webrtcbin` knows of a connection, read without ever waiting for it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_webrtc::{WebRTCPeerConnectionState, WebRTCStatsType};

use super::peer::rtp_session;
use crate::media::output::liveness::Reading;

/// How often statistics are asked for: making them takes `webrtcbin` a millisecond.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long sound waits for a picture that went out behind the first report.
const SOUND_WAITS: Duration = Duration::from_secs(2);

/// Reads a connection.
pub(super) struct Gauge {
    webrtc: gst::Element,
    /// RTCP packets that came from the other side: a receiver that lives sends them all the time.
    reports: Arc<AtomicU64>,
    /// Packets that went in, a number for each track: pictures, sound.
    sent: Vec<Arc<AtomicU64>>,
    /// Whether sound may go in. `OvenMediaEngine` counts time from the first packet that it passes on, and takes a picture that was captured
    /// before that for a sign of B-frames; sound is quicker than pictures. So the first thing that it can pass on is a picture.
    sound: Arc<AtomicBool>,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    probed: bool,
    announced: bool,
    /// When the report of the pictures was sent, and how many packets of them had gone out.
    pictures_announced: Option<(Instant, u64)>,
    asked: Option<Instant>,
    awaited: Option<mpsc::Receiver<Numbers>>,
    numbers: Numbers,
}

/// What statistics say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Numbers {
    bytes: u64,
    packets: u64,
    lost: i64,
    rtt_ms: Option<f64>,
    /// Whether the receiver has told of our packets.
    reported: bool,
}

impl Gauge {
    pub(super) fn new(webrtc: &gst::Element) -> Self {
        let types = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        let counted = |pad: gst::Pad| {
            let count = Arc::<AtomicU64>::default();
            count_on(&pad, types, &count);
            count
        };
        let sound = Arc::<AtomicBool>::default();
        if let Some(pad) = webrtc.sink_pads().into_iter().nth(1) {
            let sound = Arc::clone(&sound);
            let may = move || sound.load(Ordering::Relaxed);
            pad.add_probe(types, move |_, info| {
                if may() {
                    return gst::PadProbeReturn::Remove;
                }
                // Not `Drop`: GStreamer would drop once more what the bindings have dropped already, and complain.
                info.data = None;
                info.flow_res = Ok(gst::FlowSuccess::Ok);
                gst::PadProbeReturn::Handled
            });
        }
        let sent = webrtc.sink_pads().into_iter().map(counted).collect();
        Self { webrtc: webrtc.clone(), reports: Arc::default(), sent, sound, inner: RefCell::default() }
    }

    pub(super) fn read(&self) -> Reading {
        let state = self.webrtc.property::<WebRTCPeerConnectionState>("connection-state");
        let accepted = state == WebRTCPeerConnectionState::Connected;
        let mut inner = self.inner.borrow_mut();
        if accepted {
            if !inner.probed {
                inner.probed = true;
                self.count_reports();
            }
            self.refresh(&mut inner);
            self.announce(&mut inner);
        }
        let Numbers { bytes, packets, lost, rtt_ms, reported } = inner.numbers;
        #[expect(clippy::cast_precision_loss, reason = "counts of packets")]
        let loss_percent = (reported && packets > 0).then(|| (lost.max(0) as f64 * 100.0 / packets as f64).min(100.0));
        Reading {
            accepted,
            broken: matches!(state, WebRTCPeerConnectionState::Failed | WebRTCPeerConnectionState::Closed),
            bytes,
            // The first packets on a connection that stands count as well: reports may take seconds to begin.
            progress: self.reports.load(Ordering::Relaxed) + u64::from(self.sends()),
            rtt_ms,
            loss_percent,
        }
    }

    /// Sender reports at once: a receiver may pass nothing of a track on before it has its report. That of the pictures comes first.
    fn announce(&self, inner: &mut Inner) {
        let pictures = self.sent.first().map_or(0, |sent| sent.load(Ordering::Relaxed));
        match inner.pictures_announced {
            None if pictures > 0 => {
                inner.pictures_announced = Some((Instant::now(), pictures));
                self.report();
            }
            Some((at, before)) if pictures > before || at.elapsed() >= SOUND_WAITS => self.sound.store(true, Ordering::Relaxed),
            _ => {}
        }
        if !inner.announced && self.sends() {
            inner.announced = true;
            self.report();
        }
    }

    fn report(&self) {
        if let Some(session) = rtp_session(&self.webrtc) {
            session.emit_by_name::<()>("send-rtcp", &[&0u64]);
        }
    }

    /// Whether packets of both tracks go out.
    fn sends(&self) -> bool {
        self.sent.iter().all(|sent| sent.load(Ordering::Relaxed) > 0)
    }

    /// Takes the numbers that have come, and asks for new ones once a second.
    fn refresh(&self, inner: &mut Inner) {
        if let Some(numbers) = inner.awaited.as_ref().and_then(|awaited| awaited.try_recv().ok()) {
            inner.numbers = numbers;
            inner.awaited = None;
        }
        if inner.asked.is_some_and(|asked| asked.elapsed() < ASK_EVERY) {
            return;
        }
        inner.asked = Some(Instant::now());
        let (done, awaited) = mpsc::sync_channel(1);
        inner.awaited = Some(awaited);
        let promise = gst::Promise::with_change_func(move |reply| {
            if let Ok(Some(reply)) = reply {
                let _ = done.try_send(numbers(reply));
            }
        });
        self.webrtc.emit_by_name::<()>("get-stats", &[&None::<gst::Pad>, &promise]);
    }

    fn count_reports(&self) {
        let Some(rtp) = self.webrtc.downcast_ref::<gst::Bin>().and_then(|bin| bin.by_name("rtpbin")) else { return };
        for pad in rtp.sink_pads().into_iter().filter(|pad| pad.name().starts_with("recv_rtcp_sink")) {
            count_on(&pad, gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, &self.reports);
        }
    }
}

fn count_on(pad: &gst::Pad, types: gst::PadProbeType, count: &Arc<AtomicU64>) {
    let count = Arc::clone(count);
    pad.add_probe(types, move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
}

/// Sums over both tracks; the round-trip time is the longest that a track knows.
fn numbers(stats: &gst::StructureRef) -> Numbers {
    let mut numbers = Numbers::default();
    for (_, value) in stats {
        let Ok(one) = value.get::<gst::Structure>() else { continue };
        match one.get::<WebRTCStatsType>("type") {
            Ok(WebRTCStatsType::OutboundRtp) => {
                numbers.bytes += one.get::<u64>("bytes-sent").unwrap_or(0);
                numbers.packets += one.get::<u64>("packets-sent").unwrap_or(0);
            }
            Ok(WebRTCStatsType::RemoteInboundRtp) => {
                numbers.reported = true;
                numbers.lost +=
                    one.get::<i64>("packets-lost").ok().or_else(|| one.get::<i32>("packets-lost").ok().map(i64::from)).unwrap_or(0);
                let rtt_ms = one.get::<f64>("round-trip-time").ok().map(|seconds| seconds * 1000.0).filter(|ms| *ms > 0.0);
                numbers.rtt_ms = numbers.rtt_ms.into_iter().chain(rtt_ms).reduce(f64::max);
            }
            _ => {}
        }
    }
    numbers
}
