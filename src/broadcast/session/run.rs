//! The loop of a session: everything that happens goes to the machine, what follows is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::outputs::Outputs;
use super::source::{Source, ending};
use super::{Command, Event, Report, SessionSpec, SourcePlan, Standing, TargetPlan, View};
use crate::bbb::BbbError;
use crate::broadcast::etiquette::Announce;
use crate::broadcast::rules::{Look, Watchman};
use crate::broadcast::state::{Effect, Happened, Machine, Phase, Reason};
use crate::media::error::MediaError;
use crate::media::program::Program;
use crate::media::source::{SourceEnd, SourceEvent, Step};
use crate::moment::now_ms;

/// How often the program is asked whether it shows the source.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many looks in a row without the source are an interruption; a shorter slate is no news for anybody.
const UNSEEN_LOOKS: u32 = 5;
/// Every so many looks the numbers are published, and it is seen whether a rule ends the broadcast.
const LOOKS_A_VIEW: u32 = 5;
/// What is quieter than this, in dB below full scale, is silence.
const SILENCE_DB: f64 = -60.0;

pub(super) struct Run {
    id: String,
    plan: Arc<SourcePlan>,
    program: Arc<Program>,
    machine: Machine,
    source: Option<Source>,
    /// A source on its way: asking BBB for an address may take seconds, which must not hold up a Stop.
    starting: Option<JoinHandle<Result<Source, MediaError>>>,
    /// A source on its way out; the next one waits for it.
    stopping: Option<JoinHandle<()>>,
    outputs: Outputs,
    first_targets: Vec<TargetPlan>,
    reports: mpsc::Sender<Report>,
    view: watch::Sender<View>,
    begun: Instant,
    retry_at: Option<tokio::time::Instant>,
    meeting: mpsc::Receiver<Happened>,
    /// Held so that the channel stays open; what runs in the background sends on clones of it and ends when it closes.
    meeting_says: mpsc::Sender<Happened>,
    announced: bool,
    resumed: bool,
    watchman: Watchman,
    /// The process ends, the broadcast does not: nothing of the end is told.
    quiet: bool,
}

impl Run {
    pub(super) fn new(spec: SessionSpec, program: Arc<Program>, machine: Machine, reports: mpsc::Sender<Report>) -> Self {
        // They are there from the first look at it on, though nothing was opened yet.
        let targets = spec.targets.iter().map(TargetPlan::unopened).collect();
        let view = View { standing: standing(&machine), program: program.stats(), targets };
        let (meeting_says, meeting) = mpsc::channel(8);
        Self {
            meeting,
            meeting_says,
            announced: spec.resumed,
            resumed: spec.resumed,
            watchman: Watchman::new(spec.terms, spec.live_before),
            quiet: false,
            starting: None,
            stopping: None,
            id: spec.id,
            plan: Arc::new(spec.source),
            program,
            machine,
            source: None,
            outputs: Outputs::new(spec.resolve),
            first_targets: spec.targets,
            reports,
            view: watch::Sender::new(view),
            begun: Instant::now(),
            retry_at: None,
        }
    }

