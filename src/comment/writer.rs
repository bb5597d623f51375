//! Writes what is said in threads, before it is shown: one task, which commits together what came while the commit before ran.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::across::{Across, Word};
use super::registry::Registry;
use super::row::{Row, State};
use super::store::{self, Beside};
use crate::account::{Caller, activity};
use crate::moment::now_ms;
use crate::store::{Store, StoreError, Transaction};

/// Acts that wait to be written; what comes beyond is told that the server is busy.
const WAITING: usize = 4096;
/// The most acts of one transaction.
const TOGETHER: usize = 256;
/// How long an act waits for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Emoji are gathered for this long: many at once are one change of a comment.
const REACTIONS_EVERY: Duration = Duration::from_millis(250);
/// Emoji that are gathered; more come too fast.
const REACTIONS: usize = 2000;

/// A comment to be kept.
#[derive(Clone, Debug)]
pub(super) struct NewComment {
    pub(super) room_id: String,
    pub(super) reference: String,
    pub(super) viewer_id: Uuid,
    pub(super) handle: String,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) state: State,
    pub(super) host: bool,
    pub(super) reply_to: Option<String>,
    pub(super) address: Option<String>,
}

/// Who acts.
#[derive(Clone, Debug)]
pub(super) enum By {
    /// A viewer, on what is theirs.
    Viewer(Uuid),
    /// A moderator.
    Moderator(Arc<Caller>),
}

/// What is to be done in a thread.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Keeps a comment; the caller is who speaks as host.
    Post(NewComment, Option<Arc<Caller>>),
    /// Puts a comment into another state.
    Move { id: String, state: State, by: By },
    /// Pins or unpins.
    Pin { id: String, pinned: bool, by: By },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) id: String,
    pub(super) state: State,
}

/// Why it was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// There is no such comment, or none that they may do this to.
    #[error("there is no such comment")]
    NotFound,
    /// The database cannot take it now.
    #[error("it could not be written")]
    Busy,
}

struct Job {
    thread_id: String,
    act: Act,
    answer: oneshot::Sender<Result<Done, Failure>>,
}

struct Reaction {
    thread_id: String,
    comment_id: String,
    viewer_id: Uuid,
    emoji: String,
    on: bool,
}

/// What each viewer last said of each emoji.
type Given = HashMap<(Uuid, String), bool>;

/// Where acts are handed in. Clones lead to the same writer.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    reactions: mpsc::Sender<Reaction>,
}

impl Writer {
    /// Starts the writer; it ends when nobody can hand in acts any more.
    pub(super) fn start(store: Store, registry: Registry, across: Across) -> Self {
        let (jobs, received) = mpsc::channel(WAITING);
        let (reactions, reacted) = mpsc::channel(REACTIONS);
        let desk = Desk { store, registry, across };
        tokio::spawn(desk.run(received, reacted));
        Self { jobs, reactions }
    }

    /// Does something in a thread; when this answers `Ok`, it is written.
    pub(super) async fn act(&self, thread_id: &str, act: Act) -> Result<Done, Failure> {
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(Job { thread_id: thread_id.to_owned(), act, answer }).map_err(|_| Failure::Busy)?;
        match tokio::time::timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(done)) => done,
            _ => Err(Failure::Busy),
        }
    }

    /// Answers a comment with an emoji, soon.
    pub(super) fn react(&self, thread_id: &str, comment_id: String, viewer_id: Uuid, emoji: String, on: bool) -> Result<(), Failure> {
        let reaction = Reaction { thread_id: thread_id.to_owned(), comment_id, viewer_id, emoji, on };
        self.reactions.try_send(reaction).map_err(|_| Failure::Busy)
    }
}

struct Desk {
    store: Store,
    registry: Registry,
    across: Across,
}

/// The changes of one thread in a transaction.
struct Changes {
    thread_id: String,
    /// The number before them.
    from: i64,
    /// The number of the last.
    upto: i64,
    rows: Vec<Arc<Row>>,
}

