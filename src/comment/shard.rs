//! The fan-out: a part of a room's viewers and the task that tells them what happens.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use uuid::Uuid;

use super::frame;
use super::row::{Row, Tell, Who, missing};
use super::wire::Viewer;

/// What may wait to be told; beyond it everybody skips to what is new.
const WAITING: usize = 2048;
/// What is told in one frame at most.
const TOGETHER: usize = 64;
/// Viewers that are told before others get a turn on the thread.
const IN_A_ROW: usize = 64;

/// Something that happens in a room. Clones are handles to the same.
#[derive(Clone)]
pub(super) enum Event {
    /// A comment changed.
    Change(Arc<Change>),
    /// Everybody is told the same; moderators perhaps something else.
    Notice(Arc<Notice>),
}

/// A change of a comment, and the messages about it, made when first needed.
pub(super) struct Change {
    row: Arc<Row>,
    /// The number of the thread before it.
    since: i64,
    anyone: OnceLock<Option<String>>,
    author: OnceLock<Option<String>>,
    moderator: OnceLock<Option<String>>,
    own_moderator: OnceLock<Option<String>>,
}

/// A message that is no change of a comment.
pub(super) struct Notice {
    pub(super) anyone: String,
    pub(super) moderators: Option<String>,
}

impl Event {
    pub(super) fn change(row: Arc<Row>, since: i64) -> Self {
        let (anyone, author, moderator, own_moderator) = Default::default();
        Self::Change(Arc::new(Change { row, since, anyone, author, moderator, own_moderator }))
    }

    pub(super) fn notice(text: String) -> Self {
        Self::Notice(Arc::new(Notice { anyone: text, moderators: None }))
    }

    /// What viewers like others are told.
    fn for_anyone(&self) -> Option<&str> {
        match self {
            Self::Change(change) => change.text(Who::Anyone, false),
            Self::Notice(notice) => Some(&notice.anyone),
        }
    }

    fn for_viewer(&self, viewer: &Viewer) -> Option<&str> {
        match self {
            Self::Change(change) if change.row.changed_seq <= viewer.joined_seq.load(Ordering::Relaxed) => None,
            Self::Change(change) => {
                let is_own = change.row.viewer_id == viewer.id;
                change.text(change.row.who(viewer.id, viewer.moderates()), is_own)
            }
            Self::Notice(notice) => Some(notice.moderators.as_deref().filter(|_| viewer.moderates()).unwrap_or(&notice.anyone)),
        }
    }

    /// Somebody for whom it is not the same as for others.
    fn special(&self) -> Option<Uuid> {
        match self {
            Self::Change(change) => Some(change.row.viewer_id),
            Self::Notice(_) => None,
        }
    }

    fn seq(&self) -> i64 {
        match self {
            Self::Change(change) => change.row.changed_seq,
            Self::Notice(_) => i64::MAX,
        }
    }
}

impl Change {
    fn text(&self, who: Who, is_own: bool) -> Option<&str> {
        let place = match (who, is_own) {
            (Who::Anyone, _) => &self.anyone,
            (Who::Author, _) => &self.author,
            (Who::Moderator, false) => &self.moderator,
            (Who::Moderator, true) => &self.own_moderator,
        };
        let write = || {
            // Live, a comment goes under the number of its last change: after a gap others may have gone out under the ones between.
            let tell = match missing(&self.row, who, self.since)? {
                Tell::Comment(_) => Tell::Comment(self.row.changed_seq),
                other => other,
            };
            Some(self.row.tell(tell, who, is_own))
        };
        place.get_or_init(write).as_deref()
    }
}

/// A part of a room's viewers.
#[derive(Default)]
pub(super) struct Shard {
    places: Mutex<Places>,
    queue: Mutex<VecDeque<Event>>,
    wake: Notify,
}

