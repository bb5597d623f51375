//! The log: lines for people or for machines, on standard error. What is said about a broadcast is also kept for a while.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::lines::Keep;
use crate::config::{LogFormat, Settings};

/// Begins to log. A second call does nothing.
pub fn start(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log_filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let written: Box<dyn Layer<Registry> + Send + Sync> = match settings.log_format {
        LogFormat::Text => layer.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(written).with(Keep.with_filter(LevelFilter::INFO));
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("the log was started already");
    }
}