    pub(super) fn view(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    pub(super) async fn run(mut self, effects: Vec<Effect>, mut commands: mpsc::Receiver<Command>) {
        for target in std::mem::take(&mut self.first_targets) {
            self.outputs.add(target, &self.program);
        }
        self.report_state().await;
        self.follow(effects).await;
        if let Some(meeting) = self.plan.meeting() {
            tokio::spawn(meeting.clone().watch(self.meeting_says.clone(), self.resumed));
        }
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let (mut looks, mut unseen) = (0, 0);
        while self.machine.phase() != Phase::Ended {
            tokio::select! {
                command = commands.recv() => self.command(command).await,
                started = started(&mut self.starting) => self.source_started(started).await,
                event = next_of(&mut self.source) => self.source_event(event).await,
                Some(happened) = self.meeting.recv() => self.meeting_says(happened).await,
                event = self.outputs.next() => {
                    // Whoever is told looks at the view.
                    self.publish();
                    self.report(Report::Event(event)).await;
                }
                () = until(self.retry_at) => {
                    self.retry_at = None;
                    self.happened(Happened::RetryDue).await;
                }
                _ = look.tick() => {
                    unseen = if self.program.source_alive() { 0 } else { unseen + 1 };
                    if unseen == 0 || unseen >= UNSEEN_LOOKS {
                        self.happened(Happened::Shows(unseen == 0)).await;
                    }
                    looks += 1;
                    if looks % LOOKS_A_VIEW == 0 {
                        self.publish();
                        self.rule().await;
                    }
                }
            }
        }
        let Self { program, reports, .. } = self;
        // The program's threads are joined where that may take a moment.
        drop(tokio::task::spawn_blocking(move || drop(program)).await);
        drop(reports.send(Report::Over).await);
    }

    async fn meeting_says(&mut self, happened: Happened) {
        if happened == Happened::Empty {
            let minutes = self.plan.meeting().map_or(0, |meeting| meeting.empty_for.as_secs() / 60);
            let message = format!("Nobody but the bot has been in the meeting for {minutes} min: it ends.");
            let event = Event { code: "rule_empty", message, target_id: None };
            self.report(Report::Ruled(event, "rule: empty meeting".to_owned())).await;
        }
        self.happened(happened).await;
    }

    /// Ends the broadcast where a rule or a schedule says so.
    async fn rule(&mut self) {
        let stats = self.program.stats();
        let look = Look {
            now: self.begun.elapsed(),
            wall_ms: now_ms(),
            phase: self.machine.phase(),
            paused: self.machine.paused(),
            new_picture: stats.distinct_fps > 0.0,
            sound: stats.audio_level_db > SILENCE_DB,
        };
        if let Some(verdict) = self.watchman.look(&look) {
            let event = Event { code: verdict.code(), message: verdict.sentence(), target_id: None };
            self.report(Report::Ruled(event, verdict.actor())).await;
            self.happened(Happened::Limit).await;
        }
    }

    async fn command(&mut self, command: Option<Command>) {
        match command {
            // Nobody holds the session any more: nobody could stop it later.
            Some(Command::Stop) | None => self.happened(Happened::Stop).await,
            Some(Command::Drain) => {
                self.quiet = true;
                self.happened(Happened::Stop).await;
            }
            Some(Command::Pause(paused)) => self.happened(Happened::Pause(paused)).await,
            Some(Command::AddTarget(target)) if self.outputs.has(&target.id) => {}
            Some(Command::AddTarget(target)) => {
                let event =
                    Event { code: "target_added", message: format!("{}: added.", target.label), target_id: Some(target.id.clone()) };
                self.outputs.add(*target, &self.program);
                self.report(Report::Event(event)).await;
            }
            Some(Command::RemoveTarget(id, answer)) => {
                let removed = self.outputs.remove(&id).await;
                if let Some(label) = &removed {
                    let event = Event { code: "target_removed", message: format!("{label}: removed."), target_id: Some(id) };
                    self.report(Report::Event(event)).await;
                }
                // Whoever asked may have gone.
                let _ = answer.send(removed.is_some());
            }
            Some(Command::RetryTarget(id, who, answer)) => {
                let retried = self.outputs.retry(&id, &who, &self.program).await;
                if let Some(event) = &retried {
                    self.report(Report::Event(event.clone())).await;
                }
                // Whoever asked may have gone.
                let _ = answer.send(retried.is_some());
            }
            Some(Command::Say(message)) => self.say(message),
            Some(Command::NotListed(id, sentence)) => self.outputs.not_listed(&id, sentence),
            Some(Command::Listed(id)) => {
                if let Some(event) = self.outputs.listed(&id) {
                    self.report(Report::Event(event)).await;
                }
            }
        }
        self.publish();
    }

    async fn source_event(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::Step(step) => {
                tracing::info!(broadcast = self.id, ?step, "source");
                self.report(Report::Event(step_line(step))).await;
                self.happened(Happened::Step(step)).await;
            }
            SourceEvent::Notice { code, message } => self.report(Report::Event(Event { code, message, target_id: None })).await,
            SourceEvent::Ended(end) => {
                self.program.source_lost();
                if let Some(source) = self.source.take() {
                    self.stopping = Some(tokio::spawn(source.stop()));
                }
                let happened = Happened::SourceEnded(ending(&end));
                self.report(Report::Event(end_line(&end))).await;
                if let SourceEnd::Failed { evidence, .. } = end
                    && (evidence.screenshot.is_some() || !evidence.console.is_empty())
                {
                    self.report(Report::Evidence(evidence)).await;
                }
                self.happened(happened).await;
            }
        }
    }