#[derive(Default)]
struct Places {
    viewers: Vec<Option<Arc<Viewer>>>,
    free: Vec<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    /// Takes a viewer in; gives the place for [`part`](Self::part).
    pub(super) fn join(&self, viewer: Arc<Viewer>) -> usize {
        let mut places = lock(&self.places);
        if let Some(place) = places.free.pop() {
            places.viewers[place] = Some(viewer);
            return place;
        }
        places.viewers.push(Some(viewer));
        places.viewers.len() - 1
    }

    pub(super) fn part(&self, place: usize) {
        let mut places = lock(&self.places);
        if places.viewers.get_mut(place).and_then(Option::take).is_some() {
            places.free.push(place);
        }
        if places.free.len() == places.viewers.len() {
            *places = Places::default();
        }
    }

    /// Some of the viewers, from a place on, and the place to go on from.
    fn some(&self, from: usize, some: &mut Vec<Arc<Viewer>>) -> Option<usize> {
        some.clear();
        let places = lock(&self.places);
        let rest = places.viewers.get(from..)?;
        some.extend(rest.iter().take(IN_A_ROW).flatten().cloned());
        (from < places.viewers.len()).then_some(from + IN_A_ROW)
    }

    /// Does something for every viewer.
    pub(super) fn each(&self, mut act: impl FnMut(&Arc<Viewer>)) {
        let (mut from, mut some) = (0, Vec::new());
        while let Some(next) = self.some(from, &mut some) {
            some.iter().for_each(&mut act);
            from = next;
        }
    }

    /// Tells the viewers, soon.
    pub(super) fn tell(&self, events: &[Event]) {
        let mut queue = lock(&self.queue);
        if queue.len() + events.len() > WAITING {
            queue.clear();
            drop(queue);
            tracing::warn!("a room falls behind; its viewers skip to what is new");
            self.each(|viewer| viewer.skip());
            return;
        }
        queue.extend(events.iter().cloned());
        drop(queue);
        self.wake.notify_one();
    }

    /// Tells the viewers what there is, for ever; to be stopped from outside.
    pub(super) async fn run(self: Arc<Self>) {
        let mut some = Vec::with_capacity(IN_A_ROW);
        loop {
            self.wake.notified().await;
            loop {
                let batch: Vec<Event> = {
                    let mut queue = lock(&self.queue);
                    let count = queue.len().min(TOGETHER);
                    queue.drain(..count).collect()
                };
                if batch.is_empty() {
                    break;
                }
                self.deliver(&Batch::new(batch), &mut some).await;
            }
        }
    }

    async fn deliver(&self, batch: &Batch, some: &mut Vec<Arc<Viewer>>) {
        let mut from = 0;
        while let Some(next) = self.some(from, some) {
            for viewer in some.iter() {
                if batch.is_special(viewer) {
                    let texts: Vec<&str> = batch.events.iter().filter_map(|event| event.for_viewer(viewer)).collect();
                    if let Some(frame) = frame::texts(&texts) {
                        viewer.send(&frame);
                    }
                } else if let Some(frame) = &batch.anyone {
                    viewer.send(frame);
                }
            }
            from = next;
            tokio::task::yield_now().await;
        }
        some.clear();
    }
}

/// What is told together.
struct Batch {
    events: Vec<Event>,
    /// The frame for viewers like others.
    anyone: Option<Bytes>,
    special: Vec<Uuid>,
    first_seq: i64,
}

impl Batch {
    fn new(events: Vec<Event>) -> Self {
        let texts: Vec<&str> = events.iter().filter_map(Event::for_anyone).collect();
        let anyone = frame::texts(&texts);
        let special = events.iter().filter_map(Event::special).collect();
        let first_seq = events.iter().map(Event::seq).min().unwrap_or(i64::MAX);
        Self { events, anyone, special, first_seq }
    }

    fn is_special(&self, viewer: &Viewer) -> bool {
        viewer.moderates() || self.special.contains(&viewer.id) || viewer.joined_seq.load(Ordering::Relaxed) >= self.first_seq
    }
}
