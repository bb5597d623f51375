//! What was said and who was there, as tables for spreadsheets: read and sent page by page, however long they are.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::super::gate::InRoom;
use super::super::may;
use super::super::presence::covered_ms;
use crate::account::{Permission, perm};
use crate::app::App;
use crate::http::{Answer, Problem};
use crate::moment::{now_ms, rfc3339};
use crate::room::csv;
use crate::store::{Store, StoreError, args};

/// Rows that are read at a time.
const ROWS: usize = 500;

/// What was written in a room, the oldest first, with how long its writer was in the room. Who may not moderate gets what everybody sees.
#[utoipa::path(
    get, path = "/rooms/{key}/comments.csv", tag = "comment", params(("key" = String, Path)),
    responses((status = 200, content_type = "text/csv"), (status = 404, body = Problem))
)]
pub(crate) async fn comments(here: InRoom<perm::RoomExport>, State(app): State<App>) -> Answer<Response> {
    let moderates = may(&app.store, &here.caller, &here.room, Permission::RoomModerate).await?;
    let addresses = may(&app.store, &here.caller, &here.room, Permission::RoomAddress).await?;
    let thread_id = app.comments.thread_of(&here.room.id).await?;
    let table = Comments { store: app.store.clone(), room_id: here.room.id.clone(), thread_id, moderates, addresses };
    let mut head = vec!["at", "name", "text", "state", "host", "reply_to", "pinned", "viewer", "phone", "watched_s", "id"];
    head.extend(addresses.then_some("address"));
    Ok(answer(&here.room.key, "comments", &head, String::new(), move |after| {
        let table = table.clone();
        async move { table.page(after).await }
    }))
}

/// Who was in a room and when, by person: for each their sessions with begin, end and length. What one person watched in two windows at a time
/// counts twice here and once in `attendance_s`.
#[utoipa::path(
    get, path = "/rooms/{key}/sessions.csv", tag = "comment", params(("key" = String, Path)),
    responses((status = 200, content_type = "text/csv"), (status = 404, body = Problem))
)]
pub(crate) async fn sessions(here: InRoom<perm::RoomExport>, State(app): State<App>) -> Answer<Response> {
    let addresses = may(&app.store, &here.caller, &here.room, Permission::RoomAddress).await?;
    let (store, room_id) = (app.store.clone(), here.room.id.clone());
    let mut head = vec!["viewer", "name", "phone", "began_at", "ended_at", "seconds", "attendance_s"];
    head.extend(addresses.then_some("address"));
    let first = (String::new(), i64::MIN, String::new());
    Ok(answer(&here.room.key, "sessions", &head, first, move |after| {
        let (store, room_id) = (store.clone(), room_id.clone());
        async move { session_page(&store, &room_id, after, addresses).await }
    }))
}

