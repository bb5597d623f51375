//! One connection's pipeline: built, started within a deadline, read, and thrown away.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use super::liveness::Reading;
use super::socket;
use crate::media::error::MediaError;
use crate::media::permit::Permit;
use crate::media::pipeline::Line;

/// How long a pipeline may take to start: elements open sockets in it.
const START: Duration = Duration::from_secs(5);
/// How long the last bytes of a stream that is being stopped may take, so that the server hears of its end.
const FAREWELL: gst::ClockTime = gst::ClockTime::from_mseconds(300);

/// How often the kernel is asked: reading its tables costs up to a millisecond.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What a pipeline has to say.
pub(super) enum Said {
    /// An error, with `GStreamer`'s debug text.
    Error(gst::glib::Error, String),
    /// Nothing until the time was over.
    Nothing,
}

/// Reads how a connection is doing off its sink.
pub(super) type Read = Box<dyn Fn(&gst::Element) -> Reading>;

/// A pipeline that carries the program to one target.
pub(super) struct Link {
    line: Line,
    sink: gst::Element,
    bus: gst::Bus,
    read: Read,
    pub(super) video: AppSrc,
    pub(super) audio: AppSrc,
    /// Where its TCP connection goes, and when the kernel was last asked how much waits in it.
    tcp: Option<(Vec<SocketAddr>, Instant, u64)>,
}

impl Link {
    pub(super) fn new(line: Line, sink: gst::Element, read: Read) -> Result<Self, MediaError> {
        let (video, audio) = (line.appsrc("h264")?, line.appsrc("sound")?);
        let bus = line.pipeline().bus().ok_or_else(|| MediaError::ours("bad_pipeline", "A pipeline came without a bus.").fatal())?;
        Ok(Self { line, sink, bus, read, video, audio, tcp: None })
    }

    /// Counts only what the other end of its TCP connection has taken as progress.
    pub(super) fn over_tcp(mut self, to: &[SocketAddr]) -> Self {
        self.tcp = Some((to.to_vec(), Instant::now(), 0));
        self
    }

    /// Stops at the sink's door what is still under way in the pipeline when the permit runs out: a process that was stopped for a while
    /// wakes with buffers in every queue.
    pub(super) fn limit(&self, permit: &Permit) {
        for pad in self.sink.sink_pads() {
            let permit = permit.clone();
            let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(mask, move |_, _| if permit.holds() { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Drop });
        }
    }

    /// Starts the pipeline, on a thread of its own. An error of an element is on the bus afterwards.
    pub(super) fn start(&self) -> Result<(), MediaError> {
        let (done, wait) = mpsc::sync_channel(1);
        let pipeline = self.line.pipeline().clone();
        let spawned = std::thread::Builder::new().name("output-start".into()).spawn(move || {
            let _ = done.send(pipeline.set_state(gst::State::Playing).is_ok());
        });
        if spawned.is_err() {
            return Err(MediaError::ours("no_thread", "No thread could be started for an output."));
        }
        match wait.recv_timeout(START) {
            Ok(_) => Ok(()),
            Err(_) => Err(MediaError::ours("timed_out", "An output's pipeline did not start in time.")),
        }
    }

    /// Waits for an error, and does what the pipeline asks for meanwhile.
    pub(super) fn listen(&self, wait: Duration) -> Said {
        const TYPES: [gst::MessageType; 2] = [gst::MessageType::Error, gst::MessageType::Latency];
        let wait = gst::ClockTime::try_from(wait).unwrap_or(gst::ClockTime::ZERO);
        let Some(message) = self.bus.timed_pop_filtered(wait, &TYPES) else { return Said::Nothing };
        if let gst::MessageView::Error(error) = message.view() {
            return Said::Error(error.error(), error.debug().map(|text| text.to_string()).unwrap_or_default());
        }
        let _ = self.line.pipeline().recalculate_latency();
        Said::Nothing
    }

    pub(super) fn reading(&mut self) -> Reading {
        let mut reading = (self.read)(&self.sink);
        if let Some((to, asked, waiting)) = &mut self.tcp
            && reading.accepted
        {
            if asked.elapsed() >= ASK_EVERY {
                *asked = Instant::now();
                *waiting = socket::unacknowledged(to).unwrap_or(0);
            }
            reading.progress = reading.progress.saturating_sub(*waiting);
        }
        reading
    }

    /// Ends the stream in the protocol's own way, as far as the target still listens.
    pub(super) fn say_farewell(&self) {
        let _ = self.video.end_of_stream();
        let _ = self.audio.end_of_stream();
        let _ = self.bus.timed_pop_filtered(FAREWELL, &[gst::MessageType::Error, gst::MessageType::Eos]);
    }
}
