//! Makes desired state true: what should be on the air is, now and after a crash or restart.

mod audience;
mod rooms;
mod upkeep;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use self::audience::Audience;
use super::arm::arm;
use super::capacity::{self, Class, Costs, Full};
use super::etiquette;
use super::evidence;
use super::launch::{self, Launcher};
use super::load;
use super::model::{Row, SourceKind, TargetAddress};
use super::news::NewsDesk;
use super::session::{Event, Report, Session, SessionSpec, Standing, View, state_line};
use super::state::{Phase, Reason};
use super::store;
use crate::account::{Caller, activity};
use crate::config::Settings;
use crate::media::error::MediaError;
use crate::media::output::whep::Whep;
use crate::media::profile::Profile;
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
    node: String,
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
}

impl Supervisor {
    /// A supervisor that has nothing on the air yet.
    pub fn new(store: Store, settings: &Settings, launcher: Launcher, whep: Arc<OnceLock<Whep>>) -> Self {
        let measured = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
        let cores = settings.node.capacity_cores.unwrap_or_else(|| measured() as f64);
        Self(Arc::new(Inner {
            store,
            node: settings.node.name.clone(),
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
        }))
    }

    /// The name of this process among the nodes.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    /// Where changes are told.
    pub fn news(&self) -> &NewsDesk {
        &self.0.news
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A running broadcast's session.
    pub fn session(&self, id: &str) -> Option<Session> {
        self.sessions().get(id).cloned()
    }

    /// What a running broadcast looks like now, with what the origins of its targets say.
    pub fn view(&self, id: &str) -> Option<View> {
        let mut view = self.session(id)?.view();
        for target in &mut view.targets {
            target.origin = self.0.audience.at_origin(&target.id);
        }
        Some(view)
    }

    /// Who watches a broadcast, here and at its origins.
    pub fn viewers(&self, id: &str) -> u64 {
        self.0.audience.viewers(id)
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.sessions().len()
    }

    /// Takes up what a process before this one had on the air.
    pub async fn resume(&self) -> Result<(), StoreError> {
        tokio::spawn(upkeep::learn(Arc::downgrade(&self.0)));
        tokio::spawn(audience::follow(Arc::downgrade(&self.0)));
        store::free_targets_of_ended(&self.0.store).await?;
        for row in store::open_on(&self.0.store, &self.0.node).await? {
            if row.desired == 1 {
                tracing::info!(broadcast = row.id, "taken up again");
                self.event(
                    &row.id,
                    &Event {
                        code: "resumed_after_restart",
                        message: "Bluecast was restarted; the broadcast goes on.".into(),
                        target_id: None,
                    },
                )
                .await;
                self.launch(row).await;
            } else {
                self.over(&row, Reason::Stopped).await;
            }
        }
        Ok(())
    }

    /// Puts a kept broadcast on the air. What cannot be launched ends with `failed` and says why.
    pub async fn launch(&self, mut row: Row) {
        let (reports, received) = mpsc::channel(REPORTS);
        let mut spec = self.plan(&mut row).await;
        for _ in 0..LAUNCH_TRIES {
            if !spec.as_ref().is_err_and(|error| error.retry) {
                break;
            }
            tokio::time::sleep(LAUNCH_AGAIN).await;
            spec = self.plan(&mut row).await;
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
                // A Stop that came before the session could be found, or the end of the process.
                let wanted = store::one(&self.0.store, &id).await.map_or(true, |kept| kept.is_some_and(|kept| kept.desired == 1));
                if self.0.draining.load(Ordering::Acquire) {
                    session.drain().await;
                } else if !wanted {
                    session.stop().await;
                }
            }
            Err(error) => {
                tracing::error!(broadcast = row.id, %error, "a broadcast cannot be launched");
                self.event(&row.id, &Event { code: error.code, message: error.message, target_id: None }).await;
                self.over(&row, Reason::Failed).await;
            }
        }
    }

    /// Takes a broadcast up, with a new epoch, and makes its plan.
    async fn plan(&self, row: &mut Row) -> Result<SessionSpec, MediaError> {
        match store::take_up(&self.0.store, &row.id).await {
            Ok(Some(epoch)) => row.epoch = epoch,
            Ok(None) => return Err(MediaError::ours("broadcast_gone", "The broadcast is no longer kept.").fatal()),
            Err(error) => return Err(MediaError::ours("database", error.to_string())),
        }
        launch::spec(&self.0.launcher, &self.0.store, row).await
    }

    /// Writes down that a broadcast should end, and ends it.
    pub async fn stop(&self, row: &Row) -> Result<(), StoreError> {
        store::desire(&self.0.store, &row.id, false).await?;
        match self.session(&row.id) {
            Some(session) => session.stop().await,
            None => self.over(row, Reason::Stopped).await,
        }
        Ok(())
    }

    /// Pauses or resumes.
    pub async fn pause(&self, id: &str, paused: bool) -> Result<(), StoreError> {
        store::keep_paused(&self.0.store, id, paused).await?;
        if let Some(session) = self.session(id) {
            session.pause(paused).await;
        }
        Ok(())
    }

