//! Writes down who was there: what rooms have to say is gathered and written every few seconds, all of it together.

use std::sync::PoisonError;

use super::Comments;
use super::hub::Hub;
use super::presence::{Session, Tally};
use super::session_store as store;
use crate::moment::now_ms;
use crate::store::StoreError;

/// Sessions that wait to be written while the database is away; the oldest go beyond it.
const WAITING: usize = 50_000;
/// Sessions of one transaction, so that others get to write in between.
const TOGETHER: usize = 400;

/// What is still to be written.
#[derive(Default)]
pub(super) struct Ledger {
    new: Vec<(String, Session)>,
    over: Vec<Session>,
    counts: Vec<Count>,
}

struct Count {
    room_id: String,
    at_ms: i64,
    viewers: u64,
    tally: Tally,
}

impl Ledger {
    /// Takes in what a room has to say; `end`: nobody is there any more.
    pub(super) fn gather(&mut self, hub: &Hub, end: bool) {
        let mut presence = hub.presence.lock().unwrap_or_else(PoisonError::into_inner);
        presence.sweep(now_ms(), end);
        let ledger = presence.ledger();
        drop(presence);
        self.new.extend(ledger.new.into_iter().map(|session| (hub.room_id.clone(), session)));
        self.over.extend(ledger.over);
        let most = |len: usize| len.saturating_sub(WAITING);
        if self.new.len() > WAITING || self.over.len() > WAITING {
            tracing::error!("the database is away for too long; who was there is partly forgotten");
            self.new.drain(..most(self.new.len()));
            self.over.drain(..most(self.over.len()));
        }
    }

    /// Takes in the count of a room, where there is something to count.
    pub(super) fn count(&mut self, hub: &Hub) {
        let mut presence = hub.presence.lock().unwrap_or_else(PoisonError::into_inner);
        let (viewers, tally) = (presence.count(), presence.tally());
        drop(presence);
        if (viewers > 0 || tally != Tally::default()) && self.counts.len() < WAITING {
            self.counts.push(Count { room_id: hub.room_id.clone(), at_ms: now_ms(), viewers, tally });
        }
    }

    /// Writes what there is; what cannot be written stays for the next time.
    pub(super) async fn write(&mut self, comments: &Comments) -> Result<(), StoreError> {
        let (database, run_id) = (&comments.0.store, &*comments.0.across.run_id);
        while !self.new.is_empty() {
            let some = &self.new[..self.new.len().min(TOGETHER)];
            let mut tx = database.begin().await?;
            store::begin(&mut tx, run_id, some, now_ms()).await?;
            tx.commit().await?;
            self.new.drain(..self.new.len().min(TOGETHER));
        }
        while !self.over.is_empty() || !self.counts.is_empty() {
            let (over, counts) = (self.over.len().min(TOGETHER), self.counts.len().min(TOGETHER));
            let mut tx = database.begin().await?;
            for session in &self.over[..over] {
                store::end(&mut tx, session).await?;
            }
            for count in &self.counts[..counts] {
                store::count(&mut tx, &count.room_id, run_id, count.viewers, count.tally, count.at_ms).await?;
            }
            tx.commit().await?;
            self.over.drain(..over);
            self.counts.drain(..counts);
        }
        Ok(())
    }
}
