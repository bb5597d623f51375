//! What goes out, measured.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How fast the sound's meter falls.
const FALL_DB_PER_S: f64 = 50.0;

/// Rates are taken over this long.
const WINDOW: Duration = Duration::from_secs(2);

/// What went out of the program, as of now.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ProgramStats {
    /// Pictures encoded per second.
    pub fps: f64,
    /// Pictures per second that the source drew anew.
    pub distinct_fps: f64,
    /// Video bit rate in kbit/s.
    pub video_kbps: f64,
    /// Sound level in dB below full scale; -100 is silence.
    pub audio_level_db: f64,
    /// How much later than its picture the sound goes out, in ms.
    pub av_skew_ms: f64,
    /// Key frames since the start.
    #[serde(skip)]
    pub key_frames: u64,
    /// Pictures encoded since the start.
    #[serde(skip)]
    pub pictures: u64,
    /// Times that an encoder had to be built again.
    #[serde(skip)]
    pub encoder_restarts: u64,
}

#[derive(Default)]
struct Window(VecDeque<(Duration, usize)>);

impl Window {
    fn add(&mut self, at: Duration, amount: usize) {
        self.0.push_back((at, amount));
        self.trim(at);
    }

    fn trim(&mut self, now: Duration) {
        while self.0.front().is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW) {
            self.0.pop_front();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of two seconds")]
    fn per_second(&mut self, now: Duration) -> (f64, f64) {
        self.trim(now);
        let seconds = WINDOW.min(now).as_secs_f64().max(0.1);
        let amount: usize = self.0.iter().map(|(_, amount)| amount).sum();
        (self.0.len() as f64 / seconds, amount as f64 / seconds)
    }
}

#[derive(Default)]
struct Inner {
    encoded: Window,
    captured: Window,
    level_db: f64,
    slip_ms: f64,
    key_frames: u64,
    pictures: u64,
    encoder_restarts: u64,
}

/// Counts from several threads.
#[derive(Default)]
pub(super) struct Meter(Mutex<Inner>);

impl Meter {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn captured(&self, at: Duration) {
        self.lock().captured.add(at, 0);
    }

    pub(super) fn encoded(&self, at: Duration, bytes: usize, key: bool) {
        let mut inner = self.lock();
        inner.encoded.add(at, bytes);
        inner.pictures += 1;
        inner.key_frames += u64::from(key);
    }

    pub(super) fn sound(&self, level_db: f64, slip_ms: f64, duration: Duration) {
        let mut inner = self.lock();
        // A meter falls slowly, so that a glance catches a peak.
        inner.level_db = level_db.max(inner.level_db - FALL_DB_PER_S * duration.as_secs_f64()).max(-100.0);
        inner.slip_ms = slip_ms;
    }

    pub(super) fn encoder_restarted(&self) {
        self.lock().encoder_restarts += 1;
    }

    pub(super) fn read(&self, now: Duration) -> ProgramStats {
        let mut inner = self.lock();
        let (fps, bytes) = inner.encoded.per_second(now);
        let (distinct_fps, _) = inner.captured.per_second(now);
        ProgramStats {
            fps,
            distinct_fps,
            video_kbps: bytes * 8.0 / 1000.0,
            audio_level_db: inner.level_db,
            av_skew_ms: inner.slip_ms,
            key_frames: inner.key_frames,
            pictures: inner.pictures,
            encoder_restarts: inner.encoder_restarts,
        }
    }
}
