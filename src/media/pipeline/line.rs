//! One pipeline of GStreamer's, from its text to its end.

use std::sync::mpsc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};

use super::text::{Fill, program_text};
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;

/// How long anyone waits for a pipeline to go down; a hanging one is left to its own thread.
const DOWN_WITHIN: Duration = Duration::from_secs(2);

/// A running pipeline. Dropping it takes it down, on a thread of its own, and waits for that no longer than two seconds: a sink that
/// hangs in a system call must not hang us.
#[derive(Debug)]
pub struct Line {
    name: String,
    pipeline: gst::Pipeline,
    bus: gst::Bus,
}

impl Line {
    /// Parses a text under `pipelines/` and ties it to the clock; it does not run yet.
    ///
    /// # Errors
    /// `missing_element` where a plugin is not installed; `bad_pipeline` where the text is wrong.
    pub fn parse(name: &str, fill: &Fill, clock: &MediaClock) -> Result<Self, MediaError> {
        let text = program_text(name, fill).map_err(|error| MediaError::ours("bad_pipeline", error.to_string()).fatal())?;
        let element = gst::parse::launch(&text).map_err(|error| parse_error(name, &error))?;
        let pipeline = element
            .downcast::<gst::Pipeline>()
            .map_err(|_| MediaError::ours("bad_pipeline", format!("pipelines/{name}.launch holds a single element.")).fatal())?;
        clock.rule(&pipeline);
        let bus = pipeline.bus().ok_or_else(|| MediaError::ours("bad_pipeline", "A pipeline came without a bus.").fatal())?;
        Ok(Self { name: name.to_owned(), pipeline, bus })
    }

    /// Starts it.
    ///
    /// # Errors
    /// `pipeline_start` when an element refuses; [`Line::poll`] usually knows more.
    pub fn play(&self) -> Result<(), MediaError> {
        self.pipeline.set_state(gst::State::Playing).map(drop).map_err(|_| {
            self.poll().unwrap_or_else(|| MediaError::ours("pipeline_start", format!("The pipeline “{}” does not start.", self.name)))
        })
    }

    /// An element by its name in the text.
    ///
    /// # Errors
    /// `bad_pipeline` where the text has no such element.
    pub fn element(&self, name: &str) -> Result<gst::Element, MediaError> {
        self.pipeline
            .by_name(name)
            .ok_or_else(|| MediaError::ours("bad_pipeline", format!("pipelines/{}.launch has no element “{name}”.", self.name)).fatal())
    }

    /// An `appsrc` by its name.
    pub fn appsrc(&self, name: &str) -> Result<AppSrc, MediaError> {
        self.element(name)?.downcast().map_err(|_| MediaError::ours("bad_pipeline", format!("“{name}” is no appsrc.")).fatal())
    }

    /// An `appsink` by its name.
    pub fn appsink(&self, name: &str) -> Result<AppSink, MediaError> {
        self.element(name)?.downcast().map_err(|_| MediaError::ours("bad_pipeline", format!("“{name}” is no appsink.")).fatal())
    }

    /// The pipeline itself.
    pub fn pipeline(&self) -> &gst::Pipeline {
        &self.pipeline
    }

    /// Reads what the pipeline had to say, without waiting: the first error, if any. Answers LATENCY messages, without which rtpsession's
    /// times run wild (see `GStreamer`'s `webrtcbin`) and muxers wait too long.
    pub fn poll(&self) -> Option<MediaError> {
        const TYPES: [gst::MessageType; 3] = [gst::MessageType::Error, gst::MessageType::Latency, gst::MessageType::Eos];
        while let Some(message) = self.bus.pop_filtered(&TYPES) {
            match message.view() {
                gst::MessageView::Latency(_) => drop(self.pipeline.recalculate_latency()),
                gst::MessageView::Eos(_) => {
                    return Some(MediaError::ours("pipeline_ended", format!("The pipeline “{}” came to an unexpected end.", self.name)));
                }
                gst::MessageView::Error(error) => {
                    tracing::debug!(pipeline = self.name, debug = ?error.debug().map(|text| text.to_string()), "pipeline error");
                    return Some(MediaError::ours("pipeline_error", format!("{}: {}", self.name, error.error())));
                }
                _ => {}
            }
        }
        None
    }

    /// Waits until every stream has ended and the sinks are done.
    pub fn wait_eos(&self, within: Duration) -> Result<(), MediaError> {
        const TYPES: [gst::MessageType; 2] = [gst::MessageType::Error, gst::MessageType::Eos];
        let within = gst::ClockTime::try_from(within).unwrap_or(gst::ClockTime::from_seconds(1));
        match self.bus.timed_pop_filtered(within, &TYPES) {
            Some(message) => match message.view() {
                gst::MessageView::Error(error) => Err(MediaError::ours("pipeline_error", format!("{}: {}", self.name, error.error()))),
                _ => Ok(()),
            },
            None => Err(MediaError::ours("timed_out", format!("The pipeline “{}” took too long.", self.name))),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let pipeline = self.pipeline.clone();
        let (done, wait) = mpsc::sync_channel::<()>(1);
        let spawned = std::thread::Builder::new().name("line-down".into()).spawn(move || {
            let _ = pipeline.set_state(gst::State::Null);
            drop(pipeline);
            drop(done);
        });
        if spawned.is_ok() && wait.recv_timeout(DOWN_WITHIN) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(pipeline = self.name, "a pipeline hangs while going down; left behind on its thread");
            metrics::counter!("bluecast_pipelines_left_hanging_total").increment(1);
        }
    }
}

fn parse_error(name: &str, error: &gst::glib::Error) -> MediaError {
    if error.matches(gst::ParseError::NoSuchElement) {
        MediaError::ours(
            "missing_element",
            format!("{error}: a GStreamer plugin is not installed; “bluecast doctor” says which package has it."),
        )
        .fatal()
    } else {
        MediaError::ours("bad_pipeline", format!("pipelines/{name}.launch: {error}")).fatal()
    }
}
