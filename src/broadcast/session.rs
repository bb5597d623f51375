//! One broadcast on the air: its program, its source and its outputs, driven by the [machine](super::state).

mod outputs;
mod run;
mod source;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

pub use outputs::{TargetPlan, TargetView};
pub(super) use run::state_line;
pub use source::{BrowserPlan, SourcePlan};

use super::rules::Terms;
use super::state::{Machine, Phase, Reason};
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::output::Resolve;
use crate::media::permit::Permit;
use crate::media::profile::Profile;
use crate::media::program::{Program, ProgramSpec, ProgramStats};
use crate::media::source::{Evidence, Step};
use crate::media::{slate, snapshot};

/// What a session is made of.
pub struct SessionSpec {
    /// The broadcast's id.
    pub id: String,
    /// The numbers.
    pub profile: Profile,
    /// Where picture and sound come from.
    pub source: SourcePlan,
    /// What the slate says.
    pub title: String,
    /// An image instead of the card.
    pub slate: Option<Vec<u8>>,
    /// Where it goes.
    pub targets: Vec<TargetPlan>,
    /// Take rumble and hiss from the sound.
    pub voice_filter: bool,
    /// Begin paused.
    pub paused: bool,
    /// It was live before a restart: go straight back.
    pub resumed: bool,
    /// How hosts of targets are looked up.
    pub resolve: Resolve,
    /// When it ends by itself.
    pub terms: Terms,
    /// How long ago it was first live, where it was before this session.
    pub live_before: Option<Duration>,
    /// Until when anything may go out, and the source may be started.
    pub permit: Permit,
}

/// What a session tells its owner. After `Over` nothing more comes.
#[derive(Clone, Debug)]
pub enum Report {
    /// The state has changed.
    State(Standing),
    /// Something an admin should read.
    Event(Event),
    /// It ends by itself: what an admin should read of it, and by which rule or schedule.
    Ruled(Event, String),
    /// What a page that went wrong left behind.
    Evidence(Evidence),
    /// Everything is taken down.
    Over,
}

/// Where a broadcast stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The phase.
    pub phase: Phase,
    /// More in a word.
    pub step: Option<Step>,
    /// Whether it is paused.
    pub paused: bool,
    /// Why it ended or is ending.
    pub reason: Option<Reason>,
}

/// A line of the list that an admin reads.
#[derive(Clone, Debug)]
pub struct Event {
    /// A stable word.
    pub code: &'static str,
    /// A sentence; no secrets.
    pub message: String,
    /// The target that it is about.
    pub target_id: Option<String>,
}

/// What a session looks like now.
#[derive(Clone, Debug)]
pub struct View {
    /// Where it stands.
    pub standing: Standing,
    /// What goes out.
    pub program: ProgramStats,
    /// The targets.
    pub targets: Vec<TargetView>,
}

/// How long a snapshot is good for.
const SNAPSHOT_FOR: Duration = Duration::from_secs(1);

/// A JPEG and when it was made.
type Snapshot = (Instant, Arc<Vec<u8>>);

enum Command {
    Stop,
    Drain,
    Pause(bool),
    AddTarget(Box<TargetPlan>),
    RemoveTarget(String, oneshot::Sender<bool>),
    RetryTarget(String, String, oneshot::Sender<bool>),
    NotListed(String, String),
    Listed(String),
    Say(String),
}

/// A handle to a running session. Dropping the last one stops the session.
#[derive(Clone)]
pub struct Session {
    id: Arc<str>,
    commands: mpsc::Sender<Command>,
    view: watch::Receiver<View>,
    program: Arc<Program>,
    browser: bool,
    snapshot: Arc<tokio::sync::Mutex<Option<Snapshot>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    lost: Arc<AtomicBool>,
}

