//! A room's viewers in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::frame::{self, code};
use super::message::error;
use super::presence::{Presence, is_worth_telling};
use super::row::Row;
use super::shard::{Event, Shard};
use super::thread::{Content, Thread};
use super::wire::{Viewer, now_s};
use crate::broadcast::room_state::RoomState;
use crate::moment::now_ms;
use crate::room::{Room, Rule};

/// Parts of a room are told side by side, as many as there are cores, and no more than this.
const SHARDS: usize = 8;
/// Another process's count holds for so long, in seconds.
const COUNT_S: u32 = 20;

/// A viewer's answers to comments, by the comment.
pub(super) type Mine = HashMap<String, Vec<String>>;

/// A room that somebody is in.
pub(super) struct Hub {
    pub(super) room_id: String,
    pub(super) key: String,
    pub(super) thread: Arc<Thread>,
    shards: Vec<Arc<Shard>>,
    next_shard: AtomicUsize,
    /// Connections, those that have not said hello yet among them.
    pub(super) guests: AtomicUsize,
    /// Since when nobody is there, in seconds of [`now_s`].
    pub(super) empty_s: AtomicU32,
    now: Mutex<Now>,
    pub(super) presence: Mutex<Presence>,
    _stop: DropGuard,
}

/// What a room shows besides comments.
struct Now {
    state: String,
    rule: Rule,
    /// The count that viewers were told, and when.
    told: u64,
    told_s: u32,
    /// The same, of what other processes were told.
    told_others: u64,
    told_others_s: u32,
    /// What other processes count, and when they said so.
    elsewhere: HashMap<String, (u64, u32)>,
}

/// Where a viewer is among the others.
pub(super) struct Place {
    shard: usize,
    place: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(super) fn new(room: &Room, thread: Arc<Thread>, state: &RoomState) -> Self {
        let stop = CancellationToken::new();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shards: Vec<Arc<Shard>> = (0..cores.min(SHARDS)).map(|_| Arc::default()).collect();
        for shard in &shards {
            let (shard, stop) = (Arc::clone(shard), stop.clone());
            tokio::spawn(async move { stop.run_until_cancelled(shard.run()).await });
        }
        let now = Now {
            state: state_message(state, &room.title),
            rule: room.rule(),
            told: 0,
            told_s: 0,
            told_others: 0,
            told_others_s: 0,
            elsewhere: HashMap::new(),
        };
        Self {
            room_id: room.id.clone(),
            key: room.key.clone(),
            thread,
            shards,
            next_shard: AtomicUsize::new(0),
            guests: AtomicUsize::new(0),
            empty_s: AtomicU32::new(now_s()),
            now: Mutex::new(now),
            presence: Mutex::default(),
            _stop: stop.drop_guard(),
        }
    }

    /// Takes a viewer in and tells them all that they have to know: from here on they hear what happens. `anew` for one who is in already.
    pub(super) fn welcome(&self, viewer: &Arc<Viewer>, since: Option<i64>, mine: &Mine, anew: bool) -> Option<Place> {
        let content = self.thread.content();
        if !anew {
            lock(&self.presence).join(viewer.id, &viewer.handle, viewer.address, viewer.came_ms);
        }
        let missed = since.and_then(|since| Some((since, content.missed(viewer, since)?)));
        let messages = if let Some((since, missed)) = missed {
            let mut messages = vec![self.welcome_message(&content, viewer, since, None, mine)];
            messages.extend(missed);
            messages
        } else {
            let resync = (since.is_some() || anew).then(|| json!({ "t": "resync", "since": content.seq }).to_string());
            let items = content.items(viewer);
            resync.into_iter().chain([self.welcome_message(&content, viewer, content.seq, Some(items), mine)]).collect()
        };
        viewer.joined_seq.store(content.seq, Ordering::Relaxed);
        let frame = frame::texts(&messages)?;
        if anew {
            viewer.retell(&frame);
            return None;
        }
        viewer.send(&frame);
        let shard = self.next_shard.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        Some(Place { shard, place: self.shards.get(shard)?.join(Arc::clone(viewer)) })
    }

    fn welcome_message(
        &self,
        content: &Content,
        viewer: &Viewer,
        seq: i64,
        items: Option<(Vec<Arc<Row>>, Option<String>)>,
        mine: &Mine,
    ) -> String {
        let comments = |rows: &mut dyn Iterator<Item = &Arc<Row>>| {
            let messages: Vec<String> = rows.map(|row| comment_for(row, viewer, mine)).collect();
            format!("[{}]", messages.join(","))
        };
        let you = content.you(viewer);
        let rules = content.rules.message(viewer.moderates());
        let mut welcome = format!(
            "{{\"t\":\"welcome\",\"viewer\":{},\"you\":{you},\"seq\":{seq},\"rules\":{rules},\"state\":{},\"count\":{},\"pinned\":{}",
            json!(viewer.handle),
            self.state(),
            self.count(),
            comments(&mut content.pinned()),
        );
        if let Some((items, before)) = items {
            welcome.push_str(",\"items\":");
            welcome.push_str(&comments(&mut items.iter()));
            welcome.push_str(",\"before\":");
            welcome.push_str(&json!(before).to_string());
        }
        if viewer.moderates() {
            welcome.push_str(",\"waiting\":");
            welcome.push_str(&content.waiting().to_string());
        }
        welcome.push('}');
        welcome
    }

