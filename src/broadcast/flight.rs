//! The flight recorder: what a broadcast did in its last ten minutes, and all that is known of it in one bundle, without a secret.

mod bundle;
mod chart;
mod samples;
mod scrub;

pub(super) use bundle::bundle;
pub(crate) use samples::SamplesView;
pub(super) use samples::{Recorder, Sample};
pub(super) use scrub::Scrub;