impl Session {
    /// Starts the program and the outputs, then the source. `reports` gets everything that happens.
    ///
    /// # Errors
    /// When the program cannot be built.
    pub async fn start(spec: SessionSpec, reports: mpsc::Sender<Report>) -> Result<Self, MediaError> {
        let (profile, title, image) = (spec.profile.clone(), spec.title.clone(), spec.slate.clone());
        let (voice_filter, paused, sound_offset_ms) = (spec.voice_filter, spec.paused, spec.source.sound_offset_ms());
        let build = move || {
            let slate = match image {
                Some(image) => slate::render(image, &profile).or_else(|error| {
                    tracing::warn!(%error, "the slate's image cannot be used; the plain card goes out");
                    slate::render_card(&title, &profile)
                }),
                None => slate::render_card(&title, &profile),
            }?;
            let program = Program::start(ProgramSpec { profile, slate, voice_filter, sound_offset_ms }, MediaClock::new())?;
            program.pause(paused);
            Ok(program)
        };
        let program = tokio::task::spawn_blocking(build)
            .await
            .map_err(|_| MediaError::ours("program_start", "The program could not be started."))??;
        program.hub().limit(spec.permit.clone());
        let program = Arc::new(program);
        let id: Arc<str> = spec.id.as_str().into();
        let browser = matches!(spec.source, SourcePlan::Browser(_));
        let (machine, effects) = Machine::new(spec.source.waits(), spec.paused, spec.resumed);
        let (commands, received) = mpsc::channel(32);
        let run = run::Run::new(spec, Arc::clone(&program), machine, reports);
        let view = run.view();
        let span = tracing::info_span!("session", broadcast = &*id);
        tokio::spawn(tracing::Instrument::instrument(run.run(effects, received), span));
        Ok(Self { id, commands, view, program, browser, snapshot: Arc::default(), turn: Arc::default(), lost: Arc::default() })
    }

    /// The broadcast's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Asks it to stop; [`Report::Over`] says when it has.
    pub async fn stop(&self) {
        drop(self.commands.send(Command::Stop).await);
    }

    /// Ends it without a word: the process ends, the broadcast does not. Only [`Report::Over`] follows.
    pub async fn drain(&self) {
        drop(self.commands.send(Command::Drain).await);
    }

    /// Pauses or resumes.
    pub async fn pause(&self, paused: bool) {
        self.program.pause(paused);
        drop(self.commands.send(Command::Pause(paused)).await);
    }

    /// Says that it has lost its permit; whether that is news.
    pub(super) fn lose(&self) -> bool {
        !self.lost.swap(true, Ordering::AcqRel)
    }

    /// Waits for one's turn to make it what the database says.
    pub(super) async fn turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Adds a target; one that is fed already stays as it is.
    pub async fn add_target(&self, target: TargetPlan) {
        drop(self.commands.send(Command::AddTarget(Box::new(target))).await);
    }

    /// Takes a target off; says whether there was one.
    pub async fn remove_target(&self, id: &str) -> bool {
        let (answer, answered) = oneshot::channel();
        drop(self.commands.send(Command::RemoveTarget(id.to_owned(), answer)).await);
        tokio::time::timeout(Duration::from_secs(10), answered).await.is_ok_and(|removed| removed.unwrap_or(false))
    }

    /// Connects a target anew at once, because `who` asked for it; says whether there is one that is not live.
    pub async fn retry_target(&self, id: &str, who: &str) -> bool {
        let (answer, answered) = oneshot::channel();
        drop(self.commands.send(Command::RetryTarget(id.to_owned(), who.to_owned(), answer)).await);
        tokio::time::timeout(Duration::from_secs(10), answered).await.is_ok_and(|found| found.unwrap_or(false))
    }

    /// Says something in the meeting's chat, where it is told anything.
    pub async fn say(&self, message: String) {
        drop(self.commands.send(Command::Say(message)).await);
    }

    /// Says that a target's origin does not have the stream although data goes out, with a sentence about it: the output connects again.
    pub async fn not_listed(&self, target_id: &str, sentence: String) {
        drop(self.commands.send(Command::NotListed(target_id.to_owned(), sentence)).await);
    }

    /// Says that a target's origin has the stream again after it had not.
    pub async fn listed(&self, target_id: &str) {
        drop(self.commands.send(Command::Listed(target_id.to_owned())).await);
    }

    /// What it looks like now.
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Whether a browser runs for it.
    pub fn uses_browser(&self) -> bool {
        self.browser
    }

    /// A picture of what is going out, no older than a second: whoever asks more often gets the same one.
    pub async fn snapshot(&self) -> Result<Arc<Vec<u8>>, MediaError> {
        let mut kept = self.snapshot.lock().await;
        if let Some((made, jpeg)) = &*kept
            && made.elapsed() < SNAPSHOT_FOR
        {
            return Ok(Arc::clone(jpeg));
        }
        let program = Arc::clone(&self.program);
        let made = tokio::task::spawn_blocking(move || snapshot::jpeg(&program.picture(), program.profile())).await;
        let jpeg = Arc::new(made.map_err(|_| MediaError::ours("pipeline_error", "A picture could not be made."))??);
        *kept = Some((Instant::now(), Arc::clone(&jpeg)));
        Ok(jpeg)
    }

    /// The program, for previews.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }
}
