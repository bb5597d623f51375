//! What rooms show of broadcasts, and from where they play.

use serde_json::json;

use super::super::model::Row;
use super::super::playing::{self, Playing};
use super::super::room_state::{self, RoomState};
use super::super::session::Session;
use super::super::store;
use super::Supervisor;
use crate::store::StoreError;

/// What players were told of each target: its id, whether it is live, and how often it came back.
pub(super) type Told = Vec<(String, bool, u32)>;

impl Supervisor {
    pub(super) async fn tell_room(&self, row: &Row) {
        if let Some(key) = &row.room_key {
            self.tell_state(key).await;
        }
    }

    async fn tell_state(&self, key: &str) {
        match self.room_state(key).await {
            Ok(state) => {
                let mut told = json!(state);
                told["id"] = json!(key);
                self.0.news.tell("room", told);
            }
            Err(error) => tracing::error!(room = key, %error, "a room's state could not be read"),
        }
    }

    /// Tells a room what changed about the targets of its broadcast since `told`.
    pub(super) async fn tell_playback(&self, row: &Row, told: &mut Option<Told>) {
        let Some(session) = self.session(&row.id).filter(|_| row.room_key.is_some()) else { return };
        let targets = session.view().targets.into_iter();
        let now = Some(targets.map(|target| (target.id, target.state == "live", target.reconnects)).collect());
        if *told != now {
            *told = now;
            self.tell_room(row).await;
        }
    }

    /// What a room shows now.
    pub async fn room_state(&self, key: &str) -> Result<RoomState, StoreError> {
        let row = store::of_room(&self.0.store, key).await?;
        let playing = match &row {
            Some(row) => playing::of(&self.0.store, row, self.targets_of(&row.id)).await?,
            None => None,
        };
        Ok(room_state::of(row.as_ref(), playing, crate::moment::now_ms()))
    }

    /// What a room plays from now, if anything.
    pub async fn room_playing(&self, key: &str) -> Result<Option<Playing>, StoreError> {
        let Some(row) = store::of_room(&self.0.store, key).await? else { return Ok(None) };
        playing::of(&self.0.store, &row, self.targets_of(&row.id)).await
    }

    /// Follows a change of a room's settings. Where it `turns_out` those who watch, they are cut at once, here and at the origins, and come
    /// back if they may: no origin can drop one viewer and keep the other.
    pub async fn room_changed(&self, key: &str, turns_out: bool) -> Result<(), StoreError> {
        if turns_out {
            self.0.news.tell("room", json!({ "id": key, "door": true }));
        }
        let Some(row) = store::of_room(&self.0.store, key).await?.filter(|row| row.ended_ms.is_none()) else {
            // Its title may be another.
            self.tell_state(key).await;
            return Ok(());
        };
        if turns_out {
            self.close_doors(&row.id).await?;
        }
        self.tell_room(&row).await;
        Ok(())
    }

    /// Ends the pushes of a broadcast to origins and begins them anew.
    pub(super) async fn restart_origins(&self, broadcast_id: &str) -> Result<(), StoreError> {
        let Some(session) = self.session(broadcast_id) else { return Ok(()) };
        {
            let _turn = session.turn().await;
            for target_id in store::targets_at_origins(&self.0.store, broadcast_id).await? {
                session.remove_target(&target_id).await;
            }
        }
        self.sync(broadcast_id).await
    }

    /// The session that a room plays.
    pub async fn room_session(&self, key: &str) -> Result<Option<Session>, StoreError> {
        let row = store::of_room(&self.0.store, key).await?;
        Ok(row.filter(|row| row.ended_ms.is_none()).and_then(|row| self.session(&row.id)))
    }
}