    /// Says why, among the events, and that it is so in the meeting's chat.
    pub(super) async fn pause_said(&self, id: &str, paused: bool, note: Option<&str>, who: &str) {
        if let Some(note) = note {
            let (code, what) = if paused { ("pause_note", "Paused") } else { ("resume_note", "Resumed") };
            self.event(id, &Event { code, message: format!("{what} by {who}: {note}"), target_id: None }).await;
        }
        if let Some(session) = self.session(id) {
            session.say(etiquette::pauses(paused, note)).await;
        }
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

    /// Seals a target's address for its row.
    pub(super) fn seal(&self, id: &str, address: &TargetAddress) -> String {
        self.0.launcher.seal(id, address)
    }

    /// Starts feeding a kept target.
    pub(super) async fn add_target(&self, broadcast_id: &str, target_id: &str) -> Result<(), StoreError> {
        let Some(session) = self.session(broadcast_id) else { return Ok(()) };
        let Some(row) = store::target(&self.0.store, broadcast_id, target_id).await? else { return Ok(()) };
        match self.0.launcher.open(&self.0.store, &row) {
            Ok(mut plan) => {
                arm(&self.0.store, &self.0.launcher.vault, &self.0.node, broadcast_id, std::slice::from_mut(&mut plan)).await?;
                session.add_target(plan).await;
            }
            Err(error) => tracing::error!(%error, "a target cannot be fed"),
        }
        Ok(())
    }

    /// Whether one more broadcast fits on this machine.
    pub(super) fn room_for(&self, profile: &Profile, source: SourceKind) -> Result<(), Full> {
        let running: Vec<Class> = self.sessions().values().map(class_of).collect();
        let costs = self.0.costs.lock().unwrap_or_else(PoisonError::into_inner);
        let free_memory_mb = load::free_memory_mb().unwrap_or(f64::MAX);
        capacity::fits(&costs, self.0.cores, free_memory_mb, &running, &class(profile, source == SourceKind::Browser))
    }

    /// Ends everything that runs here without ending the broadcasts: the next process takes them up again.
    pub async fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
        let sessions: Vec<Session> = self.sessions().drain().map(|(_, session)| session).collect();
        for session in sessions {
            session.drain().await;
        }
        self.0.tasks.close();
        if tokio::time::timeout(END_WITHIN, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("some broadcasts did not end in time");
        }
    }

    /// Keeps and tells what a session reports, until it is over.
    async fn follow(&self, row: Row, mut reports: mpsc::Receiver<Report>) {
        let (mut last, mut told) = (None, None);
        let mut numbers = tokio::time::interval(NUMBERS_EVERY);
        numbers.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                report = reports.recv() => match report {
                    Some(Report::State(standing)) => self.stands(&row, &standing, &mut last).await,
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
    }

    /// What ends by itself is written down like what a person does.
    async fn ruled(&self, row: &Row, event: &Event, by: String) {
        self.event(&row.id, event).await;
        let detail = json!({ "meeting": row.meeting_name, "why": event.message });
        if let Err(error) = activity::alone(&self.0.store, &Caller::automatic(by), "broadcast.stop", &row.id, detail).await {
            tracing::error!(broadcast = row.id, %error, "an automatic end could not be written down");
        }
    }

    async fn stands(&self, row: &Row, standing: &Standing, last: &mut Option<String>) {
        // The list is complete before the change shows. A step alone has a line of its own from the source.
        let line = state_line(standing);
        if last.as_deref() != Some(&*line.message) {
            self.event(&row.id, &line).await;
            *last = Some(line.message);
        }
        if let Err(error) = store::keep_standing(&self.0.store, &row.id, standing).await {
            tracing::error!(broadcast = row.id, %error, "where a broadcast stands could not be kept");
            if standing.phase == Phase::Ended {
                let (supervisor, id, standing) = (self.clone(), row.id.clone(), standing.clone());
                self.0.tasks.spawn(async move { supervisor.keep_the_end(&id, &standing).await });
            }
        }
        self.0.news.tell("broadcast", standing_json(&row.id, standing));
        self.tell_room(row).await;
    }

    /// Tries until it is kept that a broadcast is over, or the process ends.
    async fn keep_the_end(&self, id: &str, standing: &Standing) {
        while !self.0.draining.load(Ordering::Acquire) {
            tokio::time::sleep(KEEP_AGAIN).await;
            if store::keep_standing(&self.0.store, id, standing).await.is_ok() {
                return;
            }
        }
    }

    async fn over(&self, row: &Row, reason: Reason) {
        let standing = Standing { phase: Phase::Ended, step: None, paused: row.paused == 1, reason: Some(reason) };
        self.stands(row, &standing, &mut None).await;
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
        let Some(view) = self.view(id) else { return };
        self.0.news.tell("broadcast", json!({ "id": id, "program": view.program }));
        for target in view.targets {
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

fn standing_json(id: &str, standing: &Standing) -> serde_json::Value {
    json!({ "id": id, "phase": standing.phase, "step": standing.step, "paused": standing.paused, "reason": standing.reason })
}

fn class(profile: &Profile, browser: bool) -> Class {
    Class { browser, megapixels_per_second: profile.width * profile.height * profile.fps / 1_000_000 }
}

fn class_of(session: &Session) -> Class {
    class(session.program().profile(), session.uses_browser())
}