/// A table: its head, then page by page what `read` gives for the place that it gave before. Where reading fails the answer breaks off, so that
/// nobody takes half a table for the whole.
fn answer<K, F>(key: &str, what: &str, head: &[&str], first: K, read: impl Fn(K) -> F + Send + 'static) -> Response
where
    K: Send + 'static,
    F: Future<Output = Result<(String, Option<K>), StoreError>> + Send,
{
    let begin = format!("{}{}", csv::BEGIN, csv::line(head.iter().copied()));
    let begin: Result<Bytes, StoreError> = Ok(Bytes::from(begin));
    let pages = stream::try_unfold((Some(first), read), |(next, read)| async move {
        let Some(place) = next else { return Ok(None) };
        let (text, next) = read(place).await.inspect_err(|error| tracing::error!(%error, "an export broke off"))?;
        Ok(Some((Bytes::from(text), (next, read))))
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(stream::iter([begin]), pages));
    // A key has letters, digits and `-` only.
    let name =
        HeaderValue::try_from(format!("attachment; filename=\"{key}-{what}.csv\"")).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response()
}

#[derive(Clone)]
struct Comments {
    store: Store,
    room_id: String,
    thread_id: String,
    moderates: bool,
    addresses: bool,
}

#[derive(sqlx::FromRow)]
struct CommentRow {
    id: String,
    at_ms: i64,
    name: String,
    text: String,
    state: String,
    host: i64,
    pinned: i64,
    reply_to: Option<String>,
    handle: String,
    viewer_id: String,
    address: Option<String>,
    phone: Option<String>,
}

impl Comments {
    async fn page(&self, after: String) -> Result<(String, Option<String>), StoreError> {
        let sql = "SELECT c.id, c.at_ms, c.name, c.text, c.state, c.host, c.pinned, c.reply_to, c.handle, c.viewer_id, c.address, v.phone \
                   FROM comments c LEFT JOIN viewers v ON v.id = c.viewer_id WHERE c.thread_id = $1 AND c.id > $2 AND c.state <> 'gone' \
                   AND (c.state = 'shown' OR CAST($3 AS BIGINT) = 1) ORDER BY c.id LIMIT $4";
        let limit = i64::try_from(ROWS).unwrap_or(i64::MAX);
        let rows: Vec<CommentRow> = self.store.all(sql, args![&self.thread_id, &after, self.moderates, limit]).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok((String::new(), None)) };
        let watched = self.watched(&first.id, &last.id).await?;
        let next = (rows.len() == ROWS).then(|| last.id.clone());
        let mut text = String::new();
        for row in &rows {
            let at = rfc3339(row.at_ms);
            let watched_s = (watched.get(&row.viewer_id).copied().unwrap_or(0) / 1000).to_string();
            let state = if row.state == "quiet" { "rejected" } else { &row.state };
            let flag = |flag: i64| if flag == 1 { "yes" } else { "" };
            let mut cells = vec![&*at, &row.name, &row.text, state, flag(row.host), row.reply_to.as_deref().unwrap_or_default()];
            cells.extend([flag(row.pinned), &row.handle, row.phone.as_deref().unwrap_or_default(), &watched_s, &row.id]);
            cells.extend(self.addresses.then(|| row.address.as_deref().unwrap_or_default()));
            text.push_str(&csv::line(cells));
        }
        Ok((text, next))
    }

    /// How long the writers of these comments were in the room, in milliseconds.
    async fn watched(&self, first: &str, last: &str) -> Result<HashMap<String, i64>, StoreError> {
        let sql = "SELECT s.viewer_id, s.began_ms, s.ended_ms FROM viewer_sessions s WHERE s.room_id = $1 AND s.viewer_id IN \
                   (SELECT c.viewer_id FROM comments c WHERE c.thread_id = $2 AND c.id >= $3 AND c.id <= $4) ORDER BY s.viewer_id, s.began_ms";
        let rows: Vec<(String, i64, Option<i64>)> = self.store.all(sql, args![&self.room_id, &self.thread_id, first, last]).await?;
        let now_ms = now_ms();
        let mut times: HashMap<String, Vec<(i64, i64)>> = HashMap::new();
        for (viewer_id, began_ms, ended_ms) in rows {
            times.entry(viewer_id).or_default().push((began_ms, ended_ms.unwrap_or(now_ms)));
        }
        Ok(times.into_iter().map(|(viewer_id, times)| (viewer_id, covered_ms(times))).collect())
    }
}

/// Where a page of sessions begins: after this viewer's session that began then, with this id.
type After = (String, i64, String);

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: String,
    viewer_id: String,
    handle: String,
    began_ms: i64,
    ended_ms: Option<i64>,
    address: Option<String>,
    name: Option<String>,
    phone: Option<String>,
}

async fn session_page(store: &Store, room_id: &str, after: After, addresses: bool) -> Result<(String, Option<After>), StoreError> {
    let sql = "SELECT s.id, s.viewer_id, s.handle, s.began_ms, s.ended_ms, s.address, v.name, v.phone FROM viewer_sessions s \
               LEFT JOIN viewers v ON v.id = s.viewer_id WHERE s.room_id = $1 AND (s.viewer_id > $2 OR (s.viewer_id = $2 AND \
               (s.began_ms > $3 OR (s.began_ms = $3 AND s.id > $4)))) ORDER BY s.viewer_id, s.began_ms, s.id LIMIT $5";
    let limit = i64::try_from(ROWS).unwrap_or(i64::MAX);
    let rows: Vec<SessionRow> = store.all(sql, args![room_id, &after.0, after.1, &after.2, limit]).await?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok((String::new(), None)) };
    let sql = "SELECT viewer_id, began_ms, ended_ms FROM viewer_sessions WHERE room_id = $1 AND viewer_id >= $2 AND viewer_id <= $3 \
               ORDER BY viewer_id, began_ms";
    let all: Vec<(String, i64, Option<i64>)> = store.all(sql, args![room_id, &first.viewer_id, &last.viewer_id]).await?;
    let now_ms = now_ms();
    let mut times: HashMap<String, Vec<(i64, i64)>> = HashMap::new();
    for (viewer_id, began_ms, ended_ms) in all {
        times.entry(viewer_id).or_default().push((began_ms, ended_ms.unwrap_or(now_ms)));
    }
    let next = (rows.len() == ROWS).then(|| (last.viewer_id.clone(), last.began_ms, last.id.clone()));
    let mut text = String::new();
    for row in &rows {
        let (began, ended) = (rfc3339(row.began_ms), row.ended_ms.map(rfc3339).unwrap_or_default());
        let seconds = ((row.ended_ms.unwrap_or(now_ms) - row.began_ms) / 1000).to_string();
        let attendance = (covered_ms(times.get(&row.viewer_id).into_iter().flatten().copied()) / 1000).to_string();
        let (name, phone) = (row.name.as_deref().unwrap_or_default(), row.phone.as_deref().unwrap_or_default());
        let mut cells = vec![&*row.handle, name, phone, &began, &ended, &seconds, &attendance];
        cells.extend(addresses.then(|| row.address.as_deref().unwrap_or_default()));
        text.push_str(&csv::line(cells));
    }
    Ok((text, next))
}
