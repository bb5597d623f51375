//! A browser source with a program's place taken by an observer.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bluecast::media::clock::MediaClock;
use bluecast::media::source::browser::{BrowserSource, BrowserSpec, BrowserStats, Generation, READY_WITHIN};
use bluecast::media::source::{ProgramInput, SourceEnd, SourceEvent, Step};
use bluecast::media::strip;
use bluecast::moment::now_ms;
use bluecast::secret::Secret;
use gstreamer as gst;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use crate::support::bbb::{self, Bbb, Meeting};
use crate::support::wait::{PATIENCE, until};

pub const WIDTH: u16 = 960;
pub const HEIGHT: u16 = 540;

/// So many browsers at once are what two cores bear.
pub static BROWSERS: Semaphore = Semaphore::const_new(2);

/// What a picture showed.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Since what it shows was painted; `None` without a strip.
    pub age_ms: Option<u64>,
    pub strip_ms: Option<u64>,
}

#[derive(Default)]
pub struct Seen {
    pub pictures: Vec<Shown>,
    /// Running times at which the last picture was said to be true still.
    pub unchanged: Vec<u64>,
    /// (Unix time in ms, how much of the sound is 1 kHz, loudest sample) of each piece.
    pub sound: Vec<(u64, f64, u16)>,
    /// From running to Unix time.
    pub began_unix_ms: u64,
    /// When anything of the picture was last heard of.
    pub last_sign: Option<Instant>,
}

#[derive(Clone, Default)]
pub struct Observer(Arc<Mutex<Seen>>);

impl Observer {
    pub fn look<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

impl ProgramInput for Observer {
    fn picture(&self, picture: gst::Buffer, _at: gst::ClockTime) {
        let luma = picture.map_readable().unwrap();
        assert_eq!(luma.len(), usize::from(WIDTH) * usize::from(HEIGHT) * 3 / 2);
        let strip_ms = strip::read(&luma, WIDTH.into(), WIDTH.into(), HEIGHT.into());
        let now = u64::try_from(now_ms()).unwrap();
        let age_ms = strip_ms.map(|shown| strip::age_ms(now, shown));
        self.look(|seen| {
            seen.pictures.push(Shown { age_ms, strip_ms });
            seen.last_sign = Some(Instant::now());
        });
    }

    fn unchanged(&self, at: gst::ClockTime) {
        self.look(|seen| {
            seen.unchanged.push(at.mseconds());
            seen.last_sign = Some(Instant::now());
        });
    }

    fn sound(&self, samples: &[i16], at: gst::ClockTime) {
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        let share = share_of_1_khz(samples);
        self.look(|seen| seen.sound.push((seen.began_unix_ms + at.mseconds(), share, peak)));
    }
}

/// How much of the left channel's energy is at 1 kHz (Goertzel), 0 to 1.
fn share_of_1_khz(samples: &[i16]) -> f64 {
    let left: Vec<f64> = samples.iter().step_by(2).map(|sample| f64::from(*sample)).collect();
    let turn = 2.0 * (std::f64::consts::TAU * 1000.0 / 48_000.0).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in &left {
        (one, two) = (sample + turn * one - two, one);
    }
    let energy: f64 = left.iter().map(|sample| sample * sample).sum();
    if energy == 0.0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundred samples")]
    let whole = energy * left.len() as f64 / 2.0;
    (one * one + two * two - turn * one * two) / whole
}

/// A source that runs.
pub struct Running {
    pub source: BrowserSource,
    pub seen: Observer,
    pub clock: MediaClock,
    pub runtime: TempDir,
    events: mpsc::Receiver<SourceEvent>,
    pub history: Vec<SourceEvent>,
    _permit: SemaphorePermit<'static>,
}

/// What keeps a bot's page quiet.
pub const QUIET: &str =
    "&userID=bot&userdata-bbb_force_listen_only=true&userdata-bbb_auto_join_audio=true&bot=true&enforceLayout=MEDIA_ONLY";

/// The signed address of a join.
pub fn join_url(bbb: &Bbb, meeting: &Meeting, more: &str) -> Secret {
    let query = format!("fullName=Bot&meetingID={}&role=VIEWER{more}", meeting.id());
    let sum = hex::encode(Sha256::digest(format!("join{query}{}", bbb.secret().reveal())));
    Secret::new(format!("{}api/join?{query}&checksum={sum}", bbb.url()))
}

impl Running {
    pub async fn join(bbb: &Bbb, meeting: &Meeting) -> Self {
        Self::start(join_url(bbb, meeting, QUIET), |_| ()).await
    }