impl Desk {
    async fn run(self, mut jobs: mpsc::Receiver<Job>, mut reactions: mpsc::Receiver<Reaction>) {
        let mut gathered: Vec<Reaction> = Vec::new();
        let mut due = None;
        let mut together = Vec::with_capacity(TOGETHER);
        loop {
            let flush = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                count = jobs.recv_many(&mut together, TOGETHER) => {
                    if count == 0 {
                        return;
                    }
                    self.write(std::mem::take(&mut together)).await;
                }
                Some(reaction) = reactions.recv(), if gathered.len() < REACTIONS => {
                    gathered.push(reaction);
                    due = due.or(Some(Instant::now() + REACTIONS_EVERY));
                }
                () = flush => {
                    due = None;
                    self.write_reactions(std::mem::take(&mut gathered)).await;
                }
            }
        }
    }

    /// All together; where that fails, each alone, so that one spoils nothing for the others.
    async fn write(&self, jobs: Vec<Job>) {
        metrics::histogram!("bluecast_comments_together").record(u32::try_from(jobs.len()).unwrap_or(u32::MAX));
        let acts: Vec<(&str, &Act)> = jobs.iter().map(|job| (&*job.thread_id, &job.act)).collect();
        match self.commit(&acts).await {
            Ok(done) => {
                for (job, done) in jobs.into_iter().zip(done) {
                    let _ = job.answer.send(done);
                }
            }
            Err(error) if jobs.len() == 1 || matches!(error, StoreError::Away(_) | StoreError::Full | StoreError::ReadOnly) => {
                tracing::error!(%error, acts = jobs.len(), "comments could not be written");
                for job in jobs {
                    let _ = job.answer.send(Err(Failure::Busy));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "comments could not be written together; each is tried alone");
                for job in jobs {
                    let done = self.commit(&[(&job.thread_id, &job.act)]).await;
                    let done = done.map_err(|error| tracing::error!(%error, "a comment could not be written"));
                    let _ = job.answer.send(done.ok().and_then(|mut done| done.pop()).unwrap_or(Err(Failure::Busy)));
                }
            }
        }
    }

    async fn commit(&self, acts: &[(&str, &Act)]) -> Result<Vec<Result<Done, Failure>>, StoreError> {
        let mut by_thread: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, (thread_id, _)) in acts.iter().enumerate() {
            by_thread.entry(thread_id).or_default().push(index);
        }
        let mut done = vec![Err(Failure::NotFound); acts.len()];
        let mut all = Vec::with_capacity(by_thread.len());
        let mut tx = self.store.begin().await?;
        // In the order of their ids: two processes that hold several threads do not wait for each other.
        for (thread_id, indexes) in by_thread {
            let Some(from) = store::advance(&mut tx, thread_id, indexes.len()).await? else { continue };
            let mut pass = Pass::new(thread_id, from);
            pass.read(&mut tx, indexes.iter().map(|index| acts[*index].1)).await?;
            for index in &indexes {
                done[*index] = pass.act(&mut tx, acts[*index].1).await?;
            }
            if pass.seq < from + i64::try_from(indexes.len()).unwrap_or(i64::MAX) {
                store::settle(&mut tx, thread_id, pass.seq).await?;
            }
            all.extend(pass.finish(&mut tx).await?);
        }
        for changes in &all {
            let word = Word::Changes { thread: changes.thread_id.clone(), upto: changes.upto };
            self.across.tell_with(&mut tx, word).await?;
        }
        tx.commit().await?;
        for changes in all {
            self.registry.written(&changes.thread_id, changes.from, changes.upto, &changes.rows);
        }
        Ok(done)
    }

    async fn write_reactions(&self, gathered: Vec<Reaction>) {
        // The last word of a viewer about an emoji counts.
        let mut by_thread: BTreeMap<String, BTreeMap<String, Given>> = BTreeMap::new();
        for Reaction { thread_id, comment_id, viewer_id, emoji, on } in gathered {
            by_thread.entry(thread_id).or_default().entry(comment_id).or_default().insert((viewer_id, emoji), on);
        }
        for (thread_id, comments) in by_thread {
            if let Err(error) = self.commit_reactions(&thread_id, comments).await {
                tracing::error!(%error, "emoji could not be written");
            }
        }
    }

    async fn commit_reactions(&self, thread_id: &str, comments: BTreeMap<String, Given>) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let Some(from) = store::advance(&mut tx, thread_id, comments.len()).await? else { return Ok(()) };
        let ids: Vec<&str> = comments.keys().map(String::as_str).collect();
        let (mut seq, mut rows) = (from, Vec::new());
        for mut row in store::of_ids(&mut tx, thread_id, &ids).await? {
            let Some(given) = comments.get(&row.id).filter(|_| row.state == State::Shown) else { continue };
            for ((viewer_id, emoji), on) in given {
                store::react(&mut tx, &row.id, *viewer_id, emoji, *on).await?;
            }
            let reactions = store::reactions(&mut tx, &row.id).await?;
            if reactions != row.reactions {
                seq += 1;
                (row.reactions, row.changed_seq) = (reactions, seq);
                store::update(&mut tx, &row).await?;
                rows.push(Arc::new(row));
            }
        }
        store::settle(&mut tx, thread_id, seq).await?;
        if rows.is_empty() {
            return tx.commit().await;
        }
        self.across.tell_with(&mut tx, Word::Changes { thread: thread_id.to_owned(), upto: seq }).await?;
        tx.commit().await?;
        self.registry.written(thread_id, from, seq, &rows);
        Ok(())
    }
}

