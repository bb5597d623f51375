//! Makes desired state true: what should be on the air is, now and after a crash or restart.

mod audience;
mod flight;
mod keeper;
mod place;
mod remote;
mod rooms;
mod upkeep;
mod wire;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;

use self::audience::Audience;
pub(super) use self::place::NoPlace;
use self::remote::Remote;
use super::capacity::{Class, Costs};
use super::etiquette;
use super::evidence;
use super::flight::Recorder;
use super::launch::{self, Launcher};
use super::model::{Row, TargetAddress};
use super::news::NewsDesk;
use super::session::{Event, Report, Session, SessionSpec, Standing, TargetView, state_line};
use super::state::{Phase, Reason};
use super::store;
use crate::account::{Caller, activity};
use crate::config::Settings;
use crate::media::error::MediaError;
use crate::media::output::whep::Whep;
use crate::media::profile::Profile;
use crate::media::program::ProgramStats;
use crate::node::lease::Watch;
use crate::node::{Held, Node};
use crate::store::{Store, StoreError};

/// How often a broadcast whose plan cannot be read for now (the database is away) is tried again, and how far apart.
const LAUNCH_TRIES: usize = 5;
const LAUNCH_AGAIN: Duration = Duration::from_secs(1);
/// How far apart the end of a broadcast is tried to be kept: what is not kept would be taken up again.
const KEEP_AGAIN: Duration = Duration::from_secs(3);
/// How often numbers are told to those who watch.
const NUMBERS_EVERY: Duration = Duration::from_secs(1);
/// Reports of a session that are not yet kept.
const REPORTS: usize = 256;
/// How long broadcasts may take to end when the process does.
const END_WITHIN: Duration = Duration::from_secs(20);

/// All broadcasts of this process. Clones are handles to the same.
#[derive(Clone)]
pub struct Supervisor(Arc<Inner>);

struct Inner {
    store: Store,
    node: Node,
    watch: tokio::sync::Mutex<Watch>,
    wake: Notify,
    data_dir: PathBuf,
    /// Days after which registrations are deleted.
    registration_days: Option<u32>,
    launcher: Launcher,
    whep: Arc<OnceLock<Whep>>,
    news: NewsDesk,
    sessions: Mutex<HashMap<String, Session>>,
    tasks: TaskTracker,
    draining: AtomicBool,
    cores: f64,
    costs: Mutex<Costs>,
    audience: Audience,
    recorder: Recorder,
    /// Cores that the process uses, as last measured, in bits.
    cpu: AtomicU64,
    remote: Remote,
}

impl Inner {
    fn cpu_cores(&self) -> f64 {
        f64::from_bits(self.cpu.load(Ordering::Relaxed))
    }
}

impl Supervisor {
    /// A supervisor that has nothing on the air yet.
    pub fn new(store: Store, node: Node, settings: &Settings, launcher: Launcher, whep: Arc<OnceLock<Whep>>) -> Self {
        let measured = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
        let cores = settings.node.capacity_cores.unwrap_or_else(|| measured() as f64);
        Self(Arc::new(Inner {
            store,
            node,
            watch: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            data_dir: settings.data_dir.clone(),
            registration_days: settings.room.registration_days,
            audience: Audience::new(launcher.origins.clone()),
            launcher,
            whep,
            news: NewsDesk::default(),
            sessions: Mutex::default(),
            tasks: TaskTracker::new(),
            draining: AtomicBool::new(false),
            cores,
            costs: Mutex::default(),
            recorder: Recorder::default(),
            cpu: AtomicU64::new(0),
            remote: Remote::default(),
        }))
    }

    /// The name of this process among the nodes.
    pub fn node(&self) -> &str {
        self.0.node.name()
    }

