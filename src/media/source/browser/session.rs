//! One run of a source: build, watch, take down.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::adapter::{Decision, Follower, Hearing, Observation, Verdict, probe};
use super::cdp::page::Page;
use super::cdp::{Cdp, CdpError};
use super::folder::Folder;
use super::mask::mask;
use super::screen::{Scene, Screen};
use super::sound::capture::{Capture, Listener};
use super::sound::daemon::Line;
use super::spawn::Child;
use super::{BrowserSpec, ChildInfo, Shown, chromium, display, failure, screen, sound};
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::source::{Evidence, ProgramInput, SourceEnd, SourceEvent, Step};

/// How long a browser may take to come up on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(30);
/// How long a page may keep us waiting for an answer.
const PAGE_SILENT: Duration = Duration::from_secs(10);
/// How long the browser itself may: a busy machine must not make things worse by starting another.
const BROWSER_SILENT: Duration = Duration::from_secs(8);

/// Runs a source to its end and reports it.
pub(super) async fn run(
    spec: BrowserSpec,
    input: Arc<dyn ProgramInput>,
    clock: MediaClock,
    events: mpsc::Sender<SourceEvent>,
    cancel: CancellationToken,
    shown: Arc<Shown>,
) {
    let runtime = spec.runtime.clone();
    // Before anything can be cancelled: a folder that is made on another thread would be nobody's.
    let folder = tokio::task::spawn_blocking(move || Folder::create(&runtime)).await.map_err(std::io::Error::other).flatten();
    let folder = folder.map_err(|error| failure("runtime_folder", "The runtime folder cannot be made", &error));
    let mut session = Session { spec, input, clock, events, shown, parts: Parts::default(), folder };
    let end = tokio::select! {
        () = cancel.cancelled() => SourceEnd::Stopped,
        end = session.live() => end,
    };
    let end = match end {
        SourceEnd::Failed { error, .. } => {
            let evidence = tokio::select! {
                () = cancel.cancelled() => Evidence::default(),
                evidence = session.evidence() => evidence,
            };
            SourceEnd::Failed { error, evidence }
        }
        end => end,
    };
    session.parts.take_down().await;
    session.shown.children.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let Session { events, folder, .. } = session;
    let _ = tokio::task::spawn_blocking(move || drop(folder)).await;
    let _ = timeout(Duration::from_secs(10), events.send(SourceEvent::Ended(end))).await;
}

/// What runs for a source, in the order in which it was built.
#[derive(Default)]
struct Parts {
    display: Option<Child>,
    address: Option<display::Address>,
    sound: Option<Child>,
    browser: Option<Child>,
    page: Option<Page>,
    cdp: Option<Cdp>,
    screen: Option<Screen>,
    capture: Option<Capture>,
}

impl Parts {
    async fn take_down(&mut self) {
        let grace = Duration::from_secs(2);
        if let Some(screen) = self.screen.take() {
            screen.stop().await;
        }
        // The browser leaves the meeting by being asked to end; its pipe is closed only then.
        if let Some(browser) = self.browser.take() {
            browser.stop(grace).await;
        }
        if let Some(cdp) = self.cdp.take() {
            cdp.close();
        }
        if let Some(sound) = self.sound.take() {
            sound.stop(grace).await;
        }
        if let Some(capture) = self.capture.take() {
            capture.stop().await;
        }
        if let Some(display) = self.display.take() {
            display.stop(grace).await;
        }
    }
}

struct Session {
    spec: BrowserSpec,
    input: Arc<dyn ProgramInput>,
    clock: MediaClock,
    events: mpsc::Sender<SourceEvent>,
    shown: Arc<Shown>,
    parts: Parts,
    /// Removed after what runs in it is gone.
    folder: Result<Folder, MediaError>,
}

impl Session {
    async fn live(&mut self) -> SourceEnd {
        self.tell(SourceEvent::Step(Step::Browser));
        let line = match self.build().await {
            Ok(line) => line,
            Err(error) => return failed(error),
        };
        let (Some(page), Some(screen)) = (&self.parts.page, &self.parts.screen) else {
            return failed(MediaError::ours("browser_failed", "The browser has no page."));
        };
        let counters = Arc::clone(&self.shown.counters);
        tokio::select! {
            end = self.attend(page, screen) => end,
            error = screen.failed() => failed(error),
            error = sound::watch(&line, &counters) => failed(error),
            error = self.watch_children() => failed(error),
            error = watch_browser(page.cdp()) => failed(error),
        }
    }