    async fn happened(&mut self, happened: Happened) {
        let before = standing(&self.machine);
        let effects = self.machine.on(&happened, self.begun.elapsed());
        let after = standing(&self.machine);
        if after != before {
            self.report_state().await;
        }
        if after.phase == Phase::Live && !self.announced {
            self.announced = true;
            if let Some(announce) = self.plan.meeting().and_then(|meeting| meeting.announce.as_ref()) {
                self.say(announce.begins());
            }
        }
        self.follow(effects).await;
    }

    async fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                // Another process may have the bot in the meeting by now.
                Effect::StartSource if !self.program.hub().permit().holds() => {}
                Effect::StartSource => {
                    let (plan, program, before) = (Arc::clone(&self.plan), Arc::clone(&self.program), self.stopping.take());
                    self.starting = Some(tokio::spawn(async move {
                        if let Some(before) = before {
                            drop(before.await);
                        }
                        plan.start(&program).await
                    }));
                }
                Effect::RetryIn(wait) => self.retry_at = Some(tokio::time::Instant::now() + wait),
                Effect::StopSource => self.program.source_lost(),
                Effect::AskWhetherOver => {
                    if let Some(meeting) = self.plan.meeting() {
                        tokio::spawn(meeting.clone().ask_whether_over(self.meeting_says.clone()));
                    }
                }
                Effect::TakeDown => self.take_down().await,
            }
        }
    }

    async fn source_started(&mut self, started: Result<Source, MediaError>) {
        self.starting = None;
        match started {
            Ok(source) => self.source = Some(source),
            Err(error) => {
                let end = SourceEnd::Failed { error, evidence: crate::media::source::Evidence::default() };
                self.source_event(SourceEvent::Ended(end)).await;
            }
        }
    }

    /// Tells the meeting's chat, beside everything else: a slow server holds nothing up.
    fn say(&self, message: String) {
        let Some(meeting) = self.plan.meeting().cloned() else { return };
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let Err(error) = meeting.say(&message).await else { return };
            let name = meeting.announce.as_ref().map_or("", |announce| &announce.name);
            let (code, message) = match error {
                // Nothing can be written into such a chat from outside: the name among the participants has to say it.
                BbbError::Unsupported { .. } => (
                    "announced_by_name",
                    format!("This BBB server takes no chat messages from outside; the bot’s name, “{name}”, tells the meeting."),
                ),
                error => ("not_announced", format!("The meeting could not be told: {error}")),
            };
            drop(reports.send(Report::Event(Event { code, message, target_id: None })).await);
        });
    }

    async fn take_down(&mut self) {
        if self.announced && !self.quiet && self.machine.reason() != Some(Reason::MeetingEnded) {
            self.say(Announce::ends());
        }
        let (source, starting, stopping) = (self.source.take(), self.starting.take(), self.stopping.take());
        let stop_source = async {
            if let Some(starting) = starting {
                starting.abort();
                if let Ok(Ok(source)) = starting.await {
                    source.stop().await;
                }
            }
            if let Some(stopping) = stopping {
                drop(stopping.await);
            }
            if let Some(source) = source {
                source.stop().await;
            }
        };
        tokio::join!(stop_source, self.outputs.stop_all());
        self.machine.taken_down();
        self.report_state().await;
    }

    async fn report_state(&mut self) {
        let now = standing(&self.machine);
        tracing::info!(broadcast = self.id, phase = ?now.phase, step = ?now.step, paused = now.paused, reason = ?now.reason, "broadcast");
        self.publish();
        if !self.quiet {
            self.report(Report::State(now)).await;
        }
    }

    async fn report(&self, report: Report) {
        drop(self.reports.send(report).await);
    }

    fn publish(&self) {
        let view = View { standing: standing(&self.machine), program: self.program.stats(), targets: self.outputs.views() };
        self.view.send_replace(view);
    }
}

