//! Makes what runs here what the database says: takes what is free, lets go of what was lost, follows what other nodes were told.

use std::sync::Weak;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::arm::arm;
use super::super::model::Row;
use super::super::session::{Event, Session};
use super::super::state::Reason;
use super::super::store;
use super::{Inner, Supervisor};
use crate::media::permit::boot_ms;
use crate::node::Held;
use crate::node::store::{self as nodes, Open};
use crate::store::StoreError;
use crate::store::bus::{Heard, Listener};

/// Where nodes wake each other.
pub(super) const CHANNEL: &str = "node";
/// How often it is looked without being woken.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often what lost its permit is looked for: nothing of it goes out meanwhile, it only has to go.
const LOST_EVERY: Duration = Duration::from_millis(100);

/// What nodes tell each other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// A broadcast should be otherwise than it is.
    Changed(String),
    /// Those who watch a broadcast are to be turned out.
    Door(String),
    /// Something is to be said in the meeting's chat of a broadcast.
    Say(String, String),
}

/// Looks until the process ends.
pub(super) async fn follow(inner: Weak<Inner>) {
    let mut looked = tokio::time::Instant::now();
    loop {
        let Some(inner) = inner.upgrade() else { return };
        let supervisor = Supervisor(inner);
        let woken = tokio::time::timeout(LOST_EVERY, supervisor.0.wake.notified()).await.is_ok();
        supervisor.give_up_the_lost().await;
        if woken || looked.elapsed() >= LOOK_EVERY {
            looked = tokio::time::Instant::now();
            match supervisor.look().await {
                Ok(taken) => {
                    for (row, held) in taken {
                        let supervisor = supervisor.clone();
                        supervisor.0.tasks.clone().spawn(async move { supervisor.launch(row, held).await });
                    }
                }
                Err(error) => tracing::debug!(%error, "the broadcasts cannot be looked at"),
            }
        }
    }
}

/// Hears what other nodes say until the process ends.
pub(super) async fn listen(inner: Weak<Inner>, mut listener: Listener) {
    loop {
        let heard = listener.next().await;
        let Some(inner) = inner.upgrade() else { return };
        let supervisor = Supervisor(inner);
        let word = match &heard {
            Heard::Missed => None,
            Heard::Word { payload, .. } => serde_json::from_str(payload).ok(),
        };
        let done = match word {
            Some(Word::Changed(id)) => {
                supervisor.0.wake.notify_one();
                supervisor.sync(&id).await
            }
            Some(Word::Door(id)) => supervisor.turn_out(&id).await,
            Some(Word::Say(id, message)) => {
                if let Some(session) = supervisor.session(&id) {
                    session.say(message).await;
                }
                Ok(())
            }
            None => supervisor.sync_all().await,
        };
        if let Err(error) = done {
            // It is looked at again in a second.
            tracing::warn!(%error, "what another node said could not be done");
        }
    }
}

impl Supervisor {
    /// Tells where a broadcast runs that it should be otherwise.
    pub(in crate::broadcast) async fn changed(&self, id: &str) -> Result<(), StoreError> {
        if self.session(id).is_some() {
            return self.sync(id).await;
        }
        self.tell_nodes(&Word::Changed(id.to_owned())).await
    }

    /// Turns those who watch a broadcast out, where it runs.
    pub(super) async fn close_doors(&self, id: &str) -> Result<(), StoreError> {
        if self.session(id).is_some() {
            return self.turn_out(id).await;
        }
        self.tell_nodes(&Word::Door(id.to_owned())).await
    }

    /// Says something in the meeting's chat, where the broadcast runs.
    pub(super) async fn say_in_meeting(&self, id: &str, message: String) {
        match self.session(id) {
            Some(session) => session.say(message).await,
            None => {
                if let Err(error) = self.tell_nodes(&Word::Say(id.to_owned(), message)).await {
                    tracing::warn!(broadcast = id, %error, "the meeting could not be told");
                }
            }
        }
    }

    async fn tell_nodes(&self, word: &Word) -> Result<(), StoreError> {
        self.0.store.notify(CHANNEL, &serde_json::to_string(word).unwrap_or_default()).await
    }

    async fn turn_out(&self, id: &str) -> Result<(), StoreError> {
        if self.session(id).is_none() {
            return Ok(());
        }
        if let Some(whep) = self.0.whep.get() {
            whep.close(id).await;
        }
        self.restart_origins(id).await
    }

    async fn sync_all(&self) -> Result<(), StoreError> {
        self.0.wake.notify_one();
        for id in self.here() {
            self.sync(&id).await?;
        }
        Ok(())
    }