    async fn build(&mut self) -> Result<Line, MediaError> {
        self.spec.check()?;
        let folder = self.folder.as_ref().map_err(Clone::clone)?;

        let (display, sound) = tokio::join!(display::start(folder, &self.spec), sound::daemon::start(folder));
        // Both are kept before either's failure is told, so that both are taken down.
        let display = display.map(|display| {
            self.shown.show(&display.child);
            self.parts.display = Some(display.child);
            display.address
        });
        let line = sound.map(|sound| {
            self.shown.show(&sound.child);
            self.parts.sound = Some(sound.child);
            sound.line
        });
        let (address, line) = (display?, line?);
        self.parts.address = Some(address.clone());

        let listener = Listener { clock: self.clock.clone(), input: Arc::clone(&self.input), counters: Arc::clone(&self.shown.counters) };
        self.parts.capture = Some(Capture::start(line.address(), listener)?);
        let scene = Scene {
            address: address.clone(),
            size: (self.spec.width, self.spec.height),
            fps: self.spec.fps,
            clock: self.clock.clone(),
            input: Arc::clone(&self.input),
            counters: Arc::clone(&self.shown.counters),
        };
        self.parts.screen = Some(Screen::start(scene)?);

        let browser = chromium::start(folder, &self.spec, &address, &line).await?;
        self.shown.show(&browser.child);
        self.parts.browser = Some(browser.child);
        self.parts.cdp = Some(browser.cdp.clone());
        let attached = Page::attach(browser.cdp, START_WITHIN).await;
        self.parts.page = Some(attached.map_err(|error| {
            let words = self.parts.browser.as_ref().map(|browser| browser.tail().lines()).unwrap_or_default();
            let words = words.iter().rev().take(3).rev().map(String::as_str).collect::<Vec<_>>().join(" / ");
            MediaError::ours("browser_failed", format!("Chromium did not come up: {error}. Its last words: {words}"))
        })?);
        Ok(line)
    }

    /// Loads the meeting and stays with it.
    async fn attend(&self, page: &Page, screen: &Screen) -> SourceEnd {
        self.tell(SourceEvent::Step(Step::Page));
        match page.navigate(&self.spec.join_url, Duration::from_mins(1)).await {
            Ok(None) => {}
            Ok(Some(reason)) => {
                let message = format!("The meeting's page could not be loaded ({reason}).");
                return failed(MediaError::source("page_unreachable", message));
            }
            Err(error) => return failed(page_unanswered(&error)),
        }
        let began = Instant::now();
        let size = (u32::from(self.spec.width), u32::from(self.spec.height));
        let mut follower = Follower::new(self.spec.generation, size, self.spec.ready_within, Duration::ZERO);
        let script = probe(self.spec.generation);
        let mut popups = 0;
        loop {
            if page.cdp().watched(|watch| watch.has_crashed()) {
                return failed(MediaError::source("page_crashed", "The meeting's page crashed."));
            }
            // Between two pages there is nobody to answer.
            let seen: Result<Observation, _> = page.run(&script, PAGE_SILENT).await;
            match seen {
                Ok(seen) => {
                    let stats = self.shown.counters.read();
                    let heard = Hearing { playing: stats.playing, level_db: stats.level_db };
                    let decision = follower.look(&seen, heard, began.elapsed());
                    if let Some(end) = self.act(page, screen, &decision, &seen).await {
                        return end;
                    }
                }
                Err(CdpError::Refused(..)) => {}
                Err(error) if page.cdp().watched(|watch| watch.has_crashed()) => tracing::debug!(%error, "no answer from a crashed page"),
                Err(error) => return failed(page_unanswered(&error)),
            }
            let (opened, left) = page.cdp().watched(|watch| (watch.popups(), watch.strays()));
            if opened > popups {
                popups = opened;
                self.notice("popup_closed", "A window that the page opened was closed.");
            }
            for stray in left {
                let close = serde_json::json!({ "targetId": stray });
                let _ = page.cdp().call(None, "Target.closeTarget", close, BROWSER_SILENT).await;
            }
            // A crash is acted on at once, all else twice a second.
            let crash = page.cdp().until(|watch| watch.has_crashed().then_some(()));
            let _ = timeout(Duration::from_millis(500), crash).await;
        }
    }

