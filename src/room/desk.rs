//! What a process remembers for its rooms: pictures that were just served, and who registers how often.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::HeaderValue;
use tokio::sync::Semaphore;

use super::pace::Pace;

/// Pictures that are remembered, and for how long: those of rooms that are opened by hundreds at once.
const PICTURES: usize = 64;
const REMEMBERED_FOR: Duration = Duration::from_mins(10);

/// A picture as it is served: its content type, and the file.
pub(super) type Served = (HeaderValue, Bytes);

/// What a process remembers for its rooms.
pub struct Desk {
    pictures: Mutex<BTreeMap<String, (Instant, Served)>>,
    pace: Mutex<Pace>,
    /// Pictures are worked on one at a time: one may take a quarter of a gigabyte.
    pub(super) easel: Semaphore,
}

impl Default for Desk {
    fn default() -> Self {
        Self { pictures: Mutex::default(), pace: Mutex::new(Pace::of_registrations()), easel: Semaphore::new(1) }
    }
}

impl Desk {
    pub(super) fn picture(&self, hash: &str) -> Option<Served> {
        lock(&self.pictures).get(hash).filter(|(since, _)| since.elapsed() < REMEMBERED_FOR).map(|(_, served)| served.clone())
    }

    pub(super) fn remember(&self, hash: String, served: Served) {
        let mut pictures = lock(&self.pictures);
        if pictures.len() >= PICTURES {
            pictures.clear();
        }
        pictures.insert(hash, (Instant::now(), served));
    }

    pub(super) fn forget(&self, hash: &str) {
        lock(&self.pictures).remove(hash);
    }

    /// Whether an address may register once more now; else the wait.
    pub(super) fn take(&self, address: IpAddr) -> Result<(), Duration> {
        lock(&self.pace).take(address, Instant::now())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
