//! One clock for every pipeline of the process.

use gstreamer as gst;
use gstreamer::prelude::*;

/// The system clock and the base time that all pipelines of a broadcast share, so that a buffer's time stamp (running time) means the same
/// in each of them and buffers can pass from one to the next untouched.
#[derive(Clone, Debug)]
pub struct MediaClock {
    clock: gst::Clock,
    base_time: gst::ClockTime,
}

impl MediaClock {
    /// A clock whose running time starts at zero now.
    pub fn new() -> Self {
        let clock = gst::SystemClock::obtain();
        let base_time = clock.time();
        Self { clock, base_time }
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
    }
}

impl Default for MediaClock {
    fn default() -> Self {
        Self::new()
    }
}
