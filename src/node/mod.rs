//! The processes that share a database: who is there, and who has which broadcast.
//!
//! [`lease`] says when a broadcast may be taken, and is pure. [`Node`] is this process among the others: it holds permits for what it has,
//! and a thread of its own ([`heart`]) renews them. The supervisor of the broadcasts asks it before it starts anything.

mod heart;
pub mod lease;
mod pass;
mod place;
mod presence;
mod proxy;
mod routes;
pub(crate) mod store;
mod view;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use self::heart::Heart;
use self::lease::{Me, Standing};
use self::place::Place;
pub use self::presence::PresenceError;
pub use self::proxy::{Proxy, SentOn};
pub(crate) use self::proxy::{is_sent_on, send_on};
pub(crate) use self::routes::routes;
pub use self::store::Load;
use self::store::{NodeRow, Wanted};
pub use self::view::{NodeState, NodeView};
use crate::config::Settings;
use crate::media::permit::{Permit, boot_ms};
use crate::store::{Dialect, Store, StoreError};

/// How long a claim may take: what is answered later is of no use, and is found again as this process's own.
const CLAIM_WITHIN: Duration = Duration::from_secs(5);

/// This process among those that share its database. Clones are handles to the same.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    store: Store,
    name: String,
    url: Option<String>,
    process: String,
    data_dir: std::path::PathBuf,
    place: OnceLock<Option<Place>>,
    /// Grows with every lease that is asked for.
    beats: AtomicI64,
    held: Mutex<HashMap<String, Held>>,
    /// All nodes as they were read last.
    peers: Mutex<Vec<NodeRow>>,
    alone: AtomicBool,
    draining: AtomicBool,
    load: Mutex<Load>,
    /// When a renewal last succeeded, of [`boot_ms`].
    renewed_ms: AtomicU64,
    /// Whether it has said goodbye; held during a beat.
    left: tokio::sync::Mutex<bool>,
}

/// What this process has taken.
#[derive(Clone, Debug)]
pub struct Held {
    /// Under which epoch.
    pub epoch: i64,
    /// Until when it may go out.
    pub permit: Permit,
}