    async fn act(&self, page: &Page, screen: &Screen, decision: &Decision, seen: &Observation) -> Option<SourceEnd> {
        for step in &decision.steps {
            if *step == Step::Joined {
                screen.open();
                if let Some(capture) = &self.parts.capture {
                    capture.open();
                }
            }
            self.tell(SourceEvent::Step(*step));
        }
        for (code, message) in &decision.notices {
            self.notice(code, message);
        }
        if let Some(press) = &decision.press {
            match page.run::<bool>(&press.script(), PAGE_SILENT).await {
                Ok(_) | Err(CdpError::Refused(..)) => {}
                Err(error) => return Some(failed(page_unanswered(&error))),
            }
        }
        Some(match decision.verdict? {
            Verdict::Ended => SourceEnd::MeetingEnded,
            Verdict::Removed => SourceEnd::Removed,
            Verdict::Denied => SourceEnd::Denied,
            Verdict::Replaced => SourceEnd::Replaced,
            Verdict::Broken(code, message) => {
                let says = if seen.refusal.is_empty() { seen.error.as_ref().unwrap_or(&seen.text) } else { &seen.refusal };
                let says = mask(says);
                let message = if says.is_empty() { message.to_owned() } else { format!("{message} It says: “{says}”") };
                failed(MediaError::source(code, message))
            }
        })
    }

    async fn watch_children(&self) -> MediaError {
        let children = [&self.parts.display, &self.parts.sound, &self.parts.browser];
        loop {
            for child in children.into_iter().flatten() {
                if child.has_ended() {
                    let code = match child.kind() {
                        "display" => "display_ended",
                        "sound" => "sound_ended",
                        _ => "browser_ended",
                    };
                    tracing::warn!(kind = child.kind(), last_words = ?child.tail().lines(), "a child of a source ended");
                    return MediaError::ours(code, format!("The {} ended by itself.", child.kind()));
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What the page showed; where it cannot say, what the screen shows.
    async fn evidence(&self) -> Evidence {
        let Some(cdp) = &self.parts.cdp else { return Evidence::default() };
        let console = cdp.watched(|watch| watch.console());
        let mut screenshot = None;
        if let Some(page) = &self.parts.page {
            screenshot = page.screenshot().await.ok();
        }
        if let (None, Some(address)) = (&screenshot, self.parts.address.clone()) {
            let size = (self.spec.width, self.spec.height);
            let photograph = tokio::task::spawn_blocking(move || screen::photograph(&address, size));
            screenshot = timeout(Duration::from_secs(8), photograph).await.ok().and_then(Result::ok).flatten();
        }
        Evidence { screenshot, console }
    }

    fn notice(&self, code: &'static str, message: &str) {
        self.tell(SourceEvent::Notice { code, message: message.to_owned() });
    }

    fn tell(&self, event: SourceEvent) {
        if self.events.try_send(event).is_err() {
            tracing::warn!("nobody takes the events of a source");
        }
    }
}

impl Shown {
    fn show(&self, child: &Child) {
        let info = ChildInfo { kind: child.kind(), pid: child.process().pid };
        self.children.lock().unwrap_or_else(PoisonError::into_inner).push(info);
    }
}

/// Returns when the browser is gone or no longer answers, whatever its page does.
async fn watch_browser(cdp: &Cdp) -> MediaError {
    loop {
        let asked = cdp.call(None, "Browser.getVersion", serde_json::json!({}), BROWSER_SILENT);
        let answer = tokio::select! {
            () = cdp.gone() => Err(CdpError::Gone),
            answer = asked => answer,
        };
        if let Err(error) = answer {
            return unanswered(&error);
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn unanswered(error: &CdpError) -> MediaError {
    match error {
        CdpError::Gone => MediaError::ours("browser_ended", "The browser ended by itself."),
        CdpError::Silent(_) => MediaError::source("browser_stalled", "The browser does not answer."),
        CdpError::Refused(..) => MediaError::ours("browser_failed", error.to_string()),
    }
}

fn page_unanswered(error: &CdpError) -> MediaError {
    match error {
        CdpError::Silent(_) => MediaError::source("page_stalled", "The meeting's page does not answer."),
        error => unanswered(error),
    }
}

fn failed(error: MediaError) -> SourceEnd {
    SourceEnd::Failed { error, evidence: Evidence::default() }
}
