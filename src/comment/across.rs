//! What the processes that share a database tell each other about rooms.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::registry::Registry;
use crate::store::bus::{self, Heard};
use crate::store::{Dialect, Store, StoreError, Transaction};

/// The channel that all processes listen on.
const CHANNEL: &str = "bluecast_rooms";

/// What this process tells the others.
#[derive(Clone)]
pub(super) struct Across {
    /// Names this process, this once.
    pub(super) run_id: Arc<str>,
    is_shared: bool,
}

/// What processes tell each other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Word {
    /// A thread has changes up to a number. They are read from the table, so no text is ever too long, and none is lost with the word.
    Changes {
        /// Which thread.
        thread: String,
        /// The number of its last change.
        upto: i64,
    },
    /// A thread has other rules or bans.
    Rules {
        /// Which thread.
        thread: String,
    },
    /// A room shows another thread now.
    Shares {
        /// Which room.
        room: String,
    },
    /// So many are in a room.
    Count {
        /// Which room.
        room: String,
        /// How many.
        viewers: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Told {
    by: String,
    #[serde(flatten)]
    word: Word,
}

impl Across {
    pub(super) fn new(store: &Store) -> Self {
        Self { run_id: crate::id::new().into(), is_shared: store.dialect() == Dialect::Postgres }
    }

    /// Whether there may be other processes.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Tells something when the transaction is committed.
    pub(super) async fn tell_with(&self, tx: &mut Transaction, word: Word) -> Result<(), StoreError> {
        if self.is_shared { bus::notify(tx, CHANNEL, &self.text(word)).await } else { Ok(()) }
    }

    /// Tells something at once.
    pub(super) async fn tell(&self, store: &Store, word: Word) -> Result<(), StoreError> {
        if self.is_shared { store.notify(CHANNEL, &self.text(word)).await } else { Ok(()) }
    }

    fn text(&self, word: Word) -> String {
        serde_json::to_string(&Told { by: self.run_id.to_string(), word }).unwrap_or_default()
    }

    /// Hears the others, for ever. Whatever may have been missed is read.
    pub(super) async fn hear(self, store: Store, registry: Registry) {
        if !self.is_shared {
            return;
        }
        let mut listener = store.listen(&[CHANNEL]);
        loop {
            match listener.next().await {
                Heard::Missed => {
                    for thread in registry.threads() {
                        registry.falls_behind(&thread.id);
                    }
                }
                Heard::Word { payload, .. } => match serde_json::from_str::<Told>(&payload) {
                    Ok(told) if *told.by != *self.run_id => heed(&registry, &told),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "another process says what this one does not understand"),
                },
            }
        }
    }
}

fn heed(registry: &Registry, told: &Told) {
    match &told.word {
        Word::Changes { thread, upto } => {
            if registry.thread(thread).is_some_and(|thread| thread.content().seq < *upto) {
                registry.falls_behind(thread);
            }
        }
        Word::Rules { thread } => {
            if registry.thread(thread).is_some() {
                registry.falls_behind(thread);
            }
        }
        Word::Shares { room } => {
            if let Some(hub) = registry.forget(room) {
                hub.begin_anew();
            }
        }
        Word::Count { room, viewers } => {
            if let Some(hub) = registry.hub(room) {
                hub.counted_elsewhere(&told.by, *viewers);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_were_told() {
        let across = Across { run_id: "me".into(), is_shared: true };
        let text = across.text(Word::Count { room: "r".to_owned(), viewers: 7 });
        let told: Told = serde_json::from_str(&text).unwrap();
        assert!(told.by == "me" && matches!(told.word, Word::Count { viewers: 7, .. }), "{text}");
    }
}