fn standing(machine: &Machine) -> Standing {
    Standing { phase: machine.phase(), step: machine.step(), paused: machine.paused(), reason: machine.reason() }
}

async fn next_of(source: &mut Option<Source>) -> SourceEvent {
    match source {
        Some(source) => source.next().await,
        None => std::future::pending().await,
    }
}

async fn started(starting: &mut Option<JoinHandle<Result<Source, MediaError>>>) -> Result<Source, MediaError> {
    match starting {
        Some(handle) => handle.await.unwrap_or_else(|_| Err(MediaError::ours("source_start", "The source could not be started."))),
        None => std::future::pending().await,
    }
}

async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn step_line(step: Step) -> Event {
    let (code, message) = match step {
        Step::Browser => ("step_browser", "The browser is starting."),
        Step::Page => ("step_page", "The meeting's page is loading."),
        Step::Lobby => ("step_lobby", "The bot waits in the lobby: a moderator has to let it in."),
        Step::Joined => ("step_joined", "In the meeting; the picture is there."),
        Step::Audio => ("step_audio", "Joining the sound."),
        Step::AudioJoined => ("step_audio_joined", "The sound is there."),
    };
    Event { code, message: message.to_owned(), target_id: None }
}

fn end_line(end: &SourceEnd) -> Event {
    let (code, message) = match end {
        SourceEnd::Stopped => ("source_stopped", "The source has stopped.".to_owned()),
        SourceEnd::MeetingEnded => ("page_says_over", "The meeting's page shows that the meeting is over.".to_owned()),
        SourceEnd::Removed => ("removed", "A moderator removed the bot from the meeting. It stays out.".to_owned()),
        SourceEnd::Denied => ("denied", "A moderator did not let the bot in. It stays out.".to_owned()),
        SourceEnd::Replaced => ("replaced", "Another join with the bot's name took its place.".to_owned()),
        SourceEnd::Failed { error, .. } => (error.code, error.message.clone()),
    };
    Event { code, message, target_id: None }
}

/// What an admin reads of a change of state.
pub(in crate::broadcast) fn state_line(standing: &Standing) -> Event {
    let message = match (standing.phase, standing.reason) {
        (Phase::Waiting, _) => "Waiting for the meeting to begin.",
        (Phase::Joining, _) => "Joining.",
        (Phase::Live, _) if standing.paused => "Paused: the slate is out.",
        (Phase::Live, _) => "Live.",
        (Phase::Interrupted, _) => "Interrupted: the slate is out while the source is built again.",
        (Phase::Ending, _) => "Being taken down.",
        (_, Some(Reason::Stopped)) => "Stopped.",
        (_, Some(Reason::MeetingEnded)) => "The meeting is over.",
        (_, Some(Reason::Removed)) => "Over: the bot was removed.",
        (_, Some(Reason::Denied)) => "Over: the bot was not let in.",
        (_, Some(Reason::Limit)) => "Over: it reached a limit that was set for it.",
        (_, Some(Reason::Failed)) => "Over: something failed that no retry mends.",
        (_, None) => "Over.",
    };
    let code = match standing.phase {
        Phase::Waiting => "waiting",
        Phase::Joining => "joining",
        Phase::Live if standing.paused => "paused",
        Phase::Live => "live",
        Phase::Interrupted => "interrupted",
        Phase::Ending => "ending",
        Phase::Ended => "ended",
    };
    Event { code, message: message.to_owned(), target_id: None }
}
