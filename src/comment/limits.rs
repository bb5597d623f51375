//! How many connections there may be, and how fast is written.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::pacing::{Bucket, Buckets, Pace, Seldom, household};
use crate::config::Settings;

/// Messages on one connection: a burst, then 20 a second.
pub(super) const MESSAGES: Pace = Pace { burst: 60, every_ms: 50 };
/// Comments of one viewer: five in a row, then one every two seconds.
const OF_VIEWER: Pace = Pace { burst: 5, every_ms: 2000 };
/// Comments from one address, behind which a whole lecture hall may be: 60 in a row, then ten a second.
const OF_ADDRESS: Pace = Pace { burst: 60, every_ms: 100 };
/// Emoji of one viewer: ten in a row, then two a second.
const EMOJI: Pace = Pace { burst: 10, every_ms: 500 };
/// Pages of history that one address reads: each is a question to the database.
const PAGES: Pace = Pace { burst: 200, every_ms: 50 };
/// Who is remembered as busy.
const BUSY: usize = 20_000;
/// Descriptors that are left for everything else when connections use up theirs.
const RESERVED: u64 = 512;

/// Counts connections and acts.
pub(super) struct Limits {
    most_of_address: u32,
    sockets: Arc<Mutex<Sockets>>,
    acts: Mutex<Acts>,
}

#[derive(Default)]
struct Sockets {
    all: u64,
    by_address: HashMap<IpAddr, u32>,
}

struct Acts {
    viewers: Buckets<Uuid>,
    addresses: Buckets<IpAddr>,
    emoji: Buckets<Uuid>,
    pages: Buckets<IpAddr>,
    seldom: Seldom<(String, Uuid)>,
}

/// A connection that is counted as long as this is held.
pub(super) struct Counted {
    sockets: Arc<Mutex<Sockets>>,
    address: IpAddr,
}

/// Why there can be no more connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowd {
    /// Too many from this address.
    Address,
    /// Too many for this process.
    Process,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Limits {
    pub(super) fn new(settings: &Settings) -> Self {
        let acts = Acts {
            viewers: Buckets::new(OF_VIEWER, BUSY),
            addresses: Buckets::new(OF_ADDRESS, BUSY),
            emoji: Buckets::new(EMOJI, BUSY),
            pages: Buckets::new(PAGES, BUSY),
            seldom: Seldom::default(),
        };
        Self { most_of_address: settings.sockets_per_address, sockets: Arc::default(), acts: Mutex::new(acts) }
    }

    /// Counts a connection.
    pub(super) fn connect(&self, address: IpAddr) -> Result<Counted, Crowd> {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
        let address = household(address);
        let mut sockets = lock(&self.sockets);
        if sockets.all + RESERVED >= limit {
            return Err(Crowd::Process);
        }
        let count = sockets.by_address.entry(address).or_default();
        if *count >= self.most_of_address {
            return Err(Crowd::Address);
        }
        *count += 1;
        sockets.all += 1;
        Ok(Counted { sockets: Arc::clone(&self.sockets), address })
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> u64 {
        lock(&self.sockets).all
    }

    /// Counts a comment; otherwise tells how long to wait, in milliseconds. `slow_ms`: between two comments of a viewer in a thread.
    pub(super) fn comment(&self, thread_id: &str, viewer_id: Uuid, address: IpAddr, slow_ms: i64, now_ms: i64) -> Result<(), i64> {
        let mut acts = lock(&self.acts);
        let in_thread = (thread_id.to_owned(), viewer_id);
        if let Some(wait_ms) = acts.seldom.wait_ms(&in_thread, slow_ms, now_ms) {
            return Err(wait_ms);
        }
        acts.viewers.take(viewer_id, now_ms)?;
        acts.addresses.take(household(address), now_ms)?;
        acts.seldom.did(in_thread, now_ms);
        Ok(())
    }

    /// Counts a page of history.
    pub(super) fn page(&self, address: IpAddr, now_ms: i64) -> Result<(), i64> {
        lock(&self.acts).pages.take(household(address), now_ms)
    }

    /// Counts an emoji, or something as small.
    pub(super) fn emoji(&self, viewer_id: Uuid, now_ms: i64) -> Result<(), i64> {
        lock(&self.acts).emoji.take(viewer_id, now_ms)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut sockets = lock(&self.sockets);
        sockets.all = sockets.all.saturating_sub(1);
        if let Some(count) = sockets.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                sockets.by_address.remove(&self.address);
            }
        }
    }
}

/// The messages of a new connection.
pub(super) fn messages(now_ms: i64) -> Bucket {
    Bucket::full(now_ms)
}

/// Lets this process open as many files as it may: every viewer is one.
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => tracing::info!(from = limit.current, to = limit.maximum, "the limit of open files is raised"),
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}