    /// Makes a running broadcast what its rows say: stopped, paused, with these targets.
    pub(super) async fn sync(&self, id: &str) -> Result<(), StoreError> {
        let Some(session) = self.session(id) else { return Ok(()) };
        let _turn = session.turn().await;
        // Read in one's turn: what is done last is what was written last.
        let Some(row) = store::one(&self.0.store, id).await?.filter(|row| row.ended_ms.is_none()) else { return Ok(()) };
        let Some(held) = self.0.node.held(id).filter(|held| held.epoch == row.epoch) else { return Ok(()) };
        if row.desired == 0 {
            session.stop().await;
            return Ok(());
        }
        session.pause(row.paused == 1).await;
        let targets = store::targets(&self.0.store, id).await?;
        let fed: Vec<String> = session.view().targets.into_iter().map(|target| target.id).collect();
        for gone in fed.iter().filter(|fed| targets.iter().all(|target| target.id != **fed)) {
            session.remove_target(gone).await;
        }
        for target in targets.iter().filter(|target| !fed.contains(&target.id)) {
            match self.0.launcher.open(&self.0.store, target, held.epoch) {
                Ok(mut plan) => {
                    arm(&self.0.store, &self.0.launcher.vault, id, held.epoch, std::slice::from_mut(&mut plan)).await?;
                    session.add_target(plan).await;
                }
                Err(error) => tracing::error!(%error, "a target cannot be fed"),
            }
        }
        Ok(())
    }

    /// Takes down what may not go out any more. The database is not asked: it may be why.
    async fn give_up_the_lost(&self) {
        for id in self.0.node.lost() {
            let Some(session) = self.session(&id).filter(Session::lose) else { continue };
            tracing::warn!(broadcast = id, "its lease is over; it is taken down here");
            metrics::counter!("bluecast_leases_lost_total").increment(1);
            session.drain().await;
        }
    }

    /// Keeps a new broadcast, and puts it on the air where it is to run here; another node is woken.
    pub(in crate::broadcast) async fn begin<E: From<StoreError>>(
        &self,
        row: &Row,
        keep: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        if row.node != self.node() {
            keep.await?;
            return Ok(self.changed(&row.id).await?);
        }
        // Not to be taken by the look that goes on beside this.
        self.0.node.reserve(&row.id);
        let taken = async {
            keep.await?;
            let seen = nodes::one_open(&self.0.store, &row.id).await?;
            let held = match &seen {
                Some(seen) => self.0.node.claim(&seen.standing()).await?,
                None => None,
            };
            Ok(held)
        };
        match taken.await {
            Ok(Some(held)) => self.launch(Row { epoch: held.epoch, ..row.clone() }, held).await,
            Ok(None) => self.0.node.let_go(&row.id),
            Err(error) => {
                self.0.node.let_go(&row.id);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Looks at all broadcasts: takes those that are free, and gives them to be launched; follows what changed on those that run here.
    pub(super) async fn look(&self) -> Result<Vec<(Row, Held)>, StoreError> {
        let mut taken = Vec::new();
        let mut watch = self.0.watch.lock().await;
        let rows = nodes::open(&self.0.store).await?;
        let now_ms = boot_ms();
        let Some(database_ms) = rows.first().map(|row| row.now_ms) else { return Ok(taken) };
        let standings: Vec<_> = rows.iter().map(Open::standing).collect();
        let free = watch.look(self.0.node.me(), now_ms, database_ms, &standings, |id| self.0.node.held(id).is_some());
        for seen in free {
            if self.0.draining.load(std::sync::atomic::Ordering::Acquire) {
                break;
            }
            let Some(row) = store::one(&self.0.store, &seen.id).await? else { continue };
            let lapsed = seen.owner.as_deref() == Some(self.0.node.process());
            let ours = lapsed || seen.node == self.node();
            if row.desired == 1 && !ours && !self.has_room_for(&row) {
                continue;
            }
            let Some(held) = self.0.node.claim(seen).await? else { continue };
            let row = Row { epoch: held.epoch, node: self.node().to_owned(), ..row };
            if row.desired == 0 {
                self.over(&row, Reason::Stopped).await;
                continue;
            }
            if seen.epoch > 0 {
                self.say_taken(&row, lapsed, &seen.node).await;
            }
            taken.push((row, held));
        }
        drop(watch);
        for row in rows.iter().filter(|row| row.owner.as_deref() == Some(self.0.node.process())) {
            let Some(session) = self.session(&row.id) else { continue };
            let standing = session.view().standing;
            if row.desired == 0 || standing.paused != (row.paused == 1) {
                self.sync(&row.id).await?;
            }
        }
        Ok(taken)
    }

    async fn say_taken(&self, row: &Row, lapsed: bool, before: &str) {
        let (code, message) = if lapsed {
            tracing::warn!(broadcast = row.id, "taken up again after the lease was over");
            ("taken_up_again", "The database was away for too long; the broadcast goes on.".to_owned())
        } else if before == self.node() {
            tracing::info!(broadcast = row.id, "taken up again");
            ("resumed_after_restart", "Bluecast was restarted; the broadcast goes on.".to_owned())
        } else {
            tracing::warn!(broadcast = row.id, before, "taken over");
            ("taken_over", format!("The node “{before}” is gone; “{}” goes on with the broadcast.", self.node()))
        };
        self.event(&row.id, &Event { code, message, target_id: None }).await;
    }
}
