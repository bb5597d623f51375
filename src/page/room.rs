//! Rooms as their pages show them.

use crate::app::App;
use crate::broadcast::room_state::RoomPhase;
use crate::store::{StoreError, args};

/// Rooms on the front page; more would be no front page.
const ON_FRONT: i64 = 60;

/// A room and what is going on in it.
#[derive(Clone, Debug)]
pub(super) struct RoomNow {
    pub(super) key: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) state: RoomPhase,
}

#[derive(sqlx::FromRow)]
struct Row {
    key: String,
    title: String,
    description: String,
}

/// Rooms with something on the air or announced, the newest first.
pub(super) async fn on_air(app: &App) -> Result<Vec<RoomNow>, StoreError> {
    let sql = "SELECT rooms.key, rooms.title, rooms.description FROM broadcasts JOIN rooms ON rooms.key = broadcasts.room_key \
               WHERE broadcasts.ended_ms IS NULL ORDER BY broadcasts.id DESC LIMIT $1";
    let rows: Vec<Row> = app.store.all(sql, args![ON_FRONT]).await?;
    let mut rooms = Vec::with_capacity(rows.len());
    for Row { key, title, description } in rows {
        let state = app.supervisor.room_state(&key).await?.state;
        if !matches!(state, RoomPhase::None | RoomPhase::Over) {
            rooms.push(RoomNow { key, title, description, state });
        }
    }
    Ok(rooms)
}

/// The room with this key.
pub(super) async fn find(app: &App, key: &str) -> Result<Option<RoomNow>, StoreError> {
    let Some(room) = crate::room::find(&app.store, key).await? else { return Ok(None) };
    let state = app.supervisor.room_state(key).await?.state;
    Ok(Some(RoomNow { key: room.key, title: room.title, description: room.description, state }))
}
