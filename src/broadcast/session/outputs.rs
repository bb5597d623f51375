//! The outputs of a session: added, removed and watched while it runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::Event;
use crate::media::error::MediaError;
use crate::media::output::{Evict, Output, OutputEvent, OutputSpec, OutputState, Resolve, Signer, TargetUrl, TokenSource, WhipSettings};
use crate::media::program::Program;
use crate::origin::warning::TargetAtOrigin;

/// How long an output may take to say goodbye.
/// A WHIP server has two seconds for the DELETE, and a pipeline as much for going down.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// Reports of outputs that nobody has read yet; more are dropped, the state itself is always current.
const REPORTS: usize = 256;
/// The code of a loss that the origin's API told of.
const NOT_LISTED: &str = "not_listed";

/// A target that a session is to feed.
#[derive(Clone)]
pub struct TargetPlan {
    /// Its id.
    pub id: String,
    /// What people see of it; no secrets.
    pub label: String,
    /// Where it is.
    pub url: TargetUrl,
    /// Makes the publish tokens of a target on an origin that asks for them.
    pub token: Option<TokenSource>,
    /// Signs its address, for an origin that checks it by itself.
    pub sign: Option<Signer>,
    /// Has the origin put off the air whoever holds the stream's name.
    pub evict: Option<Evict>,
    /// For WHIP.
    pub whip: WhipSettings,
}

impl TargetPlan {
    /// A plain address that needs nothing more.
    pub fn new(id: String, label: String, url: TargetUrl) -> Self {
        Self { id, label, url, token: None, sign: None, evict: None, whip: WhipSettings::default() }
    }
}

/// Where a target stands: the words of [`TargetView::state`].
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "names words for the API's document; broadcasts of other nodes are told in words")]
enum TargetState {
    /// Looking up, connecting, or connected and not yet taking data.
    Connecting,
    /// The target takes data.
    Live,
    /// Waiting before the next try.
    BackingOff,
    /// Given up: no retry can mend it.
    Failed,
    /// Its broadcast is over.
    Ended,
}

/// How a target is doing.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TargetView {
    /// Its id.
    pub id: String,
    /// What people see of it.
    pub label: String,
    /// `rtmp`, `rtmps`, `srt`, `whip`.
    pub protocol: String,
    /// Where it stands.
    #[schema(value_type = TargetState)]
    pub state: String,
    /// Why it is not live, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Why, in a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Bytes sent since it was added.
    pub bytes: u64,
    /// Bit rate in kbit/s.
    pub kbps: u32,
    /// Round-trip time in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    /// Packets that the target did not get, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_percent: Option<f64>,
    /// How often it came back.
    pub reconnects: u32,
    /// What its origin says of it; left out where it has none, or one without an API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<TargetAtOrigin>,
}

impl TargetPlan {
    /// How it is seen before its output is opened.
    pub(super) fn unopened(&self) -> TargetView {
        TargetView::unfed(self.id.clone(), self.label.clone(), self.url.protocol().to_owned(), state_word(OutputState::Connecting))
    }
}

impl TargetView {
    /// A target that nothing has been sent to.
    pub(in crate::broadcast) fn unfed(id: String, label: String, protocol: String, state: &str) -> Self {
        let state = state.to_owned();
        Self {
            id,
            label,
            protocol,
            state,
            detail: None,
            code: None,
            bytes: 0,
            kbps: 0,
            rtt_ms: None,
            loss_percent: None,
            reconnects: 0,
            origin: None,
        }
    }
}

struct Running {
    plan: TargetPlan,
    output: Result<Output, MediaError>,
    told: Option<(OutputState, Option<&'static str>)>,
}

pub(super) struct Outputs {
    running: Vec<Running>,
    resolve: Resolve,
    reports: mpsc::Sender<(String, OutputEvent)>,
    received: mpsc::Receiver<(String, OutputEvent)>,
}

impl Outputs {
    pub(super) fn new(resolve: Resolve) -> Self {
        let (reports, received) = mpsc::channel(REPORTS);
        Self { running: Vec::new(), resolve, reports, received }
    }

    pub(super) fn add(&mut self, plan: TargetPlan, program: &Program) {
        let (reports, id) = (self.reports.clone(), plan.id.clone());
        let report = move |event| drop(reports.try_send((id.clone(), event)));
        let spec = OutputSpec {
            token: plan.token.clone(),
            sign: plan.sign.clone(),
            evict: plan.evict.clone(),
            whip: plan.whip.clone(),
            ..OutputSpec::to(plan.url.clone(), self.resolve.clone())
        };
        let output = Output::start(spec, program.hub(), program.clock(), report);
        self.running.push(Running { plan, output, told: None });
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.running.iter().any(|running| running.plan.id == id)
    }

    /// Takes a target off and waits until it is gone; gives its label, if there was one.
    pub(super) async fn remove(&mut self, id: &str) -> Option<String> {
        let index = self.running.iter().position(|running| running.plan.id == id)?;
        let running = self.running.remove(index);
        let label = running.plan.label.clone();
        stop(vec![running]).await;
        Some(label)
    }

