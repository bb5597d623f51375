//! What changes, told to everyone who listens: the event stream of the API and of the rooms.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;
use tokio::sync::{broadcast, mpsc};

/// Events kept for listeners who come back.
const KEPT: usize = 512;
/// Events that a slow listener may be behind before it has to read everything anew.
const BEHIND: usize = 256;

/// One piece of news.
#[derive(Clone, Debug)]
pub struct News {
    /// Grows by one.
    pub seq: u64,
    /// `broadcast`, `target`, `room`, `node`.
    pub name: &'static str,
    /// An object with `id` and what changed.
    pub data: Arc<Value>,
    /// The same as text: written once, however many listen.
    pub text: Arc<str>,
}

/// What news is about: names on the wire. `resync` says that some was lost, and everything is to be read anew.
pub const NAMES: [&str; 5] = ["broadcast", "target", "room", "node", RESYNC];
/// The name of news that says that some was lost.
pub const RESYNC: &str = "resync";
/// News that waits to be told to other nodes; what does not fit is lost there, which they are told.
const OUTBOX: usize = 1024;

/// News on its way to other nodes: its name and what it says.
pub(super) type Outgoing = (&'static str, Arc<Value>);

struct Ring {
    next: u64,
    kept: VecDeque<News>,
}

/// Where news is told and heard. Clones are the same place.
#[derive(Clone)]
pub struct NewsDesk {
    epoch: Arc<str>,
    ring: Arc<Mutex<Ring>>,
    sender: broadcast::Sender<News>,
    outbox: Arc<OnceLock<mpsc::Sender<Outgoing>>>,
    overflown: Arc<AtomicBool>,
}

/// What a listener who comes back has missed.
#[derive(Debug, PartialEq, Eq)]
pub enum Missed {
    /// Nothing to speak of: a new listener.
    New,
    /// These.
    Some(usize),
    /// More than is kept, or it was another process: read everything anew.
    TooMuch,
}

impl Default for NewsDesk {
    fn default() -> Self {
        Self {
            epoch: crate::id::new().into(),
            ring: Arc::new(Mutex::new(Ring { next: 1, kept: VecDeque::with_capacity(KEPT) })),
            sender: broadcast::Sender::new(BEHIND),
            outbox: Arc::default(),
            overflown: Arc::default(),
        }
    }
}

impl NewsDesk {
    /// Tells everyone, on every node.
    pub fn tell(&self, name: &'static str, data: Value) {
        let data = Arc::new(data);
        if let Some(outbox) = self.outbox.get()
            && outbox.try_send((name, Arc::clone(&data))).is_err()
        {
            self.overflown.store(true, Ordering::Release);
        }
        self.tell_here(name, data);
    }

    /// What this process tells, for the other nodes; asked for once.
    pub(super) fn outbox(&self) -> mpsc::Receiver<Outgoing> {
        let (sender, receiver) = mpsc::channel(OUTBOX);
        // A second one would hear nothing.
        let _ = self.outbox.set(sender);
        receiver
    }

    /// Whether something did not fit since the last call.
    pub(super) fn take_overflow(&self) -> bool {
        self.overflown.swap(false, Ordering::AcqRel)
    }

    /// Tells those who listen at this process.
    pub(super) fn tell_here(&self, name: &'static str, data: Arc<Value>) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let news = News { seq: ring.next, name, text: data.to_string().into(), data };
        ring.next += 1;
        if ring.kept.len() == KEPT {
            ring.kept.pop_front();
        }
        ring.kept.push_back(news.clone());
        // Told under the lock, so that everyone hears everything in one order.
        drop(self.sender.send(news));
    }

    /// The id of a piece of news on the wire.
    pub fn wire_id(&self, seq: u64) -> String {
        format!("{}.{seq}", self.epoch)
    }

    /// Listens from now on, after what was missed since `last_id` (as [`NewsDesk::wire_id`] wrote it).
    pub fn listen(&self, last_id: Option<&str>) -> (Missed, Vec<News>, broadcast::Receiver<News>) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = self.sender.subscribe();
        let Some(last_id) = last_id else { return (Missed::New, Vec::new(), receiver) };
        let seq = last_id.rsplit_once('.').filter(|(epoch, _)| *epoch == &*self.epoch).and_then(|(_, seq)| seq.parse::<u64>().ok());
        let first = ring.kept.front().map_or(ring.next, |news| news.seq);
        match seq {
            Some(seq) if seq + 1 >= first && seq < ring.next => {
                let missed: Vec<News> = ring.kept.iter().filter(|news| news.seq > seq).cloned().collect();
                (Missed::Some(missed.len()), missed, receiver)
            }
            _ => (Missed::TooMuch, Vec::new(), receiver),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn who_comes_back_gets_just_what_was_missed() {
        let desk = NewsDesk::default();
        for n in 0..5 {
            desk.tell("broadcast", json!({ "id": n }));
        }
        let (missed, news, mut receiver) = desk.listen(Some(&desk.wire_id(3)));
        assert_eq!(missed, Missed::Some(2));
        assert_eq!(news.iter().map(|news| news.seq).collect::<Vec<_>>(), [4, 5]);
        desk.tell("room", json!({ "id": 9 }));
        assert_eq!(receiver.recv().await.unwrap().seq, 6);
    }

    #[test]
    fn what_is_too_old_or_foreign_is_said() {
        let desk = NewsDesk::default();
        for n in 0..KEPT * 2 {
            desk.tell("broadcast", json!({ "id": n }));
        }
        assert_eq!(desk.listen(Some(&desk.wire_id(3))).0, Missed::TooMuch);
        assert_eq!(desk.listen(Some(&desk.wire_id(u64::MAX - 1))).0, Missed::TooMuch);
        assert_eq!(desk.listen(Some("other.5")).0, Missed::TooMuch);
        assert_eq!(desk.listen(Some("rubbish")).0, Missed::TooMuch);
        assert_eq!(desk.listen(None).0, Missed::New);
        assert_eq!(desk.listen(Some(&desk.wire_id(KEPT as u64 * 2))).0, Missed::Some(0));
    }
}
