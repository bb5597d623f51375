//! The last lines of the log about each broadcast, kept in memory for its flight recorder.

use std::collections::{HashMap, VecDeque};
use std::fmt::{Debug, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Lines that are kept of a broadcast, broadcasts that are kept, and bytes of a line.
const LINES: usize = 500;
const BROADCASTS: usize = 64;
const LINE_BYTES: usize = 1000;
/// The field, of a line or of a span around it, that names the broadcast.
const FIELD: &str = "broadcast";

#[derive(Default)]
struct Kept {
    /// The order in which broadcasts were first spoken of.
    order: VecDeque<String>,
    lines: HashMap<String, VecDeque<String>>,
}

fn kept() -> MutexGuard<'static, Kept> {
    static KEPT: OnceLock<Mutex<Kept>> = OnceLock::new();
    KEPT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    fn add(&mut self, broadcast: &str, line: String) {
        if !self.lines.contains_key(broadcast) {
            if self.order.len() == BROADCASTS
                && let Some(oldest) = self.order.pop_front()
            {
                self.lines.remove(&oldest);
            }
            self.order.push_back(broadcast.to_owned());
        }
        let lines = self.lines.entry(broadcast.to_owned()).or_default();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// The last lines about a broadcast, oldest first.
pub(crate) fn about(broadcast: &str) -> Vec<String> {
    kept().lines.get(broadcast).map(|lines| lines.iter().cloned().collect()).unwrap_or_default()
}

/// Keeps what passes by.
pub(super) struct Keep;

struct Broadcast(String);

#[derive(Default)]
struct Fields {
    broadcast: Option<String>,
    message: String,
    others: String,
}

impl Fields {
    fn take(&mut self, field: &Field, value: &dyn Debug) {
        // Cannot fail on a text.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == FIELD {
            self.broadcast = Some(value.to_owned());
        } else {
            self.take(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == FIELD {
            self.broadcast = Some(format!("{value:?}"));
        } else {
            self.take(field, value);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keep {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(broadcast), Some(span)) = (fields.broadcast, context.span(id)) {
            span.extensions_mut().insert(Broadcast(broadcast));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let around = || {
            let mut scope = context.event_scope(event)?;
            scope.find_map(|span| span.extensions().get::<Broadcast>().map(|found| found.0.clone()))
        };
        let Some(broadcast) = fields.broadcast.take().or_else(around) else { return };
        let (at, meta) = (crate::moment::rfc3339(crate::moment::now_ms()), event.metadata());
        let mut line = format!("{at} {:5} {}: {}{}", meta.level(), meta.target(), fields.message, fields.others);
        line.truncate(line.floor_char_boundary(LINE_BYTES));
        kept().add(&broadcast, line.replace('\n', " "));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn lines_are_kept_by_their_field_or_the_span_around_them() {
        let subscriber = tracing_subscriber::registry().with(Keep);
        tracing::subscriber::with_default(subscriber, || {
            let (one, other) = (crate::id::new(), crate::id::new());
            tracing::info!(broadcast = one, code = "x", "said");
            tracing::info_span!("session", broadcast = %other).in_scope(|| tracing::warn!("heard\nin two lines"));
            tracing::info!("about nothing");
            let lines = about(&one);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].ends_with("said code=\"x\""), "{lines:?}");
            assert!(about(&other)[0].contains(" WARN ") && about(&other)[0].ends_with("heard in two lines"), "{:?}", about(&other));
            for n in 0..LINES * 2 {
                tracing::info!(broadcast = one, "{}", "ü".repeat(n));
            }
            let lines = about(&one);
            assert_eq!(lines.len(), LINES);
            assert!(lines.iter().all(|line| line.len() <= LINE_BYTES));
        });
    }

    #[test]
    fn broadcasts_are_bounded() {
        let mut kept = Kept::default();
        for n in 0..BROADCASTS * 2 {
            kept.add(&n.to_string(), String::new());
        }
        assert_eq!((kept.lines.len(), kept.order.len()), (BROADCASTS, BROADCASTS));
        assert!(kept.lines.contains_key(&(BROADCASTS * 2 - 1).to_string()));
    }
}
