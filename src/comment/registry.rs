//! The rooms and threads that somebody is in, in this process.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::ban_store;
use super::hub::Hub;
use super::row::Row;
use super::store;
use super::thread::Thread;
use super::wire::now_s;
use crate::broadcast::Supervisor;
use crate::room::Room;
use crate::store::{Store, StoreError};

/// An empty room is remembered for so long, in seconds: whoever left comes back quickly.
const EMPTY_S: u32 = 60;
/// Changes that are read at a time.
const READ: u32 = 500;

/// Clones are handles to the same.
#[derive(Clone, Default)]
pub(super) struct Registry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    hubs: Mutex<HashMap<String, Arc<Hub>>>,
    threads: Mutex<HashMap<String, Arc<Thread>>>,
    /// Rooms that are closed, and who was there is not written down yet.
    left: Mutex<Vec<Arc<Hub>>>,
    opening: tokio::sync::Mutex<()>,
    /// Threads of which something is not known yet.
    behind: Mutex<BTreeSet<String>>,
    fell_behind: Notify,
}

/// Holds a room open for a connection.
pub(super) struct Guest(Arc<Hub>);

impl std::ops::Deref for Guest {
    type Target = Arc<Hub>;

    fn deref(&self) -> &Arc<Hub> {
        &self.0
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.0.guests.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.empty_s.store(now_s(), Ordering::Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    /// Opens a room for a connection.
    pub(super) async fn open(&self, store: &Store, supervisor: &Supervisor, room: &Room) -> Result<Guest, StoreError> {
        if let Some(guest) = self.guest(&room.id) {
            return Ok(guest);
        }
        // One at a time: a crowd that comes into an empty room reads it once.
        let _opening = self.0.opening.lock().await;
        if let Some(guest) = self.guest(&room.id) {
            return Ok(guest);
        }
        let shares = store::thread(store, &room.id).await?.shares;
        let thread_id = shares.as_deref().unwrap_or(&room.id);
        let known = lock(&self.0.threads).get(thread_id).cloned();
        let thread = if let Some(thread) = known {
            thread
        } else {
            let thread = Arc::new(Thread::load(store, thread_id).await?);
            lock(&self.0.threads).insert(thread_id.to_owned(), Arc::clone(&thread));
            // What was written since it was read, when nobody could be told.
            catch_up(store, &thread).await?;
            thread
        };
        let state = supervisor.room_state(&room.key).await?;
        let hub = Arc::new(Hub::new(room, Arc::clone(&thread), &state));
        thread.attach(Arc::clone(&hub));
        lock(&self.0.hubs).insert(room.id.clone(), hub);
        self.guest(&room.id).ok_or(StoreError::Missing)
    }

    fn guest(&self, room_id: &str) -> Option<Guest> {
        let hubs = lock(&self.0.hubs);
        let hub = hubs.get(room_id)?;
        hub.guests.fetch_add(1, Ordering::AcqRel);
        Some(Guest(Arc::clone(hub)))
    }

    /// A room that is open.
    pub(super) fn hub(&self, room_id: &str) -> Option<Arc<Hub>> {
        lock(&self.0.hubs).get(room_id).cloned()
    }

    /// A room that is open, by its key.
    pub(super) fn of_key(&self, key: &str) -> Option<Arc<Hub>> {
        lock(&self.0.hubs).values().find(|hub| hub.key == key).cloned()
    }

    /// All rooms that are open.
    pub(super) fn hubs(&self) -> Vec<Arc<Hub>> {
        lock(&self.0.hubs).values().cloned().collect()
    }

    /// A thread that somebody is in.
    pub(super) fn thread(&self, id: &str) -> Option<Arc<Thread>> {
        lock(&self.0.threads).get(id).cloned()
    }

    /// All of them.
    pub(super) fn threads(&self) -> Vec<Arc<Thread>> {
        lock(&self.0.threads).values().cloned().collect()
    }

    /// Takes in what was written.
    pub(super) fn written(&self, thread_id: &str, from: i64, upto: i64, rows: &[Arc<Row>]) {
        if let Some(thread) = self.thread(thread_id)
            && !thread.take(from, upto, rows)
        {
            self.falls_behind(thread_id);
        }
    }

    /// Something of a thread is not known: it will be read.
    pub(super) fn falls_behind(&self, thread_id: &str) {
        lock(&self.0.behind).insert(thread_id.to_owned());
        self.0.fell_behind.notify_one();
    }

    /// Reads what is missing, for ever.
    pub(super) async fn keep_up(self, store: Store) {
        loop {
            let next = lock(&self.0.behind).pop_first();
            let Some(id) = next else {
                self.0.fell_behind.notified().await;
                continue;
            };
            let Some(thread) = self.thread(&id) else { continue };
            if let Err(error) = catch_up(&store, &thread).await {
                tracing::warn!(%error, "what another process wrote could not be read; it is tried again");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                self.falls_behind(&id);
            }
        }
    }

    /// Lets rooms go that have been empty for long enough.
    pub(super) fn retire(&self) {
        let mut hubs = lock(&self.0.hubs);
        let is_over = |hub: &Arc<Hub>| {
            hub.guests.load(Ordering::Acquire) == 0 && now_s().saturating_sub(hub.empty_s.load(Ordering::Relaxed)) >= EMPTY_S
        };
        let over: Vec<Arc<Hub>> = hubs.values().filter(|hub| is_over(hub) && hub.count_here() == 0).cloned().collect();
        for hub in over {
            hubs.remove(&hub.room_id);
            self.let_go(hub);
        }
    }

    /// Closes a room at once, for whoever comes next to open it anew.
    pub(super) fn forget(&self, room_id: &str) -> Option<Arc<Hub>> {
        let hub = lock(&self.0.hubs).remove(room_id)?;
        self.let_go(Arc::clone(&hub));
        Some(hub)
    }

    fn let_go(&self, hub: Arc<Hub>) {
        if !hub.thread.detach(&hub) {
            lock(&self.0.threads).remove(&hub.thread.id);
        }
        lock(&self.0.left).push(hub);
    }

    /// Rooms that were closed since the last time.
    pub(super) fn left(&self) -> Vec<Arc<Hub>> {
        std::mem::take(&mut *lock(&self.0.left))
    }
}

/// Reads the rules, the bans, and what was written after the last change that is known, and tells what is new.
pub(super) async fn catch_up(store: &Store, thread: &Thread) -> Result<(), StoreError> {
    let _reading = thread.reading.lock().await;
    let rules = store::thread(store, &thread.id).await?.rules();
    let bans = ban_store::active(store, &thread.id).await?;
    thread.set_rules(rules);
    thread.set_bans(bans);
    loop {
        let since = thread.content().seq;
        let rows = store::changed_after(store, &thread.id, since, READ).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        thread.take(since, last.changed_seq, &rows);
        if rows.len() < READ as usize {
            return Ok(());
        }
    }
}
