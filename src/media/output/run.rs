//! The thread of an output: connect, watch, back off, and again.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::backoff::BackOff;
use super::feed::Feed;
use super::link::{Link, Said};
use super::liveness::{Liveness, Verdict};
use super::status::{OutputEvent, OutputState, OutputStatus, Rate};
use super::target::TargetUrl;
use super::whip::{self, Whip};
use super::{OutputSpec, reason, rtmp, srt, srt_probe};
use crate::chance;
use crate::media::clock::MediaClock;
use crate::media::error::{MediaError, Side};
use crate::media::hub::Hub;
use crate::media::packet::Track;
use crate::media::permit::Permit;

/// A session that was live for less may have gone out by a way that leads nowhere.
const BRIEF: Duration = Duration::from_secs(15);
/// How often a connection is looked at: often while it comes up, as a picture waits for it.
const WHILE_CONNECTING: Duration = Duration::from_millis(20);
const WHILE_LIVE: Duration = Duration::from_millis(200);
/// How long the program's video may take to begin.
const FIRST_VIDEO: Duration = Duration::from_secs(5);

type Events = Box<dyn Fn(OutputEvent) + Send>;

/// What an output's thread shares with its owner.
pub(super) struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Without it nothing is sent, no connection is made, and no name is freed at an origin: another process may have them.
    permit: Permit,
}

#[derive(Default)]
struct Inner {
    status: OutputStatus,
    stop: bool,
    /// Why the connection is to be given up, said from outside.
    given_up: Option<MediaError>,
    ended: bool,
}

impl Shared {
    pub(super) fn status(&self) -> OutputStatus {
        self.lock().status.clone()
    }

    pub(super) fn stop(&self, within: Duration) -> bool {
        let mut inner = self.lock();
        inner.stop = true;
        self.changed.notify_all();
        let deadline = Instant::now() + within;
        while !inner.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Ends the connection that stands, as if the target had broken it for this reason.
    pub(super) fn give_up(&self, error: MediaError) {
        let mut inner = self.lock();
        if inner.status.state == OutputState::Live {
            inner.given_up = Some(error);
        }
    }

    fn stopping(&self) -> bool {
        !self.permit.holds() || self.lock().stop
    }

    /// Waits, or less when the output is to stop.
    fn rest(&self, time: Duration) {
        let deadline = Instant::now() + time;
        let mut inner = self.lock();
        while !inner.stop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Runner {
    spec: OutputSpec,
    clock: MediaClock,
    hub: Hub,
    feed: Arc<Feed>,
    /// For a WHIP target, from the first connection on.
    whip: Option<Whip>,
    shared: Arc<Shared>,
    events: Events,
    begun: Instant,
    went_live: bool,
    /// Bytes of the connections before this one.
    bytes_before: u64,
    /// Whether the last connection was ended from outside.
    given_up: bool,
}

pub(super) fn start(spec: OutputSpec, hub: &Hub, clock: &MediaClock, events: Events) -> Result<Arc<Shared>, MediaError> {
    let shared = Arc::new(Shared { inner: Mutex::default(), changed: Condvar::new(), permit: hub.permit() });
    let feed = Feed::new(hub.clone());
    let audio = match &spec.target {
        TargetUrl::Whip(_) => Track::Opus,
        TargetUrl::Srt(target) if target.opus => Track::Opus,
        _ => Track::Aac,
    };
    let sink = Arc::clone(&feed);
    // One subscription for the output's life, not one for each connection: a target that comes and goes asks for no key frames.
    let subscription = hub.subscribe(&[Track::H264, audio], move |packet| sink.offer(packet));
    let runner = Runner {
        spec,
        clock: clock.clone(),
        hub: hub.clone(),
        feed,
        whip: None,
        shared: Arc::clone(&shared),
        events,
        begun: Instant::now(),
        went_live: false,
        bytes_before: 0,
        given_up: false,
    };
    // What is said on the thread belongs to what the output belongs to.
    let span = tracing::Span::current();
    let run = move || {
        let _span = span.entered();
        let shared = Arc::clone(&runner.shared);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runner.run()));
        drop(subscription);
        let mut inner = shared.lock();
        if result.is_err() {
            inner.status.state = OutputState::Failed;
            inner.status.detail = Some(MediaError::ours("panic", "The output broke down; the log says where.").fatal());
        }
        inner.ended = true;
        drop(inner);
        shared.changed.notify_all();
    };
    match std::thread::Builder::new().name("output".into()).spawn(run) {
        Ok(_) => Ok(shared),
        Err(_) => Err(MediaError::ours("no_thread", "No thread could be started for an output.")),
    }
}

impl Runner {
    fn run(mut self) {
        let mut back_off = BackOff::default();
        while !self.shared.stopping() {
            self.enter(OutputState::Connecting, None);
            let mut live_since = None;
            let error = self.connect(&mut live_since);
            self.shared.lock().status.kbps = 0;
            let Err(error) = error else { return };
            let state = if error.retry { OutputState::BackingOff } else { OutputState::Failed };
            tracing::info!(target = %self.spec.target, code = error.code, "output: {error}");
            let fatal = !error.retry;
            let given_up = std::mem::take(&mut self.given_up);
            self.enter(state, Some(error));
            if fatal {
                while !self.shared.stopping() {
                    self.shared.rest(Duration::from_hours(1));
                }
                return;
            }
            // Who does not serve what is sent was never well: the waits grow.
            let lived = live_since.filter(|_| !given_up).map_or(Duration::ZERO, |since: Instant| since.elapsed());
            self.shared.rest(back_off.after(lived, chance::draw()));
        }
    }

