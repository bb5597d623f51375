//! Comments and threads in the database.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::row::{Quote, Row, State};
use super::rules::Rules;
use crate::store::{Arg, Store, StoreError, Transaction, args};

/// A comment is read with what it answers to, as long as everybody may see that.
const SELECT: &str = "SELECT c.id, c.seq, c.shown_seq, c.changed_seq, c.state, c.viewer_id, c.handle, c.name, c.text, c.at_ms, c.pinned, c.host, \
     c.reactions, q.id AS quote_id, q.name AS quote_name, q.text AS quote_text \
     FROM comments c LEFT JOIN comments q ON q.id = c.reply_to AND q.state = 'shown' ";

#[derive(sqlx::FromRow)]
struct Kept {
    id: String,
    seq: i64,
    shown_seq: Option<i64>,
    changed_seq: i64,
    state: String,
    viewer_id: String,
    handle: String,
    name: String,
    text: String,
    at_ms: i64,
    pinned: i64,
    host: i64,
    reactions: String,
    quote_id: Option<String>,
    quote_name: Option<String>,
    quote_text: Option<String>,
}

impl From<Kept> for Row {
    fn from(kept: Kept) -> Self {
        let quote = match (kept.quote_id, kept.quote_name, kept.quote_text) {
            (Some(id), Some(name), Some(text)) => Some(Quote { id, name, text }),
            _ => None,
        };
        Self {
            id: kept.id,
            seq: kept.seq,
            shown_seq: kept.shown_seq,
            changed_seq: kept.changed_seq,
            state: State::of_word(&kept.state),
            viewer_id: kept.viewer_id.parse().unwrap_or(Uuid::nil()),
            handle: kept.handle,
            name: kept.name,
            text: kept.text,
            at_ms: kept.at_ms,
            quote,
            pinned: kept.pinned == 1,
            host: kept.host == 1,
            reactions: kept.reactions,
            base: OnceLock::new(),
        }
    }
}

fn rows(kept: Vec<Kept>) -> Vec<Arc<Row>> {
    kept.into_iter().map(|kept| Arc::new(kept.into())).collect()
}

/// A thread as it is kept.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct KeptThread {
    pub(super) shares: Option<String>,
    pub(super) seq: i64,
    pub(super) floor_seq: i64,
    rules: String,
}

impl KeptThread {
    /// Its rules; what a later version wrote and this one cannot read closes the thread.
    pub(super) fn rules(&self) -> Rules {
        serde_json::from_str(&self.rules).unwrap_or_else(|error| {
            tracing::error!(%error, "the rules of a thread cannot be read; it is closed");
            Rules { mode: super::rules::Mode::Closed, ..Rules::default() }
        })
    }
}

/// The thread of a room, made where it had none.
pub(super) async fn thread(store: &Store, room_id: &str) -> Result<KeptThread, StoreError> {
    let find = "SELECT shares, seq, floor_seq, rules FROM threads WHERE room_id = $1";
    if let Some(kept) = store.optional(find, args![room_id]).await? {
        return Ok(kept);
    }
    let sql = "INSERT INTO threads (room_id, seq, floor_seq, rules) SELECT id, 0, 0, $2 FROM rooms WHERE id = $1 ON CONFLICT DO NOTHING";
    store.run(sql, args![room_id, "{}"]).await?;
    store.one(find, args![room_id]).await
}

/// Keeps rules.
pub(super) async fn keep_rules(tx: &mut Transaction, thread_id: &str, rules: &Rules) -> Result<(), StoreError> {
    let rules = serde_json::to_string(rules).unwrap_or_default();
    tx.run("UPDATE threads SET rules = $2 WHERE room_id = $1", args![thread_id, rules]).await.map(drop)
}

/// A comment of a thread.
pub(super) async fn one(store: &Store, thread_id: &str, id: &str) -> Result<Option<Row>, StoreError> {
    let sql = format!("{SELECT} WHERE c.thread_id = $1 AND c.id = $2");
    Ok(store.optional::<Kept>(AssertSqlSafe(sql), args![thread_id, id]).await?.map(Row::from))
}

/// What changed after `since`, in the order of the changes.
pub(super) async fn changed_after(store: &Store, thread_id: &str, since: i64, limit: u32) -> Result<Vec<Arc<Row>>, StoreError> {
    let sql = format!("{SELECT} WHERE c.thread_id = $1 AND c.changed_seq > $2 ORDER BY c.changed_seq LIMIT $3");
    Ok(rows(store.all(AssertSqlSafe(sql), args![thread_id, since, limit]).await?))
}

