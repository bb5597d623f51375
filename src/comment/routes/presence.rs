//! Who is in a room, how many were, and the rooms that somebody moderates.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::gate::InRoom;
use super::super::may;
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, Permission, perm};
use crate::app::App;
use crate::broadcast::room_state::RoomPhase;
use crate::http::{Answer, Json, List, Page, Problem, Query};
use crate::moment::{now_ms, rfc3339};
use crate::room;
use crate::store::args;

/// People of one answer.
const HERE: i64 = 5000;
/// Lines of one answer: a day by the minute.
const LINES: i64 = 1440;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Somebody who is in a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Present {
    /// What they are known by in this room's comments.
    viewer: String,
    /// Their name, if they said it.
    name: Option<String>,
    #[schema(format = DateTime)]
    since: String,
    /// Where from, for those who may see that.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

/// Who is in a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PresentView {
    /// At most 5000, those who came last first.
    items: Vec<Present>,
    /// How many are here.
    viewers: u64,
    /// The most that were here at a time within the last day.
    peak: u64,
    /// How many came within the last day.
    joined: u64,
    /// How many went.
    parted: u64,
}

/// Who is here, who came and went, and the most at a time.
#[utoipa::path(
    get, path = "/rooms/{key}/viewers", tag = "comment", params(("key" = String, Path)),
    responses((status = 200, body = PresentView), (status = 404, body = Problem))
)]
pub(crate) async fn viewers(here: InRoom<perm::RoomModerate>, State(app): State<App>) -> Answer<Json<PresentView>> {
    let shows_address = may(&app.store, &here.caller, &here.room, Permission::RoomAddress).await?;
    // From the table and not from this process: people may be at others.
    let sql = "SELECT s.handle, v.name, s.began_ms, s.address FROM viewer_sessions s LEFT JOIN viewers v ON v.id = s.viewer_id \
               WHERE s.room_id = $1 AND s.ended_ms IS NULL ORDER BY s.began_ms DESC LIMIT $2";
    let rows: Vec<(String, Option<String>, i64, Option<String>)> = app.store.all(sql, args![&here.room.id, HERE]).await?;
    let sql = "SELECT CAST(COALESCE(MAX(peak), 0) AS BIGINT), CAST(COALESCE(SUM(joined), 0) AS BIGINT), \
               CAST(COALESCE(SUM(parted), 0) AS BIGINT) FROM room_presence WHERE room_id = $1 AND at_ms > $2";
    let (peak, joined, parted): (i64, i64, i64) = app.store.one(sql, args![&here.room.id, now_ms() - DAY_MS]).await?;
    let viewers = match app.comments.count(&here.room.id) {
        Some(count) => count,
        None => rows.len() as u64,
    };
    let present = |(viewer, name, since_ms, address): (String, Option<String>, i64, Option<String>)| Present {
        viewer,
        name,
        since: rfc3339(since_ms),
        address: address.filter(|_| shows_address),
    };
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(Json(PresentView {
        items: rows.into_iter().map(present).collect(),
        viewers,
        peak: number(peak).max(viewers),
        joined: number(joined),
        parted: number(parted),
    }))
}

/// A time span.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// Hours back from now, 1 to 720 (24).
    hours: Option<i64>,
}

/// A minute in a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MinuteView {
    #[schema(format = DateTime)]
    at: String,
    viewers: i64,
    /// The most at a time.
    peak: i64,
    joined: i64,
    parted: i64,
}

/// How many were in a room, minute by minute, the newest last: at most 1440 minutes with somebody in it. What several processes counted is summed.
#[utoipa::path(
    get, path = "/rooms/{key}/presence", tag = "comment", params(("key" = String, Path), Span),
    responses((status = 200, body = List<MinuteView>), (status = 404, body = Problem))
)]
pub(crate) async fn history(
    here: InRoom<(perm::RoomModerate, perm::RoomExport)>,
    State(app): State<App>,
    Query(span): Query<Span>,
) -> Answer<Json<List<MinuteView>>> {
    let from_ms = now_ms() - span.hours.unwrap_or(24).clamp(1, 720) * 3600 * 1000;
    let sql = "SELECT at_ms / 60000 AS minute, CAST(SUM(viewers) AS BIGINT), CAST(SUM(peak) AS BIGINT), CAST(SUM(joined) AS BIGINT), \
               CAST(SUM(parted) AS BIGINT) FROM room_presence WHERE room_id = $1 AND at_ms > $2 GROUP BY at_ms / 60000 \
               ORDER BY minute DESC LIMIT $3";
    let mut rows: Vec<(i64, i64, i64, i64, i64)> = app.store.all(sql, args![&here.room.id, from_ms, LINES]).await?;
    rows.reverse();
    let view = |(minute, viewers, peak, joined, parted)| MinuteView { at: rfc3339(minute * 60_000), viewers, peak, joined, parted };
    Ok(Json(List::whole(rows.into_iter().map(view).collect())))
}

/// A room that somebody moderates.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModeratedView {
    key: String,
    title: String,
    /// What the room shows.
    phase: RoomPhase,
    /// Comments that wait for a moderator.
    waiting: i64,
    /// How many are there.
    viewers: u64,
}

/// The rooms that the caller may moderate, by their age.
#[utoipa::path(get, path = "/moderation", tag = "comment", params(Page), responses((status = 200, body = List<ModeratedView>)))]
pub(crate) async fn overview(
    caller: Allowed<InSomeRoom<perm::RoomModerate>>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<ModeratedView>>> {
    // Where nobody of a room is at this process, those are counted who were written down elsewhere.
    let sql = "SELECT r.id, r.key, r.title, CAST((SELECT COUNT(*) FROM comments c WHERE c.thread_id = COALESCE(t.shares, r.id) \
               AND c.state = 'held') AS BIGINT), CAST((SELECT COUNT(*) FROM viewer_sessions s WHERE s.room_id = r.id AND s.ended_ms IS NULL) \
               AS BIGINT) FROM rooms r LEFT JOIN threads t ON t.room_id = r.id WHERE r.id > $1 ORDER BY r.id LIMIT $2";
    let rows: Vec<(String, String, String, i64, i64)> = app.store.all(sql, args![page.after(), page.rows()]).await?;
    let rooms: List<(String, String, String, i64, i64)> = page.list(rows, |(id, ..)| id.clone(), |row| row);
    let mut items = Vec::with_capacity(rooms.items.len());
    for (id, key, title, waiting, written_down) in rooms.items {
        let Some(room) = room::find(&app.store, &key).await? else { continue };
        if may(&app.store, &caller, &room, Permission::RoomModerate).await? {
            let phase = app.supervisor.room_state(&key).await?.state;
            let viewers = app.comments.count(&id).unwrap_or_else(|| u64::try_from(written_down).unwrap_or(0));
            items.push(ModeratedView { key, title, phase, waiting, viewers });
        }
    }
    Ok(Json(List { items, next: rooms.next }))
}