    pub(super) fn part(&self, viewer: &Viewer, place: &Place) {
        if let Some(shard) = self.shards.get(place.shard) {
            shard.part(place.place);
        }
        lock(&self.presence).part(viewer.id, now_ms());
    }

    pub(super) fn tell(&self, events: &[Event]) {
        self.shards.iter().for_each(|shard| shard.tell(events));
    }

    pub(super) fn each(&self, mut act: impl FnMut(&Arc<Viewer>)) {
        self.shards.iter().for_each(|shard| shard.each(&mut act));
    }

    /// The room shows another thread: everybody forgets what they have and comes back to it.
    pub(super) fn begin_anew(&self) {
        let resync = json!({ "t": "resync", "since": 0 }).to_string();
        self.each(|viewer| {
            viewer.text(&resync);
            viewer.close(code::RESTART);
        });
    }

    /// Closes every connection.
    pub(super) fn close(&self, code: u16) {
        self.each(|viewer| viewer.close(code));
    }

    /// Takes in how the room is now: its state is told where it changed, and who may not be here any more is turned out.
    pub(super) fn is_now(&self, room: &Room, state: &RoomState, turns_out: bool) {
        let message = state_message(state, &room.title);
        let mut now = lock(&self.now);
        let closes = turns_out || (now.rule != room.rule() && room.visibility.is_closed());
        now.rule = room.rule();
        let tells = now.state != message;
        if tells {
            now.state.clone_from(&message);
        }
        drop(now);
        if closes {
            self.close(code::TURNED_OUT);
        } else if tells {
            self.tell(&[Event::notice(message)]);
        }
    }

    fn state(&self) -> String {
        lock(&self.now).state.clone()
    }

    /// How many are here, in this process.
    pub(super) fn count_here(&self) -> u64 {
        lock(&self.presence).count()
    }

    /// How many are here, in all processes.
    pub(super) fn count(&self) -> u64 {
        let here = self.count_here();
        let now = lock(&self.now);
        let fresh = now.elsewhere.values().filter(|(_, said_s)| now_s().saturating_sub(*said_s) < COUNT_S);
        here + fresh.map(|(count, _)| count).sum::<u64>()
    }

    /// The count of this process, where the others do not know it or were not told for so many seconds.
    pub(super) fn count_for_others(&self, after_s: u32) -> Option<u64> {
        let here = self.count_here();
        let mut now = lock(&self.now);
        let is_due = now.told_others != here || (here > 0 && now_s().saturating_sub(now.told_others_s) >= after_s);
        is_due.then(|| {
            (now.told_others, now.told_others_s) = (here, now_s());
            here
        })
    }

    /// Takes in what another process counts.
    pub(super) fn counted_elsewhere(&self, node: &str, count: u64) {
        let mut now = lock(&self.now);
        if now.elsewhere.len() < 1000 || now.elsewhere.contains_key(node) {
            now.elsewhere.insert(node.to_owned(), (count, now_s()));
        }
    }

    /// Tells the count where it is worth it.
    pub(super) fn tell_count(&self) {
        let count = self.count();
        let mut now = lock(&self.now);
        now.elsewhere.retain(|_, (_, said_s)| now_s().saturating_sub(*said_s) < COUNT_S);
        if is_worth_telling(now.told, count, now_s().saturating_sub(now.told_s)) {
            (now.told, now.told_s) = (count, now_s());
            drop(now);
            self.tell(&[Event::notice(json!({ "t": "count", "viewers": count }).to_string())]);
        }
    }

    /// Refuses something in a word and a sentence.
    pub(super) fn refuse(viewer: &Viewer, code: &str, detail: &str, reference: Option<&str>) {
        viewer.text(&error(code, detail, reference));
    }
}

/// A comment as a viewer gets it in a list.
pub(super) fn comment_for(row: &Row, viewer: &Viewer, mine: &Mine) -> String {
    let who = row.who(viewer.id, viewer.moderates());
    let mine = mine.get(&row.id).map_or(&[][..], Vec::as_slice);
    row.comment(row.changed_seq, who, row.viewer_id == viewer.id, mine)
}

fn state_message(state: &RoomState, title: &str) -> String {
    let mut message = json!(state);
    message["t"] = json!("state");
    message["phase"] = message["state"].clone();
    message["paused"] = json!(state.state == crate::broadcast::room_state::RoomPhase::Paused);
    message["title"] = json!(title);
    message.to_string()
}
