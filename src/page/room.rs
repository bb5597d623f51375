//! Rooms as their pages show them.

use crate::app::App;
use crate::store::{StoreError, args};

/// Rooms on the front page; more would be no front page.
const ON_FRONT: i64 = 60;

/// A room and what is going on in it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct RoomNow {
    pub(super) key: String,
    pub(super) title: String,
    pub(super) description: String,
    phase: Option<String>,
    paused: i64,
}

impl RoomNow {
    /// As the room's event stream says it: `none`, `announced`, `live`, `interrupted`, `paused`. That it is over, the stream tells.
    pub(super) fn state(&self) -> &'static str {
        match self.phase.as_deref() {
            Some("live") if self.paused == 1 => "paused",
            Some("live") => "live",
            Some("interrupted") => "interrupted",
            Some("waiting" | "joining") => "announced",
            _ => "none",
        }
    }
}

/// Rooms with something on the air or announced, the newest first.
pub(super) async fn on_air(app: &App) -> Result<Vec<RoomNow>, StoreError> {
    let sql = "SELECT rooms.key, rooms.title, rooms.description, broadcasts.phase, broadcasts.paused FROM broadcasts \
               JOIN rooms ON rooms.key = broadcasts.room_key \
               WHERE broadcasts.ended_ms IS NULL AND broadcasts.phase IN ('waiting', 'joining', 'live', 'interrupted') \
               ORDER BY broadcasts.id DESC LIMIT $1";
    app.store.all(sql, args![ON_FRONT]).await
}

/// The room with this key.
pub(super) async fn find(app: &App, key: &str) -> Result<Option<RoomNow>, StoreError> {
    let sql = "SELECT rooms.key, rooms.title, rooms.description, broadcasts.phase, COALESCE(broadcasts.paused, 0) AS paused FROM rooms \
               LEFT JOIN broadcasts ON broadcasts.room_key = rooms.key AND broadcasts.ended_ms IS NULL \
               WHERE rooms.key = $1";
    app.store.optional(sql, args![key]).await
}