    /// Where changes are told.
    pub fn news(&self) -> &NewsDesk {
        &self.0.news
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session of this process.
    pub fn session(&self, id: &str) -> Option<Session> {
        self.sessions().get(id).cloned()
    }

    /// The broadcasts that run in this process.
    pub fn here(&self) -> Vec<String> {
        self.sessions().keys().cloned().collect()
    }

    /// What goes out of a running broadcast now, with what the origins of its targets say: measured here, or told by the node that runs it.
    pub fn view(&self, id: &str) -> Option<(ProgramStats, Vec<TargetView>)> {
        let Some(session) = self.session(id) else { return self.0.remote.view(id) };
        let mut view = session.view();
        for target in &mut view.targets {
            target.origin = self.0.audience.at_origin(&target.id);
        }
        Some((view.program, view.targets))
    }

    /// The targets of a broadcast that can be watched from here without an origin.
    fn targets_of(&self, id: &str) -> Option<Vec<TargetView>> {
        match self.session(id) {
            Some(session) => Some(session.view().targets),
            None => self.0.remote.view(id).map(|(_, targets)| targets).filter(|_| self.0.remote.is_reached(id, &self.0.node)),
        }
    }

    /// Who watches a broadcast, at the node that runs it and at its origins.
    pub fn viewers(&self, id: &str) -> u64 {
        if self.session(id).is_some() { self.0.audience.viewers(id) } else { self.0.remote.viewers(id) }
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.sessions().len()
    }

    /// Takes up what a process before this one had on the air, and looks after the broadcasts from then on.
    pub async fn resume(&self) -> Result<(), StoreError> {
        tokio::spawn(upkeep::learn(Arc::downgrade(&self.0)));
        tokio::spawn(audience::follow(Arc::downgrade(&self.0)));
        store::free_targets_of_ended(&self.0.store).await?;
        for (row, held) in self.look().await? {
            self.launch(row, held).await;
        }
        tokio::spawn(keeper::follow(Arc::downgrade(&self.0)));
        if self.0.node.is_shared() {
            tokio::spawn(wire::tell(Arc::downgrade(&self.0), self.0.news.outbox()));
            tokio::spawn(wire::hear(Arc::downgrade(&self.0), self.0.store.listen(&[wire::CHANNEL])));
        }
        tokio::spawn(keeper::listen(Arc::downgrade(&self.0), self.0.store.listen(&[keeper::CHANNEL])));
        Ok(())
    }

    /// Puts a broadcast on the air that this process has taken. What cannot be launched ends with `failed` and says why.
    pub(super) async fn launch(&self, mut row: Row, held: Held) {
        row.epoch = held.epoch;
        let (reports, received) = mpsc::channel(REPORTS);
        let mut spec = self.plan(&row, &held).await;
        for _ in 0..LAUNCH_TRIES {
            if !spec.as_ref().is_err_and(|error| error.retry) {
                break;
            }
            tokio::time::sleep(LAUNCH_AGAIN).await;
            spec = self.plan(&row, &held).await;
        }
        let started = match spec {
            Ok(mut spec) => {
                spec.slate = tokio::fs::read(self.slate_file(&row.id)).await.ok();
                Session::start(spec, reports).await
            }
            Err(error) => Err(error),
        };
        match started {
            Ok(session) => {
                self.sessions().insert(row.id.clone(), session.clone());
                let (supervisor, id) = (self.clone(), row.id.clone());
                self.0.tasks.spawn(async move { supervisor.follow(row, received).await });
                // What came before the session could be found: the end of the process, a Stop, another target.
                if self.0.draining.load(Ordering::Acquire) {
                    session.drain().await;
                } else if let Err(error) = self.sync(&id).await {
                    tracing::warn!(broadcast = id, %error, "what a broadcast should be could not be read again");
                }
            }
            Err(error) => {
                tracing::error!(broadcast = row.id, %error, "a broadcast cannot be launched");
                self.event(&row.id, &Event { code: error.code, message: error.message, target_id: None }).await;
                self.over(&row, Reason::Failed).await;
            }
        }
    }

    async fn plan(&self, row: &Row, held: &Held) -> Result<SessionSpec, MediaError> {
        launch::spec(&self.0.launcher, &self.0.store, row, held.permit.clone()).await
    }

    /// Writes down that a broadcast should end, and has it ended where it runs.
    pub async fn stop(&self, row: &Row) -> Result<(), StoreError> {
        store::desire(&self.0.store, &row.id, false).await?;
        self.changed(&row.id).await
    }

    /// Pauses or resumes.
    pub async fn pause(&self, id: &str, paused: bool) -> Result<(), StoreError> {
        store::keep_paused(&self.0.store, id, paused).await?;
        self.changed(id).await
    }

    /// Says why, among the events, and that it is so in the meeting's chat.
    pub(super) async fn pause_said(&self, id: &str, paused: bool, note: Option<&str>, who: &str) {
        if let Some(note) = note {
            let (code, what) = if paused { ("pause_note", "Paused") } else { ("resume_note", "Resumed") };
            self.event(id, &Event { code, message: format!("{what} by {who}: {note}"), target_id: None }).await;
        }
        self.say_in_meeting(id, etiquette::pauses(paused, note)).await;
    }

    /// Where the image is kept that stands in for a broadcast's plain slate.
    pub(super) fn slate_file(&self, id: &str) -> PathBuf {
        self.0.data_dir.join("slates").join(id)
    }

    /// Keeps an image for a broadcast that is to be launched. A full disk costs the image and nothing else.
    pub(super) async fn keep_slate(&self, id: &str, image: &[u8]) {
        let path = self.slate_file(id);
        let keep = async {
            tokio::fs::create_dir_all(path.parent().unwrap_or(&path)).await?;
            tokio::fs::write(&path, image).await
        };
        if let Err(error) = keep.await {
            tracing::warn!(broadcast = id, %error, "a slate could not be kept");
        }
    }

    /// More certificate authorities, as PEM.
    pub(crate) fn authorities_pem(&self) -> Arc<Vec<u8>> {
        Arc::clone(&self.0.launcher.whip.authorities_pem)
    }

    /// Seals a target's address for its row.
    pub(super) fn seal(&self, id: &str, address: &TargetAddress) -> String {
        self.0.launcher.seal(id, address)
    }

    /// Ends everything that runs here without ending the broadcasts: the next process takes them up again.
    pub async fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
        let sessions: Vec<Session> = self.sessions().drain().map(|(_, session)| session).collect();
        for session in sessions {
            session.drain().await;
        }
        self.0.tasks.close();
        let all_ended = tokio::time::timeout(END_WITHIN, self.0.tasks.wait()).await.is_ok();
        if !all_ended {
            tracing::warn!("some broadcasts did not end in time");
        }
        self.0.node.leave(all_ended).await;
    }

