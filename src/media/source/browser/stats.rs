//! What a running source counts.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

/// What a source has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct BrowserStats {
    /// Pictures taken of the screen.
    pub grabbed: u64,
    /// Those that differed from the one before. Its growth in a second is the distinct frame rate.
    pub distinct: u64,
    /// Microseconds all of them took together, conversion included.
    pub grab_us: u64,
    /// How often the display did not answer within 300 ms.
    pub silences: u64,
    /// Loudest sample of the last second in dBFS; -100 and below is silence.
    pub level_db: f32,
    /// Sound streams the browser plays at this moment.
    pub playing: u64,
}

/// The same, being counted.
#[derive(Debug)]
pub(super) struct Counters {
    grabbed: AtomicU64,
    distinct: AtomicU64,
    grab_us: AtomicU64,
    silences: AtomicU64,
    level_centibel: AtomicI32,
    playing: AtomicU64,
}

/// The level of silence, in hundredths of dBFS.
pub(super) const SILENCE_CENTIBEL: i32 = -12_000;

impl Default for Counters {
    fn default() -> Self {
        Self {
            grabbed: AtomicU64::new(0),
            distinct: AtomicU64::new(0),
            grab_us: AtomicU64::new(0),
            silences: AtomicU64::new(0),
            level_centibel: AtomicI32::new(SILENCE_CENTIBEL),
            playing: AtomicU64::new(0),
        }
    }
}

impl Counters {
    pub(super) fn grabbed(&self, took: Duration) {
        self.grabbed.fetch_add(1, Ordering::Relaxed);
        self.grab_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn distinct(&self) {
        self.distinct.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn silence(&self) {
        self.silences.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn level(&self, centibel: i32) {
        self.level_centibel.store(centibel, Ordering::Relaxed);
    }

    pub(super) fn playing(&self, streams: u64) {
        self.playing.store(streams, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> BrowserStats {
        #[expect(clippy::cast_precision_loss, reason = "hundredths of a decibel have five digits")]
        let level_db = self.level_centibel.load(Ordering::Relaxed) as f32 / 100.0;
        BrowserStats {
            grabbed: self.grabbed.load(Ordering::Relaxed),
            distinct: self.distinct.load(Ordering::Relaxed),
            grab_us: self.grab_us.load(Ordering::Relaxed),
            silences: self.silences.load(Ordering::Relaxed),
            level_db,
            playing: self.playing.load(Ordering::Relaxed),
        }
    }
}
