//! Comments: what is written in rooms and who is there, over a socket to every viewer.
//!
//! A room's viewers in this process are its [`hub`]; what is written is a [`thread`], which several rooms may show. All writing goes through one
//! [`writer`], which commits together what came together; only what is written is shown. [`row`] holds the one rule for who is told what.

mod across;
mod ban_store;
mod bans;
mod forget;
mod frame;
mod gate;
mod handle;
mod hub;
mod keeper;
mod ledger;
mod limits;
mod message;
mod moderate;
mod pacing;
mod pattern;
mod presence;
mod registry;
mod rights;
mod routes;
mod row;
mod rules;
mod session_store;
mod shard;
mod socket;
mod speak;
mod store;
mod sweep;
mod text;
mod thread;
mod wire;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::across::Across;
use self::handle::Handles;
use self::ledger::Ledger;
use self::limits::Limits;
use self::registry::Registry;
use self::writer::Writer;
use crate::account::{Caller, Permission};
use crate::app::App;
use crate::config::Settings;
use crate::room::Room;
use crate::store::vault::Vault;
use crate::store::{Store, StoreError, Transaction};

pub use self::limits::raise_open_files;
pub(crate) use self::routes::routes;
pub(crate) use self::socket::routes as public;
pub use self::sweep::{Retention, sweep};

/// How long connections may take to go when the process ends.
const END_WITHIN: Duration = Duration::from_secs(4);

/// The comments of this process. Clones are handles to the same.
#[derive(Clone)]
pub struct Comments(Arc<Inner>);

struct Inner {
    store: Store,
    handles: Handles,
    registry: Registry,
    writer: Writer,
    across: Across,
    limits: Limits,
    ledger: tokio::sync::Mutex<Ledger>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Comments {
    /// Nobody is there yet.
    pub fn new(store: &Store, vault: &Vault, settings: &Settings) -> Self {
        let (registry, across) = (Registry::default(), Across::new(store));
        Self(Arc::new(Inner {
            writer: Writer::start(store.clone(), registry.clone(), across.clone()),
            store: store.clone(),
            handles: Handles::new(vault),
            registry,
            across,
            limits: Limits::new(settings),
            ledger: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// Begins to keep rooms: what they show, who is there, what other processes say.
    pub async fn start(&self, app: &App) -> Result<(), StoreError> {
        keeper::start(app, self).await
    }

    /// Sends everybody away; they come back to the process that comes next. What is known of who was there is written down.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        for hub in self.0.registry.hubs() {
            hub.close(frame::code::RESTART);
        }
        self.0.tasks.close();
        if tokio::time::timeout(END_WITHIN, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.0.tasks.len(), "some viewers' connections did not end in time");
        }
        keeper::end(self).await;
    }
}

impl Comments {
    /// How many are in a room, where somebody is.
    pub(super) fn count(&self, room_id: &str) -> Option<u64> {
        self.0.registry.hub(room_id).map(|hub| hub.count())
    }

    /// What a viewer is known by in a thread.
    fn handle(&self, thread_id: &str, viewer_id: Uuid) -> String {
        self.0.handles.of(thread_id, viewer_id)
    }

    /// Tells other processes that a room shows another thread.
    async fn tell_shares(&self, tx: &mut Transaction, room_id: &str) -> Result<(), StoreError> {
        self.0.across.tell_with(tx, across::Word::Shares { room: room_id.to_owned() }).await
    }

    /// Everybody in a room comes back to it, to another thread.
    fn begin_anew(&self, room_id: &str) {
        if let Some(hub) = self.0.registry.forget(room_id) {
            hub.begin_anew();
        }
    }
}

/// Whether somebody may do something in this room: by a permission, or because it was given for it.
///
/// # Errors
/// Where the database does not answer.
pub async fn may(store: &Store, caller: &Caller, room: &Room, permission: Permission) -> Result<bool, StoreError> {
    caller.may_in_room(store, &room.id, permission).await
}
