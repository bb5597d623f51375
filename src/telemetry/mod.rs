//! What the program tells about itself: the log, metrics, health.

mod lines;
mod log;
mod routes;

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

pub(crate) use self::lines::about as lines_about;
pub use self::log::start as start_log;
pub(crate) use self::routes::routes;

/// Bounds of the histograms that count seconds.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The process's metrics, collected from the first call on.
#[expect(clippy::expect_used, reason = "constant bounds")]
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
                .expect("bounds in order")
                .build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another recorder of metrics was there first; /metrics stays empty");
            }
            handle
        })
        .clone()
}
