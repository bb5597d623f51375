//! Coming in among the nodes.

use std::time::Duration;

use super::store::{self, NodeRow};
use super::{Node, place, view};
use crate::store::StoreError;

/// How often it is looked whether the process that has the name is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How often the lock of the data folder is asked for: a child of a killed process may hold it for a moment.
const LOCK_TRIES: u32 = 10;
const LOCK_AGAIN: Duration = Duration::from_millis(100);

/// Why this process cannot be a node.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    /// Another has its name.
    #[error("a Bluecast process named “{0}” uses this database already; give this one a BLUECAST_NODE_NAME of its own")]
    NameTaken(String),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no thread.
    #[error("no thread can be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl Node {
    /// Makes this process a node. Where one with its name was there before, it waits until that is gone, which the lock of the data folder may
    /// prove at once; then its broadcasts are free.
    ///
    /// # Errors
    /// When a process with its name lives, or the database cannot be used.
    pub async fn come_in(&self) -> Result<(), PresenceError> {
        for _ in 0..LOCK_TRIES {
            let taken = place::take(&self.0.data_dir);
            if let Some(taken) = taken {
                // Nobody else comes in for this process.
                let _ = self.0.place.set(Some(taken));
                break;
            }
            tokio::time::sleep(LOCK_AGAIN).await;
        }
        let place = self.0.place.get_or_init(|| None).as_ref().map(|place| place.name.clone());
        let mut first_beat = None;
        loop {
            let before = store::named(&self.0.store, &self.0.name).await?;
            if let Some(before) = &before {
                let is_dead = !self.is_shared() || place.is_some() && before.place == place;
                if is_dead {
                    let freed = store::release(&self.0.store, &before.process).await?;
                    tracing::debug!(freed, "the process before this one in the same data folder is dead");
                } else if !view::is_gone(before) {
                    if self.lives(before, &mut first_beat) {
                        return Err(PresenceError::NameTaken(self.0.name.clone()));
                    }
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
            }
            if store::register(&self.0.store, &self.saying(self.load()), before.as_ref()).await?.is_some() {
                break;
            }
        }
        if !self.is_shared() {
            store::have_all(&self.0.store, &self.0.process, &self.0.name).await?;
        }
        self.hear_of(store::all(&self.0.store).await?);
        Ok(())
    }

    /// Whether the one that has the name has beaten since it was first seen.
    #[expect(clippy::unused_self, reason = "reads like a question to this node")]
    fn lives(&self, before: &NodeRow, first_beat: &mut Option<(String, i64)>) -> bool {
        let now = (before.process.clone(), before.beat_ms);
        *first_beat.get_or_insert_with(|| now.clone()) != now
    }
}