    /// Keeps and tells what a session reports, until it is over.
    async fn follow(&self, row: Row, mut reports: mpsc::Receiver<Report>) {
        let (mut last, mut told, mut kept) = (None, None, true);
        let mut numbers = tokio::time::interval_at(together(), NUMBERS_EVERY);
        numbers.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                report = reports.recv() => match report {
                    Some(Report::State(standing)) => kept = self.stands(&row, &standing, &mut last).await,
                    Some(Report::Event(event)) => {
                        self.event(&row.id, &event).await;
                        if event.target_id.is_some() {
                            self.tell_playback(&row, &mut told).await;
                        }
                    }
                    Some(Report::Ruled(event, by)) => self.ruled(&row, &event, by).await,
                    Some(Report::Evidence(found)) => evidence::keep(&self.0.data_dir, &row.id, found).await,
                    Some(Report::Over) | None => break,
                },
                _ = numbers.tick() => {
                    self.sample(&row.id);
                    self.tell_numbers(&row.id);
                    self.tell_playback(&row, &mut told).await;
                }
            }
        }
        let gone = self.sessions().remove(&row.id);
        // The last handle to the program may be in there, whose threads take a moment to end.
        drop(tokio::task::spawn_blocking(move || drop(gone)).await);
        if store::one(&self.0.store, &row.id).await.is_ok_and(|kept| kept.is_none_or(|kept| kept.ended_ms.is_some())) {
            // One that was never set is gone as well.
            let _ = tokio::fs::remove_file(self.slate_file(&row.id)).await;
        }
        if let Some(whep) = self.0.whep.get() {
            whep.close(&row.id).await;
        }
        self.tell_room(&row).await;
        if kept {
            self.0.node.let_go(&row.id);
            self.0.wake.notify_one();
        }
    }

    /// What ends by itself is written down like what a person does.
    async fn ruled(&self, row: &Row, event: &Event, by: String) {
        self.event(&row.id, event).await;
        let detail = json!({ "meeting": row.meeting_name, "why": event.message });
        if let Err(error) = activity::alone(&self.0.store, &Caller::automatic(by), "broadcast.stop", &row.id, detail).await {
            tracing::error!(broadcast = row.id, %error, "an automatic end could not be written down");
        }
    }

    /// Keeps and tells where a broadcast stands; whether its end, where it is one, was kept.
    async fn stands(&self, row: &Row, standing: &Standing, last: &mut Option<String>) -> bool {
        // The list is complete before the change shows. A step alone has a line of its own from the source.
        let line = state_line(standing);
        if last.as_deref() != Some(&*line.message) {
            self.event(&row.id, &line).await;
            *last = Some(line.message);
        }
        let mut kept = true;
        if let Err(error) = store::keep_standing(&self.0.store, &row.id, row.epoch, standing).await {
            tracing::error!(broadcast = row.id, %error, "where a broadcast stands could not be kept");
            if standing.phase == Phase::Ended {
                kept = false;
                let (supervisor, id, epoch, standing) = (self.clone(), row.id.clone(), row.epoch, standing.clone());
                self.0.tasks.spawn(async move { supervisor.keep_the_end(&id, epoch, &standing).await });
            }
        }
        self.0.news.tell("broadcast", standing_json(&row.id, standing));
        self.tell_room(row).await;
        kept
    }

    /// Tries until it is kept that a broadcast is over, or the process ends.
    async fn keep_the_end(&self, id: &str, epoch: i64, standing: &Standing) {
        while !self.0.draining.load(Ordering::Acquire) {
            tokio::time::sleep(KEEP_AGAIN).await;
            if store::keep_standing(&self.0.store, id, epoch, standing).await.is_ok() {
                // Not before: what has not ended in the database and runs nowhere is begun again.
                self.0.node.let_go(id);
                return;
            }
        }
    }

    /// Ends a broadcast that this process has taken and of which nothing runs.
    async fn over(&self, row: &Row, reason: Reason) {
        let standing = Standing { phase: Phase::Ended, step: None, paused: row.paused == 1, reason: Some(reason) };
        if self.stands(row, &standing, &mut None).await {
            self.0.node.let_go(&row.id);
        }
    }

    /// Keeps a line among a broadcast's events.
    pub(crate) async fn note(&self, id: &str, code: &'static str, message: String) {
        self.event(id, &Event { code, message, target_id: None }).await;
    }

    async fn event(&self, id: &str, event: &Event) {
        match store::keep_event(&self.0.store, id, event).await {
            Ok(kept) => {
                let at = crate::moment::rfc3339(kept.at_ms);
                let line = json!({ "id": kept.id, "at": at, "code": kept.code, "message": kept.message, "target_id": kept.target_id });
                self.0.news.tell("broadcast", json!({ "id": id, "event": line }));
            }
            Err(error) => tracing::error!(broadcast = id, code = event.code, %error, "an event could not be kept"),
        }
    }

    fn tell_numbers(&self, id: &str) {
        let Some((program, targets)) = self.view(id).filter(|_| self.session(id).is_some()) else { return };
        self.0.news.tell("broadcast", json!({ "id": id, "program": program }));
        for target in targets {
            let mut target = json!(target);
            target["broadcast_id"] = json!(id);
            self.0.news.tell("target", target);
        }
    }

    /// Who watches in a room.
    pub async fn room_viewers(&self, key: &str) -> Result<u64, StoreError> {
        let row = store::of_room(&self.0.store, key).await?;
        Ok(row.filter(|row| row.ended_ms.is_none()).map_or(0, |row| self.viewers(&row.id)))
    }
}

/// When numbers are told next: of all broadcasts at the same moment, so that a listener is woken once for all of them.
fn together() -> tokio::time::Instant {
    static BEGAN: OnceLock<tokio::time::Instant> = OnceLock::new();
    let began = *BEGAN.get_or_init(tokio::time::Instant::now);
    let whole = u32::try_from(began.elapsed().as_secs()).unwrap_or(u32::MAX);
    began + NUMBERS_EVERY * whole.saturating_add(1)
}

fn standing_json(id: &str, standing: &Standing) -> serde_json::Value {
    json!({ "id": id, "phase": standing.phase, "step": standing.step, "paused": standing.paused, "reason": standing.reason })
}

fn class(profile: &Profile, browser: bool) -> Class {
    Class { browser, megapixels_per_second: profile.width * profile.height * profile.fps / 1_000_000 }
}

fn class_of(session: &Session) -> Class {
    class(session.program().profile(), session.uses_browser())
}
