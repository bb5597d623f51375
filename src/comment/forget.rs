//! Forgets somebody: what they wrote, and when and from where they were in rooms.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::Comments;
use super::row::State;
use super::speak::Refused;
use super::writer::{Act, By};
use crate::account::Sight;
use crate::account::scope::{self, Kind};
use crate::store::{StoreError, args};

/// Comments that are deleted at a time.
const AT_ONCE: i64 = 200;

impl Comments {
    /// Viewers with this telephone number, as they said it before a comment, who were in a room of this sight or wrote there; at most 500.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub(crate) async fn viewers_of_phone(&self, phone: &str, sight: &Sight) -> Result<Vec<Uuid>, StoreError> {
        let (wrote, was) = (scope::condition(Kind::Room, "c.room_id", 2), scope::condition(Kind::Room, "s.room_id", 2));
        let sql = format!(
            "SELECT v.id FROM viewers v WHERE v.phone = $1 AND (EXISTS (SELECT 1 FROM comments c WHERE c.viewer_id = v.id AND {wrote}) \
             OR EXISTS (SELECT 1 FROM viewer_sessions s WHERE s.viewer_id = v.id AND {was})) LIMIT 500"
        );
        let found: Vec<(String,)> = self.0.store.all(AssertSqlSafe(sql), sight.after(args![phone])).await?;
        Ok(found.into_iter().filter_map(|(id,)| id.parse().ok()).collect())
    }

    /// Deletes what a viewer wrote in the rooms of a sight, as if they had done so themselves, and their times in them; gives how many
    /// comments that were. Whoever is in a room at the moment stays there, without an address.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub(crate) async fn forget(&self, viewer_id: Uuid, sight: &Sight) -> Result<usize, StoreError> {
        let viewer = viewer_id.to_string();
        let seen = scope::condition(Kind::Room, "room_id", 3);
        let theirs = format!("SELECT id, thread_id FROM comments WHERE viewer_id = $1 AND state <> 'gone' AND {seen} ORDER BY id LIMIT $2");
        let mut deleted = 0;
        loop {
            let found: Vec<(String, String)> =
                self.0.store.all(AssertSqlSafe(theirs.clone()), sight.after(args![&viewer, AT_ONCE])).await?;
            if found.is_empty() {
                break;
            }
            for (id, thread_id) in found {
                match self.act(&thread_id, Act::Move { id, state: State::Gone, by: By::Viewer(viewer_id) }).await {
                    Ok(_) => deleted += 1,
                    // They have just done so themselves.
                    Err(Refused::Because("not_found", _)) => {}
                    Err(_) => return Err(StoreError::Missing),
                }
            }
        }
        let seen = scope::condition(Kind::Room, "room_id", 2);
        let sql = format!("DELETE FROM viewer_sessions WHERE viewer_id = $1 AND ended_ms IS NOT NULL AND {seen}");
        self.0.store.run(AssertSqlSafe(sql), sight.after(args![&viewer])).await?;
        let sql = format!("UPDATE viewer_sessions SET address = NULL WHERE viewer_id = $1 AND {seen}");
        self.0.store.run(AssertSqlSafe(sql), sight.after(args![&viewer])).await?;
        Ok(deleted)
    }
}