/// The last changes, the newest first.
pub(super) async fn last_changed(store: &Store, thread_id: &str, limit: u32) -> Result<Vec<Arc<Row>>, StoreError> {
    let sql = format!("{SELECT} WHERE c.thread_id = $1 ORDER BY c.changed_seq DESC LIMIT $2");
    Ok(rows(store.all(AssertSqlSafe(sql), args![thread_id, limit]).await?))
}

/// Whom a page is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum For {
    /// What everybody sees, and what this viewer wrote.
    Viewer(Uuid),
    /// All that is not gone.
    Moderator,
    /// What waits for a moderator.
    Queue,
    /// What stands so.
    State(State),
}

/// A page of comments, the newest first, all older than `before`.
pub(super) async fn page(store: &Store, thread_id: &str, whom: For, before: Option<&str>, limit: u32) -> Result<Vec<Arc<Row>>, StoreError> {
    let (filter, arg) = match whom {
        For::Viewer(viewer_id) => ("(c.state = 'shown' OR (c.viewer_id = $4 AND c.state <> 'gone'))", viewer_id.to_string()),
        For::Moderator => ("c.state <> $4", State::Gone.word().to_owned()),
        // The word stands in the text, too, so that the index of what waits is used.
        For::Queue => ("c.state = 'held' AND c.state = $4", State::Held.word().to_owned()),
        For::State(state) => ("c.state = $4", state.word().to_owned()),
    };
    let sql = format!("{SELECT} WHERE c.thread_id = $1 AND c.id < $2 AND {filter} ORDER BY c.id DESC LIMIT $3");
    // Beyond every id: they are hexadecimal.
    Ok(rows(store.all(AssertSqlSafe(sql), args![thread_id, before.unwrap_or("g"), limit, arg]).await?))
}

/// What is pinned, the oldest first.
pub(super) async fn pinned(store: &Store, thread_id: &str, limit: u32) -> Result<Vec<Arc<Row>>, StoreError> {
    let sql = format!("{SELECT} WHERE c.thread_id = $1 AND c.pinned = 1 AND c.state = 'shown' ORDER BY c.id LIMIT $2");
    Ok(rows(store.all(AssertSqlSafe(sql), args![thread_id, limit]).await?))
}

/// With which emoji a viewer has answered the comments from one to another.
pub(super) async fn mine(store: &Store, viewer_id: Uuid, from: &str, to: &str) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT comment_id, emoji FROM comment_reactions WHERE comment_id >= $2 AND comment_id <= $3 AND viewer_id = $1 \
               ORDER BY comment_id, emoji";
    store.all(sql, args![viewer_id.to_string(), from, to]).await
}

/// The comments of a thread with these ids, inside a transaction.
pub(super) async fn of_ids(tx: &mut Transaction, thread_id: &str, ids: &[&str]) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::new();
    for some in ids.chunks(LIST) {
        let sql = format!("{SELECT} WHERE c.thread_id = $1 AND c.id IN ({})", placeholders(2, size(some.len())));
        let kept: Vec<Kept> = tx.all(AssertSqlSafe(sql), list(thread_id, some)).await?;
        found.extend(kept.into_iter().map(Row::from));
    }
    Ok(found)
}

/// Which of these references are kept already: viewer, reference, id, state.
pub(super) async fn known(
    tx: &mut Transaction,
    thread_id: &str,
    refs: &[&str],
) -> Result<Vec<(String, String, String, String)>, StoreError> {
    let mut found = Vec::new();
    for some in refs.chunks(LIST) {
        let sql = format!(
            "SELECT viewer_id, ref, id, state FROM comments WHERE thread_id = $1 AND ref IN ({})",
            placeholders(2, size(some.len()))
        );
        found.extend(tx.all(AssertSqlSafe(sql), list(thread_id, some)).await?);
    }
    Ok(found)
}

/// What a viewer wrote under this reference, if it is kept.
pub(super) async fn kept(store: &Store, thread_id: &str, viewer_id: Uuid, reference: &str) -> Result<Option<(String, State)>, StoreError> {
    let sql = "SELECT id, state FROM comments WHERE thread_id = $1 AND viewer_id = $2 AND ref = $3";
    let found: Option<(String, String)> = store.optional(sql, args![thread_id, viewer_id.to_string(), reference]).await?;
    Ok(found.map(|(id, state)| (id, State::of_word(&state))))
}

/// Longest list in a statement. Lists are filled up to a few sizes, so that databases see few statements.
const LIST: usize = 64;

fn size(count: usize) -> usize {
    [1, 8, LIST].into_iter().find(|size| count <= *size).unwrap_or(LIST)
}