    pub async fn start(join_url: Secret, change: impl FnOnce(&mut BrowserSpec)) -> Self {
        gst::init().unwrap();
        let permit = BROWSERS.acquire().await.unwrap();
        let runtime = tempfile::tempdir().unwrap();
        let mut spec = BrowserSpec {
            join_url,
            width: WIDTH,
            height: HEIGHT,
            fps: 30,
            generation: Generation::V3,
            runtime: runtime.path().to_owned(),
            chromium: "/usr/bin/chromium".into(),
            ready_within: READY_WITHIN,
            ca_file: None,
        };
        change(&mut spec);
        let (report, events) = mpsc::channel(64);
        let (seen, clock) = (Observer::default(), MediaClock::new());
        seen.look(|seen| seen.began_unix_ms = u64::try_from(now_ms()).unwrap());
        let source = BrowserSource::start(spec, Arc::new(seen.clone()), clock.clone(), report);
        Self { source, seen, clock, runtime, events, history: Vec::new(), _permit: permit }
    }

    pub fn listen(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.history.push(event);
        }
    }

    /// Waits for an event.
    pub async fn event<T>(&mut self, what: &str, is: impl Fn(&SourceEvent) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.listen();
            if let Some(found) = self.history.iter().find_map(&is) {
                return found;
            }
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}; there were {:#?}", self.history);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn step(&mut self, step: Step) {
        self.event(&format!("{step:?}"), |event| matches!(event, SourceEvent::Step(found) if *found == step).then_some(())).await;
    }

    pub async fn notice(&mut self, code: &str) {
        self.event(code, |event| matches!(event, SourceEvent::Notice { code: found, .. } if *found == code).then_some(())).await;
    }

    pub fn has_notice(&mut self, code: &str) -> bool {
        self.listen();
        self.history.iter().any(|event| matches!(event, SourceEvent::Notice { code: found, .. } if *found == code))
    }

    pub async fn end(&mut self) -> SourceEnd {
        self.event("the end", |event| if let SourceEvent::Ended(end) = event { Some(end.clone()) } else { None }).await
    }

    pub fn steps(&mut self) -> Vec<Step> {
        self.listen();
        self.history.iter().filter_map(|event| if let SourceEvent::Step(step) = event { Some(*step) } else { None }).collect()
    }

    pub fn pid(&self, kind: &str) -> i32 {
        self.source.children().iter().find(|child| child.kind == kind).unwrap_or_else(|| panic!("no child is called {kind}")).pid
    }

    /// Waits for a picture younger than this.
    pub async fn fresh_picture(&self, younger_than_ms: u64) -> Shown {
        self.seen.look(|seen| seen.pictures.clear());
        let fresh = |shown: &&Shown| shown.age_ms.is_some_and(|age| age < younger_than_ms);
        until("a fresh picture", async || self.seen.look(|seen| seen.pictures.iter().find(fresh).copied())).await
    }

    /// Waits for a beep.
    pub async fn beep(&self) {
        let heard = |seen: &mut Seen| seen.sound.iter().any(|(_, share, peak)| *share > 0.8 && *peak > 3000).then_some(());
        until("the beep", async || self.seen.look(heard)).await;
    }

    /// What it counted, a second apart.
    pub async fn in_a_second(&self) -> (BrowserStats, BrowserStats) {
        let before = self.source.stats();
        tokio::time::sleep(Duration::from_secs(1)).await;
        (before, self.source.stats())
    }

    /// Ends it and checks that nothing is left: no process, no folder.
    pub async fn stop_and_check(self) {
        let sessions: Vec<i32> = self.source.children().iter().map(|child| child.pid).collect();
        let began = Instant::now();
        self.source.stop().await;
        // The source gives up on its own stop after this.
        assert!(began.elapsed() < Duration::from_secs(20), "stopping took {:?}", began.elapsed());
        // What was killed may take a moment to go.
        for session in sessions {
            until("the end of a child's processes", async || processes_of(session).is_empty().then_some(())).await;
        }
        until("the end of the folder", async || (fs::read_dir(self.runtime.path()).unwrap().count() == 0).then_some(())).await;
    }
}

/// The command lines of all living processes of a session.
pub fn processes_of(session: i32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_ascii_whitespace().collect();
        if fields[3] == session.to_string() && fields[0] != "Z" {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            found.push(format!("{pid} {}", String::from_utf8_lossy(&command).replace('\0', " ")));
        }
    }
    found
}

/// A meeting that is as a test wants it.
pub async fn meeting(id: &str) -> (Bbb, Meeting) {
    let bbb = bbb::Bbb::start().await;
    let meeting = bbb.meeting(id);
    meeting.people(2);
    (bbb, meeting)
}