    /// One connection, from the look-up to its end. `Ok` when the output is to stop.
    fn connect(&mut self, live_since: &mut Option<Instant>) -> Result<(), MediaError> {
        let target = self.spec.target.clone();
        let (host, port) = target.host_and_port();
        let addresses = (self.spec.resolve)(host, port)?;
        let target = match &target {
            // Its tokens are made later, one for every POST.
            TargetUrl::Whip(_) => target,
            _ => self.spec.for_one_attempt(),
        };
        let Some(&at) = addresses.first() else { return Err(reason::unknown_host(&target)) };
        if self.shared.stopping() {
            return Ok(());
        }
        let mut link = match &target {
            TargetUrl::Rtmp(target) => rtmp::build(target, &self.clock)?.over_tcp(&addresses),
            TargetUrl::Srt(target) => srt::build(target, at, &self.clock)?,
            TargetUrl::Whip(_) => return self.connect_whip(&target, at, live_since),
        };
        link.limit(&self.shared.permit);
        self.feed.attach(&link.video, &link.audio);
        let mut result = link.start().and_then(|()| self.watch(&target, &mut link, Liveness::new(self.begun.elapsed()), live_since));
        self.feed.detach();
        if result.is_ok() && live_since.is_some() {
            link.say_farewell();
        }
        self.bytes_before += link.reading().bytes;
        drop(link);
        if let (TargetUrl::Srt(_), None, Err(MediaError { side: Side::Target, .. })) = (&target, &live_since, &result) {
            result = Err(match srt_probe::probe(at) {
                srt_probe::Found::Nothing => reason::refused(&target),
                srt_probe::Found::Listener => reason::rejected(&target),
                srt_probe::Found::Silence => reason::timed_out(&target),
            });
        }
        result
    }

    /// One WebRTC session, from its offer to its DELETE.
    fn connect_whip(&mut self, target: &TargetUrl, at: SocketAddr, live_since: &mut Option<Instant>) -> Result<(), MediaError> {
        let shared = Arc::clone(&self.shared);
        let stop = move || shared.stopping();
        let mut whip = match self.whip.take() {
            Some(whip) => whip,
            None => Whip::new(&self.spec)?,
        };
        let result = self.whip_session(&mut whip, target, at, &stop, live_since);
        // Also after a loss: what the server still holds would refuse the next offer.
        whip.end(&|| false);
        self.whip = Some(whip);
        if self.shared.stopping() { Ok(()) } else { result }
    }