fn list(first: &str, texts: &[&str]) -> Vec<Arg> {
    let last = texts.last().copied().unwrap_or_default();
    let filled = texts.iter().copied().chain(std::iter::repeat(last)).take(size(texts.len()));
    std::iter::once(first).chain(filled).map(Arg::from).collect()
}

pub(super) fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).fold(String::new(), |mut text, number| {
        let comma = if number == first { "" } else { ", " };
        let _ = write!(text, "{comma}${number}");
        text
    })
}

/// What is kept of a new comment besides what its [`Row`] tells.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    pub(super) room_id: String,
    pub(super) reference: String,
    pub(super) reply_to: Option<String>,
    pub(super) address: Option<String>,
}

const COLUMNS: usize = 18;
/// Rows of one INSERT.
const INSERTS: usize = 16;

/// Keeps new comments of a thread.
pub(super) async fn insert(tx: &mut Transaction, thread_id: &str, comments: &[(Row, Beside)]) -> Result<(), StoreError> {
    let (full, rest) = comments.as_chunks::<INSERTS>();
    for chunk in full {
        insert_some(tx, thread_id, chunk).await?;
    }
    for one in rest {
        insert_some(tx, thread_id, std::slice::from_ref(one)).await?;
    }
    Ok(())
}

async fn insert_some(tx: &mut Transaction, thread_id: &str, comments: &[(Row, Beside)]) -> Result<(), StoreError> {
    let mut sql =
        "INSERT INTO comments (id, thread_id, room_id, seq, shown_seq, changed_seq, state, viewer_id, handle, ref, name, text, at_ms, \
                   reply_to, pinned, host, reactions, address) VALUES "
            .to_owned();
    let mut args = Vec::with_capacity(comments.len() * COLUMNS);
    for (index, (row, beside)) in comments.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}({})", placeholders(index * COLUMNS + 1, COLUMNS));
        args.extend(args![
            &row.id,
            thread_id,
            &beside.room_id,
            row.seq,
            row.shown_seq,
            row.changed_seq,
            row.state.word(),
            row.viewer_id.to_string(),
            &row.handle,
            &beside.reference,
            &row.name,
            &row.text,
            row.at_ms,
            beside.reply_to.clone(),
            row.pinned,
            row.host,
            &row.reactions,
            beside.address.clone(),
        ]);
    }
    tx.run(AssertSqlSafe(sql), args).await.map(drop)
}

/// Keeps what changed about a comment.
pub(super) async fn update(tx: &mut Transaction, row: &Row) -> Result<(), StoreError> {
    let sql = "UPDATE comments SET shown_seq = $2, changed_seq = $3, state = $4, text = $5, pinned = $6, reactions = $7 WHERE id = $1";
    tx.run(sql, args![&row.id, row.shown_seq, row.changed_seq, row.state.word(), &row.text, row.pinned, &row.reactions]).await.map(drop)
}

/// Counts `count` changes in a thread, which holds the thread until the transaction ends; gives the number before them. `None`: no such thread.
pub(super) async fn advance(tx: &mut Transaction, thread_id: &str, count: usize) -> Result<Option<i64>, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let row: Option<(i64,)> =
        tx.optional("UPDATE threads SET seq = seq + $2 WHERE room_id = $1 RETURNING seq", args![thread_id, count]).await?;
    Ok(row.map(|(seq,)| seq - count))
}

/// Takes back what was counted too much.
pub(super) async fn settle(tx: &mut Transaction, thread_id: &str, seq: i64) -> Result<(), StoreError> {
    tx.run("UPDATE threads SET seq = $2 WHERE room_id = $1", args![thread_id, seq]).await.map(drop)
}

/// Gives or takes back a viewer's emoji.
pub(super) async fn react(tx: &mut Transaction, comment_id: &str, viewer_id: Uuid, emoji: &str, on: bool) -> Result<(), StoreError> {
    let sql = if on {
        "INSERT INTO comment_reactions (comment_id, viewer_id, emoji) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM comment_reactions WHERE comment_id = $1 AND viewer_id = $2 AND emoji = $3"
    };
    tx.run(sql, args![comment_id, viewer_id.to_string(), emoji]).await.map(drop)
}

/// How often a comment was answered with which emoji, as JSON.
pub(super) async fn reactions(tx: &mut Transaction, comment_id: &str) -> Result<String, StoreError> {
    let sql = "SELECT emoji, CAST(COUNT(*) AS BIGINT) FROM comment_reactions WHERE comment_id = $1 GROUP BY emoji";
    let counts: Vec<(String, i64)> = tx.all(sql, args![comment_id]).await?;
    Ok(serde_json::to_string(&counts.into_iter().collect::<std::collections::BTreeMap<_, _>>()).unwrap_or_default())
}