    /// Ends an output that is not live, however it waits, and begins anew; gives the line about it, if there is one.
    pub(super) async fn retry(&mut self, id: &str, who: &str, program: &Program) -> Option<Event> {
        let index = self.running.iter().position(|running| running.plan.id == id)?;
        if self.running[index].output.as_ref().is_ok_and(|output| output.status().state == OutputState::Live) {
            return None;
        }
        let running = self.running.remove(index);
        let plan = running.plan.clone();
        stop(vec![running]).await;
        let event = Event {
            code: "target_retry",
            message: format!("{}: tried again at once, by {who}.", plan.label),
            target_id: Some(id.to_owned()),
        };
        self.add(plan, program);
        Some(event)
    }

    pub(super) async fn stop_all(&mut self) {
        stop(std::mem::take(&mut self.running)).await;
    }

    /// The next thing an output has to say, as a line for admins.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            // The sender lives in `self`, so the channel never closes.
            let Some((id, event)) = self.received.recv().await else { return std::future::pending().await };
            let Some(running) = self.running.iter_mut().find(|running| running.plan.id == id) else { continue };
            // A target that stays away for a night is one line, not thousands: only what differs from the last line is news.
            let news = (event.state, event.detail.as_ref().map(|error| error.code));
            let again = event.state == OutputState::Connecting && running.told.is_some();
            // That a target takes data is no news where its origin has not served it: `listed` says when it does.
            let unproven = event.state == OutputState::Live && running.unlisted();
            if again || unproven || running.told == Some(news) {
                continue;
            }
            running.told = Some(news);
            return line(&running.plan, &event);
        }
    }

    /// Has an output connect again whose origin does not have the stream.
    pub(super) fn not_listed(&self, id: &str, sentence: String) {
        let running = self.running.iter().find(|running| running.plan.id == id);
        if let Some(Running { output: Ok(output), .. }) = running {
            output.give_up(MediaError::target(NOT_LISTED, sentence));
        }
    }

    /// The line that a target is live after all, where it was said that its origin does not have it.
    pub(super) fn listed(&mut self, id: &str) -> Option<Event> {
        let running = self.running.iter_mut().find(|running| running.plan.id == id)?;
        if !running.unlisted() {
            return None;
        }
        running.told = Some((OutputState::Live, None));
        Some(line(&running.plan, &OutputEvent { state: OutputState::Live, detail: None }))
    }

    pub(super) fn views(&self) -> Vec<TargetView> {
        self.running.iter().map(Running::view).collect()
    }
}

impl Running {
    /// Whether the last that was said of it is that its origin does not have it.
    fn unlisted(&self) -> bool {
        self.told.is_some_and(|(_, code)| code == Some(NOT_LISTED))
    }

    fn view(&self) -> TargetView {
        let (id, label, protocol) = (self.plan.id.clone(), self.plan.label.clone(), self.plan.url.protocol().to_owned());
        match &self.output {
            Ok(output) => {
                let status = output.status();
                let detail = status.detail.as_ref().filter(|_| status.state != OutputState::Live);
                TargetView {
                    id,
                    label,
                    protocol,
                    state: state_word(status.state).to_owned(),
                    detail: detail.map(ToString::to_string),
                    code: detail.map(|error| error.code.to_owned()),
                    bytes: status.bytes,
                    kbps: status.kbps,
                    rtt_ms: status.rtt_ms,
                    loss_percent: status.loss_percent,
                    reconnects: status.reconnects,
                    origin: None,
                }
            }
            Err(error) => TargetView {
                detail: Some(error.to_string()),
                code: Some(error.code.to_owned()),
                ..TargetView::unfed(id, label, protocol, "failed")
            },
        }
    }
}

fn state_word(state: OutputState) -> &'static str {
    match state {
        OutputState::Connecting => "connecting",
        OutputState::Live => "live",
        OutputState::BackingOff => "backing_off",
        OutputState::Failed => "failed",
    }
}

fn line(plan: &TargetPlan, event: &OutputEvent) -> Event {
    let reason = event.detail.as_ref().map(ToString::to_string).unwrap_or_default();
    let (code, message) = match event.state {
        OutputState::Connecting => ("target_connecting", format!("{}: connecting.", plan.label)),
        OutputState::Live => ("target_live", format!("{}: live.", plan.label)),
        OutputState::BackingOff => ("target_lost", format!("{reason} Trying again.")),
        OutputState::Failed => ("target_failed", reason),
    };
    Event { code, message, target_id: Some(plan.id.clone()) }
}

async fn stop(running: Vec<Running>) {
    let mut stops = tokio::task::JoinSet::new();
    for Running { plan, output, .. } in running {
        let Ok(output) = output else { continue };
        stops.spawn_blocking(move || {
            if !output.stop(STOP_WITHIN) {
                tracing::warn!(target_label = plan.label, "an output hangs while going down; left behind on its thread");
            }
        });
    }
    while stops.join_next().await.is_some() {}
}