    fn whip_session(
        &mut self,
        whip: &mut Whip,
        target: &TargetUrl,
        at: SocketAddr,
        stop: &dyn Fn() -> bool,
        live_since: &mut Option<Instant>,
    ) -> Result<(), MediaError> {
        whip.end(stop);
        let Some(caps) = self.first_video() else {
            return Err(MediaError::ours("no_program", "The program's video has not begun yet."));
        };
        // Once more where the answer names a place that the offered addresses do not lead to.
        for again in [true, false] {
            let own = whip.own_addresses(at.ip());
            let (mut link, peer) = whip::build(&self.spec.whip, &own, &caps, &self.clock, &self.hub)?;
            link.limit(&self.shared.permit);
            self.feed.attach(&link.video, &link.audio);
            let answer = link.start().and_then(|()| peer.offer(stop)).and_then(|offer| whip.call(&offer, stop));
            let result = answer.and_then(|answer| {
                if again && !whip.is_led(&own) {
                    return Ok(false);
                }
                peer.take(target, answer, stop)?;
                let watched = self.watch(target, &mut link, Liveness::by_reports(self.begun.elapsed()), live_since);
                if watched.is_err() && live_since.is_none_or(|since| since.elapsed() < BRIEF) {
                    whip.came_to_nothing();
                }
                watched.map(|()| true)
            });
            self.feed.detach();
            self.bytes_before += link.reading().bytes;
            if result? {
                return Ok(());
            }
            whip.end(stop);
        }
        Ok(())
    }

    /// The caps of the program's video, as soon as there is some.
    fn first_video(&self) -> Option<gstreamer::Caps> {
        let deadline = Instant::now() + FIRST_VIDEO;
        loop {
            let caps = self.feed.video_caps();
            if caps.is_some() || self.shared.stopping() || Instant::now() >= deadline {
                return caps;
            }
            self.shared.rest(WHILE_CONNECTING);
        }
    }

    fn watch(
        &mut self,
        target: &TargetUrl,
        link: &mut Link,
        mut liveness: Liveness,
        live_since: &mut Option<Instant>,
    ) -> Result<(), MediaError> {
        let mut rate = Rate::default();
        let mut accepted = false;
        while !self.shared.stopping() {
            let wait = if live_since.is_some() { WHILE_LIVE } else { WHILE_CONNECTING };
            if let Said::Error(error, debug) = link.listen(wait) {
                let said = reason::scrub(target, &format!("{error}: {debug}"));
                tracing::debug!(target = %target, "output: {said}");
                return Err(reason::of_pipeline(target, &error, &debug, accepted, live_since.is_some()));
            }
            let reading = link.reading();
            let now = self.begun.elapsed();
            if reading.broken {
                return Err(if live_since.is_some() { reason::lost(target) } else { reason::no_media(target) });
            }
            let verdict = liveness.observe(now, reading);
            if reading.accepted && !accepted {
                accepted = true;
                self.feed.open();
                // Its viewers were all dropped with the push before, and OvenMediaEngine passes on no request of theirs.
                if matches!(target, TargetUrl::Whip(_)) {
                    self.hub.expect_viewers();
                }
            }
            match verdict {
                Verdict::TimedOut if matches!(target, TargetUrl::Whip(_)) => return Err(reason::no_media(target)),
                Verdict::TimedOut => return Err(reason::timed_out(target)),
                Verdict::Stalled => return Err(reason::stalled(target)),
                Verdict::Live if live_since.is_none() => {
                    *live_since = Some(Instant::now());
                    self.went_live();
                }
                Verdict::Connecting | Verdict::Accepted | Verdict::Live => {}
            }
            let (_, dropped) = self.feed.dropped();
            let mut inner = self.shared.lock();
            if let Some(error) = inner.given_up.take() {
                self.given_up = true;
                return Err(error);
            }
            inner.status.bytes = self.bytes_before + reading.bytes;
            inner.status.kbps = rate.observe(now, reading.bytes);
            inner.status.rtt_ms = reading.rtt_ms;
            inner.status.loss_percent = reading.loss_percent;
            inner.status.dropped = dropped;
        }
        Ok(())
    }

    fn went_live(&mut self) {
        if self.went_live {
            self.shared.lock().status.reconnects += 1;
        }
        self.went_live = true;
        tracing::info!(target = %self.spec.target, "output: live");
        self.enter(OutputState::Live, None);
    }

    /// The reason of the last loss stays to be read while the next try is under way.
    fn enter(&self, state: OutputState, detail: Option<MediaError>) {
        {
            let mut inner = self.shared.lock();
            inner.status.state = state;
            inner.given_up = None;
            if detail.is_some() || state == OutputState::Live {
                inner.status.detail.clone_from(&detail);
            }
        }
        (self.events)(OutputEvent { state, detail });
    }
}
