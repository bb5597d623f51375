//! Rooms as their pages show them.

use crate::app::App;
use crate::broadcast::room_state::RoomPhase;
use crate::room::Room;
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

/// Rooms for everybody with something on the air or announced, the newest first.
pub(super) async fn on_air(app: &App) -> Result<Vec<RoomNow>, StoreError> {
    let sql = "SELECT rooms.key, rooms.title, rooms.description FROM broadcasts JOIN rooms ON rooms.key = broadcasts.room_key \
               WHERE broadcasts.ended_ms IS NULL AND rooms.visibility = 'public' ORDER BY broadcasts.id DESC LIMIT $1";
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

/// What is going on in a room.
pub(super) async fn now(app: &App, room: Room) -> Result<RoomNow, StoreError> {
    let state = app.supervisor.room_state(&room.key).await?.state;
    Ok(RoomNow { key: room.key, title: room.title, description: room.description, state })
}