impl Node {
    /// This process, not yet among the others.
    pub fn new(store: Store, settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            store,
            name: settings.node.name.clone(),
            url: settings.node.url.as_ref().map(ToString::to_string),
            process: crate::id::new(),
            data_dir: settings.data_dir.clone(),
            place: OnceLock::new(),
            beats: AtomicI64::new(0),
            held: Mutex::default(),
            peers: Mutex::default(),
            alone: AtomicBool::new(true),
            draining: AtomicBool::new(false),
            load: Mutex::default(),
            renewed_ms: AtomicU64::new(0),
            left: tokio::sync::Mutex::new(false),
        }))
    }

    /// Its name among the nodes.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Names this process: another start is another.
    pub fn process(&self) -> &str {
        &self.0.process
    }

    /// Whether it is to begin nothing more.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Whether other processes can be there at all.
    pub fn is_shared(&self) -> bool {
        self.0.store.dialect() == Dialect::Postgres
    }

    /// Says what it has and needs; told to the others with the next renewal.
    pub fn set_load(&self, load: Load) {
        *self.0.load.lock().unwrap_or_else(PoisonError::into_inner) = load;
    }

    fn load(&self) -> Load {
        *self.0.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_map(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this process has of a broadcast, whether or not it still may send.
    pub fn held(&self, broadcast_id: &str) -> Option<Held> {
        self.held_map().get(broadcast_id).cloned()
    }

    /// The broadcasts that it had and may not send any more.
    pub fn lost(&self) -> Vec<String> {
        let now_ms = boot_ms();
        self.held_map().iter().filter(|(_, held)| !held.permit.holds_at(now_ms)).map(|(id, _)| id.clone()).collect()
    }

    /// Keeps a broadcast from being taken while it is still being written down.
    pub fn reserve(&self, broadcast_id: &str) {
        self.held_map().insert(broadcast_id.to_owned(), Held { epoch: 0, permit: Permit::until(1) });
    }

    /// Lets go of a broadcast of which nothing runs any more.
    pub fn let_go(&self, broadcast_id: &str) {
        self.held_map().remove(broadcast_id);
    }

    /// Takes a broadcast if its lease still stands as it was seen.
    pub async fn claim(&self, seen: &Standing) -> Result<Option<Held>, StoreError> {
        let alone = self.0.alone.load(Ordering::Acquire);
        let (asked_ms, lease_ms) = (boot_ms(), lease::length_ms(alone));
        let claim = store::claim(&self.0.store, seen, self.wanted(lease_ms));
        let claimed = tokio::time::timeout(CLAIM_WITHIN, claim).await.map_err(|_| StoreError::Away(sqlx::Error::PoolTimedOut))?;
        let Some(epoch) = claimed? else { return Ok(None) };
        let permit = if self.is_shared() { Permit::until(lease::silent_at(asked_ms, lease_ms)) } else { Permit::default() };
        let held = Held { epoch, permit };
        self.held_map().insert(seen.id.clone(), held.clone());
        Ok(Some(held))
    }

    fn wanted(&self, lease_ms: u64) -> Wanted<'_> {
        Wanted {
            process: &self.0.process,
            node: &self.0.name,
            beat: self.0.beats.fetch_add(1, Ordering::AcqRel) + 1,
            lease_ms: i64::try_from(lease_ms).unwrap_or(i64::MAX),
        }
    }

    /// Gives back what it had, once nothing of it runs any more, and says goodbye: others need not wait.
    pub async fn leave(&self, nothing_runs: bool) {
        let goodbye = async {
            // A beat that is under way comes before the goodbye, and none after it.
            *self.0.left.lock().await = true;
            if nothing_runs {
                store::release(&self.0.store, &self.0.process).await?;
            }
            store::leave(&self.0.store, &self.0.process).await
        };
        match tokio::time::timeout(CLAIM_WITHIN, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the other nodes could not be told that this one ends"),
            Err(_) => tracing::warn!("the other nodes could not be told in time that this one ends"),
        }
    }

    /// Who looks for broadcasts to take: how many live nodes have more room than this one.
    pub fn me(&self) -> Me<'_> {
        let own = self.load();
        let better = |peer: &&NodeRow| {
            let theirs = peer.cores - peer.used_cores;
            let ours = own.cores - own.used_cores;
            theirs > ours || (theirs >= ours && peer.name < self.0.name)
        };
        let peers = self.peers();
        let rank = peers.iter().filter(|peer| peer.process != self.0.process && view::takes_more(peer)).filter(better).count();
        Me { process: &self.0.process, node: &self.0.name, rank: u32::try_from(rank).unwrap_or(u32::MAX) }
    }

    /// Does at once what the next renewal would bring.
    fn hear_of_draining(&self, row: &NodeRow) {
        if row.process == self.0.process {
            self.0.draining.store(row.draining == 1, Ordering::Release);
        }
    }

    /// Puts in what this process knows of itself.
    fn freshen(&self, row: NodeRow) -> NodeRow {
        if row.process != self.0.process {
            return row;
        }
        let load = self.load();
        NodeRow {
            cores: load.cores,
            used_cores: load.used_cores,
            free_memory_mb: load.free_memory_mb,
            broadcasts: i64::from(load.broadcasts),
            ..row
        }
    }

    /// The live node with this name or id.
    pub(crate) fn find_live(&self, name: &str) -> Option<NodeRow> {
        self.peers().into_iter().find(|peer| (peer.name == name || peer.id == name) && !self.is_gone(peer))
    }

    /// The process that has a broadcast, if it was heard of lately and says where it is reached.
    pub(crate) fn url_of(&self, process: &str) -> Option<String> {
        self.peers().into_iter().find(|peer| peer.process == process && !self.is_gone(peer)).and_then(|peer| peer.url)
    }

    fn is_gone(&self, peer: &NodeRow) -> bool {
        peer.process != self.0.process && view::is_gone(peer)
    }

    /// The nodes that may be given a broadcast which needs so much, the one with most room first; this one where it is as good as another.
    pub(crate) fn with_room(&self, cores: f64, memory_mb: f64) -> Vec<String> {
        let fits = |peer: &NodeRow| peer.broadcasts == 0 || view::free_cores(peer) >= cores && peer.free_memory_mb >= memory_mb;
        let usable = |peer: &NodeRow| !self.is_gone(peer) && peer.draining == 0 && fits(peer);
        let mut peers: Vec<NodeRow> = self.peers().into_iter().map(|peer| self.freshen(peer)).filter(usable).collect();
        let here = |peer: &NodeRow| peer.process == self.0.process;
        peers.sort_by(|a, b| view::free_cores(b).total_cmp(&view::free_cores(a)).then(here(b).cmp(&here(a))).then(a.name.cmp(&b.name)));
        peers.into_iter().map(|peer| peer.name).collect()
    }

    /// Reads who is there now: what is remembered may be two seconds old.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        self.hear_of(store::all(&self.0.store).await?);
        Ok(())
    }

    fn hear_of(&self, peers: Vec<NodeRow>) {
        let alone = !peers.iter().any(|peer| peer.process != self.0.process && !view::is_gone(peer));
        self.0.alone.store(alone, Ordering::Release);
        *self.0.peers.lock().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// Whether no other process was heard of lately.
    pub(crate) fn is_alone(&self) -> bool {
        self.0.alone.load(Ordering::Acquire)
    }

    fn peers(&self) -> Vec<NodeRow> {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
