//! Closes the loop for a target at an origin: what its output and the origin's API say together, and what is to be done. Pure.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::origin::seen::{Health, Listing, Verdict, judge};
use crate::origin::warning::{self, TargetAtOrigin, Warning};

/// What is to be done about a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// The origin does not have what goes out: connect again, and say why.
    Reconnect(String),
    /// It has it after all.
    Listed,
    /// Write it into the list of events.
    Tell(Warning),
}

/// An output as it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output<'a> {
    pub(super) label: &'a str,
    pub(super) protocol: &'a str,
    pub(super) live: bool,
    pub(super) reconnects: u32,
}

/// What is remembered of a target from look to look.
#[derive(Clone, Debug, Default)]
pub(super) struct Loop {
    /// Which of its connections is live, and since when.
    live: Option<(u32, Instant)>,
    /// The connection that was given up last.
    given_up: Option<u32>,
    missing: bool,
    told: BTreeSet<&'static str>,
}

impl Loop {
    /// Whether the stream should be at the origin by now.
    pub(super) fn on(&self) -> bool {
        self.live.is_some()
    }

    /// Takes in what the output does.
    pub(super) fn output(&mut self, output: Output<'_>, now: Instant) {
        self.live = match self.live {
            Some((connection, since)) if output.live && connection == output.reconnects => Some((connection, since)),
            _ => output.live.then_some((output.reconnects, now)),
        };
    }

    /// Takes in what the origin says, and gives what to show and what to do.
    pub(super) fn look(
        &mut self,
        output: Output<'_>,
        health: &Health,
        listing: Option<&Listing>,
        now: Instant,
    ) -> (TargetAtOrigin, Vec<Act>) {
        let mut acts = Vec::new();
        let mut shown = TargetAtOrigin::default();
        match judge(listing, self.live.map(|(_, since)| since), now) {
            Verdict::Unknown => {
                if let Health::Down(code, sentence) = health {
                    shown.warning = Some(Warning::new(code, format!("Whether the origin has the stream is not known: {sentence}")));
                }
            }
            Verdict::Pending => {
                shown.listed = Some(false);
                shown.warning = self.missing.then(|| missing(output.label));
            }
            Verdict::NotListed => {
                let warning = missing(output.label);
                if self.given_up != Some(output.reconnects) {
                    self.given_up = Some(output.reconnects);
                    acts.push(Act::Reconnect(warning.sentence.clone()));
                }
                self.missing = true;
                shown.listed = Some(false);
                shown.warning = Some(warning);
            }
            Verdict::Listed => {
                if std::mem::take(&mut self.missing) {
                    acts.push(Act::Listed);
                }
                self.given_up = None;
                shown.listed = Some(true);
                if let Some((_, detail)) = listing.and_then(|listing| listing.detail.as_ref()) {
                    shown.since = Some(detail.input.created_time.clone()).filter(|since| !since.is_empty());
                    shown.video = warning::video(detail);
                    shown.audio = warning::audio(detail);
                    shown.warning = warning::of(detail, output.protocol);
                }
                if let Some(warning) = shown.warning.as_ref().filter(|warning| self.told.insert(warning.code)) {
                    acts.push(Act::Tell(warning.clone()));
                }
            }
        }
        (shown, acts)
    }
}

fn missing(label: &str) -> Warning {
    let sentence = format!(
        "{label}: data goes out, but the origin has no such stream. It refuses some pushes without a word: look whether another pusher has \
         the name, and whether application and virtual host are right."
    );
    Warning::new("not_listed", sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::answer::StreamDetail;
    use std::sync::Arc;
    use std::time::Duration;

    fn output(live: bool, reconnects: u32) -> Output<'static> {
        Output { label: "Cellar / s", protocol: "srt", live, reconnects }
    }

    fn listing(listed: bool, asked: Instant) -> Listing {
        Listing { listed, asked, detail: None }
    }

    #[test]
    fn a_silent_refusal_is_said_once_a_connection_and_taken_back() {
        let zero = Instant::now();
        let at = |seconds: u64| zero + Duration::from_secs(seconds);
        let mut target = Loop::default();
        let look = |target: &mut Loop, live: bool, reconnects: u32, listed: bool, second: u64| {
            target.output(output(live, reconnects), at(second));
            let (shown, acts) = target.look(output(live, reconnects), &Health::Up, Some(&listing(listed, at(second))), at(second));
            (shown.warning.map(|warning| warning.code), acts)
        };
        assert_eq!(look(&mut target, true, 0, false, 0), (None, vec![]));
        assert_eq!(look(&mut target, true, 0, false, 5), (None, vec![]));
        let (code, acts) = look(&mut target, true, 0, false, 6);
        assert!(matches!(&acts[..], [Act::Reconnect(sentence)] if sentence.contains("Cellar / s")), "{acts:?}");
        assert_eq!(code, Some("not_listed"));
        assert_eq!(look(&mut target, true, 0, false, 7), (Some("not_listed"), vec![]));
        // Away, back, and in its first seconds again: still the same story.
        assert_eq!(look(&mut target, false, 0, false, 8), (Some("not_listed"), vec![]));
        assert_eq!(look(&mut target, true, 1, false, 9), (Some("not_listed"), vec![]));
        assert!(matches!(look(&mut target, true, 1, false, 15).1[..], [Act::Reconnect(_)]));
        assert_eq!(look(&mut target, true, 2, true, 20), (None, vec![Act::Listed]));
        assert_eq!(look(&mut target, true, 2, true, 21), (None, vec![]));
    }

    #[test]
    fn an_api_that_is_down_accuses_nobody() {
        let zero = Instant::now();
        let mut target = Loop::default();
        target.output(output(true, 0), zero);
        let down = Health::Down("unreachable", "It cannot be reached.".into());
        let (shown, acts) = target.look(output(true, 0), &down, Some(&listing(false, zero)), zero + Duration::from_mins(1));
        assert_eq!((shown.listed, acts), (None, vec![]));
        assert_eq!(shown.warning.unwrap().code, "unreachable");
        let (shown, _) = target.look(output(true, 0), &Health::Unasked, None, zero);
        assert_eq!(shown, TargetAtOrigin::default());
    }

    #[test]
    fn a_warning_is_an_event_once() {
        let now = Instant::now();
        let detail: StreamDetail = serde_json::from_value(serde_json::json!({
            "input": {"sourceType": "Srt", "createdTime": "2026-11-22T10:49:03.745+00:00", "tracks": [{"video": {"codec": "H264", "hasBframes": true}}]}
        }))
        .unwrap();
        let there = Listing { detail: Some((now, Arc::new(detail))), ..listing(true, now) };
        let mut target = Loop::default();
        let (shown, acts) = target.look(output(true, 0), &Health::Up, Some(&there), now);
        assert!(matches!(&acts[..], [Act::Tell(Warning { code: "b_frames", .. })]), "{acts:?}");
        assert_eq!(shown.since.as_deref(), Some("2026-11-22T10:49:03.745+00:00"));
        assert_eq!(target.look(output(true, 0), &Health::Up, Some(&there), now).1, vec![]);
    }
}
