//! One clock for every pipeline of the process.

use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

/// The system clock and the base time that all pipelines of a broadcast share, so that a buffer's time stamp (running time) means the same
/// in each of them and buffers can pass from one to the next untouched.
#[derive(Clone, Debug)]
pub struct MediaClock {
    clock: gst::Clock,
    base_time: gst::ClockTime,
    ruled: Arc<Mutex<Vec<glib::WeakRef<gst::Pipeline>>>>,
}

impl MediaClock {
    /// A clock whose running time starts at zero now.
    pub fn new() -> Self {
        let clock = gst::SystemClock::obtain();
        let base_time = clock.time();
        Self { clock, base_time, ruled: Arc::default() }
    }

    /// Running time: nanoseconds since this clock was made.
    pub fn now(&self) -> gst::ClockTime {
        self.clock.time().saturating_sub(self.base_time)
    }

    /// Ties a pipeline to this clock. To be called before it leaves NULL.
    pub fn rule(&self, pipeline: &gst::Pipeline) {
        pipeline.use_clock(Some(&self.clock));
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(self.base_time);
        let mut ruled = self.ruled.lock().unwrap_or_else(PoisonError::into_inner);
        ruled.retain(|pipeline| pipeline.upgrade().is_some());
        ruled.push(pipeline.downgrade());
    }

    /// The pipelines that go by this clock now, oldest first.
    pub fn pipelines(&self) -> Vec<gst::Pipeline> {
        let ruled = self.ruled.lock().unwrap_or_else(PoisonError::into_inner);
        ruled.iter().filter_map(glib::WeakRef::upgrade).collect()
    }
}

impl Default for MediaClock {
    fn default() -> Self {
        Self::new()
    }
}