/// The acts of one thread, one after the other, inside a transaction that holds the thread.
struct Pass<'a> {
    thread_id: &'a str,
    from: i64,
    seq: i64,
    /// Comments that are acted on or answered to, as they are after the acts so far.
    at_hand: HashMap<String, Row>,
    /// References that are kept already, or by an act before this.
    known: HashMap<(Uuid, String), Done>,
    new: Vec<(Row, Beside)>,
    changed: Vec<Row>,
}

impl<'a> Pass<'a> {
    fn new(thread_id: &'a str, from: i64) -> Self {
        Self { thread_id, from, seq: from, at_hand: HashMap::new(), known: HashMap::new(), new: Vec::new(), changed: Vec::new() }
    }

    async fn read<'b>(&mut self, tx: &mut Transaction, acts: impl Iterator<Item = &'b Act>) -> Result<(), StoreError> {
        let (mut ids, mut refs) = (Vec::new(), Vec::new());
        for act in acts {
            match act {
                Act::Post(new, _) => {
                    refs.push(&*new.reference);
                    ids.extend(new.reply_to.as_deref());
                }
                Act::Move { id, .. } | Act::Pin { id, .. } => ids.push(id),
            }
        }
        if !ids.is_empty() {
            let rows = store::of_ids(tx, self.thread_id, &ids).await?;
            self.at_hand = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        }
        if !refs.is_empty() {
            for (viewer_id, reference, id, state) in store::known(tx, self.thread_id, &refs).await? {
                let viewer_id = viewer_id.parse().unwrap_or(Uuid::nil());
                self.known.insert((viewer_id, reference), Done { id, state: State::of_word(&state) });
            }
        }
        Ok(())
    }

    async fn act(&mut self, tx: &mut Transaction, act: &Act) -> Result<Result<Done, Failure>, StoreError> {
        match act {
            Act::Post(new, host) => self.post(tx, new, host.as_deref()).await,
            Act::Move { id, state, by } => self.change(tx, id, by, |row, seq| moved(row, *state, seq), word_of(*state)).await,
            Act::Pin { id, pinned, by } => {
                let pin = |row: &mut Row, _| {
                    let is_new = row.state == State::Shown && row.pinned != *pinned;
                    row.pinned = if row.state == State::Shown { *pinned } else { row.pinned };
                    is_new
                };
                self.change(tx, id, by, pin, if *pinned { "comment.pin" } else { "comment.unpin" }).await
            }
        }
    }

    async fn post(&mut self, tx: &mut Transaction, new: &NewComment, host: Option<&Caller>) -> Result<Result<Done, Failure>, StoreError> {
        let key = (new.viewer_id, new.reference.clone());
        if let Some(done) = self.known.get(&key) {
            return Ok(Ok(done.clone()));
        }
        let answered = match &new.reply_to {
            None => None,
            Some(id) => match self.at_hand.get(id).filter(|row| row.state != State::Gone) {
                Some(row) => Some(row),
                None => return Ok(Err(Failure::NotFound)),
            },
        };
        let quote = answered.filter(|row| row.state == State::Shown).map(|row| super::row::Quote {
            id: row.id.clone(),
            name: row.name.clone(),
            text: row.text.clone(),
        });
        self.seq += 1;
        let row = Row {
            id: crate::id::new(),
            seq: self.seq,
            shown_seq: (new.state == State::Shown).then_some(self.seq),
            changed_seq: self.seq,
            state: new.state,
            viewer_id: new.viewer_id,
            handle: new.handle.clone(),
            name: new.name.clone(),
            text: new.text.clone(),
            at_ms: now_ms(),
            quote,
            pinned: false,
            host: new.host,
            reactions: "{}".to_owned(),
            base: OnceLock::new(),
        };
        if let Some(host) = host {
            activity::record(tx, host, "comment.answer", &new.room_id, json!({ "comment": row.id })).await?;
        }
        let beside = Beside {
            room_id: new.room_id.clone(),
            reference: new.reference.clone(),
            reply_to: new.reply_to.clone(),
            address: new.address.clone(),
        };
        let done = Done { id: row.id.clone(), state: row.state };
        self.known.insert(key, done.clone());
        self.new.push((row, beside));
        Ok(Ok(done))
    }

    /// Changes a comment that is kept; `change` tells whether there was anything to change.
    async fn change(
        &mut self,
        tx: &mut Transaction,
        id: &str,
        by: &By,
        change: impl FnOnce(&mut Row, i64) -> bool,
        action: &'static str,
    ) -> Result<Result<Done, Failure>, StoreError> {
        let may = |row: &&mut Row| {
            row.state != State::Gone && matches!(by, By::Viewer(viewer_id) if *viewer_id == row.viewer_id) || matches!(by, By::Moderator(_))
        };
        let Some(row) = self.at_hand.get_mut(id).filter(|row| row.state != State::Gone).filter(may) else {
            return Ok(Err(Failure::NotFound));
        };
        if change(row, self.seq + 1) {
            self.seq += 1;
            row.changed_seq = self.seq;
            store::update(tx, row).await?;
            self.changed.push(row.clone());
            if let By::Moderator(caller) = by {
                activity::record(tx, caller, action, self.thread_id, json!({ "comment": id })).await?;
            }
        }
        Ok(Ok(Done { id: row.id.clone(), state: row.state }))
    }

    async fn finish(self, tx: &mut Transaction) -> Result<Option<Changes>, StoreError> {
        store::insert(tx, self.thread_id, &self.new).await?;
        let mut rows: Vec<Row> = self.changed;
        rows.extend(self.new.into_iter().map(|(row, _)| row));
        // Of a comment that changed twice the last state counts.
        rows.sort_by(|a, b| (&a.id, b.changed_seq).cmp(&(&b.id, a.changed_seq)));
        rows.dedup_by(|later, first| later.id == first.id);
        rows.sort_by_key(|row| row.changed_seq);
        let rows: Vec<Arc<Row>> = rows.into_iter().map(Arc::new).collect();
        Ok((!rows.is_empty()).then(|| Changes { thread_id: self.thread_id.to_owned(), from: self.from, upto: self.seq, rows }))
    }
}

/// Puts a comment into another state; nothing where it is in it.
fn moved(row: &mut Row, state: State, seq: i64) -> bool {
    // To refuse what is quiet would tell its author.
    if row.state == state || (row.state == State::Quiet && state == State::Rejected) {
        return false;
    }
    row.state = state;
    match state {
        State::Shown => row.shown_seq = Some(seq),
        State::Gone => {
            row.text = String::new();
            row.pinned = false;
        }
        State::Held | State::Rejected | State::Quiet => row.pinned = false,
    }
    true
}

fn word_of(state: State) -> &'static str {
    match state {
        State::Shown => "comment.approve",
        State::Gone => "comment.delete",
        State::Held | State::Rejected | State::Quiet => "comment.reject",
    }
}
